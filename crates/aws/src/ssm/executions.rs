//! How executions of automations are looked at, with what became of each step.

use super::AUTOMATION;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{
    AutomationExecution, AutomationExecutionFilter, AutomationExecutionFilterKey, ResourceTypeForTagging,
    StepExecution,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, Place, Values};
use lifeboat_engine::lookout::{Lookout, Seen};
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
    let steps = steps(aws, place, &execution).await?;
    Ok(seen(id, &execution, found, &steps))
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

fn seen(id: &str, execution_id: &str, execution: &AutomationExecution, steps: &[StepExecution]) -> Seen {
    let status = execution.automation_execution_status().map(|status| status.as_str());
    let outputs = execution.outputs().into_iter().flatten();
    let outputs = outputs.map(|(name, texts)| {
        (name.clone(), Value::List(texts.iter().map(|text| text.as_str().into()).collect()))
    });
    let failed = execution.failure_message().map(str::to_owned).or_else(|| {
        let broken = steps.iter().find_map(|step| Some((step.step_name()?, step.failure_message()?)));
        broken.map(|(name, message)| format!("{name}: {message}"))
    });
    Seen {
        id: id.to_owned(),
        exists: true,
        state: status.map(str::to_owned),
        attributes: Values::from([
            ("approval".to_owned(), steps.iter().find_map(approval).into()),
            ("current".to_owned(), execution.current_step_name().into()),
            ("execution".to_owned(), execution_id.into()),
            ("message".to_owned(), failed.into()),
            ("outputs".to_owned(), Value::Map(outputs.collect())),
            ("status".to_owned(), status.into()),
            ("steps".to_owned(), Value::List(steps.iter().map(step).collect())),
        ]),
        ..Seen::default()
    }
}

/// A step as evidence: what it was and what became of it, without what went in and came out.
fn step(step: &StepExecution) -> Value {
    let time = |time| crate::times::time(time).into();
    Value::Map(Values::from([
        ("action".to_owned(), step.action().into()),
        ("ended_at".to_owned(), time(step.execution_end_time())),
        ("message".to_owned(), step.failure_message().into()),
        ("name".to_owned(), step.step_name().into()),
        ("started_at".to_owned(), time(step.execution_start_time())),
        ("status".to_owned(), step.step_status().map(|status| status.as_str()).into()),
    ]))
}

/// Which approval is waited for, and of whom: its step says it in its inputs, as JSON (Systems Manager user guide,
/// "aws:approve": `Approvers`, `MinRequiredApprovals`, 1 where it is not said).
fn approval(step: &StepExecution) -> Option<String> {
    let status = step.step_status().map(|status| status.as_str())?;
    if step.action() != Some(APPROVE) || !matches!(status, "Waiting" | "PendingApproval" | "InProgress") {
        return None;
    }
    let input = |name: &str| step.inputs().and_then(|inputs| inputs.get(name)).map(String::as_str);
    let approvers = input("Approvers").map(names).unwrap_or_default();
    let who = match approvers.is_empty() {
        true => "whoever its document names".to_owned(),
        false => approvers.join(", "),
    };
    let needed = input("MinRequiredApprovals").map_or("1", |text| text.trim_matches('"'));
    Some(format!("{}: {needed} of {who}", step.step_name().unwrap_or_default()))
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

    #[test]
    fn an_approval_says_of_whom() {
        let both = [("Approvers", r#"["role/OnCall","user/ann"]"#), ("MinRequiredApprovals", "2")];
        assert_eq!(approval(&waiting(&both)).unwrap(), "Approve: 2 of role/OnCall, user/ann");
        assert_eq!(approval(&waiting(&[("Approvers", "user/ann")])).unwrap(), "Approve: 1 of user/ann");
        assert_eq!(approval(&waiting(&[])).unwrap(), "Approve: 1 of whoever its document names");
        let other = StepExecution::builder().action("aws:sleep");
        assert_eq!(approval(&other.step_status(AutomationExecutionStatus::Inprogress).build()), None);
    }
}
