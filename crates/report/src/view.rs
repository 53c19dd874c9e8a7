//! The screen of a run: what `drill`, `run`, `resume` and `watch` show on a terminal. A pure function of the fold, the
//! moment and the size of the terminal, so that replaying a journal gives the same screens.

mod beside;
mod clocks;
mod fit;
mod question;
mod steps;

use crate::line::{Line, Tone};
use chrono::{DateTime, Utc};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use std::collections::BTreeMap;

/// What there is to see.
pub struct Sight<'run> {
    /// What is known of the run.
    pub state: &'run RunState,
    /// The moment, on the run's clock.
    pub now: DateTime<Utc>,
    /// What steps wait for that is a time.
    pub timers: &'run BTreeMap<StepPath, Timer>,
    /// Whether the command that answers a question from elsewhere is to be shown: nobody is asked at this terminal.
    pub answer_with_command: bool,
    /// The signs that stand before steps.
    pub signs: &'static Signs,
}

/// A time that a step waits for: its next attempt, or the end of a `pause`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When.
    pub due: DateTime<Utc>,
    /// For a next attempt: how many the step has in all.
    pub attempts: Option<u32>,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// How wide.
    pub columns: usize,
    /// How high.
    pub rows: usize,
}

/// The signs of a view: one column wide each.
#[derive(Debug)]
pub struct Signs {
    pub(crate) done: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) skipped: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) undone: &'static str,
    pub(crate) working: &'static [&'static str],
    pub(crate) bar: &'static str,
    pub(crate) rest: &'static str,
}

impl Signs {
    /// For terminals that show Unicode.
    pub const UNICODE: Self = Self {
        done: "✓",
        failed: "✗",
        pending: "·",
        skipped: "-",
        waiting: "?",
        undone: "↩",
        working: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
        bar: "━",
        rest: "─",
    };

    /// For terminals that show ASCII only.
    pub const ASCII: Self = Self {
        done: "+",
        failed: "x",
        pending: ".",
        skipped: "-",
        waiting: "?",
        undone: "<",
        working: &["|", "/", "-", "\\"],
        bar: "#",
        rest: "-",
    };

    /// A sign that turns once a second.
    pub(crate) fn working_at(&self, now: DateTime<Utc>) -> &'static str {
        let turn = usize::try_from(now.timestamp().unsigned_abs()).unwrap_or_default();
        self.working[turn % self.working.len()]
    }
}

/// The lines of the screen, none wider than the terminal, and fewer than it is high.
pub fn view(sight: &Sight<'_>, size: Size) -> Vec<Line> {
    let columns = size.columns.saturating_sub(1).max(10);
    let rows = size.rows.saturating_sub(1).max(4);
    let mut foot = beside::beside(sight, rows / 3);
    foot.extend(clocks::clocks(sight, columns));
    foot.extend(ending(sight));
    foot.extend(question::questions(sight, columns, rows / 2));
    let head = header(sight);
    let room = rows.saturating_sub(1 + foot.len()).max(1);
    let mut lines = vec![head];
    lines.extend(fit::fit(&steps::groups(sight, columns), room));
    lines.extend(foot);
    let too_many = lines.len().saturating_sub(rows);
    lines.drain(..too_many);
    lines.into_iter().map(|line| line.cut(columns)).collect()
}

/// A line for each step that something is awaited of, for where there is no terminal.
pub fn waiting(sight: &Sight<'_>) -> Vec<String> {
    steps::waiting(sight)
}

fn header(sight: &Sight<'_>) -> Line {
    let Some(started) = &sight.state.started else { return Line::of(Tone::Dim, "the run begins") };
    let cloud = match started.cloud.word().as_str() {
        "aws" => String::new(),
        word => format!(", {word}"),
    };
    let run = sight.state.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let line = Line::of(Tone::Strong, &started.runbook)
        .and(Tone::Dim, format!("  {run}  {}{cloud}", started.mode.word()));
    let severity = started.playbook.as_ref().and_then(|playbook| playbook.severity.as_deref());
    let roles = sight.state.roles.iter().map(|(role, person)| format!("{role} {person}"));
    let besides: Vec<String> = severity.map(str::to_owned).into_iter().chain(roles).collect();
    let line = match besides.is_empty() {
        true => line,
        false => line.and(Tone::Plain, format!("  {}", besides.join(", "))),
    };
    match next_update(sight) {
        Some(next) => line.and(Tone::Dim, format!("  {next}")),
        None => line,
    }
}

/// When people are to be told next where an incident stands.
fn next_update(sight: &Sight<'_>) -> Option<String> {
    let state = sight.state;
    let every_s = state.started.as_ref()?.playbook.as_ref()?.updates_every_s?;
    let last = state.updates.last().copied().or(state.began).filter(|_| state.outcome.is_none())?;
    let left = every_s - (sight.now - last.at).num_milliseconds() as f64 / 1000.0;
    Some(format!("update {} in {}", state.updates.len() + 1, glance(left)))
}

/// How it ended, or why it stands still.
fn ending(sight: &Sight<'_>) -> Option<Line> {
    let (state, signs) = (sight.state, sight.signs);
    let Some(outcome) = &state.outcome else {
        let paused = state.paused.as_ref()?;
        return Some(Line::of(Tone::Warn, format!("{} paused: {}", signs.waiting, paused.why)));
    };
    let missed = outcome.exit_code() == lifeboat_journal::outcome::OBJECTIVE_MISSED;
    let (tone, sign, words) = match &outcome.verdict {
        Verdict::Passed if missed => {
            (Tone::Bad, signs.failed, "passed, and an objective was missed".to_owned())
        }
        Verdict::Passed => (Tone::Good, signs.done, "passed".to_owned()),
        Verdict::Failed { step } => (Tone::Bad, signs.failed, format!("failed at {step}")),
        Verdict::Aborted { by, .. } => (Tone::Warn, signs.failed, format!("aborted by {by}")),
        Verdict::Refused { finding } => (Tone::Bad, signs.failed, format!("refused: {finding}")),
        Verdict::Abandoned { by, .. } => (Tone::Warn, signs.failed, format!("given up by {by}")),
    };
    let line = Line::of(tone, format!("{sign} {words}"));
    Some(match outcome.left_behind.len() {
        0 => line,
        left => line.and(Tone::Bad, format!(", {left} left behind")),
    })
}

/// Seconds at a glance: `42s`, `4m 07s`, `1h 04m`, `2d 03h`.
pub(crate) fn glance(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {:02}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {:02}h", whole / 86_400, whole / 3600 % 24),
    }
}

/// A round number of seconds, which needs no zeros: `25m`, `1h 30m`.
pub(crate) fn about(seconds: f64) -> String {
    let text = glance(seconds.round());
    text.strip_suffix(" 00s")
        .or(text.strip_suffix(" 00m"))
        .or(text.strip_suffix(" 00h"))
        .unwrap_or(&text)
        .to_owned()
}
