//! `test.permit`: work in parts, between which somebody must permit it to go on.

use crate::world::{MAKE, Shared, World};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Entry, ErrorKind, Observation, Place, Prepared, Stage, StepContext,
    UndoObservation,
};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lookout::{Lookout, Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::spec::{ActionSpec, Effect, Parameter, Type};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const PERMIT: ActionSpec = ActionSpec {
    name: "test.permit",
    effect: Some(Effect::Modify),
    parameters: &[Parameter::optional("approvals", Type::Integer, "How often somebody must permit it.")],
    outputs: &[],
    failure_states: &["Rejected", "TimedOut"],
    undo: Some("stops it"),
    ..MAKE
};

/// A part takes this long.
const PART: TimeDelta = TimeDelta::minutes(1);
/// An approval is waited for this long.
const EXPIRES: TimeDelta = TimeDelta::hours(3);

/// Work that is under way.
pub(crate) struct Asker {
    began: DateTime<Utc>,
    approvals: i64,
    answers: Vec<(bool, DateTime<Utc>)>,
    stopped: bool,
}

impl Asker {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// When its parts began, and where it stands: `working`, `waiting`, or how it ended.
    fn course(&self, elsewhere: Option<TimeDelta>, now: DateTime<Utc>) -> (Vec<DateTime<Utc>>, &'static str) {
        let mut parts = vec![self.began];
        for number in 0..usize::try_from(self.approvals).unwrap() {
            let asks = parts[number] + PART;
            let others = elsewhere.map(|after| (true, asks + after)).filter(|(_, at)| *at <= now);
            match self.answers.get(number).copied().or(others) {
                Some((true, at)) => parts.push(at),
                Some((false, _)) => return (parts, "Rejected"),
                None if now < asks => return (parts, "working"),
                None if now < asks + EXPIRES => return (parts, "waiting"),
                None => return (parts, "TimedOut"),
            }
        }
        let done = parts.last().is_some_and(|began| *began + PART <= now);
        (parts, if done { "done" } else { "working" })
    }
}

/// What the question before part `number + 1` is about.
pub(crate) fn nth(number: usize) -> String {
    format!("part {number}")
}

pub(crate) struct Permit(pub(crate) Shared);
pub(crate) struct Askers(pub(crate) Shared, pub(crate) Clock);

fn asker<'world>(world: &'world mut World, cx: &StepContext) -> Option<&'world mut Asker> {
    world.asking.get_mut(&cx.prepared.names["work"])
}

#[async_trait]
impl Action for Permit {
    fn spec(&self) -> &'static ActionSpec {
        &PERMIT
    }
    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let names = BTreeMap::from([("work".to_owned(), cx.name(40, Charset::LowerHyphen))]);
        Ok(Prepared { names, token: cx.token(), ..Prepared::default() })
    }
    async fn act(&self, cx: &StepContext, stage: &Stage) -> Result<Accepted, ActionError> {
        let mut world = self.0.lock().unwrap();
        let unknown = |code: &str| ActionError::new(ErrorKind::Unknown, code, "look");
        let Some((choice, subject)) = stage.answers() else {
            let id = cx.prepared.names["work"].clone();
            if world.asking.contains_key(&id) {
                return Err(unknown("AlreadyExists"));
            }
            let approvals = cx.with.get("approvals").and_then(Value::as_int).unwrap_or(1);
            let (answers, stopped) = (Vec::new(), false);
            world.made.push(id.clone());
            world.asking.insert(id, Asker { began: cx.now, approvals, answers, stopped });
            return Ok(Accepted::default());
        };
        let elsewhere = world.answered_elsewhere;
        let work = asker(&mut world, cx).expect("only what was begun asks");
        let (parts, state) = work.course(elsewhere, cx.now);
        if state != "waiting" || subject != nth(parts.len()) {
            return Err(unknown("InvalidSignal"));
        }
        work.answers.push((choice == "approve", cx.now));
        let said = cx.recorded.answers.iter().find(|said| said.subject == subject);
        let reason = said.and_then(|said| said.reason.clone()).unwrap_or_default();
        world.signals.push(format!("{choice} {subject}: {reason}"));
        world.made.push(format!("{} {stage}", cx.prepared.names["work"]));
        if world.lose_signals > 0 {
            world.lose_signals -= 1;
            return Err(unknown("timeout"));
        }
        Ok(Accepted::default())
    }
    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }
    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        if let Some(work) = asker(&mut self.0.lock().unwrap(), cx) {
            work.stopped = true;
        }
        Ok(())
    }
    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        let id = cx.prepared.names.get("work").cloned().unwrap_or_default();
        Some(Watch { kind: "test:work", place: cx.place.clone(), id })
    }
    fn judge(&self, _: &StepContext, seen: &Seen) -> Observation {
        let part = seen.attributes.get("part").and_then(Value::as_int).unwrap_or_default();
        match seen.state.clone() {
            None => Observation::Absent,
            Some(state) if state == "waiting" => Observation::Asks {
                state,
                subject: format!("part {part}"),
                text: format!("May part {part} go on?"),
            },
            Some(state) if state == "done" => Observation::Ready(BTreeMap::new()),
            Some(state) if state == "working" => Observation::InProgress { state },
            Some(state) => Observation::Broken { state, hint: None },
        }
    }
    fn judge_undo(&self, _: &StepContext, seen: &Seen) -> UndoObservation {
        match seen.state.as_deref() {
            Some("working" | "waiting") => UndoObservation::Next(Stage::first()),
            _ => UndoObservation::Gone,
        }
    }
}

#[async_trait]
impl Lookout for Askers {
    fn kind(&self) -> &'static str {
        "test:work"
    }
    fn batch(&self) -> usize {
        100
    }
    fn every(&self) -> Duration {
        Duration::from_secs(10)
    }
    async fn look(&self, _: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let now = self.1.now();
        let world = self.0.lock().unwrap();
        let seen = |id: &String| {
            let Some(work) = world.asking.get(id) else { return Seen::absent(id) };
            let (parts, state) = work.course(world.answered_elsewhere, now);
            let entry = |(number, at): (usize, &DateTime<Utc>)| Entry {
                at: *at,
                service: "test",
                key: format!("{id} {number}"),
                message: format!("part {number} began"),
                details: BTreeMap::new(),
            };
            let part = i64::try_from(parts.len()).unwrap();
            Seen {
                exists: true,
                state: Some(if work.stopped { "stopped" } else { state }.to_owned()),
                attributes: BTreeMap::from([("part".to_owned(), Value::Int(part))]),
                entries: parts.iter().enumerate().map(entry).collect(),
                ..Seen::absent(id)
            }
        };
        Ok(ids.iter().map(seen).collect())
    }
}
