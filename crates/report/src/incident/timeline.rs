//! The timeline of an incident: its own record and those of its runs, merged.

use super::words::entry_words;
use crate::render::{Form, OwnTemplate, ReportError, Templates};
use crate::timeline::{self, Row};
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::incident::event::{Entry, ImportedKind, IncidentEvent};
use lifeboat_journal::incident::state::IncidentState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::units::time_text;
use serde::Serialize;

/// A record that is merged: the incident's own, or that of a run.
#[derive(Clone, Copy, Debug)]
pub struct Part<'record> {
    /// The run; nothing is the incident.
    pub run: Option<&'record RunId>,
    /// Its events.
    pub events: &'record [Event],
}

/// A row of the merged timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentRow {
    /// How people name it: `#12` of the incident, `k3v7qa#12` of a run.
    pub row: String,
    /// What the event says, and when it was, corrections taken in.
    #[serde(flatten)]
    pub event: Row,
    /// When it was written down, RFC 3339, UTC.
    pub recorded_at: String,
    /// What kind of entry an import brought: `alarm`, `event`, `change`, `message`, `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ImportedKind>,
    /// Whether it tells the story.
    pub pinned: bool,
    /// What it meant, in people's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How it was written before it was corrected, and why it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amended: Option<String>,
}

/// Which rows are wanted; by default all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Only those that tell the story.
    pub pinned: bool,
    /// Only those whose source begins with one of these: `aws`, `person alice`, `import cloudtrail`.
    pub sources: Vec<String>,
    /// Only those at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those before this moment.
    pub to: Option<DateTime<Utc>>,
}

impl Filter {
    fn takes(&self, at: DateTime<Utc>, row: &IncidentRow) -> bool {
        let source = &row.event.source;
        (!self.pinned || row.pinned)
            && (self.sources.is_empty()
                || self.sources.iter().any(|wanted| source.starts_with(wanted.as_str())))
            && self.from.is_none_or(|from| from <= at)
            && self.to.is_none_or(|to| at < to)
    }
}

/// The rows of all records: by time, then source, then record in the order given, then number; so the same records always
/// give the same rows in the same order.
pub fn merged(state: &IncidentState, parts: &[Part<'_>], filter: &Filter) -> Vec<IncidentRow> {
    let mut rows = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        for event in part.events {
            let (at, row) = row(state, part.run, event);
            if filter.takes(at, &row) {
                rows.push((at, place, row));
            }
        }
    }
    rows.sort_by(|(left_at, left_place, left), (right_at, right_place, right)| {
        let left = (left_at, &left.event.source, left_place, left.event.seq);
        left.cmp(&(right_at, &right.event.source, right_place, right.event.seq))
    });
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn row(state: &IncidentState, run: Option<&RunId>, event: &Event) -> (DateTime<Utc>, IncidentRow) {
    let entry = Entry { run: run.cloned(), seq: event.seq };
    let amendment = state.amended.get(&entry);
    let at = amendment.and_then(|amendment| amendment.at).unwrap_or(event.at);
    let mut told = timeline::row(event);
    let amended = amendment.map(|amendment| {
        format!("written as {} “{}”; corrected by #{}: {}", told.at, told.what, amendment.seq, amendment.why)
    });
    told.at = time_text(at);
    if let Some(text) = amendment.and_then(|amendment| amendment.text.as_ref()) {
        told.what.clone_from(text);
    }
    let kind = match &event.kind {
        EventKind::Incident(IncidentEvent::Imported(imported)) => Some(imported.kind),
        _ => None,
    };
    let pin = state.pinned.get(&entry);
    let row = IncidentRow {
        row: entry_words(&entry),
        event: told,
        recorded_at: time_text(event.recorded_at),
        kind,
        pinned: pin.is_some(),
        note: pin.cloned().flatten(),
        amended,
    };
    (at, row)
}

/// What is laid out by the templates `timeline.md` and `timeline-page.html`.
#[derive(Debug, Serialize)]
struct TimelinePage<'page> {
    incident: &'page str,
    title: &'page str,
    severity: &'page str,
    simulated: bool,
    version: &'page str,
    story: Vec<&'page IncidentRow>,
    count: usize,
}

/// Rows of the record, for the templates `timeline-rows.md` and `incident-row.html`.
#[derive(Debug, Serialize)]
struct Rows<'page> {
    shown: &'page [IncidentRow],
    anchors: bool,
}

/// What stands in a page where the rows of the record come. Nobody's words can hold it: `<` is escaped in them.
const ROWS: &str = "<!-- rows -->";
/// So many rows are laid out at once: what a template is given takes many times the room of what it makes.
const AT_ONCE: usize = 500;

/// The timeline for people: the rows that tell the story first, the untouched record below. `simulated` marks it as that
/// of a rehearsal.
///
/// # Errors
/// When a template cannot be read, or uses what the page does not have.
pub fn page(
    form: Form,
    id: &RunId,
    state: &IncidentState,
    simulated: bool,
    rows: &[IncidentRow],
    own: &[OwnTemplate],
) -> Result<String, ReportError> {
    let declared = state.declared.as_ref();
    let page = TimelinePage {
        incident: id.as_str(),
        title: &state.title,
        severity: state.severity.map_or("unknown", |severity| severity.word()),
        simulated,
        version: declared.map_or("", |declared| declared.lifeboat.as_str()),
        story: rows.iter().filter(|row| row.pinned).collect(),
        count: rows.len(),
    };
    let (whole, of_rows) = match form {
        Form::Markdown => ("timeline.md", "timeline-rows.md"),
        Form::Html => ("timeline-page.html", "incident-row.html"),
    };
    let templates = Templates::read(form, own)?;
    let whole = templates.lay_out(whole, &page)?;
    let (before, after) = whole.split_once(ROWS).unwrap_or((&whole, ""));
    let mut text = before.to_owned();
    for shown in rows.chunks(AT_ONCE) {
        text.push_str(&templates.lay_out(of_rows, &Rows { shown, anchors: true })?);
    }
    text.push_str(after);
    Ok(text)
}

/// The timeline as one JSON document.
///
/// # Errors
/// Never in practice: texts and numbers are always JSON.
pub fn json(id: &RunId, state: &IncidentState, rows: &[IncidentRow]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Document<'page> {
        incident: &'page RunId,
        title: &'page str,
        rows: &'page [IncidentRow],
    }
    let document = Document { incident: id, title: &state.title, rows };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
