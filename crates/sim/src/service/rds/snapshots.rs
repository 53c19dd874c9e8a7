//! DescribeDBSnapshots.

use super::paging::{filters, fits, page};
use super::render;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Place, Snapshot, World};

const FILTERS: &[&str] = &["db-instance-id", "db-snapshot-id", "dbi-resource-id", "engine", "snapshot-type"];

pub(super) fn describe(world: &World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let filters = filters(params, FILTERS)?;
    let mut found: Vec<_> = world.region(context.place).snapshots.values().collect();
    if let Some(name) = params.get("DBSnapshotIdentifier") {
        found.retain(|snapshot| snapshot.identifier.eq_ignore_ascii_case(name));
        if found.is_empty() {
            return Err(ApiError::not_found("DBSnapshotNotFound", format!("DBSnapshot {name} not found.")));
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
    let each = |snapshot| snapshot_record(context.place, snapshot);
    Ok(Xml::new().list("DBSnapshots", "DBSnapshot", page.records, each).optional("Marker", page.marker))
}

/// A `DBSnapshot`. `SnapshotDatabaseTime` is when its data were cut, `SnapshotCreateTime` the same here.
pub(super) fn snapshot_record(place: &Place, snapshot: &Snapshot) -> Xml {
    let settings = &snapshot.settings;
    let status = if snapshot.available { "available" } else { "creating" };
    Xml::new()
        .text("DBSnapshotIdentifier", &snapshot.identifier)
        .text("DBInstanceIdentifier", &snapshot.instance)
        .time("SnapshotCreateTime", snapshot.created_at)
        .time("OriginalSnapshotCreateTime", snapshot.created_at)
        .time("SnapshotDatabaseTime", snapshot.created_at)
        .text("Engine", &settings.engine)
        .text("EngineVersion", &settings.engine_version)
        .text("LicenseModel", &settings.license_model)
        .text("AllocatedStorage", settings.allocated_storage)
        .text("Status", status)
        .text("PercentProgress", if snapshot.available { 100 } else { 0 })
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
        .text("DBSnapshotArn", place.rds_arn("snapshot", &snapshot.identifier))
        .text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication)
        .text("DbiResourceId", &snapshot.resource_id)
        .list("TagList", "Tag", &settings.tags, |(key, value)| render::tag(key, value))
        .text("SnapshotTarget", "region")
}
