//! GetParameter, GetParameters, GetParameterHistory.

use super::names::{Found, arn, find};
use crate::chance::Chance;
use crate::definition::ParameterKind;
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output};
use crate::world::{ParameterVersion, World};

/// GetParameters takes at most ten names (API reference).
const MOST_NAMES: usize = 10;

pub(super) fn get(world: &World, context: &Context<'_>) -> Output {
    let decrypt = context.input.flag("WithDecryption")?.unwrap_or(false);
    let found = find(world.region(context.place), context.place, context.input.required("Name")?)?;
    Ok(Document::new().with("Parameter", record(world, context, &found, decrypt)))
}

pub(super) fn get_several(world: &World, context: &Context<'_>) -> Output {
    let decrypt = context.input.flag("WithDecryption")?.unwrap_or(false);
    let names = context.input.texts("Names")?;
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(ApiError::new("ValidationException", "Names must hold between 1 and 10 names"));
    }
    let region = world.region(context.place);
    let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
    for name in &names {
        match find(region, context.place, name) {
            Ok(found) => parameters.push(record(world, context, &found, decrypt)),
            Err(_) => invalid.push(name),
        }
    }
    Ok(Document::new().list("Parameters", parameters).list("InvalidParameters", invalid))
}

pub(super) fn history(world: &World, context: &Context<'_>) -> Output {
    let decrypt = context.input.flag("WithDecryption")?.unwrap_or(false);
    let found = find(world.region(context.place), context.place, context.input.required("Name")?)?;
    let each = |version: &ParameterVersion| {
        value(&world.chance, found.name, version, decrypt)
            .with("LastModifiedUser", &version.modified_by)
            .with("Tier", &version.tier)
            .list::<Document>("Policies", [])
            .list::<Document>("Labels", [])
            .optional("KeyId", key_id(version))
            .optional("Description", version.description.as_ref())
    };
    Ok(Document::new().list("Parameters", found.parameter.versions.iter().map(each)))
}

fn record(world: &World, context: &Context<'_>, found: &Found<'_>, decrypt: bool) -> Document {
    value(&world.chance, found.name, found.version, decrypt)
        .with("ARN", arn(context.place, found.name))
        .optional("Selector", found.selector)
}

/// What all answers say of a version.
fn value(chance: &Chance, name: &str, version: &ParameterVersion, decrypt: bool) -> Document {
    let secure = version.kind == ParameterKind::SecureString;
    let value = if secure && !decrypt { sealed(chance, name, version) } else { version.value.clone() };
    Document::new()
        .with("Name", name)
        .with("Type", version.kind.as_str())
        .with("Value", value)
        .with("Version", version.number)
        .with("LastModifiedDate", version.modified_at)
        .with("DataType", &version.data_type)
}

/// What stands in the place of a value that was not decrypted. It tells nothing of the value, and it is the same each
/// time.
fn sealed(chance: &Chance, name: &str, version: &ParameterVersion) -> String {
    let parts = ["sealed", name, &version.number.to_string()];
    format!("AQICAHi{}", data_encoding::BASE64.encode(&chance.bytes(&parts)))
}

fn key_id(version: &ParameterVersion) -> Option<&str> {
    let own = version.key_id.as_deref().unwrap_or("alias/aws/ssm");
    Some(own).filter(|_| version.kind == ParameterKind::SecureString)
}
