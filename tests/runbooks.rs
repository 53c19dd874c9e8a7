//! The shipped runbooks: each passes its drill, and a drill changes nothing that it did not make. What only a recovery does
//! is done here too, on a simulated AWS.

use crate::bench::{Bench, Ran, world};
use crate::program::{Program, root};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::world::SecretValue;
use serde_json::{Value, json};
use std::fs;

/// The shipped runbooks with the world each is rehearsed in.
pub(crate) const SHIPPED: [(&str, &str); 8] = [
    ("backup-restore-rds", "default"),
    ("backup-verification", "default"),
    ("rds-multi-az-failover", "multi-az"),
    ("rds-point-in-time-restore", "default"),
    ("rds-restore-and-cut-over", "default"),
    ("rds-restore-and-repoint", "default"),
    ("rds-several-databases", "default"),
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

/// The verdicts that AWS Backup was told.
fn verdicts(bench: &Bench) -> Vec<String> {
    let told = bench.log.all().into_iter().filter(|entry| entry.operation == "PutRestoreValidationResult");
    told.map(|entry| text_of(&entry.params["ValidationStatus"])).collect()
}

pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the application reads of its database.
fn secret(bench: &Bench) -> Value {
    let world = bench.world();
    let mut regions = world.regions();
    let secret = regions.find_map(|(_, region)| region.secrets.values().find(|it| it.name == "orders/db"));
    let secret = secret.expect("the secret");
    match &secret.versions[secret.holder("AWSCURRENT").expect("a current version")].value {
        SecretValue::Text(text) => serde_json::from_str(text).expect("a JSON secret"),
        SecretValue::Binary(_) => panic!("the secret is a text"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_recovery_from_aws_backup_keeps_the_copy_and_points_the_application_at_it() {
    let bench = Bench::new(world("default"), 3);
    let before = secret(&bench);
    let ran = recover(&bench, "backup-restore-rds").await;
    assert_passed(&ran, "backup-restore-rds");
    let outputs = ran.state.step(&StepPath::new("restore")).outputs;
    assert!(holder(&bench, &outputs["instance"].to_string()).is_some());
    let now = secret(&bench);
    assert_ne!(now["host"], before["host"]);
    assert_eq!(text_of(&now["host"]), outputs["endpoint"].to_string());
    assert_eq!(now["password"], before["password"]);
    assert_eq!(verdicts(&bench), ["SUCCESSFUL"]);
    let recovery_time = ran.state.recovery_time.as_ref().expect("a recovery time");
    assert_eq!((recovery_time.scope.as_deref(), recovery_time.met), (Some("service"), Some(true)));
    assert_eq!((bench.effects("StartRestoreJob"), bench.effects("DeleteDBInstance")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drill_from_aws_backup_leaves_the_secret_alone() {
    let bench = Bench::new(world("default"), 3);
    let before = secret(&bench);
    let ran = bench.run(&text("backup-restore-rds"), Mode::Drill, &[], &[]).await;
    assert_passed(&ran, "backup-restore-rds");
    assert_eq!(secret(&bench), before);
    assert_eq!((bench.effects("StartRestoreJob"), bench.effects("DeleteDBInstance")), (1, 1));
    assert_eq!(bench.effects("DeleteRecoveryPoint"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_verified_backup_has_its_verdict_and_a_recovery_keeps_the_copy() {
    for (mode, deleted) in [(Mode::Drill, 1), (Mode::Recovery, 0)] {
        let bench = Bench::new(world("default"), 3);
        let ran = bench.run(&text("backup-verification"), mode, &[], &[]).await;
        assert_passed(&ran, "backup-verification");
        assert_eq!(verdicts(&bench), ["SUCCESSFUL"]);
        assert_eq!(bench.effects("DeleteDBInstance"), deleted);
    }
}

/// The default world in which nobody wrote a heartbeat before the backup.
fn without_old_data() -> WorldDefinition {
    let mut definition = serde_json::to_value(world("default")).expect("JSON");
    definition["databases"]["orders"]["tables"]["heartbeat"]["since"] = "2026-01-05T08:00:00Z".into();
    serde_json::from_value(definition).expect("a world")
}

#[tokio::test(start_paused = true)]
async fn a_backup_without_its_data_has_a_bad_verdict_and_its_copy_goes() {
    let bench = Bench::new(without_old_data(), 3);
    let ran = bench.run(&text("backup-verification"), Mode::Drill, &[], &[]).await;
    let outcome = ran.state.outcome.as_ref().expect("an outcome");
    assert_eq!((outcome.word(), outcome.exit_code()), ("failed", 1), "{outcome:?}");
    assert!(outcome.left_behind.is_empty(), "{outcome:?}");
    assert_eq!(verdicts(&bench), ["FAILED"]);
    assert_eq!((bench.effects("StartRestoreJob"), bench.effects("DeleteDBInstance")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_backup_of_last_night_nothing_is_restored() {
    let mut definition = serde_json::to_value(world("default")).expect("JSON");
    let vaults = &mut definition["accounts"][0]["regions"]["eu-west-1"]["backup_vaults"];
    let points = vaults[0]["recovery_points"].as_array_mut().expect("recovery points");
    points.retain(|point| point["created_at"] != "2026-01-05T05:01:47Z");
    for name in ["backup-restore-rds", "backup-verification"] {
        let bench = Bench::new(serde_json::from_value(definition.clone()).expect("a world"), 3);
        let ran = bench.run(&text(name), Mode::Drill, &[], &[]).await;
        let outcome = ran.state.outcome.as_ref().expect("an outcome");
        assert_eq!(outcome.exit_code(), 7, "{name}: {outcome:?}");
        assert!(bench.log.all().is_empty(), "{name}");
    }
}
