//! `lifeboat resume`.

use crate::args::ResumeArguments;
use crate::commands::Globals;
use crate::error::CommandError;
use crate::home::Home;
use crate::orders::{Orders, pairs};
use crate::resume::{Purpose, TakeUp, take_up};
use crate::session::Screen;
use lifeboat_runbook::units;

pub(crate) fn run(home: &Home, arguments: ResumeArguments, globals: Globals) -> Result<u8, CommandError> {
    let ResumeArguments {
        run,
        retry,
        skip,
        done,
        set_output,
        adopt,
        amended,
        accept,
        reason,
        break_lock,
        confirm_destroy,
        answers,
        roles,
        downtime,
        probes,
        showing,
        output,
    } = arguments;
    let downtime = match downtime {
        None => None,
        Some(text) => Some(units::parse_duration(&text).ok_or_else(|| {
            CommandError::usage(format!("--downtime `{text}` is not a duration"))
                .hint("write it as 90s or 10m")
        })?),
    };
    let broken_for = break_lock.then(|| reason.clone().unwrap_or_default());
    let adopt = pairs(&adopt)?;
    let orders = Orders { retry, skip, done, set_output, adopted: None, accept, reason, amended: false };
    let run = home.unfinished(&run)?;
    let purpose = Purpose::Resume { orders: Box::new(orders), adopt, amended };
    let confirmed = confirm_destroy.into_iter().collect();
    let screen = Screen::of(home, &globals, output.output, &showing)?;
    let take = TakeUp::new(run, purpose, globals, output.output);
    let roles = roles.by_role();
    take_up(home, TakeUp { confirmed, answers, roles, downtime, probes, screen, broken_for, ..take })
}
