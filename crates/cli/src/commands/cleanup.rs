//! `lifeboat cleanup`.

use crate::args::CleanupArguments;
use crate::commands::Globals;
use crate::error::CommandError;
use crate::home::Home;
use crate::resume::{Purpose, TakeUp, started, take_up};
use crate::session::consent_to_delete;
use lifeboat_journal::outcome::{PASSED, Verdict};
use lifeboat_runbook::plan::Mode;

pub(crate) fn run(home: &Home, arguments: CleanupArguments, globals: Globals) -> Result<u8, CommandError> {
    let CleanupArguments { run, amended, reason, yes, output } = arguments;
    let run = home.find(&run)?;
    let recovery = started(&run)?.mode == Mode::Recovery;
    let passed = run.state.outcome.as_ref().is_some_and(|outcome| outcome.verdict == Verdict::Passed);
    if recovery && passed {
        return Err(CommandError::refused(format!(
            "{} is a recovery that passed: what it made is in use",
            run.id
        )));
    }
    if run.state.outcome.is_some() && run.state.left().next().is_none() {
        say!("nothing is left of {}: {} made, all seen gone", run.id, run.state.created.len());
        return Ok(PASSED);
    }
    if recovery && run.state.outcome.is_some() {
        consent_to_delete(&run.state, yes)?;
    }
    let purpose = Purpose::Cleanup { amended: amended.zip(reason) };
    take_up(home, TakeUp::new(run, purpose, globals, output.output))
}
