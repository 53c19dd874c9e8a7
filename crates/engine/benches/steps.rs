//! What it costs to drive steps that do nothing: processor time and memory of one run, by the number of its steps.
//!
//! `cargo bench -p lifeboat-engine --bench steps -- sequence 10000` drives one run and prints a line; `scripts/bench-engine`
//! compares several. A run is a process of its own, so that its memory is its own.

use async_trait::async_trait;
use chrono::DateTime;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_engine::clock::Clock;
use lifeboat_engine::driver::{Engine, Identity, Outside};
use lifeboat_engine::lock::NoLock;
use lifeboat_engine::locking::Locking;
use lifeboat_engine::log::RunLog;
use lifeboat_engine::people::Nobody;
use lifeboat_engine::registry::Registry;
use lifeboat_engine::secrets::NoSecrets;
use lifeboat_engine::start::{self, Aim, Caller, Start};
use lifeboat_journal::event::Cloud;
use lifeboat_journal::file::{JournalWriter, Storage};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::target::Target;
use lifeboat_runbook::check::{Files, check};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use tokio::sync::watch;

const NOTHING: ActionSpec = ActionSpec {
    name: "bench.nothing",
    summary: "Does nothing.",
    effect: Some(Effect::Read),
    cut_over: false,
    parameters: &[],
    outputs: &[],
    touches: &[],
    readiness: &[],
    failure_states: &[],
    calls: &[],
    dependent: &[],
    typical: &[],
    timeout_seconds: 60,
    undo: None,
};

struct Nothing;

#[async_trait]
impl Action for Nothing {
    fn spec(&self) -> &'static ActionSpec {
        &NOTHING
    }
    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Ready(BTreeMap::new()))
    }
}

struct Someone;

#[async_trait]
impl Identity for Someone {
    async fn caller(&self, _: &Target) -> Result<Caller, ActionError> {
        Ok(Caller { account: "111122223333".to_owned(), arn: String::new(), before: None })
    }
}

struct Alone;

impl Files for Alone {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no such file".to_owned())
    }
}

/// A journal that is written and never synced: what the disk takes is not what is measured here.
struct Unsynced(BufWriter<File>);

impl Storage for Unsynced {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn set_head(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

fn text(shape: &str, steps: usize) -> String {
    let step =
        |indent: &str, number: usize| format!("{indent}- {{ id: s{number}, action: bench.nothing }}\n");
    let head = "schema: lifeboat/v1\nkind: runbook\nname: bench\nsteps:\n";
    match shape {
        "parallel" => {
            let inner: String = (0..steps).map(|number| step("      ", number)).collect();
            format!("{head}  - id: all\n    parallel:\n{inner}")
        }
        "foreach" => {
            let items: Vec<String> = (0..steps).map(|number| format!("i{number}")).collect();
            let body = "    max_parallel: 10\n    steps: [ { id: one, action: bench.nothing } ]\n";
            format!("{head}  - id: each\n    foreach: [{}]\n{body}", items.join(", "))
        }
        _ => head.to_owned() + &(0..steps).map(|number| step("  ", number)).collect::<String>(),
    }
}

async fn drive(plan: Plan, catalog: Catalog, clock: Clock) -> Option<Verdict> {
    let file = tempfile_beside();
    let storage = Unsynced(BufWriter::new(file));
    let writer = JournalWriter::create(Box::new(storage), RunId::new("k3v7qa2mxyz4567b"));
    let log = Arc::new(RunLog::new(clock.clone(), writer, vec![], vec![]));
    let start = Start {
        mode: Mode::Drill,
        cloud: Cloud::Aws,
        inputs: BTreeMap::new(),
        version: "bench".into(),
        operator: "alice".into(),
        host: "ship".into(),
        digests: vec![],
        disrupted_at: None,
        previous_head: None,
        default_region: None,
        roles: BTreeMap::new(),
        people: BTreeMap::new(),
        target: None,
    };
    let aim = Aim { account: None, region: "eu-west-1".into(), ..Aim::default() };
    let caller = Ok(Caller { account: "111122223333".into(), arn: "arn".into(), before: None });
    start::begin(&log, &plan, &start, &aim, &caller).expect("a journal");
    let mut registry = Registry::default();
    registry.add_action(Arc::new(Nothing));
    let (_ask, stop) = watch::channel(None);
    let outside = Outside {
        people: Arc::new(Nobody),
        secrets: Arc::new(NoSecrets),
        identity: Arc::new(Someone),
        blocked_limit: None,
        lock: Locking { place: Arc::new(NoLock), by_force: None },
    };
    let engine = Engine {
        plan: Arc::new(plan),
        catalog,
        registry,
        clock,
        log: log.clone(),
        permitted: vec![],
        confirmed: BTreeSet::new(),
        until: None,
        outside,
        stop,
    };
    engine.run().await.expect("a journal");
    log.with_state(|state| state.outcome.as_ref().map(|outcome| outcome.verdict.clone()))
}

fn tempfile_beside() -> File {
    File::options().write(true).open("/dev/null").expect("somewhere to write to")
}

/// Seconds of the processor in user mode, and kibibytes of memory, of this process so far (Linux, proc(5)).
fn used() -> (f64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks =
        stat.rsplit(' ').rev().nth(13).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    // A tick is a hundredth of a second on every Linux that this is built for.
    (ticks / 100.0, peak)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let shape = arguments.first().map_or("sequence", String::as_str);
    let steps = arguments.get(1).and_then(|steps| steps.parse().ok()).unwrap_or(1000);
    let catalog = Catalog::new([&NOTHING]);
    let source = Source { name: "bench.yaml".into(), text: text(shape, steps) };
    let plan = check(source, &catalog, &Alone, None).plan.expect("a runbook");
    let (before, _) = used();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let verdict = runtime.expect("a runtime").block_on(async {
        let clock = Clock::simulated(DateTime::from_timestamp(1_767_603_600, 0).expect("a time"));
        drive(plan, catalog, clock).await
    });
    assert_eq!(verdict, Some(Verdict::Passed));
    let (after, peak) = used();
    println!("{shape} {steps} steps: {:.2} s of the processor, {peak} KiB at most", after - before);
}
