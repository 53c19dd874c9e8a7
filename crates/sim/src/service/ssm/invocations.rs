//! GetCommandInvocation, ListCommandInvocations, ListCommands.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{PAGING, page};
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output};
use crate::world::{Command, Invocation, World};

/// The plugin that every command of the simulated AWS runs in.
const PLUGIN: &str = "aws:runShellScript";

/// A command as SendCommand and ListCommands show it.
pub(super) fn command_record(command: &Command, now: DateTime<Utc>) -> Document {
    let (status, details) = command.status(now);
    let (completed, errors, undelivered) = command.counts(now);
    // Nodes that are named are counted at once, targets when they were looked for.
    let count = command.instance_ids.len().max(command.listed(now).len());
    let target =
        |(key, values): &(String, Vec<String>)| Document::new().with("Key", key).list("Values", values);
    Document::new()
        .with("CommandId", &command.id)
        .with("DocumentName", &command.document)
        .with("DocumentVersion", "$DEFAULT")
        .with("Comment", &command.comment)
        .with("Parameters", &command.parameters)
        .list("InstanceIds", &command.instance_ids)
        .list("Targets", command.targets.iter().map(target))
        .with("RequestedDateTime", command.requested_at)
        .with("ExpiresAfter", command.requested_at + chrono::TimeDelta::seconds(command.timeout_seconds))
        .with("TimeoutSeconds", command.timeout_seconds)
        .with("MaxConcurrency", &command.max_concurrency.text)
        .with("MaxErrors", &command.max_errors.text)
        .with("Status", status)
        .with("StatusDetails", details)
        .with("TargetCount", count as i64)
        .with("CompletedCount", completed as i64)
        .with("ErrorCount", errors as i64)
        .with("DeliveryTimedOutCount", undelivered as i64)
}

fn times(invocation: &Invocation, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let start = invocation.starts_at.filter(|start| *start <= now);
    (start, Some(invocation.ends_at).filter(|end| *end <= now && start.is_some()))
}

pub(super) fn get(world: &World, context: &Context<'_>) -> Output {
    let (id, node) = (context.input.required("CommandId")?, context.input.required("InstanceId")?);
    let now = world.now;
    let command = world.region(context.place).commands.iter().find(|command| command.id == id);
    let found = command.and_then(|command| {
        Some((command, command.listed(now).iter().find(|invocation| invocation.node == node)?))
    });
    let (command, invocation) = found.ok_or_else(|| ApiError::new("InvocationDoesNotExist", ""))?;
    let (status, details) = invocation.status(now);
    let (start, end) = times(invocation, now);
    let text = |time: Option<DateTime<Utc>>| {
        time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
    };
    let elapsed = start.zip(end).map(|(start, end)| (end - start).num_milliseconds() as f64 / 1000.0);
    let (stdout, stderr) = outputs(invocation, now);
    Ok(Document::new()
        .with("CommandId", id)
        .with("InstanceId", node)
        .with("Comment", &command.comment)
        .with("DocumentName", &command.document)
        .with("DocumentVersion", "$DEFAULT")
        .with("PluginName", PLUGIN)
        // Until it ended the code is -1 (API reference, ResponseCode).
        .with("ResponseCode", code(invocation, now))
        .with("ExecutionStartDateTime", text(start))
        .with("ExecutionElapsedTime", elapsed.map(|seconds| format!("PT{seconds}S")).unwrap_or_default())
        .with("ExecutionEndDateTime", text(end))
        .with("Status", status)
        .with("StatusDetails", details)
        .with("StandardOutputContent", stdout)
        .with("StandardOutputUrl", "")
        .with("StandardErrorContent", stderr)
        .with("StandardErrorUrl", ""))
}

fn code(invocation: &Invocation, now: DateTime<Utc>) -> i64 {
    if invocation.is_over(now) { invocation.exit_code.into() } else { -1 }
}

fn outputs(invocation: &Invocation, now: DateTime<Utc>) -> (&str, &str) {
    if invocation.is_over(now) { (&invocation.stdout, &invocation.stderr) } else { ("", "") }
}

pub(super) fn list(world: &World, context: &Context<'_>) -> Output {
    let (input, now) = (context.input, world.now);
    let details = input.flag("Details")?.unwrap_or(false);
    let node = input.text("InstanceId")?;
    let filters = Filters::read(input)?;
    let mut records = Vec::new();
    for command in newest_first(world, context)? {
        for invocation in command.listed(now) {
            let status = invocation.status(now).0;
            let is_meant = node.is_none_or(|node| node == invocation.node);
            if is_meant && filters.fit(command, status) {
                records.push(invocation_record(command, invocation, now, details));
            }
        }
    }
    let (records, next) = page(records, input, PAGING)?;
    Ok(Document::new().list("CommandInvocations", records).optional("NextToken", next))
}

pub(super) fn list_commands(world: &World, context: &Context<'_>) -> Output {
    let (input, now) = (context.input, world.now);
    let node = input.text("InstanceId")?;
    let filters = Filters::read(input)?;
    let records: Vec<_> = newest_first(world, context)?
        .into_iter()
        .filter(|command| node.is_none_or(|node| command.listed(now).iter().any(|it| it.node == node)))
        .filter(|command| filters.fit(command, command.status(now).0))
        .map(|command| command_record(command, now))
        .collect();
    let (records, next) = page(records, input, PAGING)?;
    Ok(Document::new().list("Commands", records).optional("NextToken", next))
}

/// The commands that the request's `CommandId` allows; one that does not exist is refused.
fn newest_first<'a>(world: &'a World, context: &Context<'_>) -> Result<Vec<&'a Command>, ApiError> {
    let wanted = context.input.text("CommandId")?;
    let all = world.region(context.place).commands.iter().rev();
    let found: Vec<_> = all.filter(|command| wanted.is_none_or(|id| command.id == id)).collect();
    if wanted.is_some() && found.is_empty() {
        return Err(ApiError::new("InvalidCommandId", "The specified command ID isn't valid."));
    }
    Ok(found)
}

fn invocation_record(
    command: &Command,
    invocation: &Invocation,
    now: DateTime<Utc>,
    details: bool,
) -> Document {
    let (status, status_details) = invocation.status(now);
    let (start, end) = times(invocation, now);
    let (stdout, stderr) = outputs(invocation, now);
    let output = if stderr.is_empty() {
        stdout.to_owned()
    } else {
        format!("{stdout}\n----------ERROR-------\n{stderr}")
    };
    let plugin = Document::new()
        .with("Name", PLUGIN)
        .with("Status", status)
        .with("StatusDetails", status_details)
        .with("ResponseCode", code(invocation, now))
        .optional("ResponseStartDateTime", start)
        .optional("ResponseFinishDateTime", end)
        .with("Output", output);
    Document::new()
        .with("CommandId", &command.id)
        .with("InstanceId", &invocation.node)
        .with("InstanceName", "")
        .with("Comment", &command.comment)
        .with("DocumentName", &command.document)
        .with("DocumentVersion", "$DEFAULT")
        .with("RequestedDateTime", command.requested_at)
        .with("Status", status)
        .with("StatusDetails", status_details)
        .list("CommandPlugins", Some(plugin).filter(|_| details))
}

/// The filters of ListCommands and ListCommandInvocations.
struct Filters {
    after: Option<DateTime<Utc>>,
    before: Option<DateTime<Utc>>,
    status: Option<String>,
    document: Option<String>,
}

impl Filters {
    fn read(input: &Input) -> Result<Filters, ApiError> {
        let mut filters = Filters { after: None, before: None, status: None, document: None };
        for filter in input.structures("Filters")? {
            match filter.required("key")? {
                "InvokedAfter" => filters.after = filter.time("value")?,
                "InvokedBefore" => filters.before = filter.time("value")?,
                "Status" => filters.status = filter.text("value")?.map(str::to_owned),
                "DocumentName" => filters.document = filter.text("value")?.map(str::to_owned),
                other => {
                    return Err(ApiError::new("InvalidFilterKey", format!("{other} isn't a filter here.")));
                }
            }
        }
        Ok(filters)
    }

    fn fit(&self, command: &Command, status: &str) -> bool {
        self.after.is_none_or(|after| command.requested_at >= after)
            && self.before.is_none_or(|before| command.requested_at <= before)
            && self.status.as_deref().is_none_or(|wanted| wanted == status)
            && self.document.as_deref().is_none_or(|wanted| wanted == command.document)
    }
}
