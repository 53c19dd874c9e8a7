//! Reports of a run in every form, from its directory and those beside it; and those that a run leaves behind (`--report`).

use crate::args::ReportFormat;
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::home::{Home, ReadRun};
use lifeboat_report::page::Page;
use lifeboat_report::record::{Earlier, Record, Source};
use lifeboat_report::render::{Form, OwnTemplate, render};
use lifeboat_report::{document, export, junit, timeline};
use lifeboat_runbook::id::RunId;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// The report of a run in this form.
pub(crate) fn text(
    home: &Home,
    run: &ReadRun,
    format: ReportFormat,
    own: &[OwnTemplate],
) -> Result<String, CommandError> {
    let sources = sources(run)?;
    let earlier = match format {
        ReportFormat::Html | ReportFormat::Md => earlier(home, run)?,
        _ => Vec::new(),
    };
    let (events, head) = (run.journal.events.as_slice(), run.journal.head.as_str());
    let record = Record { state: &run.state, events, head, sources: &sources, earlier: &earlier };
    let laid_out = |form| render(form, &Page::of(&record), own).map_err(|error| failed(&error));
    match format {
        ReportFormat::Md => laid_out(Form::Markdown),
        ReportFormat::Html => laid_out(Form::Html),
        ReportFormat::Json => {
            let document = document::document(&run.state, events, head);
            let text = serde_json::to_string_pretty(&document).map_err(|error| failed(&error))?;
            Ok(text + "\n")
        }
        ReportFormat::Junit => junit::junit(&record).map_err(|error| failed(&error)),
        ReportFormat::Csv => export::csv(&timeline::timeline(events)).map_err(|error| failed(&error)),
        ReportFormat::Timesketch => {
            let rows = timeline::timeline(events);
            let rows = rows.iter().map(|row| (row, run.id.as_str()));
            export::timesketch(rows).map_err(|error| failed(&error))
        }
    }
}

/// The forms that `--report` writes, with the ending of their files.
const WRITTEN: [(ReportFormat, &str); 4] = [
    (ReportFormat::Html, "html"),
    (ReportFormat::Md, "md"),
    (ReportFormat::Json, "json"),
    (ReportFormat::Junit, "junit.xml"),
];

/// Where the reports of a run are written when it is over.
#[derive(Clone)]
pub(crate) struct Place {
    home: Home,
    directory: PathBuf,
}

impl Place {
    /// Makes the directory, before anything is begun.
    pub(crate) fn make(home: &Home, directory: &Path) -> Result<Self, CommandError> {
        fs::create_dir_all(directory).map_err(|error| CommandError::file("make", directory, &error))?;
        Ok(Self { home: home.clone(), directory: directory.to_owned() })
    }
}

/// Writes the reports of a run, named by the run.
pub(crate) fn write(Place { home, directory }: &Place, run: &RunId) -> Result<(), CommandError> {
    let run = home.find(run.as_str())?;
    for (format, ending) in WRITTEN {
        let path = directory.join(format!("{}.{ending}", run.id));
        let text = text(home, &run, format, &[])?;
        fs::write(&path, text).map_err(|error| CommandError::file("write", &path, &error))?;
    }
    let endings = WRITTEN.map(|(_, ending)| ending).join(", ");
    say!("reports: {} ({endings})", directory.join(run.id.as_str()).display());
    Ok(())
}

/// Writes a report to a file, or to standard output.
pub(crate) fn put(out: Option<&Path>, text: &str) -> Result<(), CommandError> {
    let Some(path) = out else { return print_bytes(text.as_bytes()) };
    fs::write(path, text).map_err(|error| CommandError::file("write", path, &error))?;
    say!("written to {}", path.display());
    Ok(())
}

/// The files of a directory that stand before Lifeboat's own templates.
pub(crate) fn own_templates(directory: Option<&Path>) -> Result<Vec<OwnTemplate>, CommandError> {
    let Some(directory) = directory else { return Ok(Vec::new()) };
    let unread = |error| CommandError::file("read", directory, &error);
    let mut own = Vec::new();
    for entry in fs::read_dir(directory).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let is_template =
            path.extension().is_some_and(|ending| ["md", "html", "css"].iter().any(|known| ending == *known));
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| is_template) else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(|error| CommandError::file("read", &path, &error))?;
        own.push(OwnTemplate { name: name.to_owned(), text });
    }
    if own.is_empty() {
        let text = format!("no template in {}", directory.display());
        return Err(CommandError::usage(text)
            .hint("it should hold drill.md, drill.html, style.css or what these include"));
    }
    Ok(own)
}

/// The runbook as it was run; versions it was amended to stand behind it.
pub(crate) fn sources(run: &ReadRun) -> Result<Vec<Source>, CommandError> {
    let started = run.state.started.iter().flat_map(|started| started.sources.iter());
    let started = started
        .enumerate()
        .map(|(index, source)| (run.directory.source("sources", index), source.name.clone()));
    let amended = run.state.amended.iter().flat_map(|amended| {
        let named = amended.sources.iter().enumerate();
        named.map(|(index, source)| {
            (run.directory.source(&amended.kept_in, index), format!("{} ({})", source.name, amended.kept_in))
        })
    });
    let read = |(path, name): (std::path::PathBuf, String)| match fs::read_to_string(&path) {
        Ok(text) => Some(Ok(Source { name, text })),
        // A run that was refused before its sources were kept has none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(CommandError::file("read", &path, &error))),
    };
    started.chain(amended).filter_map(read).collect()
}

/// The runs before this one that it can be compared with.
fn earlier(home: &Home, run: &ReadRun) -> Result<Vec<Earlier>, CommandError> {
    let runs = home.runs()?;
    let before = runs.iter().filter_map(|other| other.as_ref().ok()).take_while(|other| other.id != run.id);
    Ok(before
        .filter(|other| Earlier::is_comparable(&other.state, &run.state))
        .map(|other| Earlier::of(&other.state))
        .collect())
}

pub(crate) fn failed(error: &dyn Error) -> CommandError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    CommandError::failed(format!("the report could not be made: {error}{cause}"))
}
