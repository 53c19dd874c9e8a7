//! One trial, from its first process to its last.

use super::crowd::{self, Crowd, Next};
use super::disk::{Death, Disk, Mounted};
use super::invariants::{self, End, Finding, Invariant, Violation};
use super::record::{Reached, Record, Witness};
use super::subject::Subject;
use super::tamper::Tamper;
use crate::connect_to::ProbeArguments;
use crate::faults::{Faults, Kill, Mortal};
use crate::session;
use crate::wiring::{self, Wiring};
use chrono::TimeDelta;
use futures_util::future::{Either, select};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::driver::{Engine, Outside};
use lifeboat_engine::log::RunLog;
use lifeboat_engine::meddle::Meddler;
use lifeboat_engine::notify::{Bags, Post};
use lifeboat_engine::start;
use lifeboat_journal::chain;
use lifeboat_journal::event::{Draft, EventKind};
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::Simulator;
use lifeboat_sim::world::World;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What goes wrong in a run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Of the world, of people's answers and of the operator's orders.
    pub seed: u64,
    /// Drill or recovery.
    pub mode: Mode,
    /// As in a file of `--faults`; its `kill` is the first of [`Self::kills`].
    pub(crate) faults: Faults,
    /// When each process dies, the first one first; the one behind them lives.
    pub(crate) kills: Vec<Kill>,
    /// What is wrong with Lifeboat itself.
    pub tamper: Option<Tamper>,
}

/// What came of a trial.
#[derive(Debug, Default)]
pub struct Report {
    /// How many processes it took.
    pub processes: usize,
    /// How often an invariant was looked at.
    pub checked: usize,
    /// Those that did not hold.
    pub violations: Vec<Violation>,
    /// How the run ended, in the word of the document.
    pub outcome: String,
    /// How often the journal was synced.
    pub syncs: u32,
    /// How many calls would have changed something.
    pub changes: u64,
    /// How long it took in the simulated world, seconds.
    pub seconds: u64,
    /// How many faults of AWS were used up by calls that change something.
    pub hits: usize,
    /// The journal.
    pub journal: Vec<u8>,
}

impl Trial {
    /// With nothing going wrong.
    pub fn quiet(seed: u64, mode: Mode) -> Self {
        Self { seed, mode, faults: Faults::default(), kills: Vec::new(), tamper: None }
    }

    /// The same with a fault of Lifeboat itself.
    #[must_use]
    pub fn with(self, tamper: Tamper) -> Self {
        Self { tamper: Some(tamper), ..self }
    }

    /// What goes wrong, as a file for `--faults`.
    pub fn faults_file(&self) -> String {
        let faults = Faults { kill: self.kills.first().copied(), ..self.faults.clone() };
        serde_json::to_string_pretty(&faults).unwrap_or_default()
    }

    /// The same with what a file of `--faults` says.
    ///
    /// # Errors
    /// Where it is no such file.
    pub fn with_faults(self, json: &str) -> Result<Self, String> {
        let faults: Faults = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let kills = faults.kill.into_iter().collect();
        Ok(Self { faults, kills, ..self })
    }
}

/// More processes than any trial needs.
const MOST_PROCESSES: usize = 40;
/// After so many pauses the operator ends the run.
const MOST_PAUSES: usize = 8;
/// How often what was left is taken away again.
const MOST_CLEANUPS: usize = 3;
/// A process that has gone on for so long, on the simulated clock, comes to no end.
const FOR_EVER: Duration = Duration::from_secs(30 * 86_400);
/// How long a step may be blocked before the run is paused.
const BLOCKED: Duration = Duration::from_secs(4 * 3600);
/// What passes in the world between two processes.
const BETWEEN: TimeDelta = TimeDelta::minutes(2);
/// The same where the credentials were gone when the next one began.
const LOGGED_OUT: TimeDelta = TimeDelta::minutes(30);

/// What outlives a process.
struct Theatre<'trial> {
    subject: &'trial Subject,
    trial: &'trial Trial,
    disk: Disk,
    record: Record,
    /// The world as the process before left it.
    world: Option<World>,
    downtime: TimeDelta,
}

/// How a process ended.
enum Ended {
    Died,
    /// Nobody is logged in: it did not even begin.
    LoggedOut,
    Stopped(Box<End>),
}

/// Carries a trial out and looks at the invariants.
pub fn run(subject: &Subject, trial: &Trial) -> Report {
    let mut theatre = Theatre {
        subject,
        trial,
        disk: Disk::default(),
        record: Record::default(),
        world: None,
        downtime: BETWEEN,
    };
    let mut report = Report::default();
    let last = theatre.play(&mut report);
    if let Some(end) = last {
        report.outcome = end.document.outcome.clone();
        report.note(invariants::at_the_end(subject, trial, &theatre.record.lines(), &end));
        report.seconds = u64::try_from((end.world.now - subject.definition.start).num_seconds()).unwrap_or(0);
    }
    let lines = theatre.record.lines();
    report.syncs = theatre.disk.syncs();
    report.changes = lines.iter().map(|line| line.entry.change).max().unwrap_or(0);
    report.hits = lines.iter().filter(|line| line.entry.fault.is_some()).count();
    report.journal = theatre.disk.bytes();
    report
}

impl Report {
    fn note(&mut self, findings: Vec<Finding>) {
        self.checked += findings.len();
        self.violations.extend(findings.into_iter().filter_map(Finding::violation));
    }

    fn violated(&mut self, invariant: Invariant, why: String) {
        self.checked += 1;
        self.violations.push(Violation { invariant, why });
    }
}

impl Theatre<'_> {
    /// One process after the other, until the run is over and nothing is left that could be taken away.
    fn play(&mut self, report: &mut Report) -> Option<Box<End>> {
        let mut kills = self.trial.kills.iter().copied();
        let (mut next, mut pauses, mut cleanups) = (Next::Start, 0, 0);
        let mut last = None;
        while report.processes < MOST_PROCESSES {
            report.processes += 1;
            let kill = kills.next();
            let gone = catch_unwind(AssertUnwindSafe(|| self.process(&next, kill)));
            let ended = match gone {
                Err(panicked) => {
                    let told = panicked.downcast_ref::<String>().cloned();
                    let told =
                        told.or_else(|| panicked.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                    report.violated(Invariant::Ends, format!("it panicked: {}", told.unwrap_or_default()));
                    return last;
                }
                Ok(Err(violation)) => {
                    report.violated(violation.invariant, violation.why);
                    return last;
                }
                Ok(Ok(ended)) => ended,
            };
            match ended {
                Ended::Died => {
                    let known =
                        chain::verify(&self.disk.bytes()).map(|verified| RunState::of(&verified.events));
                    next = match known {
                        // It died before its first event: there is no run, and whoever wants one starts again.
                        Ok(state) if state.started.is_none() => {
                            self.disk.cut(0);
                            Next::Start
                        }
                        Ok(state) if state.outcome.is_some() => Next::Cleanup,
                        _ => Next::Resume,
                    };
                }
                Ended::LoggedOut => {
                    self.downtime = LOGGED_OUT;
                    continue;
                }
                Ended::Stopped(end) => {
                    report.note(invariants::at_a_stop(self.subject, self.trial, &end));
                    let outcome = end.state.outcome.clone();
                    next = match outcome {
                        Some(outcome) if outcome.left_behind.is_empty() || cleanups >= MOST_CLEANUPS => {
                            return Some(end);
                        }
                        Some(_) => {
                            report.note(invariants::at_the_end(
                                self.subject,
                                self.trial,
                                &self.record.lines(),
                                &end,
                            ));
                            cleanups += 1;
                            Next::Cleanup
                        }
                        None if pauses >= MOST_PAUSES => Next::Abort { undo: Some(true) },
                        None => {
                            pauses += 1;
                            crowd::orders(self.trial.seed, pauses, &end.state)
                        }
                    };
                    last = Some(end);
                }
            }
            self.downtime = BETWEEN;
        }
        report.violated(Invariant::Ends, format!("it is not over after {MOST_PROCESSES} processes"));
        last
    }

    fn process(&mut self, next: &Next, kill: Option<Kill>) -> Result<Ended, Violation> {
        let broken = |why: String| Violation { invariant: Invariant::Ends, why };
        let runtime = session::runtime(true).map_err(|error| broken(error.to_string()))?;
        runtime.block_on(self.live(next, kill))
    }

    async fn live(&mut self, next: &Next, kill: Option<Kill>) -> Result<Ended, Violation> {
        let broken = |why: String| Violation { invariant: Invariant::Ends, why };
        let bytes = self.disk.bytes();
        let verified = chain::verify(&bytes)
            .map_err(|error| Violation { invariant: Invariant::Chain, why: error.to_string() })?;
        let before = RunState::of(&verified.events);
        let death = Death::default();
        let (clock, simulator) = self.rebuild(&before, &death)?;
        let mut wiring = self.wire(&simulator, &clock);
        let begins = before.started.is_none();
        let start = self.start(&wiring);
        let aim = start::aim(&self.subject.plan, &self.subject.catalog, &start, clock.now())
            .map_err(|error| broken(error.to_string()))?;
        let caller = wiring.enter(&aim).await;
        self.witness(&mut wiring, &simulator);
        if caller.is_err() && !begins {
            self.world = Some(simulator.world());
            return Ok(Ended::LoggedOut);
        }
        let mounted = Mounted {
            disk: self.disk.clone(),
            death: death.clone(),
            loses: (self.trial.tamper == Some(Tamper::LosesJournalLine)).then_some(5),
        };
        let storage = mortal(Box::new(mounted), kill, &death);
        let run = session::simulated_run_id(
            &self.subject.definition.name,
            self.trial.seed,
            &self.subject.plan.name,
        );
        let torn = (!verified.torn.is_empty()).then(|| tail_dropped(&verified.torn));
        self.disk.cut(verified.bytes);
        let writer = match begins {
            true => JournalWriter::create(storage, run),
            false => JournalWriter::resume(storage, run, &verified),
        };
        let log = Arc::new(RunLog::new(clock.clone(), writer, verified.events, Vec::new()));
        let begun = match begins {
            true => start::begin(&log, &self.subject.plan, &start, &aim, &caller),
            false => {
                let away = before.last.map(|last| clock.now() - last.at);
                let away_s = away.map_or(0.0, |away| away.num_milliseconds() as f64 / 1000.0);
                let version = env!("CARGO_PKG_VERSION").to_owned();
                let resumed = Draft::run(EventKind::RunResumed { version, away_s, by: None });
                let orders = next.drafts(&self.subject.plan, &self.subject.catalog, &before);
                log.append(torn.into_iter().chain([resumed]).chain(orders).collect())
            }
        };
        let gone = match begun {
            Ok(()) => self.drive(&wiring, &log).await?,
            Err(lost) => Err(lost),
        };
        self.world = Some(simulator.world());
        match gone {
            Err(lost) if death.has_come() => {
                drop(lost);
                Ok(Ended::Died)
            }
            Err(lost) => Err(broken(lost.to_string())),
            Ok(()) => Ok(Ended::Stopped(Box::new(End::of(&log, self.disk.bytes(), simulator.world())))),
        }
    }

    /// The world as its log has it, which must be the one that the process before left.
    fn rebuild(&self, before: &RunState, death: &Death) -> Result<(Clock, Arc<Simulator>), Violation> {
        let rebuilt = |why: String| Violation { invariant: Invariant::Rebuilt, why };
        let mut entries = self.record.entries();
        if self.trial.tamper == Some(Tamper::LosesWorldLine) && !entries.is_empty() {
            entries.pop();
        }
        let beginning = self.subject.definition.start;
        let last = entries.last().map(|entry| entry.at);
        let resumed = before.last.map(|last| last.at + self.downtime);
        // Looks took their time too, in a process that died before it wrote anything.
        let left = self.world.as_ref().map(|world| world.now);
        let clock = Clock::simulated(last.max(resumed).max(left).unwrap_or(beginning).max(beginning));
        let mut definition = self.subject.definition.clone();
        definition.faults.extend(self.trial.faults.faults.iter().cloned());
        let reached = Arc::new(Reached { record: self.record.clone(), death: death.clone() });
        let simulator = wiring::rebuilt(definition, self.trial.seed, &entries, &clock, Some(reached))
            .map_err(|error| rebuilt(error.to_string()))?;
        if let Some(mut left) = self.world.clone() {
            left.settle(clock.now());
            if left != simulator.world() {
                let (was, is) = (format!("{left:#?}"), format!("{:#?}", simulator.world()));
                let differs = was.lines().zip(is.lines()).find(|(was, is)| was != is);
                let differs = differs
                    .map_or_else(String::new, |(was, is)| format!(": `{}` was `{}`", is.trim(), was.trim()));
                return Err(rebuilt(format!("the world of the log is not the world that was{differs}")));
            }
        }
        Ok((clock, simulator))
    }

    fn wire(&self, simulator: &Arc<Simulator>, clock: &Clock) -> Wiring {
        let probes = ProbeArguments::default();
        let wiring = wiring::around(simulator, self.trial.seed, clock.clone(), &probes);
        wiring.with_step_faults(&self.trial.faults.steps)
    }

    /// Whoever is to see every call stands before the actions.
    fn witness(&self, wiring: &mut Wiring, simulator: &Arc<Simulator>) {
        let witness: Arc<dyn Meddler> = Arc::new(Witness {
            tamper: self.trial.tamper,
            simulator: simulator.clone(),
            clock: wiring.clock.clone(),
        });
        wiring.registry = wiring.registry.clone().meddled(&witness);
    }

    fn start(&self, wiring: &Wiring) -> start::Start {
        session::simulated_start(&self.subject.plan, self.trial.mode, wiring, self.subject.inputs.clone())
    }

    async fn drive(
        &self,
        wiring: &Wiring,
        log: &Arc<RunLog>,
    ) -> Result<Result<(), lifeboat_engine::log::JournalLost>, Violation> {
        let broken = |why: String| Violation { invariant: Invariant::Ends, why };
        let permitted = log.with_state(|state| {
            start::permitted(&self.subject.plan, &self.subject.catalog, state, wiring.clock.now())
        });
        let (_nobody, stop) = watch::channel(None);
        // What a step tells is recorded, as in every simulation.
        let record = (log.clone(), wiring.clock.clone());
        let (plan, catalog) = (self.subject.plan.clone(), self.subject.catalog.clone());
        let post = Post::new(plan, catalog, record, wiring.secrets(), None, Bags::default());
        wiring.outbox.open(Arc::new(post));
        let engine = Engine {
            plan: self.subject.plan.clone(),
            catalog: self.subject.catalog.clone(),
            registry: wiring.registry.clone(),
            clock: wiring.clock.clone(),
            log: log.clone(),
            permitted: permitted.map_err(|error| broken(error.to_string()))?,
            confirmed: BTreeSet::new(),
            until: None,
            outside: Outside {
                people: Arc::new(Crowd::new(
                    self.trial.seed,
                    wiring.clock.clone(),
                    self.subject.answers.clone(),
                )),
                secrets: wiring.secrets(),
                identity: wiring.logins(),
                blocked_limit: Some(BLOCKED),
                lock: session::locking(wiring, None),
            },
            stop,
        };
        let (run, limit) = (pin!(engine.run()), pin!(wiring.clock.sleep(FOR_EVER)));
        match select(run, limit).await {
            Either::Left((gone, _)) => Ok(gone),
            Either::Right(_) => Err(broken("it goes on for a month".to_owned())),
        }
    }
}

fn mortal(storage: Box<dyn Storage>, kill: Option<Kill>, death: &Death) -> Box<dyn Storage> {
    let death = death.clone();
    match kill {
        Some(kill) => Box::new(Mortal::new(storage, kill, Box::new(move || death.comes()))),
        None => storage,
    }
}

fn tail_dropped(torn: &[u8]) -> Draft {
    let (bytes, sha256) = (torn.len() as u64, chain::hex(&Sha256::digest(torn)));
    Draft::run(EventKind::TailDropped { bytes, sha256 })
}
