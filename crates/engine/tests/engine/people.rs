//! Steps that ask people: answered, declined, late, and with nobody there.

use crate::bench::Bench;
use crate::plans::{plan, step};
use crate::world::MAKE;
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::people::{Given, Open, People};
use lifeboat_journal::event::{EventKind, PauseReason};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Approve, Decide, DecideOption, Manual, Mode, Plan, Step, Work};
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers after some time, each answer once, in this order.
struct Script {
    clock: Clock,
    after: Duration,
    answers: Mutex<Vec<Given>>,
    refused: Mutex<Vec<String>>,
}

#[async_trait]
impl People for Script {
    async fn answer(&self, _: &Open) -> Option<Given> {
        self.clock.sleep(self.after).await;
        let mut answers = self.answers.lock().unwrap();
        (!answers.is_empty()).then(|| answers.remove(0))
    }

    fn refuse(&self, _: &Open, _: &Given, problem: &str) {
        self.refused.lock().unwrap().push(problem.to_owned());
    }
}

fn given(choice: &str) -> Given {
    Given { by: "carol".into(), choice: choice.into(), reason: Some("because".into()), ..Given::default() }
}

fn asking(id: &str, work: Work) -> Step {
    Step { work, effect: None, ..step(id, &MAKE, &[]) }
}

fn approval(on_timeout: Option<&str>, reject_stops: bool) -> Work {
    Work::Approve(Approve {
        message: Template::literal("Go?"),
        from: vec![],
        at_least: 1,
        not_the_operator: false,
        fields: BTreeMap::new(),
        timeout: Some(TimeDelta::minutes(20)),
        on_timeout: on_timeout.map(str::to_owned),
        reject_stops,
    })
}

fn decision(on_timeout: Option<&str>) -> Work {
    let option = |id: &str| DecideOption { id: id.into(), label: id.into(), when: None };
    Work::Decide(Decide {
        question: Template::literal("Which?"),
        role: None,
        options: vec![option("restore"), option("wait")],
        fields: BTreeMap::new(),
        timeout: Some(TimeDelta::minutes(20)),
        on_timeout: on_timeout.map(str::to_owned),
    })
}

fn by_hand(on_timeout: Option<&str>) -> Work {
    Work::Manual(Manual {
        instructions: Template::literal("Do it."),
        evidence: BTreeMap::new(),
        fields: BTreeMap::new(),
        timeout: Some(TimeDelta::minutes(20)),
        on_timeout: on_timeout.map(str::to_owned),
    })
}

fn one_thing_then(work: Work) -> Plan {
    plan(vec![step("first", &MAKE, &[]), asking("ask", work)])
}

/// A bench whose people answer so after some minutes.
fn bench(plan: Plan, mode: Mode, minutes: u64, answers: &[Given]) -> (Bench, Arc<Script>) {
    let mut bench = Bench { mode, ..Bench::new(plan) };
    let script = Arc::new(Script {
        clock: bench.clock.clone(),
        after: Duration::from_secs(60 * minutes),
        answers: Mutex::new(answers.to_vec()),
        refused: Mutex::default(),
    });
    bench.outside.people = script.clone();
    (bench, script)
}

fn state_of(state: &RunState, step: &str) -> String {
    state.step(&StepPath::new(step)).status.word().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_is_asked_for_again_and_the_wait_is_measured() {
    let plan = one_thing_then(decision(None));
    let (bench, script) = bench(plan, Mode::Drill, 5, &[given("restor"), given("restore")]);
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().exit_code(), 0);
    let asked = state.step(&StepPath::new("ask"));
    assert_eq!(asked.outputs["choice"], Value::from("restore"));
    assert_eq!(asked.outputs["by"], Value::from("carol"));
    assert!(script.refused.lock().unwrap()[0].contains("did you mean `restore`?"));
    let question = asked.asked().unwrap();
    assert_eq!(question.at.seconds_to(&question.ended().unwrap()), 600.0, "two answers, five minutes each");
}

/// What becomes of a run, for each way of not saying yes.
#[tokio::test(start_paused = true)]
async fn a_decision_table_of_refusals() {
    let late = &[];
    let no = &[given("reject")];
    let failed = &[given("failed")];
    let (drill, recovery) = (Mode::Drill, Mode::Recovery);
    for (work, mode, answers, code, step, left) in [
        (approval(None, true), drill, &no[..], 5, "failed", 0),
        (approval(None, true), recovery, &no[..], 4, "failed", 1),
        (approval(None, false), drill, &no[..], 0, "succeeded", 0),
        (approval(None, true), drill, &late[..], 5, "failed", 0),
        (approval(Some("reject"), false), drill, &late[..], 0, "succeeded", 0),
        (approval(Some("abort"), false), drill, &late[..], 5, "failed", 0),
        (approval(Some("abort"), true), recovery, &late[..], 4, "failed", 1),
        (decision(None), drill, &late[..], 1, "failed", 0),
        (decision(Some("wait")), drill, &late[..], 0, "succeeded", 0),
        (decision(Some("abort")), drill, &late[..], 5, "failed", 0),
        (by_hand(None), drill, &failed[..], 1, "failed", 0),
        (by_hand(None), recovery, &failed[..], 4, "failed", 1),
        (by_hand(Some("continue")), drill, &late[..], 0, "succeeded", 0),
        (by_hand(Some("fail")), recovery, &late[..], 4, "failed", 1),
    ] {
        let minutes = if answers.is_empty() { 60 } else { 1 };
        let (bench, _) = bench(one_thing_then(work.clone()), mode, minutes, answers);
        let state = bench.run().await.unwrap();
        let ended = state.outcome.as_ref().map_or(4, |outcome| outcome.exit_code());
        let told = format!("{work:?} {mode:?}");
        assert_eq!((ended, state_of(&state, "ask").as_str(), bench.left()), (code, step, left), "{told}");
        if code == 5 {
            let verdict = state.outcome.unwrap().verdict;
            assert!(
                matches!(&verdict, Verdict::Aborted { by, .. } if by == "carol" || by == "ask"),
                "{verdict:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_nobody_there_the_run_pauses_and_is_asked_once() {
    let bench = Bench { mode: Mode::Recovery, ..Bench::new(one_thing_then(approval(None, true))) };
    for _ in 0..3 {
        let state = bench.run().await.unwrap();
        let paused = state.paused.unwrap();
        assert_eq!(paused.because, PauseReason::Person);
        // Nobody is there to be asked: this hour does not count against people, who have twenty minutes.
        bench.clock.sleep(Duration::from_secs(3600)).await;
    }
    assert_eq!(bench.journal().matches("\"person.asked\"").count(), 1);
    let answer = lifeboat_journal::event::Answer {
        asked: bench.journal().lines().position(|line| line.contains("\"person.asked\"")).unwrap() as u64 + 1,
        choice: "approve".into(),
        reason: None,
        fields: BTreeMap::new(),
        via: "command".into(),
        ..lifeboat_journal::event::Answer::default()
    };
    let state = bench.order("ask", EventKind::PersonAnswered(Box::new(answer))).await;
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    assert_eq!(bench.made().len(), 1, "nothing was done twice while nobody was there");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_waited_for_once_whatever_happens_meanwhile() {
    let whole = Bench::new(plan(vec![asking("rest", Work::Pause(TimeDelta::minutes(30)))]));
    let state = whole.run().await.unwrap();
    let rest = state.step(&StepPath::new("rest"));
    assert_eq!(rest.started.unwrap().seconds_to(&rest.finished.unwrap()), 1800.0);
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for (at, behind) in (1..=syncs).flat_map(|at| [(at, false), (at, true)]) {
        let bench = Bench::new(whole.plan.clone());
        bench.disk.0.lock().unwrap().die_at = Some((at, behind));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed, "{at} {behind}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_people_must_approve_and_each_counts_once() {
    let work = |at_least| match approval(None, true) {
        Work::Approve(approve) => Work::Approve(Approve { at_least, not_the_operator: true, ..approve }),
        other => other,
    };
    // Written down before the run: nobody asks AWS who they are.
    let by = |name: &str, choice: &str| Given {
        by: name.into(),
        via: lifeboat_engine::people::IN_ADVANCE.into(),
        ..given(choice)
    };
    let (alice, bob, carol) = (by("alice", "approve"), by("bob", "approve"), by("carol", "approve"));
    for (at_least, answers, code, refused, names) in [
        (2, vec![bob.clone(), bob.clone(), carol.clone()], 0, "has approved it already", "bob, carol"),
        (2, vec![alice.clone(), bob.clone(), carol.clone()], 0, "other than the operator", "bob, carol"),
        (2, vec![bob.clone(), by("carol", "reject")], 5, "", ""),
        // With nobody left to answer the run waits for people.
        (3, vec![bob.clone(), carol.clone()], 4, "", ""),
    ] {
        let plan = one_thing_then(work(at_least));
        let (bench, script) = bench(plan, Mode::Drill, 5, &answers);
        let state = bench.run().await.unwrap();
        let ended = state.outcome.as_ref().map_or(4, |outcome| outcome.exit_code());
        assert_eq!(ended, code, "{at_least} {answers:?}");
        let problems = script.refused.lock().unwrap().join("; ");
        assert!(problems.contains(refused) && problems.is_empty() == refused.is_empty(), "{problems}");
        if !names.is_empty() {
            let asked = state.step(&StepPath::new("ask"));
            assert_eq!(asked.outputs["by"], Value::from(names));
            assert_eq!(asked.asked().unwrap().approvals(), Some((2, 2)));
        }
    }
}
