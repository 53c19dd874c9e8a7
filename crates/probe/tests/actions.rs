//! What the actions make of the answers of their ports.

use async_trait::async_trait;
use lifeboat_engine::action::{
    Action, ActionError, ErrorKind, Note, Notes, Observation, Place, Prepared, Recorded, Stage, StepContext,
};
use lifeboat_engine::registry::Registry;
use lifeboat_probe::Ports;
use lifeboat_probe::connect_to::ConnectTo;
use lifeboat_probe::dial::{Dial, DialRequest, NoAnswer};
use lifeboat_probe::http::{Http, HttpAnswer, HttpRequest};
use lifeboat_probe::spawn::{Finished, Spawn, SpawnError, SpawnRequest};
use lifeboat_probe::sql::{Rows, Sql, SqlError, SqlRequest};
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::units::parse_time;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Whom every port leads to: it gives the answers it was told to, and remembers what it was asked.
struct World {
    sql: Result<Rows, SqlError>,
    http: HttpAnswer,
    spawn: Finished,
    asked: Mutex<Vec<String>>,
}

impl World {
    fn hears(&self, question: String) {
        self.asked.lock().unwrap().push(question);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sql for World {
    async fn query(&self, request: &SqlRequest) -> Result<Rows, SqlError> {
        self.hears(format!("{:?} {} at {}", request.access, request.sql, request.connect));
        self.sql.clone()
    }
}

#[async_trait]
impl Http for World {
    async fn ask(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
        self.hears(format!("{} {} at {}", request.method, request.url, request.connect));
        Ok(self.http.clone())
    }
}

#[async_trait]
impl Dial for World {
    async fn dial(&self, request: &DialRequest) -> Result<Duration, NoAnswer> {
        self.hears(format!("{} for {:?}", request.connect, request.timeout));
        Ok(Duration::from_millis(12))
    }
}

#[async_trait]
impl Spawn for World {
    async fn run(&self, request: &SpawnRequest) -> Result<Finished, SpawnError> {
        self.hears(format!("{} {}", request.program, request.args.join(" ")));
        Ok(self.spawn.clone())
    }
}

fn world() -> World {
    World {
        sql: Ok(Rows { rows: vec![BTreeMap::from([("n".to_owned(), Value::Int(7))])], count: 1 }),
        http: HttpAnswer { status: 200, took: Duration::from_millis(34), body: b"all is well".to_vec() },
        spawn: Finished { stdout: "printed".into(), ..Finished::default() },
        asked: Mutex::default(),
    }
}

fn action(name: &str, world: &Arc<World>, redirects: &[&str]) -> Arc<dyn Action> {
    let redirects = redirects.iter().map(|text| text.parse().unwrap()).collect();
    let mut registry = Registry::default();
    let ports = Ports {
        sql: world.clone(),
        http: world.clone(),
        dial: world.clone(),
        spawn: world.clone(),
        connect_to: ConnectTo::new(redirects, true),
    };
    lifeboat_probe::register(&mut registry, ports);
    registry.action(name).unwrap()
}

#[derive(Default)]
struct Heard(Mutex<Vec<Note>>);

impl Notes for Heard {
    fn note(&self, _: &StepPath, _: u32, note: Note) -> Result<(), ActionError> {
        self.0.lock().unwrap().push(note);
        Ok(())
    }
}

fn step(effect: Effect, with: &[(&str, Value)]) -> (StepContext, Arc<Heard>) {
    let notes = Arc::new(Heard::default());
    let now = parse_time("2026-01-05T09:00:00Z").unwrap();
    let cx = StepContext {
        run: RunId::new("k3v7qa2mxyz4567b"),
        runbook: "book".into(),
        path: StepPath::new("ask"),
        attempt: 1,
        mode: Mode::Drill,
        effect: Some(effect),
        place: Place { account: "111122223333".into(), region: "eu-west-1".into() },
        with: with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        wait_for: None,
        run_started_at: now,
        prepared: Prepared::default(),
        recorded: Recorded::default(),
        now,
        notes: notes.clone(),
        adopted: false,
    };
    (cx, notes)
}

fn sql(effect: Effect, more: &[(&str, Value)]) -> (StepContext, Arc<Heard>) {
    let texts = [("host", "db.test"), ("database", "orders"), ("user", "reader"), ("sql", "select 7 as n")];
    let with: Vec<_> =
        texts.map(|(name, text)| (name, Value::from(text))).into_iter().chain(more.to_vec()).collect();
    step(effect, &with)
}

fn ready(observation: Result<Observation, ActionError>) -> BTreeMap<String, Value> {
    match observation {
        Ok(Observation::Ready(outputs)) => outputs,
        other => panic!("not ready: {other:?}"),
    }
}

fn refusal<T>(outcome: Result<T, ActionError>) -> ActionError {
    outcome.err().expect("a refusal")
}

#[tokio::test]
async fn a_question_asks_and_a_change_changes_once() {
    let world = Arc::new(world());
    let query = action("postgres.query", &world, &[]);
    let (cx, _) = sql(Effect::Read, &[]);
    let outputs = ready(query.observe(&cx).await);
    assert_eq!(outputs["row_count"], Value::Int(1));

    let (mut cx, _) = sql(Effect::Modify, &[]);
    let accepted = query.act(&cx, &Stage::first()).await.unwrap();
    cx.recorded.accepted.push((Stage::first(), cx.now, accepted.data));
    for _ in 0..2 {
        assert_eq!(ready(query.observe(&cx).await), outputs);
    }
    let asked = ["Read select 7 as n at db.test:5432", "Modify select 7 as n at db.test:5432"];
    assert_eq!(world.asked(), asked);
    assert!(query.undo(&cx, &Stage::first()).await.is_ok());
}

#[tokio::test]
async fn a_change_that_may_have_been_committed_is_unknown_and_not_made_again() {
    let world = Arc::new(World { sql: Err(SqlError::CommitUnknown("gone".into())), ..world() });
    let query = action("postgres.query", &world, &[]);
    let (cx, _) = sql(Effect::Modify, &[]);
    assert_eq!(refusal(query.act(&cx, &Stage::first()).await).kind, ErrorKind::Unknown);
    let seen = query.observe(&cx).await.unwrap();
    assert!(matches!(&seen, Observation::Broken { state, hint: Some(_) } if state == "unknown"), "{seen:?}");
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn errors_of_a_database_keep_their_codes() {
    for (error, code) in [
        (SqlError::Connect { host: "db".into(), why: "refused".into() }, "connect"),
        (SqlError::Timeout { seconds: 3 }, "timeout"),
        (SqlError::Auth("no".into()), "auth"),
        (SqlError::Tls("no".into()), "tls"),
        (SqlError::Sql("no".into()), "sql"),
    ] {
        let world = Arc::new(World { sql: Err(error), ..world() });
        let (cx, _) = sql(Effect::Read, &[]);
        let failure = refusal(action("postgres.query", &world, &[]).observe(&cx).await);
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Failed, code));
    }
}

#[tokio::test]
async fn what_a_query_cannot_mean_is_refused_before_anybody_is_asked() {
    for (name, value, why) in [
        ("iam_auth", Value::Bool(true), "IAM database authentication"),
        ("port", Value::Int(70_000), "70000 is not a port"),
        ("port", Value::Int(0), "0 is not a port"),
        ("tls", "maybe".into(), "the parameter `tls`"),
        ("timeout", chrono::TimeDelta::zero().into(), "more than 0s"),
        ("host", Value::Null, "the parameter `host` has no value"),
    ] {
        let world = Arc::new(world());
        let (cx, _) = sql(Effect::Read, &[(name, value)]);
        let error = refusal(action("postgres.query", &world, &[]).prepare(&cx).await);
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.contains(why), "{}", error.message);
        assert!(world.asked().is_empty());
    }
}

#[tokio::test]
async fn a_connection_elsewhere_is_evidence_and_a_finding() {
    let told = "connections to db.test:5432 went to 127.0.0.1:15432 (--connect)";
    let world = Arc::new(world());
    let redirects = ["db.test:*=127.0.0.1:15432"];
    for (name, with) in [
        ("postgres.query", sql(Effect::Read, &[])),
        ("tcp.check", step(Effect::Read, &[("host", "db.test".into()), ("port", Value::Int(5432))])),
        ("http.check", step(Effect::Read, &[("url", "http://db.test:5432/".into())])),
    ] {
        let (cx, notes) = with;
        let action = action(name, &world, &redirects);
        assert_eq!(action.prepare(&cx).await.unwrap().findings, [told]);
        ready(action.observe(&cx).await);
        let evidence = Note::Evidence { kind: "connect_to".into(), value: told.into() };
        assert_eq!(*notes.0.lock().unwrap(), [evidence]);
        assert!(world.asked().last().unwrap().contains("127.0.0.1:15432"), "{:?}", world.asked());
    }
}

#[tokio::test]
async fn a_page_is_judged_by_status_and_words() {
    let list = |statuses: &[i64]| Value::List(statuses.iter().map(|status| Value::Int(*status)).collect());
    let check = |status, with: Vec<(&'static str, Value)>| async move {
        let http = HttpAnswer { status, ..world().http };
        let (cx, _) =
            step(Effect::Read, &[&[("url", "https://shop.test/".into())], with.as_slice()].concat());
        action("http.check", &Arc::new(World { http, ..world() }), &[]).observe(&cx).await
    };
    for (status, with, passes) in [
        (200, vec![], true),
        (204, vec![], true),
        (302, vec![], false),
        (503, vec![], false),
        (503, vec![("status", Value::Int(503))], true),
        (200, vec![("status", Value::Int(503))], false),
        (401, vec![("status", list(&[401, 403]))], true),
        (200, vec![("contains", "is well".into())], true),
        (200, vec![("contains", "is ill".into())], false),
    ] {
        let judged = check(status, with.clone()).await;
        assert_eq!(judged.is_ok(), passes, "{status} {with:?}");
        if let Err(error) = judged {
            assert_eq!(error.code, "assert");
        }
    }
    let outputs = ready(check(200, vec![]).await);
    let expected = [("body", "all is well".into()), ("ms", Value::Int(34)), ("status", Value::Int(200))];
    assert_eq!(outputs, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[tokio::test]
async fn a_url_that_cannot_be_asked_is_refused_and_its_password_not_repeated() {
    for (url, why) in [
        ("ftp://shop.test/", "no URL of http"),
        ("shop.test", "cannot be asked"),
        ("https://user:hunter22@shop.test/", "holds a user or a password"),
    ] {
        let world = Arc::new(world());
        let (cx, _) = step(Effect::Read, &[("url", url.into())]);
        let error = refusal(action("http.check", &world, &[]).prepare(&cx).await);
        assert!(error.message.contains(why) && !error.message.contains("hunter22"), "{}", error.message);
    }
    let (cx, _) = step(Effect::Read, &[("url", "https://shop.test/".into()), ("tls", "off".into())]);
    assert!(action("http.check", &Arc::new(world()), &[]).prepare(&cx).await.is_err());
}

#[tokio::test]
async fn what_a_program_printed_is_an_output_and_not_in_what_was_accepted() {
    let world = Arc::new(world());
    let run = action("command.run", &world, &[]);
    let args = Value::List(vec!["--count".into(), Value::Int(3)]);
    let (cx, _) = step(Effect::Modify, &[("program", "tool".into()), ("args", args)]);
    assert_eq!(run.act(&cx, &Stage::first()).await.unwrap().data, BTreeMap::new());
    assert_eq!(ready(run.observe(&cx).await)["stdout"], "printed".into());
    assert_eq!(ready(run.observe(&cx).await)["status"], Value::Int(0));
    assert_eq!(world.asked(), ["tool --count 3"]);

    // Another process, after a crash: nobody knows any more what it did.
    let seen = action("command.run", &world, &[]).observe(&cx).await.unwrap();
    assert!(matches!(&seen, Observation::Broken { state, .. } if state == "unknown"), "{seen:?}");
}

#[tokio::test]
async fn only_the_named_statuses_of_a_program_are_success() {
    let list = |statuses: &[i64]| Value::List(statuses.iter().map(|status| Value::Int(*status)).collect());
    for (status, statuses, passes) in
        [(0, None, true), (3, None, false), (3, Some(list(&[0, 3])), true), (0, Some(list(&[3])), false)]
    {
        let world = Arc::new(World { spawn: Finished { status, ..world().spawn }, ..world() });
        let mut with = vec![("program", Value::from("tool"))];
        with.extend(statuses.map(|statuses| ("statuses", statuses)));
        let (cx, _) = step(Effect::Read, &with);
        let ended = action("command.run", &world, &[]).observe(&cx).await;
        assert_eq!(ended.is_ok(), passes, "{status} {with:?}");
        if let Err(error) = ended {
            assert_eq!(error.code, "exit");
            assert!(!error.message.contains("printed"), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn an_assumed_success_is_marked() {
    let spawn = Finished { assumed: true, ..Finished::default() };
    let world = Arc::new(World { spawn, ..world() });
    let stdin = Secret::new("token", "hidden");
    let (cx, notes) = step(Effect::Read, &[("program", "tool".into()), ("stdin", stdin.into())]);
    assert_eq!(ready(action("command.run", &world, &[]).observe(&cx).await)["stdout"], "".into());
    let value = "`tool` was not run; it is assumed to succeed".into();
    assert_eq!(*notes.0.lock().unwrap(), [Note::Evidence { kind: "assumed".into(), value }]);
}
