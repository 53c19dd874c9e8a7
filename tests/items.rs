//! Action items: added, given to somebody, proved.

use crate::program::Program;
use serde_json::Value;

fn rows(program: &Program, more: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["item", "list", "--output", "json"];
    arguments.extend(more);
    let said = program.run(&arguments);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn an_item_is_open_until_a_link_or_a_later_run_proves_it() {
    let program = Program::new();
    let first = program.drilled("1");
    let added = program.run(&[
        "item",
        "add",
        &first,
        "name the subnet group",
        "--type",
        "runbook",
        "--due",
        "2026-01-09",
    ]);
    assert_eq!((added.code, added.stdout.trim()), (0, "A1"), "{}", added.stderr);
    program.run(&["item", "change", "A1", "--owner", "bob", "--ticket", "OPS-12"]);
    let open = rows(&program, &[&first]);
    assert_eq!((&open[0]["owner"], &open[0]["due"]), (&"bob".into(), &"2026-01-09".into()));
    assert_eq!((&open[0]["type"], &open[0]["overdue"]), (&"fix the runbook".into(), &true.into()));
    assert_eq!(program.run(&["item", "list", "--overdue"]).code, 1);
    assert!(program.run(&["item", "list"]).stdout.contains("2026-01-09 OVERDUE"));

    program.refused(&["item", "close", "A1"], "--link");
    program.refused(&["item", "close", "A1", "--proved-by", &first], "made before A1 was added");
    let failed = program.run(&[
        "drill",
        "runbooks/rds-point-in-time-restore.yaml",
        "--simulate",
        "--seed",
        "3",
        "-i",
        "source=nothing",
        "--quiet",
    ]);
    assert_ne!(failed.code, 0);
    program.refused(&["item", "close", "A1", "--proved-by", &program.latest()], "did not pass");
    let later = program.drilled("2");
    assert_eq!(program.run(&["item", "close", "A1", "--proved-by", &later]).code, 0);
    let all = rows(&program, &["--all"]);
    assert_eq!(all[0]["proof"], format!("proved by run {later}, in a simulated AWS only"));
    assert_eq!(rows(&program, &[]), Vec::<Value>::new());
    assert_eq!(program.run(&["item", "list", "--overdue"]).code, 0);
    program.refused(&["item", "close", "A1", "--link", "x"], "lifeboat item reopen A1");
    assert_eq!(program.run(&["item", "reopen", "A1", "--reason", "the name is wrong"]).code, 0);
    assert_eq!(rows(&program, &[]).len(), 1);
}

#[test]
fn many_add_at_once_and_each_has_its_own_id() {
    let program = Program::new();
    let run = program.drilled("1");
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (program, run) = (&program, &run);
            scope.spawn(move || {
                program.run(&["item", "add", run, &format!("item {number}"), "--type", "prevent"])
            });
        }
    });
    let ids: Vec<String> =
        rows(&program, &[]).iter().map(|row| row["item"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["A1", "A2", "A3", "A4", "A5", "A6"]);
    program.refused(&["item", "change", "A9", "--owner", "x"], "there is no item `A9`");
    program.refused(&["item", "change", "A1"], "--owner");
}
