//! One run from its file to its exit code: what `drill` and `run` share.

use crate::args::{Output, StartArguments};
use crate::error::CommandError;
use crate::home::{Home, ReadRun};
use crate::screen::Lines;
use crate::wiring::{self, Wiring};
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_engine::driver::Engine;
use lifeboat_engine::log::{Observer, RunLog};
use lifeboat_engine::start::{self, Aim, Start};
use lifeboat_engine::{inputs, name};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Cloud, Draft, EventKind, RunStarted, SEMANTICS};
use lifeboat_journal::file::{FileStorage, JournalWriter, RunDirectory};
use lifeboat_journal::outcome;
use lifeboat_runbook::check::Checked;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::{Catalog, Effect};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What the command line says besides the runbook.
pub(crate) struct Request {
    /// Drill or recovery.
    pub(crate) mode: Mode,
    /// The simulated world and its seed; nothing for the real one.
    pub(crate) simulate: Option<(String, u64)>,
    /// When service was lost.
    pub(crate) disrupted_at: Option<DateTime<Utc>>,
    /// Names typed for destruction.
    pub(crate) confirmed: BTreeSet<String>,
    /// The account id typed for a drill that touches what it did not make.
    pub(crate) confirmed_account: Option<String>,
    /// The AWS profile.
    pub(crate) profile: Option<String>,
    /// The Region where the runbook names none.
    pub(crate) region: Option<String>,
    /// Whether to show progress.
    pub(crate) quiet: bool,
}

/// Reads, checks, starts and drives a run; gives the exit code.
pub(crate) fn run(home: &Home, arguments: &StartArguments, request: Request) -> Result<u8, CommandError> {
    let catalog = wiring::catalog();
    let plan = load(&arguments.file, &catalog)?;
    if let Some(sentence) = start::not_yet(&plan) {
        return Err(CommandError::refused(sentence));
    }
    let given = given_inputs(&arguments.inputs)?;
    let inputs = inputs::resolve(&plan.inputs, &given).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        CommandError::usage(errors.join("\n       "))
    })?;
    let runtime = runtime(request.simulate.is_some())?;
    runtime.block_on(Session { home, arguments, request, catalog, plan, inputs }.drive())
}

/// Reads and checks a runbook; what is wrong with it goes to standard error.
pub(crate) fn load(file: &Path, catalog: &Catalog) -> Result<Plan, CommandError> {
    let Checked { plan, diagnostics, sources } = crate::commands::check::check_file(file, catalog, None)?;
    for diagnostic in &diagnostics {
        eprintln!("{}", crate::commands::check::human(diagnostic, &sources));
    }
    plan.ok_or_else(|| CommandError::usage(format!("{} cannot be run; nothing was touched", file.display())))
}

/// `-i name=value`, each name once.
pub(crate) fn given_inputs(given: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut inputs = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                CommandError::usage(format!("`-i {text}` has no `=`")).hint("write it as -i name=value")
            );
        };
        if inputs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(CommandError::usage(format!("the input `{name}` is given twice")));
        }
    }
    Ok(inputs)
}

struct Session<'command> {
    home: &'command Home,
    arguments: &'command StartArguments,
    request: Request,
    catalog: Catalog,
    plan: Plan,
    inputs: lifeboat_engine::action::Values,
}

impl Session<'_> {
    async fn drive(self) -> Result<u8, CommandError> {
        let id = self.run_id()?;
        let directory = RunDirectory::of(self.home.path(), &id);
        let wiring = self.wire(&directory).await?;
        everything_is_in_this_build(&self.plan, &wiring)?;
        let start = self.start(&wiring)?;
        let aim = start::aim(&self.plan, &self.catalog, &start, wiring.clock.now())?;
        let caller = wiring.caller(&aim.region).await;
        self.consent(&aim, &caller)?;
        let _lock = self.open(&directory)?;
        let observers = observers(self.request.quiet, &id, &wiring.cloud);
        let writer = JournalWriter::create(storage(&directory)?, id);
        let log = Arc::new(RunLog::new(wiring.clock.clone(), writer, Vec::new(), observers));
        start::begin(&log, &self.plan, &start, &aim, &caller)?;
        let Self { arguments, request, catalog, plan, .. } = self;
        let screen = Screen { output: arguments.output, quiet: request.quiet };
        drive(plan, catalog, wiring, log, request.confirmed, screen).await
    }

    /// From the seed in a simulated run, so that the same seed gives the same run; a seed used before gets a number.
    fn run_id(&self) -> Result<RunId, CommandError> {
        let mut entropy = [0; 10];
        match &self.request.simulate {
            Some((world, seed)) => {
                let digest = Sha256::digest(format!("run\n{world}\n{seed}\n{}", self.plan.name));
                entropy.copy_from_slice(&digest[..10]);
            }
            None => getrandom::fill(&mut entropy).map_err(|error| {
                CommandError::failed(format!("the system gives no random numbers: {error}"))
            })?,
        }
        let id = name::run_id(&entropy);
        let numbered = (2..).map(|number| RunId::new(format!("{id}-{number}")));
        let free = std::iter::once(id.clone())
            .chain(numbered)
            .find(|id| !RunDirectory::of(self.home.path(), id).exists());
        Ok(free.unwrap_or(id))
    }

    async fn wire(&self, directory: &RunDirectory) -> Result<Wiring, CommandError> {
        match &self.request.simulate {
            Some((world, seed)) => {
                directory.create().map_err(|error| CommandError::file("make", directory.path(), &error))?;
                wiring::simulated(world, *seed, &directory.world(), None)
            }
            None => {
                let (profile, region) = (self.request.profile.clone(), self.request.region.clone());
                Ok(wiring::real(profile, region).await)
            }
        }
    }

    fn start(&self, wiring: &Wiring) -> Result<Start, CommandError> {
        let simulated = self.request.simulate.is_some();
        let (operator, host) = match simulated {
            true => ("simulated operator".to_owned(), "simulated host".to_owned()),
            false => (crate::home::user(), crate::home::host()),
        };
        let previous_head = match simulated {
            true => None,
            false => self.home.runs()?.into_iter().rev().find_map(Result::ok).map(|run| run.journal.head),
        };
        Ok(Start {
            mode: self.request.mode,
            cloud: wiring.cloud.clone(),
            inputs: self.inputs.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            operator,
            host,
            digests: self
                .plan
                .sources
                .iter()
                .map(|source| chain::hex(&Sha256::digest(&source.text)))
                .collect(),
            disrupted_at: self.request.disrupted_at,
            previous_head,
            default_region: self.request.region.clone().or_else(|| wiring.default_region()),
        })
    }

    /// Asks before the first change in the real world.
    fn consent(
        &self,
        aim: &Aim,
        caller: &Result<start::Caller, lifeboat_engine::action::ActionError>,
    ) -> Result<(), CommandError> {
        let (None, Ok(caller)) = (&self.request.simulate, caller) else { return Ok(()) };
        if self.request.mode == Mode::Drill {
            return self.consent_to_allowed(&caller.account);
        }
        if self.arguments.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(CommandError::refused("a recovery changes AWS, and there is no terminal to ask on")
                .hint("start it with --yes if it is meant"));
        }
        eprintln!("{} in account {} ({}), as {}:", self.plan.title, caller.account, aim.region, caller.arn);
        for step in self.plan.steps.iter().filter(|step| step.effect != Some(Effect::Read)) {
            let effect = step.effect.map_or("unknown effect", Effect::word);
            eprintln!("  {:20} {:10} {}", step.id, effect, step.action().unwrap_or(step.kind()));
        }
        eprint!("Start? [y/N] ");
        let mut answer = String::new();
        let read = io::stderr().flush().and_then(|()| io::stdin().read_line(&mut answer));
        match read {
            Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
            _ => Err(CommandError::refused("not started; nothing was touched")),
        }
    }

    fn consent_to_allowed(&self, account: &str) -> Result<(), CommandError> {
        if self.plan.allow.is_empty() || self.request.confirmed_account.as_deref() == Some(account) {
            return Ok(());
        }
        Err(CommandError::refused(
            "this drill may touch resources that it did not make (`allow` in the runbook)",
        )
        .hint(format!("if it is meant, type the account: --confirm {account}")))
    }

    fn open(&self, directory: &RunDirectory) -> Result<fs::File, CommandError> {
        let failed = |error: io::Error| CommandError::file("write", directory.path(), &error);
        directory.create().map_err(failed)?;
        for (index, source) in self.plan.sources.iter().enumerate() {
            directory.keep_source(index, &source.text).map_err(failed)?;
        }
        lock(directory)
    }
}

/// Refuses a plan that names an action whose code is not here: better now than in the middle.
fn everything_is_in_this_build(plan: &Plan, wiring: &Wiring) -> Result<(), CommandError> {
    let steps = plan.preflight.iter().chain(&plan.steps).chain(plan.cleanup_steps());
    let missing =
        steps.filter_map(|step| step.action()).find(|action| wiring.registry.action(action).is_none());
    match missing {
        None => Ok(()),
        Some(action) => {
            Err(CommandError::refused(format!("this version runs `{action}` only in a simulation"))
                .hint("rehearse with --simulate, or take the step out of a copy of the runbook"))
        }
    }
}

/// How a command shows what happens.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    /// The form of the result.
    pub(crate) output: Output,
    /// Whether to say nothing on the way.
    pub(crate) quiet: bool,
}

/// Drives a run that has its first event, as far as it goes now, and tells what came of it.
async fn drive(
    plan: Plan,
    catalog: Catalog,
    wiring: Wiring,
    log: Arc<RunLog>,
    confirmed: BTreeSet<String>,
    screen: Screen,
) -> Result<u8, CommandError> {
    let permitted = log.with_state(|state| start::permitted(&plan, &catalog, state, wiring.clock.now()))?;
    let engine = Engine {
        plan: Arc::new(plan),
        catalog,
        registry: wiring.registry,
        clock: wiring.clock,
        log: log.clone(),
        permitted,
        confirmed,
        stop: on_interrupt(),
    };
    engine.run().await?;
    finish(&log, screen.output, screen.quiet)
}

/// What `resume` needs from the command line.
pub(crate) struct Resumption {
    /// Which run.
    pub(crate) run: ReadRun,
    /// Names typed for destruction.
    pub(crate) confirmed: BTreeSet<String>,
    /// The AWS profile.
    pub(crate) profile: Option<String>,
    /// How to show it.
    pub(crate) screen: Screen,
}

/// Takes up a run where its journal ends.
pub(crate) fn resume(home: &Home, resumption: Resumption) -> Result<u8, CommandError> {
    let started = resumption.run.state.started.clone().ok_or_else(|| {
        CommandError::refused(format!(
            "{} ended before its first event; there is nothing to resume",
            resumption.run.id
        ))
    })?;
    if let Some(outcome) = &resumption.run.state.outcome {
        return Err(CommandError::refused(format!("{} is finished: {}", resumption.run.id, outcome.word())));
    }
    if started.semantics != SEMANTICS {
        return Err(CommandError::refused(format!(
            "{} was started by lifeboat {}",
            resumption.run.id, started.version
        ))
        .hint("resume it with that version; show, report and verify work with this one"));
    }
    let runtime = runtime(matches!(started.cloud, Cloud::Simulated { .. }))?;
    runtime.block_on(take_up(home, resumption, &started))
}

async fn take_up(home: &Home, resumption: Resumption, started: &RunStarted) -> Result<u8, CommandError> {
    let Resumption { run, confirmed, profile, screen } = resumption;
    let directory = &run.directory;
    let _lock = lock(directory)?;
    // Read again: now nobody else can write.
    let run = home.find(run.id.as_str())?;
    let catalog = wiring::catalog();
    let plan = kept_plan(directory, started, &catalog)?;
    let last = run.state.last.map(|last| last.at);
    let wiring = match &started.cloud {
        Cloud::Simulated { world, seed } => wiring::simulated(world, *seed, &directory.world(), last)?,
        Cloud::Aws | Cloud::Endpoint { .. } => wiring::real(profile, Some(started.region.clone())).await,
    };
    let caller = wiring.caller(&started.region).await?;
    if caller.account != started.account {
        let message =
            format!("these credentials belong to {}, and the run is in {}", caller.account, started.account);
        return Err(CommandError::refused(message));
    }
    let mut drafts = cut_torn_tail(directory, &run)?;
    let now = wiring.clock.now();
    let away_s = last.map_or(0.0, |last| (now - last).num_milliseconds() as f64 / 1000.0);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    drafts.push(Draft::run(EventKind::RunResumed { version, away_s }));
    let writer = JournalWriter::resume(storage(directory)?, run.id.clone(), &run.journal);
    let observers = observers(screen.quiet, &run.id, &wiring.cloud);
    let log = Arc::new(RunLog::new(wiring.clock.clone(), writer, run.journal.events, observers));
    log.append(drafts)?;
    drive(plan, catalog, wiring, log, confirmed, screen).await
}

/// The plan of the sources as they were run: the file on disk may have changed since.
fn kept_plan(
    directory: &RunDirectory,
    started: &RunStarted,
    catalog: &Catalog,
) -> Result<Plan, CommandError> {
    let path = directory.source(0);
    let text = fs::read(&path).map_err(|error| CommandError::file("read", &path, &error))?;
    let Some(source) = started.sources.first() else {
        return Err(CommandError::failed("the journal names no source"));
    };
    if chain::hex(&Sha256::digest(&text)) != source.sha256 {
        return Err(CommandError::failed(format!(
            "{} is not what was run: its digest differs",
            path.display()
        )));
    }
    let checked = crate::commands::check::check_kept(&source.name, text, directory, started, catalog);
    checked.plan.ok_or_else(|| CommandError::failed("the kept runbook is not valid for this version"))
}

/// Appending behind a torn line would spoil a line in the middle: it is cut off, and that is recorded.
fn cut_torn_tail(directory: &RunDirectory, run: &ReadRun) -> Result<Vec<Draft>, CommandError> {
    let torn = &run.journal.torn;
    if torn.is_empty() {
        return Ok(Vec::new());
    }
    let path = directory.journal();
    let cut = fs::File::options().write(true).open(&path).and_then(|file| {
        file.set_len(run.journal.bytes)?;
        file.sync_all()
    });
    cut.map_err(|error| CommandError::file("cut", &path, &error))?;
    let (bytes, sha256) = (torn.len() as u64, chain::hex(&Sha256::digest(torn)));
    Ok(vec![Draft::run(EventKind::TailDropped { bytes, sha256 })])
}

fn lock(directory: &RunDirectory) -> Result<fs::File, CommandError> {
    let holder =
        format!("{} on {}, process {}", crate::home::user(), crate::home::host(), std::process::id());
    directory.lock(&holder).map_err(|error| CommandError::refused(error.to_string()))
}

fn storage(directory: &RunDirectory) -> Result<Box<FileStorage>, CommandError> {
    let storage = FileStorage::open(directory);
    storage.map(Box::new).map_err(|error| CommandError::file("write", directory.path(), &error))
}

fn observers(quiet: bool, run: &RunId, cloud: &Cloud) -> Vec<Box<dyn Observer>> {
    if quiet {
        return Vec::new();
    }
    match cloud {
        Cloud::Simulated { world, seed } => eprintln!("run {run}, simulated (world {world}, seed {seed})"),
        Cloud::Aws => eprintln!("run {run}"),
        Cloud::Endpoint { url } => eprintln!("run {run}, against {url}"),
    }
    vec![Box::new(Lines::default())]
}

/// One thread; the clock of a simulated run is paused, so that waiting takes no time.
fn runtime(simulated: bool) -> Result<Runtime, CommandError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(simulated).build();
    runtime.map_err(|error| CommandError::failed(format!("no runtime: {error}")))
}

/// Ctrl-C and SIGTERM: the first asks the run to stop in good order, the second ends the process.
fn on_interrupt() -> watch::Receiver<Option<String>> {
    let (ask, asked) = watch::channel(None);
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let mut times = 0;
        loop {
            let by = match select(pin!(interrupt.recv()), pin!(terminate.recv())).await {
                Either::Left(_) => "SIGINT",
                Either::Right(_) => "SIGTERM",
            };
            times += 1;
            if times > 1 {
                eprintln!("leaving now; `lifeboat show latest` tells what is where");
                #[expect(clippy::disallowed_methods, reason = "the second signal means now")]
                std::process::exit(i32::from(outcome::PAUSED));
            }
            eprintln!("{by}: stopping in good order; once more leaves at once");
            if ask.send(Some(by.to_owned())).is_err() {
                return;
            }
        }
    });
    asked
}

/// Prints what came of it and gives the exit code.
fn finish(log: &RunLog, output: Output, quiet: bool) -> Result<u8, CommandError> {
    let events = log.events();
    let head = log.head();
    let (document, text) = log.with_state(|state| {
        (
            lifeboat_report::document::document(state, &events, &head),
            crate::commands::show::summary(state, &events, &head),
        )
    });
    match output {
        Output::Json => crate::commands::print_json(&document)?,
        Output::Human => {
            if !quiet {
                eprintln!();
            }
            print!("{text}");
        }
    }
    if let Some(run) = log.with_state(|state| state.run.clone().filter(|_| state.outcome.is_none())) {
        eprintln!("\nnothing was taken back; go on with: lifeboat resume {run}");
    }
    Ok(log.with_state(|state| state.outcome.as_ref().map_or(outcome::PAUSED, |outcome| outcome.exit_code())))
}
