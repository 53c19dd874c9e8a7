//! The screens of recorded runs, and of runs too long for any screen.

use crate::run::{Run, failure, intent, restored, simulated, started};
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::chain;
use lifeboat_journal::event::{Event, EventKind, Phase};
use lifeboat_journal::state::RunState;
use lifeboat_report::line::{Line, Tone};
use lifeboat_report::view::{Sight, Signs, Size, Timer, view};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const USUAL: Size = Size { columns: 80, rows: 24 };
const NARROW: Size = Size { columns: 40, rows: 24 };

fn screen(state: &RunState, now: DateTime<Utc>, size: Size) -> Vec<Line> {
    let sight =
        Sight { state, now, timers: &BTreeMap::new(), answer_with_command: true, signs: &Signs::UNICODE };
    view(&sight, size)
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{}\n", line.text().trim_end())).collect()
}

/// The screen `seconds` after the last event.
fn later(events: &[Event], seconds: i64, size: Size) -> String {
    let state = RunState::of(events);
    let last = state.last.expect("it has begun").at;
    text(&screen(&state, last + TimeDelta::seconds(seconds), size))
}

fn journals() -> Vec<(String, Vec<Event>)> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals");
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(place).expect("recorded journals") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let bytes = std::fs::read(&path).expect("it can be read");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            journals.push((name, chain::verify(&bytes).expect("it is whole").events));
        }
    }
    journals.sort_by(|left, right| left.0.cmp(&right.0));
    assert!(!journals.is_empty());
    journals
}

/// The screen wherever something of note is to be seen, 40 s after the event that made it so.
fn film(events: &[Event], size: Size) -> String {
    let mut film = String::new();
    for (index, event) in events.iter().enumerate() {
        let notable = matches!(
            event.kind,
            EventKind::StateSeen { .. }
                | EventKind::PersonAsked(_)
                | EventKind::StepBlocked { .. }
                | EventKind::AttemptFailed { .. }
                | EventKind::RunPaused { .. }
                | EventKind::RunFinished(_)
        );
        if notable {
            writeln!(film, "── {} ──", event.seq).expect("a string takes everything");
            film.push_str(&later(&events[..=index], 40, size));
        }
    }
    film
}

#[test]
fn recorded_runs_on_the_screen() {
    for (name, events) in journals() {
        insta::assert_snapshot!(name, film(&events, USUAL));
    }
}

#[test]
fn a_recorded_run_on_a_narrow_screen() {
    let journals = journals();
    let (_, people) = journals.iter().find(|(name, _)| name == "0.1-drill-people").expect("it is recorded");
    insta::assert_snapshot!(film(people, NARROW));
}

#[test]
fn no_screen_is_larger_than_its_terminal() {
    for (name, events) in journals() {
        for count in 0..=events.len() {
            let state = RunState::of(&events[..count]);
            let now = state.last.map_or(DateTime::UNIX_EPOCH, |last| last.at + TimeDelta::hours(3));
            for columns in [11, 20, 40, 63, 80, 200] {
                for rows in [5, 8, 12, 24, 60] {
                    let lines = screen(&state, now, Size { columns, rows });
                    let told = format!("{name} {count} {columns}x{rows}:\n{}", text(&lines));
                    assert!(lines.len() < rows, "{told}");
                    assert!(lines.iter().all(|line| line.width() < columns), "{told}");
                }
            }
        }
    }
}

#[test]
fn the_clock_runs_towards_its_objective_and_beyond() {
    let mut run = Run::new(started(Mode::Drill, simulated()));
    run.run(0.0, EventKind::PhaseEntered { phase: Phase::Running });
    run.step(0.0, "restore", intent("rds.restore_to_point_in_time", vec![1]));
    let state = run.state();
    let clock = |minutes: i64| {
        let lines = screen(&state, crate::run::start() + TimeDelta::minutes(minutes), USUAL);
        let line = lines.into_iter().find(|line| line.text().starts_with("recovery time")).expect("a clock");
        let tone = line.pieces().last().expect("a piece").0;
        (line.text(), tone)
    };
    for (minutes, words, tone) in [
        (30, "30m 00s of 1h", Tone::Good),
        (47, "78 %", Tone::Good),
        (48, "80 %", Tone::Warn),
        (61, "over by 1m 00s", Tone::Bad),
    ] {
        let (text, found) = clock(minutes);
        assert!(text.contains(words), "{text}");
        assert_eq!(found, tone, "{text}");
    }
}

#[test]
fn in_a_recovery_nobody_assumes_when_service_was_lost() {
    let run = Run::new(started(Mode::Recovery, simulated()));
    assert!(later(&run.events, 60, USUAL).contains("recovery time  unknown without --disrupted-at"));
}

#[test]
fn a_next_attempt_and_a_pause_count_down() {
    let mut run = Run::new(started(Mode::Drill, simulated()));
    run.step(0.0, "restore", intent("rds.restore_to_point_in_time", vec![1]));
    let error = failure("the instance is not in a state for this");
    run.step(5.0, "restore", EventKind::AttemptFailed { during: "act".into(), error });
    let state = run.state();
    let now = crate::run::start() + TimeDelta::seconds(7);
    let due = crate::run::start() + TimeDelta::seconds(20);
    for (attempts, words) in [(Some(5), "attempt 2 of 5 in 13s"), (None, "attempt 1 failed")] {
        let timers = BTreeMap::from([(StepPath::new("restore"), Timer { due, attempts })]);
        let sight =
            Sight { state: &state, now, timers: &timers, answer_with_command: false, signs: &Signs::ASCII };
        let shown = text(&view(&sight, USUAL));
        assert!(shown.contains(words), "{shown}");
        assert!(shown.contains("→ look there"), "what helps stands below: {shown}");
    }
}

/// A thousand steps, of which `done` are over, one is under way and `failed_at` was allowed to fail.
fn long(done: usize) -> Vec<Event> {
    let mut started = started(Mode::Drill, simulated());
    let outline = started.steps[1].clone();
    started.steps = (0..1000)
        .map(|number| {
            let path = StepPath::new(format!("step_{number}"));
            lifeboat_journal::event::StepOutline { path, ..outline.clone() }
        })
        .collect();
    let mut run = Run::new(started);
    run.run(0.0, EventKind::PhaseEntered { phase: Phase::Running });
    for number in 0..=done {
        let path = format!("step_{number}");
        run.step(1.0, &path, intent("rds.restore_to_point_in_time", vec![1]));
        if number < done {
            run.step(1.0, &path, EventKind::StepSucceeded { outputs: BTreeMap::new() });
        }
    }
    run.events
}

#[test]
fn of_more_steps_than_lines_those_under_way_are_shown_and_the_rest_is_counted() {
    let shown = later(&long(500), 1, USUAL);
    assert!(shown.contains(" step_500 "), "{shown}");
    let hidden = shown.lines().filter(|line| line.trim_start().starts_with('…')).collect::<Vec<_>>();
    assert_eq!(hidden.len(), 2, "{shown}");
    assert!(hidden[0].ends_with(" done") && hidden[1].ends_with(" to come"), "{shown}");
    assert!(shown.contains("recovery time"), "{shown}");
    assert_eq!(shown.lines().count(), 23, "{shown}");
}

#[test]
fn a_group_without_room_is_one_line() {
    let shown = later(&restored(simulated()).events, 1, Size { columns: 80, rows: 9 });
    assert!(shown.contains("preflight  … 1 done"), "{shown}");
}

#[test]
fn names_of_any_script_stay_in_their_column() {
    let mut started = started(Mode::Drill, simulated());
    started.steps[1].path = StepPath::new("each[注文データベース].restore");
    let run = Run::new(started);
    let state = run.state();
    for columns in [40, 80] {
        let lines = screen(&state, crate::run::start(), Size { columns, rows: 24 });
        let rows: Vec<_> = lines.iter().filter(|line| line.text().starts_with("  ·")).collect();
        assert!(rows.iter().all(|line| line.width() == columns - 1), "{}", text(&lines));
    }
}
