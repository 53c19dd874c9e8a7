//! The end of a run: what is taken back, what it comes to, how it is judged.

use super::{Command, Decision, Here, Policy};
use lifeboat_journal::event::{EventKind, Failure};
use lifeboat_journal::lock::LockState;
use lifeboat_journal::measure;
use lifeboat_journal::outcome::{Objective, Outcome, Verdict};
use lifeboat_journal::state::{Created, StepStatus, UndoStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Cleanup, Mode, OnFailure, Step, Undo, Work};
use lifeboat_runbook::spec::{Catalog, Effect, Resource};
use lifeboat_runbook::value::Value;

impl Decision<'_> {
    /// Whether somebody asked to take away what a run that is over left behind.
    pub(super) fn is_cleanup_asked(&self) -> bool {
        self.state.verdict_before.is_some()
    }

    /// Whether the step at this place of the order in which steps started is to be taken back.
    pub(super) fn wants_undo(&self, path: &StepPath, before_commit: bool, by_itself: bool) -> bool {
        let (Some(step), Some(state)) = (self.chart.planned(self.plan, path), self.state.steps.get(path))
        else {
            return false;
        };
        state.undo == UndoStatus::Undoing
            || (by_itself
                && state.may_need_undo()
                && !before_commit
                && is_undone_by_default(step, self.catalog))
    }

    pub(super) fn commits(&self, path: &StepPath) -> bool {
        self.chart.planned(self.plan, path).is_some_and(|step| step.commit == Some(true))
    }

    /// Whether a drill takes away by itself what the step made: its own file says so, and none around it forbids it.
    pub(super) fn is_cleaned_up(&self, path: &StepPath) -> bool {
        let innermost = self.chart.file(self.plan, path.file()).map(|plan| &plan.cleanup);
        self.mode() == Mode::Drill
            && innermost == Some(&Cleanup::Auto)
            && self.is_cleanup_allowed(path.file())
    }

    /// Whether no file around says `cleanup: none`.
    pub(super) fn is_cleanup_allowed(&self, file: &str) -> bool {
        let mut file = file.to_owned();
        loop {
            if self.chart.file(self.plan, &file).is_none_or(|plan| plan.cleanup == Cleanup::None) {
                return false;
            }
            match self.chart.runs(self.plan, &file) {
                Some((path, _)) => path.file().clone_into(&mut file),
                None => return true,
            }
        }
    }

    /// A step of `cleanup` that refers to a step which never started has nothing to do; so has a check of a runbook
    /// that will not be run.
    pub(super) fn not_needed(&self, here: Here<'_>) -> Option<String> {
        if here.path.is_cleanup() {
            let Work::Action { with, .. } = &here.step.work else { return None };
            let references = with.values().flat_map(|template| template.expressions());
            return references.flat_map(|expression| expression.references()).find_map(|reference| {
                let [root, id, ..] = reference.names.as_slice() else { return None };
                let path = self.chart.named(here.path, id).filter(|_| root == "steps")?;
                let never = self.step(&path).started.is_none();
                (never && !reference.guarded).then(|| format!("it refers to {path}, which never started"))
            });
        }
        let mut file = here.path.file().to_owned();
        while here.path.is_preflight()
            && let Some((path, step)) = self.chart.runs(self.plan, &file)
        {
            let condition = step.condition.as_ref();
            if let Some(condition) = condition.filter(|it| self.holds(it, &path) == Ok(false)) {
                return Some(format!("{path} will not run: `{}` is false", condition.text));
            }
            path.file().clone_into(&mut file);
        }
        None
    }

    /// The steps inside a step that are there in this run, each with its path.
    fn inside<'step>(&self, step: &'step Step, path: &StepPath) -> Vec<(&'step Step, StepPath)> {
        let in_item = |own: &StepPath, steps: &'step [Step]| -> Vec<(&'step Step, StepPath)> {
            steps.iter().filter_map(|step| Some((step, own.beside(&step.path)?))).collect()
        };
        match &step.work {
            Work::Foreach { body, .. } => {
                let items = self.step(path).items.iter();
                let keys = items.flat_map(|items| items.all()).map(|item| item.key.as_str());
                keys.flat_map(|key| in_item(&StepPath::new(format!("{path}[{key}].")), body)).collect()
            }
            _ => step.lists().into_iter().flat_map(|steps| in_item(path, steps)).collect(),
        }
    }

    /// The steps of `cleanup` of the runbooks that these steps have run, each with a path beside it.
    pub(super) fn cleanup_inside<'step>(
        &self,
        steps: Vec<(&'step Step, StepPath)>,
        found: &mut Vec<(&'step Step, StepPath)>,
    ) {
        for (step, path) in steps {
            if !step.is_group() || self.step(&path).started.is_none() {
                continue;
            }
            let inside = self.inside(step, &path);
            self.cleanup_inside(inside.into_iter().filter(|(_, path)| !path.is_cleanup()).collect(), found);
            if let Work::Runbook { plan, .. } = &step.work
                && self.is_cleanup_allowed(&format!("{path}/"))
            {
                found.extend(plan.cleanup_steps().iter().map(|step| (step, path.clone())));
            }
        }
    }

    /// The number of the event that ended the last of a step that did something; nothing where none did.
    pub(super) fn ended(&self, step: &Step, path: &StepPath) -> Option<u64> {
        if step.is_group() {
            return self
                .inside(step, path)
                .into_iter()
                .filter_map(|(step, path)| self.ended(step, &path))
                .max();
        }
        let state = self.step(path);
        state.started.and(state.finished).map(|finished| finished.seq)
    }

    /// The step inside a failed one by which it failed, and how. Where several did, it is the first in the order of the
    /// runbook: which of them came first in time may differ when a process dies.
    pub(super) fn origin(&self, step: &Step, path: &StepPath) -> (StepPath, Failure) {
        let tolerant = matches!(step.work, Work::Foreach { max_failures: 1.., .. });
        let inside = if tolerant { Vec::new() } else { self.inside(step, path) };
        let failed = inside.into_iter().find(|(_, path)| self.step(path).status.failed().is_some());
        match failed {
            Some((step, path)) => self.origin(step, &path),
            None => {
                let failure = self.step(path).status.failure().cloned();
                let unknown = || Failure {
                    code: "failed".to_owned(),
                    message: "it failed".to_owned(),
                    hint: None,
                    refused: false,
                };
                (path.clone(), failure.unwrap_or_else(unknown))
            }
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        if let Some(before) = &self.state.verdict_before {
            return before.clone();
        }
        if let Some(abort) = &self.state.abort_asked {
            let why = abort.why.clone().unwrap_or_else(|| "stopped by the operator".to_owned());
            return Verdict::Aborted { by: abort.by.clone(), why };
        }
        let failed = self.plan.steps.iter().find(|step| self.step(&step.path).status.failed().is_some());
        failed.map_or(Verdict::Passed, |step| Verdict::Failed { step: self.origin(step, &step.path).0 })
    }

    /// The end of the run; before it the lock is given back.
    pub(super) fn end(&self, verdict: Verdict) -> Vec<Command> {
        match self.state.lock.to_release() {
            Some(_) => vec![Command::ReleaseLock],
            None => self.finish(verdict),
        }
    }

    /// Whether the lock of `concurrency` is to be taken before anything else begins: nobody holds it for this run yet, or
    /// an earlier process did. Whoever ends a run or takes away what it left needs none.
    pub(super) fn wants_lock(&self) -> bool {
        let unsure = matches!(self.state.lock, LockState::Free | LockState::Unsure(_));
        unsure && self.plan.concurrency.is_some() && self.state.abort_asked.is_none()
    }

    pub(super) fn finish(&self, verdict: Verdict) -> Vec<Command> {
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
        let mut last = vec![EventKind::RtoMeasured(Box::new(time)), EventKind::RpoMeasured(Box::new(lost))];
        if !measured.downtime.is_empty() {
            last.push(EventKind::DowntimeMeasured { probes: measured.downtime });
        }
        last.push(EventKind::RunFinished(Box::new(outcome)));
        last.into_iter().map(Command::record).collect()
    }

    /// What is still there: left behind where it should be gone, kept where nobody wanted it gone.
    fn left(&self) -> (Vec<Resource>, Vec<Resource>) {
        let (gone, kept): (Vec<_>, Vec<_>) = self.state.left().partition(|created| {
            matches!(self.step(&created.step).undo, UndoStatus::UndoFailed(_) | UndoStatus::Undoing)
        });
        let resources =
            |created: Vec<&Created>| created.into_iter().map(|created| created.resource.clone()).collect();
        (resources(gone), resources(kept))
    }

    fn warnings(&self) -> Vec<String> {
        let allowed = self.state.steps.iter().filter_map(|(path, step)| match &step.status {
            StepStatus::AllowedFailure(failure) => Some(format!("{path}: {}", failure.message)),
            StepStatus::Succeeded if step.items.is_some() => {
                let Some(Value::List(failed)) = step.outputs.get("failed") else { return None };
                let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
                (!failed.is_empty()).then(|| format!("{path}: these items failed: {}", failed.join(", ")))
            }
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

/// The policy of a step: that of what holds it, unless it says its own.
pub(super) fn policy(decision: &Decision<'_>, contained: bool, chosen: Option<OnFailure>) -> Policy {
    if contained { Policy::Contained } else { decision.on_failure(chosen) }
}
