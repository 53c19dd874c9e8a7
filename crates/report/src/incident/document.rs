//! The JSON document of an incident, with stable keys.

use crate::document::{JournalDocument, outcome_word};
use crate::timeline::precision_word;
use chrono::{DateTime, Utc};
use lifeboat_journal::event::Cloud;
use lifeboat_journal::incident::deadline::{Deadline, deadlines};
use lifeboat_journal::incident::event::Severity;
use lifeboat_journal::incident::metrics::{Milestone, metrics, milestones, out_of_order};
use lifeboat_journal::incident::state::IncidentState;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::duty::MILESTONES;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::units::time_text;
use serde::Serialize;
use std::collections::BTreeMap;

/// An incident in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentDocument {
    /// Its id.
    pub incident: String,
    /// In one line.
    pub title: String,
    /// `sev1` … `sev5`.
    pub severity: Option<&'static str>,
    /// `open` or `closed`.
    pub status: &'static str,
    /// Whether a run belongs to it that was not against AWS: it is a rehearsal then.
    pub simulated: bool,
    /// When it was declared, RFC 3339, UTC.
    pub opened_at: Option<String>,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// Its moments, in the order in which they should come.
    pub milestones: Vec<MilestoneDocument>,
    /// The times between them.
    pub metrics: Vec<MetricDocument>,
    /// What must be reported until when.
    pub deadlines: Vec<DeadlineDocument>,
    /// Who has which role.
    pub roles: BTreeMap<String, String>,
    /// The runs that belong to it.
    pub runs: Vec<RunDocument>,
    /// How far its review is.
    pub review: ReviewDocument,
    /// What a reader of the times should know.
    pub findings: Vec<String>,
    /// The record it is from.
    pub journal: JournalDocument,
}

/// A moment of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MilestoneDocument {
    /// `disrupted`, `detected`, …
    pub name: &'static str,
    /// RFC 3339, UTC.
    pub at: String,
    /// `exact`, `second`, `minute`, `estimated`.
    pub precision: &'static str,
    /// The run whose journal it stands in; nothing is the incident's own.
    pub run: Option<String>,
    /// The number of the event there.
    pub seq: u64,
}

/// A time between two moments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricDocument {
    /// `time to detect`.
    pub name: &'static str,
    /// From which moment.
    pub from: &'static str,
    /// To which.
    pub to: &'static str,
    /// Seconds; nothing where one of them is not known.
    pub seconds: Option<f64>,
}

/// A report that is due.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadlineDocument {
    /// The duty.
    pub duty: String,
    /// The report.
    pub report: String,
    /// For people.
    pub title: String,
    /// The rule.
    pub source: String,
    /// Whether the duty applies; nothing where that is not judged yet.
    pub applies: Option<bool>,
    /// Until when, RFC 3339, UTC.
    pub due_at: Option<String>,
    /// How that comes: `classified + 4 h`.
    pub rule: Option<String>,
    /// The events it comes from.
    pub events: Vec<u64>,
    /// What has not come yet from which it would run.
    pub waits_for: Vec<String>,
    /// When it was submitted.
    pub submitted_at: Option<String>,
    /// Whether that was, or now is, too late.
    pub late: bool,
}

/// A run of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDocument {
    /// Its id.
    pub run: String,
    /// Its runbook.
    pub runbook: String,
    /// `drill` or `recovery`.
    pub mode: String,
    /// How it ended.
    pub outcome: String,
    /// The recovery time, seconds.
    pub rto_s: Option<f64>,
    /// The data lost, seconds.
    pub rpo_s: Option<f64>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewDocument {
    /// `draft`, `in review`, `reviewed`, `closed`.
    pub status: &'static str,
    /// Until when it is due, RFC 3339, UTC.
    pub due_at: Option<String>,
}

/// What is told of an incident at `now`, with the runs that belong to it.
pub fn document(
    id: &RunId,
    state: &IncidentState,
    runs: &[(RunId, &RunState)],
    journal: JournalDocument,
    now: DateTime<Utc>,
) -> IncidentDocument {
    let milestones = milestones(state, runs);
    let metrics = metrics(&milestones).into_iter().map(|metric| MetricDocument {
        name: metric.name,
        from: metric.from,
        to: metric.to,
        seconds: metric.millis.map(|millis| millis as f64 / 1000.0),
    });
    IncidentDocument {
        incident: id.to_string(),
        title: state.title.clone(),
        severity: state.severity.map(Severity::word),
        status: if state.closed.is_some() { "closed" } else { "open" },
        simulated: is_rehearsal(runs.iter().map(|(_, state)| *state)),
        opened_at: state.opened.as_ref().map(|opened| time_text(opened.at)),
        closed_at: state.closed.as_ref().map(|closed| time_text(closed.at)),
        metrics: metrics.collect(),
        deadlines: deadlines(state).into_iter().map(|deadline| deadline_document(deadline, now)).collect(),
        roles: state.roles.clone(),
        runs: runs.iter().map(|(run, state)| run_document(run, state)).collect(),
        review: ReviewDocument { status: state.review.words(), due_at: state.review_due.map(time_text) },
        findings: findings(&milestones),
        milestones: MILESTONES
            .into_iter()
            .filter_map(|name| Some(milestone_document(name, milestones.get(name)?)))
            .collect(),
        journal,
    }
}

/// Whether one of these runs was not against AWS.
pub fn is_rehearsal<'run>(mut runs: impl Iterator<Item = &'run RunState>) -> bool {
    let elsewhere =
        |state: &RunState| state.started.as_ref().is_some_and(|started| started.cloud != Cloud::Aws);
    runs.any(elsewhere)
}

fn findings(milestones: &BTreeMap<&'static str, Milestone>) -> Vec<String> {
    let wrong = out_of_order(milestones).into_iter();
    wrong.map(|(first, then)| format!("`{first}` is later than `{then}`, which should follow it")).collect()
}

fn milestone_document(name: &'static str, found: &Milestone) -> MilestoneDocument {
    MilestoneDocument {
        name,
        at: time_text(found.at),
        precision: precision_word(found.precision),
        run: found.run.as_ref().map(ToString::to_string),
        seq: found.seq,
    }
}

fn deadline_document(deadline: Deadline, now: DateTime<Utc>) -> DeadlineDocument {
    let late = deadline.is_late(now);
    let (due_at, rule, events) = match deadline.due {
        Some(due) => (Some(time_text(due.at)), Some(due.rule), due.events),
        None => (None, None, Vec::new()),
    };
    DeadlineDocument {
        duty: deadline.duty,
        report: deadline.report,
        title: deadline.title,
        source: deadline.source,
        applies: deadline.applies,
        due_at,
        rule,
        events,
        waits_for: deadline.waits_for,
        submitted_at: deadline.submitted.map(|submitted| time_text(submitted.at)),
        late,
    }
}

fn run_document(run: &RunId, state: &RunState) -> RunDocument {
    let started = state.started.as_ref();
    RunDocument {
        run: run.to_string(),
        runbook: started.map(|started| started.runbook.clone()).unwrap_or_default(),
        mode: started.map(|started| started.mode.word().to_owned()).unwrap_or_default(),
        outcome: outcome_word(state).to_owned(),
        rto_s: state.recovery_time.as_ref().and_then(|time| time.actual_s),
        rpo_s: state.data_lost.as_ref().and_then(|lost| lost.actual_s),
    }
}
