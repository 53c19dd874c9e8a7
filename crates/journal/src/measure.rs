//! Recovery time, data lost and downtime, as functions of the fold: definitions in `docs/measurement.md`.

mod data_lost;
mod downtime;
mod findings;
mod path;
mod recovery_time;
mod span;

use crate::event::Event;
use crate::state::{Moment, RunState};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::ExpectSource;
use lifeboat_runbook::spec::Grade;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use downtime::{Downtime, down_s, downtime};
pub use findings::{Finding, FindingKind};
pub use recovery_time::stand_in;

/// The actual recovery time and where it went. Seconds throughout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecoveryTime {
    /// The objective.
    pub objective_s: Option<f64>,
    /// From `from` to `to`; nothing where one of them is not known.
    pub actual_s: Option<f64>,
    /// Whether the objective is met; judged on `estimated_total_s` where steps were not rehearsed.
    pub met: Option<bool>,
    /// `service`: up to the user-facing proof; `copy`: up to the proof in a copy that serves nobody.
    pub scope: Option<String>,
    /// Steps that were skipped because of the mode, and that no other step rehearsed.
    pub not_rehearsed: Vec<StepPath>,
    /// `actual_s` and the expected time of what was skipped because of the mode.
    pub estimated_total_s: Option<f64>,
    /// What was added for `estimated_total_s`, step by step, also where it was rehearsed on a copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<Estimate>,
    /// The mark it begins with.
    pub from: Option<String>,
    /// The mark it ends with.
    pub to: Option<String>,
    /// `monotonic`, or `wall` where it spans processes or a moment somebody stated.
    pub clock: Option<String>,
    /// Where it went.
    pub parts_s: Parts,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// What a step that was skipped because of the mode is expected to add to the recovery time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The step.
    pub step: StepPath,
    /// Seconds; nothing where nobody knows.
    pub seconds: Option<f64>,
    /// Where that is from.
    pub source: EstimateSource,
}

/// Where an [`Estimate`] is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimateSource {
    /// Its expected duration, and where that is from.
    Expected(Option<ExpectSource>),
    /// This step did the same to a copy, outside the recovery time: as long as that took.
    Rehearsed(StepPath),
    /// This step did the same to a copy, within the recovery time: nothing is to be added.
    Contained(StepPath),
}

/// The parts of a recovery time, in seconds. `before_run`, `preflight`, `execution` and `verification` add up to it;
/// the others are contained in these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// From the loss of service to the start of the run: detection, and the decision to recover.
    #[serde(default)]
    pub before_run: Option<f64>,
    /// Checks before the first step.
    pub preflight: Option<f64>,
    /// From the loss of service to its detection.
    pub detection: Option<f64>,
    /// Waiting for people: for answers, and for somebody to take up a run that is paused.
    pub decision: f64,
    /// From the first step to the end of the last one that changes something.
    pub execution: Option<f64>,
    /// From there to the final proof.
    pub verification: Option<f64>,
    /// AWS not reachable.
    pub control_plane: f64,
    /// Waiting for credentials or a permission.
    #[serde(default)]
    pub blocked: f64,
    /// No process carried the run, between a crash or a pause and the resume.
    #[serde(default)]
    pub away: f64,
    /// Delays between the attempts of a step.
    #[serde(default)]
    pub retry: f64,
    /// At most this much between something being ready and Lifeboat seeing it.
    pub lifeboat: f64,
}

/// Writes that had been acknowledged and are not in the recovered system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataLost {
    /// The objective, seconds.
    pub objective_s: Option<f64>,
    /// From `complete_to` to the end of writes, seconds.
    pub actual_s: Option<f64>,
    /// Whether the objective is met.
    pub met: Option<bool>,
    /// How sure `complete_to` is.
    pub grade: Option<Grade>,
    /// `exact`, or `at_least` where writes went on and nobody stopped them.
    pub bound: Option<String>,
    /// The recovered data is complete up to here.
    pub complete_to: Option<DateTime<Utc>>,
    /// Where that was read.
    pub source: Option<String>,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// A step of the critical path, from the moment it could begin to its end. Seconds throughout. `aws_s`, `person_s`,
/// `blocked_s`, `away_s`, `retry_s` and `lifeboat_s` add up to `total_s`; the `total_s` of the path, with what passed
/// before its first step, to the recovery time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalStep {
    /// Which.
    pub step: StepPath,
    /// Since the beginning of the recovery time: when the step before it was over.
    pub from_s: f64,
    /// Since the beginning of the recovery time: when it was over, or the recovery time was.
    pub to_s: f64,
    /// `from_s` on the wall clock.
    pub from: DateTime<Utc>,
    /// `to_s` on the wall clock.
    pub to: DateTime<Utc>,
    /// From one to the other.
    pub total_s: f64,
    /// Waiting for AWS, or for what a probe asks; whatever is not one of the following.
    pub aws_s: f64,
    /// Waiting for a person: for an answer, or for somebody to take up the paused run.
    pub person_s: f64,
    /// Waiting for credentials, a permission or the control plane.
    pub blocked_s: f64,
    /// No process carried the run.
    pub away_s: f64,
    /// Delays between attempts.
    pub retry_s: f64,
    /// At most this much between the step being ready and Lifeboat seeing it.
    pub lifeboat_s: f64,
    /// How many attempts were begun.
    pub attempts: u32,
    /// What made it able to begin, its beginning and its end: numbers of events.
    pub events: Vec<u64>,
}

/// All that is measured of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    /// The recovery time.
    pub recovery_time: RecoveryTime,
    /// The data lost.
    pub data_lost: DataLost,
    /// The downtime that probes saw.
    pub downtime: Vec<Downtime>,
    /// The steps that made the recovery time, in order.
    pub critical_path: Vec<CriticalStep>,
    /// Seconds that each other step could have taken longer without making the recovery time longer.
    pub slack: BTreeMap<StepPath, f64>,
    /// What a reader should know of these numbers.
    pub findings: Vec<Finding>,
}

/// Measures a run. Without `events` the findings that only single events tell are missing; both numbers and the
/// critical path are the same.
pub fn measure(state: &RunState, events: &[Event]) -> Measurements {
    let recovery_time = recovery_time::recovery_time(state);
    let data_lost = data_lost::data_lost(state);
    let path = path::critical_path(state, events);
    Measurements {
        slack: path::slack(state, &path),
        downtime: downtime::downtime(state),
        critical_path: path,
        findings: findings::findings(state, events, &recovery_time, &data_lost),
        recovery_time,
        data_lost,
    }
}

/// The two clocks of a run that may still be going on: what is known of its numbers now.
#[derive(Clone, Debug, PartialEq)]
pub struct Clocks {
    /// As at the end; `actual_s` only when the proof is there.
    pub recovery_time: RecoveryTime,
    /// Seconds since the loss of service, or all of them once the proof is there. Nothing where it is not known when
    /// service was lost.
    pub recovering_s: Option<f64>,
    /// As at the end; `actual_s` as soon as it is known how far the recovered data goes.
    pub data_lost: DataLost,
}

/// Reads the two clocks at the moment `now`.
pub fn clocks(state: &RunState, now: DateTime<Utc>) -> Clocks {
    let recovery_time =
        state.recovery_time.as_deref().cloned().unwrap_or_else(|| recovery_time::recovery_time(state));
    let data_lost = state.data_lost.as_deref().cloned().unwrap_or_else(|| data_lost::data_lost(state));
    let until = state.finished.map_or(now, |finished| finished.at);
    let since = |start: Moment| (until - start.at).num_milliseconds().max(0) as f64 / 1000.0;
    let recovering_s = recovery_time.actual_s.or_else(|| state.disrupted().map(since));
    Clocks { recovery_time, recovering_s, data_lost }
}

/// The marks that can end a recovery time, the first that is set counts; with its scope.
const ENDS: [(&str, &str); 2] = [("verified", "service"), ("copy_verified", "copy")];

/// The mark that ends the recovery time, its scope, its moment.
fn end(state: &RunState) -> Option<(&'static str, &'static str, Moment)> {
    ENDS.into_iter().find_map(|(name, scope)| Some((name, scope, mark(state, name)?)))
}

/// What the recovery time covers.
fn covered(state: &RunState) -> Option<span::Span> {
    Some(span::Span::new(state.disrupted()?, end(state)?.2))
}

fn mark(state: &RunState, name: &str) -> Option<Moment> {
    state.marks.get(&MarkName::new(name)).copied()
}
