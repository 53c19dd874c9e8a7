//! What is kept of a reply: what the step's `outputs:` selects; without it, what the action's spec does not hold back.

use crate::action::{ActionError, Values};
use crate::perform::{Attempt, Ended, Worker, failed};
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::plan::{Step, Work};
use lifeboat_runbook::spec::ActionSpec;
use std::collections::BTreeMap;

/// The step's `outputs:`; empty where it has none.
fn selections(step: &Step) -> Option<&BTreeMap<String, Expression>> {
    match &step.work {
        Work::Action { outputs, .. } if !outputs.is_empty() => Some(outputs),
        _ => None,
    }
}

impl Worker {
    /// What the step selects of `reply`; all of it where it selects nothing.
    pub(crate) fn select(&self, attempt: &Attempt<'_>, reply: Values) -> Result<Values, Ended> {
        let Some(selections) = selections(attempt.step) else { return Ok(reply) };
        self.log.with_state(|state| {
            let scope = self.scope(state, &attempt.cx.path, &reply);
            let value = |(name, expression): (&String, &Expression)| match expression.evaluate(&scope) {
                Ok(value) => Ok((name.clone(), value)),
                Err(error) => {
                    let message = format!("outputs.{name} (`{}`): {}", expression.text, error.message);
                    let mut failure = ActionError::failed("expression", message);
                    failure.hint = error.help;
                    Err(failed("wait", failure))
                }
            };
            selections.iter().map(value).collect()
        })
    }
}

/// What of the outputs of a step may be written down. What may hold anything, such as what a program printed, is
/// kept only where the step selects it.
pub(crate) fn kept(step: &Step, spec: &ActionSpec, mut outputs: Values) -> Values {
    if selections(step).is_none() {
        outputs.retain(|name, _| !spec.output(name).is_some_and(|output| output.selected));
    }
    outputs
}
