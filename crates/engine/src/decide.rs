//! What to do next: a pure function of the plan and the fold. No clock, no I/O, no randomness.

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::{EventKind, Failure, PauseReason, Phase, Values};
use lifeboat_journal::measure;
use lifeboat_journal::outcome::{Objective, Outcome, Verdict};
use lifeboat_journal::state::{RunState, StepState, StepStatus, UndoStatus};
use lifeboat_runbook::expression::ExpressionError;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{
    Cleanup, MarkMoment, Mode, OnFail, OnFailure, Plan, Retry, Step, Undo, WaitUntil, Work,
};
use lifeboat_runbook::spec::{Catalog, Effect};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;

mod people;

use crate::scope::RunScope;
pub(crate) use people::on_timeout;
pub use people::{ABORTED, REJECTED};

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

    fn record_step(step: &Step, kind: EventKind) -> Self {
        Self::Record { step: Some(step.path.clone()), kind: Box::new(kind), at: None }
    }

    /// The step the driver is busy with while it carries this out.
    pub fn busy_with(&self) -> Option<&StepPath> {
        match self {
            Self::Perform { step, .. }
            | Self::Look { step, .. }
            | Self::Wake { step, .. }
            | Self::Ask { step, .. }
            | Self::Undo { step } => Some(step),
            Self::Record { .. } => None,
        }
    }
}

/// Everything that may be done now. Empty: something is in flight, the run is paused, or it is over.
pub fn decide(plan: &Plan, catalog: &Catalog, state: &RunState) -> Vec<Command> {
    let decision = Decision { plan, catalog, state };
    if state.outcome.is_some() || state.paused.is_some() || state.started.is_none() {
        return Vec::new();
    }
    if let Some(command) = decision.missing_mark() {
        return vec![command];
    }
    if decision.is_cleanup_asked() && state.phase != Some(Phase::CleaningUp) {
        return vec![enter(Phase::CleaningUp)];
    }
    match state.phase {
        // What is refused outright begins nothing.
        None if state.refused.is_some() => decision.preflight(),
        None => vec![enter(Phase::Preflight)],
        Some(Phase::Preflight) => decision.preflight(),
        Some(Phase::Running) => decision.running(),
        Some(Phase::Undoing) => decision.undoing(),
        Some(Phase::CleaningUp) => decision.cleaning_up(),
    }
}

/// The events that end a run with this verdict, whatever is in flight.
pub fn finish(plan: &Plan, catalog: &Catalog, state: &RunState, verdict: Verdict) -> Vec<EventKind> {
    let commands = Decision { plan, catalog, state }.finish(verdict);
    let kind = |command| match command {
        Command::Record { kind, .. } => Some(*kind),
        _ => None,
    };
    commands.into_iter().filter_map(kind).collect()
}

fn enter(phase: Phase) -> Command {
    Command::record(EventKind::PhaseEntered { phase })
}

struct Decision<'run> {
    plan: &'run Plan,
    catalog: &'run Catalog,
    state: &'run RunState,
}

/// What a sequence of steps comes to.
enum Progress<'run> {
    /// These commands are next.
    Next(Vec<Command>),
    /// Something of it is in flight.
    InFlight,
    /// A step failed, and the rest must not start.
    Failed(&'run Step, Failure),
    /// All are over.
    Done,
}

impl<'run> Decision<'run> {
    fn mode(&self) -> Mode {
        self.state.started.as_ref().map_or(Mode::Drill, |started| started.mode)
    }

    fn preflight(&self) -> Vec<Command> {
        if let Some(refused) = &self.state.refused {
            let finding = format!("{}: {}", refused.check, refused.failure.message);
            return self.finish(Verdict::Refused { finding });
        }
        if self.aborted() {
            return self.after_abort();
        }
        match self.sequence(&self.plan.preflight) {
            Progress::Next(commands) => commands,
            Progress::InFlight => Vec::new(),
            Progress::Done => vec![enter(Phase::Running)],
            Progress::Failed(step, error) => self.check_failed(step, error),
        }
    }

    /// In a recovery a failed check never decides alone: a person does.
    fn check_failed(&self, step: &Step, error: Failure) -> Vec<Command> {
        let state = self.state.step(&step.path);
        let asked = self.state.asked_checks.iter().any(|asked| asked.check == step.path.as_str());
        let failed = |then: &str| {
            let (check, error, then) = (step.path.to_string(), error.clone(), then.to_owned());
            Command::record_step(step, EventKind::CheckFailed { check, error, then })
        };
        let mut commands = match (self.mode(), step.on_fail) {
            (_, Some(OnFail::Warn)) => return vec![failed("warn")],
            (Mode::Drill, None | Some(OnFail::Refuse)) => return vec![failed("refuse")],
            _ if state.accepted_by.is_some() => return vec![failed("accept")],
            _ if asked => Vec::new(),
            _ => vec![failed("ask")],
        };
        let why = format!("the check {} does not hold: {}", step.path, error.message);
        commands.push(pause(Some(step), why, PauseReason::Check));
        commands
    }

    fn running(&self) -> Vec<Command> {
        if self.aborted() {
            return self.after_abort();
        }
        match self.sequence(&self.plan.steps) {
            Progress::Next(commands) => commands,
            Progress::InFlight => Vec::new(),
            Progress::Done => vec![enter(Phase::CleaningUp)],
            Progress::Failed(step, failure) => self.step_failed(step, &failure),
        }
    }

    fn step_failed(&self, step: &Step, failure: &Failure) -> Vec<Command> {
        let ended = [REJECTED, ABORTED].contains(&failure.code.as_str());
        match self.on_failure(step) {
            OnFailure::Undo if ended => {
                let state = self.state.step(&step.path);
                let who = state.asked().and_then(|asked| asked.answer.as_ref());
                let by = who.map_or_else(|| step.path.to_string(), |(who, ..)| who.clone());
                let why = Some(failure.message.clone());
                vec![Command::record(EventKind::AbortAsked { by, why, undo: Some(true) })]
            }
            OnFailure::Undo => vec![enter(Phase::Undoing)],
            OnFailure::Pause => {
                let why = format!("the step {} failed: {}", step.path, failure.message);
                vec![pause(Some(step), why, PauseReason::Failure)]
            }
        }
    }

    fn on_failure(&self, step: &Step) -> OnFailure {
        step.on_failure.or(self.plan.on_failure).unwrap_or_else(|| default_on_failure(self.mode()))
    }

    fn aborted(&self) -> bool {
        self.state.abort_asked.is_some()
    }

    /// Whether somebody asked to take away what a run that is over left behind.
    fn is_cleanup_asked(&self) -> bool {
        self.state.verdict_before.is_some()
    }

    /// A drill takes back what it did; a recovery leaves everything and can be resumed, unless a person said more.
    fn after_abort(&self) -> Vec<Command> {
        let Some(abort) = &self.state.abort_asked else { return Vec::new() };
        // A pause is nobody's work: it ends by being left.
        let works =
            |path: &StepPath| !self.plan.step(path).is_some_and(|step| matches!(step.work, Work::Pause(_)));
        let working = |step: &StepState| {
            matches!(step.status, StepStatus::Running | StepStatus::Waiting) || step.asks_by_its_action()
        };
        let in_flight = self.state.steps.iter().any(|(path, step)| working(step) && works(path));
        match (self.mode(), abort.undo) {
            (Mode::Recovery, None) => {
                vec![pause(None, format!("stopped by {}", abort.by), PauseReason::Signal)]
            }
            _ if in_flight => Vec::new(),
            (_, Some(false)) => self.finish(self.verdict()),
            _ => vec![enter(Phase::Undoing)],
        }
    }

    /// Steps one after the other.
    fn sequence(&self, steps: &'run [Step]) -> Progress<'run> {
        for step in steps {
            let state = self.state.step(&step.path);
            let next = match (&state.status, &step.work) {
                (status, _) if status.is_over() && status.failed().is_none() => continue,
                (StepStatus::Failed(_), _) if self.only_warned(step) => continue,
                (StepStatus::Failed(failure), _) => return Progress::Failed(step, failure.clone()),
                (StepStatus::Pending, _) => self.begin(step),
                (StepStatus::AttemptFailed(failure), _) => {
                    vec![self.after_failed_attempt(step, &state, failure)]
                }
                // Whoever performs it waits for the answer.
                (StepStatus::Asking, Work::Action { .. }) => return Progress::InFlight,
                (StepStatus::Asking, _) => {
                    state.asked().map(|asked| self.asking(step, asked)).into_iter().collect()
                }
                (_, Work::Pause(time)) => vec![self.pausing(step, &state, *time)],
                (StepStatus::Unknown, _) => {
                    vec![Command::Look { step: step.path.clone(), attempt: state.attempts.max(1) }]
                }
                _ => return Progress::InFlight,
            };
            return Progress::Next(next);
        }
        Progress::Done
    }

    /// Whether a failed check was recorded as a warning, so that the run goes on past it.
    fn only_warned(&self, step: &Step) -> bool {
        self.state.check_warnings.iter().any(|warning| warning.check == step.path.as_str())
    }

    fn begin(&self, step: &'run Step) -> Vec<Command> {
        let Some(condition) = &step.condition else { return self.begin_now(step) };
        let scope = self.scope();
        match condition.evaluate(&scope) {
            Ok(Value::Bool(true)) => self.begin_now(step),
            Ok(Value::Bool(false)) => {
                let values: Values = condition.explain(&scope).into_iter().collect();
                let reason = format!("`{}` is false", condition.text);
                vec![Command::record_step(step, EventKind::StepSkipped { reason, values })]
            }
            Ok(other) => {
                let why = format!("is {}, not a boolean", other.kind());
                vec![self.fail(step, bad_condition(&condition.text, why))]
            }
            Err(ExpressionError { message, .. }) => {
                vec![self.fail(step, bad_condition(&condition.text, message))]
            }
        }
    }

    fn begin_now(&self, step: &'run Step) -> Vec<Command> {
        match step.work {
            Work::Action { .. } => vec![Command::Perform { step: step.path.clone(), attempt: 1 }],
            _ => self.begin_waiting(step),
        }
    }

    fn fail(&self, step: &Step, error: Failure) -> Command {
        Command::record_step(step, EventKind::StepFailed { error, allowed: step.continue_on_error })
    }

    fn after_failed_attempt(&self, step: &Step, state: &StepState, failure: &Failure) -> Command {
        if state.retry_ordered {
            return again(step, state);
        }
        let retry = step.retry.as_ref().filter(|retry| {
            state.attempts_failed < retry.attempts && may_retry(retry, failure) && !self.aborted()
        });
        let (Some(retry), Some(failed)) = (retry, state.attempt_failed) else {
            return self.fail(step, failure.clone());
        };
        if state.retry_due {
            return again(step, state);
        }
        let due = retry_at(retry, state.attempts_failed, failed.at);
        Command::Wake { step: step.path.clone(), purpose: "retry", due }
    }

    /// Takes back what was started, last first.
    fn undoing(&self) -> Vec<Command> {
        match self.next_undo() {
            Some(commands) => commands,
            None => vec![enter(Phase::CleaningUp)],
        }
    }

    /// The next thing to take back; an empty list while one is being taken back; nothing when all are.
    fn next_undo(&self) -> Option<Vec<Command>> {
        let committed = self
            .state
            .started_order
            .iter()
            .rposition(|path| self.plan.step(path).is_some_and(|step| step.commit == Some(true)));
        for (index, path) in self.state.started_order.iter().enumerate().rev() {
            let (Some(step), Some(state)) = (self.plan.step(path), self.state.steps.get(path)) else {
                continue;
            };
            if state.undo == UndoStatus::Undoing {
                return Some(vec![Command::Undo { step: path.clone() }]);
            }
            let before_commit = committed.is_some_and(|commit| index < commit);
            if state.may_need_undo() && !before_commit && is_undone_by_default(step, self.catalog) {
                return Some(vec![Command::Undo { step: path.clone() }]);
            }
        }
        None
    }

    fn cleaning_up(&self) -> Vec<Command> {
        let by_itself = matches!((&self.plan.cleanup, self.mode()), (Cleanup::Auto, Mode::Drill));
        if (by_itself || self.is_cleanup_asked())
            && let Some(commands) = self.next_undo()
        {
            return commands;
        }
        for step in self.plan.cleanup_steps() {
            // Each for itself: an error in one stops none.
            match self.sequence(std::slice::from_ref(step)) {
                Progress::Next(commands) => return commands,
                Progress::InFlight => return Vec::new(),
                Progress::Failed(..) | Progress::Done => {}
            }
        }
        self.finish(self.verdict())
    }

    fn verdict(&self) -> Verdict {
        if let Some(before) = &self.state.verdict_before {
            return before.clone();
        }
        if let Some(abort) = &self.state.abort_asked {
            let why = abort.why.clone().unwrap_or_else(|| "stopped by the operator".to_owned());
            return Verdict::Aborted { by: abort.by.clone(), why };
        }
        let failed = self
            .plan
            .steps
            .iter()
            .find(|step| matches!(self.state.step(&step.path).status, StepStatus::Failed(_)));
        failed.map_or(Verdict::Passed, |step| Verdict::Failed { step: step.path.clone() })
    }

    fn finish(&self, verdict: Verdict) -> Vec<Command> {
        let measured = measure::measure(self.state, &[]);
        let (time, lost) = (measured.recovery_time, measured.data_lost);
        let judge = |objective: Option<f64>, actual: Option<f64>, met: Option<bool>| match met {
            Some(true) => Objective::Met,
            Some(false) => Objective::Missed,
            None => match Objective::judge(objective, actual) {
                Objective::None => Objective::None,
                _ => Objective::Unknown,
            },
        };
        let (mut left_behind, mut kept) = self.left();
        if matches!(verdict, Verdict::Abandoned { .. }) {
            left_behind.append(&mut kept);
        }
        let outcome = Outcome {
            verdict,
            warnings: self.warnings(),
            rto: judge(time.objective_s, time.actual_s, time.met),
            rpo: judge(lost.objective_s, lost.actual_s, lost.met),
            left_behind,
            kept,
        };
        [
            EventKind::RtoMeasured(Box::new(time)),
            EventKind::RpoMeasured(Box::new(lost)),
            EventKind::RunFinished(Box::new(outcome)),
        ]
        .into_iter()
        .map(Command::record)
        .collect()
    }

    /// What is still there: left behind where it should be gone, kept where nobody wanted it gone.
    fn left(&self) -> (Vec<lifeboat_runbook::spec::Resource>, Vec<lifeboat_runbook::spec::Resource>) {
        let (gone, kept): (Vec<_>, Vec<_>) = self.state.left().partition(|created| {
            matches!(self.state.step(&created.step).undo, UndoStatus::UndoFailed(_) | UndoStatus::Undoing)
        });
        let resources = |created: Vec<&lifeboat_journal::state::Created>| {
            created.into_iter().map(|created| created.resource.clone()).collect()
        };
        (resources(gone), resources(kept))
    }

    fn warnings(&self) -> Vec<String> {
        let allowed = self.state.steps.iter().filter_map(|(path, step)| match &step.status {
            StepStatus::AllowedFailure(failure) => Some(format!("{path}: {}", failure.message)),
            _ => None,
        });
        let checks = self
            .state
            .check_warnings
            .iter()
            .map(|warning| format!("{}: {}", warning.check, warning.failure.message));
        let undo = self.state.steps.iter().filter_map(|(path, step)| match &step.undo {
            UndoStatus::UndoFailed(failure) => {
                Some(format!("{path} could not be undone: {}", failure.message))
            }
            _ => None,
        });
        allowed.chain(checks).chain(undo).collect()
    }

    /// A mark that a step has earned and that is not set yet.
    fn missing_mark(&self) -> Option<Command> {
        if self.state.phase >= Some(Phase::Running) {
            let responding = MarkName::new("responding");
            let begun = self.plan.steps.iter().find_map(|step| self.state.steps.get(&step.path)?.started);
            if let Some(begun) = begun.filter(|_| !self.state.marks.contains_key(&responding)) {
                let kind = Box::new(EventKind::MarkSet { mark: responding, source: None });
                return Some(Command::Record { step: None, kind, at: Some(begun.at) });
            }
        }
        self.plan.preflight.iter().chain(&self.plan.steps).find_map(|step| self.missing_mark_of(step))
    }

    fn missing_mark_of(&self, step: &Step) -> Option<Command> {
        let state = self.state.steps.get(&step.path)?;
        step.marks.iter().find_map(|(moment, mark)| {
            let (at, source) = match (moment, &state.status) {
                (MarkMoment::Started, _) => (state.started?.at, None),
                (MarkMoment::Succeeded, StepStatus::Succeeded) => match self.own_moment(step, state) {
                    Some((at, source)) => (at, Some(source)),
                    None => (state.finished?.at, None),
                },
                (MarkMoment::Succeeded, StepStatus::DoneByHand(_))
                | (MarkMoment::Failed, StepStatus::Failed(_) | StepStatus::AllowedFailure(_)) => {
                    (state.finished?.at, None)
                }
                _ => return None,
            };
            let kind = Box::new(EventKind::MarkSet { mark: mark.clone(), source });
            (!self.state.marks.contains_key(mark)).then(|| Command::Record {
                step: Some(step.path.clone()),
                kind,
                at: Some(at),
            })
        })
    }

    /// The service's own time of the moment at which a step had reached its aim, and where it was read. A time before the
    /// step began counts: an alarm had been in its state before anybody looked. What was to last, or was judged by the
    /// step itself, was not done before that.
    fn own_moment(&self, step: &Step, state: &StepState) -> Option<(DateTime<Utc>, String)> {
        let spec = self.catalog.get(step.action()?)?;
        let output = spec.outputs.iter().find(|output| output.moment)?;
        let by_itself = step.wait.hold.is_none()
            && matches!(step.wait.until, WaitUntil::Default | WaitUntil::Readiness(_));
        let at = match state.outputs.get(output.name)? {
            Value::Time(time) => *time,
            Value::String(text) => units::parse_time(text)?,
            _ => return None,
        };
        let counts = by_itself && at <= state.finished?.at;
        counts.then(|| (at, format!("{}: {}", spec.name, output.name)))
    }

    fn scope(&self) -> RunScope<'_> {
        RunScope {
            plan: self.plan,
            catalog: self.catalog,
            state: self.state,
            own_outputs: None,
            keyring: None,
            now: self.state.last.map(|last| last.at).unwrap_or_default(),
        }
    }
}

/// What a failed step leads to where the runbook does not say.
pub(crate) fn default_on_failure(mode: Mode) -> OnFailure {
    match mode {
        Mode::Drill => OnFailure::Undo,
        Mode::Recovery => OnFailure::Pause,
    }
}

/// Whether what a step did is taken back where the runbook does not say otherwise.
pub(crate) fn is_undone_by_default(step: &Step, catalog: &Catalog) -> bool {
    match step.undo {
        Undo::Never => false,
        Undo::Own | Undo::Action { .. } => true,
        // An action that has no way back is not said to have been taken back.
        Undo::Default => {
            let has_way_back = |action| catalog.get(action).is_none_or(|spec| spec.undo.is_some());
            matches!(step.effect, Some(Effect::Create | Effect::Modify))
                && step.action().is_none_or(has_way_back)
        }
    }
}

/// Another attempt. Where only an assert was false, what was made is there and well: it is looked at again.
fn again(step: &Step, state: &StepState) -> Command {
    let made = matches!(step.effect, Some(Effect::Create | Effect::Modify));
    let step = step.path.clone();
    match made && state.failed_during == "assert" {
        true => Command::Look { step, attempt: state.attempts.max(1) },
        false => Command::Perform { step, attempt: state.attempts_failed + 1 },
    }
}

fn pause(step: Option<&Step>, why: String, because: PauseReason) -> Command {
    let step = step.map(|step| step.path.clone());
    Command::Record { step, kind: Box::new(EventKind::RunPaused { why, because }), at: None }
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
