//! `lifeboat abandon`.

use crate::args::{AbandonArguments, Output};
use crate::commands::answer::append;
use crate::commands::{print_bytes, print_json, show};
use crate::error::CommandError;
use crate::home::{Home, user};
use crate::resume::{cut_torn_tail, finished, kept_plan, started};
use crate::session;
use lifeboat_engine::decide::finish;
use lifeboat_journal::event::{Actor, Draft};
use lifeboat_journal::outcome::{PASSED, Verdict};

pub(crate) fn run(home: &Home, arguments: AbandonArguments) -> Result<u8, CommandError> {
    let AbandonArguments { run, reason, output } = arguments;
    let run = home.unfinished(&run)?;
    let _lock = session::lock(&run.directory)?;
    let run = home.find(run.id.as_str())?;
    if let Some(outcome) = &run.state.outcome {
        return Err(finished(&run.id, outcome));
    }
    let catalog = crate::wiring::catalog();
    let plan = kept_plan(&run.directory, &run.state, started(&run)?.as_ref(), &catalog)?;
    let verdict = Verdict::Abandoned { by: user(), why: reason };
    let mut drafts = cut_torn_tail(&run.directory, &run.journal)?;
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
