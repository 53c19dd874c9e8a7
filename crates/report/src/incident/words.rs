//! The events of an incident in words.

use crate::timeline::because;
use lifeboat_journal::incident::event::{Classification, Entry, ImportDone, IncidentEvent};
use lifeboat_journal::items::{ItemEvent, Proof};
use lifeboat_runbook::units::time_text;

/// An event of an incident in words.
pub fn words(event: &IncidentEvent) -> String {
    match event {
        IncidentEvent::Declared(declared) => {
            format!("declared: {} ({})", declared.title, declared.severity.word())
        }
        IncidentEvent::SeverityChanged { severity, why } => format!("severity is {}: {why}", severity.word()),
        IncidentEvent::MarkSet { mark, note } => format!("mark set: {mark}{}", because(note.as_deref())),
        IncidentEvent::MarkWithdrawn { mark, why } => format!("mark withdrawn: {mark}: {why}"),
        IncidentEvent::NoteAdded { text } => text.clone(),
        IncidentEvent::Classified(classification) => classified(classification),
        IncidentEvent::DutyAdded { duty } => {
            format!("duty to report added: {} ({})", duty.title, duty.source)
        }
        IncidentEvent::ReportSubmitted { duty, report, reference } => {
            format!("report submitted: {duty} {report}{}", because(reference.as_deref()))
        }
        IncidentEvent::ReportWithdrawn { duty, report, why } => {
            format!("report withdrawn: {duty} {report}: {why}")
        }
        IncidentEvent::RoleAssigned { role, person: Some(person) } => format!("{role} is {person}"),
        IncidentEvent::RoleAssigned { role, person: None } => format!("nobody is {role} any more"),
        IncidentEvent::RunAttached { run } => format!("run {run} belongs to it"),
        IncidentEvent::RunDetached { run, why } => format!("run {run} does not belong to it: {why}"),
        IncidentEvent::Imported(imported) => match &imported.who {
            Some(who) => format!("{who}: {}", imported.text),
            None => imported.text.clone(),
        },
        IncidentEvent::ImportDone(done) => import_done(done),
        IncidentEvent::Pinned { entry, pinned, note } => {
            let what = if *pinned { "pinned" } else { "no longer pinned" };
            format!("{} {what}{}", entry_words(entry), because(note.as_deref()))
        }
        IncidentEvent::EntryAmended { entry, at, text, why } => {
            let at = at.map(|at| format!(" at {}", time_text(at))).unwrap_or_default();
            let text = text.as_ref().map(|text| format!(" “{text}”")).unwrap_or_default();
            format!("{} was really{at}{text}: {why}", entry_words(entry))
        }
        IncidentEvent::ReviewMoved { to, due } => {
            let due = due.map(|due| format!(", due {}", time_text(due))).unwrap_or_default();
            format!("review: {}{due}", to.words())
        }
        IncidentEvent::Closed { why } => format!("closed{}", because(why.as_deref())),
        IncidentEvent::Reopened { why } => format!("opened again: {why}"),
    }
}

fn classified(classification: &Classification) -> String {
    let Classification { major, criteria, why } = classification;
    let criteria = if criteria.is_empty() { String::new() } else { format!(" ({})", criteria.join(", ")) };
    let major = if *major { "major" } else { "not major" };
    format!("classified as {major}{criteria}{}", because(why.as_deref()))
}

fn import_done(done: &ImportDone) -> String {
    let left_out = match done.unusable() {
        0 => String::new(),
        count => format!(", {count} could not be used"),
    };
    format!("read {}: {} new, {} known already{left_out}", done.origin, done.new, done.doubles)
}

/// How a row of the merged timeline is called: `#12` of the incident itself, `k3v7qa#12` of a run.
pub fn entry_words(entry: &Entry) -> String {
    let run = entry.run.as_ref().map(|run| run.short()).unwrap_or_default();
    format!("{run}#{}", entry.seq)
}

/// An event of an action item in words.
pub fn item_words(event: &ItemEvent) -> String {
    match event {
        ItemEvent::Added(added) => format!("{} of {}: {}", added.item, added.of, added.title),
        ItemEvent::Changed { item, .. } => format!("{item} changed"),
        ItemEvent::Closed { item, proof } => format!("{item} is done: {}", proof_words(proof)),
        ItemEvent::Reopened { item, why } => format!("{item} is not done: {why}"),
        ItemEvent::Dropped { item, why } => format!("{item} will not be done: {why}"),
    }
}

/// How one can see that an item is done.
pub fn proof_words(proof: &Proof) -> String {
    match proof {
        Proof::Link(link) => link.clone(),
        Proof::Run { run, real: true } => format!("proved by run {run}"),
        Proof::Run { run, real: false } => format!("proved by run {run}, in a simulated AWS only"),
    }
}
