//! `rds.failover`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::{is_set, setting};
use crate::rds::events::Event;
use crate::rds::following::{self, in_progress, is_usable, nothing_yet, was_seen};
use crate::rds::spec;
use crate::rds::take_away::accepted;
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// AWS shows the zone late: this long after the failover the wait for it is over. It is never the clock.
const ZONE_LIMIT: TimeDelta = TimeDelta::minutes(10);

/// The texts of events (catalogue §5), lower-case.
const STARTED: &[&str] = &["multi-az instance failover started"];
const COMPLETED: &[&str] = &["multi-az instance failover completed", "recovered from partial failover"];
const ABANDONED: &[&str] = &["abandoning user requested failover"];

/// `rds.failover`.
pub(crate) struct Failover(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for Failover {
    fn spec(&self) -> &'static ActionSpec {
        &spec::FAILOVER
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let seen = following::existing(&self.0, cx).await?;
        may_fail_over(&seen)?;
        let findings = self.maintenance(cx, &seen).await?;
        let zone = |name: &str| setting(&seen.attributes, name).cloned().unwrap_or(Value::Null);
        let zones = [("from_zone", zone("availability_zone")), ("to_zone", zone("standby_zone"))];
        let captured = following::captured(&seen, zones);
        Ok(Prepared { token: cx.token(), captured, findings, ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).reboot_db_instance();
        let call = call.db_instance_identifier(cx.required("instance")?).force_failover(true);
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        accepted(cx, "RebootDBInstance")
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
        let completed = following::happened(cx, seen, COMPLETED);
        let swapped = is_in_the_other_zone(cx, seen);
        if completed.is_some() || swapped {
            return self.completed(cx, seen, completed.as_ref(), swapped);
        }
        let begun = was_seen(cx, seen, &["rebooting"]) || following::happened(cx, seen, STARTED).is_some();
        match following::happened(cx, seen, ABANDONED) {
            Some(event) if !begun => Observation::Broken {
                state: "abandoned".to_owned(),
                hint: Some(format!("RDS says: {}; wait ten minutes", event.text)),
            },
            _ if begun => in_progress(seen),
            _ => nothing_yet(cx),
        }
    }

    /// Nothing is left to take back; the way back is a failover of its own.
    fn judge_undo(&self, _: &StepContext, _: &Seen) -> UndoObservation {
        UndoObservation::Gone
    }
}

impl Failover {
    /// Pending maintenance could run into the failover: a drill does not begin then; a recovery is told.
    async fn maintenance(&self, cx: &StepContext, seen: &Seen) -> Result<Vec<String>, ActionError> {
        let arn = setting(&seen.attributes, "arn").and_then(Value::as_str).unwrap_or_default();
        let call = self.0.rds(&cx.place.region).describe_pending_maintenance_actions();
        // Advice only: where it cannot be had, nothing is known to be pending.
        let Ok(reply) = call.resource_identifier(arn).send().await else { return Ok(Vec::new()) };
        let actions = reply.pending_maintenance_actions().iter();
        let names = actions.flat_map(|each| each.pending_maintenance_action_details());
        let names: Vec<&str> = names.filter_map(|detail| detail.action()).collect();
        let message = format!("maintenance is pending: {}", names.join(", "));
        match (names.is_empty(), cx.mode) {
            (true, _) => Ok(Vec::new()),
            (false, Mode::Recovery) => Ok(vec![message]),
            (false, Mode::Drill) => Err(ActionError::refused("pending_maintenance", message)
                .hint("apply it first, or drill when it is done")),
        }
    }

    fn completed(&self, cx: &StepContext, seen: &Seen, event: Option<&Event>, swapped: bool) -> Observation {
        if !is_usable(seen) {
            return in_progress(seen);
        }
        if cx.readiness(self.spec()) == "confirmed" && !swapped {
            let late = event.is_some_and(|event| cx.now - event.at > ZONE_LIMIT);
            return match late {
                true => Observation::Broken {
                    state: "unconfirmed".to_owned(),
                    hint: Some("RDS said that the failover was completed, but shows the old zone".to_owned()),
                },
                false => in_progress(seen),
            };
        }
        Observation::Ready(outputs(cx, seen, event, swapped))
    }
}

/// What AWS would refuse, or what would end badly.
fn may_fail_over(seen: &Seen) -> Result<(), ActionError> {
    let state = seen.state.clone().unwrap_or_default();
    let refuse =
        |code: &str, message: String, hint: &str| Err(ActionError::refused(code, message).hint(hint));
    if !is_set(&seen.attributes, "multi_az") {
        return refuse(
            "single_az",
            format!("`{}` has no standby: a failover of it is not possible", seen.id),
            "its recovery is a restore; a standby is a change of `multi_az`",
        );
    }
    if state != "available" {
        let message = format!("`{}` is `{state}`; a failover begins from `available`", seen.id);
        return refuse("not_available", message, "wait until it is");
    }
    if is_set(&seen.attributes, "pending") {
        let message = format!("a change of `{}` is pending", seen.id);
        return refuse("pending_change", message, "let it be applied first");
    }
    Ok(())
}

/// Whether AWS shows it where its standby was.
fn is_in_the_other_zone(cx: &StepContext, seen: &Seen) -> bool {
    let now = setting(&seen.attributes, "availability_zone").and_then(Value::as_str);
    now.is_some() && now == following::text(cx, "to_zone")
}

fn outputs(cx: &StepContext, seen: &Seen, completed: Option<&Event>, swapped: bool) -> Values {
    let started = following::happened(cx, seen, STARTED).map(|event| event.at);
    BTreeMap::from([
        ("instance".to_owned(), seen.attributes.get("instance").cloned().unwrap_or(Value::Null)),
        ("status".to_owned(), seen.state.as_deref().into()),
        ("from_zone".to_owned(), following::text(cx, "from_zone").into()),
        ("to_zone".to_owned(), following::text(cx, "to_zone").into()),
        ("zone_confirmed".to_owned(), swapped.into()),
        ("started_at".to_owned(), started.into()),
        ("completed_at".to_owned(), completed.map(|event| event.at).into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{aws, context, now};

    fn step(states_seen: &[&str], accepted: bool) -> StepContext {
        let mut cx = context(states_seen);
        for (name, value) in [("from_zone", "1a"), ("to_zone", "1b"), ("resource_id", "db-A")] {
            cx.prepared.captured.insert(name.to_owned(), value.into());
        }
        if accepted {
            cx.recorded.accepted.push((Stage::first(), now(), Values::new()));
        }
        cx
    }

    fn seen(state: &str, zone: &str, texts: &[&str]) -> Seen {
        let event = |text: &&str| {
            let values = [
                ("at", Value::Time(now())),
                ("text", Value::from(*text)),
                ("categories", Value::List(vec![])),
            ];
            Value::Map(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        };
        let attributes = BTreeMap::from([
            ("availability_zone".to_owned(), zone.into()),
            ("endpoint".to_owned(), "host".into()),
            ("multi_az".to_owned(), true.into()),
            ("events".to_owned(), Value::List(texts.iter().map(event).collect())),
        ]);
        Seen { exists: true, state: Some(state.into()), attributes, ..Seen::absent("orders") }
    }

    fn word(observation: &Observation) -> &'static str {
        match observation {
            Observation::Ready(_) => "ready",
            Observation::InProgress { .. } => "in progress",
            Observation::Broken { .. } => "broken",
            Observation::Absent => "absent",
            Observation::Unknown => "unknown",
            other => panic!("{other:?}"),
        }
    }

    const START: &str = "Multi-AZ instance failover started";
    const END: &str = "Multi-AZ instance failover completed";
    const GIVEN_UP: &str = "Abandoning user requested failover since a failover recently occurred";

    #[test]
    fn the_event_is_the_clock_and_the_zone_only_confirms() {
        let action = Failover(aws());
        for (states, accepted, look, judged) in [
            (vec![], false, seen("available", "1a", &[]), "absent"),
            (vec![], true, seen("available", "1a", &[]), "unknown"),
            (vec![], true, seen("available", "1a", &[START]), "in progress"),
            (vec![], true, seen("rebooting", "1a", &[START]), "in progress"),
            (vec!["rebooting"], true, seen("available", "1a", &[START]), "in progress"),
            (vec!["rebooting"], true, seen("rebooting", "1a", &[START, END]), "in progress"),
            (vec!["rebooting"], true, seen("available", "1a", &[START, END]), "ready"),
            (vec![], false, seen("available", "1a", &[START, END]), "ready"),
            (vec!["rebooting"], true, seen("available", "1b", &[]), "ready"),
            (vec![], true, seen("available", "1a", &[GIVEN_UP]), "broken"),
            (vec!["rebooting"], true, seen("available", "1a", &[START, END, GIVEN_UP]), "ready"),
            (vec!["rebooting"], true, seen("storage-full", "1a", &[START]), "broken"),
        ] {
            let observation = action.judge(&step(&states, accepted), &look);
            assert_eq!(word(&observation), judged, "{states:?} {accepted} {look:?}");
        }
        let mut confirmed = step(&["rebooting"], true);
        confirmed.wait_for = Some("confirmed".to_owned());
        let look = seen("available", "1a", &[START, END]);
        assert_eq!(word(&action.judge(&confirmed, &look)), "in progress");
        assert_eq!(word(&action.judge(&confirmed, &seen("available", "1b", &[END]))), "ready");
        confirmed.now = now() + TimeDelta::minutes(11);
        assert_eq!(word(&action.judge(&confirmed, &look)), "broken");
    }

    #[test]
    fn what_cannot_fail_over_is_refused_before_anything() {
        let code = |look: Seen| may_fail_over(&look).map_err(|error| error.code);
        assert_eq!(code(seen("available", "1a", &[])), Ok(()));
        assert_eq!(code(seen("backing-up", "1a", &[])), Err("not_available".to_owned()));
        let mut single = seen("available", "1a", &[]);
        single.attributes.insert("multi_az".to_owned(), false.into());
        assert_eq!(code(single), Err("single_az".to_owned()));
        let mut pending = seen("available", "1a", &[]);
        let settings = Value::Map(BTreeMap::from([("pending".to_owned(), Value::Bool(true))]));
        pending.attributes.insert("settings".to_owned(), settings);
        assert_eq!(code(pending), Err("pending_change".to_owned()));
    }
}
