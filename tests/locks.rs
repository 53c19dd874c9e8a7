//! Two terminals start the same recovery: on one machine, and in two homes against one AWS.

use crate::program::{Desk, Program};
use crate::signals::{Scene, ended, send, until};
use serde_json::Value;
use std::io::BufReader;
use std::process::Stdio;

const HEAD: &str = "schema: lifeboat/v1\nkind: runbook\nname: locked\n\
    target: { account: \"111122223333\", region: eu-west-1 }\n";
const LOCK: &str = "inputs: { source: { type: string, default: orders-prod } }\n\
    concurrency: { key: \"${{ inputs.source }}\" }\n";
const STEPS: &str = "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    \
    with: { source: orders-prod, time: latest }\n";
const WAIT: &str = "steps:\n  - { id: settle, pause: 1h }\n";

/// What somebody is told who comes second.
fn tells_whose_it_is(said: &str, run: &str) {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    for part in [run, "alice", host.trim(), "`lifeboat watch", "--break-lock --reason"] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

#[test]
fn of_two_homes_against_one_aws_the_second_exits_7_and_names_run_host_and_user() {
    let scene = Scene::new();
    let book = scene.desk.write("book.yaml", &format!("{HEAD}{LOCK}{STEPS}"));
    let recovery = ["run", &book, "--yes", "--disrupted-at", "2026-01-05T09:00:00Z"];
    let mut first = scene.spawn(&recovery);
    let mut stderr = BufReader::new(first.stderr.take().expect("a pipe"));
    until(&mut stderr, "restore: created rds:db");
    let run = scene.program.latest();

    let elsewhere = Program::new();
    let second = scene.run_in(&elsewhere, &recovery);
    assert_eq!(second.code, 7, "{}", second.stderr);
    tells_whose_it_is(&second.stderr, &run);

    // While it is paused the lock is its own, however long people take.
    send(&first, "INT");
    assert_eq!(ended(first, stderr).code, 4);
    let third = scene.run_in(&elsewhere, &recovery);
    assert_eq!(third.code, 7, "{}", third.stderr);
    assert!(third.stderr.contains("it is paused"), "{}", third.stderr);
    assert_eq!(scene.took("RestoreDBInstanceToPointInTime"), 1);

    let resumed = scene.run(&["resume", &run]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(scene.took("DeleteParameter"), 1, "it is given back");
    let fourth = scene.run_in(&elsewhere, &recovery);
    assert_eq!(fourth.code, 0, "{}", fourth.stderr);
}

#[test]
fn a_lock_that_is_broken_is_a_finding_and_its_run_resumes_only_when_it_has_it_again() {
    let scene = Scene::new();
    let book = scene.desk.write("book.yaml", &format!("{HEAD}{LOCK}{STEPS}"));
    let mut first = scene.spawn(&["drill", &book]);
    let mut stderr = BufReader::new(first.stderr.take().expect("a pipe"));
    until(&mut stderr, "restore: created rds:db");
    first.kill().expect("it is there");
    drop(ended(first, stderr));
    let run = scene.program.latest();

    let elsewhere = Program::new();
    let book_of_waiting = scene.desk.write("wait.yaml", &format!("{HEAD}{LOCK}{WAIT}"));
    let breaks = ["run", &book_of_waiting, "--yes", "--break-lock", "--reason", "that machine is gone"];
    let mut second = scene.spawn_in(&elsewhere, &breaks);
    let mut stderr = BufReader::new(second.stderr.take().expect("a pipe"));
    until(&mut stderr, "settle: started");
    let document = elsewhere.json(&["show", "latest", "--output", "json"]).1;
    let findings = document["findings"].as_array().expect("findings");
    let broken = findings.iter().find(|finding| finding["kind"] == "lock").expect("a finding");
    let text = broken["text"].as_str().expect("a text");
    assert!(text.contains(&run) && text.contains("that machine is gone"), "{text}");

    let resumed = scene.run(&["resume", &run]);
    assert_eq!(resumed.code, 4, "{}", resumed.stderr);
    assert!(resumed.stderr.contains(&elsewhere.latest()), "{}", resumed.stderr);
    send(&second, "INT");
    assert_eq!(ended(second, stderr).code, 4);
    let given_up = scene.run_in(&elsewhere, &["abandon", "latest", "--reason", "practice"]);
    assert_eq!(given_up.code, 5, "{}", given_up.stderr);
    let resumed = scene.run(&["resume", &run]);
    assert_eq!((resumed.code, scene.restores_and_deletions()), (0, (1, 1)), "{}", resumed.stderr);
    assert_eq!(scene.took("DeleteParameter"), 2, "each of them gave it back");
}

#[test]
fn on_one_machine_the_second_of_two_simulated_runs_exits_7_too() {
    let (program, desk) = (Program::new(), Desk::new());
    let book = desk.write("book.yaml", &format!("{HEAD}{LOCK}{STEPS}"));
    let simulated = |more: &[&str]| {
        let words = ["drill", book.as_str(), "--simulate"].into_iter().chain(more.iter().copied());
        let mut command = program.command(&words.collect::<Vec<_>>());
        command.env("USER", "alice").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        (child, stderr)
    };
    let (mut first, mut stderr) = simulated(&["--seed", "1", "--pace", "real"]);
    until(&mut stderr, "holds the lock `orders-prod`");
    let run = program.latest();
    let (second, errors) = simulated(&["--seed", "2"]);
    let second = ended(second, errors);
    assert_eq!(second.code, 7, "{}", second.stderr);
    tells_whose_it_is(&second.stderr, &run);
    let (_, runs) = program.json(&["runs", "--output", "json"]);
    assert_eq!(
        runs["runs"].as_array().or(runs.as_array()).map(Vec::len),
        Some(1),
        "of it nothing stays: {runs}"
    );
    let (third, errors) = simulated(&["--seed", "2", "--break-lock", "--reason", "practice"]);
    let third = ended(third, errors);
    assert_eq!(third.code, 0, "{}", third.stderr);
    assert!(third.stderr.contains("LOCK BROKEN (practice)"), "{}", third.stderr);
    first.kill().expect("it is there");
    drop(ended(first, stderr));
    let (fourth, errors) = simulated(&["--seed", "3"]);
    assert_eq!(ended(fourth, errors).code, 0, "a process that is dead holds nothing");
}

#[test]
fn without_the_section_a_second_run_is_announced_and_not_refused() {
    let scene = Scene::new();
    let book = scene.desk.write("book.yaml", &format!("{HEAD}{WAIT}"));
    let mut first = scene.spawn(&["drill", &book]);
    let mut stderr = BufReader::new(first.stderr.take().expect("a pipe"));
    until(&mut stderr, "settle: started");
    let run = scene.program.latest();
    let short = scene.desk.write("short.yaml", &format!("{HEAD}steps:\n  - {{ id: settle, pause: 1s }}\n"));
    let second = scene.run(&["drill", &short]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(second.stderr.contains(&format!("note: run {run}")), "{}", second.stderr);
    send(&first, "INT");
    assert_eq!(ended(first, stderr).code, 5);
}

#[test]
fn plan_and_iam_name_the_lock() {
    let (program, desk) = (Program::new(), Desk::new());
    let book = desk.write("book.yaml", &format!("{HEAD}{LOCK}{STEPS}"));
    let (code, plan) = program.json(&["plan", &book, "--simulate", "--output", "json"]);
    assert_eq!(code, 0, "{plan}");
    assert_eq!(plan["lock"]["parameter"], "/lifeboat/locks/orders-prod");
    assert_eq!(plan["lock"]["held_by"], Value::Null);
    let page = program.run(&["plan", &book, "--simulate"]).stdout;
    assert!(page.contains("/lifeboat/locks/orders-prod") && page.contains("ssm:PutParameter"), "{page}");
    let (_, policy) = program.json(&["iam", &book]);
    let lock = "arn:aws:ssm:eu-west-1:111122223333:parameter/lifeboat/locks/orders-prod";
    let statements = policy["Statement"].as_array().expect("statements");
    let of_lock = statements.iter().find(|statement| statement["Resource"] == serde_json::json!([lock]));
    let calls = of_lock.expect("one is about the lock")["Action"].to_string();
    for call in ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"] {
        assert!(calls.contains(call), "{call}: {calls}");
    }
}

#[test]
fn a_key_that_is_not_known_before_the_first_step_is_a_mistake() {
    let (program, desk) = (Program::new(), Desk::new());
    let key = "concurrency: { key: \"${{ steps.restore.outputs.instance }}\" }\n";
    let said = program.run(&["check", &desk.write("book.yaml", &format!("{HEAD}{key}{STEPS}"))]);
    assert_eq!(said.code, 2);
    let told = format!("{}{}", said.stdout, said.stderr);
    assert!(told.contains("`steps` is not known yet when the lock is taken"), "{told}");
}
