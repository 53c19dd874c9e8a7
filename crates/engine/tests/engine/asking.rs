//! Actions whose effect waits for people: answered, rejected, late, elsewhere, with nobody there, and after a death.

use crate::bench::Bench;
use crate::permit::{Asker, PERMIT, nth};
use crate::plans::{plan, step};

use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, People};
use lifeboat_journal::event::{Answer, EventKind, PauseReason};
use lifeboat_journal::measure::measure;
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{MarkMoment, Mode, Plan};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers every question so, after some time, and counts how often each was put.
struct Crew {
    clock: Clock,
    after: Duration,
    choice: &'static str,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl People for Crew {
    async fn answer(&self, open: &Open) -> Option<Given> {
        self.asked.lock().unwrap().push(open.question.text.clone());
        self.clock.sleep(self.after).await;
        let (by, choice, reason) = ("carol".into(), self.choice.into(), Some("seen".into()));
        Some(Given { by, choice, reason, via: "terminal".into(), ..Given::default() })
    }

    fn refuse(&self, _: &Open, _: &Given, problem: &str) {
        panic!("{problem}");
    }
}

fn permits(times: i64) -> Plan {
    let mut asks = step("ask", &PERMIT, &[("approvals", Value::Int(times))]);
    asks.marks.insert(MarkMoment::Succeeded, lifeboat_runbook::id::MarkName::new("verified"));
    plan(vec![asks])
}

fn bench(times: i64, mode: Mode, minutes: u64, choice: &'static str) -> (Bench, Arc<Crew>) {
    let mut bench = Bench { mode, ..Bench::new(permits(times)) };
    let (clock, after) = (bench.clock.clone(), Duration::from_secs(60 * minutes));
    let crew = Arc::new(Crew { clock, after, choice, asked: Mutex::default() });
    bench.outside.people = crew.clone();
    (bench, crew)
}

fn count(bench: &Bench, kind: &str) -> usize {
    bench.journal().matches(&format!("\"type\":\"{kind}\"")).count()
}

fn ask(state: &RunState) -> lifeboat_journal::state::StepState {
    state.step(&StepPath::new("ask"))
}

fn signals(bench: &Bench) -> Vec<String> {
    bench.world.lock().unwrap().signals.clone()
}

#[tokio::test(start_paused = true)]
async fn several_approvals_are_asked_one_after_the_other_and_their_time_is_a_decision() {
    let (bench, crew) = bench(3, Mode::Drill, 90, "approve");
    let state = bench.run().await.unwrap();
    // The step's own time is an hour; four and a half pass until people have decided.
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
    assert_eq!(*crew.asked.lock().unwrap(), ["May part 1 go on?", "May part 2 go on?", "May part 3 go on?"]);
    assert_eq!(signals(&bench), ["approve part 1: seen", "approve part 2: seen", "approve part 3: seen"]);
    let stages: Vec<_> = ask(&state).accepted.iter().map(|(stage, ..)| stage.clone()).collect();
    assert_eq!(stages, ["first", "approve:part 1", "approve:part 2", "approve:part 3"]);
    let decision = measure(&state, &[]).recovery_time.parts_s.decision;
    assert_eq!(decision, 3.0 * 90.0 * 60.0);
    assert_eq!(count(&bench, "person.question_closed"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_is_handed_on_and_what_comes_of_it_is_judged() {
    let (bench, _) = bench(2, Mode::Drill, 1, "reject");
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Failed { step: StepPath::new("ask") });
    assert_eq!(ask(&state).status.failure().unwrap().code, "Rejected");
    assert_eq!(signals(&bench), ["reject part 1: seen"]);
    assert_eq!(count(&bench, "person.asked"), 1);
}

#[tokio::test(start_paused = true)]
async fn who_answers_elsewhere_closes_the_question_and_so_does_the_end_of_their_time() {
    let (answered, _) = bench(1, Mode::Drill, 90, "approve");
    answered.world.lock().unwrap().answered_elsewhere = Some(TimeDelta::minutes(10));
    let state = answered.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
    assert!(answered.journal().contains("it went on without an answer from here"), "{}", answered.journal());
    let asked = ask(&state).asked().unwrap().clone();
    let open = asked.at.seconds_to(&asked.closed.unwrap());
    assert!((600.0..615.0).contains(&open), "{open}");
    assert!(signals(&answered).is_empty());

    let (silent, _) = bench(1, Mode::Drill, 60 * 24, "approve");
    let state = silent.run().await.unwrap();
    assert_eq!(ask(&state).status.failure().unwrap().code, "TimedOut");
    assert_eq!(count(&silent, "person.question_closed"), 1);
    assert!(ask(&state).asked().unwrap().ended().is_some());
}

#[tokio::test(start_paused = true)]
async fn with_nobody_there_the_run_pauses_and_a_second_process_answers() {
    for (choice, verdict) in
        [("approve", Verdict::Passed), ("reject", Verdict::Failed { step: StepPath::new("ask") })]
    {
        let mode = if choice == "approve" { Mode::Recovery } else { Mode::Drill };
        let bench = Bench { mode, ..Bench::new(permits(1)) };
        for _ in 0..3 {
            let paused = bench.run().await.unwrap();
            assert_eq!(paused.paused.as_ref().unwrap().because, PauseReason::Person);
            assert_eq!(ask(&paused).status.word(), "asking");
            bench.clock.sleep(Duration::from_secs(600)).await;
        }
        assert_eq!(count(&bench, "person.asked"), 1);
        let line = bench.journal().lines().position(|line| line.contains("\"person.asked\"")).unwrap();
        let answer = Answer {
            asked: line as u64 + 1,
            choice: choice.into(),
            reason: Some("by hand".into()),
            fields: BTreeMap::new(),
            via: "command".into(),
            ..Answer::default()
        };
        let state = bench.order("ask", EventKind::PersonAnswered(Box::new(answer))).await;
        assert_eq!(state.outcome.unwrap().verdict, verdict);
        assert_eq!(signals(&bench), [format!("{choice} part 1: by hand")]);
    }
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_it_is_asked_once_and_answered_once() {
    let (whole, _) = bench(2, Mode::Drill, 5, "approve");
    assert_eq!(whole.run().await.unwrap().outcome.unwrap().verdict, Verdict::Passed);
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let (bench, _) = bench(2, Mode::Drill, 5, "approve");
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        let told = format!("died at sync {at} (behind it: {behind})");
        assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed, "{told}");
        assert_eq!(signals(&bench), ["approve part 1: seen", "approve part 2: seen"], "{told}");
        assert_eq!(count(&bench, "person.asked"), 2, "{told}");
        let entries = bench.journal().lines().filter(|line| line.contains("\"aws.event\"")).count();
        assert_eq!(entries, 3, "{told}: each part is told once");
    }
    assert!(syncs > 10, "{syncs}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_the_answer_is_looked_for_and_not_sent_again() {
    let (bench, _) = bench(1, Mode::Drill, 5, "approve");
    bench.world.lock().unwrap().lose_signals = 1;
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    assert_eq!(signals(&bench), ["approve part 1: seen"]);
    assert_eq!(count(&bench, "step.unknown"), 1);
}

/// A stop while people are asked: a drill is taken back, a recovery is left as it is and asks on when it is resumed.
#[tokio::test(start_paused = true)]
async fn a_stop_while_people_are_asked() {
    for (mode, exit, stopped) in [(Mode::Drill, 5, true), (Mode::Recovery, 4, false)] {
        let (bench, crew) = bench(1, mode, 30, "approve");
        let state = bench.run_until(Some(Duration::from_secs(300))).await.unwrap();
        assert_eq!(state.outcome.as_ref().map_or(4, |outcome| outcome.exit_code()), exit, "{mode:?}");
        assert_eq!(bench.world.lock().unwrap().asking.values().any(Asker::is_stopped), stopped, "{mode:?}");
        if mode == Mode::Recovery {
            let state = bench.run().await.unwrap();
            assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
            assert_eq!(crew.asked.lock().unwrap().len(), 2, "the same question, put in two processes");
            assert_eq!(count(&bench, "person.asked"), 1);
            assert_eq!(signals(&bench), [format!("approve {}: seen", nth(1))]);
        }
    }
}
