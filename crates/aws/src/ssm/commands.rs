//! How commands are looked at, with what became of them on each node.

use super::COMMAND;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{Command, CommandFilter, CommandFilterKey, CommandInvocation};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at commands.
pub struct Commands(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Commands {
    fn kind(&self) -> &'static str {
        COMMAND
    }

    fn batch(&self) -> usize {
        1
    }

    fn every(&self) -> Duration {
        Duration::from_secs(2)
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

/// What an identifier of a sought command begins with; none of Systems Manager's does.
const SOUGHT: char = '?';

/// A command whose id is not known: the one with this comment, sent after a moment. The comment is the only mark that a
/// command can carry (catalogue §1).
pub(super) fn sought(since: DateTime<Utc>, comment: &str) -> String {
    // Clocks differ by a little.
    let since = (since - TimeDelta::minutes(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("{SOUGHT}{since}|{comment}")
}

/// Looks at one command, by its id or as one that is sought.
pub(super) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let found = match id.strip_prefix(SOUGHT).and_then(|sought| sought.split_once('|')) {
        Some((since, comment)) => find(aws, place, since, comment).await?,
        None => by_id(aws, place, id).await?,
    };
    let Some(command) = found else { return Ok(Seen::absent(id)) };
    let invocations = invocations(aws, place, command.command_id().unwrap_or_default()).await?;
    Ok(seen(id, &command, &invocations))
}

async fn by_id(aws: &Aws, place: &Place, id: &str) -> Result<Option<Command>, ActionError> {
    let reply = aws.ssm(&place.region).list_commands().command_id(id).send().await;
    match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(reply) => Ok(reply.commands.unwrap_or_default().into_iter().next()),
        Err(error) if error.code == "InvalidCommandId" => Ok(None),
        Err(error) => Err(error),
    }
}

async fn find(aws: &Aws, place: &Place, since: &str, comment: &str) -> Result<Option<Command>, ActionError> {
    let filter = CommandFilter::builder().key(CommandFilterKey::InvokedAfter).value(since).build();
    let filter = filter.map_err(|error| ActionError::failed("sdk", error.to_string()))?;
    let mut next = None;
    loop {
        let call = aws.ssm(&place.region).list_commands().filters(filter.clone()).set_next_token(next);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let found = reply.commands().iter().find(|command| command.comment() == Some(comment)).cloned();
        next = reply.next_token().map(str::to_owned);
        if found.is_some() || next.is_none() {
            return Ok(found);
        }
    }
}

async fn invocations(aws: &Aws, place: &Place, id: &str) -> Result<Vec<CommandInvocation>, ActionError> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let call = aws.ssm(&place.region).list_command_invocations().command_id(id).details(true);
        let reply = call.set_next_token(next).send().await.map_err(|error| classify(error, Call::Read))?;
        found.extend_from_slice(reply.command_invocations());
        next = reply.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(found);
        }
    }
}

fn seen(id: &str, command: &Command, invocations: &[CommandInvocation]) -> Seen {
    let node = |invocation: &CommandInvocation| invocation.instance_id().unwrap_or_default().to_owned();
    let nodes = invocations.iter().map(|invocation| (node(invocation), invocation.status_details().into()));
    let printed = |invocation: &CommandInvocation| {
        let parts = invocation.command_plugins().iter().filter_map(|plugin| plugin.output());
        Value::from(parts.collect::<Vec<_>>().join("\n"))
    };
    let outputs = invocations.iter().map(|invocation| (node(invocation), printed(invocation)));
    Seen {
        id: id.to_owned(),
        exists: true,
        state: command.status_details().map(str::to_owned),
        attributes: BTreeMap::from([
            ("command".to_owned(), command.command_id().into()),
            ("nodes".to_owned(), Value::Map(nodes.collect())),
            ("outputs".to_owned(), Value::Map(outputs.collect())),
            ("status".to_owned(), command.status_details().into()),
            ("targets".to_owned(), i64::from(command.target_count()).into()),
        ]),
        ..Seen::default()
    }
}
