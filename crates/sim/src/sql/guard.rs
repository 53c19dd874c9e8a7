//! Refuses what SQLite would answer, but not as PostgreSQL does.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{SqlError, time_text};

/// What depends on something else than the world, or means something else in PostgreSQL, with what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("current_date", "use now()"),
    ("current_time", "use now()"),
    ("current_timestamp", "use now()"),
    ("date", "use now() and compare times as they are"),
    ("datetime", "use now() and compare times as they are"),
    ("julianday", "use now() and compare times as they are"),
    ("random", "the simulated world is the same each time"),
    ("randomblob", "the simulated world is the same each time"),
    ("sqlite_master", "it is a table of SQLite"),
    ("sqlite_schema", "it is a table of SQLite"),
    ("strftime", "use now() and compare times as they are"),
    ("time", "use now() and compare times as they are"),
    ("unixepoch", "use now() and compare times as they are"),
];

/// The words of a statement, lower-case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words(BTreeSet<String>);

impl Words {
    /// Whether the statement names this.
    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(&word.to_ascii_lowercase())
    }
}

/// Reads a statement's words and literals.
///
/// # Errors
/// When it holds something that SQLite would answer differently.
pub(super) fn check(sql: &str) -> Result<Words, SqlError> {
    let mut words = Words::default();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' => {
                let (literal, length) = quoted(rest, '\'');
                check_literal(&literal)?;
                length
            }
            '"' => {
                let (name, length) = quoted(rest, '"');
                words.0.insert(name.to_ascii_lowercase());
                length
            }
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if first.is_alphabetic() || first == '_' => {
                let end =
                    rest.find(|each: char| !each.is_alphanumeric() && each != '_').unwrap_or(rest.len());
                words.0.insert(rest[..end].to_ascii_lowercase());
                end
            }
            _ => first.len_utf8(),
        };
        rest = &rest[taken..];
    }
    match REFUSED.iter().find(|(word, _)| words.has(word)) {
        Some((word, instead)) => Err(SqlError::Unanswerable(format!("{word} is not simulated; {instead}"))),
        None => Ok(words),
    }
}

/// The text between quotes, and how long it is with them.
fn quoted(text: &str, quote: char) -> (String, usize) {
    let mut inner = String::new();
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            inner.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            inner.push(quote);
        } else {
            return (inner, at + quote.len_utf8());
        }
    }
    (inner, text.len())
}

/// Times are compared as texts: a literal in another form would compare wrongly.
fn check_literal(literal: &str) -> Result<(), SqlError> {
    let starts = literal.as_bytes();
    let looks_like_a_date = starts.len() >= 10
        && starts[..4].iter().all(u8::is_ascii_digit)
        && starts[4] == b'-'
        && starts[7] == b'-';
    let as_ours = DateTime::parse_from_rfc3339(literal).map(|time| time_text(time.with_timezone(&Utc)));
    if !looks_like_a_date || as_ours.as_deref() == Ok(literal) {
        return Ok(());
    }
    let example = as_ours.unwrap_or_else(|_| "2026-01-05T09:00:00.000Z".to_owned());
    Err(SqlError::Unanswerable(format!("write the time '{literal}' in the form '{example}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_and_literals_do_not_count() {
        let words = check("select a from \"Orders\" -- heartbeat\n where b = 'it''s x' /* y */");
        let expected = ["select", "a", "from", "orders", "where", "b"].map(str::to_owned);
        assert_eq!(words, Ok(Words(BTreeSet::from(expected))));
    }

    #[test]
    fn what_differs_is_refused_with_the_remedy() {
        let refusal = |sql| check(sql).map_err(|error| error.to_string());
        assert_eq!(
            refusal("select random()"),
            Err("the simulated world cannot answer this SQL: random is not simulated; \
                 the simulated world is the same each time"
                .into())
        );
        assert_eq!(
            refusal("select 1 from t where at > '2026-01-05T08:00:00Z'"),
            Err("the simulated world cannot answer this SQL: write the time '2026-01-05T08:00:00Z' in the form \
                 '2026-01-05T08:00:00.000Z'"
                .into())
        );
        assert!(refusal("select 1 from t where at > '2026-01-05T08:00:00.000Z'").is_ok());
        assert!(refusal("select 1 from t where at > '2026-01-05 08:00:00+00'").is_err());
    }
}
