//! What is wrong with a file, where, and what to do about it.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The runbook cannot be run.
    Error,
    /// The runbook can be run, and its author should know.
    Warning,
}

/// A file as read: its name for messages, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as the user gave it, or relative to the file that names it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of mistake, such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong: a lower-case fragment that names the offending text.
    pub message: String,
    /// Where: the index of the source (0 is the file given, others are sub-runbooks) and bytes in it.
    pub source: usize,
    /// The bytes of the source it is about.
    pub range: Range<usize>,
    /// What to do; a sentence in the imperative.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error in the first source; see [`Self::warning`], [`Self::help`], [`Self::in_source`].
    pub fn error(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), source: 0, range, help: None }
    }

    /// A warning in the first source.
    pub fn warning(code: &'static str, range: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, range, message) }
    }

    /// Adds what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says that it is about another source.
    pub fn in_source(mut self, source: usize) -> Self {
        self.source = source;
        self
    }
}

/// A place in a text as people count: both from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Source {
    /// Where a byte offset is.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// The text of a line, counted from 1, without its line ending.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or("")
    }
}
