//! `rds.reboot_instance`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::following::{self, in_progress, is_usable, nothing_yet, was_seen};
use crate::rds::spec;
use crate::rds::take_away::accepted;
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rds.reboot_instance`.
pub(crate) struct RebootInstance(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for RebootInstance {
    fn spec(&self) -> &'static ActionSpec {
        &spec::REBOOT_INSTANCE
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let seen = following::existing(&self.0, cx).await?;
        Ok(Prepared { token: cx.token(), captured: following::captured(&seen, []), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).reboot_db_instance();
        let call = call.db_instance_identifier(cx.required("instance")?);
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        accepted(cx, "RebootDBInstance")
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        following::watch(cx)
    }

    /// The event is the proof. Where events cannot be read, having seen it go down and come up must do.
    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if let Some(ended) = following::ended(seen) {
            return ended;
        }
        let restarted = following::happened(cx, seen, &["instance restarted"]);
        let blind = following::events(cx, seen).is_none();
        let down = was_seen(cx, seen, &["rebooting"]);
        let begun = down || following::happened(cx, seen, &["shutdown"]).is_some();
        match is_usable(seen) {
            true if restarted.is_some() || (blind && down) => Observation::Ready(BTreeMap::from([
                ("instance".to_owned(), seen.attributes.get("instance").cloned().unwrap_or(Value::Null)),
                ("status".to_owned(), seen.state.as_deref().into()),
                ("restarted_at".to_owned(), restarted.map(|event| event.at).into()),
            ])),
            _ if begun || restarted.is_some() => in_progress(seen),
            _ => nothing_yet(cx),
        }
    }

    /// A reboot leaves nothing to take back.
    fn judge_undo(&self, _: &StepContext, _: &Seen) -> UndoObservation {
        UndoObservation::Gone
    }
}
