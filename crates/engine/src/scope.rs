//! What the names of an expression are worth, read from the fold.

use crate::action::Values;
use crate::secrets::Keyring;
use chrono::{DateTime, Utc};
use lifeboat_journal::state::{RunState, StepState};
use lifeboat_runbook::expression::Scope;
use lifeboat_runbook::plan::{Plan, Step};
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::value::Value;

/// The names of a run at one moment.
pub struct RunScope<'run> {
    /// The plan: which step is meant by an id.
    pub plan: &'run Plan,
    /// The types of outputs.
    pub catalog: &'run Catalog,
    /// What is known.
    pub state: &'run RunState,
    /// `outputs`: those of the step itself, while it is judged.
    pub own_outputs: Option<&'run Values>,
    /// Secrets and sensitive outputs; nothing where they may not be read.
    pub keyring: Option<&'run Keyring>,
    /// What `now()` is.
    pub now: DateTime<Utc>,
}

impl Scope for RunScope<'_> {
    fn value(&self, names: &[&str]) -> Option<Value> {
        let (root, rest) = names.split_first()?;
        let (value, rest) = match *root {
            "inputs" => field(&self.state.started.as_ref()?.inputs, rest)?,
            "outputs" => match self.own_outputs {
                Some(outputs) if rest.is_empty() => (Value::Map(outputs.clone()), rest),
                outputs => field(outputs?, rest)?,
            },
            "secrets" => {
                let (name, rest) = rest.split_first()?;
                (self.keyring?.secrets.get(*name)?.clone(), rest)
            }
            "steps" => self.step(&self.plan.steps, rest)?,
            "preflight" => self.step(&self.plan.preflight, rest)?,
            _ => (self.fact(root, rest.first()?)?, &rest[1..]),
        };
        dig(value, rest)
    }

    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

/// Goes into nested maps.
fn dig(value: Value, names: &[&str]) -> Option<Value> {
    names.iter().try_fold(value, |value, name| match value {
        Value::Map(mut fields) => fields.remove(*name),
        _ => None,
    })
}

fn field<'names>(values: &Values, names: &'names [&'names str]) -> Option<(Value, &'names [&'names str])> {
    let (name, rest) = names.split_first()?;
    Some((values.get(*name)?.clone(), rest))
}

/// The first step called `id`, at any depth that shares its names.
pub(crate) fn find<'plan>(steps: &'plan [Step], id: &str) -> Option<&'plan Step> {
    steps.iter().find_map(|step| if step.id == id { Some(step) } else { find(step.children(), id) })
}

impl RunScope<'_> {
    fn step<'names>(
        &self,
        steps: &[Step],
        names: &'names [&'names str],
    ) -> Option<(Value, &'names [&'names str])> {
        let [id, property, rest @ ..] = names else { return None };
        let step = find(steps, id)?;
        let state = self.state.step(&step.path);
        if *property == "outputs" {
            return self.outputs(step, &state, rest);
        }
        let value = match *property {
            "state" => Value::from(state.status.word()),
            "started_at" => state.started?.at.into(),
            "finished_at" => state.finished?.at.into(),
            "captured" => Value::Map(state.intent?.captured.clone()),
            "resolved" => Value::Map(state.intent?.resolved.clone()),
            "error" => {
                let failure = state.status.failure()?;
                let fields = [("code", failure.code.as_str()), ("message", failure.message.as_str())];
                Value::Map(fields.map(|(name, text)| (name.to_owned(), text.into())).into())
            }
            _ => return None,
        };
        Some((value, rest))
    }

    /// Outputs are read from their journaled JSON by the action's spec, live and after a resume alike.
    fn outputs<'names>(
        &self,
        step: &Step,
        state: &StepState,
        names: &'names [&'names str],
    ) -> Option<(Value, &'names [&'names str])> {
        if !state.status.is_over() || state.outputs.is_empty() {
            return None;
        }
        let mut outputs = self.typed(step, &state.outputs);
        for ((path, name), value) in self.keyring.iter().flat_map(|keyring| &keyring.outputs) {
            if *path == step.path {
                outputs.insert(name.clone(), value.clone());
            }
        }
        match names.split_first() {
            None => Some((Value::Map(outputs), names)),
            Some((name, rest)) => Some((outputs.get(*name)?.clone(), rest)),
        }
    }

    fn typed(&self, step: &Step, outputs: &Values) -> Values {
        match step.action().and_then(|action| self.catalog.get(action)) {
            Some(spec) => typed_outputs(spec, outputs),
            None => outputs.clone(),
        }
    }

    fn fact(&self, root: &str, name: &str) -> Option<Value> {
        let started = self.state.started.as_ref();
        Some(match (root, name) {
            ("objectives", "rto") => self.plan.objectives.rto?.into(),
            ("objectives", "rpo") => self.plan.objectives.rpo?.into(),
            ("run", "id") => self.state.run.as_ref()?.as_str().into(),
            ("run", "short_id") => self.state.run.as_ref()?.short().into(),
            ("run", "mode") => started?.mode.word().into(),
            ("run", "started_at") => self.state.began?.at.into(),
            ("run", "operator") => started?.operator.as_str().into(),
            ("target", "account") => started?.account.as_str().into(),
            ("target", "region") => started?.region.as_str().into(),
            ("marks", mark) => self.state.marks.iter().find(|(name, _)| name.as_str() == mark)?.1.at.into(),
            _ => return None,
        })
    }
}

/// Outputs with the types of the spec. What does not fit stays as it is: an expression over it will say so.
pub fn typed_outputs(spec: &lifeboat_runbook::spec::ActionSpec, outputs: &Values) -> Values {
    outputs
        .iter()
        .map(|(name, value)| {
            let kind = spec.output(name).map(|output| output.kind);
            let typed = kind.and_then(|kind| kind.read(value.clone()).ok());
            (name.clone(), typed.unwrap_or_else(|| value.clone()))
        })
        .collect()
}
