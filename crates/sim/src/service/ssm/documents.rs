//! The documents of the world, and the parameters that they take.

use std::collections::BTreeMap;

use crate::definition::{CommandResponse, DocumentContent, DocumentDefinition, StepDefinition};
use crate::protocol::{ApiError, Input};
use crate::world::{Place, World};

/// A document by its name or the end of its ARN.
fn find<'a>(world: &'a World, place: &Place, name: &str) -> Option<&'a DocumentDefinition> {
    let name = name.rsplit('/').next().unwrap_or(name);
    world.region(place).definition.documents.iter().find(|document| document.name == name)
}

/// A document of commands, with its responses.
pub(super) fn command_of(
    world: &World,
    place: &Place,
    name: &str,
) -> Result<(DocumentDefinition, Vec<CommandResponse>), ApiError> {
    let found = find(world, place, name).and_then(|document| match &document.does {
        DocumentContent::Command(responses) => Some((document.clone(), responses.clone())),
        DocumentContent::Automation(_) => None,
    });
    found.ok_or_else(|| ApiError::new("InvalidDocument", format!("document {name} does not exist")))
}

/// A document of an automation, with its steps.
pub(super) fn automation_of(
    world: &World,
    place: &Place,
    name: &str,
) -> Result<(DocumentDefinition, Vec<StepDefinition>), ApiError> {
    let found = find(world, place, name).and_then(|document| match &document.does {
        DocumentContent::Automation(steps) => Some((document.clone(), steps.clone())),
        DocumentContent::Command(_) => None,
    });
    found.ok_or_else(|| {
        let message = format!("The specified Automation document {name} could not be found.");
        ApiError::new("AutomationDefinitionNotFoundException", message)
    })
}

/// The parameters of a request with the document's defaults; `refusal` is the code for those that do not fit.
pub(super) fn parameters(
    document: &DocumentDefinition,
    input: &Input,
    refusal: &str,
) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
    parameters_with(document, input, refusal, None)
}

/// The same with one that is given otherwise.
pub(super) fn parameters_with(
    document: &DocumentDefinition,
    input: &Input,
    refusal: &str,
    more: Option<(&String, Vec<String>)>,
) -> Result<BTreeMap<String, Vec<String>>, ApiError> {
    let mut given = input.lists("Parameters")?;
    given.extend(more.map(|(name, value)| (name.clone(), value)));
    if let Some(name) = given.keys().find(|name| !document.parameters.contains_key(*name)) {
        let message = format!("Parameter {name} is not defined in document {}.", document.name);
        return Err(ApiError::new(refusal, message));
    }
    for (name, default) in &document.parameters {
        match default {
            Some(default) if !given.contains_key(name) => drop(given.insert(name.clone(), default.clone())),
            None if !given.contains_key(name) => {
                let message = format!("Parameter {name} of document {} must be given.", document.name);
                return Err(ApiError::new(refusal, message));
            }
            _ => (),
        }
    }
    Ok(given)
}
