//! `lifeboat incident`.

mod import;
mod timeline;

use crate::args::incident::{
    AmendArguments, AttachArguments, ClassifyArguments, CloseArguments, DutyArguments, IncidentCommand,
    MarkArguments, NoteArguments, OpenArguments, PinArguments, ReopenArguments, ReportedArguments,
    RoleArguments, SeverityArguments, ShowIncidentArguments, When,
};
use crate::args::{Output, OutputArguments};
use crate::commands::show::number;
use crate::commands::{Globals, print_bytes, print_json};
use crate::error::CommandError;
use crate::home::Home;
use crate::incidents::{ReadIncident, Said, declared, duty, moment};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::clock::Clock;
use lifeboat_journal::event::Precision;
use lifeboat_journal::incident::deadline::{Deadline, deadlines};
use lifeboat_journal::incident::event::{Classification, Entry, IncidentEvent};
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::incident::document::{DeadlineDocument, IncidentDocument};
use lifeboat_runbook::duty::MILESTONES;
use lifeboat_runbook::id::MarkName;
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units::{duration_text, parse_time};
use std::io::Read;

pub(crate) fn run(home: &Home, command: IncidentCommand, globals: Globals) -> Result<u8, CommandError> {
    match command {
        IncidentCommand::Open(arguments) => open(home, arguments),
        IncidentCommand::Note(arguments) => note(home, arguments),
        IncidentCommand::Mark(arguments) => mark(home, arguments),
        IncidentCommand::Severity(arguments) => severity(home, arguments),
        IncidentCommand::Classify(arguments) => classify(home, arguments),
        IncidentCommand::Duty(arguments) => add_duty(home, &arguments),
        IncidentCommand::Reported(arguments) => reported(home, arguments),
        IncidentCommand::Role(arguments) => role(home, &arguments),
        IncidentCommand::Attach(arguments) => attach(home, arguments),
        IncidentCommand::Import(arguments) => import::run(home, &arguments, globals),
        IncidentCommand::Timeline(arguments) => timeline::run(home, &arguments),
        IncidentCommand::Pin(arguments) => pin(home, arguments),
        IncidentCommand::Amend(arguments) => amend(home, arguments),
        IncidentCommand::Close(arguments) => close(home, arguments),
        IncidentCommand::Reopen(arguments) => reopen(home, arguments),
        IncidentCommand::List(arguments) => list(home, &arguments),
        IncidentCommand::Show(arguments) => show(home, &arguments),
    }
}

/// What was said of a moment that must have come by `now`.
fn said(event: IncidentEvent, when: &When, now: DateTime<Utc>) -> Result<Said, CommandError> {
    let Some(text) = &when.at else { return Ok(Said::now(event)) };
    let (at, precision) = past(text, now)?;
    let precision = if when.about { Precision::Estimated } else { precision };
    Ok(Said { event, when: Some((at, precision)) })
}

fn past(text: &str, now: DateTime<Utc>) -> Result<(DateTime<Utc>, Precision), CommandError> {
    let (at, precision) = moment(text, now)?;
    // Clocks of people and machines differ by some seconds, and that of a rehearsal is not the one on the wall.
    if at > now.max(Clock::real().now()) + TimeDelta::minutes(1) {
        return Err(CommandError::usage(format!("`{text}` is still to come"))
            .hint("what is recorded has happened; look at the zone of the time"));
    }
    Ok((at, precision))
}

fn open(home: &Home, arguments: OpenArguments) -> Result<u8, CommandError> {
    let now = Clock::real().now();
    let duties = arguments.duty.iter().map(|name| duty(name)).collect::<Result<Vec<_>, _>>()?;
    let mark = |mark: &str| IncidentEvent::MarkSet { mark: MarkName::new(mark), note: None };
    let mut more = Vec::new();
    if let Some(since) = &arguments.since {
        more.push(Said { event: mark("disrupted"), when: Some(past(since, now)?) });
    }
    let when = arguments.aware.as_deref().map(|text| past(text, now)).transpose()?;
    more.push(Said { event: mark("aware"), when });
    for role in &arguments.role {
        more.push(Said::now(role_assigned(role)?));
    }
    let declared = declared(arguments.title, arguments.severity.into(), duties);
    let incident = home.open_incident(declared, more)?;
    say!("opened {}: {}", incident.id, incident.state.title);
    tell_deadlines(&incident, now);
    say!("write down what happens: lifeboat incident note {} '…'", incident.id);
    match arguments.output.output {
        Output::Json => print_json(&home.incident_document(&incident))?,
        Output::Human => print_bytes(format!("{}\n", incident.id).as_bytes())?,
    }
    Ok(PASSED)
}

/// Reports that somebody must still hand in.
fn tell_deadlines(incident: &ReadIncident, now: DateTime<Utc>) {
    for deadline in deadlines(&incident.state).iter().filter(|deadline| deadline.is_open()) {
        say!("  {}", told(deadline, now));
    }
}

fn told(deadline: &Deadline, now: DateTime<Utc>) -> String {
    let Deadline { duty, report, due, waits_for, .. } = deadline;
    let applies = if deadline.applies.is_none() { ", if it applies (incident classify)" } else { "" };
    match due {
        Some(due) => {
            let left = due.at - now;
            let left = match left < TimeDelta::zero() {
                true => format!("OVERDUE by {}", minutes(-left)),
                false => format!("in {}", minutes(left)),
            };
            format!("{duty} {report}: {left} ({}){applies}", due.rule)
        }
        None => format!("{duty} {report}: runs from {}{applies}", waits_for.join(" or ")),
    }
}

/// A length of time to the minute.
fn minutes(length: TimeDelta) -> String {
    duration_text(TimeDelta::minutes(length.num_minutes()))
}

/// Writes what was said and tells what it means for what is due.
fn tell(home: &Home, incident: &ReadIncident, said: Said) -> Result<ReadIncident, CommandError> {
    let before = deadlines(&incident.state);
    let incident = home.tell(incident, vec![said])?;
    let now = home.now_of(&incident);
    let changed: Vec<String> = deadlines(&incident.state)
        .iter()
        .filter(|deadline| deadline.is_open() && !before.contains(deadline))
        .map(|deadline| told(deadline, now))
        .collect();
    say!("{}: recorded", incident.id);
    for line in changed {
        say!("  {line}");
    }
    Ok(incident)
}

fn note(home: &Home, arguments: NoteArguments) -> Result<u8, CommandError> {
    let text = match arguments.text.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| CommandError::usage(format!("cannot read the note: {error}")))?;
            text.trim_end().to_owned()
        }
        text => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(CommandError::usage("the note is empty").hint("write what happened in a sentence"));
    }
    let incident = home.incident(&arguments.which.incident)?;
    let noted = said(IncidentEvent::NoteAdded { text }, &arguments.when, home.now_of(&incident))?;
    let pinned = |seq| {
        let entry = Entry { run: None, seq };
        Said::now(IncidentEvent::Pinned { entry, pinned: true, note: None })
    };
    home.tell_as(&incident, |seq| match arguments.pin {
        true => vec![noted, pinned(seq)],
        false => vec![noted],
    })?;
    say!("{}: recorded", incident.id);
    Ok(PASSED)
}

fn mark(home: &Home, arguments: MarkArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    let mark = MarkName::new(&arguments.mark);
    if ["declared", "classified", "closed"].contains(&arguments.mark.as_str()) {
        return Err(CommandError::usage(format!("`{mark}` is set by its own command"))
            .hint("see `lifeboat incident --help`: open, classify, close"));
    }
    let event = match arguments.withdraw {
        true if !incident.state.marks.contains_key(&mark) => {
            let set: Vec<&str> = incident.state.marks.keys().map(MarkName::as_str).collect();
            return Err(CommandError::usage(format!("`{mark}` is not set"))
                .hint(format!("these are: {}", set.join(", "))));
        }
        true => IncidentEvent::MarkWithdrawn { mark, why: arguments.reason.unwrap_or_default() },
        false => {
            let name = mark.as_str();
            if let (false, Some(near)) = (MILESTONES.contains(&name), nearest(name, MILESTONES)) {
                return Err(CommandError::usage(format!("`{name}` is no mark that measurements know"))
                    .hint(format!("did you mean `{near}`?")));
            }
            IncidentEvent::MarkSet { mark, note: arguments.reason }
        }
    };
    let said = said(event, &arguments.when, home.now_of(&incident))?;
    tell(home, &incident, said)?;
    Ok(PASSED)
}

fn severity(home: &Home, arguments: SeverityArguments) -> Result<u8, CommandError> {
    let SeverityArguments { which, severity, reason } = arguments;
    let event = IncidentEvent::SeverityChanged { severity: severity.into(), why: reason };
    tell(home, &home.incident(&which.incident)?, Said::now(event))?;
    Ok(PASSED)
}

fn classify(home: &Home, arguments: ClassifyArguments) -> Result<u8, CommandError> {
    let ClassifyArguments { which, major, criterion: criteria, reason: why, when, .. } = arguments;
    let incident = home.incident(&which.incident)?;
    let judged = IncidentEvent::Classified(Classification { major, criteria, why });
    tell(home, &incident, said(judged, &when, home.now_of(&incident))?)?;
    Ok(PASSED)
}

fn add_duty(home: &Home, arguments: &DutyArguments) -> Result<u8, CommandError> {
    let event = IncidentEvent::DutyAdded { duty: Box::new(duty(&arguments.duty)?) };
    tell(home, &home.incident(&arguments.which.incident)?, Said::now(event))?;
    Ok(PASSED)
}

fn reported(home: &Home, arguments: ReportedArguments) -> Result<u8, CommandError> {
    let ReportedArguments { which, duty, report, reference, when, withdraw, reason } = arguments;
    let incident = home.incident(&which.incident)?;
    let known: Vec<String> = deadlines(&incident.state)
        .iter()
        .map(|deadline| format!("{} {}", deadline.duty, deadline.report))
        .collect();
    if !known.contains(&format!("{duty} {report}")) {
        let hint = match known.is_empty() {
            true => format!("add the duty first: lifeboat incident duty {} {duty}", incident.id),
            false => format!("there are: {}", known.join(", ")),
        };
        return Err(
            CommandError::usage(format!("`{duty} {report}` is no report of this incident")).hint(hint)
        );
    }
    let event = match withdraw {
        true => IncidentEvent::ReportWithdrawn { duty, report, why: reason.unwrap_or_default() },
        false => IncidentEvent::ReportSubmitted { duty, report, reference },
    };
    tell(home, &incident, said(event, &when, home.now_of(&incident))?)?;
    Ok(PASSED)
}

fn role_assigned(text: &str) -> Result<IncidentEvent, CommandError> {
    let named = text.split_once('=').filter(|(role, _)| !role.is_empty());
    let (role, person) = named.ok_or_else(|| {
        CommandError::usage(format!("`{text}` names no role and person")).hint("write it as commander=alice")
    })?;
    let person = Some(person.to_owned()).filter(|person| !person.is_empty());
    Ok(IncidentEvent::RoleAssigned { role: role.to_owned(), person })
}

fn role(home: &Home, arguments: &RoleArguments) -> Result<u8, CommandError> {
    let event = role_assigned(&arguments.role)?;
    tell(home, &home.incident(&arguments.which.incident)?, Said::now(event))?;
    Ok(PASSED)
}

fn attach(home: &Home, arguments: AttachArguments) -> Result<u8, CommandError> {
    let run = home.id(&arguments.run)?;
    let event = match arguments.detach {
        true => IncidentEvent::RunDetached { run, why: arguments.reason.unwrap_or_default() },
        false => IncidentEvent::RunAttached { run },
    };
    tell(home, &home.incident(&arguments.which.incident)?, Said::now(event))?;
    Ok(PASSED)
}

/// The row that people name: `12` or `#12` of the incident, `k3v7qa#12` of a run of it.
fn entry(home: &Home, incident: &ReadIncident, row: &str) -> Result<Entry, CommandError> {
    let (run, number) = row.split_once('#').unwrap_or(("", row));
    let seq: u64 = number.parse().map_err(|_| {
        CommandError::usage(format!("`{row}` is no row of the timeline"))
            .hint("write 12 or #12 for the incident, k3v7qa#12 for a run of it")
    })?;
    let (run, events) = match run {
        "" => (None, incident.journal.events.len()),
        run => {
            let run = home.find(run)?;
            if !incident.state.runs.contains(&run.id) {
                return Err(CommandError::usage(format!("{} is no run of {}", run.id, incident.id))
                    .hint(format!("make it one: lifeboat incident attach {} {}", incident.id, run.id)));
            }
            (Some(run.id), run.journal.events.len())
        }
    };
    match (1..=events as u64).contains(&seq) {
        true => Ok(Entry { run, seq }),
        false => {
            Err(CommandError::usage(format!("there is no row {row}")).hint(format!("the last is {events}")))
        }
    }
}

fn pin(home: &Home, arguments: PinArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    let entry = entry(home, &incident, &arguments.row)?;
    let event = IncidentEvent::Pinned { entry, pinned: !arguments.remove, note: arguments.note };
    tell(home, &incident, Said::now(event))?;
    Ok(PASSED)
}

fn amend(home: &Home, arguments: AmendArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    let entry = entry(home, &incident, &arguments.row)?;
    let at =
        arguments.at.as_deref().map(|text| past(text, home.now_of(&incident))).transpose()?.map(|(at, _)| at);
    let event = IncidentEvent::EntryAmended { entry, at, text: arguments.text, why: arguments.reason };
    tell(home, &incident, Said::now(event))?;
    Ok(PASSED)
}

fn close(home: &Home, arguments: CloseArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    if incident.state.closed.is_some() {
        return Err(CommandError::usage(format!("{} is closed", incident.id))
            .hint(format!("lifeboat incident reopen {} --reason …", incident.id)));
    }
    let closed = IncidentEvent::Closed { why: arguments.reason };
    let incident = tell(home, &incident, said(closed, &arguments.when, home.now_of(&incident))?)?;
    tell_deadlines(&incident, home.now_of(&incident));
    Ok(PASSED)
}

fn reopen(home: &Home, arguments: ReopenArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    if incident.state.closed.is_none() {
        return Err(CommandError::usage(format!("{} is open", incident.id)));
    }
    let event = IncidentEvent::Reopened { why: arguments.reason };
    tell(home, &incident, Said::now(event))?;
    Ok(PASSED)
}

fn list(home: &Home, arguments: &OutputArguments) -> Result<u8, CommandError> {
    let mut documents = Vec::new();
    for incident in home.incidents()? {
        match incident {
            Ok(incident) => documents.push(home.incident_document(&incident)),
            Err(error) => error.tell(),
        }
    }
    documents.sort_by_key(|document| document.status == "closed");
    match arguments.output {
        Output::Json => print_json(&documents)?,
        Output::Human if documents.is_empty() => {
            say!("no incidents in {}; `lifeboat incident open` declares one", home.path().display());
        }
        Output::Human => print_bytes(table(&documents).as_bytes())?,
    }
    Ok(PASSED)
}

fn table(documents: &[IncidentDocument]) -> String {
    let mut text =
        format!("{:10} {:8} {:6} {:16} {:>4}  TITLE\n", "INCIDENT", "SEVERITY", "STATUS", "OPENED", "RUNS");
    for document in documents {
        let opened = document.opened_at.as_deref().unwrap_or_default();
        let opened = opened.get(..16).unwrap_or_default().replace('T', " ");
        let late = document.deadlines.iter().filter(|due| due.late && due.submitted_at.is_none()).count();
        text.push_str(&format!(
            "{:10} {:8} {:6} {opened:16} {:>4}  {}\n",
            document.incident,
            document.severity.unwrap_or("unknown"),
            document.status,
            document.runs.len(),
            document.title
        ));
        if late > 0 {
            text.push_str(&format!("{:10} OVERDUE: {late} reports\n", ""));
        }
    }
    text
}

fn show(home: &Home, arguments: &ShowIncidentArguments) -> Result<u8, CommandError> {
    let incident = home.incident(&arguments.which.incident)?;
    let document = home.incident_document(&incident);
    match arguments.output.output {
        Output::Json => print_json(&document)?,
        Output::Human => print_bytes(summary(&document, home.now_of(&incident)).as_bytes())?,
    }
    Ok(PASSED)
}

fn summary(document: &IncidentDocument, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &str| text.push_str(&format!("{what:22} {value}\n"));
    let simulated = if document.simulated { ", a rehearsal" } else { "" };
    let severity = document.severity.unwrap_or("unknown");
    line("incident", &format!("{} ({severity}, {}{simulated})", document.incident, document.status));
    line("title", &document.title);
    for (role, person) in &document.roles {
        line(role, person);
    }
    for milestone in &document.milestones {
        let exact = if milestone.precision == "estimated" { " (estimated)" } else { "" };
        let run = milestone.run.as_ref().map(|run| format!(" by run {run}")).unwrap_or_default();
        line(milestone.name, &format!("{}{exact}{run}", milestone.at));
    }
    for metric in &document.metrics {
        line(metric.name, &number(metric.seconds));
    }
    for run in &document.runs {
        line("run", &format!("{}  {} ({}): {}", run.run, run.runbook, run.mode, run.outcome));
    }
    line("review", document.review.status);
    for due in &document.deadlines {
        line(&format!("{} {}", due.duty, due.report), &due_line(due, now));
    }
    line("journal", &format!("{} events, head {}", document.journal.events, document.journal.head));
    for finding in &document.findings {
        text.push_str(&format!("\nfinding: {finding}\n"));
    }
    text
}

fn due_line(due: &DeadlineDocument, now: DateTime<Utc>) -> String {
    let late = if due.late { ", LATE" } else { "" };
    match (due.applies, &due.submitted_at, due.due_at.as_deref().and_then(parse_time)) {
        (Some(false), ..) => "does not apply".to_owned(),
        (_, Some(submitted), _) => format!("submitted {submitted}{late}"),
        (applies, None, Some(at)) => {
            let rule = due.rule.as_deref().unwrap_or_default();
            let if_so = if applies.is_none() { ", if it applies" } else { "" };
            let left = match at < now {
                true => format!("OVERDUE by {}", minutes(now - at)),
                false => format!("due in {}", minutes(at - now)),
            };
            format!("{left}: {} ({rule}; {}){if_so}", due.due_at.as_deref().unwrap_or_default(), due.source)
        }
        (_, None, None) => format!("runs from {}", due.waits_for.join(" or ")),
    }
}
