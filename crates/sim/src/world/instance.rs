//! A DB instance: its state, its settings, its data.

use chrono::{DateTime, Utc};

use super::Settings;
use crate::definition::{LagDefinition, MaintenanceDefinition, RegionDefinition};

/// The state of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Being made; no endpoint yet.
    Creating,
    /// Being changed.
    Modifying,
    /// Getting another identifier.
    Renaming,
    /// Going down and coming up again; nobody can connect.
    Rebooting,
    /// Being backed up.
    BackingUp,
    /// Usable, while its storage is loaded from the backup.
    StorageInitialization,
    /// Ready.
    Available,
    /// Being deleted.
    Deleting,
    /// Ended in a state that a fault asked for, such as `incompatible-network`.
    Failed(String),
}

impl Status {
    /// The word of the API.
    pub fn as_str(&self) -> &str {
        match self {
            Status::Creating => "creating",
            Status::Modifying => "modifying",
            Status::Renaming => "renaming",
            Status::Rebooting => "rebooting",
            Status::BackingUp => "backing-up",
            Status::StorageInitialization => "storage-initialization",
            Status::Available => "available",
            Status::Deleting => "deleting",
            Status::Failed(word) => word,
        }
    }
}

/// What an instance or snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The world's databases that are in it, by name.
    pub databases: Vec<String>,
    /// Rows written after this are not in it; `None` where the world still writes to it.
    pub until: Option<DateTime<Utc>>,
}

impl Data {
    /// The same data as of a time.
    pub fn up_to(&self, at: DateTime<Utc>) -> Data {
        let until = self.until.map_or(at, |until| until.min(at));
        Data { databases: self.databases.clone(), until: Some(until) }
    }
}

/// A DB instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// DbiResourceId, which survives a rename.
    pub resource_id: String,
    /// DBInstanceIdentifier, lower-case.
    pub identifier: String,
    /// Its settings in force.
    pub settings: Settings,
    /// Its state.
    pub status: Status,
    /// InstanceCreateTime; from then on it has an endpoint.
    pub created_at: Option<DateTime<Utc>>,
    /// When its first backup was complete.
    pub first_backup_at: Option<DateTime<Utc>>,
    /// Static parameters are in force (`in-sync`, otherwise `pending-reboot`).
    pub parameters_in_force: bool,
    /// The change that was accepted and has not taken effect.
    pub pending: Option<Box<Change>>,
    /// How many changes were accepted.
    pub changes: u32,
    /// What it holds.
    pub data: Data,
    /// Of a read replica: the resource id of the instance that it follows.
    pub replica_of: Option<String>,
    /// Of a read replica: by how much it is behind, in order of time.
    pub replica_lag: Vec<LagDefinition>,
    /// When it ceased to be a read replica.
    pub followed_until: Option<DateTime<Utc>>,
    /// Maintenance that waits for it.
    pub maintenance: Vec<MaintenanceDefinition>,
    /// When its last failover was complete.
    pub failed_over_at: Option<DateTime<Utc>>,
    /// When it was lost: from then on nobody reaches it, nothing is written to it, and it is backed up no further.
    pub lost_at: Option<DateTime<Utc>>,
    /// From then on its endpoint's name resolves: after a rename, DNS follows late.
    pub resolves_from: Option<DateTime<Utc>>,
}

impl Instance {
    /// Whether a client can connect to it.
    pub fn is_usable(&self) -> bool {
        let up = match &self.status {
            Status::Available
            | Status::Modifying
            | Status::Renaming
            | Status::BackingUp
            | Status::StorageInitialization => true,
            Status::Creating | Status::Rebooting | Status::Deleting | Status::Failed(_) => false,
        };
        up && self.created_at.is_some() && self.lost_at.is_none()
    }

    /// The primary and the standby change places.
    pub(crate) fn swap_zones(&mut self) {
        if let Some(standby) = &mut self.settings.secondary_zone {
            std::mem::swap(standby, &mut self.settings.availability_zone);
        }
    }

    /// Puts a change into force.
    pub(crate) fn apply(&mut self, change: Change, region: &RegionDefinition) {
        let Change { identifier, settings, under_way: _ } = change;
        if settings.parameter_group != self.settings.parameter_group {
            let mut groups = region.parameter_groups.iter();
            self.parameters_in_force =
                !groups.any(|group| group.name == settings.parameter_group && group.has_static_changes);
        }
        // Tags, roles and deletion protection change at once by themselves; a change accepted before must not undo them.
        let tags = std::mem::take(&mut self.settings.tags);
        let associated_roles = std::mem::take(&mut self.settings.associated_roles);
        let deletion_protection = self.settings.deletion_protection;
        let settings = match settings.multi_az == self.settings.multi_az {
            // Only a standby that comes or goes changes the zones; a failover in between must stay.
            true => Settings {
                availability_zone: std::mem::take(&mut self.settings.availability_zone),
                secondary_zone: self.settings.secondary_zone.take(),
                ..settings
            },
            false => settings,
        };
        self.settings = Settings { tags, associated_roles, deletion_protection, ..settings };
        if let Some(identifier) = identifier {
            self.identifier = identifier;
        }
        if self.settings.backup_retention == 0 {
            self.first_backup_at = None;
        }
    }
}

/// An accepted ModifyDBInstance that has not taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The new identifier.
    pub identifier: Option<String>,
    /// All settings as they will be.
    pub settings: Settings,
    /// It is on the agenda; otherwise it waits for a request that applies immediately.
    pub under_way: bool,
}
