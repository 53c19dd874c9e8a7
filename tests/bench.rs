//! The program's rooms without its command line: runs and single actions against a simulated AWS whose world and faults
//! the test chooses. The way to it is the real SDK.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lifeboat_aws::Aws;
use lifeboat_engine::action::{
    Action, ActionError, Note, Notes, Observation, Place, Prepared, Recorded, Stage, StepContext,
    UndoObservation, Values,
};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::driver::{Engine, Identity, Outside};
use lifeboat_engine::inputs;
use lifeboat_engine::lock::NoLock;
use lifeboat_engine::locking::Locking;
use lifeboat_engine::log::RunLog;
use lifeboat_engine::lookout::Seen;
use lifeboat_engine::people::{Given, Nobody, Open, People};
use lifeboat_engine::registry::Registry;
use lifeboat_engine::secrets::NoSecrets;
use lifeboat_engine::start::{self, Caller, Start};
use lifeboat_journal::event::Cloud;
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::Target;
use lifeboat_runbook::check::{Files, check};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::value::Value;

use lifeboat_sim::wire::Request;
use lifeboat_sim::world::{Place as SimPlace, Region, World};
use lifeboat_sim::{Call, SimClock, SimHttpClient, Simulator, WorldDefinition, WorldEntry, WorldLog};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";

/// A simulated AWS and everything that can be done in it. Must be made where tokio's clock is paused.
pub(crate) struct Bench {
    pub(crate) simulator: Arc<Simulator>,
    pub(crate) clock: Clock,
    pub(crate) log: Arc<Entries>,
    registry: Registry,
    /// Who is asked.
    people: Arc<dyn People>,
    /// Which of the simulator's calls somebody else made.
    by_others: Mutex<BTreeSet<usize>>,
}

/// What changed the world, in order.
#[derive(Debug, Default)]
pub(crate) struct Entries(Mutex<Vec<WorldEntry>>);

impl Entries {
    pub(crate) fn all(&self) -> Vec<WorldEntry> {
        self.0.lock().expect("no test panics with the lock").clone()
    }
}

impl WorldLog for Entries {
    fn append(&self, entry: &WorldEntry) -> io::Result<()> {
        self.0.lock().expect("no test panics with the lock").push(entry.clone());
        Ok(())
    }
}

/// These people to ask, no secrets, and the account of the world.
fn outside(people: Arc<dyn People>) -> Outside {
    Outside {
        people,
        secrets: Arc::new(NoSecrets),
        identity: Arc::new(SameAccount),
        blocked_limit: Some(Duration::from_secs(3600)),
        lock: Locking { place: Arc::new(NoLock), by_force: None },
    }
}

/// Somebody who approves whatever is asked.
struct Approves;

#[async_trait]
impl People for Approves {
    async fn answer(&self, _: &Open) -> Option<Given> {
        Some(Given { by: "bob".to_owned(), choice: "approve".to_owned(), ..Given::default() })
    }

    fn refuse(&self, open: &Open, _: &Given, problem: &str) {
        panic!("the answer to {} does not fit: {problem}", open.step);
    }
}

struct SameAccount;

#[async_trait]
impl Identity for SameAccount {
    async fn caller(&self, _: &Target) -> Result<Caller, ActionError> {
        Ok(Caller { account: ACCOUNT.to_owned(), arn: String::new(), before: None })
    }
}

/// What became of a run.
pub(crate) struct Ran {
    pub(crate) state: RunState,
}

pub(crate) fn catalog() -> Catalog {
    Catalog::new(lifeboat_aws::catalog().into_iter().chain(lifeboat_probe::catalog()))
}

pub(crate) fn world(name: &str) -> WorldDefinition {
    WorldDefinition::named(name).expect("an embedded world")
}

/// A plan, or a panic that shows what is wrong with it.
pub(crate) fn plan(text: &str) -> Plan {
    let source = Source { name: "test.yaml".into(), text: text.into() };
    let checked = check(source, &catalog(), &NoFiles, None);
    checked.plan.unwrap_or_else(|| panic!("{:#?}\n{text}", checked.diagnostics))
}

impl Bench {
    pub(crate) fn new(definition: WorldDefinition, seed: u64) -> Self {
        let clock = Clock::simulated(definition.start);
        let log = Arc::new(Entries::default());
        let time = Arc::new(RunClock(clock.clone()));
        let simulator = Simulator::new(definition, seed, time, Some(log.clone()));
        let simulator = Arc::new(simulator);
        let time = clock.clone();
        let aws = Arc::new(Aws::simulated(SimHttpClient::new(simulator.clone()), move || time.now()));
        let mut registry = Registry::default();
        lifeboat_aws::register(&mut registry, &aws);
        lifeboat_probe::register(&mut registry, crate::simulated_ports::ports(&simulator, &clock, false));
        Self { simulator, clock, log, registry, people: Arc::new(Nobody), by_others: Mutex::default() }
    }

    /// The same with somebody there who approves whatever is asked.
    pub(crate) fn with_approval(self) -> Self {
        Self { people: Arc::new(Approves), ..self }
    }

    /// Runs a runbook with these inputs. In a recovery everything may be destroyed that `confirmed` names.
    pub(crate) async fn run(
        &self,
        text: &str,
        mode: Mode,
        given: &[(&str, &str)],
        confirmed: &[&str],
    ) -> Ran {
        let (plan, catalog) = (plan(text), catalog());
        let began = self.clock.now();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        let inputs = inputs::resolve(&plan.inputs, &given.collect()).expect("good inputs");
        let start = self.start(mode, inputs, &plan);
        let aim = start::aim(&plan, &catalog, &start, began).expect("an aim");
        let arn = "arn:aws:iam::111122223333:user/alice".to_owned();
        let caller = Ok(Caller { account: ACCOUNT.to_owned(), arn, before: None });
        let writer = JournalWriter::create(Box::new(Nowhere), RunId::new("k3v7qa2mxyz4567b"));
        let log = Arc::new(RunLog::new(self.clock.clone(), writer, Vec::new(), Vec::new()));
        start::begin(&log, &plan, &start, &aim, &caller).expect("a journal");
        let permitted = log.with_state(|state| start::permitted(&plan, &catalog, state, began));
        let (_ask, stop) = watch::channel(None);
        let engine = Engine {
            plan: Arc::new(plan),
            catalog,
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            log: log.clone(),
            permitted: permitted.expect("`allow` has values"),
            confirmed: confirmed.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
            until: None,
            outside: outside(self.people.clone()),
            stop,
        };
        engine.run().await.expect("a journal");
        Ran { state: log.with_state(Clone::clone) }
    }

    fn start(&self, mode: Mode, inputs: Values, plan: &Plan) -> Start {
        Start {
            mode,
            cloud: Cloud::Simulated { world: "test".into(), seed: 0 },
            inputs,
            version: "test".into(),
            operator: "alice".into(),
            host: "test".into(),
            digests: plan.sources.iter().map(|_| String::new()).collect(),
            disrupted_at: (mode == Mode::Recovery).then(|| self.clock.now()),
            previous_head: None,
            roles: BTreeMap::new(),
            people: BTreeMap::new(),
            default_region: Some(REGION.into()),
            target: None,
        }
    }

    /// Somebody else asks AWS for something; gives the reply, which must be good.
    pub(crate) fn somebody(
        &self,
        service: &str,
        (method, path): (&str, &str),
        target: Option<&str>,
        body: &serde_json::Value,
    ) -> serde_json::Value {
        let scope = format!("Credential=AKIAEXAMPLE/20260105/{REGION}/{service}/aws4_request");
        let mut headers = BTreeMap::from([
            ("authorization".to_owned(), format!("AWS4-HMAC-SHA256 {scope}, X")),
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ]);
        headers.extend(target.map(|target| ("x-amz-target".to_owned(), target.to_owned())));
        let (method, uri) = (method.to_owned(), path.to_owned());
        let request = Request { method, uri, headers, body: body.to_string().into_bytes() };
        let number = self.simulator.calls().len();
        self.by_others.lock().expect("no test panics with the lock").insert(number);
        let response = self.simulator.handle(&request).outcome.expect("a reply");
        assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
        serde_json::from_slice(&response.body).expect("JSON")
    }

    /// What was asked of AWS so far, but for what somebody else did.
    fn calls(&self) -> Vec<Call> {
        let others = self.by_others.lock().expect("no test panics with the lock");
        let calls = self.simulator.calls().into_iter().enumerate();
        calls.filter(|(number, _)| !others.contains(number)).map(|(_, call)| call).collect()
    }

    /// What AWS was asked so far, by name.
    pub(crate) fn operations(&self) -> BTreeSet<String> {
        // Requests to CloudWatch are signed as `monitoring`, and permitted as `cloudwatch`.
        let prefix =
            |service: String| if service == "monitoring" { "cloudwatch".to_owned() } else { service };
        let calls = self.calls().into_iter();
        calls.map(|call| format!("{}:{}", prefix(call.service), call.operation)).collect()
    }

    /// How often an operation took effect, its reply lost or not.
    pub(crate) fn effects(&self, operation: &str) -> usize {
        let calls = self.calls();
        let took_effect = |status: Option<u16>| status.is_none_or(|status| status == 200);
        calls.iter().filter(|call| call.operation == operation && took_effect(call.status)).count()
    }

    /// What the Region of the tests holds now.
    pub(crate) fn region(&self) -> Region {
        let place = SimPlace { account: ACCOUNT.into(), region: REGION.into() };
        self.world().region(&place).clone()
    }

    pub(crate) fn world(&self) -> World {
        self.simulator.world()
    }

    /// A single action by hand, as the first attempt of a step, with its parameters read from text where they are typed.
    pub(crate) fn hand(&self, name: &str, mode: Mode, with: Values, wait_for: Option<&str>) -> Hand<'_> {
        let action = self.registry.action(name).unwrap_or_else(|| panic!("no action {name}"));
        let spec = action.spec();
        let with = with.into_iter().map(|(key, value)| {
            let kind = spec.parameter(&key).unwrap_or_else(|| panic!("{name} has no {key}")).kind;
            (key, kind.read(value).expect("a value of its type"))
        });
        let cx = StepContext {
            run: RunId::new("k3v7qa2mxyz4567b"),
            runbook: "scenario".into(),
            path: StepPath::new("it"),
            attempt: 1,
            mode,
            effect: spec.effect,
            place: Place { account: ACCOUNT.into(), region: REGION.into() },
            with: with.collect(),
            wait_for: wait_for.map(str::to_owned),
            run_started_at: self.clock.now(),
            prepared: Prepared::default(),
            recorded: Recorded::default(),
            now: self.clock.now(),
            notes: Arc::new(NoNotes),
            adopted: false,
        };
        Hand { bench: self, action, cx }
    }
}

/// An action that a test performs and takes back step by step.
pub(crate) struct Hand<'bench> {
    bench: &'bench Bench,
    pub(crate) action: Arc<dyn Action>,
    pub(crate) cx: StepContext,
}

/// Looks more often than this mean that nothing will come of it.
const MOST_LOOKS: usize = 5000;

impl Hand<'_> {
    pub(crate) async fn prepare(&mut self) {
        self.cx.prepared = self.action.prepare(&self.cx).await.expect("it can be prepared");
        self.cx.recorded.started_at = Some(self.bench.clock.now());
    }

    pub(crate) async fn act(&mut self, stage: &Stage) -> Result<(), ActionError> {
        self.cx.now = self.bench.clock.now();
        let accepted = self.action.act(&self.cx, stage).await?;
        self.cx.recorded.accepted.push((stage.clone(), self.bench.clock.now(), accepted.data));
        Ok(())
    }

    async fn look(&mut self) -> Seen {
        self.bench.clock.sleep(Duration::from_secs(5)).await;
        let watch = self.action.watches(&self.cx).expect("it is watched");
        let lookout = self.bench.registry.lookout(watch.kind).expect("a lookout");
        let looked = lookout.look(&watch.place, &[watch.id]).await.expect("AWS answers");
        self.cx.now = self.bench.clock.now();
        looked.into_iter().next().expect("one for each")
    }

    /// Looks until it is decided, and makes the mutations that come next.
    pub(crate) async fn settle(&mut self) -> Observation {
        for _ in 0..MOST_LOOKS {
            let observation = if self.action.watches(&self.cx).is_some() {
                let seen = self.look().await;
                let observation = self.action.judge(&self.cx, &seen);
                let state = seen.state.filter(|state| self.cx.recorded.states_seen.last() != Some(state));
                self.cx.recorded.states_seen.extend(state);
                observation
            } else {
                self.bench.clock.sleep(Duration::from_secs(5)).await;
                self.cx.now = self.bench.clock.now();
                self.action.observe(&self.cx).await.expect("AWS answers")
            };
            match observation {
                Observation::Next(stage) => self.act(&stage).await.expect("the next mutation is accepted"),
                Observation::InProgress { .. } | Observation::Unknown | Observation::Absent => {}
                decided => return decided,
            }
        }
        panic!("{} comes to no end: {:?}", self.action.spec().name, self.cx.recorded.states_seen)
    }

    /// Takes it back, as if nobody had begun to.
    pub(crate) async fn take_back(&mut self) -> UndoObservation {
        self.cx.recorded.undo_accepted.clear();
        for _ in 0..MOST_LOOKS {
            let seen = self.look().await;
            match self.action.judge_undo(&self.cx, &seen) {
                UndoObservation::InProgress { .. } => {}
                UndoObservation::Next(stage) => match self.action.undo(&self.cx, &stage).await {
                    Ok(()) => self.cx.recorded.undo_accepted.push(stage),
                    // Not in this state: later.
                    Err(error) => {
                        assert!(error.kind == lifeboat_engine::action::ErrorKind::Transient, "{error:?}")
                    }
                },
                decided => return decided,
            }
        }
        panic!("{} cannot be taken back", self.action.spec().name)
    }
}

#[derive(Debug)]
struct RunClock(Clock);

impl SimClock for RunClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// A journal that nobody reads again.
struct Nowhere;

impl Storage for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

struct NoNotes;

impl Notes for NoNotes {
    fn note(&self, _: &StepPath, _: u32, _: Note) -> Result<(), ActionError> {
        Ok(())
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> Result<String, String> {
        Err(format!("a test has no file {name}"))
    }
}

/// Values by name.
pub(crate) fn values<const N: usize>(values: [(&str, Value); N]) -> Values {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>()
}
