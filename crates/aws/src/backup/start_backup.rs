//! `backup.start_backup`.
//!
//! The token of the attempt is AWS Backup's idempotency token: asked for again, the same job answers.

use super::BACKUP_JOB;
use super::jobs::{Sought, look_at};
use super::spec::{self, BACKUP_FAILURES};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_backup::types::Lifecycle;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Note, Observation, Place, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::{ActionSpec, Resource};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The shortest start window that AWS Backup takes, minutes (API reference, StartWindowMinutes).
const LEAST_START_WINDOW: i64 = 60;

/// `backup.start_backup`.
pub struct StartBackup(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for StartBackup {
    fn spec(&self) -> &'static ActionSpec {
        &spec::START_BACKUP
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        if minutes(cx, "start_window").is_some_and(|minutes| minutes < LEAST_START_WINDOW) {
            let message = "`start_window` must be at least 60m";
            return Err(ActionError::refused("parameter", message));
        }
        Ok(Prepared { token: cx.token(), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let days = cx.with.get("delete_after_days").and_then(Value::as_int);
        let call = self
            .0
            .backup(&cx.place.region)
            .start_backup_job()
            .backup_vault_name(cx.required("vault")?)
            .resource_arn(cx.required("resource")?)
            .iam_role_arn(cx.required("role")?)
            .idempotency_token(&cx.prepared.token)
            .set_start_window_minutes(minutes(cx, "start_window"))
            .set_complete_window_minutes(minutes(cx, "complete_window"))
            .set_lifecycle(days.map(|days| Lifecycle::builder().delete_after_days(days).build()));
        let call = tags(cx).into_iter().fold(call, |call, (key, value)| call.recovery_point_tags(key, value));
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        let job = reply.backup_job_id().unwrap_or_default().to_owned();
        let Place { account, region } = cx.place.clone();
        let arn = reply.recovery_point_arn().map(str::to_owned);
        cx.note(Note::Created(Resource {
            kind: BACKUP_JOB.to_owned(),
            id: job.clone(),
            account,
            region,
            arn,
        }))?;
        called(cx, "backup", "StartBackupJob")?;
        Ok(Accepted { data: BTreeMap::from([("job".to_owned(), job.into())]), request_id: None })
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let seen = look_at(&self.0, &cx.place, &job(cx)).await?;
        let text = |name: &str| seen.attributes.get(name).and_then(Value::as_str).map(str::to_owned);
        let call = self
            .0
            .backup(&cx.place.region)
            .delete_recovery_point()
            .set_backup_vault_name(text("vault"))
            .set_recovery_point_arn(text("recovery_point"));
        match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => called(cx, "backup", "DeleteRecoveryPoint"),
            Err(error) if error.code == "ResourceNotFoundException" => Ok(()),
            // It is not done yet: the next look tells when it is.
            Err(error) if error.code == "InvalidResourceStateException" => {
                Err(ActionError::transient(error.code, error.message))
            }
            Err(error) => {
                Err(error.hint("a locked vault keeps its recovery points until their retention is over"))
            }
        }
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: BACKUP_JOB, place: cx.place.clone(), id: job(cx) })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        let state = seen.state.clone().unwrap_or_default();
        match (seen.exists, state.as_str()) {
            // Asked for again with the same token, the job says its id.
            _ if cx.recorded.accepted.is_empty() && cx.recorded.created.is_empty() => Observation::Absent,
            (false, _) => Observation::Absent,
            (true, "COMPLETED") => Observation::Ready(outputs(seen)),
            (true, failure) if BACKUP_FAILURES.contains(&failure) => Observation::Broken {
                hint: seen.attributes.get("message").and_then(Value::as_str).map(str::to_owned),
                state,
            },
            _ => Observation::InProgress { state },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.clone().unwrap_or_default();
        let point = seen.attributes.get("point_state").and_then(Value::as_str);
        let is_over = state == "COMPLETED" || BACKUP_FAILURES.contains(&state.as_str());
        match (seen.exists, is_over, point) {
            (false, _, _) | (true, true, None) => UndoObservation::Gone,
            // A backup of a database cannot be stopped: what it makes is deleted when it is there.
            (true, false, _) => UndoObservation::InProgress { state },
            (true, true, Some(point)) if point == "DELETING" || !cx.recorded.undo_accepted.is_empty() => {
                UndoObservation::InProgress { state: point.to_owned() }
            }
            (true, true, Some(_)) => UndoObservation::Next(Stage::first()),
        }
    }
}

/// The id of the job; while it is not known, what is known of it.
fn job(cx: &StepContext) -> String {
    let accepted = cx.recorded.accepted.iter().rev();
    let told = accepted.filter_map(|(_, _, data)| data.get("job")?.as_str()).next();
    let told = told.or_else(|| cx.recorded.created.first().map(|created| created.id.as_str()));
    told.map(str::to_owned).unwrap_or_else(|| {
        let text = |name| cx.text(name).unwrap_or_default();
        let since = cx.recorded.started_at.unwrap_or(cx.now);
        Sought { since, vault: text("vault"), role: text("role"), resource: text("resource") }.id()
    })
}

fn minutes(cx: &StepContext, name: &str) -> Option<i64> {
    match cx.with.get(name) {
        Some(Value::Duration(window)) => Some(window.num_minutes()),
        _ => None,
    }
}

fn tags(cx: &StepContext) -> BTreeMap<String, String> {
    let given = match cx.with.get("tags") {
        Some(Value::Map(given)) => given.clone(),
        _ => BTreeMap::new(),
    };
    let given = given.into_iter().map(|(key, value)| (key, value.to_string()));
    given.chain(cx.tags()).collect()
}

fn outputs(seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.retain(|name, _| spec::START_BACKUP.output(name).is_some());
    outputs
}
