//! Clocks that are set, and machines that sleep, in the middle of a run.

use crate::bench::{Bench, START};
use crate::plans::{plan, step};
use crate::world::MAKE;
use chrono::{DateTime, TimeDelta};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::driver::Identity;
use lifeboat_engine::start::Caller;
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::measure::measure;
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::MarkMoment;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A thing whose making takes 300 s by AWS's clock, and may take 310 s.
fn one_thing() -> Bench {
    let mut first = step("first", &MAKE, &[]);
    first.timeout = Some(TimeDelta::seconds(310));
    first.marks = BTreeMap::from([(MarkMoment::Succeeded, MarkName::new("copy_verified"))]);
    let mut bench = Bench::new(plan(vec![first]));
    bench.sky = Clock::simulated(DateTime::from_timestamp(START, 0).unwrap());
    bench
}

/// Runs it; after a minute this happens to the clocks of the machine.
async fn with(bench: &Bench, ahead: i64, asleep: i64) -> (RunState, Vec<Event>) {
    let clock = bench.clock.clone();
    tokio::spawn(async move {
        clock.sleep(Duration::from_secs(60)).await;
        clock.meddle(TimeDelta::seconds(ahead), TimeDelta::seconds(asleep));
    });
    let state = bench.run().await.unwrap();
    let events = bench.events();
    (state, events)
}

fn jumps(events: &[Event]) -> Vec<(f64, f64)> {
    let jump = |event: &Event| match event.kind {
        EventKind::ClockJumped { by_s, asleep_s } => Some((by_s, asleep_s)),
        _ => None,
    };
    events.iter().filter_map(jump).collect()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_no_deadline_and_the_number_says_how_it_was_measured() {
    for ahead in [0, 1000, -250] {
        let bench = one_thing();
        let (state, events) = with(&bench, ahead, 0).await;
        assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed, "{ahead}");
        assert_eq!(state.step(&StepPath::new("first")).attempts_failed, 0, "{ahead}");
        let jumped = jumps(&events);
        let time = measure(&state, &events).recovery_time;
        match ahead {
            0 => assert_eq!((jumped.len(), time.clock.as_deref()), (0, Some("monotonic"))),
            _ => {
                assert_eq!(jumped, [(ahead as f64, 0.0)]);
                assert_eq!(time.clock.as_deref(), Some("wall"), "{ahead}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_is_told_and_its_time_counts() {
    let bench = one_thing();
    let (state, events) = with(&bench, 0, 50).await;
    assert_eq!(jumps(&events), [(0.0, 50.0)]);
    let time = measure(&state, &events).recovery_time;
    assert_eq!(time.clock.as_deref(), Some("monotonic"), "it counts the time asleep");
    assert!(time.actual_s.unwrap() >= 300.0);
    let findings = measure(&state, &events).findings;
    assert!(findings.iter().any(|finding| finding.text.contains("asleep for 50s")), "{findings:?}");
}

/// Asked after a night: the deadline is past, and the thing is there.
#[tokio::test(start_paused = true)]
async fn a_deadline_is_judged_after_a_fresh_look() {
    let mut bench = one_thing();
    // One look at the beginning, and none before the deadline has passed.
    bench.plan.steps[0].wait.every = Some(TimeDelta::hours(8));
    let (state, _) = with(&bench, 0, 28_000).await;
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
}

/// This machine is six minutes ahead of AWS.
struct Ahead;

#[async_trait::async_trait]
impl Identity for Ahead {
    async fn caller(&self, _: &Target) -> Result<Caller, ActionError> {
        Ok(Caller { account: "111122223333".to_owned(), arn: String::new(), before: None })
    }

    fn skew_s(&self) -> Option<f64> {
        Some(360.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_not_that_of_aws_is_told_once() {
    let mut bench = one_thing();
    bench.outside.identity = Arc::new(Ahead);
    let (state, events) = with(&bench, 0, 0).await;
    let told = events.iter().filter(|event| event.kind == EventKind::ClockSkew { by_s: 360.0 });
    assert_eq!(told.count(), 1);
    let findings = measure(&state, &events).findings;
    assert!(findings.iter().any(|finding| finding.text.contains("6m ahead of that of AWS")), "{findings:?}");
}
