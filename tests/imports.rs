//! Records of other tools and of AWS in an incident's record.

use crate::clients::Server;
use crate::program::{Desk, Program, Said, root};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

fn opened(program: &Program) -> String {
    let open = ["incident", "open", "orders fails", "--severity", "sev2", "--since", "2026-01-05T09:20:00Z"];
    let said = program.run(&open);
    assert_eq!(said.code, 0, "{}", said.stderr);
    said.stdout.trim().to_owned()
}

fn import(program: &Program, incident: &str, more: &[&str]) -> Said {
    let mut arguments = vec!["incident", "import", incident];
    arguments.extend(more);
    program.run(&arguments)
}

fn told(said: &Said, words: &str) {
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains(words), "`{words}` is not in: {}", said.stderr);
}

fn rows(program: &Program, incident: &str) -> Vec<Value> {
    let timeline = ["incident", "timeline", incident, "--format", "json", "--source", "import"];
    program.json(&timeline).1["rows"].as_array().unwrap().clone()
}

/// The three files, as people would take them in.
fn import_all(program: &Program, incident: &str) -> [Said; 3] {
    let deploys = ["tests/imports/deploys.csv", "--time", "when", "--text", "NOTE", "--who", "by"];
    let deploys = [&deploys[..], &["--kind", "change"]].concat();
    [
        import(program, incident, &["tests/imports/chat.jsonl"]),
        import(program, incident, &["tests/imports/pager.csv", "--zone", "+01:00"]),
        import(program, incident, &deploys),
    ]
}

#[test]
fn files_of_other_tools_come_into_the_timeline_each_entry_once() {
    let program = Program::new();
    let id = opened(&program);
    let [chat, pager, deploys] = import_all(&program, &id);
    told(&chat, "read chat.jsonl: 4 new, 1 known already, 2 left out");
    assert!(chat.stderr.contains("chat.jsonl line 4: no time"), "{}", chat.stderr);
    assert!(chat.stderr.contains("chat.jsonl line 5: not a JSON object"), "{}", chat.stderr);
    told(&pager, "read pager.csv: 3 new, 1 known already, 1 left out");
    assert!(pager.stderr.contains("pager.csv line 5: no time"), "{}", pager.stderr);
    told(&deploys, "read deploys.csv: 3 new, 0 known already, 0 left out");

    let timeline = ["incident", "timeline", &id, "--format", "csv", "--source", "import"];
    let mut table = program.run(&timeline).stdout;
    for row in rows(&program, &id) {
        // When it was imported is of today.
        table = table.replace(row["recorded_at"].as_str().unwrap(), "");
    }
    let expected = fs::read_to_string(root().join("tests/imports/expected.csv")).unwrap();
    assert_eq!(table.replace("\r\n", "\n"), expected);
    assert_eq!(program.run(&["verify", &id]).code, 0);

    // Again, and an export that overlaps: only what is new comes in.
    let [chat, pager, deploys] = import_all(&program, &id);
    told(&chat, "0 new, 5 known already");
    told(&pager, "0 new, 4 known already");
    told(&deploys, "0 new, 3 known already");
    let desk = Desk::new();
    let text = fs::read_to_string(root().join("tests/imports/chat.jsonl")).unwrap();
    let later = text + "{\"ts\":\"1767607000.5\",\"user\":\"bob\",\"text\":\"over\"}\n";
    let path = desk.write("later.jsonl", &later);
    told(&import(&program, &id, &[&path]), "1 new, 5 known already, 2 left out");
    assert_eq!(rows(&program, &id).len(), 11);

    let journal = program.home.path().join("incidents").join(&id).join("journal.jsonl");
    let journal = fs::read_to_string(journal).unwrap();
    let digest: String = Sha256::digest(&later).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(journal.contains(&digest), "the file's digest is journaled");
    assert!(journal.contains("\"time_as_given\":\"Mon, 5 Jan 2026 09:26:00 +0000\""));
}

#[test]
fn the_postmortem_has_the_alarms_and_the_changes_before_the_onset() {
    let program = Program::new();
    let id = opened(&program);
    import_all(&program, &id);
    let (_, page) = program.json(&["postmortem", &id, "--format", "json"]);
    let named = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["row"].as_str().unwrap().to_owned()).collect()
    };
    // The last one before the onset first; what is older than a day is no candidate.
    assert_eq!(named(&page["candidates"]), ["#15", "#13"]);
    assert_eq!(named(&page["alarms"]), ["#9"]);
    assert_eq!(page["alarms"][0]["delay"], "2 min");
}

#[test]
fn nothing_is_written_by_a_dry_run_and_nothing_is_guessed() {
    let program = Program::new();
    let id = opened(&program);
    let pager = "tests/imports/pager.csv";
    let shown = import(&program, &id, &[pager, "--dry-run"]);
    told(&shown, "nothing is written; of pager.csv: 2 new, 0 known already, 3 left out");
    assert!(shown.stderr.contains("line 2: `2026-01-05 10:22` names no zone"), "{}", shown.stderr);
    assert!(
        shown.stdout.starts_with("2026-01-05T09:24:30.000Z  event    alice: acknowledged\n"),
        "{}",
        shown.stdout
    );
    assert_eq!(rows(&program, &id), Vec::<Value>::new());
    let wrong = |more: &[&str], words: &str| {
        let said = import(&program, &id, more);
        assert_eq!(said.code, 2, "{more:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{more:?}: {}", said.stderr);
    };
    wrong(&[pager, "--time", "create_at"], "did you mean `created_at`?");
    wrong(&["tests/imports/deploys.csv"], "which column of tests/imports/deploys.csv is the time?");
    wrong(&[pager, "--zone", "Europe/Berlin"], "is not a zone");
    wrong(&["tests/imports/pager.cvs"], "JSON lines end with .jsonl");
    wrong(&["tests/imports/pagr.csv"], "did you mean `tests/imports/pager.csv`?");
    wrong(&[], "FILE");
    wrong(&["--from", "cloudtrial"], "cloudtrail");
    let desk = Desk::new();
    let none = desk.write("none.jsonl", "{\"at\":1}\n{\"at\":2}\n");
    wrong(&[&none], "nothing in");
    let future = desk.write("future.jsonl", "{\"ts\":\"32503680000\",\"text\":\"x\"}\n");
    wrong(&[&future], "is still to come");
    assert_eq!(rows(&program, &id), Vec::<Value>::new());
}

/// Sends a request to a simulated AWS; gives the reply.
fn post(server: &Server, path: &str, service: &str, body: &str) -> String {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let credential = format!("any/20260105/eu-west-1/{service}/aws4_request");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={credential}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{path}: {reply}");
    reply
}

/// A world in which an instance was rebooted and an alarm came and went, half an hour ago.
fn world(program: &Program, more: &[&str]) -> Server {
    let server = Server::start_at("0", program, more);
    let reboot = "Action=RebootDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders-prod";
    post(&server, "/", "rds", reboot);
    post(&server, "/_sim/advance", "rds", "{\"s\": 2400}");
    server
}

fn import_from(program: &Program, server: &Server, incident: &str, more: &[&str]) -> Said {
    let mut arguments = vec!["incident", "import", incident, "--region", "eu-west-1"];
    arguments.extend(more);
    let mut command = program.command(&arguments);
    command
        .env("AWS_ENDPOINT_URL", &server.url)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn what_aws_recorded_comes_in_from_a_served_world() {
    let program = Program::new();
    let id = opened(&program);
    let server = world(&program, &[]);
    let all = ["--from", "alarms,rds,cloudtrail"];
    let said = import_from(&program, &server, &id, &all);
    // The metric alarm and the composite one on it, twice each.
    told(&said, "read alarms: 4 new, 0 known already, 0 left out");
    told(&said, "read cloudtrail: 1 new, 0 known already, 0 left out");
    let rows = rows(&program, &id);
    let of = |source: &str| -> Vec<&Value> { rows.iter().filter(|row| row["source"] == source).collect() };
    let alarm = of("import alarms")[0];
    assert_eq!((&alarm["at"], &alarm["precision"]), (&"2026-01-05T09:02:00.000Z".into(), &"exact".into()));
    assert!(alarm["what"].as_str().unwrap().starts_with("orders-api-5xx: OK → ALARM: Threshold"), "{alarm}");
    assert!(
        of("import rds").iter().any(|row| row["what"] == "orders-prod: DB instance restarted"),
        "{rows:?}"
    );
    let change = of("import cloudtrail")[0];
    assert_eq!(change["what"], "alice: RebootDBInstance on orders-prod (rds.amazonaws.com)");
    assert_eq!((&change["kind"], &change["precision"]), (&"change".into(), &"second".into()));

    // Once is enough; and only what is of one resource.
    told(&import_from(&program, &server, &id, &all), "read cloudtrail: 0 new, 1 known already");
    let other = opened(&program);
    let said = import_from(&program, &server, &other, &["--from", "rds,cloudtrail", "--resource", "nobody"]);
    told(&said, "read rds: 0 new");
    told(&said, "read cloudtrail: 0 new");
    let said = import_from(&program, &server, &other, &["--from", "cloudtrail", "--resource", "orders-prod"]);
    told(&said, "read cloudtrail: 1 new");
    let early = ["--from", "alarms", "--since", "2026-01-05T09:10:00Z", "--until", "2026-01-05T09:30:00Z"];
    told(&import_from(&program, &server, &other, &early), "read alarms: 2 new");
}

#[test]
fn a_record_that_may_not_be_read_names_its_permission_and_the_others_come_in() {
    let (program, desk) = (Program::new(), Desk::new());
    let id = opened(&program);
    let text = "faults:\n  - service: monitoring\n    operation: DescribeAlarmHistory\n    when: { calls: [1] }\n    \
                kind: { error: { code: AccessDenied, status: 403, message: not authorized } }\n";
    let faults = desk.write("faults.yaml", text);
    let server = world(&program, &["--faults", &faults]);
    let said = import_from(&program, &server, &id, &["--from", "alarms", "--from", "cloudtrail"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("\"Action\": \"cloudwatch:DescribeAlarmHistory\""), "{}", said.stderr);
    assert!(said.stderr.contains("read cloudtrail: 1 new"), "{}", said.stderr);
}
