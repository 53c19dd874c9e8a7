//! SendCommand and CancelCommand.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::documents::{command_of, parameters};
use super::invocations::command_record;
use crate::definition::{CommandResponse, ManagedNodeDefinition};
use crate::durations::{COMMAND, COMMAND_VISIBLE};
use crate::protocol::{ApiError, Document, Input};
use crate::service::{Context, Output};
use crate::world::rate::Queue;
use crate::world::{Command, Ending, Invocation, Rate, World};

/// A comment has at most this many letters, and delivery is tried for this long, seconds: least, most and where nothing
/// is said (SSM API reference, SendCommand).
const MOST_COMMENT: usize = 100;
const TIMEOUT: (i64, i64, i64) = (30, 2_592_000, 3600);
/// How many nodes at once, and how many may fail, where nothing is said (SSM API reference, SendCommand).
const MAX_CONCURRENCY: &str = "50";
const MAX_ERRORS: &str = "0";
/// Seconds after which a command is ended where it does not say `executionTimeout` (AWS-RunShellScript).
const EXECUTION_TIMEOUT: i64 = 3600;

pub(super) fn send(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let comment = input.text("Comment")?.unwrap_or_default().to_owned();
    if comment.chars().count() > MOST_COMMENT {
        return Err(invalid(format!("Comment must have at most {MOST_COMMENT} characters")));
    }
    let (least, most, usual) = TIMEOUT;
    let timeout_seconds = input.number("TimeoutSeconds")?.unwrap_or(usual);
    if !(least..=most).contains(&timeout_seconds) {
        return Err(invalid(format!("TimeoutSeconds must be between {least} and {most}")));
    }
    let document = command_of(world, place, input.required("DocumentName")?)?;
    let parameters = parameters(&document.0, input, "InvalidParameters")?;
    let (instance_ids, targets) = (input.texts("InstanceIds")?, targets(input)?);
    let nodes = nodes(world, context, &instance_ids, &targets)?;
    let number = world.region(place).commands.len().to_string();
    let id = world.chance.uuid(&["command", &place.account, &place.region, &number]);
    let (least, most) = COMMAND_VISIBLE;
    let mut command = Command {
        visible_at: world.now + world.chance.seconds("command visible", &id, least, most),
        id,
        document: document.0.name.clone(),
        comment,
        parameters,
        instance_ids,
        targets,
        requested_at: world.now,
        timeout_seconds,
        max_concurrency: rate(input, "MaxConcurrency", MAX_CONCURRENCY)?,
        max_errors: rate(input, "MaxErrors", MAX_ERRORS)?,
        invocations: Vec::new(),
    };
    let places = command.max_concurrency.of(nodes.len());
    let stops_at = command.max_errors.of(nodes.len()) + 1;
    let mut queue = Queue::new(places, command.visible_at, stops_at);
    for node in &nodes {
        let sent = queue.next().map(|sent| invocation(world, context, &command, node, &document.1, sent));
        let sent = sent.inspect(|sent| queue.took(sent.ends_at, sent.ending.is_error()));
        command.invocations.push(sent.unwrap_or_else(|stopped| never_sent(node, stopped)));
    }
    let record = command_record(&command, world.now);
    world.region_mut(place).commands.push(command);
    Ok(Document::new().with("Command", record))
}

/// A rate control; a share or a number.
pub(super) fn rate(input: &Input, name: &str, usual: &str) -> Result<Rate, ApiError> {
    let text = input.text(name)?.unwrap_or(usual);
    let read = Rate::read(text).filter(|rate| name != "MaxConcurrency" || rate.of(100) > 0);
    read.ok_or_else(|| invalid(format!("{name} must be a number or a percentage, not {text}")))
}

/// An invocation that was given up before it was sent.
fn never_sent(node: &ManagedNodeDefinition, stopped: DateTime<Utc>) -> Invocation {
    Invocation {
        node: node.id.clone(),
        starts_at: None,
        ends_at: stopped,
        ending: Ending::Terminated,
        exit_code: -1,
        stdout: String::new(),
        stderr: String::new(),
        cancelled_at: None,
    }
}

pub(super) fn targets(input: &Input) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let read = |target: Input| Ok((target.required("Key")?.to_owned(), target.texts("Values")?));
    input.structures("Targets")?.into_iter().map(read).collect()
}

/// The nodes that are meant. Ids must be there; targets may find nothing, and nothing says so but the count.
fn nodes(
    world: &World,
    context: &Context<'_>,
    ids: &[String],
    targets: &[(String, Vec<String>)],
) -> Result<Vec<ManagedNodeDefinition>, ApiError> {
    let known = &world.region(context.place).definition.managed_nodes;
    match (ids.is_empty(), targets.is_empty()) {
        (true, true) => Err(invalid("Either InstanceIds or Targets must be given")),
        (false, false) => Err(invalid("InstanceIds and Targets can't be used together")),
        (false, true) => {
            let find = |id: &String| known.iter().find(|node| node.id == *id).cloned();
            let found: Option<Vec<_>> = ids.iter().map(find).collect();
            found.ok_or_else(|| {
                ApiError::new("InvalidInstanceId", "Instances not in a valid state for account")
            })
        }
        (true, false) => {
            let fits = |node: &&ManagedNodeDefinition| targets.iter().all(|target| hits(target, node));
            Ok(known.iter().filter(fits).cloned().collect())
        }
    }
}

/// Whether a target means a node: by id, by a tag's key, or by a tag's values.
pub(super) fn hits((key, values): &(String, Vec<String>), node: &ManagedNodeDefinition) -> bool {
    match key.strip_prefix("tag:") {
        Some(tag) => node.tags.get(tag).is_some_and(|value| values.contains(value)),
        None if key == "tag-key" => values.iter().any(|tag| node.tags.contains_key(tag)),
        None => key.eq_ignore_ascii_case("InstanceIds") && values.contains(&node.id),
    }
}

/// The whole course of a command on one node.
fn invocation(
    world: &World,
    context: &Context<'_>,
    command: &Command,
    node: &ManagedNodeDefinition,
    responses: &[CommandResponse],
    delivered: DateTime<Utc>,
) -> Invocation {
    let response = responses.iter().find(|it| fits(it, command, node)).cloned().unwrap_or_default();
    let drawn = || world.takes(&COMMAND, &format!("{} {}", command.id, node.id));
    let takes = response.seconds.map_or_else(drawn, |seconds| TimeDelta::seconds(seconds.into()));
    let limit = TimeDelta::seconds(execution_timeout(&command.parameters));
    let good = if response.exit_code == 0 { Ending::Success } else { Ending::Failed };
    let (starts_at, ends_at, ending) = match (node.online, takes > limit) {
        (false, _) => {
            // It took a moment until the first was sent; the time of each begins when it is sent.
            let sent = delivered - (command.visible_at - command.requested_at);
            let given_up = sent + TimeDelta::seconds(command.timeout_seconds);
            (None, given_up, Ending::DeliveryTimedOut)
        }
        (true, true) => (Some(delivered), delivered + limit, Ending::ExecutionTimedOut),
        (true, false) => (Some(delivered), delivered + takes, good),
    };
    let ordered = context.final_state.map(|state| Ending::Ordered(state.to_owned()));
    let is_whole = matches!(ending, Ending::Success | Ending::Failed) && ordered.is_none();
    Invocation {
        node: node.id.clone(),
        starts_at,
        ends_at,
        exit_code: if is_whole { response.exit_code } else { -1 },
        stdout: if is_whole { response.stdout } else { String::new() },
        stderr: if is_whole { response.stderr } else { String::new() },
        ending: ordered.unwrap_or(ending),
        cancelled_at: None,
    }
}

fn fits(response: &CommandResponse, command: &Command, node: &ManagedNodeDefinition) -> bool {
    let mut texts = command.parameters.values().flatten();
    let said = response.contains.is_empty() || texts.any(|text| text.contains(&response.contains));
    said && response.node.as_ref().is_none_or(|id| *id == node.id)
}

fn execution_timeout(parameters: &BTreeMap<String, Vec<String>>) -> i64 {
    let given = parameters.get("executionTimeout").and_then(|values| values.first()?.parse().ok());
    given.unwrap_or(EXECUTION_TIMEOUT)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

pub(super) fn cancel(world: &mut World, context: &Context<'_>) -> Output {
    let id = context.input.required("CommandId")?;
    let only = context.input.texts("InstanceIds")?;
    let now = world.now;
    let (least, most) = COMMAND_VISIBLE;
    let takes = world.chance.seconds("command cancelled", id, least, most);
    let mut commands = world.region_mut(context.place).commands.iter_mut();
    let command = commands.find(|command| command.id == id);
    let command =
        command.ok_or_else(|| ApiError::new("InvalidCommandId", "The specified command ID isn't valid."))?;
    let meant = command.invocations.iter_mut().filter(|it| only.is_empty() || only.contains(&it.node));
    meant.for_each(|invocation| invocation.cancel(now, takes));
    Ok(Document::new())
}
