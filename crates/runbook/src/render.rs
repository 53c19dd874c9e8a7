//! A diagnostic as people read it: what, where, the line with a marker, and what to do.

use crate::diagnostic::{Diagnostic, Severity, Source};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI escapes.
    Ansi,
}

/// No terminal shows a longer line well; what is cut is far from the mark.
const WIDEST: usize = 160;

/// Renders one diagnostic; it ends with a newline.
pub fn render(diagnostic: &Diagnostic, sources: &[Source], color: Color) -> String {
    let (word, code) = match diagnostic.severity {
        Severity::Error => ("error", "31"),
        Severity::Warning => ("warning", "33"),
    };
    let head = paint(&format!("{word}[{}]", diagnostic.code), code, color);
    let mut text = format!("{head}: {}\n", diagnostic.message);
    if let Some(source) = sources.get(diagnostic.source) {
        text.push_str(&place(diagnostic, source, code, color));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("   = help: {help}\n"));
    }
    text
}

fn paint(text: &str, code: &str, color: Color) -> String {
    match color {
        Color::Never => text.to_owned(),
        Color::Ansi => format!("\u{1b}[1;{code}m{text}\u{1b}[0m"),
    }
}

fn place(diagnostic: &Diagnostic, source: &Source, code: &str, color: Color) -> String {
    let start = source.position(diagnostic.range.start);
    let end = source.position(diagnostic.range.end);
    let line: Vec<char> =
        source.line(start.line).chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    let from = start.column - 1;
    let to = if end.line == start.line { end.column - 1 } else { line.len() };
    let marked = to.saturating_sub(from).max(1);
    let cut = if from > WIDEST / 2 { from - WIDEST / 4 } else { 0 };
    let shown: String = line.iter().skip(cut).take(WIDEST).collect();
    let lead = if cut > 0 { "…" } else { "" };
    let tail = if line.len() > cut + WIDEST { "…" } else { "" };
    let number = start.line.to_string();
    let margin = " ".repeat(number.len());
    let blank = " ".repeat(from - cut + lead.chars().count());
    let marker = paint(&"^".repeat(marked.min(WIDEST)), code, color);
    format!(
        "{margin}--> {}:{}:{}\n{margin} |\n{number} | {lead}{shown}{tail}\n{margin} | {blank}{marker}\n",
        source.name, start.line, start.column
    )
}
