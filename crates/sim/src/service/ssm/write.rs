//! PutParameter and DeleteParameter.

use super::names::not_found;
use crate::definition::ParameterKind;
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output, tags};
use crate::world::{Parameter, ParameterVersion, World};

/// The most letters of a value of the Standard and of the Advanced tier (SSM API reference, PutParameter).
const MOST_LETTERS: (usize, usize) = (4096, 8192);
/// A name has at most this many levels (SSM API reference, PutParameter).
const MOST_LEVELS: usize = 15;

pub(super) fn put(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let name = input.required("Name")?.to_owned();
    check_name(&name)?;
    let overwrite = input.flag("Overwrite")?.unwrap_or(false);
    let tags = tags::sent(input, "Tags")?;
    if overwrite && !tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please \
             remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    let old = world.region(place).parameters.get(&name);
    if old.is_some() && !overwrite {
        let message = "The parameter already exists. To overwrite this value, set the overwrite option in the \
                       request to true.";
        return Err(ApiError::new("ParameterAlreadyExists", message));
    }
    let mut version = version(world, context, old.and_then(|old| old.version(None)))?;
    let mut parameter = old.cloned().unwrap_or(Parameter { versions: Vec::new(), tags });
    version.number = parameter.version(None).map_or(1, |last| last.number + 1);
    let output = Document::new().with("Version", version.number).with("Tier", &version.tier);
    parameter.push(version);
    world.region_mut(place).parameters.insert(name, parameter);
    Ok(output)
}

/// The version that the request describes; what it leaves out is as in the last one. Its number is still open.
fn version(
    world: &World,
    context: &Context<'_>,
    last: Option<&ParameterVersion>,
) -> Result<ParameterVersion, ApiError> {
    let input = context.input;
    let kind = kind(input, last)?;
    let value = input.required("Value")?.to_owned();
    let tier = tier(input, last, value.chars().count())?;
    let key_id = input.text("KeyId")?;
    if key_id.is_some() && kind != ParameterKind::SecureString {
        return Err(invalid("KeyId is required for SecureString type parameter only."));
    }
    let or_last = |given: Option<&str>, last: Option<&String>| given.map(str::to_owned).or(last.cloned());
    Ok(ParameterVersion {
        number: 0,
        kind,
        value,
        key_id: or_last(key_id, last.and_then(|last| last.key_id.as_ref())),
        description: or_last(input.text("Description")?, last.and_then(|last| last.description.as_ref())),
        data_type: input.text("DataType")?.unwrap_or("text").to_owned(),
        tier,
        modified_at: world.now,
        modified_by: context.caller.arn.clone(),
    })
}

/// The tier that holds a value of so many letters. Intelligent-Tiering takes the least that does.
fn tier(input: &Input, last: Option<&ParameterVersion>, letters: usize) -> Result<String, ApiError> {
    let asked = input.text("Tier")?.or(last.map(|last| last.tier.as_str())).unwrap_or("Standard");
    let (tier, most) = match asked {
        "Standard" => ("Standard", MOST_LETTERS.0),
        "Intelligent-Tiering" if letters <= MOST_LETTERS.0 => ("Standard", MOST_LETTERS.0),
        "Advanced" | "Intelligent-Tiering" => ("Advanced", MOST_LETTERS.1),
        other => return Err(invalid(format!("{other} is not a tier of parameters."))),
    };
    if letters > most {
        return Err(invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters."
        )));
    }
    Ok(tier.to_owned())
}

fn kind(input: &Input, last: Option<&ParameterVersion>) -> Result<ParameterKind, ApiError> {
    let asked = match input.text("Type")? {
        Some(word) => Some(ParameterKind::named(word).ok_or_else(|| {
            ApiError::new("UnsupportedParameterType", format!("{word} is not a type of parameter."))
        })?),
        None => None,
    };
    match (asked, last.map(|last| last.kind)) {
        (Some(asked), Some(last)) if asked != last => Err(ApiError::new(
            "HierarchyTypeMismatchException",
            "Parameter Store does not support changing a parameter type in a hierarchy.",
        )),
        (Some(kind), _) | (None, Some(kind)) => Ok(kind),
        (None, None) => Err(invalid("A parameter type is required when you create a parameter.")),
    }
}

/// The rule of names (SSM API reference, PutParameter): letters, digits and `_.-`, in levels that begin with a slash;
/// not `aws` or `ssm` at the beginning.
fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.-/".contains(letter);
    if !name.chars().all(allowed) || (name.contains('/') && !name.starts_with('/')) {
        return Err(invalid(
            "Parameter name must be a fully qualified name: only a mix of letters, numbers and the symbols .-_/ is \
             allowed, and a name with levels begins with a slash.",
        ));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err(invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."));
    }
    if name.split('/').filter(|level| !level.is_empty()).count() > MOST_LEVELS {
        return Err(ApiError::new(
            "HierarchyLevelLimitExceededException",
            format!("A parameter name can have a maximum of {MOST_LEVELS} levels."),
        ));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

pub(super) fn delete(world: &mut World, context: &Context<'_>) -> Output {
    let name = context.input.required("Name")?;
    let removed = world.region_mut(context.place).parameters.remove(name);
    removed.map(|_| Document::new()).ok_or_else(|| not_found(name))
}
