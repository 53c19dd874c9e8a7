//! Taking away what a run made without its journal: by the undo of the action that made it, until it is seen to be gone.

use crate::action::{Action, ActionError, ErrorKind, Note, Notes, StepContext, UndoObservation};
use crate::clock::Clock;
use crate::lookout::Lookout;
use crate::registry::Registry;
use chrono::TimeDelta;
use lifeboat_runbook::id::StepPath;
use std::sync::Arc;
use std::time::Duration;

/// How long it may take.
const LIMIT: TimeDelta = TimeDelta::hours(1);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// There is no journal: what an action notes is kept nowhere.
pub struct NoNotes;

impl Notes for NoNotes {
    fn note(&self, _: &StepPath, _: u32, _: Note) -> Result<(), ActionError> {
        Ok(())
    }
}

/// Takes away what `cx` says that an attempt made; true also when it is not there any more.
///
/// # Errors
/// When it is not this run's, cannot be taken away, or is still there after an hour.
pub async fn take_away(
    action: &Arc<dyn Action>,
    registry: &Registry,
    clock: &Clock,
    mut cx: StepContext,
) -> Result<(), ActionError> {
    let until = clock.now() + LIMIT;
    let mut gone_once = false;
    loop {
        cx.now = clock.now();
        if cx.now > until {
            return Err(ActionError::failed("timeout", "it is still there after an hour"));
        }
        let step = match look(action, registry, &cx).await {
            Ok(UndoObservation::Gone) if gone_once => return Ok(()),
            Ok(UndoObservation::Gone) => {
                gone_once = true;
                Ok(())
            }
            Ok(UndoObservation::InProgress { .. }) => {
                gone_once = false;
                Ok(())
            }
            Ok(UndoObservation::Failed { why }) => return Err(ActionError::refused("not_ours", why)),
            Ok(UndoObservation::Next(stage)) => {
                let asked = action.undo(&cx, &stage).await;
                asked.map(|()| cx.recorded.undo_accepted.push(stage))
            }
            Err(error) => Err(error),
        };
        match step {
            Err(error) if !passes(&error) => return Err(error),
            _ => clock.sleep(LOOK_EVERY).await,
        }
    }
}

fn passes(error: &ActionError) -> bool {
    matches!(error.kind, ErrorKind::Transient | ErrorKind::Unknown | ErrorKind::BlockedOnControlPlane)
}

/// By its name only: tags may have been copied to what others made.
async fn look(
    action: &Arc<dyn Action>,
    registry: &Registry,
    cx: &StepContext,
) -> Result<UndoObservation, ActionError> {
    let watch = action.watches(cx).and_then(|watch| Some((registry.lookout(watch.kind)?, watch)));
    let (lookout, watch): (Arc<dyn Lookout>, _) = watch.ok_or_else(|| {
        ActionError::refused("not_in_this_build", format!("{} cannot be looked at", action.spec().name))
    })?;
    let seen = lookout.look(&watch.place, &[lookout.fold(&watch.id)]).await?;
    let seen = seen.into_iter().next().unwrap_or_else(|| crate::lookout::Seen::absent(&watch.id));
    Ok(action.judge_undo(cx, &seen))
}
