//! `rds.rename_instance`.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::describe::is_set;
use crate::rds::following::{self, asked_for, in_progress, is_usable, nothing_yet, was_seen};
use crate::rds::take_away::accepted;
use crate::rds::{instances, spec};
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::sync::Arc;

/// A rename that was accepted shows within this.
const QUIET: TimeDelta = TimeDelta::seconds(60);

/// `rds.rename_instance`.
pub(crate) struct RenameInstance(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for RenameInstance {
    fn spec(&self) -> &'static ActionSpec {
        &spec::RENAME_INSTANCE
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let seen = following::existing(&self.0, cx).await?;
        let to = cx.required("to")?.to_lowercase();
        if instances::look_at(&self.0, &cx.place, &to).await?.exists {
            return Err(taken(&to));
        }
        let captured = following::captured(&seen, [("to", to.as_str().into())]);
        Ok(Prepared { token: cx.token(), captured, ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let (from, to) = names(cx);
        match self.rename(cx, from, to).await {
            Err(error) if error.code.starts_with("DBInstance") => self.is_done(cx, to, error).await,
            renamed => renamed,
        }
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let (from, to) = names(cx);
        match self.rename(cx, to, from).await {
            Err(error) if error.code.starts_with("DBInstance") => {
                self.is_done(cx, from, error).await.map(drop)
            }
            renamed => renamed.map(drop),
        }
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        following::watch(cx)
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if let Some(ended) = following::ended(seen) {
            return ended;
        }
        let (_, to) = names(cx);
        match is_called(seen, to) {
            true if is_usable(seen) => Observation::Ready(following::outputs(seen)),
            true => in_progress(seen),
            false if is_on_its_way(cx, seen) => following::failure(cx, seen).map_or_else(
                || in_progress(seen),
                |event| Observation::Broken { state: "the change failed".to_owned(), hint: Some(event.text) },
            ),
            false => nothing_yet(cx),
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let state = seen.state.clone().unwrap_or_default();
        let (from, _) = names(cx);
        let moving = state == "renaming" || is_set(&seen.attributes, "pending_values");
        let settling = asked_for(cx).is_some_and(|since| since < QUIET) && !was_seen(cx, seen, &["renaming"]);
        match seen.exists {
            false => UndoObservation::Gone,
            true if moving => UndoObservation::InProgress { state },
            true if is_called(seen, from) && settling => UndoObservation::InProgress { state },
            true if is_called(seen, from) => UndoObservation::Gone,
            true if cx.recorded.undo_accepted.is_empty() => UndoObservation::Next(Stage::first()),
            true => UndoObservation::InProgress { state },
        }
    }
}

impl RenameInstance {
    async fn rename(&self, cx: &StepContext, from: &str, to: &str) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).modify_db_instance();
        let call = call.db_instance_identifier(from).new_db_instance_identifier(to).apply_immediately(true);
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        accepted(cx, "ModifyDBInstance")
    }

    /// The old name is gone or the new one taken: by this rename itself, or by another instance.
    async fn is_done(&self, cx: &StepContext, to: &str, error: ActionError) -> Result<Accepted, ActionError> {
        let call = self.0.rds(&cx.place.region).describe_db_instances().db_instance_identifier(to);
        let reply = match call.send().await.map_err(|error| classify(error, Call::Read)) {
            Ok(reply) => reply,
            // Nobody has it yet: it is on its way to that name, and only one instance can be.
            Err(look) if look.code.starts_with("DBInstanceNotFound") => {
                return Err(ActionError { kind: lifeboat_engine::action::ErrorKind::Unknown, ..error });
            }
            Err(look) => return Err(look),
        };
        let holder = reply.db_instances().first().and_then(|instance| instance.dbi_resource_id());
        match holder == following::text(cx, "resource_id") {
            true => Ok(Accepted::default()),
            false => Err(taken(to)),
        }
    }
}

fn taken(to: &str) -> ActionError {
    ActionError::refused("DBInstanceAlreadyExists", format!("there is a DB instance `{to}` already"))
        .hint("rename that one first, or choose another name")
}

/// The name from before and the new one.
fn names(cx: &StepContext) -> (&str, &str) {
    (following::text(cx, "instance").unwrap_or_default(), following::text(cx, "to").unwrap_or_default())
}

fn is_called(seen: &Seen, name: &str) -> bool {
    seen.attributes.get("instance").and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(name))
}

fn is_on_its_way(cx: &StepContext, seen: &Seen) -> bool {
    is_set(&seen.attributes, "pending_values") || was_seen(cx, seen, &["renaming"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::{aws, context, now};
    use lifeboat_engine::action::Values;
    use std::collections::BTreeMap;

    fn step(states_seen: &[&str], accepted_s: Option<i64>) -> StepContext {
        let mut cx = context(states_seen);
        for (name, value) in [("instance", "orders"), ("to", "orders-old"), ("resource_id", "db-A")] {
            cx.prepared.captured.insert(name.to_owned(), value.into());
        }
        let accepted = accepted_s.map(|s| (Stage::first(), now() - TimeDelta::seconds(s), Values::new()));
        cx.recorded.accepted.extend(accepted);
        cx
    }

    fn seen(state: &str, name: &str, pending: bool) -> Seen {
        let settings = Value::Map(BTreeMap::from([("pending_values".to_owned(), Value::Bool(pending))]));
        let attributes = BTreeMap::from([
            ("instance".to_owned(), name.into()),
            ("endpoint".to_owned(), "host".into()),
            ("settings".to_owned(), settings),
        ]);
        Seen { exists: true, state: Some(state.into()), attributes, ..Seen::absent("db-A") }
    }

    #[test]
    fn it_is_done_under_the_new_name_and_not_before() {
        let action = RenameInstance(aws());
        for (states, accepted, look, word) in [
            (vec![], None, seen("available", "orders", false), "absent"),
            (vec![], None, seen("available", "orders", true), "in progress"),
            (vec![], Some(1), seen("available", "orders", false), "unknown"),
            (vec!["renaming"], Some(9), seen("renaming", "orders", true), "in progress"),
            (vec!["renaming"], Some(90), seen("renaming", "orders-old", false), "in progress"),
            (vec!["renaming"], Some(90), seen("available", "orders-old", false), "ready"),
            (vec![], None, seen("available", "Orders-Old", false), "ready"),
            (vec![], Some(9), seen("storage-full", "orders", false), "broken"),
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
    }

    #[test]
    fn undo_gives_the_old_name_back_once() {
        let action = RenameInstance(aws());
        let mut cx = step(&["renaming"], Some(90));
        let next = action.judge_undo(&cx, &seen("available", "orders-old", false));
        assert_eq!(next, UndoObservation::Next(Stage::first()));
        cx.recorded.undo_accepted.push(Stage::first());
        let asked = action.judge_undo(&cx, &seen("available", "orders-old", true));
        assert!(matches!(asked, UndoObservation::InProgress { .. }));
        assert_eq!(action.judge_undo(&cx, &seen("available", "orders", false)), UndoObservation::Gone);
        let fresh = action.judge_undo(&step(&[], Some(5)), &seen("available", "orders", false));
        assert!(matches!(fresh, UndoObservation::InProgress { .. }), "it may still begin");
    }
}
