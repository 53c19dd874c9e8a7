//! What goes on beside the steps, while the phase of the steps lasts: probes that measure the downtime (`watcher`), and
//! alarms that end a run (`alarms`). Nothing here can fail a step or slow it down.

pub(crate) mod alarms;
mod watcher;

use crate::driver::Stop;
use crate::log::{JournalLost, RunLog};
use crate::perform::Worker;
use crate::poller::Poller;
use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use lifeboat_journal::event::{Draft, Event, EventKind, Phase, UnwatchedReason};
use lifeboat_journal::probes::ProbeStatus;
use lifeboat_journal::state::{RunState, StepState};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Probe, ProbeMoment, Work};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

/// What those beside the steps are told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Since when all steps are over, and only a probe is waited for.
    lingers_since: Option<DateTime<Utc>>,
    /// That their work is over, and why.
    end: Option<UnwatchedReason>,
}

/// A file whose steps run: the runbook, or one that a step runs.
struct Watched {
    told: watch::Sender<Told>,
    tasks: JoinSet<Result<(), JournalLost>>,
}

/// Everything beside the steps of a run.
pub(crate) struct Beside {
    worker: Worker,
    poller: Poller,
    /// By what stands before the paths of its steps.
    files: BTreeMap<String, Watched>,
    news: Arc<Notify>,
    alarms: (mpsc::UnboundedSender<Stop>, mpsc::UnboundedReceiver<Stop>),
}

impl Beside {
    pub(crate) fn new(worker: Worker) -> Self {
        // Alarms have looks of their own, so that what they cost is not told as that of a step.
        let poller = Poller::new(worker.clock.clone(), worker.registry.clone());
        Self {
            worker,
            poller,
            files: BTreeMap::new(),
            news: Arc::default(),
            alarms: mpsc::unbounded_channel(),
        }
    }

    /// Begins to watch beside whatever runs in this state.
    pub(crate) fn begin(&mut self) {
        let (runs, inside) = self.worker.log.with_state(|state| {
            let runs =
                state.phase == Some(Phase::Running) && state.outcome.is_none() && state.paused.is_none();
            let inside = state.steps.iter().filter(|(_, step)| runs_a_runbook(step));
            (runs, inside.map(|(path, _)| format!("{path}/")).collect::<Vec<_>>())
        });
        if runs {
            self.watch(String::new());
            inside.into_iter().for_each(|file| self.watch(file));
        }
    }

    /// Which files begin or end to run by these events.
    pub(crate) fn changes(events: &[Event]) -> Vec<(String, bool)> {
        let changes = events.iter().filter_map(|event| match (&event.step, &event.kind) {
            (None, EventKind::PhaseEntered { phase: Phase::Running }) => Some((String::new(), true)),
            (Some(path), EventKind::StepStarted(intent)) if intent.action == "runbook" => {
                Some((format!("{path}/"), true))
            }
            (
                Some(path),
                EventKind::StepSucceeded { .. }
                | EventKind::StepFailed { .. }
                | EventKind::StepSkipped { .. }
                | EventKind::DoneByHand { .. },
            ) => Some((format!("{path}/"), false)),
            _ => None,
        });
        changes.collect()
    }

    /// Follows what [`Self::changes`] gave.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) async fn follow(&mut self, changes: Vec<(String, bool)>) -> Result<(), JournalLost> {
        for (file, begins) in changes {
            match begins {
                true => self.watch(file),
                false => self.end_file(&file, UnwatchedReason::Over).await?,
            }
        }
        Ok(())
    }

    fn watch(&mut self, file: String) {
        let plan = self.worker.plan.clone();
        let Some(own) = self.worker.chart.file(&plan, &file) else { return };
        if self.files.contains_key(&file) || (own.probes.is_empty() && own.stop_when.is_empty()) {
            return;
        }
        let (told, listens) = watch::channel(Told::default());
        let mut tasks = JoinSet::new();
        for probe in &own.probes {
            let probe = in_place(probe, &file);
            tasks.spawn(watcher::watch(self.worker.clone(), probe, listens.clone(), self.news.clone()));
        }
        for entry in &own.stop_when {
            let guard = alarms::AlarmGuard {
                worker: self.worker.clone(),
                poller: self.poller.clone(),
                file: file.clone(),
                entry: entry.clone(),
                stop: self.alarms.0.clone(),
            };
            tasks.spawn(guard.watch(listens.clone()));
        }
        self.files.insert(file, Watched { told, tasks });
    }

    /// All steps are over, and the run waits for a probe that may still hold up.
    pub(crate) fn linger(&self) {
        let now = self.worker.clock.now();
        for file in self.files.values() {
            file.told.send_modify(|told| told.lingers_since = told.lingers_since.or(Some(now)));
        }
    }

    /// Ends all that goes on beside the steps; what is known is in the journal when this returns.
    pub(crate) async fn end(&mut self, because: UnwatchedReason) -> Result<(), JournalLost> {
        while let Some(file) = self.files.keys().next().cloned() {
            self.end_file(&file, because).await?;
        }
        Ok(())
    }

    async fn end_file(&mut self, file: &str, because: UnwatchedReason) -> Result<(), JournalLost> {
        let Some(Watched { told, mut tasks }) = self.files.remove(file) else { return Ok(()) };
        told.send_modify(|told| told.end = Some(because));
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(outcome) => outcome?,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            }
        }
        Ok(())
    }

    pub(crate) fn is_active(&self) -> bool {
        !self.files.is_empty()
    }

    /// Waits until something has changed: an alarm that ends the run, or nothing where an event was written.
    pub(crate) async fn happens(&mut self) -> Option<Stop> {
        let alarm = pin!(self.alarms.1.recv());
        match select(alarm, pin!(self.news.notified())).await {
            Either::Left((stop, _)) => stop,
            Either::Right(_) => None,
        }
    }
}

/// Says of probes that a process watched which is gone that nobody knows how they stand.
pub(crate) fn leave_unwatched(log: &RunLog) -> Result<(), JournalLost> {
    let left: Vec<Draft> = log.with_state(|state| {
        let watched = state.probes.iter().filter(|(_, probe)| probe.status != ProbeStatus::Unwatched);
        let drafts = watched.map(|(path, probe)| {
            let kind = EventKind::ProbeUnwatched { because: UnwatchedReason::Died, error: None };
            let at = probe.last_look.map(|look| look.at);
            Draft { step: Some(path.clone()), at, ..Draft::run(kind) }
        });
        drafts.collect()
    });
    if left.is_empty() { Ok(()) } else { log.append(left) }
}

/// Whether the run has to wait for this probe: it may still hold up, and a mark depends on it.
pub(crate) fn is_awaited(plan: &Plan, probe: &Probe, state: &RunState) -> bool {
    let known = state.probes.get(&probe.look.path);
    probe.marks.contains_key(&ProbeMoment::HeldUp)
        && known.is_some_and(|known| {
            known.held_up.is_none()
                && !known.given_up
                && (known.was_down() || committed(plan, state).is_some())
        })
}

/// When the last step that commits was done, if one was.
pub(crate) fn committed(plan: &Plan, state: &RunState) -> Option<DateTime<Utc>> {
    let steps = plan.every_step();
    let mut commits = steps.iter().filter(|step| step.commit == Some(true)).peekable();
    commits.peek()?;
    let planned: Vec<&StepPath> = commits.map(|step| &step.path).collect();
    let done = state.started_order.iter().filter(|path| planned.contains(&&path.planned()));
    let done = done.filter_map(|path| {
        let step = state.steps.get(path)?;
        step.finished.filter(|_| step.status.is_over() && step.status.failure().is_none())
    });
    done.map(|finished| finished.at).max()
}

/// The probe as it is in the file whose paths begin so: in a loop there is one for each item.
fn in_place(probe: &Probe, file: &str) -> Probe {
    let mut probe = probe.clone();
    probe.look.path = StepPath::new(format!("{file}probe:{}", probe.look.id));
    probe
}

fn runs_a_runbook(step: &StepState) -> bool {
    let is_runbook = step.intent.as_ref().is_some_and(|intent| intent.action == "runbook");
    is_runbook && !step.status.is_over()
}

/// Waits until the work is over; why.
async fn ended(told: &mut watch::Receiver<Told>) -> UnwatchedReason {
    match told.wait_for(|told| told.end.is_some()).await {
        Ok(told) => told.end.unwrap_or(UnwatchedReason::Over),
        // Whoever would have told is gone.
        Err(_) => UnwatchedReason::Paused,
    }
}

/// Whether a plan has anything beside its steps, itself or in a runbook that it runs.
pub(crate) fn has_any(plan: &Plan) -> bool {
    let has = |plan: &Plan| !plan.probes.is_empty() || !plan.stop_when.is_empty();
    has(plan)
        || plan.every_step().into_iter().any(|step| match &step.work {
            Work::Runbook { plan, .. } => has(plan),
            _ => false,
        })
}
