//! What would happen: the plan of a run, step by step, from what can be known without changing anything.
//!
//! Checks of the preflight are carried out, because they only read. Of each step the condition, the parameters, what
//! `prepare` finds and what the guards say are worked out as far as they are known; what comes from a step that has not
//! run is a placeholder with its type. No action is performed here: [`crate::action::Action::act`] is never called.

mod beside;
mod checks;
mod lock;
mod model;
mod placeholder;
mod scope;
mod steps;

pub use model::{
    ActsIn, AlarmPreview, Asked, Back, CheckPreview, Expected, Found, Impact, LockPreview, Owner, Preview,
    ProbePreview, Problem, Runs, StepPreview, Then, Verdict,
};

use crate::action::ActionError;
use crate::clock::Clock;
use crate::decide::default_on_failure;
use crate::driver::Outside;
use crate::log::{JournalLost, RunLog};
use crate::registry::Registry;
use crate::start::{self, Aim, Caller, Start};
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Cleanup, Mode, OnFailure, Plan, Step};
use lifeboat_runbook::spec::Catalog;
use std::io;
use std::sync::Arc;
use steps::Walk;

/// The id that stands for the run which has not begun; its letters turn up in the names that are shown as patterns.
const NO_RUN: &str = "qqqqqqqqqqqqqqqq";

/// Everything that is needed to look ahead.
pub struct Foresight {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// The types of outputs and parameters.
    pub catalog: Catalog,
    /// The actions.
    pub registry: Registry,
    /// The time.
    pub clock: Clock,
    /// Secrets of checks, and whose credentials these are. Nobody is asked.
    pub outside: Outside,
    /// What the run would be started with.
    pub start: Start,
    /// Its account and Region.
    pub aim: Aim,
    /// Who AWS says we are.
    pub caller: Result<Caller, ActionError>,
}

/// The step with this id, also inside groups: a plan knows no items yet.
fn find<'plan>(steps: &'plan [Step], id: &str) -> Option<&'plan Step> {
    steps.iter().find_map(|step| if step.id == id { Some(step) } else { find(step.children(), id) })
}

/// Looks ahead. Only reads.
///
/// # Errors
/// Never in practice: the journal of the checks is kept in memory.
pub async fn preview(foresight: Foresight) -> Result<Preview, JournalLost> {
    let Foresight { plan, start, aim, caller, clock, .. } = &foresight;
    let writer = JournalWriter::create(Box::new(Nowhere), RunId::new(NO_RUN));
    let log = Arc::new(RunLog::new(clock.clone(), writer, Vec::new(), Vec::new()));
    start::begin(&log, plan, start, aim, caller)?;
    start::guard_steps(&log, plan, &foresight.catalog, foresight.outside.identity.as_ref()).await?;
    let refused = log.with_state(|state| state.refused.clone());
    let started = log.with_state(|state| state.started.clone());
    let mut problems: Vec<Problem> = start::not_yet(plan).into_iter().map(Problem::not_yet).collect();
    problems.extend(refused.map(|refused| Problem::refused(&refused.check, refused.failure)));
    let may_look = problems.is_empty();
    if may_look {
        checks::carry_out(&foresight, &log).await?;
    }
    let state = log.with_state(Clone::clone);
    let checks = checks::found(plan, &foresight.catalog, &state, start.mode);
    let lock = lock::look(&foresight, &state, may_look).await;
    problems.extend(lock.iter().filter_map(|lock| lock.problem.clone()));
    problems.extend(checks.iter().filter_map(CheckPreview::problem));
    let (alarms, standing_against) = beside::alarms(&foresight, &log, may_look).await;
    problems.extend(standing_against);
    let mut walk = Walk::new(&foresight, &log, &state, may_look);
    let steps = walk.all(&plan.steps).await;
    let cleanup = walk.all(plan.cleanup_steps()).await;
    let takes_back = steps::takes_back(plan, &foresight.catalog, &steps);
    problems.extend(steps.iter().chain(&cleanup).flat_map(StepPreview::problems));
    let needs = needs(plan, start.mode, caller.as_ref().ok(), &steps);
    let verdict = Verdict::of(&problems);
    Ok(Preview {
        runbook: plan.name.clone(),
        title: plan.title.clone(),
        mode: start.mode,
        cloud: start.cloud.word(),
        account: caller.as_ref().ok().map(|caller| caller.account.clone()).or_else(|| aim.account.clone()),
        region: aim.region.clone(),
        caller: started.as_ref().and_then(|started| started.caller.clone()),
        acts_as: started.and_then(|started| started.acts_as),
        role: aim.access.role.clone(),
        at: clock.now(),
        inputs: start.inputs.clone(),
        rto_objective_s: plan.objectives.rto.map(seconds),
        rpo_objective_s: plan.objectives.rpo.map(seconds),
        lock,
        checks,
        alarms,
        probes: beside::probes(&foresight, &state),
        expected: steps::expected(&steps),
        steps,
        cleanup,
        takes_back,
        cleans_up: matches!((&plan.cleanup, start.mode), (Cleanup::Auto, Mode::Drill)),
        on_failure: match plan.on_failure.unwrap_or_else(|| default_on_failure(start.mode)) {
            OnFailure::Undo => "undo",
            OnFailure::Pause => "pause",
        },
        needs: roles_needed(plan, start).into_iter().chain(needs).collect(),
        problems,
        verdict,
    })
}

/// What has to be said on the command line besides, because this run touches what it did not make.
fn needs(plan: &Plan, mode: Mode, caller: Option<&Caller>, steps: &[StepPreview]) -> Vec<String> {
    let account = caller.map_or("ACCOUNT", |caller| caller.account.as_str());
    let confirm = (mode == Mode::Drill && !plan.allow.is_empty()).then(|| format!("--confirm {account}"));
    let impacts = steps.iter().flat_map(|step| &step.impacts);
    let mut needs: Vec<String> = impacts.filter_map(|impact| impact.needs.clone()).collect();
    needs.extend(confirm);
    needs.sort();
    needs.dedup();
    needs
}

/// The roles that somebody must hold, and nobody was named for.
fn roles_needed(plan: &Plan, start: &Start) -> Vec<String> {
    let missing = |(role, required): &(&str, bool)| *required && !start.roles.contains_key(*role);
    plan.every_role().into_iter().filter(missing).map(|(role, _)| format!("--role {role}=PERSON")).collect()
}

fn seconds(duration: chrono::TimeDelta) -> f64 {
    duration.num_milliseconds() as f64 / 1000.0
}

/// A journal of which nothing stays.
struct Nowhere;

impl Storage for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}
