//! `lifeboat abandon`.

use crate::args::{AbandonArguments, Output};
use crate::commands::answer::append;
use crate::commands::{Globals, print_bytes, print_json, show};
use crate::connect_to::ProbeArguments;
use crate::error::CommandError;
use crate::home::{Home, ReadRun, user};
use crate::resume::{cut_torn_tail, finished, kept_plan, started};
use crate::{session, wiring};
use lifeboat_engine::decide::finish;
use lifeboat_engine::locking;
use lifeboat_engine::start::Aim;
use lifeboat_journal::event::{Actor, Cloud, Draft, EventKind, Failure};
use lifeboat_journal::outcome::{PASSED, Verdict};

/// Gives the lock of the run back. The world of a simulated one ends with it, and its lock too.
fn release(run: &ReadRun, globals: Globals) -> Result<Option<Draft>, CommandError> {
    let started = started(run)?;
    if matches!(started.cloud, Cloud::Simulated { .. }) || run.state.lock.to_release().is_none() {
        return Ok(None);
    }
    let error = session::runtime(false)?.block_on(async {
        let (own_profile, region) = (started.access.profile.clone(), Some(started.region.clone()));
        let mut wiring =
            wiring::real(globals.profile, own_profile, region, &ProbeArguments::default()).await?;
        if let Err(error) = wiring.enter(&Aim::of(&started)).await {
            return Ok(Some(error));
        }
        let Some(grip) = locking::held(&run.state, wiring.locks(), &wiring.clock) else { return Ok(None) };
        Ok::<_, CommandError>(grip.release().await.err())
    })?;
    let error = error.map(|error| Failure {
        code: error.code,
        message: error.message,
        hint: error.hint,
        refused: false,
    });
    Ok(Some(Draft::run(EventKind::LockReleased { error })))
}

pub(crate) fn run(home: &Home, arguments: AbandonArguments, globals: Globals) -> Result<u8, CommandError> {
    let AbandonArguments { run, reason, output } = arguments;
    let run = home.unfinished(&run)?;
    let _lock = session::lock(&run.directory)?;
    let run = home.find(run.id.as_str())?;
    if let Some(outcome) = &run.state.outcome {
        return Err(finished(&run.id, outcome));
    }
    let catalog = crate::wiring::catalog();
    let plan = kept_plan(&run.directory, &run.state, started(&run)?.as_ref(), &catalog)?;
    let released = release(&run, globals)?;
    let verdict = Verdict::Abandoned { by: user(), why: reason };
    let mut drafts = cut_torn_tail(&run.directory, &run.journal)?;
    drafts.extend(released);
    let ends = finish(&plan, &catalog, &run.state, verdict);
    drafts.extend(ends.into_iter().map(|kind| Draft::run(kind).by(Actor::person(user()))));
    append(&run, drafts)?;
    let run = home.find(run.id.as_str())?;
    let (events, head) = (&run.journal.events, &run.journal.head);
    match output.output {
        Output::Json => print_json(&lifeboat_report::document::document(&run.state, events, head))?,
        Output::Human => print_bytes(show::summary(&run.state, events, head).as_bytes())?,
    }
    for line in crate::orders::what_next(&run.state) {
        say!("{line}");
    }
    Ok(run.state.outcome.as_ref().map_or(PASSED, |outcome| outcome.exit_code()))
}
