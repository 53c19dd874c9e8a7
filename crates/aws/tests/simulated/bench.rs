//! One attempt of one step, led by hand.

use chrono::TimeDelta;
use lifeboat_aws::Aws;
use lifeboat_engine::action::{
    Action, ActionError, Note, Notes, Observation, Place, Prepared, Recorded, Stage, StepContext,
    UndoObservation, Values,
};
use lifeboat_engine::lookout::Seen;
use lifeboat_engine::registry::Registry;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::value::Value;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::wire::Request;
use lifeboat_sim::world::{Place as SimPlace, Region};
use lifeboat_sim::{ManualClock, SimClock, SimHttpClient, Simulator, WorldDefinition};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// A simulated AWS and the actions on it.
pub(crate) struct Bench {
    pub(crate) simulator: Arc<Simulator>,
    clock: Arc<ManualClock>,
    registry: Registry,
}

/// The reply to the first call of an operation is lost; what it did has happened.
pub(crate) fn reply_lost(service: &str, operation: &str) -> Fault {
    fault(service, operation, FaultKind::ReplyLost)
}

/// The first call of an operation goes wrong.
pub(crate) fn fault(service: &str, operation: &str, kind: FaultKind) -> Fault {
    Fault { service: service.into(), operation: operation.into(), when: When::Calls(vec![1]), kind }
}

impl Bench {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self::with(faults, |_| ())
    }

    /// A world that is not quite the default one.
    pub(crate) fn with(faults: Vec<Fault>, change: impl FnOnce(&mut WorldDefinition)) -> Self {
        let mut definition = WorldDefinition::named("default").expect("the embedded world");
        definition.faults = faults;
        change(&mut definition);
        let clock = Arc::new(ManualClock::new(definition.start));
        let simulator = Arc::new(Simulator::new(definition, 1, clock.clone(), None));
        let time = clock.clone();
        let aws = Arc::new(Aws::simulated(SimHttpClient::new(simulator.clone()), move || time.now()));
        let mut registry = Registry::default();
        lifeboat_aws::register(&mut registry, &aws);
        Self { simulator, clock, registry }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// What the Region holds now.
    pub(crate) fn region(&self) -> Region {
        let place = SimPlace { account: ACCOUNT.into(), region: REGION.into() };
        self.simulator.world().region(&place).clone()
    }

    /// The mutations that were asked for, in order.
    pub(crate) fn mutations(&self) -> Vec<String> {
        let calls = self.simulator.calls();
        calls.into_iter().filter(|call| call.mutating).map(|call| call.operation).collect()
    }

    /// Somebody else asks a service of awsJson for something, which must be accepted.
    pub(crate) fn somebody(&self, target: &str, service: &str, body: &serde_json::Value) {
        let scope = format!("Credential=AKIAEXAMPLE/20260105/{REGION}/{service}/aws4_request");
        let headers = BTreeMap::from([
            ("authorization".to_owned(), format!("AWS4-HMAC-SHA256 {scope}, X")),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target.to_owned()),
        ]);
        let (method, uri) = ("POST".to_owned(), "/".to_owned());
        let request = Request { method, uri, headers, body: body.to_string().into_bytes() };
        let response = self.simulator.handle(&request).outcome.expect("a reply");
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
    }

    /// A restore job of AWS Backup that was started by hand; its id.
    pub(crate) fn start_restore_job(&self, recovery_point: &str, instance: &str) -> String {
        let body = serde_json::json!({
            "RecoveryPointArn": recovery_point,
            "Metadata": { "DBInstanceIdentifier": instance },
            "IamRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"),
        });
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260105/{REGION}/backup/aws4_request, X");
        let request = Request {
            method: "PUT".into(),
            uri: "/restore-jobs".into(),
            headers: BTreeMap::from([("authorization".to_owned(), scope)]),
            body: body.to_string().into_bytes(),
        };
        let response = self.simulator.handle(&request).outcome.expect("a reply");
        let output: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        output["RestoreJobId"].as_str().expect("an id").to_owned()
    }

    /// A step of the action's own effect.
    pub(crate) fn step(&self, action: &str, with: &[(&str, Value)]) -> Try<'_> {
        let action = self.registry.action(action).expect("it is registered");
        let effect = action.spec().effect.unwrap_or(Effect::Modify);
        self.step_with(action, effect, with)
    }

    /// A step that says its own effect.
    pub(crate) fn step_saying(&self, action: &str, effect: Effect, with: &[(&str, Value)]) -> Try<'_> {
        self.step_with(self.registry.action(action).expect("it is registered"), effect, with)
    }

    fn step_with(&self, action: Arc<dyn Action>, effect: Effect, with: &[(&str, Value)]) -> Try<'_> {
        let notes = Arc::new(Heard::default());
        let now = self.clock.now();
        let cx = StepContext {
            run: RunId::new("k3v7qa2mxyz4567b"),
            runbook: "book".into(),
            path: StepPath::new("step"),
            attempt: 1,
            mode: Mode::Drill,
            effect: Some(effect),
            place: Place { account: ACCOUNT.into(), region: REGION.into() },
            with: with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            wait_for: None,
            run_started_at: now,
            prepared: Prepared::default(),
            recorded: Recorded { started_at: Some(now), ..Recorded::default() },
            now,
            notes: notes.clone(),
            adopted: false,
        };
        Try { bench: self, action, cx, notes }
    }
}

/// What the journal was told.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Note>>);

impl Notes for Heard {
    fn note(&self, _: &StepPath, _: u32, note: Note) -> Result<(), ActionError> {
        self.0.lock().expect("nobody panicked").push(note);
        Ok(())
    }
}

/// An attempt under way.
pub(crate) struct Try<'bench> {
    bench: &'bench Bench,
    pub(crate) action: Arc<dyn Action>,
    pub(crate) cx: StepContext,
    notes: Arc<Heard>,
}

impl Try<'_> {
    /// Reads what must be decided once.
    pub(crate) async fn prepare(&mut self) -> Result<(), ActionError> {
        self.cx.prepared = self.action.prepare(&self.cx).await?;
        Ok(())
    }

    /// The mutation of a stage.
    pub(crate) async fn act(&mut self, stage: Stage) -> Result<(), ActionError> {
        self.cx.now = self.bench.clock.now();
        let accepted = self.action.act(&self.cx, &stage).await?;
        self.cx.recorded.accepted.push((stage, self.cx.now, accepted.data));
        Ok(())
    }

    /// Prepares and acts; both must be well.
    pub(crate) async fn begin(&mut self) {
        self.prepare().await.expect("prepared");
        self.act(Stage::first()).await.expect("accepted");
    }

    /// Prepares and acts where the reply is lost: the outcome is unknown, and no failure.
    pub(crate) async fn begin_without_reply(&mut self) {
        self.prepare().await.expect("prepared");
        let error = self.act(Stage::first()).await.expect_err("no reply");
        assert_eq!(error.kind, lifeboat_engine::action::ErrorKind::Unknown, "{error:?}");
    }

    pub(crate) async fn seen(&mut self) -> Option<Seen> {
        self.cx.now = self.bench.clock.now();
        let watch = self.action.watches(&self.cx)?;
        let lookout = self.bench.registry.lookout(watch.kind).expect("its lookout");
        let seen = lookout.look(&watch.place, std::slice::from_ref(&watch.id)).await.expect("a look");
        seen.into_iter().next()
    }

    /// One look.
    pub(crate) async fn look(&mut self) -> Observation {
        let observation = match self.seen().await {
            Some(seen) => self.action.judge(&self.cx, &seen),
            None => self.action.observe(&self.cx).await.expect("a look"),
        };
        if let Observation::InProgress { state } | Observation::Asks { state, .. } = &observation {
            self.cx.recorded.states_seen.push(state.clone());
        }
        observation
    }

    /// Looks, and acts where that is next, until it is decided; at most three hours.
    pub(crate) async fn decided(&mut self) -> Observation {
        for _ in 0..2160 {
            match self.look().await {
                // Nobody is asked here: what asks waits until its time is over.
                Observation::InProgress { .. } | Observation::Asks { .. } | Observation::Unknown => {
                    self.bench.pass(5);
                }
                Observation::Next(stage) => self.act(stage).await.expect("accepted"),
                decided => return decided,
            }
        }
        panic!("still not decided: {:?}", self.cx.recorded.states_seen);
    }

    /// What it gives when it is ready.
    pub(crate) async fn ready(&mut self) -> Values {
        match self.decided().await {
            Observation::Ready(outputs) => outputs,
            other => panic!("not ready: {other:?}"),
        }
    }

    /// Takes it back, until it is seen to be gone.
    pub(crate) async fn undo(&mut self) {
        for _ in 0..2160 {
            let Some(seen) = self.seen().await else {
                self.action.undo(&self.cx, &Stage::first()).await.expect("taken back");
                return;
            };
            match self.action.judge_undo(&self.cx, &seen) {
                UndoObservation::Gone => return,
                UndoObservation::InProgress { .. } => self.bench.pass(5),
                UndoObservation::Failed { why } => panic!("{why}"),
                // What has no reply, or must wait for another state, is tried again later, as the engine does.
                UndoObservation::Next(stage) => match self.action.undo(&self.cx, &stage).await {
                    Ok(()) => self.cx.recorded.undo_accepted.push(stage),
                    Err(_) => self.bench.pass(5),
                },
            }
        }
        panic!("still there");
    }

    /// The notes so far.
    pub(crate) fn notes(&self) -> Vec<Note> {
        self.notes.0.lock().expect("nobody panicked").clone()
    }
}

/// A map of texts.
pub(crate) fn texts(fields: &[(&str, &str)]) -> Value {
    Value::Map(
        fields.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect::<BTreeMap<_, _>>(),
    )
}
