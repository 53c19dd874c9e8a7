//! The fold: what is known of a run, from its events alone.
//!
//! This is the only fold. The engine decides on it, resume rebuilds it, `show`, the screen and reports read it.

use crate::event::{
    Answer, BlockedOn, Event, EventKind, Failure, Item, Order, PauseReason, Phase, PlanAmended, ProbeOutline,
    Question, RunStarted, StepOutline, StepStarted, Values,
};
use crate::identity::Identity;
use crate::lock::LockState;
use crate::measure::{DataLost, RecoveryTime};
use crate::outcome::{Outcome, Verdict};
use crate::probes::{AlarmState, ProbeState};
use crate::target::{Access, Target};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::{MarkName, RunId, StepPath};
use lifeboat_runbook::plan::{GROUPS, Mode};
use lifeboat_runbook::spec::{Grade, Resource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A moment in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The number of the event.
    pub seq: u64,
    /// UTC.
    pub at: DateTime<Utc>,
    /// Milliseconds on the monotonic clock of the process `epoch`.
    pub mono_ms: u64,
    /// Which process.
    pub epoch: u32,
    /// How often the clocks had gone apart before.
    pub jumps: u32,
}

impl Moment {
    /// Whether both were seen by one process whose clocks agreed all the time: then its monotonic clock tells how far
    /// they are apart.
    pub fn shares_clock(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.epoch != 0 && self.jumps == other.jumps
    }

    /// Seconds from `self` to `later`: by the monotonic clock within one process, else by the wall clock.
    pub fn seconds_to(&self, later: &Self) -> f64 {
        if self.shares_clock(later) {
            return (later.mono_ms as f64 - self.mono_ms as f64) / 1000.0;
        }
        (later.at - self.at).num_milliseconds() as f64 / 1000.0
    }
}

/// Where a step stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum StepStatus {
    /// Not begun.
    #[default]
    Pending,
    /// Its intent is written.
    Running,
    /// A mutation was accepted; it is coming about.
    Waiting,
    /// An attempt is over without success; another may follow.
    AttemptFailed(Failure),
    /// Whether its mutation happened is not known.
    Unknown,
    /// Done.
    Succeeded,
    /// Over without success, and the run goes on.
    AllowedFailure(Failure),
    /// Over without success.
    Failed(Failure),
    /// Not needed.
    Skipped(String),
    /// A person is asked.
    Asking,
    /// A person did it without Lifeboat.
    DoneByHand(String),
}

impl StepStatus {
    /// The word of `steps.<id>.state` and of the JSON document.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::AttemptFailed(_) => "attempt_failed",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::AllowedFailure(_) => "allowed_failure",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
            Self::Asking => "asking",
            Self::DoneByHand(_) => "done_by_hand",
        }
    }

    /// Whether nothing more comes of it.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Succeeded
                | Self::AllowedFailure(_)
                | Self::Failed(_)
                | Self::Skipped(_)
                | Self::DoneByHand(_)
        )
    }

    /// The error, where it failed and may not have.
    pub fn failed(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether something of it is under way now.
    pub fn is_in_flight(&self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Unknown)
    }

    /// Why it failed or was skipped, in words.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Skipped(reason) | Self::DoneByHand(reason) => Some(reason),
            status => status.failure().map(|failure| failure.message.as_str()),
        }
    }

    /// The error it ended with.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::AttemptFailed(failure) | Self::AllowedFailure(failure) | Self::Failed(failure) => {
                Some(failure)
            }
            _ => None,
        }
    }
}

/// What became of taking a step back. A field of its own: what was made is never forgotten.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum UndoStatus {
    /// Not asked for.
    #[default]
    NotUndone,
    /// Under way.
    Undoing,
    /// Its effect is seen to be gone.
    Undone,
    /// It could not be taken back.
    UndoFailed(Failure),
}

/// A step, as far as its events tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    /// Where it stands.
    pub status: StepStatus,
    /// What became of taking it back.
    pub undo: UndoStatus,
    /// How many attempts have failed.
    pub attempts_failed: u32,
    /// How many attempts were begun.
    pub attempts: u32,
    /// Its first intent.
    pub started: Option<Moment>,
    /// The intent of the last attempt.
    pub attempt_started: Option<Moment>,
    /// Its end.
    pub finished: Option<Moment>,
    /// What the last failed attempt was doing: `prepare`, `act`, `wait`, `assert`.
    pub failed_during: String,
    /// The last failed attempt.
    pub attempt_failed: Option<Moment>,
    /// Whether the time before the next attempt has passed.
    pub retry_due: bool,
    /// The delays between its attempts: from the failure until it was time to try again.
    pub delays: Vec<(Moment, Moment)>,
    /// The events that made it ready, as its first intent names them.
    pub after: Vec<u64>,
    /// What the last intent said. `captured` is that of the first attempt.
    pub intent: Option<Box<StepStarted>>,
    /// Mutations that were accepted in this attempt: stage, moment, identifiers in the reply.
    pub accepted: Vec<(String, DateTime<Utc>, Values)>,
    /// States that were seen, with the moment and the last look that said otherwise.
    pub states_seen: Vec<StateSeen>,
    /// When each readiness of the action was first seen to be there in this attempt.
    pub reached: BTreeMap<String, DateTime<Utc>>,
    /// Mutations of the undo that were accepted.
    pub undo_accepted: Vec<String>,
    /// When taking it back began.
    pub undo_started: Option<Moment>,
    /// When that was over, well or not.
    pub undo_finished: Option<Moment>,
    /// Its outputs.
    pub outputs: Values,
    /// The values that made it be skipped.
    pub skipped_because: Values,
    /// Proof it left: kind and value.
    pub evidence: Vec<(String, lifeboat_runbook::value::Value)>,
    /// The times in which it could not go on through no fault of its own.
    pub blocks: Vec<Block>,
    /// Seconds more that people gave it.
    pub extended_s: f64,
    /// Timers that have fired, by purpose.
    pub fired: Vec<String>,
    /// What it asked people, in order.
    pub questions: Vec<Asked>,
    /// The entries of AWS's own records that are in the journal.
    pub aws_events: BTreeSet<String>,
    /// Who ordered to go on though this check does not hold, and why.
    pub accepted_by: Option<String>,
    /// Who ordered to go on without it, and why.
    pub skipped_by: Option<String>,
    /// Whether a person ordered another attempt.
    pub retry_ordered: bool,
    /// What a person named to do instead of what it would have made.
    pub adopted: BTreeMap<String, String>,
    /// The items of a loop, once they are known.
    pub items: Option<Arc<Items>>,
}

/// The items of a loop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    items: Vec<Item>,
    places: BTreeMap<String, usize>,
}

impl Items {
    fn new(items: &[Item]) -> Self {
        let places = items.iter().enumerate().map(|(place, item)| (item.key.clone(), place));
        Self { items: items.to_vec(), places: places.collect() }
    }

    /// All of them, in the order in which they start.
    pub fn all(&self) -> &[Item] {
        &self.items
    }

    /// The item called `key` and its place, from 0.
    pub fn named(&self, key: &str) -> Option<(usize, &Item)> {
        let place = *self.places.get(key)?;
        Some((place, self.items.get(place)?))
    }
}

/// A time in which a step could not go on through no fault of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What was missing.
    pub on: BlockedOn,
    /// What was answered.
    pub error: Failure,
    /// Since when.
    pub from: Moment,
    /// Until when; nothing while it lasts.
    pub to: Option<Moment>,
}

/// The answer that permits what an approval is about.
pub const APPROVE: &str = "approve";

/// A question to people, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The question.
    pub question: Box<Question>,
    /// When it was asked; the number of this event names the question.
    pub at: Moment,
    /// Seconds in which no process was there to be answered: they do not count against people.
    pub away_s: f64,
    /// Seconds that somebody gave them besides.
    pub extended_s: f64,
    /// The answer that decided it: who, when, what.
    pub answer: Option<(String, Moment, Box<Answer>)>,
    /// Every answer that counts, in order; where several people must approve, the last one decides.
    pub answers: Vec<(String, Moment, Box<Answer>)>,
    /// What follows because nobody answered in time, and when that was.
    pub timed_out: Option<(String, Moment)>,
    /// When it needed no answer any more.
    pub closed: Option<Moment>,
}

impl Asked {
    /// When people had their time, if it is limited.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let seconds = self.question.timeout_s? + self.away_s + self.extended_s;
        Some(self.at.at + chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64))
    }

    /// When it was answered or given up.
    pub fn ended(&self) -> Option<Moment> {
        let answered = self.answer.as_ref().map(|(_, at, _)| *at);
        answered.or(self.timed_out.as_ref().map(|(_, at)| *at)).or(self.closed)
    }

    /// How many people have approved, and how many must, where that is more than one.
    pub fn approvals(&self) -> Option<(usize, u32)> {
        let approved = self.answers.iter().filter(|(.., answer)| answer.choice == APPROVE).count();
        (self.question.at_least > 1).then_some((approved, self.question.at_least))
    }

    /// Takes an answer in. Of several people who must approve each counts once, whatever came twice.
    fn take(&mut self, who: String, at: Moment, answer: &Answer) {
        if self.answer.is_some() {
            return;
        }
        let entry = (who, at, Box::new(answer.clone()));
        if answer.choice == APPROVE && answer.overrides.is_empty() && self.question.at_least > 1 {
            if !self.is_somebody_else(answer.identity.as_deref()) {
                return;
            }
            self.answers.push(entry.clone());
            if self.approvals().is_some_and(|(approved, wanted)| approved < wanted as usize) {
                return;
            }
        } else {
            self.answers.push(entry.clone());
        }
        self.answer = Some(entry);
    }

    /// Whether this is for certain none of those who have answered.
    pub fn is_somebody_else(&self, who: Option<&Identity>) -> bool {
        let mut earlier = self.answers.iter().map(|(.., answer)| answer.identity.as_deref());
        earlier.all(|other| matches!((who, other), (Some(who), Some(other)) if who.is_told_apart_from(other)))
    }

    /// Whether an action asks, whose effect waits for the answer: the step itself is under way.
    pub fn is_of_an_action(&self) -> bool {
        self.question.subject.is_some()
    }
}

/// Why nothing new starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Paused {
    /// In words.
    pub why: String,
    /// What kind of reason that is.
    pub because: PauseReason,
    /// The step it is about.
    pub step: Option<StepPath>,
}

/// A request for the end of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// Who or what asked.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// Whether to take back what was done; nothing leaves it to the mode.
    pub undo: Option<bool>,
}

/// A state that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSeen {
    /// In the service's words.
    pub state: String,
    /// When it was first seen.
    pub at: DateTime<Utc>,
    /// The same with the number of the event.
    pub seen: Moment,
    /// The last look that said otherwise.
    pub not_before: Option<DateTime<Utc>>,
}

/// Something the run made.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// What.
    pub resource: Resource,
    /// By which step.
    pub step: StepPath,
    /// When.
    pub at: Moment,
    /// When it was seen to be gone.
    pub deleted: Option<Moment>,
}

/// A statement of how far the recovered data goes.
#[derive(Clone, Debug, PartialEq)]
pub struct DataTime {
    /// Complete up to here.
    pub complete_to: DateTime<Utc>,
    /// How sure that is.
    pub grade: Grade,
    /// Where it was read.
    pub source: String,
    /// The step.
    pub step: Option<StepPath>,
    /// The number of the event.
    pub seq: u64,
}

/// A preflight check that did not hold and did not stop the run.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckWarning {
    /// What was checked.
    pub check: String,
    /// Why it does not hold.
    pub failure: Failure,
    /// The number of the event.
    pub seq: u64,
}

/// A time in which nothing new began until a person took the run up again.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// Why.
    pub because: PauseReason,
    /// The step it is about; nothing where it is about the run.
    pub step: Option<StepPath>,
    /// Since when.
    pub from: Moment,
    /// Until when; nothing while it lasts.
    pub to: Option<Moment>,
}

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// Which run.
    pub run: Option<RunId>,
    /// What its first event says.
    pub started: Option<Box<RunStarted>>,
    /// When it began.
    pub began: Option<Moment>,
    /// Its phase.
    pub phase: Option<Phase>,
    /// When each phase was entered.
    pub phases: BTreeMap<Phase, Moment>,
    /// Its steps.
    pub steps: BTreeMap<StepPath, StepState>,
    /// The probes beside the steps.
    pub probes: BTreeMap<StepPath, ProbeState>,
    /// The alarms of `stop_when`, by name.
    pub alarms: BTreeMap<String, AlarmState>,
    /// The alarms that have ended the run, or paused it, and when.
    pub stops: Vec<(String, Moment)>,
    /// Steps in the order of their first intent: undo goes the other way.
    pub started_order: Vec<StepPath>,
    /// Marks, each at its first setting.
    pub marks: BTreeMap<MarkName, Moment>,
    /// What it made.
    pub created: Vec<Created>,
    /// How far the recovered data goes.
    pub data_times: Vec<DataTime>,
    /// Checks that only warned.
    pub check_warnings: Vec<CheckWarning>,
    /// A check that refused the start.
    pub refused: Option<CheckWarning>,
    /// Checks about which a person was asked.
    pub asked_checks: Vec<CheckWarning>,
    /// Who asked for the end.
    pub abort_asked: Option<Abort>,
    /// Why nothing new starts.
    pub paused: Option<Paused>,
    /// The times in which it was paused until a person took it up, in the order of their beginning.
    pub pauses: Vec<Pause>,
    /// The times in which no process carried it: from the last event before a resume to the resume.
    pub away: Vec<(Moment, Moment)>,
    /// When wall clock and monotonic clock went apart, and by how many seconds the wall clock was set forward.
    pub jumps: Vec<(Moment, f64)>,
    /// By how much this machine's clock is ahead of that of AWS, seconds, where that was worth saying.
    pub skew_s: Option<f64>,
    /// Credentials whose account was asked for since the run was last taken up.
    pub accounts_checked: BTreeSet<(String, Access)>,
    /// The last change of the runbook in the middle of the run.
    pub amended: Option<Box<PlanAmended>>,
    /// How the run had ended before somebody asked to take away what it left.
    pub verdict_before: Option<Verdict>,
    /// The recovery time as measured at the end.
    pub recovery_time: Option<Box<RecoveryTime>>,
    /// The data lost as measured at the end.
    pub data_lost: Option<Box<DataLost>>,
    /// The downtime as measured at the end.
    pub downtime: Option<Vec<crate::measure::Downtime>>,
    /// How it ended.
    pub outcome: Option<Box<Outcome>>,
    /// When it ended.
    pub finished: Option<Moment>,
    /// The last event.
    pub last: Option<Moment>,
    /// What it knows of its lock.
    pub lock: LockState,
    /// Who started it, and who took it up since.
    pub operators: Vec<Identity>,
    /// Who holds which role.
    pub roles: BTreeMap<String, String>,
    /// Of which events people were told, and which way.
    pub told: BTreeSet<(u64, String)>,
    /// The moments at which people were to be told where it stands.
    pub updates: Vec<Moment>,
    /// Calls that changed something: service and operation.
    pub mutations: Vec<(String, String)>,
    /// Where the outline of a path is among [`Self::outlines`].
    outline_places: BTreeMap<StepPath, usize>,
}

impl RunState {
    /// The state after these events.
    pub fn of(events: &[Event]) -> Self {
        let mut state = Self::default();
        for event in events {
            state.apply(event);
        }
        state
    }

    /// The step at `path`; a pending one if nothing is known of it.
    pub fn step(&self, path: &StepPath) -> StepState {
        self.steps.get(path).cloned().unwrap_or_default()
    }

    /// What the run made and nobody has seen gone.
    pub fn left(&self) -> impl Iterator<Item = &Created> {
        self.created.iter().filter(|created| created.deleted.is_none())
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        let mut moment = Moment {
            seq: event.seq,
            at: event.at,
            mono_ms: event.mono_ms,
            epoch: epoch_of(event),
            jumps: u32::try_from(self.jumps.len()).unwrap_or(u32::MAX),
        };
        if let EventKind::ClockJumped { by_s, .. } = &event.kind {
            // The event that tells of a jump stands behind it.
            moment.jumps += u32::from(*by_s != 0.0);
            self.jumps.extend((*by_s != 0.0).then_some((moment, *by_s)));
        }
        self.run.get_or_insert_with(|| event.run.clone());
        self.note_pauses(event, moment);
        match &event.step {
            Some(path) if path.is_probe() => self.apply_to_probe(path, event, moment),
            Some(path) => self.apply_to_step(path.clone(), event, moment),
            None => self.apply_to_run(event, None, moment),
        }
        self.last = Some(Moment { at: event.recorded_at, ..moment });
    }

    /// Pauses, and times in which nobody carried the run, for its measurement; nothing is decided by them.
    fn note_pauses(&mut self, event: &Event, moment: Moment) {
        match &event.kind {
            // What is missing then is no person; the step's blocks say what.
            EventKind::RunPaused { because: PauseReason::Blocked, .. } => {}
            EventKind::RunPaused { because, .. } => {
                let (because, step) = (*because, event.step.clone());
                self.pauses.push(Pause { because, step, from: moment, to: None });
            }
            EventKind::RunResumed { away_s, .. } => {
                if *away_s > 0.0 {
                    let gone = moment.at - chrono::TimeDelta::milliseconds((away_s * 1000.0).round() as i64);
                    self.away.push((Moment { at: gone, epoch: 0, ..moment }, moment));
                }
                self.end_pauses(moment);
            }
            EventKind::StepOrdered { .. }
            | EventKind::DoneByHand { .. }
            | EventKind::AbortAsked { .. }
            | EventKind::CleanupAsked { .. }
            | EventKind::RunFinished(_) => self.end_pauses(moment),
            _ => {}
        }
    }

    fn end_pauses(&mut self, moment: Moment) {
        for pause in self.pauses.iter_mut().filter(|pause| pause.to.is_none()) {
            pause.to = Some(moment);
        }
    }

    fn apply_to_run(&mut self, event: &Event, step: Option<&StepPath>, moment: Moment) {
        match &event.kind {
            EventKind::RunStarted(started) => {
                self.take_outlines(&started.steps);
                self.operators.push(started.identity());
                self.started = Some(started.clone());
                self.began = Some(moment);
            }
            EventKind::PhaseEntered { phase } => {
                self.phase = Some(*phase);
                self.phases.entry(*phase).or_insert(moment);
            }
            EventKind::RunPaused { why, because } => {
                self.paused = Some(Paused { why: why.clone(), because: *because, step: step.cloned() });
            }
            EventKind::RunResumed { by, .. } => {
                // Whoever resumes may have other credentials.
                self.accounts_checked.clear();
                let by = by.iter().map(|by| (**by).clone());
                let news = by.filter(|by| !self.operators.contains(by)).collect::<Vec<_>>();
                self.operators.extend(news);
                self.resume(moment);
            }
            EventKind::RoleAssigned { role, person } => {
                self.roles.insert(role.clone(), person.clone());
            }
            EventKind::UpdateDue { .. } => self.updates.push(moment),
            EventKind::NotifySent(notice) | EventKind::NotifyRecorded(notice) => {
                self.told.insert((notice.of, notice.to.clone()));
            }
            EventKind::AccountChecked(checked) => {
                let Target { account, access, .. } = &checked.target;
                self.accounts_checked.insert((account.clone(), access.clone()));
            }
            EventKind::ClockSkew { by_s } => self.skew_s = Some(*by_s),
            EventKind::AbortAsked { by, why, undo } => {
                self.paused = None;
                self.abort_asked = Some(Abort { by: by.clone(), why: why.clone(), undo: *undo });
            }
            EventKind::CleanupAsked { .. } => self.take_away_again(),
            EventKind::PlanAmended(amended) => {
                self.take_outlines(&amended.steps);
                self.amended = Some(amended.clone());
            }
            EventKind::CheckFailed { check, error, then } => {
                let warning = CheckWarning { check: check.clone(), failure: error.clone(), seq: moment.seq };
                match then.as_str() {
                    "refuse" => self.refused = Some(warning),
                    "ask" => self.asked_checks.push(warning),
                    _ => self.check_warnings.push(warning),
                }
            }
            EventKind::LockAcquired(lock) => self.lock = LockState::Held(lock.clone()),
            EventKind::LockRenewed { expires } => self.hold_on(*expires),
            EventKind::LockBroken(broken) if broken.error.is_some() => self.lock = LockState::Without,
            EventKind::LockLost { .. } => self.lock = LockState::Without,
            EventKind::LockReleased { .. } => self.lock = LockState::Released,
            EventKind::MarkSet { mark, .. } => self.set_mark(mark, moment),
            EventKind::AlarmSeen(seen) => {
                let alarm = AlarmState { seen: (**seen).clone(), at: moment };
                self.alarms.insert(seen.alarm.clone(), alarm);
            }
            EventKind::StopTriggered { alarm, .. } => self.stops.push((alarm.clone(), moment)),
            EventKind::DowntimeMeasured { probes } => self.downtime = Some(probes.clone()),
            EventKind::RtoMeasured(measured) => self.recovery_time = Some(measured.clone()),
            EventKind::RpoMeasured(measured) => self.data_lost = Some(measured.clone()),
            EventKind::RunFinished(outcome) => {
                self.outcome = Some(outcome.clone());
                self.finished = Some(moment);
                self.steps.values_mut().for_each(StepState::leave);
            }
            // The others tell something, and change nothing that is decided or shown from here.
            _ => {}
        }
    }

    fn apply_to_probe(&mut self, path: &StepPath, event: &Event, moment: Moment) {
        if let EventKind::MarkSet { mark, .. } = &event.kind {
            let known = self.probes.get(path).and_then(|probe| probe.moment_at(moment.at));
            let moment = known.map_or(moment, |known| Moment { seq: moment.seq, ..known });
            return self.set_mark(mark, moment);
        }
        self.probes.entry(path.clone()).or_default().apply(event, moment);
    }

    fn apply_to_step(&mut self, path: StepPath, event: &Event, moment: Moment) {
        match &event.kind {
            EventKind::AwsCreated(resource) => self.created.push(Created {
                resource: resource.clone(),
                step: path.clone(),
                at: moment,
                deleted: None,
            }),
            EventKind::AwsDeleted(resource) => {
                for created in &mut self.created {
                    if created.deleted.is_none()
                        && created.resource.kind == resource.kind
                        && created.resource.id == resource.id
                    {
                        created.deleted = Some(moment);
                    }
                }
            }
            EventKind::DataTime { complete_to, grade, source } => self.data_times.push(DataTime {
                complete_to: *complete_to,
                grade: *grade,
                source: source.clone(),
                step: Some(path.clone()),
                seq: event.seq,
            }),
            EventKind::MarkSet { mark, .. } => {
                let moment = self.moment_of_step(&path, moment);
                self.set_mark(mark, moment);
            }
            EventKind::CheckFailed { .. } | EventKind::RunPaused { .. } => {
                self.apply_to_run(event, Some(&path), moment);
            }
            EventKind::StepOrdered { .. } | EventKind::DoneByHand { .. } => self.paused = None,
            EventKind::NotifySent(_) | EventKind::NotifyRecorded(_) => {
                self.apply_to_run(event, Some(&path), moment);
            }
            EventKind::AwsCall { service, operation, .. } => {
                self.mutations.push((service.clone(), operation.clone()));
            }
            EventKind::StepStarted(_) if self.steps.get(&path).is_none_or(|step| step.intent.is_none()) => {
                self.started_order.push(path.clone());
            }
            _ => {}
        }
        self.steps.entry(path).or_default().apply(event, moment);
    }

    /// A mark is written some milliseconds after what it marks, whose monotonic time is known.
    fn moment_of_step(&self, path: &StepPath, moment: Moment) -> Moment {
        let known = self.steps.get(path).into_iter().flat_map(|step| [step.started, step.finished]).flatten();
        let known = known.into_iter().find(|known| known.at == moment.at && known.epoch != 0);
        known.map_or(moment, |known| Moment { seq: moment.seq, ..known })
    }

    /// When service was lost: the mark, the operator's statement, or in a drill the start of the run. In a recovery it is
    /// never assumed.
    pub fn disrupted(&self) -> Option<Moment> {
        if let Some(mark) = self.marks.get(&MarkName::new("disrupted")) {
            return Some(*mark);
        }
        let (began, started) = (self.began?, self.started.as_ref()?);
        match (started.disrupted_at, started.mode) {
            (Some(at), _) => Some(Moment { at, epoch: 0, ..began }),
            (None, Mode::Drill) => Some(began),
            (None, Mode::Recovery) => None,
        }
    }

    fn set_mark(&mut self, mark: &MarkName, moment: Moment) {
        self.marks.entry(mark.clone()).or_insert(moment);
    }

    /// The steps of a loop are not known before its items are.
    fn take_outlines(&mut self, outlines: &[StepOutline]) {
        self.outline_places.clear();
        for (place, outline) in outlines.iter().enumerate() {
            self.outline_places.insert(outline.path.clone(), place);
            if !outline.path.as_str().contains('[') {
                self.steps.entry(outline.path.clone()).or_default();
            }
        }
    }

    /// The outline of the step at `path`, which may be one of an item (`each[orders].restore`): the outline is that of
    /// the plan (`each[*].restore`).
    pub fn outline(&self, path: &StepPath) -> Option<&StepOutline> {
        self.outlines().get(*self.outline_places.get(&path.planned())?)
    }

    /// The steps as they are in this run, in the order of the plan: in the place of what a loop holds stand the steps of
    /// its items, item by item. A loop that has not begun stands as it is planned, with `*` for the items.
    pub fn steps_in_order(&self) -> Vec<(&StepPath, &StepOutline)> {
        let mut steps = Vec::new();
        let mut loops = BTreeSet::new();
        for outline in self.outlines() {
            let Some((each, _)) = outline.path.as_str().split_once("[*]") else {
                steps.push((&outline.path, outline));
                continue;
            };
            let each = StepPath::new(each);
            let inside = self.steps_of_items(&each);
            match inside.is_empty() {
                true => steps.push((&outline.path, outline)),
                false if loops.insert(each) => steps.extend(inside),
                false => {}
            }
        }
        steps
    }

    /// The steps of the items of a loop, item by item, each item in the order of the plan.
    fn steps_of_items(&self, each: &StepPath) -> Vec<(&StepPath, &StepOutline)> {
        let items = self.steps.get(each).and_then(|step| step.items.as_ref());
        let begin = format!("{each}[");
        let inside = self.steps.range(StepPath::new(begin.as_str())..);
        let inside = inside.map(|(path, _)| path).take_while(|path| path.as_str().starts_with(&begin));
        let mut placed: Vec<_> = inside
            .filter_map(|path| {
                let key = path.as_str()[begin.len()..].split(']').next()?;
                let item = items.and_then(|items| items.named(key)).map(|(place, _)| place);
                let place = *self.outline_places.get(&path.planned())?;
                Some((item, place, path))
            })
            .collect();
        placed.sort();
        placed.into_iter().filter_map(|(_, place, path)| Some((path, self.outlines().get(place)?))).collect()
    }

    /// The step inside `path` that ended last, by which it was over; `path` itself where it holds no others.
    pub fn last_inside(&self, path: &StepPath) -> StepPath {
        if !self.steps.get(path).is_some_and(StepState::is_group) {
            return path.clone();
        }
        let ran = |step: &StepState| step.finished.filter(|_| step.started.is_some() && !step.is_group());
        let ended = self.steps.iter().filter_map(|(inner, step)| Some((inner, ran(step)?)));
        let last = ended.filter(|(inner, _)| self.is_inside(inner, path)).max_by_key(|(_, ended)| ended.seq);
        last.map_or_else(|| path.clone(), |(inner, _)| inner.clone())
    }

    /// Whether the step `inner` is held by the step `outer`, directly or through others.
    fn is_inside(&self, inner: &StepPath, outer: &StepPath) -> bool {
        let planned = outer.planned();
        let mut at = self.outline(inner);
        while let Some(parent) = at.and_then(|outline| outline.parent.as_ref()) {
            if *parent == planned {
                return inner.keys().starts_with(&outer.keys());
            }
            at = self.outline(parent);
        }
        false
    }

    /// The outlines of the steps as they are planned now.
    pub fn outlines(&self) -> &[StepOutline] {
        match (&self.amended, &self.started) {
            (Some(amended), _) => &amended.steps,
            (None, Some(started)) => &started.steps,
            (None, None) => &[],
        }
    }

    /// The probes as they are planned now.
    pub fn probe_outlines(&self) -> &[ProbeOutline] {
        match (&self.amended, &self.started) {
            (Some(amended), _) => &amended.probes,
            (None, Some(started)) => &started.probes,
            (None, None) => &[],
        }
    }

    /// Whether an alarm has stopped this drill, which nobody can take back.
    fn is_stopped_for_good(&self) -> bool {
        let drill = self.started.as_ref().is_some_and(|started| started.mode == Mode::Drill);
        drill && !self.stops.is_empty()
    }

    fn hold_on(&mut self, expires: Option<DateTime<Utc>>) {
        if let LockState::Held(mut lock) | LockState::Unsure(mut lock) = std::mem::take(&mut self.lock) {
            lock.holder.expires = expires;
            self.lock = LockState::Held(lock);
        }
    }

    /// What was running when the process ended is not known any more: it must be looked at. Nobody could answer
    /// meanwhile.
    fn resume(&mut self, moment: Moment) {
        self.paused = None;
        self.lock = std::mem::take(&mut self.lock).resumed();
        // Who resumes goes on after all, but not with what is being taken back already: that run was ended.
        if !self.phases.contains_key(&Phase::Undoing) && !self.is_stopped_for_good() {
            self.abort_asked = None;
        }
        let away_s = self.last.map_or(0.0, |last| last.seconds_to(&moment).max(0.0));
        for step in self.steps.values_mut() {
            if let (StepStatus::Asking, Some(asked)) = (&step.status, step.questions.last_mut()) {
                asked.away_s += away_s;
            }
            // Whether an action still asks is seen by looking.
            if (step.status.is_in_flight() || step.asks_by_its_action()) && !step.is_group() {
                step.status = StepStatus::Unknown;
            }
            step.unblock(moment);
        }
    }

    /// What could not be taken back, or was not because the run had ended, is to be taken back now.
    fn take_away_again(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            self.verdict_before.get_or_insert(outcome.verdict);
        }
        self.finished = None;
        self.paused = None;
        for (path, step) in &mut self.steps {
            if path.is_cleanup() && step.status.failed().is_some() {
                step.status = StepStatus::Pending;
            }
            if matches!(step.undo, UndoStatus::UndoFailed(_)) {
                step.undo = UndoStatus::NotUndone;
                step.undo_accepted.clear();
            }
        }
    }
}

/// An event about another moment than that of its writing has no monotonic time of that moment.
fn epoch_of(event: &Event) -> u32 {
    if event.at == event.recorded_at { event.epoch } else { 0 }
}

impl StepState {
    fn apply(&mut self, event: &Event, moment: Moment) {
        match &event.kind {
            EventKind::StepStarted(intent) => {
                self.begin(intent, event.attempt.unwrap_or(1), moment);
            }
            EventKind::StepExpanded { items } => self.items = Some(Arc::new(Items::new(items))),
            EventKind::StepAccepted { stage, data, .. } => {
                self.accepted.push((stage.clone(), event.at, data.clone()));
                self.status = StepStatus::Waiting;
            }
            EventKind::StateSeen { state, not_before } => self.states_seen.push(StateSeen {
                state: state.clone(),
                at: event.at,
                seen: moment,
                not_before: *not_before,
            }),
            EventKind::Reached { readiness, .. } => {
                self.reached.entry(readiness.clone()).or_insert(event.at);
            }
            EventKind::Observed { found } if found == "in_progress" || found == "next" => {
                self.status = StepStatus::Waiting;
            }
            EventKind::Observed { found } if found == "asks" => {
                let open = self.asked().is_some_and(|asked| asked.ended().is_none());
                self.status = if open { StepStatus::Asking } else { StepStatus::Waiting };
            }
            EventKind::AttemptFailed { error, during } => {
                self.attempts_failed += 1;
                self.retry_ordered = false;
                self.failed_during.clone_from(during);
                self.attempts = self.attempts.max(event.attempt.unwrap_or(1));
                self.attempt_failed = Some(moment);
                self.retry_due = false;
                self.close_question(moment);
                self.status = StepStatus::AttemptFailed(error.clone());
            }
            EventKind::TimerFired { purpose } if purpose == "retry" => {
                self.retry_due = true;
                self.delays.extend(self.attempt_failed.map(|failed| (failed, moment)));
            }
            EventKind::TimerFired { purpose } => self.fired.push(purpose.clone()),
            EventKind::StepSucceeded { outputs } => {
                self.outputs = outputs.clone();
                let awaited = self.intent.as_ref().and_then(|intent| intent.wait_for.clone());
                if let Some(name) = awaited {
                    self.reached.entry(name).or_insert(event.at);
                }
                self.end(StepStatus::Succeeded, moment);
            }
            EventKind::StepFailed { error, allowed: true } => {
                self.end(StepStatus::AllowedFailure(error.clone()), moment);
            }
            EventKind::StepFailed { error, allowed: false } => {
                self.end(StepStatus::Failed(error.clone()), moment);
            }
            EventKind::StepSkipped { reason, values } => {
                self.skipped_because = values.clone();
                self.end(StepStatus::Skipped(reason.clone()), moment);
            }
            EventKind::Evidence { kind, value } => self.evidence.push((kind.clone(), value.clone())),
            EventKind::StepOrdered { order, reason, seconds } => {
                self.obey(*order, reason.as_deref(), *seconds, event, moment);
            }
            EventKind::DoneByHand { reason, outputs, adopted } => {
                self.outputs = outputs.clone();
                self.adopted = adopted.clone();
                self.end(StepStatus::DoneByHand(reason.clone()), moment);
            }
            EventKind::StepBlocked { on, error } => {
                self.unblock(moment);
                self.blocks.push(Block { on: *on, error: error.clone(), from: moment, to: None });
            }
            EventKind::StepUnblocked => self.unblock(moment),
            EventKind::PersonAsked(question) => {
                self.started.get_or_insert(moment);
                let (question, at) = (question.clone(), moment);
                let (answer, timed_out, closed) = (None, None, None);
                let (away_s, extended_s, answers) = (0.0, 0.0, Vec::new());
                let asked = Asked { question, at, away_s, extended_s, answer, answers, timed_out, closed };
                self.questions.push(asked);
                self.status = StepStatus::Asking;
            }
            EventKind::PersonAnswered(answer) => {
                let who = event.actor.id.clone().unwrap_or_default();
                if let Some(asked) = self.questions.last_mut() {
                    asked.take(who, moment, answer);
                }
                self.go_on_after_question();
            }
            EventKind::PersonTimedOut { then, .. } => {
                if let Some(asked) = self.questions.last_mut() {
                    asked.timed_out = Some((then.clone(), moment));
                }
            }
            EventKind::QuestionClosed { .. } => {
                self.close_question(moment);
                self.go_on_after_question();
            }
            EventKind::AwsEvent(event) => drop(self.aws_events.insert(event.key.clone())),
            EventKind::UndoStarted => {
                self.undo_started = Some(moment);
                self.undo_finished = None;
                self.undo = UndoStatus::Undoing;
            }
            EventKind::UndoAccepted { stage } => self.undo_accepted.push(stage.clone()),
            EventKind::Undone => self.end_undo(UndoStatus::Undone, moment),
            EventKind::UndoFailed { error } => self.end_undo(UndoStatus::UndoFailed(error.clone()), moment),
            _ => {}
        }
    }

    fn begin(&mut self, intent: &StepStarted, attempt: u32, moment: Moment) {
        let mut intent = Box::new(intent.clone());
        if let Some(first) = &self.intent {
            // The values to put back are those from before the first attempt.
            intent.captured = first.captured.clone();
        }
        if self.intent.is_none() {
            self.after.clone_from(&intent.after);
        }
        self.intent = Some(intent);
        self.started.get_or_insert(moment);
        self.attempt_started = Some(moment);
        self.attempts = self.attempts.max(attempt);
        self.retry_ordered = false;
        self.accepted.clear();
        self.states_seen.clear();
        self.reached.clear();
        self.status = StepStatus::Running;
    }

    fn obey(
        &mut self,
        order: Order,
        reason: Option<&str>,
        seconds: Option<f64>,
        event: &Event,
        moment: Moment,
    ) {
        let who = event.actor.id.as_deref().unwrap_or("a person");
        match order {
            Order::Retry => {
                self.retry_ordered = true;
                self.finished = None;
                self.close_question(moment);
                self.fired.clear();
                self.status = match &self.status {
                    StepStatus::Failed(failure) | StepStatus::AttemptFailed(failure) if self.attempts > 0 => {
                        StepStatus::AttemptFailed(failure.clone())
                    }
                    _ => StepStatus::Pending,
                };
            }
            Order::Skip => {
                let words = format!("{who}: {}", reason.unwrap_or("no reason given"));
                self.end(StepStatus::Skipped(format!("by order of {words}")), moment);
                self.skipped_by = Some(words);
            }
            Order::Accept => {
                self.accepted_by = Some(format!("{who}: {}", reason.unwrap_or("no reason given")));
            }
            Order::Extend => {
                let seconds = seconds.unwrap_or_default();
                self.extended_s += seconds;
                if let Some(asked) = self.questions.last_mut() {
                    asked.extended_s += seconds;
                }
            }
        }
    }

    /// Whether it only holds other steps: what became of it is what became of them.
    pub fn is_group(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| GROUPS.contains(&intent.action.as_str()))
    }

    fn unblock(&mut self, moment: Moment) {
        if let Some(block) = self.blocks.last_mut().filter(|block| block.to.is_none()) {
            block.to = Some(moment);
        }
    }

    /// What the step waits for, while it is blocked.
    pub fn blocked(&self) -> Option<&Block> {
        self.blocks.last().filter(|block| block.to.is_none())
    }

    /// Since when it cannot go on, whatever the reason has changed to meanwhile.
    pub fn blocked_since(&self) -> Option<DateTime<Utc>> {
        let mut since = self.blocked()?.from;
        for block in self.blocks.iter().rev().skip(1) {
            if block.to.is_none_or(|to| to.seq != since.seq) {
                break;
            }
            since = block.from;
        }
        Some(since.at)
    }

    /// Seconds in which the present attempt could not go on: they do not count against its time.
    pub fn blocked_s(&self) -> f64 {
        let since = self.attempt_started.map_or(0, |started| started.seq);
        let ended = self.blocks.iter().filter(|block| block.from.seq > since);
        ended.filter_map(|block| Some(block.from.seconds_to(&block.to?))).sum()
    }

    /// The run is over: whom a step still asked, or what it still waited for, does not matter any more.
    fn leave(&mut self) {
        let pauses = self.intent.as_ref().is_some_and(|intent| intent.action == "pause");
        match self.status {
            StepStatus::Asking if self.asks_by_its_action() => self.status = StepStatus::Waiting,
            StepStatus::Asking => {
                self.status = StepStatus::Skipped("the run ended before anybody answered".to_owned());
            }
            StepStatus::Running if pauses => {
                self.status = StepStatus::Skipped("the run ended before its time was over".to_owned());
            }
            _ => {}
        }
    }

    /// The last question it asked.
    pub fn asked(&self) -> Option<&Asked> {
        self.questions.last()
    }

    /// Whether it is under way and its action waits for people.
    pub fn asks_by_its_action(&self) -> bool {
        self.status == StepStatus::Asking && self.asked().is_some_and(Asked::is_of_an_action)
    }

    /// What its action asked in this attempt.
    pub fn questions_of_the_attempt(&self) -> impl Iterator<Item = &Asked> {
        let since = self.attempt_started.map_or(0, |started| started.seq);
        self.questions.iter().filter(move |asked| asked.is_of_an_action() && asked.at.seq > since)
    }

    /// An action whose question is settled is waited for as before.
    fn go_on_after_question(&mut self) {
        if self.asks_by_its_action() {
            self.status = StepStatus::Waiting;
        }
    }

    /// Nobody needs to answer any more.
    fn close_question(&mut self, moment: Moment) {
        if let Some(asked) = self.questions.last_mut().filter(|asked| asked.ended().is_none()) {
            asked.closed = Some(moment);
        }
    }

    fn end(&mut self, status: StepStatus, moment: Moment) {
        self.close_question(moment);
        self.status = status;
        self.finished = Some(moment);
    }

    fn end_undo(&mut self, undo: UndoStatus, moment: Moment) {
        self.undo = undo;
        self.undo_finished = Some(moment);
    }

    /// Whether it has done or may have done something that is still there.
    pub fn may_need_undo(&self) -> bool {
        self.started.is_some() && self.undo == UndoStatus::NotUndone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Precision};

    /// An event of the step `over`, written `late_ms` after it happened.
    fn event(seq: u64, second: i64, late_ms: i64, kind: EventKind) -> Event {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second);
        let recorded_at = at + chrono::TimeDelta::milliseconds(late_ms);
        Event {
            seq,
            run: RunId::new("run"),
            step: Some(StepPath::new("over")),
            attempt: Some(1),
            at,
            recorded_at,
            mono_ms: u64::try_from(recorded_at.timestamp_millis()).unwrap(),
            epoch: 1,
            precision: Precision::Exact,
            actor: Actor::engine(),
            kind,
            prev: String::new(),
        }
    }

    #[test]
    fn a_mark_has_the_monotonic_time_of_what_it_marks_where_that_is_known() {
        let mark = |source: Option<&str>| EventKind::MarkSet {
            mark: MarkName::new("restored"),
            source: source.map(str::to_owned),
        };
        let done = event(1, 60, 0, EventKind::StepSucceeded { outputs: Values::new() });
        let restored = |events: &[Event]| RunState::of(events).marks[&MarkName::new("restored")];
        let own = restored(&[done.clone(), event(2, 60, 3, mark(None))]);
        assert_eq!(
            (own.seq, own.epoch, own.mono_ms),
            (2, 1, 60_000),
            "it was written three milliseconds later"
        );
        let told = restored(&[done, event(2, 41, 19_003, mark(Some("rds.failover: completed_at")))]);
        assert_eq!((told.at.timestamp(), told.epoch), (41, 0), "nobody knows the monotonic time of that");
    }

    #[test]
    fn what_a_step_waited_for_was_reached_when_it_succeeded() {
        let reached = EventKind::Reached { readiness: "usable".into(), not_before: None };
        let state = RunState::of(&[event(1, 30, 0, reached.clone()), event(2, 50, 0, reached)]);
        let usable = state.step(&StepPath::new("over")).reached["usable"];
        assert_eq!(usable.timestamp(), 30, "the first look that saw it counts");
    }
}
