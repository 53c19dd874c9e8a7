//! `ssm.start_automation`.
//!
//! The token of the attempt is Automation's client token: asked for again, the same execution answers. Where a reply was
//! lost, its tags say whose an execution is.

use super::AUTOMATION;
use super::executions::{look_at, sought};
use super::lists::{fields, targets};
use super::spec::{self, AUTOMATION_FAILURES};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{SignalType, StopType, Tag};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Note, Observation, Prepared, Stage, StepContext,
    UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::{ActionSpec, Effect};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most tags of an execution (API reference, StartAutomationExecution, Tags).
const MOST_TAGS: usize = 5;

/// The most letters of a value in the payload of a signal (API reference, SendAutomationSignal, Payload).
const MOST_COMMENT: usize = 512;

/// `ssm.start_automation`.
pub struct StartAutomation(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for StartAutomation {
    fn spec(&self) -> &'static ActionSpec {
        &spec::START_AUTOMATION
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        if targets(cx).is_empty() != cx.text("target_parameter").is_none() {
            let message = "`targets` and `target_parameter` must be given together";
            return Err(ActionError::refused("parameter", message));
        }
        let (all, own) = (tags(cx).len(), cx.tags().len());
        if all > MOST_TAGS {
            let message = format!("an execution has at most {MOST_TAGS} tags, and {own} are Lifeboat's own");
            return Err(ActionError::refused("parameter", message));
        }
        Ok(Prepared { token: cx.token(), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        if let Some((choice, subject)) = stage.answers() {
            self.signal(cx, choice, subject).await?;
            return Ok(Accepted::default());
        }
        let execution = self.start(cx).await?;
        Ok(Accepted { data: BTreeMap::from([("execution".to_owned(), execution.into())]), request_id: None })
    }

    /// A step that only reads is only asked to look: it starts its execution where there is none. The token makes sure
    /// that there is one at most, whatever a list does not show yet.
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let seen = look_at(&self.0, &cx.place, &execution(cx)).await?;
        if seen.exists {
            seen.entries.iter().try_for_each(|entry| cx.note(Note::Event(entry.clone())))?;
            return Ok(self.judge(cx, &seen));
        }
        match self.start(cx).await {
            Err(error) if error.kind != ErrorKind::Unknown => Err(error),
            _ => Ok(Observation::InProgress { state: "Pending".to_owned() }),
        }
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let seen = look_at(&self.0, &cx.place, &execution(cx)).await?;
        let Some(id) = seen.attributes.get("execution").and_then(Value::as_str) else { return Ok(()) };
        let call = self.0.ssm(&cx.place.region).stop_automation_execution();
        let call = call.automation_execution_id(id).r#type(StopType::Cancel);
        match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => called(cx, "ssm", "StopAutomationExecution"),
            // It has ended meanwhile.
            Err(error) if error.code.starts_with("InvalidAutomationStatusUpdate") => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        let acts = cx.effect != Some(Effect::Read);
        acts.then(|| Watch { kind: AUTOMATION, place: cx.place.clone(), id: execution(cx) })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if !seen.exists {
            return Observation::Absent;
        }
        let state = seen.state.clone().unwrap_or_default();
        let attribute = |name: &str| seen.attributes.get(name).and_then(Value::as_str);
        match state.as_str() {
            "Success" | "CompletedWithSuccess" => return Observation::Ready(outputs(seen)),
            failure if AUTOMATION_FAILURES.contains(&failure) => {
                return Observation::Broken { hint: attribute("message").map(str::to_owned), state };
            }
            _ => {}
        }
        let answered = |approval: &&Values| {
            let stages = cx.recorded.accepted.iter().filter_map(|(stage, ..)| stage.answers());
            stages.into_iter().any(|(_, subject)| subject == text(approval, "subject"))
        };
        let approvals = approvals(seen);
        match approvals.iter().find(|approval| !answered(approval)).or(approvals.first()) {
            Some(approval) if !answered(&approval) => Observation::Asks {
                state: format!("{state} for an approval in {}", text(approval, "of")),
                subject: text(approval, "subject").to_owned(),
                text: text(approval, "text").to_owned(),
            },
            // It needs more than one, and the others are asked by Systems Manager.
            Some(approval) => Observation::InProgress {
                state: format!("{state} for another approval in {}", text(approval, "of")),
            },
            None => match attribute("current") {
                Some(step) => Observation::InProgress { state: format!("{state}, {step}") },
                None => Observation::InProgress { state },
            },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.as_deref().unwrap_or_default();
        let has_ended =
            matches!(state, "Success" | "CompletedWithSuccess") || AUTOMATION_FAILURES.contains(&state);
        match seen.exists && !has_ended {
            false => UndoObservation::Gone,
            true if state == "Cancelling" || !cx.recorded.undo_accepted.is_empty() => {
                UndoObservation::InProgress { state: state.to_owned() }
            }
            true => UndoObservation::Next(Stage::first()),
        }
    }
}

impl StartAutomation {
    async fn start(&self, cx: &StepContext) -> Result<String, ActionError> {
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        let tags = tags(cx).into_iter().map(tag).collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|error| ActionError::failed("sdk", error.to_string()))?;
        let call = self
            .0
            .ssm(&cx.place.region)
            .start_automation_execution()
            .document_name(cx.required("document")?)
            .set_document_version(cx.text("version").map(str::to_owned))
            .client_token(&cx.prepared.token)
            .set_tags(Some(tags))
            .set_targets(Some(targets(cx)).filter(|targets| !targets.is_empty()))
            .set_target_parameter_name(cx.text("target_parameter").map(str::to_owned))
            .set_max_concurrency(cx.text("max_concurrency").map(str::to_owned))
            .set_max_errors(cx.text("max_errors").map(str::to_owned));
        let call = fields(cx, "parameters")
            .into_iter()
            .fold(call, |call, (key, values)| call.parameters(key, values));
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "ssm", "StartAutomationExecution")?;
        Ok(reply.automation_execution_id().unwrap_or_default().to_owned())
    }

    /// Tells Automation what people answered. Where nothing waits for it any more, somebody else was first.
    async fn signal(&self, cx: &StepContext, choice: &str, subject: &str) -> Result<(), ActionError> {
        let seen = look_at(&self.0, &cx.place, &execution(cx)).await?;
        let approvals = approvals(&seen);
        let Some(approval) = approvals.iter().find(|approval| text(approval, "subject") == subject) else {
            return Err(ActionError::new(
                ErrorKind::Unknown,
                "not_waiting",
                "it does not wait for that any more",
            ));
        };
        let signal = if choice == "approve" { SignalType::Approve } else { SignalType::Reject };
        let call = self.0.ssm(&cx.place.region).send_automation_signal();
        let call = call.automation_execution_id(text(approval, "execution")).signal_type(signal);
        let call = call.payload("Comment", vec![comment(cx, subject)]);
        match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => called(cx, "ssm", "SendAutomationSignal"),
            Err(error) if error.code.starts_with("InvalidAutomationSignal") => {
                Err(ActionError { kind: ErrorKind::Unknown, ..error })
            }
            Err(error) => Err(error),
        }
    }
}

/// What Automation keeps with an answer: AWS knows whose credentials sent it, and not who decided.
fn comment(cx: &StepContext, subject: &str) -> String {
    let said = cx.recorded.answers.iter().rfind(|said| said.subject == subject);
    let Some(said) = said else { return format!("run {} of Lifeboat", cx.run) };
    let who = format!("{}, in run {} of Lifeboat", said.by, cx.run);
    let words = said.reason.as_ref().map_or_else(|| who.clone(), |reason| format!("{reason} ({who})"));
    words.chars().take(MOST_COMMENT).collect()
}

/// The approvals that are waited for.
fn approvals(seen: &Seen) -> Vec<Values> {
    let Some(Value::List(approvals)) = seen.attributes.get("approvals") else { return Vec::new() };
    let fields = |approval: &Value| match approval {
        Value::Map(fields) => Some(fields.clone()),
        _ => None,
    };
    approvals.iter().filter_map(fields).collect()
}

fn text<'fields>(fields: &'fields Values, name: &str) -> &'fields str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The id of the execution; while it is not known, what is known of it.
fn execution(cx: &StepContext) -> String {
    let told = cx.recorded.accepted.iter().find_map(|(_, _, data)| data.get("execution")?.as_str());
    told.map(str::to_owned).unwrap_or_else(|| {
        let since = cx.recorded.started_at.unwrap_or(cx.run_started_at);
        sought(since, &cx.tags(), cx.text("document").unwrap_or_default())
    })
}

fn tags(cx: &StepContext) -> BTreeMap<String, String> {
    let given = match cx.with.get("tags") {
        Some(Value::Map(given)) => given.clone(),
        _ => BTreeMap::new(),
    };
    given.into_iter().map(|(key, value)| (key, value.to_string())).chain(cx.tags()).collect()
}

fn outputs(seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.retain(|name, _| spec::START_AUTOMATION.output(name).is_some());
    outputs
}
