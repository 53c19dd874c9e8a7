//! The shipped runbooks: each passes its drill, and a drill changes nothing that it did not make. What only a recovery does
//! is done here too, on a simulated AWS.

use crate::bench::{Bench, Ran, world};
use crate::program::{Program, root};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use serde_json::{Value, json};
use std::fs;

/// The shipped runbooks with the world each is rehearsed in.
pub(crate) const SHIPPED: [(&str, &str); 4] = [
    ("rds-multi-az-failover", "multi-az"),
    ("rds-point-in-time-restore", "default"),
    ("rds-restore-and-cut-over", "default"),
    ("rds-snapshot-restore", "default"),
];

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(root().join(format!("runbooks/{name}.yaml"))).expect("a shipped runbook")
}

#[test]
fn all_that_is_shipped_is_listed() {
    let mut files: Vec<String> = fs::read_dir(root().join("runbooks"))
        .expect("runbooks")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().replace(".yaml", ""))
        .collect();
    files.sort();
    assert_eq!(files, SHIPPED.map(|(name, _)| name));
}

#[test]
fn every_drill_passes_proves_its_data_and_leaves_production_alone() {
    for (name, world) in SHIPPED {
        let program = Program::new();
        let file = format!("runbooks/{name}.yaml");
        let arguments = ["drill", &file, "--simulate", world, "--seed", "3", "--output", "json", "--quiet"];
        let (code, document) = program.json(&arguments);
        assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{name}: {document:#}");
        assert_eq!(document["left_behind"], json!([]), "{name}");
        assert_eq!(
            (&document["rto"]["met"], &document["rpo"]["met"]),
            (&json!(true), &json!(true)),
            "{name}"
        );
        assert_eq!(document["rpo"]["grade"], "A", "{name}");
        let run = document["run"].as_str().expect("a run id");
        let log = fs::read_to_string(program.file(run, "world.jsonl")).expect("the world's record");
        for line in log.lines() {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            let touched = ["DBInstanceIdentifier", "TargetDBInstanceIdentifier"];
            let production = touched.iter().any(|key| entry["params"][key] == "orders-prod");
            assert!(!production, "{name} changes production in a drill: {line}");
        }
    }
}

async fn recover(bench: &Bench, name: &str) -> Ran {
    bench.run(&text(name), Mode::Recovery, &[], &[]).await
}

fn assert_passed(ran: &Ran, name: &str) {
    let outcome = ran.state.outcome.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", ran.state.paused));
    assert_eq!(outcome.word(), "passed", "{name}: {outcome:?}");
}

/// The resource id of the instance that has this name now.
fn holder(bench: &Bench, name: &str) -> Option<String> {
    let world = bench.world();
    let mut regions = world.regions();
    regions.find_map(|(_, region)| Some(region.instance(name)?.resource_id.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_cut_over_puts_the_copy_in_productions_place_and_keeps_the_damaged_one() {
    let bench = Bench::new(world("default"), 3);
    let damaged = holder(&bench, "orders-prod").expect("production");
    let ran = recover(&bench, "rds-restore-and-cut-over").await;
    assert_passed(&ran, "cut-over");
    assert_eq!(holder(&bench, "orders-prod-damaged"), Some(damaged.clone()));
    let now = holder(&bench, "orders-prod").expect("somebody serves");
    assert_ne!(now, damaged);
    let recovery_time = ran.state.recovery_time.as_ref().expect("a recovery time");
    assert_eq!(recovery_time.scope.as_deref(), Some("service"));
    assert_eq!(bench.effects("DeleteDBInstance"), 0);
    let restored = ran.state.step(&StepPath::new("restore")).outputs;
    let lacks = restored["not_restored"].to_string();
    assert!(!lacks.contains("monitoring") && lacks.contains("alarms"), "{lacks}");
}

/// Half of a cut-over is worse than either end: it pauses where it is and takes nothing back.
#[tokio::test(start_paused = true)]
async fn a_cut_over_that_fails_in_the_middle_pauses_and_undoes_nothing() {
    let mut definition = world("default");
    // The settings after the restore, the first renaming, the second.
    let (service, operation, when) = ("rds".into(), "ModifyDBInstance".into(), When::Calls(vec![3]));
    let kind = FaultKind::FinalState("storage-full".into());
    definition.faults.push(Fault { service, operation, when, kind });
    let bench = Bench::new(definition, 3);
    let ran = recover(&bench, "rds-restore-and-cut-over").await;
    assert!(
        ran.state.paused.as_ref().is_some_and(|paused| paused.why.contains("move_in")),
        "{:?}",
        ran.state.paused
    );
    assert!(holder(&bench, "orders-prod-damaged").is_some() && holder(&bench, "orders-prod").is_none());
    assert_eq!(bench.effects("ModifyDBInstance"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failover_moves_production_to_its_standby() {
    let bench = Bench::new(world("multi-az"), 3);
    let ran = recover(&bench, "rds-multi-az-failover").await;
    assert_passed(&ran, "failover");
    let outputs = ran.state.step(&StepPath::new("failover")).outputs;
    assert_eq!(
        (outputs["from_zone"].to_string(), outputs["to_zone"].to_string()),
        ("eu-west-1a".to_owned(), "eu-west-1b".to_owned())
    );
    assert_eq!(ran.state.step(&StepPath::new("zone")).status, StepStatus::Succeeded);
    let lost = ran.state.data_lost.as_ref().expect("data lost");
    assert_eq!((lost.actual_s, lost.met), (Some(0.0), Some(true)));
    assert_eq!(bench.effects("RebootDBInstance"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_standby_the_failover_runbook_says_so_before_anything() {
    let bench = Bench::new(world("default"), 3);
    let ran = bench.run(&text("rds-multi-az-failover"), Mode::Drill, &[], &[]).await;
    let outcome = ran.state.outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.exit_code(), 7, "{outcome:?}");
    assert!(bench.log.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recovery_from_a_snapshot_keeps_the_copy() {
    let bench = Bench::new(world("default"), 3);
    let ran = recover(&bench, "rds-snapshot-restore").await;
    assert_passed(&ran, "snapshot restore");
    let outputs = ran.state.step(&StepPath::new("restore")).outputs;
    let snapshot = outputs["snapshot"].to_string();
    assert!(snapshot.starts_with("awsbackup:job-"), "the newest is AWS Backup's: {snapshot}");
    let name = outputs["instance"].to_string();
    assert!(holder(&bench, &name).is_some(), "{name} is there");
}
