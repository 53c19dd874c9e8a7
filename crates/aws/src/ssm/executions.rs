//! How executions of automations are looked at, with what became of each step.

use super::AUTOMATION;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{
    AutomationExecution, AutomationExecutionFilter, AutomationExecutionFilterKey,
    AutomationExecutionMetadata, ResourceTypeForTagging, StepExecution,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, Entry, Place, Values};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::units::time_text;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at executions of automations.
pub struct Executions(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Executions {
    fn kind(&self) -> &'static str {
        AUTOMATION
    }

    fn batch(&self) -> usize {
        1
    }

    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = Vec::new();
        for id in ids {
            seen.push(look_at(&self.0, place, id).await?);
        }
        Ok(seen)
    }
}

/// What an identifier of a sought execution begins with; none of Systems Manager's does.
const SOUGHT: char = '?';

/// The action of a step that waits for people (Systems Manager user guide, "aws:approve").
const APPROVE: &str = "aws:approve";

/// The action of a step that is an execution of its own: one that a document names, and one for each target (Systems
/// Manager user guide, "aws:executeAutomation", "Run automated operations at scale").
const EXECUTE: &str = "aws:executeAutomation";

/// An execution whose id is not known, because the reply that held it was lost: one of this document, begun since the
/// intent was written, that carries the marks of the attempt. It is an identifier like any other.
pub(super) fn sought(since: DateTime<Utc>, tags: &BTreeMap<String, String>, document: &str) -> String {
    // Clocks differ by a little.
    let since = (since - TimeDelta::minutes(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let mark = |key: &str| tags.get(key).map_or("", String::as_str);
    format!("{SOUGHT}{since}|{}|{}|{document}", mark("lifeboat:run"), mark("lifeboat:step"))
}

/// Looks at one execution, by its id or as one that is sought.
pub(super) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let found = match id.strip_prefix(SOUGHT) {
        Some(sought) => find(aws, place, sought).await?,
        None => Some(id.to_owned()),
    };
    let Some(execution) = found else { return Ok(Seen::absent(id)) };
    let call = aws.ssm(&place.region).get_automation_execution().automation_execution_id(&execution);
    let reply = match call.send().await.map_err(|error| classify(error, Call::Read)) {
        Err(error) if error.code.starts_with("AutomationExecutionNotFound") => return Ok(Seen::absent(id)),
        reply => reply?,
    };
    let Some(found) = reply.automation_execution() else { return Ok(Seen::absent(id)) };
    let executions = family(aws, place, found).await?;
    Ok(seen(id, &execution, found, &executions))
}

/// An execution with its steps: the one that was started, or one that it started for a target or by a step.
struct Execution {
    id: String,
    document: String,
    /// The target that a child runs for.
    target: Option<String>,
    steps: Vec<StepExecution>,
}

/// The steps of an execution and of all that it started, in the order in which they began.
async fn family(aws: &Aws, place: &Place, root: &AutomationExecution) -> Result<Vec<Execution>, ActionError> {
    let of = |id: Option<&str>, document: Option<&str>, target: Option<&str>| Execution {
        id: id.unwrap_or_default().to_owned(),
        document: document.unwrap_or_default().to_owned(),
        target: target.map(str::to_owned),
        steps: Vec::new(),
    };
    let mut found = vec![of(root.automation_execution_id(), root.document_name(), None)];
    let mut next = 0;
    while let Some(id) = found.get(next).map(|execution| execution.id.clone()) {
        let steps = steps(aws, place, &id).await?;
        if steps.iter().any(|step| step.action() == Some(EXECUTE)) {
            let children = children(aws, place, &id).await?;
            found.extend(
                children
                    .iter()
                    .map(|child| of(child.automation_execution_id(), child.document_name(), child.target())),
            );
        }
        found[next].steps = steps;
        next += 1;
    }
    Ok(found)
}

/// The executions that an execution started, the oldest first.
async fn children(
    aws: &Aws,
    place: &Place,
    parent: &str,
) -> Result<Vec<AutomationExecutionMetadata>, ActionError> {
    let filters = [filter(AutomationExecutionFilterKey::ParentExecutionId, parent)?];
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let call = aws.ssm(&place.region).describe_automation_executions();
        let call = call.set_filters(Some(filters.to_vec())).set_next_token(next);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        found.extend_from_slice(reply.automation_execution_metadata_list());
        next = reply.next_token().map(str::to_owned);
        if next.is_none() {
            // The lists of Systems Manager have the youngest first.
            found.reverse();
            return Ok(found);
        }
    }
}

async fn find(aws: &Aws, place: &Place, sought: &str) -> Result<Option<String>, ActionError> {
    let mut parts = sought.splitn(4, '|');
    let mut part = || parts.next().unwrap_or_default();
    let (since, run, step, document) = (part(), part(), part(), part());
    // A document that is shared from another account is called by its ARN; executions say its name.
    let name = document.rsplit('/').next().unwrap_or(document);
    let filters = [
        filter(AutomationExecutionFilterKey::DocumentNamePrefix, name)?,
        filter(AutomationExecutionFilterKey::StartTimeAfter, since)?,
    ];
    let mut next = None;
    loop {
        let call = aws.ssm(&place.region).describe_automation_executions();
        let call = call.set_filters(Some(filters.to_vec())).set_next_token(next);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let ids = reply.automation_execution_metadata_list().iter();
        for id in ids.filter_map(|execution| execution.automation_execution_id()) {
            if has_marks(aws, place, id, run, step).await? {
                return Ok(Some(id.to_owned()));
            }
        }
        next = reply.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(None);
        }
    }
}

fn filter(key: AutomationExecutionFilterKey, value: &str) -> Result<AutomationExecutionFilter, ActionError> {
    let filter = AutomationExecutionFilter::builder().key(key).values(value).build();
    filter.map_err(|error| ActionError::failed("sdk", error.to_string()))
}

/// Whether an execution carries the marks of an attempt: the lists do not say the token.
async fn has_marks(aws: &Aws, place: &Place, id: &str, run: &str, step: &str) -> Result<bool, ActionError> {
    let call = aws.ssm(&place.region).list_tags_for_resource();
    let call = call.resource_type(ResourceTypeForTagging::Automation).resource_id(id);
    let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
    let has =
        |key: &str, value: &str| reply.tag_list().iter().any(|it| it.key() == key && it.value() == value);
    Ok(has("lifeboat:run", run) && has("lifeboat:step", step))
}

async fn steps(aws: &Aws, place: &Place, id: &str) -> Result<Vec<StepExecution>, ActionError> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let call = aws.ssm(&place.region).describe_automation_step_executions().automation_execution_id(id);
        let reply = call.set_next_token(next).send().await.map_err(|error| classify(error, Call::Read))?;
        found.extend_from_slice(reply.step_executions());
        next = reply.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(found);
        }
    }
}

fn seen(id: &str, execution_id: &str, execution: &AutomationExecution, all: &[Execution]) -> Seen {
    let status = execution.automation_execution_status().map(|status| status.as_str());
    let outputs = execution.outputs().into_iter().flatten();
    let outputs = outputs.map(|(name, texts)| {
        (name.clone(), Value::List(texts.iter().map(|text| text.as_str().into()).collect()))
    });
    let each = || all.iter().flat_map(|execution| execution.steps.iter().map(move |step| (execution, step)));
    let failed = execution.failure_message().map(str::to_owned).or_else(|| {
        let broken = each().find_map(|(_, step)| Some((step.step_name()?, step.failure_message()?)));
        broken.map(|(name, message)| format!("{name}: {message}"))
    });
    let mut entries: Vec<_> = each().flat_map(|(execution, step)| entries(execution, step)).collect();
    entries.sort_by_key(|entry| entry.at);
    Seen {
        id: id.to_owned(),
        exists: true,
        state: status.map(str::to_owned),
        attributes: Values::from([
            (
                "approvals".to_owned(),
                Value::List(each().filter_map(|(of, step)| approval(of, step)).collect()),
            ),
            ("current".to_owned(), execution.current_step_name().into()),
            ("execution".to_owned(), execution_id.into()),
            ("message".to_owned(), failed.into()),
            ("outputs".to_owned(), Value::Map(outputs.collect())),
            ("status".to_owned(), status.into()),
            ("steps".to_owned(), Value::List(each().map(|(of, it)| step(of, it)).collect())),
        ]),
        entries,
        ..Seen::default()
    }
}

/// A step as evidence: what it was and what became of it, without what went in and came out.
fn step(execution: &Execution, step: &StepExecution) -> Value {
    let time = |time| crate::times::time(time).into();
    let mut told = Values::from([
        ("action".to_owned(), step.action().into()),
        ("ended_at".to_owned(), time(step.execution_end_time())),
        ("message".to_owned(), step.failure_message().into()),
        ("name".to_owned(), step.step_name().into()),
        ("started_at".to_owned(), time(step.execution_start_time())),
        ("status".to_owned(), step.step_status().map(|status| status.as_str()).into()),
    ]);
    told.extend(execution.target.as_ref().map(|target| ("target".to_owned(), target.as_str().into())));
    Value::Map(told)
}

/// The beginning and the end of a step, as entries of the journal, at the times that AWS says.
fn entries(execution: &Execution, step: &StepExecution) -> Vec<Entry> {
    let (name, action) = (step.step_name().unwrap_or_default(), step.action().unwrap_or_default());
    let (id, status) = (step.step_execution_id().unwrap_or_default(), step.step_status());
    let status = status.map_or("", |status| status.as_str());
    let target = execution.target.as_ref().map(|target| format!("{target}: ")).unwrap_or_default();
    let details: BTreeMap<_, _> = [
        ("action", Some(action)),
        ("execution", Some(execution.id.as_str())),
        ("name", Some(name)),
        ("target", execution.target.as_deref()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())))
    .collect();
    let entry = |at, what: &str, message: String, details| Entry {
        at,
        service: "ssm",
        key: format!("{id} {what}"),
        message: format!("{target}{name} ({action}) {message}"),
        details,
    };
    let began = crate::times::time(step.execution_start_time())
        .map(|at| entry(at, "began", "began".to_owned(), details.clone()));
    let ended = crate::times::time(step.execution_end_time()).map(|at| {
        let why = step.failure_message().map(|why| format!(": {why}")).unwrap_or_default();
        let mut details = details;
        details.insert("status".to_owned(), status.to_owned());
        details.extend(step.failure_message().map(|why| ("message".to_owned(), why.to_owned())));
        entry(at, status, format!("ended as {status}{why}"), details)
    });
    began.into_iter().chain(ended).collect()
}

/// Which approval is waited for, and of whom: its step says it in its inputs, as JSON (Systems Manager user guide,
/// "aws:approve": `Approvers`, `Message`, `MinRequiredApprovals`, 1 where it is not said).
fn approval(execution: &Execution, step: &StepExecution) -> Option<Value> {
    let status = step.step_status().map(|status| status.as_str())?;
    if step.action() != Some(APPROVE) || !matches!(status, "Waiting" | "PendingApproval" | "InProgress") {
        return None;
    }
    let name = step.step_name().unwrap_or_default();
    let input = |name: &str| step.inputs().and_then(|inputs| inputs.get(name)).map(String::as_str);
    let approvers = input("Approvers").map(names).unwrap_or_default();
    let who = match approvers.is_empty() {
        true => "whoever its document names".to_owned(),
        false => approvers.join(", "),
    };
    let needed = input("MinRequiredApprovals").map_or("1", |text| text.trim_matches('"'));
    let (id, document) = (&execution.id, &execution.document);
    let target = execution.target.as_ref().map(|target| format!(" for {target}")).unwrap_or_default();
    let message = input("Message").map(names).unwrap_or_default().join(" ");
    let message = Some(message).filter(|text| !text.is_empty()).map(|text| format!("\n{text}"));
    let message = message.unwrap_or_default();
    let limit = step.timeout_seconds().and_then(TimeDelta::try_seconds);
    let until =
        crate::times::time(step.execution_start_time()).zip(limit).map(|(began, limit)| began + limit);
    let until =
        until.map(|until| format!(" Automation waits until {}.", time_text(until))).unwrap_or_default();
    let text = format!(
        "May the automation {document}{target} go on at its step {name}?{message}\n\
         {needed} of {who} must permit it; the answer is sent with the credentials of this run, which must be among \
         them.{until} Execution {id}."
    );
    // A loop comes to the same step again: only its own id tells one time from the next.
    let subject = format!("{name} {}", step.step_execution_id().unwrap_or_default());
    Some(Value::Map(Values::from([
        ("execution".to_owned(), id.as_str().into()),
        ("of".to_owned(), format!("{name}{target}: {needed} of {who}").into()),
        ("subject".to_owned(), subject.into()),
        ("text".to_owned(), text.into()),
    ])))
}

/// A list of names: JSON, or one name as plain text.
fn names(text: &str) -> Vec<String> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Ok(serde_json::Value::String(one)) => vec![one],
        _ => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ssm::types::AutomationExecutionStatus;

    fn waiting(inputs: &[(&str, &str)]) -> StepExecution {
        let step = StepExecution::builder().step_name("Approve").action(APPROVE);
        let step = step.step_status(AutomationExecutionStatus::Waiting);
        inputs.iter().fold(step, |step, (name, text)| step.inputs(*name, *text)).build()
    }

    fn of(target: Option<&str>) -> Execution {
        let (id, document) = ("e-1".to_owned(), "Orders-FailOver".to_owned());
        Execution { id, document, target: target.map(str::to_owned), steps: Vec::new() }
    }

    fn text(approval: &Value, name: &str) -> String {
        let Value::Map(fields) = approval else { panic!("{approval:?}") };
        fields[name].to_string()
    }

    #[test]
    fn an_approval_says_of_whom() {
        let asks = |inputs: &[(&str, &str)]| approval(&of(None), &waiting(inputs)).unwrap();
        let both = [("Approvers", r#"["role/OnCall","user/ann"]"#), ("MinRequiredApprovals", "2")];
        assert_eq!(text(&asks(&both), "of"), "Approve: 2 of role/OnCall, user/ann");
        assert_eq!(text(&asks(&[("Approvers", "user/ann")]), "of"), "Approve: 1 of user/ann");
        assert_eq!(text(&asks(&[]), "of"), "Approve: 1 of whoever its document names");
        let said = text(&asks(&[("Message", r#""Promote it?""#)]), "text");
        assert!(
            said.starts_with("May the automation Orders-FailOver go on at its step Approve?\nPromote it?\n"),
            "{said}"
        );
        let child = approval(&of(Some("eu")), &waiting(&[])).unwrap();
        assert_eq!(text(&child, "of"), "Approve for eu: 1 of whoever its document names");
        let other = StepExecution::builder().action("aws:sleep");
        let other = other.step_status(AutomationExecutionStatus::Inprogress).build();
        assert_eq!(approval(&of(None), &other), None);
    }

    #[test]
    fn a_step_is_two_entries_whenever_it_is_looked_at() {
        let time = aws_smithy_types::DateTime::from_secs;
        let step = || {
            let step =
                StepExecution::builder().step_name("Drain").action("aws:runCommand").step_execution_id("s-1");
            step.step_status(AutomationExecutionStatus::Inprogress).execution_start_time(time(10))
        };
        let told = |target, step: &StepExecution| {
            let entries = entries(&of(target), step).into_iter();
            entries.map(|entry| (entry.at.timestamp(), entry.key, entry.message)).collect::<Vec<_>>()
        };
        let began = (10, "s-1 began".to_owned(), "Drain (aws:runCommand) began".to_owned());
        assert_eq!(told(None, &step().build()), [began.clone()]);
        let failed = step().step_status(AutomationExecutionStatus::Failed).execution_end_time(time(14));
        let failed = failed.failure_message("no node").build();
        let ended = "Drain (aws:runCommand) ended as Failed: no node".to_owned();
        assert_eq!(told(None, &failed), [began, (14, "s-1 Failed".to_owned(), ended)]);
        assert!(told(Some("eu"), &failed)[1].2.starts_with("eu: Drain"));
        assert!(told(None, &StepExecution::builder().step_name("Later").build()).is_empty());
    }
}
