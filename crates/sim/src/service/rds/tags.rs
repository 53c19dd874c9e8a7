//! ListTagsForResource, AddTagsToResource, RemoveTagsFromResource.

use std::collections::BTreeMap;

use super::refusals::{instance_not_found, invalid, snapshot_not_found};
use super::render;
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Place, Region, World};

/// The tags of a request. A key may be there once, and none may begin with `aws:`.
pub(super) fn sent(params: &Params) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in params.structures("Tags") {
        let key = tag.required("Key")?.to_owned();
        if key.starts_with("aws:") {
            return Err(invalid("System tags cannot be added/updated/deleted by a requester"));
        }
        if tags.insert(key.clone(), tag.get("Value").unwrap_or_default().to_owned()).is_some() {
            return Err(invalid(format!("Duplicate tag key: {key}")));
        }
    }
    Ok(tags)
}

pub(super) fn list(world: &World, context: &Context<'_>) -> Answer {
    let resource = resource(context)?;
    let region = world.region(context.place);
    let tags = match &resource {
        Resource::Instance(name) => region.instance(name).map(|instance| &instance.settings.tags),
        Resource::Snapshot(name) => region.snapshots.get(name).map(|snapshot| &snapshot.settings.tags),
    };
    let tags = tags.ok_or_else(|| resource.not_found())?;
    Ok(Xml::new().list("TagList", "Tag", tags, |(key, value)| render::tag(key, value)))
}

pub(super) fn add(world: &mut World, context: &Context<'_>) -> Answer {
    let added = sent(context.params)?;
    let resource = resource(context)?;
    tags_of(world.region_mut(context.place), &resource)?.extend(added);
    Ok(Xml::new())
}

pub(super) fn remove(world: &mut World, context: &Context<'_>) -> Answer {
    let resource = resource(context)?;
    let removed = context.params.list("TagKeys");
    tags_of(world.region_mut(context.place), &resource)?.retain(|key, _| !removed.contains(key));
    Ok(Xml::new())
}

enum Resource {
    Instance(String),
    Snapshot(String),
}

impl Resource {
    fn not_found(&self) -> ApiError {
        match self {
            Resource::Instance(name) => instance_not_found(name),
            Resource::Snapshot(name) => snapshot_not_found(name),
        }
    }
}

fn resource(context: &Context<'_>) -> Result<Resource, ApiError> {
    let arn = context.params.required("ResourceName")?;
    let here = |kind: &str| {
        let Place { account, region } = context.place;
        arn.strip_prefix(&format!("arn:aws:rds:{region}:{account}:{kind}:")).map(str::to_owned)
    };
    let instance = here("db").map(Resource::Instance);
    let known = instance.or_else(|| here("snapshot").map(Resource::Snapshot));
    known.ok_or_else(|| invalid(format!("Invalid resource name: {arn}")))
}

fn tags_of<'a>(
    region: &'a mut Region,
    resource: &Resource,
) -> Result<&'a mut BTreeMap<String, String>, ApiError> {
    let tags = match resource {
        Resource::Instance(name) => {
            let mut instances = region.instances.values_mut();
            instances
                .find(|each| each.identifier.eq_ignore_ascii_case(name))
                .map(|each| &mut each.settings.tags)
        }
        Resource::Snapshot(name) => {
            region.snapshots.get_mut(name).map(|snapshot| &mut snapshot.settings.tags)
        }
    };
    tags.ok_or_else(|| resource.not_found())
}
