//! `lifeboat report`, and the reports that a run leaves behind (`--report DIR`).

use crate::args::{ReportArguments, ReportFormat};
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::home::Home;
use lifeboat_journal::event::Event;
use lifeboat_journal::outcome::PASSED;
use lifeboat_journal::state::RunState;
use lifeboat_report::{document, markdown};
use std::fs;
use std::path::Path;

/// The forms that `--report` writes, with the ending of their files.
const WRITTEN: [(ReportFormat, &str); 2] = [(ReportFormat::Md, "md"), (ReportFormat::Json, "json")];

pub(crate) fn run(home: &Home, arguments: &ReportArguments) -> Result<u8, CommandError> {
    let run = home.find(&arguments.run)?;
    let (events, head) = (&run.journal.events, &run.journal.head);
    let text = render(arguments.format, &run.state, events, head, arguments.template.as_deref())?;
    match &arguments.out {
        None => print_bytes(text.as_bytes())?,
        Some(path) => {
            fs::write(path, text).map_err(|error| CommandError::file("write", path, &error))?;
            say!("written to {}", path.display());
        }
    }
    Ok(PASSED)
}

/// Writes the reports of a run into a directory, named by the run.
pub(crate) fn write_reports(
    directory: &Path,
    state: &RunState,
    events: &[Event],
    head: &str,
) -> Result<(), CommandError> {
    let run = state.run.as_ref().map(ToString::to_string).unwrap_or_default();
    for (format, ending) in WRITTEN {
        let path = directory.join(format!("{run}.{ending}"));
        let text = render(format, state, events, head, None)?;
        fs::write(&path, text).map_err(|error| CommandError::file("write", &path, &error))?;
        say!("written to {}", path.display());
    }
    Ok(())
}

/// A report of a run in one of its forms; `own` is a directory of templates that stand before Lifeboat's.
fn render(
    format: ReportFormat,
    state: &RunState,
    events: &[Event],
    head: &str,
    own: Option<&Path>,
) -> Result<String, CommandError> {
    match format {
        ReportFormat::Md => {
            let own = own_template(own, "drill.md")?;
            markdown::markdown(state, events, head, own.as_deref())
                .map_err(|error| CommandError::failed(format!("the report could not be made: {error}")))
        }
        ReportFormat::Json => {
            let document = document::document(state, events, head);
            let text = serde_json::to_string_pretty(&document);
            Ok(text.map_err(|error| CommandError::failed(format!("no JSON: {error}")))? + "\n")
        }
    }
}

fn own_template(directory: Option<&Path>, name: &str) -> Result<Option<String>, CommandError> {
    let Some(directory) = directory else { return Ok(None) };
    let path = directory.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && directory.is_dir() => Ok(None),
        Err(error) => Err(CommandError::file("read", &path, &error)),
    }
}
