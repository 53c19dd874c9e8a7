//! `ssm.get_parameter` and `ssm.put_parameter`.

use crate::bench::{Bench, Try, reply_lost};
use lifeboat_engine::action::{ErrorKind, Observation, Stage};
use lifeboat_runbook::value::{Secret, Value};

const HOST: &str = "/orders/db-host";
const HOOK: &str = "/lifeboat/slack-webhook";

fn put<'bench>(bench: &'bench Bench, name: &str, value: impl Into<Value>) -> Try<'bench> {
    bench.step("ssm.put_parameter", &[("name", name.into()), ("value", value.into())])
}

/// The newest value, and how many versions there are; nothing where there is no such parameter.
fn stored(bench: &Bench, name: &str) -> Option<(String, i64)> {
    let region = bench.region();
    let newest = region.parameters.get(name)?.version(None)?;
    Some((newest.value.clone(), newest.number))
}

#[tokio::test(start_paused = true)]
async fn a_parameter_is_read_with_its_version() {
    let bench = Bench::new(Vec::new());
    let outputs = bench.step("ssm.get_parameter", &[("name", HOST.into())]).ready().await;
    assert!(outputs["value"].as_str().is_some_and(|host| host.starts_with("orders-prod.")), "{outputs:?}");
    assert_eq!(outputs["version"], Value::Int(1));
    let outputs = bench.step("ssm.get_parameter", &[("name", format!("{HOST}:1").into())]).ready().await;
    assert_eq!(outputs["arn"], "arn:aws:ssm:eu-west-1:111122223333:parameter/orders/db-host".into());
}

#[tokio::test(start_paused = true)]
async fn what_is_secret_or_absent_is_not_read() {
    let bench = Bench::new(Vec::new());
    for (name, code) in [(HOOK, "secure_string"), ("/absent", "ParameterNotFound")] {
        let step = bench.step("ssm.get_parameter", &[("name", name.into())]);
        let error = step.action.observe(&step.cx).await.expect_err("refused");
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Refused, code));
        assert!(!format!("{error:?}").contains("hooks.slack"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_written_and_the_old_value_comes_back() {
    let bench = Bench::new(Vec::new());
    let (before, _) = stored(&bench, HOST).expect("it is there");
    let mut step = put(&bench, HOST, "copy.example");
    step.begin().await;
    let outputs = step.ready().await;
    assert_eq!(outputs["version"], Value::Int(2));
    assert_eq!(stored(&bench, HOST), Some(("copy.example".into(), 2)));
    for _ in 0..2 {
        step.undo().await;
        assert_eq!(stored(&bench, HOST), Some((before.clone(), 3)));
    }
    assert_eq!(bench.mutations(), ["PutParameter", "PutParameter"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_parameter_keeps_its_type_and_is_written_down_nowhere() {
    let bench = Bench::new(Vec::new());
    let before = stored(&bench, HOOK).expect("it is there");
    let mut step = put(&bench, HOOK, Secret::new("hook", "https://hooks.example/new-hook"));
    step.begin().await;
    let outputs = step.ready().await;
    let journaled = format!("{:?} {:?} {outputs:?}", step.cx.prepared, step.notes());
    assert!(!journaled.contains("hooks."), "{journaled}");
    let region = bench.region();
    let kinds: Vec<_> =
        region.parameters[HOOK].versions.iter().map(|version| version.kind.as_str()).collect();
    assert_eq!(kinds, ["SecureString", "SecureString"]);
    step.undo().await;
    assert_eq!(stored(&bench, HOOK), Some((before.0, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_new_parameter_is_deleted_again() {
    let bench = Bench::new(Vec::new());
    let mut step = put(&bench, "/orders/new", "value");
    step.begin().await;
    assert_eq!(step.ready().await["version"], Value::Int(1));
    for _ in 0..2 {
        step.undo().await;
        assert_eq!(stored(&bench, "/orders/new"), None);
    }
    assert_eq!(bench.mutations(), ["PutParameter", "DeleteParameter"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_looked_at_and_not_written_again() {
    let bench = Bench::new(vec![reply_lost("ssm", "PutParameter")]);
    let mut step = put(&bench, HOST, "copy.example");
    step.begin_without_reply().await;
    assert_eq!(step.ready().await["version"], Value::Int(2));
    step.undo().await;
    assert_eq!(bench.mutations(), ["PutParameter", "PutParameter"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    for name in [HOST, "/orders/new"] {
        let mut step = put(&bench, name, "copy.example");
        step.prepare().await.expect("prepared");
        assert_eq!(step.look().await, Observation::Absent);
        step.undo().await;
    }
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_version_of_somebody_else_is_theirs() {
    let bench = Bench::new(Vec::new());
    let mut ours = put(&bench, HOST, "copy.example");
    ours.prepare().await.expect("prepared");
    put(&bench, HOST, "theirs.example").begin().await;
    let seen = ours.look().await;
    assert!(matches!(seen, Observation::Foreign { .. }), "{seen:?}");
    ours.undo().await;
    assert_eq!(stored(&bench, HOST), Some(("theirs.example".into(), 2)));

    let mut first = put(&bench, HOST, "first.example");
    first.begin().await;
    first.ready().await;
    put(&bench, HOST, "second.example").begin().await;
    let seen = first.look().await;
    assert!(matches!(&seen, Observation::Broken { state, .. } if state == "superseded"), "{seen:?}");
    first.undo().await;
    assert_eq!(stored(&bench, HOST), Some(("second.example".into(), 4)));
}

#[tokio::test(start_paused = true)]
async fn another_version_than_the_expected_one_is_refused() {
    let bench = Bench::new(Vec::new());
    for (name, expected, is_refused) in
        [(HOST, 1, false), (HOST, 7, true), (HOST, 0, true), ("/orders/new", 0, false)]
    {
        let with = [("name", name.into()), ("value", "x".into()), ("expect_version", Value::Int(expected))];
        let prepared = bench.step("ssm.put_parameter", &with).prepare().await;
        assert_eq!(prepared.is_err(), is_refused, "{name} {expected}: {prepared:?}");
    }
    // A name that AWS refuses is refused, and nothing is left.
    let mut step = put(&bench, "/aws/no", "x");
    step.prepare().await.expect("prepared");
    let error = step.act(Stage::first()).await.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Refused);
    step.undo().await;
}
