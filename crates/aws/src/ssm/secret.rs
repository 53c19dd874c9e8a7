//! Parameters as the place of secrets.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use lifeboat_engine::action::ActionError;

/// A parameter as read, decrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its value.
    pub value: String,
    /// Its version, from 1.
    pub version: i64,
}

/// Reads a parameter, decrypted: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>.
///
/// # Errors
/// Without credentials, without an answer, or when it is not there. Never with its value.
pub async fn read_parameter(aws: &Aws, region: &str, name: &str) -> Result<Parameter, ActionError> {
    let request = aws.ssm(region).get_parameter().name(name).with_decryption(true);
    let reply = request.send().await.map_err(|error| {
        let mut error = classify(error, Call::Read);
        error.message = format!("the parameter {name} cannot be read: {}", error.message);
        error
    })?;
    let absent = || ActionError::refused("ParameterNotFound", format!("the parameter {name} has no value"));
    let parameter = reply.parameter().ok_or_else(absent)?;
    Ok(Parameter { value: parameter.value().ok_or_else(absent)?.to_owned(), version: parameter.version() })
}
