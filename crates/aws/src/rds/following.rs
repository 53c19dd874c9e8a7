//! What all changes of an instance have in common: it is followed by its resource id, and whether a change has begun is
//! asked before whether it is done, because for a while nothing shows (catalogue §5).

use crate::connect::Aws;
use crate::rds::events::{self, Event};
use crate::rds::states::hint;
use crate::rds::{FOLLOWED, instances, restore, spec};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, Observation, StepContext, Values};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// Events have whole seconds, and clocks differ: this much before the intent still counts.
const SKEW: TimeDelta = TimeDelta::seconds(5);

/// The instance as it is, or a refusal where there is none.
pub(crate) async fn existing(aws: &Aws, cx: &StepContext) -> Result<Seen, ActionError> {
    let name = cx.required("instance")?;
    let seen = instances::look_at(aws, &cx.place, name).await?;
    if seen.exists {
        return Ok(seen);
    }
    Err(ActionError::refused("DBInstanceNotFound", format!("there is no DB instance `{name}`"))
        .hint("look at the name, the account and the Region"))
}

/// What every later look needs: the id that stays, and the name from before.
pub(crate) fn captured<const N: usize>(seen: &Seen, more: [(&str, Value); N]) -> Values {
    let value = |name: &str| seen.attributes.get(name).cloned().unwrap_or(Value::Null);
    let mut captured = BTreeMap::from(["resource_id", "instance"].map(|name| (name.to_owned(), value(name))));
    captured.extend(more.map(|(name, value)| (name.to_owned(), value)));
    captured
}

/// A captured text.
pub(crate) fn text<'cx>(cx: &'cx StepContext, name: &str) -> Option<&'cx str> {
    cx.prepared.captured.get(name).and_then(Value::as_str)
}

pub(crate) fn watch(cx: &StepContext) -> Option<Watch> {
    let id = text(cx, "resource_id")?.to_owned();
    Some(Watch { kind: FOLLOWED, place: cx.place.clone(), id })
}

/// The moment from which on something counts as the step's effect: the acceptance, or the intent where no reply came.
fn since(cx: &StepContext) -> Option<DateTime<Utc>> {
    let accepted = cx.recorded.accepted.first().map(|(_, at, _)| *at);
    accepted.or(cx.recorded.started_at).map(|at| at - SKEW)
}

/// What happened since then; nothing where events cannot be read.
pub(crate) fn events(cx: &StepContext, seen: &Seen) -> Option<Vec<Event>> {
    let since = since(cx)?;
    let carried = events::carried(&seen.attributes)?;
    Some(carried.into_iter().filter(|event| event.at >= since).collect())
}

/// The newest event since the intent whose text holds one of `texts`; case does not matter.
pub(crate) fn happened(cx: &StepContext, seen: &Seen, texts: &[&str]) -> Option<Event> {
    let holds = |event: &Event| {
        let text = event.text.to_lowercase();
        texts.iter().any(|wanted| text.contains(wanted))
    };
    events(cx, seen)?.into_iter().rfind(holds)
}

/// The newest event since the intent that tells of a failure.
pub(crate) fn failure(cx: &StepContext, seen: &Seen) -> Option<Event> {
    let fails = |event: &Event| event.categories.iter().any(|category| category == "failure");
    events(cx, seen)?.into_iter().rfind(fails)
}

/// Whether one of these states was seen; `configuring-` stands for all that begin so.
pub(crate) fn was_seen(cx: &StepContext, seen: &Seen, states: &[&str]) -> bool {
    let recorded = cx.recorded.states_seen.iter().map(String::as_str);
    recorded.chain(seen.state.as_deref()).any(|state| {
        states.iter().any(|wanted| state == *wanted || wanted.ends_with('-') && state.starts_with(wanted))
    })
}

/// How long ago the mutation was accepted; where its reply was lost, how long ago it was asked for.
pub(crate) fn asked_for(cx: &StepContext) -> Option<TimeDelta> {
    let accepted = cx.recorded.accepted.first().map(|(_, at, _)| *at);
    accepted.or(cx.recorded.started_at).map(|at| cx.now - at)
}

/// What ends every wait for a change: it is gone, or in a state from which it does not come back.
pub(crate) fn ended(seen: &Seen) -> Option<Observation> {
    if !seen.exists {
        let hint = Some("something outside deleted it".to_owned());
        return Some(Observation::Broken { state: "gone".to_owned(), hint });
    }
    let state = seen.state.clone().unwrap_or_default();
    let failed = spec::FAILURE_STATES.contains(&state.as_str());
    failed.then(|| Observation::Broken { hint: hint(&state), state })
}

/// It is coming about, in the state that is seen.
pub(crate) fn in_progress(seen: &Seen) -> Observation {
    Observation::InProgress { state: seen.state.clone().unwrap_or_default() }
}

/// Nothing shows. Whether that means anything depends on whether the mutation is known to have been accepted: if not, it
/// may be asked for again; if so, it is never taken for success.
pub(crate) fn nothing_yet(cx: &StepContext) -> Observation {
    match cx.recorded.accepted.is_empty() {
        true => Observation::Absent,
        false => Observation::Unknown,
    }
}

/// Whether it takes connections.
pub(crate) fn is_usable(seen: &Seen) -> bool {
    restore::is_usable(seen, seen.state.as_deref().unwrap_or_default())
}

/// Everything known of it but what only actions need.
pub(crate) fn outputs(seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.remove("settings");
    outputs.remove("events");
    outputs
}
