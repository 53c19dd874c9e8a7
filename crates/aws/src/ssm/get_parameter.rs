//! `ssm.get_parameter`.

use super::parameters::{is_secure, modified_at};
use super::spec;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::Parameter;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `ssm.get_parameter`.
pub struct GetParameter(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for GetParameter {
    fn spec(&self) -> &'static ActionSpec {
        &spec::GET_PARAMETER
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let name = cx.required("name")?;
        let reply = self.0.ssm(&cx.place.region).get_parameter().name(name).send().await;
        let reply = reply.map_err(|error| absent(name, classify(error, Call::Read)))?;
        let Some(parameter) = reply.parameter().filter(|parameter| !is_secure(parameter)) else {
            let message = format!("`{name}` is a SecureString: as an output it would be written down");
            return Err(ActionError::refused("secure_string", message)
                .hint(format!("name it under `secrets:` as `{{ ssm: {name} }}`")));
        };
        Ok(Observation::Ready(outputs(parameter)))
    }
}

fn absent(name: &str, error: ActionError) -> ActionError {
    match error.code.starts_with("ParameterNotFound") || error.code == "ParameterVersionNotFound" {
        true => ActionError { message: format!("there is no parameter `{name}`"), ..error }
            .hint("look at the name, the account and the Region"),
        false => error,
    }
}

fn outputs(parameter: &Parameter) -> lifeboat_engine::action::Values {
    BTreeMap::from([
        ("arn".to_owned(), parameter.arn().into()),
        ("modified_at".to_owned(), modified_at(parameter).into()),
        ("value".to_owned(), parameter.value().into()),
        ("version".to_owned(), parameter.version().into()),
    ])
}
