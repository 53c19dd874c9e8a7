//! RestoreDBInstanceToPointInTime.

use chrono::{DateTime, SubsecRound, Utc};

use super::groups::{certificate_not_found, parameter_group_not_found, subnet_group_not_found};
use super::refusals::{
    check_identifier, combination, instance_exists, instance_not_found, invalid, wrong_state,
};
use super::{backups, render, tags};
use crate::definition::{RegionDefinition, SubnetGroup};
use crate::durations::{FIRST_BACKUP, RESTORE_CREATING, RESTORE_MODIFYING};
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Happening, Instance, Place, Settings, Status, World};

pub(super) fn to_point_in_time(world: &mut World, context: &Context<'_>) -> Answer {
    let (params, place) = (context.params, context.place);
    let target = params.required("TargetDBInstanceIdentifier")?.to_ascii_lowercase();
    check_identifier("TargetDBInstanceIdentifier", &target)?;
    let source = source(world, context)?;
    let restore_to = restore_time(params, &source)?;
    let region = world.region(place);
    if region.is_taken(&target) {
        return Err(instance_exists());
    }
    if region.instances.len() as u64 >= region.definition.instance_quota {
        return Err(ApiError::new("InstanceQuotaExceeded", "DB Instance quota exceeded"));
    }
    let settings = settings(params, &source.instance.settings, &region.definition)?;
    let has_static_changes = region
        .definition
        .parameter_groups
        .iter()
        .any(|group| group.name == settings.parameter_group && group.has_static_changes);
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
        data: source.instance.data.up_to(restore_to),
    };
    world.region_mut(place).instances.insert(instance.resource_id.clone(), instance.clone());
    schedule(world, place, &instance, &source.instance.identifier, context.final_state);
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

/// What the new instance is like. What is not asked for is the default, not the source's value: that is RDS's trap.
fn settings(params: &Params, source: &Settings, region: &RegionDefinition) -> Result<Settings, ApiError> {
    let group = subnet_group(params, region)?;
    let multi_az = params.flag("MultiAZ")?.unwrap_or(false);
    let zone = params.get("AvailabilityZone");
    if multi_az && zone.is_some() {
        return Err(combination(
            "Requesting a specific availability zone is not valid for Multi-AZ instances.",
        ));
    }
    let zone = match zone {
        Some(zone) if group.subnets.contains_key(zone) => zone,
        Some(zone) => return Err(invalid(format!("DB subnet group {} has no subnet in {zone}", group.name))),
        None => group.subnets.keys().next().map_or(source.availability_zone.as_str(), String::as_str),
    };
    let or = |name: &str, otherwise: &str| params.get(name).unwrap_or(otherwise).to_owned();
    let port = params.number("Port")?.unwrap_or(source.port.into());
    let port = u16::try_from(port).map_err(|_| invalid(format!("Invalid port: {port}")))?;
    let allocated = params.number("AllocatedStorage")?.unwrap_or(source.allocated_storage);
    let storage = storage(params, source, allocated)?;
    let mut security_groups = params.list("VpcSecurityGroupIds");
    if security_groups.is_empty() {
        security_groups.push(group.default_security_group.clone());
    }
    Ok(Settings {
        class: or("DBInstanceClass", &source.class),
        engine: or("Engine", &source.engine),
        license_model: or("LicenseModel", &source.license_model),
        allocated_storage: allocated,
        max_allocated_storage: params.number("MaxAllocatedStorage")?,
        storage_type: storage.0,
        iops: storage.1,
        storage_throughput: storage.2,
        multi_az,
        availability_zone: zone.to_owned(),
        subnet_group: group.name.clone(),
        security_groups,
        parameter_group: parameter_group(params, source, region)?,
        option_group: or("OptionGroupName", &default_option_group(source)),
        port,
        publicly_accessible: params.flag("PubliclyAccessible")?.unwrap_or(group.name == "default"),
        ca_certificate: certificate(params, region)?,
        iam_authentication: params.flag("EnableIAMDatabaseAuthentication")?.unwrap_or(false),
        log_exports: params.list("EnableCloudwatchLogsExports"),
        deletion_protection: params.flag("DeletionProtection")?.unwrap_or(false),
        backup_retention: params.number("BackupRetentionPeriod")?.unwrap_or(source.backup_retention),
        backup_window: or("PreferredBackupWindow", &source.backup_window),
        copy_tags_to_snapshot: params.flag("CopyTagsToSnapshot")?.unwrap_or(false),
        auto_minor_version_upgrade: params.flag("AutoMinorVersionUpgrade")?.unwrap_or(true),
        monitoring_interval: 0,
        monitoring_role_arn: None,
        performance_insights: false,
        tags: tags::sent(params)?,
        engine_version: source.engine_version.clone(),
        kms_key_id: source.kms_key_id.clone(),
        maintenance_window: source.maintenance_window.clone(),
        master_username: source.master_username.clone(),
        database_name: source.database_name.clone(),
    })
}

/// `default.postgres16` from engine `postgres` and version `16.8`.
fn default_parameter_group(source: &Settings) -> String {
    format!("default.{}{}", source.engine, major(source))
}

fn default_option_group(source: &Settings) -> String {
    format!("default:{}-{}", source.engine, major(source))
}

fn major(source: &Settings) -> &str {
    source.engine_version.split('.').next().unwrap_or_default()
}

fn subnet_group<'a>(params: &Params, region: &'a RegionDefinition) -> Result<&'a SubnetGroup, ApiError> {
    let name = params.get("DBSubnetGroupName").unwrap_or("default");
    let found = region.subnet_groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| subnet_group_not_found(name))
}

fn parameter_group(
    params: &Params,
    source: &Settings,
    region: &RegionDefinition,
) -> Result<String, ApiError> {
    let Some(name) = params.get("DBParameterGroupName") else { return Ok(default_parameter_group(source)) };
    let family = format!("{}{}", source.engine, major(source));
    let found = region.parameter_groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
    let group = found.ok_or_else(|| parameter_group_not_found(name))?;
    if group.family != family {
        return Err(combination(format!(
            "The parameter group {name} with DBParameterGroupFamily {} can't be used for this instance. \
             Use a parameter group with DBParameterGroupFamily {family}",
            group.family
        )));
    }
    Ok(group.name.clone())
}

fn certificate(params: &Params, region: &RegionDefinition) -> Result<String, ApiError> {
    let offered = &region.certificates;
    let Some(name) = params.get("CACertificateIdentifier") else {
        return Ok(offered.first().map(|first| first.identifier.clone()).unwrap_or_default());
    };
    if offered.iter().any(|certificate| certificate.identifier == name) {
        return Ok(name.to_owned());
    }
    Err(certificate_not_found(name))
}

/// Storage type, IOPS and throughput. Below a size that depends on the engine, gp3 refuses to be told the values
/// that DescribeDBInstances shows (terraform-provider-aws#28361, troposphere#2153).
fn storage(
    params: &Params,
    source: &Settings,
    allocated: u32,
) -> Result<(String, Option<u32>, Option<u32>), ApiError> {
    let kind = params.get("StorageType").unwrap_or(&source.storage_type).to_owned();
    let (iops, throughput) = (params.number("Iops")?, params.number("StorageThroughput")?);
    let limit = gp3_limit(&source.engine);
    match kind.as_str() {
        "gp3" if allocated < limit && (iops.is_some() || throughput.is_some()) => Err(combination(format!(
            "You can't specify IOPS or storage throughput for engine {} and a storage size less than {limit}.",
            source.engine
        ))),
        "gp3" => {
            let (least_iops, least_throughput) = if allocated < limit { (3000, 125) } else { (12_000, 500) };
            Ok((kind, iops.or(Some(least_iops)), throughput.or(Some(least_throughput))))
        }
        "io1" | "io2" if iops.is_none() => {
            Err(combination(format!("You must specify Iops for storage type {kind}")))
        }
        "io1" | "io2" => Ok((kind, iops, None)),
        "gp2" | "standard" => Ok((kind, None, None)),
        _ => Err(invalid(format!("Invalid storage type: {kind}"))),
    }
}

/// GiB from which gp3 takes IOPS and throughput: 400, Oracle 200, SQL Server any (RDS user guide, gp3 storage).
pub(super) fn gp3_limit(engine: &str) -> u32 {
    match engine.split('-').next() {
        Some("oracle") => 200,
        Some("sqlserver") => 0,
        _ => 400,
    }
}

/// creating → modifying → backing-up, where backups are kept → available; or the state that a fault asks for.
fn schedule(world: &mut World, place: &Place, instance: &Instance, source: &str, final_state: Option<&str>) {
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
    let message = format!("Restored from DB instance {source} to {name}");
    world.later(created, place, id, Happening::Event("restoration", message));
    if instance.settings.backup_retention == 0 {
        world.later(modified, place, id, Happening::Status(Status::Available));
    } else {
        first_backup(world, place, instance, modified);
    }
}

/// backing-up, then available with backups.
pub(super) fn first_backup(world: &mut World, place: &Place, instance: &Instance, start: DateTime<Utc>) {
    let id = &instance.resource_id;
    let end = start + world.takes(&FIRST_BACKUP, &instance.identifier);
    world.later(start, place, id, Happening::Status(Status::BackingUp));
    world.later(start, place, id, Happening::Event("backup", "Backing up DB instance".into()));
    world.later(end, place, id, Happening::FirstBackup);
    world.later(end, place, id, Happening::Status(Status::Available));
    world.later(end, place, id, Happening::Event("backup", "Finished DB Instance backup".into()));
}
