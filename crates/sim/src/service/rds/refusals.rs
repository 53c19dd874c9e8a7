//! The refusals of RDS, with the codes of the wire.

use crate::protocol::ApiError;
use crate::world::Instance;

pub(super) fn instance_not_found(name: &str) -> ApiError {
    ApiError::not_found("DBInstanceNotFound", format!("DBInstance {name} not found."))
}

pub(super) fn instance_exists() -> ApiError {
    ApiError::new("DBInstanceAlreadyExists", "DB instance already exists")
}

pub(super) fn wrong_state(instance: &Instance) -> ApiError {
    let message = format!("Instance {} is currently {}.", instance.identifier, instance.status.as_str());
    ApiError::new("InvalidDBInstanceState", message)
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

pub(super) fn combination(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterCombination", message)
}

/// The rule of identifiers (RDS API reference, RestoreDBInstanceToPointInTime): 1–63 letters, digits and hyphens,
/// first a letter, no hyphen at the end and no two in a row.
pub(super) fn check_identifier(parameter: &str, name: &str) -> Result<(), ApiError> {
    let shape = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '-')
        && !name.ends_with('-')
        && !name.contains("--");
    if shape && name.len() <= 63 {
        return Ok(());
    }
    Err(invalid(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only \
         ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}
