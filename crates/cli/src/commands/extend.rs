//! `lifeboat extend`.

use crate::args::ExtendArguments;
use crate::commands::abort::{held, post};
use crate::commands::answer::append;
use crate::error::CommandError;
use crate::home::{Home, ReadRun, user};
use crate::inbox::Letter;
use crate::orders::more_time;
use crate::resume::{cut_torn_tail, finished, kept_plan, started};
use crate::session;
use lifeboat_journal::outcome::PASSED;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::units;

pub(crate) fn run(home: &Home, arguments: ExtendArguments) -> Result<u8, CommandError> {
    let ExtendArguments { run, step, time, reason } = arguments;
    let more = units::parse_duration(&time).filter(|more| *more > chrono::TimeDelta::zero());
    let more = more.ok_or_else(|| {
        CommandError::usage(format!("`{time}` is not a length of time")).hint("write it as 30m or 2h")
    })?;
    let seconds = more.num_milliseconds() as f64 / 1000.0;
    let run = home.unfinished(&run)?;
    let step = step_of(&run, &step)?;
    if let Some(holder) = held(&run)? {
        let letter = Letter::Extend { by: user(), step: step.clone(), seconds, reason };
        post(&run, &format!("extend-{}", std::process::id()), &letter)?;
        say!("{holder} is told: {step} has {time} more");
        return Ok(PASSED);
    }
    let _lock = session::lock(&run.directory)?;
    let run = home.find(run.id.as_str())?;
    let step = step_of(&run, step.as_str())?;
    let mut drafts = cut_torn_tail(&run.directory, &run.journal)?;
    drafts.push(more_time(&step, seconds, reason.as_deref(), &user()));
    append(&run, drafts)?;
    say!("{step} has {time} more; go on with: lifeboat resume {}", run.id);
    Ok(PASSED)
}

/// The step that is meant, if it can still use the time.
fn step_of(run: &ReadRun, name: &str) -> Result<StepPath, CommandError> {
    if let Some(outcome) = &run.state.outcome {
        return Err(finished(&run.id, outcome));
    }
    let catalog = crate::wiring::catalog();
    let plan = kept_plan(&run.directory, &run.state, started(run)?.as_ref(), &catalog)?;
    let path = crate::orders::named(&plan, &run.state, name)?;
    let status = run.state.step(&path).status;
    if status.is_over() {
        return Err(CommandError::usage(format!("{path} is over: {}", status.word()))
            .hint("only a step that is under way, or that asks, has a use for more time"));
    }
    Ok(path)
}
