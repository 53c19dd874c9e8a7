//! How far the recovered data goes, and what lies between that and the end of writes.

use super::{Axis, Tick, offset, thousandth};
use crate::document::Document;
use crate::timeline::duration;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::state::RunState;
use serde::Serialize;

/// The picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecoveryPoint {
    /// The axis: time from the end of writes.
    pub ticks: Vec<Tick>,
    /// The end of writes.
    pub stopped: Tick,
    /// What the objective allows to lose.
    pub objective: Option<Lost>,
    /// What was lost.
    pub lost: Option<Lost>,
    /// Every statement of how far the data goes.
    pub points: Vec<PointOfData>,
}

/// A stretch of writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lost {
    /// Per cent of the width.
    pub x: f64,
    /// Per cent of the width.
    pub width: f64,
    /// How long, in words.
    pub text: String,
}

/// A statement of how far the recovered data goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointOfData {
    /// Per cent of the width.
    pub x: f64,
    /// How sure it is: `A`, `B`, `C`.
    pub grade: String,
    /// Whether the figure is made with this one.
    pub used: bool,
    /// In full.
    pub title: String,
}

impl RecoveryPoint {
    /// The picture of a data loss that is known.
    pub(crate) fn of(state: &RunState, document: &Document) -> Option<Self> {
        let lost = &document.rpo;
        let (actual, complete_to) = (lost.actual_s?, lost.complete_to?);
        let used = lost.events.last().copied();
        // Where the data goes past it, nothing is lost, and the end of writes is said by its event.
        let stopped = stopped(state, lost.events.first().copied())
            .unwrap_or_else(|| complete_to + TimeDelta::milliseconds((actual * 1000.0) as i64));
        let since = |at: DateTime<Utc>| (at - stopped).num_milliseconds() as f64 / 1000.0;
        let points = || state.data_times.iter().map(|data| since(data.complete_to));
        let objective = lost.objective_s.unwrap_or(0.0);
        let first = points().fold(-objective, f64::min);
        let last = points().fold(0.0, f64::max);
        let room = (last - first).max(1.0) * 0.05;
        let axis = Axis::new(first - room, last + room);
        let stretch = |from_s: f64, text: String| {
            let (x, width) = axis.interval(from_s, 0.0);
            Lost { x, width, text }
        };
        let at_least = if lost.bound.as_deref() == Some("at_least") { "at least " } else { "" };
        Some(Self {
            ticks: axis.ticks(offset),
            stopped: Tick::new(axis.place(0.0), "writes stopped"),
            objective: lost
                .objective_s
                .map(|seconds| stretch(-seconds, format!("the objective allows {}", duration(seconds)))),
            lost: (actual > 0.0).then(|| stretch(-actual, format!("{at_least}{} lost", duration(actual)))),
            points: state
                .data_times
                .iter()
                .map(|data| PointOfData {
                    x: axis.place(since(data.complete_to)),
                    grade: format!("{:?}", data.grade),
                    used: used == Some(data.seq),
                    title: format!(
                        "complete to {} from the end of writes: {}",
                        offset(thousandth(since(data.complete_to))),
                        data.source
                    ),
                })
                .collect(),
        })
    }
}

/// The moment of the event that says when writes stopped.
fn stopped(state: &RunState, seq: Option<u64>) -> Option<DateTime<Utc>> {
    let seq = seq?;
    if let Some(mark) = state.marks.values().find(|mark| mark.seq == seq) {
        return Some(mark.at);
    }
    let began = state.began.filter(|began| began.seq == seq)?;
    Some(state.started.as_ref().and_then(|started| started.disrupted_at).unwrap_or(began.at))
}
