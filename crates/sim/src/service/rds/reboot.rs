//! RebootDBInstance and PromoteReadReplica: for some seconds they look as if nothing had happened.

use chrono::TimeDelta;

use super::refusals::{combination, instance_not_found, invalid, wrong_state};
use super::render;
use super::restore::first_backup;
use crate::durations::{
    FAILOVER, FAILOVER_PAUSE_MINUTES, PROMOTE, QUIET_AFTER_REBOOT, REBOOT, ZONE_LATENESS,
};
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{Happening, Instance, Place, Status, World};

pub(super) fn reboot(world: &mut World, context: &Context<'_>) -> Answer {
    let mut instance = available(world, context)?;
    let failover = context.params.flag("ForceFailover")?.unwrap_or(false);
    if failover && !instance.settings.multi_az {
        let message = "You can't force a failover because the DB instance isn't configured for Multi-AZ";
        return Err(combination(message));
    }
    let pause = TimeDelta::minutes(FAILOVER_PAUSE_MINUTES);
    let recently = instance.failed_over_at.is_some_and(|at| world.now - at < pause);
    instance.changes += 1;
    match failover {
        true if recently => abandon(world, context.place, &instance),
        true => schedule_failover(world, context.place, &instance, context.final_state),
        false => schedule_reboot(world, context.place, &instance, context.final_state),
    }
    answer(world, context.place, instance)
}

pub(super) fn promote(world: &mut World, context: &Context<'_>) -> Answer {
    let mut instance = available(world, context)?;
    if instance.replica_of.is_none() {
        let message = format!("DB Instance {} is not a read replica.", instance.identifier);
        return Err(ApiError::new("InvalidDBInstanceState", message));
    }
    // Backups of what is promoted are kept for a day unless said otherwise (API reference).
    let days = context.params.number("BackupRetentionPeriod")?.unwrap_or(1);
    if days > 35 {
        return Err(invalid(format!("Invalid backup retention period: {days}. Must be between 0 and 35")));
    }
    instance.settings.backup_retention = days;
    if let Some(window) = context.params.get("PreferredBackupWindow") {
        instance.settings.backup_window = window.to_owned();
    }
    instance.changes += 1;
    schedule_promotion(world, context.place, &instance, context.final_state);
    answer(world, context.place, instance)
}

/// The instance that is named, which must be `available`.
fn available(world: &World, context: &Context<'_>) -> Result<Instance, ApiError> {
    let name = context.params.required("DBInstanceIdentifier")?;
    let instance = world.region(context.place).instance(name).cloned();
    let instance = instance.ok_or_else(|| instance_not_found(name))?;
    match instance.status {
        Status::Available => Ok(instance),
        _ => Err(wrong_state(&instance)),
    }
}

fn answer(world: &mut World, place: &Place, instance: Instance) -> Answer {
    world.region_mut(place).instances.insert(instance.resource_id.clone(), instance.clone());
    Ok(Xml::new().nest("DBInstance", render::instance(world, place, &instance)))
}

/// What one request draws: the same instance may be rebooted more than once.
fn draw(instance: &Instance) -> String {
    format!("{}#{}", instance.identifier, instance.changes)
}

fn quiet(world: &World, draw: &str) -> TimeDelta {
    let (least, most) = QUIET_AFTER_REBOOT;
    world.chance.seconds("quiet after reboot", draw, least, most)
}

fn abandon(world: &mut World, place: &Place, instance: &Instance) {
    let at = world.now + quiet(world, &draw(instance));
    let message =
        "Abandoning user requested failover since a failover recently occurred on the database instance";
    world.later(at, place, &instance.resource_id, Happening::Event("failover", message.to_owned()));
}

/// available → rebooting, failover started → completed → available; the zones follow.
fn schedule_failover(world: &mut World, place: &Place, instance: &Instance, final_state: Option<&str>) {
    let (id, draw) = (&instance.resource_id, draw(instance));
    let start = world.now + quiet(world, &draw);
    let end = start + world.takes(&FAILOVER, &draw);
    let (least, most) = ZONE_LATENESS;
    let swapped = end + world.chance.seconds("zone", &draw, least, most);
    world.later(start, place, id, Happening::Status(Status::Rebooting));
    let started = "Multi-AZ instance failover started".to_owned();
    world.later(start, place, id, Happening::Event("failover", started));
    if fails(world, place, instance, end, final_state) {
        return;
    }
    world.later(end, place, id, Happening::Restarted);
    world.later(end, place, id, Happening::FailedOver);
    world.later(end, place, id, Happening::Status(Status::Available));
    world.later(swapped, place, id, Happening::ZonesSwapped);
}

/// available → rebooting → available.
fn schedule_reboot(world: &mut World, place: &Place, instance: &Instance, final_state: Option<&str>) {
    let (id, draw) = (&instance.resource_id, draw(instance));
    let start = world.now + quiet(world, &draw);
    let end = start + world.takes(&REBOOT, &draw);
    world.later(start, place, id, Happening::Status(Status::Rebooting));
    world.later(start, place, id, Happening::Event("availability", "DB instance shutdown".to_owned()));
    if fails(world, place, instance, end, final_state) {
        return;
    }
    world.later(end, place, id, Happening::Restarted);
    world.later(end, place, id, Happening::Status(Status::Available));
}

/// available → modifying → rebooting → (backing-up) → available, by itself.
fn schedule_promotion(world: &mut World, place: &Place, instance: &Instance, final_state: Option<&str>) {
    let (id, draw) = (&instance.resource_id, draw(instance));
    let start = world.now + quiet(world, &draw);
    let rebooting = start + world.takes(&PROMOTE, &draw);
    let end = rebooting + world.takes(&REBOOT, &draw);
    world.later(start, place, id, Happening::Status(Status::Modifying));
    if fails(world, place, instance, rebooting, final_state) {
        return;
    }
    world.later(rebooting, place, id, Happening::Status(Status::Rebooting));
    world.later(end, place, id, Happening::Promoted);
    world.later(end, place, id, Happening::Restarted);
    let promoted = "Promoted Read Replica instance to a stand-alone database instance.".to_owned();
    world.later(end, place, id, Happening::Event("read replica", promoted));
    if instance.settings.backup_retention == 0 {
        world.later(end, place, id, Happening::Status(Status::Available));
    } else {
        first_backup(world, place, instance, end);
    }
}

/// Whether a fault orders a state in which it ends.
fn fails(
    world: &mut World,
    place: &Place,
    instance: &Instance,
    at: chrono::DateTime<chrono::Utc>,
    final_state: Option<&str>,
) -> bool {
    let Some(state) = final_state else { return false };
    let id = &instance.resource_id;
    world.later(at, place, id, Happening::Status(Status::Failed(state.to_owned())));
    let message = format!("The DB instance ended in {state}");
    world.later(at, place, id, Happening::Event("failure", message));
    true
}
