//! `backup.latest_recovery_point`.

use super::spec;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::time;
use async_trait::async_trait;
use aws_sdk_backup::operation::describe_recovery_point::DescribeRecoveryPointOutput;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext, Values};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::units::duration_text;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many are looked at closely, the newest first: where so many cannot be restored, something else is wrong.
const MOST_LOOKS: usize = 20;

/// `backup.latest_recovery_point`.
pub struct LatestRecoveryPoint(pub(crate) Arc<Aws>);

/// A recovery point as the lists show it.
struct Listed {
    arn: String,
    vault: String,
    status: String,
    created_at: DateTime<Utc>,
}

#[async_trait]
impl Action for LatestRecoveryPoint {
    fn spec(&self) -> &'static ActionSpec {
        &spec::LATEST_RECOVERY_POINT
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let mut passed_over = Vec::new();
        for listed in self.candidates(cx).await?.into_iter().take(MOST_LOOKS) {
            let point = self.describe(cx, &listed).await?;
            match obstacle(&point) {
                Some(why) => passed_over.push(Value::from(format!("{}: {why}", listed.arn))),
                None => return young_enough(cx, &listed).map(|()| ready(&listed, &point, passed_over)),
            }
        }
        let message = "there is no recovery point that can be restored now";
        let hint = match passed_over.is_empty() {
            true => "look at the resource, the vault, the account and the Region".to_owned(),
            false => format!("passed over: {}", Value::List(passed_over)),
        };
        Err(ActionError::failed("absent", message).hint(hint))
    }
}

impl LatestRecoveryPoint {
    /// Complete ones, the newest first.
    async fn candidates(&self, cx: &StepContext) -> Result<Vec<Listed>, ActionError> {
        let mut found = match (cx.text("vault"), cx.text("resource")) {
            (Some(vault), resource) => self.by_vault(cx, vault, resource).await?,
            (None, Some(resource)) => self.by_resource(cx, resource).await?,
            (None, None) => {
                return Err(ActionError::refused("parameter", "either `resource` or `vault` must be given"));
            }
        };
        let continuous = cx.with.get("allow_continuous").and_then(Value::as_bool) == Some(true);
        let before = cx.with.get("before").and_then(Value::as_time);
        // A continuous one has the state AVAILABLE, every other that is done COMPLETED (API reference).
        found.retain(|point| point.status == "COMPLETED" || continuous && point.status == "AVAILABLE");
        found.retain(|point| before.is_none_or(|before| point.created_at <= before));
        found.sort_by(|one, other| (other.created_at, &other.arn).cmp(&(one.created_at, &one.arn)));
        Ok(found)
    }

    async fn by_vault(
        &self,
        cx: &StepContext,
        vault: &str,
        resource: Option<&str>,
    ) -> Result<Vec<Listed>, ActionError> {
        let client = self.0.backup(&cx.place.region);
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let call = client.list_recovery_points_by_backup_vault().backup_vault_name(vault);
            let call = call.set_by_resource_arn(resource.map(str::to_owned)).set_next_token(next);
            let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
            found.extend(reply.recovery_points().iter().filter_map(|point| {
                Some(Listed {
                    arn: point.recovery_point_arn()?.to_owned(),
                    vault: vault.to_owned(),
                    status: point.status()?.as_str().to_owned(),
                    created_at: time(point.creation_date())?,
                })
            }));
            next = reply.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn by_resource(&self, cx: &StepContext, resource: &str) -> Result<Vec<Listed>, ActionError> {
        let client = self.0.backup(&cx.place.region);
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let call = client.list_recovery_points_by_resource().resource_arn(resource).set_next_token(next);
            let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
            found.extend(reply.recovery_points().iter().filter_map(|point| {
                Some(Listed {
                    arn: point.recovery_point_arn()?.to_owned(),
                    vault: point.backup_vault_name()?.to_owned(),
                    status: point.status()?.as_str().to_owned(),
                    created_at: time(point.creation_date())?,
                })
            }));
            next = reply.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn describe(
        &self,
        cx: &StepContext,
        point: &Listed,
    ) -> Result<DescribeRecoveryPointOutput, ActionError> {
        let call = self.0.backup(&cx.place.region).describe_recovery_point();
        let call = call.backup_vault_name(&point.vault).recovery_point_arn(&point.arn);
        call.send().await.map_err(|error| classify(error, Call::Read))
    }
}

/// Why it cannot be restored now.
fn obstacle(point: &DescribeRecoveryPointOutput) -> Option<&'static str> {
    let findings = point.scan_results().iter().flat_map(|scan| scan.findings());
    let is_infected = findings.into_iter().any(|finding| finding.as_str() == "MALWARE");
    let is_warm = point.storage_class().is_none_or(|class| class.as_str() == "WARM");
    match (is_infected, is_warm) {
        (true, _) => Some("a scan found malware in it"),
        (false, false) => Some("it is in cold storage"),
        (false, true) => None,
    }
}

fn young_enough(cx: &StepContext, point: &Listed) -> Result<(), ActionError> {
    let Some(Value::Duration(most)) = cx.with.get("max_age") else { return Ok(()) };
    let age = cx.now - point.created_at;
    if age <= *most {
        return Ok(());
    }
    let (age, most) = (duration_text(age), duration_text(*most));
    let message = format!("the newest recovery point, {}, is {age} old; at most {most} is wanted", point.arn);
    Err(ActionError::failed("assert", message).hint("look at the backup plan and its last jobs"))
}

fn ready(listed: &Listed, point: &DescribeRecoveryPointOutput, passed_over: Vec<Value>) -> Observation {
    let outputs: Values = BTreeMap::from([
        ("data_time".to_owned(), listed.created_at.into()),
        ("passed_over".to_owned(), Value::List(passed_over)),
        ("recovery_point".to_owned(), listed.arn.as_str().into()),
        ("resource".to_owned(), point.resource_arn().into()),
        ("resource_type".to_owned(), point.resource_type().into()),
        ("vault".to_owned(), listed.vault.as_str().into()),
    ]);
    Observation::Ready(outputs)
}
