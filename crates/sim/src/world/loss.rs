//! Instances that are lost: by themselves, or with the zone they are in. Nothing brings them back.

use chrono::{DateTime, Utc};

use super::{Happening, Instance, Place, Status, World};
use crate::definition::RegionDefinition;

impl World {
    /// Puts on the agenda what the world file says will be lost.
    pub(super) fn appoint_losses(&mut self, place: &Place, held: &RegionDefinition) {
        for defined in &held.instances {
            let Some(failure) = &defined.fails else { continue };
            let named = self.region(place).instance(&defined.identifier);
            let Some(id) = named.map(|instance| instance.resource_id.clone()) else { continue };
            let status = Status::Failed(failure.status.clone());
            self.later(failure.at, place, &id, Happening::Lost(status));
        }
        for impaired in &held.impaired_zones {
            self.later(impaired.from, place, &impaired.zone, Happening::ZoneImpaired);
        }
    }

    /// An instance is lost.
    pub(super) fn lose(&mut self, place: &Place, resource: &str, at: DateTime<Utc>, status: Status) {
        self.cancel(resource);
        if let Some((category, message)) = told_of(&status) {
            self.emit(place, resource, at, category, message.to_owned());
        }
        self.with_instance(place, resource, |it| {
            it.status = status;
            it.be_lost(at);
        });
    }

    /// Nothing answers any more in a zone. AWS shows nothing of it in the instances that are there.
    pub(super) fn impair(&mut self, place: &Place, zone: &str, at: DateTime<Utc>) {
        let there = |it: &&mut Instance| !it.settings.multi_az && it.settings.availability_zone == zone;
        self.region_mut(place).instances.values_mut().filter(there).for_each(|it| it.be_lost(at));
    }

    /// The zones in which nothing answers now.
    pub(crate) fn impaired_zones(&self, place: &Place) -> Vec<&str> {
        let all = &self.region(place).definition.impaired_zones;
        all.iter().filter(|it| it.from <= self.now).map(|it| it.zone.as_str()).collect()
    }
}

impl Instance {
    fn be_lost(&mut self, at: DateTime<Utc>) {
        self.data = self.data.up_to(at);
        self.lost_at = Some(at);
    }
}

/// The event that RDS writes of such a state, where it is known (RDS user guide, event categories and messages).
fn told_of(status: &Status) -> Option<(&'static str, &'static str)> {
    match status.as_str() {
        "failed" => Some((
            "failure",
            "The DB instance has failed due to an incompatible configuration or an underlying storage issue. Begin a \
             point-in-time-restore for the DB instance.",
        )),
        "storage-full" => Some(("low storage", "Allocated storage has been exhausted")),
        "stopped" => Some(("notification", "DB instance stopped")),
        _ => None,
    }
}
