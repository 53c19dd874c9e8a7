//! DescribeDBInstanceAutomatedBackups.

use chrono::{DateTime, Utc};

use super::paging::{filters, fits, page};
use super::refusals::instance_not_found;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Instance, Place, Status, World};

const FILTERS: &[&str] = &["db-instance-id", "dbi-resource-id", "status"];

/// One automated backup: of a living instance, or kept after one was deleted.
pub(super) struct Backup<'a> {
    pub(super) instance: &'a Instance,
    pub(super) status: &'static str,
    pub(super) earliest: Option<DateTime<Utc>>,
    pub(super) latest: Option<DateTime<Utc>>,
}

impl Backup<'_> {
    /// The backup's ARN; AWS names it by an id of its own.
    pub(super) fn arn(&self, world: &World, place: &Place) -> String {
        let id = world.chance.id(&["backup", &self.instance.resource_id], 26).to_ascii_lowercase();
        place.rds_arn("auto-backup", &format!("ab-{id}"))
    }
}

/// All automated backups of a Region.
pub(super) fn all<'a>(world: &'a World, place: &Place) -> Vec<Backup<'a>> {
    let region = world.region(place);
    let kept = region
        .instances
        .values()
        .filter(|instance| instance.settings.backup_retention > 0 && instance.status != Status::Deleting);
    let living = kept.map(|instance| {
        let latest = world.latest_restorable(instance);
        let status = if instance.first_backup_at.is_some() { "active" } else { "creating" };
        Backup { instance, status, earliest: world.earliest_restorable(instance), latest }
    });
    let retained = region.retained.values().map(|backup| Backup {
        instance: &backup.instance,
        status: "retained",
        earliest: Some(backup.earliest),
        latest: Some(backup.latest),
    });
    living.chain(retained).collect()
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let filters = filters(params, FILTERS)?;
    let mut found = all(world, context.place);
    found.retain(|backup| {
        let is = |name: &str, value: &str| {
            params.get(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        is("DBInstanceIdentifier", &backup.instance.identifier)
            && is("DbiResourceId", &backup.instance.resource_id)
            && is("DBInstanceAutomatedBackupsArn", &backup.arn(world, context.place))
    });
    if found.is_empty() {
        if let Some(name) = params.get("DBInstanceIdentifier")
            && world.region(context.place).instance(name).is_none()
        {
            return Err(instance_not_found(name));
        }
        if let Some(name) = params.get("DbiResourceId").or(params.get("DBInstanceAutomatedBackupsArn")) {
            return Err(backup_not_found(name));
        }
    }
    found.retain(|backup| {
        fits(&filters, |name| match name {
            "db-instance-id" => backup.instance.identifier.as_str(),
            "dbi-resource-id" => backup.instance.resource_id.as_str(),
            "status" => backup.status,
            _ => "",
        })
    });
    let page = page(found, params)?;
    let each = |backup| record(world, context.place, &backup);
    let list = Xml::new().list("DBInstanceAutomatedBackups", "DBInstanceAutomatedBackup", page.records, each);
    Ok(list.optional("Marker", page.marker))
}

pub(super) fn backup_not_found(name: &str) -> ApiError {
    ApiError::not_found("DBInstanceAutomatedBackupNotFound", format!("No automated backup found for {name}"))
}

fn record(world: &World, place: &Place, backup: &Backup<'_>) -> Xml {
    let Backup { instance, status, earliest, latest } = backup;
    let settings = &instance.settings;
    let window = Xml::new().optional_time("EarliestTime", *earliest).optional_time("LatestTime", *latest);
    Xml::new()
        .text("DBInstanceArn", place.rds_arn("db", &instance.identifier))
        .text("DbiResourceId", &instance.resource_id)
        .text("Region", &place.region)
        .text("DBInstanceIdentifier", &instance.identifier)
        .nest("RestoreWindow", window)
        .text("AllocatedStorage", settings.allocated_storage)
        .text("Status", status)
        .text("Port", settings.port)
        .text("AvailabilityZone", &settings.availability_zone)
        .optional_time("InstanceCreateTime", instance.created_at)
        .text("MasterUsername", &settings.master_username)
        .text("Engine", &settings.engine)
        .text("EngineVersion", &settings.engine_version)
        .text("LicenseModel", &settings.license_model)
        .optional("Iops", settings.iops)
        .text("OptionGroupName", &settings.option_group)
        .text("Encrypted", settings.kms_key_id.is_some())
        .text("StorageType", &settings.storage_type)
        .optional("KmsKeyId", settings.kms_key_id.as_ref())
        .text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication)
        .text("BackupRetentionPeriod", settings.backup_retention)
        .text("DBInstanceAutomatedBackupsArn", backup.arn(world, place))
        .text("BackupTarget", "region")
        .optional("StorageThroughput", settings.storage_throughput)
}
