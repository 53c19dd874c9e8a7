//! The words of `lifeboat postmortem`.

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use lifeboat_journal::incident::event::Review;
use std::path::PathBuf;

/// `lifeboat postmortem`.
#[derive(Debug, Args)]
#[command(after_help = "\
The Markdown file belongs to people and Lifeboat together: run the command again whenever the records have
grown, and the parts between `lifeboat:begin` and `lifeboat:end` are made anew; everything else stays as it is.

Examples:
  lifeboat postmortem latest --file docs/2026-01-05.md     make it, or bring it up to date
  lifeboat postmortem latest --file docs/2026-01-05.md --check
  lifeboat postmortem latest --file docs/2026-01-05.md --format html -o review.html
  lifeboat postmortem latest --review in-review --due 2026-01-19")]
pub(crate) struct PostmortemArguments {
    /// An incident: any unambiguous beginning of its id (with or without `inc-`), or `latest`.
    pub(crate) incident: String,
    /// The Markdown file that people write in [default: postmortem.md beside the incident's record].
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Look whether anything is left to do, and change nothing: exit code 1, and each place with its line.
    #[arg(long, conflicts_with_all = ["format", "out", "review"])]
    pub(crate) check: bool,
    /// The form.
    #[arg(long, default_value = "md", value_name = "FORMAT")]
    pub(crate) format: PostmortemFormat,
    /// Where to write HTML or JSON [default: standard output].
    #[arg(short, long = "out", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How far the review is now; `reviewed` and `closed` want everything written.
    #[arg(long, value_name = "STATUS")]
    pub(crate) review: Option<ReviewWord>,
    /// Until when the review is due: 2026-01-19.
    #[arg(long, value_name = "DATE", requires = "review")]
    pub(crate) due: Option<NaiveDate>,
    /// A directory with your own templates, which stand before Lifeboat's file by file.
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
}

/// The forms of a post-mortem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PostmortemFormat {
    /// Markdown, which people write in.
    Md,
    /// One HTML file, complete in itself.
    Html,
    /// What the records know, as a JSON document.
    Json,
}

/// How far a review is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReviewWord {
    /// Being written.
    Draft,
    /// Being read.
    InReview,
    /// Agreed on.
    Reviewed,
    /// Its actions are done.
    Closed,
}

impl From<ReviewWord> for Review {
    fn from(word: ReviewWord) -> Self {
        match word {
            ReviewWord::Draft => Self::Draft,
            ReviewWord::InReview => Self::InReview,
            ReviewWord::Reviewed => Self::Reviewed,
            ReviewWord::Closed => Self::Closed,
        }
    }
}
