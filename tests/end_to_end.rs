//! One incident from the first damaged row to its review: a migration corrupts a table, an alarm fires, the playbook runs,
//! people find the moment and decide, a copy is restored, proved and put in production's place; and every number that is
//! told of it is traced to events by a program that is not ours to bend (`tests/trace.py`).

use crate::measured::recompute;
use crate::program::{Desk, Program, root};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const PLAYBOOK: &str = "playbooks/database-corrupted-by-migration.yaml";

/// What people answer, each from a terminal of its own.
const ANSWERS: [(&str, &[&str]); 4] = [
    ("fence", &["done", "--as", "bob", "--text", "0 rows"]),
    (
        "find",
        &[
            "done",
            "--as",
            "alice",
            "--field",
            "good_at=2026-01-05T08:41:00Z",
            "--link",
            "https://example.com/ci/81",
        ],
    ),
    ("way", &["restore", "--as", "alice", "--reason", "nobody can compute the totals back"]),
    ("open", &["done", "--as", "bob", "--text", "order 4711 has its total"]),
];

/// What `tests/trace.py` says of a document, and its exit code.
fn trace(document: &str, incident: &Path, run: &Path) -> (i32, String) {
    let mut python = Command::new("python3");
    let output = python.arg(root().join("tests/trace.py")).arg(document).args([incident, run]).output();
    let output = output.expect("python3 is on the PATH");
    let told = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8(told).expect("UTF-8"))
}

fn milestone<'document>(document: &'document Value, name: &str) -> &'document str {
    let milestones = document["milestones"].as_array().expect("milestones");
    let found = milestones.iter().find(|milestone| milestone["name"] == name);
    found.and_then(|found| found["at"].as_str()).unwrap_or_else(|| panic!("no {name}: {document:#}"))
}

#[test]
fn a_damaged_table_is_found_restored_and_told_of_in_numbers_that_can_be_traced() {
    let (program, desk) = (Program::new(), Desk::new());
    let said = program.run(&[
        "run",
        PLAYBOOK,
        "--simulate",
        "bad-migration",
        "--seed",
        "3",
        "--disrupted-at",
        "2026-01-05T08:41:30Z",
        "--quiet",
    ]);
    assert_eq!(said.code, 4, "it waits for people: {}", said.stderr);
    let run = program.latest();
    for (number, (step, words)) in ANSWERS.iter().enumerate() {
        program.done(&[&["answer", &run, step], *words].concat());
        let resumed = program.run(&["resume", &run, "--quiet", "--downtime", "3m"]);
        let expected = if number + 1 == ANSWERS.len() { 0 } else { 4 };
        assert_eq!(resumed.code, expected, "after {step}: {}{}", resumed.stdout, resumed.stderr);
    }
    let (_, document) = program.json(&["show", &run, "--output", "json"]);
    let step = |path: &str| {
        let steps = document["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["id"] == path).unwrap_or_else(|| panic!("no {path}")).clone()
    };
    // Before: rows are damaged. After, under production's name: none is.
    assert!(step("damage")["outputs"]["rows"][0]["n"].as_i64() > Some(0), "{document:#}");
    assert_eq!(step("proof")["outputs"]["rows"][0]["n"], 0);
    // Both names moved.
    assert!(program.accepted(&run, "ModifyDBInstance") >= 2);
    assert_eq!(recompute(&[program.file(&run, "journal.jsonl")]).0, 0);

    // The incident was opened by the playbook. What only people know, they say.
    let (_, listed) = program.json(&["incident", "list", "--output", "json"]);
    let id = listed[0]["incident"].as_str().expect("an incident").to_owned();
    let say = |words: &[&str]| drop(program.done(&[&["incident"], words].concat()));
    say(&["mark", &id, "acknowledged", "--at", "2026-01-05T08:55Z"]);
    say(&[
        "note",
        &id,
        "the migration of 08:41 set every total to 0",
        "--at",
        "2026-01-05T08:41:30Z",
        "--pin",
    ]);
    say(&["mark", &id, "mitigated", "--at", "2026-01-05T09:31:40Z"]);
    say(&["mark", &id, "resolved"]);
    say(&["close", &id, "--reason", "customers buy again"]);
    let (_, told) = program.json(&["incident", "show", &id, "--output", "json"]);
    assert_eq!(
        (&told["severity"], &told["simulated"], &told["status"]),
        (&"sev1".into(), &true.into(), &"closed".into())
    );
    assert_eq!(milestone(&told, "disrupted"), "2026-01-05T08:41:30.000Z");
    assert!(milestone(&told, "detected").starts_with("2026-01-05T08:47"), "the alarm's own time: {told:#}");
    assert!(
        told["metrics"].as_array().expect("metrics").iter().all(|metric| metric["seconds"].is_number()),
        "{told:#}"
    );

    let review = desk.path("review.md");
    program.done(&["postmortem", &id, "--file", &review]);
    let journal = program.home.path().join("incidents").join(&id).join("journal.jsonl");
    let traced = |path: &str| trace(path, &journal, &program.file(&run, "journal.jsonl"));
    let (code, told) = traced(&review);
    assert_eq!(code, 0, "{told}");
    let count: usize = told.split(' ').next().and_then(|count| count.parse().ok()).expect("a count");
    assert!(count > 50, "{told}");
    // A number that is not from the journals is found.
    let text = fs::read_to_string(&review).expect("a document");
    let number = text.find(" min").expect("a length");
    for tampered in
        [format!("{}9{}", &text[..number], &text[number..]), text.replace("T08:41:30", "T08:41:31")]
    {
        let (code, told) = traced(&desk.write("tampered.md", &tampered));
        assert_eq!(code, 1, "{told}");
    }
    assert_eq!(program.run(&["verify", &id]).code, 0);
    assert_eq!(program.run(&["verify", &run]).code, 0);
}
