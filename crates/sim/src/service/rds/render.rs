//! How RDS's records look on the wire.

use crate::definition::SubnetGroup;
use crate::protocol::Xml;
use crate::world::{AssociatedRole, Change, Instance, Place, Region, Settings, World};

/// A `DBInstance`.
pub(super) fn instance(world: &World, place: &Place, instance: &Instance) -> Xml {
    let settings = &instance.settings;
    let region = world.region(place);
    let arn = place.rds_arn("db", &instance.identifier);
    let xml = Xml::new()
        .text("DBInstanceIdentifier", &instance.identifier)
        .text("DBInstanceClass", &settings.class)
        .text("Engine", &settings.engine)
        .text("DBInstanceStatus", instance.status.as_str())
        .text("MasterUsername", &settings.master_username)
        .optional("DBName", settings.database_name.as_ref());
    let xml = match instance.created_at {
        Some(created_at) => {
            xml.nest("Endpoint", endpoint(world, place, instance)).time("InstanceCreateTime", created_at)
        }
        None => xml,
    };
    let xml = storage(networking(xml, region, place, settings), settings);
    backups(xml, world, instance)
        .nest("DBParameterGroups", Xml::new().nest("DBParameterGroup", parameter_group(instance)))
        .list("OptionGroupMemberships", "OptionGroupMembership", [&settings.option_group], |name| {
            Xml::new().text("OptionGroupName", name).text("Status", "in-sync")
        })
        .nest(
            "PendingModifiedValues",
            instance.pending.as_deref().map_or_else(Xml::new, |change| pending(settings, change)),
        )
        .text("EngineVersion", &settings.engine_version)
        .text("LicenseModel", &settings.license_model)
        .text("AutoMinorVersionUpgrade", settings.auto_minor_version_upgrade)
        .text("PreferredMaintenanceWindow", &settings.maintenance_window)
        .texts(
            "ReadReplicaDBInstanceIdentifiers",
            "ReadReplicaDBInstanceIdentifier",
            replicas(region, instance),
        )
        .optional("ReadReplicaSourceDBInstanceIdentifier", source_name(region, instance))
        .nest("StatusInfos", status_infos(world, instance))
        .text("DbInstancePort", 0)
        .text("DbiResourceId", &instance.resource_id)
        .text("DBInstanceArn", arn)
        .text("CACertificateIdentifier", &settings.ca_certificate)
        .nest("DomainMemberships", Xml::new())
        .text("MonitoringInterval", settings.monitoring_interval)
        .optional("MonitoringRoleArn", settings.monitoring_role_arn.as_ref())
        .text("IAMDatabaseAuthenticationEnabled", settings.iam_authentication)
        .text("PerformanceInsightsEnabled", settings.performance_insights)
        .nest_if(settings.managed_password, "MasterUserSecret", || master_secret(place, instance))
        .texts("EnabledCloudwatchLogsExports", "member", &settings.log_exports)
        .text("DeletionProtection", settings.deletion_protection)
        .list("AssociatedRoles", "DBInstanceRole", &settings.associated_roles, |it| role(world, it))
        .list("TagList", "Tag", &settings.tags, |(key, value)| tag(key, value))
        .text("CustomerOwnedIpEnabled", false)
        .text("ActivityStreamStatus", "stopped")
        .text("BackupTarget", "region")
        .text("NetworkType", "IPV4")
        .text("DedicatedLogVolume", false)
        .text("EngineLifecycleSupport", "open-source-rds-extended-support")
}

/// The identifiers of the replicas that follow an instance.
fn replicas<'a>(region: &'a Region, instance: &Instance) -> Vec<&'a str> {
    let follows = |each: &&Instance| each.replica_of.as_deref() == Some(instance.resource_id.as_str());
    region.instances.values().filter(follows).map(|each| each.identifier.as_str()).collect()
}

/// The source of a replica; a source that is gone is not shown.
fn source_name<'a>(region: &'a Region, instance: &Instance) -> Option<&'a str> {
    let source = region.instances.get(instance.replica_of.as_deref()?)?;
    Some(&source.identifier)
}

/// A `DBInstanceRole`.
fn role(world: &World, role: &AssociatedRole) -> Xml {
    let is_active = role.active_from.is_none_or(|from| from <= world.now);
    Xml::new()
        .text("RoleArn", &role.role)
        .text("FeatureName", &role.feature)
        .text("Status", if is_active { "ACTIVE" } else { "PENDING" })
}

fn status_infos(world: &World, instance: &Instance) -> Xml {
    if instance.replica_of.is_none() {
        return Xml::new();
    }
    let replicates = world.replicates(instance);
    let info = Xml::new()
        .text("StatusType", "read replication")
        .text("Normal", replicates)
        .text("Status", if replicates { "replicating" } else { "error" });
    Xml::new().nest("DBInstanceStatusInfo", info)
}

/// The secret that RDS keeps for the master password; its name holds the resource id.
fn master_secret(place: &Place, instance: &Instance) -> Xml {
    let Place { account, region } = place;
    let name = format!("rds!{}", instance.resource_id);
    Xml::new()
        .text("SecretArn", format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}"))
        .text("SecretStatus", "active")
}

fn endpoint(world: &World, place: &Place, instance: &Instance) -> Xml {
    Xml::new()
        .text("Address", world.endpoint(place, &instance.identifier))
        .text("Port", instance.settings.port)
        .text("HostedZoneId", world.chance.id(&["zone", &place.region], 14))
}

fn networking(xml: Xml, region: &Region, place: &Place, settings: &Settings) -> Xml {
    let groups = &region.definition.subnet_groups;
    let xml = match groups.iter().find(|group| group.name == settings.subnet_group) {
        Some(group) => xml.nest("DBSubnetGroup", subnet_group(place, group)),
        None => xml,
    };
    xml.nest("DBSecurityGroups", Xml::new())
        .list("VpcSecurityGroups", "VpcSecurityGroupMembership", &settings.security_groups, |id| {
            Xml::new().text("VpcSecurityGroupId", id).text("Status", "active")
        })
        .text("AvailabilityZone", &settings.availability_zone)
        .optional("SecondaryAvailabilityZone", settings.secondary_zone.as_ref())
        .text("MultiAZ", settings.multi_az)
        .text("PubliclyAccessible", settings.publicly_accessible)
}

fn storage(xml: Xml, settings: &Settings) -> Xml {
    xml.text("AllocatedStorage", settings.allocated_storage)
        .optional("MaxAllocatedStorage", settings.max_allocated_storage)
        .text("StorageType", &settings.storage_type)
        .optional("Iops", settings.iops)
        .optional("StorageThroughput", settings.storage_throughput)
        .text("StorageEncrypted", settings.kms_key_id.is_some())
        .optional("KmsKeyId", settings.kms_key_id.as_ref())
}

fn backups(xml: Xml, world: &World, instance: &Instance) -> Xml {
    xml.text("BackupRetentionPeriod", instance.settings.backup_retention)
        .text("PreferredBackupWindow", &instance.settings.backup_window)
        .text("CopyTagsToSnapshot", instance.settings.copy_tags_to_snapshot)
        .optional_time("LatestRestorableTime", world.latest_restorable(instance))
}

fn parameter_group(instance: &Instance) -> Xml {
    let status = if instance.parameters_in_force { "in-sync" } else { "pending-reboot" };
    Xml::new()
        .text("DBParameterGroupName", &instance.settings.parameter_group)
        .text("ParameterApplyStatus", status)
}

/// `PendingModifiedValues`: only the members it has in the API; other changes take effect without being shown.
fn pending(now: &Settings, change: &Change) -> Xml {
    let Change { identifier, settings: then, under_way: _ } = change;
    let differing =
        |name: &str, now: &str, then: &str, xml: Xml| if now == then { xml } else { xml.text(name, then) };
    let number = |name: &str, now: Option<u32>, then: Option<u32>, xml: Xml| match then {
        Some(then) if now != Some(then) => xml.text(name, then),
        _ => xml,
    };
    let xml = differing("DBInstanceClass", &now.class, &then.class, Xml::new());
    let xml = number("AllocatedStorage", Some(now.allocated_storage), Some(then.allocated_storage), xml);
    let xml = number("Port", Some(now.port.into()), Some(then.port.into()), xml);
    let xml = number("BackupRetentionPeriod", Some(now.backup_retention), Some(then.backup_retention), xml);
    let xml = if now.multi_az == then.multi_az { xml } else { xml.text("MultiAZ", then.multi_az) };
    let xml = differing("EngineVersion", &now.engine_version, &then.engine_version, xml);
    let xml = number("Iops", now.iops, then.iops, xml);
    let xml = number("StorageThroughput", now.storage_throughput, then.storage_throughput, xml);
    let xml = xml.optional("DBInstanceIdentifier", identifier.as_ref());
    let xml = differing("StorageType", &now.storage_type, &then.storage_type, xml);
    let xml = differing("CACertificateIdentifier", &now.ca_certificate, &then.ca_certificate, xml);
    if now.iam_authentication == then.iam_authentication {
        return xml;
    }
    xml.text("IAMDatabaseAuthenticationEnabled", then.iam_authentication)
}

/// A `DBSubnetGroup`.
pub(super) fn subnet_group(place: &Place, group: &SubnetGroup) -> Xml {
    Xml::new()
        .text("DBSubnetGroupName", &group.name)
        .text("DBSubnetGroupDescription", &group.description)
        .text("VpcId", &group.vpc_id)
        .text("SubnetGroupStatus", "Complete")
        .list("Subnets", "Subnet", &group.subnets, |(zone, subnet)| {
            Xml::new()
                .text("SubnetIdentifier", subnet)
                .nest("SubnetAvailabilityZone", Xml::new().text("Name", zone))
                .nest("SubnetOutpost", Xml::new())
                .text("SubnetStatus", "Active")
        })
        .text("DBSubnetGroupArn", place.rds_arn("subgrp", &group.name))
        .texts("SupportedNetworkTypes", "member", ["IPV4"])
}

/// A `Tag`.
pub(super) fn tag(key: &str, value: &str) -> Xml {
    Xml::new().text("Key", key).text("Value", value)
}
