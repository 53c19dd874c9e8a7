//! What must be reported until when.

use super::state::{IncidentState, Moment};
use chrono::{DateTime, Utc};
use lifeboat_runbook::duty::{Duty, Limit, Moment as Start, Report};

/// A report that a duty demands of an incident, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// The duty's name.
    pub duty: String,
    /// The report's name in it.
    pub report: String,
    /// For people.
    pub title: String,
    /// The rule: the duty's and the report's.
    pub source: String,
    /// Whether the duty applies; nothing where that is not judged yet.
    pub applies: Option<bool>,
    /// Until when it is due; nothing where the moment it runs from has not come.
    pub due: Option<Due>,
    /// What must come before it is due, where `due` is nothing.
    pub waits_for: Vec<String>,
    /// When it was submitted.
    pub submitted: Option<Moment>,
}

/// Until when a report is due, and how that comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// UTC.
    pub at: DateTime<Utc>,
    /// The time limit in words: `classified + 4 h`.
    pub rule: String,
    /// The events it is computed from.
    pub events: Vec<u64>,
}

impl Deadline {
    /// Whether it was submitted after it was due, or is due and not submitted at `now`.
    pub fn is_late(&self, now: DateTime<Utc>) -> bool {
        let by = self.submitted.as_ref().map_or(now, |submitted| submitted.at);
        self.applies != Some(false) && self.due.as_ref().is_some_and(|due| by > due.at)
    }

    /// Whether somebody must still do something for it.
    pub fn is_open(&self) -> bool {
        self.applies != Some(false) && self.submitted.is_none()
    }
}

/// The deadlines of an incident, duty by duty, in the order of their reports.
pub fn deadlines(state: &IncidentState) -> Vec<Deadline> {
    let of = |duty| {
        let applies = applies(state, duty);
        duty.reports.iter().map(move |report| deadline(state, duty, report, applies))
    };
    state.duties.iter().flat_map(of).collect()
}

fn applies(state: &IncidentState, duty: &Duty) -> Option<bool> {
    let Some(criterion) = &duty.applies_to else { return Some(true) };
    let (classification, _) = state.classified.as_ref()?;
    Some(match criterion.as_str() {
        "major" => classification.major,
        criterion => classification.criteria.iter().any(|met| met == criterion),
    })
}

fn deadline(state: &IncidentState, duty: &Duty, report: &Report, applies: Option<bool>) -> Deadline {
    let counting = report.due.iter().filter(|limit| counts(state, duty, limit));
    let due = counting.filter_map(|limit| due(state, duty, limit)).min_by_key(|due| due.at);
    let waits_for =
        report.due.iter().filter(|_| due.is_none()).map(|limit| String::from(limit.after.clone()));
    let submitted = state.submitted.get(&(duty.name.clone(), report.id.clone()));
    Deadline {
        duty: duty.name.clone(),
        report: report.id.clone(),
        title: report.title.clone(),
        source: format!("{}; {}", duty.source, report.source),
        applies,
        waits_for: waits_for.collect(),
        due,
        submitted: submitted.map(|(_, moment)| moment.clone()),
    }
}

fn start<'state>(state: &'state IncidentState, duty: &Duty, start: &Start) -> Option<&'state Moment> {
    match start {
        Start::Mark(mark) => state.mark(mark),
        Start::Report(report) => {
            let (_, moment) = state.submitted.get(&(duty.name.clone(), report.clone()))?;
            Some(moment)
        }
    }
}

fn end(state: &IncidentState, duty: &Duty, limit: &Limit) -> Option<DateTime<Utc>> {
    limit.within.after(start(state, duty, &limit.after)?.at)
}

/// A limit that was already over when something else came about cannot be kept, and does not count.
fn counts(state: &IncidentState, duty: &Duty, limit: &Limit) -> bool {
    let Some(moment) = limit.unless_over_at.as_ref().and_then(|moment| start(state, duty, moment)) else {
        return true;
    };
    end(state, duty, limit).is_none_or(|end| end >= moment.at)
}

fn due(state: &IncidentState, duty: &Duty, limit: &Limit) -> Option<Due> {
    let began = start(state, duty, &limit.after)?;
    let rule = format!("{} + {}", String::from(limit.after.clone()), limit.within);
    Some(Due { at: end(state, duty, limit)?, rule, events: vec![began.seq] })
}
