//! `notify.send`.

use crate::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{Accepted, Action, ActionError, Observation, Stage, StepContext, Values};
use lifeboat_engine::notify::Outbox;
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::sync::Arc;

/// `notify.send`.
pub(crate) struct NotifySend(pub(crate) Arc<Outbox>);

#[async_trait]
impl Action for NotifySend {
    fn spec(&self) -> &'static ActionSpec {
        &spec::NOTIFY_SEND
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let told = self.0.send(cx.required("to")?, &cx.path, cx.required("text")?).await?;
        let told = Value::List(told.into_iter().map(Value::from).collect());
        Ok(Accepted { data: Values::from([("told".to_owned(), told)]), ..Accepted::default() })
    }

    /// Nobody can look whether people were told: what was taken is there, and what may have been lost is sent again.
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        Ok(match cx.recorded.accepted.last() {
            Some((_, _, data)) => Observation::Ready(data.clone()),
            None => Observation::Absent,
        })
    }
}
