//! The prefix property: for any plan, any world whose outcomes depend only on step and attempt, and any prefix of
//! the journal, a resumed run comes to the same end. Plans have groups, needs, loops and runbooks in them, and deciding event
//! by event is held against deciding from scratch all along.

use crate::bench::Bench;
use crate::permit::PERMIT;
use crate::plans::{expression, plan, step};
use crate::world::{Fate, MAKE, PROBE};
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, People};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Cleanup, Mode, Retry, Step, Undo, Work};
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value as Datum;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One step of a generated plan.
#[derive(Clone, Debug)]
struct Drawn {
    makes: bool,
    fates: Vec<Option<Fate>>,
    attempts: u32,
    allowed_to_fail: bool,
    skipped: bool,
    kept: bool,
    commits: bool,
    pauses: bool,
    /// How many approvals it waits for, and whether they are given.
    asks: Option<(i64, bool)>,
    probe_fails: i64,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let fate = prop_oneof![
        4 => Just(None),
        1 => Just(Some(Fate::Refused)),
        1 => Just(Some(Fate::ReplyLost)),
        1 => Just(Some(Fate::Breaks)),
    ];
    let rarely = || prop::bool::weighted(0.15);
    (
        (any::<bool>(), prop::collection::vec(fate, 2), 1..3u32, rarely()),
        (rarely(), rarely(), rarely(), rarely(), 0..3i64),
        prop::option::weighted(0.2, (1..3i64, prop::bool::weighted(0.8))),
    )
        .prop_map(|((makes, fates, attempts, allowed_to_fail), more, asks)| {
            let (skipped, kept, commits, pauses, probe_fails) = more;
            let pauses = pauses && asks.is_none();
            Drawn {
                makes,
                fates,
                attempts,
                allowed_to_fail,
                skipped,
                kept,
                commits,
                pauses,
                asks,
                probe_fails,
            }
        })
}

/// A generated step, or what holds some.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(Drawn),
    /// The children; which of them need the one before, which the first.
    Parallel(Vec<(Tree, bool, bool)>, Group),
    Sequence(Vec<Tree>, Group),
    /// So many items, at once, may fail.
    Loop(Vec<Tree>, (u8, u32, u32), Group),
    Runbook(Vec<Tree>, Group),
}

#[derive(Clone, Debug)]
struct Group {
    allowed_to_fail: bool,
    skipped: bool,
    cleanup: bool,
    checked: bool,
}

fn tree() -> impl Strategy<Value = Tree> {
    let rarely = || prop::bool::weighted(0.15);
    let group = move || {
        (rarely(), rarely(), any::<bool>(), rarely()).prop_map(
            |(allowed_to_fail, skipped, cleanup, checked)| Group {
                allowed_to_fail,
                skipped,
                cleanup,
                checked,
            },
        )
    };
    drawn().prop_map(Tree::Leaf).prop_recursive(3, 10, 3, move |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        let child = (inner, any::<bool>(), rarely());
        prop_oneof![
            2 => (prop::collection::vec(child, 1..4), group()).prop_map(|(all, group)| Tree::Parallel(all, group)),
            1 => (several.clone(), group()).prop_map(|(all, group)| Tree::Sequence(all, group)),
            1 => (several.clone(), (0..4u8, 1..3u32, 0..2u32), group())
                .prop_map(|(all, items, group)| Tree::Loop(all, items, group)),
            1 => (several, group()).prop_map(|(all, group)| Tree::Runbook(all, group)),
        ]
    })
}

/// Turns generated trees into steps, numbered in the order in which they are met.
#[derive(Default)]
struct Builder {
    number: usize,
    /// What stands before every path here.
    prefix: String,
    fates: BTreeMap<(String, u32), Fate>,
    /// Steps whose approvals are rejected.
    rejected: BTreeSet<String>,
    /// Whether nothing else runs at the same time. What is before a point of no return in time is not the same in
    /// every run otherwise.
    alone: bool,
}

impl Builder {
    fn all(&mut self, trees: &[Tree]) -> Vec<Step> {
        trees.iter().map(|tree| self.step(tree)).collect()
    }

    fn step(&mut self, tree: &Tree) -> Step {
        let (number, id) = (self.number, format!("s{}", self.number));
        self.number += 1;
        let path = format!("{}{id}", self.prefix);
        let (work, group) = match tree {
            Tree::Leaf(drawn) => {
                for (attempt, fate) in (1..).zip(&drawn.fates) {
                    if let Some(fate) = fate {
                        // Only the first item of a loop has a fate of its own; the others go well.
                        self.fates.insert((path.replace("[*]", "[k0]"), attempt), *fate);
                    }
                }
                if drawn.asks.is_some_and(|(_, given)| !given) {
                    self.rejected.insert(path.replace("[*]", "[k0]"));
                }
                let step = step_of(number, drawn);
                let commit = step.commit.filter(|_| self.alone);
                return Step { path: StepPath::new(path), commit, ..step };
            }
            Tree::Parallel(children, group) => {
                let mut steps: Vec<Step> = Vec::new();
                let alone = std::mem::replace(&mut self.alone, false);
                for (child, needs_last, needs_first) in children {
                    let mut step = self.step(child);
                    let last = steps.last().filter(|_| *needs_last).map(|step| step.path.clone());
                    let first = steps.first().filter(|_| *needs_first).map(|step| step.path.clone());
                    step.needs = last.into_iter().chain(first).collect();
                    steps.push(step);
                }
                self.alone = alone;
                (Work::Parallel(steps), group)
            }
            Tree::Sequence(children, group) => (Work::Sequence(self.all(children)), group),
            Tree::Loop(children, (items, max_parallel, max_failures), group) => {
                // Where items run at the same time, which have begun when one fails is not the same in every run: there
                // all may fail.
                let max_failures = if *max_parallel > 1 { u32::from(*items) } else { *max_failures };
                let items = (0..*items).map(|item| Datum::from(format!("k{item}").as_str())).collect();
                let alone = self.alone;
                self.alone &= *max_parallel == 1;
                let body = self.inside(&format!("{path}[*]."), children);
                self.alone = alone;
                let items = Template::literal(Datum::List(items));
                let max_parallel = *max_parallel;
                (Work::Foreach { items, key: None, max_parallel, max_failures, body }, group)
            }
            Tree::Runbook(children, group) => {
                let steps = self.inside(&format!("{path}/"), children);
                let mut inner = plan(steps);
                inner.cleanup = if group.cleanup { Cleanup::Auto } else { Cleanup::None };
                if group.checked {
                    let check = step("preflight:check", &PROBE, &[]);
                    let path = StepPath::new(format!("{path}/preflight:check"));
                    inner.preflight = vec![Step { path, ..check }];
                }
                let (file, with) = ("inner.yaml".to_owned(), BTreeMap::new());
                (Work::Runbook { file, with, plan: Box::new(inner) }, group)
            }
        };
        Step {
            path: StepPath::new(path),
            work,
            effect: Some(Effect::Read),
            continue_on_error: group.allowed_to_fail,
            condition: group.skipped.then(|| expression("run.mode == 'recovery'")),
            ..step(&id, &PROBE, &[])
        }
    }

    fn inside(&mut self, prefix: &str, trees: &[Tree]) -> Vec<Step> {
        let outer = std::mem::replace(&mut self.prefix, prefix.to_owned());
        let steps = self.all(trees);
        self.prefix = outer;
        steps
    }
}

fn step_of(number: usize, drawn: &Drawn) -> Step {
    let id = format!("s{number}");
    let mut made = match (drawn.pauses, drawn.makes) {
        _ if drawn.asks.is_some() => {
            let approvals = drawn.asks.map_or(1, |(approvals, _)| approvals);
            step(&id, &PERMIT, &[("approvals", Datum::Int(approvals))])
        }
        (true, _) => {
            Step { work: Work::Pause(TimeDelta::seconds(90)), effect: None, ..step(&id, &MAKE, &[]) }
        }
        (false, true) => step(&id, &MAKE, &[]),
        (false, false) => step(&id, &PROBE, &[("fails", Datum::Int(drawn.probe_fails))]),
    };
    if !drawn.pauses {
        made.retry = Some(Retry {
            attempts: drawn.attempts,
            delay: TimeDelta::seconds(5),
            backoff: 2.0,
            max_delay: None,
            errors: vec![],
        });
    }
    made.continue_on_error = drawn.allowed_to_fail;
    made.condition = drawn.skipped.then(|| expression("run.mode == 'recovery'"));
    made.undo = if drawn.kept { Undo::Never } else { Undo::Default };
    made.commit = drawn.commits.then_some(true);
    made
}

fn bench(trees: &[Tree], cleanup: bool, mode: Mode) -> Bench {
    let mut builder = Builder { alone: true, ..Builder::default() };
    let mut plan = plan(builder.all(trees));
    plan.cleanup = if cleanup { Cleanup::Auto } else { Cleanup::None };
    let mut bench = Bench { mode, ..Bench::new(plan) };
    bench.outside.people = Arc::new(Crew { clock: bench.clock.clone(), rejected: builder.rejected });
    bench.world.lock().unwrap().fates = builder.fates;
    bench
}

/// Says yes or no after half a minute, depending on the step alone.
struct Crew {
    clock: Clock,
    rejected: BTreeSet<String>,
}

#[async_trait]
impl People for Crew {
    async fn answer(&self, open: &Open) -> Option<Given> {
        self.clock.sleep(Duration::from_secs(30)).await;
        let choice = if self.rejected.contains(open.step.as_str()) { "reject" } else { "approve" };
        let (by, reason) = ("carol".to_owned(), Some("asked".to_owned()));
        Some(Given { by, choice: choice.to_owned(), reason, ..Given::default() })
    }

    fn refuse(&self, _: &Open, _: &Given, problem: &str) {
        panic!("{problem}");
    }
}

/// What must be the same however often the process died.
#[derive(Debug, PartialEq)]
struct End {
    verdict: Option<Verdict>,
    paused: bool,
    succeeded: BTreeSet<String>,
    /// Names are made from run, step and attempt, so that they can be compared.
    there: BTreeSet<String>,
    made: BTreeSet<String>,
}

fn end(bench: &Bench, state: &RunState) -> End {
    let now = bench.clock.now();
    let world = bench.world.lock().unwrap();
    let succeeded = state.steps.iter().filter(|(_, step)| step.status == StepStatus::Succeeded);
    let there = world.things.iter().filter(|(_, thing)| thing.gone_at.is_none_or(|gone| gone > now));
    End {
        verdict: state.outcome.as_ref().map(|outcome| outcome.verdict.clone()),
        paused: state.paused.is_some(),
        succeeded: succeeded.map(|(path, _)| path.to_string()).collect(),
        there: there.map(|(name, _)| name.clone()).collect(),
        made: world.made.iter().cloned().collect(),
    }
}

/// Every mutation is accepted at most once per step and attempt: their names are all different.
fn each_once(bench: &Bench) {
    let mut times = BTreeMap::new();
    for name in bench.made() {
        *times.entry(name).or_insert(0) += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

async fn holds(trees: &[Tree], cleanup: bool, mode: Mode) -> u32 {
    let whole = bench(trees, cleanup, mode);
    let undisturbed = end(&whole, &whole.run().await.unwrap());
    each_once(&whole);
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let bench = bench(trees, cleanup, mode);
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        let told = format!("{mode:?}, cleanup {cleanup}, died at sync {at} (behind it: {behind}): {trees:?}");
        assert_eq!(end(&bench, &state), undisturbed, "{told}");
        each_once(&bench);
    }
    syncs * 2
}

/// How many plans are drawn; `PROPTEST_CASES` gives another number.
const PLANS: u32 = 60;

#[expect(clippy::disallowed_methods, reason = "a test may be asked for more")]
fn cases_asked_for() -> Option<u32> {
    std::env::var("PROPTEST_CASES").ok()?.parse().ok()
}

#[test]
fn any_prefix_of_any_plan_comes_to_the_same_end() {
    let config = Config { cases: PLANS, failure_persistence: None, ..Config::default() };
    let cases = cases_asked_for().unwrap_or(config.cases);
    let mut runner = TestRunner::new(Config { cases, ..config });
    let plans = (prop::collection::vec(tree(), 1..5), any::<bool>(), any::<bool>());
    let prefixes = std::cell::Cell::new(0);
    runner
        .run(&plans, |(trees, cleanup, recovery)| {
            let mode = if recovery { Mode::Recovery } else { Mode::Drill };
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let tried = runtime.unwrap().block_on(holds(&trees, cleanup, mode));
            prefixes.set(prefixes.get() + tried);
            Ok(())
        })
        .unwrap();
    println!("{cases} plans, {} prefixes", prefixes.get());
}
