//! Expressions of a step at work: its parameters, its asserts, what the recovered data says of itself.

use crate::action::{ActionError, Values};
use crate::scope::RunScope;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::event::EventKind;
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Step, Work};
use lifeboat_runbook::spec::{Catalog, Grade};
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;

use crate::perform::{Attempt, Ended, Worker, failed};
impl Worker {
    /// Asserts, and what the recovered data says of itself.
    pub(crate) fn judge_outputs(&self, attempt: &Attempt<'_>, outputs: &Values) -> Result<(), Ended> {
        for assert in &attempt.step.assert {
            if let Err(why) = self.holds(assert, &attempt.cx.path, outputs)? {
                let error = ActionError::failed("assert", format!("`{}` is false{why}", assert.text));
                return Err(failed("assert", error));
            }
        }
        let Some(point) = &attempt.step.recovery_point else { return Ok(()) };
        let (complete_to, source) = self
            .log
            .with_state(|state| {
                let scope = self.scope(state, &attempt.cx.path, outputs);
                let newest = time_of(&point.newest, &scope)?;
                let Some(source) = &point.source_newest else {
                    let cadence =
                        point.cadence.map(lifeboat_runbook::units::duration_text).unwrap_or_default();
                    return Ok((newest, format!("newest row {}, one every {cadence}", point.newest.text)));
                };
                // What the source had and the copy has not, counted back from the moment service was lost.
                let missing = time_of(source, &scope)? - newest;
                let lost_at = attempt.cx.run_started_at;
                Ok((
                    lost_at - missing.max(TimeDelta::zero()),
                    format!("newest row {} against the source's", point.newest.text),
                ))
            })
            .map_err(|error| failed("assert", error))?;
        self.step_event(attempt, EventKind::DataTime { complete_to, grade: Grade::A, source })
    }

    pub(crate) fn scope<'run>(
        &'run self,
        state: &'run lifeboat_journal::state::RunState,
        own: &'run StepPath,
        outputs: &'run Values,
    ) -> RunScope<'run> {
        RunScope {
            plan: &self.plan,
            chart: &self.chart,
            catalog: &self.catalog,
            state,
            own: Some(own),
            item: None,
            own_outputs: Some(outputs),
            keyring: None,
            now: self.clock.now(),
        }
    }

    /// Whether a condition over the outputs is true; if not, the values that make it so, in words.
    pub(crate) fn holds(
        &self,
        condition: &Expression,
        own: &StepPath,
        outputs: &Values,
    ) -> Result<Result<(), String>, Ended> {
        self.log.with_state(|state| {
            let scope = self.scope(state, own, outputs);
            match condition.evaluate(&scope) {
                Ok(Value::Bool(true)) => Ok(Ok(())),
                Ok(_) => {
                    let values = condition.explain(&scope);
                    // A condition that is a name says its value already.
                    let values = values.iter().filter(|(name, _)| **name != condition.text);
                    let values: Vec<String> =
                        values.map(|(name, value)| format!("{name} is {value}")).collect();
                    Ok(Err(if values.is_empty() {
                        String::new()
                    } else {
                        format!(": {}", values.join(", "))
                    }))
                }
                Err(error) => {
                    let message = format!("`{}`: {}", condition.text, error.message);
                    let mut failure = ActionError::failed("expression", message);
                    failure.hint = error.help;
                    Err(failed("assert", failure))
                }
            }
        })
    }
}

pub(crate) fn resolve_with(
    step: &Step,
    catalog: &Catalog,
    scope: &RunScope<'_>,
) -> Result<Values, ActionError> {
    let Work::Action { action, with, .. } = &step.work else { return Ok(Values::new()) };
    let spec = catalog.get(action);
    let mut values = Values::new();
    for (name, template) in with {
        let value = evaluate(name, template, scope)?;
        let kind = spec.and_then(|spec| spec.parameter(name)).map(|parameter| parameter.kind);
        let value = match kind {
            Some(kind) => kind.read(value).map_err(|mismatch| {
                ActionError::refused("parameter", format!("the parameter `{name}`: {mismatch}"))
            })?,
            None => value,
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

pub(crate) fn evaluate(name: &str, template: &Template, scope: &RunScope<'_>) -> Result<Value, ActionError> {
    template.evaluate(scope).map_err(|error| {
        let mut refused =
            ActionError::refused("expression", format!("the parameter `{name}`: {}", error.message));
        refused.hint = error.help;
        refused
    })
}

pub(crate) fn time_of(expression: &Expression, scope: &RunScope<'_>) -> Result<DateTime<Utc>, ActionError> {
    let wrong = |why: String| {
        ActionError::failed("recovery_point", format!("`{}` {why}", expression.text))
            .hint("it must be a time, or text in RFC 3339 with a zone (for a timestamp without one: at time zone 'UTC')")
    };
    match expression.evaluate(scope) {
        Ok(Value::Time(time)) => Ok(time),
        Ok(Value::String(text)) => lifeboat_runbook::units::parse_time(&text)
            .ok_or_else(|| wrong(format!("is `{text}`, not a time"))),
        Ok(other) => Err(wrong(format!("is {}, not a time", other.kind()))),
        Err(error) => Err(wrong(error.message)),
    }
}
