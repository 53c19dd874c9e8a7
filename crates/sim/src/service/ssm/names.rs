//! How a parameter is named: by name or ARN, with a version behind a colon.

use crate::protocol::ApiError;
use crate::world::{Parameter, ParameterVersion, Place, Region};

/// A parameter that was found, and the version that was asked for.
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) parameter: &'a Parameter,
    pub(super) version: &'a ParameterVersion,
    /// What was given behind the name, with its colon.
    pub(super) selector: Option<&'a str>,
}

/// Finds a parameter by `name`, `name:version` or its ARN.
pub(super) fn find<'a>(region: &'a Region, place: &Place, asked: &'a str) -> Result<Found<'a>, ApiError> {
    let prefix = format!("arn:aws:ssm:{}:{}:parameter", place.region, place.account);
    let (path, by_arn) = match asked.strip_prefix(&prefix) {
        Some(path) => (path, true),
        None => (asked, false),
    };
    let (name, selector) = match path.find(':') {
        Some(at) => (&path[..at], Some(&path[at..])),
        None => (path, None),
    };
    let named = region.parameters.get_key_value(name);
    // In an ARN a name without a path has a slash before it as well.
    let bare = || region.parameters.get_key_value(name.strip_prefix('/').filter(|_| by_arn)?);
    let (name, parameter) = named.or_else(bare).ok_or_else(|| not_found(asked))?;
    let version = parameter.version(number(name, selector)?).ok_or_else(|| no_version(name, selector))?;
    Ok(Found { name, parameter, version, selector })
}

/// The version's number. The world has no labels, so a selector that is none finds nothing.
fn number(name: &str, selector: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = selector.map(|selector| &selector[1..]) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| no_version(name, selector))
}

pub(super) fn not_found(name: &str) -> ApiError {
    ApiError::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn no_version(name: &str, selector: Option<&str>) -> ApiError {
    let wanted = selector.unwrap_or_default().trim_start_matches(':');
    let message = format!(
        "Systems Manager could not find version {wanted} of {name}. Verify the version and try again."
    );
    ApiError::new("ParameterVersionNotFound", message)
}

/// A parameter's ARN; a name that begins with a slash brings its own.
pub(super) fn arn(place: &Place, name: &str) -> String {
    let slash = if name.starts_with('/') { "" } else { "/" };
    format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", place.region, place.account)
}
