//! `rds.restore_from_snapshot`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::restore::{self as common, dress};
use crate::rds::snapshots::{Wanted, data_time, existing, newest};
use crate::rds::take_away::accepted;
use crate::rds::{instances, marks, settings, spec};
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, DataTime, Observation, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::{ActionSpec, Grade};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rds.restore_from_snapshot`.
pub(crate) struct RestoreFromSnapshot(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for RestoreFromSnapshot {
    fn spec(&self) -> &'static ActionSpec {
        &spec::RESTORE_FROM_SNAPSHOT
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let snapshot = self.snapshot(cx).await?;
        let (mut source, mut findings) = self.source(cx, &snapshot).await?;
        findings.extend(common::adjust(&self.0, cx, &mut source).await);
        let known = ["snapshot", "data_time", "data_grade"];
        let known = known.iter().filter_map(|name| Some(((*name).to_owned(), snapshot.get(*name)?.clone())));
        Ok(Prepared {
            names: common::names(cx),
            token: cx.token(),
            resolved: known.collect(),
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
        data_of(&cx.prepared.resolved)
    }

    fn watches_undo(&self, cx: &StepContext) -> Option<Watch> {
        common::watch_undo(cx)
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        common::judge_undo(cx, seen)
    }
}

impl RestoreFromSnapshot {
    /// The snapshot that is meant.
    async fn snapshot(&self, cx: &StepContext) -> Result<Values, ActionError> {
        let name = cx.required("snapshot")?;
        if name != "latest" {
            return existing(&self.0, &cx.place.region, name).await.map(|seen| seen.attributes);
        }
        let source = cx.text("source").ok_or_else(|| {
            ActionError::refused(
                "parameter",
                "`snapshot: latest` needs `source`: the latest of which instance?",
            )
        })?;
        newest(&self.0, cx, &Wanted::of(cx, source)).await.map(|seen| seen.attributes)
    }

    /// What the copy shall be like. A snapshot knows neither network nor groups nor class: where the instance is gone, it
    /// says what it can.
    async fn source(
        &self,
        cx: &StepContext,
        snapshot: &Values,
    ) -> Result<(Values, Vec<String>), ActionError> {
        let text = |name: &str| snapshot.get(name).and_then(Value::as_str);
        let name = cx.text("source").or(text("instance")).unwrap_or_default();
        let seen = instances::look_at(&self.0, &cx.place, name).await?;
        if !seen.exists {
            let finding = format!(
                "`{name}` is gone: its network, groups and class are not known, and what the step does not name is \
                 AWS's default"
            );
            return Ok((kept_by_snapshot(snapshot), vec![finding]));
        }
        let another = seen.attributes.get("resource_id").and_then(Value::as_str) != text("resource_id");
        let finding =
            format!("the copy is like `{name}`, which is not the instance the snapshot was taken of");
        Ok((seen.attributes, another.then_some(finding).into_iter().collect()))
    }

    async fn restore(&self, cx: &StepContext) -> Result<Accepted, ActionError> {
        let snapshot = cx.prepared.resolved.get("snapshot").and_then(Value::as_str).unwrap_or_default();
        let call = self
            .0
            .rds(&cx.place.region)
            .restore_db_instance_from_db_snapshot()
            .db_instance_identifier(common::name(cx))
            .db_snapshot_identifier(snapshot)
            .set_tags(Some(marks::tags(cx, None)));
        let reply = dress!(call, common::like(cx)).send().await;
        let reply = reply.map_err(|error| common::refine(classify(error, Call::Mutation)))?;
        common::made(cx, reply.db_instance().and_then(|instance| instance.db_instance_arn()))?;
        accepted(cx, "RestoreDBInstanceFromDBSnapshot")
    }
}

/// What a snapshot itself says of the instance.
fn kept_by_snapshot(snapshot: &Values) -> Values {
    let names = ["engine", "engine_version", "allocated_storage_gib", "storage_type", "encrypted", "kms_key"];
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), snapshot.get(*name)?.clone())));
    kept.collect()
}

/// Which time the data is of; a resumed run reads it from the journal, as text.
fn data_of(resolved: &Values) -> Option<DataTime> {
    let mut resolved = resolved.clone();
    let at = settings::time(resolved.get("data_time"))?;
    resolved.insert("data_time".to_owned(), Value::Time(at));
    let (at, grade) = data_time(&resolved)?;
    let source = match grade {
        Grade::B => "SnapshotDatabaseTime of the snapshot",
        _ => "OriginalSnapshotCreateTime of the snapshot",
    };
    Some(DataTime { at, grade, source: source.to_owned() })
}
