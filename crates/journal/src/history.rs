//! What earlier runs tell: how long each step took, how both numbers moved, and what is slower than usual.
//!
//! Order of use: a [`PastRun`] of each run's fold; the [`History`] of those that count; [`History::steps`] and
//! [`History::numbers`] for people, [`crate::forecast::forecast`] for the next run. None of it knows the clock.

use crate::event::{Cloud, StepOutline};
use crate::state::{RunState, StepStatus};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What history keeps of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    /// Which run.
    pub run: RunId,
    /// Of which runbook.
    pub runbook: String,
    /// Drill or recovery.
    pub mode: Mode,
    /// Which AWS.
    pub cloud: Cloud,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The recovery time objective it had, seconds.
    pub rto_objective_s: Option<f64>,
    /// The recovery time it measured, with its scope.
    pub recovery_time: Option<(String, f64)>,
    /// The data lost that it measured, seconds.
    pub data_lost_s: Option<f64>,
    /// Its steps, as they were planned.
    pub outlines: Vec<StepOutline>,
    /// What became of them: those that succeeded, and those that were not needed.
    pub steps: BTreeMap<StepPath, PastStep>,
}

/// What history keeps of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct PastStep {
    /// The action, for actions.
    pub action: Option<String>,
    /// Seconds from its first intent to its success, every wait included; nothing where it was not needed.
    pub seconds: Option<f64>,
}

impl PastRun {
    /// Of a run's fold; nothing of a run that never began or is not over.
    pub fn of(state: &RunState) -> Option<Self> {
        let (started, began) = (state.started.as_deref()?, state.began?);
        state.outcome.as_ref()?;
        let time = state.recovery_time.as_deref();
        let steps = state.steps_in_order().into_iter().filter_map(|(path, outline)| {
            let step = state.steps.get(path)?;
            let seconds = match &step.status {
                StepStatus::Succeeded => Some(step.started?.seconds_to(&step.finished?)),
                // What the mode rules out, or a person, says nothing of the next run.
                StepStatus::Skipped(_) if outline.only_in.is_none() && step.skipped_by.is_none() => None,
                _ => return None,
            };
            Some((outline.path.clone(), PastStep { action: outline.action.clone(), seconds }))
        });
        Some(Self {
            run: state.run.clone()?,
            runbook: started.runbook.clone(),
            mode: started.mode,
            cloud: started.cloud.clone(),
            started_at: began.at,
            rto_objective_s: started.rto_objective_s,
            recovery_time: time.and_then(|time| Some((time.scope.clone()?, time.actual_s?))),
            data_lost_s: state.data_lost.as_ref().and_then(|lost| lost.actual_s),
            outlines: state.outlines().to_vec(),
            steps: longest(steps),
        })
    }
}

/// Steps by their place in the plan. What the items of a loop did at the same time took as long as the longest of them.
fn longest(steps: impl Iterator<Item = (StepPath, PastStep)>) -> BTreeMap<StepPath, PastStep> {
    let mut longest: BTreeMap<StepPath, PastStep> = BTreeMap::new();
    for (path, step) in steps {
        match longest.get(&path) {
            Some(known) if known.seconds >= step.seconds => {}
            _ => drop(longest.insert(path, step)),
        }
    }
    longest
}

/// Earlier runs of one runbook, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs.
    pub runs: Vec<PastRun>,
}

/// Durations in the order of the runs, in short. Seconds throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// How many there are.
    pub n: usize,
    /// The median.
    pub median_s: f64,
    /// What 95 % of them do not exceed: the nearest rank, so one that occurred.
    pub p95_s: f64,
    /// The last one.
    pub last_s: f64,
    /// How much longer it takes from run to run: the median of the slopes between any two (Theil and Sen), which a
    /// single outlier does not move. Nothing for fewer than four.
    pub trend_s_per_run: Option<f64>,
    /// How much longer the last one is than the median of those before it, 0.2 being 20 %; nothing for fewer than four.
    pub slower_by: Option<f64>,
}

/// From how many on a trend, or "slower than usual", means anything.
const ENOUGH: usize = 4;

impl Series {
    /// Of at least one duration.
    pub fn of(seconds: &[f64]) -> Option<Self> {
        let (last, earlier) = seconds.split_last()?;
        let enough = seconds.len() >= ENOUGH;
        let usual = Some(median(earlier)).filter(|usual| enough && *usual > 0.0);
        Some(Self {
            n: seconds.len(),
            median_s: median(seconds),
            p95_s: quantile(&sorted(seconds), 0.95),
            last_s: *last,
            trend_s_per_run: enough.then(|| trend(seconds)),
            slower_by: usual.map(|usual| last / usual - 1.0),
        })
    }
}

fn sorted(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle one, or the mean of the two in the middle.
fn median(numbers: &[f64]) -> f64 {
    let sorted = sorted(numbers);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The nearest rank of sorted numbers: the smallest that at least this share of them does not exceed.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Only the last so many are looked at for a trend: what was a hundred runs ago says little, and pairs are many.
pub const TREND_OF: usize = 60;

fn trend(seconds: &[f64]) -> f64 {
    let recent = &seconds[seconds.len().saturating_sub(TREND_OF)..];
    let slopes = (0..recent.len()).flat_map(|later| {
        (0..later).map(move |earlier| (recent[later] - recent[earlier]) / (later - earlier) as f64)
    });
    median(&slopes.collect::<Vec<_>>())
}

/// How a step has behaved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepHistory {
    /// Which.
    pub step: StepPath,
    /// Its action, for actions.
    pub action: Option<String>,
    /// Its durations.
    #[serde(flatten)]
    pub series: Series,
}

/// How one of the two numbers has moved. Drills and recoveries, and what is measured to different ends, are apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberHistory {
    /// `recovery_time` or `data_lost`.
    pub number: String,
    /// `drill` or `recovery`.
    pub mode: String,
    /// `service` or `copy`, for recovery times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Its values.
    #[serde(flatten)]
    pub series: Series,
}

impl History {
    /// Of these runs, which must be of one runbook; put in the order of their start. Those of one moment, as runs of a
    /// simulator are, stay as they come.
    pub fn of(runs: impl IntoIterator<Item = PastRun>) -> Self {
        let mut runs: Vec<_> = runs.into_iter().collect();
        runs.sort_by_key(|run| run.started_at);
        Self { runs }
    }

    /// What became of a step in each run that came to it, if it was the same action then; nothing in it where the step
    /// was not needed.
    pub fn came_to<'run>(&'run self, outline: &'run StepOutline) -> impl Iterator<Item = Option<f64>> + 'run {
        let steps = self.runs.iter().filter_map(|run| run.steps.get(&outline.path));
        steps.filter(|step| step.action == outline.action).map(|step| step.seconds)
    }

    /// The steps of the last run, in its order, as far as any run came to them.
    pub fn steps(&self) -> Vec<StepHistory> {
        let outlines = self.runs.last().map(|run| run.outlines.as_slice()).unwrap_or_default();
        let steps = outlines.iter().filter_map(|outline| {
            let seconds: Vec<f64> = self.came_to(outline).flatten().collect();
            let (step, action) = (outline.path.clone(), outline.action.clone());
            Some(StepHistory { step, action, series: Series::of(&seconds)? })
        });
        steps.collect()
    }

    /// Both numbers.
    pub fn numbers(&self) -> Vec<NumberHistory> {
        let mut numbers: BTreeMap<(&str, &str, Option<&str>), Vec<f64>> = BTreeMap::new();
        for run in &self.runs {
            let mode = run.mode.word();
            if let Some((scope, seconds)) = &run.recovery_time {
                numbers.entry(("recovery_time", mode, Some(scope))).or_default().push(*seconds);
            }
            if let Some(seconds) = run.data_lost_s {
                numbers.entry(("data_lost", mode, None)).or_default().push(seconds);
            }
        }
        let number = |((number, mode, scope), seconds): ((&str, &str, Option<&str>), Vec<f64>)| {
            let (number, mode, scope) = (number.to_owned(), mode.to_owned(), scope.map(str::to_owned));
            Some(NumberHistory { number, mode, scope, series: Series::of(&seconds)? })
        };
        numbers.into_iter().rev().filter_map(number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_series_in_short() {
        let series = Series::of(&[10.0, 11.0, 12.0, 13.0, 30.0]).unwrap();
        assert_eq!((series.n, series.median_s, series.p95_s, series.last_s), (5, 12.0, 30.0, 30.0));
        // The slopes are nine times about 1 and four times much more: the outlier at the end does not make the trend.
        assert_eq!(series.trend_s_per_run, Some(1.0));
        assert_eq!(series.slower_by, Some(30.0 / 11.5 - 1.0));
        let few = Series::of(&[10.0, 20.0, 30.0]).unwrap();
        assert_eq!((few.trend_s_per_run, few.slower_by), (None, None));
        assert_eq!(Series::of(&[]), None);
    }

    #[test]
    fn the_nearest_rank_is_one_that_occurred() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for (share, expected) in [(0.5, 50.0), (0.95, 95.0), (1.0, 100.0), (0.0, 1.0)] {
            assert_eq!(quantile(&hundred, share), expected, "{share}");
        }
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
    }

    proptest! {
        #[test]
        fn a_steady_rise_is_the_trend(first in 0.0f64..1000.0, rise in -5.0f64..5.0, n in 4usize..80) {
            let seconds: Vec<f64> = (0..n).map(|run| first + rise * run as f64).collect();
            let found = Series::of(&seconds).unwrap().trend_s_per_run.unwrap();
            prop_assert!((found - rise).abs() < 1e-6, "{found} {rise}");
        }
    }
}
