//! `rds.modify_instance`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::is_set;
use crate::rds::following::{self, asked_for, in_progress, nothing_yet, was_seen};
use crate::rds::take_away::accepted;
use crate::rds::{settings, spec};
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// States that show that a change has begun.
const BEGUN: [&str; 6] =
    ["modifying", "configuring-", "resetting-master-credentials", "upgrading", "backing-up", "storage-"];

/// Many settings never show a state: in force for this long after the acceptance is enough (catalogue §5).
const QUIET: TimeDelta = TimeDelta::seconds(60);

/// `rds.modify_instance`.
pub(crate) struct ModifyInstance(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for ModifyInstance {
    fn spec(&self) -> &'static ActionSpec {
        &spec::MODIFY_INSTANCE
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let wanted = wanted(cx)?;
        let seen = following::existing(&self.0, cx).await?;
        let before = settings::current(&seen.attributes, &wanted);
        let (_, stays) = settings::returning(&settings::missing(&wanted, &before));
        let findings = stays.iter().map(|name| format!("`{name}` cannot be changed back by AWS")).collect();
        Ok(Prepared {
            token: cx.token(),
            captured: following::captured(&seen, [("before", Value::Map(before))]),
            findings,
            ..Prepared::default()
        })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        self.send(cx, &wanted(cx)?, at_once(cx)).await
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let (back, _) = settings::returning(&before(cx));
        match back.is_empty() {
            true => Ok(()),
            false => self.send(cx, &back, true).await.map(drop),
        }
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        following::watch(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if let Some(ended) = following::ended(seen) {
            return ended;
        }
        let Ok(wanted) = wanted(cx) else { return Observation::Unknown };
        let done = settings::missing(&seen.attributes, &wanted).is_empty();
        let pending = is_set(&seen.attributes, "pending_values");
        if !at_once(cx) && (pending || done) {
            return Observation::Ready(following::outputs(seen));
        }
        let resting = seen.state.as_deref() == Some("available") && !is_set(&seen.attributes, "pending");
        let begun = was_seen(cx, seen, &BEGUN);
        let quiet = asked_for(cx).is_some_and(|since| since >= QUIET);
        match (resting, done) {
            (true, true) if begun || quiet => Observation::Ready(following::outputs(seen)),
            (true, false) if begun => self.not_done(cx, seen),
            (true, false) => nothing_yet(cx),
            _ => in_progress(seen),
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.clone().unwrap_or_default();
        let (back, stays) = settings::returning(&before(cx));
        let differs = |values: &Values| !settings::missing(&seen.attributes, values).is_empty();
        let resting = state == "available" && !is_set(&seen.attributes, "pending");
        // What was accepted a moment ago may still begin.
        let settling = asked_for(cx).is_some_and(|since| since < QUIET) && !was_seen(cx, seen, &BEGUN);
        match seen.exists {
            false => UndoObservation::Gone,
            true if !resting || settling => UndoObservation::InProgress { state },
            true if differs(&back) && cx.recorded.undo_accepted.is_empty() => {
                UndoObservation::Next(Stage::first())
            }
            true if differs(&back) => UndoObservation::InProgress { state },
            true if differs(&before(cx)) => UndoObservation::Failed {
                why: format!("AWS changes this one way only: {}", stays.join(", ")),
            },
            true => UndoObservation::Gone,
        }
    }
}

impl ModifyInstance {
    async fn send(&self, cx: &StepContext, values: &Values, at_once: bool) -> Result<Accepted, ActionError> {
        let name = following::text(cx, "instance").unwrap_or_default();
        let call = self.0.rds(&cx.place.region).modify_db_instance();
        let call = call.db_instance_identifier(name).apply_immediately(at_once);
        let call = settings::apply(call, values);
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        accepted(cx, "ModifyDBInstance")
    }

    /// It was at work, rests again, and the values are not in force. RDS says why in an event, which comes late.
    fn not_done(&self, cx: &StepContext, seen: &Seen) -> Observation {
        match following::failure(cx, seen) {
            Some(event) => {
                Observation::Broken { state: "the change failed".to_owned(), hint: Some(event.text) }
            }
            None => in_progress(seen),
        }
    }
}

/// The new values, with their types.
fn wanted(cx: &StepContext) -> Result<Values, ActionError> {
    match cx.with.get("changes") {
        Some(Value::Map(changes)) => settings::read(changes),
        _ => settings::read(&BTreeMap::new()),
    }
}

fn at_once(cx: &StepContext) -> bool {
    cx.with.get("apply_immediately").and_then(Value::as_bool).unwrap_or(true)
}

/// The values from before.
fn before(cx: &StepContext) -> Values {
    match cx.prepared.captured.get("before") {
        Some(Value::Map(before)) => before.clone(),
        _ => Values::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{aws, context, now};
    use lifeboat_engine::action::Values;

    fn action() -> ModifyInstance {
        ModifyInstance(aws())
    }

    fn step(states_seen: &[&str], accepted_s: Option<i64>) -> StepContext {
        let mut cx = context(states_seen);
        let class = |class: &str| Value::Map(BTreeMap::from([("class".to_owned(), class.into())]));
        cx.with.insert("changes".to_owned(), class("large"));
        cx.prepared.captured.insert("before".to_owned(), class("small"));
        let accepted = accepted_s.map(|s| (Stage::first(), now() - TimeDelta::seconds(s), Values::new()));
        cx.recorded.accepted.extend(accepted);
        cx
    }

    fn seen(state: &str, class: &str, pending: bool) -> Seen {
        let settings = ["pending", "pending_values"].map(|name| (name.to_owned(), Value::Bool(pending)));
        let attributes = BTreeMap::from([
            ("class".to_owned(), class.into()),
            ("instance".to_owned(), "orders".into()),
            ("settings".to_owned(), Value::Map(BTreeMap::from(settings))),
        ]);
        Seen { exists: true, state: Some(state.into()), attributes, ..Seen::absent("db-A") }
    }

    fn failed(mut seen: Seen) -> Seen {
        let event = BTreeMap::from([
            ("at".to_owned(), Value::Time(now())),
            ("text".to_owned(), "Unable to modify".into()),
            ("categories".to_owned(), Value::List(vec!["failure".into()])),
        ]);
        seen.attributes.insert("events".to_owned(), Value::List(vec![Value::Map(event)]));
        seen
    }

    #[test]
    fn done_is_what_was_seen_to_begin_or_has_long_been_in_force() {
        let action = action();
        for (states, accepted, look, word) in [
            (vec![], None, seen("available", "small", false), "absent"),
            (vec![], None, seen("available", "small", true), "in progress"),
            (vec![], Some(1), seen("available", "small", false), "unknown"),
            (vec![], Some(1), seen("available", "large", false), "in progress"),
            (vec![], Some(61), seen("available", "large", false), "ready"),
            (vec![], None, seen("available", "large", false), "in progress"),
            (vec!["modifying"], Some(1), seen("available", "large", false), "ready"),
            (vec!["configuring-log-exports"], Some(1), seen("available", "large", false), "ready"),
            (vec!["modifying"], Some(90), seen("available", "small", false), "in progress"),
            (vec!["modifying"], Some(90), failed(seen("available", "small", false)), "broken"),
            (vec!["modifying"], Some(90), seen("incompatible-parameters", "small", false), "broken"),
            (vec!["modifying"], Some(90), Seen::absent("db-A"), "broken"),
        ] {
            let judged = match action.judge(&step(&states, accepted), &look) {
                Observation::Ready(_) => "ready",
                Observation::InProgress { .. } => "in progress",
                Observation::Broken { .. } => "broken",
                Observation::Absent => "absent",
                Observation::Unknown => "unknown",
                other => panic!("{other:?}"),
            };
            assert_eq!(judged, word, "{states:?} {accepted:?} {look:?}");
        }
        let mut window = step(&[], Some(1));
        window.with.insert("apply_immediately".to_owned(), false.into());
        assert!(matches!(action.judge(&window, &seen("available", "small", true)), Observation::Ready(_)));
    }

    #[test]
    fn undo_waits_for_what_may_still_begin_and_asks_once() {
        let action = action();
        let fresh = action.judge_undo(&step(&[], Some(10)), &seen("available", "small", false));
        assert!(matches!(fresh, UndoObservation::InProgress { .. }), "it may still begin");
        let mut cx = step(&["modifying"], Some(90));
        let next = action.judge_undo(&cx, &seen("available", "large", false));
        assert_eq!(next, UndoObservation::Next(Stage::first()));
        cx.recorded.undo_accepted.push(Stage::first());
        let asked = action.judge_undo(&cx, &seen("available", "large", false));
        assert!(matches!(asked, UndoObservation::InProgress { .. }));
        assert_eq!(action.judge_undo(&cx, &seen("available", "small", false)), UndoObservation::Gone);
        assert_eq!(action.judge_undo(&cx, &Seen::absent("db-A")), UndoObservation::Gone);
        let version = |version: &str| {
            let mut look = seen("available", "small", false);
            look.attributes.insert("engine_version".to_owned(), version.into());
            look
        };
        if let Some(Value::Map(before)) = cx.prepared.captured.get_mut("before") {
            before.insert("engine_version".to_owned(), "16.8".into());
        }
        assert!(matches!(action.judge_undo(&cx, &version("17.2")), UndoObservation::Failed { .. }));
        assert_eq!(action.judge_undo(&cx, &version("16.8")), UndoObservation::Gone);
    }
}
