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
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

/// Tells the time and waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Real { origin: Duration },
    Simulated { start: DateTime<Utc>, origin: tokio::time::Instant },
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
        Self { kind: Kind::Simulated { start, origin } }
    }

    /// UTC, to the millisecond.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.kind {
            Kind::Real { .. } => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let now = SystemTime::now();
                DateTime::from(now)
            }
            Kind::Simulated { start, origin } => {
                *start + TimeDelta::from_std(origin.elapsed()).unwrap_or_default()
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
    let time = clock_gettime(ClockId::Boottime);
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
    async fn what_never_answers_is_given_up() {
        let clock = Clock::simulated(start());
        let limit = Duration::from_millis(20);
        assert_eq!(clock.frozen(limit, std::future::pending::<()>()).await, Err(TooLong(limit)));
        assert_eq!(clock.now(), start());
    }
}
