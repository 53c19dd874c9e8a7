//! The one error of the binary: which exit code, and which hint.

use lifeboat_engine::action::ActionError;
use lifeboat_engine::log::JournalLost;
use lifeboat_journal::outcome;
use lifeboat_runbook::suggestion::nearest;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct CommandError {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl CommandError {
    /// The command was used wrongly, or the runbook is not valid.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: outcome::USAGE, message: message.into(), hint: None }
    }

    /// It was refused before anything was started.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: outcome::REFUSED, message: message.into(), hint: None }
    }

    /// Something that was checked does not hold.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: outcome::FAILED, message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with another exit code.
    pub(crate) fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// A file that could not be used.
    pub(crate) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let named = path.display();
        let refused = |why: &str| Self::usage(format!("cannot {doing} {named}: {why}"));
        match (error.kind(), doing) {
            (io::ErrorKind::IsADirectory, "read") => {
                refused("it is a directory").hint(format!("name files: {named}/*.yaml"))
            }
            (io::ErrorKind::NotFound, "read") => {
                let refused = refused("there is no such file");
                match nearest_file(path) {
                    Some(near) => refused.hint(format!("did you mean `{}`?", near.display())),
                    None => refused.hint("look at the path: a relative one begins where you are"),
                }
            }
            (io::ErrorKind::PermissionDenied, _) => {
                refused("it is not permitted").hint("look at who owns it, or name another place")
            }
            (io::ErrorKind::StorageFull, _) => {
                refused("the disk is full").hint("make room, or name another place")
            }
            (_, "write" | "list") => refused(&error.to_string())
                .hint("runs are kept in the home directory: --home DIR or LIFEBOAT_HOME names another place"),
            _ => refused(&error.to_string()),
        }
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        self.tell();
        ExitCode::from(self.code)
    }

    /// Tells the user.
    pub(crate) fn tell(&self) {
        say!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            say!("  help: {hint}");
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// The file beside the one that is not there whose name is most like it.
fn nearest_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let listed = std::fs::read_dir(directory.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> =
        listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).take(MOST_FILES).collect();
    let near = nearest(name, names.iter().map(String::as_str))?;
    Some(path.with_file_name(near))
}

/// In how many files a name like the one given is looked for.
const MOST_FILES: usize = 1_000;

impl From<ActionError> for CommandError {
    fn from(error: ActionError) -> Self {
        let refused = Self::refused(error.message);
        match error.hint {
            Some(hint) => refused.hint(hint),
            None => refused,
        }
    }
}

impl From<JournalLost> for CommandError {
    fn from(lost: JournalLost) -> Self {
        let cause = lost.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self { code: outcome::PAUSED, message: format!("{lost}{cause}"), hint: None }
            .hint("free the disk or its permissions; the run stands where its journal ends")
    }
}
