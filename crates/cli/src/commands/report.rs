//! `lifeboat report`.

use crate::args::ReportArguments;
use crate::error::CommandError;
use crate::home::Home;
use crate::reports;
use lifeboat_journal::outcome::PASSED;

pub(crate) fn run(home: &Home, arguments: &ReportArguments) -> Result<u8, CommandError> {
    let run = home.find(&arguments.run)?;
    let own = reports::own_templates(arguments.template.as_deref())?;
    let text = reports::text(home, &run, arguments.format, &own)?;
    reports::put(arguments.out.as_deref(), &text)?;
    Ok(PASSED)
}
