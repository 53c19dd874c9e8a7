//! `rds.promote_replica`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::{is_set, setting};
use crate::rds::following::{self, in_progress, is_usable, nothing_yet, was_seen};
use crate::rds::spec;
use crate::rds::take_away::accepted;
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::sync::Arc;

/// States that show that it has begun.
const BEGUN: [&str; 2] = ["modifying", "rebooting"];

/// `rds.promote_replica`.
pub(crate) struct PromoteReplica(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for PromoteReplica {
    fn spec(&self) -> &'static ActionSpec {
        &spec::PROMOTE_REPLICA
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let seen = following::existing(&self.0, cx).await?;
        let Some(source) = setting(&seen.attributes, "replica_of") else {
            return Err(ActionError::refused(
                "not_a_replica",
                format!("`{}` follows no other instance", seen.id),
            )
            .hint("only a read replica can be promoted"));
        };
        // In a disaster the source is dead and replication with it: that must not stop a promotion.
        let ill = !is_set(&seen.attributes, "replicates");
        let finding =
            "its replication had stopped before: what the source took after that is not in it".to_owned();
        Ok(Prepared {
            token: cx.token(),
            captured: following::captured(&seen, [("former_source", source.clone())]),
            findings: ill.then_some(finding).into_iter().collect(),
            ..Prepared::default()
        })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let days = cx.with.get("backup_retention_days").and_then(Value::as_int);
        let call = self.0.rds(&cx.place.region).promote_read_replica();
        let call = call
            .db_instance_identifier(cx.required("instance")?)
            .set_backup_retention_period(days.and_then(|days| i32::try_from(days).ok()));
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        accepted(cx, "PromoteReadReplica")
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        following::watch(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if let Some(ended) = following::ended(seen) {
            return ended;
        }
        if follows(seen) {
            return match was_seen(cx, seen, &BEGUN) {
                true => in_progress(seen),
                false => nothing_yet(cx),
            };
        }
        let available = seen.state.as_deref() == Some("available");
        if !is_usable(seen) || (cx.readiness(self.spec()) == "available" && !available) {
            return in_progress(seen);
        }
        let mut outputs = following::outputs(seen);
        outputs.insert("former_source".to_owned(), following::text(cx, "former_source").into());
        Observation::Ready(outputs)
    }

    /// One way: what stands by itself never follows again.
    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.clone().unwrap_or_default();
        match seen.exists && !follows(seen) {
            true => UndoObservation::Failed {
                why: "a promotion cannot be taken back: make a new replica and delete this one".to_owned(),
            },
            false if was_seen(cx, seen, &BEGUN) && seen.exists => UndoObservation::InProgress { state },
            false => UndoObservation::Gone,
        }
    }
}

/// Whether it still follows its source: by its name, or by the state of its replication.
fn follows(seen: &Seen) -> bool {
    setting(&seen.attributes, "replica_of").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{aws, context, now};
    use lifeboat_engine::action::Values;
    use std::collections::BTreeMap;

    fn seen(state: &str, source: Option<&str>) -> Seen {
        let attributes = BTreeMap::from([
            ("endpoint".to_owned(), "host".into()),
            ("replica_of".to_owned(), Value::from(source)),
        ]);
        Seen { exists: true, state: Some(state.into()), attributes, ..Seen::absent("db-A") }
    }

    #[test]
    fn it_is_promoted_when_it_follows_nobody() {
        let action = PromoteReplica(aws());
        let orders = Some("orders");
        for (wait_for, states, accepted, look, word) in [
            (None, vec![], false, seen("available", orders), "absent"),
            (None, vec![], true, seen("available", orders), "unknown"),
            (None, vec!["modifying"], true, seen("available", orders), "in progress"),
            (None, vec!["modifying"], true, seen("rebooting", None), "in progress"),
            (None, vec!["modifying"], true, seen("backing-up", None), "ready"),
            (Some("available"), vec!["modifying"], true, seen("backing-up", None), "in progress"),
            (Some("available"), vec!["modifying"], true, seen("available", None), "ready"),
            (None, vec!["modifying"], true, seen("failed", orders), "broken"),
        ] {
            let mut cx = context(&states);
            cx.wait_for = wait_for.map(str::to_owned);
            if accepted {
                cx.recorded.accepted.push((Stage::first(), now(), Values::new()));
            }
            let judged = match action.judge(&cx, &look) {
                Observation::Ready(_) => "ready",
                Observation::InProgress { .. } => "in progress",
                Observation::Broken { .. } => "broken",
                Observation::Absent => "absent",
                Observation::Unknown => "unknown",
                other => panic!("{other:?}"),
            };
            assert_eq!(judged, word, "{wait_for:?} {states:?} {look:?}");
        }
        let cx = context(&[]);
        assert!(matches!(action.judge_undo(&cx, &seen("available", None)), UndoObservation::Failed { .. }));
        assert_eq!(action.judge_undo(&cx, &seen("available", orders)), UndoObservation::Gone);
    }
}
