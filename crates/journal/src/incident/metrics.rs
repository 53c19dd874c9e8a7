//! The times of an incident: to detect, acknowledge, mitigate, recover, resolve.

use super::state::IncidentState;
use crate::event::Precision;
use crate::state::RunState;
use chrono::{DateTime, Utc};
use lifeboat_runbook::duty::MILESTONES;
use lifeboat_runbook::id::{MarkName, RunId};
use std::collections::BTreeMap;

/// A moment of an incident, said by people or measured by a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Milestone {
    /// UTC.
    pub at: DateTime<Utc>,
    /// How exact that is.
    pub precision: Precision,
    /// The run that measured it; nothing where it stands in the incident's own journal.
    pub run: Option<RunId>,
    /// The number of the event there.
    pub seq: u64,
}

/// A time between two milestones.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// `time to detect`.
    pub name: &'static str,
    /// From which milestone.
    pub from: &'static str,
    /// To which.
    pub to: &'static str,
    /// Milliseconds; nothing where a milestone is missing. May be negative: that is a finding, and not mended.
    pub millis: Option<i64>,
}

/// What is measured: the name, from where, to where.
const METRICS: [(&str, &str, &str); 5] = [
    ("time to detect", "disrupted", "detected"),
    ("time to acknowledge", "detected", "acknowledged"),
    ("time to mitigate", "disrupted", "mitigated"),
    ("time to recover", "disrupted", "verified"),
    ("time to resolve", "disrupted", "resolved"),
];

/// The milestones of an incident: what people said holds; what they did not say is taken from its runs, of moments at
/// which things begin the earliest, of those at which they are well again the latest.
pub fn milestones(state: &IncidentState, runs: &[(RunId, &RunState)]) -> BTreeMap<&'static str, Milestone> {
    let own = |name: &&'static str| {
        let moment = state.mark(name)?;
        Some(Milestone { at: moment.at, precision: moment.precision, run: None, seq: moment.seq })
    };
    let find = |name: &'static str| own(&name).or_else(|| of_runs(name, runs)).map(|found| (name, found));
    MILESTONES.into_iter().filter_map(find).collect()
}

fn of_runs(name: &str, runs: &[(RunId, &RunState)]) -> Option<Milestone> {
    let mark = MarkName::new(name);
    let found = runs.iter().filter_map(|(run, state)| {
        let moment = state.marks.get(&mark)?;
        let (at, seq) = (moment.at, moment.seq);
        Some(Milestone { at, precision: Precision::Exact, run: Some(run.clone()), seq })
    });
    match name {
        // Each run is closed; the incident is when people say so.
        "closed" | "declared" => None,
        "disrupted" | "detected" | "responding" => found.min_by_key(|found| found.at),
        _ => found.max_by_key(|found| found.at),
    }
}

/// The times between milestones.
pub fn metrics(milestones: &BTreeMap<&'static str, Milestone>) -> Vec<Metric> {
    let between = |from, to| Some((milestones.get(to)?.at - milestones.get(from)?.at).num_milliseconds());
    METRICS.into_iter().map(|(name, from, to)| Metric { name, from, to, millis: between(from, to) }).collect()
}

/// Which milestone should not come before which; between others any order may be (a cause may be found long after the
/// damage was stopped).
const ORDER: [(&str, &str); 14] = [
    ("disrupted", "detected"),
    ("disrupted", "aware"),
    ("detected", "acknowledged"),
    ("aware", "classified"),
    ("disrupted", "responding"),
    ("disrupted", "mitigated"),
    ("acknowledged", "mitigated"),
    ("responding", "restored"),
    ("restored", "verified"),
    ("verified", "normal"),
    ("identified", "resolved"),
    ("mitigated", "resolved"),
    ("resolved", "closed"),
    ("normal", "closed"),
];

/// Milestones that stand the wrong way round: pairs of what should come first and what should follow it.
pub fn out_of_order(milestones: &BTreeMap<&'static str, Milestone>) -> Vec<(&'static str, &'static str)> {
    let at = |name: &str| milestones.get(name).map(|found| found.at);
    let wrong =
        |(first, then): &(&str, &str)| at(first).zip(at(then)).is_some_and(|(first, then)| first > then);
    ORDER.into_iter().filter(wrong).collect()
}
