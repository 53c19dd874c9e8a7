//! Taking a step back, until its effect is seen to be gone.

use crate::action::{Action, ActionError, ErrorKind, Stage, StepContext, UndoObservation};
use crate::log::{JOURNAL_LOST, JournalLost};
use crate::perform::{Attempt, CONSISTENCY_WINDOW, Ended, Worker, failed, prepared_of, recorded_of};
use chrono::TimeDelta;
use lifeboat_journal::event::{EventKind, Failure};
use lifeboat_journal::state::StepState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Step;
use lifeboat_runbook::spec::Effect;
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
        match self.take_back(attempt.action.as_ref(), attempt.step, cx).await? {
            Ok(()) => Ok(()),
            Err(error) => Err(failed("undo", error)),
        }
    }

    /// Takes a step back and journals how that ended.
    pub(crate) async fn undo(&self, path: &StepPath) -> Result<(), JournalLost> {
        let Some(step) = self.plan.step(path) else { return Ok(()) };
        let state = self.log.with_state(|state| state.step(path));
        let number = state.attempts.max(1);
        if state.undo == lifeboat_journal::state::UndoStatus::NotUndone {
            self.log.step(path, number, EventKind::UndoStarted)?;
        }
        let outcome = match (self.action(step), self.context(step, number), &state.intent) {
            (Ok((action, _)), Ok(mut cx), Some(intent)) => {
                cx.prepared = prepared_of(intent);
                cx.recorded = recorded_of(&state, self.created_by(path));
                match self.take_back(action.as_ref(), step, cx).await {
                    Ok(outcome) => outcome,
                    Err(Ended::JournalLost(lost)) => return Err(lost),
                    Err(Ended::Left) => return Ok(()),
                    Err(Ended::Failed { failure, .. }) => {
                        Err(ActionError::failed(failure.code, failure.message))
                    }
                }
            }
            (Err(error), ..) | (_, Err(error), _) => Err(error),
            (_, _, None) => Ok(()),
        };
        self.report_polls(path, number)?;
        let kind = match outcome {
            Ok(()) => EventKind::Undone,
            Err(ActionError { kind, code, message, hint }) => EventKind::UndoFailed {
                error: Failure { code, message, hint, refused: kind == ErrorKind::Refused },
            },
        };
        self.log.step(path, number, kind)
    }

    /// Undoes an attempt until its effect is seen to be gone. The outer error is the journal's.
    pub(crate) async fn take_back(
        &self,
        action: &dyn Action,
        step: &Step,
        mut cx: StepContext,
    ) -> Result<Result<(), ActionError>, Ended> {
        let deadline = self.clock.now() + UNDO_LIMIT;
        let mut gone_once = false;
        let mut tries = 0;
        loop {
            cx.now = self.clock.now();
            if cx.now >= deadline {
                return Ok(Err(ActionError::failed("timeout", "it is still there after an hour")));
            }
            let Some(watch) = action.watches(&cx) else { return self.take_back_unseen(action, cx).await };
            let seen = match self.poller.look(&watch).await {
                Ok(seen) => seen,
                Err(error) if self.may_try_again(&error, deadline) => {
                    tries += 1;
                    self.back_off(&cx, tries).await;
                    continue;
                }
                Err(error) => return Ok(Err(error)),
            };
            match action.judge_undo(&cx, &seen) {
                UndoObservation::Gone if gone_once && cannot_appear_any_more(&cx) => {
                    return self.note_gone(&cx).map(Ok);
                }
                UndoObservation::Gone => {
                    gone_once = true;
                    self.clock.sleep(GONE_TWICE).await;
                }
                UndoObservation::InProgress { .. } => gone_once = false,
                UndoObservation::Failed { why } => return Ok(Err(ActionError::failed("undo", why))),
                UndoObservation::Next(stage) => match action.undo(&cx, &stage).await {
                    Ok(()) => {
                        cx.recorded.undo_accepted.push(stage.clone());
                        let kind = EventKind::UndoAccepted { stage: stage.to_string() };
                        self.log.step(&step.path, cx.attempt, kind)?;
                    }
                    Err(error) if error.code == JOURNAL_LOST => return Err(failed("undo", error)),
                    Err(error)
                        if error.kind == ErrorKind::Unknown || self.may_try_again(&error, deadline) =>
                    {
                        tries += 1;
                        self.back_off(&cx, tries).await;
                    }
                    Err(error) => return Ok(Err(error)),
                },
            }
        }
    }

    /// What cannot be watched is taken back by one call that is true also when there is nothing to take back.
    pub(crate) async fn take_back_unseen(
        &self,
        action: &dyn Action,
        cx: StepContext,
    ) -> Result<Result<(), ActionError>, Ended> {
        Ok(action.undo(&cx, &Stage::first()).await)
    }

    pub(crate) fn note_gone(&self, cx: &StepContext) -> Result<(), Ended> {
        for resource in &cx.recorded.created {
            self.log.step(&cx.path, cx.attempt, EventKind::AwsDeleted(resource.clone()))?;
        }
        Ok(())
    }
}

/// A mutation whose reply was lost may still come about: nothing is gone before the window has passed.
fn cannot_appear_any_more(cx: &StepContext) -> bool {
    let since = cx.recorded.started_at;
    !cx.recorded.accepted.is_empty() || since.is_none_or(|since| cx.now - since >= CONSISTENCY_WINDOW)
}
