//! What goes on beside the steps: a line for each probe, and for each alarm that is not well.

use super::{Sight, glance};
use crate::line::{Line, Tone};
use lifeboat_journal::measure::down_s;
use lifeboat_journal::probes::{AlarmState, ProbeState, ProbeStatus};
use lifeboat_runbook::id::StepPath;

/// The lines, at most so many; what is down goes first.
pub(super) fn beside(sight: &Sight<'_>, most: usize) -> Vec<Line> {
    let mut probes: Vec<(&StepPath, &ProbeState)> = sight.state.probes.iter().collect();
    probes.sort_by_key(|(_, probe)| !matches!(probe.status, ProbeStatus::Down { .. }));
    let alarms = sight.state.alarms.values().filter(|alarm| alarm.seen.state != "OK");
    let mut lines: Vec<Line> = alarms.map(|alarm| alarm_line(sight, alarm)).collect();
    lines.extend(probes.into_iter().map(|(path, probe)| probe_line(sight, path, probe)));
    if lines.is_empty() {
        return lines;
    }
    lines.truncate(most.max(1));
    lines.insert(0, Line::default());
    lines
}

fn probe_line(sight: &Sight<'_>, path: &StepPath, probe: &ProbeState) -> Line {
    let until = sight.state.finished.map_or(sight.now, |finished| finished.at);
    let (tone, sign) = match probe.status {
        ProbeStatus::Up => (Tone::Good, sight.signs.done),
        ProbeStatus::Down { .. } => (Tone::Bad, sight.signs.failed),
        ProbeStatus::Unwatched => (Tone::Dim, sight.signs.pending),
    };
    let since = probe.since().map_or(0.0, |since| (until - since.at).num_milliseconds() as f64 / 1000.0);
    let down = down_s(probe, until);
    let line = Line::of(tone, format!("{sign} {path}  {} {}", probe.status.word(), glance(since)));
    let line =
        if down > 0.0 { line.and(Tone::Plain, format!("  down {} in all", glance(down))) } else { line };
    match &probe.error {
        Some(error) => line.and(Tone::Dim, format!("  {}: {}", error.code, error.message)),
        None => line,
    }
}

fn alarm_line(sight: &Sight<'_>, alarm: &AlarmState) -> Line {
    let tone = if alarm.seen.state == "ALARM" { Tone::Bad } else { Tone::Warn };
    let until = sight.state.finished.map_or(sight.now, |finished| finished.at);
    let since = alarm.seen.since.map(|since| (until - since).num_milliseconds() as f64 / 1000.0);
    let since = since.map(|seconds| format!(" for {}", glance(seconds))).unwrap_or_default();
    Line::of(tone, format!("{} alarm {}  {}{since}", sight.signs.waiting, alarm.seen.alarm, alarm.seen.state))
}
