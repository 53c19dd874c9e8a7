//! The two clocks at the foot: the recovery time on its way to its objective, and the data lost.

use super::{Sight, about, glance};
use crate::line::{Line, Tone};
use lifeboat_journal::measure::{self, Clocks};

const LABEL: usize = 15;
/// Where the bars begin, so that they stand below each other.
const BAR_AT: usize = 38;
const LONGEST_BAR: usize = 30;
const SHORTEST_BAR: usize = 6;
/// From this share of the objective on, the eye should know.
const NEAR: f64 = 0.8;

pub(super) fn clocks(sight: &Sight<'_>, columns: usize) -> Vec<Line> {
    if sight.state.started.is_none() {
        return Vec::new();
    }
    let clocks = measure::clocks(sight.state, sight.now);
    vec![Line::default(), recovery(sight, &clocks, columns), lost(sight, &clocks, columns)]
}

fn recovery(sight: &Sight<'_>, clocks: &Clocks, columns: usize) -> Line {
    let time = &clocks.recovery_time;
    let is_known = time.actual_s.is_some();
    let over = sight.state.outcome.is_some();
    let word = match (time.met, is_known) {
        (Some(true), _) => "met",
        (Some(false), _) => "MISSED",
        (None, true) => "",
        (None, false) if over => "no proof",
        (None, false) => "",
    };
    match clocks.recovering_s {
        None => Line::of(Tone::Plain, "recovery time")
            .filled(LABEL)
            .and(Tone::Dim, "unknown without --disrupted-at"),
        Some(seconds) => {
            let met = time.met.filter(|_| is_known);
            // What is known is rounded as everywhere; what runs has passed its last whole second.
            let seconds = if is_known { seconds.round() } else { seconds };
            gauge(sight, "recovery time", seconds, time.objective_s, met, word, columns)
        }
    }
}

fn lost(sight: &Sight<'_>, clocks: &Clocks, columns: usize) -> Line {
    let lost = &clocks.data_lost;
    let Some(seconds) = lost.actual_s else {
        let objective =
            lost.objective_s.map(|objective| format!(" of {}", about(objective))).unwrap_or_default();
        let words = if sight.state.outcome.is_some() { "unknown" } else { "not known yet" };
        return Line::of(Tone::Plain, "data lost")
            .filled(LABEL)
            .and(Tone::Dim, format!("{words}{objective}"));
    };
    let met = match lost.met {
        Some(true) => ", met",
        Some(false) => ", MISSED",
        None => "",
    };
    let seconds = seconds.round();
    let grade = lost.grade.map(|grade| format!("grade {grade:?}{met}")).unwrap_or_default();
    gauge(sight, "data lost", seconds, lost.objective_s, lost.met, &grade, columns)
}

/// A number against its objective: in words, and as a bar where there is room for one.
fn gauge(
    sight: &Sight<'_>,
    label: &str,
    seconds: f64,
    objective_s: Option<f64>,
    met: Option<bool>,
    word: &str,
    columns: usize,
) -> Line {
    let line = Line::of(Tone::Plain, label).filled(LABEL);
    let Some(objective) = objective_s.filter(|objective| *objective > 0.0) else {
        return line.and(Tone::Strong, glance(seconds)).and(Tone::Dim, format!("  no objective  {word}"));
    };
    let share = seconds / objective;
    let tone = match met {
        Some(true) => Tone::Good,
        Some(false) => Tone::Bad,
        None if share > 1.0 => Tone::Bad,
        None if share >= NEAR => Tone::Warn,
        None => Tone::Good,
    };
    let over = match () {
        () if seconds > objective && met.is_none() => format!("over by {}", glance(seconds - objective)),
        () => format!("{:.0} %", share * 100.0),
    };
    let line = line.and(tone, glance(seconds)).and(Tone::Dim, format!(" of {}", about(objective)));
    let behind = format!(" {over}{}{word}", if word.is_empty() { "" } else { ", " });
    let room = columns.saturating_sub(BAR_AT.max(line.width() + 1) + behind.chars().count());
    if room < SHORTEST_BAR {
        return line.and(tone, format!(" {behind}"));
    }
    let length = room.min(LONGEST_BAR);
    let full = ((share.min(1.0) * length as f64).round() as usize).min(length);
    line.filled(BAR_AT)
        .and(tone, sight.signs.bar.repeat(full))
        .and(Tone::Dim, sight.signs.rest.repeat(length - full))
        .and(tone, behind)
}
