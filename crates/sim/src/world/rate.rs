//! How many targets at once, and how many may fail: the rate controls of Systems Manager.

use chrono::{DateTime, Utc};

/// A number or a share of the targets, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// As sent: `10` or `25%`.
    pub text: String,
    number: usize,
    is_share: bool,
}

impl Rate {
    /// Reads `10` or `10%`; a share is at most 100.
    pub(crate) fn read(text: &str) -> Option<Rate> {
        let share = text.strip_suffix('%');
        let digits = share.unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let number: usize = digits.parse().ok().filter(|_| is_number)?;
        let fits = share.is_none() || number <= 100;
        fits.then(|| Rate { text: text.to_owned(), number, is_share: share.is_some() })
    }

    /// How many of so many targets that is, rounded down.
    pub(crate) fn of(&self, targets: usize) -> usize {
        if self.is_share { targets * self.number / 100 } else { self.number }
    }

    /// At which error of an automation no more begin. A number may be reached, a share may not (SSM user guide, "Control
    /// automations at scale": 3 stops at the fourth, 10% of 50 at the fifth).
    pub(crate) fn stops_automations_at(&self, targets: usize) -> usize {
        if self.is_share { self.of(targets).max(1) } else { self.number + 1 }
    }
}

/// The places that are free, and the errors so far, while targets are begun one after the other.
pub(crate) struct Queue {
    free: Vec<DateTime<Utc>>,
    errors: Vec<DateTime<Utc>>,
    stops_at: usize,
}

impl Queue {
    /// So many places, all free from a moment on; the error with this number ends it.
    pub(crate) fn new(places: usize, from: DateTime<Utc>, stops_at: usize) -> Queue {
        Queue { free: vec![from; places.max(1)], errors: Vec::new(), stops_at }
    }

    /// When the next target begins; or when it was given up, because too many had failed.
    pub(crate) fn next(&self) -> Result<DateTime<Utc>, DateTime<Utc>> {
        let begins = self.free.iter().min().copied().unwrap_or_default();
        let mut errors = self.errors.clone();
        errors.sort();
        match self.stops_at.checked_sub(1).and_then(|last| errors.get(last)) {
            Some(stopped) if *stopped <= begins => Err(*stopped),
            _ => Ok(begins),
        }
    }

    /// The target that was begun has a course.
    pub(crate) fn took(&mut self, ends_at: DateTime<Utc>, is_error: bool) {
        if let Some(place) = self.free.iter_mut().min() {
            *place = ends_at;
        }
        if is_error {
            self.errors.push(ends_at);
        }
    }
}
