//! DescribeDBSnapshots.

use super::paging::{filters, fits, page};
use super::refusals::snapshot_not_found;
use super::render;
use crate::protocol::Xml;
use crate::service::{Answer, Context};
use crate::world::{Place, Snapshot, World};

const FILTERS: &[&str] = &["db-instance-id", "db-snapshot-id", "dbi-resource-id", "engine", "snapshot-type"];

pub(super) fn describe(world: &World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let filters = filters(params, FILTERS)?;
    let mut found: Vec<_> = world.region(context.place).snapshots.values().collect();
    if let Some(name) = params.get("DBSnapshotIdentifier") {
        // An ARN names it by its end; an automated one has a colon of its own there.
        let ours = |snapshot: &Snapshot| context.place.rds_arn("snapshot", &snapshot.identifier);
        found.retain(|snapshot| snapshot.identifier.eq_ignore_ascii_case(name) || ours(snapshot) == name);
        if found.is_empty() {
            return Err(snapshot_not_found(name));
        }
    }
    found.retain(|snapshot| {
        let is = |name: &str, value: &str| {
            params.get(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        is("DBInstanceIdentifier", &snapshot.instance)
            && is("DbiResourceId", &snapshot.resource_id)
            && is("SnapshotType", &snapshot.kind)
    });
    found.retain(|snapshot| {
        fits(&filters, |name| match name {
            "db-instance-id" => snapshot.instance.as_str(),
            // A filter value may be an ARN, of which the last part counts; an automated name has a colon itself.
            "db-snapshot-id" => snapshot.identifier.rsplit(':').next().unwrap_or_default(),
            "dbi-resource-id" => snapshot.resource_id.as_str(),
            "engine" => snapshot.settings.engine.as_str(),
            "snapshot-type" => snapshot.kind.as_str(),
            _ => "",
        })
    });
    found.sort_by(|one, other| (one.created_at, &one.identifier).cmp(&(other.created_at, &other.identifier)));
    let page = page(found, params)?;
    let each = |snapshot| snapshot_record(world, context.place, snapshot);
    Ok(Xml::new().list("DBSnapshots", "DBSnapshot", page.records, each).optional("Marker", page.marker))
}

/// A `DBSnapshot`. `SnapshotDatabaseTime` is when its last row was written, which is before its data were cut. None of
/// its times is there before it is available, as in the replies that the API reference shows.
pub(super) fn snapshot_record(world: &World, place: &Place, snapshot: &Snapshot) -> Xml {
    let settings = &snapshot.settings;
    let done = snapshot.is_available();
    let once_done = |time| Some(time).filter(|_| done);
    let last_write = world.last_write(&snapshot.data).or(Some(snapshot.taken_at)).filter(|_| done);
    Xml::new()
        .text("DBSnapshotIdentifier", &snapshot.identifier)
        .text("DBInstanceIdentifier", &snapshot.instance)
        .optional_time("SnapshotCreateTime", once_done(snapshot.created_at))
        .optional_time("OriginalSnapshotCreateTime", once_done(snapshot.taken_at))
        .optional_time("SnapshotDatabaseTime", last_write)
        .text("Engine", &settings.engine)
        .text("EngineVersion", &settings.engine_version)
        .text("LicenseModel", &settings.license_model)
        .text("AllocatedStorage", settings.allocated_storage)
        .text("Status", snapshot.status.as_str())
        .text("PercentProgress", if done { 100 } else { 0 })
        .text("Port", settings.port)
        .text("AvailabilityZone", &settings.availability_zone)
        .optional_time("InstanceCreateTime", snapshot.instance_created_at)
        .text("MasterUsername", &settings.master_username)
        .text("SnapshotType", &snapshot.kind)
        .text("StorageType", &settings.storage_type)
        .optional("Iops", settings.iops)
        .optional("StorageThroughput", settings.storage_throughput)
        .text("OptionGroupName", &settings.option_group)
        .text("Encrypted", settings.kms_key_id.is_some())
        .optional("KmsKeyId", settings.kms_key_id.as_ref())
        .optional("SourceDBSnapshotIdentifier", snapshot.copied_from.as_ref())
        .text("DBSnapshotArn", place.rds_arn("snapshot", &snapshot.identifier))
        .text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication)
        .text("DbiResourceId", &snapshot.resource_id)
        .list("TagList", "Tag", &settings.tags, |(key, value)| render::tag(key, value))
        .text("SnapshotTarget", "region")
}
