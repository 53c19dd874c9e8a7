//! What is due of the run as a whole.

use super::super::groups::Inside;
use super::super::{ABORTED, Command, Decision, REJECTED, enter, pause, people};
use super::{Decider, Kind, Standing};
use crate::beside::{alarms::by, is_awaited};
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{EventKind, Failure, PauseReason, Phase};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::probes::ProbeState;
use lifeboat_journal::state::{RunState, StepState, StepStatus};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{MarkMoment, Mode, ProbeMoment, Step, WaitUntil};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;

impl Decider<'_> {
    /// What is due of the run as a whole; nothing where it is the turn of its steps.
    pub(super) fn of_the_run(&mut self, state: &RunState) -> Option<Vec<Command>> {
        let decision = self.decision(state);
        if state.outcome.is_some() || state.paused.is_some() || state.started.is_none() {
            return Some(Vec::new());
        }
        let marks = self.missing_marks(state);
        if !marks.is_empty() {
            return Some(marks);
        }
        if decision.is_cleanup_asked() && state.phase != Some(Phase::CleaningUp) {
            return Some(vec![enter(Phase::CleaningUp)]);
        }
        if matches!(state.phase, None | Some(Phase::Preflight))
            && let Some(refused) = &state.refused
        {
            let finding = format!("{}: {}", refused.check, refused.failure.message);
            return Some(decision.end(Verdict::Refused { finding }));
        }
        match state.phase {
            None => Some(vec![enter(Phase::Preflight)]),
            Some(Phase::Preflight | Phase::Running) if state.abort_asked.is_some() => {
                Some(self.after_abort(state))
            }
            Some(Phase::Preflight) => match self.phase_over(self.preflight, Phase::Running, state) {
                Some(next) if next == [enter(Phase::Running)] && decision.wants_lock() => {
                    Some(vec![Command::TakeLock])
                }
                next => next,
            },
            Some(Phase::Running) if decision.wants_lock() => Some(vec![Command::TakeLock]),
            Some(Phase::Running) => self.phase_over(self.steps, Phase::CleaningUp, state),
            Some(Phase::Undoing) => {
                let next = self.next_undo(state, |_| true);
                Some(next.unwrap_or_else(|| vec![enter(Phase::CleaningUp)]))
            }
            Some(Phase::CleaningUp) => self.cleaning_up(state),
        }
    }

    fn phase_over(&self, root: usize, next: Phase, state: &RunState) -> Option<Vec<Command>> {
        match self.nodes[root].standing {
            // All steps are over, and a probe may still hold up.
            Standing::Done if next == Phase::CleaningUp && self.awaits_probe(state) => Some(Vec::new()),
            Standing::Done => Some(vec![enter(next)]),
            Standing::Failed => Some(self.step_failed(root, state)),
            Standing::Held => Some(vec![self.hold(root, state)]),
            Standing::Idle | Standing::Active | Standing::Cut => None,
        }
    }

    /// Whether all that the run waits for now is a probe that may still hold up.
    pub(crate) fn waits_for_probe(&self, state: &RunState) -> bool {
        let stands = state.paused.is_some() || state.outcome.is_some() || state.abort_asked.is_some();
        let over = self.nodes[self.steps].standing == Standing::Done;
        !stands && state.phase == Some(Phase::Running) && over && self.awaits_probe(state)
    }

    fn awaits_probe(&self, state: &RunState) -> bool {
        self.plan.probes.iter().any(|probe| is_awaited(self.plan, probe, state))
    }

    fn step_failed(&self, root: usize, state: &RunState) -> Vec<Command> {
        let decision = self.decision(state);
        let (path, failure) = self.failure(root, state);
        if ![REJECTED, ABORTED].contains(&failure.code.as_str()) {
            return vec![enter(Phase::Undoing)];
        }
        let who = decision.step(&path).asked().and_then(|asked| asked.answer.as_ref());
        let by = who.map_or_else(|| path.to_string(), |(who, ..)| who.clone());
        let why = Some(failure.message);
        vec![Command::record(EventKind::AbortAsked { by, why, undo: Some(true) })]
    }

    /// By which step a list failed, and how.
    fn failure(&self, root: usize, state: &RunState) -> (StepPath, Failure) {
        let failed = match &self.nodes[root].kind {
            Kind::List { children, at, .. } => children.get(*at).map(|child| &self.nodes[*child]),
            _ => None,
        };
        let unknown = || people::failure("failed", "it failed".to_owned());
        match failed.and_then(|node| Some((node.step?, &node.path))) {
            Some((step, path)) => self.decision(state).origin(step, path),
            None => (StepPath::new(""), unknown()),
        }
    }

    /// A person decides what becomes of the step that failed; of several, the first in the order of the runbook.
    fn hold(&self, root: usize, state: &RunState) -> Command {
        let decision = self.decision(state);
        let mut at = root;
        loop {
            let children: Vec<usize> = match &self.nodes[at].kind {
                Kind::List { children, .. } | Kind::Parallel { children, .. } => children.clone(),
                Kind::Loop(each) => each.items.iter().flatten().copied().collect(),
                Kind::Leaf => Vec::new(),
            };
            let mut held = children.into_iter().filter(|child| self.nodes[*child].standing == Standing::Held);
            match held.next() {
                Some(child) => at = child,
                None => break,
            }
        }
        let node = &self.nodes[at];
        let failure = match (node.step, decision.step(&node.path).status.failed()) {
            (_, Some(failure)) => failure.clone(),
            (Some(step), None) => {
                let inside = Inside { failed: true, failed_items: self.failed_items(at, state) };
                decision.failure_of(self.here(at, step), &inside)
            }
            (None, None) => people::failure("failed", "it failed".to_owned()),
        };
        let why = format!("the step {} failed: {}", node.path, failure.message);
        pause(Some(&node.path), why, PauseReason::Failure)
    }

    /// A drill takes back what it did; a recovery leaves everything and can be resumed, unless a person said more.
    fn after_abort(&self, state: &RunState) -> Vec<Command> {
        let decision = self.decision(state);
        let Some(abort) = &state.abort_asked else { return Vec::new() };
        match (decision.mode(), abort.undo) {
            (Mode::Recovery, None) => {
                let alarm = state.stops.last().is_some_and(|(alarm, _)| by(alarm) == abort.by);
                let because = if alarm { PauseReason::Alarm } else { PauseReason::Signal };
                vec![pause(None, format!("stopped by {}", abort.by), because)]
            }
            _ if self.in_flight > 0 => Vec::new(),
            (_, Some(false)) => decision.end(decision.verdict()),
            _ => vec![enter(Phase::Undoing)],
        }
    }

    fn cleaning_up(&mut self, state: &RunState) -> Option<Vec<Command>> {
        let decision = self.decision(state);
        let asked = decision.is_cleanup_asked();
        let next = self.next_undo(state, |path| asked || decision.is_cleaned_up(path));
        if next.is_some() {
            return next;
        }
        let root = match self.cleanup {
            Some(root) => root,
            None => {
                let root = self.add_cleanup(state);
                self.cleanup = Some(root);
                let entered = state.phases.get(&Phase::CleaningUp).map(|entered| entered.seq);
                self.activate(root, entered.into_iter().collect(), state);
                root
            }
        };
        self.settle(state);
        match self.nodes[root].standing {
            Standing::Active => None,
            _ => Some(decision.end(decision.verdict())),
        }
    }

    /// The next thing to take back, last first; an empty list while one is being taken back; nothing when all are.
    fn next_undo(&mut self, state: &RunState, by_itself: impl Fn(&StepPath) -> bool) -> Option<Vec<Command>> {
        let order = &state.started_order;
        let decision = self.decision(state);
        let place = &mut self.undo;
        for (index, path) in order.iter().enumerate().skip(place.counted) {
            if decision.commits(path) {
                place.committed = Some(index);
            }
        }
        place.counted = order.len();
        if place.phase != state.phase {
            (place.phase, place.seen, place.at) = (state.phase, order.len(), order.len());
        }
        let before_commit = |index: usize| place.committed.is_some_and(|commit| index < commit);
        let wanted = |index: usize| {
            let path = &order[index];
            decision.wants_undo(path, before_commit(index), by_itself(path)).then_some(path)
        };
        let undo = |path: &StepPath| Some(vec![Command::Undo { step: path.clone() }]);
        if let Some(path) = (place.seen..order.len()).rev().find_map(wanted) {
            return undo(path);
        }
        while let Some(index) = place.at.checked_sub(1) {
            if let Some(path) = wanted(index) {
                return undo(path);
            }
            place.at = index;
        }
        place.seen = order.len();
        None
    }

    /// Marks that steps have earned and that are not set yet.
    fn missing_marks(&mut self, state: &RunState) -> Vec<Command> {
        let decision = self.decision(state);
        let mut missing = Vec::new();
        let responding = MarkName::new("responding");
        if state.phase >= Some(Phase::Running)
            && let Some((_, at)) = self.responding.filter(|_| !state.marks.contains_key(&responding))
        {
            let kind = Box::new(EventKind::MarkSet { mark: responding, source: None });
            missing.push(Command::Record { step: None, kind, at: Some(at) });
        }
        missing.extend(state.probes.iter().flat_map(|(path, probe)| decision.marks_of_probe(path, probe)));
        let nodes = &self.nodes;
        self.marks.retain(|index| {
            let of_step = nodes[*index].step.map(|step| decision.missing_marks(step, &nodes[*index].path));
            let of_step = of_step.unwrap_or_default();
            let any = !of_step.is_empty();
            missing.extend(of_step);
            any
        });
        missing
    }
}

impl Decision<'_> {
    /// Marks that a probe has earned and that are not set yet.
    fn marks_of_probe(&self, path: &StepPath, known: &ProbeState) -> Vec<Command> {
        let own = self.chart.file(self.plan, path.file()).map_or(&[][..], |plan| &plan.probes);
        let Some(probe) = own.iter().find(|probe| probe.look.id == path.id()) else { return Vec::new() };
        let earned = probe.marks.iter().filter_map(|(moment, mark)| {
            let at = match moment {
                ProbeMoment::FirstDown => known.first_down?,
                ProbeMoment::HeldUp => known.held_up?,
            };
            let mark = crate::scope::mark_of(path.file(), mark.as_str());
            let missing = !self.state.marks.contains_key(&mark);
            let kind = Box::new(EventKind::MarkSet { mark, source: None });
            missing.then(|| Command::Record { step: Some(path.clone()), kind, at: Some(at.at) })
        });
        earned.collect()
    }

    /// Marks that a step has earned and that are not set yet.
    pub(super) fn missing_marks(&self, step: &Step, path: &StepPath) -> Vec<Command> {
        let state = self.step(path);
        let earned = |(moment, mark): (&MarkMoment, &MarkName)| {
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
            let mark = crate::scope::mark_of(path.file(), mark.as_str());
            let missing = !self.state.marks.contains_key(&mark);
            let kind = Box::new(EventKind::MarkSet { mark, source });
            missing.then(|| Command::Record { step: Some(path.clone()), kind, at: Some(at) })
        };
        step.marks.iter().filter_map(earned).collect()
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
}
