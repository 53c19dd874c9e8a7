//! Incidents: the fold, deadlines by their rules, the times between milestones.

use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Actor, Draft, Event, EventKind};
use lifeboat_journal::file::{FileStorage, JournalWriter, RunDirectory, Stamp};
use lifeboat_journal::incident::deadline::{Deadline, deadlines};
use lifeboat_journal::incident::event::{Classification, Declared, Entry, IncidentEvent, Severity};
use lifeboat_journal::incident::metrics::{metrics, milestones, out_of_order};
use lifeboat_journal::incident::state::IncidentState;
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::duty::{self, Duty};
use lifeboat_runbook::id::{MarkName, RunId};
use lifeboat_runbook::units::{parse_time, time_text};

fn time(text: &str) -> DateTime<Utc> {
    parse_time(text).unwrap()
}

fn shipped(name: &str) -> Duty {
    let (_, text) = duty::SHIPPED.into_iter().find(|(known, _)| *known == name).unwrap();
    duty::read(Source { name: name.into(), text: text.into() }).found.unwrap()
}

/// Writes an incident's journal and reads it back.
fn recorded(duties: Vec<Duty>, told: &[(&str, IncidentEvent)]) -> Vec<Event> {
    let home = tempfile::tempdir().unwrap();
    let id = RunId::new("inc-k3v7qa");
    let directory = RunDirectory::of_incident(home.path(), &id);
    directory.create().unwrap();
    let storage = Box::new(FileStorage::open(&directory).unwrap());
    let mut writer = JournalWriter::create(storage, id.clone());
    let declared = Declared {
        format: "1.0".into(),
        lifeboat: "0.1.0".into(),
        title: "orders cannot be reached".into(),
        severity: Severity::Sev2,
        duties,
    };
    let first = ("2026-01-05T10:00:00Z", IncidentEvent::Declared(Box::new(declared)));
    for (at, event) in std::iter::once(first).chain(told.iter().cloned()) {
        let draft = Draft::run(EventKind::Incident(event)).at(time(at)).by(Actor::person("alice"));
        writer.append(vec![draft], Stamp { now: time("2026-01-09T00:00:00Z"), mono_ms: 0 }).unwrap();
    }
    assert_eq!(RunDirectory::list_incidents(home.path()).unwrap(), [id]);
    directory.read().unwrap().events
}

fn mark(name: &str) -> IncidentEvent {
    IncidentEvent::MarkSet { mark: MarkName::new(name), note: None }
}

fn classified(major: bool, criteria: &[&str]) -> IncidentEvent {
    let criteria = criteria.iter().map(|criterion| (*criterion).to_owned()).collect();
    IncidentEvent::Classified(Classification { major, criteria, why: None })
}

fn submitted(duty: &str, report: &str) -> IncidentEvent {
    IncidentEvent::ReportSubmitted { duty: duty.into(), report: report.into(), reference: None }
}

fn told(deadline: &Deadline) -> String {
    let due = match &deadline.due {
        Some(due) => format!("{} ({})", time_text(due.at), due.rule),
        None => format!("waits for {}", deadline.waits_for.join(", ")),
    };
    format!("{} {}: {due}, applies {:?}", deadline.duty, deadline.report, deadline.applies)
}

fn of(duty: &str, events: &[(&str, IncidentEvent)]) -> Vec<String> {
    let state = IncidentState::of(&recorded(vec![shipped(duty)], events));
    deadlines(&state).iter().map(told).collect()
}

#[test]
fn dora_runs_from_awareness_then_from_classification_then_from_each_report() {
    let aware = ("2026-01-05T10:30:00Z", mark("aware"));
    assert_eq!(
        of("dora", std::slice::from_ref(&aware))[0],
        "dora initial: 2026-01-06T10:30:00.000Z (aware + 24 h), applies None"
    );
    let classified = ("2026-01-05T12:00:00Z", classified(true, &["duration"]));
    let initial = ("2026-01-05T15:00:00Z", submitted("dora", "initial"));
    let intermediate = ("2026-01-08T09:00:00Z", submitted("dora", "intermediate"));
    assert_eq!(
        of("dora", &[aware, classified, initial, intermediate]),
        [
            "dora initial: 2026-01-05T16:00:00.000Z (classified + 4 h), applies Some(true)",
            "dora intermediate: 2026-01-08T15:00:00.000Z (report.initial + 72 h), applies Some(true)",
            "dora final: 2026-02-08T09:00:00.000Z (report.intermediate + 1 month), applies Some(true)",
        ]
    );
}

#[test]
fn a_late_classification_has_its_own_four_hours() {
    let aware = ("2026-01-05T10:30:00Z", mark("aware"));
    // Within the day after awareness the end of that day is the limit, if it comes first.
    let soon = ("2026-01-06T08:00:00Z", classified(true, &[]));
    assert!(of("dora", &[aware.clone(), soon])[0].contains("2026-01-06T10:30:00.000Z (aware + 24 h)"));
    let late = ("2026-01-06T11:00:00Z", classified(true, &[]));
    assert!(
        of("dora", &[aware.clone(), late.clone()])[0].contains("2026-01-06T15:00:00.000Z (classified + 4 h)")
    );
    // More criteria do not begin the time anew; being no major incident ends it.
    let more = ("2026-01-06T14:00:00Z", classified(true, &["data_losses"]));
    assert!(of("dora", &[aware.clone(), late.clone(), more])[0].contains("2026-01-06T15:00:00.000Z"));
    let none = ("2026-01-06T14:00:00Z", classified(false, &[]));
    assert!(of("dora", &[aware, late, none])[0].ends_with("applies Some(false)"));
}

#[test]
fn gdpr_runs_from_awareness_where_personal_data_are_concerned() {
    let aware = ("2026-01-05T10:30:00Z", mark("aware"));
    let due = "gdpr-33 notification: 2026-01-08T10:30:00.000Z (aware + 72 h), applies ";
    assert_eq!(of("gdpr-33", std::slice::from_ref(&aware)), [format!("{due}None")]);
    let concerned = ("2026-01-05T12:00:00Z", classified(false, &["personal_data"]));
    assert_eq!(of("gdpr-33", &[aware, concerned]), [format!("{due}Some(true)")]);
    assert_eq!(of("gdpr-33", &[]), ["gdpr-33 notification: waits for aware, applies None"]);
}

#[test]
fn a_report_that_is_withdrawn_is_open_and_late_again() {
    let aware = ("2026-01-05T10:30:00Z", mark("aware"));
    let sent = ("2026-01-06T10:30:00Z", submitted("gdpr-33", "notification"));
    let withdrawn = IncidentEvent::ReportWithdrawn {
        duty: "gdpr-33".into(),
        report: "notification".into(),
        why: "sent to the wrong authority".into(),
    };
    let after = |events: &[(&str, IncidentEvent)]| {
        deadlines(&IncidentState::of(&recorded(vec![shipped("gdpr-33")], events))).remove(0)
    };
    let now = time("2026-01-10T00:00:00Z");
    let kept = after(&[aware.clone(), sent.clone()]);
    assert_eq!((kept.is_open(), kept.is_late(now)), (false, false));
    let open = after(&[aware, sent, ("2026-01-06T11:00:00Z", withdrawn)]);
    assert_eq!((open.is_open(), open.is_late(now)), (true, true));
}

#[test]
fn marks_are_withdrawn_and_an_incident_is_opened_again() {
    let withdrawn =
        IncidentEvent::MarkWithdrawn { mark: MarkName::new("mitigated"), why: "it came back".into() };
    let events = [
        ("2026-01-05T09:40:00Z", mark("disrupted")),
        ("2026-01-05T09:45:00Z", mark("detected")),
        ("2026-01-05T10:05:00Z", mark("acknowledged")),
        ("2026-01-05T10:20:00Z", mark("mitigated")),
        ("2026-01-05T10:30:00Z", withdrawn),
        ("2026-01-05T11:00:00Z", mark("mitigated")),
        ("2026-01-05T10:50:00Z", mark("resolved")),
        ("2026-01-05T12:00:00Z", IncidentEvent::Closed { why: None }),
        ("2026-01-05T13:00:00Z", IncidentEvent::Reopened { why: "again".into() }),
    ];
    let state = IncidentState::of(&recorded(vec![], &events));
    assert_eq!((state.closed.clone(), state.reopened), (None, 1));
    let milestones = milestones(&state, &[]);
    let told: Vec<_> = metrics(&milestones)
        .into_iter()
        .map(|metric| (metric.name, metric.millis.map(|millis| millis / 60_000)))
        .collect();
    assert_eq!(
        told,
        [
            ("time to detect", Some(5)),
            ("time to acknowledge", Some(20)),
            ("time to mitigate", Some(80)),
            ("time to recover", None),
            ("time to resolve", Some(70)),
        ]
    );
    assert_eq!(out_of_order(&milestones), [("mitigated", "resolved")]);
}

#[test]
fn a_moment_that_is_amended_counts_as_amended() {
    let amended = IncidentEvent::EntryAmended {
        entry: Entry { run: None, seq: 2 },
        at: Some(time("2026-01-05T09:30:00Z")),
        text: None,
        why: "the graph shows it".into(),
    };
    let events = [
        ("2026-01-05T09:40:00Z", mark("disrupted")),
        ("2026-01-05T09:45:00Z", mark("detected")),
        ("2026-01-05T10:45:00Z", amended),
    ];
    let state = IncidentState::of(&recorded(vec![], &events));
    let to_detect = metrics(&milestones(&state, &[])).remove(0);
    assert_eq!(to_detect.millis, Some(15 * 60_000));
    assert_eq!(state.amended[&Entry { run: None, seq: 2 }].seq, 4);
}

#[test]
fn an_event_of_a_later_version_changes_nothing() {
    let unknown = serde_json::json!({ "to": "rain" });
    let mut events =
        recorded(vec![], &[("2026-01-05T10:30:00Z", IncidentEvent::NoteAdded { text: "x".into() })]);
    let other = lifeboat_journal::event::OtherEvent { type_name: "incident.weather".into(), data: unknown };
    let mut last = events.pop().unwrap();
    last.kind = EventKind::Other(other);
    let mut state = IncidentState::of(&events);
    let before = state.clone();
    state.apply(&last);
    assert_eq!(state, before);
}
