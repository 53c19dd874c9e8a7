//! `rds.create_snapshot`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::make_snapshot as common;
use crate::rds::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// `rds.create_snapshot`.
pub(crate) struct CreateSnapshot(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for CreateSnapshot {
    fn spec(&self) -> &'static ActionSpec {
        &spec::CREATE_SNAPSHOT
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        Ok(Prepared { names: common::names(cx), token: cx.token(), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).create_db_snapshot();
        let call = call
            .db_instance_identifier(cx.required("instance")?)
            .db_snapshot_identifier(common::name(cx))
            .set_tags(Some(common::tags(cx)));
        let reply = call.send().await.map_err(|error| common::refine(classify(error, Call::Mutation)))?;
        let arn = reply.db_snapshot().and_then(|snapshot| snapshot.db_snapshot_arn());
        common::made(cx, arn, "CreateDBSnapshot")
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        common::undo(&self.0, cx).await
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        common::watch(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        common::judge(cx, self.spec(), seen)
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        common::judge_undo(cx, seen)
    }
}
