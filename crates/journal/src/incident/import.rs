//! Exports of other tools (a chat, a pager, a ticket) as entries of an incident: lines of JSON, or CSV.
//!
//! [`rows::Rows`] reads a file row by row, [`moment`] reads times, [`Reading::entry`] makes an entry of a row.

pub mod moment;
pub mod rows;

use super::event::{Imported, ImportedKind};
use crate::chain::hex;
use crate::event::Precision;
use chrono::{DateTime, FixedOffset, Utc};
use lifeboat_runbook::units::time_text;
use rows::Row;
use sha2::{Digest, Sha256};

/// An entry of another record, and when it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// UTC.
    pub at: DateTime<Utc>,
    /// How exact that is.
    pub precision: Precision,
    /// What the record says.
    pub imported: Imported,
}

/// What tells an entry from every other: a digest of these parts.
pub fn key(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        // The length keeps parts apart: what ends one must not begin the next.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    // 128 bits are enough for a million entries, and a million keys are held at once.
    hex(&digest.finalize()[..16])
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// When it was.
    Time,
    /// In words.
    Text,
    /// Who did or said it.
    Who,
    /// The tool's own id of it.
    Id,
    /// What kind of thing it tells.
    Kind,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Time, Self::Text, Self::Who, Self::Id, Self::Kind];

    /// The names it usually has, the surest first; upper and lower case are the same.
    pub fn usual(self) -> &'static [&'static str] {
        match self {
            Self::Time => {
                &["time", "ts", "timestamp", "datetime", "created_at", "date", "@timestamp", "event_time"]
            }
            Self::Text => &["message", "text", "body", "content", "what", "summary", "description"],
            Self::Who => &["user", "author", "who", "actor", "username", "user_name", "from", "sender"],
            Self::Id => &["id", "event_id", "client_msg_id", "uuid"],
            Self::Kind => &["kind", "type", "category"],
        }
    }

    /// `time`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Text => "text",
            Self::Who => "who",
            Self::Id => "id",
            Self::Kind => "kind",
        }
    }
}

/// How the rows of a file are read. What is not said is guessed from the usual names of columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What entries are called after: the name of the file.
    pub origin: String,
    /// The column of the time.
    pub time: Option<String>,
    /// The column of the words.
    pub text: Option<String>,
    /// The column of who.
    pub who: Option<String>,
    /// The column of the tool's own id.
    pub id: Option<String>,
    /// What kind all entries are of.
    pub kind: Option<ImportedKind>,
    /// The zone of times that name none.
    pub zone: Option<FixedOffset>,
}

impl Reading {
    /// The column that somebody said, if somebody did.
    pub fn said(&self, column: Column) -> Option<&str> {
        match column {
            Column::Time => self.time.as_deref(),
            Column::Text => self.text.as_deref(),
            Column::Who => self.who.as_deref(),
            Column::Id => self.id.as_deref(),
            Column::Kind => None,
        }
    }

    /// What a row has in a column; where nothing was said, in the first with a usual name. Empty is nothing.
    fn cell<'row>(&self, row: &'row Row, column: Column) -> Option<(&'row str, &'row str)> {
        let named = |name: &str| row.cell(name).filter(|(_, cell)| !cell.trim().is_empty());
        match self.said(column) {
            Some(name) => named(name),
            None => column.usual().iter().find_map(|name| named(name)),
        }
    }

    /// The entry that a row is.
    ///
    /// # Errors
    /// Why it cannot be used, in words: it has no time, or one whose zone nobody knows.
    pub fn entry(&self, row: &Row) -> Result<Found, String> {
        let Some((time_column, time)) = self.cell(row, Column::Time) else {
            return Err(match self.said(Column::Time) {
                Some(name) => format!("no time: nothing in `{name}`"),
                None => "no time".to_owned(),
            });
        };
        let (at, precision) = moment::parse(time, self.zone).map_err(|problem| problem.to_string())?;
        let Some((text_column, text)) = self.cell(row, Column::Text) else {
            return Err(match self.said(Column::Text) {
                Some(name) => format!("no words: nothing in `{name}`"),
                None => "no words that say what happened".to_owned(),
            });
        };
        let (who, id) = (self.cell(row, Column::Who), self.cell(row, Column::Id));
        let told = self.cell(row, Column::Kind).and_then(|(column, word)| Some((column, kind(word)?)));
        let default = if who.is_some() { ImportedKind::Message } else { ImportedKind::Other };
        let kind = self.kind.or(told.map(|(_, kind)| kind)).unwrap_or(default);
        let when = time_text(at);
        let key = match id {
            // The time stands beside the id: the first row of one tool is not the first row of another.
            Some((_, id)) => key(&["id", &when, id.trim()]),
            None => key(&["row", &when, who.map_or("", |(_, who)| who.trim()), text.trim()]),
        };
        let used =
            [Some(time_column), Some(text_column), who.map(|(name, _)| name), told.map(|(name, _)| name)];
        let more = row
            .cells
            .iter()
            .filter(|(name, cell)| !cell.trim().is_empty() && !used.contains(&Some(name.as_str())));
        let imported = Imported {
            key,
            origin: format!("{} line {}", self.origin, row.line),
            kind,
            who: who.map(|(_, who)| who.trim().to_owned()),
            text: text.trim().to_owned(),
            time_as_given: Some(time.trim().to_owned()).filter(|given| *given != when),
            fields: more.cloned().collect(),
        };
        Ok(Found { at, precision, imported })
    }
}

/// The kind that a word means.
pub fn kind(word: &str) -> Option<ImportedKind> {
    let kinds = [
        ("alarm", ImportedKind::Alarm),
        ("event", ImportedKind::Event),
        ("change", ImportedKind::Change),
        ("message", ImportedKind::Message),
        ("other", ImportedKind::Other),
    ];
    kinds.into_iter().find(|(known, _)| word.trim().eq_ignore_ascii_case(known)).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Row {
        let cells = cells.iter().map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned())).collect();
        Row { line: 7, cells }
    }

    fn reading() -> Reading {
        Reading { origin: "chat.csv".to_owned(), ..Reading::default() }
    }

    #[test]
    fn columns_are_known_by_their_usual_names_and_the_rest_is_kept() {
        let found = reading()
            .entry(&row(&[
                ("TS", "1767605100.000200"),
                ("Text", "disk is full "),
                ("user", "bob"),
                ("channel", "ops"),
            ]))
            .unwrap();
        assert_eq!(
            (time_text(found.at).as_str(), found.precision),
            ("2026-01-05T09:25:00.000Z", Precision::Exact)
        );
        let imported = found.imported;
        assert_eq!((imported.who.as_deref(), imported.text.as_str()), (Some("bob"), "disk is full"));
        assert_eq!((imported.kind, imported.origin.as_str()), (ImportedKind::Message, "chat.csv line 7"));
        assert_eq!(imported.time_as_given.as_deref(), Some("1767605100.000200"));
        assert_eq!(
            imported.fields.into_iter().collect::<Vec<_>>(),
            [("channel".to_owned(), "ops".to_owned())]
        );
    }

    #[test]
    fn the_same_entry_has_the_same_key_wherever_it_stands() {
        let key = |cells: &[(&str, &str)]| reading().entry(&row(cells)).unwrap().imported.key;
        let one = key(&[("time", "2026-01-05T09:25:00Z"), ("message", "full"), ("who", "bob")]);
        assert_eq!(one, key(&[("date", "2026-01-05T10:25:00+01:00"), ("text", "full"), ("author", "bob")]));
        assert_ne!(one, key(&[("time", "2026-01-05T09:25:00Z"), ("message", "full"), ("who", "eve")]));
        assert_ne!(one, key(&[("time", "2026-01-05T09:25:01Z"), ("message", "full"), ("who", "bob")]));
        let edited = |text: &str| key(&[("id", "17"), ("time", "2026-01-05T09:25:00Z"), ("message", text)]);
        assert_eq!(edited("full"), edited("full, edited"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let problem = |cells: &[(&str, &str)]| reading().entry(&row(cells)).unwrap_err();
        assert_eq!(problem(&[("time", " "), ("message", "x")]), "no time");
        assert!(problem(&[("time", "2026-01-05 09:25"), ("message", "x")]).contains("--zone"));
        assert_eq!(problem(&[("time", "2026-01-05T09:25:00Z")]), "no words that say what happened");
        let said = Reading { time: Some("when".to_owned()), ..reading() };
        let row = row(&[("time", "2026-01-05T09:25:00Z"), ("message", "x")]);
        assert_eq!(said.entry(&row).unwrap_err(), "no time: nothing in `when`");
    }
}
