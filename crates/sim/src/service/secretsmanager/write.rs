//! PutSecretValue and UpdateSecretVersionStage.

use std::collections::BTreeSet;

use super::read::{find_live, not_found};
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output};
use crate::world::secret::CURRENT;
use crate::world::{Secret, SecretValue, SecretVersion, World};

pub(super) fn put_value(world: &mut World, context: &Context<'_>) -> Output {
    let input = context.input;
    let mut secret = find_live(world, world.region(context.place), input)?.clone();
    let id = token(input)?.ok_or_else(|| {
        invalid("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
    })?;
    let value =
        value(input)?.ok_or_else(|| invalid("You must provide either SecretString or SecretBinary."))?;
    let mut stages = input.texts("VersionStages")?;
    if stages.is_empty() {
        stages.push(CURRENT.into());
    }
    // The same token with the same value is the same request again (API reference, ClientRequestToken).
    let is_repeat = secret.versions.get(id).is_some_and(|version| version.value == value);
    if !is_repeat {
        add_version(world, &mut secret, id, value)?;
        stages.iter().for_each(|stage| secret.move_stage(stage, id));
    }
    let output = answer(&secret, id);
    world.region_mut(context.place).secrets.insert(secret.name.clone(), secret);
    Ok(output)
}

/// Adds a version without a label.
pub(super) fn add_version(
    world: &World,
    secret: &mut Secret,
    id: &str,
    value: SecretValue,
) -> Result<(), ApiError> {
    if secret.versions.contains_key(id) {
        let message =
            "You can't use this ClientRequestToken: the version that has this id holds another value.";
        return Err(ApiError::new("ResourceExistsException", message));
    }
    let version = SecretVersion { value, created_at: world.now, stages: BTreeSet::new() };
    secret.versions.insert(id.to_owned(), version);
    secret.changed_at = world.now;
    Ok(())
}

fn answer(secret: &Secret, id: &str) -> Document {
    let stages = secret.versions.get(id).map(|version| version.stages.iter().cloned().collect::<Vec<_>>());
    named(secret).with("VersionId", id).with("VersionStages", stages.unwrap_or_default())
}

/// ARN and name, which every answer holds.
pub(super) fn named(secret: &Secret) -> Document {
    Document::new().with("ARN", &secret.arn).with("Name", &secret.name)
}

/// The value of a request, if it has one.
pub(super) fn value(input: &Input) -> Result<Option<SecretValue>, ApiError> {
    match (input.text("SecretString")?, input.text("SecretBinary")?) {
        (Some(_), Some(_)) => Err(invalid(
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => Ok(Some(SecretValue::Text(text.into()))),
        (None, Some(base64)) => Ok(Some(SecretValue::Binary(base64.into()))),
        (None, None) => Ok(None),
    }
}

/// The request's token, which becomes the version's id: 32–64 letters (API reference, ClientRequestToken).
pub(super) fn token(input: &Input) -> Result<Option<&str>, ApiError> {
    let token = input.text("ClientRequestToken")?;
    match token {
        Some(text) if !(32..=64).contains(&text.len()) => {
            Err(invalid("ClientRequestToken must be 32-64 characters long."))
        }
        _ => Ok(token),
    }
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

pub(super) fn update_stage(world: &mut World, context: &Context<'_>) -> Output {
    let input = context.input;
    let mut secret = find_live(world, world.region(context.place), input)?.clone();
    let stage = input.required("VersionStage")?;
    let (from, to) = (input.text("RemoveFromVersionId")?, input.text("MoveToVersionId")?);
    check_holder(&secret, stage, from)?;
    match to {
        Some(id) if !secret.versions.contains_key(id) => {
            let message =
                format!("Secrets Manager can't find the specified secret value for VersionId: {id}");
            return Err(not_found(message));
        }
        Some(id) => secret.move_stage(stage, id),
        None if stage == CURRENT => {
            return Err(invalid(
                "You can only move staging label AWSCURRENT to a different secret version. It can't be completely \
                 removed.",
            ));
        }
        None => {
            let held = from.and_then(|id| secret.versions.get_mut(id));
            held.into_iter().for_each(|version| version.stages.retain(|held| held != stage));
        }
    }
    secret.changed_at = world.now;
    let output = named(&secret);
    world.region_mut(context.place).secrets.insert(secret.name.clone(), secret);
    Ok(output)
}

/// A label that is on a version is moved only by who names that version (API reference, RemoveFromVersionId).
fn check_holder(secret: &Secret, stage: &str, from: Option<&str>) -> Result<(), ApiError> {
    match (secret.holder(stage), from) {
        (None, Some(from)) => {
            Err(invalid(format!("The staging label {stage} isn't attached to version {from}.")))
        }
        (Some(holder), from) if from != Some(holder) => Err(invalid(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
             version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        ))),
        _ => Ok(()),
    }
}
