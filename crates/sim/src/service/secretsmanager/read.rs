//! DescribeSecret and GetSecretValue, and how a secret is found.

use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output, tags};
use crate::world::secret::CURRENT;
use crate::world::{Region, Secret, SecretValue, SecretVersion, World};

/// Finds a secret by name, by ARN, or by ARN without the six characters at its end.
pub(super) fn find<'a>(world: &World, region: &'a Region, input: &Input) -> Result<&'a Secret, ApiError> {
    let id = input.required("SecretId")?;
    let fits = |secret: &&Secret| {
        secret.name == id || secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
    };
    let found = region.secrets.values().find(fits);
    let gone = |secret: &Secret| secret.gone_at.is_some_and(|gone| gone <= world.now);
    found
        .filter(|secret| !gone(secret))
        .ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
}

/// Finds a secret that is not being deleted.
pub(super) fn find_live<'a>(
    world: &World,
    region: &'a Region,
    input: &Input,
) -> Result<&'a Secret, ApiError> {
    let secret = find(world, region, input)?;
    if secret.deleted_at.is_some() {
        return Err(ApiError::new(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ));
    }
    Ok(secret)
}

pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let secret = find(world, world.region(context.place), context.input)?;
    let labelled = secret.versions.iter().filter(|(_, version)| !version.stages.is_empty());
    let stages = labelled.map(|(id, version)| (id.clone(), texts(version))).collect();
    Ok(Document::new()
        .with("ARN", &secret.arn)
        .with("Name", &secret.name)
        .optional("Description", Some(&secret.description).filter(|text| !text.is_empty()))
        .optional("KmsKeyId", secret.kms_key_id.as_ref())
        .with("CreatedDate", secret.created_at)
        .with("LastChangedDate", secret.changed_at)
        .optional("DeletedDate", secret.gone_at)
        .list("Tags", tags::listed(&secret.tags))
        .with("VersionIdsToStages", Document::Structure(stages)))
}

fn texts(version: &SecretVersion) -> Document {
    version.stages.iter().cloned().collect::<Vec<_>>().into()
}

pub(super) fn get_value(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let secret = find_live(world, world.region(context.place), input)?;
    let (id, version) = version(secret, input)?;
    let value = match &version.value {
        SecretValue::Text(text) => ("SecretString", text),
        SecretValue::Binary(base64) => ("SecretBinary", base64),
    };
    Ok(Document::new()
        .with("ARN", &secret.arn)
        .with("Name", &secret.name)
        .with("VersionId", id)
        .with(value.0, value.1)
        .with("VersionStages", texts(version))
        .with("CreatedDate", version.created_at))
}

/// The version by id, by label, or by both, which must agree; AWSCURRENT where neither is given.
fn version<'a>(secret: &'a Secret, input: &Input) -> Result<(&'a str, &'a SecretVersion), ApiError> {
    let (id, stage) = (input.text("VersionId")?, input.text("VersionStage")?);
    let none_with =
        |what: String| not_found(format!("Secrets Manager can't find the specified secret value for {what}"));
    let by_stage = |stage: &str| {
        let holder = secret.holder(stage).and_then(|id| secret.versions.get_key_value(id));
        holder.ok_or_else(|| none_with(format!("staging label: {stage}")))
    };
    let by_id =
        |id: &str| secret.versions.get_key_value(id).ok_or_else(|| none_with(format!("VersionId: {id}")));
    let (found, version) = match (id, stage) {
        (None, stage) => by_stage(stage.unwrap_or(CURRENT))?,
        (Some(id), None) => by_id(id)?,
        (Some(id), Some(stage)) => {
            let (found, version) = by_id(id)?;
            if !version.stages.contains(stage) {
                let message = "You provided a VersionStage that is not associated to the provided VersionId.";
                return Err(ApiError::new("InvalidRequestException", message));
            }
            (found, version)
        }
    };
    Ok((found, version))
}
