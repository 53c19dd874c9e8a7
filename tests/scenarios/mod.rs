//! Each action that changes RDS, in every way it may go: a table, of which `scripts/scenarios` prints what came of it.
//!
//! A good run and runs that end in each failure state; a reply that is lost; performed twice; undone twice; undone when
//! nothing was made. Over all of them an action makes exactly the calls that its spec asks permission for.

mod rows;

use crate::bench::{Bench, Hand};
use chrono::TimeDelta;
use lifeboat_engine::action::{ErrorKind, Observation, Stage, UndoObservation};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::units::duration_text;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use rows::{ROWS, Row};
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 5;

/// What one row came to, and which calls it made.
struct Told {
    cells: [String; 6],
    operations: BTreeSet<String>,
}

#[tokio::test(start_paused = true)]
async fn every_action_goes_every_way() {
    let mut operations: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let titles = ["good", "failure states", "reply lost", "twice", "undone twice", "nothing made"];
    print_line("action", titles.map(str::to_owned));
    for row in ROWS {
        let told = go(row).await;
        print_line(&format!("{}{}", row.action, row.variant), told.cells);
        operations.entry(row.action).or_default().extend(told.operations);
    }
    for (action, made) in operations {
        let spec = crate::bench::catalog().get(action).expect("a spec");
        let names = |calls: &[&str]| calls.iter().map(|call| (*call).to_owned()).collect::<BTreeSet<_>>();
        // `dependent` also names calls that only some runs make; every one of them is made in some row.
        let own = |call: &&&str| bench_knows(call);
        let sometimes: Vec<&str> = spec.dependent.iter().filter(own).copied().collect();
        let asked = &names(spec.calls) | &names(&sometimes);
        assert_eq!(made, asked, "{action}: the calls it makes, and those it asks permission for");
    }
    let all = crate::bench::catalog();
    let missing = all
        .iter()
        .filter(|spec| spec.name.starts_with("rds.") && spec.effect != Some(Effect::Read))
        .find(|spec| !ROWS.iter().any(|row| row.action == spec.name));
    assert!(missing.is_none(), "{:?} stands in no row", missing.map(|spec| spec.name));
}

/// Whether the simulator has this operation, and it is not one that AWS only checks besides another.
fn bench_knows(call: &str) -> bool {
    let besides = ["rds:AddTagsToResource", "rds:CreateDBSnapshot"];
    !besides.contains(&call)
        && lifeboat_sim::service::operations().any(|(service, name)| call == format!("{service}:{name}"))
}

fn print_line(name: &str, cells: [String; 6]) {
    let [good, failures, lost, twice, undone, nothing] = cells;
    println!("{name:46} {good:8} {failures:16} {lost:12} {twice:10} {undone:14} {nothing}");
}

async fn go(row: &Row) -> Told {
    let mut operations = BTreeSet::new();
    let cells = [
        good(row, &mut operations).await,
        failure_states(row, &mut operations).await,
        reply_lost(row, &mut operations).await,
        twice(row, &mut operations).await,
        undone_twice(row, &mut operations).await,
        nothing_made(row, &mut operations).await,
    ];
    Told { cells, operations }
}

fn bench(row: &Row, fault: Option<(When, FaultKind)>) -> Bench {
    let mut definition = (row.world)();
    if let Some((when, kind)) = fault {
        let (service, operation) = ("rds".to_owned(), row.mutation.to_owned());
        definition.faults.push(Fault { service, operation, when, kind });
    }
    Bench::new(definition, SEED)
}

async fn run(row: &Row, bench: &Bench) -> crate::bench::Ran {
    let text = format!(
        "schema: lifeboat/v1\nkind: runbook\nname: scenario\n\
         target: {{ account: \"111122223333\", region: eu-west-1 }}\nsteps:\n{}",
        row.steps()
    );
    bench.run(&text, row.mode, &[], &["orders-prod"]).await
}

fn status(ran: &crate::bench::Ran) -> StepStatus {
    ran.state.step(&StepPath::new("it")).status
}

/// The world is as it was before, but for what the action is there to change.
fn assert_clean(row: &Row, bench: &Bench, before: &WorldDefinition) {
    if row.mode == Mode::Recovery {
        return;
    }
    let world = bench.world();
    let (_, region) = world.regions().next().expect("a Region");
    let defined = before.accounts[0].regions.values().next().expect("a Region");
    let manual: Vec<_> = region.snapshots.values().filter(|it| it.kind == "manual").collect();
    assert_eq!(region.instances.len(), defined.instances.len(), "{}: an instance is left", row.action);
    assert!(manual.is_empty(), "{}: a snapshot is left: {manual:?}", row.action);
}

async fn good(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None);
    let ran = run(row, &bench).await;
    assert_eq!(status(&ran), StepStatus::Succeeded, "{}{}", row.action, row.variant);
    let outcome = ran.state.outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.word(), "passed", "{}: {outcome:?}", row.action);
    assert_eq!(outcome.left_behind, []);
    assert_clean(row, &bench, &(row.world)());
    operations.extend(bench.operations());
    let step = ran.state.step(&StepPath::new("it"));
    let took = step.finished.zip(step.started).map(|(end, start)| end.at - start.at).unwrap_or_default();
    duration_text(TimeDelta::seconds(took.num_seconds()))
}

/// It ends in each state of its spec: the step fails with that state's name, and what was made is gone in a drill.
async fn failure_states(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let spec = crate::bench::catalog().get(row.action).expect("a spec");
    if !row.can_fail {
        return "-".to_owned();
    }
    for state in spec.failure_states {
        let kind = FaultKind::FinalState((*state).to_owned());
        let bench = bench(row, Some((When::Calls(vec![row.call]), kind)));
        let ran = run(row, &bench).await;
        let StepStatus::Failed(failure) = status(&ran) else {
            panic!("{}: in {state} it is {:?}", row.action, status(&ran));
        };
        assert_eq!(failure.code, *state, "{}: {failure:?}", row.action);
        // What something outside is deleting goes by itself in AWS; the fault leaves it standing.
        if *state != "deleting" {
            assert_clean(row, &bench, &(row.world)());
        }
        operations.extend(bench.operations());
    }
    match spec.failure_states.len() {
        0 => "has none".to_owned(),
        count => format!("{count} of {count}"),
    }
}

/// The mutation takes effect, and no reply comes: a look finds it, and it is not made again.
async fn reply_lost(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, Some((When::Calls(vec![row.call]), FaultKind::ReplyLost)));
    let ran = run(row, &bench).await;
    assert_eq!(status(&ran), StepStatus::Succeeded, "{}{}", row.action, row.variant);
    let outcome = ran.state.outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.left_behind, [], "{}", row.action);
    assert_eq!(bench.effects(row.mutation), row.effects, "{}{}: made again", row.action, row.variant);
    assert_clean(row, &bench, &(row.world)());
    operations.extend(bench.operations());
    "made once".to_owned()
}

async fn ready<'bench>(row: &Row, bench: &'bench Bench) -> Hand<'bench> {
    let mut hand = bench.hand(row.action, row.mode, (row.with)(), row.wait_for);
    hand.prepare().await;
    hand.act(&Stage::first()).await.expect("the first time it is accepted");
    hand
}

/// Asked for again while it comes about: refused or taken for the same, and one thing comes of it.
async fn twice(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None);
    let mut hand = ready(row, &bench).await;
    bench.clock.sleep(std::time::Duration::from_secs(90)).await;
    let again = hand.act(&Stage::first()).await;
    if let Err(error) = &again {
        let may_be = matches!(error.kind, ErrorKind::Unknown | ErrorKind::Transient);
        assert!(may_be, "{}: a second time is {error:?}", row.action);
    }
    let settled = hand.settle().await;
    assert!(matches!(settled, Observation::Ready(_)), "{}: {settled:?}", row.action);
    if hand.action.spec().effect == Some(Effect::Create) {
        assert_eq!(bench.effects(row.mutation), 1, "{}", row.action);
    }
    operations.extend(bench.operations());
    "one came".to_owned()
}

async fn undone_twice(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None);
    let mut hand = ready(row, &bench).await;
    let settled = hand.settle().await;
    assert!(matches!(settled, Observation::Ready(_)), "{}: {settled:?}", row.action);
    let undone = [hand.take_back().await, hand.take_back().await];
    operations.extend(bench.operations());
    match (row.returns, undone) {
        (true, [UndoObservation::Gone, UndoObservation::Gone]) => {
            assert_clean(row, &bench, &(row.world)());
            // The call itself is true also when there is nothing to take back.
            let again = hand.action.undo(&hand.cx, &Stage::first()).await;
            assert!(again.is_ok(), "{}: {again:?}", row.action);
            "gone".to_owned()
        }
        (false, [UndoObservation::Failed { .. }, UndoObservation::Failed { .. }]) => {
            "told: one way".to_owned()
        }
        (_, undone) => panic!("{}{}: {undone:?}", row.action, row.variant),
    }
}

async fn nothing_made(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None);
    let mut hand = bench.hand(row.action, row.mode, (row.with)(), row.wait_for);
    hand.prepare().await;
    let undone = hand.take_back().await;
    let expected = row.undone_untouched;
    let as_expected = match &undone {
        UndoObservation::Gone => expected,
        UndoObservation::Failed { .. } => !expected,
        other => panic!("{}: {other:?}", row.action),
    };
    assert!(as_expected, "{}{}: {undone:?}", row.action, row.variant);
    assert_eq!(bench.effects(row.mutation), 0, "{}", row.action);
    operations.extend(bench.operations());
    "untouched".to_owned()
}

/// A change of which RDS says `available` although it failed: an event tells, and the step fails.
#[tokio::test(start_paused = true)]
async fn a_change_that_failed_quietly_is_told() {
    let row = ROWS.iter().find(|row| row.action == "rds.modify_instance").expect("a row");
    let bench = bench(row, Some((When::Calls(vec![1]), FaultKind::FinalState("available".to_owned()))));
    let ran = run(row, &bench).await;
    let StepStatus::Failed(failure) = status(&ran) else { panic!("{:?}", status(&ran)) };
    assert_eq!(failure.code, "the change failed");
    assert!(failure.hint.expect("what RDS says").contains("Unable to apply"));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_standby_does_not_fail_over() {
    let row = ROWS.iter().find(|row| row.action == "rds.failover").expect("a row");
    let bench = Bench::new(crate::bench::world("default"), SEED);
    let ran = run(row, &bench).await;
    let StepStatus::Failed(failure) = status(&ran) else { panic!("{:?}", status(&ran)) };
    assert_eq!((failure.code.as_str(), failure.refused), ("single_az", true));
    assert_eq!(bench.effects("RebootDBInstance"), 0);
}

/// The reads, each once.
#[tokio::test(start_paused = true)]
async fn what_is_read_is_there() {
    let bench = Bench::new(crate::bench::world("default"), SEED);
    let text = "schema: lifeboat/v1\nkind: runbook\nname: reads\n\
        target: { account: \"111122223333\", region: eu-west-1 }\n\
        steps:\n\
        \x20 - id: none\n    action: rds.latest_snapshot\n    with: { source: orders-prod, type: manual }\n    continue_on_error: true\n\
        \x20 - id: old\n    action: rds.latest_snapshot\n    with: { source: orders-prod, max_age: 1h }\n    continue_on_error: true\n\
        \x20 - id: newest\n    action: rds.latest_snapshot\n    with: { source: orders-prod, type: automated }\n\
        \x20   assert:\n      - outputs.snapshot == 'rds:orders-prod-2026-01-05-02-07'\n      - outputs.data_grade == 'B'\n\
        \x20     - outputs.data_time <= outputs.created_at\n\
        \x20 - id: earlier\n    action: rds.latest_snapshot\n    with: { source: orders-prod, before: 2026-01-04T00:00:00Z }\n\
        \x20   assert: [ \"outputs.snapshot == 'rds:orders-prod-2026-01-03-02-07'\" ]\n\
        \x20 - id: take\n    action: rds.create_snapshot\n    with: { instance: orders-prod }\n    undo: false\n\
        \x20 - id: told\n    action: rds.events\n    with: { snapshot: \"${{ steps.take.outputs.snapshot }}\", match: CREATED }\n\
        \x20   wait: { until: outputs.count > 0, timeout: 2m }\n\
        \x20   assert: [ \"outputs.events[0].text == 'Manual snapshot created'\" ]\n\
        \x20 - id: everything\n    action: rds.events\n    assert: [ \"outputs.count >= 2 && outputs.newest_at != null\" ]\n";
    let ran = bench.run(text, Mode::Recovery, &[], &[]).await;
    let code = |id: &str| match ran.state.step(&StepPath::new(id)).status {
        StepStatus::AllowedFailure(failure) => failure.code,
        other => format!("{other:?}"),
    };
    assert_eq!((code("none").as_str(), code("old").as_str()), ("NoSnapshot", "TooOld"));
    let outcome = ran.state.outcome.as_ref().unwrap_or_else(|| panic!("{:?}", ran.state.paused));
    assert!(outcome.word().starts_with("passed"), "{outcome:?}");
}
