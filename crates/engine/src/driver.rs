//! Carries out what is decided: one task per step in flight, one journal, one owner of the run.

use crate::action::ActionError;
use crate::chart::Chart;
use crate::clock::Clock;
use crate::decide::{Command, Decider};
use crate::guard::Permitted;
use crate::hands::AllHands;
use crate::log::{JournalLost, RunLog};
use crate::people::People;
use crate::perform::Worker;
use crate::registry::Registry;
use crate::secrets::SecretSource;
use crate::start::Caller;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Draft, EventKind, PauseReason, Phase};
use lifeboat_journal::state::StepStatus;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::Catalog;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

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
}

/// What came of a task.
pub(crate) enum Came {
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
            if crew.busy.is_empty() {
                if self.pause_for_people(&mut crew)? {
                    continue;
                }
                return Ok(());
            }
            // A stop that is asked for in the same moment goes first.
            let done = match select(pin!(stopped(&mut self.stop, asked)), pin!(crew.tasks.join_next())).await
            {
                Either::Left((stop, _)) => {
                    asked = true;
                    let leave = stop.undo.is_none() && recovery;
                    let Stop { by, why, undo } = stop;
                    self.log.append(vec![Draft::run(EventKind::AbortAsked { by, why, undo })])?;
                    // Nobody listens any more where nothing is in flight.
                    let _nobody = cancel.send(if leave { Cancel::Leave } else { Cancel::Fail });
                    continue;
                }
                Either::Right((done, _)) => done,
            };
            match done {
                Some(Ok((step, outcome))) => crew.take_back(step, outcome?),
                Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
                None => crew.busy.clear(),
            }
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
        }
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
        }
    }
}

impl Crew {
    fn take_back(&mut self, step: StepPath, came: Came) {
        self.busy.remove(&step);
        match came {
            Came::Over => self.free.push(step),
            Came::AttemptOver => {
                self.attempts = self.attempts.saturating_sub(1);
                self.free.push(step);
            }
            Came::Nobody { why } => drop(self.unanswered.insert(step, why)),
        }
    }
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
