//! What an action is to the engine: four verbs over typed values, and a pure judgement of what is seen.
//!
//! The engine waits, retries, journals and guards; an action only looks, does one thing, and says what it means.

use crate::lookout::{Seen, Watch};
use crate::name::Charset;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifeboat_journal::event::Failure;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::{ActionSpec, Effect, Grade, Resource};
use lifeboat_runbook::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Named values: parameters, outputs.
pub type Values = BTreeMap<String, Value>;

/// What a step can do: one per name in the catalogue.
#[async_trait]
pub trait Action: Send + Sync {
    /// What it says of itself.
    fn spec(&self) -> &'static ActionSpec;

    /// Reads what must be decided once and kept: names, what "latest" is, the values it will overwrite. Changes
    /// nothing. Its result is journaled with the intent and handed to every later call.
    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        Ok(Prepared { token: cx.token(), ..Prepared::default() })
    }

    /// Makes exactly one mutation and returns as soon as it is accepted. Never called for a read.
    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        let _ = cx;
        Err(ActionError::refused("NotAMutation", format!("{} has no stage {stage}", self.spec().name)))
    }

    /// Looks. Only called where [`Self::watches`] gives nothing.
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError>;

    /// Begins to take back what the step did; true also when there is nothing to take back.
    async fn undo(&self, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        let _ = (cx, stage);
        Ok(())
    }

    /// The resource to look at, so that one batched call serves every waiting step.
    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        let _ = cx;
        None
    }

    /// What a look means for this step.
    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        let _ = (cx, seen);
        Observation::Unknown
    }

    /// The readinesses of [`Self::spec`] that a look shows to be there, whether the step waits for them or not. What no
    /// look can show is not named: it stays unknown.
    fn reached(&self, cx: &StepContext, seen: &Seen) -> Vec<&'static str> {
        let _ = (cx, seen);
        Vec::new()
    }

    /// Up to when the data are complete that the step brings, where that follows from what was prepared. It is journaled
    /// when the step's effect is known to be there, also where the reply that said so was lost.
    fn data_time(&self, cx: &StepContext) -> Option<DataTime> {
        let _ = cx;
        None
    }

    /// What to look at while the step is being undone: by then it may be known under another name.
    fn watches_undo(&self, cx: &StepContext) -> Option<Watch> {
        self.watches(cx)
    }

    /// What a look means while the step is being undone.
    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        match self.judge(cx, seen) {
            Observation::Absent => UndoObservation::Gone,
            _ if cx.recorded.undo_accepted.is_empty() => UndoObservation::Next(Stage::first()),
            _ => UndoObservation::InProgress { state: seen.state.clone().unwrap_or_default() },
        }
    }
}

/// A statement of how far recovered data go.
#[derive(Clone, Debug, PartialEq)]
pub struct DataTime {
    /// Complete up to here.
    pub at: DateTime<Utc>,
    /// How sure that is.
    pub grade: Grade,
    /// Where it was read.
    pub source: String,
}

/// One mutation of an action; the first is [`Stage::first`], the others have names such as `delete`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stage(String);

impl Stage {
    /// The mutation every attempt begins with.
    pub fn first() -> Self {
        Self("first".to_owned())
    }

    /// A later mutation.
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The mutation that hands on what people answered to the question about `subject`: `approve` or `reject`.
    pub fn answer(choice: &str, subject: &str) -> Self {
        Self(format!("{choice}:{subject}"))
    }

    /// The answer it hands on and the subject of the question, where it is such a stage.
    pub fn answers(&self) -> Option<(&str, &str)> {
        let (choice, subject) = self.0.split_once(':')?;
        ["approve", "reject"].contains(&choice).then_some((choice, subject))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What was decided before the first mutation; journaled with the intent and never looked up again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// Names of what will be made, by parameter.
    pub names: BTreeMap<String, String>,
    /// The idempotency token of this attempt.
    pub token: String,
    /// What words such as `latest` turned out to mean.
    pub resolved: Values,
    /// The values that will be overwritten, and what must be known of the source.
    pub captured: Values,
    /// What people should know, such as a setting that cannot be carried over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// A mutation that AWS has taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// Identifiers in the reply that later looks need, such as a job id.
    pub data: Values,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// What is there now.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// This step's effect is not there.
    Absent,
    /// It is coming about.
    InProgress {
        /// The state, in the service's words.
        state: String,
    },
    /// The mutation before has come about; this one is next.
    Next(Stage),
    /// It waits for somebody to permit it. People are asked, and their answer is handed on by the stage
    /// [`Stage::answer`]; it is looked at meanwhile, for others may answer elsewhere.
    Asks {
        /// The state, in the service's words.
        state: String,
        /// Which question it is: the same at every look, and another for another question.
        subject: String,
        /// What people must know to answer.
        text: String,
    },
    /// What was waited for is there.
    Ready(Values),
    /// It has failed and will not come about.
    Broken {
        /// The state, in the service's words.
        state: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is something under that name that is not ours.
    Foreign {
        /// Why it is not ours.
        why: String,
    },
    /// It cannot be told now.
    Unknown,
}

/// What is there now, while a step is being undone.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoObservation {
    /// The step's effect is not there any more.
    Gone,
    /// It is going.
    InProgress {
        /// The state, in the service's words.
        state: String,
    },
    /// This mutation is next.
    Next(Stage),
    /// It cannot be undone.
    Failed {
        /// Why.
        why: String,
    },
}

/// Why an action could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct ActionError {
    /// What may be done about it.
    pub kind: ErrorKind,
    /// AWS's code on the wire, or one of `connect timeout auth tls sql assert throttled`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl From<Failure> for ActionError {
    fn from(failure: Failure) -> Self {
        let kind = if failure.refused { ErrorKind::Refused } else { ErrorKind::Failed };
        Self { kind, code: failure.code, message: failure.message, hint: failure.hint }
    }
}

/// What may be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Try again.
    Transient,
    /// Nothing was changed.
    Refused,
    /// It may have left something.
    Failed,
    /// Whether it happened is not known: look before anything else.
    Unknown,
    /// Nothing is wrong with the step: no credentials.
    BlockedOnCredentials,
    /// Nothing is wrong with the step: a permission is missing.
    BlockedOnPermission,
    /// Nothing is wrong with the step: the control plane does not answer.
    BlockedOnControlPlane,
}

impl ActionError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), hint: None }
    }

    /// Nothing was changed.
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, code, message)
    }

    /// Worth another try.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, code, message)
    }

    /// It may have left something.
    pub fn failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, code, message)
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the step should wait for the world outside rather than fail.
    pub fn is_blocked(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::BlockedOnCredentials
                | ErrorKind::BlockedOnPermission
                | ErrorKind::BlockedOnControlPlane
        )
    }
}

/// What an action tells the journal while it works; nothing else of an action reaches it.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It made this.
    Created(Resource),
    /// This is gone.
    Deleted(Resource),
    /// It called AWS and changed something.
    Call {
        /// `rds`.
        service: String,
        /// `RestoreDBInstanceToPointInTime`.
        operation: String,
        /// AWS's request id.
        request_id: Option<String>,
        /// HTTP status, 0 where no answer came.
        status: u16,
    },
    /// Proof worth keeping.
    Evidence {
        /// What it is.
        kind: String,
        /// The thing itself, or where it is.
        value: Value,
    },
    /// Something of which AWS keeps a record; what is in the journal already is not written again.
    Event(Entry),
    /// The recovered data is complete up to here.
    DataTime {
        /// The moment.
        at: DateTime<Utc>,
        /// How sure that is.
        grade: Grade,
        /// Where it was read.
        source: String,
    },
}

/// An entry of a record that AWS itself keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it happened, by AWS's clock.
    pub at: DateTime<Utc>,
    /// Whose record it is: `ssm`.
    pub service: &'static str,
    /// Which entry it is, the same at every look.
    pub key: String,
    /// What happened, in words.
    pub message: String,
    /// Its fields, in the service's words.
    pub details: BTreeMap<String, String>,
}

/// Takes notes; they are in the journal when it returns.
pub trait Notes: Send + Sync {
    /// Journals `note` for the step.
    ///
    /// # Errors
    /// When the journal cannot be written: nothing may go on then.
    fn note(&self, step: &StepPath, attempt: u32, note: Note) -> Result<(), ActionError>;
}

/// Where a step acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The account id.
    pub account: String,
    /// The Region.
    pub region: String,
}

/// What this step has recorded before now, from the journal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// When its intent was written.
    pub started_at: Option<DateTime<Utc>>,
    /// Mutations that were accepted: stage, moment, identifiers in the reply.
    pub accepted: Vec<(Stage, DateTime<Utc>, Values)>,
    /// What people have said to its questions.
    pub answers: Vec<Said>,
    /// States that were seen, in order, each once in a row.
    pub states_seen: Vec<String>,
    /// Mutations of its undo that were accepted.
    pub undo_accepted: Vec<Stage>,
    /// What it made.
    pub created: Vec<Resource>,
}

/// What people have said to a question of an action; the stage says which of its options that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which question it was.
    pub subject: String,
    /// Who answered.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// Everything an action is given.
#[derive(Clone)]
pub struct StepContext {
    /// The run.
    pub run: RunId,
    /// The runbook's name.
    pub runbook: String,
    /// The step's place.
    pub path: StepPath,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Drill or recovery.
    pub mode: Mode,
    /// What the step does: its own `effect:`, else that of the action.
    pub effect: Option<Effect>,
    /// Where it acts.
    pub place: Place,
    /// The parameters, typed and resolved; a secret is a [`Value::Secret`].
    pub with: Values,
    /// The readiness to wait for; nothing means the action's first.
    pub wait_for: Option<String>,
    /// When service was lost (the mark `disrupted`, or what the operator said), else when the run began: what `-40m` and
    /// evidence are measured against.
    pub run_started_at: DateTime<Utc>,
    /// What prepare gave; empty while preparing.
    pub prepared: Prepared,
    /// What this step has recorded.
    pub recorded: Recorded,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Where notes go.
    pub notes: Arc<dyn Notes>,
    /// Whether a person says that what is named in [`Prepared::names`] does instead of what this attempt would make:
    /// then it need not carry its marks.
    pub adopted: bool,
}

impl StepContext {
    /// A name for what this attempt makes, in the service's alphabet and length; the same for the same attempt.
    pub fn name(&self, limit: usize, charset: Charset) -> String {
        crate::name::resource_name(&self.runbook, &self.run, &self.path, self.attempt, limit, charset)
    }

    /// The idempotency token of this attempt: a UUID made from run, path and attempt.
    pub fn token(&self) -> String {
        crate::name::token(&self.run, &self.path, self.attempt)
    }

    /// The tags that prove that something was made by this attempt.
    pub fn tags(&self) -> BTreeMap<String, String> {
        crate::name::tags(&self.runbook, &self.run, &self.path, self.attempt)
    }

    /// Whether `tags` carry the marks of this attempt, or a person vouches for what has them.
    pub fn is_ours(&self, tags: &BTreeMap<String, String>) -> bool {
        self.adopted
            || ["lifeboat:run", "lifeboat:step"].iter().all(|key| tags.get(*key) == self.tags().get(*key))
    }

    /// Journals a note.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn note(&self, note: Note) -> Result<(), ActionError> {
        self.notes.note(&self.path, self.attempt, note)
    }

    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.with.get(name).and_then(Value::as_str)
    }

    /// The text of a parameter that check has proved to be there.
    ///
    /// # Errors
    /// When it is null at run time: an output that was not there.
    pub fn required(&self, name: &str) -> Result<&str, ActionError> {
        self.text(name).ok_or_else(|| {
            ActionError::refused("MissingParameter", format!("the parameter `{name}` has no value")).hint(
                "look at the step it comes from: the output may be null; `default(…)` gives another value",
            )
        })
    }

    /// The readiness asked for, or the action's first.
    pub fn readiness(&self, spec: &ActionSpec) -> &str {
        match &self.wait_for {
            Some(name) => name,
            None => spec.readiness.first().map_or("", |readiness| readiness.name),
        }
    }
}
