//! `backup.start_restore`.
//!
//! The token of the attempt is AWS Backup's idempotency token. A restore job takes no tags: what it makes is tagged when it
//! is there, and until then it is ours because our job makes it, under a name that nobody else gives.

use super::RESTORE_JOB;
use super::metadata::Metadata;
use super::restores::sought;
use super::spec::{self, RESTORE_FAILURES};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::{self, Backups, DELETE, hint, is_protected, is_usable, look_at_instance};
use crate::times::time;
use async_trait::async_trait;
use aws_sdk_rds::types::Tag;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Note, Observation, Place, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::spec::{ActionSpec, Grade, Resource};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest identifier of a DB instance.
const LONGEST_NAME: usize = 63;

/// The stage that tags what the job makes.
const TAG: &str = "tag";

/// `backup.start_restore`.
pub struct StartRestore(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for StartRestore {
    fn spec(&self) -> &'static ActionSpec {
        &spec::START_RESTORE
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let (vault, arn) = (cx.required("vault")?, cx.required("recovery_point")?);
        let client = self.0.backup(&cx.place.region);
        let call = client.describe_recovery_point().backup_vault_name(vault).recovery_point_arn(arn);
        let point = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let kind = point.resource_type().unwrap_or_default();
        if kind != "RDS" {
            let message =
                format!("the recovery point is of the type `{kind}`, and this version restores only RDS");
            return Err(ActionError::refused("resource_type", message));
        }
        let source = self.source(cx, point.resource_arn()).await?;
        let call = client.get_recovery_point_restore_metadata();
        let said = call.backup_vault_name(vault).recovery_point_arn(arn).send().await;
        let said = said.map_err(|error| classify(error, Call::Read))?;
        let said = said.restore_metadata().into_iter().flatten();
        let name = match cx.text("instance") {
            Some(given) => given.to_lowercase(),
            None => cx.name(LONGEST_NAME, Charset::LowerHyphen),
        };
        let metadata = Metadata::of(said.map(|(key, text)| (key.clone(), text.clone())))
            .like(source.as_ref(), cx.mode)
            .finish(cx.with.get("metadata"), &name);
        let gone =
            "the source is gone: the copy is where the recovery point and `metadata` put it".to_owned();
        Ok(Prepared {
            names: BTreeMap::from([("instance".to_owned(), name)]),
            token: cx.token(),
            resolved: BTreeMap::from([("data_time".to_owned(), time(point.creation_date()).into())]),
            captured: BTreeMap::from([("metadata".to_owned(), metadata.value())]),
            findings: if source.is_none() { vec![gone] } else { Vec::new() },
        })
    }

    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        match stage.as_str() {
            TAG => self.tag(cx).await,
            _ => self.start(cx).await,
        }
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        let backups = Backups { final_snapshot: None, delete_automated: true };
        rds::take_away_instance(&self.0, cx, name(cx), stage, &backups).await.map(drop)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: RESTORE_JOB, place: cx.place.clone(), id: job(cx) })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        // Asked for again with the same token, the job says its id.
        if !seen.exists || cx.recorded.accepted.is_empty() {
            return Observation::Absent;
        }
        let state = seen.state.clone().unwrap_or_default();
        let text = |name: &str| seen.attributes.get(name).and_then(Value::as_str);
        if RESTORE_FAILURES.contains(&state.as_str()) {
            return Observation::Broken { state, hint: text("message").map(str::to_owned) };
        }
        let instance = text("status").unwrap_or_default();
        if rds::FAILURE_STATES.contains(&instance) {
            return Observation::Broken { state: instance.to_owned(), hint: hint(instance) };
        }
        let is_tagged = cx.is_ours(&seen.tags);
        match (text("instance").is_some(), is_tagged, state.as_str() == "COMPLETED" && is_usable(seen)) {
            (true, false, _) => Observation::Next(Stage::named(TAG)),
            (true, true, true) => Observation::Ready(outputs(cx, seen)),
            (true, true, false) => Observation::InProgress { state: format!("{state}, {instance}") },
            (false, _, _) => Observation::InProgress { state },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.clone().unwrap_or_default();
        let status = seen.attributes.get("status").and_then(Value::as_str);
        let asked = cx.recorded.undo_accepted.iter().any(|stage| stage.as_str() == DELETE);
        match (seen.exists, status) {
            (false, _) => UndoObservation::Gone,
            (true, Some(status)) if status == "deleting" || asked => {
                UndoObservation::InProgress { state: status.to_owned() }
            }
            (true, Some(_)) if is_protected(seen) => UndoObservation::Next(Stage::first()),
            (true, Some(_)) => UndoObservation::Next(Stage::named(DELETE)),
            // A restore job cannot be stopped: what it makes is deleted when it is there.
            (true, None) if matches!(state.as_str(), "PENDING" | "RUNNING") && !asked => {
                UndoObservation::InProgress { state }
            }
            (true, None) => UndoObservation::Gone,
        }
    }
}

impl StartRestore {
    /// What is known of the instance that was backed up; nothing where it is gone.
    async fn source(&self, cx: &StepContext, arn: Option<&str>) -> Result<Option<Values>, ActionError> {
        let Some((_, name)) = arn.and_then(|arn| arn.rsplit_once(":db:")) else { return Ok(None) };
        let seen = look_at_instance(&self.0, &cx.place, name).await?;
        Ok(Some(seen.attributes).filter(|_| seen.exists))
    }

    async fn start(&self, cx: &StepContext) -> Result<Accepted, ActionError> {
        let metadata = Metadata::read(cx.prepared.captured.get("metadata"));
        let call = self
            .0
            .backup(&cx.place.region)
            .start_restore_job()
            .recovery_point_arn(cx.required("recovery_point")?)
            .iam_role_arn(cx.required("role")?)
            .idempotency_token(&cx.prepared.token)
            .resource_type("RDS");
        let call = metadata.into_iter().fold(call, |call, (key, text)| call.metadata(key, text));
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        let Place { account, region } = cx.place.clone();
        let id = name(cx).to_owned();
        cx.note(Note::Created(Resource { kind: rds::KIND.to_owned(), id, account, region, arn: None }))?;
        if let Some(at) = data_time(cx) {
            let source = "the creation of the recovery point".to_owned();
            cx.note(Note::DataTime { at, grade: Grade::C, source })?;
        }
        called(cx, "backup", "StartRestoreJob")?;
        Ok(Accepted {
            data: BTreeMap::from([("job".to_owned(), reply.restore_job_id().into())]),
            request_id: None,
        })
    }

    async fn tag(&self, cx: &StepContext) -> Result<Accepted, ActionError> {
        let Place { account, region } = &cx.place;
        let arn = format!("arn:aws:rds:{region}:{account}:db:{}", name(cx));
        let tag = |(key, value): (String, String)| Tag::builder().key(key).value(value).build();
        let tags = cx.tags().into_iter().map(tag).collect();
        let call = self.0.rds(region).add_tags_to_resource().resource_name(arn).set_tags(Some(tags));
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "rds", "AddTagsToResource").map(|()| Accepted::default())
    }
}

fn name(cx: &StepContext) -> &str {
    cx.prepared.names.get("instance").map_or("", String::as_str)
}

/// When the recovery point was created: a time, or its text where it was read back from the journal.
fn data_time(cx: &StepContext) -> Option<chrono::DateTime<chrono::Utc>> {
    match cx.prepared.resolved.get("data_time")? {
        Value::Time(time) => Some(*time),
        Value::String(text) => units::parse_time(text),
        _ => None,
    }
}

/// The id of the job; while it is not known, what is known of it.
fn job(cx: &StepContext) -> String {
    let told = cx.recorded.accepted.iter().find_map(|(_, _, data)| data.get("job")?.as_str());
    told.map(str::to_owned).unwrap_or_else(|| {
        let text = |name| cx.text(name).unwrap_or_default();
        sought(cx.recorded.started_at.unwrap_or(cx.now), text("role"), text("recovery_point"))
    })
}

fn outputs(cx: &StepContext, seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.retain(|name, _| spec::START_RESTORE.output(name).is_some());
    outputs.insert(
        "data_time".to_owned(),
        cx.prepared.resolved.get("data_time").cloned().unwrap_or(Value::Null),
    );
    outputs.insert("recovery_point".to_owned(), cx.text("recovery_point").into());
    outputs
}
