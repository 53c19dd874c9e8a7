//! The fold of an incident.

use super::event::{Classification, Declared, Entry, ImportDone, IncidentEvent, Review, Severity};
use crate::event::{ActorKind, Event, EventKind, Precision};
use chrono::{DateTime, Utc};
use lifeboat_runbook::duty::Duty;
use lifeboat_runbook::id::{MarkName, RunId};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of an incident, from its events alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentState {
    /// Its first event.
    pub declared: Option<Declared>,
    /// When it was declared, and by whom.
    pub opened: Option<Moment>,
    /// Its title now.
    pub title: String,
    /// How bad it is now.
    pub severity: Option<Severity>,
    /// The marks that hold.
    pub marks: BTreeMap<MarkName, Moment>,
    /// How it was classified, and when.
    pub classified: Option<(Classification, Moment)>,
    /// Duties to report that may apply.
    pub duties: Vec<Duty>,
    /// Submissions that hold, by duty and report: the last one.
    pub submitted: BTreeMap<(String, String), (Option<String>, Moment)>,
    /// Who has which role now.
    pub roles: BTreeMap<String, String>,
    /// The runs that belong to it, in the order in which they came.
    pub runs: Vec<RunId>,
    /// Rows that tell the story, with what they meant.
    pub pinned: BTreeMap<Entry, Option<String>>,
    /// Rows that were corrected; the last correction of each.
    pub amended: BTreeMap<Entry, Amendment>,
    /// Keys of imported entries.
    pub imported: BTreeSet<String>,
    /// Imports that ended.
    pub imports: Vec<ImportDone>,
    /// How far the review is.
    pub review: Review,
    /// Until when it is due.
    pub review_due: Option<DateTime<Utc>>,
    /// When it was closed, if it is.
    pub closed: Option<Moment>,
    /// How often it was opened again.
    pub reopened: u32,
    /// The last event.
    pub last: Option<Moment>,
}

/// A moment of an incident, and where it is known from.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// UTC.
    pub at: DateTime<Utc>,
    /// How exact that is.
    pub precision: Precision,
    /// The number of the event.
    pub seq: u64,
    /// Who said so; nothing where a program did.
    pub by: Option<String>,
}

impl Moment {
    fn of(event: &Event) -> Self {
        let by = event.actor.id.clone().filter(|_| event.actor.kind == ActorKind::Person);
        Self { at: event.at, precision: event.precision, seq: event.seq, by }
    }
}

/// A correction of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// When it really was.
    pub at: Option<DateTime<Utc>>,
    /// What it really was.
    pub text: Option<String>,
    /// Why.
    pub why: String,
    /// The number of the event that corrects it.
    pub seq: u64,
}

impl IncidentState {
    /// The state after `events`.
    pub fn of(events: &[Event]) -> Self {
        let mut state = Self::default();
        events.iter().for_each(|event| state.apply(event));
        state
    }

    /// Takes in one more event; those of another record change nothing.
    pub fn apply(&mut self, event: &Event) {
        let EventKind::Incident(kind) = &event.kind else { return };
        let moment = Moment::of(event);
        self.last = Some(moment.clone());
        match kind {
            IncidentEvent::Declared(declared) => {
                self.title.clone_from(&declared.title);
                self.severity = Some(declared.severity);
                self.duties.clone_from(&declared.duties);
                self.marks.insert(MarkName::new("declared"), moment.clone());
                self.opened = Some(moment);
                self.declared = Some((**declared).clone());
            }
            IncidentEvent::SeverityChanged { severity, .. } => self.severity = Some(*severity),
            IncidentEvent::MarkSet { mark, .. } => {
                self.marks.insert(mark.clone(), moment);
            }
            IncidentEvent::MarkWithdrawn { mark, .. } => {
                self.marks.remove(mark);
            }
            IncidentEvent::NoteAdded { .. } => {}
            IncidentEvent::Classified(classification) => {
                // Time limits run from when it first was what it is now: more criteria do not begin them anew.
                let since = self.classified.take().filter(|(before, _)| before.major == classification.major);
                self.classified = Some((classification.clone(), since.map_or(moment, |(_, since)| since)));
            }
            IncidentEvent::DutyAdded { duty } => {
                self.duties.retain(|known| known.name != duty.name);
                self.duties.push((**duty).clone());
            }
            IncidentEvent::ReportSubmitted { duty, report, reference } => {
                self.submitted.insert((duty.clone(), report.clone()), (reference.clone(), moment));
            }
            IncidentEvent::ReportWithdrawn { duty, report, .. } => {
                self.submitted.remove(&(duty.clone(), report.clone()));
            }
            IncidentEvent::RoleAssigned { role, person: Some(person) } => {
                self.roles.insert(role.clone(), person.clone());
            }
            IncidentEvent::RoleAssigned { role, person: None } => {
                self.roles.remove(role);
            }
            IncidentEvent::RunAttached { run } => {
                if !self.runs.contains(run) {
                    self.runs.push(run.clone());
                }
            }
            IncidentEvent::RunDetached { run, .. } => self.runs.retain(|known| known != run),
            IncidentEvent::Imported(imported) => {
                self.imported.insert(imported.key.clone());
            }
            IncidentEvent::ImportDone(done) => self.imports.push(done.clone()),
            IncidentEvent::Pinned { entry, pinned: true, note } => {
                self.pinned.insert(entry.clone(), note.clone());
            }
            IncidentEvent::Pinned { entry, pinned: false, .. } => {
                self.pinned.remove(entry);
            }
            IncidentEvent::EntryAmended { entry, at, text, why } => {
                let amendment = Amendment { at: *at, text: text.clone(), why: why.clone(), seq: moment.seq };
                self.amended.insert(entry.clone(), amendment);
                if let (None, Some(at)) = (&entry.run, at) {
                    self.moments().filter(|known| known.seq == entry.seq).for_each(|known| known.at = *at);
                }
            }
            IncidentEvent::ReviewMoved { to, due } => {
                self.review = *to;
                self.review_due = due.or(self.review_due);
            }
            IncidentEvent::Closed { .. } => {
                self.marks.insert(MarkName::new("closed"), moment.clone());
                self.closed = Some(moment);
            }
            IncidentEvent::Reopened { .. } => {
                self.marks.remove(&MarkName::new("closed"));
                self.closed = None;
                self.reopened += 1;
            }
        }
    }

    /// Every moment that something is computed from.
    fn moments(&mut self) -> impl Iterator<Item = &mut Moment> {
        let classified = self.classified.iter_mut().map(|(_, moment)| moment);
        let submitted = self.submitted.values_mut().map(|(_, moment)| moment);
        self.marks
            .values_mut()
            .chain(classified)
            .chain(submitted)
            .chain(&mut self.opened)
            .chain(&mut self.closed)
    }

    /// The moment of a mark that holds; `classified` is when it was last classified.
    pub fn mark(&self, name: &str) -> Option<&Moment> {
        match name {
            "classified" => self.classified.as_ref().map(|(_, moment)| moment),
            name => self.marks.get(&MarkName::new(name)),
        }
    }

    /// Whether anything is known at all.
    pub fn is_declared(&self) -> bool {
        self.declared.is_some()
    }
}
