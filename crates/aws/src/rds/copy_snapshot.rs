//! `rds.copy_snapshot`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::is_set;
use crate::rds::make_snapshot as common;
use crate::rds::snapshots::{data_time, existing};
use crate::rds::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rds.copy_snapshot`.
pub(crate) struct CopySnapshot(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for CopySnapshot {
    fn spec(&self) -> &'static ActionSpec {
        &spec::COPY_SNAPSHOT
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let source = cx.required("source")?;
        let region = region_of(source).unwrap_or(&cx.place.region);
        let original = existing(&self.0, region, source).await?;
        let elsewhere = region != cx.place.region;
        if elsewhere && is_set(&original.attributes, "encrypted") && cx.text("kms_key").is_none() {
            let message = format!("`{source}` is encrypted with a key of {region}");
            return Err(ActionError::refused("KMSKeyNotAccessibleFault", message)
                .hint(format!("name a key of {} with kms_key", cx.place.region)));
        }
        let time =
            data_time(&original.attributes).map(|(time, _)| ("data_time".to_owned(), Value::Time(time)));
        Ok(Prepared {
            names: common::names(cx),
            token: cx.token(),
            resolved: time.into_iter().collect(),
            captured: BTreeMap::from([("source".to_owned(), Value::Map(original.attributes))]),
            findings: Vec::new(),
        })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).copy_db_snapshot();
        let call = call
            .source_db_snapshot_identifier(cx.required("source")?)
            .target_db_snapshot_identifier(common::name(cx))
            .set_kms_key_id(cx.text("kms_key").map(str::to_owned))
            .set_option_group_name(cx.text("option_group").map(str::to_owned))
            .set_copy_tags(cx.with.get("copy_tags").and_then(Value::as_bool))
            .set_tags(Some(common::tags(cx)));
        let reply = call.send().await.map_err(|error| common::refine(classify(error, Call::Mutation)))?;
        let arn = reply.db_snapshot().and_then(|snapshot| snapshot.db_snapshot_arn());
        common::made(cx, arn, "CopyDBSnapshot")
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

/// The Region in an ARN.
fn region_of(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_arn() {
        let arn = "arn:aws:rds:eu-central-1:111122223333:snapshot:rds:orders-2026-01-05";
        assert_eq!((region_of(arn), region_of("orders-snapshot")), (Some("eu-central-1"), None));
    }
}
