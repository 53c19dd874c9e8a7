//! A process that dies in the middle: the run is taken up again and ends as if nothing had happened.

use crate::program::{Desk, Program};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const BOOK: &str = "runbooks/rds-point-in-time-restore.yaml";
const RESTORE: &str = "RestoreDBInstanceToPointInTime";

/// Starts a drill that dies at a moment of a sync; whether it did.
fn dies(program: &Program, book: &str, world: &str, faults: &str) -> bool {
    let drill = [
        "drill",
        book,
        "--simulate",
        world,
        "--seed",
        "1",
        "--faults",
        faults,
        "--quiet",
        "--output",
        "json",
    ];
    let said = program.run(&drill);
    // Killed by a signal there is no exit code.
    assert!(said.code == -1 || said.code == 0, "{}", said.stderr);
    said.code == -1
}

fn assert_taken_up(program: &Program, restore: &str, told: &str) {
    let (_, listed) = program.json(&["runs", "--output", "json"]);
    let Some(run) = listed[0]["run"].as_str() else {
        // Its first line never reached the file: there is no run, and nothing was done.
        return;
    };
    let said = program.run(&["resume", run, "--output", "json", "--quiet"]);
    if said.code == 7 && said.stderr.contains("nothing was done") {
        return;
    }
    let document: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|error| panic!("{told}: {error}: {} {}", said.stdout, said.stderr));
    if listed[0]["outcome"] != "running" {
        panic!("{told}: it had finished and was killed all the same: {document:#}");
    }
    assert_eq!((said.code, &document["outcome"]), (0, &json!("passed")), "{told}: {document:#}");
    assert_eq!(document["left_behind"], json!([]), "{told}");
    assert_eq!(restores(program, run, restore), 1, "{told}");
    assert_eq!(program.run(&["verify", run]).code, 0, "{told}");
    assert_eq!(program.run(&["resume", run]).code, 7, "{told}: a finished run is not resumed");
}

/// How many restores AWS began: asked again with the same token, AWS Backup answers with the job that it has.
fn restores(program: &Program, run: &str, operation: &str) -> usize {
    let world = fs::read_to_string(program.file(run, "world.jsonl")).expect("the world's record");
    let entries = world.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let begun = entries.filter(|entry| entry["operation"] == operation && entry["effect"] == true);
    let (with, without): (Vec<Value>, Vec<Value>) =
        begun.map(|entry| entry["params"]["IdempotencyToken"].clone()).partition(Value::is_string);
    let tokens: BTreeSet<String> = with.iter().map(Value::to_string).collect();
    tokens.len() + without.len()
}

/// Kills a drill at each sync of its journal, at one moment of it; how often.
fn at_every_sync(moment: &str, faults: &Value) -> u32 {
    let desk = Desk::new();
    let world = desk.quick_world(|_| {});
    let mut killed = 0;
    for at in 1.. {
        let program = Program::new();
        let faults = json!({ "kill": { "at_sync": at, "moment": moment }, "faults": faults });
        if !dies(&program, BOOK, &world, &desk.write("faults.json", &faults.to_string())) {
            break;
        }
        killed += 1;
        let finished = program.run(&["show", "latest"]).stdout.contains("outcome        passed");
        if !finished {
            assert_taken_up(&program, RESTORE, &format!("{moment} sync {at}"));
        }
    }
    println!("{moment}: killed {killed} times");
    killed
}

#[test]
fn killed_before_each_sync_it_restores_once() {
    assert!(at_every_sync("before", &json!([])) >= 20);
}

#[test]
fn killed_behind_each_sync_it_restores_once() {
    assert!(at_every_sync("after", &json!([])) >= 20);
}

#[test]
fn killed_in_the_middle_of_a_line_it_restores_once() {
    assert!(at_every_sync("torn", &json!([])) >= 20);
}

/// AWS has made the copy and the reply never came: nobody knows, until it is looked at.
#[test]
fn killed_after_a_lost_reply_it_restores_once() {
    let lost =
        json!([{ "service": "rds", "operation": RESTORE, "when": { "calls": [1] }, "kind": "reply_lost" }]);
    assert!(at_every_sync("before", &lost) >= 20);
}

/// A restore and the change of what a restore cannot carry are two mutations of one step. A process that dies between
/// them goes on with the second.
#[test]
fn killed_between_two_mutations_of_a_step_each_is_accepted_once() {
    let desk = Desk::new();
    let world = desk.quick_world(|_| {});
    let book = desk.write(
        "book.yaml",
        "schema: lifeboat/v1\nkind: runbook\nname: two-stages\n\
         target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
         - id: restore\n    action: rds.restore_to_point_in_time\n    \
         with: { source: orders-prod, time: latest }\n    wait: { for: available }\n",
    );
    let mut killed = 0;
    for at in 1.. {
        let program = Program::new();
        let faults = json!({ "kill": { "at_sync": at, "moment": "before" } });
        let faults = desk.write("faults.json", &faults.to_string());
        let run = ["run", &book, "--simulate", &world, "--seed", "1", "--faults", &faults, "--quiet"];
        if program.run(&run).code != -1 {
            break;
        }
        killed += 1;
        if program.json(&["runs", "--output", "json"]).1[0]["run"].is_null() {
            continue;
        }
        let said = program.run(&["resume", "latest", "--quiet"]);
        if said.stderr.contains("nothing was done") || said.stderr.contains("no run is unfinished") {
            continue;
        }
        assert_eq!(said.code, 0, "killed at sync {at}: {}{}", said.stdout, said.stderr);
        let run = program.latest();
        for operation in [RESTORE, "ModifyDBInstance"] {
            assert_eq!(program.accepted(&run, operation), 1, "{operation}, killed at sync {at}");
        }
    }
    assert!(killed >= 12, "killed {killed} times");
}

#[test]
fn a_torn_line_is_cut_off_and_that_is_recorded() {
    let desk = Desk::new();
    let program = Program::new();
    let faults = desk.write("faults.json", r#"{ "kill": { "at_sync": 9, "moment": "torn" } }"#);
    assert!(dies(&program, BOOK, &desk.quick_world(|_| {}), &faults));
    let run = program.latest();
    assert_eq!(program.run(&["verify", &run]).code, 1, "the torn line is shown");
    assert_eq!(program.run(&["resume", &run]).code, 0);
    let journal = fs::read_to_string(program.file(&run, "journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"journal.tail_dropped\"").count(), 1);
    assert_eq!(program.run(&["verify", &run]).code, 0);
}

/// A restore job of AWS Backup takes no tags: until its instance is there, only the token and the journal know it.
#[test]
fn killed_at_any_time_a_backup_is_restored_once_and_its_copy_goes() {
    let (desk, book) = (Desk::new(), "runbooks/backup-verification.yaml");
    let world = desk.quick_world(|_| {});
    for (moment, begin) in [("before", 1), ("after", 2), ("torn", 3)] {
        let mut killed = 0;
        for at in (begin..).step_by(3) {
            let program = Program::new();
            let faults = json!({ "kill": { "at_sync": at, "moment": moment } });
            if !dies(&program, book, &world, &desk.write("faults.json", &faults.to_string())) {
                break;
            }
            killed += 1;
            if !program.run(&["show", "latest"]).stdout.contains("outcome        passed") {
                assert_taken_up(&program, "StartRestoreJob", &format!("{moment} sync {at}"));
            }
        }
        println!("{moment}: killed {killed} times");
        assert!(killed >= 8, "{moment}: {killed}");
    }
}
