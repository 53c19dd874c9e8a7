//! StartRestoreJob, DescribeRestoreJob, ListRestoreJobs, PutRestoreValidationResult.

use chrono::{DateTime, TimeDelta, Utc};

use super::backup_jobs::role;
use super::points::find;
use super::{invalid, is_between, is_or_absent, listed, metadata, not_found, records, required};
use crate::definition::Caller;
use crate::durations::{BACKUP_CREATED, BACKUP_JOB_LATENESS};
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output, rds};
use crate::world::backup::JobStep;
use crate::world::{Happening, Place, RestoreJob, Status, World};

pub(super) fn start(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let arn = required(context, "RecoveryPointArn")?;
    if !input.has("Metadata") {
        return Err(ApiError::new("MissingParameterValueException", "Metadata is a required parameter"));
    }
    let (metadata, token) = (input.map("Metadata")?, input.text("IdempotencyToken")?.map(str::to_owned));
    let jobs = &world.region(place).backup.restore_jobs;
    if let Some(known) = jobs.iter().find(|job| token.is_some() && job.token == token) {
        return Ok(Document::new().with("RestoreJobId", &known.id));
    }
    let recovery_point = find(world, context, arn)?.clone();
    if recovery_point.status(world.now) != "COMPLETED" {
        let message = format!("Recovery point {arn} is {}", recovery_point.status(world.now));
        return Err(ApiError::new("InvalidRequestException", message));
    }
    if input.text("ResourceType")?.is_some_and(|kind| kind != "RDS") {
        return Err(invalid("ResourceType is not that of the recovery point, RDS"));
    }
    metadata::parameters(&metadata)?;
    let iam_role_arn = input.text("IamRoleArn")?.map(|arn| role(context, arn)).transpose()?;
    let number = jobs.len().to_string();
    let id = world.chance.uuid(&["restore job", &place.account, &place.region, &number]).to_ascii_uppercase();
    let begins = world.now + world.takes(&BACKUP_CREATED, &id);
    let job = RestoreJob {
        id: id.clone(),
        token,
        recovery_point,
        metadata,
        iam_role_arn,
        created_at: world.now,
        status: "PENDING".into(),
        message: None,
        completed_at: None,
        created: None,
        validation: None,
        final_state: context.final_state.map(str::to_owned),
    };
    world.later(begins, place, &id, Happening::Backup(JobStep::Restore));
    world.region_mut(place).backup.restore_jobs.push(job);
    Ok(Document::new().with("RestoreJobId", id))
}

/// The job's time has come: it asks RDS for the instance, under its own role, and fails with what RDS says.
pub(super) fn begin(world: &mut World, place: &Place, id: &str, at: DateTime<Utc>) {
    let Some(mut job) = job(world, place, id).cloned() else { return };
    match job.final_state.as_deref() {
        // A fault that names a state of jobs ends the job itself; any other is the state of what it makes.
        Some(state @ ("FAILED" | "ABORTED")) => {
            let state = state.to_owned();
            end(
                &mut job,
                &state,
                Some("Your role has insufficient privileges to perform this operation."),
                at,
            );
        }
        _ => match ask(world, place, &job) {
            Ok(created) => {
                job.status = "RUNNING".into();
                job.created = Some(created);
                look_later(world, place, id, at);
            }
            Err(error) => end(&mut job, "FAILED", Some(&error.message), at),
        },
    }
    put(world, place, job);
}

/// Asks RDS; gives ARN and identifier of what is made.
fn ask(world: &mut World, place: &Place, job: &RestoreJob) -> Result<(String, String), ApiError> {
    let params = metadata::request(&job.metadata, &job.recovery_point.arn)?;
    let identifier = params.required(metadata::TARGET)?.to_ascii_lowercase();
    let caller = Caller { arn: job.iam_role_arn.clone().unwrap_or_default(), user_id: String::new() };
    let context = Context {
        place,
        caller: &caller,
        params: &params,
        input: &Input::default(),
        final_state: job.final_state.as_deref(),
    };
    rds::restore_from_snapshot(world, &context)?;
    Ok((place.rds_arn("db", &identifier), identifier))
}

fn look_later(world: &mut World, place: &Place, id: &str, at: DateTime<Utc>) {
    world.later(at + TimeDelta::seconds(BACKUP_JOB_LATENESS), place, id, Happening::Backup(JobStep::Look));
}

/// The job looks at the instance again and again, and so it ends some time after it.
pub(super) fn look(world: &mut World, place: &Place, id: &str, at: DateTime<Utc>) {
    let Some(mut job) = job(world, place, id).cloned() else { return };
    let Some((_, identifier)) = &job.created else { return };
    let status = world.region(place).instance(identifier).map(|instance| instance.status.clone());
    match status {
        Some(Status::Available) => end(&mut job, "COMPLETED", None, at),
        Some(Status::Failed(state)) => {
            let message = format!("The DB instance ended in {state}");
            end(&mut job, "FAILED", Some(&message), at);
        }
        None | Some(Status::Deleting) => {
            let message = format!("The DB instance {identifier} was deleted");
            end(&mut job, "FAILED", Some(&message), at);
        }
        Some(_) => look_later(world, place, id, at),
    }
    put(world, place, job);
}

fn end(job: &mut RestoreJob, status: &str, message: Option<&str>, at: DateTime<Utc>) {
    job.status = status.into();
    job.message = message.map(str::to_owned);
    job.completed_at = Some(at);
}

fn job<'a>(world: &'a World, place: &Place, id: &str) -> Option<&'a RestoreJob> {
    world.region(place).backup.restore_jobs.iter().find(|job| job.id == id)
}

fn put(world: &mut World, place: &Place, job: RestoreJob) {
    let mut jobs = world.region_mut(place).backup.restore_jobs.iter_mut();
    if let Some(known) = jobs.find(|known| known.id == job.id) {
        *known = job;
    }
}

fn no_job(id: &str) -> ApiError {
    not_found(format!("Cannot find restore job {id}"))
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let id = required(context, "RestoreJobId")?;
    let job = job(world, context.place, id).ok_or_else(|| no_job(id))?;
    Ok(records::restore_job(context, job))
}

pub(super) fn list(world: &World, context: &Context<'_>) -> Output {
    let mut found = Vec::new();
    for job in world.region(context.place).backup.restore_jobs.iter().rev() {
        let fits = is_between(context, job.created_at)?
            && is_or_absent(context, "ByStatus", &job.status)?
            && is_or_absent(context, "ByResourceType", "RDS")?;
        if fits {
            found.push(records::restore_job(context, job));
        }
    }
    listed(found, "RestoreJobs", context)
}

/// A verdict is given once the job is complete. That a final one cannot be changed is assumed.
pub(super) fn validate(world: &mut World, context: &Context<'_>) -> Output {
    let id = required(context, "RestoreJobId")?;
    let status = required(context, "ValidationStatus")?;
    if !["FAILED", "SUCCESSFUL", "TIMED_OUT", "VALIDATING"].contains(&status) {
        return Err(invalid(format!("{status} is not a validation status")));
    }
    let message = context.input.text("ValidationStatusMessage")?.map(str::to_owned);
    let mut job = job(world, context.place, id).cloned().ok_or_else(|| no_job(id))?;
    let is_final = job.validation.as_ref().is_some_and(|(known, _)| known != "VALIDATING" && known != status);
    if job.status != "COMPLETED" || is_final {
        let message = "The validation status can't be changed in the job's current state.";
        return Err(ApiError::new("InvalidRequestException", message));
    }
    job.validation = Some((status.to_owned(), message));
    put(world, context.place, job);
    Ok(Document::new())
}
