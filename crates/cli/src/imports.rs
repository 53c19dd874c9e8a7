//! What an import writes into an incident's record: each entry once, in batches, and how it ended.

use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::resume::cut_torn_tail;
use crate::session;
use lifeboat_engine::clock::Clock;
use lifeboat_journal::chain::{Tail, Verified};
use lifeboat_journal::event::{Actor, Draft, EventKind};
use lifeboat_journal::file::{JournalWriter, RunDirectory, Stamp};
use lifeboat_journal::incident::event::{ImportDone, IncidentEvent};
use lifeboat_journal::incident::import::Found;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::units::time_text;
use std::collections::BTreeSet;
use std::fs::File;

/// So many entries are brought to disk by one sync.
const BATCH: usize = 10_000;
/// So many entries that could not be used are named; of more, their number is journaled.
const NAMED: usize = 1_000;

/// The incident that takes entries in. Its events are not held: there may be a million.
pub(crate) struct Target {
    /// Its id.
    pub(crate) id: RunId,
    /// Its directory.
    pub(crate) directory: RunDirectory,
}

/// Where entries go.
pub(crate) struct Import {
    sink: Sink,
    keys: BTreeSet<String>,
    actor: Actor,
    done: ImportDone,
}

enum Sink {
    /// Standard output: what would come in.
    Shown,
    /// The incident's journal, with what is not written yet. Nobody else writes until this ends.
    Written {
        writer: Box<JournalWriter>,
        directory: RunDirectory,
        batch: Vec<Draft>,
        clock: Clock,
        _lock: File,
    },
}

impl Import {
    /// Begins to write; `origin` is the file or the record.
    pub(crate) fn written(into: &Target, origin: &str, actor: Actor) -> Result<Self, CommandError> {
        let directory = into.directory.clone();
        let lock = session::lock_in_turn(&directory)?;
        let (keys, tail, journal) = known(&directory)?;
        let batch = cut_torn_tail(&directory, &journal)?;
        let storage = session::storage(&directory)?;
        let writer = Box::new(JournalWriter::follow(storage, into.id.clone(), &tail));
        let sink = Sink::Written { writer, directory, batch, clock: Clock::real(), _lock: lock };
        let mut import = Self { sink, keys, actor, done: begun(origin) };
        // That a torn line was cut off is written down even if nothing else will be.
        import.flush()?;
        Ok(import)
    }

    /// Begins to show what would be written.
    pub(crate) fn shown(into: &Target, origin: &str, actor: Actor) -> Result<Self, CommandError> {
        let (keys, ..) = known(&into.directory)?;
        Ok(Self { sink: Sink::Shown, keys, actor, done: begun(origin) })
    }

    /// Takes an entry in, unless it is there.
    pub(crate) fn take(&mut self, found: Found) -> Result<(), CommandError> {
        if !self.keys.insert(found.imported.key.clone()) {
            self.done.doubles += 1;
            return Ok(());
        }
        self.done.new += 1;
        match &mut self.sink {
            Sink::Shown => print_bytes(line(&found).as_bytes()),
            Sink::Written { batch, .. } => {
                let Found { at, precision, imported } = found;
                let kind = EventKind::Incident(IncidentEvent::Imported(Box::new(imported)));
                let draft = Draft::run(kind).at(at).by(self.actor.clone());
                batch.push(Draft { precision, ..draft });
                if batch.len() >= BATCH { self.flush() } else { Ok(()) }
            }
        }
    }

    /// Something that cannot be used, and why.
    pub(crate) fn leave_out(&mut self, what: String) {
        match self.done.left_out.len() < NAMED {
            true => self.done.left_out.push(what),
            false => self.done.more_left_out += 1,
        }
    }

    /// Whether nothing could be used of what was there.
    pub(crate) fn is_useless(&self) -> bool {
        self.done.new + self.done.doubles == 0 && self.done.unusable() > 0
    }

    /// What could not be used first.
    pub(crate) fn first_left_out(&self) -> Option<&str> {
        self.done.left_out.first().map(String::as_str)
    }

    /// Ends it: how it went is written too. `sha256` is that of the file.
    pub(crate) fn end(mut self, sha256: Option<String>) -> Result<ImportDone, CommandError> {
        self.done.sha256 = sha256;
        if let Sink::Written { batch, .. } = &mut self.sink {
            let done = IncidentEvent::ImportDone(self.done.clone());
            batch.push(Draft::run(EventKind::Incident(done)).by(Actor::person(crate::home::user())));
        }
        self.flush()?;
        Ok(self.done)
    }

    fn flush(&mut self) -> Result<(), CommandError> {
        let Sink::Written { writer, directory, batch, clock, .. } = &mut self.sink else { return Ok(()) };
        if batch.is_empty() {
            return Ok(());
        }
        let stamp = Stamp { now: clock.now(), mono_ms: clock.mono_ms() };
        let written = writer.append(std::mem::take(batch), stamp);
        written.map(drop).map_err(|error| CommandError::file("write", &directory.journal(), &error))
    }
}

/// The keys of what is there already, and where the journal ends.
fn known(directory: &RunDirectory) -> Result<(BTreeSet<String>, Tail, Verified), CommandError> {
    let mut keys = BTreeSet::new();
    let walked = directory.walk(|event| {
        if let EventKind::Incident(IncidentEvent::Imported(imported)) = event.kind {
            keys.insert(imported.key);
        }
    });
    let (tail, journal) = walked.map_err(|error| {
        CommandError::failed(format!("{} is broken: {error}", directory.journal().display()))
    })?;
    Ok((keys, tail, journal))
}

fn begun(origin: &str) -> ImportDone {
    ImportDone {
        origin: origin.to_owned(),
        sha256: None,
        new: 0,
        doubles: 0,
        left_out: Vec::new(),
        more_left_out: 0,
    }
}

/// An entry for people: time, kind, who, and the first line of what.
fn line(found: &Found) -> String {
    let Found { at, imported, .. } = found;
    let kind = format!("{:?}", imported.kind).to_lowercase();
    let who = imported.who.as_deref().map(|who| format!("{who}: ")).unwrap_or_default();
    let what = imported.text.lines().next().unwrap_or_default();
    format!("{}  {kind:7}  {who}{what}\n", time_text(*at))
}
