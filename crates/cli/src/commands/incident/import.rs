//! `lifeboat incident import`.

use super::past;
use crate::args::incident::{ImportArguments, RecordWord};
use crate::commands::Globals;
use crate::error::CommandError;
use crate::home::Home;
use crate::imports::{Import, Target};
use crate::incidents::ReadIncident;
use crate::{session, wiring};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::record::{self, RecordSource, Window};
use lifeboat_journal::event::Actor;
use lifeboat_journal::incident::event::ImportDone;
use lifeboat_journal::incident::import::moment::parse_zone;
use lifeboat_journal::incident::import::rows::{Format, Rows};
use lifeboat_journal::incident::import::{Column, Reading};
use lifeboat_journal::incident::metrics::milestones;
use lifeboat_journal::outcome::{FAILED, PASSED};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units::time_text;
use std::fs::File;
use std::io;
use std::path::Path;

/// Changes of so long before the loss of service are candidates for its cause.
const BEFORE_ONSET: TimeDelta = TimeDelta::hours(24);
/// So many rows that could not be used are named on the terminal; the record names more.
const TOLD: usize = 20;

pub(crate) fn run(home: &Home, arguments: &ImportArguments, globals: Globals) -> Result<u8, CommandError> {
    let name = arguments.which.incident.as_str();
    if !arguments.from.is_empty() {
        return from_records(home, &home.incident(name)?, arguments, globals);
    }
    let (id, directory) = match name {
        "latest" => home.incident(name).map(|incident| (incident.id, incident.directory))?,
        name => home.incident_place(name)?,
    };
    let into = Target { id, directory };
    let reading = reading(arguments)?;
    // What is wrong with the command is told before anything is written.
    let formats = arguments.files.iter().map(|path| format(path)).collect::<Result<Vec<_>, _>>()?;
    for (path, format) in arguments.files.iter().zip(formats) {
        from_file(&into, arguments, &reading, path, format)?;
    }
    Ok(PASSED)
}

fn reading(arguments: &ImportArguments) -> Result<Reading, CommandError> {
    let zone = arguments.zone.as_deref().map(|text| {
        parse_zone(text).ok_or_else(|| {
            CommandError::usage(format!("`{text}` is not a zone"))
                .hint("write UTC or +01:00; the name of a place has another zone in summer than in winter")
        })
    });
    Ok(Reading {
        origin: String::new(),
        time: arguments.time.clone(),
        text: arguments.text.clone(),
        who: arguments.who.clone(),
        id: arguments.id.clone(),
        kind: arguments.kind.map(Into::into),
        zone: zone.transpose()?,
    })
}

fn format(path: &Path) -> Result<Format, CommandError> {
    let name = name(path);
    Format::of(&name).ok_or_else(|| {
        CommandError::usage(format!("{}: its name does not say what it is", path.display()))
            .hint("JSON lines end with .jsonl or .ndjson, CSV with .csv")
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn from_file(
    into: &Target,
    arguments: &ImportArguments,
    reading: &Reading,
    path: &Path,
    format: Format,
) -> Result<(), CommandError> {
    let unreadable = |error: io::Error| CommandError::file("read", path, &error);
    let reading = Reading { origin: name(path), ..reading.clone() };
    let mut rows = File::open(path).and_then(|file| Rows::of(format, file)).map_err(unreadable)?;
    if let Some(head) = rows.head() {
        know_columns(&reading, head, path)?;
    }
    let origin = reading.origin.as_str();
    let mut import = begin(into, arguments, origin, Actor::import(origin))?;
    let latest = Clock::real().now() + TimeDelta::minutes(1);
    while let Some(row) = rows.next_row().map_err(unreadable)? {
        let (line, entry) = match row {
            Ok(row) => (row.line, reading.entry(&row)),
            Err(not) => (not.line, Err(not.problem)),
        };
        match entry {
            // Whoever gives a wrong zone shall see it.
            Ok(found) if found.at > latest => {
                import.leave_out(format!("line {line}: {} is still to come", time_text(found.at)));
            }
            Ok(found) => import.take(found)?,
            Err(problem) => import.leave_out(format!("line {line}: {problem}")),
        }
    }
    if import.is_useless() {
        let first = import.first_left_out().unwrap_or_default().to_owned();
        return Err(CommandError::usage(format!("nothing in {} can be used; {first}", path.display())).hint(
            "--time, --text and --who name the columns, --zone the zone; --dry-run shows what comes in",
        ));
    }
    tell(into, arguments, &import.end(Some(rows.sha256()))?);
    Ok(())
}

/// Refuses names of columns that a file does not have, and a file in which the time or the words cannot be found.
fn know_columns(reading: &Reading, head: &[String], path: &Path) -> Result<(), CommandError> {
    let has = |name: &str| head.iter().any(|known| known.eq_ignore_ascii_case(name));
    let listed = || format!("it has: {}", head.join(", "));
    for column in Column::ALL {
        let needed = matches!(column, Column::Time | Column::Text);
        let problem = match reading.said(column) {
            Some(name) if !has(name) => {
                let hint = match nearest(name, head.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => listed(),
                };
                CommandError::usage(format!("{} has no column `{name}`", path.display())).hint(hint)
            }
            None if needed && !column.usual().iter().any(|name| has(name)) => {
                let word = column.word();
                CommandError::usage(format!("which column of {} is the {word}?", path.display()))
                    .hint(format!("say it with --{word} COLUMN; {}", listed()))
            }
            _ => continue,
        };
        return Err(problem);
    }
    Ok(())
}

fn begin(
    into: &Target,
    arguments: &ImportArguments,
    origin: &str,
    actor: Actor,
) -> Result<Import, CommandError> {
    match arguments.dry_run {
        true => Import::shown(into, origin, actor),
        false => Import::written(into, origin, actor),
    }
}

fn tell(into: &Target, arguments: &ImportArguments, done: &ImportDone) {
    let verb = if arguments.dry_run { "nothing is written; of" } else { "read" };
    let ImportDone { origin, new, doubles, left_out, .. } = done;
    let unusable = done.unusable();
    say!("{}: {verb} {origin}: {new} new, {doubles} known already, {unusable} left out", into.id);
    for problem in left_out.iter().take(TOLD) {
        say!("  {origin} {problem}");
    }
    let more = unusable.saturating_sub(TOLD as u64);
    if more > 0 {
        say!("  and {more} more");
    }
}

/// Reads what AWS recorded. What one record lacks does not keep the others out.
fn from_records(
    home: &Home,
    incident: &ReadIncident,
    arguments: &ImportArguments,
    globals: Globals,
) -> Result<u8, CommandError> {
    let (since, until) = window(home, incident, arguments)?;
    let runtime = session::runtime(false)?;
    let (records, region) = runtime.block_on(wiring::records(globals.profile, globals.region))?;
    let region = region.ok_or_else(|| {
        CommandError::usage("there is no Region").hint("name it with --region, or in the profile")
    })?;
    let into = Target { id: incident.id.clone(), directory: incident.directory.clone() };
    let window = Window { region, resource: arguments.resource.clone(), since, until };
    let clock = Clock::real();
    let mut code = PASSED;
    for word in &arguments.from {
        let source = records.iter().find(|record| record.name() == word.word());
        let source = source.ok_or_else(|| missing(*word))?;
        if since < clock.now() - source.kept() {
            let days = source.kept().num_days();
            say!("{}: AWS keeps it for {days} days; what is older cannot be had any more", source.name());
        }
        match runtime.block_on(record::read(source.as_ref(), &window, &clock)) {
            Ok(entries) => {
                let mut import = begin(&into, arguments, source.name(), Actor::import(source.name()))?;
                entries.into_iter().try_for_each(|entry| import.take(entry))?;
                tell(&into, arguments, &import.end(None)?);
            }
            Err(error) => {
                code = FAILED;
                told(source.as_ref(), &error);
            }
        }
    }
    Ok(code)
}

fn missing(word: RecordWord) -> CommandError {
    CommandError::failed(format!("this build has no record `{}`", word.word()))
}

fn told(source: &dyn RecordSource, error: &ActionError) {
    say!("error: {} cannot be read: {}: {}", source.name(), error.code, error.message);
    match (error.kind, &error.hint) {
        (ErrorKind::BlockedOnPermission, _) => {
            let permission = source.permission();
            say!("  help: this statement is missing in the policy of whoever calls:");
            say!("  {{\"Effect\": \"Allow\", \"Action\": \"{permission}\", \"Resource\": \"*\"}}");
        }
        (_, Some(hint)) => say!("  help: {hint}"),
        (_, None) => {}
    }
}

/// From a day before the service was lost (or the incident declared, where that is not known) to now, or as said.
fn window(
    home: &Home,
    incident: &ReadIncident,
    arguments: &ImportArguments,
) -> Result<(DateTime<Utc>, DateTime<Utc>), CommandError> {
    let now = home.now_of(incident);
    let time = |text: &Option<String>| -> Result<Option<DateTime<Utc>>, CommandError> {
        text.as_deref().map(|text| past(text, now).map(|(at, _)| at)).transpose()
    };
    let until = time(&arguments.until)?.unwrap_or(now);
    let since = match time(&arguments.since)? {
        Some(since) => since,
        None => onset(home, incident).unwrap_or(until) - BEFORE_ONSET,
    };
    match since <= until {
        true => Ok((since, until)),
        false => Err(CommandError::usage("--since is later than --until")),
    }
}

fn onset(home: &Home, incident: &ReadIncident) -> Option<DateTime<Utc>> {
    let runs = home.runs_of(incident);
    let states: Vec<(RunId, &RunState)> = runs.iter().map(|run| (run.id.clone(), &run.state)).collect();
    let lost = milestones(&incident.state, &states).get("disrupted").map(|found| found.at);
    lost.or(incident.state.opened.as_ref().map(|opened| opened.at))
}
