//! What happened when, a row for each step: the states of AWS inside it, whom it waited for, and the critical path.

use super::{Axis, Tick, fitting, offset, thousandth};
use crate::document::Document;
use crate::timeline::{down_words, duration};
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::GROUPS;
use serde::Serialize;
use std::collections::BTreeMap;

/// The picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gantt {
    /// Pixels.
    pub height: u32,
    /// Pixels from the top to the first row; marks are named above it.
    pub top: u32,
    /// The axis: time since the beginning of the recovery time.
    pub ticks: Vec<Tick>,
    /// Moments that count, with their names.
    pub marks: Vec<Tick>,
    /// Where the objective ends, if that is near enough to be seen.
    pub objective: Option<Tick>,
    /// Times in which no process carried the run.
    pub away: Vec<Bar>,
    /// The rows.
    pub rows: Vec<GanttRow>,
    /// The probes beneath them.
    pub probes: Vec<GanttRow>,
    /// The kinds of bars there are, for the legend.
    pub kinds: Vec<&'static str>,
    /// How many steps are not drawn, because the picture would have no end.
    pub left_out: usize,
}

/// A step's row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GanttRow {
    /// Its top, pixels.
    pub y: u32,
    /// The step's path; `preflight` for all checks together.
    pub step: String,
    /// Its name for people.
    pub name: String,
    /// How long it took.
    pub time: String,
    /// Where it stands.
    pub state: String,
    /// Whether it is on the critical path.
    pub critical: bool,
    /// What it was busy with.
    pub bars: Vec<Bar>,
    /// The time it could have taken longer.
    pub slack: Option<Bar>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// Per cent of the width.
    pub x: f64,
    /// Per cent of the width.
    pub width: f64,
    /// What kind: `work`, `group`, `aws`, `person`, `blocked`, `retry`, `undo`, `undo_failed`, `away`, `slack`; of a probe
    /// `up`, `down`, `unwatched`.
    pub kind: &'static str,
    /// What stands in it, where that fits.
    pub text: Option<String>,
    /// What it is, in full.
    pub title: String,
}

/// A picture with more rows would not be looked at.
const MOST_ROWS: usize = 60;

const ROW: u32 = 46;
const AXIS: u32 = 26;

/// A stretch of a step before it is placed: seconds since the zero of the axis.
#[derive(Clone, Debug)]
struct Stretch {
    from_s: f64,
    to_s: f64,
    kind: &'static str,
    text: String,
}

/// What a step is busy with while its events go by.
#[derive(Debug, Default)]
struct Track {
    over: Vec<Stretch>,
    open: Option<(f64, &'static str, String)>,
    /// What it goes back to when an interruption is over.
    before: Option<(&'static str, String)>,
}

impl Track {
    fn begin(&mut self, at: f64, kind: &'static str, text: impl Into<String>) {
        self.end(at);
        self.open = Some((at, kind, text.into()));
    }

    fn end(&mut self, at: f64) {
        if let Some((from_s, kind, text)) = self.open.take() {
            self.over.push(Stretch { from_s, to_s: at.max(from_s), kind, text });
        }
    }

    fn interrupt(&mut self, at: f64, kind: &'static str, text: impl Into<String>) {
        self.before = self.open.as_ref().map(|(_, kind, text)| (*kind, text.clone()));
        self.begin(at, kind, text);
    }

    fn go_on(&mut self, at: f64) {
        self.end(at);
        if let Some((kind, text)) = self.before.take() {
            self.begin(at, kind, text);
        }
    }
}

impl Gantt {
    /// The picture of a run; nothing where nothing was begun.
    pub(crate) fn of(state: &RunState, events: &[Event], document: &Document) -> Option<Self> {
        let began = state.began?.at;
        let stated = state.started.as_ref().and_then(|started| started.disrupted_at);
        let disrupted = state.marks.get(&MarkName::new("disrupted")).map(|mark| mark.at).or(stated);
        let zero = disrupted.unwrap_or(began);
        let since = |at: DateTime<Utc>| (at - zero).num_milliseconds() as f64 / 1000.0;
        let tracks = tracks(events, &since);
        let last = events.last().map_or(0.0, |event| since(event.at));
        if tracks.is_empty() {
            return None;
        }
        let objective = document.rto.objective_s.filter(|objective| *objective <= last * 1.25);
        let axis = Axis::new(since(began).min(0.0), objective.map_or(last, |objective| objective.max(last)));
        let (rows, left_out) = rows(state, &tracks, document, &axis);
        let probes = probes(state, document, &axis, &since, top(state) + ROW * rows.len() as u32);
        let mut kinds: Vec<&'static str> =
            rows.iter().chain(&probes).flat_map(|row| &row.bars).map(|bar| bar.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let away = state.away.iter().map(|(from, to)| {
            let stretch = Stretch {
                from_s: since(from.at),
                to_s: since(to.at),
                kind: "away",
                text: "no process carried the run".to_owned(),
            };
            bar(&axis, &stretch)
        });
        let marks = state
            .marks
            .iter()
            .map(|(name, mark)| (mark.seq, Tick::new(axis.place(since(mark.at)), name.as_str())));
        let mut marks: Vec<(u64, Tick)> = marks.collect();
        marks.sort_by_key(|(seq, _)| *seq);
        let marks: Vec<Tick> = marks.into_iter().map(|(_, tick)| tick).collect();
        let top = top(state);
        Some(Self {
            height: top + ROW * (rows.len() + probes.len()) as u32 + AXIS,
            top,
            ticks: axis.ticks(offset),
            marks,
            objective: objective.map(|objective| {
                Tick::new(axis.place(objective), format!("objective {}", duration(objective)))
            }),
            away: away.collect(),
            rows,
            probes,
            kinds,
            left_out,
        })
    }
}

/// Each mark is named on a line of its own: names at one moment would cover each other.
fn top(state: &RunState) -> u32 {
    14 * state.marks.len() as u32 + 10
}

/// What each step was busy with, in the order in which they began; all checks of the preflight are one.
fn tracks(events: &[Event], since: &impl Fn(DateTime<Utc>) -> f64) -> Vec<(StepPath, Vec<Stretch>)> {
    let mut order: Vec<StepPath> = Vec::new();
    let mut tracks: BTreeMap<StepPath, Track> = BTreeMap::new();
    for event in events {
        let Some(path) = &event.step else { continue };
        let at = since(event.at);
        if !tracks.contains_key(path) {
            if !begins(&event.kind) {
                continue;
            }
            order.push(path.clone());
        }
        follow(tracks.entry(path.clone()).or_default(), at, &event.kind);
    }
    let end = events.last().map_or(0.0, |event| since(event.at));
    let over = order.into_iter().map(|path| {
        let mut track = tracks.remove(&path).unwrap_or_default();
        track.end(end);
        (path, track.over)
    });
    over.collect()
}

fn begins(kind: &EventKind) -> bool {
    matches!(kind, EventKind::StepStarted(_) | EventKind::PersonAsked(_) | EventKind::StepBlocked { .. })
}

fn follow(track: &mut Track, at: f64, kind: &EventKind) {
    match kind {
        EventKind::StepStarted(intent) if GROUPS.contains(&intent.action.as_str()) => {
            track.begin(at, "group", "");
        }
        EventKind::StepStarted(_) => track.begin(at, "work", ""),
        EventKind::StateSeen { state, .. } => track.begin(at, "aws", state),
        EventKind::AttemptFailed { error, .. } => track.begin(at, "retry", format!("after {}", error.code)),
        EventKind::PersonAsked(_) => track.interrupt(at, "person", "waits for an answer"),
        EventKind::StepBlocked { on, .. } => {
            track.interrupt(at, "blocked", format!("waits for {}", on.words()))
        }
        EventKind::PersonAnswered(_) | EventKind::PersonTimedOut { .. } | EventKind::StepUnblocked => {
            track.go_on(at)
        }
        EventKind::StepSucceeded { .. }
        | EventKind::StepFailed { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::DoneByHand { .. }
        | EventKind::Undone => track.end(at),
        EventKind::UndoStarted => track.begin(at, "undo", "taken back"),
        EventKind::UndoFailed { .. } => {
            track.end(at);
            if let Some(last) = track.over.last_mut() {
                (last.kind, last.text) = ("undo_failed", "not taken back".to_owned());
            }
        }
        _ => {}
    }
}

fn rows(
    state: &RunState,
    tracks: &[(StepPath, Vec<Stretch>)],
    document: &Document,
    axis: &Axis,
) -> (Vec<GanttRow>, usize) {
    let (checks, steps): (Vec<_>, Vec<_>) = tracks.iter().partition(|(path, _)| path.is_preflight());
    let is_critical = |path: &StepPath| document.critical_path.contains(path);
    let (shown, left_out) = longest(&steps, is_critical);
    let mut rows = Vec::new();
    if let Some(row) = preflight(&checks, axis) {
        rows.push(row);
    }
    for (path, stretches) in shown {
        let took = state.steps.get(path).and_then(|step| Some(step.started?.seconds_to(&step.finished?)));
        let outline = state.outline(path);
        let end =
            stretches.iter().filter(|stretch| !stretch.kind.starts_with("undo")).map(|stretch| stretch.to_s);
        let slack = document.slack.get(path).filter(|slack| **slack > 0.0).map(|slack| {
            let from_s = end.fold(f64::MIN, f64::max);
            let text = format!("could have taken {} longer", duration(*slack));
            bar(axis, &Stretch { from_s, to_s: from_s + slack, kind: "slack", text })
        });
        rows.push(GanttRow {
            y: 0,
            step: path.to_string(),
            name: outline.and_then(|outline| outline.name.clone()).unwrap_or_default(),
            time: took.map(duration).unwrap_or_default(),
            state: crate::document::step_word(&state.step(path)).replace('_', " "),
            critical: is_critical(path),
            bars: stretches.iter().map(|stretch| bar(axis, stretch)).collect(),
            slack,
        });
    }
    for (row, y) in rows.iter_mut().zip((top(state)..).step_by(ROW as usize)) {
        row.y = y;
    }
    (rows, left_out)
}

/// A band for each probe: when it was up, when it was down, when nobody looked.
fn probes(
    state: &RunState,
    document: &Document,
    axis: &Axis,
    since: &impl Fn(DateTime<Utc>) -> f64,
    top: u32,
) -> Vec<GanttRow> {
    let rows = state.probes.iter().zip((top..).step_by(ROW as usize)).map(|((path, probe), y)| {
        let measured = document.downtime.iter().find(|down| down.probe.as_ref() == Some(path));
        let ends = probe.spans.iter().skip(1).map(|span| span.from.at);
        let last = probe.last_look.map(|look| look.at);
        let bands = probe.spans.iter().zip(ends.chain(last));
        let bands = bands.map(|(span, end)| {
            let (from_s, to_s) = (since(span.from.at), since(end).max(since(span.from.at)));
            let kind = span.status.word();
            bar(axis, &Stretch { from_s, to_s, kind, text: kind.to_owned() })
        });
        GanttRow {
            y,
            step: path.to_string(),
            name: String::new(),
            time: measured.map(|down| format!("down: {}", down_words(down))).unwrap_or_default(),
            state: String::new(),
            critical: false,
            bars: bands.collect(),
            slack: None,
        }
    });
    rows.collect()
}

/// All checks in one row: each is a moment, and their number says little about the time.
fn preflight(checks: &[&(StepPath, Vec<Stretch>)], axis: &Axis) -> Option<GanttRow> {
    let stretches = || checks.iter().flat_map(|(_, stretches)| stretches);
    let from_s = stretches().map(|stretch| stretch.from_s).reduce(f64::min)?;
    let to_s = stretches().map(|stretch| stretch.to_s).reduce(f64::max)?;
    let text = if checks.len() == 1 { "1 check".to_owned() } else { format!("{} checks", checks.len()) };
    Some(GanttRow {
        y: 0,
        step: "preflight".to_owned(),
        name: text.clone(),
        time: duration(to_s - from_s),
        state: String::new(),
        critical: false,
        bars: vec![bar(axis, &Stretch { from_s, to_s, kind: "work", text })],
        slack: None,
    })
}

type Tracked = (StepPath, Vec<Stretch>);

/// The steps of the critical path and, among the others, those that took longest; in the order in which they began.
fn longest<'run>(
    steps: &[&'run Tracked],
    is_critical: impl Fn(&StepPath) -> bool,
) -> (Vec<&'run Tracked>, usize) {
    if steps.len() <= MOST_ROWS {
        return (steps.to_vec(), 0);
    }
    let took = |(_, stretches): &Tracked| -> f64 {
        stretches.iter().map(|stretch| stretch.to_s - stretch.from_s).sum()
    };
    let mut ranked: Vec<usize> = (0..steps.len()).collect();
    ranked.sort_by(|left, right| {
        let rank = |index: usize| (is_critical(&steps[index].0), took(steps[index]));
        let (left, right) = (rank(*left), rank(*right));
        right.0.cmp(&left.0).then(right.1.total_cmp(&left.1))
    });
    ranked.truncate(MOST_ROWS);
    ranked.sort_unstable();
    let shown: Vec<_> = ranked.into_iter().map(|index| steps[index]).collect();
    let left_out = steps.len() - shown.len();
    (shown, left_out)
}

fn bar(axis: &Axis, stretch: &Stretch) -> Bar {
    let (x, width) = axis.interval(stretch.from_s, stretch.to_s);
    let time = duration(thousandth(stretch.to_s - stretch.from_s));
    Bar {
        x,
        width,
        kind: stretch.kind,
        text: fitting(&stretch.text, width),
        title: if stretch.text.is_empty() { time } else { format!("{}: {time}", stretch.text) },
    }
}
