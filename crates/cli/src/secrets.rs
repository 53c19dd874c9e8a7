//! Where secrets are kept: the environment, files, and AWS.

use crate::home::environment;
use async_trait::async_trait;
use lifeboat_aws::Aws;
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::secrets::{Fetched, Reference, SecretSource};
use lifeboat_runbook::plan::SecretStore;
use std::fs;
use std::sync::Arc;

/// Reads secrets with the credentials of the run.
pub(crate) struct Secrets(pub(crate) Arc<Aws>);

#[async_trait]
impl SecretSource for Secrets {
    async fn fetch(&self, _: &Place, reference: &Reference) -> Result<Fetched, ActionError> {
        let Reference { store, name, region, version_stage } = reference;
        match store {
            SecretStore::Environment => from_environment(name),
            SecretStore::File => from_file(name),
            SecretStore::Ssm => {
                let parameter = lifeboat_aws::ssm::read_parameter(&self.0, region, name).await?;
                Ok(Fetched { text: parameter.value, version: Some(parameter.version.to_string()) })
            }
            SecretStore::SecretsManager => {
                let stage = version_stage.as_deref();
                let secret = lifeboat_aws::secretsmanager::read_secret(&self.0, region, name, stage).await?;
                Ok(Fetched { text: secret.text, version: secret.version })
            }
        }
    }
}

fn from_environment(name: &str) -> Result<Fetched, ActionError> {
    match environment(name) {
        Some(text) => Ok(Fetched { text, version: None }),
        None => Err(ActionError::refused("secret", format!("the variable {name} is not set"))
            .hint("set it for this process; it is never written down")),
    }
}

fn from_file(path: &str) -> Result<Fetched, ActionError> {
    let refuse = |error| ActionError::refused("secret", format!("cannot read {path}: {error}"));
    let text = fs::read_to_string(path).map_err(refuse)?;
    // Editors end a file with a newline; it is not part of the secret.
    Ok(Fetched { text: text.strip_suffix('\n').unwrap_or(&text).to_owned(), version: None })
}
