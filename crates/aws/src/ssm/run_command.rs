//! `ssm.run_command`.
//!
//! SendCommand has no token and takes no tags: the comment of the command says whose it is.

use super::COMMAND;
use super::commands::{look_at, sought};
use super::lists::{fields, targets, texts};
use super::spec::{self, COMMAND_FAILURES};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Observation, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::{ActionSpec, Effect};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A command that was sent and is not listed after this never arrived.
const APPEARS_WITHIN: TimeDelta = TimeDelta::minutes(2);

/// Seconds for which delivery may be tried (API reference, SendCommand, TimeoutSeconds).
const DELIVERY: std::ops::RangeInclusive<i64> = 30..=2_592_000;

/// `ssm.run_command`.
pub struct RunCommand {
    aws: Arc<Aws>,
    /// When the commands of steps that only read were sent, by comment: the engine asks such a step only to look.
    sent: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl RunCommand {
    pub(crate) fn new(aws: Arc<Aws>) -> Self {
        Self { aws, sent: Mutex::default() }
    }

    fn sent(&self) -> MutexGuard<'_, BTreeMap<String, DateTime<Utc>>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, cx: &StepContext) -> Result<String, ActionError> {
        let delivery = delivery(cx)?;
        let call = self
            .aws
            .ssm(&cx.place.region)
            .send_command()
            .document_name(cx.required("document")?)
            .comment(comment(cx))
            .set_instance_ids(Some(texts(cx.with.get("instances"))).filter(|ids| !ids.is_empty()))
            .set_targets(Some(targets(cx)).filter(|targets| !targets.is_empty()))
            .set_max_concurrency(cx.text("max_concurrency").map(str::to_owned))
            .set_max_errors(cx.text("max_errors").map(str::to_owned))
            .set_timeout_seconds(delivery);
        let call = fields(cx, "parameters")
            .into_iter()
            .fold(call, |call, (key, values)| call.parameters(key, values));
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "ssm", "SendCommand")?;
        Ok(reply.command().and_then(|command| command.command_id()).unwrap_or_default().to_owned())
    }
}

#[async_trait]
impl Action for RunCommand {
    fn spec(&self) -> &'static ActionSpec {
        &spec::RUN_COMMAND
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        delivery(cx)?;
        if texts(cx.with.get("instances")).is_empty() == targets(cx).is_empty() {
            return Err(ActionError::refused("parameter", "give either `instances` or `targets`"));
        }
        Ok(Prepared { token: cx.token(), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let command = self.send(cx).await?;
        Ok(Accepted { data: BTreeMap::from([("command".to_owned(), command.into())]), request_id: None })
    }

    /// A step that only reads sends its command here, once.
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let seen = look_at(&self.aws, &cx.place, &command(cx)).await?;
        if seen.exists {
            return Ok(self.judge(cx, &seen));
        }
        let waits = self.sent().get(&comment(cx)).is_some_and(|sent| cx.now - *sent < APPEARS_WITHIN);
        if !waits {
            self.sent().insert(comment(cx), cx.now);
            match self.send(cx).await {
                Err(error) if error.kind != ErrorKind::Unknown => return Err(error),
                _ => {}
            }
        }
        Ok(Observation::InProgress { state: "Pending".to_owned() })
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let seen = look_at(&self.aws, &cx.place, &command(cx)).await?;
        let Some(id) = seen.attributes.get("command").and_then(Value::as_str) else { return Ok(()) };
        let call = self.aws.ssm(&cx.place.region).cancel_command().command_id(id);
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "ssm", "CancelCommand")
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        let acts = cx.effect != Some(Effect::Read);
        acts.then(|| Watch { kind: COMMAND, place: cx.place.clone(), id: command(cx) })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if !seen.exists {
            return Observation::Absent;
        }
        let state = seen.state.clone().unwrap_or_default();
        let wanted = cx.with.get("expect_targets").and_then(Value::as_int).unwrap_or(1);
        let reached = seen.attributes.get("targets").and_then(Value::as_int).unwrap_or_default();
        match state.as_str() {
            "Success" if reached < wanted => Observation::Broken {
                state: "no targets".to_owned(),
                hint: Some(format!(
                    "it reached {reached} nodes, and {wanted} were expected: look at their tags and agents"
                )),
            },
            "Success" => Observation::Ready(seen.attributes.clone()),
            failure if COMMAND_FAILURES.contains(&failure) => {
                Observation::Broken { hint: failed_nodes(seen), state }
            }
            _ => Observation::InProgress { state },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        match (seen.exists, seen.state.as_deref().unwrap_or_default()) {
            (true, "Pending" | "InProgress" | "In Progress" | "Delayed")
                if cx.recorded.undo_accepted.is_empty() =>
            {
                UndoObservation::Next(Stage::first())
            }
            (true, state @ ("Pending" | "InProgress" | "In Progress" | "Delayed" | "Cancelling")) => {
                UndoObservation::InProgress { state: state.to_owned() }
            }
            _ => UndoObservation::Gone,
        }
    }
}

/// The mark of this attempt; at most a hundred letters (API reference, SendCommand, Comment).
fn comment(cx: &StepContext) -> String {
    format!("lifeboat:{}:{}", cx.run, cx.token())
}

/// The id of the command; while it is not known, what is known of it.
fn command(cx: &StepContext) -> String {
    let told = cx.recorded.accepted.iter().find_map(|(_, _, data)| data.get("command")?.as_str());
    told.map(str::to_owned)
        .unwrap_or_else(|| sought(cx.recorded.started_at.unwrap_or(cx.run_started_at), &comment(cx)))
}

fn delivery(cx: &StepContext) -> Result<Option<i32>, ActionError> {
    let Some(Value::Duration(limit)) = cx.with.get("delivery_timeout") else { return Ok(None) };
    match DELIVERY.contains(&limit.num_seconds()) {
        true => Ok(i32::try_from(limit.num_seconds()).ok()),
        false => Err(ActionError::refused("parameter", "`delivery_timeout` must be between 30s and 30d")),
    }
}

/// Where it failed.
fn failed_nodes(seen: &Seen) -> Option<String> {
    let nodes: Values = match seen.attributes.get("nodes") {
        Some(Value::Map(nodes)) => nodes.clone(),
        _ => return None,
    };
    let failed = nodes.iter().filter(|(_, status)| status.as_str() != Some("Success"));
    let failed: Vec<_> = failed.map(|(node, status)| format!("{node}: {status}")).collect();
    (!failed.is_empty()).then(|| failed.join(", "))
}
