//! Steps that hold others: at the same time, one after the other, in the order of their needs.

use crate::bench::Bench;
use crate::plans::book;
use crate::world::Fate;
use lifeboat_journal::event::{EventKind, Order, PauseReason};
use lifeboat_journal::measure::measure;
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use std::time::Duration;

pub(crate) fn word<'state>(state: &'state RunState, step: &str) -> &'state str {
    state.steps.get(&StepPath::new(step)).map_or("unknown", |step| step.status.word())
}

fn words<'state>(state: &'state RunState, steps: &[&str]) -> Vec<&'state str> {
    steps.iter().map(|step| word(state, step)).collect()
}

/// Seconds from the start of the run to the first start and to the end of a step.
pub(crate) fn span(state: &RunState, step: &str) -> (f64, f64) {
    let began = state.began.unwrap();
    let step = state.step(&StepPath::new(step));
    (began.seconds_to(&step.started.unwrap()), began.seconds_to(&step.finished.unwrap()))
}

pub(crate) fn verdict(state: &RunState) -> &Verdict {
    &state.outcome.as_ref().unwrap_or_else(|| panic!("not finished: {:?}", state.paused)).verdict
}

pub(crate) fn failed(step: &str) -> Verdict {
    Verdict::Failed { step: StepPath::new(step) }
}

pub(crate) fn ordered(order: Order) -> EventKind {
    EventKind::StepOrdered { order, reason: Some("it must be".into()), seconds: None }
}

/// Six databases and two services; a service needs two databases.
const SIX: &str = "
steps:
  - id: all
    marks: { succeeded: copy_verified }
    parallel:
      - { id: a, action: test.make, with: { takes: 100 } }
      - { id: b, action: test.make, with: { takes: 200 } }
      - { id: c, action: test.make, with: { takes: 900 } }
      - { id: d, action: test.make, with: { takes: 900 } }
      - { id: e, action: test.make, with: { takes: 900 } }
      - id: f
        steps:
          - { id: f_one, action: test.make, with: { takes: 400 } }
          - { id: f_two, action: test.make, with: { takes: 600 } }
      - { id: early, action: test.probe, needs: [a, b], assert: [ \"steps.a.outputs.thing != steps.b.outputs.thing\" ] }
      - { id: late, action: test.probe, needs: [c, f] }
  - { id: after, action: test.probe, if: \"steps.early.state == 'succeeded' && steps.all.state == 'succeeded'\" }
";

#[tokio::test(start_paused = true)]
async fn what_two_need_starts_when_these_two_are_ready_and_one_call_looks_at_all() {
    let bench = Bench::new(book(SIX, &[]));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!(word(&state, "after"), "succeeded");
    let (began, ended) = span(&state, "all");
    assert!(began < 1.0 && (1000.0..1020.0).contains(&ended), "{began} {ended}");
    assert!((200.0..220.0).contains(&span(&state, "early").0), "{:?}", span(&state, "early"));
    assert!((1000.0..1020.0).contains(&span(&state, "late").0), "{:?}", span(&state, "late"));
    assert_eq!(bench.left(), 0, "all that was made is taken away");
    let looks = bench.world.lock().unwrap().looks.clone();
    assert!(looks.iter().take(5).all(|things| *things == 6), "one call looks at all: {looks:?}");
    // What made the time of the whole is the longest way, and not what happened to end last before it.
    let events = lifeboat_journal::chain::verify(bench.journal().as_bytes()).unwrap().events;
    let path = measure(&state, &events).critical_path;
    let path: Vec<&str> = path.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(path, ["f_one", "f_two", "late"]);
    let late = state.step(&StepPath::new("late")).intent.unwrap().after;
    let ended = |step: &str| state.step(&StepPath::new(step)).finished.unwrap().seq;
    assert_eq!(late, [ended("c"), ended("f_two")]);
    assert_eq!(state.step(&StepPath::new("after")).intent.unwrap().after, [ended("late")]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_only_what_needs_it_and_then_the_group_fails() {
    let bench = Bench::new(book(SIX, &[]));
    bench.world.lock().unwrap().fates.insert(("a".into(), 1), Fate::Breaks);
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &failed("a"));
    assert_eq!(words(&state, &["b", "f_two", "late"]), ["succeeded"; 3]);
    assert_eq!(words(&state, &["early", "all", "after"]), ["skipped", "failed", "pending"]);
    let why = state.step(&StepPath::new("early")).status.why().unwrap().to_owned();
    assert_eq!(why, "it needs a, which failed");
    let why = state.step(&StepPath::new("all")).status.why().unwrap().to_owned();
    assert_eq!(why, "a: it ended in the state `broken`");
    assert_eq!(bench.left(), 0);
}

#[tokio::test(start_paused = true)]
async fn in_a_recovery_what_needs_it_waits_for_the_operator() {
    let bench = Bench { mode: Mode::Recovery, ..Bench::new(book(SIX, &[])) };
    bench.world.lock().unwrap().fates.insert(("a".into(), 1), Fate::Breaks);
    let state = bench.run().await.unwrap();
    let paused = state.paused.clone().unwrap();
    assert_eq!((paused.because, paused.step), (PauseReason::Failure, Some(StepPath::new("a"))));
    assert_eq!(words(&state, &["early", "all", "late"]), ["pending", "running", "succeeded"]);
    let state = bench.order("a", ordered(Order::Retry)).await;
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!(words(&state, &["a", "early", "all", "after"]), ["succeeded"; 4]);
    assert_eq!(bench.left(), 7, "a recovery keeps what it made");
}

#[tokio::test(start_paused = true)]
async fn a_skipped_or_allowed_step_does_not_hold_up_what_needs_it() {
    let bench = Bench::new(book(
        "
steps:
  - id: all
    parallel:
      - { id: off, if: run.mode == 'recovery', action: test.make }
      - { id: bad, action: test.probe, with: { fails: 9 }, continue_on_error: true }
      - { id: then, needs: [off, bad], action: test.probe }
",
        &[],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!(words(&state, &["off", "bad", "then"]), ["skipped", "allowed_failure", "succeeded"]);
    assert_eq!(state.outcome.unwrap().warnings, ["bad: refused"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_may_fail_or_be_left_out_as_a_whole() {
    for mode in [Mode::Drill, Mode::Recovery] {
        let bench = Bench::new(book(
            "
steps:
  - id: may
    continue_on_error: true
    marks: { failed: lost }
    parallel:
      - id: one
        steps:
          - { id: bad, action: test.probe, with: { fails: 9 } }
          - { id: never, action: test.probe }
      - { id: two, needs: [one], action: test.probe }
      - { id: three, action: test.make }
  - id: not
    if: run.started_at > now()
    steps:
      - { id: inner, action: test.make }
  - { id: end, action: test.probe, if: \"steps.may.state == 'allowed_failure' && steps.not.state == 'skipped'\" }
",
            &[],
        ));
        let bench = Bench { mode, ..bench };
        let state = bench.run().await.unwrap();
        assert_eq!(verdict(&state), &Verdict::Passed);
        assert_eq!(
            words(&state, &["one", "bad", "never", "two"]),
            ["failed", "failed", "pending", "skipped"]
        );
        assert_eq!(
            words(&state, &["may", "not", "inner", "end"]),
            ["allowed_failure", "skipped", "pending", "succeeded"]
        );
        assert!(state.marks.keys().any(|mark| mark.as_str() == "lost"));
        assert_eq!(state.outcome.unwrap().warnings, ["may: bad: refused"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_nearest_on_failure_counts() {
    // The group says `undo` for a recovery, and one step in it says otherwise.
    for (step, own, undone) in [("a", "", true), ("b", "on_failure: pause, ", false)] {
        let text = format!(
            "
steps:
  - {{ id: first, action: test.make }}
  - id: all
    on_failure: undo
    parallel:
      - {{ id: {step}, {own}action: test.probe, with: {{ fails: 9 }} }}
      - {{ id: other, action: test.make }}
"
        );
        let bench = Bench { mode: Mode::Recovery, ..Bench::new(book(&text, &[])) };
        let state = bench.run().await.unwrap();
        assert_eq!(state.paused.is_none(), undone);
        assert_eq!(bench.left(), if undone { 0 } else { 2 });
        if undone {
            assert_eq!(verdict(&state), &failed(step));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn undo_goes_back_through_the_order_of_starting_and_stops_at_the_point_of_no_return() {
    let bench = Bench::new(book(
        "
steps:
  - { id: before, action: test.make }
  - id: all
    parallel:
      - { id: slow, action: test.make, with: { takes: 900 } }
      - id: other
        steps:
          - { id: quick, action: test.make, with: { takes: 10 } }
          - { id: go, action: test.probe, commit: true }
          - { id: later, action: test.make, with: { takes: 10 } }
          - { id: bad, action: test.probe, with: { fails: 9 } }
",
        &[],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &failed("bad"));
    let kept: Vec<_> = state.left().map(|created| created.step.as_str()).collect();
    assert_eq!(kept, ["before", "slow", "quick"]);
    assert_eq!(word(&state, "slow"), "succeeded", "it was not stopped");
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_several_in_flight_takes_all_back_or_leaves_all() {
    for (mode, left) in [(Mode::Drill, 0), (Mode::Recovery, 6)] {
        let bench = Bench { mode, ..Bench::new(book(SIX, &[])) };
        let state = bench.run_until(Some(Duration::from_secs(50))).await.unwrap();
        assert_eq!((bench.made().len(), bench.left()), (6, left), "{mode:?}");
        if mode == Mode::Drill {
            assert_eq!(state.outcome.unwrap().exit_code(), 5);
            continue;
        }
        assert_eq!(state.paused.unwrap().because, PauseReason::Signal);
        let state = bench.run().await.unwrap();
        assert_eq!(verdict(&state), &Verdict::Passed);
        assert_eq!(bench.made().len(), 7, "nothing is made twice");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_to_answer_pauses_only_when_nothing_else_can_be_done() {
    let bench = Bench::new(book(
        "
steps:
  - id: all
    parallel:
      - { id: ask_one, approve: { message: One? } }
      - { id: ask_two, manual: { instructions: Two. } }
      - { id: work, action: test.make, with: { takes: 500 } }
      - { id: more, needs: [work], action: test.make, with: { takes: 500 } }
      - { id: last, needs: [ask_one, more], action: test.probe }
",
        &[],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.as_ref().unwrap().because, PauseReason::Person);
    assert_eq!(
        words(&state, &["ask_one", "ask_two", "more", "last"]),
        ["asking", "asking", "succeeded", "pending"]
    );
}
