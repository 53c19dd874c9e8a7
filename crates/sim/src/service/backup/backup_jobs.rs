//! StartBackupJob, DescribeBackupJob, ListBackupJobs.

use chrono::{DateTime, TimeDelta, Utc};

use super::points::find_vault;
use super::{invalid, is_between, is_or_absent, listed, not_found, records, required};
use crate::durations::{BACKUP_CREATED, BACKUP_JOB_LATENESS, BACKUP_PENDING, SNAPSHOT};
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output};
use crate::world::backup::{JobStep, snapshot_name};
use crate::world::{BackupCourse, BackupJob, Happening, Instance, Place, Snapshot, Status, World};

/// Minutes of the start window: where nothing is said, and at least (API reference, StartWindowMinutes).
const START_WINDOW: (i64, i64) = (480, 60);

pub(super) fn start(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let vault = find_vault(world, context, required(context, "BackupVaultName")?)?.name.clone();
    let resource_arn = required(context, "ResourceArn")?.to_owned();
    let iam_role_arn = role(context, required(context, "IamRoleArn")?)?;
    let (usual, least) = START_WINDOW;
    let window = input.number("StartWindowMinutes")?.unwrap_or(usual);
    if window < least {
        return Err(invalid(format!("StartWindowMinutes must be at least {least}")));
    }
    let token = input.text("IdempotencyToken")?.map(str::to_owned);
    let jobs = &world.region(place).backup.backup_jobs;
    // A repeated token gives success, and nothing is done (API reference, IdempotencyToken).
    if let Some(known) = jobs.iter().find(|job| token.is_some() && job.token == token) {
        return Ok(answer(known));
    }
    let instance = instance(world, place, &resource_arn)?;
    let number = jobs.len().to_string();
    let id = world.chance.uuid(&["backup job", &place.account, &place.region, &number]).to_ascii_uppercase();
    let pending_at = world.now + world.takes(&BACKUP_CREATED, &id);
    let running_at = pending_at + world.takes(&BACKUP_PENDING, &id);
    let lifecycle = input.structure("Lifecycle")?.unwrap_or_default();
    let job = BackupJob {
        id: id.clone(),
        token,
        vault,
        resource_arn: place.rds_arn("db", &instance.identifier),
        iam_role_arn,
        created_at: world.now,
        pending_at,
        start_by: world.now + TimeDelta::minutes(window),
        tags: input.map("RecoveryPointTags")?,
        delete_after_days: lifecycle.number("DeleteAfterDays")?,
        course: BackupCourse::Waiting,
        final_state: context.final_state.map(str::to_owned),
    };
    let output = answer(&job);
    world.later(running_at, place, &id, Happening::Backup(JobStep::BackUp));
    world.region_mut(place).backup.backup_jobs.push(job);
    Ok(output)
}

/// RecoveryPointArn is not among it for RDS: it is known when the job runs (API reference, StartBackupJob).
fn answer(job: &BackupJob) -> Document {
    Document::new().with("BackupJobId", &job.id).with("CreationDate", job.created_at).with("IsParent", false)
}

/// A role's ARN of the caller's account.
pub(super) fn role(context: &Context<'_>, arn: &str) -> Result<String, ApiError> {
    let prefix = format!("arn:aws:iam::{}:role/", context.place.account);
    if !arn.starts_with(&prefix) {
        return Err(invalid(format!("{arn} is not the ARN of a role of account {}", context.place.account)));
    }
    Ok(arn.to_owned())
}

fn instance<'a>(world: &'a World, place: &Place, arn: &str) -> Result<&'a Instance, ApiError> {
    let prefix = place.rds_arn("db", "");
    let Some(name) = arn.strip_prefix(&prefix) else {
        return Err(invalid(format!("{arn} is not the ARN of a DB instance of this Region and account")));
    };
    world.region(place).instance(name).ok_or_else(|| not_found(format!("Cannot find resource {arn}")))
}

/// The job's time has come: the snapshot is begun, or the job fails.
pub(super) fn begin(world: &mut World, place: &Place, id: &str, at: DateTime<Utc>) {
    let jobs = &world.region(place).backup.backup_jobs;
    let Some(job) = jobs.iter().find(|job| job.id == id).cloned() else { return };
    let course = match (&job.final_state, instance(world, place, &job.resource_arn)) {
        (Some(state), _) => ended(state, "The backup job was ended by AWS Backup", at),
        (None, Ok(instance)) if instance.status == Status::Available => {
            let instance = instance.clone();
            take(world, place, &job, &instance, at)
        }
        (None, Ok(instance)) => {
            let message =
                format!("Instance {} is currently {}.", instance.identifier, instance.status.as_str());
            ended("FAILED", &message, at)
        }
        (None, Err(error)) => ended("FAILED", &error.message, at),
    };
    let mut jobs = world.region_mut(place).backup.backup_jobs.iter_mut();
    jobs.find(|job| job.id == id).into_iter().for_each(|job| job.course = course.clone());
}

fn ended(state: &str, message: &str, at: DateTime<Utc>) -> BackupCourse {
    BackupCourse::Ended { state: state.into(), message: message.into(), at }
}

/// Takes the snapshot behind the recovery point; the instance is `backing-up` meanwhile.
fn take(
    world: &mut World,
    place: &Place,
    job: &BackupJob,
    instance: &Instance,
    at: DateTime<Utc>,
) -> BackupCourse {
    let name = snapshot_name(&job.id);
    let mut snapshot = Snapshot::of(instance, &name, "awsbackup", at, false);
    snapshot.settings.tags.clone_from(&job.tags);
    let size = TimeDelta::seconds(instance.settings.allocated_storage.into());
    let done = at + world.takes(&SNAPSHOT, &name) + size;
    let completes_at = done + TimeDelta::seconds(BACKUP_JOB_LATENESS);
    let mut point = world.recovery_point(place, &snapshot, &job.vault, &job.iam_role_arn, completes_at);
    point.tags.clone_from(&job.tags);
    point.delete_after_days = job.delete_after_days;
    let id = &instance.resource_id;
    world.later(at, place, id, Happening::Status(Status::BackingUp));
    world.later(done, place, id, Happening::Status(Status::Available));
    world.later(done, place, &name, Happening::SnapshotReady);
    let recovery_point = point.arn.clone();
    let region = world.region_mut(place);
    region.snapshots.insert(name, snapshot);
    region.backup.recovery_points.insert(recovery_point.clone(), point);
    BackupCourse::Running { recovery_point, completes_at }
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let id = required(context, "BackupJobId")?;
    let job = world.region(context.place).backup.backup_jobs.iter().find(|job| job.id == id);
    let job = job.ok_or_else(|| not_found(format!("Cannot find backup job {id}")))?;
    Ok(records::backup_job(world, context, job))
}

pub(super) fn list(world: &World, context: &Context<'_>) -> Output {
    let mut found = Vec::new();
    for job in world.region(context.place).backup.backup_jobs.iter().rev() {
        let fits = is_between(context, job.created_at)?
            && is_or_absent(context, "ByState", job.state(world.now))?
            && is_or_absent(context, "ByBackupVaultName", &job.vault)?
            && is_or_absent(context, "ByResourceArn", &job.resource_arn)?
            && is_or_absent(context, "ByResourceType", "RDS")?;
        if fits {
            found.push(records::backup_job(world, context, job));
        }
    }
    listed(found, "BackupJobs", context)
}
