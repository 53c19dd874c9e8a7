//! What a report is made from: the journal of a run with its fold, and what lies beside it.

use crate::document::outcome_word;
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Cloud, Event};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Mode;

/// A run with all that a report tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'run> {
    /// The fold.
    pub state: &'run RunState,
    /// The events.
    pub events: &'run [Event],
    /// The hash of the last line.
    pub head: &'run str,
    /// The runbook as it was run, and what it includes; amended versions behind it.
    pub sources: &'run [Source],
    /// Earlier runs that it is compared with (see [`Earlier::is_comparable`]), the oldest first.
    pub earlier: &'run [Earlier],
}

/// A file of the runbook as it was run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// An earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// Its id.
    pub run: String,
    /// When it began.
    pub began: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: &'static str,
    /// The recovery time, seconds, and whether its objective was met.
    pub recovery_time: (Option<f64>, Option<bool>),
    /// The data lost, seconds, and whether its objective was met.
    pub data_lost: (Option<f64>, Option<bool>),
}

impl Earlier {
    /// A run in one row.
    pub fn of(state: &RunState) -> Self {
        let time = state.recovery_time.as_deref();
        let lost = state.data_lost.as_deref();
        Self {
            run: state.run.as_ref().map(ToString::to_string).unwrap_or_default(),
            began: state.began.map(|began| began.at),
            outcome: outcome_word(state),
            recovery_time: (time.and_then(|time| time.actual_s), time.and_then(|time| time.met)),
            data_lost: (lost.and_then(|lost| lost.actual_s), lost.and_then(|lost| lost.met)),
        }
    }

    /// Whether a run may be compared with another: finished, of the same runbook and mode, and both against AWS or both
    /// not. What is drawn in a simulator says nothing about AWS.
    pub fn is_comparable(earlier: &RunState, with: &RunState) -> bool {
        let key = |state: &RunState| -> Option<(String, Mode, bool)> {
            let started = state.started.as_deref()?;
            Some((started.runbook.clone(), started.mode, started.cloud == Cloud::Aws))
        };
        earlier.outcome.is_some() && key(earlier).is_some() && key(earlier) == key(with)
    }
}
