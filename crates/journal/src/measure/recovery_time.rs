//! The recovery time, its parts, and what a drill leaves out of it.

use super::span::{Span, seconds, union};
use super::{Estimate, EstimateSource, Parts, RecoveryTime, covered, end, mark, path};
use crate::event::{BlockedOn, Phase, StepOutline};
use crate::outcome::Objective;
use crate::state::{Moment, RunState, StepStatus};
use std::collections::BTreeSet;

pub(super) fn recovery_time(state: &RunState) -> RecoveryTime {
    let objective_s = state.started.as_ref().and_then(|started| started.rto_objective_s);
    let ended = end(state);
    let mut time = RecoveryTime {
        objective_s,
        from: state.disrupted().map(|_| "disrupted".to_owned()),
        to: ended.map(|(name, ..)| name.to_owned()),
        scope: ended.map(|(_, scope, _)| scope.to_owned()),
        ..RecoveryTime::default()
    };
    let (Some(span), Some((_, scope, _))) = (covered(state), ended) else { return time };
    let actual = seconds(span.length());
    time.clock = Some(span.clock().to_owned());
    time.actual_s = Some(actual);
    time.events = vec![span.start.seq, span.end.seq];
    time.parts_s = parts(state, &span);
    let mut judged = Some(actual);
    if scope == "copy" {
        let estimates = estimates(state, &span);
        let added = estimates.iter().map(|estimate| estimate.seconds).sum::<Option<f64>>();
        judged = added.map(|added| actual + added);
        if !estimates.is_empty() {
            time.estimated_total_s = judged;
        }
        let left_out = estimates.iter().filter(|left| matches!(left.source, EstimateSource::Expected(_)));
        time.not_rehearsed = left_out.map(|left| left.step.clone()).collect();
        time.estimates = estimates;
    }
    time.met = Objective::judge(objective_s, judged).met();
    time
}

/// The step that does to a copy in a drill what `outline` does in a recovery only: the first with the same action that
/// only a drill has.
pub fn stand_in<'plan>(outlines: &'plan [StepOutline], outline: &StepOutline) -> Option<&'plan StepOutline> {
    let only_in = outline.only_in?;
    outline.action.as_ref()?;
    outlines
        .iter()
        .find(|other| other.action == outline.action && other.only_in.is_some_and(|mode| mode != only_in))
}

/// Steps skipped because this is a drill, and how long each is expected to take.
fn estimates(state: &RunState, span: &Span) -> Vec<Estimate> {
    let skipped = state.steps_in_order().into_iter().filter(|(path, _)| {
        let step = state.steps.get(*path);
        step.is_some_and(|step| {
            matches!(step.status, StepStatus::Skipped(_)) && step.skipped_because.contains_key("run.mode")
        })
    });
    let mut counted = BTreeSet::new();
    skipped
        .map(|(path, outline)| {
            let (seconds, source) = match rehearsal(state, span, outline) {
                Some((by, within, _)) if within && counted.insert(by.path.clone()) => {
                    (Some(0.0), EstimateSource::Contained(by.path.clone()))
                }
                Some((by, _, took)) => (Some(took), EstimateSource::Rehearsed(by.path.clone())),
                None => (outline.expect_s, EstimateSource::Expected(outline.expect_source.clone())),
            };
            Estimate { step: path.clone(), seconds, source }
        })
        .collect()
}

/// The step that succeeded in doing the same to a copy, whether it lies within the recovery time, and how long it took.
fn rehearsal<'run>(
    state: &'run RunState,
    span: &Span,
    outline: &StepOutline,
) -> Option<(&'run StepOutline, bool, f64)> {
    let by = stand_in(state.outlines(), outline)?;
    let step = state.steps.get(&by.path).filter(|step| step.status == StepStatus::Succeeded)?;
    let (started, finished) = (step.started?, step.finished?);
    let within = span.place(started) >= 0 && span.place(finished) <= span.length();
    Some((by, within, started.seconds_to(&finished)))
}

fn parts(state: &RunState, span: &Span) -> Parts {
    let began = state.began.map(|began| span.clip(span.start, Some(began)).1);
    let running = state.phases.get(&Phase::Running).map(|running| span.clip(span.start, Some(*running)).1);
    let changed = last_change(state, span.end).map(|changed| span.clip(span.start, Some(changed)).1);
    let changed = running.map(|running| changed.unwrap_or(running).max(running));
    let blocked = |counts: fn(BlockedOn) -> bool| {
        let blocks = state.steps.values().flat_map(|step| &step.blocks).filter(|block| counts(block.on));
        union(blocks.map(|block| span.clip(block.from, block.to)))
    };
    let steps = || state.steps.values();
    Parts {
        before_run: began.map(seconds),
        preflight: running.zip(began).map(|(running, began)| seconds((running - began).max(0))),
        detection: mark(state, "detected").map(|detected| seconds(span.place(detected))),
        decision: seconds(union(path::person_waits(state).map(|(_, from, to)| span.clip(from, to)))),
        execution: running.zip(changed).map(|(running, changed)| seconds(changed - running)),
        verification: changed.map(|changed| seconds(span.length() - changed)),
        control_plane: seconds(blocked(|on| on == BlockedOn::ControlPlane)),
        blocked: seconds(blocked(|on| on != BlockedOn::ControlPlane)),
        away: seconds(union(state.away.iter().map(|(from, to)| span.clip(*from, Some(*to))))),
        retry: seconds(union(steps().flat_map(|step| path::delays(step, span)))),
        lifeboat: seconds(union(steps().filter_map(|step| path::unseen(step, span)))),
    }
}

/// The end of the last step before `end` that changes something.
fn last_change(state: &RunState, end: Moment) -> Option<Moment> {
    let changes = |path| {
        let effect = state.outline(path).and_then(|outline| outline.effect.as_deref());
        effect.is_some_and(|effect| effect != "read")
    };
    let ended = state.steps.iter().filter(|(path, _)| changes(path)).filter_map(|(_, step)| step.finished);
    ended.filter(|finished| finished.seq <= end.seq).max_by_key(|finished| finished.seq)
}
