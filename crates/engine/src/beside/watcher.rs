//! One probe: looks at its times and tells the journal what changes.

use super::{Told, committed, ended};
use crate::action::{ActionError, Note, Notes, Observation};
use crate::log::JournalLost;
use crate::patience::Patience;
use crate::perform::{Attempt, Ended, Worker, as_failure, will_not_come};
use crate::scope::typed_outputs;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Draft, EventKind, Failure, UnwatchedReason};
use lifeboat_journal::probes::{ProbeState, ProbeStatus};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Probe, ProbeMoment};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// One look takes no longer, whatever its action thinks.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

/// A probe that cannot look tries again after this time, if its own is not longer.
const BLIND_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// How often the number of looks is told.
const COUNTED: TimeDelta = TimeDelta::minutes(1);

/// After the last step a probe has the time of its `hold` and this much more to hold up.
pub(crate) const LINGERS: TimeDelta = TimeDelta::minutes(10);

/// Codes of errors that say nothing of whether users are served: what is wrong is the probe's own, or AWS was not asked.
const BLIND: [&str; 5] = ["auth", "expression", "throttled", "secret", "NoLookout"];

/// What one look gave.
enum Sight {
    Up,
    Down(Failure),
    /// It cannot look.
    Blind(Failure),
}

/// Looks until it is told that the work is over, or that it is not waited for any longer.
pub(super) async fn watch(
    worker: Worker,
    probe: Probe,
    mut told: watch::Receiver<Told>,
    news: Arc<Notify>,
) -> Result<(), JournalLost> {
    let mut next = worker.clock.now();
    let mut watcher =
        Watcher { worker, probe, news, said: None, looks: 0, failed: 0, counted: next, told: told.clone() };
    loop {
        let looked = {
            let clock = watcher.worker.clock.clone();
            let look = async {
                clock.sleep_until(next).await;
                let began = clock.now();
                (began, watcher.look().await)
            };
            match select(pin!(ended(&mut told)), pin!(look)).await {
                Either::Left((because, _)) => Err(because),
                Either::Right((looked, _)) => Ok(looked),
            }
        };
        let (began, sight) = match looked {
            Err(because) => return watcher.leave(because),
            Ok((began, sight)) => (began, sight?),
        };
        let every = match sight {
            Sight::Blind(_) => watcher.probe.every.max(BLIND_AGAIN),
            Sight::Up | Sight::Down(_) => watcher.probe.every,
        };
        watcher.take(began, sight)?;
        if watcher.is_given_up() {
            return watcher.leave(UnwatchedReason::GivenUp);
        }
        // A look that took longer than its turn leaves out the turns that are past.
        let now = watcher.worker.clock.now();
        let turns = ((now - next).num_milliseconds() / every.num_milliseconds()).max(0) + 1;
        next += every * i32::try_from(turns).unwrap_or(i32::MAX);
    }
}

struct Watcher {
    worker: Worker,
    probe: Probe,
    news: Arc<Notify>,
    /// What the look before said, and up to when that was so.
    said: Option<(bool, DateTime<Utc>)>,
    looks: u64,
    failed: u64,
    /// When the looks were last counted.
    counted: DateTime<Utc>,
    told: watch::Receiver<Told>,
}

impl Watcher {
    async fn look(&self) -> Result<Sight, JournalLost> {
        let limit = self.probe.look.timeout.and_then(|limit| limit.to_std().ok()).unwrap_or(LONGEST_LOOK);
        let clock = self.worker.clock.clone();
        match select(pin!(self.look_once()), pin!(clock.sleep(limit))).await {
            Either::Left((Ok(sight), _)) => Ok(sight),
            Either::Left((Err(ended), _)) => sight_of(ended),
            Either::Right(_) => {
                let message =
                    format!("no answer within {}", lifeboat_runbook::units::duration_text(of_std(limit)));
                Ok(Sight::Down(as_failure(ActionError::failed("timeout", message))))
            }
        }
    }

    async fn look_once(&self) -> Result<Sight, Ended> {
        let step = &self.probe.look;
        let blind = |error: ActionError| Sight::Blind(as_failure(error));
        let reach = match self.worker.reach(step, None) {
            Ok(reach) => Arc::new(reach),
            Err(error) => return Ok(blind(error)),
        };
        let hands = match self.worker.hands(&reach).await {
            Ok(hands) => hands,
            Err(error) => return Ok(blind(error)),
        };
        let patience = Patience {
            path: step.path.clone(),
            attempt: 1,
            began: self.worker.clock.now(),
            since: self.worker.last_seq(),
            // A look is not tried again: the next one comes soon enough.
            limit: TimeDelta::zero(),
            during: "wait",
            reach,
        };
        let (action, spec) = match self.worker.action(&hands, step) {
            Ok(found) => found,
            Err(error) => return Ok(blind(error)),
        };
        self.worker.right_account(&patience.reach, &patience).await?;
        match self.worker.fetch_what_is_hidden(step, &patience).await {
            Err(Ended::Failed { failure, .. }) => return Ok(Sight::Blind(failure)),
            fetched => fetched?,
        }
        let mut cx = match self.worker.context(step, 1, &patience.reach) {
            Ok(cx) => cx,
            Err(error) => return Ok(blind(error)),
        };
        cx.notes = Arc::new(Silent);
        let mut attempt = Attempt { step, spec, action, cx, patience, hands };
        let outputs = match self.worker.look(&mut attempt).await?.observation {
            Observation::Ready(outputs) => typed_outputs(spec, &outputs),
            Observation::InProgress { state } | Observation::Asks { state, .. } => {
                let error = ActionError::failed("state", format!("it is {state}"));
                return Ok(Sight::Down(as_failure(error)));
            }
            Observation::Unknown | Observation::Next(_) => {
                return Ok(blind(ActionError::failed("unknown", "what it asks is not known")));
            }
            ended => return Ok(Sight::Down(as_failure(will_not_come(ended)))),
        };
        self.worker.judge_outputs(&attempt, &outputs)?;
        Ok(Sight::Up)
    }

    /// Tells the journal what has changed by a look.
    fn take(&mut self, began: DateTime<Utc>, sight: Sight) -> Result<(), JournalLost> {
        let now = self.worker.clock.now();
        self.looks += 1;
        let status = self.with_state(|probe, _| probe.map_or(ProbeStatus::Unwatched, |probe| probe.status));
        let change = match &sight {
            Sight::Up => {
                let not_before = self.otherwise(false);
                // Who answers well is up when the answer has come.
                self.said = Some((true, now));
                (status != ProbeStatus::Up).then_some(EventKind::ProbeUp { not_before })
            }
            Sight::Down(error) => {
                self.failed += 1;
                let not_before = self.otherwise(true);
                // Who does not answer was down when it was asked.
                self.said = Some((false, began));
                let (error, down) = (error.clone(), matches!(status, ProbeStatus::Down { .. }));
                (!down).then_some(EventKind::ProbeDown { not_before, error })
            }
            Sight::Blind(error) => {
                self.said = None;
                let told = self.with_state(|probe, _| {
                    let last = probe.and_then(|probe| probe.spans.last());
                    let blind = last.is_some_and(|span| span.because == Some(UnwatchedReason::CannotLook));
                    let code = probe.and_then(|probe| probe.error.as_ref()).map(|error| error.code.clone());
                    blind && code.as_ref() == Some(&error.code)
                });
                let (because, error) = (UnwatchedReason::CannotLook, Some(error.clone()));
                (!told).then_some(EventKind::ProbeUnwatched { because, error })
            }
        };
        if let Some(kind) = change {
            self.tell(kind)?;
        }
        if matches!(sight, Sight::Up) && self.has_held(now) {
            self.tell(EventKind::ProbeHeldUp)?;
        }
        if now - self.counted >= COUNTED {
            self.count()?;
        }
        Ok(())
    }

    /// The last look that said this, if it was the last of all.
    fn otherwise(&self, up: bool) -> Option<DateTime<Utc>> {
        self.said.filter(|(said, _)| *said == up).map(|(_, at)| at)
    }

    /// Whether it has been up for as long as it must, since it was down or the run has committed.
    fn has_held(&self, now: DateTime<Utc>) -> bool {
        if !self.probe.marks.contains_key(&ProbeMoment::HeldUp) {
            return false;
        }
        let hold = self.probe.hold.unwrap_or_default();
        self.with_state(|probe, state| {
            let Some(probe) = probe.filter(|probe| probe.held_up.is_none()) else { return false };
            let Some(up) = probe.since().filter(|since| now - since.at >= hold) else { return false };
            let counts_from = match probe.was_down() {
                true => Some(up.at),
                false => committed(&self.worker.plan, state).map(|committed| committed.max(up.at)),
            };
            counts_from.is_some_and(|from| now - from >= hold)
        })
    }

    fn is_given_up(&self) -> bool {
        let most = self.probe.hold.unwrap_or_default() + LINGERS;
        let since = self.told.borrow().lingers_since;
        since.is_some_and(|since| self.worker.clock.now() - since >= most)
    }

    /// The last that it tells.
    fn leave(mut self, because: UnwatchedReason) -> Result<(), JournalLost> {
        self.count()?;
        let known = self.with_state(|probe, _| probe.is_some());
        match known {
            true => self.tell(EventKind::ProbeUnwatched { because, error: None }),
            false => Ok(()),
        }
    }

    fn count(&mut self) -> Result<(), JournalLost> {
        self.counted = self.worker.clock.now();
        let (looks, failed) = (std::mem::take(&mut self.looks), std::mem::take(&mut self.failed));
        match looks {
            0 => Ok(()),
            looks => self.append(EventKind::ProbeLooked { looks, failed }),
        }
    }

    fn tell(&self, kind: EventKind) -> Result<(), JournalLost> {
        self.append(kind)?;
        self.news.notify_one();
        Ok(())
    }

    fn append(&self, kind: EventKind) -> Result<(), JournalLost> {
        self.worker.log.append(vec![Draft { step: Some(self.probe.look.path.clone()), ..Draft::run(kind) }])
    }

    fn with_state<T>(&self, read: impl FnOnce(Option<&ProbeState>, &RunState) -> T) -> T {
        self.worker.log.with_state(|state| read(state.probes.get(&self.probe.look.path), state))
    }
}

fn of_std(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// What an error says: of the world, or of the probe itself.
fn sight_of(ended: Ended) -> Result<Sight, JournalLost> {
    Ok(match ended {
        Ended::JournalLost(lost) => return Err(lost),
        Ended::Failed { failure, .. } if !failure.refused && !BLIND.contains(&failure.code.as_str()) => {
            Sight::Down(failure)
        }
        Ended::Failed { failure, .. } | Ended::Blocked { failure, .. } => Sight::Blind(failure),
        Ended::Left => Sight::Blind(as_failure(ActionError::failed("cancelled", "the run is being stopped"))),
    })
}

/// Thousands of looks leave no notes.
struct Silent;

impl Notes for Silent {
    fn note(&self, _: &StepPath, _: u32, _: Note) -> Result<(), ActionError> {
        Ok(())
    }
}
