//! The one error of the binary: which exit code, and which hint.

use lifeboat_engine::action::ActionError;
use lifeboat_engine::log::JournalLost;
use lifeboat_journal::outcome;
use std::error::Error;
use std::io;
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
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let refused = Self::usage(format!("cannot {doing} {}: {error}", path.display()));
        match error.kind() {
            io::ErrorKind::IsADirectory => refused.hint(format!("name files: {}/*.yaml", path.display())),
            _ => refused,
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
