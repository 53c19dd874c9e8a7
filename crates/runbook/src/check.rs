//! Checking: text and a catalogue become a plan, or every mistake at once.
//!
//! `reader` reads shapes by the table of [`crate::keys`]; `names` knows what expressions may refer to; `file`,
//! `steps` (with `groups`, `people`, `properties` and `beside`) build the plan; `typing` judges every expression. Nothing stops at the first mistake.

mod beside;
mod duty;
mod file;
mod groups;
mod names;
mod notify;
mod people;
mod project;
mod properties;
mod reader;
mod steps;
mod typing;

use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::node;
use crate::plan::Plan;
use crate::project::{FILE_NAME, Project};
use crate::spec::Catalog;
use chrono::NaiveDate;
use reader::Reader;

pub(crate) use duty::duty;

/// What checking gives.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The files that were read, the runbook itself first.
    pub sources: Vec<Source>,
    /// The plan; nothing if there is an error.
    pub plan: Option<Plan>,
    /// Everything that is wrong, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// What reading a file gives that is no runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// The file.
    pub source: Source,
    /// What it says; nothing if there is an error.
    pub found: Option<T>,
    /// Everything that is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where other files are read that a runbook names.
pub trait Files {
    /// The text of the file `name`, which is relative to the runbook given.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, name: &str) -> Result<String, String>;

    /// The `lifeboat.yaml` that belongs to the runbook, from its directory or the nearest one above; nothing where
    /// there is none, and the reason where it is there and cannot be read.
    fn project(&self) -> Option<Result<Source, String>> {
        None
    }
}

/// A runbook larger than this is not one (bytes).
pub const LARGEST: usize = 4 * 1024 * 1024;

/// Nobody reads more mistakes than these at once, and telling where thousands are takes long.
pub const MOST_DIAGNOSTICS: usize = 200;

/// How deep runbooks may name runbooks.
pub const DEEPEST_CLOSURE: usize = 8;

/// A source from bytes.
///
/// # Errors
/// When they are too many, or not UTF-8.
pub fn source_from_bytes(name: &str, bytes: Vec<u8>) -> Result<Source, Diagnostic> {
    if bytes.len() > LARGEST {
        let message = format!("the file is too large: a runbook has at most {} MiB", LARGEST / (1024 * 1024));
        return Err(Diagnostic::error("too-large", 0..0, message).help("is it the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error("not-utf8", 0..0, format!("the file is not UTF-8: byte {at} begins no character"))
            .help("save it as UTF-8")
    })?;
    Ok(Source { name: name.to_owned(), text })
}

/// Checks a runbook and all it names. `today` is given by `check` only, for `review`.
pub fn check(file: Source, catalog: &Catalog, files: &dyn Files, today: Option<NaiveDate>) -> Checked {
    let mut closure = Closure::new(catalog, files, today);
    // The runbook is the first source, and what it may refer to is read before it.
    let index = closure.add(file);
    closure.project();
    let plan = closure.read(index);
    closure.into_checked(plan)
}

/// Checks a `lifeboat.yaml` by itself. There is no plan in it.
pub fn check_project(file: Source, catalog: &Catalog) -> Checked {
    let mut closure = Closure::new(catalog, &Alone, None);
    let index = closure.add(file);
    closure.read_project(index);
    closure.into_checked(None)
}

/// No other files.
struct Alone;

impl Files for Alone {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("nothing is read beside it".to_owned())
    }
}

/// The files of one check.
struct Closure<'check> {
    catalog: &'check Catalog,
    files: &'check dyn Files,
    today: Option<NaiveDate>,
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
    /// The names of the files being read, the outermost first.
    open: Vec<String>,
    /// `lifeboat.yaml`.
    project: Option<Project>,
}

impl<'check> Closure<'check> {
    fn new(catalog: &'check Catalog, files: &'check dyn Files, today: Option<NaiveDate>) -> Self {
        Self {
            catalog,
            files,
            today,
            sources: Vec::new(),
            diagnostics: Vec::new(),
            open: Vec::new(),
            project: None,
        }
    }

    fn into_checked(self, plan: Option<Plan>) -> Checked {
        let Self { sources, mut diagnostics, project, .. } = self;
        diagnostics.sort_by_key(|found| (found.source, found.range.start, found.range.end));
        diagnostics.dedup();
        if diagnostics.len() > MOST_DIAGNOSTICS {
            let more = diagnostics.len() - MOST_DIAGNOSTICS;
            let first = &diagnostics[MOST_DIAGNOSTICS];
            let (range, source) = (first.range.clone(), first.source);
            diagnostics.truncate(MOST_DIAGNOSTICS);
            let message = format!("{more} more mistakes from here on are not shown");
            diagnostics.push(
                Diagnostic::error("many-mistakes", range, message)
                    .help("mend those above first")
                    .in_source(source),
            );
        }
        let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
        let plan = plan.filter(|_| !failed).map(|plan| Plan { sources: sources.clone(), project, ..plan });
        Checked { sources, plan, diagnostics }
    }

    /// Takes a file among the sources; its place there.
    fn add(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Reads `lifeboat.yaml`, where there is one.
    fn project(&mut self) {
        let source = match self.files.project() {
            None => return,
            Some(Ok(source)) => source,
            Some(Err(why)) => {
                let message = format!("{} cannot be read: {why}", FILE_NAME);
                let found = Diagnostic::error("unreadable", 0..0, message);
                self.diagnostics.push(found.help("mend it, or move the runbook away from it"));
                return;
            }
        };
        let index = self.add(source);
        self.read_project(index);
    }

    fn read_project(&mut self, index: usize) {
        let text = self.sources[index].text.clone();
        let mut found = Vec::new();
        if let Some(root) = node::parse(&text, &mut found) {
            let mut reader = Reader::new(&text, &mut found);
            self.project = Some(project::read(&mut reader, &root, self, index));
        }
        self.diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.in_source(index)));
    }

    /// Reads the runbook at this place of the sources; the plan may be half done where there are mistakes.
    fn read(&mut self, index: usize) -> Option<Plan> {
        let Source { name, text } = self.sources[index].clone();
        self.open.push(name);
        let mut found = Vec::new();
        let root = node::parse(&text, &mut found);
        let plan = root.map(|root| {
            let mut reader = Reader::new(&text, &mut found);
            file::read(&mut reader, &root, self, index)
        });
        self.diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.in_source(index)));
        self.open.pop();
        plan
    }

    /// Reads the file that a step names.
    fn sub_runbook(&mut self, name: &str) -> Result<Option<Plan>, String> {
        let path = beside(self.open.last().map_or("", String::as_str), name);
        if self.open.contains(&path) {
            return Err(format!("`{name}` names itself: {} → {path}", self.open.join(" → ")));
        }
        if self.open.len() >= DEEPEST_CLOSURE {
            return Err(format!("runbooks name runbooks more than {DEEPEST_CLOSURE} deep"));
        }
        let from_root = strip_root(self.open.first().map_or("", String::as_str), &path);
        let text = self.files.read(&from_root).map_err(|why| format!("`{name}` cannot be read: {why}"))?;
        let source = source_from_bytes(&path, text.into_bytes()).map_err(|found| found.message)?;
        let index = self.add(source);
        Ok(self.read(index))
    }
}

/// The path of `name` beside the file `from`, with `..` taken out where that can be.
fn beside(from: &str, name: &str) -> String {
    let directory = from.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let root = if directory.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// `path` as seen from the directory of the first file.
fn strip_root(first: &str, path: &str) -> String {
    let directory = first.rsplit_once('/').map_or("", |(directory, _)| directory);
    let from: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let same = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..", from.len() - same);
    up.chain(to[same..].iter().copied()).collect::<Vec<_>>().join("/")
}
