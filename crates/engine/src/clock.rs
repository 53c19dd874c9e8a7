//! The only place that knows what time it is.
//!
//! A simulated run lives on tokio's paused clock: waiting takes no time, and the same seed gives the same times.
//! Under that clock nothing may wait for the outside (a person, a socket, a child process) except through
//! [`Clock::frozen`], or the clock would leap over every timer meanwhile.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};
use rustix::time::{ClockId, clock_gettime};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

/// Tells the time and waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Real { origin: Duration },
    Simulated { start: DateTime<Utc>, origin: tokio::time::Instant, meddled: Arc<Meddled> },
}

/// What was done to the clocks of a simulated machine.
#[derive(Debug, Default)]
struct Meddled {
    ahead_ms: AtomicI64,
    asleep_ms: AtomicI64,
}

/// What the clocks of a machine show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// UTC, to the millisecond: may be set.
    pub now: DateTime<Utc>,
    /// As [`Clock::mono_ms`]: goes on while the machine is asleep.
    pub mono_ms: u64,
    /// The same without the time asleep, from any beginning.
    pub awake_ms: u64,
}

/// Wall clock and monotonic clock went apart, or the machine was asleep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jump {
    /// By how many seconds the wall clock was set forward; negative where it was set back.
    pub by_s: f64,
    /// How many seconds the machine was asleep, which both clocks count.
    pub asleep_s: f64,
}

/// Between two looks at the clocks, so many milliseconds may pass.
const CLOCKS_MAY_DIFFER: i64 = 2000;

impl Reading {
    /// What happened to the clocks until `later`, where that is worth telling.
    pub fn jump_to(&self, later: &Self) -> Option<Jump> {
        let ran = |from: u64, to: u64| i64::try_from(to).unwrap_or(0) - i64::try_from(from).unwrap_or(0);
        let boot = ran(self.mono_ms, later.mono_ms);
        let by = (later.now - self.now).num_milliseconds() - boot;
        let asleep = boot - ran(self.awake_ms, later.awake_ms);
        let seconds = |milliseconds: i64| match milliseconds.abs() > CLOCKS_MAY_DIFFER {
            true => milliseconds as f64 / 1000.0,
            false => 0.0,
        };
        let jump = Jump { by_s: seconds(by), asleep_s: seconds(asleep) };
        (jump.by_s != 0.0 || jump.asleep_s != 0.0).then_some(jump)
    }
}

/// What was awaited outside took longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct TooLong(pub Duration);

/// A sleeping machine does not run timers: a real wait is looked at this often.
const LONGEST_NAP: Duration = Duration::from_secs(10);

impl Clock {
    /// The machine's clock. Its monotonic part counts the time asleep too (`CLOCK_BOOTTIME`).
    pub fn real() -> Self {
        Self { kind: Kind::Real { origin: boot_time() } }
    }

    /// A clock that begins at `start` and moves with tokio's time, which the runtime must have paused.
    pub fn simulated(start: DateTime<Utc>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let origin = tokio::time::Instant::now();
        Self { kind: Kind::Simulated { start, origin, meddled: Arc::default() } }
    }

    /// Does to a simulated machine what happens to real ones: sets its wall clock forward by `ahead`, and says that it
    /// was asleep for so much of the time that has passed.
    pub fn meddle(&self, ahead: TimeDelta, asleep: TimeDelta) {
        if let Kind::Simulated { meddled, .. } = &self.kind {
            meddled.ahead_ms.fetch_add(ahead.num_milliseconds(), Ordering::Relaxed);
            meddled.asleep_ms.fetch_add(asleep.num_milliseconds(), Ordering::Relaxed);
        }
    }

    /// What all its clocks show now.
    pub fn reading(&self) -> Reading {
        let (now, mono_ms) = (self.now(), self.mono_ms());
        let awake_ms = match &self.kind {
            Kind::Real { .. } => u64::try_from(awake_time().as_millis()).unwrap_or(u64::MAX),
            Kind::Simulated { meddled, .. } => {
                mono_ms.saturating_sub_signed(meddled.asleep_ms.load(Ordering::Relaxed))
            }
        };
        Reading { now, mono_ms, awake_ms }
    }

    /// UTC, to the millisecond.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.kind {
            Kind::Real { .. } => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let now = SystemTime::now();
                DateTime::from(now)
            }
            Kind::Simulated { start, origin, meddled } => {
                let ahead = TimeDelta::milliseconds(meddled.ahead_ms.load(Ordering::Relaxed));
                *start + TimeDelta::from_std(origin.elapsed()).unwrap_or_default() + ahead
            }
        };
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Milliseconds since this clock was made, never backwards.
    pub fn mono_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        match &self.kind {
            Kind::Real { origin } => boot_time().saturating_sub(*origin),
            Kind::Simulated { origin, .. } => origin.elapsed(),
        }
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        match &self.kind {
            Kind::Simulated { .. } => tokio::time::sleep(duration).await,
            Kind::Real { .. } => {
                let until = self.elapsed() + duration;
                while let Some(left) = until.checked_sub(self.elapsed()).filter(|left| !left.is_zero()) {
                    tokio::time::sleep(left.min(LONGEST_NAP)).await;
                }
            }
        }
    }

    /// Waits until a time; not at all if it is past.
    pub async fn sleep_until(&self, time: DateTime<Utc>) {
        self.sleep((time - self.now()).to_std().unwrap_or_default()).await;
    }

    /// Awaits something outside, at most `limit` of real time; a simulated clock stands still meanwhile.
    ///
    /// # Errors
    /// When the limit passes first; the future is dropped.
    pub async fn frozen<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, TooLong> {
        // While a blocking task is parked, tokio's paused clock does not move by itself.
        let (done, parked) = mpsc::channel::<()>();
        #[expect(clippy::disallowed_methods, reason = "this is what holds the clock")]
        let watchdog = tokio::task::spawn_blocking(move || parked.recv_timeout(limit));
        let outcome = match select(pin!(future), watchdog).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TooLong(limit)),
        };
        drop(done);
        outcome
    }
}

fn boot_time() -> Duration {
    time_of(ClockId::Boottime)
}

/// Stands still while the machine is asleep.
fn awake_time() -> Duration {
    time_of(ClockId::Monotonic)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_603_600, 0).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn simulated_hours_take_no_time() {
        let clock = Clock::simulated(start());
        clock.sleep(Duration::from_secs(7200)).await;
        assert_eq!(clock.now(), start() + TimeDelta::hours(2));
        assert_eq!(clock.mono_ms(), 7_200_000);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_while_the_outside_is_awaited() {
        let clock = Clock::simulated(start());
        let (answer, question) = tokio::sync::oneshot::channel();
        let alarm = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(3600)).await }
        });
        // The outside: a thread that answers only once the runtime has had every chance to run the hour away.
        std::thread::spawn(move || {
            let (_keep, idle) = mpsc::channel::<()>();
            assert!(idle.recv_timeout(Duration::from_millis(50)).is_err());
            answer.send(42).unwrap();
        });
        let answered = clock.frozen(Duration::from_secs(60), question).await;
        assert_eq!(answered, Ok(Ok(42)));
        assert_eq!(clock.now(), start());
        assert!(!alarm.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_and_a_machine_that_slept_are_told_apart() {
        let clock = Clock::simulated(start());
        let before = clock.reading();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(before.jump_to(&clock.reading()), None);
        clock.meddle(TimeDelta::seconds(-90), TimeDelta::zero());
        assert_eq!(before.jump_to(&clock.reading()), Some(Jump { by_s: -90.0, asleep_s: 0.0 }));
        clock.meddle(TimeDelta::seconds(91), TimeDelta::minutes(50));
        assert_eq!(before.jump_to(&clock.reading()), Some(Jump { by_s: 0.0, asleep_s: 3000.0 }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_answers_is_given_up() {
        let clock = Clock::simulated(start());
        let limit = Duration::from_millis(20);
        assert_eq!(clock.frozen(limit, std::future::pending::<()>()).await, Err(TooLong(limit)));
        assert_eq!(clock.now(), start());
    }
}
