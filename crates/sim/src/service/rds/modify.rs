//! ModifyDBInstance: some settings change at once, the rest after a quiet while that looks as if nothing happened.

use super::refusals::{
    check_identifier, combination, instance_exists, instance_not_found, invalid, wrong_state,
};
use super::restore::first_backup;
use super::restored_settings::{gp3_limit, standby_zone};
use super::{groups, render};
use crate::definition::RegionDefinition;
use crate::durations::{MODIFY, QUIET_AFTER_MODIFY, RENAME};
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Change, Happening, Instance, Place, Settings, Status, World};

pub(super) fn modify(world: &mut World, context: &Context<'_>) -> Answer {
    let (params, place) = (context.params, context.place);
    let name = params.required("DBInstanceIdentifier")?;
    let region = world.region(place);
    let mut instance = region.instance(name).cloned().ok_or_else(|| instance_not_found(name))?;
    if matches!(instance.status, Status::Creating | Status::Deleting) {
        return Err(wrong_state(&instance));
    }
    let identifier = new_identifier(world, context)?;
    if let Some(protection) = params.flag("DeletionProtection")? {
        instance.settings.deletion_protection = protection;
    }
    let before = instance.pending.as_deref().map_or(&instance.settings, |change| &change.settings);
    let settings = changed(params, before, &world.region(place).definition)?;
    let asks_for_change = settings != *before || identifier.is_some();
    // Without ApplyImmediately a change waits for a maintenance window, of which a simulated world has none; the next
    // request that applies immediately takes it along (API reference, ApplyImmediately).
    let immediately = params.flag("ApplyImmediately")?.unwrap_or(false);
    let waits = instance.pending.as_deref().is_some_and(|change| !change.under_way);
    if asks_for_change || (immediately && waits) {
        if instance.status != Status::Available {
            return Err(wrong_state(&instance));
        }
        let earlier = instance.pending.take();
        let identifier = identifier.or_else(|| earlier.as_ref().and_then(|change| change.identifier.clone()));
        let under_way = immediately || earlier.is_some_and(|change| change.under_way);
        instance.pending = Some(Box::new(Change { identifier, settings, under_way }));
        instance.changes += 1;
        if under_way {
            schedule(world, place, &instance, context.final_state);
        }
    }
    world.region_mut(place).instances.insert(instance.resource_id.clone(), instance.clone());
    Ok(Xml::new().nest("DBInstance", render::instance(world, place, &instance)))
}

fn new_identifier(world: &World, context: &Context<'_>) -> Result<Option<String>, ApiError> {
    let Some(name) = context.params.get("NewDBInstanceIdentifier") else { return Ok(None) };
    check_identifier("NewDBInstanceIdentifier", name)?;
    if world.region(context.place).is_taken(name) {
        return Err(instance_exists());
    }
    Ok(Some(name.to_ascii_lowercase()))
}

/// The settings as they will be.
fn changed(params: &Params, before: &Settings, region: &RegionDefinition) -> Result<Settings, ApiError> {
    let or = |name: &str, otherwise: &str| params.get(name).unwrap_or(otherwise).to_owned();
    let flag = |name: &str, otherwise: bool| params.flag(name).map(|value| value.unwrap_or(otherwise));
    let number = |name: &str, otherwise: u32| params.number(name).map(|value| value.unwrap_or(otherwise));
    let allocated_storage = number("AllocatedStorage", before.allocated_storage)?;
    check_storage(params, before, allocated_storage)?;
    let port = number("DBPortNumber", before.port.into())?;
    let multi_az = flag("MultiAZ", before.multi_az)?;
    let subnet_group = subnet_group(params, before, region)?;
    let security_groups = params.list("VpcSecurityGroupIds");
    Ok(Settings {
        class: or("DBInstanceClass", &before.class),
        engine_version: or("EngineVersion", &before.engine_version),
        license_model: or("LicenseModel", &before.license_model),
        allocated_storage,
        max_allocated_storage: params.number("MaxAllocatedStorage")?.or(before.max_allocated_storage),
        storage_type: or("StorageType", &before.storage_type),
        iops: params.number("Iops")?.or(before.iops),
        storage_throughput: params.number("StorageThroughput")?.or(before.storage_throughput),
        multi_az,
        secondary_zone: secondary_zone(before, region, &subnet_group, multi_az)?,
        subnet_group,
        security_groups: if security_groups.is_empty() {
            before.security_groups.clone()
        } else {
            security_groups
        },
        parameter_group: parameter_group(params, before, region)?,
        option_group: or("OptionGroupName", &before.option_group),
        port: u16::try_from(port).map_err(|_| invalid(format!("Invalid port: {port}")))?,
        publicly_accessible: flag("PubliclyAccessible", before.publicly_accessible)?,
        ca_certificate: certificate(params, before, region)?,
        iam_authentication: flag("EnableIAMDatabaseAuthentication", before.iam_authentication)?,
        log_exports: log_exports(params, before),
        backup_retention: retention(params, before)?,
        backup_window: or("PreferredBackupWindow", &before.backup_window),
        maintenance_window: or("PreferredMaintenanceWindow", &before.maintenance_window),
        copy_tags_to_snapshot: flag("CopyTagsToSnapshot", before.copy_tags_to_snapshot)?,
        auto_minor_version_upgrade: flag("AutoMinorVersionUpgrade", before.auto_minor_version_upgrade)?,
        monitoring_interval: number("MonitoringInterval", before.monitoring_interval)?,
        monitoring_role_arn: params
            .get("MonitoringRoleArn")
            .map(str::to_owned)
            .or_else(|| before.monitoring_role_arn.clone()),
        performance_insights: flag("EnablePerformanceInsights", before.performance_insights)?,
        managed_password: flag("ManageMasterUserPassword", before.managed_password)?,
        ..before.clone()
    })
}

/// Backups are kept for 0 to 35 days (API reference, BackupRetentionPeriod).
fn retention(params: &Params, before: &Settings) -> Result<u32, ApiError> {
    let days = params.number("BackupRetentionPeriod")?.unwrap_or(before.backup_retention);
    if days > 35 {
        return Err(invalid(format!("Invalid backup retention period: {days}. Must be between 0 and 35")));
    }
    Ok(days)
}

fn check_storage(params: &Params, before: &Settings, allocated: u32) -> Result<(), ApiError> {
    if allocated < before.allocated_storage {
        return Err(invalid(
            "Requested storage size is less than the current one; storage cannot be reduced",
        ));
    }
    let tuned = params.get("Iops").or(params.get("StorageThroughput")).is_some();
    let kind = params.get("StorageType").unwrap_or(&before.storage_type);
    let limit = gp3_limit(&before.engine);
    if kind == "gp3" && tuned && allocated < limit {
        return Err(combination(format!(
            "You can't specify IOPS or storage throughput for engine {} and a storage size less than {limit}.",
            before.engine
        )));
    }
    Ok(())
}

fn subnet_group(params: &Params, before: &Settings, region: &RegionDefinition) -> Result<String, ApiError> {
    let Some(name) = params.get("DBSubnetGroupName") else { return Ok(before.subnet_group.clone()) };
    let known = region.subnet_groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
    Ok(known.ok_or_else(|| groups::subnet_group_not_found(name))?.name.clone())
}

/// Where a standby is, or is to be.
fn secondary_zone(
    before: &Settings,
    region: &RegionDefinition,
    group: &str,
    multi_az: bool,
) -> Result<Option<String>, ApiError> {
    let group = region.subnet_groups.iter().find(|each| each.name == group);
    match (multi_az, group) {
        (true, Some(group)) if !before.multi_az => standby_zone(group, &before.availability_zone, true),
        (true, _) => Ok(before.secondary_zone.clone()),
        (false, _) => Ok(None),
    }
}

fn parameter_group(
    params: &Params,
    before: &Settings,
    region: &RegionDefinition,
) -> Result<String, ApiError> {
    let Some(name) = params.get("DBParameterGroupName") else { return Ok(before.parameter_group.clone()) };
    let known = region.parameter_groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
    Ok(known.ok_or_else(|| groups::parameter_group_not_found(name))?.name.clone())
}

fn certificate(params: &Params, before: &Settings, region: &RegionDefinition) -> Result<String, ApiError> {
    let Some(name) = params.get("CACertificateIdentifier") else { return Ok(before.ca_certificate.clone()) };
    let known = region.certificates.iter().find(|certificate| certificate.identifier == name);
    Ok(known.ok_or_else(|| groups::certificate_not_found(name))?.identifier.clone())
}

fn log_exports(params: &Params, before: &Settings) -> Vec<String> {
    let off = params.list("CloudwatchLogsExportConfiguration.DisableLogTypes");
    let on = params.list("CloudwatchLogsExportConfiguration.EnableLogTypes");
    let mut kept: Vec<String> = before.log_exports.iter().filter(|log| !off.contains(log)).cloned().collect();
    kept.extend(on.into_iter().filter(|log| !before.log_exports.contains(log)));
    kept
}

/// available, with the values pending → modifying or renaming → (backing-up, when backups were turned on) → available.
/// A fault's final state `available` gives the change up: then nothing but an event tells that it failed.
fn schedule(world: &mut World, place: &Place, instance: &Instance, final_state: Option<&str>) {
    let Some(change) = instance.pending.as_deref() else { return };
    let id = &instance.resource_id;
    world.cancel(id);
    let draw = format!("{}#{}", instance.identifier, instance.changes);
    let (least, most) = QUIET_AFTER_MODIFY;
    let start = world.now + world.chance.seconds("quiet after modify", &draw, least, most);
    let (status, typical) = match change.identifier {
        Some(_) => (Status::Renaming, &RENAME),
        None => (Status::Modifying, &MODIFY),
    };
    let end = start + world.takes(typical, &draw);
    let message = "Applying modification to DB instance".to_owned();
    world.later(start, place, id, Happening::Status(status));
    world.later(start, place, id, Happening::Event("configuration change", message));
    if let Some(state) = final_state {
        let status = if state == "available" { Status::Available } else { Status::Failed(state.to_owned()) };
        let failed = "Unable to apply the modification to the DB instance".to_owned();
        world.later(end, place, id, Happening::ChangeFailed);
        world.later(end, place, id, Happening::Status(status));
        world.later(end, place, id, Happening::Event("failure", failed));
        return;
    }
    world.later(end, place, id, Happening::ChangeApplied);
    if instance.settings.backup_retention == 0 && change.settings.backup_retention > 0 {
        first_backup(world, place, instance, end);
    } else {
        world.later(end, place, id, Happening::Status(Status::Available));
    }
}
