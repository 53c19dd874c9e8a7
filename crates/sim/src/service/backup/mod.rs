//! AWS Backup, version 2018-11-15, for DB instances of RDS.

mod backup_jobs;
mod metadata;
mod points;
mod records;
mod restore_jobs;
mod tags;

use chrono::{DateTime, Utc};

use super::paging::{Paging, page};
use super::{Context, Operation, Output, Protocol, Service};
use crate::protocol::{ApiError, Document, Route};
use crate::world::backup::JobStep;
use crate::world::{Place, World};

const NEXT: (&str, &str) = ("nextToken", "NextToken");
const MOST: (&str, &str) = ("maxResults", "MaxResults");
const AFTER: (&str, &str) = ("createdAfter", "ByCreatedAfter");
const BEFORE: (&str, &str) = ("createdBefore", "ByCreatedBefore");
const TYPE: (&str, &str) = ("resourceType", "ByResourceType");
const RESOURCE: (&str, &str) = ("resourceArn", "ByResourceArn");

/// Methods, paths and query strings, as the service's model has them.
const ROUTES: &[Route] = &[
    Route::new(
        "ListRecoveryPointsByBackupVault",
        "GET",
        "/backup-vaults/{BackupVaultName}/recovery-points/",
        &[NEXT, MOST, AFTER, BEFORE, TYPE, RESOURCE],
    ),
    Route::new(
        "ListRecoveryPointsByResource",
        "GET",
        "/resources/{ResourceArn}/recovery-points/",
        &[NEXT, MOST],
    ),
    Route::new(
        "DescribeRecoveryPoint",
        "GET",
        "/backup-vaults/{BackupVaultName}/recovery-points/{RecoveryPointArn}",
        &[],
    ),
    Route::new(
        "DeleteRecoveryPoint",
        "DELETE",
        "/backup-vaults/{BackupVaultName}/recovery-points/{RecoveryPointArn}",
        &[],
    ),
    Route::new(
        "GetRecoveryPointRestoreMetadata",
        "GET",
        "/backup-vaults/{BackupVaultName}/recovery-points/{RecoveryPointArn}/restore-metadata",
        &[],
    ),
    Route::new("DescribeBackupVault", "GET", "/backup-vaults/{BackupVaultName}", &[]),
    Route::new("StartBackupJob", "PUT", "/backup-jobs", &[]),
    Route::new("DescribeBackupJob", "GET", "/backup-jobs/{BackupJobId}", &[]),
    Route::new(
        "ListBackupJobs",
        "GET",
        "/backup-jobs/",
        &[
            NEXT,
            MOST,
            AFTER,
            BEFORE,
            TYPE,
            RESOURCE,
            ("state", "ByState"),
            ("backupVaultName", "ByBackupVaultName"),
        ],
    ),
    Route::new("StartRestoreJob", "PUT", "/restore-jobs", &[]),
    Route::new("DescribeRestoreJob", "GET", "/restore-jobs/{RestoreJobId}", &[]),
    Route::new(
        "ListRestoreJobs",
        "GET",
        "/restore-jobs/",
        &[NEXT, MOST, AFTER, BEFORE, TYPE, ("status", "ByStatus")],
    ),
    Route {
        status: 204,
        ..Route::new("PutRestoreValidationResult", "PUT", "/restore-jobs/{RestoreJobId}/validations", &[])
    },
    Route::new("ListTags", "GET", "/tags/{ResourceArn}/", &[NEXT, MOST]),
];

pub(super) static SERVICE: Service = Service {
    name: "backup",
    protocol: Protocol::Rest { routes: ROUTES },
    operations: &[
        Operation::alter("DeleteRecoveryPoint", points::delete),
        Operation::look("DescribeBackupJob", backup_jobs::describe),
        Operation::look("DescribeBackupVault", points::vault),
        Operation::look("DescribeRecoveryPoint", points::describe),
        Operation::look("DescribeRestoreJob", restore_jobs::describe),
        Operation::look("GetRecoveryPointRestoreMetadata", metadata::get),
        Operation::look("ListBackupJobs", backup_jobs::list),
        Operation::look("ListRecoveryPointsByBackupVault", points::by_vault),
        Operation::look("ListRecoveryPointsByResource", points::by_resource),
        Operation::look("ListRestoreJobs", restore_jobs::list),
        Operation::look("ListTags", tags::list),
        Operation::alter("PutRestoreValidationResult", restore_jobs::validate),
        Operation::alter("StartBackupJob", backup_jobs::start),
        Operation::alter("StartRestoreJob", restore_jobs::start),
    ],
};

/// Its lists have pages of at most 1000 (AWS Backup API reference, MaxResults).
const PAGING: Paging = Paging { size: "MaxResults", most: 1000, refusal: "InvalidParameterValueException" };

/// A step of a job whose time has come.
pub(super) fn happen(world: &mut World, place: &Place, job: &str, at: DateTime<Utc>, step: JobStep) {
    match step {
        JobStep::BackUp => backup_jobs::begin(world, place, job, at),
        JobStep::Restore => restore_jobs::begin(world, place, job, at),
        JobStep::Look => restore_jobs::look(world, place, job, at),
    }
}

/// A text that must be there; AWS Backup has a code of its own for its absence.
fn required<'a>(context: &Context<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = context.input.text(name)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        ApiError::new("MissingParameterValueException", format!("{name} is a required parameter"))
    })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValueException", message)
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

fn vault_arn(place: &Place, name: &str) -> String {
    format!("arn:aws:backup:{}:{}:backup-vault:{name}", place.region, place.account)
}

/// One page of a list, under the name that it has in the answer.
fn listed(records: Vec<Document>, name: &str, context: &Context<'_>) -> Output {
    let (records, next) = page(records, context.input, PAGING)?;
    Ok(Document::new().list(name, records).optional("NextToken", next))
}

/// Whether something created at `at` lies between the request's bounds.
fn is_between(context: &Context<'_>, at: DateTime<Utc>) -> Result<bool, ApiError> {
    let (after, before) = (context.input.time("ByCreatedAfter")?, context.input.time("ByCreatedBefore")?);
    Ok(after.is_none_or(|after| at >= after) && before.is_none_or(|before| at <= before))
}

/// Whether a member was not sent or is this.
fn is_or_absent(context: &Context<'_>, name: &str, value: &str) -> Result<bool, ApiError> {
    Ok(context.input.text(name)?.is_none_or(|wanted| wanted == value))
}
