//! `secretsmanager.update_keys`.

use crate::bench::{Bench, Try, reply_lost, texts};
use lifeboat_engine::action::{ErrorKind, Observation, Stage};
use lifeboat_runbook::value::{Secret, Value};
use lifeboat_sim::world::SecretValue;
use std::collections::BTreeMap;

fn step(bench: &Bench) -> Try<'_> {
    let set = Value::Map(BTreeMap::from([
        ("host".to_owned(), "copy.example".into()),
        ("password".to_owned(), Secret::new("password", "the-new-password").into()),
    ]));
    bench.step("secretsmanager.update_keys", &[("secret", "orders/db".into()), ("set", set)])
}

/// What readers of the secret get, as JSON.
fn current(bench: &Bench) -> serde_json::Value {
    let region = bench.region();
    let secret = &region.secrets["orders/db"];
    match &secret.versions[secret.holder("AWSCURRENT").expect("a current version")].value {
        SecretValue::Text(text) => serde_json::from_str(text).expect("JSON"),
        SecretValue::Binary(_) => panic!("it is text"),
    }
}

fn versions(bench: &Bench) -> usize {
    bench.region().secrets["orders/db"].versions.len()
}

#[tokio::test(start_paused = true)]
async fn the_named_keys_change_and_come_back() {
    let bench = Bench::new(Vec::new());
    let before = current(&bench);
    let mut step = step(&bench);
    step.begin().await;
    let outputs = step.ready().await;
    let changed = current(&bench);
    assert_eq!(
        (&changed["host"], &changed["password"]),
        (&"copy.example".into(), &"the-new-password".into())
    );
    assert_eq!((&changed["username"], &changed["port"]), (&before["username"], &before["port"]));
    assert_eq!(outputs["version_id"], step.cx.prepared.token.as_str().into());
    assert_ne!(outputs["version_id"], outputs["previous_version_id"]);
    // Nothing that is written down holds what the secret held or holds.
    let journaled = format!("{:?} {:?} {outputs:?}", step.cx.prepared, step.notes());
    assert!(!journaled.contains("correct-horse") && !journaled.contains("the-new-password"), "{journaled}");
    for _ in 0..2 {
        step.undo().await;
        assert_eq!(current(&bench), before);
    }
    assert_eq!(bench.mutations(), ["PutSecretValue", "UpdateSecretVersionStage"]);
}

#[tokio::test(start_paused = true)]
async fn performed_twice_it_writes_once() {
    let bench = Bench::new(Vec::new());
    let count = versions(&bench);
    let mut step = step(&bench);
    step.begin().await;
    step.act(Stage::first()).await.expect("it is there already");
    step.ready().await;
    assert_eq!((versions(&bench), bench.mutations().len()), (count + 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_looked_at() {
    let bench = Bench::new(vec![
        reply_lost("secretsmanager", "PutSecretValue"),
        reply_lost("secretsmanager", "UpdateSecretVersionStage"),
    ]);
    let before = current(&bench);
    let mut step = step(&bench);
    step.begin_without_reply().await;
    step.ready().await;
    step.undo().await;
    assert_eq!(current(&bench), before);
    assert_eq!(bench.mutations(), ["PutSecretValue", "UpdateSecretVersionStage"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench);
    step.prepare().await.expect("prepared");
    assert_eq!(step.look().await, Observation::Absent);
    step.undo().await;
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_somebody_else_wrote_is_theirs() {
    let bench = Bench::new(Vec::new());
    let mut ours = step(&bench);
    ours.prepare().await.expect("prepared");
    let mut theirs = step(&bench);
    theirs.cx.attempt = 2;
    theirs.begin().await;
    let error = ours.act(Stage::first()).await.expect_err("the value is another now");
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Refused, "superseded"));

    let mut third = step(&bench);
    third.cx.attempt = 3;
    third.begin().await;
    let seen = theirs.look().await;
    assert!(matches!(&seen, Observation::Broken { state, .. } if state == "superseded"), "{seen:?}");
    // Taking back what was superseded takes nothing away from who came after.
    let last = current(&bench);
    theirs.undo().await;
    assert_eq!(current(&bench), last);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_updated_is_refused_before_anything() {
    let bench = Bench::new(Vec::new());
    for (secret, set, why) in [
        ("orders/absent", texts(&[("host", "x")]), "there is no secret `orders/absent`"),
        ("orders/db", texts(&[]), "`set` names no key"),
    ] {
        let with = [("secret", Value::from(secret)), ("set", set)];
        let error = bench.step("secretsmanager.update_keys", &with).prepare().await.expect_err("refused");
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.starts_with(why), "{}", error.message);
    }
    assert_eq!(bench.mutations(), Vec::<String>::new());
}
