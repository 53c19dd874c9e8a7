//! Snapshots and backups that outlive their instance.

use chrono::{DateTime, Utc};

use super::{Data, Instance, Settings};

/// A DB snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Its identifier.
    pub identifier: String,
    /// `automated` or `manual`.
    pub kind: String,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// It can be restored from; before, it is `creating`.
    pub available: bool,
    /// The instance's identifier at that time.
    pub instance: String,
    /// The instance's resource id.
    pub resource_id: String,
    /// When the instance was created.
    pub instance_created_at: Option<DateTime<Utc>>,
    /// The instance's settings at that time.
    pub settings: Settings,
    /// What is in it.
    pub data: Data,
}

impl Snapshot {
    /// A snapshot of an instance; it holds what was written up to `at`.
    pub fn of(
        instance: &Instance,
        identifier: &str,
        kind: &str,
        at: DateTime<Utc>,
        available: bool,
    ) -> Snapshot {
        Snapshot {
            identifier: identifier.into(),
            kind: kind.into(),
            created_at: at,
            available,
            instance: instance.identifier.clone(),
            resource_id: instance.resource_id.clone(),
            instance_created_at: instance.created_at,
            settings: instance.settings.clone(),
            data: instance.data.up_to(at),
        }
    }
}

/// The automated backups of an instance that was deleted without them.
#[derive(Debug, Clone, PartialEq)]
pub struct RetainedBackup {
    /// The instance as it was.
    pub instance: Instance,
    /// The earliest time that can be restored.
    pub earliest: DateTime<Utc>,
    /// The latest time that can be restored.
    pub latest: DateTime<Utc>,
}
