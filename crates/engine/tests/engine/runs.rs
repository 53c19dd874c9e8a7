//! Good ways, failures, and a process that dies at every moment.

use crate::bench::{Bench, catalog};
use crate::plans::{expression, plan, step, two_things_and_a_proof};
use crate::world::{DELETE, MAKE, Thing};
use chrono::TimeDelta;
use lifeboat_engine::driver::Engine;
use lifeboat_engine::log::RunLog;
use lifeboat_engine::start::{self, Aim, Caller};
use lifeboat_journal::file::JournalWriter;
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::{Mode, Retry};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

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
    let aim = Aim { account: Some("999999999999".into()), region: "eu-west-1".into(), ..Aim::default() };
    let caller = Ok(Caller { account: "111122223333".into(), arn: "arn".into(), before: None });
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
        until: None,
        outside: bench.outside.clone(),
        stop,
    };
    engine.run().await.unwrap();
    log.with_state(Clone::clone)
}

/// What a dead process may have asked for is looked for during two minutes; a step that may take less than that does
/// not fail for it.
#[tokio::test(start_paused = true)]
async fn looking_for_what_was_asked_for_takes_nothing_from_a_short_time_limit() {
    let mut first = step("first", &MAKE, &[]);
    first.timeout = Some(TimeDelta::seconds(310));
    let whole = Bench::new(plan(vec![first]));
    whole.run().await.unwrap();
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let bench = Bench::new(whole.plan.clone());
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        assert_eq!(
            state.outcome.unwrap().verdict,
            Verdict::Passed,
            "died at sync {at} (behind it: {behind})"
        );
        assert_eq!(bench.made().len(), 1);
    }
}
