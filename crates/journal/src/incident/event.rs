//! What happens in an incident.

use chrono::{DateTime, Utc};
use lifeboat_runbook::duty::Duty;
use lifeboat_runbook::id::{MarkName, RunId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happened. The name in the journal is the one in `serde(rename)`; all of them begin with `incident.`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum IncidentEvent {
    /// The first event.
    #[serde(rename = "incident.declared")]
    Declared(Box<Declared>),
    /// How bad it is, judged anew.
    #[serde(rename = "incident.severity_changed")]
    SeverityChanged {
        /// What it is now.
        severity: Severity,
        /// Why.
        why: String,
    },
    /// A moment of [`lifeboat_runbook::duty::MILESTONES`] or a name of one's own; the event's `at` is the moment.
    #[serde(rename = "incident.mark_set")]
    MarkSet {
        /// Which.
        mark: MarkName,
        /// What is known of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A mark was wrong: it does not hold any more. The event that set it stays.
    #[serde(rename = "incident.mark_withdrawn")]
    MarkWithdrawn {
        /// Which.
        mark: MarkName,
        /// Why.
        why: String,
    },
    /// Somebody wrote something down.
    #[serde(rename = "incident.note_added")]
    NoteAdded {
        /// What.
        text: String,
    },
    /// It was judged by the criteria of the duties to report.
    #[serde(rename = "incident.classified")]
    Classified(Classification),
    /// A duty to report was found to apply.
    #[serde(rename = "incident.duty_added")]
    DutyAdded {
        /// The duty as its file says it, so that the journal alone explains the deadlines.
        duty: Box<Duty>,
    },
    /// A report was handed in; the event's `at` is when.
    #[serde(rename = "incident.report_submitted")]
    ReportSubmitted {
        /// The duty's name.
        duty: String,
        /// The report's name in it.
        report: String,
        /// Where it can be found: a number, a link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// A submission was not one.
    #[serde(rename = "incident.report_withdrawn")]
    ReportWithdrawn {
        /// The duty's name.
        duty: String,
        /// The report's name in it.
        report: String,
        /// Why.
        why: String,
    },
    /// Somebody has a role from now on; nobody where `person` is nothing.
    #[serde(rename = "incident.role_assigned")]
    RoleAssigned {
        /// `commander`, `scribe`, …
        role: String,
        /// Who.
        person: Option<String>,
    },
    /// A run belongs to it.
    #[serde(rename = "incident.run_attached")]
    RunAttached {
        /// Which.
        run: RunId,
    },
    /// A run was attached by mistake.
    #[serde(rename = "incident.run_detached")]
    RunDetached {
        /// Which.
        run: RunId,
        /// Why.
        why: String,
    },
    /// An entry of another record; the event's `at` is that record's time.
    #[serde(rename = "incident.imported")]
    Imported(Box<Imported>),
    /// A record was read to its end.
    #[serde(rename = "incident.import_done")]
    ImportDone(ImportDone),
    /// Rows of the timeline tell the story, or do not any more.
    #[serde(rename = "incident.pinned")]
    Pinned {
        /// The row.
        entry: Entry,
        /// Whether it does.
        pinned: bool,
        /// What it meant, in people's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// An entry was wrong; it stays in the record, and is told as amended.
    #[serde(rename = "incident.entry_amended")]
    EntryAmended {
        /// The row.
        entry: Entry,
        /// When it really was; nothing leaves the time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<DateTime<Utc>>,
        /// What it really was; nothing leaves the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Why.
        why: String,
    },
    /// How far its review is.
    #[serde(rename = "incident.review_moved")]
    ReviewMoved {
        /// Where it is now.
        to: Review,
        /// Until when the review is due; nothing leaves what was said before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<DateTime<Utc>>,
    },
    /// Nobody works on it any more.
    #[serde(rename = "incident.closed")]
    Closed {
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It was not over.
    #[serde(rename = "incident.reopened")]
    Reopened {
        /// Why.
        why: String,
    },
}

/// What `incident.declared` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// The version of the journal's format.
    pub format: String,
    /// The version of the program.
    pub lifeboat: String,
    /// In one line.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Duties to report that may apply, as their files say them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Duty>,
}

/// How bad an incident is; 1 is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Everything stands still.
    Sev1,
    /// A large part does.
    Sev2,
    /// A part does, or everything is slow.
    Sev3,
    /// Few notice.
    Sev4,
    /// Nobody notices yet.
    Sev5,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4, Self::Sev5];

    /// `sev1`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sev1 => "sev1",
            Self::Sev2 => "sev2",
            Self::Sev3 => "sev3",
            Self::Sev4 => "sev4",
            Self::Sev5 => "sev5",
        }
    }

    /// The one that is called `word`.
    pub fn called(word: &str) -> Option<Self> {
        [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4, Self::Sev5].into_iter().find(|it| it.word() == word)
    }
}

/// How an incident was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classification {
    /// Whether it is major.
    pub major: bool,
    /// The criteria it meets: `personal_data`, `duration`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// An entry of another record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// What tells it from every other entry of the record: AWS's event id, or a digest. The same key is the same entry.
    pub key: String,
    /// Where it is from: `cloudtrail`, `chat.jsonl line 12`.
    pub origin: String,
    /// What kind of thing it tells.
    pub kind: ImportedKind,
    /// Who did or said it, where the record says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// In words.
    pub text: String,
    /// The time as the record has it, where that is text in another form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_as_given: Option<String>,
    /// What else the record says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// The kinds of imported entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportedKind {
    /// An alarm changed its state.
    Alarm,
    /// A service tells what happened to a resource.
    Event,
    /// Somebody changed something.
    Change,
    /// Somebody said something.
    Message,
    /// Anything else.
    Other,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDone {
    /// What was read.
    pub origin: String,
    /// SHA-256 of the file, hexadecimal; nothing where it was no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Entries that were new.
    pub new: u64,
    /// Entries that were there already.
    pub doubles: u64,
    /// Entries that could not be used, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// How many more could not be used; only so many are named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ImportDone {
    /// How many entries could not be used.
    pub fn unusable(&self) -> u64 {
        self.left_out.len() as u64 + self.more_left_out
    }
}

/// A row of the merged timeline: an event of the incident itself or of a run that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The run; nothing is the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The number of the event.
    pub seq: u64,
}

/// How far the review of an incident is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Being written.
    #[default]
    Draft,
    /// Being read.
    InReview,
    /// Agreed on.
    Reviewed,
    /// Its actions are done.
    Closed,
}

impl Review {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Draft, Self::InReview, Self::Reviewed, Self::Closed];

    /// `in review`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in review",
            Self::Reviewed => "reviewed",
            Self::Closed => "closed",
        }
    }
}
