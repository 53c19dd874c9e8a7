//! `rds.latest_snapshot`.

use crate::connect::Aws;
use crate::rds::snapshots::{Wanted, newest};
use crate::rds::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// `rds.latest_snapshot`.
pub(crate) struct LatestSnapshot(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for LatestSnapshot {
    fn spec(&self) -> &'static ActionSpec {
        &spec::LATEST_SNAPSHOT
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let wanted = Wanted::of(cx, cx.required("source")?);
        newest(&self.0, cx, &wanted).await.map(|seen| Observation::Ready(seen.attributes))
    }
}
