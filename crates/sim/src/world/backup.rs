//! What AWS Backup holds and does: vaults, recovery points, jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Place, Snapshot, World};
use crate::definition::{RecoveryPointDefinition, VaultDefinition};

/// AWS Backup in one Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backup {
    /// Recovery points by ARN.
    pub recovery_points: BTreeMap<String, RecoveryPoint>,
    /// Backup jobs, oldest first.
    pub backup_jobs: Vec<BackupJob>,
    /// Restore jobs, oldest first.
    pub restore_jobs: Vec<RestoreJob>,
}

/// A recovery point. For RDS it is a snapshot whose name begins with `awsbackup:job-`, and its ARN is the snapshot's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// RecoveryPointArn.
    pub arn: String,
    /// BackupVaultName.
    pub vault: String,
    /// ResourceArn.
    pub resource_arn: String,
    /// ResourceName.
    pub resource_name: String,
    /// The identifier of the snapshot behind it.
    pub snapshot: String,
    /// IamRoleArn.
    pub iam_role_arn: String,
    /// CreationDate: when its data were cut.
    pub created_at: DateTime<Utc>,
    /// From then on it is complete.
    pub completed_at: DateTime<Utc>,
    /// BackupSizeInBytes.
    pub size: i64,
    /// EncryptionKeyArn.
    pub key_arn: Option<String>,
    /// Lifecycle.DeleteAfterDays.
    pub delete_after_days: Option<i64>,
    /// It is in cold storage.
    pub cold: bool,
    /// A scan found malware in it.
    pub malware: bool,
    /// From then on it is gone, because its deletion was asked for.
    pub gone_at: Option<DateTime<Utc>>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl RecoveryPoint {
    /// Status at an instant.
    pub fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.gone_at {
            Some(_) => "DELETING",
            None if now < self.completed_at => "CREATING",
            None => "COMPLETED",
        }
    }
}

/// A backup job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupJob {
    /// BackupJobId.
    pub id: String,
    /// IdempotencyToken.
    pub token: Option<String>,
    /// BackupVaultName.
    pub vault: String,
    /// ResourceArn.
    pub resource_arn: String,
    /// IamRoleArn.
    pub iam_role_arn: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// From then on it is `PENDING`.
    pub pending_at: DateTime<Utc>,
    /// StartBy: the end of its start window.
    pub start_by: DateTime<Utc>,
    /// RecoveryPointTags.
    pub tags: BTreeMap<String, String>,
    /// Lifecycle.DeleteAfterDays.
    pub delete_after_days: Option<i64>,
    /// What has come of it.
    pub course: BackupCourse,
    /// The state in which a fault lets it end.
    pub final_state: Option<String>,
}

/// What has come of a backup job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupCourse {
    /// It has not begun: `CREATED` or `PENDING`.
    Waiting,
    /// Its recovery point is made, and it is complete at the stated time.
    Running {
        /// RecoveryPointArn.
        recovery_point: String,
        /// When it is complete.
        completes_at: DateTime<Utc>,
    },
    /// It ended badly: the state, why, and when.
    Ended {
        /// `FAILED`, `ABORTED`, `EXPIRED`, `PARTIAL`.
        state: String,
        /// StatusMessage.
        message: String,
        /// CompletionDate.
        at: DateTime<Utc>,
    },
}

impl BackupJob {
    /// State at an instant.
    pub fn state(&self, now: DateTime<Utc>) -> &str {
        match &self.course {
            BackupCourse::Waiting if now < self.pending_at => "CREATED",
            BackupCourse::Waiting => "PENDING",
            BackupCourse::Running { completes_at, .. } if now < *completes_at => "RUNNING",
            BackupCourse::Running { .. } => "COMPLETED",
            BackupCourse::Ended { state, .. } => state,
        }
    }
}

/// A restore job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreJob {
    /// RestoreJobId.
    pub id: String,
    /// IdempotencyToken.
    pub token: Option<String>,
    /// The recovery point as it was when the job was asked for.
    pub recovery_point: RecoveryPoint,
    /// Metadata, with keys as they were sent.
    pub metadata: BTreeMap<String, String>,
    /// IamRoleArn.
    pub iam_role_arn: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// `PENDING`, `RUNNING`, `COMPLETED`, `ABORTED`, `FAILED`.
    pub status: String,
    /// StatusMessage.
    pub message: Option<String>,
    /// CompletionDate.
    pub completed_at: Option<DateTime<Utc>>,
    /// What it makes: ARN and identifier.
    pub created: Option<(String, String)>,
    /// ValidationStatus and ValidationStatusMessage.
    pub validation: Option<(String, Option<String>)>,
    /// The state in which a fault lets it, or what it makes, end.
    pub final_state: Option<String>,
}

/// What happens to a job at a stated time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobStep {
    /// A backup job begins.
    BackUp,
    /// A restore job begins.
    Restore,
    /// A restore job looks at what it makes.
    Look,
}

/// The name of the snapshot that a backup job makes.
pub(crate) fn snapshot_name(job: &str) -> String {
    format!("awsbackup:job-{}", job.to_ascii_lowercase())
}

impl World {
    /// Puts the recovery points of a declared vault into a Region.
    pub(super) fn place_vault(&mut self, place: &Place, vault: &VaultDefinition) {
        for point in &vault.recovery_points {
            self.place_recovery_point(place, vault, point);
        }
    }

    fn place_recovery_point(
        &mut self,
        place: &Place,
        vault: &VaultDefinition,
        point: &RecoveryPointDefinition,
    ) {
        let at = point.created_at;
        let job = self.chance.uuid(&["backup", &place.region, &point.instance, &at.to_rfc3339()]);
        let Some(instance) = self.region(place).instance(&point.instance) else { return };
        let snapshot = Snapshot::of(instance, &snapshot_name(&job), "awsbackup", at, true);
        let mut made = self.recovery_point(place, &snapshot, &vault.name, &point.iam_role_arn, at);
        made.delete_after_days = point.delete_after_days.map(i64::from);
        made.cold = point.cold;
        made.malware = point.malware;
        made.tags.clone_from(&point.tags);
        let region = self.region_mut(place);
        region.snapshots.insert(snapshot.identifier.clone(), snapshot);
        region.backup.recovery_points.insert(made.arn.clone(), made);
    }

    /// The recovery point of a snapshot.
    pub(crate) fn recovery_point(
        &self,
        place: &Place,
        snapshot: &Snapshot,
        vault: &str,
        role: &str,
        completed_at: DateTime<Utc>,
    ) -> RecoveryPoint {
        RecoveryPoint {
            arn: place.rds_arn("snapshot", &snapshot.identifier),
            vault: vault.into(),
            resource_arn: place.rds_arn("db", &snapshot.instance),
            resource_name: snapshot.instance.clone(),
            snapshot: snapshot.identifier.clone(),
            iam_role_arn: role.into(),
            created_at: snapshot.taken_at,
            completed_at,
            size: i64::from(snapshot.settings.allocated_storage) << 30,
            key_arn: snapshot.settings.kms_key_id.clone(),
            delete_after_days: None,
            cold: false,
            malware: false,
            gone_at: None,
            tags: BTreeMap::new(),
        }
    }
}
