//! `rds.restore_to_point_in_time`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::restore::{self as common, dress};
use crate::rds::take_away::accepted;
use crate::rds::{describe, instances, marks, settings, spec};
use async_trait::async_trait;
use aws_sdk_rds::operation::restore_db_instance_to_point_in_time::builders::RestoreDBInstanceToPointInTimeFluentBuilder as Restore;
use aws_sdk_rds::types::Filter;
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, DataTime, Observation, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::{ActionSpec, Grade};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rds.restore_to_point_in_time`.
pub(crate) struct RestoreToPointInTime(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for RestoreToPointInTime {
    fn spec(&self) -> &'static ActionSpec {
        &spec::RESTORE_TO_POINT_IN_TIME
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let mut source = self.source(cx).await?;
        let time = restore_time(cx, &source)?;
        let findings = common::adjust(&self.0, cx, &mut source).await;
        Ok(Prepared {
            names: common::names(cx),
            token: cx.token(),
            resolved: BTreeMap::from([("time".to_owned(), time.into())]),
            captured: BTreeMap::from([("source".to_owned(), Value::Map(source))]),
            findings,
        })
    }

    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        match *stage == Stage::first() {
            true => self.restore(cx).await,
            false => common::finish(&self.0, cx, stage).await,
        }
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        common::undo(&self.0, cx, stage).await
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        common::watch(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        common::judge(cx, self.spec(), seen)
    }

    fn reached(&self, cx: &StepContext, seen: &Seen) -> Vec<&'static str> {
        common::reached(cx, seen)
    }

    fn data_time(&self, cx: &StepContext) -> Option<DataTime> {
        let at = resolved_time(cx).ok()?;
        Some(DataTime { at, grade: Grade::B, source: "the RestoreTime that was sent".to_owned() })
    }

    fn watches_undo(&self, cx: &StepContext) -> Option<Watch> {
        common::watch_undo(cx)
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        common::judge_undo(cx, seen)
    }
}

impl RestoreToPointInTime {
    async fn restore(&self, cx: &StepContext) -> Result<Accepted, ActionError> {
        let time = resolved_time(cx)?;
        let call = self.0.rds(&cx.place.region).restore_db_instance_to_point_in_time();
        let call = identify_source(call, cx, &common::source(cx))
            .target_db_instance_identifier(common::name(cx))
            .restore_time(SdkTime::from_millis(time.timestamp_millis()))
            .set_tags(Some(marks::tags(cx, None)));
        let like = common::like(cx);
        let call = call.set_max_allocated_storage(like.max_allocated_storage);
        let reply = dress!(call, like).send().await;
        let reply = reply.map_err(|error| common::refine(classify(error, Call::Mutation)))?;
        common::made(cx, reply.db_instance().and_then(|instance| instance.db_instance_arn()))?;
        accepted(cx, "RestoreDBInstanceToPointInTime")
    }

    /// What is known of the source, by identifier, resource id, or the ARN of its automated backup. Where the source
    /// itself is gone, its automated backup says what it can.
    async fn source(&self, cx: &StepContext) -> Result<Values, ActionError> {
        let id = cx.required("source")?;
        let seen = match id {
            _ if id.starts_with("arn:") => Seen::absent(id),
            _ if id.starts_with("db-") => self.by_resource_id(cx, id).await?,
            _ => instances::look_at(&self.0, &cx.place, id).await?,
        };
        if seen.exists {
            return Ok(seen.attributes);
        }
        self.backup(cx, id).await?.ok_or_else(|| {
            ActionError::refused(
                "DBInstanceNotFound",
                format!("there is no DB instance `{id}`, and no backup of one"),
            )
            .hint("look at the name, the account and the Region")
        })
    }

    async fn by_resource_id(&self, cx: &StepContext, id: &str) -> Result<Seen, ActionError> {
        let filter = Filter::builder().name("dbi-resource-id").values(id).build();
        let call = self.0.rds(&cx.place.region).describe_db_instances().filters(filter);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        Ok(reply.db_instances().first().map_or_else(|| Seen::absent(id), describe::seen))
    }

    async fn backup(&self, cx: &StepContext, id: &str) -> Result<Option<Values>, ActionError> {
        let call = self.0.rds(&cx.place.region).describe_db_instance_automated_backups();
        let call = match id {
            _ if id.starts_with("arn:") => call.db_instance_automated_backups_arn(id),
            _ if id.starts_with("db-") => call.dbi_resource_id(id),
            _ => call.db_instance_identifier(id),
        };
        let reply = match call.send().await.map_err(|error| classify(error, Call::Read)) {
            Ok(reply) => reply,
            Err(error) if error.code.contains("NotFound") => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(backup) = reply.db_instance_automated_backups().first() else { return Ok(None) };
        let latest = backup.restore_window().and_then(|window| window.latest_time());
        let latest = latest.and_then(|time| DateTime::from_timestamp_millis(time.to_millis().ok()?));
        let values = [
            ("backup_arn", backup.db_instance_automated_backups_arn().into()),
            ("resource_id", backup.dbi_resource_id().into()),
            ("engine", backup.engine().into()),
            ("latest_restorable_time", latest.into()),
            ("storage_type", backup.storage_type().into()),
            ("allocated_storage_gib", backup.allocated_storage().into()),
        ];
        Ok(Some(values.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()))
    }
}

/// What `time` means: whole seconds, and before the latest restorable time, as the service's model demands.
fn restore_time(cx: &StepContext, source: &Values) -> Result<DateTime<Utc>, ActionError> {
    let latest = source.get("latest_restorable_time").and_then(Value::as_time).ok_or_else(|| {
        ActionError::refused("PointInTimeRestoreNotEnabled", "the source has no time it can be restored to")
            .hint("automated backups are off, or the first one is not done")
    })?;
    let newest = whole_seconds(latest) - TimeDelta::seconds(1);
    let asked = match cx.with.get("time") {
        Some(Value::Time(time)) => whole_seconds(*time),
        Some(Value::Duration(before)) => whole_seconds(cx.run_started_at + *before),
        _ => return Ok(newest),
    };
    if asked > newest {
        let (asked, latest) = (units::time_text(asked), units::time_text(latest));
        return Err(ActionError::refused(
            "InvalidRestoreTime",
            format!("{asked} cannot be restored: the latest restorable time is {latest}"),
        )
        .hint("an earlier time, or `latest`"));
    }
    Ok(asked)
}

fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

/// The time as resolved: a time, or its text where it was read back from the journal.
fn resolved_time(cx: &StepContext) -> Result<DateTime<Utc>, ActionError> {
    settings::time(cx.prepared.resolved.get("time"))
        .ok_or_else(|| ActionError::failed("prepared", "the journal does not say which time was resolved"))
}

fn identify_source(call: Restore, cx: &StepContext, source: &Values) -> Restore {
    let id = cx.text("source").unwrap_or_default();
    match source.get("backup_arn").and_then(Value::as_str) {
        Some(arn) => call.source_db_instance_automated_backups_arn(arn),
        None if id.starts_with("db-") => call.source_dbi_resource_id(id),
        None => call.source_db_instance_identifier(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::context;

    #[test]
    fn a_time_is_whole_seconds_before_the_latest() {
        let latest = units::parse_time("2026-01-05T08:57:31.400Z").unwrap();
        let source = BTreeMap::from([("latest_restorable_time".to_owned(), Value::Time(latest))]);
        for (asked, resolved) in [
            (Value::from("latest"), Some("2026-01-05T08:57:30.000Z")),
            (Value::Duration(TimeDelta::minutes(-40)), Some("2026-01-05T08:20:00.000Z")),
            (
                Value::Time(units::parse_time("2026-01-05T08:00:00.900Z").unwrap()),
                Some("2026-01-05T08:00:00.000Z"),
            ),
            (Value::Time(units::parse_time("2026-01-05T08:58:00Z").unwrap()), None),
        ] {
            let mut cx = context(&[]);
            cx.with.insert("time".to_owned(), asked.clone());
            let time = restore_time(&cx, &source).ok().map(units::time_text);
            assert_eq!(time.as_deref(), resolved, "{asked}");
        }
        assert!(restore_time(&context(&[]), &Values::new()).is_err(), "without backups there is no time");
    }
}
