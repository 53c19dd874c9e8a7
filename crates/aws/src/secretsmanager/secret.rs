//! Reading a secret.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use lifeboat_engine::action::ActionError;

/// A secret as read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText {
    /// Its text: often a JSON object.
    pub text: String,
    /// The id of its version.
    pub version: Option<String>,
}

/// Reads a secret; no stage means `AWSCURRENT`:
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>.
///
/// # Errors
/// Without credentials, without an answer, or when it is not there or not a text. Never with its text.
pub async fn read_secret(
    aws: &Aws,
    region: &str,
    name: &str,
    stage: Option<&str>,
) -> Result<SecretText, ActionError> {
    let request = aws
        .secretsmanager(region)
        .get_secret_value()
        .secret_id(name)
        .set_version_stage(stage.map(str::to_owned));
    let reply = request.send().await.map_err(|error| {
        let mut error = classify(error, Call::Read);
        error.message = format!("the secret {name} cannot be read: {}", error.message);
        error
    })?;
    let text = reply.secret_string().ok_or_else(|| {
        ActionError::refused("secret", format!("the secret {name} is binary, and only text can be used"))
    })?;
    Ok(SecretText { text: text.to_owned(), version: reply.version_id().map(str::to_owned) })
}
