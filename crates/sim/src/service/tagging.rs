//! Resource Groups Tagging API, version 2017-01-26: what carries which tags, whatever service it belongs to.

use super::{Context, Operation, Output, Protocol, Service, tags};
use crate::protocol::{ApiError, Document, Input};
use crate::world::World;
use std::collections::BTreeMap;

pub(super) static SERVICE: Service = Service {
    name: "tagging",
    protocol: Protocol::Json { target: "ResourceGroupsTaggingAPI_20170126" },
    operations: &[Operation::look("GetResources", get)],
};

/// A page has at most so many resources (API reference, GetResources, ResourcesPerPage).
const MOST: usize = 100;

/// Something with its tags.
struct Tagged {
    /// `rds:db`.
    kind: &'static str,
    arn: String,
    tags: BTreeMap<String, String>,
}

/// Everything in the Region that has tags or had some.
fn all(world: &World, context: &Context<'_>) -> Vec<Tagged> {
    let (place, region) = (context.place, world.region(context.place));
    let tagged = |kind, arn, tags: &BTreeMap<String, String>| Tagged { kind, arn, tags: tags.clone() };
    let instances = region
        .instances
        .values()
        .map(|instance| tagged("rds:db", place.rds_arn("db", &instance.identifier), &instance.settings.tags));
    let snapshots = region.snapshots.values().map(|snapshot| {
        tagged("rds:snapshot", place.rds_arn("snapshot", &snapshot.identifier), &snapshot.settings.tags)
    });
    let parameters = region.parameters.iter().map(|(name, parameter)| {
        let slash = if name.starts_with('/') { "" } else { "/" };
        let arn = format!("arn:aws:ssm:{}:{}:parameter{slash}{name}", place.region, place.account);
        tagged("ssm:parameter", arn, &parameter.tags)
    });
    let mut all: Vec<Tagged> = instances.chain(snapshots).chain(parameters).collect();
    all.sort_by(|one, other| one.arn.cmp(&other.arn));
    all
}

fn get(world: &World, context: &Context<'_>) -> Output {
    let filters = filters(context.input)?;
    let kinds = context.input.texts("ResourceTypeFilters")?;
    let wanted = |tagged: &Tagged| {
        let service = tagged.kind.split(':').next().unwrap_or_default();
        let of_kind = kinds.is_empty() || kinds.iter().any(|kind| kind == tagged.kind || kind == service);
        // All keys must be there; of each key one of the values, if any is named.
        let fits = |(key, values): &(String, Vec<String>)| {
            tagged.tags.get(key).is_some_and(|value| values.is_empty() || values.contains(value))
        };
        of_kind && !tagged.tags.is_empty() && filters.iter().all(fits)
    };
    let found: Vec<Tagged> = all(world, context).into_iter().filter(wanted).collect();
    let (start, size) = (start(context.input, found.len())?, size(context.input)?);
    let end = found.len().min(start + size);
    let next = if end < found.len() { format!("at-{end}") } else { String::new() };
    let page = found[start..end].iter().map(|tagged| {
        Document::new().with("ResourceARN", &tagged.arn).list("Tags", tags::listed(&tagged.tags))
    });
    Ok(Document::new().list("ResourceTagMappingList", page).with("PaginationToken", next))
}

fn filters(input: &Input) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let filter = |filter: &Input| Ok((filter.required("Key")?.to_owned(), filter.texts("Values")?));
    input.structures("TagFilters")?.iter().map(filter).collect()
}

fn size(input: &Input) -> Result<usize, ApiError> {
    let asked = input.number("ResourcesPerPage")?;
    let size = asked.map_or(Some(MOST), |asked| usize::try_from(asked).ok());
    size.filter(|size| (1..=MOST).contains(size)).ok_or_else(|| {
        let message = format!("ResourcesPerPage must be between 1 and {MOST}");
        ApiError::new("InvalidParameterException", message)
    })
}

fn start(input: &Input, found: usize) -> Result<usize, ApiError> {
    let Some(token) = input.text("PaginationToken")?.filter(|token| !token.is_empty()) else { return Ok(0) };
    let place = token.strip_prefix("at-").and_then(|place| place.parse::<usize>().ok());
    place
        .filter(|place| *place <= found)
        .ok_or_else(|| ApiError::new("PaginationTokenExpiredException", "The specified token isn't valid."))
}
