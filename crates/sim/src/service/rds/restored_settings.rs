//! What a restored instance is like.

use super::groups::{certificate_not_found, parameter_group_not_found, subnet_group_not_found};
use super::refusals::{combination, insufficient_capacity, invalid};
use super::tags;
use crate::definition::{RegionDefinition, SubnetGroup};
use crate::protocol::ApiError;
use crate::protocol::query::Params;
use crate::world::Settings;

/// What the new instance is like. What is not asked for is the default, not the source's value: that is RDS's trap.
pub(super) fn settings(
    params: &Params,
    source: &Settings,
    region: &RegionDefinition,
    impaired: &[&str],
) -> Result<Settings, ApiError> {
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
        None => {
            let mut zones = group.subnets.keys().map(String::as_str);
            let well = zones.clone().find(|zone| !impaired.contains(zone));
            well.or_else(|| zones.next()).unwrap_or(source.availability_zone.as_str())
        }
    };
    let secondary_zone = standby_zone(group, zone, multi_az)?;
    let wanted = [Some(zone), secondary_zone.as_deref()];
    if wanted.into_iter().flatten().any(|zone| impaired.contains(&zone)) {
        return Err(insufficient_capacity());
    }
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
        secondary_zone,
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
        managed_password: false,
        associated_roles: Vec::new(),
        tags: tags::sent(params)?,
        engine_version: source.engine_version.clone(),
        kms_key_id: source.kms_key_id.clone(),
        maintenance_window: source.maintenance_window.clone(),
        master_username: source.master_username.clone(),
        database_name: source.database_name.clone(),
    })
}

/// Where the standby goes: another zone of the subnet group.
pub(super) fn standby_zone(
    group: &SubnetGroup,
    zone: &str,
    multi_az: bool,
) -> Result<Option<String>, ApiError> {
    if !multi_az {
        return Ok(None);
    }
    let other = group.subnets.keys().find(|other| other.as_str() != zone);
    let too_few = || {
        let message = format!("DB subnet group {} covers one zone only; a standby needs another", group.name);
        ApiError::new("DBSubnetGroupDoesNotCoverEnoughAZs", message)
    };
    other.cloned().map(Some).ok_or_else(too_few)
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
