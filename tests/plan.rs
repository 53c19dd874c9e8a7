//! `lifeboat plan`: what would happen, and nothing does.

use crate::clients::Server;
use crate::program::{Desk, Program};
use crate::runbooks::{SHIPPED, text};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// What is between marks of quotation is the runbook's own text.
fn without_quotations(page: &str) -> String {
    let mut text = String::new();
    let mut inside = 0;
    for letter in page.chars() {
        match letter {
            '‹' => inside += 1,
            '›' => inside -= 1,
            _ if inside == 0 => text.push(letter),
            _ => {}
        }
    }
    text
}

#[test]
fn every_shipped_runbook_can_be_planned_and_nothing_is_written() {
    for (name, world) in SHIPPED {
        for mode in ["drill", "recovery"] {
            let program = Program::new();
            let file = format!("runbooks/{name}.yaml");
            let arguments = ["plan", &file, "--mode", mode, "--simulate", world];
            let said = program.run(&arguments);
            assert_eq!(said.code, 0, "{arguments:?}\n{}\n{}", said.stdout, said.stderr);
            let page = without_quotations(&said.stdout);
            assert!(!page.contains("succeeded"), "{arguments:?}: nothing has happened yet\n{page}");
            let long = said.stdout.lines().find(|line| line.chars().count() > 80 && line.contains("  with "));
            assert!(long.is_none_or(|line| line.contains("arn:")), "{arguments:?}: {long:?}");
            let left = std::fs::read_dir(program.home.path()).expect("a directory").count();
            assert_eq!(left, 0, "{arguments:?} wrote into the home directory");
        }
    }
}

/// The same over the wire: whatever AWS is asked, it changes nothing there.
#[test]
fn no_plan_makes_a_mutating_call() {
    for (name, world) in SHIPPED {
        let program = Program::new();
        let server = Server::start_at("0", &program, &[world]);
        for mode in ["drill", "recovery"] {
            let file = format!("runbooks/{name}.yaml");
            let mut command = program.command(&["plan", &file, "--mode", mode, "--output", "json"]);
            command
                .env("AWS_ENDPOINT_URL", &server.url)
                .env("AWS_ACCESS_KEY_ID", "any")
                .env("AWS_SECRET_ACCESS_KEY", "any");
            let output = command.output().expect("the program starts");
            let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
                panic!("{name} {mode}: {error}\n{}", String::from_utf8_lossy(&output.stderr))
            });
            assert_eq!(
                plan["caller"].as_str().map(|arn| arn.starts_with("arn:")),
                Some(true),
                "AWS was asked"
            );
            assert!(!plan["steps"][0]["makes"].is_null(), "{plan}");
        }
        let log = get(&server.url, "/_sim/log");
        assert!(log.starts_with("HTTP/1.1 200"), "{log}");
        let body = log.split("\r\n\r\n").nth(1).unwrap_or_default().trim();
        assert!(!body.contains("operation"), "{name}: a plan changed something:\n{body}");
    }
}

fn get(url: &str, path: &str) -> String {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the simulator listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn what_would_be_refused_is_told_with_exit_code_7() {
    let (program, desk) = (Program::new(), Desk::new());
    let shipped = text("rds-point-in-time-restore");
    let strict = shipped.replace("outputs.backup_retention_days >= 1", "outputs.backup_retention_days >= 99");
    assert_ne!(shipped, strict);
    let strict = desk.write("strict.yaml", &strict);
    let said = program.run(&["plan", &strict, "--simulate"]);
    assert_eq!(said.code, 7, "{}", said.stdout);
    for words in
        ["FAILS", "outputs.backup_retention_days is 7", "it does not start", "It would NOT go through"]
    {
        assert!(said.stdout.contains(words), "{words}\n{}", said.stdout);
    }
    // In a recovery a person is asked: nothing is refused.
    let said = program.run(&["plan", &strict, "--simulate", "--mode", "recovery"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(said.stdout.contains("It would stop and ask"), "{}", said.stdout);

    let said = program.run(&["plan", "runbooks/rds-point-in-time-restore.yaml"]);
    assert_eq!(said.code, 7, "without credentials: {}", said.stdout);
    assert!(said.stdout.contains("nobody could say who we are"), "{}", said.stdout);
    let said = program.run(&["plan", &strict, "--simulate", "-i", "sorce=x"]);
    assert_eq!((said.code, said.stderr.contains("did you mean `source`")), (2, true), "{}", said.stderr);
}

#[test]
fn the_document_says_what_comes_from_where() {
    let (code, plan) = Program::new().json(&[
        "plan",
        "runbooks/rds-restore-and-cut-over.yaml",
        "--simulate",
        "--mode",
        "recovery",
        "--output",
        "json",
    ]);
    assert_eq!((code, plan["exit_code"].as_i64(), plan["verdict"].as_str()), (0, Some(0), Some("starts")));
    let step = |id: &str| {
        let steps = plan["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["step"] == id).cloned().expect("the step")
    };
    let restore = step("restore");
    assert_eq!(restore["makes"]["instance"], "rds-restore-and-cut-over-‹run›-restore-‹hash›");
    assert!(restore["resolved"]["time"].is_string(), "what `latest` means now: {restore}");
    assert_eq!(step("newest")["with"]["host"], "‹string: endpoint of restore›");
    assert_eq!(step("rehearse")["runs"]["runs"], "skipped");
    let impacts = |id: &str| step(id)["impacts"][0]["owner"].as_str().map(str::to_owned);
    assert_eq!(impacts("move_away").as_deref(), Some("others"));
    assert_eq!(impacts("move_in").as_deref(), Some("run"));
    let until: Vec<_> =
        plan["takes_back"].as_array().expect("a list").iter().map(|back| &back["until"]).collect();
    assert_eq!(until, [&Value::Null, &"move_in".into(), &"move_away".into()]);
    assert!(
        plan["forecast"]["p50_s"].as_f64().is_some_and(|seconds| seconds > 600.0),
        "{}",
        plan["forecast"]
    );
    let permissions = plan["permissions"].as_array().expect("a list");
    assert!(permissions.contains(&"rds:RestoreDBInstanceToPointInTime".into()));
}

#[test]
fn inputs_come_from_a_file_and_from_an_earlier_run() {
    let (program, desk) = (Program::new(), Desk::new());
    let book = "runbooks/rds-point-in-time-restore.yaml";
    let file = desk.write("inputs.yaml", "user: reporter\nrestore_to: -5m\n");
    let inputs = |more: &[&str]| {
        let (_, plan) = program.json(&[&["plan", book, "--simulate", "--output", "json"], more].concat());
        (plan["inputs"]["user"].clone(), plan["inputs"]["restore_to"].clone())
    };
    assert_eq!(inputs(&["--inputs-file", &file]), ("reporter".into(), "-5m".into()));
    assert_eq!(inputs(&["--inputs-file", &file, "-i", "user=me"]), ("me".into(), "-5m".into()));
    assert_eq!(program.run(&["drill", book, "--simulate", "--seed", "1", "--inputs-file", &file]).code, 0);
    assert_eq!(inputs(&["--inputs-from", "latest"]), ("reporter".into(), "-5m".into()));
    let wrong = desk.write("wrong.yaml", "usr: reporter\n");
    let said = program.run(&["plan", book, "--simulate", "--inputs-file", &wrong]);
    assert_eq!((said.code, said.stderr.contains("did you mean `user`")), (2, true), "{}", said.stderr);
}
