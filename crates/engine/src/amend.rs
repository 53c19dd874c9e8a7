//! A corrected runbook in the middle of a run: what has been started must be the same in it.

use crate::action::Values;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::plan::Plan;

/// Why `new` cannot take the place of `old` in this run; empty if it can.
pub fn problems(old: &Plan, new: &Plan, state: &RunState, inputs: &Values) -> Vec<String> {
    let mut problems = Vec::new();
    if new.name != old.name {
        problems.push(format!("it is called `{}`, and the run is of `{}`", new.name, old.name));
    }
    for path in &state.started_order {
        let Some(before) = old.step(path) else { continue };
        match new.step(path) {
            None => problems.push(format!("the step {path} has started, and is not in it")),
            Some(after) if (after.kind(), after.action()) != (before.kind(), before.action()) => {
                let what = |step: &lifeboat_runbook::plan::Step| {
                    step.action().unwrap_or_else(|| step.kind()).to_owned()
                };
                let (before, after) = (what(before), what(after));
                problems.push(format!("the step {path} has started as `{before}`, and is `{after}` in it"));
            }
            Some(_) => {}
        }
    }
    let missing = new.inputs.iter().filter(|input| !inputs.contains_key(&input.name));
    problems.extend(
        missing.map(|input| format!("it has the input `{}`, which the run was not given", input.name)),
    );
    problems
}
