//! `lifeboat abort`.

use crate::args::AbortArguments;
use crate::commands::Globals;
use crate::error::CommandError;
use crate::home::{Home, ReadRun, user};
use crate::inbox::Letter;
use crate::resume::{Purpose, TakeUp, started, take_up};
use crate::session::consent_to_delete;
use lifeboat_journal::file::LockError;
use lifeboat_journal::outcome::PASSED;
use lifeboat_runbook::plan::Mode;

pub(crate) fn run(home: &Home, arguments: AbortArguments, globals: Globals) -> Result<u8, CommandError> {
    let AbortArguments { run, undo, no_undo, reason, yes, output } = arguments;
    let run = home.unfinished(&run)?;
    let recovery = started(&run)?.mode == Mode::Recovery;
    let undo = undo || (!no_undo && !recovery);
    if undo && recovery {
        consent_to_delete(&run.state, yes)?;
    }
    if let Some(holder) = held(&run)? {
        return hand_over(&run, &holder, reason, undo);
    }
    take_up(home, TakeUp::new(run, Purpose::Abort { undo: Some(undo), why: reason }, globals, output.output))
}

/// Who is writing the run now, if somebody is.
pub(crate) fn held(run: &ReadRun) -> Result<Option<String>, CommandError> {
    match run.directory.lock(&crate::home::holder()) {
        Ok(_free_again) => Ok(None),
        Err(LockError::Held(holder)) => Ok(Some(holder)),
        Err(LockError::Io(error)) => Err(CommandError::file("lock", run.directory.path(), &error)),
    }
}

fn hand_over(run: &ReadRun, holder: &str, reason: Option<String>, undo: bool) -> Result<u8, CommandError> {
    let letter = Letter::Abort { by: user(), why: reason, undo: Some(undo) };
    post(run, &format!("abort-{}", std::process::id()), &letter)?;
    say!("{} is asked to end {}", holder, run.id);
    Ok(PASSED)
}

/// Leaves a letter for the process that writes the run.
pub(crate) fn post(run: &ReadRun, name: &str, letter: &Letter) -> Result<(), CommandError> {
    let text = serde_json::to_vec(letter).map_err(|error| CommandError::failed(error.to_string()))?;
    run.directory.post(name, &text).map_err(|error| CommandError::file("write", run.directory.path(), &error))
}
