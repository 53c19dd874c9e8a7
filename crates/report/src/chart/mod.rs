//! What the pictures of a report are drawn from: numbers and words; the templates draw them.
//!
//! Every place along the horizontal is a percentage of the picture's width, every height a number of pixels. So a
//! picture is as wide as the page lets it be and its words keep their size, on a telephone as on paper.

mod budget;
mod gantt;
mod recovery_point;
mod trend;

pub use budget::{Budget, BudgetPart};
pub use gantt::{Bar, Gantt, GanttRow};
pub use recovery_point::{Lost, PointOfData, RecoveryPoint};
pub(crate) use trend::Sample;
pub use trend::{Trend, TrendPoint};

use crate::timeline::duration;
use serde::Serialize;

/// A place on the axis with its label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tick {
    /// Per cent of the width.
    pub x: f64,
    /// What stands there.
    pub label: String,
    /// How the label lies to its place: `start`, `middle`, `end`, so that it stays within the picture.
    pub anchor: &'static str,
}

impl Tick {
    pub(crate) fn new(x: f64, label: impl Into<String>) -> Self {
        Self { x, label: label.into(), anchor: anchor(x) }
    }
}

/// How a label at `x` must lie to stay within the picture.
fn anchor(x: f64) -> &'static str {
    match x {
        x if x < 12.0 => "start",
        x if x > 88.0 => "end",
        _ => "middle",
    }
}

/// Seconds laid out over the width of a picture.
#[derive(Clone, Copy, Debug)]
struct Axis {
    from_s: f64,
    to_s: f64,
}

/// Steps between ticks, seconds: what people count in.
const STEPS: [f64; 25] = [
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
];

/// So many labels stand beside each other on a telephone.
const MOST_TICKS: f64 = 5.0;

/// The width of a picture on a telephone, pixels, and of a letter in it: what decides whether words fit.
const NARROW: f64 = 330.0;
const LETTER: f64 = 6.4;

impl Axis {
    /// Never empty: a moment alone gets a second.
    fn new(from_s: f64, to_s: f64) -> Self {
        Self { from_s, to_s: if to_s - from_s < 0.001 { from_s + 1.0 } else { to_s } }
    }

    /// The place of a moment, kept within the picture.
    fn place(&self, seconds: f64) -> f64 {
        let share = (seconds - self.from_s) / (self.to_s - self.from_s);
        thousandth((share * 100.0).clamp(0.0, 100.0))
    }

    /// The place and the width of an interval.
    fn interval(&self, from_s: f64, to_s: f64) -> (f64, f64) {
        let (from, to) = (self.place(from_s), self.place(to_s));
        (from, thousandth((to - from).max(0.0)))
    }

    fn ticks(&self, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let length = self.to_s - self.from_s;
        let fits = |step: &&f64| length / **step <= MOST_TICKS;
        let step = STEPS.iter().find(fits).copied().unwrap_or(length);
        let first = (self.from_s / step).ceil() as i64;
        let last = (self.to_s / step).floor() as i64;
        (first..=last)
            .map(|count| {
                let seconds = count as f64 * step;
                Tick::new(self.place(seconds), label(seconds))
            })
            .collect()
    }
}

fn thousandth(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The words, if they fit into so many per cent of the width even on a telephone.
fn fitting(words: &str, width: f64) -> Option<String> {
    let needed = words.chars().count() as f64 * LETTER + 8.0;
    (!words.is_empty() && needed <= width / 100.0 * NARROW).then(|| words.to_owned())
}

/// A moment as time since or until the moment that counts as zero.
fn offset(seconds: f64) -> String {
    match seconds {
        s if s.abs() < 0.000_5 => "0".to_owned(),
        s if s < 0.0 => duration(s),
        s => format!("+{}", duration(s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few_however_long_it_took() {
        for (from, to) in [(0.0, 0.4), (0.0, 59.0), (-600.0, 816.0), (0.0, 5400.0), (0.0, 4e6), (3.0, 3.0)] {
            let axis = Axis::new(from, to);
            let ticks = axis.ticks(offset);
            assert!((1..=6).contains(&ticks.len()), "{from}..{to}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&tick.x)), "{ticks:?}");
        }
        let labels = |from, to| -> Vec<String> {
            Axis::new(from, to).ticks(offset).into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(0.0, 816.0), ["0", "+5 min", "+10 min"]);
        assert_eq!(labels(-900.0, 60.0), ["−15 min", "−10 min", "−5 min", "0"]);
    }

    #[test]
    fn intervals_stay_within_the_picture() {
        let axis = Axis::new(0.0, 200.0);
        assert_eq!(axis.interval(50.0, 100.0), (25.0, 25.0));
        assert_eq!(axis.interval(-50.0, 300.0), (0.0, 100.0));
        assert_eq!(axis.interval(150.0, 100.0), (75.0, 0.0));
    }

    #[test]
    fn words_that_do_not_fit_are_left_out() {
        assert_eq!(fitting("creating", 20.0), Some("creating".to_owned()));
        assert_eq!(fitting("configuring-enhanced-monitoring", 20.0), None);
        assert_eq!(fitting("", 100.0), None);
    }
}
