//! `ssm.start_automation`.

use crate::bench::{Bench, Try, fault, reply_lost, texts};
use lifeboat_engine::action::{ErrorKind, Observation, Said, Stage, UndoObservation};
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::value::Value;
use lifeboat_sim::fault::FaultKind;

fn step<'bench>(bench: &'bench Bench, effect: Effect, document: &str) -> Try<'bench> {
    bench.step_saying("ssm.start_automation", effect, &[("document", document.into())])
}

/// A fail-over that somebody must approve.
fn fail_over(bench: &Bench) -> Try<'_> {
    let mut step = step(bench, Effect::Modify, "Orders-FailOver");
    step.cx.with.insert("parameters".into(), texts(&[("Environment", "production")]));
    step
}

/// The state while it comes about.
async fn state(step: &mut Try<'_>) -> String {
    match step.look().await {
        Observation::InProgress { state } | Observation::Asks { state, .. } => state,
        other => panic!("not under way: {other:?}"),
    }
}

/// Somebody answers the execution that waits.
fn answer(bench: &Bench, signal: &str) {
    let id = bench.region().automations[0].id.clone();
    let body = serde_json::json!({ "AutomationExecutionId": id, "SignalType": signal });
    bench.somebody("AmazonSSM.SendAutomationSignal", "ssm", &body);
}

#[tokio::test(start_paused = true)]
async fn an_automation_runs_and_its_steps_are_told() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    step.cx.with.insert("tags".into(), texts(&[("team", "orders")]));
    step.begin().await;
    let outputs = step.ready().await;
    assert_eq!(outputs["status"], "Success".into());
    let Value::List(steps) = &outputs["steps"] else { panic!("{outputs:?}") };
    let told: Vec<_> = steps.iter().map(|step| step.to_string()).collect();
    assert_eq!(steps.len(), 2, "{told:?}");
    assert!(
        told[0].contains("Drain") && told[1].contains("Start") && told[1].contains("Success"),
        "{told:?}"
    );
    let Value::Map(left) = &outputs["outputs"] else { panic!("{outputs:?}") };
    assert_eq!(left["Start.Output"], Value::List(vec!["4 workers started".into()]));
    assert_eq!(step.cx.recorded.states_seen.first().map(String::as_str), Some("InProgress, Drain"));
    let tags = &bench.region().automations[0].tags;
    assert_eq!(tags.get("lifeboat:run").map(String::as_str), Some("k3v7qa2mxyz4567b"));
    assert_eq!(tags.get("team").map(String::as_str), Some("orders"));
    // What is over needs no taking back.
    step.undo().await;
    assert_eq!(bench.mutations(), ["StartAutomationExecution"]);
}

#[tokio::test(start_paused = true)]
async fn it_says_who_may_approve_and_goes_on_when_they_do() {
    let bench = Bench::new(Vec::new());
    let mut step = fail_over(&bench);
    step.begin().await;
    bench.pass(600);
    let id = bench.region().automations[0].id.clone();
    let told = state(&mut step).await;
    assert!(told.starts_with("Waiting for an approval in Approve: 1 of arn:aws:iam::"), "{told}");
    assert!(told.contains("role/OrdersOnCall"), "{told}");
    assert!(question(&mut step).await.1.contains(&id), "the question says which execution");
    answer(&bench, "Approve");
    assert_eq!(step.ready().await["status"], "Success".into());
    assert!(step.cx.recorded.states_seen.iter().any(|state| state == "InProgress, Promote"));
}

/// The question that is asked now: its subject and its text.
async fn question(step: &mut Try<'_>) -> (String, String) {
    match step.look().await {
        Observation::Asks { subject, text, .. } => (subject, text),
        other => panic!("nothing is asked: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_people_answered_is_handed_on_with_their_reason() {
    for (choice, ends_in) in [("approve", "Success"), ("reject", "Failed")] {
        let bench = Bench::new(Vec::new());
        let mut step = fail_over(&bench);
        step.begin().await;
        bench.pass(600);
        let (subject, text) = question(&mut step).await;
        assert!(text.contains("the automation Orders-FailOver go on at its step Approve?"), "{text}");
        assert!(text.contains("1 of arn:aws:iam::111122223333:role/OrdersOnCall"), "{text}");
        let said = Said { subject: subject.clone(), by: "carol".into(), reason: Some("lag is 2 s".into()) };
        step.cx.recorded.answers.push(said);
        let stage = Stage::answer(choice, &subject);
        step.act(stage.clone()).await.expect("it waits");
        // Somebody was first: that is seen by looking, and nothing is sent.
        assert_eq!(step.act(stage).await.expect_err("nothing waits").kind, ErrorKind::Unknown);
        let ended = match step.decided().await {
            Observation::Ready(outputs) => outputs["status"].to_string(),
            Observation::Broken { state, hint } => {
                assert!(hint.is_some_and(|hint| hint.contains("lag is 2 s (carol, in run ")));
                state
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(ended, ends_in);
        assert_eq!(bench.mutations(), ["StartAutomationExecution", "SendAutomationSignal"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_and_a_silence_are_failures() {
    for (signal, ends_in) in [(Some("Reject"), "Failed"), (None, "TimedOut")] {
        let bench = Bench::new(Vec::new());
        let mut step = fail_over(&bench);
        step.begin().await;
        bench.pass(600);
        signal.into_iter().for_each(|signal| answer(&bench, signal));
        let ended = step.decided().await;
        let Observation::Broken { state, hint: Some(hint) } = &ended else { panic!("{ended:?}") };
        assert_eq!(state, ends_in);
        assert!(!hint.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_says_why() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "Orders-Broken");
    step.begin().await;
    let ended = step.decided().await;
    let Observation::Broken { state, hint: Some(hint) } = &ended else { panic!("{ended:?}") };
    assert_eq!(state, "Failed");
    assert!(hint.contains("KeyError"), "{hint}");
    for word in ["CompletedWithFailure", "Exited", "Rejected"] {
        let kind = FaultKind::FinalState(word.into());
        let bench = Bench::new(vec![fault("ssm", "StartAutomationExecution", kind)]);
        let mut step = self::step(&bench, Effect::Modify, "Orders-RestartWorkers");
        step.begin().await;
        let ended = step.decided().await;
        assert!(matches!(&ended, Observation::Broken { state, .. } if state == word), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn asked_for_twice_it_is_the_same_execution() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    step.begin().await;
    step.act(Stage::first()).await.expect("the same execution answers");
    step.ready().await;
    assert_eq!(bench.region().automations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_found_by_its_tags() {
    let bench = Bench::new(vec![reply_lost("ssm", "StartAutomationExecution")]);
    let mut step = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    step.begin_without_reply().await;
    assert_eq!(step.ready().await["status"], "Success".into());
    assert_eq!(bench.mutations(), ["StartAutomationExecution"]);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_started_is_not_ours() {
    let bench = Bench::new(Vec::new());
    let body = serde_json::json!({ "DocumentName": "Orders-RestartWorkers" });
    bench.somebody("AmazonSSM.StartAutomationExecution", "ssm", &body);
    let mut step = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    step.prepare().await.expect("prepared");
    assert_eq!(step.look().await, Observation::Absent);
    step.undo().await;
    assert_eq!(bench.mutations(), ["StartAutomationExecution"], "theirs, and it is not stopped");
}

#[tokio::test(start_paused = true)]
async fn a_question_starts_its_execution_once() {
    let bench = Bench::new(vec![reply_lost("ssm", "StartAutomationExecution")]);
    let mut step = step(&bench, Effect::Read, "Orders-RestartWorkers");
    step.prepare().await.expect("prepared");
    assert_eq!(step.ready().await["status"], "Success".into());
    step.ready().await;
    assert_eq!(bench.region().automations.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_is_stopped_and_twice_is_once() {
    for lost in [false, true] {
        let faults = if lost { vec![reply_lost("ssm", "StartAutomationExecution")] } else { Vec::new() };
        let bench = Bench::new(faults);
        let mut step = fail_over(&bench);
        match lost {
            true => step.begin_without_reply().await,
            false => step.begin().await,
        }
        bench.pass(600);
        assert!(state(&mut step).await.contains("approval"));
        for _ in 0..2 {
            step.undo().await;
        }
        assert_eq!(bench.mutations(), ["StartAutomationExecution", "StopAutomationExecution"]);
        step.action.undo(&step.cx, &Stage::first()).await.expect("it has ended already");
        let now = bench.simulator.world().now;
        assert_eq!(bench.region().automations[0].status(now), "Cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    step.prepare().await.expect("prepared");
    let seen = lifeboat_engine::lookout::Seen::absent("none");
    assert_eq!(step.action.judge_undo(&step.cx, &seen), UndoObservation::Gone);
    step.undo().await;
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused() {
    let bench = Bench::new(Vec::new());
    let mut half = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    half.cx.with.insert("targets".into(), texts(&[("tag:role", "api")]));
    assert_eq!(half.prepare().await.expect_err("no target_parameter").code, "parameter");
    let mut many = step(&bench, Effect::Modify, "Orders-RestartWorkers");
    many.cx.with.insert("tags".into(), texts(&[("a", "1"), ("b", "2"), ("c", "3")]));
    assert_eq!(many.prepare().await.expect_err("six tags").code, "parameter");
    let mut absent = step(&bench, Effect::Modify, "No-Such-Document");
    absent.prepare().await.expect("prepared");
    let error = absent.act(Stage::first()).await.expect_err("no such document");
    assert_eq!(error.kind, ErrorKind::Refused);
}

#[tokio::test(start_paused = true)]
async fn what_runs_for_targets_is_told_and_asks_for_each() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "Orders-RestartNode");
    step.cx.with.insert("targets".into(), texts(&[("tag:role", "api")]));
    step.cx.with.insert("target_parameter".into(), "InstanceId".into());
    step.begin().await;
    bench.pass(60);
    for _ in 0..2 {
        let (subject, text) = question(&mut step).await;
        assert!(text.contains("the automation Orders-RestartNode for i-0a1b2c3d4e5f6000"), "{text}");
        assert!(text.contains("Is it drained?"), "{text}");
        step.act(Stage::answer("approve", &subject)).await.expect("it waits");
    }
    let Value::List(steps) = &step.ready().await["steps"] else { panic!("no steps") };
    // One for each target, and three in each of the executions that they are.
    assert_eq!(steps.len(), 2 + 2 * 3);
    let seen = step.seen().await.expect("it is watched");
    assert_eq!(seen.entries.len(), 2 * steps.len(), "each began and ended");
    assert!(
        seen.entries
            .iter()
            .any(|entry| entry.message == "i-0a1b2c3d4e5f60001: Drain (aws:runCommand) ended as Success")
    );
    assert!(seen.entries.is_sorted_by_key(|entry| entry.at));
}
