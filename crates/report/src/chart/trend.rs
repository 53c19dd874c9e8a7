//! One number over the runs of a runbook, against its objective.

use super::{Axis, Tick, anchor};
use crate::timeline::duration;
use serde::Serialize;

/// The picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// Which number.
    pub name: &'static str,
    /// A column for each run, the oldest first.
    pub points: Vec<TrendPoint>,
    /// Where the objective lies, per cent of the height from the top, and what it is.
    pub objective: Option<(f64, String)>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendPoint {
    /// Per cent of the width.
    pub x: f64,
    /// Per cent of the width.
    pub width: f64,
    /// Per cent of the height from the top.
    pub y: f64,
    /// Per cent of the height.
    pub height: f64,
    /// `met`, `missed`, `unknown`.
    pub kind: &'static str,
    /// Whether it is the run of this report.
    pub is_this: bool,
    /// How long.
    pub text: String,
    /// In full.
    pub title: String,
    /// Its label under the axis.
    pub label: Tick,
}

/// A number of a run: when it was, the seconds, whether it met its objective, whether it is the run of the report.
pub(crate) struct Sample {
    pub(crate) day: String,
    pub(crate) run: String,
    pub(crate) seconds: Option<f64>,
    pub(crate) met: Option<bool>,
    pub(crate) is_this: bool,
}

/// More columns than that are not told apart on a telephone.
const MOST: usize = 12;

impl Trend {
    /// The picture of the last runs; nothing for one alone.
    pub(crate) fn of(name: &'static str, samples: &[Sample], objective_s: Option<f64>) -> Option<Self> {
        let samples = &samples[samples.len().saturating_sub(MOST)..];
        let largest =
            samples.iter().filter_map(|sample| sample.seconds).fold(objective_s.unwrap_or(0.0), f64::max);
        if samples.len() < 2 || samples.iter().all(|sample| sample.seconds.is_none()) {
            return None;
        }
        let height = Axis::new(0.0, largest * 1.15);
        let column = 100.0 / samples.len() as f64;
        let point = |(index, sample): (usize, &Sample)| {
            let tall = sample.seconds.map_or(0.0, |seconds| height.place(seconds));
            let text = sample.seconds.map_or_else(|| "?".to_owned(), duration);
            let x = column * index as f64;
            TrendPoint {
                x: super::thousandth(x + column * 0.2),
                width: super::thousandth(column * 0.6),
                y: super::thousandth(100.0 - tall),
                height: tall,
                kind: match sample.met {
                    Some(true) => "met",
                    Some(false) => "missed",
                    None => "unknown",
                },
                is_this: sample.is_this,
                title: format!("{} {}: {text}", sample.day, sample.run),
                text,
                label: Tick {
                    x: super::thousandth(x + column / 2.0),
                    label: sample.day.clone(),
                    anchor: anchor(50.0),
                },
            }
        };
        Some(Self {
            name,
            points: samples.iter().enumerate().map(point).collect(),
            objective: objective_s.map(|objective| {
                (
                    super::thousandth(100.0 - height.place(objective)),
                    format!("objective {}", duration(objective)),
                )
            }),
        })
    }
}
