//! The words of the command line, as `cli.md` has them and `--help` teaches them.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Rehearse disaster recovery on AWS, recover for real, and prove how long it took.
///
/// A runbook is a YAML file. `drill` rehearses it, `run` recovers with it: the same file, step by step, with a
/// journal of everything that happened, the recovery time and the data lost.
#[derive(Debug, Parser)]
#[command(name = "lifeboat", version, propagate_version = true, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Where runs are kept [default: the platform's data directory].
    #[arg(long, global = true, env = "LIFEBOAT_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// The AWS profile to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region where the runbook names none.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// When to use colour.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Say less: no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  lifeboat check runbooks/*.yaml                    find every mistake, offline
  lifeboat drill runbooks/rds-point-in-time-restore.yaml --simulate
                                                    rehearse on a simulated AWS, in a second
  lifeboat drill runbooks/rds-point-in-time-restore.yaml -i source=orders-prod
                                                    rehearse on AWS; what it makes is deleted again
  lifeboat show latest                              what happened, and the two numbers
  lifeboat report latest -o drill.md                the drill report

Exit codes: 0 passed, 1 failed, 2 invalid runbook or usage, 3 objective missed, 4 paused,
5 aborted, 6 something is left in AWS, 7 refused before the start.";

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find every mistake in runbooks, offline; nothing is touched.
    Check(CheckArguments),
    /// Rehearse a runbook; what it makes is taken away again.
    Drill(DrillArguments),
    /// Recover for real with a runbook.
    Run(RunArguments),
    /// Take up a run where its journal ends: after a crash, Ctrl-C, or a pause.
    Resume(ResumeArguments),
    /// List the runs in the home directory.
    Runs(OutputArguments),
    /// Show a run: its steps, the recovery time, the data lost.
    Show(ShowArguments),
    /// Recompute the hash chain of a journal; exit 1 and the first bad line if it was touched.
    Verify(VerifyArguments),
    /// Write the report of a run.
    Report(ReportArguments),
    /// Print the IAM policy that a runbook needs.
    Iam(IamArguments),
    /// List the actions a runbook can name, or explain one.
    Actions(ActionsArguments),
    /// Print the JSON Schema of runbooks, for editors.
    Schema,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Human,
    /// One JSON document with stable keys.
    Json,
}

/// `--output`.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// How to print.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// `lifeboat check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Runbooks and playbooks.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How to print what is wrong.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: CheckFormat,
}

/// How `check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people: the line, a marker, what to do.
    Human,
    /// A JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// What `drill` and `run` share.
#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The runbook.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A value for an input; may be given many times.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    /// Do not ask before the first change.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How to print.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// `lifeboat drill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat drill FILE --simulate               on the simulated AWS; needs no account
  lifeboat drill FILE --simulate --seed 7      the same seed gives the same run, byte for byte
  lifeboat drill FILE -i source=orders-prod    on AWS: restores beside production, deletes what it made")]
pub(crate) struct DrillArguments {
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// Rehearse on a simulated AWS; WORLD is `default` or `multi-az`.
    #[arg(long, num_args = 0..=1, default_missing_value = "default", value_name = "WORLD")]
    pub(crate) simulate: Option<String>,
    /// The seed of the simulation [default: a random one, which is printed].
    #[arg(long, requires = "simulate", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The account id, typed, where the runbook's `allow` lets the drill touch what it did not make.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) confirm: Option<String>,
}

/// `lifeboat run`.
#[derive(Debug, Args)]
#[command(after_help = "\
In a recovery nothing is undone or deleted by itself. Without --disrupted-at the recovery time
is unknown: Lifeboat never assumes when service was lost.")]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// When service was lost, RFC 3339: the recovery time counts from here.
    #[arg(long, value_name = "TIME")]
    pub(crate) disrupted_at: Option<String>,
    /// The name of something this run did not make and may destroy, typed; may be given many times.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm_destroy: Vec<String>,
}

/// `lifeboat resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
What was in flight is looked at before anything is done: a restore that was accepted goes on,
one that never arrived is asked for again under the same name. The runbook is the one kept
with the run, whatever the file says now.")]
pub(crate) struct ResumeArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// The name of something this run did not make and may destroy, typed; may be given many times.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm_destroy: Vec<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// A run: any unambiguous beginning of its id, or `latest`.
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// A run: any unambiguous beginning of its id, or `latest`.
    pub(crate) run: String,
    /// The head that the report or the JSON document named: shows a cut tail too.
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
}

/// `lifeboat report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A run: any unambiguous beginning of its id, or `latest`.
    pub(crate) run: String,
    /// The form of the report.
    #[arg(long, default_value = "md", value_name = "FORMAT")]
    pub(crate) format: ReportFormat,
    /// Where to write it [default: standard output].
    #[arg(short, long = "out", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// A directory with your own templates, which stand before Lifeboat's file by file.
    #[arg(long, value_name = "DIR")]
    pub(crate) template: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Markdown.
    Md,
    /// The JSON document.
    Json,
}

/// `lifeboat iam`.
#[derive(Debug, Args)]
#[command(after_help = "\
Names that are known before a run are in the policy: those in inputs, and the beginning of the names
that Lifeboat makes. What only reads is allowed on everything, because AWS is asked for many at once.")]
pub(crate) struct IamArguments {
    /// The runbook.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// For which kind of run.
    #[arg(long, default_value = "recovery", value_name = "MODE")]
    pub(crate) mode: RunMode,
    /// A value for an input; may be given many times.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
}

/// A kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunMode {
    /// A rehearsal.
    Drill,
    /// The real thing.
    Recovery,
}

impl From<RunMode> for lifeboat_runbook::plan::Mode {
    fn from(mode: RunMode) -> Self {
        match mode {
            RunMode::Drill => Self::Drill,
            RunMode::Recovery => Self::Recovery,
        }
    }
}

/// `lifeboat actions`.
#[derive(Debug, Args)]
pub(crate) struct ActionsArguments {
    /// The action to explain.
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
