//! What people read.

use crate::run::{self, Run};
use lifeboat_journal::event::{Cloud, EventKind, Phase};
use lifeboat_journal::outcome::Verdict;
use lifeboat_report::document::document;
use lifeboat_report::render::{Form, OwnTemplate, ReportError};
use lifeboat_runbook::plan::Mode;
use std::collections::BTreeMap;
use std::error::Error;

fn report(run: &Run) -> String {
    run.report(Form::Markdown)
}

fn with_template(run: &Run, text: &str) -> Result<String, ReportError> {
    let own = OwnTemplate { name: "drill.md".into(), text: text.into() };
    run.report_with(Form::Markdown, &[], &[], &[own])
}

fn expect(report: &str, expected: &[&str]) {
    for text in expected {
        assert!(report.contains(text), "no `{text}` in\n{report}");
    }
}

/// The lines between a heading and the next.
fn section<'report>(report: &'report str, heading: &str) -> &'report str {
    let from = report.find(&format!("## {heading}\n")).unwrap_or_else(|| panic!("no {heading} in\n{report}"));
    let rest = &report[from + 3..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn the_numbers_are_those_that_were_measured_and_stand_first() {
    let run = run::cleaned_up(run::simulated());
    let report = report(&run);
    let first = &report[..report.find("## ").unwrap()];
    expect(
        first,
        &[
            "| recovery time (RTO) | 1 h | **38 min 12 s** | met |",
            "with what was not rehearsed 41 min 10 s (estimated)",
            "| data lost (RPO) | 15 min | **4 min 47 s** | met | grade A: read from the recovered data itself |",
            "Outcome: **passed** (exit code 0).",
        ],
    );
    expect(
        section(&report, "What made the recovery time"),
        &[
            "37 min 40 s of 38 min 12 s were the step restore; the next largest was 30 s in the step newest.",
            "| preflight | 2 s |",
            "| execution | 37 min 40 s |",
            "| verification | 30 s |",
            "| of these Lifeboat's own share | 1.4 s |",
            "| restore | 37 min 40 s | 99 % |",
            "| copy_verified | 2026-01-05T09:38:12.000Z | 38 min 12 s | 15 |",
        ],
    );
    expect(
        section(&report, "How the numbers were computed"),
        &["| recovery time | from disrupted to copy_verified |", "| 1, 15 |", "| 1, 13 |", &run.head()],
    );
}

#[test]
fn every_part_of_the_evidence_is_there() {
    let run = run::cleaned_up(run::simulated());
    let report = report(&run);
    expect(
        section(&report, "Data lost"),
        &["2026-01-05T08:55:13.000Z", "newest heartbeat", "**the figure**"],
    );
    expect(
        section(&report, "Steps"),
        &[
            "| restore | succeeded | 1 | 37 min 40 s | rds.restore_to_point_in_time | create | creating → backing-up |",
        ],
    );
    expect(section(&report, "Preflight"), &["| preflight:source | succeeded | 2 s |"]);
    expect(
        section(&report, "What was not rehearsed"),
        &["| cut_over | secretsmanager.update_keys | 2 min 58 s |"],
    );
    expect(
        section(&report, "What the restored copy lacks"),
        &["- the read replica \\| its lag alarm (step restore)"],
    );
    let gone = run.events.iter().find(|event| matches!(event.kind, EventKind::AwsDeleted(_))).unwrap();
    let gone = format!("seen to be gone 2026-01-05T09:43:12.000Z (event {})", gone.seq);
    expect(section(&report, "Clean-up"), &["rds:db `pitr-abcdef-restore`", &gone]);
    assert!(!report.contains("LEFT BEHIND"), "{report}");
    expect(section(&report, "Timeline"), &["created rds:db pitr-abcdef-restore in 111122223333, eu-west-1"]);
    assert_eq!(section(&report, "Timeline").matches("\n| 2026-").count(), run.events.len());
}

#[test]
fn every_row_of_a_table_has_the_columns_of_its_head() {
    for run in [run::cleaned_up(run::simulated()), run::left_behind(), run::restored(Cloud::Aws)] {
        let report = report(&run);
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut head = None;
        for line in report.lines() {
            if line.starts_with('|') {
                assert_eq!(columns(line), *head.get_or_insert(columns(line)), "{line}");
            } else {
                head = None;
            }
        }
        assert!(!report.contains("\n\n\n"), "two empty lines in\n{report}");
        assert!(report.ends_with("|\n"), "{report}");
    }
}

#[test]
fn the_same_journal_gives_the_same_report() {
    let run = run::cleaned_up(run::simulated());
    expect(&report(&run), &["| inputs | a: x, b: x, c: x, d: x, e: x, f: x |"]);
    assert_eq!(report(&run), report(&run));
}

#[test]
fn only_a_run_against_aws_is_evidence() {
    expect(&report(&run::cleaned_up(run::simulated())), &["> **SIMULATED – not evidence.", "(seed 7)"]);
    let endpoint = Cloud::Endpoint { url: "http://127.0.0.1:5000".into() };
    expect(&report(&run::cleaned_up(endpoint)), &["> **NOT AWS – not evidence.", "http://127.0.0.1:5000"]);
    assert!(!report(&run::cleaned_up(Cloud::Aws)).contains("not evidence"));
}

#[test]
fn what_is_left_behind_is_said_loudly() {
    let report = report(&run::left_behind());
    let loud = "> **LEFT BEHIND: rds:db `pitr-abcdef-restore` in account 111122223333, eu-west-1.**";
    assert!(report.find(loud).unwrap() < report.find("## ").unwrap(), "{report}");
    expect(section(&report, "Clean-up"), &["| **LEFT BEHIND** |"]);
    expect(section(&report, "Timeline"), &["COULD NOT BE TAKEN BACK: assert: deletion protection is on"]);
}

#[test]
fn what_nobody_saw_gone_is_left_behind_even_where_the_outcome_forgets_it() {
    let mut run = run::restored(run::simulated());
    run.finish(run::outcome(Verdict::Passed, Vec::new(), Vec::new()));
    expect(&report(&run), &["> **LEFT BEHIND: rds:db"]);
}

#[test]
fn what_was_asked_to_be_kept_is_not() {
    let mut run = run::restored(run::simulated());
    run.finish(run::outcome(Verdict::Passed, Vec::new(), vec![run::resource()]));
    let report = report(&run);
    expect(section(&report, "Clean-up"), &["| kept, as asked |"]);
    assert!(!report.contains("LEFT BEHIND"), "{report}");
}

#[test]
fn a_recovery_whose_beginning_nobody_stated_has_no_recovery_time() {
    let mut run = Run::new(run::started(Mode::Recovery, Cloud::Aws));
    run.step(90.0, "restore", run::intent("rds.restore_to_point_in_time", vec![1]));
    let report = report(&run);
    expect(
        &report,
        &[
            "# Recovery report",
            "**unknown**",
            "1 min 30 s passed since the run began, which is not a recovery time.",
            "nobody said when service was lost",
            "Outcome: **running** (exit code 4).",
        ],
    );
}

#[test]
fn a_failure_says_why_and_what_to_do() {
    let mut run = run::restored(run::simulated());
    run.step(
        1.0,
        "newest",
        EventKind::StepFailed { error: run::failure("no rows <came> back"), allowed: false },
    );
    expect(
        section(&report(&run), "Steps"),
        &["| newest | **FAILED** |", "no rows &lt;came> back; look there |"],
    );
}

#[test]
fn a_check_that_does_not_hold_says_what_followed() {
    let mut run = Run::new(run::started(Mode::Drill, run::simulated()));
    let error = run::failure("the caller is of another account");
    run.run(1.0, EventKind::CheckFailed { check: "account".into(), error, then: "refuse".into() });
    let refused = Verdict::Refused { finding: "the caller is of another account".into() };
    run.finish(run::outcome(refused, Vec::new(), Vec::new()));
    let report = report(&run);
    expect(&report, &["Outcome: **refused** (exit code 7).", "no step set the mark that ends it"]);
    let row = "| account | **does not hold** (refuse) | | the caller is of another account |";
    expect(section(&report, "Preflight"), &[row]);
    expect(section(&report, "Clean-up"), &["The run created nothing."]);
}

#[test]
fn a_template_can_be_replaced() {
    let run = run::cleaned_up(run::simulated());
    let own = "{{ document.rto.actual_s | duration }}, {{ document.run | code }}, {{ not_restored[0].what }}";
    let text = with_template(&run, own).unwrap();
    assert_eq!(text, "38 min 12 s, `abcdefghijklmnop`, the read replica \\| its lag alarm");
}

#[test]
fn a_bad_template_is_an_error_that_says_where() {
    let run = run::cleaned_up(run::simulated());
    for (own, expected) in [("{{ document.nothing }}", "nothing"), ("{% if %}", "drill.md")] {
        let error = with_template(&run, own).unwrap_err();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(expected), "{cause}");
    }
}

#[test]
fn what_was_reached_is_told_apart_from_what_nobody_saw() {
    let mut run = Run::new(run::started(Mode::Drill, run::simulated()));
    let running = run.run(0.0, EventKind::PhaseEntered { phase: Phase::Running });
    let EventKind::StepStarted(mut intent) = run::intent("rds.restore_to_point_in_time", vec![running])
    else {
        panic!("an intent");
    };
    intent.wait_for = Some("available".into());
    intent.readinesses = ["usable", "available", "hydrated"].map(str::to_owned).to_vec();
    run.step(0.0, "restore", EventKind::StepStarted(intent));
    run.step(600.0, "restore", EventKind::Reached { readiness: "usable".into(), not_before: None });
    run.step(300.0, "restore", EventKind::StepSucceeded { outputs: BTreeMap::new() });
    expect(
        section(&report(&run), "Steps"),
        &[
            "| restore | usable | 2026-01-05T09:10:00.000Z |",
            "| restore | available | 2026-01-05T09:15:00.000Z |",
            "| restore | hydrated | unknown |",
        ],
    );
    let document = document(&run.state(), &run.events, &run.head());
    let restore = document.steps.iter().find(|step| step.id.as_str() == "restore").expect("the step");
    assert_eq!((restore.reached.len(), &restore.reached["hydrated"]), (3, &None));
}
