//! The steps, a line each: where it stands as AWS says it, since when, and how long that is expected to take.

use super::{Sight, Timer, about, glance};
use crate::line::{Line, Tone, wrap};
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Failure, StepOutline};
use lifeboat_journal::state::{Asked, Moment, StepState, StepStatus, UndoStatus};
use lifeboat_runbook::id::StepPath;

/// Steps under a heading.
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A step on the screen.
pub(super) struct Row {
    pub(super) standing: Standing,
    /// One, and more below it where there is something to do.
    pub(super) lines: Vec<Line>,
}

/// Where a step stands, as far as its place on the screen depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    ToCome,
    UnderWay,
    Done,
    Skipped,
    Failed,
}

/// A row before its columns are known.
struct Draft {
    depth: usize,
    name: String,
    standing: Standing,
    sign: (Tone, &'static str),
    what: (Tone, String),
    time: Time,
    hint: Option<String>,
}

/// Since when, and how long that is expected to take.
#[derive(Default)]
struct Time {
    took_s: Option<f64>,
    expect_s: Option<f64>,
    is_over: bool,
}

/// From this width on the expected time stands beside the elapsed one.
const WIDE: usize = 64;
/// What helps may take this many lines.
const HINT_LINES: usize = 3;

pub(super) fn groups(sight: &Sight<'_>, columns: usize) -> Vec<Group> {
    let (mut preflight, mut steps, mut cleanup) = (Vec::new(), Vec::new(), Vec::new());
    for (path, outline) in sight.state.steps_in_order() {
        let group = match path.as_str() {
            text if text.starts_with("cleanup:") => &mut cleanup,
            _ if path.is_preflight() => &mut preflight,
            _ => &mut steps,
        };
        group.push(draft(sight, path, outline));
    }
    let groups =
        [("preflight", preflight), ("steps", steps), ("taken back", undone(sight)), ("cleanup", cleanup)];
    let names = groups.iter().flat_map(|(_, drafts)| drafts);
    let longest = names.map(|draft| Line::of(Tone::Plain, &draft.name).width() + 2 * draft.depth).max();
    let name_columns = longest.unwrap_or_default().min(columns * 2 / 5);
    let group = |(heading, drafts): (&'static str, Vec<Draft>)| Group {
        heading,
        rows: drafts.into_iter().map(|draft| row(draft, columns, name_columns)).collect(),
    };
    groups.into_iter().filter(|(_, drafts)| !drafts.is_empty()).map(group).collect()
}

/// A line for each step under way, for where there is no terminal.
pub(super) fn waiting(sight: &Sight<'_>) -> Vec<String> {
    let steps = sight.state.steps_in_order().into_iter();
    let drafts = steps.map(|(path, outline)| draft(sight, path, outline)).chain(undone(sight));
    drafts
        .filter(|draft| draft.standing == Standing::UnderWay)
        .map(|draft| {
            let time = draft.time.full();
            let time = if time.is_empty() { time } else { format!(", {time}") };
            format!("{}: {}{time}", draft.name, draft.what.1)
        })
        .collect()
}

fn row(draft: Draft, columns: usize, name_columns: usize) -> Row {
    let Draft { depth, name, standing, sign, what, time, hint } = draft;
    let time_text = if columns >= WIDE { time.full() } else { time.short() };
    let tone = time.tone();
    let name_tone = match standing {
        Standing::UnderWay => Tone::Strong,
        Standing::ToCome | Standing::Skipped => Tone::Dim,
        Standing::Done | Standing::Failed => Tone::Plain,
    };
    let indent = "  ".repeat(depth);
    let left = Line::of(Tone::Plain, format!("  {indent}"))
        .and(sign.0, sign.1)
        .and(Tone::Plain, " ")
        .join(Line::of(name_tone, name).cut(name_columns.saturating_sub(indent.len())))
        .filled(name_columns + 4);
    let time = Line::of(tone, time_text);
    let room = columns.saturating_sub(left.width() + 2 + if time.width() > 0 { time.width() + 2 } else { 0 });
    let what = Line::of(what.0, what.1).cut(room);
    let line = left.and(Tone::Plain, "  ").join(what);
    let at = columns.saturating_sub(time.width());
    let mut lines = vec![if time.width() > 0 { line.filled(at).join(time) } else { line }];
    let hint = hint.map(|hint| wrap(&hint, columns.saturating_sub(6))).unwrap_or_default();
    let hint = hint.iter().take(HINT_LINES).enumerate();
    lines.extend(hint.map(|(index, text)| {
        let arrow = if index == 0 { "→" } else { " " };
        Line::of(Tone::Warn, format!("    {arrow} {text}"))
    }));
    Row { standing, lines }
}

fn draft(sight: &Sight<'_>, path: &StepPath, outline: &StepOutline) -> Draft {
    let step = sight.state.step(path);
    let name = path.as_str();
    let name = name.strip_prefix("preflight:").or(name.strip_prefix("cleanup:")).unwrap_or(name);
    let (standing, sign, what) = stands(sight, path, &step);
    let hint = (standing == Standing::UnderWay || standing == Standing::Failed)
        .then(|| {
            step.blocked().map(|block| &block.error).or(step.status.failure()).and_then(|it| it.hint.clone())
        })
        .flatten();
    Draft {
        depth: depth(sight, outline),
        name: name.to_owned(),
        standing,
        sign,
        what,
        time: Time::of(sight, &step, outline.expect_s),
        hint,
    }
}

/// How many steps it is inside of.
fn depth(sight: &Sight<'_>, outline: &StepOutline) -> usize {
    let parent = |path: &StepPath| sight.state.outline(path);
    std::iter::successors(outline.parent.as_ref(), |path| parent(path)?.parent.as_ref()).count()
}

type Stands = (Standing, (Tone, &'static str), (Tone, String));

fn stands(sight: &Sight<'_>, path: &StepPath, step: &StepState) -> Stands {
    let signs = sight.signs;
    let working = (Tone::Strong, signs.working_at(sight.now));
    if let Some(block) = step.blocked().filter(|_| !step.status.is_over()) {
        let words = format!("BLOCKED, waits for {} ({})", block.on.words(), block.error.code);
        return (Standing::UnderWay, (Tone::Warn, signs.waiting), (Tone::Warn, words));
    }
    match &step.status {
        StepStatus::Pending => (Standing::ToCome, (Tone::Dim, signs.pending), (Tone::Dim, String::new())),
        StepStatus::Running | StepStatus::Waiting => {
            (Standing::UnderWay, working, (Tone::Plain, under_way(sight, path, step)))
        }
        StepStatus::Unknown => {
            let words = "not known whether it happened; it is looked at".to_owned();
            (Standing::UnderWay, (Tone::Warn, signs.waiting), (Tone::Warn, words))
        }
        StepStatus::Asking => {
            let words = match step.asked().and_then(Asked::approvals) {
                Some((have, must)) => format!("asks people: {have} of {must} have approved"),
                None => "asks a person".to_owned(),
            };
            (Standing::UnderWay, (Tone::Warn, signs.waiting), (Tone::Warn, words))
        }
        StepStatus::AttemptFailed(failure) => (
            Standing::UnderWay,
            (Tone::Warn, signs.failed),
            (Tone::Warn, next_attempt(sight, path, step, failure)),
        ),
        StepStatus::Succeeded => {
            let how = answered(step).unwrap_or_else(|| last_seen(step));
            (Standing::Done, (Tone::Good, signs.done), (Tone::Dim, with_attempts(step, how)))
        }
        StepStatus::DoneByHand(reason) => {
            (Standing::Done, (Tone::Good, signs.done), (Tone::Dim, format!("by hand: {reason}")))
        }
        StepStatus::Skipped(reason) => {
            (Standing::Skipped, (Tone::Dim, signs.skipped), (Tone::Dim, format!("skipped: {reason}")))
        }
        StepStatus::AllowedFailure(failure) => (
            Standing::Failed,
            (Tone::Warn, signs.failed),
            (Tone::Warn, format!("failed, as it may: {}", said(failure))),
        ),
        StepStatus::Failed(failure) => {
            (Standing::Failed, (Tone::Bad, signs.failed), (Tone::Bad, with_attempts(step, said(failure))))
        }
    }
}

/// What was answered, and by whom.
fn answered(step: &StepState) -> Option<String> {
    let asked = step.asked()?;
    let (who, _, answer) = asked.answer.as_ref()?;
    let all: Vec<&str> = asked.answers.iter().map(|(who, ..)| who.as_str()).collect();
    let who = if asked.question.at_least > 1 { all.join(", ") } else { who.clone() };
    let over = if answer.overrides.is_empty() { "" } else { ", over its rules" };
    Some(format!("{}, by {who}{over}", answer.choice))
}

fn said(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.message)
}

/// The state in AWS's words; before one was seen, what is being done.
fn under_way(sight: &Sight<'_>, path: &StepPath, step: &StepState) -> String {
    if let Some(timer) = sight.timers.get(path).filter(|timer| timer.attempts.is_none()) {
        return format!("goes on in {}", left(timer.due, sight.now));
    }
    let seen = last_seen(step);
    let words = match (seen.is_empty(), &step.status) {
        (false, _) => seen,
        (true, StepStatus::Waiting) => "accepted".to_owned(),
        (true, _) => "begun".to_owned(),
    };
    with_attempts(step, words)
}

fn left(due: DateTime<Utc>, now: DateTime<Utc>) -> String {
    // Upwards: `0s` is when it is over.
    glance(((due - now).num_milliseconds() as f64 / 1000.0).ceil())
}

/// The last state that was seen while the step itself was under way; taking it back shows others.
fn last_seen(step: &StepState) -> String {
    let in_time = |at: DateTime<Utc>| step.finished.is_none_or(|finished| at <= finished.at);
    let seen = step.states_seen.iter().rev().find(|seen| in_time(seen.at));
    seen.map(|seen| seen.state.clone()).unwrap_or_default()
}

fn with_attempts(step: &StepState, words: String) -> String {
    match step.attempts {
        0 | 1 => words,
        attempts if words.is_empty() => format!("attempt {attempts}"),
        attempts => format!("{words}, attempt {attempts}"),
    }
}

fn next_attempt(sight: &Sight<'_>, path: &StepPath, step: &StepState, failure: &Failure) -> String {
    let next = step.attempts_failed + 1;
    match sight.timers.get(path) {
        Some(Timer { due, attempts: Some(attempts) }) => {
            format!("attempt {next} of {attempts} in {}: {}", left(*due, sight.now), said(failure))
        }
        _ => format!("attempt {} failed: {}", step.attempts_failed, said(failure)),
    }
}

impl Time {
    fn of(sight: &Sight<'_>, step: &StepState, expect_s: Option<f64>) -> Self {
        let asked = step.asked().map(|asked| asked.at);
        let Some(started) = step.started.or(asked) else {
            let is_over = step.status.is_over() || sight.state.outcome.is_some();
            return Self { took_s: None, expect_s, is_over };
        };
        // An attempt that failed and is followed by none, because the run is being ended, takes no more time.
        let given_up = step.attempt_failed.filter(|_| {
            sight.state.abort_asked.is_some() && matches!(step.status, StepStatus::AttemptFailed(_))
        });
        let end = step.finished.or(given_up);
        Self { took_s: Some(seconds(sight, started, end)), expect_s, is_over: end.is_some() }
    }

    fn full(&self) -> String {
        match (self.took_s, self.expect_s) {
            (None, Some(expect)) if !self.is_over => format!("about {}", about(expect)),
            (None, _) => String::new(),
            (Some(took), Some(expect)) if !self.is_over => {
                format!("{} of about {}", glance(took), about(expect))
            }
            (Some(took), _) => glance(took),
        }
    }

    fn short(&self) -> String {
        match (self.took_s, self.expect_s) {
            (Some(took), _) => glance(took),
            (None, Some(expect)) if !self.is_over => format!("~{}", about(expect)),
            (None, _) => String::new(),
        }
    }

    /// Later than expected is something to notice, and no failure.
    fn tone(&self) -> Tone {
        match (self.took_s, self.expect_s) {
            (Some(took), Some(expect)) if !self.is_over && took > expect => Tone::Warn,
            (Some(_), _) if !self.is_over => Tone::Plain,
            _ => Tone::Dim,
        }
    }
}

/// Seconds since then, up to its end or to now.
fn seconds(sight: &Sight<'_>, from: Moment, to: Option<Moment>) -> f64 {
    // A run that has ended stands still.
    let to = to.or(sight.state.finished);
    match to {
        Some(to) => from.seconds_to(&to).round(),
        None => (sight.now - from.at).num_milliseconds() as f64 / 1000.0,
    }
}

/// What is being taken back, in the order in which that happens.
fn undone(sight: &Sight<'_>) -> Vec<Draft> {
    let started = sight.state.started_order.iter().rev();
    started.filter_map(|path| undo(sight, path, sight.state.steps.get(path)?)).collect()
}

fn undo(sight: &Sight<'_>, path: &StepPath, step: &StepState) -> Option<Draft> {
    let signs = sight.signs;
    let since = step.undo_started?;
    let (standing, sign, what, hint) = match &step.undo {
        UndoStatus::NotUndone => return None,
        UndoStatus::Undoing => {
            let seen = step.states_seen.last().filter(|seen| seen.at >= since.at);
            let words = seen.map_or_else(|| "being taken back".to_owned(), |seen| seen.state.clone());
            let working = (Tone::Strong, signs.working_at(sight.now));
            (Standing::UnderWay, working, (Tone::Plain, words), None)
        }
        UndoStatus::Undone => {
            let gone = (Tone::Dim, "seen to be gone".to_owned());
            (Standing::Done, (Tone::Good, signs.undone), gone, None)
        }
        UndoStatus::UndoFailed(failure) => {
            (Standing::Failed, (Tone::Bad, signs.failed), (Tone::Bad, said(failure)), failure.hint.clone())
        }
    };
    let time = Time {
        took_s: Some(seconds(sight, since, step.undo_finished)),
        expect_s: None,
        is_over: step.undo_finished.is_some(),
    };
    Some(Draft { depth: 0, name: path.as_str().to_owned(), standing, sign, what, time, hint })
}
