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
    let (status, since) = probe.last_known();
    let (tone, sign) = match status {
        ProbeStatus::Up => (Tone::Good, sight.signs.done),
        ProbeStatus::Down { .. } => (Tone::Bad, sight.signs.failed),
        ProbeStatus::Unwatched => (Tone::Dim, sight.signs.pending),
    };
    let since = since.map_or(0.0, |since| (until - since.at).num_milliseconds() as f64 / 1000.0);
    let down = down_s(probe, until);
    let line = Line::of(tone, format!("{sign} {path}  {} {}", status.word(), glance(since)));
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

#[cfg(test)]
mod tests {
    use super::super::{Sight, Signs};
    use super::*;
    use chrono::DateTime;
    use lifeboat_journal::probes::ProbeSpan;
    use lifeboat_journal::state::{Moment, RunState};
    use std::collections::BTreeMap;

    fn moment(second: i64) -> Moment {
        let at = DateTime::from_timestamp(second, 0).expect("a time");
        Moment { seq: 1, at, mono_ms: second.unsigned_abs() * 1000, epoch: 1, jumps: 0 }
    }

    fn probe(spans: &[(ProbeStatus, i64)]) -> ProbeState {
        let span = |(status, from): &(ProbeStatus, i64)| ProbeSpan {
            status: *status,
            from: moment(*from),
            not_before: None,
            because: None,
        };
        let status = spans.last().map_or(ProbeStatus::Unwatched, |(status, _)| *status);
        ProbeState { status, spans: spans.iter().map(span).collect(), ..ProbeState::default() }
    }

    #[test]
    fn what_is_down_goes_first_and_says_for_how_long() {
        let down = ProbeStatus::Down { since: moment(100) };
        let mut state = RunState::default();
        state.probes.insert(StepPath::new("probe:a"), probe(&[(ProbeStatus::Up, 10)]));
        state.probes.insert(StepPath::new("probe:b"), probe(&[(ProbeStatus::Up, 10), (down, 100)]));
        let timers = BTreeMap::new();
        let (now, signs) = (moment(162).at, &Signs::ASCII);
        let sight = Sight { state: &state, now, timers: &timers, answer_with_command: false, signs };
        let texts: Vec<String> = beside(&sight, 9).iter().map(Line::text).collect();
        assert_eq!(texts, ["", "x probe:b  down 1m 02s  down 1m 02s in all", "+ probe:a  up 2m 32s"]);
        assert_eq!(beside(&sight, 1).len(), 2, "no more lines than there is room for");
    }
}
