//! Both numbers of every kind of run are computed again by another program in another language, and must agree; and
//! what earlier runs tell.

use crate::program::{Desk, Program, root};
use crate::runbooks::SHIPPED;
use lifeboat_journal::chain::verify;
use lifeboat_journal::event::{Cloud, Draft, Event, EventKind};
use lifeboat_journal::file::{FileStorage, JournalWriter, RunDirectory, Stamp};
use lifeboat_runbook::id::RunId;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The modes with what a recovery needs besides: when service was lost is never assumed.
const MODES: [(&str, &[&str]); 2] =
    [("drill", &[]), ("run", &["--yes", "--disrupted-at", "2026-01-05T08:57:13.250Z"])];

/// What `tests/recompute.py` says of these journals, and its exit code.
pub(crate) fn recompute(journals: &[PathBuf]) -> (i32, String) {
    let output = Command::new("python3")
        .arg(root().join("tests/recompute.py"))
        .args(journals)
        .output()
        .expect("this test needs python3");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

fn journals(program: &Program) -> Vec<PathBuf> {
    let runs = RunDirectory::list(program.home.path()).expect("the home can be listed");
    runs.iter().map(|run| program.file(run.as_str(), "journal.jsonl")).collect()
}

/// How many numbers the script found to agree, and how many of them are known.
fn agreed(told: &str) -> (usize, usize) {
    let agree = told.lines().filter(|line| line.ends_with(": agrees"));
    (agree.clone().count(), agree.filter(|line| !line.contains(" None: ")).count())
}

#[test]
fn every_shipped_runbook_measures_what_another_program_measures() {
    let program = Program::new();
    let mut runs = 0;
    for (name, world) in SHIPPED {
        for (mode, more) in MODES {
            for seed in ["1", "2", "7"] {
                let file = format!("runbooks/{name}.yaml");
                let mut arguments = vec![mode, &file, "--simulate", world, "--seed", seed, "--quiet"];
                arguments.extend(more);
                program.run(&arguments);
                runs += 1;
            }
        }
    }
    let journals = journals(&program);
    assert_eq!(journals.len(), runs);
    let (code, told) = recompute(&journals);
    assert_eq!(code, 0, "{told}");
    let (agree, known) = agreed(&told);
    println!("{runs} runs, {agree} numbers agree, {known} of them known");
    // Every drill measures both; a recovery that stops for a person has not measured yet.
    assert!(agree >= runs && known >= runs, "{agree} numbers agree, {known} known:\n{told}");
}

/// Dies at these syncs of its journal, if it has so many, and is taken up again.
#[test]
fn what_is_measured_across_a_crash_agrees_too() {
    let desk = Desk::new();
    let program = Program::new();
    let mut killed = 0;
    for (number, (name, world)) in SHIPPED.into_iter().enumerate() {
        for (mode, more) in MODES {
            for (at, moment) in [(4 + number, "before"), (9 + number, "torn"), (14, "after")] {
                let kill = json!({ "kill": { "at_sync": at, "moment": moment } });
                let faults = desk.write("faults.json", &kill.to_string());
                let file = format!("runbooks/{name}.yaml");
                let mut arguments = vec![mode, &file, "--simulate", world, "--seed", "5", "--quiet"];
                arguments.extend(["--faults", &faults]);
                arguments.extend(more);
                if program.run(&arguments).code == -1 {
                    killed += 1;
                    program.run(&["resume", "latest", "--quiet"]);
                }
            }
        }
    }
    let (code, told) = recompute(&journals(&program));
    assert_eq!(code, 0, "{told}");
    let (agree, known) = agreed(&told);
    println!("{killed} runs died, {agree} numbers agree, {known} of them known");
    assert!(killed >= 24 && known >= killed, "{killed} died, {agree} numbers agree, {known} known:\n{told}");
}

#[test]
fn a_number_that_was_tampered_with_is_reported() {
    let desk = Desk::new();
    let recorded =
        fs::read_to_string(root().join("tests/journals/0.1-drill-passed.jsonl")).expect("a journal");
    let whole = desk.write("whole.jsonl", &recorded);
    assert_eq!(recompute(&[whole.into()]).0, 0);
    for (what, was, becomes) in [
        ("recovery time: actual is 815880", "\"actual_s\":815.88,", "\"actual_s\":815.881,"),
        ("data lost: actual is 20030", "\"actual_s\":20.03,", "\"actual_s\":19.03,"),
        ("recovery time: scope is copy", "\"scope\":\"copy\"", "\"scope\":\"service\""),
        ("data lost: grade is A", "\"grade\":\"A\",\"met\"", "\"grade\":\"B\",\"met\""),
        ("recovery time: to is", "\"mark\":\"copy_verified\"", "\"mark\":\"verified\""),
        ("recovery time: actual is", "\"mono_ms\":815910,\"epoch\":1", "\"mono_ms\":815911,\"epoch\":1"),
    ] {
        assert!(recorded.contains(was), "{was}");
        let tampered = desk.write("tampered.jsonl", &recorded.replace(was, becomes));
        let (code, told) = recompute(&[tampered.into()]);
        assert_eq!(code, 1, "{was}: {told}");
        assert!(told.contains("DIFFERS") && told.contains(what), "{what}: {told}");
    }
    let torn = desk.write("broken.jsonl", "{\"type\": \"run.started\"\n");
    assert_eq!(recompute(&[torn.into()]).0, 2);
}

/// Writes a run as one against AWS that began `days` later, each of its waits `slower` times as long.
fn relive(program: &Program, events: &[Event], run: &str, days: i64, slower: f64) {
    let run = RunId::new(run);
    let directory = RunDirectory::of(program.home.path(), &run);
    directory.create().expect("the home can be written");
    let storage = FileStorage::open(&directory).expect("the home can be written");
    let mut writer = JournalWriter::create(Box::new(storage), run);
    let began = events[0].at;
    for event in events {
        let place = |at: chrono::DateTime<chrono::Utc>| {
            let passed = ((at - began).num_milliseconds() as f64 * slower) as i64;
            began + chrono::TimeDelta::days(days) + chrono::TimeDelta::milliseconds(passed)
        };
        let mut kind = event.kind.clone();
        match &mut kind {
            EventKind::RunStarted(started) => started.cloud = Cloud::Aws,
            EventKind::RtoMeasured(time) => time.actual_s = time.actual_s.map(|actual| actual * slower),
            _ => {}
        }
        let draft = Draft {
            kind,
            step: event.step.clone(),
            attempt: event.attempt,
            at: Some(place(event.at)),
            precision: event.precision,
            actor: event.actor.clone(),
        };
        let mono_ms = (event.mono_ms as f64 * slower) as u64;
        let stamp = Stamp { now: place(event.recorded_at), mono_ms };
        writer.append(vec![draft], stamp).expect("the home can be written");
    }
}

fn recorded(name: &str) -> Vec<Event> {
    let bytes = fs::read(root().join(format!("tests/journals/{name}.jsonl"))).expect("a recorded journal");
    verify(&bytes).expect("it is whole").events
}

#[test]
fn the_history_of_runs_against_aws_tells_what_is_slower_and_how_long_the_next_takes() {
    let program = Program::new();
    let events = recorded("0.1-drill-passed");
    for number in 0..9 {
        let slower = if number == 8 { 1.6 } else { 1.0 + f64::from(number) * 0.01 };
        relive(&program, &events, &format!("run{number}"), i64::from(number), slower);
    }
    let book = "rds-point-in-time-restore";
    let (code, told) = program.json(&["history", book, "--output", "json"]);
    assert_eq!(code, 0);
    let told = &told[0];
    assert_eq!((&told["runbook"], &told["runs"], &told["evidence"]), (&json!(book), &json!(9), &json!(true)));
    let restore =
        told["steps"].as_array().and_then(|steps| steps.iter().find(|step| step["step"] == "restore"));
    let restore = restore.unwrap_or_else(|| panic!("{told:#}"));
    let close = |number: &Value, expected: f64| {
        let number = number.as_f64().unwrap_or(f64::NAN);
        assert!((number - expected).abs() < 0.01, "{number}, expected {expected}: {restore:#}");
    };
    // The restore took 815.82 s in the run that is relived.
    close(&restore["median_s"], 815.82 * 1.04);
    close(&restore["last_s"], 815.82 * 1.6);
    close(&restore["p95_s"], 815.82 * 1.6);
    close(&restore["slower_by"], 1.6 / 1.035 - 1.0);
    close(&restore["trend_s_per_run"], 8.1582);
    let forecast = &told["forecast"]["drill"];
    assert_eq!((&forecast["n"], &forecast["to"]), (&json!(9), &json!("copy_verified")), "{forecast:#}");
    assert!(forecast["chance"].as_f64().is_some_and(|chance| chance > 0.99), "{forecast:#}");
    let page = program.run(&["history", "--slower-than", "50%"]).stdout;
    assert!(page.contains("restore ") && page.contains("SLOWER than usual by 55 %"), "{page}");
    let page = program.run(&["history", "--slower-than", "60%"]).stdout;
    assert!(page.contains("nothing took over 60 % longer than usual"), "{page}");
    let page = program.run(&["history"]).stdout;
    assert!(page.contains("9 runs against AWS") && page.contains("chance to meet 1 h"), "{page}");
}

#[test]
fn runs_of_a_simulator_are_no_history() {
    let program = Program::new();
    let book = "runbooks/rds-snapshot-restore.yaml";
    for seed in ["1", "2"] {
        assert_eq!(program.run(&["drill", book, "--simulate", "--seed", seed, "--quiet"]).code, 0);
    }
    let none = program.run(&["history", "rds-snapshot-restore"]);
    assert_eq!(none.code, 2, "{}", none.stdout);
    assert!(none.stderr.contains("--simulated"), "{}", none.stderr);
    let page = program.run(&["history", "--simulated"]).stdout;
    assert!(page.contains("2 runs not against AWS: NO EVIDENCE"), "{page}");
    assert!(page.contains("the next recovery: "), "{page}");
    let (_, told) = program.json(&["history", "--simulated", "--output", "json"]);
    assert_eq!((&told[0]["evidence"], &told[0]["runs"]), (&json!(false), &json!(2)));
}
