//! Taking a step back, until its effect is seen to be gone.

use crate::action::{Action, ActionError, ErrorKind, Stage, StepContext, UndoObservation};
use crate::hands::{Hands, Reach};
use crate::log::{JOURNAL_LOST, JournalLost};
use crate::lookout::Seen;
use crate::patience::Patience;
use crate::perform::{
    Attempt, CONSISTENCY_WINDOW, Ended, Ending, Worker, failed, note_entries, prepared_of, recorded_of,
};
use chrono::TimeDelta;
use lifeboat_journal::event::EventKind;
use lifeboat_journal::state::{StepState, StepStatus, UndoStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Step, Undo, Wait, Work};
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A thing is gone when it was not found twice, this far apart (catalogue §5).
const GONE_TWICE: Duration = Duration::from_secs(5);

/// How long an undo may take.
const UNDO_LIMIT: TimeDelta = TimeDelta::hours(1);

impl Worker {
    /// A new attempt begins where the old one has left nothing.
    pub(crate) async fn take_back_previous(
        &self,
        attempt: &Attempt<'_>,
        state: &StepState,
    ) -> Result<(), Ended> {
        let changes = matches!(attempt.step.effect, Some(Effect::Create | Effect::Modify));
        let Some(intent) = state.intent.as_ref().filter(|_| changes && attempt.cx.attempt > 1) else {
            return Ok(());
        };
        let mut cx = attempt.cx.clone();
        cx.attempt = state.attempts;
        cx.prepared = prepared_of(intent);
        cx.recorded = recorded_of(state, self.created_by(&attempt.step.path));
        let reach = Arc::new(self.reach(attempt.step, Some(intent)).map_err(|error| failed("undo", error))?);
        let hands = self.hands(&reach).await.map_err(|error| failed("undo", error))?;
        self.take_back(attempt.action.as_ref(), attempt.step, cx, &hands, reach).await
    }

    /// Takes a step back and journals how that ended.
    pub(crate) async fn undo(&self, path: &StepPath) -> Result<(), JournalLost> {
        let Some(step) = self.step(path) else { return Ok(()) };
        let step = step.as_ref();
        let state = self.log.with_state(|state| state.step(path));
        let number = state.attempts.max(1);
        if state.undo == UndoStatus::NotUndone {
            self.log.step(path, number, EventKind::UndoStarted)?;
        }
        let outcome = match &step.undo {
            Undo::Action { action, with } => self.undo_by(step, action, with).await,
            _ => self.undo_own(step, &state, number).await,
        };
        self.report_polls(path, number)?;
        let kind = match outcome {
            Ok(()) => EventKind::Undone,
            // What stays blocked is named as left behind, and `cleanup` takes it up again.
            Err(Ended::Failed { failure, .. } | Ended::Blocked { failure, .. }) => {
                EventKind::UndoFailed { error: failure }
            }
            Err(Ended::Left) => return Ok(()),
            Err(Ended::JournalLost(lost)) => return Err(lost),
        };
        self.log.step(path, number, kind)
    }

    async fn undo_own(&self, step: &Step, state: &StepState, number: u32) -> Result<(), Ended> {
        let Some(intent) = &state.intent else { return Ok(()) };
        let undo = |error| failed("undo", error);
        // It is taken back where it was done, whatever the runbook says by now.
        let reach = Arc::new(self.reach(step, Some(intent)).map_err(undo)?);
        let hands = self.hands(&reach).await.map_err(undo)?;
        let (action, _) = self.action(&hands, step).map_err(undo)?;
        let mut cx = self.context(step, number, &reach).map_err(undo)?;
        cx.prepared = prepared_of(intent);
        cx.recorded = recorded_of(state, self.created_by(&step.path));
        self.take_back(action.as_ref(), step, cx, &hands, reach).await
    }

    /// Takes a step back by another action, which is performed as a step of its own: `undo:<id>`.
    async fn undo_by(
        &self,
        step: &Step,
        action: &str,
        with: &BTreeMap<String, Template>,
    ) -> Result<(), Ended> {
        let path = undo_path(&step.path);
        let spec = self.catalog.get(action);
        let (action, with) = (action.to_owned(), with.clone());
        let undo = Step {
            path: path.clone(),
            work: Work::Action { action, with, outputs: BTreeMap::new() },
            effect: spec.and_then(|spec| spec.effect).or(step.effect),
            wait: Wait::default(),
            timeout: None,
            assert: Vec::new(),
            recovery_point: None,
            undo: Undo::Never,
            ..step.clone()
        };
        let state = self.log.with_state(|state| state.step(&path));
        let in_flight = state.status.is_in_flight();
        let number = if in_flight { state.attempts.max(1) } else { state.attempts_failed + 1 };
        if state.status == StepStatus::Succeeded {
            return Ok(());
        }
        match self.attempt(&undo, number, in_flight, &[]).await? {
            Ending::Succeeded => Ok(()),
            Ending::Failed(failure) => Err(Ended::Failed { during: "undo", failure }),
            Ending::Blocked(on, failure) => Err(Ended::Blocked { on, failure }),
            Ending::Left => Err(Ended::Left),
        }
    }

    /// Undoes an attempt until its effect is seen to be gone.
    pub(crate) async fn take_back(
        &self,
        action: &dyn Action,
        step: &Step,
        mut cx: StepContext,
        hands: &Hands,
        reach: Arc<Reach>,
    ) -> Result<(), Ended> {
        let (path, attempt, began) = (step.path.clone(), cx.attempt, self.clock.now());
        let patience = Patience {
            path,
            attempt,
            began,
            since: self.last_seq(),
            limit: UNDO_LIMIT,
            during: "undo",
            reach,
        };
        self.right_account(&patience.reach, &patience).await?;
        let mut gone_once = false;
        let mut tries = 0;
        loop {
            cx.now = self.clock.now();
            if cx.now >= self.deadline(&patience) {
                let error = ActionError::failed("timeout", "it is still there after an hour");
                return Err(failed("undo", error));
            }
            let Some(watch) = action.watches_undo(&cx) else {
                // What cannot be watched is taken back by one call, true also when there is nothing to take back.
                let first = Stage::first();
                return self.patiently(&patience, || action.undo(&cx, &first)).await;
            };
            let seen = self.patiently(&patience, || hands.poller.look(&watch)).await?;
            let seen = if self.is_adopted(&cx, &seen) { Seen::absent(seen.id) } else { seen };
            note_entries(&cx, &seen).map_err(|error| failed("undo", error))?;
            match action.judge_undo(&cx, &seen) {
                UndoObservation::Gone if gone_once && cannot_appear_any_more(&cx) => {
                    return self.note_gone(&cx);
                }
                UndoObservation::Gone => {
                    gone_once = true;
                    self.clock.sleep(GONE_TWICE).await;
                }
                UndoObservation::InProgress { .. } => gone_once = false,
                UndoObservation::Failed { why } => {
                    return Err(failed("undo", ActionError::failed("undo", why)));
                }
                UndoObservation::Next(stage) => match action.undo(&cx, &stage).await {
                    Ok(()) => {
                        self.unblocked(&patience)?;
                        cx.recorded.undo_accepted.push(stage.clone());
                        let kind = EventKind::UndoAccepted { stage: stage.to_string() };
                        self.log.step(&step.path, cx.attempt, kind)?;
                    }
                    Err(error) if error.code == JOURNAL_LOST => return Err(failed("undo", error)),
                    Err(error) if self.waits_for(&patience, &error) => {
                        self.blocked(&patience, &error).await?;
                    }
                    Err(error)
                        if error.kind == ErrorKind::Unknown || self.may_try_again(&error, &patience) =>
                    {
                        tries += 1;
                        let _never_stopped = self.back_off(&patience, tries).await;
                    }
                    Err(error) => return Err(failed("undo", error)),
                },
            }
        }
    }

    /// Whether it is what a person named to do instead: not made by this run, and not its to delete, even where it
    /// carries its tags, because AWS copies tags.
    fn is_adopted(&self, cx: &StepContext, seen: &Seen) -> bool {
        let adopted = self.log.with_state(|state| {
            state.steps.get(&cx.path).map(|step| step.adopted.clone()).unwrap_or_default()
        });
        adopted.iter().any(|(name, id)| {
            seen.attributes.get(name).and_then(Value::as_str) == Some(id)
                && !cx.recorded.created.iter().any(|created| created.id == *id)
        })
    }

    pub(crate) fn note_gone(&self, cx: &StepContext) -> Result<(), Ended> {
        for resource in &cx.recorded.created {
            self.log.step(&cx.path, cx.attempt, EventKind::AwsDeleted(resource.clone()))?;
        }
        Ok(())
    }
}

/// Where the step is that takes another one back: `undo:restore`, `each[orders].undo:restore`.
fn undo_path(path: &StepPath) -> StepPath {
    let (id, path) = (path.id(), path.as_str());
    StepPath::new(format!("{}undo:{id}", &path[..path.len() - id.len()]))
}

/// A mutation whose reply was lost may still come about: nothing is gone before the window has passed.
fn cannot_appear_any_more(cx: &StepContext) -> bool {
    let since = cx.recorded.started_at;
    !cx.recorded.accepted.is_empty() || since.is_none_or(|since| cx.now - since >= CONSISTENCY_WINDOW)
}
