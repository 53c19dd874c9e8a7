//! The lock of a run in the record: who holds it, and what became of it.

use crate::event::Failure;
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::Mode;
use serde::{Deserialize, Serialize};

/// Who holds a lock. It is the value of the parameter that is the lock, so that whoever finds it held knows by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// The run.
    pub run: RunId,
    /// Its runbook.
    pub runbook: String,
    /// Drill or recovery.
    pub mode: Mode,
    /// Who started it.
    pub operator: String,
    /// On which machine.
    pub host: String,
    /// Since when it holds the lock.
    pub since: DateTime<Utc>,
    /// After this another run may take it over: whoever held it is dead. Nothing while a run is paused: it waits for
    /// people, however long they take.
    pub expires: Option<DateTime<Utc>>,
}

impl LockHolder {
    /// Whether another run may take it over.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires < now)
    }
}

/// What `lock.acquired` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockAcquired {
    /// `concurrency.key`, with its values known.
    pub key: String,
    /// The name of the parameter that is the lock.
    pub name: String,
    /// The run that holds it now: this one.
    pub holder: LockHolder,
    /// The run from which it was taken over because its time was over, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<LockHolder>,
}

/// What `lock.broken` holds: a person ordered to go on though another run holds the lock, or nobody could say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockBroken {
    /// `concurrency.key`, with its values known.
    pub key: String,
    /// The run that held it, where that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<LockHolder>,
    /// Why the lock could not be taken at all, where that is so: the run goes on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Why, in the person's words.
    pub reason: String,
}

/// What a run knows of its lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LockState {
    /// It has not asked for it.
    #[default]
    Free,
    /// It holds it.
    Held(Box<LockAcquired>),
    /// An earlier process held it; whether it is still this run's must be looked at.
    Unsure(Box<LockAcquired>),
    /// It goes on without it.
    Without,
    /// It holds it no more.
    Released,
}

impl LockState {
    /// The lock that is to be given back at the end.
    pub fn to_release(&self) -> Option<&LockAcquired> {
        match self {
            Self::Held(lock) | Self::Unsure(lock) => Some(lock),
            Self::Free | Self::Without | Self::Released => None,
        }
    }

    /// What a process that takes the run up knows of it.
    pub(crate) fn resumed(self) -> Self {
        match self {
            Self::Held(lock) => Self::Unsure(lock),
            other => other,
        }
    }
}
