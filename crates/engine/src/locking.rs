//! The lock of a run while it goes on: taken before the first step, held on, given back.

use crate::action::{ActionError, ErrorKind};
use crate::chart::Chart;
use crate::clock::Clock;
use crate::driver::Came;
use crate::lock::{Grip, HeldOn, LEASE, LOOK_EVERY, LockName, RENEW_EVERY, RunLock, Taken, name_of};
use crate::log::JournalLost;
use crate::perform::{Worker, as_failure};
use crate::scope::RunScope;
use crate::start;
use chrono::TimeDelta;
use lifeboat_journal::event::{Actor, Draft, EventKind, Failure, PauseReason, Phase, RunStarted};
use lifeboat_journal::lock::{LockAcquired, LockBroken, LockHolder, LockState};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::units::time_text;
use std::sync::Arc;
use std::time::Duration;

/// Where a run takes its lock, and whether a person has ordered to take it from whoever holds it.
#[derive(Clone)]
pub struct Locking {
    /// Where locks are kept.
    pub place: Arc<dyn RunLock>,
    /// `--break-lock`: who orders it, and why.
    pub by_force: Option<(String, String)>,
}

/// The check that has failed where the lock cannot be had before anything was begun.
pub const CONCURRENCY: &str = "concurrency";

/// The code of the failure of a run whose lock another one holds.
pub const LOCKED: &str = "locked";

/// So often a call is tried again whose failure may pass, and so long after the last.
const MOST_TRIES: u32 = 8;
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Giving back is tried less often: the lock is free by itself when its time is over.
const MOST_TRIES_TO_RELEASE: u32 = 3;

/// After a renewal that failed.
const RENEW_AGAIN: Duration = Duration::from_secs(60);

/// Nobody waits longer than this for a lock.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(24);

impl Worker {
    /// Takes the lock, waits for it, or says why it cannot be had.
    pub(crate) async fn take_lock(&self) -> Result<(), JournalLost> {
        let turn = self.lock_turn.clone();
        let _turn = turn.lock().await;
        let (key, grip) = match self.grip() {
            Ok(grip) => grip,
            Err(error) => return self.no_lock(as_failure(error)),
        };
        let began = self.clock.now();
        let (mut tries, mut told) = (0, false);
        loop {
            let pause = match grip.take(false).await {
                Ok(Taken::Now(holder, expired)) => return self.acquired(&key, &grip, holder, expired),
                Ok(Taken::Again(holder)) => return self.has_it_again(&key, &grip, holder),
                Ok(Taken::By(other)) if self.outside.lock.by_force.is_some() => {
                    return self.break_lock(&key, &grip, other).await;
                }
                Ok(Taken::By(other)) if !self.waits_for_lock() || self.clock.now() - began > LONGEST_WAIT => {
                    return self.no_lock(held_by(&key, &other));
                }
                Ok(Taken::By(holder)) => {
                    if !std::mem::replace(&mut told, true) {
                        self.log.append(vec![Draft::run(EventKind::LockWaitedFor { holder })])?;
                    }
                    LOOK_EVERY
                }
                Err(error) if passes(&error) && tries < MOST_TRIES => {
                    tries += 1;
                    back_off(tries)
                }
                Err(error) => return self.go_on_without(&key, error),
            };
            if self.stopped_or(self.clock.sleep(pause)).await {
                return Ok(());
            }
        }
    }

    fn waits_for_lock(&self) -> bool {
        self.plan.concurrency.as_ref().is_some_and(|concurrency| concurrency.waits)
    }

    fn acquired(
        &self,
        key: &str,
        grip: &Grip,
        holder: LockHolder,
        expired: Option<LockHolder>,
    ) -> Result<(), JournalLost> {
        let (key, name) = (key.to_owned(), grip.name.name.clone());
        let acquired = LockAcquired { key, name, holder, expired };
        self.log.append(vec![Draft::run(EventKind::LockAcquired(Box::new(acquired)))])
    }

    /// It was this run's: an earlier process took it, and may have died before it could say so.
    fn has_it_again(&self, key: &str, grip: &Grip, holder: LockHolder) -> Result<(), JournalLost> {
        match self.log.with_state(|state| state.lock.to_release().is_some()) {
            true => {
                let expires = holder.expires;
                self.log.append(vec![Draft::run(EventKind::LockRenewed { expires })])
            }
            false => self.acquired(key, grip, holder, None),
        }
    }

    /// By order of a person: first it is written down, then done.
    async fn break_lock(&self, key: &str, grip: &Grip, other: LockHolder) -> Result<(), JournalLost> {
        self.broken(key, Some(other), None)?;
        match grip.take(true).await {
            Ok(Taken::Now(holder, _) | Taken::Again(holder)) => self.acquired(key, grip, holder, None),
            Ok(Taken::By(other)) => self.no_lock(held_by(key, &other)),
            Err(error) => self.go_on_without(key, error),
        }
    }

    fn broken(
        &self,
        key: &str,
        holder: Option<LockHolder>,
        error: Option<Failure>,
    ) -> Result<(), JournalLost> {
        let (by, reason) = self.outside.lock.by_force.clone().unwrap_or_default();
        let broken = LockBroken { key: key.to_owned(), holder, error, reason };
        let kind = EventKind::LockBroken(Box::new(broken));
        self.log.append(vec![Draft::run(kind).by(Actor::person(by))])
    }

    /// The lock cannot be taken, and nobody knows whether another run holds it.
    fn go_on_without(&self, key: &str, error: ActionError) -> Result<(), JournalLost> {
        let error = as_failure(error);
        if self.outside.lock.by_force.is_some() {
            return self.broken(key, None, Some(error));
        }
        let message = format!("the lock `{key}` cannot be taken: {}", error.message);
        let hint = error.hint.map(|hint| format!("{hint}; ")).unwrap_or_default();
        let hint = format!("{hint}`--break-lock --reason …` goes on without it");
        self.no_lock(Failure { message, hint: Some(hint), ..error })
    }

    /// Before anything was begun the start is refused; later the run is paused.
    fn no_lock(&self, error: Failure) -> Result<(), JournalLost> {
        let has_begun = self.log.with_state(|state| state.phase > Some(Phase::Preflight));
        let kind = match has_begun {
            false => {
                EventKind::CheckFailed { check: CONCURRENCY.to_owned(), error, then: "refuse".to_owned() }
            }
            true => EventKind::RunPaused { why: error.message, because: PauseReason::Lock },
        };
        self.log.append(vec![Draft::run(kind)])
    }

    /// Holds the lock on as long as the run goes on; ends when it is not its any more.
    pub(crate) async fn keep_lock(&self) -> Result<Came, JournalLost> {
        let mut pause = RENEW_EVERY;
        loop {
            self.clock.sleep(pause).await;
            let turn = self.lock_turn.clone();
            let _turn = turn.lock().await;
            if !self.log.with_state(|state| matches!(state.lock, LockState::Held(_))) {
                return Ok(Came::Over);
            }
            match self.hold_on(true).await? {
                Some(Some(other)) => return Ok(Came::LockLost(other)),
                Some(None) => pause = RENEW_EVERY,
                None => pause = RENEW_AGAIN,
            }
        }
    }

    /// The run is paused: the lock is its own until it goes on or is ended.
    pub(crate) async fn park_lock(&self) -> Result<(), JournalLost> {
        let holds = self.log.with_state(|state| {
            state.paused.is_some()
                && matches!(&state.lock, LockState::Held(lock) if lock.holder.expires.is_some())
        });
        if holds {
            self.hold_on(false).await?;
        }
        Ok(())
    }

    /// Renews the lock once. Nothing: it could not be done; else whose it is now, if another's.
    async fn hold_on(&self, expires: bool) -> Result<Option<Option<LockHolder>>, JournalLost> {
        let Ok((_, grip)) = self.grip() else { return Ok(None) };
        let (kind, lost) = match grip.keep(expires.then(|| self.clock.now() + LEASE)).await {
            Ok(HeldOn::Until(expires)) => (EventKind::LockRenewed { expires }, None),
            Ok(HeldOn::Lost(holder)) => (EventKind::LockLost { holder: holder.clone() }, Some(holder)),
            Err(_) => return Ok(None),
        };
        self.log.append(vec![Draft::run(kind)])?;
        Ok(Some(lost))
    }

    /// Gives the lock back; where that is not possible the run ends all the same.
    pub(crate) async fn release_lock(&self) -> Result<(), JournalLost> {
        let turn = self.lock_turn.clone();
        let _turn = turn.lock().await;
        let mut tries = 0;
        let error = loop {
            let Ok((_, grip)) = self.grip() else { break None };
            match grip.release().await {
                Ok(()) => break None,
                Err(error) if passes(&error) && tries < MOST_TRIES_TO_RELEASE => {
                    tries += 1;
                    self.clock.sleep(back_off(tries)).await;
                }
                Err(error) => break Some(as_failure(error)),
            }
        };
        self.log.append(vec![Draft::run(EventKind::LockReleased { error })])
    }

    fn grip(&self) -> Result<(String, Grip), ActionError> {
        let (plan, chart, catalog) = (&*self.plan, &*self.chart, &self.catalog);
        let place = self.outside.lock.place.clone();
        self.log.with_state(|state| grip(Lookers { plan, chart, catalog, state }, place, &self.clock))
    }
}

/// Whose lock it is.
pub(crate) struct Lookers<'run> {
    pub(crate) plan: &'run Plan,
    pub(crate) chart: &'run Chart,
    pub(crate) catalog: &'run Catalog,
    pub(crate) state: &'run RunState,
}

/// The key of the lock, and the run's hold on it: as it was taken, else as the runbook says.
pub(crate) fn grip(
    run: Lookers<'_>,
    place: Arc<dyn RunLock>,
    clock: &Clock,
) -> Result<(String, Grip), ActionError> {
    let Lookers { plan, chart, catalog, state } = run;
    let started = state.started.as_ref().ok_or_else(|| refused("the run has not begun"))?;
    let id = state.run.clone().ok_or_else(|| refused("the run has not begun"))?;
    let (key, name) = match state.lock.to_release() {
        Some(lock) => (lock.key.clone(), lock.name.clone()),
        None => {
            let scope = start::scope(plan, chart, catalog, state, clock.now());
            let key = key(plan, &scope)?;
            let name = name_of(&key);
            (key, name)
        }
    };
    let name = LockName { region: started.region.clone(), name };
    Ok((key, Grip { place, name, holder: holder(id, started), clock: clock.clone() }))
}

/// The hold of a run on the lock that its journal says it has; nothing where it has none.
pub fn held(state: &RunState, place: Arc<dyn RunLock>, clock: &Clock) -> Option<Grip> {
    let (lock, started) = (state.lock.to_release()?, state.started.as_ref()?);
    let name = LockName { region: started.region.clone(), name: lock.name.clone() };
    let holder = holder(state.run.clone()?, started);
    Some(Grip { place, name, holder, clock: clock.clone() })
}

/// `concurrency.key`, with its values known.
pub(crate) fn key(plan: &Plan, scope: &RunScope<'_>) -> Result<String, ActionError> {
    let concurrency = plan.concurrency.as_ref().ok_or_else(|| refused("the runbook names none"))?;
    let key = concurrency.key.evaluate(scope).map_err(|error| refused(&error.message))?;
    Ok(key.to_string())
}

/// Who holds the lock of this run; the times are set when it is written.
pub fn holder(run: RunId, started: &RunStarted) -> LockHolder {
    LockHolder {
        run,
        runbook: started.runbook.clone(),
        mode: started.mode,
        operator: started.operator.clone(),
        host: started.host.clone(),
        since: Default::default(),
        expires: None,
    }
}

/// What to say where another run holds the lock.
pub fn held_by(key: &str, other: &LockHolder) -> Failure {
    let LockHolder { run, runbook, mode, operator, host, since, expires } = other;
    let paused = if expires.is_none() { "; it is paused" } else { "" };
    Failure {
        code: LOCKED.to_owned(),
        message: format!(
            "the lock `{key}` is held by run {run}, the {} of {runbook} that {operator} started on {host}, since {}{paused}",
            mode.word(),
            time_text(*since)
        ),
        hint: Some(format!(
            "`lifeboat watch {run}` on {host} follows it; if it is dead, `--break-lock --reason …` starts all the same"
        )),
        refused: true,
    }
}

fn passes(error: &ActionError) -> bool {
    matches!(error.kind, ErrorKind::Transient | ErrorKind::Unknown | ErrorKind::BlockedOnControlPlane)
}

fn back_off(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(5)).min(LONGEST_BACKOFF)
}

fn refused(message: &str) -> ActionError {
    ActionError::refused("expression", format!("`concurrency.key`: {message}"))
}
