//! Steps that hold others: what begins them, and what they come to when those inside them are over.

use super::people::{expression, failure};
use super::{Command, Decision, Here};
use crate::perform::as_failure;
use crate::scope::{RunScope, inputs_of};
use crate::target::{self, Aiming};
use lifeboat_journal::event::{EventKind, Failure, Item, Values};
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Work};
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A loop over more items than this is not one.
const MOST_ITEMS: usize = 10_000;

/// The longest key of an item.
const LONGEST_KEY: usize = 64;

/// What the steps inside a group came to.
pub(super) struct Inside {
    /// Whether it fails by them.
    pub(super) failed: bool,
    /// Of a loop: the keys of the items that failed, in the order of the items.
    pub(super) failed_items: Vec<String>,
}

impl Decision<'_> {
    pub(super) fn begin_group(&self, here: Here<'_>) -> Vec<Command> {
        let started = |parameters| Command::record_step(here.path, self.intent(here, parameters));
        match &here.step.work {
            Work::Foreach { .. } => match self.expand(here) {
                Ok(expanded) => vec![started(Values::new()), expanded],
                Err(error) => vec![self.fail(here, error)],
            },
            Work::Runbook { plan, .. } => match self.contract(here, plan) {
                Ok(inputs) => vec![started(inputs)],
                Err(error) => vec![self.fail(here, error)],
            },
            _ => vec![started(Values::new())],
        }
    }

    /// Evaluates the items of a loop.
    pub(super) fn expand(&self, here: Here<'_>) -> Result<Command, Failure> {
        let Work::Foreach { items, key, .. } = &here.step.work else {
            return Err(expression("it is no loop".to_owned()));
        };
        let items = self.items(here.path, items, key.as_ref())?;
        Ok(Command::record_step(here.path, EventKind::StepExpanded { items }))
    }

    fn items(
        &self,
        path: &StepPath,
        items: &Template,
        key: Option<&Expression>,
    ) -> Result<Vec<Item>, Failure> {
        let refuse = |why: String| failure("foreach", why);
        let value = items.evaluate(&self.scope(path)).map_err(|error| expression(error.message))?;
        let found: Vec<(Option<String>, Value)> = match value {
            Value::List(items) => items.into_iter().map(|item| (None, item)).collect(),
            Value::Map(fields) => fields.into_iter().map(entry).collect(),
            other => return Err(refuse(format!("it goes over {}, not over a list or a map", other.kind()))),
        };
        if found.len() > MOST_ITEMS {
            return Err(refuse(format!("it has {} items; {MOST_ITEMS} are allowed", found.len())));
        }
        let mut known = BTreeSet::new();
        let mut items = Vec::with_capacity(found.len());
        for (place, (name, item)) in found.into_iter().enumerate() {
            let name = match (key, name, &item) {
                (Some(key), ..) => self.key(path, key, &item, place)?,
                (None, Some(name), _) => name,
                (None, None, Value::String(text)) => text.clone(),
                (None, None, other) => {
                    let why =
                        format!("item {place} is {}, not text: say what names it with `key`", other.kind());
                    return Err(refuse(why));
                }
            };
            well_formed(&name).map_err(refuse)?;
            if !known.insert(name.clone()) {
                return Err(refuse(format!("two items have the key `{name}`")));
            }
            items.push(Item { key: name, item });
        }
        Ok(items)
    }

    fn key(&self, path: &StepPath, key: &Expression, item: &Value, place: usize) -> Result<String, Failure> {
        let scope = RunScope { item: Some((item, place)), ..self.scope(path) };
        match key.evaluate(&scope).map_err(|error| expression(format!("`key`: {}", error.message)))? {
            Value::String(name) => Ok(name),
            Value::Int(number) => Ok(number.to_string()),
            other => {
                Err(failure("foreach", format!("the key of item {place} is {}, not text", other.kind())))
            }
        }
    }

    /// The inputs of a runbook that a step runs; it is refused where it is for another account or Region.
    fn contract(&self, here: Here<'_>, plan: &Plan) -> Result<Values, Failure> {
        let inputs = inputs_of(here.step, &self.scope(here.path)).map_err(|why| failure("input", why))?;
        let inside = inside_of(here.path);
        let Some(started) = &self.state.started else { return Ok(inputs) };
        let aimed = target::of_step(self.plan, self.chart, started, here.path, &self.scope(here.path));
        let own = aimed.map_err(as_failure)?.unwrap_or_else(|| Aiming::of(started));
        let text = |template: &Option<Template>| match template {
            None => Ok(None),
            Some(template) => {
                let value = template.evaluate(&self.scope(&inside));
                value.map(|value| Some(value.to_string())).map_err(|error| expression(error.message))
            }
        };
        let region =
            text(&plan.target.region)?.map(|region| own.regions.get(&region).cloned().unwrap_or(region));
        let aims = [("account", text(&plan.target.account)?, own.account), ("Region", region, own.region)];
        for (what, wanted, own) in aims {
            let (Some(wanted), Some(own)) = (wanted, own) else { continue };
            if wanted != own {
                return Err(failure(
                    "target",
                    format!("it is for the {what} {wanted}, and this run is in {own}"),
                ));
            }
        }
        Ok(inputs)
    }

    /// The end of a group whose steps are over.
    pub(super) fn end_group(&self, here: Here<'_>, inside: &Inside) -> Command {
        if inside.failed {
            return self.fail(here, self.failure_of(here, inside));
        }
        let outputs = match &here.step.work {
            Work::Runbook { plan, .. } => match self.outputs(here.path, &plan.outputs) {
                Ok(outputs) => outputs,
                Err(error) => return self.fail(here, error),
            },
            Work::Foreach { .. } => self.outputs_of_items(here.path, &inside.failed_items),
            _ => Values::new(),
        };
        let mut judged = outputs.clone();
        if !here.step.assert.is_empty() {
            judged.extend(self.scope(here.path).all_items(here.path).map(|all| ("items".to_owned(), all)));
        }
        match self.first_false(here, &judged) {
            Some(failure) => self.fail(here, failure),
            None => Command::record_step(here.path, EventKind::StepSucceeded { outputs }),
        }
    }

    pub(super) fn failure_of(&self, here: Here<'_>, inside: &Inside) -> Failure {
        if let (Work::Foreach { max_failures: most @ 1.., .. }, failed) =
            (&here.step.work, &inside.failed_items)
        {
            let all = self.step(here.path).items.as_ref().map_or(0, |items| items.all().len());
            let message =
                format!("{} of {all} items failed, and {most} may: {}", failed.len(), failed.join(", "));
            return failure("items", message);
        }
        let (path, failure) = self.origin(here.step, here.path);
        match path == *here.path {
            true => failure,
            false => Failure { message: format!("{path}: {}", failure.message), ..failure },
        }
    }

    fn outputs(&self, path: &StepPath, outputs: &BTreeMap<String, Template>) -> Result<Values, Failure> {
        let inside = inside_of(path);
        let scope = self.scope(&inside);
        let value = |(name, template): (&String, &Template)| {
            let value = template.evaluate(&scope);
            let value =
                value.map_err(|error| expression(format!("the output `{name}`: {}", error.message)))?;
            Ok((name.clone(), value))
        };
        outputs.iter().map(value).collect()
    }

    fn outputs_of_items(&self, path: &StepPath, failed: &[String]) -> Values {
        let failed: BTreeSet<&str> = failed.iter().map(String::as_str).collect();
        let items = self.step(path).items.iter().flat_map(|items| items.all());
        let (failed, succeeded): (Vec<Value>, Vec<Value>) = items
            .map(|item| Value::from(item.key.as_str()))
            .partition(|key| key.as_str().is_some_and(|key| failed.contains(key)));
        Values::from([
            ("succeeded".to_owned(), Value::List(succeeded)),
            ("failed".to_owned(), Value::List(failed)),
        ])
    }
}

/// An item of a map.
fn entry((key, value): (String, Value)) -> (Option<String>, Value) {
    let item = Values::from([("key".to_owned(), Value::from(key.as_str())), ("value".to_owned(), value)]);
    (Some(key), Value::Map(item))
}

/// A place inside the runbook that the step `path` runs.
fn inside_of(path: &StepPath) -> StepPath {
    StepPath::new(format!("{path}/"))
}

fn well_formed(key: &str) -> Result<(), String> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._:/-".contains(letter);
    match !key.is_empty() && key.len() <= LONGEST_KEY && key.chars().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "`{key}` cannot be the key of an item: at most {LONGEST_KEY} letters, digits and `. _ : / -`; give another with `key`"
        )),
    }
}
