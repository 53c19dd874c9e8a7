//! A small world in memory: things that are made, deleted and looked at.

use crate::permit::Asker;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Note, Observation, Place, Prepared, Stage, StepContext,
    UndoObservation,
};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::lookout::{Lookout, Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_runbook::spec::{ActionSpec, Effect, Output, Parameter, Readiness, Resource, Touch, Type};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) things: BTreeMap<String, Thing>,
    /// Accepted creations, by name: none may come twice.
    pub(crate) made: Vec<String>,
    /// The next creations are accepted, but their replies never arrive.
    pub(crate) lose_replies: u32,
    /// What becomes of an attempt, by step and number; whatever is not named here goes well.
    pub(crate) fates: BTreeMap<(String, u32), Fate>,
    /// Every call between these moments is answered with this error.
    pub(crate) down: Option<(DateTime<Utc>, DateTime<Utc>, ErrorKind, &'static str)>,
    /// Things end in this state instead of `ready`.
    pub(crate) ends_in: Option<&'static str>,
    pub(crate) cannot_delete: bool,
    /// How many things each look at them was for.
    pub(crate) looks: Vec<usize>,
    /// Work that waits for people, by name.
    pub(crate) asking: BTreeMap<String, Asker>,
    /// Accepted answers.
    pub(crate) signals: Vec<String>,
    /// The next answers are accepted, but their replies never arrive.
    pub(crate) lose_signals: u32,
    /// Somebody else permits what is asked, so long after.
    pub(crate) answered_elsewhere: Option<TimeDelta>,
    /// Between these moments nobody answers at the door.
    pub(crate) closed: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// How often somebody was at the door.
    pub(crate) visits: u32,
    /// From when on an alarm is in which state; an alarm without any is not there.
    pub(crate) alarms: BTreeMap<String, Vec<(DateTime<Utc>, &'static str)>>,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is refused.
    Refused,
    /// It is accepted, and no reply comes.
    ReplyLost,
    /// What it makes ends broken.
    Breaks,
}

impl World {
    fn answers(&self, now: DateTime<Utc>) -> Result<(), ActionError> {
        match self.down {
            Some((from, to, kind, code)) if (from..to).contains(&now) => {
                Err(ActionError::new(kind, code, "not now"))
            }
            _ => Ok(()),
        }
    }

    fn fate(&self, cx: &StepContext) -> Option<Fate> {
        self.fates.get(&(cx.path.to_string(), cx.attempt)).copied()
    }
}

pub(crate) struct Thing {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) ready_at: DateTime<Utc>,
    pub(crate) gone_at: Option<DateTime<Utc>>,
    pub(crate) ends_in: Option<&'static str>,
}

pub(crate) type Shared = Arc<Mutex<World>>;

pub(crate) const MAKE: ActionSpec = ActionSpec {
    name: "test.make",
    summary: "Makes a thing.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[
        Parameter::optional("size", Type::Integer, "How large."),
        Parameter::optional("takes", Type::Integer, "Seconds until it is there; 300 unless said."),
        Parameter::optional("fails", Type::Boolean, "Whether it breaks."),
    ],
    outputs: &[
        Output::new("thing", Type::String, "Its name."),
        Output::new("size", Type::Integer, "How large."),
    ],
    touches: &[],
    readiness: &[Readiness { name: "ready", summary: "It is there." }],
    failure_states: &["broken"],
    calls: &[],
    dependent: &[],
    typical: &[],
    timeout_seconds: 3600,
    undo: Some("deletes it"),
};

pub(crate) const DELETE: ActionSpec = ActionSpec {
    name: "test.delete",
    effect: Some(Effect::Destroy),
    parameters: &[Parameter::required("thing", Type::String, "Which.")],
    outputs: &[],
    touches: &[Touch { effect: Effect::Destroy, parameter: "thing", kind: "test:thing" }],
    undo: None,
    ..MAKE
};

pub(crate) const PROBE: ActionSpec = ActionSpec {
    name: "test.probe",
    effect: Some(Effect::Read),
    parameters: &[
        Parameter::optional("fails", Type::Integer, "How often it fails first."),
        Parameter::optional("say", Type::Any, "What it says."),
    ],
    outputs: &[
        Output::new("n", Type::Integer, "A number."),
        Output::new("said", Type::Any, "What it was told to say."),
    ],
    readiness: &[],
    undo: None,
    ..MAKE
};

/// Says what it is told, in all forms in which a secret might come back.
pub(crate) const ECHO: ActionSpec = ActionSpec {
    name: "test.echo",
    effect: Some(Effect::Read),
    parameters: &[
        Parameter::required("text", Type::String, "What to say.").secret(),
        Parameter::optional("fails", Type::Boolean, "Whether to say it in an error."),
    ],
    outputs: &[
        Output::new("said", Type::Any, "The text in many forms."),
        Output { sensitive: true, ..Output::new("token", Type::String, "The text, not to be seen.") },
    ],
    readiness: &[],
    undo: None,
    ..MAKE
};

/// The forms in which a text may turn up somewhere.
pub(crate) fn forms(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).unwrap();
    let form: String = text
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![text.to_owned(), json, form];
    for prefix in ["", "a", "ab"] {
        forms.push(data_encoding::BASE64.encode(format!("{prefix}{text}").as_bytes()));
        forms.push(data_encoding::BASE64URL_NOPAD.encode(format!("{prefix}{text}").as_bytes()));
    }
    forms
}

/// Counts how often it was asked.
pub(crate) struct Echo(pub(crate) Arc<Mutex<u32>>);

#[async_trait]
impl Action for Echo {
    fn spec(&self) -> &'static ActionSpec {
        &ECHO
    }
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        *self.0.lock().unwrap() += 1;
        let text = match cx.with.get("text") {
            Some(Value::Secret(secret)) => secret.expose().to_owned(),
            other => other.map(ToString::to_string).unwrap_or_default(),
        };
        let said = forms(&text);
        cx.note(Note::Evidence { kind: "said".into(), value: Value::from(said.join(" ")) })?;
        if cx.with.get("fails").and_then(Value::as_bool) == Some(true) {
            return Err(ActionError::failed("auth", said.join(" ")).hint(text));
        }
        let said = said.into_iter().map(Value::from).collect();
        Ok(Observation::Ready(BTreeMap::from([
            ("said".to_owned(), Value::List(said)),
            ("token".to_owned(), Value::from(text)),
        ])))
    }
}

pub(crate) struct Make(pub(crate) Shared);
pub(crate) struct Delete(pub(crate) Shared);
pub(crate) struct Probe;
pub(crate) struct Things(pub(crate) Shared, pub(crate) Clock);

pub(crate) fn thing_watch(cx: &StepContext, id: String) -> Option<Watch> {
    Some(Watch { kind: "test:thing", place: cx.place.clone(), id })
}

#[async_trait]
impl Action for Make {
    fn spec(&self) -> &'static ActionSpec {
        &MAKE
    }
    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let names = BTreeMap::from([("thing".to_owned(), cx.name(40, Charset::LowerHyphen))]);
        Ok(Prepared { names, token: cx.token(), ..Prepared::default() })
    }
    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let id = cx.prepared.names["thing"].clone();
        {
            let mut world = self.0.lock().unwrap();
            world.answers(cx.now)?;
            let fate = world.fate(cx);
            if fate == Some(Fate::Refused) {
                return Err(ActionError::refused("QuotaExceeded", "too many things"));
            }
            if world.things.contains_key(&id) {
                return Err(ActionError::new(ErrorKind::Unknown, "AlreadyExists", "there is one"));
            }
            let takes = cx.with.get("takes").and_then(Value::as_int).unwrap_or(300);
            let ready_at = cx.now + TimeDelta::seconds(takes);
            let breaks =
                fate == Some(Fate::Breaks) || cx.with.get("fails").and_then(Value::as_bool) == Some(true);
            let ends_in = if breaks { Some("broken") } else { world.ends_in };
            world.things.insert(id.clone(), Thing { tags: cx.tags(), ready_at, gone_at: None, ends_in });
            world.made.push(id.clone());
            if world.lose_replies > 0 || fate == Some(Fate::ReplyLost) {
                world.lose_replies = world.lose_replies.saturating_sub(1);
                return Err(ActionError::new(ErrorKind::Unknown, "timeout", "no reply"));
            }
        }
        let Place { account, region } = cx.place.clone();
        cx.note(Note::Created(Resource { kind: "test:thing".into(), id, account, region, arn: None }))?;
        Ok(Accepted::default())
    }
    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }
    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let mut world = self.0.lock().unwrap();
        world.answers(cx.now)?;
        if world.cannot_delete {
            return Err(ActionError::refused("AccessDenied", "may not delete"));
        }
        if let Some(thing) = world.things.get_mut(&cx.prepared.names["thing"]) {
            thing.gone_at.get_or_insert(cx.now + TimeDelta::seconds(60));
        }
        Ok(())
    }
    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        thing_watch(cx, cx.prepared.names.get("thing").cloned().unwrap_or_default())
    }
    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        match seen.state.as_deref() {
            None => Observation::Absent,
            Some(_) if !cx.is_ours(&seen.tags) => {
                Observation::Foreign { why: "it has no tags of ours".into() }
            }
            Some("ready") => Observation::Ready(BTreeMap::from([
                ("thing".to_owned(), Value::from(seen.id.as_str())),
                ("size".to_owned(), cx.with.get("size").cloned().unwrap_or(Value::Null)),
            ])),
            Some("broken") => Observation::Broken { state: "broken".into(), hint: None },
            Some(state) => Observation::InProgress { state: state.into() },
        }
    }
    fn judge_undo(&self, _: &StepContext, seen: &Seen) -> UndoObservation {
        match seen.state.as_deref() {
            None => UndoObservation::Gone,
            Some("deleting") => UndoObservation::InProgress { state: "deleting".into() },
            Some(_) => UndoObservation::Next(Stage::first()),
        }
    }
}

#[async_trait]
impl Action for Delete {
    fn spec(&self) -> &'static ActionSpec {
        &DELETE
    }
    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let mut world = self.0.lock().unwrap();
        if let Some(thing) = world.things.get_mut(cx.required("thing")?) {
            thing.gone_at.get_or_insert(cx.now);
        }
        Ok(Accepted::default())
    }
    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }
    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        thing_watch(cx, cx.text("thing")?.to_owned())
    }
    fn judge(&self, _: &StepContext, seen: &Seen) -> Observation {
        if seen.exists { Observation::Absent } else { Observation::Ready(BTreeMap::new()) }
    }
}

#[async_trait]
impl Action for Probe {
    fn spec(&self) -> &'static ActionSpec {
        &PROBE
    }
    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        // What comes of it depends on step and attempt alone, so that a process that died changes nothing.
        let failed = i64::from(cx.attempt) - 1;
        if cx.with.get("fails").and_then(Value::as_int).is_some_and(|fails| failed < fails) {
            return Err(ActionError::failed("connect", "refused"));
        }
        let said = cx.with.get("say").cloned().unwrap_or(Value::Null);
        Ok(Observation::Ready(BTreeMap::from([
            ("n".to_owned(), Value::Int(failed)),
            ("said".to_owned(), said),
        ])))
    }
}

#[async_trait]
impl Lookout for Things {
    fn kind(&self) -> &'static str {
        "test:thing"
    }
    fn batch(&self) -> usize {
        100
    }
    fn every(&self) -> Duration {
        Duration::from_secs(10)
    }
    async fn look(&self, _: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let now = self.1.now();
        let mut world = self.0.lock().unwrap();
        world.answers(now)?;
        world.looks.push(ids.len());
        world.things.retain(|_, thing| thing.gone_at.is_none_or(|gone| gone > now));
        let seen = |id: &String| match world.things.get(id) {
            None => Seen::absent(id),
            Some(thing) => {
                let state = match (thing.gone_at, now >= thing.ready_at) {
                    (Some(_), _) => "deleting",
                    (None, true) => thing.ends_in.unwrap_or("ready"),
                    (None, false) => "making",
                };
                Seen { exists: true, state: Some(state.into()), tags: thing.tags.clone(), ..Seen::absent(id) }
            }
        };
        Ok(ids.iter().map(seen).collect())
    }
}
