//! What a drill may not touch, which account is the right one, and what is accepted by name.

use crate::program::{Desk, Program};
use serde_json::json;

fn book(steps: &str) -> String {
    format!(
        "schema: lifeboat/v1\nkind: runbook\nname: guarded\n\
         target: {{ account: \"111122223333\", region: eu-west-1 }}\n{steps}"
    )
}

#[test]
fn a_drill_that_would_delete_production_is_refused_when_it_is_checked() {
    let (desk, program) = (Desk::new(), Program::new());
    let delete = "steps:\n  - { id: oops, action: rds.delete_instance, with: { instance: orders-prod, skip_final_snapshot: true } }\n";
    let file = desk.write("b.yaml", &book(delete));
    let said = program.run(&["check", &file]);
    assert!(said.stdout.contains("drill"), "{}", said.stdout);
    let world = desk.quick_world(|_| {});
    let (code, document) =
        program.json(&["drill", &file, "--simulate", &world, "--seed", "1", "--quiet", "--output", "json"]);
    assert_eq!((code, &document["steps"][0]["state"]), (1, &json!("failed")), "{document:#}");
    assert_eq!(program.accepted(document["run"].as_str().unwrap(), "DeleteDBInstance"), 0);
}

/// The name is only known when the run has asked AWS.
#[test]
fn a_name_known_only_at_run_time_is_refused_then() {
    let (desk, program) = (Desk::new(), Program::new());
    let steps = "steps:\n  \
        - { id: look, action: rds.describe_instance, with: { instance: orders-prod } }\n  \
        - id: oops\n    action: rds.delete_instance\n    \
        with: { instance: \"${{ steps.look.outputs.instance }}\", skip_final_snapshot: true, delete_automated_backups: false }\n";
    let file = desk.write("b.yaml", &book(steps));
    assert_eq!(program.run(&["check", &file]).code, 0);
    let world = desk.quick_world(|_| {});
    let start = ["--simulate", &world, "--seed", "1", "--quiet", "--output", "json"];
    let (code, document) = program.json(&[&["drill", &file][..], &start].concat());
    assert_eq!(code, 1, "{document:#}");
    let why = document["steps"][1]["why"].as_str().unwrap();
    assert!(why.contains("a drill may not destroy `orders-prod`: this run did not make it"), "{why}");
    assert_eq!(program.accepted(document["run"].as_str().unwrap(), "DeleteDBInstance"), 0);

    // A recovery asks for the name, typed.
    let (code, document) = program.json(&[&["run", &file][..], &start].concat());
    let run = document["run"].as_str().unwrap();
    assert_eq!((code, program.accepted(run, "DeleteDBInstance")), (4, 0), "{document:#}");
    let typed = ["resume", run, "--retry", "oops", "--confirm-destroy", "orders-prod", "--quiet"];
    // Production is protected against deletion in the world, and the action takes that off first.
    assert_eq!(program.run(&typed).code, 0);
    assert_eq!(program.accepted(run, "DeleteDBInstance"), 1);
}

#[test]
fn a_check_that_does_not_hold_is_accepted_by_name_and_with_a_reason() {
    let (desk, program) = (Desk::new(), Program::new());
    let steps = "preflight:\n  \
        - { id: source, action: rds.describe_instance, with: { instance: orders-prod }, assert: [ \"outputs.multi_az\" ] }\n\
        steps:\n  - { id: look, action: rds.describe_instance, with: { instance: orders-prod } }\n";
    let file = desk.write("b.yaml", &book(steps));
    let world = desk.quick_world(|_| {});
    let start = ["--simulate", &world, "--seed", "1", "--quiet", "--output", "json"];
    let (code, _) = program.json(&[&["drill", &file][..], &start].concat());
    assert_eq!(code, 7, "a drill is refused");
    let (code, document) = program.json(&[&["run", &file][..], &start].concat());
    assert_eq!((code, &document["paused"]["because"]), (4, &json!("check")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    let words =
        ["resume", run, "--accept", "source", "--reason", "one zone is all we have", "--output", "json"];
    let (code, document) = program.json(&words);
    assert_eq!((code, &document["also"]), (0, &json!(["warnings"])), "{document:#}");
    assert!(document["findings"].to_string().contains("one zone is all we have"), "{document:#}");
    // The same said beforehand.
    let accept = ["--accept", "source", "--reason", "one zone is all we have"];
    let (code, document) = program.json(&[&["run", &file][..], &start, &accept].concat());
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let said = program.run(&[&["run", &file][..], &start[..4], &["--accept", "source"]].concat());
    assert_eq!(said.code, 2, "without a reason it is not accepted: {}", said.stderr);
}

#[test]
fn two_processes_do_not_write_one_run() {
    let (desk, program) = (Desk::new(), Program::new());
    let world = desk.quick_world(|_| {});
    let ask = "steps:\n  - id: go\n    approve: { message: Go? }\n";
    let file = desk.write("b.yaml", &book(ask));
    let (code, document) =
        program.json(&["drill", &file, "--simulate", &world, "--seed", "1", "--quiet", "--output", "json"]);
    assert_eq!(code, 4);
    let run = document["run"].as_str().unwrap();
    let lock = std::fs::File::options().write(true).open(program.file(run, "lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(program.file(run, "lock"), "bob on ship, process 7").unwrap();
    let said = program.run(&["resume", run]);
    assert_eq!(said.code, 7);
    assert!(said.stderr.contains("the run is being written by bob on ship, process 7"), "{}", said.stderr);
    drop(lock);
    assert_eq!(program.run(&["resume", run]).code, 4);
}
