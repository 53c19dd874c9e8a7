//! One run from its file to its exit code: what `drill` and `run` share.

use crate::args::{Output, StartArguments};
use crate::error::CommandError;
use crate::home::Home;
use crate::screen::Lines;
use crate::wiring::{self, Wiring};
use chrono::{DateTime, Utc};
use lifeboat_engine::driver::Engine;
use lifeboat_engine::log::{Observer, RunLog};
use lifeboat_engine::start::{self, Aim, Start};
use lifeboat_engine::{inputs, name};
use lifeboat_journal::chain;
use lifeboat_journal::file::{FileStorage, JournalWriter, RunDirectory};
use lifeboat_journal::outcome;
use lifeboat_runbook::check::Checked;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::{Catalog, Effect};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
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
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(request.simulate.is_some());
    let runtime = runtime.build().map_err(|error| CommandError::failed(format!("no runtime: {error}")))?;
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

fn given_inputs(given: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let mut inputs = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(CommandError::usage(format!("`-i {text}` has no `=`")).hint("write it as -i name=value"));
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
        let start = self.start(&wiring)?;
        let aim = start::aim(&self.plan, &self.catalog, &start, wiring.clock.now())?;
        let caller = wiring.caller(&aim.region).await;
        self.consent(&aim, &caller)?;
        let _lock = self.open(&directory)?;
        let log = self.log(&wiring, &directory, &id)?;
        start::begin(&log, &self.plan, &start, &aim, &caller)?;
        let permitted =
            log.with_state(|state| start::permitted(&self.plan, &self.catalog, state, wiring.clock.now()))?;
        let (arguments, quiet) = (self.arguments, self.request.quiet);
        let engine = Engine {
            plan: Arc::new(self.plan),
            catalog: self.catalog,
            registry: wiring.registry,
            clock: wiring.clock,
            log: log.clone(),
            permitted,
            confirmed: self.request.confirmed,
            stop: on_interrupt(),
        };
        engine.run().await?;
        finish(&log, arguments.output, quiet)
    }

    /// From the seed in a simulated run, so that the same seed gives the same run; a seed used before gets a number.
    fn run_id(&self) -> Result<RunId, CommandError> {
        let mut entropy = [0; 10];
        match &self.request.simulate {
            Some((world, seed)) => {
                let digest = Sha256::digest(format!("run\n{world}\n{seed}\n{}", self.plan.name));
                entropy.copy_from_slice(&digest[..10]);
            }
            None => getrandom::fill(&mut entropy)
                .map_err(|error| CommandError::failed(format!("the system gives no random numbers: {error}")))?,
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
                wiring::simulated(world, *seed, &directory.world())
            }
            None => {
                let (profile, region) = (self.request.profile.clone(), self.request.region.clone());
                wiring::real(profile, region, &self.arguments.connect).await
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
            digests: self.plan.sources.iter().map(|source| chain::hex(&Sha256::digest(&source.text))).collect(),
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
        Err(CommandError::refused("this drill may touch resources that it did not make (`allow` in the runbook)")
            .hint(format!("if it is meant, type the account: --confirm {account}")))
    }

    fn open(&self, directory: &RunDirectory) -> Result<std::fs::File, CommandError> {
        let failed = |error: io::Error| CommandError::file("write", directory.path(), &error);
        directory.create().map_err(failed)?;
        for (index, source) in self.plan.sources.iter().enumerate() {
            directory.keep_source(index, &source.text).map_err(failed)?;
        }
        let holder = format!("{} on {}, process {}", crate::home::user(), crate::home::host(), std::process::id());
        directory.lock(&holder).map_err(|error| CommandError::refused(error.to_string()))
    }

    fn log(&self, wiring: &Wiring, directory: &RunDirectory, id: &RunId) -> Result<Arc<RunLog>, CommandError> {
        let storage =
            FileStorage::open(directory).map_err(|error| CommandError::file("write", directory.path(), &error))?;
        let writer = JournalWriter::create(Box::new(storage), id.clone());
        let observers: Vec<Box<dyn Observer>> = match self.request.quiet {
            true => Vec::new(),
            false => {
                if let Some((world, seed)) = &self.request.simulate {
                    eprintln!("run {id}, simulated (world {world}, seed {seed})");
                } else {
                    eprintln!("run {id}");
                }
                vec![Box::new(Lines::default())]
            }
        };
        Ok(Arc::new(RunLog::new(wiring.clock.clone(), writer, Vec::new(), observers)))
    }
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
            #[expect(clippy::disallowed_macros, reason = "biased")]
            let by = tokio::select! {
                biased;
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
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
        (lifeboat_report::document::document(state, &events, &head), crate::commands::show::summary(state, &events, &head))
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
    Ok(log.with_state(|state| state.outcome.as_ref().map_or(outcome::PAUSED, |outcome| outcome.exit_code())))
}
