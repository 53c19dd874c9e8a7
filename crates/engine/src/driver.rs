//! Carries out what is decided: one task per step in flight, one journal, one owner of the run.

use crate::action::ActionError;
use crate::beside::alarms::{FirstLook, alarm_of};
use crate::beside::{self, Beside};
use crate::chart::Chart;
use crate::clock::Clock;
use crate::decide::LOCK;
use crate::decide::{Command, Decider};
use crate::guard::Permitted;
use crate::hands::AllHands;
use crate::locking::Locking;
use crate::log::{JournalLost, RunLog};
use crate::people::People;
use crate::perform::Worker;
use crate::registry::Registry;
use crate::secrets::SecretSource;
use crate::start::Caller;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Draft, EventKind, PauseReason, Phase, UnwatchedReason};
use lifeboat_journal::lock::{LockHolder, LockState};
use lifeboat_journal::state::StepStatus;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::Catalog;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// Everything a run needs besides its journal.
pub struct Engine {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// The types of outputs and parameters.
    pub catalog: Catalog,
    /// The actions.
    pub registry: Registry,
    /// The time.
    pub clock: Clock,
    /// The record.
    pub log: Arc<RunLog>,
    /// `allow` of the runbook, with its values known.
    pub permitted: Vec<Permitted>,
    /// Names the operator has typed for destruction.
    pub confirmed: BTreeSet<String>,
    /// The step after which the run is paused; nothing: it goes to its end.
    pub until: Option<StepPath>,
    /// People, secrets, identity.
    pub outside: Outside,
    /// Who or what asks for the end of it: `SIGINT`. Nothing as long as nobody does.
    pub stop: watch::Receiver<Option<Stop>>,
}

/// Whom and what a run needs besides AWS.
#[derive(Clone)]
pub struct Outside {
    /// Who is asked.
    pub people: Arc<dyn People>,
    /// Who reads secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Who says whose credentials these are.
    pub identity: Arc<dyn Identity>,
    /// How long a step may be blocked before the run is paused; nothing: as long as it takes.
    pub blocked_limit: Option<Duration>,
    /// Where the lock of `concurrency` is taken.
    pub lock: Locking,
}

/// The credentials there are: whose they are, and what acts with them.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Who AWS says the credentials of a target are, asked in the target's Region.
    ///
    /// # Errors
    /// When nobody is logged in, the role may not be assumed, or nobody can say.
    async fn caller(&self, target: &Target) -> Result<Caller, ActionError>;

    /// The furthest that this machine's clock was seen ahead of AWS's, seconds; nothing where nobody measured it.
    fn skew_s(&self) -> Option<f64> {
        None
    }

    /// The actions that act with the credentials of a target that are not the run's own.
    ///
    /// # Errors
    /// Where there are no others.
    async fn registry(&self, target: &Target) -> Result<Registry, ActionError> {
        let message = format!("nothing here acts in {}", target.words());
        Err(ActionError::refused("no_access", message))
    }
}

/// A request for the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Who or what asks: `SIGINT`, a person.
    pub by: String,
    /// Why, in words.
    pub why: Option<String>,
    /// Whether to take back what was done; nothing leaves it to the mode.
    pub undo: Option<bool>,
}

/// What those in flight are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// Go on.
    No,
    /// Stop waiting and leave everything where it is: AWS goes on.
    Leave,
    /// Stop waiting; the attempt has failed and will be taken back.
    Fail,
}

/// So many attempts are under way at most; the others wait for their turn.
const MOST_AT_ONCE: usize = 256;

/// What is under way.
struct Crew {
    tasks: JoinSet<(StepPath, Result<Came, JournalLost>)>,
    /// Steps with a task, or with one that waits.
    busy: BTreeSet<StepPath>,
    /// Attempts that wait for their turn.
    waiting: VecDeque<Command>,
    attempts: usize,
    /// Steps whose task has ended since the last decision.
    free: Vec<StepPath>,
    /// Questions that nobody is there to answer, and what to say of them.
    unanswered: BTreeMap<StepPath, String>,
    /// Whether somebody holds the lock on.
    keeps_lock: bool,
}

/// What came of a task.
pub(crate) enum Came {
    /// Another run has the lock now.
    LockLost(LockHolder),
    /// Its end is in the journal, or it was stopped.
    Over,
    /// An attempt is over.
    AttemptOver,
    /// Nobody is there to answer.
    Nobody {
        /// What to say.
        why: String,
    },
}

impl Engine {
    /// Drives the run until it has finished, is paused, or nothing more can be done now.
    ///
    /// # Errors
    /// When the journal cannot be written: whatever is in flight is given up where it stands, and can be resumed.
    pub async fn run(mut self) -> Result<(), JournalLost> {
        let (cancel, cancelled) = watch::channel(Cancel::No);
        // Taking back and cleaning up are what a stop is for: nothing stops them.
        let (_keep, never) = watch::channel(Cancel::No);
        let (plan, catalog, chart) =
            (self.plan.clone(), self.catalog.clone(), Arc::new(Chart::of(&self.plan)));
        let worker = self.worker(chart.clone(), cancelled);
        beside::leave_unwatched(&self.log)?;
        self.check_alarms(&chart).await?;
        let mut beside = Beside::new(worker.clone());
        let watches = beside::has_any(&plan);
        if watches {
            beside.begin();
        }
        let mut watched = self.log.with_news(0, |events, _| events.len());
        let mut crew = Crew::default();
        let mut asked = false;
        let recovery = self
            .log
            .with_state(|state| state.started.as_ref().is_some_and(|started| started.mode == Mode::Recovery));
        let (mut decider, mut seen) = self
            .log
            .with_news(0, |events, state| (Decider::new(&plan, &chart, &catalog, state), events.len()));
        loop {
            self.pause_where_asked()?;
            if watches {
                let (changes, over) = self.log.with_news(watched, |events, state| {
                    watched += events.len();
                    (Beside::changes(events), state.phase > Some(Phase::Running) || state.outcome.is_some())
                });
                beside.follow(changes).await?;
                if over {
                    beside.end(UnwatchedReason::Over).await?;
                }
            }
            let (commands, late) = self.log.with_news(seen, |events, state| {
                seen += events.len();
                let mut commands = decider.on(events, state);
                // What became due of a step while its task was still there.
                for step in crew.free.drain(..) {
                    commands.extend(decider.due_of(&step, state));
                }
                (commands, state.phase >= Some(Phase::Undoing))
            });
            let worker = match late {
                true => Worker { cancel: never.clone(), ..worker.clone() },
                false => worker.clone(),
            };
            let log = &self.log;
            let mut is_due = |command: &Command| {
                let due = command.busy_with().map(|step| log.with_state(|state| decider.due_of(step, state)));
                due.is_some_and(|due| due.contains(command))
            };
            if self.carry_out(commands, &worker, &mut crew, &mut is_due)? {
                continue;
            }
            self.keep_lock(&worker, &mut crew);
            if crew.busy.is_empty() {
                if self.pause_for_people(&mut crew)? {
                    continue;
                }
                if !(beside.is_active() && self.log.with_state(|state| decider.waits_for_probe(state))) {
                    beside.end(UnwatchedReason::Paused).await?;
                    worker.park_lock().await?;
                    return self.log.rest();
                }
                beside.linger();
            }
            let stop = match happens(&mut self.stop, asked, &mut beside, &mut crew).await {
                Happened::Stop(stop) => {
                    asked = true;
                    stop
                }
                Happened::News => continue,
                Happened::Done(done) => {
                    let lost = match done {
                        Some(Ok((step, outcome))) => crew.take_back(step, outcome?),
                        Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
                        None => {
                            crew.busy.clear();
                            None
                        }
                    };
                    let lost =
                        lost.filter(|_| self.log.with_state(|state| state.phase <= Some(Phase::Running)));
                    let Some(other) = lost else { continue };
                    lost_to(&other)
                }
            };
            stop_by(&self.log, stop, recovery, &cancel)?;
        }
    }

    /// As long as something is in flight somebody holds on the lock that the run has.
    fn keep_lock(&self, worker: &Worker, crew: &mut Crew) {
        if !crew.keeps_lock && self.log.with_state(|state| matches!(state.lock, LockState::Held(_))) {
            crew.keeps_lock = true;
            let worker = worker.clone();
            crew.tasks.spawn(async move { (KEEPER.clone(), worker.keep_lock().await) });
        }
    }

    fn worker(&self, chart: Arc<Chart>, cancel: watch::Receiver<Cancel>) -> Worker {
        Worker {
            plan: self.plan.clone(),
            chart,
            catalog: self.catalog.clone(),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            log: self.log.clone(),
            all_hands: AllHands::default(),
            permitted: Arc::new(self.permitted.clone()),
            confirmed: Arc::new(self.confirmed.clone()),
            outside: self.outside.clone(),
            keyring: Arc::default(),
            cancel,
            lock_turn: Arc::default(),
        }
    }

    /// A drill does not start while an alarm that would stop it is in ALARM.
    async fn check_alarms(&self, chart: &Chart) -> Result<(), JournalLost> {
        let starts = self.log.with_state(|state| {
            let first = matches!(state.phase, None | Some(Phase::Preflight)) && state.alarms.is_empty();
            first && state.refused.is_none() && state.outcome.is_none()
        });
        if !starts || self.plan.stop_when.is_empty() {
            return Ok(());
        }
        let Self { plan, catalog, registry, clock, log, .. } = self;
        FirstLook { plan, chart, catalog, registry, clock, log }.check().await
    }

    /// Nothing begins behind the step the run was to go up to: what is under way beside it ends, and the run waits for
    /// whoever resumes it. A failure of that step is a failure like any other.
    fn pause_where_asked(&mut self) -> Result<(), JournalLost> {
        let reached = |until: &mut StepPath| {
            self.log.with_state(|state| {
                let status = state.step(until).status;
                let goes_on =
                    state.paused.is_none() && state.outcome.is_none() && state.phase == Some(Phase::Running);
                goes_on && status.is_over() && status.failed().is_none()
            })
        };
        let Some(until) = self.until.take_if(reached) else { return Ok(()) };
        let why = format!("it was to go up to {until}, which is over");
        let paused = EventKind::RunPaused { why, because: PauseReason::Until };
        self.log.append(vec![Draft::run(paused)]).map(|_| ())
    }

    /// Writes what is to be recorded and starts what is to be started; whether anything was written.
    fn carry_out(
        &self,
        commands: Vec<Command>,
        worker: &Worker,
        crew: &mut Crew,
        is_due: &mut dyn FnMut(&Command) -> bool,
    ) -> Result<bool, JournalLost> {
        let mut drafts = Vec::new();
        for command in commands {
            if let Some(step) = command.busy_with()
                && !crew.busy.insert(step.clone())
            {
                continue;
            }
            match command {
                Command::Record { step, kind, at } => drafts.push(draft(step, *kind, at)),
                attempt @ (Command::Perform { .. } | Command::Look { .. }) => crew.waiting.push_back(attempt),
                command => drop(crew.tasks.spawn(deed(worker.clone(), command))),
            }
        }
        let written = !drafts.is_empty();
        if written {
            self.log.append(drafts)?;
        }
        while crew.attempts < MOST_AT_ONCE
            && let Some(attempt) = crew.waiting.pop_front()
        {
            // The run may have been stopped meanwhile.
            if is_due(&attempt) {
                crew.attempts += 1;
                crew.tasks.spawn(deed(worker.clone(), attempt));
            } else if let Some(step) = attempt.busy_with() {
                crew.busy.remove(step);
            }
        }
        Ok(written)
    }

    /// Nothing else can be done: a question that nobody is there to answer pauses the run.
    fn pause_for_people(&self, crew: &mut Crew) -> Result<bool, JournalLost> {
        let unanswered = std::mem::take(&mut crew.unanswered);
        let is_open = |step: &StepPath| {
            self.log.with_state(|state| {
                state.paused.is_none()
                    && state.outcome.is_none()
                    && state.steps.get(step).is_some_and(|step| step.status == StepStatus::Asking)
            })
        };
        let Some((step, why)) = unanswered.into_iter().find(|(step, _)| is_open(step)) else {
            return Ok(false);
        };
        let paused = EventKind::RunPaused { why, because: PauseReason::Person };
        self.log.append(vec![draft(Some(step), paused, None)])?;
        Ok(true)
    }
}

impl Default for Crew {
    fn default() -> Self {
        Self {
            tasks: JoinSet::new(),
            busy: BTreeSet::new(),
            waiting: VecDeque::new(),
            attempts: 0,
            free: Vec::new(),
            unanswered: BTreeMap::new(),
            keeps_lock: false,
        }
    }
}

impl Crew {
    /// Takes in what came of a task; gives the run that has the lock now, where it is lost.
    fn take_back(&mut self, step: StepPath, came: Came) -> Option<LockHolder> {
        self.busy.remove(&step);
        match came {
            _ if step == *KEEPER => {
                self.keeps_lock = false;
                return match came {
                    Came::LockLost(other) => Some(other),
                    _ => None,
                };
            }
            Came::LockLost(_) => {}
            Came::Over => self.free.push(step),
            Came::AttemptOver => {
                self.attempts = self.attempts.saturating_sub(1);
                self.free.push(step);
            }
            Came::Nobody { why } => drop(self.unanswered.insert(step, why)),
        }
        None
    }
}

/// Stands for the task that holds the lock on; no step is called so.
static KEEPER: LazyLock<StepPath> = LazyLock::new(|| StepPath::new("lock:keeper"));

/// Two runs must not do the same at once: this one starts nothing more.
fn lost_to(other: &LockHolder) -> Stop {
    let why = format!("the lock is lost to run {}, {} on {}", other.run, other.operator, other.host);
    Stop { by: "the lock".to_owned(), why: Some(why), undo: None }
}

fn draft(step: Option<StepPath>, kind: EventKind, at: Option<DateTime<Utc>>) -> Draft {
    Draft { step, at, ..Draft::run(kind) }
}

async fn deed(worker: Worker, command: Command) -> (StepPath, Result<Came, JournalLost>) {
    match command {
        Command::Perform { step, attempt, after } => {
            let outcome = worker.perform(&step, attempt, false, &after).await;
            (step, outcome.map(|()| Came::AttemptOver))
        }
        Command::Look { step, attempt } => {
            let outcome = worker.perform(&step, attempt, true, &[]).await;
            (step, outcome.map(|()| Came::AttemptOver))
        }
        Command::Undo { step } => {
            let outcome = worker.undo(&step).await;
            (step, outcome.map(|()| Came::Over))
        }
        Command::Wake { step, purpose, due } => {
            let outcome = worker.wake(&step, purpose, due).await;
            (step, outcome.map(|()| Came::Over))
        }
        Command::Ask { step, .. } => {
            let outcome = worker.ask(&step).await;
            (step, outcome)
        }
        Command::TakeLock => {
            let outcome = worker.take_lock().await;
            (LOCK.clone(), outcome.map(|()| Came::Over))
        }
        Command::ReleaseLock => {
            let outcome = worker.release_lock().await;
            (LOCK.clone(), outcome.map(|()| Came::Over))
        }
        Command::Record { .. } => (StepPath::new(""), Ok(Came::Over)),
    }
}

impl Worker {
    async fn wake(&self, step: &StepPath, purpose: &str, due: DateTime<Utc>) -> Result<(), JournalLost> {
        let stopped = self.stopped_or(self.clock.sleep_until(due)).await;
        let attempt = self.log.with_state(|state| state.step(step).attempts_failed);
        match stopped {
            true => Ok(()),
            false => self.log.step(step, attempt, EventKind::TimerFired { purpose: purpose.to_owned() }),
        }
    }
}

/// How a task ended: whose it was and what came of it.
type Ended = Result<(StepPath, Result<Came, JournalLost>), JoinError>;

/// What a driver waits for.
enum Happened {
    /// Somebody, or an alarm, asks for the end.
    Stop(Stop),
    /// Something beside the steps has written an event.
    News,
    /// A task is over; nothing where there was none.
    Done(Option<Ended>),
}

/// Waits for the next of these. What happens in the same moment comes in this order.
async fn happens(
    stop: &mut watch::Receiver<Option<Stop>>,
    asked: bool,
    beside: &mut Beside,
    crew: &mut Crew,
) -> Happened {
    let idle = crew.busy.is_empty();
    let done = async {
        match idle {
            true => std::future::pending().await,
            false => crew.tasks.join_next().await,
        }
    };
    let besides = async {
        match beside.happens().await {
            Some(_) if asked => Happened::News,
            Some(stop) => Happened::Stop(stop),
            None => Happened::News,
        }
    };
    match select(pin!(stopped(stop, asked)), select(pin!(done), pin!(besides))).await {
        Either::Left((stop, _)) => Happened::Stop(stop),
        Either::Right((Either::Left((done, _)), _)) => Happened::Done(done),
        Either::Right((Either::Right((happened, _)), _)) => happened,
    }
}

/// What is written when the end is asked for.
fn end_asked(stop: Stop, recovery: bool) -> Vec<Draft> {
    let alarm = alarm_of(&stop).map(str::to_owned);
    let then = if recovery { "the recovery is paused" } else { "the drill is stopped" }.to_owned();
    let triggered = alarm.map(|alarm| Draft::run(EventKind::StopTriggered { alarm, then }));
    let Stop { by, why, undo } = stop;
    triggered.into_iter().chain([Draft::run(EventKind::AbortAsked { by, why, undo })]).collect()
}

/// Writes down that the run is to stop, and tells those in flight what they are to do.
fn stop_by(
    log: &RunLog,
    stop: Stop,
    recovery: bool,
    cancel: &watch::Sender<Cancel>,
) -> Result<(), JournalLost> {
    let leave = stop.undo.is_none() && recovery;
    log.append(end_asked(stop, recovery))?;
    // Nobody listens any more where nothing is in flight.
    let _nobody = cancel.send(if leave { Cancel::Leave } else { Cancel::Fail });
    Ok(())
}

/// The request to stop, once; it never comes when nobody can ask any more.
async fn stopped(stop: &mut watch::Receiver<Option<Stop>>, asked: bool) -> Stop {
    if asked {
        return std::future::pending().await;
    }
    let asked = stop.wait_for(Option::is_some).await.ok().and_then(|stop| stop.clone());
    match asked {
        Some(stop) => stop,
        None => std::future::pending().await,
    }
}
