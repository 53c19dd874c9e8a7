//! A run on the bench: a plan, a world, a journal that can die.

use crate::beside::{Alarms, DOOR, Door};
use crate::permit::{Askers, PERMIT, Permit};
use crate::world::{DELETE, Delete, ECHO, Echo, MAKE, Make, PROBE, Probe, Shared, Things};
use async_trait::async_trait;
use chrono::DateTime;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::chart::Chart;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::decide::{Command, Decider, decide};
use lifeboat_engine::driver::{Engine, Identity, Outside, Stop};
use lifeboat_engine::lock::NoLock;
use lifeboat_engine::locking::Locking;
use lifeboat_engine::log::{JournalLost, Observer, RunLog};
use lifeboat_engine::people::Nobody;
use lifeboat_engine::registry::Registry;
use lifeboat_engine::secrets::NoSecrets;
use lifeboat_engine::start::{self, Aim, Caller, Start};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Actor, Cloud, Draft, Event, EventKind};
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::Catalog;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

#[derive(Clone, Default)]
pub(crate) struct Disk(pub(crate) Arc<Mutex<DiskState>>);

#[derive(Default)]
pub(crate) struct DiskState {
    /// What would be there after a loss of power.
    pub(crate) durable: Vec<u8>,
    pub(crate) written: Vec<u8>,
    pub(crate) syncs: u32,
    /// Die at this sync: before it has reached the disk, or behind it.
    pub(crate) die_at: Option<(u32, bool)>,
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

pub(crate) const START: i64 = 1_767_603_600;

pub(crate) struct Bench {
    pub(crate) world: Shared,
    pub(crate) disk: Disk,
    pub(crate) plan: Plan,
    pub(crate) mode: Mode,
    pub(crate) clock: Clock,
    /// The clock of the world, where it is not that of the machine.
    pub(crate) sky: Clock,
    pub(crate) outside: Outside,
    /// Who holds which role.
    pub(crate) roles: BTreeMap<String, String>,
    /// Whether deciding event by event is held against deciding from scratch.
    pub(crate) twin: bool,
    /// How often `test.echo` was asked.
    pub(crate) echoes: Arc<Mutex<u32>>,
}

/// The account that the credentials belong to, as long as there are any.
pub(crate) struct SameAccount;

#[async_trait]
impl Identity for SameAccount {
    async fn caller(&self, _: &Target) -> Result<Caller, ActionError> {
        Ok(Caller { account: "111122223333".to_owned(), arn: String::new(), before: None })
    }
}

pub(crate) fn nobody() -> Outside {
    Outside {
        people: Arc::new(Nobody),
        secrets: Arc::new(NoSecrets),
        identity: Arc::new(SameAccount),
        blocked_limit: Some(Duration::from_secs(3600)),
        lock: Locking { place: Arc::new(NoLock), by_force: None },
    }
}

impl Bench {
    pub(crate) fn new(plan: Plan) -> Self {
        let clock = Clock::simulated(DateTime::from_timestamp(START, 0).unwrap());
        Self {
            world: Shared::default(),
            disk: Disk::default(),
            plan,
            mode: Mode::Drill,
            sky: clock.clone(),
            clock,
            outside: nobody(),
            roles: BTreeMap::new(),
            twin: true,
            echoes: Arc::default(),
        }
    }

    pub(crate) async fn run(&self) -> Result<RunState, JournalLost> {
        self.drive(None, vec![]).await
    }

    pub(crate) async fn run_until(&self, stop_after: Option<Duration>) -> Result<RunState, JournalLost> {
        self.drive(stop_after, vec![]).await
    }

    /// Takes the run up with an order.
    pub(crate) async fn order(&self, step: &str, kind: EventKind) -> RunState {
        let draft = Draft { step: Some(StepPath::new(step)), ..Draft::run(kind) };
        self.drive(None, vec![draft.by(Actor::person("bob"))]).await.unwrap()
    }

    /// Takes the run up, with something that was asked of the run.
    pub(crate) async fn ask(&self, kind: EventKind) -> RunState {
        self.drive(None, vec![Draft::run(kind).by(Actor::person("bob"))]).await.unwrap()
    }

    async fn drive(&self, stop_after: Option<Duration>, orders: Vec<Draft>) -> Result<RunState, JournalLost> {
        let run = RunId::new("k3v7qa2mxyz4567b");
        let bytes = self.disk.0.lock().unwrap().durable.clone();
        self.disk.0.lock().unwrap().written = bytes.clone();
        let read = chain::verify(&bytes).unwrap();
        assert!(read.torn.is_empty());
        let fresh = read.events.is_empty();
        let writer = JournalWriter::resume(Box::new(self.disk.clone()), run, &read);
        let twin: Vec<Box<dyn Observer>> = match self.twin {
            true => vec![Box::new(Twin::new(&self.plan, &RunState::of(&read.events)))],
            false => vec![],
        };
        let log = Arc::new(RunLog::new(self.clock.clone(), writer, read.events, twin));
        let start = self.start();
        let aim = Aim { account: Some("111122223333".into()), region: "eu-west-1".into(), ..Aim::default() };
        let caller = Ok(Caller {
            account: "111122223333".into(),
            arn: "arn:aws:iam::111122223333:user/alice".into(),
            before: None,
        });
        if fresh {
            start::begin(&log, &self.plan, &start, &aim, &caller)?;
        } else {
            log.append(vec![Draft::run(EventKind::RunResumed {
                version: "test".into(),
                away_s: 0.0,
                by: None,
            })])?;
            log.append(orders)?;
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
            until: None,
            outside: self.outside.clone(),
            stop,
        };
        engine.run().await?;
        let events = log.events();
        let state = log.with_state(Clone::clone);
        assert_eq!(RunState::of(&events), state, "the fold of the journal is the live state");
        Ok(state)
    }

    pub(crate) fn start(&self) -> Start {
        Start {
            mode: self.mode,
            cloud: Cloud::Aws,
            inputs: lifeboat_engine::inputs::resolve(&self.plan.inputs, &BTreeMap::new()).unwrap(),
            version: "test".into(),
            operator: "alice".into(),
            host: "ship".into(),
            digests: vec![],
            disrupted_at: None,
            previous_head: None,
            default_region: None,
            roles: self.roles.clone(),
            people: BTreeMap::new(),
            target: None,
        }
    }

    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.add_action(Arc::new(Make(self.world.clone())));
        registry.add_action(Arc::new(Delete(self.world.clone())));
        registry.add_action(Arc::new(Probe));
        registry.add_action(Arc::new(Door(self.world.clone(), self.clock.clone())));
        registry.add_lookout(Arc::new(Alarms(self.world.clone(), self.clock.clone())));
        registry.add_action(Arc::new(Echo(self.echoes.clone())));
        registry.add_action(Arc::new(Permit(self.world.clone())));
        registry.add_lookout(Arc::new(Askers(self.world.clone(), self.sky.clone())));
        registry.add_lookout(Arc::new(Things(self.world.clone(), self.sky.clone())));
        registry
    }

    /// Everything that is in the journal.
    pub(crate) fn events(&self) -> Vec<Event> {
        chain::verify(&self.disk.0.lock().unwrap().durable).unwrap().events
    }

    pub(crate) fn made(&self) -> Vec<String> {
        self.world.lock().unwrap().made.clone()
    }

    /// The journal as it would be found after a loss of power.
    pub(crate) fn journal(&self) -> String {
        String::from_utf8(self.disk.0.lock().unwrap().durable.clone()).unwrap()
    }

    pub(crate) fn left(&self) -> usize {
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

/// Decides event by event, and compares with deciding from scratch after each.
struct Twin {
    plan: &'static Plan,
    catalog: &'static Catalog,
    decider: Decider<'static>,
    /// What it was told and is due still.
    told: Vec<Command>,
}

impl Twin {
    fn new(plan: &Plan, state: &RunState) -> Self {
        // A test may leak what an observer, who lives as long as it likes, must borrow.
        let plan: &Plan = Box::leak(Box::new(plan.clone()));
        let catalog: &Catalog = Box::leak(Box::new(catalog()));
        let chart: &Chart = Box::leak(Box::new(Chart::of(plan)));
        let mut decider = Decider::new(plan, chart, catalog, state);
        let told = decider.on(&[], state);
        Self { plan, catalog, decider, told }
    }
}

fn sorted(commands: &[Command]) -> Vec<String> {
    let mut sorted: Vec<String> = commands.iter().map(|command| format!("{command:?}")).collect();
    sorted.sort();
    sorted
}

impl Observer for Twin {
    fn event(&mut self, event: &Event, state: &RunState) {
        let news = self.decider.on(std::slice::from_ref(event), state);
        let from_scratch = decide(self.plan, self.catalog, state);
        let due = self.decider.due(state);
        let told = || format!("after {} {:?} of {:?}", event.seq, event.kind, event.step);
        assert_eq!(sorted(&due), sorted(&from_scratch), "{}", told());
        self.told.extend(news);
        self.told.retain(|command| due.contains(command));
        self.told.dedup();
        for command in &due {
            assert!(self.told.contains(command), "{}: not told of {command:?}", told());
        }
    }
}

pub(crate) fn catalog() -> Catalog {
    Catalog::new([&MAKE, &DELETE, &PROBE, &ECHO, &PERMIT, &DOOR])
}
