//! The words of the command line, as `cli.md` has them and `--help` teaches them.

pub(crate) mod incident;
pub(crate) mod item;
pub(crate) mod postmortem;

use crate::connect_to::ProbeArguments;
use crate::given::InputArguments;
use crate::pace::Pace;
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use incident::IncidentCommand;
pub(crate) use item::ItemCommand;
use postmortem::PostmortemArguments;
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
    /// Where runs are kept [default: LIFEBOAT_HOME, else the platform's data directory].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// The AWS profile to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region where the runbook names none; for `leftovers` it may be given many times.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Vec<String>,
    /// When to use colour.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Say less: no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more: every event, calls to AWS among them.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  lifeboat check runbooks/*.yaml                    find every mistake, offline
  lifeboat plan runbooks/rds-point-in-time-restore.yaml --simulate
                                                    what would happen; only reads
  lifeboat drill runbooks/rds-point-in-time-restore.yaml --simulate
                                                    rehearse on a simulated AWS, in a second
  lifeboat drill runbooks/rds-point-in-time-restore.yaml -i source=orders-prod
                                                    rehearse on AWS; what it makes is deleted again
  lifeboat watch latest                             follow a run that another terminal drives
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
    /// Say what a drill or a recovery would do, step by step; only reads.
    Plan(PlanArguments),
    /// Rehearse a runbook; what it makes is taken away again.
    Drill(DrillArguments),
    /// Recover for real with a runbook.
    Run(RunArguments),
    /// Take up a run where its journal ends: after a crash, Ctrl-C, or a pause.
    Resume(ResumeArguments),
    /// Answer a question that a run asks, from anywhere.
    Answer(AnswerArguments),
    /// Give a step, or the people it asks, more time.
    Extend(ExtendArguments),
    /// End a run: a drill takes back what it did, a recovery only with --undo.
    Abort(AbortArguments),
    /// Take away what a run that is over left behind.
    Cleanup(CleanupArguments),
    /// Give a run up; what it left is named and stays.
    Abandon(AbandonArguments),
    /// List the runs in the home directory.
    Runs(OutputArguments),
    /// Show a run: its steps, the recovery time, the data lost.
    Show(ShowArguments),
    /// Follow a run that another terminal drives, until it ends; changes nothing.
    Watch(WatchArguments),
    /// Recompute the hash chain of a journal; exit 1 and the first bad line if it was touched.
    Verify(VerifyArguments),
    /// Write the report of a run.
    Report(ReportArguments),
    /// Tell how long steps took in earlier runs, what is slower than usual, and how long the next run will take.
    History(HistoryArguments),
    /// Keep the record of an incident: what people saw, did and decided, and what must be reported until when.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Write the post-mortem of an incident together with people, and bring it up to date.
    Postmortem(PostmortemArguments),
    /// Keep the action items of incidents and drills: by whom, until when, and how one sees that it is done.
    #[command(subcommand)]
    Item(ItemCommand),
    /// Find what runs have left in AWS, by tags alone, and take it away; needs no journal.
    Leftovers(LeftoversArguments),
    /// Print the IAM policy that a runbook needs.
    Iam(IamArguments),
    /// Draw the steps of a runbook: what comes after what, what waits for what, what people do.
    Graph(GraphArguments),
    /// List the actions a runbook can name, or explain one.
    Actions(ActionsArguments),
    /// The simulated AWS by itself.
    #[command(subcommand)]
    Sim(SimCommand),
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

/// `lifeboat plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Checks of the preflight are carried out: they only read. Of each step it says whether it runs,
with which values, what it makes, changes and asks, and how long that takes; what comes from a
step that has not run is a placeholder: ‹string: endpoint of restore›. Nothing is changed, and
nothing is written to the home directory.

Examples:
  lifeboat plan FILE --simulate                  on the simulated AWS; needs no account
  lifeboat plan FILE -i source=orders-prod       a drill on AWS
  lifeboat plan FILE --mode recovery             the real thing

Exit codes: 0 nothing known stands in the way, 2 invalid runbook or usage, 7 it would be refused
or is known to fail.")]
pub(crate) struct PlanArguments {
    /// The runbook.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) given: InputArguments,
    #[command(flatten)]
    pub(crate) roles: RoleArguments,
    /// The target of lifeboat.yaml to act in: its account, Regions, role and profile.
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// For which kind of run.
    #[arg(long, default_value = "drill", value_name = "MODE")]
    pub(crate) mode: RunMode,
    /// When service was lost, RFC 3339: what `latest` is measured against.
    #[arg(long, value_name = "TIME")]
    pub(crate) disrupted_at: Option<String>,
    /// Look at a simulated AWS; WORLD is `default`, or a world file (JSON).
    #[arg(long, num_args = 0..=1, default_missing_value = "default", value_name = "WORLD")]
    pub(crate) simulate: Option<String>,
    /// What goes wrong in the simulation, YAML (see docs/simulator.md).
    #[arg(long, requires = "simulate", value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) probes: ProbeArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `--role`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct RoleArguments {
    /// Who holds a role of the runbook: a name, or an ARN or a pattern of ARNs; may be given many times.
    #[arg(long = "role", value_name = "ROLE=PERSON", value_parser = role)]
    pub(crate) roles: Vec<(String, String)>,
}

impl RoleArguments {
    /// The last person given for each role.
    pub(crate) fn by_role(&self) -> std::collections::BTreeMap<String, String> {
        self.roles.iter().cloned().collect()
    }
}

fn role(text: &str) -> Result<(String, String), String> {
    let (role, person) = text.split_once('=').ok_or("write it as ROLE=PERSON: commander=alice")?;
    match (role.trim(), person.trim()) {
        ("", _) | (_, "") => Err("write it as ROLE=PERSON: commander=alice".to_owned()),
        (role, person) => Ok((role.to_owned(), person.to_owned())),
    }
}

/// What `drill` and `run` share.
#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The runbook.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) given: InputArguments,
    #[command(flatten)]
    pub(crate) roles: RoleArguments,
    /// The target of lifeboat.yaml to act in: its account, Regions, role and profile.
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Do not ask before the first change. A person's step is never answered by this.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Pause when this step is over; `lifeboat resume` goes on, `lifeboat abort` ends it.
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<String>,
    /// Start though another run holds the lock of the runbook's `concurrency`, or nobody can say; it becomes a finding.
    #[arg(long, requires = "reason")]
    pub(crate) break_lock: bool,
    /// Why, for the record: with --break-lock, and with --accept.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Answers given in advance, YAML: `STEP: { choice: …, reason: …, after: 5m }`. Approvals only in drills.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Practise on a simulated AWS; WORLD is `default`, or a world file (JSON).
    #[arg(long, num_args = 0..=1, default_missing_value = "default", value_name = "WORLD")]
    pub(crate) simulate: Option<String>,
    /// The seed of the simulation [default: a random one, which is printed].
    #[arg(long, requires = "simulate", value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// What goes wrong in the simulation, YAML (see docs/simulator.md).
    #[arg(long, requires = "simulate", value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) probes: ProbeArguments,
    #[command(flatten)]
    pub(crate) showing: ShowingArguments,
    /// How to print.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) output: Output,
}

/// How a run is shown while it goes on, and what is written when it is over.
#[derive(Debug, Default, Args)]
pub(crate) struct ShowingArguments {
    /// How fast simulated time passes for you: `instant`, `real`, or a factor such as `60x`. The journal is the same.
    #[arg(long, default_value = "instant", value_name = "PACE", value_parser = Pace::parse)]
    pub(crate) pace: Pace,
    /// Write the reports of the run into this directory when it is over or pauses: HTML, Markdown, JSON, JUnit.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
}

/// `lifeboat drill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat drill FILE --simulate               on the simulated AWS; needs no account
  lifeboat drill FILE --simulate --seed 7      the same seed gives the same run, byte for byte
  lifeboat drill FILE --tabletop --clock-rate 60
                                               people decide, a minute passes in every second
  lifeboat drill FILE -i source=orders-prod    on AWS: restores beside production, deletes what it made")]
pub(crate) struct DrillArguments {
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// A tabletop exercise: a simulated drill in which people are asked and the clock goes on while they think.
    #[arg(long)]
    pub(crate) tabletop: bool,
    /// In a tabletop exercise: how many seconds pass in each second.
    #[arg(long, requires = "tabletop", value_name = "N", default_value_t = 1.0)]
    pub(crate) clock_rate: f64,
    /// The account id, typed, where the runbook's `allow` lets the drill touch what it did not make.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) confirm: Option<String>,
}

/// `lifeboat run`.
#[derive(Debug, Args)]
#[command(after_help = "\
In a recovery nothing is undone or deleted by itself: a failure pauses the run (exit 4), and
`lifeboat resume RUN` goes on with --retry, --skip, --done, --amended or --accept. Without
--disrupted-at the recovery time is unknown: Lifeboat never assumes when service was lost.
With --simulate it is practice: the same pauses and questions, on an AWS in memory.")]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// When service was lost, RFC 3339: the recovery time counts from here.
    #[arg(long, value_name = "TIME")]
    pub(crate) disrupted_at: Option<String>,
    /// The name of something this run did not make and may destroy, typed; may be given many times.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm_destroy: Vec<String>,
    /// A preflight check that need not hold; it becomes a finding. May be given many times.
    #[arg(long, requires = "reason", value_name = "CHECK")]
    pub(crate) accept: Vec<String>,
}

/// `lifeboat resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
What was in flight is looked at before anything is done: a restore that was accepted goes on,
one that never arrived is asked for again under the same name. The runbook is the one kept
with the run, whatever the file says now; --amended takes the file in.

Examples:
  lifeboat resume latest                                   go on after a crash or Ctrl-C
  lifeboat resume RUN --retry restore                      try the failed step again
  lifeboat resume RUN --amended book.yaml --reason \"the query named the wrong table\"
  lifeboat resume RUN --done cut_over --reason \"switched in the console\" --set-output host=db2
  lifeboat resume RUN --done restore --reason \"restored in the console\" --adopt instance=orders-by-hand
  lifeboat resume RUN --accept source --reason \"backups are old, and all we have\"")]
pub(crate) struct ResumeArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// Try this step again.
    #[arg(long, value_name = "STEP", conflicts_with_all = ["skip", "done"])]
    pub(crate) retry: Option<String>,
    /// Go on without this step.
    #[arg(long, value_name = "STEP", requires = "reason", conflicts_with = "done")]
    pub(crate) skip: Option<String>,
    /// This step was done by hand.
    #[arg(long, value_name = "STEP", requires = "reason")]
    pub(crate) done: Option<String>,
    /// An output of the step that was done by hand; may be given many times.
    #[arg(long, value_name = "NAME=VALUE", requires = "done")]
    pub(crate) set_output: Vec<String>,
    /// What does instead of what the step would have made, such as `instance=orders-by-hand`: it is looked at as if the
    /// step had made it, and its outputs are taken. It is never deleted by this run.
    #[arg(long, value_name = "NAME=ID", requires = "done")]
    pub(crate) adopt: Vec<String>,
    /// Go on with this version of the runbook; steps that have started must be the same in it.
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub(crate) amended: Option<PathBuf>,
    /// A preflight check that need not hold; it becomes a finding. May be given many times.
    #[arg(long, value_name = "CHECK", requires = "reason")]
    pub(crate) accept: Vec<String>,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Go on though another run has taken the lock of the runbook's `concurrency`, or nobody can say.
    #[arg(long, requires = "reason")]
    pub(crate) break_lock: bool,
    /// The name of something this run did not make and may destroy, typed; may be given many times.
    #[arg(long, value_name = "NAME")]
    pub(crate) confirm_destroy: Vec<String>,
    /// Answers given in advance, YAML: `STEP: { choice: …, reason: … }`.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) roles: RoleArguments,
    /// For a simulated run: the time that passed in the world meanwhile, such as `10m`.
    #[arg(long, value_name = "DURATION")]
    pub(crate) downtime: Option<String>,
    #[command(flatten)]
    pub(crate) probes: ProbeArguments,
    #[command(flatten)]
    pub(crate) showing: ShowingArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat answer`.
#[derive(Debug, Args)]
#[command(after_help = "\
If the run is waiting in another terminal, it goes on there at once; if nobody is running it,
the answer is written into its journal, and `lifeboat resume RUN` goes on.

Examples:
  lifeboat answer latest send_traffic approve
  lifeboat answer RUN choose restore --reason \"the newest rows are damaged\"
  lifeboat answer RUN fence done --link https://wiki.example.com/fence --field bad_at=2026-01-05T08:41:00Z
  lifeboat answer RUN fence done --file screenshot.png
  lifeboat answer RUN send_traffic approve --override --reason \"the commander is asleep\"")]
pub(crate) struct AnswerArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// The step that asks.
    pub(crate) step: String,
    /// `approve`, `reject`, `done`, `failed`, or an option.
    pub(crate) answer: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Something the question asks for; may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) field: Vec<String>,
    /// Evidence: where it can be seen.
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Evidence: in words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Evidence: a file; it is copied into the directory of the run, and its SHA-256 goes into the journal.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Answer though a rule of the question says otherwise; it becomes a finding.
    #[arg(long = "override", requires = "reason")]
    pub(crate) overrides: bool,
    /// In a simulated run: answer as somebody else. Against AWS you are who AWS says you are.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `lifeboat extend`.
#[derive(Debug, Args)]
#[command(after_help = "\
If the run is going on in another terminal, its deadline is moved there; if nobody is running it,
the order is written into its journal, and `lifeboat resume RUN` goes on with it.

Example:
  lifeboat extend latest restore 2h --reason \"AWS says that it is at 80 %\"")]
pub(crate) struct ExtendArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// The step.
    pub(crate) step: String,
    /// How much more, such as `30m` or `2h`.
    #[arg(value_name = "DURATION")]
    pub(crate) time: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// `lifeboat abort`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 5 when nothing is left that should be gone, 6 when something is.")]
pub(crate) struct AbortArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// Take back what the run did, last first; the default in a drill.
    #[arg(long, conflicts_with = "no_undo")]
    pub(crate) undo: bool,
    /// Leave what the run did; the default in a recovery.
    #[arg(long)]
    pub(crate) no_undo: bool,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Do not ask before deleting what a recovery made.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat cleanup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Lists what the run made and nobody has seen gone, and takes it away, last first. What stands
before a step with `commit: true` stays. A recovery that passed is not cleaned up.")]
pub(crate) struct CleanupArguments {
    /// A run that is over: any unambiguous beginning of its id, or `latest`.
    pub(crate) run: String,
    /// Clean up by this version of the runbook; steps that have started must be the same in it.
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub(crate) amended: Option<PathBuf>,
    /// Why, for --amended.
    #[arg(long, value_name = "TEXT", requires = "amended")]
    pub(crate) reason: Option<String>,
    /// Do not ask before deleting what a recovery made.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat abandon`.
#[derive(Debug, Args)]
pub(crate) struct AbandonArguments {
    /// A run: any unambiguous beginning of its id, or `latest` for the one that is unfinished.
    pub(crate) run: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat leftovers`.
#[derive(Debug, Args)]
#[command(after_help = "\
Whatever a run makes carries the tags lifeboat:run and lifeboat:step. This asks AWS for everything that
carries them, so it works when the machine that ran the drill and its home directory are gone.
Where the home directory is still there, `lifeboat cleanup RUN` is better: its journal tells more.

Examples:
  lifeboat leftovers                                      in the Region of the profile
  lifeboat leftovers --region eu-west-1 --region us-east-1 --older-than 24h
  lifeboat leftovers --delete k3v7qa --confirm 111122223333

Exit codes: 0 all was looked at, and what was to be deleted is seen to be gone; 1 something could not be
looked at; 6 something that was to be deleted is still there; 7 refused.")]
pub(crate) struct LeftoversArguments {
    /// Only what was made longer ago than this, such as `24h`.
    #[arg(long, value_name = "DURATION")]
    pub(crate) older_than: Option<String>,
    /// Take away what this run left, last first: any unambiguous beginning of its id.
    #[arg(long, value_name = "RUN")]
    pub(crate) delete: Option<String>,
    /// Also what bears this name: tags that AWS has copied stand on things of others, so only names that Lifeboat made
    /// are taken away by themselves. May be given many times.
    #[arg(long, value_name = "NAME", requires = "delete")]
    pub(crate) also: Vec<String>,
    /// Do not ask before deleting.
    #[arg(long, requires = "delete")]
    pub(crate) yes: bool,
    /// The account id, typed, instead of being asked.
    #[arg(long, value_name = "ACCOUNT", requires = "delete")]
    pub(crate) confirm: Option<String>,
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

/// `lifeboat watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows what the terminal shows that drives the run, and ends with the run's exit code; 4 when the run
waits and no process drives it. It only reads: any number of people may watch.
With --output json, each event is a line on standard output as the journal has it.")]
pub(crate) struct WatchArguments {
    /// A run: any unambiguous beginning of its id, or `latest`.
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// `lifeboat verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// A run: any unambiguous beginning of its id, or `latest`; or an incident, by the beginning of its id (`inc-…`).
    pub(crate) run: String,
    /// The head that the report or the JSON document named: shows a cut tail too.
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
}

/// `lifeboat report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat report latest                              Markdown, on the screen
  lifeboat report latest --format html -o drill.html  the page to hand to an auditor: one file, no scripts
  lifeboat report RUN --format junit -o drill.xml     for a build server
  lifeboat report RUN --template templates            with files of yours in place of drill.md, drill.html, style.css, …")]
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
    /// One HTML file, complete in itself, with pictures.
    Html,
    /// The JSON document.
    Json,
    /// JUnit XML, for a build server.
    Junit,
    /// The timeline, for a spreadsheet.
    Csv,
    /// The timeline as JSON lines, for Timesketch.
    Timesketch,
}

/// `lifeboat history`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat history                                   every runbook that was run against AWS
  lifeboat history rds-point-in-time-restore         one of them
  lifeboat history --slower-than 20%                 only what last took 20 % longer than usual

Usual is the median of the runs before the last; of fewer than four runs nothing is called slow.
Only runs against AWS count: what a simulator takes is drawn, not observed.")]
pub(crate) struct HistoryArguments {
    /// The name of a runbook [default: all].
    #[arg(value_name = "RUNBOOK")]
    pub(crate) runbook: Option<String>,
    /// Show only what last took so much longer than usual.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) slower_than: Option<f64>,
    /// Show the runs of simulators and of other endpoints instead; they are no evidence.
    #[arg(long)]
    pub(crate) simulated: bool,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// A share from `20%` or `20`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    number
        .ok()
        .filter(|number| number.is_finite())
        .map(|number| number / 100.0)
        .ok_or_else(|| format!("`{text}` is no percentage; write `20%`"))
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
    #[command(flatten)]
    pub(crate) given: InputArguments,
}

/// `lifeboat graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat graph runbooks/rds-several-databases.yaml                 for a block of Mermaid in Markdown
  lifeboat graph runbooks/rds-several-databases.yaml --format svg > steps.svg
  lifeboat graph runbooks/rds-several-databases.yaml --format dot | dot -Tpng -o steps.png

A hexagon is what a person does; a dashed border: it runs only if its condition holds; a bold one: the point of no
return. Of a loop the steps are drawn once.")]
pub(crate) struct GraphArguments {
    /// The runbook.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// How it is written.
    #[arg(long, default_value = "mermaid", value_name = "FORMAT")]
    pub(crate) format: GraphFormat,
}

/// The forms of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Mermaid: GitHub and many wikis draw it.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// A picture.
    Svg,
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

/// `lifeboat sim`.
#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Serve the simulated AWS over HTTP, for any SDK and for the AWS CLI.
    Serve(ServeArguments),
}

/// `lifeboat sim serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lifeboat sim serve                              then: export AWS_ENDPOINT_URL=http://127.0.0.1:4580
  lifeboat sim serve my-world.json --seed 7       a world of your own; the same seed, the same durations
  lifeboat sim serve --start now                  a world of today: backups of last night, rows of this minute
  curl -d '{\"s\": 600}' http://127.0.0.1:4580/_sim/advance      ten minutes pass
  curl http://127.0.0.1:4580/_sim/log             what changed the world, a JSON object a line

Any credentials are taken and no signature is judged: do not make it reachable from elsewhere.")]
pub(crate) struct ServeArguments {
    /// An embedded world, or a world file (JSON).
    #[arg(default_value = "default", value_name = "WORLD")]
    pub(crate) world: String,
    /// Where to listen; port 0 takes any that is free. The address is printed.
    #[arg(long, default_value = "127.0.0.1:4580", value_name = "ADDR")]
    pub(crate) listen: String,
    /// How fast its clock runs: 0 stands still, 1 is real time, 60 makes a minute of every second.
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub(crate) clock_rate: f64,
    /// When its world begins: `now`, or a time; everything in it moves along [default: as the world says].
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// What goes wrong, YAML (see docs/simulator.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// The seed of durations and ids [default: a random one, which is printed].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}
