//! What machines read.

use crate::run;
use lifeboat_journal::event::{Draft, EventKind, PauseReason};
use lifeboat_report::document::{Document, document, measurements};
use serde_json::{Value, json};

fn of(run: &run::Run) -> Document {
    document(&run.state(), &run.events, &run.head())
}

fn as_json(run: &run::Run) -> Value {
    serde_json::to_value(of(run)).unwrap()
}

#[test]
fn the_keys_are_those_of_the_page_on_the_command_line_in_that_order() {
    let text = serde_json::to_string(&of(&run::cleaned_up(run::simulated()))).unwrap();
    let keys = [
        "run",
        "runbook",
        "mode",
        "cloud",
        "outcome",
        "also",
        "exit_code",
        "started_at",
        "finished_at",
        "rto",
        "objective_s",
        "actual_s",
        "met",
        "scope",
        "not_rehearsed",
        "estimated_total_s",
        "from",
        "to",
        "clock",
        "parts_s",
        "preflight",
        "detection",
        "decision",
        "execution",
        "verification",
        "control_plane",
        "lifeboat",
        "rpo",
        "grade",
        "bound",
        "complete_to",
        "critical_path",
        "steps",
        "id",
        "state",
        "attempts",
        "outputs",
        "left_behind",
        "kept",
        "findings",
        "journal",
        "events",
        "head",
    ];
    let mut place = 0;
    for key in keys {
        let found = text[place..].find(&format!("\"{key}\":"));
        place += found.unwrap_or_else(|| panic!("`{key}` is missing or out of order in {text}"));
    }
}

#[test]
fn its_numbers_are_those_that_were_measured() {
    let run = run::cleaned_up(run::simulated());
    let document = as_json(&run);
    assert_eq!(document["outcome"], "passed");
    assert_eq!(document["exit_code"], 0);
    assert_eq!(document["started_at"], "2026-01-05T09:00:00.000Z");
    assert_eq!(document["rto"]["actual_s"], 2292.0);
    assert_eq!(document["rto"]["scope"], "copy");
    assert_eq!(document["rto"]["not_rehearsed"], json!(["cut_over"]));
    assert_eq!(document["rto"]["estimated_total_s"], 2470.0);
    assert_eq!(document["rto"]["parts_s"]["execution"], 2260.0);
    assert_eq!(document["rpo"]["actual_s"], 287.0);
    assert_eq!(document["rpo"]["grade"], "A");
    assert_eq!(document["critical_path"], json!(["restore", "newest"]));
    let restore = &document["steps"][1];
    assert_eq!(
        (&restore["id"], &restore["state"], &restore["attempts"]),
        (&json!("restore"), &json!("succeeded"), &json!(1))
    );
    assert_eq!(document["steps"][3]["why"], "its condition is false");
    assert_eq!(document["journal"], json!({ "events": run.events.len(), "head": run.head() }));
}

#[test]
fn numbers_that_were_journaled_are_not_measured_again() {
    let mut run = run::cleaned_up(run::simulated());
    let mut time = of(&run).rto;
    time.actual_s = Some(1.5);
    run.write(0.0, Draft::run(EventKind::RtoMeasured(Box::new(time))));
    assert_eq!(of(&run).rto.actual_s, Some(1.5));
    assert_eq!(measurements(&run.state(), &run.events).recovery_time.actual_s, Some(1.5));
}

#[test]
fn an_unfinished_run_has_one_too() {
    let mut run = run::restored(run::simulated());
    let document = as_json(&run);
    assert_eq!((&document["outcome"], &document["exit_code"]), (&json!("running"), &json!(4)));
    assert_eq!(document["finished_at"], Value::Null);
    assert_eq!(document["rto"]["actual_s"], 2292.0);
    assert_eq!(document["left_behind"], json!([]));
    run.run(1.0, EventKind::RunPaused { why: "a step failed".into(), because: PauseReason::Failure });
    assert_eq!(as_json(&run)["outcome"], "paused");
}

#[test]
fn what_is_left_is_named_with_its_place() {
    let document = as_json(&run::left_behind());
    assert_eq!(document["exit_code"], 6);
    assert_eq!(document["also"], json!(["left_behind"]));
    assert_eq!(
        document["left_behind"],
        json!([{
            "kind": "rds:db",
            "id": "pitr-abcdef-restore",
            "account": "111122223333",
            "region": "eu-west-1",
            "arn": "arn:aws:rds:eu-west-1:111122223333:db:pitr-abcdef-restore",
        }])
    );
}

#[test]
fn it_reads_back_as_it_was_written() {
    let document = of(&run::cleaned_up(run::simulated()));
    let text = serde_json::to_string(&document).unwrap();
    assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
}
