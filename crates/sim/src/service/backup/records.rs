//! What jobs and recovery points look like in answers.

use chrono::TimeDelta;

use super::vault_arn;
use crate::protocol::Document;
use crate::service::Context;
use crate::world::{BackupCourse, BackupJob, RecoveryPoint, RestoreJob, World};

/// A recovery point as DescribeRecoveryPoint and the list by vault show it.
pub(super) fn point(world: &World, context: &Context<'_>, point: &RecoveryPoint) -> Document {
    let done = point.status(world.now) == "COMPLETED";
    let lifecycle = point.delete_after_days.map(|days| Document::new().with("DeleteAfterDays", days));
    let gone = point.delete_after_days.map(|days| point.created_at + TimeDelta::days(days));
    let findings: Vec<&str> = Some("MALWARE").filter(|_| point.malware).into_iter().collect();
    Document::new()
        .with("RecoveryPointArn", &point.arn)
        .with("BackupVaultName", &point.vault)
        .with("BackupVaultArn", vault_arn(context.place, &point.vault))
        .with("ResourceArn", &point.resource_arn)
        .with("ResourceType", "RDS")
        .with("ResourceName", &point.resource_name)
        .with("IamRoleArn", &point.iam_role_arn)
        .with("Status", point.status(world.now))
        .with("CreationDate", point.created_at)
        .with("InitiationDate", point.created_at)
        .optional("CompletionDate", Some(point.completed_at).filter(|_| done))
        .with("BackupSizeInBytes", point.size)
        .optional("Lifecycle", lifecycle)
        .optional("CalculatedLifecycle", gone.map(|at| Document::new().with("DeleteAt", at)))
        .optional("EncryptionKeyArn", point.key_arn.as_ref())
        .with("IsEncrypted", point.key_arn.is_some())
        .with("IsParent", false)
        .with("VaultType", "BACKUP_VAULT")
        .optional(
            "AggregatedScanResult",
            Some(Document::new().list("Findings", findings)).filter(|_| point.malware),
        )
}

/// A recovery point as the list by resource shows it.
pub(super) fn point_of_resource(world: &World, point: &RecoveryPoint) -> Document {
    let findings = Document::new().list("Findings", ["MALWARE"]);
    Document::new()
        .with("RecoveryPointArn", &point.arn)
        .with("CreationDate", point.created_at)
        .with("Status", point.status(world.now))
        .optional("EncryptionKeyArn", point.key_arn.as_ref())
        .with("BackupSizeBytes", point.size)
        .with("BackupVaultName", &point.vault)
        .with("IsParent", false)
        .with("ResourceName", &point.resource_name)
        .with("VaultType", "BACKUP_VAULT")
        .optional("AggregatedScanResult", Some(findings).filter(|_| point.malware))
}

pub(super) fn backup_job(world: &World, context: &Context<'_>, job: &BackupJob) -> Document {
    let now = world.now;
    let (point, end, message) = match &job.course {
        BackupCourse::Waiting => (None, None, None),
        BackupCourse::Running { recovery_point, completes_at } => {
            (Some(recovery_point), Some(*completes_at).filter(|end| *end <= now), None)
        }
        BackupCourse::Ended { message, at, .. } => (None, Some(*at), Some(message)),
    };
    let state = job.state(now);
    let done = state == "COMPLETED";
    let size = point.and_then(|arn| world.region(context.place).backup.recovery_points.get(arn));
    Document::new()
        .with("AccountId", &context.place.account)
        .with("BackupJobId", &job.id)
        .with("BackupVaultName", &job.vault)
        .with("BackupVaultArn", vault_arn(context.place, &job.vault))
        .optional("RecoveryPointArn", point)
        .with("ResourceArn", &job.resource_arn)
        .with("ResourceType", "RDS")
        .with("CreationDate", job.created_at)
        .with("InitiationDate", job.created_at)
        .optional("CompletionDate", end)
        .with("State", state)
        .optional("StatusMessage", message)
        .with("PercentDone", if done { "100.0" } else { "0.0" })
        .optional("BackupSizeInBytes", size.map(|point| point.size).filter(|_| done))
        .with("IamRoleArn", &job.iam_role_arn)
        .with("StartBy", job.start_by)
        .with("IsParent", false)
}

pub(super) fn restore_job(context: &Context<'_>, job: &RestoreJob) -> Document {
    let done = job.status == "COMPLETED";
    let validation = job.validation.as_ref();
    Document::new()
        .with("AccountId", &context.place.account)
        .with("RestoreJobId", &job.id)
        .with("RecoveryPointArn", &job.recovery_point.arn)
        .with("RecoveryPointCreationDate", job.recovery_point.created_at)
        .with("SourceResourceArn", &job.recovery_point.resource_arn)
        .with("BackupVaultArn", vault_arn(context.place, &job.recovery_point.vault))
        .with("CreationDate", job.created_at)
        .optional("CompletionDate", job.completed_at)
        .with("Status", &job.status)
        .optional("StatusMessage", job.message.as_ref())
        .with("PercentDone", if done { "100.00%" } else { "0.00%" })
        .with("BackupSizeInBytes", job.recovery_point.size)
        .optional("IamRoleArn", job.iam_role_arn.as_ref())
        .with("ResourceType", "RDS")
        .optional("CreatedResourceArn", job.created.as_ref().map(|(arn, _)| arn))
        .optional("ValidationStatus", validation.map(|(status, _)| status))
        .optional("ValidationStatusMessage", validation.and_then(|(_, message)| message.as_ref()))
        .with("IsParent", false)
}
