//! Recovery time and data lost, as functions of the fold: definitions in `docs/measurement.md`.

use crate::event::{BlockedOn, Event, EventKind};
use crate::outcome::Objective;
use crate::state::{DataTime, Moment, RunState, StepState, StepStatus};
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{MARKS, Mode};
use lifeboat_runbook::spec::Grade;
use serde::{Deserialize, Serialize};

/// The actual recovery time and where it went. Seconds throughout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecoveryTime {
    /// The objective.
    pub objective_s: Option<f64>,
    /// From `from` to `to`; nothing where one of them is not known.
    pub actual_s: Option<f64>,
    /// Whether the objective is met; judged on `estimated_total_s` where steps were not rehearsed.
    pub met: Option<bool>,
    /// `service`: up to the user-facing proof; `copy`: up to the proof in a copy that serves nobody.
    pub scope: Option<String>,
    /// Steps that were skipped because of the mode.
    pub not_rehearsed: Vec<StepPath>,
    /// `actual_s` and the expected time of what was not rehearsed.
    pub estimated_total_s: Option<f64>,
    /// The mark it begins with.
    pub from: Option<String>,
    /// The mark it ends with.
    pub to: Option<String>,
    /// `monotonic`, or `wall` where it spans processes or a moment somebody stated.
    pub clock: Option<String>,
    /// Where it went.
    pub parts_s: Parts,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// The parts of a recovery time, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Checks before the first step.
    pub preflight: Option<f64>,
    /// From the loss of service to its detection.
    pub detection: Option<f64>,
    /// Waiting for people.
    pub decision: f64,
    /// From the first step to the end of the last one that changes something.
    pub execution: Option<f64>,
    /// From there to the final proof.
    pub verification: Option<f64>,
    /// AWS not reachable.
    pub control_plane: f64,
    /// Waiting for credentials or a permission.
    #[serde(default)]
    pub blocked: f64,
    /// At most this much between something being ready and Lifeboat seeing it.
    pub lifeboat: f64,
}

/// Writes that had been acknowledged and are not in the recovered system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataLost {
    /// The objective, seconds.
    pub objective_s: Option<f64>,
    /// From `complete_to` to the end of writes, seconds.
    pub actual_s: Option<f64>,
    /// Whether the objective is met.
    pub met: Option<bool>,
    /// How sure `complete_to` is.
    pub grade: Option<Grade>,
    /// `exact`, or `at_least` where writes went on and nobody stopped them.
    pub bound: Option<String>,
    /// The recovered data is complete up to here.
    pub complete_to: Option<DateTime<Utc>>,
    /// Where that was read.
    pub source: Option<String>,
    /// The numbers of the events it came from.
    pub events: Vec<u64>,
}

/// All that is measured of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    /// The recovery time.
    pub recovery_time: RecoveryTime,
    /// The data lost.
    pub data_lost: DataLost,
    /// The steps that made the recovery time, in order.
    pub critical_path: Vec<StepPath>,
    /// What a reader should know of these numbers.
    pub findings: Vec<String>,
}

/// Measures a run.
pub fn measure(state: &RunState, events: &[Event]) -> Measurements {
    let mut findings = order_findings(state);
    findings.extend(prepared_findings(state));
    findings.extend(order_of_people(state));
    let data_lost = data_lost(state, &mut findings);
    let recovery_time = recovery_time(state);
    let critical_path = critical_path(state, events, &recovery_time);
    Measurements { recovery_time, data_lost, critical_path, findings }
}

/// T0: the mark, the operator's statement, or in a drill the start of the run. In a recovery it is never assumed.
fn disrupted(state: &RunState) -> Option<(Moment, &'static str)> {
    if let Some(mark) = mark(state, "disrupted") {
        return Some((mark, "disrupted"));
    }
    let (began, started) = (state.began?, state.started.as_ref()?);
    match (started.disrupted_at, started.mode) {
        (Some(at), _) => Some((Moment { at, epoch: 0, ..began }, "disrupted")),
        (None, Mode::Drill) => Some((began, "disrupted")),
        (None, Mode::Recovery) => None,
    }
}

fn mark(state: &RunState, name: &str) -> Option<Moment> {
    state.marks.get(&MarkName::new(name)).copied()
}

fn recovery_time(state: &RunState) -> RecoveryTime {
    let objective_s = state.started.as_ref().and_then(|started| started.rto_objective_s);
    let end = [("verified", "service"), ("copy_verified", "copy")]
        .into_iter()
        .find_map(|(name, scope)| Some((name, scope, mark(state, name)?)));
    let start = disrupted(state);
    let mut time = RecoveryTime {
        objective_s,
        from: start.map(|(_, name)| name.to_owned()),
        to: end.map(|(name, _, _)| name.to_owned()),
        scope: end.map(|(_, scope, _)| scope.to_owned()),
        ..RecoveryTime::default()
    };
    let (Some((start, _)), Some((_, scope, end))) = (start, end) else { return time };
    let actual = start.seconds_to(&end);
    let same_process = start.epoch == end.epoch && start.epoch != 0;
    time.clock = Some(if same_process { "monotonic" } else { "wall" }.to_owned());
    time.actual_s = Some(actual);
    time.events = vec![start.seq, end.seq];
    time.parts_s = parts(state, start, end);
    let mut judged = Some(actual);
    if scope == "copy" {
        let (skipped, expected) = not_rehearsed(state);
        judged = expected.map(|expected| actual + expected);
        if !skipped.is_empty() {
            time.estimated_total_s = judged;
        }
        time.not_rehearsed = skipped;
    }
    time.met = Objective::judge(objective_s, judged).met();
    time
}

/// Steps skipped because this is a drill, and how long they are expected to take together.
fn not_rehearsed(state: &RunState) -> (Vec<StepPath>, Option<f64>) {
    let skipped: Vec<_> = state
        .outlines()
        .iter()
        .filter(|outline| {
            let step = state.step(&outline.path);
            matches!(step.status, StepStatus::Skipped(_)) && step.skipped_because.contains_key("run.mode")
        })
        .collect();
    let expected = skipped.iter().map(|outline| outline.expect_s).sum::<Option<f64>>();
    (skipped.into_iter().map(|outline| outline.path.clone()).collect(), expected)
}

fn parts(state: &RunState, start: Moment, end: Moment) -> Parts {
    let running = state.phases.get(&crate::event::Phase::Running).copied();
    let changed = last_change(state, end);
    Parts {
        preflight: running.map(|running| start.seconds_to(&running).max(0.0)),
        detection: mark(state, "detected").map(|detected| start.seconds_to(&detected)),
        decision: asking(state, start, end),
        execution: running.map(|running| changed.map_or(0.0, |changed| running.seconds_to(&changed))),
        verification: changed.or(running).map(|changed| changed.seconds_to(&end)),
        control_plane: blocked(state, start, end, |on| on == BlockedOn::ControlPlane),
        blocked: blocked(state, start, end, |on| on != BlockedOn::ControlPlane),
        lifeboat: lifeboats_share(state, end),
    }
}

/// Seconds between two moments, as far as they lie between `start` and `end`.
fn within(from: Moment, to: Option<Moment>, start: Moment, end: Moment) -> f64 {
    let from = if from.at < start.at { start } else { from };
    let to = to.filter(|to| to.at < end.at).unwrap_or(end);
    from.seconds_to(&to).max(0.0)
}

/// A sum that is 0 where there is nothing to add; `sum` begins with the other zero, which is printed as -0.
fn total(seconds: impl Iterator<Item = f64>) -> f64 {
    seconds.fold(0.0, |sum, part| sum + part)
}

/// Every wait for a person.
fn asking(state: &RunState, start: Moment, end: Moment) -> f64 {
    let questions = state.steps.values().flat_map(|step| &step.questions);
    total(questions.map(|asked| within(asked.at, asked.ended(), start, end)))
}

/// Every wait for what AWS or the operator's session lacked.
fn blocked(state: &RunState, start: Moment, end: Moment, counts: impl Fn(BlockedOn) -> bool) -> f64 {
    let blocks = state.steps.values().flat_map(|step| &step.blocks).filter(|block| counts(block.on));
    total(blocks.map(|block| within(block.from, block.to, start, end)))
}

/// The end of the last step before `end` that changes something.
fn last_change(state: &RunState, end: Moment) -> Option<Moment> {
    state
        .outlines()
        .iter()
        .filter(|outline| outline.effect.as_deref().is_some_and(|effect| effect != "read"))
        .filter_map(|outline| state.steps.get(&outline.path)?.finished)
        .filter(|finished| finished.seq <= end.seq)
        .max_by_key(|finished| finished.seq)
}

/// Between the last look that said "not yet" and the one that said "ready", the resource became ready: what is
/// between them is at most Lifeboat's own share.
fn lifeboats_share(state: &RunState, end: Moment) -> f64 {
    let share = |step: &StepState| {
        let last = step
            .states_seen
            .last()
            .filter(|_| step.finished.is_some_and(|finished| finished.seq <= end.seq))?;
        Some((last.at - last.not_before?).num_milliseconds() as f64 / 1000.0)
    };
    total(state.steps.values().filter_map(share))
}

fn data_lost(state: &RunState, findings: &mut Vec<String>) -> DataLost {
    let started = state.started.as_ref();
    let objective_s = started.and_then(|started| started.rpo_objective_s);
    let mut lost = DataLost { objective_s, ..DataLost::default() };
    let best =
        |left: &&DataTime, right: &&DataTime| right.grade.cmp(&left.grade).then(left.seq.cmp(&right.seq));
    let Some(data) = state.data_times.iter().max_by(best) else { return lost };
    lost.grade = Some(data.grade);
    lost.complete_to = Some(data.complete_to);
    lost.source = Some(data.source.clone());
    let corruption = started.is_some_and(|started| started.loss == "corruption");
    let stopped = mark(state, "writes_stopped").or_else(|| disrupted(state).map(|(moment, _)| moment));
    let Some(stopped) = stopped else { return lost };
    let seconds = (stopped.at - data.complete_to).num_milliseconds() as f64 / 1000.0;
    let drill = started.is_some_and(|started| started.mode == Mode::Drill);
    if seconds < 0.0 && !drill {
        findings.push(format!(
            "the recovered data is said to go {:.0} s past the end of writes; a clock is wrong or writes went on",
            -seconds
        ));
    }
    // In a drill production lives on: a row from after T0 means that nothing from before it is missing.
    let seconds = seconds.max(0.0);
    let unfenced = corruption && mark(state, "writes_stopped").is_none();
    lost.bound = Some(if unfenced { "at_least" } else { "exact" }.to_owned());
    lost.actual_s = Some(seconds);
    lost.events = vec![stopped.seq, data.seq];
    lost.met = Objective::judge(objective_s, Some(seconds)).met().filter(|met| !(unfenced && *met));
    lost
}

/// Walks back from the step that set the last mark, along what each step waited for.
fn critical_path(state: &RunState, events: &[Event], time: &RecoveryTime) -> Vec<StepPath> {
    let Some(end) = time.to.as_deref().and_then(|name| mark(state, name)) else { return Vec::new() };
    let by_seq = |seq: u64| events.get(usize::try_from(seq).ok()?.checked_sub(1)?);
    let mut path = Vec::new();
    let mut next = by_seq(end.seq).and_then(|event| Some(state.last_inside(event.step.as_ref()?)));
    while let Some(step) = next {
        if step.is_preflight() || path.contains(&step) {
            break;
        }
        next = events
            .iter()
            .find_map(|event| match &event.kind {
                EventKind::StepStarted(intent) if event.step.as_ref() == Some(&step) => Some(&intent.after),
                _ => None,
            })
            .and_then(|after| after.iter().max().copied())
            .and_then(by_seq)
            .and_then(|event| event.step.clone());
        path.push(step);
    }
    path.reverse();
    path
}

fn order_findings(state: &RunState) -> Vec<String> {
    let set: Vec<_> = MARKS.iter().filter_map(|name| Some((*name, mark(state, name)?))).collect();
    set.windows(2)
        .filter(|pair| pair[0].1.at > pair[1].1.at)
        .map(|pair| format!("the mark `{}` is later than `{}`, which should follow it", pair[0].0, pair[1].0))
        .collect()
}

/// What people did to the run: every order is something a reader of the numbers should know.
fn order_of_people(state: &RunState) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, step) in &state.steps {
        if let StepStatus::DoneByHand(reason) = &step.status {
            findings.push(format!("{path} was done by hand: {reason}"));
        }
        if let Some(who) = &step.skipped_by {
            findings.push(format!("{path} was skipped by order of {who}"));
        }
        if let Some(who) = &step.accepted_by {
            findings.push(format!("the check {path} does not hold and was accepted by {who}"));
        }
    }
    let amended = state.amended.iter();
    findings.extend(amended.map(|amended| format!("the runbook was amended in the run: {}", amended.reason)));
    findings
}

fn prepared_findings(state: &RunState) -> Vec<String> {
    let warnings =
        state.check_warnings.iter().map(|warning| format!("{}: {}", warning.check, warning.failure.message));
    let prepared =
        state.started_order.iter().filter_map(|path| Some((path, state.steps.get(path)?.intent.as_ref()?)));
    let prepared = prepared
        .flat_map(|(path, intent)| intent.findings.iter().map(move |finding| format!("{path}: {finding}")));
    warnings.chain(prepared).collect()
}
