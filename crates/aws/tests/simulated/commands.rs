//! `ssm.run_command`.

use crate::bench::{Bench, Try, reply_lost, texts};
use lifeboat_engine::action::{ErrorKind, Observation, Stage};
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::value::Value;

/// A script on the nodes that serve the API.
fn step<'bench>(bench: &'bench Bench, effect: Effect, script: &str) -> Try<'bench> {
    let with = [
        ("document", "AWS-RunShellScript".into()),
        ("targets", texts(&[("tag:role", "api")])),
        ("parameters", texts(&[("commands", script)])),
    ];
    bench.step_saying("ssm.run_command", effect, &with)
}

#[tokio::test(start_paused = true)]
async fn a_script_runs_on_every_node() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "pg_isready");
    step.begin().await;
    let outputs = step.ready().await;
    assert_eq!((&outputs["status"], &outputs["targets"]), (&"Success".into(), &Value::Int(2)));
    let Value::Map(printed) = &outputs["outputs"] else { panic!("{outputs:?}") };
    assert_eq!(printed["i-0a1b2c3d4e5f60001"], "accepting connections\n".into());
    // What is over needs no taking back.
    step.undo().await;
    assert_eq!(bench.mutations(), ["SendCommand"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_sends_its_command_once() {
    let bench = Bench::new(vec![reply_lost("ssm", "SendCommand")]);
    let mut step = step(&bench, Effect::Read, "pg_isready");
    step.prepare().await.expect("prepared");
    assert_eq!(step.ready().await["status"], "Success".into());
    step.ready().await;
    assert_eq!(bench.mutations(), ["SendCommand"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_found_by_its_comment() {
    let bench = Bench::new(vec![reply_lost("ssm", "SendCommand")]);
    let mut step = step(&bench, Effect::Modify, "pg_isready");
    step.begin_without_reply().await;
    assert_eq!(step.ready().await["status"], "Success".into());
    assert_eq!(bench.mutations(), ["SendCommand"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_fails_says_where() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "exit 1");
    step.begin().await;
    let ended = step.decided().await;
    let Observation::Broken { state, hint: Some(hint) } = &ended else { panic!("{ended:?}") };
    assert_eq!(state, "Failed");
    assert!(hint.contains("i-0a1b2c3d4e5f60001: Failed"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn success_on_no_node_is_none() {
    let bench = Bench::new(Vec::new());
    for (role, wanted, is_enough) in [("nobody", 1, false), ("api", 3, false), ("api", 2, true)] {
        let mut step = step(&bench, Effect::Modify, "pg_isready");
        step.cx.attempt = u32::try_from(wanted).expect("small") + u32::from(role == "nobody") * 10;
        step.cx.with.insert("targets".into(), texts(&[("tag:role", role)]));
        step.cx.with.insert("expect_targets".into(), Value::Int(wanted));
        step.begin().await;
        let ended = step.decided().await;
        assert_eq!(matches!(ended, Observation::Ready(_)), is_enough, "{role} {wanted}: {ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_is_cancelled_and_twice_is_once() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "sleep 7200");
    step.begin().await;
    bench.pass(60);
    assert!(matches!(step.look().await, Observation::InProgress { .. }));
    for _ in 0..2 {
        step.undo().await;
    }
    assert_eq!(bench.mutations(), ["SendCommand", "CancelCommand"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, Effect::Modify, "pg_isready");
    step.prepare().await.expect("prepared");
    assert_eq!(step.look().await, Observation::Absent);
    step.undo().await;
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn nodes_and_documents_that_are_not_there_are_refused() {
    let bench = Bench::new(Vec::new());
    let mut both = step(&bench, Effect::Modify, "pg_isready");
    both.cx.with.insert("instances".into(), Value::List(vec!["i-0a1b2c3d4e5f60001".into()]));
    assert_eq!(both.prepare().await.expect_err("both").code, "parameter");
    let mut absent = step(&bench, Effect::Modify, "pg_isready");
    absent.cx.with.insert("document".into(), "No-Such-Document".into());
    absent.prepare().await.expect("prepared");
    let error = absent.act(Stage::first()).await.expect_err("no such document");
    assert_eq!(error.kind, ErrorKind::Refused);
}
