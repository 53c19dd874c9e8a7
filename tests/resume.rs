//! A process that is killed in the middle: the run is taken up again and ends as if nothing had happened.

use crate::program::Program;
use serde_json::Value;
use std::fs;
use std::process::Stdio;

const DRILL: [&str; 7] =
    ["drill", "runbooks/rds-point-in-time-restore.yaml", "--simulate", "--seed", "1", "--output", "json"];

/// Starts a drill and kills it when its journal has `lines` lines; false if it was faster.
fn kill_at(program: &Program, lines: usize) -> bool {
    let mut child =
        program.command(&DRILL).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    loop {
        let runs = fs::read_dir(program.home.path().join("runs"));
        let journal =
            runs.ok().and_then(|mut runs| fs::read(runs.next()?.ok()?.path().join("journal.jsonl")).ok());
        let written = journal.map_or(0, |journal| journal.iter().filter(|byte| **byte == b'\n').count());
        if written >= lines {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            return true;
        }
        if child.try_wait().expect("it can be asked").is_some() {
            return false;
        }
    }
}

#[test]
fn a_killed_drill_is_taken_up_and_restores_once() {
    let whole = Program::new();
    let (_, undisturbed) = whole.json(&DRILL);
    let lines = usize::try_from(undisturbed["journal"]["events"].as_u64().unwrap()).unwrap();
    let mut killed = 0;
    for at in 1..lines {
        let program = Program::new();
        if !kill_at(&program, at) {
            continue;
        }
        let (_, listed) = program.json(&["runs", "--output", "json"]);
        let run = listed[0]["run"].as_str().unwrap().to_owned();
        if listed[0]["outcome"] != "running" {
            continue;
        }
        killed += 1;
        let (code, document) = program.json(&["resume", &run, "--output", "json", "--quiet"]);
        assert_eq!(
            (code, &document["outcome"]),
            (0, &Value::from("passed")),
            "killed at line {at}: {document:#}"
        );
        assert_eq!(document["left_behind"], serde_json::json!([]), "killed at line {at}");
        let world = fs::read_to_string(program.file(&run, "world.jsonl")).unwrap();
        let restores = world.matches("\"operation\":\"RestoreDBInstanceToPointInTime\"").count();
        assert_eq!(restores, 1, "killed at line {at}");
        assert_eq!(program.run(&["verify", &run]).code, 0, "killed at line {at}");
        let again = program.run(&["resume", &run]);
        assert_eq!(again.code, 7, "a finished run is not resumed: {}", again.stderr);
    }
    assert!(killed >= 10, "only {killed} of {lines} were killed in time");
}
