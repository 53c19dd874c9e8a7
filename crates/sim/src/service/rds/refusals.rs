//! The refusals of RDS, with the codes of the wire.

use crate::protocol::ApiError;
use crate::world::{Instance, Snapshot};

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

pub(super) fn snapshot_not_found(name: &str) -> ApiError {
    ApiError::not_found("DBSnapshotNotFound", format!("DBSnapshot {name} not found."))
}

pub(super) fn snapshot_exists(name: &str) -> ApiError {
    let message =
        format!("Cannot create the snapshot because a snapshot with the identifier {name} already exists.");
    ApiError::new("DBSnapshotAlreadyExists", message)
}

pub(super) fn wrong_snapshot_state(snapshot: &Snapshot) -> ApiError {
    let Snapshot { identifier, kind, status, .. } = snapshot;
    let message = format!("The {kind} snapshot {identifier} is {} and cannot be used so.", status.as_str());
    ApiError::new("InvalidDBSnapshotState", message)
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

pub(super) fn combination(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterCombination", message)
}

pub(super) fn insufficient_capacity() -> ApiError {
    let message = "The specified DB instance class isn't available in the specified Availability Zone.";
    ApiError::new("InsufficientDBInstanceCapacity", message)
}

/// The rule of identifiers (RDS API reference, RestoreDBInstanceToPointInTime): 1–63 letters, digits and hyphens,
/// first a letter, no hyphen at the end and no two in a row.
pub(super) fn check_identifier(parameter: &str, name: &str) -> Result<(), ApiError> {
    check_name(parameter, name, 63)
}

/// The rule of a manual snapshot's identifier (as above, CreateDBSnapshot): the same, up to 255 characters.
pub(super) fn check_snapshot_identifier(parameter: &str, name: &str) -> Result<(), ApiError> {
    check_name(parameter, name, 255)
}

fn check_name(parameter: &str, name: &str, longest: usize) -> Result<(), ApiError> {
    let shape = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '-')
        && !name.ends_with('-')
        && !name.contains("--");
    if shape && name.len() <= longest {
        return Ok(());
    }
    Err(invalid(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only \
         ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}
