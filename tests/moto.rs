//! The drill against an AWS that others have written (moto), with a real PostgreSQL where the copy would be.
//!
//! `scripts/test` installs moto and puts its Python on the PATH.

use crate::authority::Authority;
use crate::database::{Database, PASSWORD};
use crate::program::{Program, root};
use lifeboat_engine::clock::Clock;
use lifeboat_probe::connect_to::{Address, ConnectTo};
use lifeboat_probe::sql::{Access, SqlRequest};
use lifeboat_probe::tls::Tls;
use lifeboat_runbook::value::Secret;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const PITR: &str = "runbooks/rds-point-in-time-restore.yaml";

/// The name of every instance that moto makes in eu-west-1.
const ENDPOINTS: &str = "*.aaaaaaaaaa.eu-west-1.rds.amazonaws.com";

/// moto with the instance `orders-prod`. It ends with its standard input.
struct Moto {
    child: Child,
    output: BufReader<ChildStdout>,
    url: String,
    /// What it held before the drill.
    held: Value,
}

impl Moto {
    fn start() -> Self {
        let script = root().join("tests/moto/cloud.py");
        let mut command = Command::new("python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("python3 is on the PATH");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let said = line(&mut output);
        let url = said["url"].as_str().expect("an address").to_owned();
        Self { child, output, url, held: said["holds"].clone() }
    }

    /// What it holds now; it ends thereby.
    fn end(self) -> Value {
        self.account()["holds"].clone()
    }

    /// What it holds now, and what was published to its topic; it ends thereby.
    fn account(mut self) -> Value {
        let mut input = self.child.stdin.take().expect("a pipe");
        input.write_all(b"\n").expect("it listens");
        let account = line(&mut self.output);
        assert!(self.child.wait().expect("it ends").success());
        account
    }
}

fn line(output: &mut impl BufRead) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).expect("moto of tests/requirements.txt; scripts/test installs it")
}

/// A row every ten seconds in the last hour, which a user may read and no more.
const CONTENT: [&str; 4] = [
    "create table heartbeat (beat_at timestamptz not null)",
    "insert into heartbeat select generate_series(now() - interval '1 hour', now(), interval '10 seconds')",
    "create role readonly login",
    "grant select on heartbeat to readonly",
];

/// The server that stands where the copy would be.
fn recovered_database() -> Database {
    let database = Database::start(ENDPOINTS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sql = lifeboat_probe::real::ports(&Clock::real(), ConnectTo::default()).sql;
    for statement in CONTENT {
        let request = SqlRequest {
            address: Address::new("127.0.0.1", database.port),
            connect: Address::new("127.0.0.1", database.port),
            database: "postgres".into(),
            user: "postgres".into(),
            password: Some(Secret::new("password", PASSWORD)),
            tls: Tls::Off,
            sql: statement.into(),
            params: Vec::new(),
            timeout: Duration::from_secs(30),
            access: Access::Modify,
        };
        runtime.block_on(sql.query(&request)).expect(statement);
    }
    database
}

/// The environment in which moto is AWS.
fn against<'command>(moto: &Moto, command: &'command mut Command) -> &'command mut Command {
    command
        .env("AWS_ENDPOINT_URL", &moto.url)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true")
}

/// Drills against moto; `roots` is the file that the machine's TLS trusts.
fn drill(program: &Program, moto: &Moto, port: u16, roots: &str) -> (i32, Value, String) {
    let connect = format!("*.rds.amazonaws.com:*=127.0.0.1:{port}");
    let arguments = [
        "drill",
        PITR,
        "-i",
        "account=123456789012",
        "-i",
        "database=postgres",
        "--connect",
        &connect,
        "--output",
        "json",
        "--quiet",
    ];
    let mut command = program.command(&arguments);
    against(moto, &mut command).env("SSL_CERT_FILE", roots);
    let output = command.output().expect("the program starts");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    let run = document["run"].as_str().expect("a run id");
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).expect("a journal");
    (output.status.code().unwrap_or(-1), document, journal)
}

#[test]
fn a_drill_passes_against_moto_and_leaves_it_as_it_was() {
    let (moto, database) = (Moto::start(), recovered_database());
    let ca = database.ca.to_str().expect("UTF-8");
    let (code, document, journal) = drill(&Program::new(), &moto, database.port, ca);
    assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{document:#}");
    assert_eq!(document["cloud"], format!("endpoint:{}", moto.url));
    assert_eq!(document["rpo"]["grade"], "A");
    assert_eq!(document["rpo"]["met"], true);
    assert_eq!(document["left_behind"], serde_json::json!([]));
    // The probe went elsewhere, and the journal says so.
    assert!(journal.contains("\"kind\":\"connect_to\""), "{journal}");
    assert!(journal.contains(&format!("went to 127.0.0.1:{} (--connect)", database.port)), "{journal}");
    assert!(journal.contains("\"type\":\"aws.created\"") && journal.contains("\"type\":\"aws.deleted\""));
    let before = moto.held.clone();
    assert_eq!(before["instances"], serde_json::json!(["orders-prod"]));
    assert_eq!(moto.end(), before);
}

#[test]
fn a_role_is_assumed_at_moto() {
    let (moto, program) = (Moto::start(), Program::new());
    let file = program.home.path().join("who.yaml");
    let book = "schema: lifeboat/v1\nkind: runbook\nname: who\n\
        target: { account: \"123456789012\", region: eu-west-1, role: lifeboat-drill }\n\
        steps:\n  - { id: who, action: sts.identity }\n";
    fs::write(&file, book).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let mut command = program.command(&["drill", file, "--output", "json", "--quiet"]);
    let output = against(&moto, &mut command).output().expect("the program starts");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON ({error}): {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(document["outcome"], "passed", "{document:#}");
    let arn = document["steps"][0]["outputs"]["arn"].as_str().expect("an ARN");
    assert!(arn.starts_with("arn:aws:sts::123456789012:assumed-role/lifeboat-drill/"), "{arn}");
    // moto answers no simulation of policies: the plan says that it does not know.
    let mut command = program.command(&["plan", file]);
    let output = against(&moto, &mut command).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("acting as arn:aws:sts::123456789012:assumed-role/lifeboat-drill/"), "{said}");
    assert!(said.contains("granted"), "{said}");
    drop(moto.end());
}

#[test]
fn a_topic_is_told_at_moto_and_one_that_is_not_there_is_a_failure_that_is_told() {
    let (moto, program) = (Moto::start(), Program::new());
    let file = program.home.path().join("tell.yaml");
    let book = "schema: lifeboat/v1\nkind: runbook\nname: tell\n\
        target: { account: \"123456789012\", region: eu-west-1 }\n\
        notify:\n  \
        - { events: [finished], sns: \"arn:aws:sns:eu-west-1:123456789012:desk\" }\n  \
        - { name: gone, events: [finished], sns: \"arn:aws:sns:eu-west-1:123456789012:gone\" }\n\
        steps:\n  - { id: who, action: sts.identity }\n";
    fs::write(&file, book).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let mut command = program.command(&["drill", file, "--quiet"]);
    let output = against(&moto, &mut command).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = program.latest();
    let told = moto.account()["told"].clone();
    let [message] = told.as_array().expect("a list").as_slice() else { panic!("one message: {told:#}") };
    assert_eq!(message["subject"], format!("tell (drill {}): finished: passed", &run[..6]));
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains(&format!("drill of tell, run {run}")), "{text}");
    assert_eq!(
        message["attributes"],
        serde_json::json!({ "event": "finished", "mode": "drill", "runbook": "tell" })
    );
    let journal = fs::read_to_string(program.file(&run, "journal.jsonl")).expect("a journal");
    let of = |kind: &str| journal.lines().filter(|line| line.contains(kind)).collect::<Vec<_>>();
    let [sent] = of("\"type\":\"notify.sent\"")[..] else { panic!("{journal}") };
    assert!(sent.contains("\"to\":\"sns\""), "{sent}");
    let [failed] = of("\"type\":\"notify.failed\"")[..] else { panic!("{journal}") };
    assert!(failed.contains("\"to\":\"gone\"") && failed.contains("NotFound"), "{failed}");
}

#[test]
fn a_server_that_cannot_prove_its_name_fails_the_drill_and_the_copy_goes() {
    let (moto, database) = (Moto::start(), recovered_database());
    let program = Program::new();
    let other = program.home.path().join("other.pem");
    fs::write(&other, Authority::new().root()).expect("a file");
    let (code, document, _) = drill(&program, &moto, database.port, other.to_str().expect("UTF-8"));
    assert_eq!((code, &document["outcome"]), (1, &Value::from("failed")), "{document:#}");
    let steps = document["steps"].as_array().expect("steps");
    let newest = steps.iter().find(|step| step["id"] == "newest").expect("the probe");
    assert!(newest["why"].as_str().unwrap_or_default().contains("certificate"), "{newest:#}");
    let before = moto.held.clone();
    assert_eq!(moto.end(), before);
}

/// moto has neither the history of alarms nor that of CloudTrail.
#[test]
fn the_events_of_an_instance_come_into_an_incident() {
    let (moto, program) = (Moto::start(), Program::new());
    let opened = program.run(&["incident", "open", "orders", "--severity", "sev3"]);
    assert_eq!(opened.code, 0, "{}", opened.stderr);
    let import = |from: &str| {
        let arguments = ["incident", "import", "latest", "--from", from, "--region", "eu-west-1"];
        let mut command = program.command(&arguments);
        command
            .env("AWS_ENDPOINT_URL", &moto.url)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.output().expect("the program starts");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = import("rds");
    assert_eq!(code, 0, "{said}");
    let timeline = ["incident", "timeline", "latest", "--format", "json", "--source", "import rds"];
    let rows = program.json(&timeline).1["rows"].clone();
    assert!(
        rows.as_array().expect("rows").iter().any(|row| row["what"] == "orders-prod: DB instance created"),
        "{rows}"
    );
    let (code, said) = import("rds");
    assert_eq!((code, said.contains(": 0 new")), (0, true), "{said}");
}
