//! What to do next: a pure function of the plan and the fold. No clock, no I/O, no randomness.
//!
//! [`decide`] is the definition: it builds the tree of steps as it stands in a state and gives every command that is
//! due. A [`Decider`] keeps that tree from event to event, looks again only at what an event touches, and gives only
//! what has become due: ten thousand steps cost ten thousand times what one costs. That the two agree after every
//! event of any run is a property test.

use crate::chart::Chart;
use crate::scope::RunScope;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::{EventKind, Failure, PauseReason, Phase, StepStarted, Values};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::{RunState, StepState, StepStatus};
use lifeboat_runbook::expression::{Expression, ExpressionError};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, OnFail, OnFailure, Plan, Retry, Step, Work};
use lifeboat_runbook::spec::{Catalog, Effect};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

mod ending;
mod groups;
mod people;
mod tree;

pub(crate) use ending::{default_on_failure, is_undone_by_default};
pub(crate) use people::on_timeout;
pub use people::{ABORTED, REJECTED};
pub use tree::Decider;

/// The code of the error of a step that was stopped by the operator.
pub const CANCELLED: &str = "cancelled";

/// What the driver is to do. Every command has an event that stops it from being given again.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Write this event.
    Record {
        /// The step it belongs to.
        step: Option<StepPath>,
        /// What happened.
        kind: Box<EventKind>,
        /// When, if not now.
        at: Option<DateTime<Utc>>,
    },
    /// Prepare, act and wait: until `step.succeeded` or `step.attempt_failed`.
    Perform {
        /// Which step.
        step: StepPath,
        /// Its attempt, from 1.
        attempt: u32,
        /// The numbers of the events that made it ready to start.
        after: Vec<u64>,
    },
    /// Look whether the attempt's effect is there, and go on from what is found.
    Look {
        /// Which step.
        step: StepPath,
        /// Its attempt.
        attempt: u32,
    },
    /// Wait until `due`, then write `timer.fired`.
    Wake {
        /// Which step.
        step: StepPath,
        /// What it is for.
        purpose: &'static str,
        /// When.
        due: DateTime<Utc>,
    },
    /// Wait for the answer to a question, until `person.answered` or `person.timed_out`.
    Ask {
        /// Which step asks.
        step: StepPath,
        /// The number of the question's event.
        asked: u64,
    },
    /// Take the lock of `concurrency`, until `lock.acquired` or `lock.renewed`, or until it is known that it cannot be had.
    TakeLock,
    /// Give the lock back, until `lock.released`.
    ReleaseLock,
    /// Take back what the step did, until `step.undone` or `step.undo_failed`.
    Undo {
        /// Which step.
        step: StepPath,
    },
}

impl Command {
    fn record(kind: EventKind) -> Self {
        Self::Record { step: None, kind: Box::new(kind), at: None }
    }

    fn record_step(path: &StepPath, kind: EventKind) -> Self {
        Self::Record { step: Some(path.clone()), kind: Box::new(kind), at: None }
    }

    /// The step the driver is busy with while it carries this out.
    pub fn busy_with(&self) -> Option<&StepPath> {
        match self {
            Self::Perform { step, .. }
            | Self::Look { step, .. }
            | Self::Wake { step, .. }
            | Self::Ask { step, .. }
            | Self::Undo { step } => Some(step),
            Self::TakeLock | Self::ReleaseLock => Some(&LOCK),
            Self::Record { .. } => None,
        }
    }
}

/// Everything that may be done now. Empty: something is in flight, the run is paused, or it is over.
pub fn decide(plan: &Plan, catalog: &Catalog, state: &RunState) -> Vec<Command> {
    let chart = Chart::of(plan);
    Decider::new(plan, &chart, catalog, state).due(state)
}

/// The events that end a run with this verdict, whatever is in flight.
pub fn finish(plan: &Plan, catalog: &Catalog, state: &RunState, verdict: Verdict) -> Vec<EventKind> {
    let chart = Chart::of(plan);
    let commands = Decision { plan, chart: &chart, catalog, state }.finish(verdict);
    let kind = |command| match command {
        Command::Record { kind, .. } => Some(*kind),
        _ => None,
    };
    commands.into_iter().filter_map(kind).collect()
}

fn enter(phase: Phase) -> Command {
    Command::record(EventKind::PhaseEntered { phase })
}

/// Stands for the lock where steps stand; no step is called so.
pub(crate) static LOCK: LazyLock<StepPath> = LazyLock::new(|| StepPath::new("lock:"));

/// How a step stands to what holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Its turn has not come.
    Idle,
    /// Something of it is due or under way.
    Active,
    /// It is over, and what comes after it may start.
    Done,
    /// It was left out because what it needs has failed.
    Cut,
    /// It failed for good: what holds it fails too.
    Failed,
    /// It failed, and a person decides what follows.
    Held,
}

/// What follows from the failure of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// Something that holds it may fail.
    Contained,
    /// The run takes back what it did.
    Undo,
    /// A person decides; until then nothing is final.
    Pause,
}

impl Policy {
    fn standing(self) -> Standing {
        match self {
            Self::Pause => Standing::Held,
            Self::Contained | Self::Undo => Standing::Failed,
        }
    }
}

/// A step in its place in the run.
#[derive(Clone, Copy)]
struct Here<'run> {
    step: &'run Step,
    path: &'run StepPath,
    policy: Policy,
    /// The events that made it ready.
    after: &'run [u64],
    /// Why it is left out, where what it needs has failed.
    cut: Option<&'run str>,
}

/// What is judged of one step, from the fold alone.
#[derive(Clone, Copy)]
struct Decision<'run> {
    plan: &'run Plan,
    chart: &'run Chart,
    catalog: &'run Catalog,
    state: &'run RunState,
}

static UNTOUCHED: LazyLock<StepState> = LazyLock::new(StepState::default);

impl<'run> Decision<'run> {
    fn mode(&self) -> Mode {
        self.state.started.as_ref().map_or(Mode::Drill, |started| started.mode)
    }

    fn step(&self, path: &StepPath) -> &'run StepState {
        self.state.steps.get(path).unwrap_or(&UNTOUCHED)
    }

    /// Where a step that holds no others stands, and what is due of it.
    fn leaf(&self, here: Here<'_>) -> (Standing, Vec<Command>) {
        let Here { step, path, .. } = here;
        let state = self.step(path);
        let next = match (&state.status, &step.work) {
            (StepStatus::Failed(failure), _) => return self.failed(here, failure),
            (status, _) if status.is_over() => return (over(here), Vec::new()),
            (StepStatus::Pending, _) => self.begin(here),
            (StepStatus::AttemptFailed(failure), _) => vec![self.after_failed_attempt(here, state, failure)],
            // Whoever performs it waits for the answer.
            (StepStatus::Asking, Work::Action { .. }) => Vec::new(),
            (StepStatus::Asking, _) => {
                state.asked().map(|asked| self.asking(here, asked)).into_iter().collect()
            }
            (_, Work::Pause(time)) => vec![self.pausing(here, state, *time)],
            // The process died between the intent and the question.
            (_, Work::Manual(_) | Work::Decide(_) | Work::Approve(_)) => vec![self.ask(here)],
            (StepStatus::Unknown, _) => {
                vec![Command::Look { step: path.clone(), attempt: state.attempts.max(1) }]
            }
            _ => Vec::new(),
        };
        (Standing::Active, next)
    }

    fn failed(&self, here: Here<'_>, failure: &Failure) -> (Standing, Vec<Command>) {
        match here.path.is_preflight() {
            true => self.check_failed(here, failure),
            false => (here.policy.standing(), Vec::new()),
        }
    }

    /// In a recovery a failed check never decides alone: a person does.
    fn check_failed(&self, here: Here<'_>, error: &Failure) -> (Standing, Vec<Command>) {
        let Here { step, path, .. } = here;
        let is_named = |checks: &[lifeboat_journal::state::CheckWarning]| {
            checks.iter().any(|it| it.check == path.as_str())
        };
        if is_named(&self.state.check_warnings) {
            return (Standing::Done, Vec::new());
        }
        let failed = |then: &str| {
            let (check, error, then) = (path.to_string(), error.clone(), then.to_owned());
            Command::record_step(path, EventKind::CheckFailed { check, error, then })
        };
        let mut commands = match (self.mode(), step.on_fail) {
            (_, Some(OnFail::Warn)) => return (Standing::Active, vec![failed("warn")]),
            // Something may have been changed already: it is the step that fails, and not the start.
            (Mode::Drill, None | Some(OnFail::Refuse)) if self.state.phase > Some(Phase::Preflight) => {
                return (here.policy.standing(), Vec::new());
            }
            (Mode::Drill, None | Some(OnFail::Refuse)) => return (Standing::Active, vec![failed("refuse")]),
            _ if self.step(path).accepted_by.is_some() => return (Standing::Active, vec![failed("accept")]),
            _ if is_named(&self.state.asked_checks) => Vec::new(),
            _ => vec![failed("ask")],
        };
        let why = format!("the check {path} does not hold: {}", error.message);
        commands.push(pause(Some(path), why, PauseReason::Check));
        (Standing::Active, commands)
    }

    /// What begins a step whose turn has come.
    fn begin(&self, here: Here<'_>) -> Vec<Command> {
        let skip = |reason: String, values: Values| {
            vec![Command::record_step(here.path, EventKind::StepSkipped { reason, values })]
        };
        if let Some(reason) = here.cut {
            return skip(reason.to_owned(), Values::new());
        }
        if let Some(reason) = self.not_needed(here) {
            return skip(reason, Values::new());
        }
        let Some(condition) = &here.step.condition else { return self.begin_now(here) };
        match self.holds(condition, here.path) {
            Ok(true) => self.begin_now(here),
            Ok(false) => {
                let values = condition.explain(&self.scope(here.path)).into_iter().collect();
                skip(format!("`{}` is false", condition.text), values)
            }
            Err(error) => vec![self.fail(here, error)],
        }
    }

    fn holds(&self, condition: &Expression, path: &StepPath) -> Result<bool, Failure> {
        match condition.evaluate(&self.scope(path)) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(bad_condition(&condition.text, format!("is {}, not a boolean", other.kind()))),
            Err(ExpressionError { message, .. }) => Err(bad_condition(&condition.text, message)),
        }
    }

    fn begin_now(&self, here: Here<'_>) -> Vec<Command> {
        match &here.step.work {
            Work::Action { .. } => {
                let (step, after) = (here.path.clone(), here.after.to_vec());
                vec![Command::Perform { step, attempt: 1, after }]
            }
            _ if here.step.is_group() => self.begin_group(here),
            _ => self.begin_waiting(here),
        }
    }

    /// The intent of a step that is no action.
    fn intent(&self, here: Here<'_>, parameters: Values) -> EventKind {
        EventKind::StepStarted(Box::new(StepStarted {
            action: here.step.kind().to_owned(),
            effect: "read".to_owned(),
            target: None,
            parameters,
            names: BTreeMap::new(),
            token: String::new(),
            resolved: Values::new(),
            captured: Values::new(),
            findings: Vec::new(),
            wait_for: None,
            readinesses: Vec::new(),
            timeout_s: 0.0,
            after: here.after.to_vec(),
        }))
    }

    fn fail(&self, here: Here<'_>, error: Failure) -> Command {
        let allowed = here.step.continue_on_error;
        Command::record_step(here.path, EventKind::StepFailed { error, allowed })
    }

    fn after_failed_attempt(&self, here: Here<'_>, state: &StepState, failure: &Failure) -> Command {
        if state.retry_ordered {
            return again(here, state);
        }
        let retry = here
            .step
            .retry
            .as_ref()
            .filter(|retry| state.attempts_failed < retry.attempts && may_retry(retry, failure));
        let (Some(retry), Some(failed)) = (retry, state.attempt_failed) else {
            return self.fail(here, failure.clone());
        };
        if state.retry_due {
            return again(here, state);
        }
        let due = retry_at(retry, state.attempts_failed, failed.at);
        Command::Wake { step: here.path.clone(), purpose: "retry", due }
    }

    fn on_failure(&self, chosen: Option<OnFailure>) -> Policy {
        match chosen.unwrap_or_else(|| default_on_failure(self.mode())) {
            OnFailure::Undo => Policy::Undo,
            OnFailure::Pause => Policy::Pause,
        }
    }

    fn scope<'own>(&self, own: &'own StepPath) -> RunScope<'own>
    where
        'run: 'own,
    {
        RunScope {
            plan: self.plan,
            chart: self.chart,
            catalog: self.catalog,
            state: self.state,
            own: Some(own),
            item: None,
            own_outputs: None,
            keyring: None,
            now: self.state.last.map(|last| last.at).unwrap_or_default(),
        }
    }
}

/// Where a step that is over stands.
fn over(here: Here<'_>) -> Standing {
    if here.cut.is_some() { Standing::Cut } else { Standing::Done }
}

/// Another attempt. Where only an assert was false, what was made is there and well: it is looked at again.
fn again(here: Here<'_>, state: &StepState) -> Command {
    let made = matches!(here.step.effect, Some(Effect::Create | Effect::Modify));
    let step = here.path.clone();
    match made && state.failed_during == "assert" {
        true => Command::Look { step, attempt: state.attempts.max(1) },
        false => {
            let after =
                state.intent.as_ref().map_or_else(|| here.after.to_vec(), |intent| intent.after.clone());
            Command::Perform { step, attempt: state.attempts_failed + 1, after }
        }
    }
}

fn pause(step: Option<&StepPath>, why: String, because: PauseReason) -> Command {
    Command::Record { step: step.cloned(), kind: Box::new(EventKind::RunPaused { why, because }), at: None }
}

fn bad_condition(text: &str, why: String) -> Failure {
    Failure {
        code: "expression".to_owned(),
        message: format!("`if: {text}` {why}"),
        hint: None,
        refused: true,
    }
}

/// A false assert is tried again only where the runbook names it; whatever else failed, where it names nothing.
fn may_retry(retry: &Retry, failure: &Failure) -> bool {
    if failure.code == CANCELLED {
        return false;
    }
    match retry.errors.is_empty() {
        true => failure.code != "assert",
        false => retry.errors.contains(&failure.code),
    }
}

/// When the next attempt of a step begins whose last one failed at `failed`.
pub fn retry_at(retry: &Retry, attempts_failed: u32, failed: DateTime<Utc>) -> DateTime<Utc> {
    failed + retry_delay(retry, attempts_failed)
}

fn retry_delay(retry: &Retry, attempts_failed: u32) -> TimeDelta {
    let exponent = i32::try_from(attempts_failed.saturating_sub(1)).unwrap_or(i32::MAX);
    let factor = retry.backoff.max(1.0).powi(exponent);
    let milliseconds = (retry.delay.num_milliseconds() as f64 * factor).min(i64::from(i32::MAX) as f64);
    let delay = TimeDelta::milliseconds(milliseconds as i64);
    retry.max_delay.map_or(delay, |longest| delay.min(longest))
}
