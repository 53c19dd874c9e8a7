//! Trying again what passes, and waiting for what is missing through no fault of the step.

use crate::action::{ActionError, ErrorKind};
use crate::ask::asked_for;
use crate::decide::CANCELLED;
use crate::driver::Cancel;
use crate::hands::Reach;
use crate::log::JOURNAL_LOST;
use crate::name;
use crate::perform::{Ended, Worker, as_failure, failed};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{BlockedOn, EventKind};
use lifeboat_runbook::id::StepPath;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// The first and the longest delay between two tries of a call that failed for a passing reason.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// How often it is tried whether a blocked step can go on.
const BLOCKED_AGAIN: Duration = Duration::from_secs(30);

/// The code of the block of a step whose credentials came back as those of another account.
const WRONG_ACCOUNT: &str = "wrong_account";

/// Whose time a call takes.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    pub(crate) path: StepPath,
    pub(crate) attempt: u32,
    /// When its time began, and how much it has; blocked times and what people added come on top.
    pub(crate) began: DateTime<Utc>,
    /// The last event before.
    pub(crate) since: u64,
    pub(crate) limit: TimeDelta,
    /// What the call is for, in the words of `step.attempt_failed`.
    pub(crate) during: &'static str,
    /// Where it acts: after credentials were missing, the account is compared.
    pub(crate) reach: Arc<Reach>,
}

impl Patience {
    /// The same for another part of the attempt.
    pub(crate) fn during(&self, during: &'static str) -> Self {
        Self { during, ..self.clone() }
    }
}

/// One reply that is lost is no outage: the control plane is gone when it stays away for a few tries.
const BLIPS: u32 = 3;

fn may_be_a_blip(error: &ActionError, tries: u32) -> bool {
    error.kind == ErrorKind::BlockedOnControlPlane && tries < BLIPS
}

/// What an error means for whoever waits.
fn blocked_on(error: &ActionError) -> Option<BlockedOn> {
    match error.kind {
        ErrorKind::BlockedOnCredentials => Some(BlockedOn::Credentials),
        ErrorKind::BlockedOnPermission => Some(BlockedOn::Permission),
        ErrorKind::BlockedOnControlPlane => Some(BlockedOn::ControlPlane),
        _ => None,
    }
}

impl Worker {
    /// When the time of an attempt is over: from the journal alone.
    pub(crate) fn deadline(&self, patience: &Patience) -> DateTime<Utc> {
        // A journal that cannot be written is told by the next event that must be.
        let _told_later = self.log.look_at_the_clocks();
        let now = self.clock.now();
        let more = self.log.with_state(|state| {
            state.steps.get(&patience.path).map_or(TimeDelta::zero(), |step| {
                // A wall clock that was set gives no time and takes none.
                let set = state.jumps.iter().filter(|(jumped, _)| jumped.seq > patience.since);
                let set_s: f64 = set.map(|(_, by_s)| by_s).sum();
                let more_s = step.blocked_s() + step.extended_s + set_s;
                TimeDelta::milliseconds((more_s * 1000.0) as i64) + asked_for(step, now)
            })
        });
        patience.began + patience.limit + more
    }

    /// Makes a call, again as long as what is wrong with it passes and there is time; while something is missing
    /// through no fault of the step, it waits for that.
    pub(crate) async fn patiently<T, F: Future<Output = Result<T, ActionError>>>(
        &self,
        patience: &Patience,
        call: impl Fn() -> F,
    ) -> Result<T, Ended> {
        let mut tries = 0;
        loop {
            match call().await {
                Err(error) if self.waits_for(patience, &error) && !may_be_a_blip(&error, tries) => {
                    self.blocked(patience, &error).await?;
                }
                Err(error) if self.may_try_again(&error, patience) => {
                    tries += 1;
                    if self.back_off(patience, tries).await {
                        return Err(self.stopped(patience.during));
                    }
                }
                outcome => {
                    self.unblocked(patience)?;
                    return outcome.map_err(|error| failed(patience.during, error));
                }
            }
        }
    }

    /// Before anything was changed nothing is lost by saying what is missing: a check that is blocked has failed.
    pub(crate) fn waits_for(&self, patience: &Patience, error: &ActionError) -> bool {
        error.is_blocked()
            && error.code != JOURNAL_LOST
            && !patience.path.is_preflight()
            && !patience.path.is_probe()
    }

    pub(crate) fn may_try_again(&self, error: &ActionError, patience: &Patience) -> bool {
        let passes = matches!(error.kind, ErrorKind::Transient | ErrorKind::BlockedOnControlPlane);
        passes && self.clock.now() < self.deadline(patience)
    }

    /// Says that the step is blocked and waits until it may be tried again.
    ///
    /// # Errors
    /// [`Ended::Blocked`] when it takes too long.
    pub(crate) async fn blocked(&self, patience: &Patience, error: &ActionError) -> Result<(), Ended> {
        let on = blocked_on(error).unwrap_or(BlockedOn::ControlPlane);
        let mut error = error.clone();
        loop {
            self.note_blocked(patience, on, &error)?;
            if self.blocked_too_long(patience) {
                return Err(Ended::Blocked { on, failure: as_failure(error) });
            }
            if self.stopped_or(self.clock.sleep(BLOCKED_AGAIN)).await {
                return Err(self.stopped(patience.during));
            }
            match self.still_missing(on, &patience.reach).await {
                None => return Ok(()),
                Some(missing) => error = missing,
            }
        }
    }

    /// Whether credentials are still missing, or belong to another account now: then nothing may be tried with them.
    async fn still_missing(&self, on: BlockedOn, reach: &Reach) -> Option<ActionError> {
        if on != BlockedOn::Credentials {
            return None;
        }
        let account = &reach.target.account;
        match self.who(reach).await {
            Ok(found) if found.account == *account => None,
            Ok(found) => {
                let message = format!(
                    "the credentials are those of {} now, and the {} is in {account}",
                    found.account,
                    if reach.own { "run" } else { "step" }
                );
                Some(ActionError::new(ErrorKind::BlockedOnCredentials, WRONG_ACCOUNT, message))
            }
            Err(error) if error.is_blocked() => Some(error),
            // Whatever else is wrong with asking who we are, the call itself will tell.
            Err(_) => None,
        }
    }

    fn note_blocked(&self, patience: &Patience, on: BlockedOn, error: &ActionError) -> Result<(), Ended> {
        let known = self.log.with_state(|state| {
            let step = state.steps.get(&patience.path).and_then(|step| step.blocked());
            step.is_some_and(|block| block.on == on && block.error.code == error.code)
        });
        if known {
            return Ok(());
        }
        let kind = EventKind::StepBlocked { on, error: as_failure(error.clone()) };
        Ok(self.log.step(&patience.path, patience.attempt, kind)?)
    }

    fn blocked_too_long(&self, patience: &Patience) -> bool {
        let Some(limit) = self.outside.blocked_limit else { return false };
        let since = self
            .log
            .with_state(|state| state.steps.get(&patience.path).and_then(|step| step.blocked_since()));
        let limit = TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
        since.is_some_and(|since| self.clock.now() - since >= limit)
    }

    pub(crate) fn unblocked(&self, patience: &Patience) -> Result<(), Ended> {
        let blocked = self
            .log
            .with_state(|state| state.steps.get(&patience.path).is_some_and(|step| step.blocked().is_some()));
        if blocked {
            self.log.step(&patience.path, patience.attempt, EventKind::StepUnblocked)?;
        }
        Ok(())
    }

    /// Waits before the next try; whether the run was stopped meanwhile. Capped and jittered; the jitter is made from
    /// run, step and attempt, so that a simulated run repeats itself.
    pub(crate) async fn back_off(&self, patience: &Patience, tries: u32) -> bool {
        let full = FIRST_BACKOFF.saturating_mul(1 << tries.min(5)).min(LONGEST_BACKOFF);
        let jitter = self.log.with_state(|state| {
            state.run.as_ref().map_or(0.0, |run| name::jitter(run, &patience.path, patience.attempt, tries))
        });
        self.stopped_or(self.clock.sleep(full.mul_f64(0.5 + jitter / 2.0))).await
    }

    /// Whether the run was stopped before `done` was.
    pub(crate) async fn stopped_or(&self, done: impl Future<Output = ()>) -> bool {
        let mut cancel = self.cancel.clone();
        let stopped = pin!(cancel.wait_for(|cancel| *cancel != Cancel::No));
        matches!(select(stopped, pin!(done)).await, Either::Left(_))
    }

    /// What a stop means for an attempt: AWS goes on and whoever resumes looks, or it is over and will be taken back.
    pub(crate) fn stopped(&self, during: &'static str) -> Ended {
        match *self.cancel.borrow() {
            Cancel::Fail => failed(during, ActionError::failed(CANCELLED, "stopped by the operator")),
            Cancel::Leave | Cancel::No => Ended::Left,
        }
    }
}
