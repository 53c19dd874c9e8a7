//! The words of `lifeboat item`.

use super::OutputArguments;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use lifeboat_journal::items::Purpose;

/// `lifeboat item`.
#[derive(Debug, Subcommand)]
pub(crate) enum ItemCommand {
    /// Add something to do after an incident or a drill.
    Add(AddArguments),
    /// Give it to somebody else, another day, a ticket.
    Change(ChangeArguments),
    /// List what is to be done, what is overdue first.
    List(ListArguments),
    /// It is done: by a link, or proved by a run.
    Close(CloseItemArguments),
    /// It was not done.
    Reopen(WhyArguments),
    /// It will not be done.
    Drop(WhyArguments),
}

/// `lifeboat item add`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat item add inc-k3v7qa 'alarm on replication lag' --type detect --owner bob --due 2026-12-15
  lifeboat item add RUN 'the runbook names the old subnet group' --type runbook --ticket OPS-12")]
pub(crate) struct AddArguments {
    /// The incident (`inc-…`) or the run that it came of: any unambiguous beginning of its id.
    pub(crate) of: String,
    /// What is to be done.
    pub(crate) title: String,
    /// What it is for.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) purpose: PurposeWord,
    #[command(flatten)]
    pub(crate) who: WhoAndWhen,
}

/// By whom and until when.
#[derive(Debug, Args)]
pub(crate) struct WhoAndWhen {
    /// Who does it.
    #[arg(long, value_name = "PERSON")]
    pub(crate) owner: Option<String>,
    /// The last day: 2026-12-15.
    #[arg(long, value_name = "DATE")]
    pub(crate) due: Option<NaiveDate>,
    /// Where it is worked on: a number, a link.
    #[arg(long, value_name = "TEXT")]
    pub(crate) ticket: Option<String>,
}

/// What an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PurposeWord {
    /// It does not happen again.
    Prevent,
    /// It does less harm.
    Mitigate,
    /// It is seen sooner.
    Detect,
    /// People work together better.
    Process,
    /// The runbook is right next time.
    Runbook,
}

impl From<PurposeWord> for Purpose {
    fn from(word: PurposeWord) -> Self {
        match word {
            PurposeWord::Prevent => Self::Prevent,
            PurposeWord::Mitigate => Self::Mitigate,
            PurposeWord::Detect => Self::Detect,
            PurposeWord::Process => Self::Process,
            PurposeWord::Runbook => Self::Runbook,
        }
    }
}

/// `lifeboat item change`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("changed").args(["title", "owner", "due", "ticket"]).required(true).multiple(true)))]
pub(crate) struct ChangeArguments {
    /// The item: `A1`.
    pub(crate) item: String,
    /// What is to be done.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) who: WhoAndWhen,
}

/// `lifeboat item list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only those of this incident or run [default: all].
    pub(crate) of: Option<String>,
    /// Also those that are done or will not be.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only those whose last day is over; exit code 1 if there is one.
    #[arg(long, conflicts_with = "all")]
    pub(crate) overdue: bool,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat item close`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("proof").args(["link", "proved_by"]).required(true)))]
pub(crate) struct CloseItemArguments {
    /// The item: `A1`.
    pub(crate) item: String,
    /// Where one sees that it is done: a change, a page, a ticket.
    #[arg(long, value_name = "TEXT")]
    pub(crate) link: Option<String>,
    /// A run that passed after the item was added.
    #[arg(long, value_name = "RUN")]
    pub(crate) proved_by: Option<String>,
}

/// `lifeboat item reopen`, `lifeboat item drop`.
#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// The item: `A1`.
    pub(crate) item: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}
