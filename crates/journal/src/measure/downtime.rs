//! The downtime that the probes beside the steps saw.

use super::span::{Ms, seconds};
use crate::probes::{ProbeSpan, ProbeState, ProbeStatus};
use crate::state::{Moment, RunState};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::StepPath;
use serde::{Deserialize, Serialize};

/// The downtime that a probe saw. Seconds throughout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Downtime {
    /// The probe.
    pub probe: Option<StepPath>,
    /// How it was last known to stand: `up`, `down`, `unwatched`.
    pub state: String,
    /// How long it was down in all; nothing where it never got to look.
    pub down_s: Option<f64>,
    /// It may have been so much longer or shorter: looks have a distance.
    pub resolution_s: f64,
    /// `exact` within the resolution, or `at_least` where it was down at its first look, or when nobody looked any more.
    pub bound: String,
    /// How often it went down.
    pub times: usize,
    /// How long nobody looked, between its first and its last look.
    pub unwatched_s: f64,
    /// How often it looked.
    pub looks: u64,
    /// How often that was not well answered.
    pub failed_looks: u64,
    /// `monotonic`, or `wall` where a time spans processes.
    pub clock: String,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// The downtime of every probe that the run has, in the order of their names.
pub fn downtime(state: &RunState) -> Vec<Downtime> {
    let planned = state.probe_outlines().iter().map(|outline| &outline.path);
    let never: Vec<&StepPath> =
        planned.filter(|path| !path.as_str().contains('[') && !state.probes.contains_key(path)).collect();
    let watched = state.probes.iter().map(|(path, probe)| of_probe(path, probe));
    let mut all: Vec<Downtime> = watched.collect();
    all.extend(never.into_iter().map(|path| of_probe(path, &ProbeState::default())));
    all.sort_by(|left, right| left.probe.cmp(&right.probe));
    all
}

fn of_probe(path: &StepPath, probe: &ProbeState) -> Downtime {
    let (mut down, mut late_down, mut late_up) = (0, 0, 0);
    let (mut open, mut monotonic, mut times) = (false, true, 0);
    let mut events = Vec::new();
    for (span, end, next) in probe.downs() {
        let up = next.filter(|next| next.status == ProbeStatus::Up);
        down += between(span.from, end);
        late_down += lateness(span).unwrap_or_default();
        late_up += up.and_then(lateness).unwrap_or_default();
        open |= span.not_before.is_none() || up.is_none();
        monotonic &= span.from.epoch == end.epoch && end.epoch != 0;
        times += 1;
        events.extend([span.from.seq, end.seq]);
    }
    let looked = probe.spans.iter().any(|span| span.status != ProbeStatus::Unwatched);
    let pairs = probe.spans.iter().zip(probe.spans.iter().skip(1));
    let unwatched = pairs.filter(|(span, _)| span.status == ProbeStatus::Unwatched);
    let unwatched: Ms = unwatched.map(|(span, next)| between(span.from, next.from)).sum();
    Downtime {
        probe: Some(path.clone()),
        state: probe.last_known().0.word().to_owned(),
        down_s: looked.then(|| seconds(down)),
        resolution_s: seconds(late_down.max(late_up)),
        bound: if open { "at_least" } else { "exact" }.to_owned(),
        times,
        unwatched_s: seconds(unwatched),
        looks: probe.looks,
        failed_looks: probe.failed_looks,
        clock: if monotonic { "monotonic" } else { "wall" }.to_owned(),
        events,
    }
}

/// Milliseconds, by the clock that both moments have.
fn between(from: Moment, to: Moment) -> Ms {
    ((from.seconds_to(&to) * 1000.0).round() as Ms).max(0)
}

/// A change came about at most this long before it was seen.
fn lateness(span: &ProbeSpan) -> Option<Ms> {
    Some((span.from.at - span.not_before?).num_milliseconds().max(0))
}

/// Seconds for which a probe has been down up to `now`, as far as anybody looked.
pub fn down_s(probe: &ProbeState, now: DateTime<Utc>) -> f64 {
    let over: Ms = probe
        .downs()
        .filter(|(_, _, next)| next.is_some())
        .map(|(span, end, _)| between(span.from, end))
        .sum();
    let open = match probe.status {
        ProbeStatus::Down { since } => (now - since.at).num_milliseconds().max(0),
        ProbeStatus::Up | ProbeStatus::Unwatched => 0,
    };
    seconds(over + open)
}
