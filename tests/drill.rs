//! The main job: a runbook that recovers a database on the simulated AWS.

use crate::program::Program;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const PITR: &str = "runbooks/rds-point-in-time-restore.yaml";

fn drill(program: &Program, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["drill", PITR, "--simulate", "--yes", "--output", "json", "--quiet"];
    arguments.extend(more);
    program.json(&arguments)
}

fn events(program: &Program, document: &Value) -> Vec<Value> {
    let run = document["run"].as_str().expect("a run id");
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).expect("a journal");
    journal.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

#[test]
fn a_database_is_recovered_measured_and_cleaned_up() {
    let program = Program::new();
    let (code, document) = drill(&program, &["--seed", "1"]);
    assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{document:#}");
    assert_eq!(document["exit_code"], 0);
    assert_eq!(document["cloud"], "simulated");
    assert_eq!(document["rto"]["met"], true);
    assert_eq!(document["rto"]["scope"], "copy");
    assert_eq!(document["rpo"]["grade"], "A");
    assert_eq!(document["rpo"]["met"], true);
    assert_eq!(document["left_behind"], Value::Array(vec![]));
    assert_eq!(document["critical_path"], serde_json::json!(["restore", "newest"]));

    let world = fs::read_to_string(program.file(document["run"].as_str().unwrap(), "world.jsonl")).unwrap();
    assert_eq!(world.matches("\"operation\":\"RestoreDBInstanceToPointInTime\"").count(), 1);
    assert!(world.contains("\"operation\":\"DeleteDBInstance\""));

    let events = events(&program, &document);
    let types = types(&events);
    let at =
        |name: &str| types.iter().position(|found| *found == name).unwrap_or_else(|| panic!("no {name}"));
    assert!(at("step.started") < at("step.accepted"), "the intent stands before the deed");
    assert!(at("aws.created") < at("aws.deleted"));
    assert_eq!(types.last(), Some(&"run.finished"));
}

#[test]
fn the_same_seed_gives_the_same_journal_byte_for_byte() {
    let journals: Vec<Vec<u8>> = (0..2)
        .map(|_| {
            let program = Program::new();
            let (_, document) = drill(&program, &["--seed", "42"]);
            fs::read(program.file(document["run"].as_str().unwrap(), "journal.jsonl")).unwrap()
        })
        .collect();
    assert!(journals[0] == journals[1], "two fresh homes, one seed, two journals");
    let program = Program::new();
    let (_, other) = drill(&program, &["--seed", "43"]);
    assert!(fs::read(program.file(other["run"].as_str().unwrap(), "journal.jsonl")).unwrap() != journals[0]);
}

#[test]
fn a_seed_used_twice_in_one_home_makes_a_second_run() {
    let program = Program::new();
    let runs: BTreeSet<String> =
        (0..2).map(|_| drill(&program, &["--seed", "7"]).1["run"].as_str().unwrap().to_owned()).collect();
    let runs: Vec<_> = runs.into_iter().collect();
    assert_eq!(runs[1], format!("{}-2", runs[0]));
    let (code, listed) = program.json(&["runs", "--output", "json"]);
    assert_eq!((code, listed.as_array().map(Vec::len)), (0, Some(2)));
}

#[test]
fn show_and_report_say_what_the_drill_said() {
    let program = Program::new();
    let (_, document) = drill(&program, &["--seed", "3"]);
    assert_eq!(program.json(&["show", "latest", "--output", "json"]).1, document);
    assert_eq!(program.json(&["report", "latest", "--format", "json"]).1, document);
    let run = document["run"].as_str().unwrap();
    let shown = program.run(&["show", &run[..4]]);
    assert!(shown.stdout.contains("nothing left behind: 1 made, all seen gone"), "{}", shown.stdout);
    let report = program.run(&["report", run]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    for expected in ["SIMULATED", "grade A", run] {
        assert!(
            report.stdout.to_lowercase().contains(&expected.to_lowercase()),
            "{expected}:\n{}",
            report.stdout
        );
    }
}

#[test]
fn wrong_inputs_are_all_named_and_nothing_is_started() {
    let program = Program::new();
    let said = program.run(&[
        "drill",
        PITR,
        "--simulate",
        "-i",
        "sorce=x",
        "-i",
        "restore_to=yesterday",
        "-i",
        "source=Not_Valid",
    ]);
    assert_eq!(said.code, 2);
    for expected in ["did you mean `source`?", "restore_to", "does not match the pattern"] {
        assert!(said.stderr.contains(expected), "{expected}:\n{}", said.stderr);
    }
    assert!(program.json(&["runs", "--output", "json"]).1.as_array().unwrap().is_empty());
}

#[test]
fn a_database_that_is_not_there_fails_the_preflight_and_touches_nothing() {
    let program = Program::new();
    let (code, document) = drill(&program, &["--seed", "1", "-i", "source=no-such-database"]);
    assert_eq!((code, &document["outcome"]), (7, &Value::from("refused")), "{document:#}");
    let world = fs::read_to_string(program.file(document["run"].as_str().unwrap(), "world.jsonl")).unwrap();
    assert!(world.is_empty(), "{world}");
}

#[test]
fn another_account_is_refused() {
    let program = Program::new();
    let (code, document) = drill(&program, &["--seed", "1", "-i", "account=999900001111"]);
    assert_eq!((code, &document["outcome"]), (7, &Value::from("refused")), "{document:#}");
}

/// `2>&1 | head -1`: whoever listened is gone, and the copy must be taken away all the same.
#[test]
fn a_drill_that_nobody_listens_to_any_more_goes_on() {
    use std::process::Stdio;
    let program = Program::new();
    let mut command = program.command(&["drill", PITR, "--simulate", "--seed", "1"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let (_, document) = program.json(&["show", "latest", "--output", "json"]);
    assert_eq!((&document["outcome"], &document["left_behind"]), (&"passed".into(), &Value::Array(vec![])));
}

#[test]
fn no_time_at_all_is_not_less_than_none() {
    let program = Program::new();
    drill(&program, &["--seed", "1"]);
    let report = program.run(&["report", "latest"]).stdout;
    assert!(report.contains("| verification | 0 s | from there to the proof |"), "{report}");
}
