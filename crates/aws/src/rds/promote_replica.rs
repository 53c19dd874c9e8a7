//! `rds.promote_replica`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::{is_set, setting};
use crate::rds::following::{self, in_progress, is_usable, nothing_yet, was_seen};
use crate::rds::replica_lag::{self, Lag, Sample};
use crate::rds::take_away::accepted;
use crate::rds::{settings, spec};
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, DataTime, Observation, Prepared, Stage, StepContext, UndoObservation,
    Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::{ActionSpec, Grade};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
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
        let most = max_lag(cx)?;
        // In a disaster the source is dead and replication with it: that must not stop a promotion.
        let ill = !is_set(&seen.attributes, "replicates");
        let finding =
            "its replication had stopped before: what the source took after that is not in it".to_owned();
        let mut findings: Vec<String> = ill.then_some(finding).into_iter().collect();
        let lag = match replica_lag::read(&self.0, cx, cx.required("instance")?).await {
            Ok(lag) => lag,
            Err(error) if most.is_some() => return Err(error),
            // Advice only where nothing depends on it.
            Err(error) => {
                findings.push(format!("how far it is behind is not known: {}", error.message));
                Lag::default()
            }
        };
        if let Some(most) = most {
            is_near_enough(cx, lag.judged(!ill), most)?;
        }
        Ok(Prepared {
            token: cx.token(),
            captured: following::captured(&seen, [("former_source", source.clone())]),
            resolved: lag.before.map(resolved).unwrap_or_default(),
            findings,
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

    /// How far it was behind before service was lost is metadata about the source's data, nothing that was read of it.
    fn data_time(&self, cx: &StepContext) -> Option<DataTime> {
        let text = cx.prepared.resolved.get("data_source").and_then(Value::as_str);
        let at = settings::time(cx.prepared.resolved.get("data_time"))?;
        Some(DataTime { at, grade: Grade::C, source: text.unwrap_or_default().to_owned() })
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
        for name in ["replica_lag", "data_time"] {
            outputs.insert(name.to_owned(), cx.prepared.resolved.get(name).cloned().unwrap_or(Value::Null));
        }
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

/// How far it may be behind; in a recovery that must be said, because what is lost by a promotion stays lost.
fn max_lag(cx: &StepContext) -> Result<Option<TimeDelta>, ActionError> {
    match cx.with.get("max_lag") {
        Some(Value::Duration(most)) => Ok(Some(*most)),
        _ if cx.mode == Mode::Recovery => {
            Err(ActionError::refused("parameter", "`max_lag` must be said in a recovery").hint(
                "`max_lag: 30s`: a replica that is further behind, or nobody knows how far, is not promoted",
            ))
        }
        _ => Ok(None),
    }
}

fn is_near_enough(cx: &StepContext, judged: Option<Sample>, most: TimeDelta) -> Result<(), ActionError> {
    let name = cx.required("instance")?;
    let most_text = units::duration_text(most);
    match judged {
        Some(sample) if sample.lag <= most => Ok(()),
        Some(sample) => {
            let lag = units::duration_text(sample.lag);
            let message = format!("`{name}` is {lag} behind, and `max_lag` is {most_text}");
            Err(ActionError::refused("replica_lag", message).hint(
                "stop the writes and wait until it has caught up, or give more `max_lag` and lose what is missing",
            ))
        }
        None => {
            let message = format!("how far `{name}` is behind is not known, and `max_lag` is {most_text}");
            Err(ActionError::refused("replica_lag_unknown", message).hint(
                "CloudWatch has no ReplicaLag of it from before service was lost; look at a heartbeat table, or restore",
            ))
        }
    }
}

/// What is kept of a sample: as text, for whoever takes the run up again.
fn resolved(sample: Sample) -> Values {
    BTreeMap::from([
        ("data_source".to_owned(), sample.source().into()),
        ("data_time".to_owned(), sample.complete_to().into()),
        ("replica_lag".to_owned(), Value::Duration(sample.lag)),
    ])
}

/// Whether it still follows its source: by its name, or by the state of its replication.
fn follows(seen: &Seen) -> bool {
    setting(&seen.attributes, "replica_of").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{aws, context, now};

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
    #[test]
    fn a_recovery_says_how_far_behind_is_near_enough() {
        let mut cx = context(&[]);
        cx.with.insert("instance".to_owned(), "orders-replica".into());
        assert_eq!(max_lag(&cx), Ok(None));
        cx.mode = Mode::Recovery;
        assert_eq!(max_lag(&cx).unwrap_err().code, "parameter");
        let most = TimeDelta::seconds(30);
        cx.with.insert("max_lag".to_owned(), Value::Duration(most));
        assert_eq!(max_lag(&cx), Ok(Some(most)));
        let sample = |lag| Some(Sample { at: now(), lag: TimeDelta::seconds(lag) });
        assert_eq!(is_near_enough(&cx, sample(30), most), Ok(()));
        let far = is_near_enough(&cx, sample(31), most).unwrap_err();
        assert_eq!((far.code.as_str(), far.message.contains("31s behind")), ("replica_lag", true));
        assert_eq!(is_near_enough(&cx, None, most).unwrap_err().code, "replica_lag_unknown");
    }

    #[test]
    fn the_lag_from_before_is_evidence_also_when_it_is_read_from_the_journal() {
        let action = PromoteReplica(aws());
        let mut cx = context(&[]);
        assert_eq!(action.data_time(&cx), None);
        cx.prepared.resolved = resolved(Sample { at: now(), lag: TimeDelta::seconds(2) });
        let told = action.data_time(&cx).expect("evidence");
        assert_eq!((told.at, told.grade), (now() - TimeDelta::seconds(2), Grade::C));
        assert!(told.source.contains("ReplicaLag, at most 2s"), "{}", told.source);
        cx.prepared.resolved.insert("data_time".to_owned(), units::time_text(told.at).into());
        assert_eq!(action.data_time(&cx), Some(told));
    }
}
