//! The words of `lifeboat incident`.

use super::OutputArguments;
use clap::{Args, Subcommand, ValueEnum};
use lifeboat_journal::incident::event::{ImportedKind, Severity};
use std::path::PathBuf;

/// `lifeboat incident`.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Declare an incident; its record begins.
    Open(OpenArguments),
    /// Write something down.
    Note(NoteArguments),
    /// Set a moment: when service was lost, when somebody saw it, when it was mitigated.
    Mark(MarkArguments),
    /// Judge anew how bad it is.
    Severity(SeverityArguments),
    /// Judge it by the criteria of the duties to report.
    Classify(ClassifyArguments),
    /// Add a duty to report: one that comes with Lifeboat, or a file.
    Duty(DutyArguments),
    /// Record that a report was handed in.
    Reported(ReportedArguments),
    /// Say who has a role.
    Role(RoleArguments),
    /// Make a run part of it.
    Attach(AttachArguments),
    /// Take in what other tools recorded: files, and the records that AWS keeps.
    Import(ImportArguments),
    /// Print the timeline: its record and those of its runs, merged.
    Timeline(TimelineArguments),
    /// Pin rows of the timeline that tell the story.
    Pin(PinArguments),
    /// Correct a row of the timeline; what was written stays in the record.
    Amend(AmendArguments),
    /// Close it.
    Close(CloseArguments),
    /// Open it again.
    Reopen(ReopenArguments),
    /// List incidents, the open ones first.
    List(OutputArguments),
    /// Show where an incident stands: its moments, what must be reported until when, its runs.
    Show(ShowIncidentArguments),
}

/// How to name an incident.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// An incident: any unambiguous beginning of its id (with or without `inc-`), or `latest`.
    #[arg(value_name = "INCIDENT")]
    pub(crate) incident: String,
}

/// When it was.
#[derive(Debug, Args)]
pub(crate) struct When {
    /// When it was: RFC 3339 with a zone, or so long ago (`-40m`) [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
    /// The time is an estimate.
    #[arg(long, requires = "at")]
    pub(crate) about: bool,
}

/// `lifeboat incident open`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat incident open 'orders cannot be reached' --severity sev2 --since -10m
  lifeboat incident open 'rows of orders are wrong' --severity sev1 --duty gdpr-33 --role commander=alice

Duties that come with Lifeboat: dora, gdpr-33. Whoever declares an incident is aware of it: the time
limits run from now, unless --aware says that it was earlier.")]
pub(crate) struct OpenArguments {
    /// In one line.
    pub(crate) title: String,
    /// How bad it is.
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) severity: SeverityWord,
    /// When service was lost, where that is known: RFC 3339 with a zone, or so long ago (`-40m`).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// When somebody first knew [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) aware: Option<String>,
    /// A duty to report that may apply: a name, or a file.
    #[arg(long, value_name = "DUTY")]
    pub(crate) duty: Vec<String>,
    /// Who has a role.
    #[arg(long, value_name = "ROLE=PERSON")]
    pub(crate) role: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// How bad an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityWord {
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

impl From<SeverityWord> for Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Sev1 => Self::Sev1,
            SeverityWord::Sev2 => Self::Sev2,
            SeverityWord::Sev3 => Self::Sev3,
            SeverityWord::Sev4 => Self::Sev4,
            SeverityWord::Sev5 => Self::Sev5,
        }
    }
}

/// `lifeboat incident note`.
#[derive(Debug, Args)]
pub(crate) struct NoteArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// What to write down; `-` reads it from standard input.
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) when: When,
    /// Pin it: it tells the story.
    #[arg(long)]
    pub(crate) pin: bool,
}

/// `lifeboat incident mark`.
#[derive(Debug, Args)]
#[command(after_help = "\
Marks that measurements know, in the order in which they should come: disrupted, detected, aware, acknowledged,
responding, identified, writes_stopped, mitigated, restored, verified, resolved, normal. Others are your own.

Examples:
  lifeboat incident mark latest detected --at 2026-01-05T09:45Z
  lifeboat incident mark latest mitigated
  lifeboat incident mark latest mitigated --withdraw --reason 'it came back'")]
pub(crate) struct MarkArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Which moment.
    pub(crate) mark: String,
    #[command(flatten)]
    pub(crate) when: When,
    /// It was not so: take the mark back.
    #[arg(long, requires = "reason", conflicts_with = "at")]
    pub(crate) withdraw: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// `lifeboat incident severity`.
#[derive(Debug, Args)]
pub(crate) struct SeverityArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How bad it is now.
    pub(crate) severity: SeverityWord,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `lifeboat incident classify`.
#[derive(Debug, Args)]
pub(crate) struct ClassifyArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// It is a major incident.
    #[arg(long, required_unless_present = "not_major", conflicts_with = "not_major")]
    pub(crate) major: bool,
    /// It is none.
    #[arg(long)]
    pub(crate) not_major: bool,
    /// A criterion that it meets: personal_data, data_losses, duration, … (may be given several times).
    #[arg(long, value_name = "NAME")]
    pub(crate) criterion: Vec<String>,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) when: When,
}

/// `lifeboat incident duty`.
#[derive(Debug, Args)]
pub(crate) struct DutyArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// A duty that comes with Lifeboat (dora, gdpr-33), or a file.
    pub(crate) duty: String,
}

/// `lifeboat incident reported`.
#[derive(Debug, Args)]
pub(crate) struct ReportedArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The duty and its report: `dora initial`.
    pub(crate) duty: String,
    /// The report.
    pub(crate) report: String,
    /// Where it can be found: a number, a link.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: Option<String>,
    #[command(flatten)]
    pub(crate) when: When,
    /// It was not handed in: take that back.
    #[arg(long, requires = "reason", conflicts_with_all = ["at", "reference"])]
    pub(crate) withdraw: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", requires = "withdraw")]
    pub(crate) reason: Option<String>,
}

/// `lifeboat incident role`.
#[derive(Debug, Args)]
pub(crate) struct RoleArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The role and who has it; nobody behind the `=` takes it away.
    #[arg(value_name = "ROLE=PERSON")]
    pub(crate) role: String,
}

/// `lifeboat incident attach`.
#[derive(Debug, Args)]
pub(crate) struct AttachArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// A run: any unambiguous beginning of its id.
    pub(crate) run: String,
    /// It does not belong to it.
    #[arg(long, requires = "reason")]
    pub(crate) detach: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT", requires = "detach")]
    pub(crate) reason: Option<String>,
}

/// `lifeboat incident import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Files are JSON lines (.jsonl, .ndjson) or CSV with a head (.csv). Which columns are meant is guessed from usual names:
time, ts, timestamp, created_at, date; message, text, body, content; user, author, who, actor; id, event_id; kind, type.
Times are RFC 3339, RFC 2822, 2026-01-05 09:40, or seconds or milliseconds since 1970. A time without a zone is never
guessed: its row is left out and named, unless --zone says the zone. What is there already is not taken in again.

Records of AWS: alarms (CloudWatch), rds (events, 14 days), cloudtrail (who changed what, 90 days). Without --since they
are read from 24 hours before the service was lost.

Examples:
  lifeboat incident import latest chat.jsonl --dry-run
  lifeboat incident import latest export.csv --time when --text note --zone +01:00 --kind message
  lifeboat incident import latest --from alarms,rds,cloudtrail --region eu-west-1
  lifeboat incident import latest --from rds --resource orders-prod --since -6h

Exits with 1 when a record could not be read; the others are taken in.")]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Files to read.
    #[arg(value_name = "FILE", required_unless_present = "from", conflicts_with = "from")]
    pub(crate) files: Vec<PathBuf>,
    /// A record that AWS keeps (may be given several times, or with commas).
    #[arg(long, value_name = "RECORD", value_delimiter = ',')]
    pub(crate) from: Vec<RecordWord>,
    /// The column of the time.
    #[arg(long, value_name = "COLUMN", conflicts_with = "from")]
    pub(crate) time: Option<String>,
    /// The column of the words.
    #[arg(long, value_name = "COLUMN", conflicts_with = "from")]
    pub(crate) text: Option<String>,
    /// The column of who did or said it.
    #[arg(long, value_name = "COLUMN", conflicts_with = "from")]
    pub(crate) who: Option<String>,
    /// The column of the tool's own id: the same id at the same time is the same entry.
    #[arg(long, value_name = "COLUMN", conflicts_with = "from")]
    pub(crate) id: Option<String>,
    /// What kind all entries are of [default: as the column `kind` says; else a message where somebody said it].
    #[arg(long, value_name = "KIND", conflicts_with = "from")]
    pub(crate) kind: Option<ImportKind>,
    /// The zone of times that name none: `UTC`, `+01:00`.
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true, conflicts_with = "from")]
    pub(crate) zone: Option<String>,
    /// Only what is of this resource: the alarm, the source of the event, the resource in CloudTrail.
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(crate) resource: Option<String>,
    /// From then on: RFC 3339 with a zone, or so long ago (`-6h`) [default: 24 h before the service was lost].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "from")]
    pub(crate) since: Option<String>,
    /// Up to then [default: now].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "from")]
    pub(crate) until: Option<String>,
    /// Print what would come in, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The records that AWS keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordWord {
    /// Alarms of CloudWatch that changed their state.
    Alarms,
    /// The events of RDS.
    Rds,
    /// Who changed what, by CloudTrail.
    Cloudtrail,
}

impl RecordWord {
    /// As the record calls itself.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Alarms => "alarms",
            Self::Rds => "rds",
            Self::Cloudtrail => "cloudtrail",
        }
    }
}

/// The kinds of imported entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
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

impl From<ImportKind> for ImportedKind {
    fn from(kind: ImportKind) -> Self {
        match kind {
            ImportKind::Alarm => Self::Alarm,
            ImportKind::Event => Self::Event,
            ImportKind::Change => Self::Change,
            ImportKind::Message => Self::Message,
            ImportKind::Other => Self::Other,
        }
    }
}

/// `lifeboat incident timeline`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat incident timeline latest --pinned                the story, as Markdown
  lifeboat incident timeline latest --source person --from -2h
  lifeboat incident timeline latest --format html -o timeline.html
  lifeboat incident timeline latest --format timesketch -o timeline.jsonl")]
pub(crate) struct TimelineArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The form.
    #[arg(long, default_value = "md", value_name = "FORMAT")]
    pub(crate) format: TimelineFormat,
    /// Where to write it [default: standard output].
    #[arg(short, long = "out", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Only the rows that are pinned.
    #[arg(long)]
    pub(crate) pinned: bool,
    /// Only rows whose source begins with this: aws, person, import, lifeboat (may be given several times).
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
    /// Only rows at this time or later: RFC 3339 with a zone, or so long ago (`-40m`).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Only rows before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// A directory with your own templates, which stand before Lifeboat's file by file.
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
}

/// The forms of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimelineFormat {
    /// Markdown.
    Md,
    /// One HTML file, complete in itself.
    Html,
    /// A JSON document.
    Json,
    /// For a spreadsheet.
    Csv,
    /// JSON lines, for Timesketch.
    Timesketch,
}

/// `lifeboat incident pin`.
#[derive(Debug, Args)]
pub(crate) struct PinArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The row as the timeline names it: `12` or `#12`, `k3v7qa#12` of a run.
    pub(crate) row: String,
    /// What it meant.
    #[arg(long, value_name = "TEXT", conflicts_with = "remove")]
    pub(crate) note: Option<String>,
    /// Take the pin out.
    #[arg(long)]
    pub(crate) remove: bool,
}

/// `lifeboat incident amend`.
#[derive(Debug, Args)]
pub(crate) struct AmendArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The row as the timeline names it: `12` or `#12`, `k3v7qa#12` of a run.
    pub(crate) row: String,
    /// When it really was: RFC 3339 with a zone, or so long ago (`-40m`).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, required_unless_present = "text")]
    pub(crate) at: Option<String>,
    /// What it really was.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `lifeboat incident close`.
#[derive(Debug, Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How it ended.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) when: When,
}

/// `lifeboat incident reopen`.
#[derive(Debug, Args)]
pub(crate) struct ReopenArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// `lifeboat incident show`.
#[derive(Debug, Args)]
pub(crate) struct ShowIncidentArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
