//! One attempt of one step: resolve, prepare, guard, act, wait, judge.
//!
//! Every path through here ends with exactly one outcome in the journal, unless the journal itself is lost.

use crate::action::{
    Accepted, Action, ActionError, DataTime, ErrorKind, Note, Observation, Place, Prepared, Recorded, Stage,
    StepContext, Values,
};
use crate::ask::{Conversation, answers};
use crate::chart::Chart;
use crate::clock::Clock;
use crate::driver::{Cancel, Outside};
use crate::evaluate::resolve_with;
use crate::guard::{self, Permitted, Rules, Touched};
use crate::hands::{AllHands, Hands, Reach};
use crate::log::{JOURNAL_LOST, JournalLost, RunLog};
use crate::lookout::{Seen, Watch};
use crate::patience::Patience;
use crate::registry::Registry;
use crate::scope::{RunScope, typed_outputs};
use crate::secrets::Keyring;
use crate::select::kept;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::Either;
use lifeboat_journal::event::{BlockedOn, Draft, EventKind, Failure, PauseReason, StepStarted};
use lifeboat_journal::state::StepState;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan, Step, WaitUntil};
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect, Resource};
use lifeboat_runbook::value::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// After a mutation was accepted, a look that finds nothing says nothing for this long (catalogue §5).
pub(crate) const CONSISTENCY_WINDOW: TimeDelta = TimeDelta::minutes(2);

/// Between two looks of an action that looks by itself, unless `wait.every` says otherwise.
const OWN_LOOKS: Duration = Duration::from_secs(10);

/// By so many seconds this machine's clock may be away from that of AWS.
const SKEW_WORTH_SAYING_S: f64 = 5.0;

/// What a step in flight has at hand.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) plan: Arc<Plan>,
    pub(crate) chart: Arc<Chart>,
    pub(crate) catalog: Catalog,
    pub(crate) registry: Registry,
    pub(crate) clock: Clock,
    pub(crate) log: Arc<RunLog>,
    pub(crate) all_hands: AllHands,
    pub(crate) permitted: Arc<Vec<Permitted>>,
    pub(crate) confirmed: Arc<BTreeSet<String>>,
    pub(crate) outside: Outside,
    pub(crate) keyring: Arc<Mutex<Keyring>>,
    pub(crate) cancel: watch::Receiver<Cancel>,
    /// Who has it may change the lock: giving back must not cross a renewal.
    pub(crate) lock_turn: Arc<tokio::sync::Mutex<()>>,
}

/// Why an attempt did not succeed.
pub(crate) enum Ended {
    /// Known to be over.
    Failed { during: &'static str, failure: Failure },
    /// The operator stopped a recovery: AWS goes on, and whoever resumes the run looks.
    Left,
    /// What was missing through no fault of the step did not come.
    Blocked { on: BlockedOn, failure: Failure },
    /// Nothing may go on.
    JournalLost(JournalLost),
}

impl From<JournalLost> for Ended {
    fn from(lost: JournalLost) -> Self {
        Self::JournalLost(lost)
    }
}

pub(crate) fn failed(during: &'static str, error: ActionError) -> Ended {
    if error.code == JOURNAL_LOST {
        return Ended::JournalLost(io::Error::other(error.message).into());
    }
    Ended::Failed { during, failure: as_failure(error) }
}

/// An error, as it is journaled.
pub(crate) fn as_failure(error: ActionError) -> Failure {
    let refused = error.kind == ErrorKind::Refused || error.is_blocked();
    Failure { code: error.code, message: error.message, hint: error.hint, refused }
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Succeeded,
    Failed(Failure),
    Left,
    Blocked(BlockedOn, Failure),
}

/// What one look gave.
pub(crate) struct Looked {
    pub(crate) observation: Observation,
    state: Option<String>,
    reached: Vec<&'static str>,
}

/// An attempt under way.
pub(crate) struct Attempt<'step> {
    pub(crate) step: &'step Step,
    pub(crate) spec: &'static ActionSpec,
    pub(crate) action: Arc<dyn Action>,
    pub(crate) cx: StepContext,
    pub(crate) patience: Patience,
    pub(crate) hands: Hands,
}

impl Worker {
    /// Carries an attempt to its end and journals it.
    pub(crate) async fn perform(
        &self,
        path: &StepPath,
        attempt: u32,
        resumed: bool,
        after: &[u64],
    ) -> Result<(), JournalLost> {
        let Some(step) = self.step(path) else { return Ok(()) };
        let Ending::Blocked(on, failure) = self.attempt(&step, attempt, resumed, after).await? else {
            return Ok(());
        };
        let why = format!("{path} waits for {}: {}", on.words(), failure.message);
        self.log.step(path, attempt, EventKind::RunPaused { why, because: PauseReason::Blocked })
    }

    /// Carries an attempt to its end and journals it; gives the error it ended with, if it did.
    pub(crate) async fn attempt(
        &self,
        step: &Step,
        number: u32,
        resumed: bool,
        after: &[u64],
    ) -> Result<Ending, JournalLost> {
        let ended = match self.begin(step, number, resumed, after).await {
            Ok(attempt) => self.carry_out(attempt, resumed).await,
            Err(ended) => Err(ended),
        };
        let (kind, ending) = match ended {
            Ok(outputs) => {
                let outputs = self.hide_sensitive(step, outputs)?;
                (EventKind::StepSucceeded { outputs }, Ending::Succeeded)
            }
            Err(Ended::Failed { during, failure }) => (
                EventKind::AttemptFailed { during: during.to_owned(), error: failure.clone() },
                Ending::Failed(failure),
            ),
            Err(Ended::Left) => {
                self.report_polls(&step.path, number)?;
                return Ok(Ending::Left);
            }
            Err(Ended::Blocked { on, failure }) => {
                self.report_polls(&step.path, number)?;
                return Ok(Ending::Blocked(on, failure));
            }
            Err(Ended::JournalLost(lost)) => return Err(lost),
        };
        self.report_polls(&step.path, number)?;
        self.log.step(&step.path, number, kind)?;
        Ok(ending)
    }

    /// Resolves, prepares, guards, and writes the intent; or finds the intent in the journal.
    pub(crate) async fn begin<'step>(
        &self,
        step: &'step Step,
        number: u32,
        resumed: bool,
        after: &[u64],
    ) -> Result<Attempt<'step>, Ended> {
        let state = self.log.with_state(|state| state.step(&step.path));
        let begun = state.intent.as_deref().filter(|_| resumed);
        let prepare = |error| failed("prepare", error);
        let reach = Arc::new(self.reach(step, begun).map_err(prepare)?);
        let hands = self.hands(&reach).await.map_err(prepare)?;
        let (action, spec) = self.action(&hands, step).map_err(prepare)?;
        let limit = step.timeout.unwrap_or_else(|| {
            let default = TimeDelta::seconds(i64::from(spec.timeout_seconds));
            step.wait.timeout.map_or(default, |wait| wait.max(TimeDelta::zero()))
        });
        let (path, began) = (step.path.clone(), self.clock.now());
        let (during, since) = ("prepare", self.last_seq());
        let mut patience = Patience { path, attempt: number, began, since, limit, during, reach };
        self.right_account(&patience.reach, &patience).await?;
        self.fetch_what_is_hidden(step, &patience).await?;
        let mut cx = self.context(step, number, &patience.reach).map_err(prepare)?;
        if let Some(intent) = state.intent.as_ref().filter(|_| resumed) {
            cx.prepared = prepared_of(intent);
            cx.recorded = recorded_of(&state, self.created_by(&step.path));
            // The time counts on while nobody is there: AWS goes on too. What nobody knows to have been accepted is
            // looked for first, and that takes nothing from the time it has.
            patience.began = state.attempt_started.map_or(patience.began, |started| started.at);
            patience.since = state.attempt_started.map_or(patience.since, |started| started.seq);
            if cx.recorded.accepted.is_empty() {
                patience.limit += CONSISTENCY_WINDOW;
            }
            return Ok(Attempt { step, spec, action, cx, patience, hands });
        }
        let mut attempt = Attempt { step, spec, action, cx, patience, hands };
        self.take_back_previous(&attempt, &state).await?;
        attempt.cx.prepared =
            self.patiently(&attempt.patience, || attempt.action.prepare(&attempt.cx)).await?;
        if let Some(first) = &state.intent {
            attempt.cx.prepared.captured = first.captured.clone();
        }
        self.guard(&attempt).await?;
        self.write_intent(&mut attempt, limit, after)?;
        Ok(attempt)
    }

    /// The step at `path`, with that path: a step of a loop is planned once and is there once for each item.
    pub(crate) fn step(&self, path: &StepPath) -> Option<Cow<'_, Step>> {
        self.chart.step(&self.plan, path)
    }

    pub(crate) fn context(
        &self,
        step: &Step,
        attempt: u32,
        reach: &Reach,
    ) -> Result<StepContext, ActionError> {
        let now = self.clock.now();
        self.log.with_state(|state| {
            let keyring = self.keyring();
            let none = Values::new();
            let scope = self.scope(state, &step.path, &none);
            let scope = RunScope { own_outputs: None, keyring: Some(&keyring), now, ..scope };
            let with = resolve_with(step, &self.catalog, &scope)?;
            let started = state.started.as_ref();
            let Target { account, region, .. } = reach.target.clone();
            let place = Place { account, region };
            let began = state.began.map_or(now, |began| began.at);
            Ok(StepContext {
                run: state.run.clone().unwrap_or_else(|| lifeboat_runbook::id::RunId::new("")),
                runbook: self.plan.name.clone(),
                path: step.path.clone(),
                attempt,
                mode: started.map_or(Mode::Drill, |started| started.mode),
                effect: step.effect,
                place,
                with,
                wait_for: match &step.wait.until {
                    WaitUntil::Readiness(name) => Some(name.clone()),
                    _ => None,
                },
                run_started_at: state.disrupted().map_or(began, |lost| lost.at),
                prepared: Prepared::default(),
                recorded: Recorded::default(),
                now,
                notes: self.log.clone(),
                adopted: false,
            })
        })
    }

    /// The number of the last event.
    pub(crate) fn last_seq(&self) -> u64 {
        self.log.with_state(|state| state.last.map_or(0, |last| last.seq))
    }

    pub(crate) fn created_by(&self, path: &StepPath) -> Vec<Resource> {
        self.log.with_state(|state| {
            state
                .left()
                .filter(|created| created.step == *path)
                .map(|created| created.resource.clone())
                .collect()
        })
    }

    pub(crate) fn write_intent(
        &self,
        attempt: &mut Attempt<'_>,
        timeout: TimeDelta,
        after: &[u64],
    ) -> Result<(), Ended> {
        let Attempt { step, spec, cx, patience, .. } = &mut *attempt;
        let readiness = cx.readiness(spec);
        let intent = StepStarted {
            action: spec.name.to_owned(),
            effect: step.effect.or(spec.effect).map_or("unknown", Effect::word).to_owned(),
            target: (!patience.reach.own).then(|| patience.reach.target.clone()),
            parameters: cx.with.clone(),
            names: cx.prepared.names.clone(),
            token: cx.prepared.token.clone(),
            resolved: cx.prepared.resolved.clone(),
            captured: cx.prepared.captured.clone(),
            findings: cx.prepared.findings.clone(),
            wait_for: (!readiness.is_empty()).then(|| readiness.to_owned()),
            readinesses: match spec.readiness {
                [] | [_] => Vec::new(),
                several => several.iter().map(|readiness| readiness.name.to_owned()).collect(),
            },
            timeout_s: timeout.num_milliseconds() as f64 / 1000.0,
            after: after.to_vec(),
        };
        self.log.step(&cx.path, cx.attempt, EventKind::StepStarted(Box::new(intent)))?;
        let now = self.clock.now();
        cx.recorded.started_at = Some(now);
        patience.began = now;
        patience.since = self.last_seq();
        Ok(())
    }

    /// Acts where that is due, and looks until it is decided.
    pub(crate) async fn carry_out(&self, mut attempt: Attempt<'_>, resumed: bool) -> Result<Values, Ended> {
        let reads = attempt.step.effect == Some(Effect::Read);
        if !reads && !resumed {
            self.act(&mut attempt, &Stage::first()).await?;
        }
        if !reads && attempt.step.wait.until == WaitUntil::None && !attempt.cx.recorded.accepted.is_empty() {
            // Accepted is all the step wants; what was named is known already.
            let names = attempt.cx.prepared.names.iter();
            return Ok(names.map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect());
        }
        let outputs = self.wait(&mut attempt, resumed).await?;
        let outputs = typed_outputs(attempt.spec, &outputs);
        self.judge_outputs(&attempt, &outputs)?;
        Ok(kept(attempt.step, attempt.spec, outputs))
    }

    /// One mutation. A reply that never came is not a failure: the next look tells.
    pub(crate) async fn act(&self, attempt: &mut Attempt<'_>, stage: &Stage) -> Result<(), Ended> {
        let patience = attempt.patience.during("act");
        let mut tries = 0;
        loop {
            attempt.cx.now = self.clock.now();
            match attempt.action.act(&attempt.cx, stage).await {
                Ok(accepted) => {
                    self.unblocked(&patience)?;
                    return self.accept(attempt, stage, accepted);
                }
                Err(error) if error.code == JOURNAL_LOST => return Err(failed("act", error)),
                Err(error) if error.kind == ErrorKind::Unknown => {
                    return self.step_event(attempt, EventKind::StepUnknown { error: as_failure(error) });
                }
                Err(error) if self.waits_for(&patience, &error) => self.blocked(&patience, &error).await?,
                Err(error) if self.may_try_again(&error, &patience) => {
                    tries += 1;
                    if self.back_off(&patience, tries).await {
                        return Err(self.stopped("act"));
                    }
                }
                Err(error) => {
                    self.unblocked(&patience)?;
                    return Err(failed("act", error));
                }
            }
        }
    }

    pub(crate) fn accept(
        &self,
        attempt: &mut Attempt<'_>,
        stage: &Stage,
        accepted: Accepted,
    ) -> Result<(), Ended> {
        let Accepted { data, request_id } = accepted;
        attempt.cx.recorded.accepted.push((stage.clone(), self.clock.now(), data.clone()));
        self.step_event(attempt, EventKind::StepAccepted { stage: stage.to_string(), data, request_id })?;
        self.note_data_time(attempt)
    }

    /// What is known of the data since the preparation is true from the moment on that the effect is there.
    fn note_data_time(&self, attempt: &Attempt<'_>) -> Result<(), Ended> {
        let Some(DataTime { at, grade, source }) = attempt.action.data_time(&attempt.cx) else {
            return Ok(());
        };
        let path = Some(&attempt.cx.path);
        let told = self.log.with_state(|state| {
            state.data_times.iter().any(|data| data.step.as_ref() == path && data.complete_to == at)
        });
        match told {
            true => Ok(()),
            false => self.step_event(attempt, EventKind::DataTime { complete_to: at, grade, source }),
        }
    }

    pub(crate) fn step_event(&self, attempt: &Attempt<'_>, kind: EventKind) -> Result<(), Ended> {
        Ok(self.log.step(&attempt.cx.path, attempt.cx.attempt, kind)?)
    }

    /// Looks until what was waited for is there, has stayed as long as it must, or will not come. While people are asked
    /// it goes on looking: they may answer elsewhere.
    pub(crate) async fn wait(&self, attempt: &mut Attempt<'_>, mut resumed: bool) -> Result<Values, Ended> {
        let mut last_look = None;
        let mut ready_since = None;
        let mut acted_again = false;
        let (mut talking, mut sent) = (None::<Conversation<'_>>, None);
        loop {
            let Looked { observation, state, reached } = match talking.take() {
                None => self.next_look(attempt, last_look).await?,
                Some(mut talk) => {
                    match self.answered_or(&mut talk, self.next_look(attempt, last_look)).await? {
                        Either::Left(answered) => {
                            self.hear(attempt, talk, answered, &mut sent).await?;
                            continue;
                        }
                        Either::Right(looked) => {
                            talking = Some(talk);
                            looked
                        }
                    }
                }
            };
            let looked = self.clock.now();
            self.note_state(attempt, state, last_look)?;
            self.note_reached(attempt, reached, last_look)?;
            if std::mem::take(&mut resumed) {
                self.step_event(attempt, EventKind::Observed { found: found(&observation).to_owned() })?;
            }
            last_look = Some(looked);
            self.close_questions(attempt, &observation)?;
            match observation {
                Observation::Ready(outputs) => {
                    let outputs = self.select(attempt, outputs)?;
                    let since = *ready_since.get_or_insert(looked);
                    if self.is_enough(attempt, &outputs, since, looked)? {
                        self.note_data_time(attempt)?;
                        return Ok(outputs);
                    }
                }
                Observation::Asks { subject, text, .. } => {
                    ready_since = None;
                    talking = self.settle(attempt, talking, subject, text, &mut sent).await?;
                    continue;
                }
                Observation::Next(stage) => self.act(attempt, &stage).await?,
                Observation::Absent if self.should_act_again(attempt, looked, acted_again) => {
                    acted_again = true;
                    self.act(attempt, &Stage::first()).await?;
                }
                Observation::Absent if self.may_still_appear(attempt, looked) => {}
                ended @ (Observation::Absent | Observation::Broken { .. } | Observation::Foreign { .. }) => {
                    return Err(failed("wait", will_not_come(ended)));
                }
                Observation::InProgress { .. } | Observation::Unknown => ready_since = None,
            }
            talking = None;
        }
    }

    /// A look, at its time after the one before.
    async fn next_look(
        &self,
        attempt: &mut Attempt<'_>,
        before: Option<DateTime<Utc>>,
    ) -> Result<Looked, Ended> {
        if let Some(before) = before {
            self.pause_before_next_look(attempt, before).await?;
        }
        self.look(attempt).await
    }

    /// A look that finds nothing, of a mutation that nobody knows to have been accepted: the same attempt again,
    /// with the same name and token.
    pub(crate) fn should_act_again(&self, attempt: &Attempt<'_>, now: DateTime<Utc>, already: bool) -> bool {
        let acts = attempt.step.effect != Some(Effect::Read);
        let unknown = attempt.cx.recorded.accepted.is_empty();
        let started = attempt.cx.recorded.started_at.unwrap_or(now);
        acts && unknown && !already && now - started >= CONSISTENCY_WINDOW
    }

    pub(crate) fn may_still_appear(&self, attempt: &Attempt<'_>, now: DateTime<Utc>) -> bool {
        let since =
            attempt.cx.recorded.accepted.last().map(|(_, at, _)| *at).or(attempt.cx.recorded.started_at);
        since.is_none_or(|since| now - since < CONSISTENCY_WINDOW)
    }

    /// One look, with patience for errors that pass.
    pub(crate) async fn look(&self, attempt: &mut Attempt<'_>) -> Result<Looked, Ended> {
        let patience = attempt.patience.during("wait");
        attempt.cx.now = self.clock.now();
        let Some(watch) = attempt.action.watches(&attempt.cx) else {
            let observation = self.patiently(&patience, || attempt.action.observe(&attempt.cx)).await?;
            let state = match &observation {
                Observation::InProgress { state }
                | Observation::Asks { state, .. }
                | Observation::Broken { state, .. } => Some(state.clone()),
                _ => None,
            };
            return Ok(Looked { observation, state, reached: Vec::new() });
        };
        let seen = self.patiently(&patience, || attempt.hands.poller.look(&watch)).await?;
        attempt.cx.now = self.clock.now();
        note_entries(&attempt.cx, &seen).map_err(|error| failed("wait", error))?;
        let observation = attempt.action.judge(&attempt.cx, &seen);
        self.adopt(attempt, &watch, &seen, &observation)?;
        // What is not ours, or has failed, has reached nothing.
        let reached = match observation {
            Observation::InProgress { .. } | Observation::Next(_) | Observation::Ready(_) => {
                attempt.action.reached(&attempt.cx, &seen)
            }
            _ => Vec::new(),
        };
        Ok(Looked { observation, state: seen.state, reached })
    }

    /// Each readiness once an attempt.
    fn note_reached(
        &self,
        attempt: &Attempt<'_>,
        reached: Vec<&'static str>,
        not_before: Option<DateTime<Utc>>,
    ) -> Result<(), Ended> {
        for readiness in reached {
            let known = self.log.with_state(|state| {
                state.steps.get(&attempt.cx.path).is_some_and(|step| step.reached.contains_key(readiness))
            });
            if !known {
                let readiness = readiness.to_owned();
                self.step_event(attempt, EventKind::Reached { readiness, not_before })?;
            }
        }
        Ok(())
    }

    /// What is there and ours though no reply told of it (it was lost, or the process died before it was journaled) was
    /// made by this run all the same, and is its to take away.
    fn adopt(
        &self,
        attempt: &Attempt<'_>,
        watch: &Watch,
        seen: &Seen,
        observation: &Observation,
    ) -> Result<(), Ended> {
        let ours = matches!(
            observation,
            Observation::InProgress { .. } | Observation::Asks { .. } | Observation::Ready(_)
        );
        if attempt.step.effect != Some(Effect::Create)
            || !ours
            || !self.created_by(&attempt.cx.path).is_empty()
        {
            return Ok(());
        }
        let Place { account, region } = watch.place.clone();
        let arn = seen.attributes.get("arn").and_then(Value::as_str).map(str::to_owned);
        let resource = Resource { kind: watch.kind.to_owned(), id: watch.id.clone(), account, region, arn };
        self.step_event(attempt, EventKind::AwsCreated(resource))
    }

    pub(crate) fn note_state(
        &self,
        attempt: &mut Attempt<'_>,
        state: Option<String>,
        not_before: Option<DateTime<Utc>>,
    ) -> Result<(), Ended> {
        let Some(state) = state.filter(|state| attempt.cx.recorded.states_seen.last() != Some(state)) else {
            return Ok(());
        };
        attempt.cx.recorded.states_seen.push(state.clone());
        self.step_event(attempt, EventKind::StateSeen { state, not_before })
    }

    /// Whether what is ready is what the step waits for: `until`, `fail_if`, `hold`.
    pub(crate) fn is_enough(
        &self,
        attempt: &Attempt<'_>,
        outputs: &Values,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, Ended> {
        let wait = &attempt.step.wait;
        let outputs = typed_outputs(attempt.spec, outputs);
        if let Some(fail_if) = &wait.fail_if
            && self.holds(fail_if, &attempt.cx.path, &outputs)?.is_ok()
        {
            let error = ActionError::failed("fail_if", format!("`fail_if: {}` is true", fail_if.text));
            return Err(failed("wait", error));
        }
        if let WaitUntil::Expression(until) = &wait.until
            && self.holds(until, &attempt.cx.path, &outputs)?.is_err()
        {
            return Ok(false);
        }
        Ok(wait.hold.is_none_or(|hold| now - since >= hold))
    }

    /// Waits for the next look, as long as there is time and nobody has stopped the run.
    pub(crate) async fn pause_before_next_look(
        &self,
        attempt: &Attempt<'_>,
        looked: DateTime<Utc>,
    ) -> Result<(), Ended> {
        if looked >= self.deadline(&attempt.patience) {
            return Err(self.took_too_long(attempt, looked)?);
        }
        let watched = attempt.action.watches(&attempt.cx).is_some();
        let every = attempt.step.wait.every.and_then(|every| every.to_std().ok());
        // The poller keeps the distance between looks of its kind by itself.
        let pause = match (watched, every) {
            (_, Some(every)) => every,
            (true, None) => Duration::ZERO,
            (false, None) => OWN_LOOKS,
        };
        match self.stopped_or(self.clock.sleep(pause)).await {
            true => Err(self.stopped("wait")),
            false => Ok(()),
        }
    }

    /// In a drill the attempt has failed. In a recovery a person decides whether to wait on: AWS may be nearly done.
    fn took_too_long(&self, attempt: &Attempt<'_>, now: DateTime<Utc>) -> Result<Ended, JournalLost> {
        let (cx, path) = (&attempt.cx, &attempt.cx.path);
        let waited = TimeDelta::seconds((now - attempt.patience.began).num_seconds());
        let state = cx.recorded.states_seen.last().map(|state| format!("; it is `{state}`"));
        let message = format!(
            "not ready after {}{}",
            lifeboat_runbook::units::duration_text(waited),
            state.unwrap_or_default()
        );
        if cx.mode == Mode::Drill || path.is_preflight() {
            let error = ActionError::failed("timeout", message).hint("give it more with `timeout`");
            return Ok(failed("wait", error));
        }
        let why = format!("{path} is {message}; resuming waits on");
        self.log.step(path, cx.attempt, EventKind::RunPaused { why, because: PauseReason::Timeout })?;
        Ok(Ended::Left)
    }

    /// The drill guard, between the look and the act: every resource the action touches, as it is now.
    pub(crate) async fn guard(&self, attempt: &Attempt<'_>) -> Result<(), Ended> {
        let Attempt { step, spec, cx, patience, hands, .. } = attempt;
        if step.effect == Some(Effect::Read) {
            return Ok(());
        }
        self.guard_named(cx, step, spec).map_err(|error| failed(patience.during, error))?;
        for touch in spec.touches {
            let Some(id) = cx.text(touch.parameter) else { continue };
            let seen = match hands.registry.lookout(touch.kind) {
                Some(lookout) => {
                    let watch = Watch { kind: touch.kind, place: cx.place.clone(), id: lookout.fold(id) };
                    self.patiently(patience, || hands.poller.look(&watch)).await?
                }
                None => Seen::absent(id),
            };
            let arn = seen.attributes.get("arn").and_then(Value::as_str).map(str::to_owned);
            let Place { account, region } = cx.place.clone();
            let resource = Resource { kind: touch.kind.to_owned(), id: id.to_owned(), account, region, arn };
            let touched = Touched { effect: touch.effect, resource, tags: seen.tags };
            let created: Vec<Resource> =
                self.log.with_state(|state| state.left().map(|created| created.resource.clone()).collect());
            let rules = Rules {
                mode: cx.mode,
                created: &created,
                permitted: &self.permitted,
                confirmed: &self.confirmed,
            };
            guard::permit(&rules, spec.name, &touched).map_err(|error| failed(patience.during, error))?;
        }
        Ok(())
    }

    /// A clock that is far from that of AWS is worth knowing: at five minutes AWS refuses signatures.
    fn note_skew(&self) -> Result<(), JournalLost> {
        let skew = self.outside.identity.skew_s().filter(|skew| skew.abs() > SKEW_WORTH_SAYING_S);
        match skew.filter(|_| self.log.with_state(|state| state.skew_s.is_none())) {
            Some(by_s) => self.log.append(vec![Draft::run(EventKind::ClockSkew { by_s })]),
            None => Ok(()),
        }
    }

    pub(crate) fn report_polls(&self, path: &StepPath, attempt: u32) -> Result<(), JournalLost> {
        self.note_skew()?;
        for (kind, counts) in self.all_hands.take_counts() {
            let kind = EventKind::AwsPolled {
                kind: kind.to_owned(),
                calls: counts.calls,
                throttled: counts.throttled,
                errors: counts.errors,
            };
            self.log.step(path, attempt, kind)?;
        }
        Ok(())
    }
}

/// Journals what AWS's own record says of what was looked at.
pub(crate) fn note_entries(cx: &StepContext, seen: &Seen) -> Result<(), ActionError> {
    seen.entries.iter().try_for_each(|entry| cx.note(Note::Event(entry.clone())))
}

pub(crate) fn prepared_of(intent: &StepStarted) -> Prepared {
    Prepared {
        names: intent.names.clone(),
        token: intent.token.clone(),
        resolved: intent.resolved.clone(),
        captured: intent.captured.clone(),
        findings: intent.findings.clone(),
    }
}

pub(crate) fn recorded_of(state: &StepState, created: Vec<Resource>) -> Recorded {
    Recorded {
        started_at: state.attempt_started.map(|started| started.at),
        accepted: state
            .accepted
            .iter()
            .map(|(stage, at, data)| (Stage::named(stage), *at, data.clone()))
            .collect(),
        states_seen: state.states_seen.iter().map(|seen| seen.state.clone()).collect(),
        answers: answers(state),
        undo_accepted: state.undo_accepted.iter().map(|stage| Stage::named(stage)).collect(),
        created,
    }
}

pub(crate) fn found(observation: &Observation) -> &'static str {
    match observation {
        Observation::Absent => "absent",
        Observation::InProgress { .. } => "in_progress",
        Observation::Asks { .. } => "asks",
        Observation::Next(_) => "next",
        Observation::Ready(_) => "ready",
        Observation::Broken { .. } => "broken",
        Observation::Foreign { .. } => "foreign",
        Observation::Unknown => "unknown",
    }
}

pub(crate) fn will_not_come(observation: Observation) -> ActionError {
    match observation {
        Observation::Broken { state, hint } => ActionError {
            hint,
            ..ActionError::failed(state.clone(), format!("it ended in the state `{state}`"))
        },
        Observation::Foreign { why } => ActionError::refused("not_ours", why),
        _ => ActionError::failed("absent", "it is not there, though it was accepted"),
    }
}
