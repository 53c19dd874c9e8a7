//! Incidents in the home directory: found by name, read, written to.

use crate::commands::check::source_name;
use crate::error::CommandError;
use crate::home::{Home, ReadRun, meant, user};
use crate::resume::cut_torn_tail;
use crate::session;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::name::run_id;
use lifeboat_journal::chain::Verified;
use lifeboat_journal::event::{Actor, Draft, EventKind, FORMAT, Precision};
use lifeboat_journal::file::{JournalWriter, RunDirectory, Stamp};
use lifeboat_journal::incident::event::{Declared, IncidentEvent, Severity};
use lifeboat_journal::incident::state::IncidentState;
use lifeboat_journal::state::RunState;
use lifeboat_report::document::JournalDocument;
use lifeboat_report::incident::document::{IncidentDocument, document};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::duty::{self, Duty};
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::render::{self, Color};
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units;
use std::path::Path;

/// An incident that was read from its journal.
pub(crate) struct ReadIncident {
    /// Its id.
    pub(crate) id: RunId,
    /// Its directory.
    pub(crate) directory: RunDirectory,
    /// Its journal, found whole.
    pub(crate) journal: Verified,
    /// What is known of it.
    pub(crate) state: IncidentState,
}

/// Something that a person says of an incident: what, when, how exact that is.
pub(crate) struct Said {
    /// What.
    pub(crate) event: IncidentEvent,
    /// When; nothing is now.
    pub(crate) when: Option<(DateTime<Utc>, Precision)>,
}

impl Said {
    /// Said of this moment.
    pub(crate) fn now(event: IncidentEvent) -> Self {
        Self { event, when: None }
    }

    fn draft(self) -> Draft {
        let mut draft = Draft::run(EventKind::Incident(self.event)).by(Actor::person(user()));
        if let Some((at, precision)) = self.when {
            draft.at = Some(at);
            draft.precision = precision;
        }
        draft
    }
}

/// What incidents are called in messages.
const LISTED: &str = "`lifeboat incident list` lists them";

impl Home {
    /// All incidents, the one that was opened last first; a journal that is broken does not hide the others.
    pub(crate) fn incidents(&self) -> Result<Vec<Result<ReadIncident, CommandError>>, CommandError> {
        let mut read: Vec<_> = self.incident_ids()?.iter().map(|id| self.read_incident(id)).collect();
        let opened = |read: &Result<ReadIncident, CommandError>| {
            read.as_ref().ok().and_then(|read| read.journal.events.first()).map(|first| first.recorded_at)
        };
        read.sort_by_key(|read| std::cmp::Reverse(opened(read)));
        Ok(read)
    }

    fn incident_ids(&self) -> Result<Vec<RunId>, CommandError> {
        RunDirectory::list_incidents(self.path())
            .map_err(|error| CommandError::file("list", self.path(), &error))
    }

    fn read_incident(&self, id: &RunId) -> Result<ReadIncident, CommandError> {
        let directory = RunDirectory::of_incident(self.path(), id);
        let journal = directory
            .read()
            .map_err(|error| CommandError::failed(format!("the journal of {id} is broken: {error}")))?;
        let state = IncidentState::of(&journal.events);
        Ok(ReadIncident { id: id.clone(), directory, journal, state })
    }

    /// The incident that `name` means: an unambiguous beginning of its id, or `latest`, the open one that was opened last.
    pub(crate) fn incident(&self, name: &str) -> Result<ReadIncident, CommandError> {
        let ids = self.incident_ids()?;
        if ids.is_empty() {
            return Err(CommandError::usage(format!("there are no incidents in {}", self.path().display()))
                .hint("`lifeboat incident open TITLE --severity sev2` declares one"));
        }
        if name == "latest" {
            let mut all: Vec<ReadIncident> = self.incidents()?.into_iter().filter_map(Result::ok).collect();
            let at = all.iter().position(|incident| incident.state.closed.is_none()).unwrap_or(0);
            return match all.is_empty() {
                true => Err(CommandError::failed("no incident can be read").hint(LISTED)),
                false => Ok(all.swap_remove(at)),
            };
        }
        self.read_incident(&self.incident_place(name)?.0)
    }

    /// The id and the directory of the incident that `name` is the beginning of; its journal may be broken.
    pub(crate) fn incident_place(&self, name: &str) -> Result<(RunId, RunDirectory), CommandError> {
        let whole = if name.starts_with(PREFIX) { name.to_owned() } else { format!("{PREFIX}{name}") };
        let id = meant(self.incident_ids()?, &whole, "incident", LISTED)?;
        let directory = RunDirectory::of_incident(self.path(), &id);
        Ok((id, directory))
    }

    /// Declares an incident.
    pub(crate) fn open_incident(
        &self,
        declared: Declared,
        more: Vec<Said>,
    ) -> Result<ReadIncident, CommandError> {
        let id = RunId::new(format!("{PREFIX}{}", run_id(&session::entropy()?).short()));
        let directory = RunDirectory::of_incident(self.path(), &id);
        let first = Said::now(IncidentEvent::Declared(Box::new(declared)));
        let state = IncidentState::default();
        let new = ReadIncident { id, directory, journal: Verified::default(), state };
        self.tell(&new, std::iter::once(first).chain(more).collect())
    }

    /// Writes what was said of an incident, and reads it again. Whoever writes at the same moment is waited for.
    pub(crate) fn tell(
        &self,
        incident: &ReadIncident,
        said: Vec<Said>,
    ) -> Result<ReadIncident, CommandError> {
        self.tell_as(incident, |_| said)
    }

    /// The same where what is said depends on the number that its first event will have.
    pub(crate) fn tell_as(
        &self,
        incident: &ReadIncident,
        said: impl FnOnce(u64) -> Vec<Said>,
    ) -> Result<ReadIncident, CommandError> {
        append(&incident.directory, &incident.id, |_, next| {
            Ok(said(next).into_iter().map(Said::draft).collect())
        })?;
        self.read_incident(&incident.id)
    }

    /// The runs of an incident; one that cannot be read is named and does not hide the others.
    pub(crate) fn runs_of(&self, incident: &ReadIncident) -> Vec<ReadRun> {
        let runs = incident.state.runs.iter().map(|run| self.find(run.as_str()));
        runs.filter_map(|run| run.inspect_err(CommandError::tell).ok()).collect()
    }

    /// The JSON document of an incident as it stands now.
    pub(crate) fn incident_document(&self, incident: &ReadIncident) -> IncidentDocument {
        let runs = self.runs_of(incident);
        let runs: Vec<(RunId, &RunState)> = runs.iter().map(|run| (run.id.clone(), &run.state)).collect();
        let Verified { events, head, .. } = &incident.journal;
        let journal = JournalDocument { events: events.len(), head: head.clone() };
        document(&incident.id, &incident.state, &runs, journal, Clock::real().now())
    }
}

/// Writes to a record that people keep, once others are done with it; what is written may depend on what stands there,
/// and on the number that the first event will have.
pub(crate) fn append(
    directory: &RunDirectory,
    id: &RunId,
    drafts: impl FnOnce(&Verified, u64) -> Result<Vec<Draft>, CommandError>,
) -> Result<(), CommandError> {
    directory.create().map_err(|error| CommandError::file("write", directory.path(), &error))?;
    let _lock = session::lock_in_turn(directory)?;
    let journal = read_record(directory)?;
    // A torn tail is cut off only when something is written, and that it was is the first line then.
    let next = (journal.events.len() + usize::from(!journal.torn.is_empty())) as u64 + 1;
    let drafts = drafts(&journal, next)?;
    let mut all = cut_torn_tail(directory, &journal)?;
    all.extend(drafts);
    let clock = Clock::real();
    let stamp = Stamp { now: clock.now(), mono_ms: clock.mono_ms() };
    let mut writer = JournalWriter::resume(session::storage(directory)?, id.clone(), &journal);
    let written = writer.append(all, stamp);
    written.map(drop).map_err(|error| CommandError::file("write", &directory.journal(), &error))
}

/// The journal of a record that people keep; one that nobody has begun is empty.
pub(crate) fn read_record(directory: &RunDirectory) -> Result<Verified, CommandError> {
    if !directory.journal().exists() {
        return Ok(Verified::default());
    }
    let named = directory.journal();
    directory.read().map_err(|error| CommandError::failed(format!("{} is broken: {error}", named.display())))
}

/// What ids of incidents begin with.
pub(crate) const PREFIX: &str = "inc-";

/// The first event of an incident that is declared by a person.
pub(crate) fn declared(title: String, severity: Severity, duties: Vec<Duty>) -> Declared {
    Declared {
        format: FORMAT.to_owned(),
        lifeboat: env!("CARGO_PKG_VERSION").to_owned(),
        title,
        severity,
        duties,
    }
}

/// A moment that a person gives: RFC 3339, with or without seconds, or so long ago (`-40m`). What is given to the minute
/// is known to the minute.
pub(crate) fn moment(text: &str, now: DateTime<Utc>) -> Result<(DateTime<Utc>, Precision), CommandError> {
    if let Some(ago) = text.strip_prefix('-').and_then(units::parse_duration) {
        let precision = if ago < TimeDelta::minutes(1) { Precision::Second } else { Precision::Minute };
        return Ok((now - ago, precision));
    }
    if let Some(at) = units::parse_time(text) {
        return Ok((at, Precision::Second));
    }
    let minutes = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%#z").map(|at| at.to_utc());
    let minutes = minutes.map(|at| (at, Precision::Minute));
    minutes.map_err(|_| {
        CommandError::usage(format!("`{text}` is not a time")).hint(
            "write it with its zone: 2026-01-05T09:40Z, 2026-01-05T10:40:00+01:00, or so long ago: -40m",
        )
    })
}

/// A duty by its name, or from a file.
pub(crate) fn duty(name: &str) -> Result<Duty, CommandError> {
    let source = match duty::SHIPPED.iter().find(|(known, _)| *known == name) {
        Some((name, text)) => Source { name: format!("{name}.yaml"), text: (*text).to_owned() },
        None => file_of_duty(name)?,
    };
    let decoded = duty::read(source);
    decoded.found.ok_or_else(|| {
        let sources = [decoded.source];
        for mistake in &decoded.diagnostics {
            say!("{}", render::render(mistake, &sources, Color::Never).trim_end());
        }
        CommandError::usage(format!("the duty `{name}` is not valid"))
    })
}

fn file_of_duty(name: &str) -> Result<Source, CommandError> {
    let path = Path::new(name);
    if path.extension().is_none() && !path.exists() {
        let known: Vec<&str> = duty::SHIPPED.iter().map(|(known, _)| *known).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}; or give a file", known.join(" and ")),
        };
        return Err(CommandError::usage(format!("there is no duty `{name}`")).hint(hint));
    }
    let text = std::fs::read_to_string(path).map_err(|error| CommandError::file("read", path, &error))?;
    Ok(Source { name: source_name(path), text })
}
