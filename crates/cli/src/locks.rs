//! Runs that must not meet: the lock of a simulated run on this machine, and who else is at work in this home.
//!
//! Two processes that simulate have a world each, and the lock in one is not seen in the other; a file in the home
//! directory is, as long as the process lives that holds it.

use crate::error::CommandError;
use crate::home::{Home, ReadRun, holder_is_gone, host, user};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lock::{LOCKS, name_of};
use lifeboat_engine::locking::held_by;
use lifeboat_engine::start::Aim;
use lifeboat_journal::event::{Draft, EventKind, RunStarted};
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::lock::{LockBroken, LockHolder};
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Mode, Plan};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;

/// Who wants a lock on this machine.
pub(crate) struct Wanted<'run> {
    pub(crate) key: &'run str,
    pub(crate) run: &'run RunId,
    pub(crate) runbook: &'run str,
    pub(crate) mode: Mode,
    /// Whether to wait for whoever holds it.
    pub(crate) waits: bool,
    /// Why it is to be broken, if it is.
    pub(crate) broken_for: Option<&'run str>,
}

/// A lock on this machine; it ends with the process.
pub(crate) struct Local {
    pub(crate) _file: Option<File>,
    /// What is to be journaled: whose lock was broken.
    pub(crate) broken: Vec<Draft>,
}

impl Local {
    /// None is needed.
    pub(crate) fn none() -> Self {
        Self { _file: None, broken: Vec::new() }
    }
}

/// Takes the lock of a key for a simulated run.
pub(crate) fn take(home: &Home, wanted: &Wanted<'_>) -> Result<Local, CommandError> {
    let path = path(home, wanted.key);
    let failed = |error: &io::Error| CommandError::file("write", &path, error);
    let directory = path.parent().unwrap_or(home.path());
    fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut options = File::options();
    let file = options.create(true).truncate(false).read(true).write(true).open(&path);
    let file = file.map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(failed(&error)),
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            if let Some(reason) = wanted.broken_for {
                return Ok(Local { _file: None, broken: vec![broken(wanted.key, holder, reason)] });
            }
            if !wanted.waits {
                return Err(refused(wanted.key, holder));
            }
            say!("{}; waiting for it", told(wanted.key, holder.as_ref()));
            file.lock().map_err(|error| failed(&error))?;
        }
    }
    write(&file, wanted).map_err(|error| failed(&error))?;
    Ok(Local { _file: Some(file), broken: Vec::new() })
}

fn path(home: &Home, key: &str) -> PathBuf {
    let name = name_of(key);
    home.path().join("locks").join(name.trim_start_matches(LOCKS))
}

fn write(mut file: &File, wanted: &Wanted<'_>) -> io::Result<()> {
    let holder = LockHolder {
        run: wanted.run.clone(),
        runbook: wanted.runbook.to_owned(),
        mode: wanted.mode,
        operator: user(),
        host: host(),
        since: Clock::real().now(),
        expires: None,
    };
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

fn broken(key: &str, holder: Option<LockHolder>, reason: &str) -> Draft {
    let broken = LockBroken { key: key.to_owned(), holder, error: None, reason: reason.to_owned() };
    let kind = EventKind::LockBroken(Box::new(broken));
    Draft::run(kind).by(lifeboat_journal::event::Actor::person(user()))
}

fn told(key: &str, holder: Option<&LockHolder>) -> String {
    match holder {
        // Nobody is paused who holds the lock by being alive.
        Some(holder) => held_by(key, holder).message.trim_end_matches("; it is paused").to_owned(),
        None => format!("the lock `{key}` is held by another run of this home"),
    }
}

fn refused(key: &str, holder: Option<LockHolder>) -> CommandError {
    let refused = CommandError::refused(told(key, holder.as_ref()));
    match holder.and_then(|holder| held_by(key, &holder).hint) {
        Some(hint) => refused.hint(hint),
        None => refused.hint("`--break-lock --reason …` starts all the same"),
    }
}

/// Says which runs of the same runbook and target are not over, where the runbook does not keep them from meeting.
pub(crate) fn announce(home: &Home, plan: &Plan, mode: Mode, aim: &Aim, simulated: bool) {
    if plan.concurrency.is_some() {
        return;
    }
    let same = |started: &RunStarted| {
        started.runbook == plan.name
            && started.region == aim.region
            && aim.account.as_ref().is_none_or(|account| *account == started.account)
            && matches!(started.cloud, lifeboat_journal::event::Cloud::Simulated { .. }) == simulated
    };
    for run in unfinished(home, same, simulated) {
        let Some(started) = &run.state.started else { continue };
        let drives = match holder_is_gone(&run.directory) {
            false => "is under way",
            true => "is not over",
        };
        say!(
            "note: run {}, a {} of {} started by {} on {}, {drives}; `lifeboat watch {0}` follows it. \
             This {} begins beside it; `concurrency` in the runbook keeps runs apart",
            run.id,
            started.mode.word(),
            started.runbook,
            started.operator,
            started.host,
            mode.word()
        );
    }
}

/// Runs that are not over. Of simulated ones only those that are driven now: each has a world of its own, and they are
/// many.
fn unfinished(home: &Home, same: impl Fn(&RunStarted) -> bool, simulated: bool) -> Vec<ReadRun> {
    let ids = RunDirectory::list(home.path()).unwrap_or_default();
    let is_same = |directory: &RunDirectory| match directory.read_first() {
        Ok(Some(first)) => matches!(&first.kind, EventKind::RunStarted(started) if same(started)),
        _ => false,
    };
    ids.into_iter()
        .map(|id| (RunDirectory::of(home.path(), &id), id))
        .filter(|(directory, _)| !(simulated && holder_is_gone(directory)) && is_same(directory))
        .filter_map(|(_, id)| home.find(id.as_str()).ok())
        .filter(|run| run.state.outcome.is_none())
        .collect()
}
