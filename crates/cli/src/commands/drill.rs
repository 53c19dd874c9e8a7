//! `lifeboat drill` and `lifeboat run`.

use crate::args::{DrillArguments, RunArguments, StartArguments};
use crate::commands::Globals;
use crate::error::CommandError;
use crate::home::Home;
use crate::pace::Pace;
use crate::session::{self, Request, Screen, Simulation};
use crate::terminal;
use chrono::{DateTime, Utc};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::units;

pub(crate) fn drill(home: &Home, arguments: DrillArguments, globals: Globals) -> Result<u8, CommandError> {
    let DrillArguments { mut start, tabletop, clock_rate, confirm } = arguments;
    if tabletop {
        set_the_table(&mut start, clock_rate)?;
    }
    let request =
        Request { confirmed_account: confirm, tabletop, ..request(home, Mode::Drill, &start, globals)? };
    session::run(home, &start, request)
}

/// A tabletop exercise is simulated, and its clock goes on while people think.
fn set_the_table(start: &mut StartArguments, clock_rate: f64) -> Result<(), CommandError> {
    if start.showing.pace != Pace::Instant {
        return Err(
            CommandError::usage("--pace has no meaning in a tabletop exercise").hint("use --clock-rate")
        );
    }
    if !terminal::is_here() {
        return Err(CommandError::usage(
            "a tabletop exercise asks people, and there is no terminal to ask on",
        )
        .hint("without one, --simulate with --answers answers in advance"));
    }
    start.simulate.get_or_insert_with(|| "default".to_owned());
    start.showing.pace = Pace::times(clock_rate)
        .ok_or_else(|| CommandError::usage("--clock-rate is a number from 0.1 to 1000000"))?;
    Ok(())
}

pub(crate) fn recover(home: &Home, arguments: RunArguments, globals: Globals) -> Result<u8, CommandError> {
    let RunArguments { start, disrupted_at, confirm_destroy, accept } = arguments;
    let disrupted_at = disrupted_at.as_deref().map(moment).transpose()?;
    let request = Request {
        disrupted_at,
        confirmed: confirm_destroy.into_iter().collect(),
        accepted: accept,
        ..request(home, Mode::Recovery, &start, globals)?
    };
    session::run(home, &start, request)
}

/// The moment that `--disrupted-at` names.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, CommandError> {
    units::parse_time(text).ok_or_else(|| {
        CommandError::usage(format!("--disrupted-at `{text}` is not a time"))
            .hint("write it in RFC 3339 with a zone: 2026-01-05T09:00:00Z")
    })
}

fn request(
    home: &Home,
    mode: Mode,
    start: &StartArguments,
    globals: Globals,
) -> Result<Request, CommandError> {
    if start.simulate.is_none() && start.showing.pace != Pace::Instant {
        return Err(CommandError::usage("--pace is for simulated runs; AWS takes the time it takes")
            .hint("add --simulate to rehearse on the simulated AWS"));
    }
    Ok(Request {
        mode,
        tabletop: false,
        simulate: Simulation::of(start)?,
        accepted: Vec::new(),
        reason: start.reason.clone(),
        disrupted_at: None,
        confirmed: Default::default(),
        confirmed_account: None,
        until: start.until.clone(),
        screen: Screen::of(home, &globals, start.output, &start.showing)?,
        profile: globals.profile,
        region: globals.region,
    })
}
