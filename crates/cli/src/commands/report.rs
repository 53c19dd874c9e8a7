//! `lifeboat report`.

use crate::args::ReportArguments;
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::home::Home;
use crate::reports;
use lifeboat_journal::outcome::PASSED;
use std::fs;

pub(crate) fn run(home: &Home, arguments: &ReportArguments) -> Result<u8, CommandError> {
    let run = home.find(&arguments.run)?;
    let own = reports::own_templates(arguments.template.as_deref())?;
    let text = reports::text(home, &run, arguments.format, &own)?;
    match &arguments.out {
        None => print_bytes(text.as_bytes())?,
        Some(path) => {
            fs::write(path, text).map_err(|error| CommandError::file("write", path, &error))?;
            say!("written to {}", path.display());
        }
    }
    Ok(PASSED)
}
