//! Carries out what is decided: one task per step in flight, one journal, one owner of the run.

use crate::action::ActionError;
use crate::clock::Clock;
use crate::decide::{Command, decide};
use crate::guard::Permitted;
use crate::log::{JournalLost, RunLog};
use crate::people::People;
use crate::perform::Worker;
use crate::poller::Poller;
use crate::registry::Registry;
use crate::secrets::SecretSource;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Draft, EventKind, Phase};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::Catalog;
use std::collections::BTreeSet;
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

/// Says whose credentials are in use now.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The account id.
    ///
    /// # Errors
    /// When nobody is logged in, or nobody can say.
    async fn account(&self, region: &str) -> Result<String, ActionError>;
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

impl Engine {
    /// Drives the run until it has finished, is paused, or nothing more can be done now.
    ///
    /// # Errors
    /// When the journal cannot be written: whatever is in flight is given up where it stands, and can be resumed.
    pub async fn run(mut self) -> Result<(), JournalLost> {
        let (cancel, cancelled) = watch::channel(Cancel::No);
        // Taking back and cleaning up are what a stop is for: nothing stops them.
        let (_keep, never) = watch::channel(Cancel::No);
        let worker = self.worker(cancelled);
        let mut tasks = JoinSet::new();
        let mut busy = BTreeSet::new();
        let mut asked = false;
        let recovery = self
            .log
            .with_state(|state| state.started.as_ref().is_some_and(|started| started.mode == Mode::Recovery));
        loop {
            let commands = self.log.with_state(|state| decide(&self.plan, &self.catalog, state));
            let late = self.log.with_state(|state| state.phase >= Some(Phase::Undoing));
            let worker = match late {
                true => Worker { cancel: never.clone(), ..worker.clone() },
                false => worker.clone(),
            };
            if self.carry_out(commands, &worker, &mut tasks, &mut busy)? {
                continue;
            }
            if busy.is_empty() {
                return Ok(());
            }
            // A stop that is asked for in the same moment goes first.
            let done = match select(pin!(stopped(&mut self.stop, asked)), pin!(tasks.join_next())).await {
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
                Some(Ok((step, outcome))) => {
                    busy.remove(&step);
                    outcome?;
                }
                Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
                None => busy.clear(),
            }
        }
    }

    fn worker(&self, cancel: watch::Receiver<Cancel>) -> Worker {
        Worker {
            plan: self.plan.clone(),
            catalog: self.catalog.clone(),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            log: self.log.clone(),
            poller: Poller::new(self.clock.clone(), self.registry.clone()),
            permitted: Arc::new(self.permitted.clone()),
            confirmed: Arc::new(self.confirmed.clone()),
            outside: self.outside.clone(),
            keyring: Arc::default(),
            cancel,
        }
    }

    /// Writes what is to be recorded and starts what is to be started; whether anything was written.
    fn carry_out(
        &self,
        commands: Vec<Command>,
        worker: &Worker,
        tasks: &mut JoinSet<(StepPath, Result<(), JournalLost>)>,
        busy: &mut BTreeSet<StepPath>,
    ) -> Result<bool, JournalLost> {
        let mut drafts = Vec::new();
        for command in commands {
            if let Some(step) = command.busy_with()
                && !busy.insert(step.clone())
            {
                continue;
            }
            match command {
                Command::Record { step, kind, at } => drafts.push(draft(step, *kind, at)),
                command => drop(tasks.spawn(deed(worker.clone(), command))),
            }
        }
        let written = !drafts.is_empty();
        if written {
            self.log.append(drafts)?;
        }
        Ok(written)
    }
}

fn draft(step: Option<StepPath>, kind: EventKind, at: Option<DateTime<Utc>>) -> Draft {
    Draft { step, at, ..Draft::run(kind) }
}

async fn deed(worker: Worker, command: Command) -> (StepPath, Result<(), JournalLost>) {
    match command {
        Command::Perform { step, attempt } => {
            let outcome = worker.perform(&step, attempt, false).await;
            (step, outcome)
        }
        Command::Look { step, attempt } => {
            let outcome = worker.perform(&step, attempt, true).await;
            (step, outcome)
        }
        Command::Undo { step } => {
            let outcome = worker.undo(&step).await;
            (step, outcome)
        }
        Command::Wake { step, purpose, due } => {
            let outcome = worker.wake(&step, purpose, due).await;
            (step, outcome)
        }
        Command::Ask { step, .. } => {
            let outcome = worker.ask(&step).await;
            (step, outcome)
        }
        Command::Record { .. } => (StepPath::new(""), Ok(())),
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
