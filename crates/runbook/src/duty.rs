//! Duties to report an incident: which reports, from which moment, within what time, and by which rule.

use crate::check::Decoded;
use crate::diagnostic::Source;
use chrono::{DateTime, Months, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A duty to report, as its file says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Its name: `dora`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The rule it is from.
    pub source: String,
    /// What an incident must be classified as to fall under it: `major`, or a criterion; nothing where every one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_to: Option<String>,
    /// The reports, in the order in which they are submitted.
    pub reports: Vec<Report>,
}

/// A report that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name in the duty: `initial`.
    pub id: String,
    /// For people.
    pub title: String,
    /// Time limits; the earliest counts.
    pub due: Vec<Limit>,
    /// The rule it is from.
    pub source: String,
}

/// A time limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The moment it runs from.
    pub after: Moment,
    /// How long it is.
    pub within: Period,
    /// It does not count where it was already over at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_over_at: Option<Moment>,
}

/// The moments of an incident, in the order in which they should come: the marks of a recovery and those of people.
pub const MILESTONES: [&str; 15] = [
    "disrupted",
    "detected",
    "aware",
    "declared",
    "acknowledged",
    "classified",
    "responding",
    "identified",
    "writes_stopped",
    "mitigated",
    "restored",
    "verified",
    "resolved",
    "normal",
    "closed",
];

/// A moment of an incident that a time limit runs from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Moment {
    /// A mark, or `classified`.
    Mark(String),
    /// The last submission of another report of the same duty: `report.initial`.
    Report(String),
}

impl From<String> for Moment {
    fn from(text: String) -> Self {
        match text.strip_prefix("report.") {
            Some(report) => Self::Report(report.to_owned()),
            None => Self::Mark(text),
        }
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::Mark(mark) => mark,
            Moment::Report(report) => format!("report.{report}"),
        }
    }
}

/// Length of a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Seconds.
    Seconds(i64),
    /// Calendar months: the same day of a later month, or its last day.
    Months(u32),
}

impl Period {
    /// `4h`, `72h`, `1mo`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(months) = text.strip_suffix("mo") {
            return months.parse().ok().filter(|months| (1..=120).contains(months)).map(Self::Months);
        }
        crate::units::parse_duration(text).map(|length| Self::Seconds(length.num_seconds()))
    }

    /// The end of a period that begins at `start`.
    pub fn after(self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(seconds) => start.checked_add_signed(TimeDelta::try_seconds(seconds)?),
            Self::Months(months) => start.checked_add_months(Months::new(months)),
        }
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) if seconds % 3600 == 0 => write!(formatter, "{} h", seconds / 3600),
            Self::Seconds(seconds) => {
                formatter.write_str(&crate::units::duration_text(TimeDelta::seconds(*seconds)))
            }
            Self::Months(1) => formatter.write_str("1 month"),
            Self::Months(months) => write!(formatter, "{months} months"),
        }
    }
}

/// The duties that come with Lifeboat, as files.
pub const SHIPPED: [(&str, &str); 2] =
    [("dora", include_str!("../duties/dora.yaml")), ("gdpr-33", include_str!("../duties/gdpr-33.yaml"))];

/// Reads a duty; every mistake at once.
pub fn read(file: Source) -> Decoded<Duty> {
    crate::check::duty(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_shipped_is_well_formed_and_named_as_its_file() {
        for (name, text) in SHIPPED {
            let Decoded { found, diagnostics, .. } = read(source(name, text));
            assert_eq!((diagnostics.as_slice(), found.unwrap().name.as_str()), ([].as_slice(), name));
        }
    }

    #[test]
    fn mistakes_are_told_all_at_once() {
        let text = "schema: lifeboat/v1\nkind: duty\nname: own\ntitle: Own\nsource: us\nreports:\n  - id: first\n    title: First\n    due: [{ after: awaer, within: 4 hours }, { after: report.second, within: 1h }]\n    sauce: x\n";
        let Decoded { found, diagnostics, .. } = read(source("own.yaml", text));
        assert_eq!(found, None);
        let told: Vec<&str> = diagnostics.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "the report that is due has no `source`",
                "`awaer` is no moment of an incident",
                "`4 hours` is no length of time",
                "`second` is no report before this one",
                "unknown key `sauce` in a report that is due",
            ]
        );
        let helped = diagnostics.iter().find(|found| found.message.contains("awaer")).unwrap();
        assert_eq!(helped.help.as_deref(), Some("did you mean `aware`?"));
    }

    #[test]
    fn a_month_is_a_month() {
        let time = |text| crate::units::parse_time(text).unwrap();
        let month = Period::parse("1mo").unwrap();
        assert_eq!(month.after(time("2026-01-31T10:00:00Z")), Some(time("2026-02-28T10:00:00Z")));
        assert_eq!(month.after(time("2026-11-30T10:00:00Z")), Some(time("2026-12-30T10:00:00Z")));
        assert_eq!(Period::parse("0mo"), None);
        assert_eq!(Period::parse("72h").unwrap().to_string(), "72 h");
    }
}
