//! AddTagsToResource, ListTagsForResource, RemoveTagsFromResource.

use std::collections::BTreeMap;

use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output, tags};
use crate::world::{Region, World};

pub(super) fn list(world: &World, context: &Context<'_>) -> Output {
    let (kind, id) = resource(context.input)?;
    let region = world.region(context.place);
    let found = match kind {
        Kind::Parameter => region.parameters.get(id).map(|parameter| &parameter.tags),
        Kind::Automation => {
            region.automations.iter().find(|execution| execution.id == id).map(|execution| &execution.tags)
        }
    };
    Ok(Document::new().list("TagList", tags::listed(found.ok_or_else(|| not_found(id))?)))
}

pub(super) fn add(world: &mut World, context: &Context<'_>) -> Output {
    let added = tags::sent(context.input, "Tags")?;
    let (kind, id) = resource(context.input)?;
    tags_of(world.region_mut(context.place), kind, id)?.extend(added);
    Ok(Document::new())
}

pub(super) fn remove(world: &mut World, context: &Context<'_>) -> Output {
    let removed = context.input.texts("TagKeys")?;
    let (kind, id) = resource(context.input)?;
    tags_of(world.region_mut(context.place), kind, id)?.retain(|key, _| !removed.contains(key));
    Ok(Document::new())
}

/// What can have tags here.
#[derive(Clone, Copy)]
enum Kind {
    Parameter,
    Automation,
}

fn resource(input: &Input) -> Result<(Kind, &str), ApiError> {
    let kind = match input.required("ResourceType")? {
        "Parameter" => Kind::Parameter,
        "Automation" => Kind::Automation,
        other => {
            let message = format!("{other} is not a type of resource that has tags here");
            return Err(ApiError::new("InvalidResourceType", message));
        }
    };
    Ok((kind, input.required("ResourceId")?))
}

fn tags_of<'a>(
    region: &'a mut Region,
    kind: Kind,
    id: &str,
) -> Result<&'a mut BTreeMap<String, String>, ApiError> {
    let found = match kind {
        Kind::Parameter => region.parameters.get_mut(id).map(|parameter| &mut parameter.tags),
        Kind::Automation => {
            let mut executions = region.automations.iter_mut();
            executions.find(|execution| execution.id == id).map(|execution| &mut execution.tags)
        }
    };
    found.ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(
        "InvalidResourceId",
        format!("The resource ID {id} isn't valid. Verify that you entered it correctly."),
    )
}
