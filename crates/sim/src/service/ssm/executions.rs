//! GetAutomationExecution, DescribeAutomationExecutions, DescribeAutomationStepExecutions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::automation::not_found;
use super::{PAGING, page};
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output};
use crate::world::automation::APPROVE;
use crate::world::{Automation, AutomationStep, StepEnding, World};

pub(super) fn get(world: &World, context: &Context<'_>) -> Output {
    let execution = find(world, context)?;
    let steps = execution.steps.iter().map(|step| step_record(step, world.now));
    let record = record(execution, world.now)
        .with("Parameters", &execution.parameters)
        .list("StepExecutions", steps)
        .with("StepExecutionsTruncated", false);
    Ok(Document::new().with("AutomationExecution", record))
}

fn find<'a>(world: &'a World, context: &Context<'_>) -> Result<&'a Automation, ApiError> {
    let id = context.input.required("AutomationExecutionId")?;
    let mut all = world.region(context.place).automations.iter();
    let found = all.find(|execution| execution.id == id && execution.is_there(world.now));
    found.ok_or_else(|| not_found(id))
}

/// What all answers say of an execution.
fn record(execution: &Automation, now: DateTime<Utc>) -> Document {
    let current = execution.current(now);
    let message = execution.broken(now).map(|(_, message)| message);
    let message = message.filter(|_| execution.targeted.is_none() || execution.status(now) == "Failed");
    let (parent, target) = execution.parent.clone().unzip();
    let targeted = execution.targeted.as_ref();
    let sent =
        |(key, values): &(String, Vec<String>)| Document::new().with("Key", key).list("Values", values);
    let resolved = targeted
        .map(|targeted| Document::new().list("ParameterValues", &targeted.resolved).with("Truncated", false));
    Document::new()
        .optional("ParentAutomationExecutionId", parent.as_ref())
        .optional("Target", target.as_ref())
        .optional("TargetParameterName", targeted.map(|targeted| &targeted.parameter))
        .list("Targets", targeted.into_iter().flat_map(|targeted| targeted.targets.iter().map(sent)))
        .optional("ResolvedTargets", resolved)
        .optional("MaxConcurrency", targeted.map(|targeted| &targeted.max_concurrency.text))
        .optional("MaxErrors", targeted.map(|targeted| &targeted.max_errors.text))
        .with("AutomationExecutionId", &execution.id)
        .with("DocumentName", &execution.document)
        .with("DocumentVersion", "1")
        .with("ExecutionStartTime", execution.started_at)
        .optional("ExecutionEndTime", execution.ended_at(now))
        .with("AutomationExecutionStatus", execution.status(now))
        .optional("FailureMessage", message)
        .with("Mode", "Auto")
        .with("ExecutedBy", &execution.executed_by)
        .optional("CurrentStepName", current.map(|step| &step.name))
        .optional("CurrentAction", current.map(|step| &step.action))
        .with("Outputs", &outputs(execution, now))
}

/// The outputs of the steps that ended well, as `step.output`.
fn outputs(execution: &Automation, now: DateTime<Utc>) -> BTreeMap<String, Vec<String>> {
    let ended = execution.steps.iter().filter(|step| step.status(now) == "Success");
    let named = |step: &AutomationStep| {
        let outputs = step.outputs.clone().into_iter();
        outputs.map(|(name, values)| (format!("{}.{name}", step.name), values)).collect::<Vec<_>>()
    };
    ended.flat_map(named).collect()
}

fn step_record(step: &AutomationStep, now: DateTime<Utc>) -> Document {
    let status = step.status(now);
    let end = step.ends_at.filter(|end| *end <= now);
    let message = match &step.ending {
        StepEnding::Badly(_, message) if end.is_some() => Some(message),
        _ => None,
    };
    Document::new()
        .with("StepName", &step.name)
        .with("StepExecutionId", &step.id)
        .with("Action", &step.action)
        .with("StepStatus", status)
        .optional("TimeoutSeconds", Some(step.takes.num_seconds()).filter(|_| step.action == APPROVE))
        .optional("ExecutionStartTime", step.starts_at.filter(|start| *start <= now))
        .optional("ExecutionEndTime", end)
        .optional("FailureMessage", message)
        .optional("Inputs", Some(&step.inputs).filter(|inputs| !inputs.is_empty()))
        .optional("Outputs", Some(&step.outputs).filter(|_| status == "Success"))
}

pub(super) fn steps(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let execution = find(world, context)?;
    let mut steps: Vec<_> = execution.steps.iter().collect();
    if input.flag("ReverseOrder")?.unwrap_or(false) {
        steps.reverse();
    }
    for (key, values) in filters(input)? {
        steps.retain(|step| match key.as_str() {
            "StepName" => values.contains(&step.name),
            "StepExecutionId" => values.contains(&step.id),
            "Action" => values.contains(&step.action),
            _ => values.iter().any(|value| value == step.status(world.now)),
        });
    }
    let records = steps.into_iter().map(|step| step_record(step, world.now)).collect();
    let (records, next) = page(records, input, PAGING)?;
    Ok(Document::new().list("StepExecutions", records).optional("NextToken", next))
}

const STEP_FILTERS: &[&str] = &["StepName", "StepExecutionId", "Action", "StepExecutionStatus"];

fn filters(input: &Input) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    read_filters(input, STEP_FILTERS)
}

fn read_filters(input: &Input, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let read = |filter: Input| {
        let key = filter.required("Key")?.to_owned();
        if !known.contains(&key.as_str()) {
            return Err(ApiError::new("InvalidFilterKey", format!("{key} isn't a filter here.")));
        }
        Ok((key, filter.texts("Values")?))
    };
    input.structures("Filters")?.into_iter().map(read).collect()
}

const FILTERS: &[&str] = &[
    "DocumentNamePrefix",
    "ExecutionStatus",
    "ExecutionId",
    "ParentExecutionId",
    "StartTimeBefore",
    "StartTimeAfter",
];

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let now = world.now;
    let filters = read_filters(context.input, FILTERS)?;
    let all = world.region(context.place).automations.iter().rev();
    let mut found: Vec<_> = all.filter(|execution| execution.is_there(now)).collect();
    for (key, values) in &filters {
        found.retain(|execution| {
            values.iter().any(|value| match key.as_str() {
                "DocumentNamePrefix" => execution.document.starts_with(value),
                "ExecutionStatus" => execution.status(now) == value,
                "ExecutionId" => execution.id == *value,
                "ParentExecutionId" => execution.parent.as_ref().is_some_and(|(of, _)| of == value),
                "StartTimeBefore" => parsed(value).is_some_and(|limit| execution.started_at < limit),
                _ => parsed(value).is_some_and(|limit| execution.started_at >= limit),
            })
        });
    }
    let records = found.into_iter().map(|it| record(it, now).with("AutomationType", "Local")).collect();
    let (records, next) = page(records, context.input, PAGING)?;
    Ok(Document::new().list("AutomationExecutionMetadataList", records).optional("NextToken", next))
}

fn parsed(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}
