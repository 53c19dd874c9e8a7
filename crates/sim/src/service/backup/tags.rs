//! ListTags.

use super::points::all;
use super::{not_found, required, vault_arn};
use crate::protocol::Document;
use crate::service::{Context, Output};
use crate::world::World;

/// The tags of a recovery point or of a vault.
pub(super) fn list(world: &World, context: &Context<'_>) -> Output {
    let arn = required(context, "ResourceArn")?;
    let of_point = all(world, context).into_iter().find(|point| point.arn == arn).map(|point| &point.tags);
    let vaults = &world.region(context.place).definition.backup_vaults;
    let vault = vaults.iter().find(|vault| vault_arn(context.place, &vault.name) == arn);
    let tags = of_point.or(vault.map(|vault| &vault.tags));
    let tags = tags.ok_or_else(|| not_found(format!("Cannot find resource {arn}")))?;
    Ok(Document::new().with("Tags", tags))
}
