//! The quotas that RDS enforces, for Service Quotas.

use super::make_snapshots::MANUAL_SNAPSHOTS;
use crate::definition::{QuotaDefinition, RegionDefinition};
use crate::world::{Place, World};

/// Their codes and names are those of the Service Quotas console (Amazon RDS user guide, quotas).
pub(crate) fn quotas(world: &World, place: &Place) -> Vec<QuotaDefinition> {
    let usual = RegionDefinition::default().instance_quota;
    let instances = world.region(place).definition.instance_quota;
    vec![
        quota("L-7B6409FD", "DB instances", instances, usual),
        quota("L-272F1212", "Manual DB instance snapshots", MANUAL_SNAPSHOTS, MANUAL_SNAPSHOTS),
    ]
}

fn quota(code: &str, name: &str, value: u64, default: u64) -> QuotaDefinition {
    QuotaDefinition {
        service: "rds".into(),
        service_name: "Amazon Relational Database Service (Amazon RDS)".into(),
        code: code.into(),
        name: name.into(),
        value: value as f64,
        default: default as f64,
        adjustable: true,
        usage_metric: None,
    }
}
