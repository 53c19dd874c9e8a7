//! What the numbers of a run come from where AWS itself says when something was so: how far a replica was behind, when a
//! failover was completed, how far a restore had come.

use crate::bench::{Bench, Ran, world};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::measure::measure;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Grade;
use lifeboat_runbook::value::Value;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::definition::{LagDefinition, MaintenanceDefinition};
use lifeboat_sim::fault::{Fault, FaultKind, When};

const SEED: u64 = 5;
const HEAD: &str = "schema: lifeboat/v1\nkind: runbook\nname: replicas\n\
                    target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n";

async fn run(definition: WorldDefinition, mode: Mode, steps: &str) -> (Ran, Bench) {
    let bench = Bench::new(definition, SEED);
    let text = format!("{HEAD}{steps}");
    let ran = bench.run(&text, mode, &[], &["orders-prod", "orders-replica"]).await;
    (ran, bench)
}

/// The world `multi-az` whose replica has been so many seconds behind for hours, or has stopped.
fn with_lag(seconds: Option<u32>) -> WorldDefinition {
    let mut definition = world("multi-az");
    let from = definition.start - TimeDelta::hours(2);
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    let mut instances = region.instances.iter_mut();
    let replica = instances.find(|instance| instance.replica_of.is_some()).expect("a replica");
    replica.replica_lag = vec![LagDefinition { from, seconds }];
    definition
}

fn time(state: &RunState, step: &str, output: &str) -> DateTime<Utc> {
    match state.step(&StepPath::new(step)).outputs.get(output) {
        Some(Value::Time(time)) => *time,
        Some(Value::String(text)) => lifeboat_runbook::units::parse_time(text).expect("a time"),
        other => panic!("{step}.{output} is {other:?}"),
    }
}

fn failure(state: &RunState, step: &str) -> (String, String) {
    match state.step(&StepPath::new(step)).status {
        StepStatus::Failed(failure) | StepStatus::AttemptFailed(failure) => (failure.code, failure.message),
        other => panic!("{other:?}"),
    }
}

fn promote(with: &str) -> String {
    format!(
        "  - id: promote\n    action: rds.promote_replica\n    with: {{ instance: orders-replica{with} }}\n    commit: true\n"
    )
}

#[tokio::test(start_paused = true)]
async fn the_lag_from_before_is_the_evidence_of_what_a_promotion_loses() {
    let (ran, _) = run(world("multi-az"), Mode::Recovery, &promote(", max_lag: 30s")).await;
    assert_eq!(ran.state.step(&StepPath::new("promote")).status, StepStatus::Succeeded);
    let data = &ran.state.data_times[0];
    assert_eq!(data.grade, Grade::C);
    assert!(data.source.contains("ReplicaLag, at most 2s"), "{}", data.source);
    let began = ran.state.began.expect("it began").at;
    let behind = began - data.complete_to;
    assert!(behind < TimeDelta::minutes(5) && behind > TimeDelta::seconds(60), "{behind}");
    assert_eq!(time(&ran.state, "promote", "data_time"), data.complete_to);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_too_far_behind_or_nobody_knows_how_far_is_not_promoted() {
    for (definition, with, code) in [
        (with_lag(Some(240)), ", max_lag: 30s", "replica_lag"),
        (with_lag(None), ", max_lag: 30s", "replica_lag_unknown"),
        (world("multi-az"), "", "parameter"),
    ] {
        let (ran, bench) = run(definition, Mode::Recovery, &promote(with)).await;
        assert_eq!(failure(&ran.state, "promote").0, code, "{:?}", failure(&ran.state, "promote"));
        assert_eq!(bench.effects("PromoteReadReplica"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_of_the_time_that_rds_names() {
    let steps = "  - id: over\n    action: rds.failover\n    with: { instance: orders-prod }\n    commit: true\n    \
                 wait: { every: 20s }\n    marks: { succeeded: restored }\n";
    let (ran, _) = run(world("multi-az"), Mode::Recovery, steps).await;
    let step = ran.state.step(&StepPath::new("over"));
    assert_eq!(step.status, StepStatus::Succeeded);
    let restored = ran.state.marks[&MarkName::new("restored")];
    assert_eq!(restored.at, time(&ran.state, "over", "completed_at"));
    assert!(restored.at < step.finished.expect("an end").at, "and not of the time at which it was seen");
}

#[tokio::test(start_paused = true)]
async fn maintenance_that_waits_stops_a_drill_of_a_failover_and_is_told_in_a_recovery() {
    let mut definition = world("multi-az");
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    region.instances[0].pending_maintenance.push(MaintenanceDefinition {
        action: "system-update".to_owned(),
        description: "New Operating System update is available".to_owned(),
        auto_applied_after: None,
    });
    let steps =
        "  - id: over\n    action: rds.failover\n    with: { instance: orders-prod }\n    commit: true\n";
    let allowed = format!("allow: [orders-prod]\nsteps:\n{steps}");
    let bench = Bench::new(definition.clone(), SEED);
    let text = format!("{}{allowed}", HEAD.trim_end_matches("steps:\n"));
    let drill = bench.run(&text, Mode::Drill, &[], &["orders-prod"]).await;
    let (code, message) = failure(&drill.state, "over");
    assert_eq!(
        (code.as_str(), message.contains("system-update")),
        ("pending_maintenance", true),
        "{message}"
    );
    let (recovery, _) = run(definition, Mode::Recovery, steps).await;
    let told = measure(&recovery.state, &[]).findings;
    assert!(
        told.iter().any(|finding| finding.text.contains("maintenance is pending: system-update")),
        "{told:?}"
    );
}

fn restore(wait: &str) -> String {
    format!(
        "  - id: restore\n    action: rds.restore_to_point_in_time\n    \
         with: {{ source: orders-prod, time: latest }}\n    wait: {{ for: {wait}, every: 10s }}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn usable_available_and_hydrated_are_different_moments() {
    let (ran, _) = run(world("multi-az"), Mode::Drill, &restore("hydrated")).await;
    let step = ran.state.step(&StepPath::new("restore"));
    assert_eq!(step.status, StepStatus::Succeeded);
    let at = |name: &str| step.reached.get(name).copied().unwrap_or_else(|| panic!("{name} was not seen"));
    assert!(at("usable") < at("hydrated"), "{:?}", step.reached);
    assert!(
        at("hydrated") <= at("available"),
        "what is left to set comes after the loading: {:?}",
        step.reached
    );
    let (early, _) = run(world("multi-az"), Mode::Drill, &restore("usable")).await;
    let names: Vec<_> = early.state.step(&StepPath::new("restore")).reached.into_keys().collect();
    assert_eq!(names, ["usable"], "nobody looked any longer: the others are unknown");
    let (silent, _) = run(world("default"), Mode::Drill, &restore("available")).await;
    let names: Vec<_> = silent.state.step(&StepPath::new("restore")).reached.into_keys().collect();
    assert_eq!(names, ["available", "usable"], "this world does not show the loading");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_loses_no_evidence() {
    let mut definition = world("default");
    definition.faults.push(Fault {
        service: "rds".to_owned(),
        operation: "RestoreDBInstanceToPointInTime".to_owned(),
        when: When::Calls(vec![1]),
        kind: FaultKind::ReplyLost,
    });
    let (ran, bench) = run(definition, Mode::Drill, &restore("usable")).await;
    assert_eq!(ran.state.step(&StepPath::new("restore")).status, StepStatus::Succeeded);
    assert_eq!(bench.effects("RestoreDBInstanceToPointInTime"), 1);
    assert_eq!(ran.state.data_times.iter().map(|data| data.grade).collect::<Vec<_>>(), [Grade::B]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_bears_another_name_is_found_and_taken_away() {
    let rename = "  - id: rename\n    action: rds.rename_instance\n    commit: false\n    undo: false\n    \
                  with: { instance: \"${{ steps.restore.outputs.instance }}\", to: orders-elsewhere }\n";
    let (ran, bench) = run(world("default"), Mode::Drill, &format!("{}{rename}", restore("available"))).await;
    assert_eq!(ran.state.step(&StepPath::new("rename")).status, StepStatus::Succeeded);
    let names: Vec<_> = bench.region().instances.values().map(|it| it.identifier.clone()).collect();
    assert_eq!(names, ["orders-prod"], "the copy is gone, whatever it was called");
    assert_eq!(ran.state.outcome.expect("an outcome").left_behind, []);
}
