//! Taking up a run that is in its journal: to go on, to end it, to take away what it left.

use crate::args::Output;
use crate::commands::Globals;
use crate::connect_to::ProbeArguments;
use crate::desk::{self, Answers};
use crate::error::CommandError;
use crate::home::{Home, ReadRun, host, user};
use crate::locks::{self, Local, Wanted};
use crate::orders::{self, Orders};
use crate::pace::Pace;
use crate::session::{self, Calls, Party, SIMULATED_OPERATOR, SOURCES, Screen, Voyage};
use crate::wiring::{self, Wiring, WorldReference};
use chrono::TimeDelta;
use lifeboat_engine::adopt::{self as adoption, Adoption};
use lifeboat_engine::log::RunLog;
use lifeboat_engine::notify::Crier;
use lifeboat_engine::start::{Aim, Caller};
use lifeboat_engine::{amend, start};
use lifeboat_journal::chain::{self, Verified};
use lifeboat_journal::event::{
    Actor, Cloud, Draft, EventKind, PlanAmended, RunStarted, SEMANTICS, SourceDigest,
};
use lifeboat_journal::file::{JournalWriter, RunDirectory};
use lifeboat_journal::identity::Identity;
use lifeboat_journal::outcome::{self, Outcome};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a run is taken up.
#[expect(clippy::large_enum_variant, reason = "one for each process")]
pub(crate) enum Purpose {
    /// To go on.
    Resume {
        /// What a person orders.
        orders: Orders,
        /// What does instead of what the step of `--done` would have made.
        adopt: BTreeMap<String, String>,
        /// A corrected runbook, and why.
        amended: Option<PathBuf>,
    },
    /// To end it.
    Abort {
        /// Whether to take back what was done.
        undo: Option<bool>,
        /// Why.
        why: Option<String>,
    },
    /// To take away what it left.
    Cleanup {
        /// A corrected runbook, and why.
        amended: Option<(PathBuf, String)>,
    },
}

/// What is needed to take a run up.
pub(crate) struct TakeUp {
    /// Which run.
    pub(crate) run: ReadRun,
    /// Why.
    pub(crate) purpose: Purpose,
    /// Names typed for destruction.
    pub(crate) confirmed: BTreeSet<String>,
    /// A file of answers.
    pub(crate) answers: Option<PathBuf>,
    /// Who holds which role from here on.
    pub(crate) roles: BTreeMap<String, String>,
    /// For a simulated run: the time that passed in the world meanwhile.
    pub(crate) downtime: Option<TimeDelta>,
    /// The AWS profile.
    pub(crate) profile: Option<String>,
    /// Where its probes connect.
    pub(crate) probes: ProbeArguments,
    /// Why the lock of another run is to be broken, if it is.
    pub(crate) broken_for: Option<String>,
    /// How to show it.
    pub(crate) screen: Screen,
}

impl TakeUp {
    /// For a purpose that needs no more than the run.
    pub(crate) fn new(run: ReadRun, purpose: Purpose, globals: Globals, output: Output) -> Self {
        Self {
            run,
            purpose,
            confirmed: BTreeSet::new(),
            answers: None,
            roles: BTreeMap::new(),
            downtime: None,
            screen: Screen::usual(&globals, output),
            profile: globals.profile,
            probes: ProbeArguments::default(),
            broken_for: None,
        }
    }
}

/// Takes a run up and drives it on; gives the exit code.
pub(crate) fn take_up(home: &Home, take_up: TakeUp) -> Result<u8, CommandError> {
    let started = started(&take_up.run)?;
    fits(&take_up, &started)?;
    let is_simulated = matches!(started.cloud, Cloud::Simulated { .. });
    if !is_simulated && take_up.screen.pace != Pace::Instant {
        return Err(CommandError::usage("--pace is for simulated runs; AWS takes the time it takes"));
    }
    let runtime = session::runtime(is_simulated)?;
    runtime.block_on(drive(home, take_up, &started))
}

/// What the first event says.
pub(crate) fn started(run: &ReadRun) -> Result<Box<RunStarted>, CommandError> {
    run.state.started.clone().ok_or_else(|| {
        CommandError::refused(format!("{} ended before its first event; nothing was done", run.id))
    })
}

/// A run that is over goes on no more.
pub(crate) fn finished(run: &RunId, outcome: &Outcome) -> CommandError {
    let hint = match outcome.left_behind.is_empty() {
        true => format!("`lifeboat show {run}` tells how it ended; to try again, start a new one"),
        false => format!("`lifeboat cleanup {run}` takes away what it left behind"),
    };
    CommandError::refused(format!("{run} is finished: {}", outcome.word())).hint(hint)
}

/// Whether the run can be taken up for this purpose by this version.
fn fits(take_up: &TakeUp, started: &RunStarted) -> Result<(), CommandError> {
    let TakeUp { run, purpose, .. } = take_up;
    match (&run.state.outcome, purpose) {
        (Some(outcome), Purpose::Resume { .. } | Purpose::Abort { .. }) => {
            return Err(finished(&run.id, outcome));
        }
        (None, Purpose::Cleanup { .. }) => {
            return Err(CommandError::refused(format!("{} is not over", run.id)).hint(format!(
                "end it first: `lifeboat abort {0} --undo` takes back what it did; `lifeboat resume {0}` goes on",
                run.id
            )));
        }
        _ => {}
    }
    // To end a run and to clean up works with every version: nobody may be left with what cannot be taken away.
    if matches!(purpose, Purpose::Resume { .. }) && started.semantics != SEMANTICS {
        return Err(CommandError::refused(format!("{} was started by lifeboat {}", run.id, started.version))
            .hint(
                "resume it with that version; abort, cleanup, show, report and verify work with this one",
            ));
    }
    Ok(())
}

async fn drive(home: &Home, take_up: TakeUp, started: &RunStarted) -> Result<u8, CommandError> {
    let TakeUp { run, purpose, confirmed, answers, roles, downtime, profile, probes, broken_for, screen } =
        take_up;
    let directory = run.directory.clone();
    let _lock = session::lock(&directory)?;
    // Read again: now nobody else can write.
    let run = home.find(run.id.as_str())?;
    let catalog = wiring::catalog();
    let mut plan = kept_plan(&directory, &run.state, started, &catalog)?;
    let mut wiring = wire(&directory, &run.state, started, downtime, profile, &probes).await?;
    let caller = same_account(&mut wiring, started).await?;
    let me = me(started, caller);
    let Local { _file, broken } = match purpose {
        Purpose::Resume { .. } => local_lock(home, &run, &plan, started, broken_for.as_deref())?,
        Purpose::Abort { .. } | Purpose::Cleanup { .. } => Local::none(),
    };
    let mut drafts = opening(&directory, &run, &wiring, &me)?;
    drafts.extend(broken);
    let resumes = matches!(purpose, Purpose::Resume { .. });
    drafts.extend(start::assignments(&roles));
    match purpose {
        Purpose::Resume { mut orders, adopt, amended } => {
            if let Some(path) = amended {
                let reason = orders.reason.clone().unwrap_or_default();
                let (new, draft) = amend(&path, &plan, &run, started, &catalog, reason)?;
                plan = new;
                drafts.push(draft);
                orders.amended = true;
            }
            if let (Some(step), false) = (&orders.done, adopt.is_empty()) {
                let path = orders::named(&plan, &run.state, step)?;
                let adoption = Adoption {
                    plan: &plan,
                    catalog: &catalog,
                    registry: &wiring.registry,
                    clock: &wiring.clock,
                    state: &run.state,
                };
                let outputs = adoption::adopt(&adoption, &path, &adopt).await?;
                orders.adopted = Some((adopt, outputs));
            }
            drafts.extend(orders.drafts(&plan, &catalog, &run.state)?);
        }
        Purpose::Abort { undo, why } => drafts.push(abort(why, undo)),
        Purpose::Cleanup { amended } => {
            if let Some((path, reason)) = amended {
                let (new, draft) = amend(&path, &plan, &run, started, &catalog, reason)?;
                plan = new;
                drafts.push(draft);
            }
            let kind = EventKind::CleanupAsked { by: user() };
            drafts.push(Draft::run(kind).by(Actor::person(user())));
        }
    }
    if resumes {
        let held = run.state.roles.iter().chain(&roles).map(|(role, who)| (role.clone(), who.clone()));
        start::roles(&plan, &held.collect()).map_err(session::roles_refused)?;
    }
    session::everything_is_in_this_build(&plan, &wiring)?;
    let answers = match answers {
        Some(path) => desk::read_answers(&path, &plan)?,
        None => Answers::new(),
    };
    let calls = Calls::of(&directory);
    let writer = JournalWriter::resume(session::storage(&directory)?, run.id.clone(), &run.journal);
    let plan = Arc::new(plan);
    let (crier, bags) = Crier::new(&plan.notify);
    let (mut observers, live) =
        session::observers(&screen, &run.id, &wiring, &calls.inbox, &plan, &run.journal.events);
    observers.push(Box::new(crier));
    let log = Arc::new(RunLog::new(wiring.clock.clone(), writer, run.journal.events, observers));
    log.append(drafts)?;
    let lock = session::locking(&wiring, broken_for);
    let party = Party { me, tabletop: false, answers };
    Voyage {
        plan,
        catalog,
        wiring,
        log,
        directory,
        calls,
        confirmed,
        until: None,
        lock,
        party,
        screen,
        live,
        bags,
    }
    .drive()
    .await
}

/// On this machine a simulated run holds its lock as long as its process lives: it is taken anew.
fn local_lock(
    home: &Home,
    run: &ReadRun,
    plan: &Plan,
    started: &RunStarted,
    broken_for: Option<&str>,
) -> Result<Local, CommandError> {
    let simulated = matches!(started.cloud, Cloud::Simulated { .. });
    let Some(lock) = run.state.lock.to_release().filter(|_| simulated) else { return Ok(Local::none()) };
    let waits = plan.concurrency.as_ref().is_some_and(|concurrency| concurrency.waits);
    let (key, runbook, mode) = (lock.key.as_str(), started.runbook.as_str(), started.mode);
    locks::take(home, &Wanted { key, run: &run.id, runbook, mode, waits, broken_for })
}

/// Who takes the run up.
fn me(started: &RunStarted, caller: Caller) -> Identity {
    match started.is_simulated() {
        true => {
            let [user, host] = SIMULATED_OPERATOR;
            Identity::of_user(user, host)
        }
        false => {
            let arn = Some(caller.before.unwrap_or(caller.arn));
            Identity { arn, ..Identity::of_user(user(), host()) }
        }
    }
}

async fn wire(
    directory: &RunDirectory,
    state: &RunState,
    started: &RunStarted,
    downtime: Option<TimeDelta>,
    profile: Option<String>,
    probes: &ProbeArguments,
) -> Result<Wiring, CommandError> {
    match &started.cloud {
        Cloud::Simulated { seed, .. } => {
            let world = world_reference(directory)?.again()?;
            let last = state.last.map(|last| last.at + downtime.unwrap_or_default());
            wiring::simulated(world, *seed, &directory.world(), last, probes)
        }
        Cloud::Aws | Cloud::Endpoint { .. } => {
            let (own_profile, region) = (started.access.profile.clone(), Some(started.region.clone()));
            wiring::real(profile, own_profile, region, probes).await
        }
    }
}

fn world_reference(directory: &RunDirectory) -> Result<WorldReference, CommandError> {
    let path = directory.world_reference();
    let text = fs::read(&path).map_err(|error| CommandError::file("read", &path, &error))?;
    serde_json::from_slice(&text)
        .map_err(|error| CommandError::failed(format!("{} cannot be read: {error}", path.display())))
}

/// The credentials must be those of the run's account. Without any, the run waits as it is.
async fn same_account(wiring: &mut Wiring, started: &RunStarted) -> Result<Caller, CommandError> {
    let caller = wiring.enter(&Aim::of(started)).await.map_err(|error| {
        let blocked = error.is_blocked();
        let told = CommandError::from(error);
        if blocked { told.code(outcome::PAUSED) } else { told }
    })?;
    if caller.account == started.account {
        return Ok(caller);
    }
    let message =
        format!("these credentials belong to {}, and the run is in {}", caller.account, started.account);
    Err(CommandError::refused(message).hint(format!("log in to {}", started.account)))
}

/// What every process writes first that takes a run up.
fn opening(
    directory: &RunDirectory,
    run: &ReadRun,
    wiring: &Wiring,
    me: &Identity,
) -> Result<Vec<Draft>, CommandError> {
    let mut drafts = cut_torn_tail(directory, &run.journal)?;
    let away = run.state.last.map(|last| wiring.clock.now() - last.at);
    let away_s = away.map_or(0.0, |away| away.num_milliseconds() as f64 / 1000.0);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    drafts.push(Draft::run(EventKind::RunResumed { version, away_s, by: Some(Box::new(me.clone())) }));
    Ok(drafts)
}

fn abort(why: Option<String>, undo: Option<bool>) -> Draft {
    Draft::run(EventKind::AbortAsked { by: user(), why, undo }).by(Actor::person(user()))
}

/// Takes a corrected runbook in, and keeps it with the run.
fn amend(
    path: &std::path::Path,
    old: &Plan,
    run: &ReadRun,
    started: &RunStarted,
    catalog: &Catalog,
    reason: String,
) -> Result<(Plan, Draft), CommandError> {
    let new = session::load(path, catalog)?;
    if let Some(sentence) = start::not_yet(&new) {
        return Err(CommandError::refused(sentence));
    }
    let problems = amend::problems(old, &new, &run.state, &started.inputs);
    if !problems.is_empty() {
        return Err(CommandError::usage(format!(
            "{} cannot take the place of the runbook in this run:\n  {}",
            path.display(),
            problems.join("\n  ")
        )));
    }
    let number = run.journal.events.iter().filter(|event| matches!(event.kind, EventKind::PlanAmended(_)));
    let kept_in = format!("amended-{}", number.count() + 1);
    let texts = new.sources.iter().map(|source| source.text.as_str());
    let kept = run.directory.keep_sources(&kept_in, texts);
    kept.map_err(|error| CommandError::file("write", run.directory.path(), &error))?;
    let text = |plan: &Plan| plan.sources.first().map(|source| source.text.clone()).unwrap_or_default();
    let (before, after) = (text(old), text(&new));
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    let amended = PlanAmended {
        sources: digests(&new),
        steps: start::outlines(&new),
        probes: start::probe_outlines(&new),
        diff: diff.unified_diff().context_radius(2).to_string(),
        reason,
        kept_in,
    };
    Ok((new, Draft::run(EventKind::PlanAmended(Box::new(amended))).by(Actor::person(user()))))
}

fn digests(plan: &Plan) -> Vec<SourceDigest> {
    let digest = |source: &lifeboat_runbook::diagnostic::Source| SourceDigest {
        name: source.name.clone(),
        sha256: chain::hex(&Sha256::digest(&source.text)),
    };
    plan.sources.iter().map(digest).collect()
}

/// The plan of the sources as they were run or last amended: the file on disk may have changed since.
pub(crate) fn kept_plan(
    directory: &RunDirectory,
    state: &RunState,
    started: &RunStarted,
    catalog: &Catalog,
) -> Result<Plan, CommandError> {
    let (kept_in, sources) = match &state.amended {
        Some(amended) => (amended.kept_in.as_str(), &amended.sources),
        None => (SOURCES, &started.sources),
    };
    let path = directory.source(kept_in, 0);
    let text = fs::read(&path).map_err(|error| CommandError::file("read", &path, &error))?;
    let Some(source) = sources.first() else {
        return Err(CommandError::failed("the journal names no source"));
    };
    if chain::hex(&Sha256::digest(&text)) != source.sha256 {
        return Err(CommandError::failed(format!(
            "{} is not what was run: its digest differs",
            path.display()
        )));
    }
    let checked = crate::commands::check::check_kept(text, directory, kept_in, sources, catalog);
    checked.plan.ok_or_else(|| CommandError::failed("the kept runbook is not valid for this version"))
}

/// Appending behind a torn line would spoil a line in the middle: it is cut off, and that is recorded.
pub(crate) fn cut_torn_tail(
    directory: &RunDirectory,
    journal: &Verified,
) -> Result<Vec<Draft>, CommandError> {
    let torn = &journal.torn;
    if torn.is_empty() {
        return Ok(Vec::new());
    }
    let path = directory.journal();
    let cut = fs::File::options().write(true).open(&path).and_then(|file| {
        file.set_len(journal.bytes)?;
        file.sync_all()
    });
    cut.map_err(|error| CommandError::file("cut", &path, &error))?;
    let (bytes, sha256) = (torn.len() as u64, chain::hex(&Sha256::digest(torn)));
    Ok(vec![Draft::run(EventKind::TailDropped { bytes, sha256 })])
}
