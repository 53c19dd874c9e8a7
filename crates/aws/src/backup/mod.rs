//! AWS Backup.

pub mod spec;

#[cfg(feature = "backup")]
mod jobs;
#[cfg(feature = "backup")]
mod latest_recovery_point;
#[cfg(feature = "backup")]
mod metadata;
#[cfg(feature = "backup")]
mod put_validation_result;
#[cfg(feature = "backup")]
mod restores;
#[cfg(feature = "backup")]
mod start_backup;
#[cfg(feature = "backup")]
mod start_restore;

#[cfg(feature = "backup")]
pub use jobs::BackupJobs;
#[cfg(feature = "backup")]
pub use latest_recovery_point::LatestRecoveryPoint;
#[cfg(feature = "backup")]
pub use put_validation_result::PutValidationResult;
#[cfg(feature = "backup")]
pub use start_backup::StartBackup;

#[cfg(feature = "backup")]
pub use restores::RestoreJobs;
#[cfg(feature = "backup")]
pub use start_restore::StartRestore;

/// The kind of a restore job with what it makes, as its actions and its lookout call it.
pub const RESTORE_JOB: &str = "backup:restore";

/// The kind of a backup job with its recovery point, as its actions and its lookout call it.
pub const BACKUP_JOB: &str = "backup:job";
