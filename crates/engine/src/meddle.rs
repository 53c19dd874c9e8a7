//! Somebody between the engine and its actions: what goes wrong in a rehearsal goes wrong here, and a test sees here who
//! asks AWS for what. The engine knows nothing of it.

use crate::action::{
    Accepted, Action, ActionError, DataTime, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use crate::lookout::{Seen, Watch};
use async_trait::async_trait;
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// Stands before every action; by default it hands everything on.
#[async_trait]
pub trait Meddler: Send + Sync {
    /// Instead of [`Action::prepare`].
    async fn prepare(&self, action: &dyn Action, cx: &StepContext) -> Result<Prepared, ActionError> {
        action.prepare(cx).await
    }

    /// Instead of [`Action::act`].
    async fn act(
        &self,
        action: &dyn Action,
        cx: &StepContext,
        stage: &Stage,
    ) -> Result<Accepted, ActionError> {
        action.act(cx, stage).await
    }

    /// Instead of [`Action::undo`].
    async fn undo(&self, action: &dyn Action, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        action.undo(cx, stage).await
    }

    /// Instead of [`Action::judge_undo`].
    fn judge_undo(&self, action: &dyn Action, cx: &StepContext, seen: &Seen) -> UndoObservation {
        action.judge_undo(cx, seen)
    }
}

/// An action with somebody before it. Every verb of [`Action`] is handed on here, those with a default too.
pub(crate) struct Meddled {
    pub(crate) action: Arc<dyn Action>,
    pub(crate) meddler: Arc<dyn Meddler>,
}

#[async_trait]
impl Action for Meddled {
    fn spec(&self) -> &'static ActionSpec {
        self.action.spec()
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        self.meddler.prepare(self.action.as_ref(), cx).await
    }

    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        self.meddler.act(self.action.as_ref(), cx, stage).await
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        self.action.observe(cx).await
    }

    async fn undo(&self, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        self.meddler.undo(self.action.as_ref(), cx, stage).await
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        self.action.watches(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        self.action.judge(cx, seen)
    }

    fn reached(&self, cx: &StepContext, seen: &Seen) -> Vec<&'static str> {
        self.action.reached(cx, seen)
    }

    fn data_time(&self, cx: &StepContext) -> Option<DataTime> {
        self.action.data_time(cx)
    }

    fn watches_undo(&self, cx: &StepContext) -> Option<Watch> {
        self.action.watches_undo(cx)
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        self.meddler.judge_undo(self.action.as_ref(), cx, seen)
    }
}
