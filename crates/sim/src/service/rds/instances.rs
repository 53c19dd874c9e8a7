//! DescribeDBInstances.

use super::paging::{filters, fits, page};
use super::refusals::instance_not_found;
use super::render;
use crate::protocol::Xml;
use crate::service::{Answer, Context};
use crate::world::World;

const FILTERS: &[&str] = &["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"];

pub(super) fn describe(world: &World, context: &Context<'_>) -> Answer {
    let filters = filters(context.params, FILTERS)?;
    let region = world.region(context.place);
    let mut found: Vec<_> = region.instances.values().collect();
    if let Some(name) = context.params.get("DBInstanceIdentifier") {
        let wanted = name.rsplit(':').next().unwrap_or(name);
        found.retain(|instance| {
            instance.identifier.eq_ignore_ascii_case(wanted)
                || instance.resource_id.eq_ignore_ascii_case(wanted)
        });
        if found.is_empty() {
            return Err(instance_not_found(name));
        }
    }
    found.retain(|instance| {
        fits(&filters, |name| match name {
            "db-instance-id" => instance.identifier.as_str(),
            "dbi-resource-id" => instance.resource_id.as_str(),
            "engine" => instance.settings.engine.as_str(),
            _ => "",
        })
    });
    found.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    let page = page(found, context.params)?;
    let each = |instance| render::instance(world, context.place, instance);
    Ok(Xml::new().list("DBInstances", "DBInstance", page.records, each).optional("Marker", page.marker))
}
