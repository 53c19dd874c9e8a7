//! `sts.identity`, and the account guard's question.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::sts::spec;
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account id.
    pub account: String,
    /// The ARN of the caller.
    pub arn: String,
    /// The unique id of the caller.
    pub user_id: String,
}

/// Asks STS in `region`.
///
/// # Errors
/// Without credentials, or without an answer.
pub async fn caller_identity(aws: &Aws, region: &str) -> Result<Identity, ActionError> {
    let reply =
        aws.sts(region).get_caller_identity().send().await.map_err(|error| classify(error, Call::Read))?;
    let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
    Ok(Identity { account: text(reply.account()), arn: text(reply.arn()), user_id: text(reply.user_id()) })
}

/// `sts.identity`.
pub struct SayIdentity(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for SayIdentity {
    fn spec(&self) -> &'static ActionSpec {
        &spec::IDENTITY
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let Identity { account, arn, user_id } = caller_identity(&self.0, &cx.place.region).await?;
        let outputs = [("account", account), ("arn", arn), ("user_id", user_id)];
        let outputs = outputs.map(|(name, text)| (name.to_owned(), Value::from(text)));
        Ok(Observation::Ready(BTreeMap::from(outputs)))
    }
}
