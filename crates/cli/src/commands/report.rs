//! `lifeboat report`.

use crate::args::{ReportArguments, ReportFormat};
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::home::Home;
use lifeboat_journal::outcome::PASSED;
use lifeboat_report::{document, markdown};
use std::fs;

pub(crate) fn run(home: &Home, arguments: &ReportArguments) -> Result<u8, CommandError> {
    let run = home.find(&arguments.run)?;
    let (events, head) = (&run.journal.events, &run.journal.head);
    let text = match arguments.format {
        ReportFormat::Md => {
            let own = own_template(arguments, "drill.md")?;
            markdown::markdown(&run.state, events, head, own.as_deref())
                .map_err(|error| CommandError::failed(format!("the report could not be made: {error}")))?
        }
        ReportFormat::Json => {
            let document = document::document(&run.state, events, head);
            let text = serde_json::to_string_pretty(&document);
            text.map_err(|error| CommandError::failed(format!("no JSON: {error}")))? + "\n"
        }
    };
    match &arguments.out {
        None => print_bytes(text.as_bytes())?,
        Some(path) => {
            fs::write(path, text).map_err(|error| CommandError::file("write", path, &error))?;
            say!("written to {}", path.display());
        }
    }
    Ok(PASSED)
}

fn own_template(arguments: &ReportArguments, name: &str) -> Result<Option<String>, CommandError> {
    let Some(directory) = &arguments.template else { return Ok(None) };
    let path = directory.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory.is_dir() => Ok(None),
        Err(error) => Err(CommandError::file("read", &path, &error)),
    }
}
