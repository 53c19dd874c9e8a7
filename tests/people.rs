//! People's steps as people meet them: at a terminal, from another terminal, with nobody there.

use crate::program::{Desk, Program};
use crate::terminal::{AtTerminal, terminal};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const BOOK: &str = "schema: lifeboat/v1\nkind: runbook\nname: people\n\
    target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
    - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n  \
    - id: choose\n    decide:\n      question: Which way?\n      \
    options: { restore: { label: Restore }, wait: { label: Wait } }\n      fields: { bad_at: { type: time } }\n  \
    - id: go\n    approve: { message: \"Send traffic to ${{ steps.restore.outputs.instance }}?\" }\n";

fn events(program: &Program, run: &str, kind: &str) -> Vec<Value> {
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).unwrap();
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

#[test]
fn questions_are_asked_and_answered_at_the_terminal() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
    let mut terminal =
        AtTerminal::start(&program, &["drill", &file, "--simulate", &world, "--seed", "1"], &[]);
    for (prompt, answer) in [
        ("your answer (nothing: leave it open):", "restor"),
        ("bad_at (time):", "2026-01-05T08:00:00Z"),
        ("why:", "damaged"),
    ] {
        terminal.answer(prompt, answer);
    }
    terminal.until("did you mean `restore`?", 0);
    for (prompt, answer) in [
        ("your answer (nothing: leave it open):", "restore"),
        ("bad_at (time):", "2026-01-05T08:00:00Z"),
        ("why:", "damaged"),
        ("your answer (nothing: leave it open):", "approve"),
        ("why:", ""),
    ] {
        terminal.answer(prompt, answer);
    }
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    let answered = events(&program, &program.latest(), "person.answered");
    assert_eq!(answered.len(), 2);
    assert_eq!(answered[0]["data"]["via"], "terminal");
    assert_eq!(answered[0]["actor"]["kind"], "person");
}

#[test]
fn a_failed_recovery_asks_in_place_what_to_do() {
    let (desk, program) = (Desk::new(), Program::new());
    let world = desk.quick_world(|_| {});
    let book = BOOK.replace("  - id: choose", "  - id: look\n    action: rds.describe_instance\n    with: { instance: nowhere }\n    assert: [ outputs.exists ]\n  - id: choose");
    let file = desk.write("b.yaml", &book);
    let shown = terminal(
        &program,
        &["run", &file, "--simulate", &world, "--seed", "1"],
        &[],
        &[
            ("retry, skip, done, undo, leave?", "retry"),
            ("retry, skip, done, undo, leave?", "sk"),
            ("why?", " "),
            ("retry, skip, done, undo, leave?", "skip"),
            ("why?", "it is not there, and need not be"),
            ("your answer (nothing: leave it open):", ""),
        ],
    );
    assert!(shown.contains("it needs a reason"), "{shown}");
    assert!(shown.contains("waits for an answer"), "{shown}");
    let run = program.latest();
    let orders: Vec<Value> = events(&program, &run, "step.ordered")
        .into_iter()
        .map(|event| event["data"]["order"].clone())
        .collect();
    assert_eq!(orders, [json!("retry"), json!("skip")]);
    assert_eq!(program.accepted(&run, "RestoreDBInstanceToPointInTime"), 1);
}

#[test]
fn another_terminal_answers_and_the_first_goes_on() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
    let mut first = AtTerminal::start(&program, &["run", &file, "--simulate", &world, "--seed", "1"], &[]);
    let at = first.until("your answer", 0);
    let run = program.latest();
    // What does not fit is told to whoever answers, not to the one who waits.
    let wrong = program.run(&["answer", &run, "choose", "restore", "--reason", "damaged"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("the field `bad_at` (time) is missing"), "{}", wrong.stderr);
    let field = ["--field", "bad_at=2026-01-05T08:00:00Z"];
    let said =
        program.run(&[&["answer", &run, "choose", "wait", "--reason", "no hurry"][..], &field].concat());
    assert_eq!((said.code, said.stderr.contains("handed over to alice on")), (0, true), "{}", said.stderr);
    let at = first.until("choose: answered by command: wait", at);
    first.shows("? go asks");
    assert_eq!(program.run(&["answer", "latest", "go", "approve"]).code, 0);
    first.until("go: answered by command: approve", at);
    let (code, shown) = first.end();
    assert_eq!(code, 0, "{shown}");
    let answered = events(&program, &run, "person.answered");
    assert_eq!(answered.len(), 2, "each answer is in the journal once");
    assert!(answered.iter().all(|event| event["data"]["via"] == "command"));
    let inbox = fs::read_dir(program.file(&run, "inbox")).unwrap().count();
    assert_eq!(inbox, 0, "letters are gone once they are journaled");
}

#[test]
fn killed_while_it_waits_it_is_asked_and_answered_once() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
    let mut first = AtTerminal::start(&program, &["drill", &file, "--simulate", &world, "--seed", "1"], &[]);
    first.until("your answer", 0);
    let run = program.latest();
    let holder = fs::read_to_string(program.file(&run, "lock")).unwrap();
    let process = holder.rsplit(' ').next().unwrap();
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
    first.end();
    let field = ["--field", "bad_at=2026-01-05T08:00:00Z"];
    let answer = [&["answer", &run, "choose", "restore", "--reason", "damaged"][..], &field].concat();
    let said = program.run(&answer);
    assert_eq!(
        (said.code, said.stderr.contains("go on with: lifeboat resume")),
        (0, true),
        "{}",
        said.stderr
    );
    assert_eq!(program.run(&answer).code, 2, "it is answered");
    assert_eq!(program.run(&["resume", &run]).code, 4, "the next question");
    assert_eq!(program.run(&["answer", &run, "go", "approve"]).code, 0);
    assert_eq!(program.run(&["resume", &run]).code, 0);
    assert_eq!(events(&program, &run, "person.asked").len(), 2);
    assert_eq!(events(&program, &run, "person.answered").len(), 2);
    assert_eq!(program.accepted(&run, "RestoreDBInstanceToPointInTime"), 1);
}

#[test]
fn ctrl_c_at_a_question_takes_a_drill_back_and_leaves_a_recovery() {
    for (mode, code, deleted) in [("drill", 5, 1), ("run", 4, 0)] {
        let (desk, program) = (Desk::new(), Program::new());
        let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
        let mut first = AtTerminal::start(&program, &[mode, &file, "--simulate", &world, "--seed", "1"], &[]);
        first.until("your answer", 0);
        first.type_in("\u{3}");
        first.until("SIGINT: stopping in good order", 0);
        let (ended, shown) = first.end();
        assert_eq!(ended, code, "{mode}: {shown}");
        assert_eq!(program.accepted(&program.latest(), "DeleteDBInstance"), deleted, "{mode}");
    }
}

#[test]
fn another_terminal_ends_a_run_that_waits() {
    for (words, code, deleted) in [
        (&["abort", "latest", "--undo", "--yes", "--reason", "enough"][..], 5, 1),
        (&["abort", "latest", "--no-undo"], 5, 0),
    ] {
        let (desk, program) = (Desk::new(), Program::new());
        let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
        let mut first =
            AtTerminal::start(&program, &["run", &file, "--simulate", &world, "--seed", "1"], &[]);
        first.until("your answer", 0);
        let said = program.run(words);
        assert_eq!((said.code, said.stderr.contains("is asked to end")), (0, true), "{}", said.stderr);
        first.until("asked for the end of the run", 0);
        let (ended, shown) = first.end();
        assert_eq!(ended, code, "{words:?}: {shown}");
        assert_eq!(program.accepted(&program.latest(), "DeleteDBInstance"), deleted, "{words:?}");
    }
}

#[test]
fn answers_can_be_given_in_advance_but_no_approval_of_a_recovery() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (desk.quick_world(|_| {}), desk.write("b.yaml", BOOK));
    let answers = desk.write(
        "answers.yaml",
        "choose: { choice: wait, reason: no hurry, after: 7m, fields: { bad_at: 2026-01-05T08:00:00Z } }\n\
         go: { choice: approve, by: carol }\n",
    );
    let words =
        [&file, "--simulate", &world, "--seed", "1", "--answers", &answers, "--quiet", "--output", "json"];
    let (code, document) = program.json(&[&["drill"][..], &words].concat());
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(document["steps"][2]["outputs"]["by"], "carol");
    let run = document["run"].as_str().unwrap();
    let report = program.run(&["report", run]).stdout;
    assert!(report.contains("answered by answers file: wait"), "{report}");
    let (code, document) = program.json(&[&["run"][..], &words].concat());
    assert_eq!((code, &document["asks"][0]["step"]), (4, &json!("go")), "{document:#}");

    let wrong = desk.write("wrong.yaml", "chose: { choice: wait }\n");
    let said = program.run(&["drill", &file, "--simulate", &world, "--answers", &wrong]);
    assert_eq!((said.code, said.stderr.contains("did you mean `choose`?")), (2, true), "{}", said.stderr);
}

/// An automation that waits for two approvals, one after the other.
fn waiting_automation(desk: &Desk) -> (String, String) {
    let world = desk.quick_world(|world| {
        let documents = &mut world["accounts"][0]["regions"]["eu-west-1"]["documents"];
        let ask = |name: &str, message: &str| {
            let inputs = json!({ "Message": message, "Approvers": "[\"role/OnCall\"]" });
            json!({ "name": name, "action": "aws:approve", "timeout_seconds": 7200, "inputs": inputs })
        };
        let work = |name: &str| json!({ "name": name, "action": "aws:sleep", "seconds": 30 });
        let steps =
            [work("Drain"), ask("Promote", "Is it drained?"), work("Move"), ask("Open", "Is it moved?")];
        let document = json!({ "name": "Two", "does": { "automation": steps } });
        documents.as_array_mut().unwrap().push(document);
    });
    let book = "schema: lifeboat/v1\nkind: runbook\nname: automation\n\
        target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
        - id: move\n    action: ssm.start_automation\n    effect: modify\n    with: { document: Two }\n";
    (world, desk.write("automation.yaml", book))
}

#[test]
fn an_automation_asks_here_and_another_terminal_answers_also_after_a_death() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = waiting_automation(&desk);
    let mut first = AtTerminal::start(&program, &["run", &file, "--simulate", &world, "--seed", "1"], &[]);
    let at = first.until("Is it drained?", 0);
    first.until("your answer", at);
    let run = program.latest();
    assert_eq!(program.run(&["answer", &run, "move", "approve", "--reason", "it is"]).code, 0);
    let at = first.until("move: answered by command: approve", at);
    let at = first.until("Is it moved?", at);
    first.until("your answer", at);
    let holder = fs::read_to_string(program.file(&run, "lock")).unwrap();
    let process = holder.rsplit(' ').next().unwrap();
    assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
    first.end();
    // Nobody is there: it pauses, asks no second time, and says how to answer.
    let paused = program.run(&["resume", &run]);
    assert_eq!(paused.code, 4, "{}", paused.stderr);
    assert!(
        paused.stderr.contains(&format!("lifeboat answer {run} move approve|reject")),
        "{}",
        paused.stderr
    );
    assert_eq!(program.run(&["resume", &run, "--retry", "move"]).code, 2, "it is under way");
    assert_eq!(program.run(&["answer", &run, "move", "approve"]).code, 0);
    let ended = program.run(&["resume", &run]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(events(&program, &run, "person.asked").len(), 2);
    assert_eq!(events(&program, &run, "person.answered").len(), 2);
    assert_eq!(program.accepted(&run, "SendAutomationSignal"), 2);
    assert_eq!(program.accepted(&run, "StartAutomationExecution"), 1);
    let told: Vec<_> =
        events(&program, &run, "aws.event").iter().map(|event| event["data"]["key"].clone()).collect();
    assert_eq!(told.len(), 8, "four steps, each begun and ended: {told:?}");
    let report = program.run(&["report", &run]).stdout;
    assert!(report.contains("Drain (aws:sleep) ended as Success"), "{report}");
}

#[test]
fn an_automation_is_rejected_in_advance_and_ends_as_aws_ends_it() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = waiting_automation(&desk);
    // A drill may look, and nobody has named what this automation touches.
    let book = fs::read_to_string(&file).unwrap().replace("effect: modify", "effect: read");
    let file = desk.write("read.yaml", &book);
    let answers =
        desk.write("answers.yaml", "move: { choice: reject, reason: too late, by: carol, after: 5m }\n");
    let words =
        ["drill", &file, "--simulate", &world, "--seed", "1", "--answers", &answers, "--output", "json"];
    let (code, document) = program.json(&words);
    assert_eq!(code, 1, "{document:#}");
    let run = document["run"].as_str().unwrap();
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).unwrap();
    assert!(journal.contains("too late (carol, in run "), "AWS's own message has the comment");
    assert_eq!(program.accepted(run, "SendAutomationSignal"), 1);
}

/// A time that was handed in is compared with times, and a number is counted with, now and after a resume alike.
#[test]
fn what_people_hand_in_has_the_type_it_was_asked_for_with() {
    let (desk, program) = (Desk::new(), Program::new());
    let book = "schema: lifeboat/v1\nkind: runbook\nname: handed-in\n\
        target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
        - id: find\n    manual: { instructions: Find it., fields: { bad_at: { type: time }, lost: { type: duration } } }\n  \
        - id: early\n    if: steps.find.outputs.fields.bad_at + steps.find.outputs.fields.lost < steps.find.outputs.at\n    \
        pause: 1m\n";
    let file = desk.write("b.yaml", book);
    let answers =
        desk.write("a.yaml", "find: { choice: done, fields: { bad_at: 2026-01-05T08:00:00Z, lost: 30m } }\n");
    let words = ["drill", &file, "--simulate", "--seed", "1", "--answers", &answers, "--output", "json"];
    let (code, document) = program.json(&words);
    assert_eq!(code, 0, "{document:#}");
    let steps = document["steps"].as_array().expect("steps");
    assert!(steps.iter().any(|step| step["id"] == "early" && step["state"] == "succeeded"), "{document:#}");
}
