//! The lock that would be taken: whose it is now.

use super::Foresight;
use super::model::{LockPreview, Problem, Then};
use crate::action::ActionError;
use crate::chart::Chart;
use crate::locking::{CONCURRENCY, Lookers, grip, held_by};
use crate::perform::as_failure;
use lifeboat_journal::state::RunState;

/// Looks at the lock, where the runbook wants one.
pub(super) async fn look(foresight: &Foresight, state: &RunState, may_look: bool) -> Option<LockPreview> {
    let concurrency = foresight.plan.concurrency.as_ref()?;
    let chart = Chart::default();
    let (plan, catalog) = (&*foresight.plan, &foresight.catalog);
    let run = Lookers { plan, chart: &chart, catalog, state };
    let problem = |error: ActionError, then| Some(Problem::new(CONCURRENCY, as_failure(error), then));
    let (key, grip) = match grip(run, foresight.outside.lock.place.clone(), &foresight.clock) {
        Ok(grip) => grip,
        Err(error) => {
            let problem = problem(error, Then::Refused);
            return Some(LockPreview {
                key: String::new(),
                parameter: String::new(),
                held_by: None,
                problem,
            });
        }
    };
    let looked = if may_look { grip.look().await } else { Ok(None) };
    let (held_by, problem) = match looked {
        Ok(Some(other)) if !other.has_expired(foresight.clock.now()) => {
            let then = if concurrency.waits { Then::Warns } else { Then::Refused };
            let problem = Problem::new(CONCURRENCY, held_by(&key, &other), then);
            (Some(other), Some(problem))
        }
        Ok(other) => (other, None),
        Err(error) => (None, problem(error, Then::Refused)),
    };
    Some(LockPreview { key, parameter: grip.name.name, held_by, problem })
}
