//! Every event in words.

use crate::run::{self, Run};
use chrono::TimeDelta;
use lifeboat_journal::event::{
    Actor, ActorKind, Draft, Event, EventKind, OtherEvent, PauseReason, Phase, Precision,
};
use lifeboat_journal::measure::RecoveryTime;
use lifeboat_journal::outcome::Verdict;
use lifeboat_report::timeline::{duration, timeline, words};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Grade;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// One of each kind, and what its words must hold. [`words`] itself matches exhaustively: a new kind does not compile
/// without words.
fn one_of_each() -> Vec<(EventKind, &'static str)> {
    let error = || run::failure("no rows came back");
    let values = || BTreeMap::from([("run.mode".to_owned(), Value::from("drill"))]);
    let aborted = Verdict::Aborted { by: "SIGINT".into(), why: "Ctrl-C".into() };
    vec![
        (
            EventKind::RunStarted(Box::new(run::started(Mode::Drill, run::simulated()))),
            "drill of pitr started by ada",
        ),
        (EventKind::PhaseEntered { phase: Phase::CleaningUp }, "cleaning up"),
        (
            EventKind::RunPaused { why: "a step failed".into(), because: PauseReason::Failure },
            "paused: a step failed",
        ),
        (EventKind::RunResumed { version: "0.1.0".into(), away_s: 3601.0, by: None }, "after 1 h 1 s"),
        (EventKind::AbortAsked { by: "SIGTERM".into(), why: None, undo: None }, "SIGTERM asked for the end"),
        (
            EventKind::RunFinished(Box::new(run::outcome(aborted, vec![run::resource()], vec![]))),
            "aborted by SIGINT: Ctrl-C (left behind)",
        ),
        (run::intent("rds.delete_instance", vec![]), "started rds.delete_instance"),
        (
            EventKind::StepAccepted { stage: "create".into(), data: values(), request_id: None },
            "AWS accepted: create",
        ),
        (EventKind::StateSeen { state: "backing-up".into(), not_before: None }, "seen as backing-up"),
        (EventKind::Observed { found: "in_progress".into() }, "in progress"),
        (EventKind::StepUnknown { error: error() }, "is not known (assert: no rows came back; look there)"),
        (EventKind::AttemptFailed { during: "wait".into(), error: error() }, "attempt failed (wait)"),
        (EventKind::StepSucceeded { outputs: values() }, "succeeded"),
        (EventKind::StepFailed { error: error(), allowed: true }, "as it may"),
        (EventKind::StepFailed { error: error(), allowed: false }, "FAILED: assert: no rows came back"),
        (
            EventKind::StepSkipped { reason: "not needed".into(), values: values() },
            "not needed (run.mode: drill)",
        ),
        (EventKind::Evidence { kind: "row".into(), value: Value::from(3_i64) }, "evidence (row): 3"),
        (
            EventKind::DataTime { complete_to: run::start(), grade: Grade::B, source: "RestoreTime".into() },
            "2026-01-05T09:00:00.000Z (grade B: RestoreTime)",
        ),
        (EventKind::UndoStarted, "being taken back"),
        (EventKind::UndoAccepted { stage: "delete".into() }, "take it back: delete"),
        (EventKind::Undone, "seen to be gone"),
        (EventKind::UndoFailed { error: error() }, "COULD NOT BE TAKEN BACK"),
        (EventKind::TimerFired { purpose: "retry".into() }, "retry"),
        (
            EventKind::AwsCall {
                service: "rds".into(),
                operation: "DeleteDBInstance".into(),
                request_id: None,
                status: 0,
            },
            "rds DeleteDBInstance: no answer came",
        ),
        (
            EventKind::AwsPolled { kind: "rds:db".into(), calls: 12, throttled: 1, errors: 0 },
            "12 times about rds:db (1 throttled, 0 errors)",
        ),
        (EventKind::AwsCreated(run::resource()), "created rds:db pitr-abcdef-restore"),
        (EventKind::AwsDeleted(run::resource()), "gone: rds:db pitr-abcdef-restore"),
        (
            EventKind::CheckFailed { check: "account".into(), error: error(), then: "refuse".into() },
            "does not hold (refuse): account",
        ),
        (EventKind::MarkSet { mark: MarkName::new("restored"), source: None }, "mark set: restored"),
        (
            EventKind::MarkSet {
                mark: MarkName::new("restored"),
                source: Some("rds.failover: completed_at".into()),
            },
            "mark set: restored (the time of rds.failover: completed_at)",
        ),
        (EventKind::Reached { readiness: "usable".into(), not_before: None }, "is usable"),
        (
            EventKind::RtoMeasured(Box::new(RecoveryTime {
                actual_s: Some(2292.0),
                ..RecoveryTime::default()
            })),
            "recovery time: 38 min 12 s",
        ),
        (EventKind::RpoMeasured(Box::default()), "data lost: unknown"),
        (EventKind::TailDropped { bytes: 17, sha256: "00".into() }, "17 bytes"),
        (
            EventKind::Other(OtherEvent {
                type_name: "quota.seen".into(),
                data: serde_json::json!({ "left": 3 }),
            }),
            "quota.seen (written by a later version): {\"left\":3}",
        ),
    ]
}

#[test]
fn every_kind_of_event_has_words() {
    let mut seen = Vec::new();
    for (kind, expected) in one_of_each() {
        let words = words(&kind);
        assert!(words.contains(expected), "`{words}` does not hold `{expected}`");
        assert!(!words.contains("{ ") && !words.contains("Some("), "`{words}` is not English");
        assert!(!seen.contains(&words), "`{words}` says two different things");
        seen.push(words);
    }
}

#[test]
fn rows_come_by_time_then_source_then_number() {
    let mut run = Run::new(run::started(Mode::Drill, run::simulated()));
    run.run(10.0, EventKind::PhaseEntered { phase: Phase::Preflight });
    let note = EventKind::AbortAsked { by: "ada".into(), why: None, undo: None };
    let earlier = run::start() + TimeDelta::seconds(5);
    run.write(0.0, Draft::run(note.clone()).at(earlier).by(Actor::person("ada")));
    let by_aws = Actor { kind: ActorKind::Aws, id: None };
    run.write(0.0, Draft { precision: Precision::Minute, ..Draft::run(note).by(by_aws) });
    let rows = timeline(&run.events);
    let seen: Vec<(u64, &str, &str)> =
        rows.iter().map(|row| (row.seq, row.source.as_str(), row.precision.as_str())).collect();
    assert_eq!(
        seen,
        [
            (1, "lifeboat", "exact"),
            (3, "person ada", "exact"),
            (4, "aws", "minute"),
            (2, "lifeboat", "exact")
        ]
    );
    assert_eq!(rows[1].at, "2026-01-05T09:00:05.000Z");
}

#[test]
fn a_later_attempt_is_numbered() {
    let event = |attempt| Draft::step(&StepPath::new("restore"), attempt, EventKind::Undone);
    let mut run = Run::new(run::started(Mode::Drill, run::simulated()));
    run.write(0.0, event(1));
    run.write(0.0, event(2));
    let events: Vec<Event> = run.events.split_off(1);
    let rows = timeline(&events);
    assert!(!rows[0].what.contains("attempt") && rows[1].what.ends_with("(attempt 2)"), "{rows:?}");
}

#[test]
fn durations_are_for_people() {
    for (seconds, expected) in [
        (0.0, "0 s"),
        (1.44, "1.4 s"),
        (59.96, "1 min"),
        (60.0, "1 min"),
        (2292.0, "38 min 12 s"),
        (3600.0, "1 h"),
        (3661.4, "1 h 1 min 1 s"),
        (90_000.0, "1 d 1 h"),
        (-12.0, "−12 s"),
    ] {
        assert_eq!(duration(seconds), expected, "{seconds}");
    }
}
