//! The data lost.

use super::{DataLost, mark};
use crate::outcome::Objective;
use crate::state::{DataTime, Moment, RunState};

/// The statement that counts: the best grade, among equals the latest.
fn best(state: &RunState) -> Option<&DataTime> {
    let better =
        |left: &&DataTime, right: &&DataTime| right.grade.cmp(&left.grade).then(left.seq.cmp(&right.seq));
    state.data_times.iter().max_by(better)
}

/// The end of writes: the mark, else the loss of service.
fn stopped(state: &RunState) -> Option<Moment> {
    mark(state, "writes_stopped").or_else(|| state.disrupted())
}

/// Seconds from where the recovered data ends to the end of writes; negative where it goes past that.
pub(super) fn difference(state: &RunState) -> Option<f64> {
    let (data, stopped) = (best(state)?, stopped(state)?);
    Some((stopped.at - data.complete_to).num_milliseconds() as f64 / 1000.0)
}

pub(super) fn data_lost(state: &RunState) -> DataLost {
    let started = state.started.as_ref();
    let objective_s = started.and_then(|started| started.rpo_objective_s);
    let mut lost = DataLost { objective_s, ..DataLost::default() };
    let Some(data) = best(state) else { return lost };
    lost.grade = Some(data.grade);
    lost.complete_to = Some(data.complete_to);
    lost.source = Some(data.source.clone());
    let (Some(stopped), Some(seconds)) = (stopped(state), difference(state)) else { return lost };
    // In a drill production lives on: a row from after T0 means that nothing from before it is missing.
    let seconds = seconds.max(0.0);
    let corruption = started.is_some_and(|started| started.loss == "corruption");
    let unfenced = corruption && mark(state, "writes_stopped").is_none();
    lost.bound = Some(if unfenced { "at_least" } else { "exact" }.to_owned());
    lost.actual_s = Some(seconds);
    lost.events = vec![stopped.seq, data.seq];
    lost.met = Objective::judge(objective_s, Some(seconds)).met().filter(|met| !(unfenced && *met));
    lost
}
