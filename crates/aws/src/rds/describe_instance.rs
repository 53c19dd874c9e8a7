//! `rds.describe_instance`.

use crate::connect::Aws;
use crate::rds::instances::look_at;
use crate::rds::{describe, spec};
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// `rds.describe_instance`.
pub(crate) struct DescribeInstance(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for DescribeInstance {
    fn spec(&self) -> &'static ActionSpec {
        &spec::DESCRIBE_INSTANCE
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let id = cx.required("instance")?;
        let mut seen = look_at(&self.0, &cx.place, id).await?;
        if !seen.exists {
            let names = self.spec().outputs.iter().map(|output| output.name);
            return Ok(Observation::Ready(describe::absent(id, names)));
        }
        seen.attributes.remove("settings");
        Ok(Observation::Ready(seen.attributes))
    }
}
