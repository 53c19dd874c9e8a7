//! The record of an incident, kept by people at the command line.

use crate::program::{Desk, Program};
use serde_json::Value;

/// Opens an incident, and gives its id.
fn opened(program: &Program, more: &[&str]) -> String {
    let mut arguments = vec!["incident", "open", "orders cannot be reached", "--severity", "sev2"];
    arguments.extend(more);
    program.done(&arguments).stdout.trim().to_owned()
}

fn document(program: &Program, incident: &str) -> Value {
    program.json(&["incident", "show", incident, "--output", "json"]).1
}

fn milestone<'document>(document: &'document Value, name: &str) -> &'document Value {
    let milestones = document["milestones"].as_array().unwrap();
    milestones.iter().find(|milestone| milestone["name"] == name).unwrap()
}

#[test]
fn what_people_say_is_kept_in_order_and_the_times_follow_from_it() {
    let program = Program::new();
    let id = opened(
        &program,
        &[
            "--since",
            "2026-01-05T10:40:00+01:00",
            "--aware",
            "2026-01-05T09:50Z",
            "--role",
            "commander=alice",
        ],
    );
    program.done(&["incident", "mark", &id, "detected", "--at", "2026-01-05T09:45Z"]);
    program.done(&["incident", "mark", "latest", "acknowledged", "--at", "2026-01-05T09:52:30Z"]);
    program.done(&["incident", "mark", "latest", "mitigated", "--at", "2026-01-05T10:20Z", "--about"]);
    let read = document(&program, &id);
    assert_eq!(milestone(&read, "disrupted")["at"], "2026-01-05T09:40:00.000Z", "another zone");
    assert_eq!(milestone(&read, "disrupted")["precision"], "second");
    assert_eq!(milestone(&read, "detected")["precision"], "minute");
    assert_eq!(milestone(&read, "mitigated")["precision"], "estimated");
    let seconds: Vec<&Value> =
        read["metrics"].as_array().unwrap().iter().map(|metric| &metric["seconds"]).collect();
    assert_eq!(seconds, [&300.0.into(), &450.0.into(), &2400.0.into(), &Value::Null, &Value::Null]);
    assert_eq!((&read["status"], &read["roles"]["commander"]), (&"open".into(), &"alice".into()));

    // What was wrong is taken back or corrected, and both stay in the record.
    program.done(&["incident", "mark", &id, "mitigated", "--withdraw", "--reason", "it came back"]);
    let row = milestone(&read, "detected")["seq"].to_string();
    program.done(&[
        "incident",
        "amend",
        &id,
        &row,
        "--at",
        "2026-01-05T09:43Z",
        "--reason",
        "the alarm says so",
    ]);
    let after = document(&program, &id);
    assert_eq!(after["metrics"][0]["seconds"], 180.0);
    assert_eq!(after["metrics"][2]["seconds"], Value::Null);
    let events = |document: &Value| document["journal"]["events"].as_u64().unwrap();
    assert_eq!(events(&after), events(&read) + 2);
    assert_eq!(program.run(&["verify", &id]).code, 0);
}

#[test]
fn deadlines_run_from_what_happened_and_name_their_rule() {
    let program = Program::new();
    let id = opened(&program, &["--duty", "dora", "--aware", "2026-01-05T09:50Z"]);
    let said = program
        .done(&[
            "incident",
            "classify",
            &id,
            "--major",
            "--criterion",
            "duration",
            "--at",
            "2026-01-05T10:30Z",
        ])
        .stderr;
    assert!(said.contains("dora initial: OVERDUE by") && said.contains("(classified + 4 h)"), "{said}");
    let report =
        ["incident", "reported", &id, "dora", "initial", "--at", "2026-01-05T14:00Z", "--reference", "NR-12"];
    let said = program.done(&report).stderr;
    assert!(said.contains("dora intermediate: OVERDUE by"), "{said}");
    let due = document(&program, &id)["deadlines"].clone();
    assert_eq!((&due[0]["late"], &due[0]["due_at"]), (&false.into(), &"2026-01-05T14:30:00.000Z".into()));
    assert_eq!(due[1]["due_at"], "2026-01-08T14:00:00.000Z");
    assert!(due[0]["source"].as_str().unwrap().contains("(EU) 2025/301, Art. 5"), "{}", due[0]["source"]);
    let list = program.run(&["incident", "list"]).stdout;
    assert!(list.contains("OVERDUE: 1 reports"), "{list}");
    // Taken back, it is overdue again.
    program.done(&[
        "incident",
        "reported",
        &id,
        "dora",
        "initial",
        "--withdraw",
        "--reason",
        "wrong authority",
    ]);
    assert_eq!(document(&program, &id)["deadlines"][0]["late"], true);
}

#[test]
fn a_run_belongs_to_an_incident_and_brings_its_moments() {
    let program = Program::new();
    let id = opened(&program, &["--since", "2026-01-05T08:55Z"]);
    let run = program.drilled("1");
    let run = run.as_str();
    program.done(&["incident", "attach", &id, run]);
    let read = document(&program, &id);
    assert_eq!(read["runs"][0]["runbook"], "rds-point-in-time-restore");
    assert_eq!(milestone(&read, "restored")["run"], run);
    assert_eq!(milestone(&read, "disrupted")["run"], Value::Null, "what people said stands before it");
    assert_eq!(read["simulated"], true, "a run of a simulator is evidence of nothing");
    assert!(program.done(&["incident", "timeline", &id]).stdout.contains("A rehearsal"));
    program.done(&["incident", "attach", &id, run, "--detach", "--reason", "it was a rehearsal"]);
    let after = document(&program, &id);
    assert_eq!((&after["runs"], &after["simulated"]), (&serde_json::json!([]), &false.into()));
}

#[test]
fn many_write_at_once_and_nothing_is_lost() {
    let program = Program::new();
    let id = opened(&program, &[]);
    let before = document(&program, &id)["journal"]["events"].as_u64().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (program, id) = (&program, &id);
            scope.spawn(move || program.done(&["incident", "note", id, &format!("note {number}"), "--pin"]));
        }
    });
    assert_eq!(document(&program, &id)["journal"]["events"], before + 16);
    // Each pin is in its own note, whoever else wrote in between.
    let (_, story) = program.json(&["incident", "timeline", &id, "--format", "json", "--pinned"]);
    let mut pinned: Vec<&str> =
        story["rows"].as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    pinned.sort_unstable();
    assert_eq!(pinned, ["note 0", "note 1", "note 2", "note 3", "note 4", "note 5", "note 6", "note 7"]);
    assert_eq!(program.run(&["verify", &id]).code, 0);
}

#[test]
fn what_cannot_be_is_refused_and_says_what_can() {
    let program = Program::new();
    program.refused(&["incident", "show", "latest"], "lifeboat incident open TITLE");
    program
        .refused(&["incident", "open", "x", "--severity", "sev2", "--duty", "dorra"], "did you mean `dora`?");
    program.refused(&["incident", "open", "x", "--severity", "sev9"], "sev1");
    let id = opened(&program, &["--duty", "gdpr-33"]);
    program.refused(&["incident", "mark", &id, "mitigatd"], "did you mean `mitigated`?");
    program.refused(
        &["incident", "mark", &id, "detected", "--at", "2026-01-05 09:40"],
        "write it with its zone",
    );
    program.refused(&["incident", "mark", &id, "detected", "--at", "2999-01-05T09:40Z"], "still to come");
    program.refused(
        &["incident", "mark", &id, "resolved", "--withdraw", "--reason", "x"],
        "`resolved` is not set",
    );
    program.refused(&["incident", "reported", &id, "gdpr-33", "initial"], "there are: gdpr-33 notification");
    program.refused(&["incident", "pin", &id, "99"], "there is no row 99");
    program.refused(&["incident", "reopen", &id, "--reason", "x"], "is open");
    program.refused(&["incident", "note", &id, " "], "the note is empty");
    program.done(&["incident", "close", &id, "--reason", "a false alarm"]);
    program.refused(&["incident", "close", &id], "lifeboat incident reopen");
    assert_eq!(document(&program, &id)["status"], "closed");
}

#[test]
fn the_timeline_merges_the_records_and_people_pin_what_tells_the_story() {
    let program = Program::new();
    let id = opened(&program, &["--since", "2026-01-05T08:55Z"]);
    let run = program.drilled("1");
    let run = run.as_str();
    program.done(&["incident", "attach", &id, run]);
    program.done(&[
        "incident",
        "note",
        &id,
        "found <script>alert(1)</script>",
        "--pin",
        "--at",
        "2026-01-05T09:01Z",
    ]);
    let row = format!("{}#12", &run[..6]);
    program.done(&["incident", "pin", &id, &row, "--note", "here it changed"]);
    program.done(&["incident", "amend", &id, "2", "--at", "2026-01-05T08:50Z", "--reason", "the graph"]);

    let (_, all) = program.json(&["incident", "timeline", &id, "--format", "json"]);
    let rows = all["rows"].as_array().unwrap();
    let times: Vec<&str> = rows.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!((&rows[0]["row"], &rows[0]["at"]), (&"#2".into(), &"2026-01-05T08:50:00.000Z".into()));
    assert!(rows[0]["amended"].as_str().unwrap().contains("2026-01-05T08:55:00.000Z"), "{}", rows[0]);
    let (_, story) = program.json(&["incident", "timeline", &id, "--format", "json", "--pinned"]);
    let story: Vec<&str> =
        story["rows"].as_array().unwrap().iter().map(|row| row["row"].as_str().unwrap()).collect();
    assert_eq!(story, ["#5", row.as_str()]);

    let page = program.run(&["incident", "timeline", &id, "--format", "html"]).stdout;
    assert!(!page.contains("<script") && page.contains("here it changed"), "{page}");
    let people = program.run(&["incident", "timeline", &id, "--format", "csv", "--source", "person"]).stdout;
    assert!(people.lines().skip(1).all(|line| line.contains(",person ")), "{people}");
    let lines = program.run(&["incident", "timeline", &id, "--format", "timesketch"]).stdout;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for key in ["message", "datetime", "timestamp_desc", "recorded_at"] {
            assert!(line[key].is_string(), "{key} of {line}");
        }
    }
    assert_eq!(lines.lines().count(), rows.len());
}

#[test]
fn a_run_that_cannot_be_read_is_named() {
    let program = Program::new();
    let id = opened(&program, &[]);
    let run = program.drilled("1");
    program.done(&["incident", "attach", &id, &run]);
    let journal = program.file(&run, "journal.jsonl");
    let touched = std::fs::read_to_string(&journal).unwrap().replacen("rds", "rdx", 1);
    std::fs::write(journal, touched).unwrap();
    let said = program.done(&["incident", "show", &id]);
    assert!(said.stderr.contains(&format!("the journal of {run} is broken")), "{}", said.stderr);
}

#[test]
fn a_torn_line_is_cut_off_when_something_is_written_and_not_before() {
    use std::io::Write;
    let program = Program::new();
    let run = program.drilled("1");
    program.done(&["item", "add", &run, "first", "--type", "prevent"]);
    let journal = program.home.path().join("items/journal.jsonl");
    std::fs::OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"{\"v\":1,").unwrap();
    let torn = std::fs::read(&journal).unwrap();
    program.refused(&["item", "close", "A9", "--link", "x"], "there is no item `A9`");
    assert_eq!(std::fs::read(&journal).unwrap(), torn);
    program.done(&["item", "close", "A1", "--link", "x"]);
    assert!(std::fs::read_to_string(&journal).unwrap().contains("journal.tail_dropped"));
}

const PLAYBOOK: &str = "schema: lifeboat/v1\nkind: playbook\nname: away\ntitle: Orders cannot be reached\n\
    severity: sev2\nroles: { commander: optional }\n\
    target: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n  \
    - id: wait\n    if: has(incident.id)\n    pause: 10m\n    marks: { succeeded: mitigated }\n";

/// The one incident there is.
fn only(program: &Program) -> Value {
    let (_, listed) = program.json(&["incident", "list", "--output", "json"]);
    let [one] = listed.as_array().expect("a list").as_slice() else { panic!("one incident: {listed:#}") };
    one.clone()
}

fn runs(document: &Value) -> Vec<&str> {
    document["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect()
}

#[test]
fn a_playbook_opens_an_incident_which_other_runs_join() {
    let (desk, program) = (Desk::new(), Program::new());
    let file = desk.write("away.yaml", PLAYBOOK);
    let drill = ["drill", file.as_str(), "--simulate", "--quiet", "--seed"];
    program.done(&[&drill[..], &["4", "--role", "commander=alice"]].concat());
    let run = program.latest();
    let read = only(&program);
    let id = read["incident"].as_str().unwrap().to_owned();
    assert_eq!(id, format!("inc-{}", &run[..6]));
    assert_eq!((&read["title"], &read["severity"]), (&"Orders cannot be reached".into(), &"sev2".into()));
    assert_eq!((&read["simulated"], &read["roles"]["commander"]), (&true.into(), &"alice".into()));
    assert_eq!(runs(&read), [run.as_str()]);
    // Its times are those of the world, and so is what people say while nobody drives it.
    let began = &milestone(&read, "aware")["at"].as_str().unwrap()[..16];
    assert_eq!(began, "2026-01-05T09:00");
    let mitigated = &milestone(&read, "mitigated")["at"].as_str().unwrap()[..16];
    assert_eq!(mitigated, "2026-01-05T09:10", "the step ran: it saw the incident");
    program.done(&["incident", "note", &id, "customers write again"]);
    let (_, timeline) = program.json(&["incident", "timeline", &id, "--format", "json"]);
    let rows = timeline["rows"].as_array().unwrap();
    let noted = rows.iter().find(|row| row.to_string().contains("customers write again")).expect("a row");
    assert!(noted["at"].as_str().unwrap().starts_with("2026-01-05T09:10"), "{noted}");

    // Another run joins it, and no second one is opened.
    program.done(&[&drill[..], &["5", "--incident", &id]].concat());
    let second = program.latest();
    assert_eq!(runs(&only(&program)), [run.as_str(), second.as_str()]);
    program.done(&["incident", "close", &id, "--reason", "over"]);
    program.refused(&[&drill[..], &["6", "--incident", &id]].concat(), "is closed");
    program.refused(&[&drill[..], &["6", "--incident", "zzz"]].concat(), "zzz");
    assert_eq!(program.run(&["verify", &id]).code, 0);

    // The same seed is the same run, incident included.
    let other = Program::new();
    other.done(&[&drill[..], &["4", "--role", "commander=alice"]].concat());
    let journal = |program: &Program| std::fs::read(program.file(&run, "journal.jsonl")).unwrap();
    assert_eq!(journal(&program), journal(&other));
}

#[test]
fn a_run_that_died_before_it_joined_its_incident_joins_it_when_it_is_taken_up() {
    let (desk, program) = (Desk::new(), Program::new());
    let file = desk.write("away.yaml", PLAYBOOK);
    let faults = desk.write("faults.yaml", "kill: { at_sync: 1, moment: after }\n");
    let died = program.run(&["drill", &file, "--simulate", "--seed", "4", "--quiet", "--faults", &faults]);
    assert_ne!(died.code, 0);
    let read = only(&program);
    assert!(runs(&read).is_empty(), "{read:#}");
    program.done(&["resume", "latest", "--quiet"]);
    let run = program.latest();
    assert_eq!(runs(&only(&program)), [run.as_str()]);
    let (_, timeline) = program.json(&["incident", "timeline", "latest", "--format", "json"]);
    let said = format!("run {run} belongs to it");
    let joined = timeline["rows"].as_array().unwrap().iter().filter(|row| row["what"] == said.as_str());
    assert_eq!(joined.count(), 1, "{timeline:#}");
}
