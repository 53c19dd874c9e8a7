//! The states of an alarm over time: those that the world file states, and those that somebody set.

use chrono::{DateTime, Utc};

use crate::definition::{AlarmDefinition, AlarmState};

/// A state that SetAlarmState set. It lasts until the alarm is evaluated the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetState {
    /// The alarm's name.
    pub alarm: String,
    /// When it was set.
    pub at: DateTime<Utc>,
    /// When the alarm is evaluated again.
    pub until: DateTime<Utc>,
    /// The state.
    pub state: AlarmState,
    /// StateReason.
    pub reason: String,
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// When.
    pub at: DateTime<Utc>,
    /// The state before; `None` for the first that is known.
    pub from: Option<AlarmState>,
    /// The state.
    pub to: AlarmState,
    /// StateReason.
    pub reason: String,
}

/// The state that the world file states for an instant, with its reason.
fn by_itself(alarm: &AlarmDefinition, at: DateTime<Utc>) -> (AlarmState, String) {
    let last = alarm.transitions.iter().rev().find(|transition| transition.at <= at);
    last.map_or_else(
        || (alarm.state, "Threshold evaluated".to_owned()),
        |last| (last.state, last.reason.clone()),
    )
}

/// All changes of an alarm's state up to `now`, oldest first; never none.
pub(crate) fn changes(
    alarm: &AlarmDefinition,
    set: &[SetState],
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<StateChange> {
    let since = alarm.since.unwrap_or(start);
    let own = alarm.transitions.iter().map(|it| (it.at, it.state, it.reason.clone()));
    let set: Vec<_> = set.iter().filter(|set| set.alarm == alarm.name).collect();
    let given = set.iter().map(|set| (set.at, set.state, set.reason.clone()));
    let evaluated = set.iter().map(|set| {
        let (state, reason) = by_itself(alarm, set.until);
        (set.until, state, reason)
    });
    let mut all: Vec<_> = own.chain(given).chain(evaluated).filter(|(at, ..)| *at <= now).collect();
    all.sort_by_key(|(at, ..)| *at);
    let (first, reason) = by_itself(alarm, since);
    let mut changes = vec![StateChange { at: since, from: None, to: first, reason }];
    for (at, state, reason) in all.into_iter().filter(|(at, ..)| *at > since) {
        let before = changes.last().map(|last| last.to);
        if before != Some(state) {
            changes.push(StateChange { at, from: before, to: state, reason });
        }
    }
    changes
}
