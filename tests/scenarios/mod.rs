//! Each action that changes something in AWS, in every way it may go: a table, of which `scripts/scenarios` prints what
//! came of it.
//!
//! A good run and runs that end in each failure state; a reply that is lost; performed twice; undone twice; undone when
//! nothing was made. Where a way means nothing for an action, its row says why. Over all of them an action makes exactly the calls that its spec asks permission for.

mod rows;

use crate::bench::{Bench, Hand};
use chrono::TimeDelta;
use lifeboat_engine::action::{ErrorKind, Observation, Stage, UndoObservation, Values};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::units::duration_text;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use rows::{Deed, ROWS, Row, Way};
use std::collections::{BTreeMap, BTreeSet};

const SEED: u64 = 5;

#[tokio::test(start_paused = true)]
async fn every_action_goes_every_way() {
    let mut operations: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    print_line("action", &Way::ALL.map(|way| way.title().to_owned()), "");
    for row in ROWS {
        let mut cells = Way::ALL.map(|_| NO_MEANING.to_owned());
        let made = operations.entry(row.action).or_default();
        for (cell, way) in cells.iter_mut().zip(Way::ALL).filter(|(_, way)| row.lacks(*way).is_none()) {
            *cell = go(row, way, made).await;
        }
        print_line(&format!("{}{}", row.action, row.variant), &cells, &reasons(row));
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
}

/// Of the actions on AWS: what probes do, they do to real servers and programs, in `crates/probe/tests/real`.
#[test]
fn every_action_that_is_no_read_stands_in_a_row() {
    let all = lifeboat_aws::catalog();
    let changing = all.iter().filter(|spec| spec.effect != Some(Effect::Read));
    let missing: Vec<_> =
        changing.map(|spec| spec.name).filter(|name| !ROWS.iter().any(|row| row.action == *name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    for way in Way::ALL {
        let shown = |row: &&Row| row.lacks(way).is_none();
        assert!(ROWS.iter().any(|row| shown(&row)), "no row shows {}", way.title());
    }
}

/// What stands in a cell of a way that means nothing for an action.
const NO_MEANING: &str = "–";

/// Why some cells of a row are empty.
fn reasons(row: &Row) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    row.without.iter().for_each(|(way, why)| reasons.entry(why).or_default().push(way.title()));
    let said = reasons.iter().map(|(why, ways)| format!("{NO_MEANING} {}: {why}", ways.join(", ")));
    said.collect::<Vec<_>>().join("; ")
}

/// Whether the simulator has this operation, and it is not one that AWS only checks besides another.
fn bench_knows(call: &str) -> bool {
    // RDS makes the secret of a managed password by itself, with the caller's permission.
    let besides = [
        "backup:TagResource",
        "rds:AddTagsToResource",
        "rds:CreateDBSnapshot",
        "secretsmanager:CreateSecret",
        "ssm:AddTagsToResource",
    ];
    !besides.contains(&call)
        && lifeboat_sim::service::operations().any(|(service, name)| call == format!("{service}:{name}"))
}

fn print_line(name: &str, cells: &[String; 6], reasons: &str) {
    let [good, failures, lost, twice, undone, nothing] = cells;
    let line =
        format!("{name:46} {good:8} {failures:16} {lost:12} {twice:16} {undone:14} {nothing:14} {reasons}");
    println!("{}", line.trim_end());
}

async fn go(row: &Row, way: Way, operations: &mut BTreeSet<String>) -> String {
    match way {
        Way::Good => good(row, operations).await,
        Way::FailureStates => failure_states(row, operations).await,
        Way::ReplyLost => reply_lost(row, operations).await,
        Way::Twice => twice(row, operations).await,
        Way::UndoneTwice => undone_twice(row, operations).await,
        Way::NothingMade => nothing_made(row, operations).await,
    }
}

fn bench(row: &Row, fault: Option<(When, FaultKind)>) -> Bench {
    let mut definition = (row.world)();
    if let Some((when, kind)) = fault {
        let (service, operation) = (row.service().to_owned(), row.mutation.to_owned());
        definition.faults.push(Fault { service, operation, when, kind });
    }
    Bench::new(definition, SEED)
}

/// Its parameters, when what they name is there.
async fn parameters(row: &Row, bench: &Bench) -> Values {
    let with = (row.with)(bench);
    bench.clock.sleep(row.lead).await;
    with
}

async fn run(row: &Row, bench: &Bench) -> crate::bench::Ran {
    let with = parameters(row, bench).await;
    let text = format!(
        "schema: lifeboat/v1\nkind: runbook\nname: scenario\n\
         target: {{ account: \"111122223333\", region: eu-west-1 }}\nsteps:\n{}",
        row.steps(&with)
    );
    bench.run(&text, row.mode, &[], &["orders-prod"]).await
}

fn status(ran: &crate::bench::Ran) -> StepStatus {
    ran.state.step(&StepPath::new("it")).status
}

/// What stands in parameters, in secrets and in vaults.
fn kept(bench: &Bench) -> BTreeMap<String, String> {
    let (now, region) = (bench.world().now, bench.region());
    let parameters = region.parameters.iter().map(|(name, parameter)| {
        (name.clone(), parameter.version(None).map(|version| version.value.clone()).unwrap_or_default())
    });
    let secrets = region.secrets.iter().map(|(name, secret)| {
        let current = secret.holder("AWSCURRENT").and_then(|version| secret.versions.get(version));
        (name.clone(), format!("{:?}", current.map(|version| &version.value)))
    });
    let points = region.backup.recovery_points.values().filter(|it| it.gone_at.is_none_or(|gone| gone > now));
    let points = points.map(|point| (point.arn.clone(), point.vault.clone()));
    parameters.chain(secrets).chain(points).collect()
}

/// The same before anything was done.
fn kept_before(row: &Row) -> BTreeMap<String, String> {
    kept(&bench(row, None))
}

/// The world is as it was before, but for what the action is there to change.
fn assert_clean(row: &Row, bench: &Bench, before: &WorldDefinition) {
    if row.mode == Mode::Recovery {
        return;
    }
    assert_eq!(kept(bench), kept_before(row), "{}{}", row.action, row.variant);
    let world = bench.world();
    let (_, region) = world.regions().next().expect("a Region");
    let defined = before.accounts[0].regions.values().next().expect("a Region");
    let manual: Vec<_> = region.snapshots.values().filter(|it| it.kind == "manual").collect();
    assert_eq!(region.instances.len(), defined.instances.len(), "{}: an instance is left", row.action);
    assert!(manual.is_empty(), "{}: a snapshot is left: {manual:?}", row.action);
}

async fn good(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None).with_approval();
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
    for state in spec.failure_states {
        if let Some((_, somebody)) = row.breaks.iter().find(|(broken, _)| broken == state) {
            broken_by_somebody(row, state, *somebody).await;
            continue;
        }
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

/// Somebody does what ends in this state; that is told, and what they did is not taken back with the step.
async fn broken_by_somebody(row: &Row, state: &str, somebody: Deed) {
    let bench = bench(row, None);
    let mut hand = ready(row, &bench).await;
    somebody(&bench);
    let theirs = kept(&bench);
    let settled = hand.settle().await;
    assert!(
        matches!(&settled, Observation::Broken { state: said, hint: Some(_) } if said == state),
        "{}: in {state} it is {settled:?}",
        row.action
    );
    let undone = hand.take_back().await;
    assert!(
        matches!(undone, UndoObservation::Gone | UndoObservation::Failed { .. }),
        "{}: after {state} its undo is {undone:?}",
        row.action
    );
    assert_eq!(kept(&bench), theirs, "{}: {state}", row.action);
}

/// The mutation takes effect, and no reply comes: a look finds it, and it is not made again.
async fn reply_lost(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, Some((When::Calls(vec![row.call]), FaultKind::ReplyLost)));
    let ran = run(row, &bench).await;
    assert_eq!(status(&ran), StepStatus::Succeeded, "{}{}", row.action, row.variant);
    let outcome = ran.state.outcome.as_ref().expect("an outcome");
    assert_eq!(outcome.left_behind, [], "{}", row.action);
    match row.made {
        Some(_) => assert_eq!(made(row, &bench), 1, "{}{}: made again", row.action, row.variant),
        None => {
            assert_eq!(bench.effects(row.mutation), row.effects, "{}{}: made again", row.action, row.variant);
        }
    }
    assert_clean(row, &bench, &(row.world)());
    operations.extend(bench.operations());
    "made once".to_owned()
}

/// How many things came of it.
fn made(row: &Row, bench: &Bench) -> usize {
    row.made.map_or(bench.effects(row.mutation), |made| made(&bench.region()))
}

async fn take_up<'bench>(row: &Row, bench: &'bench Bench) -> Hand<'bench> {
    let with = parameters(row, bench).await;
    let mut hand = bench.hand(row.action, row.mode, with, row.wait_for);
    hand.cx.effect = hand.cx.effect.or(row.effect);
    hand.prepare().await;
    hand
}

async fn ready<'bench>(row: &Row, bench: &'bench Bench) -> Hand<'bench> {
    let mut hand = take_up(row, bench).await;
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
    let count = made(row, &bench);
    if hand.action.spec().effect == Some(Effect::Create) {
        assert_eq!(count, 1, "{}", row.action);
    }
    operations.extend(bench.operations());
    // Of a change that is asked for again, the same comes again.
    if count == 1 { "one came".to_owned() } else { "came to the same".to_owned() }
}

async fn undone_twice(row: &Row, operations: &mut BTreeSet<String>) -> String {
    let bench = bench(row, None);
    let mut hand = ready(row, &bench).await;
    if !row.undone_early {
        let settled = hand.settle().await;
        assert!(matches!(settled, Observation::Ready(_)), "{}: {settled:?}", row.action);
    }
    let undone = [hand.take_back().await, hand.take_back().await];
    operations.extend(bench.operations());
    match (row.returns, undone) {
        (true, [UndoObservation::Gone, UndoObservation::Gone]) => {
            assert_clean(row, &bench, &(row.world)());
            assert_eq!(kept(&bench), kept_before(row), "{}{}", row.action, row.variant);
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
    let mut hand = take_up(row, &bench).await;
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
