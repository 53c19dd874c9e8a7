//! What a drill may not touch, which account is the right one, and what is accepted by name.

use crate::program::{Desk, Program};
use serde_json::{Value, json};

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

const RESTORE: &str = "  - id: restore\n    action: rds.restore_to_point_in_time\n    \
    with: { source: orders-prod, time: latest }\n    wait: { for: available }\n";

/// How often the simulated AWS accepted something that changes `orders-prod`.
fn changes_of_production(program: &Program, run: &str) -> usize {
    let world = std::fs::read_to_string(program.file(run, "world.jsonl")).expect("the world's record");
    let entries = world.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    entries.filter(|entry| entry["params"]["DBInstanceIdentifier"] == "orders-prod").count()
}

/// Each way in which a drill could come to touch production, and what stands against it.
#[test]
fn no_way_leads_a_drill_to_production() {
    let (desk, program) = (Desk::new(), Program::new());
    let world = desk.quick_world(|_| {});
    let child = "steps:\n  - { id: reboot, action: rds.reboot_instance, with: { instance: orders-prod } }\n";
    desk.write("child.yaml", &book(&format!("allow: [ orders-prod ]\n{child}")));
    let reboot = "  - { id: oops, action: rds.reboot_instance, with: { instance: orders-prod } }\n";
    let delete = "{ instance: orders-prod, skip_final_snapshot: true, delete_automated_backups: false }";
    let refused = "this run did not make it";
    for (what, text, code, told) in [
        ("nothing is allowed", format!("steps:\n{reboot}"), 1, refused),
        (
            "another action is allowed",
            format!("allow: [ {{ id: orders-prod, actions: [rds.failover] }} ]\nsteps:\n{reboot}"),
            1,
            refused,
        ),
        (
            "another tag is allowed",
            format!("allow: [ {{ tag: nobody=has-it }} ]\nsteps:\n{reboot}"),
            1,
            refused,
        ),
        (
            "to modify is allowed, to delete is not",
            format!(
                "allow: [ orders-prod ]\nsteps:\n  - id: oops\n    action: rds.delete_instance\n    with: {delete}\n"
            ),
            1,
            refused,
        ),
        (
            "what it runs allows itself more",
            "steps:\n  - { id: inner, runbook: child.yaml }\n".to_owned(),
            1,
            refused,
        ),
        (
            "an item of a loop",
            "steps:\n  - id: each\n    foreach: [orders-prod]\n    steps:\n      \
             - { id: reboot, action: rds.reboot_instance, with: { instance: \"${{ item }}\" } }\n"
                .to_owned(),
            1,
            refused,
        ),
        (
            "a step of cleanup",
            format!(
                "steps:\n{RESTORE}cleanup:\n  - id: oops\n    action: rds.delete_instance\n    with: {delete}\n"
            ),
            1,
            refused,
        ),
        (
            "the undo of a step",
            format!("steps:\n{RESTORE}    undo: {{ action: rds.delete_instance, with: {delete} }}\n"),
            6,
            refused,
        ),
        (
            "an effect that is said to be less",
            format!(
                "steps:\n  - id: oops\n    action: rds.delete_instance\n    effect: read\n    with: {delete}\n"
            ),
            2,
            "`effect` says less",
        ),
        (
            "an action of which nobody knows what it does",
            "steps:\n  - { id: oops, action: command.run, with: { program: \"true\" } }\n".to_owned(),
            2,
            "depends on its content",
        ),
    ] {
        let file = desk.write("b.yaml", &book(&text));
        let said = program.run(&["drill", &file, "--simulate", &world, "--seed", "1", "--output", "json"]);
        assert_eq!(said.code, code, "{what}: {}{}", said.stdout, said.stderr);
        assert!(
            said.stdout.contains(told) || said.stderr.contains(told),
            "{what}: {}{}",
            said.stdout,
            said.stderr
        );
        if let Ok(document) = serde_json::from_str::<Value>(&said.stdout) {
            let run = document["run"].as_str().expect("a run");
            assert_eq!(changes_of_production(&program, run), 0, "{what}");
        }
    }
    // And the way that is meant.
    let file = desk.write("b.yaml", &book(&format!("allow: [ orders-prod ]\nsteps:\n{reboot}")));
    let (code, document) =
        program.json(&["drill", &file, "--simulate", &world, "--seed", "1", "--quiet", "--output", "json"]);
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(changes_of_production(&program, document["run"].as_str().expect("a run")), 1);
}
