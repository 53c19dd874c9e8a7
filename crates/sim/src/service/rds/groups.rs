//! What stands around the instances: quotas, certificates, subnet and parameter groups.

use super::make_snapshots::MANUAL_SNAPSHOTS;
use super::paging::{filters, fits, page};
use super::render;
use crate::definition::MaintenanceDefinition;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Instance, World};

/// The quotas that the world enforces; AWS lists more.
pub(super) fn account_attributes(world: &World, context: &Context<'_>) -> Answer {
    let region = world.region(context.place);
    let manual = region.snapshots.values().filter(|snapshot| snapshot.kind == "manual").count();
    let quota = |name: &str, used: u64, most: u64| {
        Xml::new().text("AccountQuotaName", name).text("Used", used).text("Max", most)
    };
    let quotas = Xml::new()
        .nest(
            "AccountQuota",
            quota("DBInstances", region.instances.len() as u64, region.definition.instance_quota),
        )
        .nest("AccountQuota", quota("ManualSnapshots", manual as u64, MANUAL_SNAPSHOTS));
    Ok(Xml::new().nest("AccountQuotas", quotas))
}

pub(super) fn certificates(world: &World, context: &Context<'_>) -> Answer {
    let mut found: Vec<_> = world.region(context.place).definition.certificates.iter().collect();
    if let Some(name) = context.params.get("CertificateIdentifier") {
        found.retain(|certificate| certificate.identifier == name);
        if found.is_empty() {
            return Err(certificate_not_found(name));
        }
    }
    let page = page(found, context.params)?;
    let each = |certificate: &crate::definition::Certificate| {
        Xml::new()
            .text("CertificateIdentifier", &certificate.identifier)
            .text("CertificateType", "CA")
            .time("ValidFrom", certificate.valid_from)
            .time("ValidTill", certificate.valid_till)
            .text("CertificateArn", context.place.rds_arn("cert", &certificate.identifier))
    };
    Ok(Xml::new().list("Certificates", "Certificate", page.records, each).optional("Marker", page.marker))
}

pub(super) fn certificate_not_found(name: &str) -> ApiError {
    ApiError::not_found("CertificateNotFound", format!("Certificate {name} not found."))
}

pub(super) fn subnet_group_not_found(name: &str) -> ApiError {
    ApiError::not_found("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
}

pub(super) fn parameter_group_not_found(name: &str) -> ApiError {
    ApiError::not_found("DBParameterGroupNotFound", format!("DBParameterGroup not found: {name}"))
}

pub(super) fn subnet_groups(world: &World, context: &Context<'_>) -> Answer {
    let mut found: Vec<_> = world.region(context.place).definition.subnet_groups.iter().collect();
    if let Some(name) = context.params.get("DBSubnetGroupName") {
        found.retain(|group| group.name.eq_ignore_ascii_case(name));
        if found.is_empty() {
            return Err(subnet_group_not_found(name));
        }
    }
    let page = page(found, context.params)?;
    let each = |group| render::subnet_group(context.place, group);
    Ok(Xml::new().list("DBSubnetGroups", "DBSubnetGroup", page.records, each).optional("Marker", page.marker))
}

pub(super) fn parameter_groups(world: &World, context: &Context<'_>) -> Answer {
    let mut found: Vec<_> = world.region(context.place).definition.parameter_groups.iter().collect();
    if let Some(name) = context.params.get("DBParameterGroupName") {
        found.retain(|group| group.name.eq_ignore_ascii_case(name));
        if found.is_empty() {
            return Err(parameter_group_not_found(name));
        }
    }
    let page = page(found, context.params)?;
    let each = |group: &crate::definition::ParameterGroup| {
        Xml::new()
            .text("DBParameterGroupName", &group.name)
            .text("DBParameterGroupFamily", &group.family)
            .text("Description", &group.description)
            .text("DBParameterGroupArn", context.place.rds_arn("pg", &group.name))
    };
    Ok(Xml::new()
        .list("DBParameterGroups", "DBParameterGroup", page.records, each)
        .optional("Marker", page.marker))
}

/// Maintenance by the ARN of what it is pending for.
pub(super) fn pending_maintenance(world: &World, context: &Context<'_>) -> Answer {
    let filters = filters(context.params, &["db-cluster-id", "db-instance-id"])?;
    let wanted = context.params.get("ResourceIdentifier");
    let arn = |instance: &Instance| context.place.rds_arn("db", &instance.identifier);
    let mut found: Vec<_> = world.region(context.place).instances.values().collect();
    found.retain(|instance| {
        let by_name = |name: &str| if name == "db-instance-id" { instance.identifier.as_str() } else { "" };
        !instance.maintenance.is_empty()
            && wanted.is_none_or(|wanted| wanted == arn(instance))
            && fits(&filters, by_name)
    });
    found.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    let page = page(found, context.params)?;
    let action = |it: &MaintenanceDefinition| {
        Xml::new()
            .text("Action", &it.action)
            .optional_time("AutoAppliedAfterDate", it.auto_applied_after)
            .text("Description", &it.description)
    };
    let each = |instance: &Instance| {
        Xml::new().text("ResourceIdentifier", arn(instance)).list(
            "PendingMaintenanceActionDetails",
            "PendingMaintenanceAction",
            &instance.maintenance,
            action,
        )
    };
    Ok(Xml::new()
        .list("PendingMaintenanceActions", "ResourcePendingMaintenanceActions", page.records, each)
        .optional("Marker", page.marker))
}
