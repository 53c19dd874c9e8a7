//! The engine against a small world in memory: good ways, failures, and a process that dies at every moment.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Note, Observation, Place, Prepared, Stage, StepContext,
    UndoObservation,
};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::driver::{Engine, Identity, Outside, Stop};
use lifeboat_engine::log::{JournalLost, RunLog};
use lifeboat_engine::lookout::{Lookout, Seen, Watch};
use lifeboat_engine::name::Charset;
use lifeboat_engine::people::Nobody;
use lifeboat_engine::registry::Registry;
use lifeboat_engine::secrets::NoSecrets;
use lifeboat_engine::start::{self, Aim, Caller, Start};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Cloud, Draft, EventKind};
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::{MarkName, RunId, StepPath};
use lifeboat_runbook::plan::{
    Cleanup, Kind, Loss, MarkMoment, Mode, Objectives, Plan, Retry, Step, Target, Undo, Wait, Work,
};
use lifeboat_runbook::spec::{
    ActionSpec, Catalog, Effect, Output, Parameter, Readiness, Resource, Touch, Type,
};
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

// ---------------------------------------------------------------- a world

#[derive(Default)]
struct World {
    things: BTreeMap<String, Thing>,
    /// Accepted creations, by name: none may come twice.
    made: Vec<String>,
    /// The next creations are accepted, but their replies never arrive.
    lose_replies: u32,
    /// Things end in this state instead of `ready`.
    ends_in: Option<&'static str>,
    cannot_delete: bool,
}

struct Thing {
    tags: BTreeMap<String, String>,
    ready_at: DateTime<Utc>,
    gone_at: Option<DateTime<Utc>>,
    ends_in: Option<&'static str>,
}

type Shared = Arc<Mutex<World>>;

const MAKE: ActionSpec = ActionSpec {
    name: "test.make",
    summary: "Makes a thing.",
    effect: Some(Effect::Create),
    cut_over: false,
    parameters: &[Parameter::optional("size", Type::Integer, "How large.")],
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

const DELETE: ActionSpec = ActionSpec {
    name: "test.delete",
    effect: Some(Effect::Destroy),
    parameters: &[Parameter::required("thing", Type::String, "Which.")],
    outputs: &[],
    touches: &[Touch { effect: Effect::Destroy, parameter: "thing", kind: "test:thing" }],
    undo: None,
    ..MAKE
};

const PROBE: ActionSpec = ActionSpec {
    name: "test.probe",
    effect: Some(Effect::Read),
    parameters: &[Parameter::optional("fails", Type::Integer, "How often it fails first.")],
    outputs: &[Output::new("n", Type::Integer, "A number.")],
    readiness: &[],
    undo: None,
    ..MAKE
};

struct Make(Shared);
struct Delete(Shared);
struct Probe(Mutex<BTreeMap<StepPath, i64>>);
struct Things(Shared, Clock);

fn thing_watch(cx: &StepContext, id: String) -> Option<Watch> {
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
            if world.things.contains_key(&id) {
                return Err(ActionError::new(ErrorKind::Unknown, "AlreadyExists", "there is one"));
            }
            let ready_at = cx.now + TimeDelta::seconds(300);
            let ends_in = world.ends_in;
            world.things.insert(id.clone(), Thing { tags: cx.tags(), ready_at, gone_at: None, ends_in });
            world.made.push(id.clone());
            if world.lose_replies > 0 {
                world.lose_replies -= 1;
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
        let mut failed = self.0.lock().unwrap();
        let failed = failed.entry(cx.path.clone()).or_default();
        if cx.with.get("fails").and_then(Value::as_int).is_some_and(|fails| *failed < fails) {
            *failed += 1;
            return Err(ActionError::failed("connect", "refused"));
        }
        Ok(Observation::Ready(BTreeMap::from([("n".to_owned(), Value::Int(*failed))])))
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
        Duration::from_secs(1)
    }
    async fn look(&self, _: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let now = self.1.now();
        let mut world = self.0.lock().unwrap();
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

// ---------------------------------------------------------------- plans

fn step(id: &str, action: &'static ActionSpec, with: &[(&str, Value)]) -> Step {
    let with =
        with.iter().map(|(key, value)| ((*key).to_owned(), Template::literal(value.clone()))).collect();
    Step {
        id: id.into(),
        path: StepPath::new(id),
        name: None,
        description: None,
        source: 0,
        range: 0..0,
        work: Work::Action { action: action.name.into(), with, outputs: BTreeMap::new() },
        condition: None,
        needs: vec![],
        wait: Wait::default(),
        timeout: None,
        retry: None,
        assert: vec![],
        on_fail: None,
        on_failure: None,
        continue_on_error: false,
        undo: Undo::Default,
        commit: None,
        marks: BTreeMap::new(),
        recovery_point: None,
        region: None,
        target: None,
        effect: action.effect,
        touches: vec![],
        expect: None,
    }
}

fn expression(text: &str) -> Expression {
    Expression::parse(text, 0).unwrap()
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        sources: vec![],
        kind: Kind::Runbook,
        name: "book".into(),
        title: "Book".into(),
        description: None,
        owner: None,
        review: None,
        objectives: Objectives { rto: Some(TimeDelta::minutes(10)), rpo: None },
        loss: Loss::Outage,
        inputs: vec![],
        secrets: BTreeMap::new(),
        roles: BTreeMap::new(),
        target: Target::default(),
        allow: vec![],
        on_failure: None,
        preflight: vec![],
        steps,
        cleanup: Cleanup::Auto,
        outputs: BTreeMap::new(),
        not_yet: vec![],
    }
}

fn two_things_and_a_proof() -> Plan {
    let mut proof = step("proof", &PROBE, &[("fails", Value::Int(1))]);
    proof.retry = Some(Retry {
        attempts: 3,
        delay: TimeDelta::seconds(10),
        backoff: 2.0,
        max_delay: None,
        errors: vec![],
    });
    proof.assert = vec![expression("outputs.n >= 0 && steps.second.outputs.size == 7")];
    proof.marks = BTreeMap::from([(MarkMoment::Succeeded, MarkName::new("copy_verified"))]);
    let mut skipped = step("skipped", &MAKE, &[]);
    skipped.condition = Some(expression("run.mode == 'recovery'"));
    skipped.expect = Some(TimeDelta::seconds(60));
    plan(vec![step("first", &MAKE, &[]), step("second", &MAKE, &[("size", Value::Int(7))]), proof, skipped])
}

// ---------------------------------------------------------------- a journal that dies

#[derive(Clone, Default)]
struct Disk(Arc<Mutex<DiskState>>);

#[derive(Default)]
struct DiskState {
    /// What would be there after a loss of power.
    durable: Vec<u8>,
    written: Vec<u8>,
    syncs: u32,
    /// Die at this sync: before it has reached the disk, or behind it.
    die_at: Option<(u32, bool)>,
}

impl Storage for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().written.extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.syncs += 1;
        let dies = disk.die_at.filter(|(at, _)| *at == disk.syncs);
        if dies.is_none_or(|(_, behind)| behind) {
            disk.durable = disk.written.clone();
        }
        if dies.is_some() { Err(io::Error::other("killed")) } else { Ok(()) }
    }
    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

// ---------------------------------------------------------------- runs

const START: i64 = 1_767_603_600;

struct Bench {
    world: Shared,
    disk: Disk,
    plan: Plan,
    mode: Mode,
    clock: Clock,
    outside: Outside,
}

/// The account that the credentials belong to, as long as there are any.
struct SameAccount;

#[async_trait]
impl Identity for SameAccount {
    async fn account(&self, _: &str) -> Result<String, ActionError> {
        Ok("111122223333".to_owned())
    }
}

fn nobody() -> Outside {
    Outside {
        people: Arc::new(Nobody),
        secrets: Arc::new(NoSecrets),
        identity: Arc::new(SameAccount),
        blocked_limit: Some(Duration::from_secs(3600)),
    }
}

impl Bench {
    fn new(plan: Plan) -> Self {
        let clock = Clock::simulated(DateTime::from_timestamp(START, 0).unwrap());
        Self {
            world: Shared::default(),
            disk: Disk::default(),
            plan,
            mode: Mode::Drill,
            clock,
            outside: nobody(),
        }
    }

    async fn run(&self) -> Result<RunState, JournalLost> {
        self.run_until(None).await
    }

    async fn run_until(&self, stop_after: Option<Duration>) -> Result<RunState, JournalLost> {
        let run = RunId::new("k3v7qa2mxyz4567b");
        let bytes = self.disk.0.lock().unwrap().durable.clone();
        self.disk.0.lock().unwrap().written = bytes.clone();
        let read = chain::verify(&bytes).unwrap();
        assert!(read.torn.is_empty());
        let fresh = read.events.is_empty();
        let writer = JournalWriter::resume(Box::new(self.disk.clone()), run, &read);
        let log = Arc::new(RunLog::new(self.clock.clone(), writer, read.events, vec![]));
        let start = self.start();
        let aim = Aim { account: Some("111122223333".into()), region: "eu-west-1".into() };
        let caller =
            Ok(Caller { account: "111122223333".into(), arn: "arn:aws:iam::111122223333:user/alice".into() });
        if fresh {
            start::begin(&log, &self.plan, &start, &aim, &caller)?;
        } else {
            log.append(vec![Draft::run(EventKind::RunResumed { version: "test".into(), away_s: 0.0 })])?;
        }
        let (ask, stop) = watch::channel(None);
        if let Some(after) = stop_after {
            let clock = self.clock.clone();
            tokio::spawn(async move {
                clock.sleep(after).await;
                ask.send(Some(Stop { by: "SIGINT".to_owned(), why: None, undo: None })).unwrap();
            });
        }
        let engine = Engine {
            plan: Arc::new(self.plan.clone()),
            catalog: catalog(),
            registry: self.registry(),
            clock: self.clock.clone(),
            log: log.clone(),
            permitted: vec![],
            confirmed: BTreeSet::new(),
            outside: self.outside.clone(),
            stop,
        };
        engine.run().await?;
        let events = log.events();
        let state = log.with_state(Clone::clone);
        assert_eq!(RunState::of(&events), state, "the fold of the journal is the live state");
        Ok(state)
    }

    fn start(&self) -> Start {
        Start {
            mode: self.mode,
            cloud: Cloud::Aws,
            inputs: BTreeMap::new(),
            version: "test".into(),
            operator: "alice".into(),
            host: "ship".into(),
            digests: vec![],
            disrupted_at: None,
            previous_head: None,
            default_region: None,
        }
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.add_action(Arc::new(Make(self.world.clone())));
        registry.add_action(Arc::new(Delete(self.world.clone())));
        registry.add_action(Arc::new(Probe(Mutex::default())));
        registry.add_lookout(Arc::new(Things(self.world.clone(), self.clock.clone())));
        registry
    }

    fn made(&self) -> Vec<String> {
        self.world.lock().unwrap().made.clone()
    }

    fn left(&self) -> usize {
        let now = self.clock.now();
        self.world
            .lock()
            .unwrap()
            .things
            .values()
            .filter(|thing| thing.gone_at.is_none_or(|gone| gone > now))
            .count()
    }
}

fn catalog() -> Catalog {
    Catalog::new([&MAKE, &DELETE, &PROBE])
}

fn assert_clean_pass(bench: &Bench, state: &RunState, moment: &str) {
    let outcome =
        state.outcome.as_ref().unwrap_or_else(|| panic!("{moment}: not finished: {:?}", state.paused));
    assert_eq!(outcome.verdict, Verdict::Passed, "{moment}");
    assert!(outcome.left_behind.is_empty() && outcome.kept.is_empty(), "{moment}: {outcome:?}");
    assert_eq!(bench.left(), 0, "{moment}");
    let made = bench.made();
    assert_eq!(made.len(), 2, "{moment}: each creation was accepted once: {made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drill_passes_and_takes_away_what_it_made() {
    let bench = Bench::new(two_things_and_a_proof());
    let state = bench.run().await.unwrap();
    assert_clean_pass(&bench, &state, "undisturbed");
    assert_eq!(state.steps[&StepPath::new("proof")].attempts_failed, 1);
    assert_eq!(state.steps[&StepPath::new("skipped")].status.word(), "skipped");
    let time = state.recovery_time.as_ref().unwrap();
    assert_eq!(time.not_rehearsed, [StepPath::new("skipped")]);
    assert_eq!(time.estimated_total_s, time.actual_s.map(|actual| actual + 60.0));
    // 2 × 300 s of making and 10 s before the second probe exceed the objective of 10 minutes.
    assert_eq!(time.met, Some(false));
    assert_eq!(state.outcome.unwrap().exit_code(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_process_may_die_at_every_moment() {
    for lose_replies in [0, 2] {
        let whole = Bench::new(two_things_and_a_proof());
        whole.world.lock().unwrap().lose_replies = lose_replies;
        whole.run().await.unwrap();
        let syncs = whole.disk.0.lock().unwrap().syncs;
        assert!(syncs > 20);
        for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
            let moment = format!("lost {lose_replies}, killed at sync {at} (behind it: {behind})");
            let bench = Bench::new(two_things_and_a_proof());
            bench.world.lock().unwrap().lose_replies = lose_replies;
            bench.disk.0.lock().unwrap().die_at = Some((at, behind));
            assert!(bench.run().await.is_err(), "{moment}");
            let state = bench.run().await.unwrap();
            assert_clean_pass(&bench, &state, &moment);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_breaks_is_taken_back_in_a_drill_and_left_in_a_recovery() {
    for (mode, left) in [(Mode::Drill, 0), (Mode::Recovery, 2)] {
        let mut plan = two_things_and_a_proof();
        plan.steps[2].assert = vec![expression("outputs.n > 100")];
        let bench = Bench { mode, ..Bench::new(plan) };
        let state = bench.run().await.unwrap();
        assert_eq!(bench.left(), left, "{mode:?}");
        match mode {
            Mode::Drill => {
                let outcome = state.outcome.unwrap();
                assert_eq!(outcome.verdict, Verdict::Failed { step: StepPath::new("proof") });
                assert_eq!(outcome.exit_code(), 1);
            }
            Mode::Recovery => {
                assert!(state.outcome.is_none() && state.paused.unwrap().why.contains("outputs.n is 1"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_thing_is_undone_before_it_is_tried_again() {
    let mut plan = two_things_and_a_proof();
    plan.steps.truncate(1);
    plan.steps[0].retry = Some(Retry {
        attempts: 2,
        delay: TimeDelta::seconds(1),
        backoff: 1.0,
        max_delay: None,
        errors: vec![],
    });
    let bench = Bench::new(plan);
    bench.world.lock().unwrap().ends_in = Some("broken");
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().exit_code(), 1);
    let made = bench.made();
    assert_eq!((made.len(), bench.left()), (2, 0));
    assert_ne!(made[0], made[1], "a new attempt has a new name");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_is_named() {
    let mut plan = two_things_and_a_proof();
    plan.steps.truncate(1);
    let bench = Bench::new(plan);
    bench.world.lock().unwrap().cannot_delete = true;
    let outcome = bench.run().await.unwrap().outcome.unwrap();
    assert_eq!(outcome.exit_code(), 6);
    assert_eq!(outcome.left_behind.iter().map(|left| &left.id).collect::<Vec<_>>(), [&bench.made()[0]]);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_by_a_lost_reply_is_named_too() {
    let mut plan = two_things_and_a_proof();
    plan.steps.truncate(1);
    let bench = Bench::new(plan);
    bench.world.lock().unwrap().lose_replies = 1;
    bench.world.lock().unwrap().cannot_delete = true;
    let outcome = bench.run().await.unwrap().outcome.unwrap();
    assert_eq!((outcome.exit_code(), outcome.left_behind.len()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_takes_back_a_drill_and_leaves_a_recovery() {
    for (mode, left) in [(Mode::Drill, 0), (Mode::Recovery, 1)] {
        let bench = Bench { mode, ..Bench::new(two_things_and_a_proof()) };
        let state = bench.run_until(Some(Duration::from_secs(100))).await.unwrap();
        assert_eq!(bench.left(), left, "{mode:?}");
        match mode {
            Mode::Drill => assert_eq!(state.outcome.unwrap().exit_code(), 5),
            Mode::Recovery => {
                assert!(state.outcome.is_none() && state.paused.unwrap().why.contains("SIGINT"));
                let outcome = bench.run().await.unwrap().outcome.unwrap();
                assert_eq!(
                    (outcome.verdict, outcome.kept.len()),
                    (Verdict::Passed, 3),
                    "resumed, and nothing lost"
                );
                assert_eq!(
                    bench.made().len(),
                    3,
                    "what was being made when it was stopped is not made again"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drill_does_not_delete_what_it_did_not_make() {
    let plan = plan(vec![step("oops", &DELETE, &[("thing", "production".into())])]);
    let bench = Bench::new(plan);
    let ready_at = bench.clock.now();
    let production = Thing { tags: BTreeMap::new(), ready_at, gone_at: None, ends_in: None };
    bench.world.lock().unwrap().things.insert("production".into(), production);
    let state = bench.run().await.unwrap();
    assert_eq!(bench.left(), 1);
    let failure = state.steps[&StepPath::new("oops")].status.failure().unwrap().clone();
    assert_eq!(failure.code, "drill_guard");
    assert!(failure.refused && state.outcome.unwrap().exit_code() == 1);
}

#[tokio::test(start_paused = true)]
async fn the_wrong_account_is_refused_before_anything() {
    let bench = Bench::new(two_things_and_a_proof());
    let writer = JournalWriter::create(Box::new(bench.disk.clone()), RunId::new("k3v7qa2mxyz4567b"));
    let log = Arc::new(RunLog::new(bench.clock.clone(), writer, vec![], vec![]));
    let aim = Aim { account: Some("999999999999".into()), region: "eu-west-1".into() };
    let caller = Ok(Caller { account: "111122223333".into(), arn: "arn".into() });
    start::begin(&log, &bench.plan, &bench.start(), &aim, &caller).unwrap();
    let state = bench_state(&bench, log).await;
    assert_eq!(state.outcome.unwrap().exit_code(), 7);
    assert!(bench.made().is_empty());
}

async fn bench_state(bench: &Bench, log: Arc<RunLog>) -> RunState {
    let (_ask, stop) = watch::channel(None);
    let engine = Engine {
        plan: Arc::new(bench.plan.clone()),
        catalog: catalog(),
        registry: bench.registry(),
        clock: bench.clock.clone(),
        log: log.clone(),
        permitted: vec![],
        confirmed: BTreeSet::new(),
        outside: bench.outside.clone(),
        stop,
    };
    engine.run().await.unwrap();
    log.with_state(Clone::clone)
}
