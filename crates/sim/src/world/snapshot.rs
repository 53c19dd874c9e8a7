//! Snapshots and backups that outlive their instance.

use chrono::{DateTime, Utc};

use super::{Data, Instance, Settings};

/// The state of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStatus {
    /// Being taken or copied.
    Creating,
    /// It can be restored from.
    Available,
    /// It will never be complete.
    Failed,
    /// Being deleted.
    Deleting,
}

impl SnapshotStatus {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            SnapshotStatus::Creating => "creating",
            SnapshotStatus::Available => "available",
            SnapshotStatus::Failed => "failed",
            SnapshotStatus::Deleting => "deleting",
        }
    }
}

/// A DB snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Its identifier.
    pub identifier: String,
    /// `automated` or `manual`.
    pub kind: String,
    /// When it was taken; of a copy, when it was copied.
    pub created_at: DateTime<Utc>,
    /// When its data were cut: a copy keeps the original's.
    pub taken_at: DateTime<Utc>,
    /// Its state.
    pub status: SnapshotStatus,
    /// Of a copy: the ARN it was copied from.
    pub copied_from: Option<String>,
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
            taken_at: at,
            status: if available { SnapshotStatus::Available } else { SnapshotStatus::Creating },
            copied_from: None,
            instance: instance.identifier.clone(),
            resource_id: instance.resource_id.clone(),
            instance_created_at: instance.created_at,
            settings: instance.settings.clone(),
            data: instance.data.up_to(at),
        }
    }

    /// Whether it can be restored from.
    pub fn is_available(&self) -> bool {
        self.status == SnapshotStatus::Available
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
