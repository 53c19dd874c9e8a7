//! The shipped playbooks: each is practised from beginning to end in the world in which it happened, with what people
//! answer there, and what makes the difference is looked at.

use crate::docs::files;
use crate::program::{Desk, Program, root};
use crate::runbooks::text_of;
use serde_json::{Value, json};
use std::fs;

/// The shipped playbooks with the world each is practised in.
pub(crate) const SHIPPED: [(&str, &str); 6] = [
    ("availability-zone-impaired", "zone-impaired"),
    ("bad-deployment", "bad-deployment"),
    ("credentials-leaked", "key-leaked"),
    ("data-deleted", "rows-deleted"),
    ("database-corrupted-by-migration", "bad-migration"),
    ("database-unreachable", "database-failed"),
];

/// The command that practises a playbook with the answers in a file.
fn command(verb: &str, name: &str, world: &str, answers: &str) -> Vec<String> {
    let file = format!("playbooks/{name}.yaml");
    let words = [
        verb,
        &file,
        "--simulate",
        world,
        "--answers",
        answers,
        "--seed",
        "3",
        "--output",
        "json",
        "--quiet",
    ];
    words.map(str::to_owned).to_vec()
}

fn answers(name: &str) -> String {
    format!("playbooks/answers/{name}.yaml")
}

fn practise(program: &Program, verb: &str, name: &str, answers: &str, more: &[&str]) -> (i32, Value) {
    let (_, world) = SHIPPED.iter().find(|(known, _)| *known == name).expect("a shipped playbook");
    let words = command(verb, name, world, answers);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    program.json(&words)
}

/// A drill with what the shipped answers say.
fn drill(program: &Program, name: &str) -> Value {
    let (code, document) = practise(program, "drill", name, &answers(name), &[]);
    assert_eq!(code, 0, "{name}: {document:#}");
    assert_eq!(document["left_behind"], json!([]), "{name}");
    document
}

/// A recovery with the same answers.
fn recover(program: &Program, name: &str, since: &str) -> Value {
    let (code, document) =
        practise(program, "run", name, &answers(name), &["--yes", "--disrupted-at", since]);
    assert_eq!(code, 0, "{name}: {document:#}");
    document
}

fn step<'a>(document: &'a Value, path: &str) -> &'a Value {
    let steps = document["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["id"] == path).unwrap_or_else(|| panic!("no {path}: {document:#}"))
}

fn state(document: &Value, path: &str) -> String {
    text_of(&step(document, path)["state"])
}

fn count(document: &Value, path: &str) -> i64 {
    let rows = &step(document, path)["outputs"]["rows"];
    rows[0]["n"].as_i64().unwrap_or_else(|| panic!("{path} counted nothing: {rows}"))
}

#[test]
fn all_that_is_shipped_is_listed_checks_without_a_word_and_has_its_answers() {
    let found = files(&root().join("playbooks"), "yaml").into_iter();
    let found = found.filter(|file| !file.to_string_lossy().contains("answers"));
    let names: Vec<_> =
        found.map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(names, SHIPPED.map(|(name, _)| name));
    let program = Program::new();
    for name in names {
        let said = program.done(&["check", &format!("playbooks/{name}.yaml")]);
        assert!(said.stdout.contains("0 errors, 0 warnings"), "{}", said.stdout);
        let text = fs::read_to_string(root().join(format!("playbooks/{name}.yaml"))).expect("a playbook");
        assert!(text.contains(&answers(&name)), "{name} says how it is practised");
    }
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    for (name, _) in SHIPPED {
        let journals: Vec<_> = (0..2)
            .map(|_| {
                let program = Program::new();
                let document = drill(&program, name);
                fs::read(program.file(document["run"].as_str().expect("a run"), "journal.jsonl"))
                    .expect("a journal")
            })
            .collect();
        assert!(journals[0] == journals[1], "{name}");
    }
}

#[test]
fn everybody_is_told_and_nothing_of_production_is_changed_in_a_drill() {
    for (name, _) in SHIPPED {
        let program = Program::new();
        let document = drill(&program, name);
        let run = document["run"].as_str().expect("a run");
        let journal = fs::read_to_string(program.file(run, "journal.jsonl")).expect("a journal");
        assert!(journal.contains("notify.recorded"), "{name}");
        let log = fs::read_to_string(program.file(run, "world.jsonl")).expect("the world's record");
        for line in log.lines() {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            let touched = ["DBInstanceIdentifier", "TargetDBInstanceIdentifier"];
            assert!(!touched.iter().any(|key| entry["params"][key] == "orders-prod"), "{name}: {line}");
            assert_ne!(entry["operation"], "PutSecretValue", "{name}");
        }
        assert_eq!(state(&document, "alarm"), "succeeded", "{name}: the alarm was in ALARM");
    }
}

#[test]
fn a_migration_is_undone_by_a_copy_of_the_time_before_it() {
    let program = Program::new();
    let document = drill(&program, "database-corrupted-by-migration");
    assert!(count(&document, "damage") > 1000, "production is damaged");
    assert_eq!(count(&document, "replace/sound"), 0, "the copy is not");
    let program = Program::new();
    let document = recover(&program, "database-corrupted-by-migration", "2026-01-05T08:41:30Z");
    assert!(count(&document, "damage") > 1000);
    assert_eq!(count(&document, "proof"), 0, "production is good under its own name");
    assert_eq!(document["rto"]["scope"], "service");
    assert_eq!(program.accepted(document["run"].as_str().expect("a run"), "DeleteDBInstance"), 0);
}

#[test]
fn a_time_after_the_migration_is_found_out_before_production_is_touched() {
    let desk = Desk::new();
    let shipped =
        fs::read_to_string(root().join(answers("database-corrupted-by-migration"))).expect("answers");
    let late = desk.write(
        "late.yaml",
        &shipped.replace("good_at: 2026-01-05T08:41:00Z", "good_at: 2026-01-05T08:42:00Z"),
    );
    let program = Program::new();
    let (code, document) = practise(&program, "drill", "database-corrupted-by-migration", &late, &[]);
    assert_eq!(code, 1, "{document:#}");
    assert_eq!(state(&document, "replace/sound"), "failed");
    assert!(count(&document, "damage") > 1000);
    assert_eq!(document["left_behind"], json!([]));
    let program = Program::new();
    let more = ["--yes", "--disrupted-at", "2026-01-05T08:41:30Z"];
    let (code, document) = practise(&program, "run", "database-corrupted-by-migration", &late, &more);
    assert_eq!(code, 4, "a recovery waits for people: {document:#}");
    assert_eq!(program.accepted(document["run"].as_str().expect("a run"), "DeleteDBInstance"), 0);
    let log = fs::read_to_string(program.file(document["run"].as_str().expect("a run"), "world.jsonl"))
        .expect("a log");
    assert!(!log.contains("NewDBInstanceIdentifier"), "no name was exchanged");
}

#[test]
fn deleted_rows_are_in_the_copy_and_come_back() {
    let program = Program::new();
    let document = drill(&program, "data-deleted");
    assert_eq!(count(&document, "left"), 0);
    assert!(count(&document, "there") > 1000);
    assert_eq!(count(&document, "proof"), count(&document, "there"));
    let desk = Desk::new();
    let shipped = fs::read_to_string(root().join(answers("data-deleted"))).expect("answers");
    let late = desk.write(
        "late.yaml",
        &shipped.replace("good_at: 2026-01-05T08:29:00Z", "good_at: 2026-01-05T08:35:00Z"),
    );
    let program = Program::new();
    let (code, document) = practise(&program, "drill", "data-deleted", &late, &[]);
    assert_eq!((code, state(&document, "there").as_str()), (1, "failed"), "{document:#}");
}

#[test]
fn a_database_that_failed_and_a_zone_that_is_gone_are_left_by_a_copy() {
    let cases = [
        ("database-unreachable", "2026-01-05T08:52:10Z", "failed"),
        ("availability-zone-impaired", "2026-01-05T08:54:20Z", "available"),
    ];
    for (name, since, status) in cases {
        let document = drill(&Program::new(), name);
        assert_eq!(step(&document, "aws")["outputs"]["status"], status, "{name}");
        assert_ne!(state(&document, "connects"), "succeeded", "{name}");
        let program = Program::new();
        let document = recover(&program, name, since);
        assert_ne!(state(&document, "door"), "succeeded", "{name}: users noticed");
        assert_eq!(state(&document, "serves"), "succeeded", "{name}: and are served again");
        assert_eq!(
            (&document["rto"]["scope"], &document["rpo"]["grade"]),
            (&"service".into(), &"A".into()),
            "{name}"
        );
        assert_eq!(
            (&document["rto"]["met"], &document["rpo"]["met"]),
            (&true.into(), &true.into()),
            "{name}"
        );
        let copy = &step(&document, "replace/restore")["outputs"];
        if name == "availability-zone-impaired" {
            assert_eq!(copy["availability_zone"], "eu-west-1b");
        }
    }
}

#[test]
fn a_rollback_is_not_the_end_while_wrong_rows_are_left() {
    let program = Program::new();
    let document = drill(&program, "bad-deployment");
    assert_ne!(state(&document, "door"), "succeeded", "users noticed");
    assert!(count(&document, "left") > 0, "the version wrote what is wrong");
    assert_eq!(count(&document, "proof"), 0);
    assert_eq!(state(&document, "quiet"), "succeeded");
    let desk = Desk::new();
    let shipped = fs::read_to_string(root().join(answers("bad-deployment"))).expect("answers");
    let hasty = desk.write("hasty.yaml", &shipped.replace("after: 32m", "after: 1m"));
    let (code, document) = practise(&Program::new(), "drill", "bad-deployment", &hasty, &[]);
    assert_eq!((code, state(&document, "proof").as_str()), (1, "failed"), "{document:#}");
}

#[test]
fn what_leaked_is_shut_and_the_alarm_ends() {
    let document = drill(&Program::new(), "credentials-leaked");
    assert_eq!(
        (state(&document, "shut_key").as_str(), state(&document, "shut_role").as_str()),
        ("succeeded", "skipped")
    );
    assert_eq!(state(&document, "quiet"), "succeeded");
}
