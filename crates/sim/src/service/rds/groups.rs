//! What stands around the instances: quotas, certificates, subnet and parameter groups.

use super::make_snapshots::MANUAL_SNAPSHOTS;
use super::paging::page;
use super::render;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::World;

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

/// The world has no maintenance to offer.
pub(super) fn pending_maintenance(_: &World, _: &Context<'_>) -> Answer {
    Ok(Xml::new().nest("PendingMaintenanceActions", Xml::new()))
}
