//! The JSON document that `run`, `drill`, `resume`, `show` and `report --format json` print.

use lifeboat_journal::event::{Event, PauseReason, Playbook, Question, Values};
use lifeboat_journal::measure::{
    self, CriticalStep, DataLost, Downtime, Finding, Measurements, RecoveryTime,
};
use lifeboat_journal::outcome::{Outcome, PAUSED};
use lifeboat_journal::state::{RunState, StepState, StepStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::spec::Resource;
use lifeboat_runbook::units::time_text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A run, as machines read it. Keys are stable and in this order; durations are seconds, times RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The run's id.
    pub run: String,
    /// The runbook's name.
    pub runbook: String,
    /// `drill` or `recovery`.
    pub mode: String,
    /// `aws`, `simulated`, or `endpoint:<url>`; only the first is evidence.
    pub cloud: String,
    /// How it ended (see [`Outcome::word`]), or `running` or `paused`.
    pub outcome: String,
    /// What is true besides (see [`Outcome::also`]).
    pub also: Vec<String>,
    /// The exit code; that of a pause while the run is not finished.
    pub exit_code: u8,
    /// Why nothing new starts, while the run is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PausedDocument>,
    /// What a playbook says besides: severity, triggers, updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<Playbook>,
    /// Who holds which role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, String>,
    /// Questions that wait for an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<AsksDocument>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// The recovery time.
    pub rto: RecoveryTime,
    /// The data lost.
    pub rpo: DataLost,
    /// The downtime that each probe saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downtime: Vec<Downtime>,
    /// The steps that made the recovery time, in order.
    pub critical_path: Vec<StepPath>,
    /// The same with what each of them waited for.
    #[serde(default)]
    pub critical_steps: Vec<CriticalStep>,
    /// Seconds that other steps could have taken longer without making the recovery time longer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slack: BTreeMap<StepPath, f64>,
    /// The steps, as they were planned.
    pub steps: Vec<StepDocument>,
    /// What is still in AWS though it should be gone.
    pub left_behind: Vec<Resource>,
    /// What is still in AWS because it was asked to be kept.
    pub kept: Vec<Resource>,
    /// What a reader should know of these numbers.
    pub findings: Vec<Finding>,
    /// The record behind all of it.
    pub journal: JournalDocument,
}

/// Why a run of a [`Document`] is paused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PausedDocument {
    /// `failure`, `check`, `person`, `signal`, `timeout`, `blocked`, `until`, `alarm`.
    pub because: PauseReason,
    /// In words.
    pub why: String,
    /// The step it is about.
    pub step: Option<StepPath>,
}

/// A question of a [`Document`] that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsksDocument {
    /// The step that asks.
    pub step: StepPath,
    /// The number of the question's event.
    pub asked: u64,
    /// Who has approved already, where several people must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// The question.
    #[serde(flatten)]
    pub question: Question,
}

impl AsksDocument {
    /// How many of those who must approve have: `1 of 2 (alice)`; nothing where one is enough.
    pub fn progress(&self) -> Option<String> {
        let names = self.approved_by.join(", ");
        let names = if names.is_empty() { names } else { format!(" ({names})") };
        let (have, must) = (self.approved_by.len(), self.question.at_least);
        (must > 1).then(|| format!("{have} of {must} have approved{names}"))
    }
}

/// A step of a [`Document`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepDocument {
    /// Its path.
    pub id: StepPath,
    /// Where it stands (see [`StepStatus::word`]).
    pub state: String,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When its first attempt began.
    pub started_at: Option<String>,
    /// When it was over.
    pub finished_at: Option<String>,
    /// Its outputs, as journaled.
    pub outputs: Values,
    /// When each readiness of its action was first seen to be there; null where nobody saw it. Only of actions that tell
    /// several apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reached: BTreeMap<String, Option<String>>,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The journal of a [`Document`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalDocument {
    /// How many events it has.
    pub events: usize,
    /// The hash of its last line: who keeps it can show that no line was cut off later.
    pub head: String,
}

/// The document of a run, finished or not.
pub fn document(state: &RunState, events: &[Event], head: &str) -> Document {
    let measured = measurements(state, events);
    let started = state.started.as_deref();
    let outcome = state.outcome.as_deref();
    Document {
        run: state.run.as_ref().map(ToString::to_string).unwrap_or_default(),
        runbook: started.map(|started| started.runbook.clone()).unwrap_or_default(),
        mode: started.map(|started| started.mode.word().to_owned()).unwrap_or_default(),
        cloud: started.map(|started| started.cloud.word()).unwrap_or_default(),
        outcome: outcome_word(state).to_owned(),
        also: outcome
            .map(|outcome| outcome.also().into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
        exit_code: outcome.map_or(PAUSED, Outcome::exit_code),
        paused: state.paused.as_ref().filter(|_| outcome.is_none()).map(|paused| PausedDocument {
            because: paused.because,
            why: paused.why.clone(),
            step: paused.step.clone(),
        }),
        playbook: started.and_then(|started| started.playbook.clone()),
        roles: state.roles.clone(),
        asks: asks(state),
        started_at: state.began.map(|began| time_text(began.at)),
        finished_at: state.finished.map(|finished| time_text(finished.at)),
        rto: measured.recovery_time,
        rpo: measured.data_lost,
        downtime: measured.downtime,
        critical_path: measured.critical_path.iter().map(|critical| critical.step.clone()).collect(),
        critical_steps: measured.critical_path,
        slack: measured.slack,
        steps: paths(state).into_iter().map(|path| step(path, &state.step(path))).collect(),
        left_behind: outcome.map(|outcome| outcome.left_behind.clone()).unwrap_or_default(),
        kept: outcome.map(|outcome| outcome.kept.clone()).unwrap_or_default(),
        findings: measured.findings,
        journal: JournalDocument { events: events.len(), head: head.to_owned() },
    }
}

/// The word for how a run ended, or for where it stands: `running`, `paused`.
pub fn outcome_word(state: &RunState) -> &'static str {
    match (&state.outcome, &state.paused) {
        (Some(outcome), _) => outcome.word(),
        (None, Some(_)) => "paused",
        (None, None) => "running",
    }
}

/// What is measured of a run: the numbers that were journaled at its end, else those of this moment.
pub fn measurements(state: &RunState, events: &[Event]) -> Measurements {
    let mut measured = measure::measure(state, events);
    if let Some(time) = &state.recovery_time {
        measured.recovery_time = (**time).clone();
    }
    if let Some(downtime) = &state.downtime {
        measured.downtime.clone_from(downtime);
    }
    if let Some(lost) = &state.data_lost {
        measured.data_lost = (**lost).clone();
    }
    measured
}

/// The steps in planned order; behind them those the first event does not name.
pub(crate) fn paths(state: &RunState) -> Vec<&StepPath> {
    let mut paths: Vec<&StepPath> = state.steps_in_order().into_iter().map(|(path, _)| path).collect();
    let planned: BTreeSet<&StepPath> = paths.iter().copied().collect();
    paths.extend(state.steps.keys().filter(|path| !planned.contains(path)));
    paths
}

/// Why a step failed or was skipped.
pub(crate) fn why(step: &StepState) -> Option<String> {
    match &step.status {
        StepStatus::Skipped(reason) | StepStatus::DoneByHand(reason) => Some(reason.clone()),
        status => status.failure().map(|failure| failure.message.clone()),
    }
}

/// Questions that wait for an answer.
pub fn asks(state: &RunState) -> Vec<AsksDocument> {
    let open = state.steps.iter().filter(|_| state.outcome.is_none());
    open.filter_map(|(path, step)| {
        let asked = step.asked().filter(|asked| asked.ended().is_none())?;
        let question = (*asked.question).clone();
        (step.status == StepStatus::Asking).then(|| AsksDocument {
            step: path.clone(),
            asked: asked.at.seq,
            approved_by: asked.answers.iter().map(|(by, ..)| by.clone()).collect(),
            question,
        })
    })
    .collect()
}

/// Where a step stands: what it waits for goes first.
pub fn step_word(step: &StepState) -> &'static str {
    if step.blocked().is_some() { "blocked" } else { step.status.word() }
}

fn step(path: &StepPath, step: &StepState) -> StepDocument {
    StepDocument {
        id: path.clone(),
        state: step_word(step).to_owned(),
        attempts: step.attempts,
        started_at: step.started.map(|started| time_text(started.at)),
        finished_at: step.finished.map(|finished| time_text(finished.at)),
        outputs: step.outputs.clone(),
        reached: reached(step),
        why: why(step),
    }
}

/// The readinesses that are told apart, each with the moment at which it was first seen.
pub(crate) fn reached(step: &StepState) -> BTreeMap<String, Option<String>> {
    let told_apart = step.intent.iter().flat_map(|intent| &intent.readinesses);
    told_apart.map(|name| (name.clone(), step.reached.get(name).copied().map(time_text))).collect()
}
