//! The journal's line: one event.

use crate::artifact::Artifact;
use crate::identity::Identity;
use crate::incident::event::IncidentEvent;
use crate::items::ItemEvent;
use crate::lock::{LockAcquired, LockBroken, LockHolder};
use crate::outcome::Outcome;
use crate::target::{Access, AccountChecked, Target};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::{MarkName, RunId, StepPath};
use lifeboat_runbook::plan::{ExpectSource, Loss, Mode};
use lifeboat_runbook::spec::{Effect, Grade, Resource};
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the format, written in `run.started`: a reader of the same major version understands it.
pub const FORMAT: &str = "1.0";

/// Raised when the fold, deciding, names or wait rules change meaning: a run is resumed only by a program of the
/// same semantics.
pub const SEMANTICS: u32 = 2;

/// Named values as they are journaled.
pub type Values = BTreeMap<String, Value>;

/// An event that is in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the run, without gaps, from 1.
    pub seq: u64,
    /// The run.
    pub run: RunId,
    /// The step it belongs to.
    pub step: Option<StepPath>,
    /// The attempt of the step.
    pub attempt: Option<u32>,
    /// When it happened, UTC.
    pub at: DateTime<Utc>,
    /// When it was written, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Milliseconds on the monotonic clock since the process began.
    pub mono_ms: u64,
    /// Which process wrote it, from 1: monotonic times compare only within one.
    pub epoch: u32,
    /// How exact `at` is.
    pub precision: Precision,
    /// Who or what it came from.
    pub actor: Actor,
    /// What happened.
    pub kind: EventKind,
    /// The hash of the line before; empty in the first.
    pub prev: String,
}

/// An event that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What happened.
    pub kind: EventKind,
    /// The step it belongs to.
    pub step: Option<StepPath>,
    /// The attempt of the step.
    pub attempt: Option<u32>,
    /// When it happened, where that is not the moment of writing.
    pub at: Option<DateTime<Utc>>,
    /// How exact that is.
    pub precision: Precision,
    /// Who or what it came from.
    pub actor: Actor,
}

impl Draft {
    /// An event of the run, by the engine, now.
    pub fn run(kind: EventKind) -> Self {
        Self {
            kind,
            step: None,
            attempt: None,
            at: None,
            precision: Precision::Exact,
            actor: Actor::engine(),
        }
    }

    /// An event of a step, by the engine, now.
    pub fn step(path: &StepPath, attempt: u32, kind: EventKind) -> Self {
        Self { step: Some(path.clone()), attempt: Some(attempt), ..Self::run(kind) }
    }

    /// The same at another moment.
    pub fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = Some(at);
        self
    }

    /// The same from somebody else.
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }
}

/// How exact a time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// To the millisecond.
    #[default]
    Exact,
    /// To the second.
    Second,
    /// To the minute.
    Minute,
    /// A person's or a rule's estimate.
    Estimated,
}

/// Who or what an event came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `engine`, `person`, `aws`, `import`.
    pub kind: ActorKind,
    /// The person's identity, the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The kinds of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// Lifeboat.
    Engine,
    /// A human being.
    Person,
    /// AWS's own record.
    Aws,
    /// Another tool's record.
    Import,
}

impl Actor {
    /// Lifeboat itself.
    pub fn engine() -> Self {
        Self { kind: ActorKind::Engine, id: None }
    }

    /// A person.
    pub fn person(id: impl Into<String>) -> Self {
        Self { kind: ActorKind::Person, id: Some(id.into()) }
    }

    /// The record that a service of AWS keeps.
    pub fn aws(service: impl Into<String>) -> Self {
        Self { kind: ActorKind::Aws, id: Some(service.into()) }
    }

    /// The record that another tool keeps.
    pub fn import(record: impl Into<String>) -> Self {
        Self { kind: ActorKind::Import, id: Some(record.into()) }
    }
}

/// What happened. The name in the journal is the one in `serde(rename)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventKind {
    /// The first event: everything needed to explain the run.
    #[serde(rename = "run.started")]
    RunStarted(Box<RunStarted>),
    /// Preflight, steps, undo, cleanup.
    #[serde(rename = "run.phase_entered")]
    PhaseEntered {
        /// Which.
        phase: Phase,
    },
    /// Nothing new starts until somebody resumes it.
    #[serde(rename = "run.paused")]
    RunPaused {
        /// Why, in words.
        why: String,
        /// What kind of reason that is.
        #[serde(default)]
        because: PauseReason,
    },
    /// A process took the run up again.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// Lifeboat's version.
        version: String,
        /// Seconds between the last event and this one.
        away_s: f64,
        /// Who took it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Box<Identity>>,
    },
    /// Somebody asked for the end of it.
    #[serde(rename = "run.abort_asked")]
    AbortAsked {
        /// Who or what asked: `SIGINT`, a person.
        by: String,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Whether to take back what was done; nothing leaves it to the mode: a drill does, a recovery pauses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<bool>,
    },
    /// Somebody asked to take away what a run that is over left behind.
    #[serde(rename = "run.cleanup_asked")]
    CleanupAsked {
        /// Who.
        by: String,
    },
    /// The runbook was changed in the middle of the run; what had been done stays as it was.
    #[serde(rename = "plan.amended")]
    PlanAmended(Box<PlanAmended>),
    /// The last event.
    #[serde(rename = "run.finished")]
    RunFinished(Box<Outcome>),
    /// A step's intent; on disk before anything is done.
    #[serde(rename = "step.started")]
    StepStarted(Box<StepStarted>),
    /// The items of a loop: evaluated once, and never again.
    #[serde(rename = "step.expanded")]
    StepExpanded {
        /// The items, in the order in which they start.
        items: Vec<Item>,
    },
    /// AWS has taken a mutation.
    #[serde(rename = "step.accepted")]
    StepAccepted {
        /// Which mutation of the action.
        stage: String,
        /// Identifiers in the reply.
        data: Values,
        /// AWS's request id.
        request_id: Option<String>,
    },
    /// What is seen has changed.
    #[serde(rename = "step.state_seen")]
    StateSeen {
        /// The state, in the service's words.
        state: String,
        /// The last look that said otherwise.
        not_before: Option<DateTime<Utc>>,
    },
    /// A readiness of the action is there, whether the step waits for it or not.
    #[serde(rename = "step.reached")]
    Reached {
        /// Its name: `usable`.
        readiness: String,
        /// The last look that said otherwise.
        not_before: Option<DateTime<Utc>>,
    },
    /// A look that was taken because the outcome was not known.
    #[serde(rename = "step.observed")]
    Observed {
        /// What was found: `absent`, `in_progress`, `ready`, `broken`, `foreign`.
        found: String,
    },
    /// Whether a mutation happened is not known; it will be looked at.
    #[serde(rename = "step.unknown")]
    StepUnknown {
        /// What was answered instead.
        error: Failure,
    },
    /// An attempt is over without success.
    #[serde(rename = "step.attempt_failed")]
    AttemptFailed {
        /// `prepare`, `act`, `wait`, `assert`.
        during: String,
        /// Why.
        error: Failure,
    },
    /// It is done, and these are its outputs.
    #[serde(rename = "step.succeeded")]
    StepSucceeded {
        /// Outputs that may be seen.
        outputs: Values,
    },
    /// It is over without success.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// Why.
        error: Failure,
        /// Whether the run goes on (`continue_on_error`, or a check that only warns).
        allowed: bool,
    },
    /// It was not needed.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// Why, in words.
        reason: String,
        /// The values that made it so.
        values: Values,
    },
    /// A person ordered what becomes of a step.
    #[serde(rename = "step.ordered")]
    StepOrdered {
        /// What.
        order: Order,
        /// Why, in the person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// For [`Order::Extend`]: how many seconds more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// A person did it without Lifeboat.
    #[serde(rename = "step.done_by_hand")]
    DoneByHand {
        /// What was done, in the person's words.
        reason: String,
        /// The outputs that the person states, or that were seen of what was adopted.
        outputs: Values,
        /// What does instead of what the step would have made, by the name of the output; it is not this run's to delete.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        adopted: BTreeMap<String, String>,
    },
    /// Nothing is wrong with the step, and it cannot go on: no attempt and no time is used up.
    #[serde(rename = "step.blocked")]
    StepBlocked {
        /// By what.
        on: BlockedOn,
        /// What was answered.
        error: Failure,
    },
    /// It can go on.
    #[serde(rename = "step.unblocked")]
    StepUnblocked,
    /// Proof worth keeping.
    #[serde(rename = "step.evidence")]
    Evidence {
        /// What it is.
        kind: String,
        /// The thing itself, or where it is.
        value: Value,
    },
    /// The recovered data is complete up to a moment.
    #[serde(rename = "step.data_time")]
    DataTime {
        /// The moment.
        complete_to: DateTime<Utc>,
        /// How sure that is.
        grade: Grade,
        /// Where it was read.
        source: String,
    },
    /// What the step did is being taken back.
    #[serde(rename = "step.undo_started")]
    UndoStarted,
    /// AWS has taken a mutation of the undo.
    #[serde(rename = "step.undo_accepted")]
    UndoAccepted {
        /// Which.
        stage: String,
    },
    /// What the step did is seen to be gone.
    #[serde(rename = "step.undone")]
    Undone,
    /// It could not be taken back.
    #[serde(rename = "step.undo_failed")]
    UndoFailed {
        /// Why.
        error: Failure,
    },
    /// A person is asked.
    #[serde(rename = "person.asked")]
    PersonAsked(Box<Question>),
    /// A person has answered.
    #[serde(rename = "person.answered")]
    PersonAnswered(Box<Answer>),
    /// Nobody answered in time.
    #[serde(rename = "person.timed_out")]
    PersonTimedOut {
        /// The number of the question's event.
        asked: u64,
        /// What follows: `fail`, `continue`, `abort`, `reject`, or an option.
        then: String,
    },
    /// A question of an action needs no answer any more: it was answered elsewhere, or what asked is over.
    #[serde(rename = "person.question_closed")]
    QuestionClosed {
        /// The number of the question's event.
        asked: u64,
        /// What was seen instead.
        why: String,
    },
    /// A person holds a role from here on.
    #[serde(rename = "role.assigned")]
    RoleAssigned {
        /// The role: `commander`.
        role: String,
        /// Who: a name, or an ARN or a pattern of ARNs.
        person: String,
    },
    /// It is time to tell people where an incident stands.
    #[serde(rename = "update.due")]
    UpdateDue {
        /// How many such moments there were, this one included.
        number: u32,
        /// Who is to be told; nothing: everybody who is told of anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// People were told of an event.
    #[serde(rename = "notify.sent")]
    NotifySent(Notice),
    /// People would have been told of an event: in a simulation nothing is sent.
    #[serde(rename = "notify.recorded")]
    NotifyRecorded(Notice),
    /// People could not be told of an event. The same failure of the same way is written once.
    #[serde(rename = "notify.failed")]
    NotifyFailed {
        /// What was to be sent.
        #[serde(flatten)]
        notice: Notice,
        /// Why it was not.
        error: Failure,
    },
    /// A time that was waited for has come.
    #[serde(rename = "timer.fired")]
    TimerFired {
        /// What it was for: `retry`.
        purpose: String,
    },
    /// A call that changed something, or the look that decided a wait.
    #[serde(rename = "aws.call")]
    AwsCall {
        /// `rds`.
        service: String,
        /// `RestoreDBInstanceToPointInTime`.
        operation: String,
        /// AWS's request id.
        request_id: Option<String>,
        /// HTTP status, 0 where no answer came.
        status: u16,
    },
    /// What a poller did in a minute, or until it ended.
    #[serde(rename = "aws.polled")]
    AwsPolled {
        /// The kind of resource.
        kind: String,
        /// How often AWS was asked.
        calls: u64,
        /// How often it said to slow down.
        throttled: u64,
        /// How often it did not answer well.
        errors: u64,
    },
    /// The run made this.
    #[serde(rename = "aws.created")]
    AwsCreated(Resource),
    /// This is seen to be gone.
    #[serde(rename = "aws.deleted")]
    AwsDeleted(Resource),
    /// Something of which AWS keeps a record of its own; `at` is AWS's time.
    #[serde(rename = "aws.event")]
    AwsEvent(Box<AwsEvent>),
    /// A preflight check does not hold.
    #[serde(rename = "check.failed")]
    CheckFailed {
        /// What was checked.
        check: String,
        /// Why it does not.
        error: Failure,
        /// What follows: `refuse`, `ask`, `warn`.
        then: String,
    },
    /// What a probe asks answers well; it did not before, or nobody knew. The event's step is the probe.
    #[serde(rename = "probe.up")]
    ProbeUp {
        /// The last look that said otherwise.
        not_before: Option<DateTime<Utc>>,
    },
    /// What a probe asks does not answer well.
    #[serde(rename = "probe.down")]
    ProbeDown {
        /// The last look that said otherwise.
        not_before: Option<DateTime<Utc>>,
        /// What was answered instead.
        error: Failure,
    },
    /// It has been up for as long as it must, after it was down or the run had committed.
    #[serde(rename = "probe.held_up")]
    ProbeHeldUp,
    /// What a probe did in a minute, or until it ended.
    #[serde(rename = "probe.looked")]
    ProbeLooked {
        /// How often it looked.
        looks: u64,
        /// How often that was not well answered.
        failed: u64,
    },
    /// From here on nobody knows: that time is neither up nor down.
    #[serde(rename = "probe.unwatched")]
    ProbeUnwatched {
        /// What kind of reason that is.
        because: UnwatchedReason,
        /// What is wrong with the probe itself, where that is it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// An alarm of `stop_when`, when it is first seen and when it changes.
    #[serde(rename = "alarm.seen")]
    AlarmSeen(Box<AlarmSeen>),
    /// An alarm of `stop_when` ends the run, or pauses it.
    #[serde(rename = "run.stop_triggered")]
    StopTriggered {
        /// The alarm.
        alarm: String,
        /// What follows from it, in words: `the drill is stopped`.
        then: String,
    },
    /// A moment of the recovery.
    #[serde(rename = "mark.set")]
    MarkSet {
        /// Which.
        mark: MarkName,
        /// Whose time it is, where that is not this program's: `rds.failover: completed_at`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// The recovery time, as it was computed when the run ended.
    #[serde(rename = "rto.measured")]
    RtoMeasured(Box<crate::measure::RecoveryTime>),
    /// The data lost, as it was computed when the run ended.
    #[serde(rename = "rpo.measured")]
    RpoMeasured(Box<crate::measure::DataLost>),
    /// The downtime that each probe saw, as it was computed when the run ended.
    #[serde(rename = "downtime.measured")]
    DowntimeMeasured {
        /// Of each probe.
        probes: Vec<crate::measure::Downtime>,
    },
    /// The run holds the lock of its `concurrency`: no other run with the same key may begin.
    #[serde(rename = "lock.acquired")]
    LockAcquired(Box<LockAcquired>),
    /// Another run holds it, and this one waits.
    #[serde(rename = "lock.waited_for")]
    LockWaitedFor {
        /// Who holds it.
        holder: LockHolder,
    },
    /// It is held on.
    #[serde(rename = "lock.renewed")]
    LockRenewed {
        /// Until when others leave it; nothing: as long as the run is paused.
        expires: Option<DateTime<Utc>>,
    },
    /// A person ordered to go on though another run holds it.
    #[serde(rename = "lock.broken")]
    LockBroken(Box<LockBroken>),
    /// Another run has it now: somebody broke the lock, or its time was over while nobody renewed it.
    #[serde(rename = "lock.lost")]
    LockLost {
        /// Who holds it now.
        holder: LockHolder,
    },
    /// It is given back.
    #[serde(rename = "lock.released")]
    LockReleased {
        /// Why it could not be given back; it is free when its time is over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// A signal came.
    #[serde(rename = "signal.received")]
    SignalReceived {
        /// `SIGINT`, `SIGTERM`, `SIGHUP`.
        signal: String,
        /// What follows: `stop`, `leave`, or `nothing`, where the run is stopping already.
        then: String,
    },
    /// Credentials that a step needs besides those of the run belong to the account they should.
    #[serde(rename = "account.checked")]
    AccountChecked(Box<AccountChecked>),
    /// Wall clock and monotonic clock went apart between two looks, or the machine was asleep.
    #[serde(rename = "clock.jumped")]
    ClockJumped {
        /// By how many seconds the wall clock was set forward; negative where it was set back.
        by_s: f64,
        /// How many seconds of that time the machine was asleep, which both clocks count.
        asleep_s: f64,
    },
    /// This machine's clock is not that of AWS.
    #[serde(rename = "clock.skew")]
    ClockSkew {
        /// By how many seconds this machine is ahead; negative where it is behind.
        by_s: f64,
    },
    /// A torn last line was cut off before writing went on.
    #[serde(rename = "journal.tail_dropped")]
    TailDropped {
        /// How many bytes.
        bytes: u64,
        /// Their SHA-256.
        sha256: String,
    },
    /// An event of an incident: its journal has no others.
    #[serde(skip)]
    Incident(IncidentEvent),
    /// An event of an action item: their journal has no others.
    #[serde(skip)]
    Item(ItemEvent),
    /// An event of a later minor version: kept and shown.
    #[serde(skip)]
    Other(OtherEvent),
}

/// Why nothing new starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// A step failed, and in a recovery a person decides what follows.
    #[default]
    Failure,
    /// A preflight check does not hold, and a person must say whether to go on.
    Check,
    /// A question waits for its answer.
    Person,
    /// A signal stopped the run.
    Signal,
    /// A step took longer than it may, and in a recovery a person decides whether to wait on.
    Timeout,
    /// Credentials, a permission or the control plane were missing for too long.
    Blocked,
    /// It was to go up to a step, and that step is over.
    Until,
    /// An alarm of `stop_when` went off.
    Alarm,
    /// Another run holds the lock of its `concurrency`.
    Lock,
}

/// Why nobody knows whether what a probe asks is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnwatchedReason {
    /// The steps are over, and so is its work.
    Over,
    /// It did not hold up within the time that the run waits for that after its last step.
    GivenUp,
    /// The run stands still, and its process ends.
    Paused,
    /// The process that looked is gone.
    Died,
    /// It cannot look: something is wrong with the probe itself.
    CannotLook,
}

impl UnwatchedReason {
    /// In words, after "not watched: ".
    pub fn words(self) -> &'static str {
        match self {
            Self::Over => "the steps are over",
            Self::GivenUp => "it has not held up in time after the last step",
            Self::Paused => "the run stands still",
            Self::Died => "the process that looked is gone",
            Self::CannotLook => "it cannot look",
        }
    }
}

/// What `alarm.seen` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSeen {
    /// The alarm's name.
    pub alarm: String,
    /// `OK`, `ALARM`, `INSUFFICIENT_DATA`; `missing`; `unknown` where it cannot be looked at.
    pub state: String,
    /// Since when, as CloudWatch says.
    pub since: Option<DateTime<Utc>>,
    /// Why, in CloudWatch's words, or why it cannot be looked at.
    pub reason: Option<String>,
}

/// A probe as it was planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeOutline {
    /// Its place: `probe:front_door`.
    pub path: StepPath,
    /// The action with which it looks.
    pub action: String,
    /// Seconds from one look to the next.
    pub every_s: f64,
    /// Seconds for which it must stay up to have held.
    pub hold_s: f64,
    /// The marks it sets, by moment.
    pub marks: BTreeMap<String, MarkName>,
}

/// What a step needs that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedOn {
    /// Nobody is logged in, or the session has expired.
    Credentials,
    /// A permission is missing.
    Permission,
    /// AWS does not answer.
    ControlPlane,
}

impl BlockedOn {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Permission => "a permission",
            Self::ControlPlane => "the control plane",
        }
    }
}

/// What a person can order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Try it again.
    Retry,
    /// Go on without it.
    Skip,
    /// Go on though this check does not hold.
    Accept,
    /// Give it more time.
    Extend,
}

impl Order {
    /// Its word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Accept => "accept",
            Self::Extend => "extend",
        }
    }
}

/// What `plan.amended` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanAmended {
    /// The files of the new plan, with their SHA-256.
    pub sources: Vec<SourceDigest>,
    /// The tree of steps from here on.
    pub steps: Vec<StepOutline>,
    /// The probes from here on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeOutline>,
    /// The lines that differ, as a unified diff.
    pub diff: String,
    /// Why, in the person's words.
    pub reason: String,
    /// The directory beside the journal that holds the new sources.
    pub kept_in: String,
}

/// An item of a loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What names it, in paths and on the command line.
    pub key: String,
    /// The item itself; of a map, a map with `key` and `value`.
    pub item: Value,
}

/// What `aws.event` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsEvent {
    /// Whose record it is: `ssm`.
    pub service: String,
    /// Which entry of that record this is; no step has the same one twice.
    pub key: String,
    /// What happened, in words.
    pub message: String,
    /// The entry's fields, in the service's words.
    pub details: BTreeMap<String, String>,
}

/// What `person.asked` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// `manual`, `decide` or `approve`.
    pub kind: String,
    /// The instructions, the question or the message, with its values filled in.
    pub text: String,
    /// What can be answered: `done` and `failed`, `approve` and `reject`, or the options that apply.
    pub options: Vec<Choice>,
    /// What is to be handed in with it: the name and the type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Evidence: `link`, `text` or `file`, and whether it is required.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, bool>,
    /// Who may answer: `role:…`, `arn:…`, `person:…`; empty: anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// How many different people must approve.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub at_least: u32,
    /// Whether those who started the run, or took it up, may not approve.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_the_operator: bool,
    /// Seconds that people have, counted while Lifeboat runs; nothing: as long as they need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<f64>,
    /// What follows if nobody answers in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<String>,
    /// Which of its action's questions this is: the answer is handed on to AWS, and the step goes on. Nothing where the
    /// step itself is the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

fn one() -> u32 {
    1
}

fn is_one(count: &u32) -> bool {
    *count == 1
}

impl Question {
    /// A question without anything besides its text and its options.
    pub fn new(kind: impl Into<String>, text: impl Into<String>, options: Vec<Choice>) -> Self {
        Self {
            kind: kind.into(),
            text: text.into(),
            options,
            fields: BTreeMap::new(),
            evidence: BTreeMap::new(),
            from: Vec::new(),
            at_least: 1,
            not_the_operator: false,
            timeout_s: None,
            on_timeout: None,
            subject: None,
        }
    }

    /// The command that answers it from another terminal, whole: it is there to be copied.
    pub fn command(&self, run: &RunId, step: &StepPath) -> String {
        let options: Vec<&str> = self.options.iter().map(|option| option.id.as_str()).collect();
        let fields: String = self.fields.keys().map(|name| format!(" --field {name}=…")).collect();
        let required = self.evidence.iter().filter(|(_, required)| **required);
        let evidence: String = required.map(|(kind, _)| format!(" --{kind} …")).collect();
        let reason = if self.kind == "decide" { " --reason …" } else { "" };
        format!("lifeboat answer {run} {step} {}{fields}{evidence}{reason}", options.join("|"))
    }

    /// Who may answer, in words; nothing where anybody may.
    pub fn who(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.at_least > 1 {
            parts.push(format!("{} people", self.at_least));
        }
        if !self.from.is_empty() {
            parts.push(format!("from {}", self.from.join(", ")));
        }
        if self.not_the_operator {
            parts.push("not the operator".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Something that can be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The word to answer with.
    pub id: String,
    /// What it means.
    pub label: String,
}

/// What `person.answered` holds; who answered is the event's actor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of the question's event.
    pub asked: u64,
    /// The answer: one of the question's options.
    pub choice: String,
    /// Why, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was handed in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: Values,
    /// Evidence, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, String>,
    /// The file that was handed in as evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Artifact>,
    /// Who that was, as far as it could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Box<Identity>>,
    /// The rules of the question that it goes over, in words: an order of whoever answered (`--override`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// The way it came: `terminal`, `command`, `answers file`.
    pub via: String,
}

/// What people outside are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The number of the event they are told of.
    pub of: u64,
    /// What kind of event that is, in the words of `notify`: `asked`, `finished`.
    pub event: String,
    /// The way: the name of an entry of `notify`.
    pub to: String,
    /// The first line of what they are told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// An event this version does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherEvent {
    /// Its type.
    pub type_name: String,
    /// Its data.
    pub data: serde_json::Value,
}

impl EventKind {
    /// Its type in the journal and its data.
    pub(crate) fn into_parts(self) -> (String, serde_json::Value) {
        let tagged = match self {
            Self::Other(other) => return (other.type_name, other.data),
            Self::Incident(event) => serde_json::to_value(event),
            Self::Item(event) => serde_json::to_value(event),
            kind => serde_json::to_value(kind),
        };
        let mut tagged = tagged.unwrap_or_default();
        let data = tagged.get_mut("data").map(serde_json::Value::take).unwrap_or_default();
        (tagged["type"].as_str().unwrap_or_default().to_owned(), data)
    }

    fn from_parts(type_name: String, data: serde_json::Value) -> Result<Self, String> {
        let tagged = if data.is_null() {
            serde_json::json!({ "type": type_name })
        } else {
            serde_json::json!({ "type": type_name, "data": data })
        };
        let read = match type_name.split_once('.') {
            Some(("incident", _)) => serde_json::from_value(tagged).map(Self::Incident),
            Some(("item", _)) => serde_json::from_value(tagged).map(Self::Item),
            _ => serde_json::from_value(tagged),
        };
        read.or_else(|error| {
            // Known types must be understood; only a type nobody here knows is kept as it is.
            if error.to_string().starts_with(&format!("unknown variant `{type_name}`")) {
                return Ok(Self::Other(OtherEvent { type_name: type_name.clone(), data }));
            }
            Err(format!("the data of {type_name} is not understood: {error}"))
        })
    }

    /// Whether the engine may go on only when it is on disk: intents, outcomes, people, what was made. Observations
    /// ride with the next such event.
    pub fn is_durable(&self) -> bool {
        !matches!(
            self,
            Self::StateSeen { .. }
                | Self::Observed { .. }
                | Self::AwsCall { .. }
                | Self::AwsPolled { .. }
                | Self::AwsEvent(_)
                | Self::ProbeLooked { .. }
                | Self::Evidence { .. }
                | Self::TimerFired { .. }
                | Self::LockRenewed { .. }
                | Self::Other(_)
        )
    }
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Checks that only read.
    Preflight,
    /// The steps.
    Running,
    /// What was done is being taken back after a failure.
    Undoing,
    /// What the run made is being taken away.
    CleaningUp,
}

impl Phase {
    /// Its word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Running => "running",
            Self::Undoing => "undoing",
            Self::CleaningUp => "cleaning_up",
        }
    }
}

/// Which AWS a run was against: only `aws` counts as evidence and history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// The simulator.
    Simulated {
        /// The world's name.
        world: String,
        /// The seed of its durations.
        seed: u64,
    },
    /// Another endpoint that speaks AWS's protocols.
    Endpoint {
        /// Its URL.
        url: String,
    },
}

impl Cloud {
    /// The word of the JSON document: `aws`, `simulated`, `endpoint:<url>`.
    pub fn word(&self) -> String {
        match self {
            Self::Aws => "aws".to_owned(),
            Self::Simulated { .. } => "simulated".to_owned(),
            Self::Endpoint { url } => format!("endpoint:{url}"),
        }
    }
}

/// What `run.started` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The journal's format, `major.minor`.
    pub format: String,
    /// See [`SEMANTICS`].
    pub semantics: u32,
    /// Lifeboat's version.
    pub version: String,
    /// The runbook's name.
    pub runbook: String,
    /// Its title.
    pub title: String,
    /// The files it was read from, with their SHA-256.
    pub sources: Vec<SourceDigest>,
    /// Drill or recovery.
    pub mode: Mode,
    /// Which AWS.
    pub cloud: Cloud,
    /// The inputs, defaults included.
    pub inputs: Values,
    /// The account it may act in.
    pub account: String,
    /// The Region it acts in.
    pub region: String,
    /// The named Regions of the target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, String>,
    /// The caller's ARN, where STS could be asked: before a role is assumed.
    pub caller: Option<String>,
    /// Whose credentials act.
    #[serde(default, skip_serializing_if = "Access::is_plain")]
    pub access: Access,
    /// The ARN of the session, where a role is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_as: Option<String>,
    /// Who started it.
    pub operator: String,
    /// The machine it was started on.
    pub host: String,
    /// The recovery time objective, seconds.
    pub rto_objective_s: Option<f64>,
    /// The recovery point objective, seconds.
    pub rpo_objective_s: Option<f64>,
    /// What "data lost" means: `outage` or `corruption`.
    pub loss: String,
    /// When service was lost, as the operator said; a drill takes its own start.
    pub disrupted_at: Option<DateTime<Utc>>,
    /// The tree of steps.
    pub steps: Vec<StepOutline>,
    /// What looks beside the steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeOutline>,
    /// The head of the run before in the same home, if there was one.
    pub previous_head: Option<String>,
    /// What makes it a playbook; nothing of a runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<Playbook>,
    /// The incident that it belonged to from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<RunId>,
    /// The people that `person:NAME` means, by name: ARNs or patterns of ARNs, or names of users.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<String, Vec<String>>,
}

/// What `run.started` says of a playbook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Playbook {
    /// How bad the incident is: `sev1` to `sev5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The alarms that call for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    /// Seconds between two updates for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates_every_s: Option<f64>,
    /// Who is told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates_to: Option<String>,
}

impl RunStarted {
    /// Who started it. The simulated AWS takes everybody for the same caller: there the OS user counts.
    pub fn identity(&self) -> Identity {
        let arn = self.caller.clone().filter(|_| !self.is_simulated());
        Identity { arn, user: self.operator.clone(), host: self.host.clone() }
    }

    /// Whether it is against the simulator.
    pub fn is_simulated(&self) -> bool {
        matches!(self.cloud, Cloud::Simulated { .. })
    }

    /// Where it acts and as whom, if a step does not say otherwise.
    pub fn target(&self) -> Target {
        Target { account: self.account.clone(), region: self.region.clone(), access: self.access.clone() }
    }

    /// The word for a [`Loss`].
    pub fn loss_word(loss: Loss) -> &'static str {
        match loss {
            Loss::Outage => "outage",
            Loss::Corruption => "corruption",
        }
    }
}

/// A file a run was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDigest {
    /// Its name as given.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// A step as it was planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOutline {
    /// Its place.
    pub path: StepPath,
    /// Its name for people.
    pub name: Option<String>,
    /// The key that says what it does: `action`, `manual`, …
    pub kind: String,
    /// The action's name.
    pub action: Option<String>,
    /// `read`, `create`, `modify`, `destroy`.
    pub effect: Option<String>,
    /// The step it is inside of.
    pub parent: Option<StepPath>,
    /// Its expected duration, seconds: from `expect`, else the action's typical one.
    pub expect_s: Option<f64>,
    /// Where that is from; nothing where it is not known, as in journals of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_source: Option<ExpectSource>,
    /// The marks it sets, by moment.
    pub marks: BTreeMap<String, MarkName>,
    /// Whether it has a condition.
    pub conditional: bool,
    /// The only mode in which its condition can be true, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<Mode>,
    /// The steps beside it that it waits for, in a `parallel`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StepPath>,
}

/// What `step.started` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStarted {
    /// The action.
    pub action: String,
    /// What it does.
    pub effect: String,
    /// Where it acts and as whom, if that is not the run's own target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Its parameters, masked.
    pub parameters: Values,
    /// Names of what will be made.
    pub names: BTreeMap<String, String>,
    /// The idempotency token.
    pub token: String,
    /// What words such as `latest` turned out to mean.
    pub resolved: Values,
    /// Values that will be overwritten, and what must be known of the source.
    pub captured: Values,
    /// What people should know.
    pub findings: Vec<String>,
    /// The readiness waited for.
    pub wait_for: Option<String>,
    /// The readinesses of the action that are told apart, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readinesses: Vec<String>,
    /// Seconds until the attempt has failed.
    pub timeout_s: f64,
    /// The events that made it ready to start.
    pub after: Vec<u64>,
}

/// Why something failed, as it is journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// AWS's code, or one of `connect timeout auth tls sql assert throttled`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether nothing was changed: a refusal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// The name an effect has in the journal, for steps that are not actions too.
pub fn effect_word(effect: Option<Effect>) -> Option<String> {
    effect.map(|effect| effect.word().to_owned())
}

/// The envelope, in the order of its keys on the line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) v: u32,
    pub(crate) seq: u64,
    pub(crate) run: RunId,
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<StepPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
    pub(crate) at: String,
    pub(crate) recorded_at: String,
    pub(crate) mono_ms: u64,
    pub(crate) epoch: u32,
    pub(crate) precision: Precision,
    pub(crate) actor: Actor,
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub(crate) data: serde_json::Value,
    pub(crate) prev: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) hash: String,
}

impl Line {
    /// The event of a line that has been read.
    pub(crate) fn into_event(self) -> Result<Event, String> {
        let kind = EventKind::from_parts(self.type_name, self.data)?;
        let time = |text: &str| units::parse_time(text).ok_or_else(|| format!("`{text}` is not a time"));
        Ok(Event {
            seq: self.seq,
            run: self.run,
            step: self.step,
            attempt: self.attempt,
            at: time(&self.at)?,
            recorded_at: time(&self.recorded_at)?,
            mono_ms: self.mono_ms,
            epoch: self.epoch,
            precision: self.precision,
            actor: self.actor,
            kind,
            prev: self.prev,
        })
    }
}
