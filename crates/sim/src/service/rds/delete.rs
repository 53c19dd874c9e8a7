//! DeleteDBInstance.

use super::refusals::{combination, instance_not_found, snapshot_exists, wrong_state};
use super::{backups, render};
use crate::durations::{DELETE, SNAPSHOT};
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Happening, Instance, RetainedBackup, Snapshot, Status, World};

use chrono::TimeDelta;

pub(super) fn delete(world: &mut World, context: &Context<'_>) -> Answer {
    let (params, place) = (context.params, context.place);
    let name = params.required("DBInstanceIdentifier")?;
    let mut instance = world.region(place).instance(name).cloned().ok_or_else(|| instance_not_found(name))?;
    // That an instance cannot be deleted while it is created is assumed; the API reference does not say.
    if matches!(instance.status, Status::Creating | Status::Deleting) {
        return Err(wrong_state(&instance));
    }
    if instance.settings.deletion_protection {
        return Err(combination(
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ));
    }
    let final_snapshot = final_snapshot(world, context, &instance)?;
    if !params.flag("DeleteAutomatedBackups")?.unwrap_or(true) {
        retain_backups(world, context, &instance);
    } else {
        let snapshots = &mut world.region_mut(place).snapshots;
        snapshots.retain(|_, it| it.kind != "automated" || it.resource_id != instance.resource_id);
    }
    let id = instance.resource_id.clone();
    world.cancel(&id);
    let mut gone = world.now + world.takes(&DELETE, &instance.identifier);
    if let Some(snapshot) = final_snapshot {
        let size = TimeDelta::seconds(instance.settings.allocated_storage.into());
        let takes = world.takes(&SNAPSHOT, &snapshot.identifier) + size;
        world.later(world.now + takes, place, &snapshot.identifier, Happening::SnapshotReady);
        world.region_mut(place).snapshots.insert(snapshot.identifier.clone(), snapshot);
        gone += takes;
    }
    instance.status = Status::Deleting;
    instance.pending = None;
    world.later(gone, place, &id, Happening::Gone);
    world.region_mut(place).instances.insert(id, instance.clone());
    Ok(Xml::new().nest("DBInstance", render::instance(world, place, &instance)))
}

fn final_snapshot(
    world: &World,
    context: &Context<'_>,
    instance: &Instance,
) -> Result<Option<Snapshot>, ApiError> {
    let params = context.params;
    let skip = params.flag("SkipFinalSnapshot")?.unwrap_or(false);
    let name = match (params.get("FinalDBSnapshotIdentifier"), skip) {
        (None, true) => return Ok(None),
        // In a failure state it can only be deleted without one (API reference, SkipFinalSnapshot).
        (Some(_), false) if matches!(instance.status, Status::Failed(_)) => {
            return Err(wrong_state(instance));
        }
        (Some(name), false) => name.to_ascii_lowercase(),
        (None, false) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            ));
        }
        (Some(_), true) => {
            return Err(combination(
                "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.",
            ));
        }
    };
    if world.region(context.place).snapshots.contains_key(&name) {
        return Err(snapshot_exists(&name));
    }
    let mut snapshot = Snapshot::of(instance, &name, "manual", world.now, false);
    snapshot.data = world.held(instance, world.now);
    if !instance.settings.copy_tags_to_snapshot {
        snapshot.settings.tags.clear();
    }
    Ok(Some(snapshot))
}

/// Keeps the restore window as it is now.
fn retain_backups(world: &mut World, context: &Context<'_>, instance: &Instance) {
    let id = &instance.resource_id;
    let kept = backups::all(world, context.place);
    let kept = kept.into_iter().find(|backup| backup.instance.resource_id == *id);
    let window = kept.and_then(|backup| Some((backup.earliest?, backup.latest?)));
    if let Some((earliest, latest)) = window {
        let mut instance = instance.clone();
        instance.data = instance.data.up_to(latest);
        let backup = RetainedBackup { instance, earliest, latest };
        world.region_mut(context.place).retained.insert(id.clone(), backup);
    }
}
