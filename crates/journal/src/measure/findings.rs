//! What a reader of the numbers should know.

use super::span::seconds;
use super::{DataLost, EstimateSource, RecoveryTime, data_lost, mark};
use crate::event::{Event, EventKind, Order, StepOutline, UnwatchedReason};
use crate::probes::{ProbeState, ProbeStatus};
use crate::state::{Asked, RunState, StepState, StepStatus};
use chrono::TimeDelta;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{ExpectSource, MARKS, Mode};
use lifeboat_runbook::units::{duration_text, time_text};
use serde::{Deserialize, Serialize};

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind it is.
    pub kind: FindingKind,
    /// In words: a lower-case fragment.
    pub text: String,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Marks are not in the order in which they should come.
    MarkOrder,
    /// A number that cannot be negative is.
    Negative,
    /// A check did not hold and the run went on.
    Check,
    /// A step was prepared with something that people should know.
    Step,
    /// A person ordered something, did something by hand, or changed the runbook.
    Order,
    /// The recovery time is an estimate, or nobody can make one.
    Estimate,
    /// A wait took most of the time that it may.
    NearTimeout,
    /// A step took more than one attempt.
    Retry,
    /// Whether AWS had done something was not known, and was looked at.
    Unknown,
    /// A step took longer than it is expected to.
    Slow,
    /// A step lacked credentials, a permission or the control plane.
    Blocked,
    /// AWS said to slow down, or did not answer well.
    Throttled,
    /// More than one process carried the run.
    Processes,
    /// The wall clock was set, or ran away from the monotonic one.
    Clock,
    /// The last line of the journal was torn by a crash.
    Torn,
    /// A probe did not see all that it should have.
    Probe,
    /// An alarm of `stop_when` went off, or could not be looked at.
    Alarm,
    /// The lock was another run's: broken, taken over, lost, or not given back.
    Lock,
    /// People could not be told of something.
    Notify,
}

/// A wait that took this share of its time is near its limit.
const NEAR: f64 = 0.8;

/// A step that took this many times what is expected of it is slow, if it is also [`SLOW_BY`] seconds more.
const SLOW: f64 = 1.2;
const SLOW_BY: f64 = 10.0;

/// Wall and monotonic clock may differ by this much, milliseconds.
const CLOCKS_MAY_DIFFER: i64 = 2000;

fn finding(kind: FindingKind, events: impl IntoIterator<Item = u64>, text: impl Into<String>) -> Finding {
    Finding { kind, text: text.into(), events: events.into_iter().collect() }
}

fn time(seconds: f64) -> String {
    let rounded = if seconds < 10.0 { (seconds * 1000.0).round() } else { seconds.round() * 1000.0 };
    duration_text(TimeDelta::milliseconds(rounded as i64))
}

pub(super) fn findings(
    state: &RunState,
    events: &[Event],
    time: &RecoveryTime,
    lost: &DataLost,
) -> Vec<Finding> {
    let mut findings = order_of_marks(state);
    findings.extend(checks_and_steps(state));
    findings.extend(state.probes.iter().flat_map(|(path, probe)| of_probe(state, path, probe)));
    findings.extend(alarms(state, events));
    findings.extend(orders(state));
    findings.extend(negative(state, time, lost));
    findings.extend(estimated(time));
    findings
        .extend(state.steps_in_order().into_iter().flat_map(|(path, outline)| of_step(state, path, outline)));
    findings.extend(events.iter().filter_map(of_event));
    findings.extend(throttled(events));
    findings.extend(processes(state, events));
    findings.extend(clock_jumps(events));
    findings
}

fn order_of_marks(state: &RunState) -> Vec<Finding> {
    let set: Vec<_> = MARKS.iter().filter_map(|name| Some((*name, mark(state, name)?))).collect();
    let late = set.windows(2).filter(|pair| pair[0].1.at > pair[1].1.at);
    late.map(|pair| {
        let [(first, earlier), (second, later)] = [pair[0], pair[1]];
        let text = format!("the mark `{first}` is later than `{second}`, which should follow it");
        finding(FindingKind::MarkOrder, [earlier.seq, later.seq], text)
    })
    .collect()
}

fn checks_and_steps(state: &RunState) -> Vec<Finding> {
    let checks = state.check_warnings.iter().map(|warning| {
        let text = format!("{}: {}", warning.check, warning.failure.message);
        finding(FindingKind::Check, [warning.seq], text)
    });
    let begun = state.started_order.iter().filter_map(|path| {
        let step = state.steps.get(path)?;
        Some((path, step.attempt_started?.seq, step.intent.as_ref()?))
    });
    let steps = begun.flat_map(|(path, seq, intent)| {
        let text = move |found: &String| format!("{path}: {found}");
        intent.findings.iter().map(move |found| finding(FindingKind::Step, [seq], text(found)))
    });
    checks.chain(steps).collect()
}

/// What people did to the run: every order is something a reader of the numbers should know.
/// What a reader must not take from a probe's downtime.
fn of_probe(state: &RunState, path: &StepPath, probe: &ProbeState) -> Vec<Finding> {
    let outline = state.probe_outlines().iter().find(|outline| outline.path == path.planned());
    let mut findings = Vec::new();
    let looked = probe.spans.iter().find(|span| span.status != ProbeStatus::Unwatched);
    if let Some(span) = looked.filter(|span| matches!(span.status, ProbeStatus::Down { .. }))
        && outline.is_some_and(|outline| outline.marks.contains_key("first_down"))
        && probe.first_down.is_none()
    {
        let text = format!("{path} was down at its first look: it cannot tell when service was lost");
        findings.push(finding(FindingKind::Probe, [span.from.seq], text));
    }
    let pairs = probe.spans.iter().zip(probe.spans.iter().skip(1));
    for (span, next) in pairs {
        let long = span.from.seconds_to(&next.from);
        if let (Some(because), true) = (span.because, long > 0.0) {
            let text = format!("{path} was not watched for {}: {}", time(long), because.words());
            findings.push(finding(FindingKind::Probe, [span.from.seq, next.from.seq], text));
        }
    }
    if let Some(span) = probe.spans.last().filter(|span| span.because == Some(UnwatchedReason::GivenUp)) {
        let text =
            format!("{path} did not hold up within the time that the run waits for it after the last step");
        findings.push(finding(FindingKind::Probe, [span.from.seq], text));
    }
    findings
}

/// Alarms that went off while the run went on.
fn alarms(state: &RunState, events: &[Event]) -> Vec<Finding> {
    let Some(began) = state.began else { return Vec::new() };
    let seen = events.iter().filter_map(|event| match &event.kind {
        EventKind::AlarmSeen(seen) => Some((event.seq, seen)),
        _ => None,
    });
    seen.filter_map(|(seq, seen)| {
        let since = seen.since.filter(|since| *since > began.at);
        let text = match (seen.state.as_str(), since) {
            ("ALARM", Some(since)) => format!("the alarm {} went off at {}", seen.alarm, time_text(since)),
            ("missing", _) => format!("there is no alarm {}: nothing would have stopped the run", seen.alarm),
            ("unknown", _) => format!("the alarm {} could not be looked at", seen.alarm),
            _ => return None,
        };
        Some(finding(FindingKind::Alarm, [seq], text))
    })
    .collect()
}

fn orders(state: &RunState) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, step) in &state.steps {
        let ended: Vec<u64> = step.finished.map(|finished| finished.seq).into_iter().collect();
        if let StepStatus::DoneByHand(reason) = &step.status {
            let text = format!("{path} was done by hand: {reason}");
            findings.push(finding(FindingKind::Order, ended.clone(), text));
        }
        if let Some(who) = &step.skipped_by {
            let text = format!("{path} was skipped by order of {who}");
            findings.push(finding(FindingKind::Order, ended.clone(), text));
        }
        if let Some(who) = &step.accepted_by {
            let text = format!("the check {path} does not hold and was accepted by {who}");
            findings.push(finding(FindingKind::Order, ended, text));
        }
    }
    let amended = state.amended.iter();
    findings.extend(amended.map(|amended| {
        let text = format!("the runbook was amended in the run: {}", amended.reason);
        finding(FindingKind::Order, [], text)
    }));
    findings
}

fn negative(state: &RunState, recovery: &RecoveryTime, lost: &DataLost) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(actual) = recovery.actual_s.filter(|actual| *actual < 0.0) {
        let text = format!(
            "the recovery time is negative: its end is {} before its beginning; a clock or a stated time is wrong",
            time(-actual)
        );
        findings.push(finding(FindingKind::Negative, recovery.events.clone(), text));
    }
    let drill = state.started.as_ref().is_some_and(|started| started.mode == Mode::Drill);
    let past = data_lost::difference(state).filter(|seconds| *seconds < 0.0 && !drill);
    findings.extend(past.map(|seconds| {
        let text = format!(
            "the recovered data is said to go {:.0} s past the end of writes; a clock is wrong or writes went on",
            -seconds
        );
        finding(FindingKind::Negative, lost.events.clone(), text)
    }));
    findings
}

/// On what the judgement of the recovery time rests, where it was not all measured.
fn estimated(recovery: &RecoveryTime) -> Option<Finding> {
    let added = |estimate: &super::Estimate| {
        let step = &estimate.step;
        match (&estimate.source, estimate.seconds) {
            (EstimateSource::Contained(by), _) => {
                format!("{step} is contained as {by}, which did it to a copy")
            }
            (EstimateSource::Rehearsed(by), Some(seconds)) => {
                format!("{step} {}, as {by} took on a copy", time(seconds))
            }
            (EstimateSource::Expected(source), Some(seconds)) => {
                let source = source.as_ref().map_or("as the journal says", ExpectSource::words);
                format!("{step} {} ({source})", time(seconds))
            }
            (_, None) => format!("{step} unknown: it has no `expect`"),
        }
    };
    let actual = recovery.actual_s.filter(|_| !recovery.estimates.is_empty())?;
    let parts: Vec<String> = recovery.estimates.iter().map(added).collect();
    let total = recovery.estimated_total_s.map_or("unknown".to_owned(), time);
    let text = format!(
        "the objective is judged on an estimate, {total}: {} measured, and what a drill leaves out: {}",
        time(actual),
        parts.join("; ")
    );
    Some(finding(FindingKind::Estimate, recovery.events.clone(), text))
}

fn of_step(state: &RunState, path: &StepPath, outline: &StepOutline) -> Vec<Finding> {
    let Some(step) = state.steps.get(path) else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(slow(path, step, outline));
    findings.extend(near_timeout(path, step));
    findings.extend(step.questions.iter().filter_map(|asked| late_answer(path, asked)));
    findings.extend(step.blocks.iter().map(|block| {
        let (words, code) = (block.on.words(), &block.error.code);
        let lasted =
            block.to.map_or("until now".to_owned(), |to| format!("for {}", time(block.from.seconds_to(&to))));
        let text = format!("{path} waited {lasted} for {words} ({code})");
        finding(FindingKind::Blocked, [block.from.seq].into_iter().chain(block.to.map(|to| to.seq)), text)
    }));
    findings
}

fn slow(path: &StepPath, step: &StepState, outline: &StepOutline) -> Option<Finding> {
    let (started, finished) = (step.started?, step.finished?);
    let expected = outline.expect_s.filter(|_| step.status == StepStatus::Succeeded)?;
    // What nobody published is too weak to call anything slow.
    let source = outline.expect_source.as_ref().filter(|source| **source != ExpectSource::Assumed)?;
    let took = started.seconds_to(&finished);
    (took > expected * SLOW && took - expected > SLOW_BY).then(|| {
        let text = format!("{path} took {}, expected {} ({})", time(took), time(expected), source.words());
        finding(FindingKind::Slow, [started.seq, finished.seq], text)
    })
}

fn near_timeout(path: &StepPath, step: &StepState) -> Option<Finding> {
    let (started, finished) = (step.attempt_started?, step.finished?);
    let limit = step.intent.as_ref()?.timeout_s;
    let limit = Some(limit + step.extended_s).filter(|_| limit > 0.0)?;
    let took = started.seconds_to(&finished) - step.blocked_s();
    let counts = step.status == StepStatus::Succeeded && took >= limit * NEAR;
    counts.then(|| {
        let text = format!("{path} took {} of the {} it has", time(took), time(limit));
        finding(FindingKind::NearTimeout, [started.seq, finished.seq], text)
    })
}

fn late_answer(path: &StepPath, asked: &Asked) -> Option<Finding> {
    let limit = asked.question.timeout_s?;
    let (_, answered, _) = asked.answer.as_ref()?;
    let took = asked.at.seconds_to(answered) - asked.away_s;
    (took >= limit * NEAR).then(|| {
        let text = format!("{path} was answered after {} of {}", time(took), time(limit));
        finding(FindingKind::NearTimeout, [asked.at.seq, answered.seq], text)
    })
}

/// Findings that a single event tells.
fn of_event(event: &Event) -> Option<Finding> {
    let step = event.step.as_ref().map(ToString::to_string).unwrap_or_default();
    let (kind, text) = match &event.kind {
        EventKind::AttemptFailed { during, error } => {
            let number = event.attempt.unwrap_or(1);
            let text =
                format!("attempt {number} of {step} failed ({during}): {}: {}", error.code, error.message);
            (FindingKind::Retry, text)
        }
        EventKind::StepUnknown { error } => {
            (FindingKind::Unknown, format!("whether {step} had happened was not known ({})", error.code))
        }
        EventKind::StepOrdered { order: order @ (Order::Retry | Order::Extend), reason, seconds } => {
            let who = event.actor.id.as_deref().unwrap_or("a person");
            let what = match seconds {
                Some(seconds) => format!("{} more for {step}", time(*seconds)),
                None => format!("{} of {step}", order.word()),
            };
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            (FindingKind::Order, format!("{who} ordered {what}{reason}"))
        }
        EventKind::PersonAnswered(answer) if !answer.overrides.is_empty() => {
            let who = answer.identity.as_ref().map(ToString::to_string);
            let who = who.or_else(|| event.actor.id.clone()).unwrap_or_else(|| "a person".to_owned());
            let reason = answer.reason.as_deref().unwrap_or("no reason given");
            let rules = answer.overrides.join("; ");
            let text =
                format!("{who} answered {step} with {} over its rules ({rules}): {reason}", answer.choice);
            (FindingKind::Order, text)
        }
        EventKind::NotifyFailed { notice, error } => {
            let text =
                format!("people could not be told by {} ({}): {}", notice.to, error.code, error.message);
            (FindingKind::Notify, text)
        }
        EventKind::PersonTimedOut { then, .. } => {
            (FindingKind::NearTimeout, format!("nobody answered {step} in time; what followed: {then}"))
        }
        EventKind::LockAcquired(lock) => {
            let before = lock.expired.as_ref()?;
            let text = format!(
                "the lock `{}` was taken over from {} ({} on {}), whose time was over",
                lock.key, before.run, before.operator, before.host
            );
            (FindingKind::Lock, text)
        }
        EventKind::LockBroken(broken) => {
            let who = event.actor.id.as_deref().unwrap_or("a person");
            let from = match &broken.holder {
                Some(holder) => format!("broken, which {} held", holder.run),
                None => "not taken".to_owned(),
            };
            let text = format!("the lock `{}` was {from}, by order of {who}: {}", broken.key, broken.reason);
            (FindingKind::Lock, text)
        }
        EventKind::LockLost { holder } => {
            (FindingKind::Lock, format!("the lock was lost to {} while the run went on", holder.run))
        }
        EventKind::LockReleased { error: Some(error) } => {
            let text = format!("the lock could not be given back: {}", error.message);
            (FindingKind::Lock, text)
        }
        EventKind::TailDropped { bytes, .. } => {
            let text = format!("a crash tore the last line of the journal; its {bytes} bytes were cut off");
            (FindingKind::Torn, text)
        }
        // By how much the clocks went apart is told of any two events, also of journals without this one.
        EventKind::ClockJumped { asleep_s, .. } if *asleep_s >= 1.0 => {
            (FindingKind::Clock, format!("the machine was asleep for {}", time(*asleep_s)))
        }
        EventKind::ClockSkew { by_s } => {
            let way = if *by_s > 0.0 { "ahead of" } else { "behind" };
            let text = format!("this machine's clock was {} {way} that of AWS", time(by_s.abs()));
            (FindingKind::Clock, text)
        }
        _ => return None,
    };
    Some(finding(kind, [event.seq], text))
}

fn throttled(events: &[Event]) -> Option<Finding> {
    let (mut calls, mut throttles, mut failures, mut seqs) = (0, 0, 0, Vec::new());
    for event in events {
        if let EventKind::AwsPolled { calls: asked, throttled, errors, .. } = &event.kind {
            calls += asked;
            if throttled + errors > 0 {
                (throttles, failures) = (throttles + throttled, failures + errors);
                seqs.push(event.seq);
            }
        }
    }
    let text =
        format!("of {calls} looks AWS answered {throttles} with slow down and {failures} with an error");
    (!seqs.is_empty()).then(|| finding(FindingKind::Throttled, seqs, text))
}

/// A run that several processes carried is measured by the wall clock across them.
fn processes(state: &RunState, events: &[Event]) -> Option<Finding> {
    let last = events.last().map(|event| event.epoch).filter(|last| *last > 1)?;
    let gone: f64 = state.away.iter().map(|(from, to)| from.seconds_to(to)).sum();
    let resumed = events.iter().filter(|event| matches!(event.kind, EventKind::RunResumed { .. }));
    let text = format!("{last} processes carried the run, and none for {} of it", time(gone));
    Some(finding(FindingKind::Processes, resumed.map(|event| event.seq), text))
}

/// Where, within one process, the wall clock did not go as the monotonic one did.
fn clock_jumps(events: &[Event]) -> Vec<Finding> {
    let jump = |pair: &[Event]| {
        let [before, after] = pair else { return None };
        if before.epoch != after.epoch {
            return None;
        }
        let wall = (after.recorded_at - before.recorded_at).num_milliseconds();
        let ran = i64::try_from(after.mono_ms).ok()? - i64::try_from(before.mono_ms).ok()?;
        let (by, way) = ((wall - ran).abs(), if wall > ran { "forward" } else { "back" });
        (by > CLOCKS_MAY_DIFFER).then(|| {
            let text = format!("the wall clock went {way} by {}", time(seconds(by)));
            finding(FindingKind::Clock, [before.seq, after.seq], text)
        })
    };
    events.windows(2).filter_map(jump).collect()
}
