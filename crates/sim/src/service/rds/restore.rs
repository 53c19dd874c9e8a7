//! RestoreDBInstanceToPointInTime, RestoreDBInstanceFromDBSnapshot.

use chrono::{DateTime, SubsecRound, Utc};

use super::make_snapshots::find;
use super::refusals::{
    check_identifier, combination, instance_exists, instance_not_found, invalid, snapshot_not_found,
    wrong_snapshot_state, wrong_state,
};
use super::restored_settings::settings;
use super::{backups, render};
use crate::durations::{FIRST_BACKUP, RESTORE_CREATING, RESTORE_MODIFYING, STORAGE_INITIALIZATION};
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Data, Happening, Instance, Place, Settings, Status, World};

pub(super) fn to_point_in_time(world: &mut World, context: &Context<'_>) -> Answer {
    let target = free_target(world, context, "TargetDBInstanceIdentifier")?;
    let source = source(world, context)?;
    let restore_to = restore_time(context.params, &source)?;
    let region = &world.region(context.place).definition;
    let impaired = world.impaired_zones(context.place);
    let settings = settings(context.params, &source.instance.settings, region, &impaired)?;
    let message = format!("Restored from DB instance {} to {target}", source.instance.identifier);
    let data = world.held(&source.instance, restore_to);
    make(world, context, target, settings, data, message)
}

pub(super) fn from_snapshot(world: &mut World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let target = free_target(world, context, "DBInstanceIdentifier")?;
    let wanted = params.required("DBSnapshotIdentifier")?;
    let (_, snapshot) =
        find(world, context.place, wanted).filter(|(place, _)| place == context.place).ok_or_else(|| {
            // A snapshot of another Region must be copied first.
            snapshot_not_found(wanted)
        })?;
    if !snapshot.is_available() {
        return Err(wrong_snapshot_state(&snapshot));
    }
    let region = &world.region(context.place).definition;
    // MaxAllocatedStorage is no parameter of this operation (API reference).
    let settings = Settings {
        max_allocated_storage: None,
        ..settings(params, &snapshot.settings, region, &world.impaired_zones(context.place))?
    };
    let message = format!("Restored from snapshot {}", snapshot.identifier);
    make(world, context, target, settings, snapshot.data, message)
}

/// The identifier of what is made: well formed, not taken, and within the quota.
fn free_target(world: &World, context: &Context<'_>, parameter: &str) -> Result<String, ApiError> {
    let target = context.params.required(parameter)?.to_ascii_lowercase();
    check_identifier(parameter, &target)?;
    let region = world.region(context.place);
    if region.is_taken(&target) {
        return Err(instance_exists());
    }
    if region.instances.len() as u64 >= region.definition.instance_quota {
        return Err(ApiError::new("InstanceQuotaExceeded", "DB Instance quota exceeded"));
    }
    Ok(target)
}

fn make(
    world: &mut World,
    context: &Context<'_>,
    target: String,
    settings: Settings,
    data: Data,
    message: String,
) -> Answer {
    let place = context.place;
    let mut groups = world.region(place).definition.parameter_groups.iter();
    let has_static_changes =
        groups.any(|group| group.name == settings.parameter_group && group.has_static_changes);
    let instance = Instance {
        resource_id: world.resource_id(place, &target, world.now),
        identifier: target,
        settings,
        status: Status::Creating,
        created_at: None,
        first_backup_at: None,
        parameters_in_force: !has_static_changes,
        pending: None,
        changes: 0,
        data,
        replica_of: None,
        replica_lag: Vec::new(),
        followed_until: None,
        maintenance: Vec::new(),
        failed_over_at: None,
        lost_at: None,
        resolves_from: None,
    };
    world.region_mut(place).instances.insert(instance.resource_id.clone(), instance.clone());
    schedule(world, place, &instance, message, context.final_state);
    Ok(Xml::new().nest("DBInstance", render::instance(world, place, &instance)))
}

/// What a restore starts from.
struct Source {
    instance: Instance,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

/// Finds the source among instances and retained backups.
fn source(world: &World, context: &Context<'_>) -> Result<Source, ApiError> {
    let (params, place) = (context.params, context.place);
    let region = world.region(place);
    let named = params.get("SourceDBInstanceIdentifier");
    let by_id = params.get("SourceDbiResourceId");
    let by_arn = params.get("SourceDBInstanceAutomatedBackupsArn");
    let backups = backups::all(world, place);
    let found = match (named, by_id, by_arn) {
        (Some(name), None, None) => {
            let instance = region.instance(name).ok_or_else(|| instance_not_found(name))?;
            if instance.status == Status::Deleting {
                return Err(wrong_state(instance));
            }
            backups.iter().find(|backup| backup.instance.resource_id == instance.resource_id)
        }
        (None, Some(id), None) => {
            if !region.instances.contains_key(id) && !region.retained.contains_key(id) {
                return Err(instance_not_found(id));
            }
            backups.iter().find(|backup| backup.instance.resource_id == id)
        }
        (None, None, Some(arn)) => {
            let found = backups.iter().find(|backup| backup.arn(world, place) == arn);
            Some(found.ok_or_else(|| backups::backup_not_found(arn))?)
        }
        _ => {
            return Err(combination(
                "Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and \
                 SourceDBInstanceAutomatedBackupsArn must be specified",
            ));
        }
    };
    let not_enabled = || {
        let message = "Point-in-time restore is not enabled for this instance: it keeps no automated backups";
        ApiError::new("PointInTimeRestoreNotEnabled", message)
    };
    let backup = found.ok_or_else(not_enabled)?;
    let (Some(earliest), Some(latest)) = (backup.earliest, backup.latest) else {
        let message = "There is no restorable time yet: the first automated backup is not complete";
        return Err(ApiError::new("InvalidRestoreFault", message));
    };
    Ok(Source { instance: backup.instance.clone(), earliest, latest })
}

/// The time to restore to; it must lie *before* the latest restorable time (API reference, RestoreTime).
fn restore_time(params: &Params, source: &Source) -> Result<DateTime<Utc>, ApiError> {
    let use_latest = params.flag("UseLatestRestorableTime")?.unwrap_or(false);
    let restore_to = match (params.time("RestoreTime")?, use_latest) {
        (None, true) => return Ok(source.latest),
        (Some(time), false) => time,
        (Some(_), true) => {
            return Err(combination("RestoreTime cannot be specified when UseLatestRestorableTime is true"));
        }
        (None, false) => {
            return Err(combination("Either RestoreTime or UseLatestRestorableTime must be specified"));
        }
    };
    if restore_to >= source.latest || restore_to < source.earliest {
        let text = |time: DateTime<Utc>| time.trunc_subsecs(0).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        return Err(invalid(format!(
            "The specified instance cannot be restored to a time later than {} or earlier than {}",
            text(source.latest),
            text(source.earliest)
        )));
    }
    Ok(restore_to)
}

/// creating → modifying → backing-up, where backups are kept → storage-initialization, where the world shows it →
/// available; or the state that a fault asks for.
fn schedule(
    world: &mut World,
    place: &Place,
    instance: &Instance,
    restored: String,
    final_state: Option<&str>,
) {
    let (id, name) = (&instance.resource_id, &instance.identifier);
    let created = world.now + world.takes(&RESTORE_CREATING, name);
    if let Some(state) = final_state {
        world.later(created, place, id, Happening::Status(Status::Failed(state.into())));
        let message = format!("The DB instance ended in {state}");
        world.later(created, place, id, Happening::Event("failure", message));
        return;
    }
    let modified = created + world.takes(&RESTORE_MODIFYING, name);
    world.later(created, place, id, Happening::Reachable);
    world.later(created, place, id, Happening::Status(Status::Modifying));
    world.later(created, place, id, Happening::Event("restoration", restored));
    let settled = if instance.settings.backup_retention == 0 {
        world.later(modified, place, id, Happening::Status(Status::Available));
        modified
    } else {
        first_backup(world, place, instance, modified)
    };
    if world.region(place).definition.storage_initialization {
        let loaded = settled + world.takes(&STORAGE_INITIALIZATION, name);
        world.later(settled, place, id, Happening::Status(Status::StorageInitialization));
        world.later(loaded, place, id, Happening::Status(Status::Available));
    }
}

/// backing-up, then available with backups; gives when that is.
pub(super) fn first_backup(
    world: &mut World,
    place: &Place,
    instance: &Instance,
    start: DateTime<Utc>,
) -> DateTime<Utc> {
    let id = &instance.resource_id;
    let end = start + world.takes(&FIRST_BACKUP, &instance.identifier);
    world.later(start, place, id, Happening::Status(Status::BackingUp));
    world.later(start, place, id, Happening::Event("backup", "Backing up DB instance".into()));
    world.later(end, place, id, Happening::FirstBackup);
    world.later(end, place, id, Happening::Status(Status::Available));
    world.later(end, place, id, Happening::Event("backup", "Finished DB Instance backup".into()));
    end
}
