//! CreateDBSnapshot, CopyDBSnapshot, DeleteDBSnapshot.

use chrono::{DateTime, TimeDelta, Utc};

use super::refusals::{
    check_snapshot_identifier, instance_not_found, snapshot_exists, snapshot_not_found, wrong_snapshot_state,
    wrong_state,
};
use super::snapshots::snapshot_record;
use super::tags;
use crate::durations::{COPY_SNAPSHOT, COPY_SNAPSHOT_REGION, DELETE_SNAPSHOT, SNAPSHOT};
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Happening, Place, Snapshot, SnapshotStatus, Status, World};

/// AWS's default of manual snapshots a Region (Amazon RDS user guide, quotas).
pub(super) const MANUAL_SNAPSHOTS: u64 = 100;

/// The snapshot is `creating`, its instance `backing-up`, until it is complete.
pub(super) fn create(world: &mut World, context: &Context<'_>) -> Answer {
    let (params, place) = (context.params, context.place);
    let name = new_name(world, context, "DBSnapshotIdentifier")?;
    let source = params.required("DBInstanceIdentifier")?;
    let instance = world.region(place).instance(source).cloned();
    let instance = instance.ok_or_else(|| instance_not_found(source))?;
    if instance.status != Status::Available {
        return Err(wrong_state(&instance));
    }
    let mut snapshot = Snapshot::of(&instance, &name, "manual", world.now, false);
    snapshot.data = world.held(&instance, world.now);
    let sent = tags::sent(params)?;
    if !sent.is_empty() || !instance.settings.copy_tags_to_snapshot {
        snapshot.settings.tags = sent;
    }
    let size = TimeDelta::seconds(instance.settings.allocated_storage.into());
    let done = world.now + world.takes(&SNAPSHOT, &name) + size;
    let id = &instance.resource_id;
    world.later(world.now, place, id, Happening::Status(Status::BackingUp));
    world.later(done, place, id, Happening::Status(Status::Available));
    schedule(world, place, &name, done, context.final_state);
    keep(world, place, snapshot)
}

/// A copy has its own creation time and the original's data. Its tags are those sent, or the original's on request.
pub(super) fn copy(world: &mut World, context: &Context<'_>) -> Answer {
    let (params, place) = (context.params, context.place);
    let name = new_name(world, context, "TargetDBSnapshotIdentifier")?;
    let wanted = params.required("SourceDBSnapshotIdentifier")?;
    let (from, original) = find(world, place, wanted).ok_or_else(|| snapshot_not_found(wanted))?;
    if !original.is_available() {
        return Err(wrong_snapshot_state(&original));
    }
    let mut copy = original.clone();
    copy.settings.kms_key_id = key(params.get("KmsKeyId"), &original, &from, place)?;
    copy.settings.tags = tags::sent(params)?;
    if params.flag("CopyTags")?.unwrap_or(false) {
        let own = std::mem::take(&mut copy.settings.tags);
        copy.settings.tags = original.settings.tags.clone().into_iter().chain(own).collect();
    }
    if let Some(group) = params.get("OptionGroupName") {
        copy.settings.option_group = group.to_owned();
    }
    copy.copied_from = Some(from.rds_arn("snapshot", &original.identifier));
    let copy = Snapshot {
        identifier: name.clone(),
        kind: "manual".into(),
        created_at: world.now,
        status: SnapshotStatus::Creating,
        ..copy
    };
    let takes = if from == *place { &COPY_SNAPSHOT } else { &COPY_SNAPSHOT_REGION };
    let done = world.now + world.takes(takes, &name);
    schedule(world, place, &name, done, context.final_state);
    keep(world, place, copy)
}

pub(super) fn delete(world: &mut World, context: &Context<'_>) -> Answer {
    let place = context.place;
    let name = context.params.required("DBSnapshotIdentifier")?.to_ascii_lowercase();
    let found = world.region_mut(place).snapshots.get_mut(&name);
    let snapshot = found.ok_or_else(|| snapshot_not_found(&name))?;
    let deletable = matches!(snapshot.status, SnapshotStatus::Available | SnapshotStatus::Failed);
    if snapshot.kind != "manual" || !deletable {
        return Err(wrong_snapshot_state(snapshot));
    }
    snapshot.status = SnapshotStatus::Deleting;
    let snapshot = snapshot.clone();
    let gone = world.now + world.takes(&DELETE_SNAPSHOT, &name);
    world.later(gone, place, &name, Happening::SnapshotEvent("deletion", "Deleted user snapshot"));
    world.later(gone, place, &name, Happening::SnapshotGone);
    Ok(Xml::new().nest("DBSnapshot", snapshot_record(world, place, &snapshot)))
}

/// A name that may be given to a new snapshot, as it is stored.
fn new_name(world: &World, context: &Context<'_>, parameter: &str) -> Result<String, ApiError> {
    let name = context.params.required(parameter)?.to_ascii_lowercase();
    check_snapshot_identifier(parameter, &name)?;
    let snapshots = &world.region(context.place).snapshots;
    if snapshots.contains_key(&name) {
        return Err(snapshot_exists(&name));
    }
    let manual = snapshots.values().filter(|snapshot| snapshot.kind == "manual").count() as u64;
    if manual >= MANUAL_SNAPSHOTS {
        return Err(ApiError::new("SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots"));
    }
    Ok(name)
}

/// A snapshot by its identifier here, or by its ARN in any Region of the account.
pub(super) fn find(world: &World, here: &Place, wanted: &str) -> Option<(Place, Snapshot)> {
    let (place, name) = match wanted.strip_prefix("arn:aws:rds:") {
        None => (here.clone(), wanted),
        Some(rest) => {
            let mut parts = rest.splitn(4, ':');
            let (region, account) = (parts.next()?.to_owned(), parts.next()?.to_owned());
            let name = parts.next().filter(|kind| *kind == "snapshot").and(parts.next())?;
            (Place { account, region }, name)
        }
    };
    let snapshot = world.region(&place).snapshots.get(&name.to_ascii_lowercase()).cloned();
    snapshot.filter(|_| place.account == here.account).map(|snapshot| (place, snapshot))
}

/// The key of a copy: keys belong to one Region, so an encrypted copy in another one needs one of its own.
fn key(
    given: Option<&str>,
    original: &Snapshot,
    from: &Place,
    here: &Place,
) -> Result<Option<String>, ApiError> {
    let refuse = |key: &str| {
        let message = format!(
            "The target snapshot KMS key [{key}] does not exist, is not enabled or you do not have permissions to \
             access it."
        );
        ApiError::new("KMSKeyNotAccessibleFault", message)
    };
    let elsewhere =
        |key: &str| key.starts_with("arn:") && key.split(':').nth(3) != Some(here.region.as_str());
    match (given, &original.settings.kms_key_id) {
        (Some(key), _) if elsewhere(key) => Err(refuse(key)),
        (Some(key), _) => Ok(Some(key.to_owned())),
        (None, Some(key)) if from != here => Err(refuse(key)),
        (None, key) => Ok(key.clone()),
    }
}

fn schedule(world: &mut World, place: &Place, name: &str, done: DateTime<Utc>, final_state: Option<&str>) {
    let begun = Happening::SnapshotEvent("creation", "Creating manual snapshot");
    world.later(world.now, place, name, begun);
    if let Some(state) = final_state {
        let status = match state {
            "deleting" => SnapshotStatus::Deleting,
            _ => SnapshotStatus::Failed,
        };
        world.later(done, place, name, Happening::SnapshotStatus(status));
        return;
    }
    world.later(done, place, name, Happening::SnapshotReady);
    world.later(done, place, name, Happening::SnapshotEvent("creation", "Manual snapshot created"));
}

fn keep(world: &mut World, place: &Place, snapshot: Snapshot) -> Answer {
    let record = snapshot_record(world, place, &snapshot);
    world.region_mut(place).snapshots.insert(snapshot.identifier.clone(), snapshot);
    Ok(Xml::new().nest("DBSnapshot", record))
}
