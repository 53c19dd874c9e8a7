//! `lifeboat drill`, `lifeboat run` and `lifeboat resume`.

use crate::args::{DrillArguments, ResumeArguments, RunArguments};
use crate::error::CommandError;
use crate::home::Home;
use crate::session::{self, Request, Resumption, Screen};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::units;
use std::collections::BTreeSet;

/// Options that stand before or behind every command.
pub(crate) struct Globals {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) quiet: bool,
}

pub(crate) fn drill(home: &Home, arguments: DrillArguments, globals: Globals) -> Result<u8, CommandError> {
    let DrillArguments { start, simulate, seed, confirm } = arguments;
    let simulate = match simulate {
        None => None,
        Some(world) => Some((world, seed.map_or_else(draw_seed, Ok)?)),
    };
    let request = Request {
        mode: Mode::Drill,
        simulate,
        disrupted_at: None,
        confirmed: BTreeSet::new(),
        confirmed_account: confirm,
        profile: globals.profile,
        region: globals.region,
        quiet: globals.quiet,
    };
    session::run(home, &start, request)
}

pub(crate) fn recover(home: &Home, arguments: RunArguments, globals: Globals) -> Result<u8, CommandError> {
    let RunArguments { start, disrupted_at, confirm_destroy } = arguments;
    let disrupted_at = match disrupted_at {
        None => None,
        Some(text) => Some(units::parse_time(&text).ok_or_else(|| {
            CommandError::usage(format!("--disrupted-at `{text}` is not a time"))
                .hint("write it in RFC 3339 with a zone: 2026-01-05T09:00:00Z")
        })?),
    };
    let request = Request {
        mode: Mode::Recovery,
        simulate: None,
        disrupted_at,
        confirmed: confirm_destroy.into_iter().collect(),
        confirmed_account: None,
        profile: globals.profile,
        region: globals.region,
        quiet: globals.quiet,
    };
    session::run(home, &start, request)
}

pub(crate) fn resume(home: &Home, arguments: ResumeArguments, globals: Globals) -> Result<u8, CommandError> {
    let ResumeArguments { run, confirm_destroy, probes, output } = arguments;
    let resumption = Resumption {
        run: home.unfinished(&run)?,
        confirmed: confirm_destroy.into_iter().collect(),
        profile: globals.profile,
        probes,
        screen: Screen { output: output.output, quiet: globals.quiet },
    };
    session::resume(home, resumption)
}

/// A seed that is easy to type again.
fn draw_seed() -> Result<u64, CommandError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes)
        .map_err(|error| CommandError::failed(format!("the system gives no random numbers: {error}")))?;
    Ok(u64::from(u32::from_le_bytes(bytes)))
}
