//! Where the simulator's time comes from.

use std::fmt::Debug;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the simulator the virtual time. In a run it is the engine's paused clock, in tests a [`ManualClock`].
/// It must never go back.
pub trait SimClock: Send + Sync + Debug {
    /// The virtual time, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: DateTime<Utc>) -> ManualClock {
        ManualClock(Mutex::new(start))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        *lock(&self.0) += by;
    }

    /// Puts the clock at `instant`, unless it is there or past it already.
    pub fn advance_to(&self, instant: DateTime<Utc>) {
        let mut now = lock(&self.0);
        *now = instant.max(*now);
    }
}

impl SimClock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }
}

/// Locks, also after another thread panicked: everything behind our locks is replaced whole, never half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
