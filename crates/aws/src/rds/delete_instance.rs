//! `rds.delete_instance`.

use crate::connect::Aws;
use crate::rds::take_away::{self, Backups, DELETE};
use crate::rds::{KIND, REMAINS, instances, spec};
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `rds.delete_instance`.
pub(crate) struct DeleteInstance(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for DeleteInstance {
    fn spec(&self) -> &'static ActionSpec {
        &spec::DELETE_INSTANCE
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        backups(cx)?;
        let seen = instances::look_at(&self.0, &cx.place, cx.required("instance")?).await?;
        let id = seen.attributes.get("resource_id").map(|id| ("resource_id".to_owned(), id.clone()));
        Ok(Prepared { token: cx.token(), captured: id.into_iter().collect(), ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        take_away::act(&self.0, cx, cx.required("instance")?, stage, &backups(cx)?).await
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        let place = cx.place.clone();
        // By the id that stays: its backups are found by that when the instance itself is gone.
        match cx.prepared.captured.get("resource_id").and_then(Value::as_str) {
            Some(id) => Some(Watch { kind: REMAINS, place, id: id.to_owned() }),
            None => Some(Watch { kind: KIND, place, id: cx.text("instance")?.to_lowercase() }),
        }
    }

    /// What is deleted does not come back.
    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        let deleted = cx.recorded.accepted.iter().any(|(stage, ..)| stage.as_str() == DELETE);
        match seen.exists && !take_away::is_going(seen) && !deleted {
            true => UndoObservation::Gone,
            false => UndoObservation::Failed { why: "what is deleted does not come back".to_owned() },
        }
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        if !seen.exists {
            return gone(cx, seen);
        }
        let deleted = cx.recorded.accepted.iter().any(|(stage, ..)| stage.as_str() == DELETE);
        let unprotecting = !cx.recorded.accepted.is_empty();
        match (take_away::is_going(seen) || deleted, take_away::is_protected(seen)) {
            (true, _) => Observation::InProgress { state: seen.state.clone().unwrap_or_default() },
            (false, true) if unprotecting => Observation::InProgress { state: "protected".to_owned() },
            (false, true) => Observation::Absent,
            (false, false) => Observation::Next(Stage::named(DELETE)),
        }
    }
}

/// It is gone, with the backups that were to go.
fn gone(cx: &StepContext, seen: &Seen) -> Observation {
    let left = seen.attributes.get("automated_backups").and_then(Value::as_int).unwrap_or(0);
    let delete = backups(cx).is_ok_and(|backups| backups.delete_automated);
    if delete && left > 0 {
        return Observation::InProgress { state: "its automated backups are still there".to_owned() };
    }
    let said = ["instance", "final_snapshot"].map(|name| (name.to_owned(), Value::from(cx.text(name))));
    Observation::Ready(BTreeMap::from(said))
}

/// What the parameters say of its backups. Backups are never lost by default where it matters.
fn backups(cx: &StepContext) -> Result<Backups, ActionError> {
    let final_snapshot = cx.text("final_snapshot").map(str::to_owned);
    let skip = cx.with.get("skip_final_snapshot").and_then(Value::as_bool).unwrap_or(false);
    if skip == final_snapshot.is_some() {
        return Err(ActionError::refused(
            "parameter",
            "give either `skip_final_snapshot: true` or `final_snapshot`",
        ));
    }
    let automated = cx.with.get("delete_automated_backups").and_then(Value::as_bool);
    match (automated, cx.mode) {
        (Some(delete_automated), _) => Ok(Backups { final_snapshot, delete_automated }),
        (None, Mode::Drill) => Ok(Backups { final_snapshot, delete_automated: true }),
        (None, Mode::Recovery) => {
            Err(ActionError::refused("parameter", "in a recovery `delete_automated_backups` must be said")
                .hint("true leaves nothing to restore from; false keeps the backups, and their cost"))
        }
    }
}
