//! The stretch of time a number covers, and what lies within it.
//!
//! Everything inside one number is measured by that number's own clock, in whole milliseconds: so its parts add up to
//! it exactly.

use crate::state::Moment;
use chrono::{DateTime, Utc};

/// Milliseconds since the beginning of a [`Span`].
pub(super) type Ms = i64;

/// From one moment to another, on one clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: Moment,
    pub(super) end: Moment,
    /// Whether it is measured by the monotonic clock of the process that saw both ends, else by the wall clock.
    is_monotonic: bool,
}

impl Span {
    /// By the monotonic clock where both moments were seen by one process whose clocks agreed, else by the wall clock.
    pub(super) fn new(start: Moment, end: Moment) -> Self {
        Self { start, end, is_monotonic: start.shares_clock(&end) }
    }

    /// The name of its clock.
    pub(super) fn clock(&self) -> &'static str {
        if self.is_monotonic { "monotonic" } else { "wall" }
    }

    /// Where a moment lies; what was not seen by this process but stated is placed by the wall clock.
    pub(super) fn place(&self, moment: Moment) -> Ms {
        match self.is_monotonic && self.start.shares_clock(&moment) {
            true => difference(moment.mono_ms, self.start.mono_ms),
            false => (moment.at - self.start.at).num_milliseconds(),
        }
    }

    /// Its length. Negative where the end is before the beginning.
    pub(super) fn length(&self) -> Ms {
        self.place(self.end)
    }

    /// The part of an interval that lies within; nothing to its end while it lasts.
    pub(super) fn clip(&self, from: Moment, to: Option<Moment>) -> (Ms, Ms) {
        self.within(self.place(from), to.map_or_else(|| self.length(), |to| self.place(to)))
    }

    /// The same of an interval that is placed already.
    pub(super) fn within(&self, from: Ms, to: Ms) -> (Ms, Ms) {
        let length = self.length().max(0);
        let from = from.clamp(0, length);
        (from, to.clamp(from, length))
    }

    /// The moment at a place, on the wall clock.
    pub(super) fn at(&self, place: Ms) -> DateTime<Utc> {
        self.start.at + chrono::TimeDelta::milliseconds(place)
    }
}

fn difference(later: u64, earlier: u64) -> Ms {
    i64::try_from(i128::from(later) - i128::from(earlier)).unwrap_or(i64::MAX)
}

/// Milliseconds as seconds.
pub(super) fn seconds(milliseconds: Ms) -> f64 {
    milliseconds as f64 / 1000.0
}

/// How long these intervals are together, what they share counted once.
pub(super) fn union(intervals: impl IntoIterator<Item = (Ms, Ms)>) -> Ms {
    let mut intervals: Vec<_> = intervals.into_iter().filter(|(from, to)| from < to).collect();
    intervals.sort_unstable();
    let (mut sum, mut reached) = (0, Ms::MIN);
    for (from, to) in intervals {
        sum += (to - from.max(reached)).max(0);
        reached = reached.max(to);
    }
    sum
}

/// An interval that is given away piece by piece: what was taken once is not taken again.
#[derive(Clone, Debug)]
pub(super) struct Remainder(Vec<(Ms, Ms)>);

impl Remainder {
    pub(super) fn of(interval: (Ms, Ms)) -> Self {
        Self(vec![interval])
    }

    /// Takes what is left of these intervals; how long that is.
    pub(super) fn take(&mut self, intervals: impl IntoIterator<Item = (Ms, Ms)>) -> Ms {
        let before = self.length();
        for (from, to) in intervals {
            let cut = |(left, right): (Ms, Ms)| {
                if to <= left || right <= from || to <= from {
                    return vec![(left, right)];
                }
                let pieces = [(left, from.max(left)), (to.min(right), right)];
                pieces.into_iter().filter(|(left, right)| left < right).collect()
            };
            self.0 = std::mem::take(&mut self.0).into_iter().flat_map(cut).collect();
        }
        before - self.length()
    }

    /// How long what is left is.
    pub(super) fn length(&self) -> Ms {
        self.0.iter().map(|(from, to)| to - from).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_intervals_share_counts_once() {
        assert_eq!(union([(0, 10), (5, 20), (30, 40), (35, 36), (50, 50)]), 30);
        assert_eq!(union([]), 0);
    }

    proptest! {
        #[test]
        fn what_is_taken_and_what_is_left_add_up(
            whole in (0i64..50, 50i64..100),
            takes in prop::collection::vec(prop::collection::vec((0i64..110, 0i64..110), 0..4), 0..5),
        ) {
            let mut left = Remainder::of(whole);
            let taken: Vec<Ms> = takes.iter().map(|wanted| left.take(wanted.iter().copied())).collect();
            prop_assert!(taken.iter().all(|taken| *taken >= 0));
            prop_assert_eq!(taken.iter().sum::<Ms>() + left.length(), whole.1 - whole.0);
            // The first taker gets all that it asks for of the whole.
            let clipped = |wanted: &Vec<(Ms, Ms)>| {
                union(wanted.iter().map(|(from, to)| ((*from).max(whole.0), (*to).min(whole.1))))
            };
            prop_assert_eq!(taken.first().copied(), takes.first().map(clipped));
        }
    }
}
