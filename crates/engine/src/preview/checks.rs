//! The preflight, carried out: its checks only read.

use super::Foresight;
use super::model::{CheckPreview, Found, Then};
use crate::chart::Chart;
use crate::driver::Engine;
use crate::log::{JournalLost, RunLog};
use crate::people::Nobody;
use crate::scope::{RunScope, typed_outputs};
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::plan::{Cleanup, Mode, OnFail, Plan, Step};
use lifeboat_runbook::spec::{Catalog, Effect};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Drives a run that has the checks and nothing else, each of them to its end whatever became of those before.
pub(super) async fn carry_out(foresight: &Foresight, log: &Arc<RunLog>) -> Result<(), JournalLost> {
    let reads = |step: &&Step| only_reads(step, &foresight.catalog);
    let preflight = foresight.plan.preflight.iter().filter(reads).cloned();
    let plan = Plan {
        preflight: preflight.map(|step| Step { on_fail: Some(OnFail::Warn), ..step }).collect(),
        steps: Vec::new(),
        probes: Vec::new(),
        stop_when: Vec::new(),
        concurrency: None,
        cleanup: Cleanup::None,
        ..(*foresight.plan).clone()
    };
    let mut outside = foresight.outside.clone();
    outside.people = Arc::new(Nobody);
    let (_nobody, stop) = watch::channel(None);
    let engine = Engine {
        plan: Arc::new(plan),
        catalog: foresight.catalog.clone(),
        registry: foresight.registry.clone(),
        clock: foresight.clock.clone(),
        log: log.clone(),
        permitted: Vec::new(),
        confirmed: BTreeSet::new(),
        until: None,
        outside,
        stop,
    };
    engine.run().await
}

/// Whether a check reads whatever it is told. Where only the runbook says that it does (a program, a command on a node),
/// something would be run.
fn only_reads(step: &Step, catalog: &Catalog) -> bool {
    let spec = step.action().and_then(|action| catalog.get(action));
    step.effect == Some(Effect::Read) && spec.is_some_and(|spec| spec.effect == Some(Effect::Read))
}

/// What came of the checks.
pub(super) fn found(plan: &Plan, catalog: &Catalog, state: &RunState, mode: Mode) -> Vec<CheckPreview> {
    plan.preflight.iter().map(|step| check(plan, catalog, step, state, mode)).collect()
}

fn check(plan: &Plan, catalog: &Catalog, step: &Step, state: &RunState, mode: Mode) -> CheckPreview {
    let ended = state.step(&step.path);
    let found = match &ended.status {
        StepStatus::Succeeded | StepStatus::DoneByHand(_) => Found::Holds,
        StepStatus::Skipped(reason) => Found::Skipped { reason: reason.clone() },
        status => match status.failure() {
            Some(failure) => Found::Fails {
                code: failure.code.clone(),
                message: failure.message.clone(),
                hint: failure.hint.clone(),
                then: then(step.on_fail, mode),
            },
            None => Found::NotLooked { why: not_looked(only_reads(step, catalog)).to_owned() },
        },
    };
    let spec = step.action().and_then(|action| catalog.get(action));
    let outputs = spec.map_or_else(|| ended.outputs.clone(), |spec| typed_outputs(spec, &ended.outputs));
    let now = state.last.map(|last| last.at).unwrap_or_default();
    let own_outputs = Some(&outputs);
    let chart = Chart::of(plan);
    let own = Some(&step.path);
    let scope =
        RunScope { plan, chart: &chart, catalog, state, own, item: None, own_outputs, keyring: None, now };
    let looked_at: BTreeMap<String, String> = match found {
        Found::Holds => step
            .assert
            .iter()
            .flat_map(|assert| assert.explain(&scope))
            .map(|(name, value)| (name, value.to_string()))
            .collect(),
        _ => BTreeMap::new(),
    };
    CheckPreview {
        step: step.path.clone(),
        name: step.name.clone(),
        action: step.action().map(str::to_owned),
        found,
        looked_at,
        outputs,
    }
}

fn not_looked(only_reads: bool) -> &'static str {
    match only_reads {
        true => "AWS was not asked",
        false => "it runs what it is told, and a plan runs nothing",
    }
}

/// What a run does about a check that does not hold.
fn then(on_fail: Option<OnFail>, mode: Mode) -> Then {
    match (mode, on_fail) {
        (_, Some(OnFail::Warn)) => Then::Warns,
        (Mode::Drill, None | Some(OnFail::Refuse)) => Then::Refused,
        _ => Then::Asks,
    }
}
