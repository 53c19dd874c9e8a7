//! Locks of runs: parameters that are made without overwriting, so that of two runs only one makes them.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::lock::{Kept, LockName, RunLock};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keeps locks in Parameter Store.
pub struct Locks(pub Arc<Aws>);

#[async_trait]
impl RunLock for Locks {
    async fn create(
        &self,
        name: &LockName,
        text: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, ActionError> {
        let call = self.0.ssm(&name.region).put_parameter().name(&name.name).value(text);
        let call = call.r#type(ParameterType::String).description(DESCRIPTION).overwrite(false);
        let reply = call.set_tags(Some(sdk_tags(tags)?)).send().await;
        match reply.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => Ok(true),
            Err(error) if error.code.starts_with("ParameterAlreadyExists") => Ok(false),
            Err(error) => Err(needs(error, "ssm:PutParameter and ssm:AddTagsToResource")),
        }
    }

    async fn read(&self, name: &LockName, version: Option<i64>) -> Result<Option<Kept>, ActionError> {
        let named = match version {
            Some(version) => format!("{}:{version}", name.name),
            None => name.name.clone(),
        };
        let reply = self.0.ssm(&name.region).get_parameter().name(named).send().await;
        match reply.map_err(|error| classify(error, Call::Read)) {
            Ok(reply) => Ok(reply.parameter.map(|parameter| Kept {
                version: parameter.version(),
                text: parameter.value.unwrap_or_default(),
            })),
            Err(error)
                if error.code.starts_with("ParameterNotFound")
                    || error.code.starts_with("ParameterVersionNotFound") =>
            {
                Ok(None)
            }
            Err(error) => Err(needs(error, "ssm:GetParameter")),
        }
    }

    async fn replace(&self, name: &LockName, text: &str) -> Result<i64, ActionError> {
        let call = self.0.ssm(&name.region).put_parameter().name(&name.name).value(text);
        let reply = call.r#type(ParameterType::String).overwrite(true).send().await;
        let reply = reply.map_err(|error| classify(error, Call::Mutation));
        reply.map(|reply| reply.version()).map_err(|error| needs(error, "ssm:PutParameter"))
    }

    async fn tag(&self, name: &LockName, tags: &BTreeMap<String, String>) -> Result<(), ActionError> {
        let call = self.0.ssm(&name.region).add_tags_to_resource().resource_id(&name.name);
        let call = call.resource_type(ResourceTypeForTagging::Parameter).set_tags(Some(sdk_tags(tags)?));
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation));
        reply.map(drop).map_err(|error| needs(error, "ssm:AddTagsToResource"))
    }

    async fn delete(&self, name: &LockName) -> Result<(), ActionError> {
        let reply = self.0.ssm(&name.region).delete_parameter().name(&name.name).send().await;
        match reply.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => Ok(()),
            Err(error) if error.code.starts_with("ParameterNotFound") => Ok(()),
            Err(error) => Err(needs(error, "ssm:DeleteParameter")),
        }
    }
}

/// What the console shows beside the parameter.
const DESCRIPTION: &str =
    "A run of Lifeboat holds this: no other run with the same key begins. Its value says which run";

fn sdk_tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>, ActionError> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Result<Vec<Tag>, _> = tags.iter().map(tag).collect();
    tags.map_err(|error| ActionError::refused("tags", error.to_string()))
}

/// Says which permission is missing, where one is.
fn needs(error: ActionError, permission: &str) -> ActionError {
    match error.kind {
        lifeboat_engine::action::ErrorKind::BlockedOnPermission => {
            error.hint(format!("a lock needs {permission} on parameter/lifeboat/locks/*"))
        }
        _ => error,
    }
}
