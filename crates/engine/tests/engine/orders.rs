//! What people order of a run that stopped: and that nothing else happens.

use crate::bench::Bench;
use crate::plans::{expression, plan, step, two_things_and_a_proof};
use crate::world::{DELETE, Fate, MAKE, PROBE};
use chrono::TimeDelta;
use lifeboat_journal::event::{EventKind, Order, PauseReason, Values};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, OnFail, Plan, Undo};
use lifeboat_runbook::template::{Template, TemplateKind};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

fn recovery(plan: Plan) -> Bench {
    Bench { mode: Mode::Recovery, ..Bench::new(plan) }
}

fn ordered(order: Order) -> EventKind {
    EventKind::StepOrdered { order, reason: Some("it must be".into()), seconds: None }
}

fn verdict(state: &RunState) -> &Verdict {
    &state.outcome.as_ref().unwrap_or_else(|| panic!("not finished: {:?}", state.paused)).verdict
}

/// Makes a thing, which breaks the first time.
fn breaks_once() -> Bench {
    let bench = recovery(plan(vec![step("first", &MAKE, &[])]));
    bench.world.lock().unwrap().fates.insert(("first".into(), 1), Fate::Breaks);
    bench
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_tried_again_when_that_is_ordered_and_not_before() {
    let bench = breaks_once();
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.as_ref().unwrap().because, PauseReason::Failure);
    assert_eq!(state.paused.as_ref().unwrap().step, Some(StepPath::new("first")));
    // Taking it up without an order changes nothing.
    let state = bench.run().await.unwrap();
    assert!(state.paused.is_some() && bench.made().len() == 1 && bench.left() == 1);
    let state = bench.order("first", ordered(Order::Retry)).await;
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!((bench.made().len(), bench.left()), (2, 1), "the broken one was taken away first");
}

#[tokio::test(start_paused = true)]
async fn what_is_well_is_looked_at_again_and_not_made_again() {
    let mut first = step("first", &MAKE, &[("size", Value::Int(7))]);
    first.assert = vec![expression("now() > time('2026-01-05T09:30:00Z')")];
    let bench = recovery(plan(vec![first]));
    let state = bench.run().await.unwrap();
    assert!(state.paused.unwrap().why.contains("is false"));
    let state = bench.order("first", ordered(Order::Retry)).await;
    assert!(state.outcome.is_none(), "it is still false");
    bench.clock.sleep(std::time::Duration::from_secs(3600)).await;
    let state = bench.order("first", ordered(Order::Retry)).await;
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!((bench.made().len(), bench.left()), (1, 1), "two hours of restoring are not thrown away");
}

#[tokio::test(start_paused = true)]
async fn a_step_is_skipped_or_done_by_hand() {
    for done in [false, true] {
        let mut proof = step("proof", &PROBE, &[]);
        proof.condition = Some(expression("default(steps.first.outputs.size, 0) == 7"));
        let bench = recovery(plan(vec![step("first", &MAKE, &[]), proof]));
        bench.world.lock().unwrap().fates.insert(("first".into(), 1), Fate::Refused);
        bench.run().await.unwrap();
        let outputs = Values::from([("size".to_owned(), Value::from("7"))]);
        let kind = match done {
            true => {
                EventKind::DoneByHand { reason: "in the console".into(), outputs, adopted: BTreeMap::new() }
            }
            false => ordered(Order::Skip),
        };
        let state = bench.order("first", kind).await;
        assert_eq!(verdict(&state), &Verdict::Passed);
        let word = |step: &str| state.step(&StepPath::new(step)).status.word().to_owned();
        let words = (word("first"), word("proof"));
        let expected = if done { ("done_by_hand", "succeeded") } else { ("skipped", "skipped") };
        assert_eq!((words.0.as_str(), words.1.as_str()), expected);
        assert!(bench.made().is_empty());
        let findings = lifeboat_journal::measure::measure(&state, &[]).findings;
        assert!(findings.iter().any(|finding| finding.text.contains("first was")), "{findings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_does_not_hold_asks_in_a_recovery_and_can_be_accepted() {
    for (mode, on_fail, first, then) in [
        (Mode::Drill, None, 7, 7),
        (Mode::Drill, Some(OnFail::Warn), 0, 0),
        (Mode::Drill, Some(OnFail::Ask), 4, 0),
        (Mode::Recovery, None, 4, 0),
        (Mode::Recovery, Some(OnFail::Refuse), 4, 0),
        (Mode::Recovery, Some(OnFail::Warn), 0, 0),
    ] {
        let mut plan = plan(vec![step("first", &MAKE, &[])]);
        let mut check = step("preflight:fresh", &PROBE, &[]);
        check.assert = vec![expression("outputs.n > 100")];
        check.on_fail = on_fail;
        plan.preflight = vec![check];
        let bench = Bench { mode, ..Bench::new(plan) };
        let code = |state: &RunState| state.outcome.as_ref().map_or(4, |outcome| outcome.exit_code());
        let state = bench.run().await.unwrap();
        assert_eq!(code(&state), first, "{mode:?} {on_fail:?}");
        if first != 4 {
            continue;
        }
        assert!(bench.made().is_empty());
        assert_eq!(code(&bench.run().await.unwrap()), 4, "without an order it asks again");
        let state = bench.order("preflight:fresh", ordered(Order::Accept)).await;
        assert_eq!(code(&state), then, "{mode:?} {on_fail:?}");
        assert!(state.outcome.unwrap().warnings[0].contains("preflight:fresh"));
        assert_eq!(bench.journal().matches("\"check.failed\"").count(), 2, "asked once, accepted once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_takes_too_long_pauses_and_waits_on_when_that_is_ordered() {
    let mut first = step("first", &MAKE, &[]);
    first.timeout = Some(TimeDelta::seconds(100));
    for mode in [Mode::Drill, Mode::Recovery] {
        let bench = Bench { mode, ..Bench::new(plan(vec![first.clone()])) };
        let state = bench.run().await.unwrap();
        if mode == Mode::Drill {
            assert_eq!(state.outcome.unwrap().exit_code(), 1);
            continue;
        }
        assert_eq!(state.paused.as_ref().unwrap().because, PauseReason::Timeout);
        assert_eq!(state.step(&StepPath::new("first")).attempts_failed, 0);
        let more =
            |seconds| EventKind::StepOrdered { order: Order::Extend, reason: None, seconds: Some(seconds) };
        let state = bench.order("first", more(100.0)).await;
        assert_eq!(state.paused.as_ref().unwrap().because, PauseReason::Timeout);
        let state = bench.order("first", more(300.0)).await;
        assert_eq!(verdict(&state), &Verdict::Passed);
        assert_eq!(bench.made().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_person_takes_a_recovery_back() {
    for (undo, left, kept) in [(true, 0, 0), (false, 2, 2)] {
        let mut plan = two_things_and_a_proof();
        plan.steps[2].assert = vec![expression("outputs.n > 100")];
        let bench = recovery(plan);
        bench.run().await.unwrap();
        let abort = EventKind::AbortAsked { by: "bob".into(), why: Some("enough".into()), undo: Some(undo) };
        let outcome = bench.ask(abort).await.outcome.unwrap();
        assert_eq!(outcome.verdict, Verdict::Aborted { by: "bob".into(), why: "enough".into() });
        assert_eq!((outcome.exit_code(), bench.left(), outcome.kept.len()), (5, left, kept));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_before_the_point_of_no_return_stays() {
    let mut plan = two_things_and_a_proof();
    plan.steps[1].commit = Some(true);
    plan.steps[2].assert = vec![expression("outputs.n > 100")];
    let bench = Bench::new(plan);
    let outcome = bench.run().await.unwrap().outcome.unwrap();
    let kept: Vec<&str> = outcome.kept.iter().map(|kept| kept.id.as_str()).collect();
    assert_eq!(kept, [bench.made()[0].as_str()], "the first thing stands before the commit");
    assert_eq!((outcome.exit_code(), bench.left()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_taken_away_is_taken_away_later() {
    let mut plan = two_things_and_a_proof();
    plan.steps.truncate(1);
    let bench = Bench::new(plan);
    bench.world.lock().unwrap().cannot_delete = true;
    assert_eq!(bench.run().await.unwrap().outcome.unwrap().exit_code(), 6);
    let asked = || EventKind::CleanupAsked { by: "bob".into() };
    assert_eq!(bench.ask(asked()).await.outcome.unwrap().exit_code(), 6, "it still cannot be deleted");
    bench.world.lock().unwrap().cannot_delete = false;
    let state = bench.ask(asked()).await;
    let outcome = state.outcome.unwrap();
    assert_eq!((outcome.verdict, bench.left()), (Verdict::Passed, 0));
    assert!(outcome.left_behind.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_action_takes_a_step_back() {
    let mut first = step("first", &MAKE, &[]);
    let thing = TemplateKind::Whole(expression("steps.first.outputs.thing"));
    let with = BTreeMap::from([("thing".to_owned(), Template { kind: thing, range: 0..0 })]);
    first.undo = Undo::Action { action: DELETE.name.to_owned(), with };
    let whole = Bench::new(plan(vec![first]));
    let state = whole.run().await.unwrap();
    assert_eq!((verdict(&state), whole.left()), (&Verdict::Passed, 0));
    assert_eq!(state.step(&StepPath::new("undo:first")).status, StepStatus::Succeeded);
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let bench = Bench::new(whole.plan.clone());
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        assert_eq!((verdict(&state), bench.left()), (&Verdict::Passed, 0), "{at} {behind}");
    }
}
