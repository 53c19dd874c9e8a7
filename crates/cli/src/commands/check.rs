//! `lifeboat check`: every mistake, offline, in four forms.

use crate::args::{CheckArguments, CheckFormat, ColorChoice};
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use crate::home::environment;
use chrono::NaiveDate;
use lifeboat_journal::event::SourceDigest;
use lifeboat_journal::file::RunDirectory;
use lifeboat_journal::outcome::{PASSED, USAGE};
use lifeboat_runbook::check::{Checked, Files, LARGEST, check, check_project, source_from_bytes};
use lifeboat_runbook::diagnostic::{Diagnostic, Severity, Source};
use lifeboat_runbook::project;
use lifeboat_runbook::render::{self, Color};
use lifeboat_runbook::spec::Catalog;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Component, Path, PathBuf};

pub(crate) fn run(arguments: &CheckArguments, color: Color) -> Result<u8, CommandError> {
    let catalog = crate::wiring::catalog();
    let today = Some(today());
    let checked = arguments
        .files
        .iter()
        .map(|file| check_file(file, &catalog, today))
        .collect::<Result<Vec<_>, CommandError>>()?;
    match arguments.format {
        CheckFormat::Human => print_human(&checked, color)?,
        CheckFormat::Json => print_json(&entries(&checked, entry))?,
        CheckFormat::Sarif => print_json(&sarif(&checked))?,
        CheckFormat::Github => print_bytes(entries(&checked, annotation).concat().as_bytes())?,
    }
    let errors = checked.iter().flat_map(|checked| &checked.diagnostics);
    let errors = errors.filter(|found| found.severity == Severity::Error).count() > 0;
    Ok(if errors { USAGE } else { PASSED })
}

/// Whether to colour what goes to standard output.
pub(crate) fn colored(choice: ColorChoice) -> Color {
    let colored = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && environment("NO_COLOR").is_none(),
    };
    if colored { Color::Ansi } else { Color::Never }
}

/// `review.every` is judged on the real today, here only.
fn today() -> NaiveDate {
    lifeboat_engine::clock::Clock::real().now().date_naive()
}

/// Reads and checks one file and those it names. What cannot be read at all is an error; what can is diagnosed.
pub(crate) fn check_file(
    file: &Path,
    catalog: &Catalog,
    today: Option<NaiveDate>,
) -> Result<Checked, CommandError> {
    let unreadable = |error| CommandError::file("read", file, &error);
    // One byte more than is allowed: what is too large is told so without being read to its end.
    let mut bytes = Vec::new();
    let mut limited = fs::File::open(file).map_err(unreadable)?.take(LARGEST as u64 + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    let directory = file.parent().map(Path::to_owned).unwrap_or_default();
    Ok(match source_from_bytes(&source_name(file), bytes) {
        Ok(source) if file.file_name().is_some_and(|name| name == project::FILE_NAME) => {
            check_project(source, catalog)
        }
        Ok(source) => check(source, catalog, &Directory(directory), today),
        Err(diagnostic) => {
            let source = Source { name: source_name(file), text: String::new() };
            Checked { sources: vec![source], plan: None, diagnostics: vec![diagnostic] }
        }
    })
}

/// Checks a runbook as it was kept with its run.
pub(crate) fn check_kept(
    bytes: Vec<u8>,
    directory: &RunDirectory,
    kept_in: &str,
    sources: &[SourceDigest],
    catalog: &Catalog,
) -> Checked {
    let name = sources.first().map_or("", |source| source.name.as_str());
    match source_from_bytes(name, bytes) {
        Ok(source) => check(source, catalog, &Kept { directory, kept_in, sources }, None),
        Err(diagnostic) => Checked { sources: Vec::new(), plan: None, diagnostics: vec![diagnostic] },
    }
}

/// The sources kept with a run, by the names they had.
struct Kept<'run> {
    directory: &'run RunDirectory,
    kept_in: &'run str,
    sources: &'run [SourceDigest],
}

impl Files for Kept<'_> {
    fn read(&self, name: &str) -> Result<String, String> {
        let index = self.sources.iter().position(|known| known.name == name);
        let index = index.ok_or("it was not kept with the run")?;
        fs::read_to_string(self.directory.source(self.kept_in, index)).map_err(|error| error.to_string())
    }

    fn project(&self) -> Option<Result<Source, String>> {
        let name = self.sources.iter().map(|source| &source.name).find(|name| project::is_its_name(name))?;
        Some(self.read(name).map(|text| Source { name: name.clone(), text }))
    }
}

/// The name as given, so that an editor or a terminal can open it; an absolute path says nothing that the record
/// of a run needs, and would differ from machine to machine.
pub(crate) fn source_name(file: &Path) -> String {
    let name = if file.is_absolute() {
        file.file_name().map(PathBuf::from).unwrap_or_default()
    } else {
        file.to_owned()
    };
    name.display().to_string()
}

/// Sub-runbooks lie beside the runbook that names them.
struct Directory(PathBuf);

impl Files for Directory {
    fn read(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(name)).map_err(|error| error.to_string())
    }

    /// The nearest one, from the runbook's directory upwards, not beyond the repository: what lies above belongs to
    /// others.
    fn project(&self) -> Option<Result<Source, String>> {
        let mut here = self.0.clone();
        loop {
            let file = here.join(project::FILE_NAME);
            match fs::read(&file) {
                Ok(bytes) => {
                    let read = source_from_bytes(&source_name(&file), bytes);
                    return Some(read.map_err(|diagnostic| diagnostic.message));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Some(Err(error.to_string())),
            }
            let is_top =
                here.join(".git").exists() || here.canonicalize().is_ok_and(|it| it.parent().is_none());
            if is_top || !here.join("..").exists() && !here.as_os_str().is_empty() {
                return None;
            }
            here = above(&here);
        }
    }
}

/// The directory above, written as shortly as it can be.
fn above(directory: &Path) -> PathBuf {
    match directory.components().next_back() {
        Some(Component::Normal(_)) => directory.parent().map(Path::to_owned).unwrap_or_default(),
        _ => directory.join(".."),
    }
}

/// A diagnostic as a terminal shows it, without colour.
pub(crate) fn human(diagnostic: &Diagnostic, sources: &[Source]) -> String {
    render::render(diagnostic, sources, Color::Never)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn print_human(checked: &[Checked], color: Color) -> Result<(), CommandError> {
    let mut text = String::new();
    let (mut errors, mut warnings) = (0, 0);
    for checked in checked {
        for diagnostic in &checked.diagnostics {
            text.push_str(&render::render(diagnostic, &checked.sources, color));
            text.push('\n');
            match diagnostic.severity {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
        }
    }
    let files = checked.len();
    let verdict = if errors == 0 { "can be run" } else { "not all can be run" };
    text.push_str(&format!(
        "{files} checked: {}, {}; {verdict}\n",
        count(errors, "error"),
        count(warnings, "warning")
    ));
    print_bytes(text.as_bytes())
}

fn entries<T>(checked: &[Checked], entry: impl Fn(&Diagnostic, &Source) -> T) -> Vec<T> {
    let of_file = |checked: &Checked| -> Vec<T> {
        let known = checked
            .diagnostics
            .iter()
            .filter_map(|diagnostic| Some(entry(diagnostic, checked.sources.get(diagnostic.source)?)));
        known.collect()
    };
    checked.iter().flat_map(of_file).collect()
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn entry(diagnostic: &Diagnostic, source: &Source) -> Value {
    let (start, end) = (source.position(diagnostic.range.start), source.position(diagnostic.range.end));
    json!({
        "severity": severity(diagnostic),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": source.name,
        "start": { "line": start.line, "column": start.column, "byte": diagnostic.range.start },
        "end": { "line": end.line, "column": end.column, "byte": diagnostic.range.end },
    })
}

/// SARIF 2.1.0 (OASIS), as code scanning services take it.
fn sarif(checked: &[Checked]) -> Value {
    let mut rules: Vec<&str> =
        checked.iter().flat_map(|checked| &checked.diagnostics).map(|found| found.code).collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<Value> = rules.into_iter().map(|id| json!({ "id": id })).collect();
    let results = entries(checked, |diagnostic, source| {
        let (start, end) = (source.position(diagnostic.range.start), source.position(diagnostic.range.end));
        json!({
            "ruleId": diagnostic.code,
            "level": severity(diagnostic),
            "message": { "text": with_help(diagnostic) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": source.name },
                "region": { "startLine": start.line, "startColumn": start.column,
                            "endLine": end.line, "endColumn": end.column },
            } }],
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "lifeboat", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn with_help(diagnostic: &Diagnostic) -> String {
    match &diagnostic.help {
        Some(help) => format!("{}; {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// A workflow command of GitHub Actions: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.
fn annotation(diagnostic: &Diagnostic, source: &Source) -> String {
    let (start, end) = (source.position(diagnostic.range.start), source.position(diagnostic.range.end));
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let end_column =
        if end.line == start.line { format!(",endColumn={}", end.column) } else { String::new() };
    format!(
        "::{} file={},line={},endLine={},col={}{end_column},title={}::{}\n",
        severity(diagnostic),
        property(&source.name),
        start.line,
        end.line,
        start.column,
        property(diagnostic.code),
        data(&with_help(diagnostic))
    )
}
