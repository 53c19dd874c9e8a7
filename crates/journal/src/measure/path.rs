//! The critical path: which steps made the recovery time, and what each of them waited for.

use super::span::{Ms, Remainder, Span, seconds};
use super::{CriticalStep, covered, end};
use crate::event::{Event, Phase};
use crate::state::{Moment, RunState, StepState};
use lifeboat_runbook::id::{MarkName, StepPath};
use std::collections::BTreeMap;

/// Walks back from the step that set the last mark, along what each step waited for.
pub(super) fn critical_path(state: &RunState, events: &[Event]) -> Vec<CriticalStep> {
    let (Some(span), Some(last)) = (covered(state), last_step(state, events)) else { return Vec::new() };
    let mut walked: Vec<(&StepPath, &StepState)> = Vec::new();
    // A group sets its mark when the last step inside it is over.
    let mut next = state.steps.get_key_value(&state.last_inside(&last));
    while let Some((path, step)) = next {
        let over =
            step.finished.is_some_and(|finished| span.place(finished) <= 0 && finished.seq < span.end.seq);
        if path.is_preflight() || over || walked.iter().any(|(known, _)| *known == path) {
            break;
        }
        walked.push((path, step));
        next = before(state, step);
    }
    walked.reverse();
    let running = state.phases.get(&Phase::Running).copied();
    let mut ready = running.or(state.began).unwrap_or(span.start);
    if let Some((_, earlier)) = walked.first().and_then(|(_, step)| before(state, step)) {
        ready = earlier.finished.unwrap_or(ready);
    }
    let mut steps = Vec::new();
    for (path, step) in walked {
        let over = step.finished.filter(|finished| finished.seq < span.end.seq).unwrap_or(span.end);
        steps.push(critical_step(state, &span, (path, step), ready, over));
        ready = over;
    }
    steps
}

/// The step whose end, or whose mark, ends the recovery time.
fn last_step(state: &RunState, events: &[Event]) -> Option<StepPath> {
    let (name, _, end) = end(state)?;
    let event = usize::try_from(end.seq).ok().and_then(|seq| events.get(seq.checked_sub(1)?));
    if let Some(event) = event {
        return event.step.clone().filter(|path| !path.is_probe()).or_else(|| last_before(state, end));
    }
    let name = MarkName::new(name);
    let sets = |mark: &&MarkName| **mark == name;
    let outline = state.outlines().iter().find(|outline| outline.marks.values().any(|mark| sets(&mark)));
    match outline {
        Some(outline) => Some(outline.path.clone()),
        None => last_before(state, end),
    }
}

/// The step that was over last before a mark that no step has set, but a probe.
fn last_before(state: &RunState, mark: Moment) -> Option<StepPath> {
    let ended = state
        .steps
        .iter()
        .filter(|(path, step)| !path.is_preflight() && !step.is_group() && step.started.is_some());
    let ended = ended.filter_map(|(path, step)| Some((path, step.finished?)));
    let last = ended.filter(|(_, finished)| finished.seq < mark.seq).max_by_key(|(_, finished)| finished.seq);
    last.map(|(path, _)| path.clone())
}

/// The step whose end made this one ready.
fn before<'run>(state: &'run RunState, step: &StepState) -> Option<(&'run StepPath, &'run StepState)> {
    let seq = *step.after.iter().max()?;
    state.steps.iter().find(|(_, other)| other.finished.is_some_and(|finished| finished.seq == seq))
}

fn critical_step(
    state: &RunState,
    span: &Span,
    (path, step): (&StepPath, &StepState),
    ready: Moment,
    over: Moment,
) -> CriticalStep {
    let interval = span.clip(ready, Some(over));
    let mut left = Remainder::of(interval);
    let total = left.length();
    let waits = person_waits(state).filter(|(about, ..)| about.is_none_or(|about| about == path));
    let person = left.take(waits.map(|(_, from, to)| span.clip(from, to)));
    let blocked = left.take(step.blocks.iter().map(|block| span.clip(block.from, block.to)));
    let away = left.take(state.away.iter().map(|(from, to)| span.clip(*from, Some(*to))));
    let retry = left.take(delays(step, span));
    let lifeboat = left.take(unseen(step, span));
    let events = [Some(ready.seq), step.started.map(|started| started.seq), Some(over.seq)];
    CriticalStep {
        step: path.clone(),
        from_s: seconds(interval.0),
        to_s: seconds(interval.1),
        from: span.at(interval.0),
        to: span.at(interval.1),
        total_s: seconds(total),
        aws_s: seconds(left.length()),
        person_s: seconds(person),
        blocked_s: seconds(blocked),
        away_s: seconds(away),
        retry_s: seconds(retry),
        lifeboat_s: seconds(lifeboat),
        attempts: step.attempts,
        events: events.into_iter().flatten().collect(),
    }
}

/// Every wait for a person: a question until it is settled, a pause until somebody takes the run up. The step it is
/// about, or nothing where it is about the run.
pub(super) fn person_waits(
    state: &RunState,
) -> impl Iterator<Item = (Option<&StepPath>, Moment, Option<Moment>)> {
    let questions = state.steps.iter().flat_map(|(path, step)| {
        step.questions.iter().map(move |asked| (Some(path), asked.at, asked.ended()))
    });
    let pauses = state.pauses.iter().map(|pause| (pause.step.as_ref(), pause.from, pause.to));
    questions.chain(pauses)
}

/// The delays between a step's attempts, as far as they lie within.
pub(super) fn delays(step: &StepState, span: &Span) -> impl Iterator<Item = (Ms, Ms)> {
    step.delays.iter().map(|(failed, due)| span.clip(*failed, Some(*due)))
}

/// Between the last look that said "not yet" and the one that said "ready", the resource became ready: what is
/// between them is at most Lifeboat's own share.
pub(super) fn unseen(step: &StepState, span: &Span) -> Option<(Ms, Ms)> {
    step.finished?;
    let last = step.states_seen.last()?;
    let unseen = (last.at - last.not_before?).num_milliseconds();
    let seen = span.place(last.seen);
    // Seen after the end, it made nothing longer.
    (seen <= span.length()).then(|| span.within(seen - unseen, seen))
}

/// How much longer each other step could have taken without making the recovery time longer. Steps that the path did
/// not wait for at all have the time up to the end.
pub(super) fn slack(state: &RunState, path: &[CriticalStep]) -> BTreeMap<StepPath, f64> {
    let Some(span) = covered(state) else { return BTreeMap::new() };
    let mut steps: Vec<(&StepPath, &StepState, Ms)> = Vec::new();
    for (name, step) in &state.steps {
        let (Some(_), Some(finished)) = (step.started, step.finished) else { continue };
        let over = span.place(finished);
        if !name.is_preflight() && over > 0 && over <= span.length() && finished.seq < span.end.seq {
            steps.push((name, step, over));
        }
    }
    // From the last to the first: who waits for a step is judged before it.
    steps.sort_by_key(|(_, step, _)| std::cmp::Reverse(step.finished.map(|finished| finished.seq)));
    let mut spare: BTreeMap<u64, Ms> = BTreeMap::new();
    let mut slack = BTreeMap::new();
    for (name, step, over) in steps {
        let own = step.finished.map(|finished| finished.seq).unwrap_or_default();
        let is_critical = path.iter().any(|critical| critical.step == *name);
        let latest = spare.get(&own).copied().unwrap_or_else(|| span.length());
        let spare_time = if is_critical { 0 } else { (latest - over).max(0) };
        if !is_critical {
            slack.insert(name.clone(), seconds(spare_time));
        }
        // It could begin as much later as it could end later.
        let begun = step.after.iter().max().and_then(|seq| moment_of_end(state, *seq));
        let begun = begun.or(step.started).map_or(0, |begun| span.place(begun));
        for seq in &step.after {
            let latest = spare.entry(*seq).or_insert(Ms::MAX);
            *latest = (*latest).min(begun + spare_time);
        }
    }
    slack
}

fn moment_of_end(state: &RunState, seq: u64) -> Option<Moment> {
    state.steps.values().filter_map(|step| step.finished).find(|finished| finished.seq == seq)
}
