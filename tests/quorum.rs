//! Who may answer, how many must, and what they hand in.

use crate::program::{Desk, Program};
use crate::terminal::AtTerminal;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::thread;

const BOOK: &str = "schema: lifeboat/v1\nkind: playbook\nname: quorum\nseverity: sev2\n\
    roles: { commander: required, scribe: optional }\n\
    target: { account: \"111122223333\", region: eu-west-1 }\n\
    notify: [ { events: [finished], webhook: \"https://desk.example.com/\" } ]\nsteps:\n  \
    - id: fence\n    manual: { instructions: Fence it., evidence: { file: required } }\n  \
    - id: go\n    approve: { message: \"Go, ${{ roles.commander }}?\", from: [ \"role:commander\", \"person:bob\", \"person:carol\" ], at_least: 2, not_the_operator: true }\n  \
    - id: tell\n    action: notify.send\n    with: { to: all, text: \"by ${{ steps.go.outputs.by }}\" }\n";

fn events(program: &Program, run: &str, kind: &str) -> Vec<Value> {
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).unwrap();
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

/// A run that waits for its first answer, with nobody there.
fn waiting(desk: &Desk, program: &Program) -> String {
    let file = desk.write("b.yaml", BOOK);
    let words = ["run", &file, "--simulate", "--seed", "1", "--role", "commander=alice"];
    let paused = program.run(&words);
    assert_eq!(paused.code, 4, "{}", paused.stderr);
    program.latest()
}

#[test]
fn a_run_does_not_start_without_those_who_must_be_there() {
    let (desk, program) = (Desk::new(), Program::new());
    let file = desk.write("b.yaml", BOOK);
    let refused = program.run(&["drill", &file, "--simulate"]);
    assert_eq!(
        (refused.code, refused.stderr.contains("--role commander=PERSON")),
        (7, true),
        "{}",
        refused.stderr
    );
    let wrong = program.run(&["drill", &file, "--simulate", "--role", "comander=alice"]);
    assert_eq!(
        (wrong.code, wrong.stderr.contains("did you mean `commander`?")),
        (2, true),
        "{}",
        wrong.stderr
    );
}

#[test]
fn two_people_approve_and_a_file_is_evidence() {
    let (desk, program) = (Desk::new(), Program::new());
    let run = waiting(&desk, &program);
    let proof = desk.write("proof.txt", "fenced");
    let without = program.run(&["answer", &run, "fence", "done"]);
    assert_eq!(
        (without.code, without.stderr.contains("it needs evidence: a file")),
        (2, true),
        "{}",
        without.stderr
    );
    let handed = program.run(&["answer", &run, "fence", "done", "--file", &proof]);
    assert_eq!(handed.code, 0, "{}", handed.stderr);
    assert_eq!(program.run(&["resume", &run]).code, 4);

    for (name, problem) in
        [("mallory", "only role:commander (alice)"), ("simulated operator", "only role:commander")]
    {
        let said = program.run(&["answer", &run, "go", "approve", "--as", name]);
        assert_eq!((said.code, said.stderr.contains(problem)), (2, true), "{name}: {}", said.stderr);
    }
    let first = program.run(&["answer", &run, "go", "approve", "--as", "alice"]);
    assert_eq!(
        (first.code, first.stderr.contains("1 of 2 have approved (alice)")),
        (0, true),
        "{}",
        first.stderr
    );
    assert_eq!(program.run(&["resume", &run]).code, 4, "one is not enough");
    let again = program.run(&["answer", &run, "go", "approve", "--as", "alice"]);
    assert_eq!((again.code, again.stderr.contains("has approved it already")), (2, true), "{}", again.stderr);
    assert!(program.run(&["show", &run]).stdout.contains("1 of 2 have approved (alice)"));
    assert_eq!(program.run(&["answer", &run, "go", "approve", "--as", "bob"]).code, 0);
    let ended = program.run(&["resume", &run]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);

    assert_eq!(events(&program, &run, "person.asked").len(), 2);
    assert_eq!(events(&program, &run, "person.answered").len(), 3);
    assert_eq!(
        events(&program, &run, "role.assigned")[0]["data"],
        json!({ "role": "commander", "person": "alice" })
    );
    let told = events(&program, &run, "notify.recorded");
    let told: Vec<&str> = told.iter().filter_map(|event| event["data"]["title"].as_str()).collect();
    assert!(told.iter().any(|title| title.contains("by alice, bob")), "{told:?}");
    assert!(told.iter().any(|title| title.contains("go asks")), "asked is told whatever is named: {told:?}");
    assert_eq!(told.iter().filter(|title| title.contains("go asks")).count(), 1, "{told:?}");
    assert!(told.iter().any(|title| title.contains("finished: passed")), "{told:?}");

    let verified = program.run(&["verify", &run]);
    assert_eq!(
        (verified.code, verified.stdout.contains("the file that was handed in")),
        (0, true),
        "{}",
        verified.stdout
    );
    let report = program.run(&["report", &run]).stdout;
    let answer = &events(&program, &run, "person.answered")[0]["data"];
    assert!(report.contains(answer["file"]["sha256"].as_str().unwrap()), "{report}");
    let kept = program.file(&run, answer["file"]["path"].as_str().unwrap());
    fs::write(&kept, "changed").unwrap();
    let verified = program.run(&["verify", &run]);
    assert_eq!(
        (verified.code, verified.stderr.contains("is not what was handed in")),
        (1, true),
        "{}",
        verified.stderr
    );
}

#[test]
fn an_override_always_works_and_is_a_finding() {
    let (desk, program) = (Desk::new(), Program::new());
    let run = waiting(&desk, &program);
    for step in ["fence", "go"] {
        let word = if step == "go" { "approve" } else { "done" };
        let said = program.run(&["answer", &run, step, word, "--override", "--reason", "nobody is awake"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        program.run(&["resume", &run]);
    }
    let shown = program.run(&["show", &run]).stdout;
    assert!(shown.contains("OVER ITS RULES"), "{shown}");
    assert!(shown.contains("finding:") && shown.contains("2 people must approve it"), "{shown}");
    assert!(program.run(&["report", &run]).stdout.contains("nobody is awake"));
}

#[test]
fn one_rejection_rejects() {
    let (desk, program) = (Desk::new(), Program::new());
    let run = waiting(&desk, &program);
    let proof = desk.write("proof.txt", "fenced");
    assert_eq!(program.run(&["answer", &run, "fence", "done", "--file", &proof]).code, 0);
    assert_eq!(program.run(&["resume", &run]).code, 4);
    assert_eq!(program.run(&["answer", &run, "go", "approve", "--as", "alice"]).code, 0);
    let said = program.run(&["answer", &run, "go", "reject", "--as", "bob", "--reason", "not yet"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(program.run(&["resume", &run]).code, 4, "a rejected recovery is paused");
    let shown = program.run(&["show", &run]).stdout;
    assert!(shown.contains("bob rejected it: not yet"), "{shown}");
}

#[test]
fn answers_of_two_processes_at_once_count_once_each_also_after_a_death() {
    let (desk, program) = (Desk::new(), Program::new());
    let file = desk.write("b.yaml", BOOK);
    let proof = desk.write("proof.txt", "fenced");
    let words = ["run", &file, "--simulate", "--seed", "1", "--role", "commander=alice"];
    let mut first = AtTerminal::start(&program, &words, &[]);
    let at = first.until("your answer", 0);
    let run = program.latest();
    assert_eq!(program.run(&["answer", &run, "fence", "done", "--file", &proof]).code, 0);
    first.until("go asks", at);
    // Alice twice, at once.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| program.run(&["answer", &run, "go", "approve", "--as", "alice"]));
        }
    });
    first.shows("1 of 2 have approved");
    let holder = fs::read_to_string(program.file(&run, "lock")).unwrap();
    let process = holder.rsplit(' ').next().unwrap();
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
    first.end();
    assert_eq!(program.run(&["resume", &run]).code, 4, "still one");
    assert_eq!(program.run(&["answer", &run, "go", "approve", "--as", "carol"]).code, 0);
    let ended = program.run(&["resume", &run]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let answered = events(&program, &run, "person.answered");
    let by: Vec<&str> = answered.iter().filter_map(|event| event["actor"]["id"].as_str()).collect();
    assert_eq!(by[1..], ["alice", "carol"], "{by:?}");
    assert_eq!(events(&program, &run, "person.asked").len(), 2);
}

#[test]
fn in_a_tabletop_exercise_the_clock_goes_on_while_people_think() {
    let (desk, program) = (Desk::new(), Program::new());
    let book = "schema: lifeboat/v1\nkind: runbook\nname: table\n\
        target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
        - id: go\n    approve: { message: Go?, timeout: 10m, on_timeout: reject, on_reject: continue }\n  \
        - id: end\n    if: \"!steps.go.outputs.approved\"\n    pause: 1s\n";
    let file = desk.write("b.yaml", book);
    let alone = program.run(&["drill", &file, "--tabletop"]);
    assert_eq!((alone.code, alone.stderr.contains("no terminal")), (2, true), "{}", alone.stderr);
    let words = ["drill", &file, "--tabletop", "--clock-rate", "600", "--simulate", "--seed", "1"];
    let mut first = AtTerminal::start(&program, &words, &[]);
    first.until("your answer", 0);
    // Nobody answers: ten minutes are over after a second.
    first.until("nobody answered in time", 0);
    let (code, shown) = first.end();
    assert_eq!(code, 0, "{shown}");
    let run = program.latest();
    assert_eq!(events(&program, &run, "person.timed_out").len(), 1);
    assert_eq!(events(&program, &run, "person.answered").len(), 0);
}
