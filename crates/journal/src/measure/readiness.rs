//! When what the run made was ready, and for what: `usable`, `available` and `hydrated` are different moments.

use super::ReadinessMoment;
use crate::state::{RunState, StepState, StepStatus};
use lifeboat_runbook::id::StepPath;

/// The words that are reported of everything a run makes, in the order in which they come.
const WORDS: [&str; 3] = ["usable", "available", "hydrated"];

/// For each step that made something and waited for one of [`WORDS`]: each word, with its moment where that is known.
pub(super) fn moments(state: &RunState) -> Vec<ReadinessMoment> {
    let waited = state.started_order.iter().filter_map(|path| {
        let step = state.steps.get(path)?;
        let word = step.intent.as_ref()?.wait_for.as_deref().filter(|word| WORDS.contains(word))?;
        let made = state.created.iter().any(|created| created.step == *path);
        made.then_some((path, step, word))
    });
    waited.flat_map(|(path, step, word)| WORDS.map(|name| moment(path, step, word, name))).collect()
}

/// What was waited for came when the step succeeded; another word is known only where it is a state that was seen.
fn moment(path: &StepPath, step: &StepState, waited_for: &str, word: &str) -> ReadinessMoment {
    let seen = step.states_seen.iter().find(|seen| seen.state == word);
    let finished = step.finished.filter(|_| step.status == StepStatus::Succeeded);
    let (at, not_before) = match (seen, finished) {
        (Some(seen), _) if word != waited_for => (Some(seen.seen), seen.not_before),
        (_, Some(finished)) if word == waited_for => {
            (Some(finished), step.states_seen.last().and_then(|seen| seen.not_before))
        }
        _ => (None, None),
    };
    let started = step.started;
    ReadinessMoment {
        step: path.clone(),
        readiness: word.to_owned(),
        at: at.map(|at| at.at),
        after_s: started.zip(at).map(|(started, at)| started.seconds_to(&at)),
        not_before,
        events: started.into_iter().chain(at).map(|moment| moment.seq).collect(),
    }
}
