//! The truth of the simulated AWS, a fold: world file, seed, accepted requests, time.
//!
//! [`World::settle`] brings it to an instant: what was set in motion is on the agenda and happens, in order, at its
//! own time. Nothing runs in the background, and it does not matter how often or when the world is looked at.

pub(crate) mod alarm;
pub(crate) mod automation;
pub(crate) mod backup;
mod beginning;
mod command;
mod instance;
mod loss;
mod parameter;
pub(crate) mod rate;
mod replication;
pub(crate) mod secret;
mod settings;
mod snapshot;
mod trail;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use alarm::{SetState, StateChange};
pub use automation::{Automation, AutomationStep, StepEnding, Stop, Targeted};
pub use backup::{Backup, BackupCourse, BackupJob, RecoveryPoint, RestoreJob};
pub use command::{Command, Ending, Invocation};
pub use instance::{Change, Data, Instance, Status};
pub use parameter::{Parameter, ParameterVersion};
pub use rate::Rate;
pub use secret::{Secret, SecretValue, SecretVersion};
pub use settings::{AssociatedRole, Settings};
pub use snapshot::{RetainedBackup, Snapshot, SnapshotStatus};
pub(crate) use trail::Trace;
pub use trail::TrailEvent;

use crate::chance::Chance;
use crate::definition::{Caller, InstanceDefinition, RegionDefinition, WorldDefinition};
use crate::durations::{DNS_AFTER_RENAME_SECONDS, EVENT_LATENESS, LOG_UPLOAD_SECONDS, Typical};

/// One Region of one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Twelve digits.
    pub account: String,
    /// For example `eu-west-1`.
    pub region: String,
}

impl Place {
    /// The ARN of an RDS resource here; `kind` is `db`, `snapshot`, `subgrp`, `pg`, …
    pub fn rds_arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:rds:{}:{}:{kind}:{name}", self.region, self.account)
    }
}

/// Credentials that AssumeRole gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The role's account.
    pub account: String,
    /// Who the session is.
    pub caller: Caller,
    /// From then on its credentials are refused.
    pub expires_at: DateTime<Utc>,
}

/// What a Region holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Region {
    /// What the world file says of it.
    pub definition: Arc<RegionDefinition>,
    /// DB instances by resource id, which survives a rename.
    pub instances: BTreeMap<String, Instance>,
    /// DB snapshots by identifier.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// Automated backups kept after their instance was deleted, by the instance's resource id.
    pub retained: BTreeMap<String, RetainedBackup>,
    /// RDS events, oldest first.
    pub events: Vec<Event>,
    /// Parameters of Parameter Store by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
    /// States of alarms that were set, oldest first.
    pub set_states: Vec<SetState>,
    /// AWS Backup.
    pub backup: Backup,
    /// Commands that were sent, oldest first.
    pub commands: Vec<Command>,
    /// Executions of automations, oldest first.
    pub automations: Vec<Automation>,
    /// What changed something here, oldest first: CloudTrail.
    pub trail: Vec<TrailEvent>,
}

impl Region {
    /// The instance that has this identifier now; identifiers are not case-sensitive.
    pub fn instance(&self, identifier: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| instance.identifier.eq_ignore_ascii_case(identifier))
    }

    /// Whether an instance has this identifier or is on the way to it.
    pub fn is_taken(&self, identifier: &str) -> bool {
        self.instance(identifier).is_some()
            || self.instances.values().any(|instance| {
                let pending = instance.pending.as_ref().and_then(|change| change.identifier.as_deref());
                pending.is_some_and(|name| name.eq_ignore_ascii_case(identifier))
            })
    }
}

/// An RDS event. The API gives no id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub date: DateTime<Utc>,
    /// When DescribeEvents begins to list it.
    pub visible_at: DateTime<Utc>,
    /// What it happened to: an instance or a snapshot.
    pub kind: SourceKind,
    /// Its identifier at that time.
    pub source: String,
    /// Its ARN at that time.
    pub arn: String,
    /// For example `restoration`.
    pub categories: Vec<String>,
    /// The text.
    pub message: String,
}

/// What an event happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// `db-instance`.
    Instance,
    /// `db-snapshot`.
    Snapshot,
}

impl SourceKind {
    /// The word of the API's SourceType.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Instance => "db-instance",
            SourceKind::Snapshot => "db-snapshot",
        }
    }
}

/// What will happen at a stated time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Happening {
    /// An instance has another status.
    Status(Status),
    /// An instance exists for good and has its endpoint.
    Reachable,
    /// The first backup of an instance is complete.
    FirstBackup,
    /// The pending change takes effect.
    ChangeApplied,
    /// The pending change is given up; only an event tells.
    ChangeFailed,
    /// An instance has been restarted: static parameters are in force.
    Restarted,
    /// A failover is complete: the standby serves. The zone's field follows late.
    FailedOver,
    /// The fields of the zones show the failover.
    ZonesSwapped,
    /// A replica stands by itself.
    Promoted,
    /// An instance is lost, and in this state.
    Lost(Status),
    /// Nothing answers any more in the Availability Zone that is the resource.
    ZoneImpaired,
    /// An event of an instance: category and text.
    Event(&'static str, String),
    /// An instance is no more.
    Gone,
    /// A snapshot is complete.
    SnapshotReady,
    /// A snapshot is in another state.
    SnapshotStatus(SnapshotStatus),
    /// A snapshot is no more.
    SnapshotGone,
    /// A step of a job of AWS Backup, whose id is the resource.
    Backup(backup::JobStep),
    /// An event of a snapshot: category and text.
    SnapshotEvent(&'static str, &'static str),
}

#[derive(Debug, Clone, PartialEq)]
struct Appointment {
    place: Place,
    resource: String,
    happening: Happening,
}

/// The truth at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The world file.
    pub definition: Arc<WorldDefinition>,
    /// The world's chance.
    pub chance: Chance,
    /// The instant to which the world was brought.
    pub now: DateTime<Utc>,
    /// Assumed roles by access key.
    pub sessions: BTreeMap<String, Session>,
    places: BTreeMap<Place, Region>,
    nowhere: Region,
    agenda: BTreeMap<(DateTime<Utc>, u64), Appointment>,
    appointments: u64,
}

impl World {
    /// The world at its start.
    pub fn new(definition: WorldDefinition, seed: u64) -> World {
        let mut world = World {
            chance: Chance::new(seed),
            now: definition.start,
            sessions: BTreeMap::new(),
            places: BTreeMap::new(),
            nowhere: Region::default(),
            agenda: BTreeMap::new(),
            appointments: 0,
            definition: Arc::new(definition),
        };
        let definition = Arc::clone(&world.definition);
        for account in &definition.accounts {
            for (region, held) in &account.regions {
                let place = Place { account: account.id.clone(), region: region.clone() };
                let definition = Arc::new(held.clone());
                world.places.insert(place.clone(), Region { definition, ..Region::default() });
                for instance in &held.instances {
                    world.place_instance(&place, instance);
                }
                held.parameters.iter().for_each(|parameter| world.place_parameter(&place, parameter));
                held.secrets.iter().for_each(|secret| world.place_secret(&place, secret));
                held.backup_vaults.iter().for_each(|vault| world.place_vault(&place, vault));
                world.bind_replicas(&place, &held.instances);
                world.appoint_losses(&place, held);
            }
        }
        world.settle(definition.start);
        world
    }

    fn place_instance(&mut self, place: &Place, defined: &InstanceDefinition) {
        let instance = Instance {
            resource_id: self.resource_id(place, &defined.identifier, defined.created_at),
            identifier: defined.identifier.to_ascii_lowercase(),
            settings: defined.settings.clone(),
            status: Status::Available,
            created_at: Some(defined.created_at),
            first_backup_at: (defined.settings.backup_retention > 0).then_some(defined.created_at),
            parameters_in_force: true,
            pending: None,
            changes: 0,
            data: Data { databases: defined.databases.clone(), until: None },
            replica_of: None,
            replica_lag: defined.replica_lag.clone(),
            followed_until: None,
            maintenance: defined.pending_maintenance.clone(),
            failed_over_at: None,
            lost_at: None,
            resolves_from: None,
        };
        for at in &defined.automated_snapshots {
            let name = format!("rds:{}-{}", instance.identifier, at.format("%Y-%m-%d-%H-%M"));
            let snapshot = Snapshot::of(&instance, &name, "automated", *at, true);
            self.region_mut(place).snapshots.insert(name, snapshot);
        }
        self.region_mut(place).instances.insert(instance.resource_id.clone(), instance);
    }

    /// Sources and replicas know each other by resource id, which is there when all instances are.
    fn bind_replicas(&mut self, place: &Place, defined: &[InstanceDefinition]) {
        let pairs = defined.iter().filter_map(|replica| Some((replica, replica.replica_of.as_deref()?)));
        for (replica, source) in pairs {
            let region = self.region_mut(place);
            let source = region.instance(source).map(|source| source.resource_id.clone());
            let names = &replica.identifier;
            region
                .instances
                .values_mut()
                .filter(|each| each.identifier.eq_ignore_ascii_case(names))
                .for_each(|each| each.replica_of.clone_from(&source));
        }
    }

    /// A Region's truth; an empty one where nothing was ever made.
    pub fn region(&self, place: &Place) -> &Region {
        self.places.get(place).unwrap_or(&self.nowhere)
    }

    /// A Region's truth, to be changed.
    pub(crate) fn region_mut(&mut self, place: &Place) -> &mut Region {
        self.places.entry(place.clone()).or_default()
    }

    /// All Regions that hold something.
    pub fn regions(&self) -> impl Iterator<Item = (&Place, &Region)> {
        self.places.iter()
    }

    /// A new instance's resource id.
    pub(crate) fn resource_id(&self, place: &Place, identifier: &str, at: DateTime<Utc>) -> String {
        let parts = ["db", &place.account, &place.region, identifier, &at.to_rfc3339()];
        format!("db-{}", self.chance.id(&parts, 26))
    }

    /// How long `typical` takes this resource in this world.
    pub(crate) fn takes(&self, typical: &Typical, resource: &str) -> TimeDelta {
        let replaced = self.definition.durations.get(typical.kind).copied();
        let median = replaced.map_or(typical.median, |seconds| Duration::from_secs(seconds.into()));
        self.chance.duration(&Typical { median, ..*typical }, resource)
    }

    /// The name under which an instance is reached.
    pub fn endpoint(&self, place: &Place, identifier: &str) -> String {
        let zone = self.chance.id(&["endpoint", &place.account, &place.region], 12).to_ascii_lowercase();
        format!("{identifier}.{zone}.{}.rds.amazonaws.com", place.region)
    }

    /// Brings the world to `now`: everything due happens, each at its own time. The world never goes back.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        while let Some(next) = self.agenda.first_entry() {
            let (at, _) = *next.key();
            if at > now {
                break;
            }
            let appointment = next.remove();
            self.now = self.now.max(at);
            self.happen(at, appointment);
        }
        self.now = self.now.max(now);
    }

    /// Puts something on the agenda of an instance or snapshot.
    pub(crate) fn later(&mut self, at: DateTime<Utc>, place: &Place, resource: &str, happening: Happening) {
        let appointment = Appointment { place: place.clone(), resource: resource.into(), happening };
        self.agenda.insert((at, self.appointments), appointment);
        self.appointments += 1;
    }

    /// Takes off the agenda of an instance whatever a new change of it replaces. A failover that is complete still
    /// shows, and what befalls it does so all the same.
    pub(crate) fn cancel(&mut self, resource: &str) {
        self.agenda.retain(|_, appointment| {
            let stays = matches!(appointment.happening, Happening::ZonesSwapped | Happening::Lost(_));
            appointment.resource != resource || stays
        });
    }

    fn happen(&mut self, at: DateTime<Utc>, appointment: Appointment) {
        let Appointment { place, resource, happening } = appointment;
        match happening {
            Happening::SnapshotReady => {
                self.with_snapshot(&place, &resource, |it| it.status = SnapshotStatus::Available);
            }
            // Of all that happens only this asks another service for something.
            Happening::Backup(step) => crate::service::backup_happens(self, &place, &resource, at, step),
            Happening::SnapshotStatus(status) => {
                self.with_snapshot(&place, &resource, |it| it.status = status);
            }
            Happening::SnapshotGone => drop(self.region_mut(&place).snapshots.remove(&resource)),
            Happening::SnapshotEvent(category, message) => {
                self.emit_of_snapshot(&place, &resource, at, category, message);
            }
            Happening::Event(category, message) => self.emit(&place, &resource, at, category, message),
            Happening::Gone => {
                self.emit(&place, &resource, at, "deletion", "DB instance deleted".into());
                self.region_mut(&place).instances.remove(&resource);
                self.leave_replicas(&place, &resource, at);
            }
            Happening::ChangeApplied => self.apply_change(&place, &resource, at),
            Happening::ChangeFailed => self.with_instance(&place, &resource, |it| it.pending = None),
            Happening::Restarted => {
                self.with_instance(&place, &resource, |it| it.parameters_in_force = true);
                self.emit(&place, &resource, at, "availability", "DB instance restarted".into());
            }
            Happening::FailedOver => {
                self.with_instance(&place, &resource, |it| it.failed_over_at = Some(at));
                self.emit(&place, &resource, at, "failover", "Multi-AZ instance failover completed".into());
            }
            Happening::ZonesSwapped => self.with_instance(&place, &resource, Instance::swap_zones),
            Happening::Lost(status) => self.lose(&place, &resource, at, status),
            Happening::ZoneImpaired => self.impair(&place, &resource, at),
            Happening::Promoted => self.stand_alone(&place, &resource, at),
            Happening::Status(status) => self.with_instance(&place, &resource, |it| it.status = status),
            Happening::Reachable => self.with_instance(&place, &resource, |it| it.created_at = Some(at)),
            Happening::FirstBackup => {
                self.with_instance(&place, &resource, |it| it.first_backup_at = Some(at))
            }
        }
    }

    fn with_snapshot(&mut self, place: &Place, resource: &str, change: impl FnOnce(&mut Snapshot)) {
        if let Some(snapshot) = self.region_mut(place).snapshots.get_mut(resource) {
            change(snapshot);
        }
    }

    fn with_instance(&mut self, place: &Place, resource: &str, change: impl FnOnce(&mut Instance)) {
        if let Some(instance) = self.region_mut(place).instances.get_mut(resource) {
            change(instance);
        }
    }

    fn apply_change(&mut self, place: &Place, resource: &str, at: DateTime<Utc>) {
        let region = self.region_mut(place);
        let definition = Arc::clone(&region.definition);
        let Some(instance) = region.instances.get_mut(resource) else { return };
        let Some(change) = instance.pending.take() else { return };
        let old_name = instance.identifier.clone();
        instance.apply(*change, &definition);
        let new_name = instance.identifier.clone();
        if old_name != new_name {
            instance.resolves_from = Some(at + TimeDelta::seconds(DNS_AFTER_RENAME_SECONDS));
        }
        if instance.settings.backup_retention == 0 {
            // Turning backups off deletes those there are (RDS user guide, automated backups).
            region.snapshots.retain(|_, it| it.kind != "automated" || it.resource_id != resource);
        }
        let message = if old_name == new_name {
            "Finished applying modification to DB instance".to_owned()
        } else {
            format!("Renamed instance from {old_name} to {new_name}")
        };
        self.emit(place, resource, at, "configuration change", message);
    }

    /// Writes an event of an instance; it becomes visible some seconds later.
    pub(crate) fn emit(
        &mut self,
        place: &Place,
        resource: &str,
        at: DateTime<Utc>,
        category: &str,
        message: String,
    ) {
        let Some(instance) = self.region(place).instances.get(resource) else { return };
        let name = instance.identifier.clone();
        let arn = place.rds_arn("db", &name);
        let late = self.event_lateness(resource, &message);
        let categories = vec![category.into()];
        let event = Event {
            date: at,
            visible_at: at + late,
            kind: SourceKind::Instance,
            source: name,
            arn,
            categories,
            message,
        };
        self.region_mut(place).events.push(event);
    }

    fn emit_of_snapshot(
        &mut self,
        place: &Place,
        name: &str,
        at: DateTime<Utc>,
        category: &str,
        message: &str,
    ) {
        let event = Event {
            date: at,
            visible_at: at + self.event_lateness(name, message),
            kind: SourceKind::Snapshot,
            source: name.to_owned(),
            arn: place.rds_arn("snapshot", name),
            categories: vec![category.into()],
            message: message.to_owned(),
        };
        self.region_mut(place).events.push(event);
    }

    fn event_lateness(&self, resource: &str, message: &str) -> TimeDelta {
        let (least, most) = EVENT_LATENESS;
        self.chance.seconds("event", &format!("{resource} {message}"), least, most)
    }

    /// When the last row that `data` holds was written: what RDS calls SnapshotDatabaseTime.
    pub fn last_write(&self, data: &Data) -> Option<DateTime<Utc>> {
        let until = data.until.unwrap_or(self.now).min(self.now);
        let databases = data.databases.iter().filter_map(|name| self.definition.databases.get(name));
        let tables = databases.flat_map(|database| database.tables.values());
        tables.filter_map(|table| crate::sql::last_row(table, until)).max()
    }

    /// The time to which an instance can be restored at most, second precision: none without backups.
    pub fn latest_restorable(&self, instance: &Instance) -> Option<DateTime<Utc>> {
        let first = instance.first_backup_at.filter(|_| instance.settings.backup_retention > 0)?;
        let period = LOG_UPLOAD_SECONDS;
        let now = instance.lost_at.map_or(self.now, |lost| lost.min(self.now));
        let phase = self.chance.seconds("log upload", &instance.resource_id, 0, period - 1).num_seconds();
        let seconds = (now.timestamp() - phase).div_euclid(period) * period + phase;
        DateTime::from_timestamp(seconds, 0).filter(|latest| *latest >= first)
    }

    /// The time to which an instance can be restored at least.
    pub fn earliest_restorable(&self, instance: &Instance) -> Option<DateTime<Utc>> {
        let kept = self.now - TimeDelta::days(i64::from(instance.settings.backup_retention));
        Some(instance.first_backup_at?.max(kept)).filter(|_| instance.settings.backup_retention > 0)
    }
}
