//! One run from its file to its exit code: what `drill` and `run` share.

use crate::args::{Output, ShowingArguments, StartArguments};
use crate::commands::Globals;
use crate::desk::{self, Answers, Desk};
use crate::error::CommandError;
use crate::faults::{self, Faults, Kill, Mortal};
use crate::home::Home;
use crate::inbox::Inbox;
use crate::live::{self, Live, Look};
use crate::locks::{self, Local, Wanted};
use crate::orders;
use crate::pace::Pace;
use crate::reports::{self, Place};
use crate::screen::{self, Answered, Lines};
use crate::signals;
use crate::terminal::{self, Terminal};
use crate::wiring::{self, Wiring, WorldReference};
use chrono::{DateTime, Utc};
use lifeboat_engine::driver::{Engine, Outside, Stop};
use lifeboat_engine::locking::Locking;
use lifeboat_engine::log::{Observer, RunLog};
use lifeboat_engine::name;
use lifeboat_engine::notify::{self, Bags, Crier, Post};
use lifeboat_engine::start::{self, Aim, RoleError, Start};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Cloud, Draft, Event};
use lifeboat_journal::file::{FileStorage, JournalWriter, RunDirectory, Storage};
use lifeboat_journal::identity::Identity;
use lifeboat_journal::outcome;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::check::Checked;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::notice::Updates;
use lifeboat_runbook::plan::{AllowedResource, Mode, Plan};
use lifeboat_runbook::spec::{Catalog, Effect};
use lifeboat_sim::WorldDefinition;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the command line says besides the runbook.
pub(crate) struct Request {
    /// Drill or recovery.
    pub(crate) mode: Mode,
    /// Whether people are asked while the clock of the simulation goes on.
    pub(crate) tabletop: bool,
    /// The simulation; nothing for the real AWS.
    pub(crate) simulate: Option<Simulation>,
    /// Checks that need not hold, and why.
    pub(crate) accepted: Vec<String>,
    /// Why, for those, and for a lock that is broken.
    pub(crate) reason: Option<String>,
    /// When service was lost.
    pub(crate) disrupted_at: Option<DateTime<Utc>>,
    /// Names typed for destruction.
    pub(crate) confirmed: BTreeSet<String>,
    /// The step after which it is paused.
    pub(crate) until: Option<String>,
    /// The account id typed for a drill that touches what it did not make.
    pub(crate) confirmed_account: Option<String>,
    /// The AWS profile.
    pub(crate) profile: Option<String>,
    /// The Region where the runbook names none.
    pub(crate) region: Option<String>,
    /// How it is shown.
    pub(crate) screen: Screen,
}

/// A simulated AWS.
pub(crate) struct Simulation {
    /// Which world it is.
    pub(crate) reference: WorldReference,
    /// What is true in it, faults included.
    pub(crate) world: WorldDefinition,
    /// The seed of its durations.
    pub(crate) seed: u64,
    /// When this process dies.
    pub(crate) kill: Option<Kill>,
}

impl Simulation {
    /// What the command line asks for; nothing for the real AWS.
    pub(crate) fn of(arguments: &StartArguments) -> Result<Option<Self>, CommandError> {
        let Some(name) = &arguments.simulate else { return Ok(None) };
        Self::named(name, arguments.faults.as_deref(), arguments.seed).map(Some)
    }

    /// The world called `name`, with what goes wrong in it from a file; a seed is drawn where none is given.
    pub(crate) fn named(name: &str, faults: Option<&Path>, seed: Option<u64>) -> Result<Self, CommandError> {
        let Faults { faults, kill } = match faults {
            Some(path) => faults::read(path)?,
            None => Faults::default(),
        };
        let (reference, world) = WorldReference::of(name, faults)?;
        let seed = seed.map_or_else(draw_seed, Ok)?;
        Ok(Self { reference, world, seed, kill })
    }
}

/// A seed that is easy to type again.
fn draw_seed() -> Result<u64, CommandError> {
    Ok(u64::from(u32::from_le_bytes(entropy()?)))
}

/// Random bytes of the system.
pub(crate) fn entropy<const BYTES: usize>() -> Result<[u8; BYTES], CommandError> {
    let mut bytes = [0; BYTES];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|error| CommandError::failed(format!("the system gives no random numbers: {error}")))?;
    Ok(bytes)
}

/// Reads, checks, starts and drives a run; gives the exit code.
pub(crate) fn run(home: &Home, arguments: &StartArguments, request: Request) -> Result<u8, CommandError> {
    let catalog = wiring::catalog();
    let plan = load(&arguments.file, &catalog)?;
    if let Some(sentence) = start::not_yet(&plan) {
        return Err(CommandError::refused(sentence));
    }
    start::roles(&plan, &arguments.roles.by_role()).map_err(roles_refused)?;
    let inputs = arguments.given.resolve(home, &plan)?;
    let runtime = runtime(request.simulate.is_some())?;
    runtime.block_on(Session { home, arguments, request, catalog, plan, inputs }.drive())
}

/// What is wrong with `--role`: a name that is not there is misuse, somebody who is missing refuses the start.
pub(crate) fn roles_refused(error: RoleError) -> CommandError {
    let hint = error.hint();
    match error {
        RoleError::Unknown { .. } => CommandError::usage(error.to_string()).hint(hint),
        RoleError::Missing { .. } => CommandError::refused(error.to_string()).hint(hint),
    }
}

/// Reads and checks a runbook; what is wrong with it goes to standard error.
pub(crate) fn load(file: &Path, catalog: &Catalog) -> Result<Plan, CommandError> {
    let Checked { plan, diagnostics, sources } = crate::commands::check::check_file(file, catalog, None)?;
    for diagnostic in &diagnostics {
        say!("{}", crate::commands::check::human(diagnostic, &sources));
    }
    plan.ok_or_else(|| CommandError::usage(format!("{} cannot be run; nothing was touched", file.display())))
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
        let answers = match &self.arguments.answers {
            Some(path) => desk::read_answers(path, &self.plan)?,
            None => Answers::new(),
        };
        let accepted = orders::accepted(&self.plan, &self.request.accepted)?;
        let until = self.request.until.as_deref().map(|name| orders::until(&self.plan, name)).transpose()?;
        let id = self.run_id()?;
        let directory = RunDirectory::of(self.home.path(), &id);
        let mut wiring = self.wire(&directory).await?;
        everything_is_in_this_build(&self.plan, &wiring)?;
        let start = self.start(&wiring)?;
        let aim = start::aim(&self.plan, &self.catalog, &start, wiring.clock.now())?;
        let caller = wiring.enter(&aim).await;
        locks::announce(self.home, &self.plan, self.request.mode, &aim, self.request.simulate.is_some());
        self.consent(&aim, &caller)?;
        let key = start::lock_key(&self.plan, &self.catalog, &start, &aim, wiring.clock.now())?;
        let local = self.local_lock(key.as_deref(), &id, &directory)?;
        let _lock = self.open(&directory)?;
        let calls = Calls::of(&directory);
        let plan = Arc::new(self.plan.clone());
        let (mut observers, live) = observers(&self.request.screen, &id, &wiring, &calls.inbox, &plan, &[]);
        let (crier, bags) = Crier::new(&plan.notify);
        observers.push(Box::new(crier));
        let kill = self.request.simulate.as_ref().and_then(|simulation| simulation.kill);
        let writer = JournalWriter::create(mortal(storage(&directory)?, kill), id);
        let log = Arc::new(RunLog::new(wiring.clock.clone(), writer, Vec::new(), observers));
        start::begin(&log, &self.plan, &start, &aim, &caller)?;
        let Local { _file, broken } = local;
        log.append(broken)?;
        start::guard_steps(&log, &self.plan, &self.catalog, wiring.logins().as_ref()).await?;
        log.append(orders::accept(&accepted, self.request.reason.as_deref()))?;
        let by_force = self.arguments.break_lock.then(|| self.request.reason.clone().unwrap_or_default());
        let me = log.with_state(|state| state.operators.first().cloned().unwrap_or_default());
        let Self { request: Request { confirmed, screen, tabletop, .. }, catalog, .. } = self;
        let lock = locking(&wiring, by_force);
        let party = Party { me, tabletop, answers };
        Voyage {
            plan,
            catalog,
            wiring,
            log,
            directory,
            calls,
            confirmed,
            until,
            lock,
            party,
            screen,
            live,
            bags,
        }
        .drive()
        .await
    }

    /// Two processes that simulate do not see each other's locks, except by this one.
    fn local_lock(
        &self,
        key: Option<&str>,
        run: &RunId,
        directory: &RunDirectory,
    ) -> Result<Local, CommandError> {
        let Some(key) = key.filter(|_| self.request.simulate.is_some()) else { return Ok(Local::none()) };
        let waits = self.plan.concurrency.as_ref().is_some_and(|concurrency| concurrency.waits);
        let broken_for = self.request.reason.as_deref().filter(|_| self.arguments.break_lock);
        let (runbook, mode) = (self.plan.name.as_str(), self.request.mode);
        locks::take(self.home, &Wanted { key, run, runbook, mode, waits, broken_for }).inspect_err(|_| {
            // Nothing has begun: of this run nothing stays.
            let _still_there = fs::remove_dir_all(directory.path());
        })
    }

    /// From the seed in a simulated run, so that the same seed gives the same run; a seed used before gets a number.
    fn run_id(&self) -> Result<RunId, CommandError> {
        let entropy = match &self.request.simulate {
            Some(Simulation { world, seed, .. }) => {
                let digest = Sha256::digest(format!("run\n{}\n{seed}\n{}", world.name, self.plan.name));
                std::array::from_fn(|at| digest[at])
            }
            None => entropy()?,
        };
        let id = name::run_id(&entropy);
        let numbered = (2..).map(|number| RunId::new(format!("{id}-{number}")));
        let free = std::iter::once(id.clone())
            .chain(numbered)
            .find(|id| !RunDirectory::of(self.home.path(), id).exists());
        Ok(free.unwrap_or(id))
    }

    async fn wire(&self, directory: &RunDirectory) -> Result<Wiring, CommandError> {
        let Some(Simulation { reference, world, seed, .. }) = &self.request.simulate else {
            let (profile, region) = (self.request.profile.clone(), self.request.region.clone());
            let own_profile = start::profile(&self.plan, self.arguments.target.as_deref())?;
            return wiring::real(profile, own_profile, region, &self.arguments.probes).await;
        };
        let failed = |error: io::Error| CommandError::file("write", directory.path(), &error);
        directory.create().map_err(failed)?;
        let reference = serde_json::to_vec_pretty(reference).map_err(|error| failed(error.into()))?;
        fs::write(directory.world_reference(), reference).map_err(failed)?;
        wiring::simulated(world.clone(), *seed, &directory.world(), None, &self.arguments.probes)
    }

    fn start(&self, wiring: &Wiring) -> Result<Start, CommandError> {
        let simulated = self.request.simulate.is_some();
        let (operator, host) = match simulated {
            true => SIMULATED_OPERATOR.map(str::to_owned).into(),
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
            roles: self.arguments.roles.by_role(),
            people: BTreeMap::new(),
            target: self.arguments.target.clone(),
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
        say!("{} in account {} ({}), as {}:", self.plan.title, caller.account, aim.region, caller.arn);
        for step in self.plan.every_step().into_iter().filter(|step| step.effect != Some(Effect::Read)) {
            let effect = step.effect.map_or("unknown effect", Effect::word);
            say!("  {:20} {:10} {}", step.path.as_str(), effect, step.action().unwrap_or(step.kind()));
        }
        match typed("Start? [y/N] ")?.as_str() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(CommandError::refused("not started; nothing was touched")),
        }
    }

    /// A drill that may touch what it did not make wants the account typed.
    fn consent_to_allowed(&self, account: &str) -> Result<(), CommandError> {
        if self.plan.allow.is_empty() || self.request.confirmed_account.as_deref() == Some(account) {
            return Ok(());
        }
        let refused = CommandError::refused(
            "this drill may touch resources that it did not make (`allow` in the runbook)",
        )
        .hint(format!("if it is meant, type the account: --confirm {account}"));
        if !io::stdin().is_terminal() || self.request.confirmed_account.is_some() {
            return Err(refused);
        }
        say!("{} may touch in account {account} what it did not make:", self.plan.title);
        let text = self.plan.sources.first().map_or("", |source| source.text.as_str());
        for allow in &self.plan.allow {
            let (AllowedResource::Id(what) | AllowedResource::Arn(what) | AllowedResource::Tag(what)) =
                &allow.resource;
            let actions = if allow.actions.is_empty() { "modify".into() } else { allow.actions.join(", ") };
            say!("  {}: {actions}", text.get(what.range.clone()).unwrap_or_default());
        }
        match typed("Type the account id to go on: ")? {
            answer if answer == account => Ok(()),
            _ => Err(refused),
        }
    }

    fn open(&self, directory: &RunDirectory) -> Result<fs::File, CommandError> {
        let failed = |error: io::Error| CommandError::file("write", directory.path(), &error);
        directory.create().map_err(failed)?;
        let texts = self.plan.sources.iter().map(|source| source.text.as_str());
        directory.keep_sources(SOURCES, texts).map_err(failed)?;
        lock(directory)
    }
}

/// Where the sources are kept that a run was started with.
pub(crate) const SOURCES: &str = "sources";

/// Lists what a recovery made and will be deleted, and asks.
pub(crate) fn consent_to_delete(state: &RunState, yes: bool) -> Result<(), CommandError> {
    for created in state.left() {
        let resource = &created.resource;
        say!("deletes {} {} in {} {}", resource.kind, resource.id, resource.account, resource.region);
    }
    if yes || state.left().next().is_none() {
        return Ok(());
    }
    let refused = CommandError::refused("not deleted; nothing was touched");
    if !io::stdin().is_terminal() {
        return Err(refused.hint("start it with --yes if it is meant"));
    }
    match typed("Delete? [y/N] ")?.as_str() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(refused),
    }
}

/// Asks at the terminal, before there is a run.
pub(crate) fn typed(prompt: &str) -> Result<String, CommandError> {
    prompt!("{prompt}");
    let mut answer = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().read_line(&mut answer));
    read.map_err(|error| CommandError::refused(format!("no answer can be read: {error}")))?;
    Ok(answer.trim().to_owned())
}

/// Refuses a plan that names an action whose code is not here: better now than in the middle.
pub(crate) fn everything_is_in_this_build(plan: &Plan, wiring: &Wiring) -> Result<(), CommandError> {
    let probes = plan.every_probe().into_iter().map(|probe| &probe.look);
    let steps = plan.every_step().into_iter().chain(probes);
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
#[derive(Clone)]
pub(crate) struct Screen {
    /// The form of the result.
    pub(crate) output: Output,
    /// Whether to say nothing on the way.
    pub(crate) quiet: bool,
    /// Whether to say everything on the way.
    pub(crate) verbose: bool,
    /// Whether to use colour on the way.
    pub(crate) colored: bool,
    /// How fast simulated time passes.
    pub(crate) pace: Pace,
    /// Where reports are written at the end.
    pub(crate) reports: Option<Place>,
}

impl Screen {
    /// As the command line says; makes the directory of the reports, so that it cannot fail at the end.
    pub(crate) fn of(
        home: &Home,
        globals: &Globals,
        output: Output,
        showing: &ShowingArguments,
    ) -> Result<Self, CommandError> {
        let reports = showing.report.as_ref().map(|directory| Place::make(home, directory)).transpose()?;
        Ok(Self { pace: showing.pace, reports, ..Self::usual(globals, output) })
    }

    /// For commands without a pace and without reports.
    pub(crate) fn usual(globals: &Globals, output: Output) -> Self {
        Self {
            output,
            quiet: globals.quiet,
            verbose: globals.verbose,
            colored: live::colored(globals.color),
            pace: Pace::Instant,
            reports: None,
        }
    }

    /// Whether a person can be asked here.
    fn asks(&self) -> bool {
        self.output == Output::Human && terminal::is_here()
    }
}

/// The ways in which others reach a run that is being driven.
pub(crate) struct Calls {
    pub(crate) inbox: Inbox,
    ask: watch::Sender<Option<Stop>>,
    stop: watch::Receiver<Option<Stop>>,
}

impl Calls {
    pub(crate) fn of(directory: &RunDirectory) -> Self {
        let (ask, stop) = watch::channel(None);
        Self { inbox: Inbox::watch(directory, ask.clone()), ask, stop }
    }
}

/// How long a step may be blocked before the run is paused, where nobody watches.
const BLOCKED_UNATTENDED: Duration = Duration::from_secs(15 * 60);
/// The same in a simulated run, where waiting takes no time.
const BLOCKED_SIMULATED: Duration = Duration::from_secs(4 * 3600);

/// Who starts a simulated run, and where: the same for everybody, as the whole journal is.
pub(crate) const SIMULATED_OPERATOR: [&str; 2] = ["simulated operator", "simulated host"];

/// The people of this process.
pub(crate) struct Party {
    /// Who sits here.
    pub(crate) me: Identity,
    /// Whether the clock of the simulation goes on while people think.
    pub(crate) tabletop: bool,
    /// Answers given in advance.
    pub(crate) answers: Answers,
}

/// A run that has its first event and can be driven on.
pub(crate) struct Voyage {
    pub(crate) plan: Arc<Plan>,
    pub(crate) catalog: Catalog,
    pub(crate) wiring: Wiring,
    pub(crate) log: Arc<RunLog>,
    pub(crate) directory: RunDirectory,
    pub(crate) calls: Calls,
    pub(crate) confirmed: BTreeSet<String>,
    pub(crate) until: Option<StepPath>,
    pub(crate) lock: Locking,
    pub(crate) party: Party,
    pub(crate) screen: Screen,
    pub(crate) live: Option<Live>,
    /// What people are to be told, until somebody delivers it.
    pub(crate) bags: Bags,
}

/// How long a process waits at its end for messages to people that are on their way.
const LAST_MESSAGES: Duration = Duration::from_secs(8);

/// Tasks that go on beside a run and end with it.
struct Beside(Vec<JoinHandle<()>>);

impl Drop for Beside {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Voyage {
    /// Drives it as far as it goes now, and tells what came of it.
    pub(crate) async fn drive(mut self) -> Result<u8, CommandError> {
        let terminal = Terminal::here(self.live.as_ref()).filter(|_| self.screen.asks());
        signals::listen(self.log.clone(), self.calls.ask.clone());
        let post = self.post();
        let beside = self.beside(&post);
        let gone = self.go(terminal).await;
        post.settled(LAST_MESSAGES).await;
        drop(beside);
        if let Some(live) = &self.live {
            live.end();
        }
        gone?;
        finish(&self.log, &self.screen)
    }

    /// Who tells people what happens.
    fn post(&mut self) -> Arc<Post> {
        let bags = std::mem::take(&mut self.bags);
        let record = (self.log.clone(), self.wiring.clock.clone());
        let (secrets, notifiers) = (self.wiring.secrets(), self.wiring.notifiers.clone());
        let post = Post::new(self.plan.clone(), self.catalog.clone(), record, secrets, notifiers, bags);
        let post = Arc::new(post);
        self.wiring.outbox.open(post.clone());
        post
    }

    async fn go(&self, terminal: Option<Terminal>) -> Result<(), CommandError> {
        let outside = self.outside(terminal.clone());
        loop {
            self.engine(&outside)?.run().await?;
            let Some(terminal) = &terminal else { return Ok(()) };
            match self.ask_in_place(terminal).await {
                Some(drafts) => self.log.append(drafts)?,
                None => return Ok(()),
            }
        }
    }

    /// Orders from other terminals, messages and reminders to people, the metronome of a simulated run, and the heartbeat of the plain lines where somebody waits for them.
    fn beside(&self, post: &Arc<Post>) -> Beside {
        let clock = &self.wiring.clock;
        let (inbox, log) = (self.calls.inbox.clone(), self.log.clone());
        let post = post.clone();
        let mut tasks = vec![
            tokio::spawn(async move { inbox.carry_out_orders(&log).await }),
            tokio::spawn(async move { post.carry().await }),
        ];
        if let Some(Updates { every, to }) = self.plan.playbook.as_ref().and_then(|said| said.updates.clone())
        {
            let every = every.to_std().unwrap_or_default();
            tasks.push(tokio::spawn(notify::remind(self.log.clone(), clock.clone(), every, to)));
        }
        if self.screen.pace != Pace::Instant {
            tasks.push(tokio::spawn(self.screen.pace.keep(clock.clone(), self.live.clone())));
        }
        let takes_time = !self.is_simulated() || self.screen.pace != Pace::Instant;
        if takes_time && self.live.is_none() && !self.screen.quiet {
            tasks.push(tokio::spawn(screen::heartbeat(clock.clone(), self.log.clone(), self.plan.clone())));
        }
        Beside(tasks)
    }

    fn engine(&self, outside: &Outside) -> Result<Engine, CommandError> {
        let Self { plan, catalog, wiring, log, .. } = self;
        let permitted = log.with_state(|state| start::permitted(plan, catalog, state, wiring.clock.now()))?;
        Ok(Engine {
            plan: plan.clone(),
            catalog: catalog.clone(),
            registry: wiring.registry.clone(),
            clock: wiring.clock.clone(),
            log: log.clone(),
            permitted,
            confirmed: self.confirmed.clone(),
            until: self.until.clone(),
            outside: outside.clone(),
            stop: self.calls.stop.clone(),
        })
    }

    fn outside(&self, terminal: Option<Terminal>) -> Outside {
        let simulated = self.is_simulated();
        let blocked_limit = match (simulated, &terminal) {
            (true, _) => Some(BLOCKED_SIMULATED),
            (false, Some(_)) => None,
            (false, None) => Some(BLOCKED_UNATTENDED),
        };
        let mode =
            self.log.with_state(|state| state.started.as_ref().map_or(Mode::Drill, |started| started.mode));
        let people = Desk {
            clock: self.wiring.clock.clone(),
            simulated,
            mode,
            tabletop: self.party.tabletop,
            me: self.party.me.clone(),
            directory: self.directory.clone(),
            terminal,
            inbox: self.calls.inbox.clone(),
            answers: self.party.answers.clone(),
            used: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        Outside {
            people: Arc::new(people),
            secrets: self.wiring.secrets(),
            identity: self.wiring.logins(),
            blocked_limit,
            lock: self.lock.clone(),
        }
    }

    fn is_simulated(&self) -> bool {
        matches!(self.wiring.cloud, Cloud::Simulated { .. })
    }

    /// A paused run asks the person at the terminal what is to be done; nothing when it is left as it is.
    async fn ask_in_place(&self, terminal: &Terminal) -> Option<Vec<Draft>> {
        let state = self.log.with_state(Clone::clone);
        let asked = orders::ask_in_place(terminal, &self.plan, &self.catalog, &state);
        match self.is_simulated() {
            true => self.wiring.clock.frozen(desk::FOR_EVER, asked).await.ok().flatten(),
            false => asked.await,
        }
    }
}

/// Where a run takes its lock, and why it is to be broken, if it is.
pub(crate) fn locking(wiring: &Wiring, broken_for: Option<String>) -> Locking {
    Locking { place: wiring.locks(), by_force: broken_for.map(|reason| (crate::home::user(), reason)) }
}

/// Takes a run for this process.
pub(crate) fn lock(directory: &RunDirectory) -> Result<fs::File, CommandError> {
    let holder = crate::home::holder();
    directory.lock(&holder).map_err(|error| CommandError::refused(error.to_string()))
}

/// Takes an incident for this process, as soon as others are done with it: all they do is write some lines.
pub(crate) fn lock_in_turn(directory: &RunDirectory) -> Result<fs::File, CommandError> {
    let locked = directory.lock_in_turn(&crate::home::holder());
    locked.map_err(|error| CommandError::file("write", directory.path(), &error))
}

pub(crate) fn storage(directory: &RunDirectory) -> Result<Box<dyn Storage>, CommandError> {
    let storage = FileStorage::open(directory);
    storage
        .map(|storage| Box::new(storage) as Box<dyn Storage>)
        .map_err(|error| CommandError::file("write", directory.path(), &error))
}

fn mortal(storage: Box<dyn Storage>, kill: Option<Kill>) -> Box<dyn Storage> {
    match kill {
        Some(kill) => Box::new(Mortal { storage, kill, syncs: 0 }),
        None => storage,
    }
}

/// Who looks on while a run goes on: a live view on a terminal, else plain lines. `events` are those of earlier processes.
pub(crate) fn observers(
    screen: &Screen,
    run: &RunId,
    wiring: &Wiring,
    inbox: &Inbox,
    plan: &Arc<Plan>,
    events: &[Event],
) -> (Vec<Box<dyn Observer>>, Option<Live>) {
    let answered: Box<dyn Observer> = Box::new(Answered(inbox.clone()));
    if screen.quiet {
        return (vec![answered], None);
    }
    match &wiring.cloud {
        Cloud::Simulated { world, seed } => say!("run {run}, simulated (world {world}, seed {seed})"),
        Cloud::Aws => say!("run {run}"),
        Cloud::Endpoint { url } => say!("run {run}, against {url}"),
    }
    if !live::can_be_shown() {
        return (vec![answered, Box::new(Lines { verbose: screen.verbose })], None);
    }
    // A simulated clock can be read only where the run is driven.
    let clock = match wiring.cloud {
        Cloud::Simulated { .. } => None,
        Cloud::Aws | Cloud::Endpoint { .. } => Some(wiring.clock.clone()),
    };
    let look = Look { colored: screen.colored, verbose: screen.verbose, takes_keys: screen.asks() };
    let live = Live::begin(Some(plan.clone()), events, clock, look);
    (vec![answered, live.observer()], Some(live))
}

/// One thread; the clock of a simulated run is paused, so that waiting takes no time.
pub(crate) fn runtime(simulated: bool) -> Result<Runtime, CommandError> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(simulated).build();
    runtime.map_err(|error| CommandError::failed(format!("no runtime: {error}")))
}

/// Prints what came of it and gives the exit code.
fn finish(log: &RunLog, screen: &Screen) -> Result<u8, CommandError> {
    let events = log.events();
    let head = log.head();
    let (document, text) = log.with_state(|state| {
        (
            lifeboat_report::document::document(state, &events, &head),
            crate::commands::show::summary(state, &events, &head),
        )
    });
    let printed = match screen.output {
        Output::Json => crate::commands::print_json(&document),
        Output::Human => {
            if !screen.quiet {
                say!();
            }
            crate::commands::print_bytes(text.as_bytes())
        }
    };
    for line in log.with_state(orders::what_next) {
        say!("{line}");
    }
    if let (Some(place), Some(run)) = (&screen.reports, log.with_state(|state| state.run.clone())) {
        // The run is what it is, whether its reports can be written or not.
        reports::write(place, &run).unwrap_or_else(|error| error.tell());
    }
    printed?;
    Ok(log.with_state(|state| state.outcome.as_ref().map_or(outcome::PAUSED, |outcome| outcome.exit_code())))
}
