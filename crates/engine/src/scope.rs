//! What the names of an expression are worth, read from the fold.

use crate::action::Values;
use crate::chart::Chart;
use crate::secrets::Keyring;
use chrono::{DateTime, Utc};
use lifeboat_journal::measure::down_s;
use lifeboat_journal::probes::ProbeStatus;
use lifeboat_journal::state::{Items, RunState, StepState};
use lifeboat_runbook::expression::Scope;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{Plan, Step, Work};
use lifeboat_runbook::spec::{Catalog, Type};
use lifeboat_runbook::value::Value;

/// The names of a run at one moment, as one of its steps sees them.
pub struct RunScope<'run> {
    /// The plan.
    pub plan: &'run Plan,
    /// Where its steps are: which step is meant by an id.
    pub chart: &'run Chart,
    /// The types of outputs.
    pub catalog: &'run Catalog,
    /// What is known.
    pub state: &'run RunState,
    /// Whose names they are: which file's, which item's. Nothing: the runbook's own.
    pub own: Option<&'run StepPath>,
    /// `item` and `index`, while the key of an item is made.
    pub item: Option<(&'run Value, usize)>,
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
            "inputs" => self.input(rest)?,
            "outputs" => match self.own_outputs {
                Some(outputs) if rest.is_empty() => (Value::Map(outputs.clone()), rest),
                outputs => field(outputs?, rest)?,
            },
            "secrets" => {
                let (name, rest) = rest.split_first()?;
                (self.keyring?.secrets.get(&secret_key(self.file(), name))?.clone(), rest)
            }
            "steps" => self.step(self.chart.named(&self.place(), rest.first()?)?, &rest[1..])?,
            "probes" => self.probe(rest)?,
            "preflight" => self.step(self.chart.check(&self.place(), rest.first()?)?, &rest[1..])?,
            "item" => (self.item()?.0, rest),
            "index" => (Value::Int(i64::try_from(self.item()?.1).ok()?), rest),
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

/// Under which name the secret `name` of a file is kept.
pub(crate) fn secret_key(file: &str, name: &str) -> String {
    format!("{file}{name}")
}

impl<'run> RunScope<'run> {
    /// The same names, as another step sees them.
    pub fn of<'other>(&self, own: &'other StepPath) -> RunScope<'other>
    where
        'run: 'other,
    {
        RunScope { own: Some(own), item: None, own_outputs: None, ..*self }
    }

    fn place(&self) -> StepPath {
        self.own.cloned().unwrap_or_else(|| StepPath::new(""))
    }

    fn file(&self) -> &'run str {
        self.own.map_or("", StepPath::file)
    }

    fn own_plan(&self) -> Option<&'run Plan> {
        self.chart.file(self.plan, self.file())
    }

    fn input<'names>(&self, names: &'names [&'names str]) -> Option<(Value, &'names [&'names str])> {
        let file = self.file();
        let (value, rest) = match self.chart.runs(self.plan, file) {
            None => field(&self.state.started.as_ref()?.inputs, names)?,
            Some((path, step)) => match self.state.steps.get(&path).and_then(|step| step.intent.as_ref()) {
                Some(intent) => field(&intent.parameters, names)?,
                // Checks of a runbook may come before the step that runs it.
                None => field(&inputs_of(step, &self.of(&path)).ok()?, names)?,
            },
        };
        // In the journal times and durations are text.
        let kind = self.own_plan()?.inputs.iter().find(|input| Some(&input.name.as_str()) == names.first());
        let typed = kind.and_then(|input| input.kind.read(value.clone()).ok());
        Some((typed.unwrap_or(value), rest))
    }

    /// The item that the step belongs to, and its place.
    fn item(&self) -> Option<(Value, usize)> {
        if let Some((item, place)) = self.item {
            return Some((item.clone(), place));
        }
        let own = self.own?;
        let key = *own.keys().last()?;
        let inside = &own.as_str()[own.file().len()..];
        let end = own.file().len() + inside.rfind(&format!("[{key}]"))?;
        let each = self.state.steps.get(&StepPath::new(&own.as_str()[..end]))?;
        let (place, item) = each.items.as_ref()?.named(key)?;
        Some((item.item.clone(), place))
    }

    /// `up`, of which nothing is known while nobody looks, and `down_s`.
    fn probe<'names>(&self, names: &'names [&'names str]) -> Option<(Value, &'names [&'names str])> {
        let [id, fact, rest @ ..] = names else { return None };
        let path = StepPath::new(format!("{}probe:{id}", self.file()));
        let probe = self.state.probes.get(&path)?;
        let value = match (*fact, probe.status) {
            ("up", ProbeStatus::Up) => Value::Bool(true),
            ("up", ProbeStatus::Down { .. }) => Value::Bool(false),
            ("down_s", _) => Value::Float(down_s(probe, self.now)),
            _ => return None,
        };
        Some((value, rest))
    }

    fn step<'names>(
        &self,
        path: StepPath,
        names: &'names [&'names str],
    ) -> Option<(Value, &'names [&'names str])> {
        let (property, rest) = names.split_first()?;
        let state = self.state.steps.get(&path);
        if *property == "outputs" {
            return self.outputs(&path, state?, rest);
        }
        if *property == "state" {
            return Some((state.map_or("pending", |state| state.status.word()).into(), rest));
        }
        let state = state?;
        let value = match *property {
            "started_at" => state.started?.at.into(),
            "finished_at" => state.finished?.at.into(),
            "captured" => Value::Map(state.intent.as_ref()?.captured.clone()),
            "resolved" => Value::Map(state.intent.as_ref()?.resolved.clone()),
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
        path: &StepPath,
        state: &StepState,
        names: &'names [&'names str],
    ) -> Option<(Value, &'names [&'names str])> {
        if !state.status.is_over() || state.outputs.is_empty() {
            return None;
        }
        if let Some(items) =
            state.items.as_ref().filter(|_| names.first().is_none_or(|name| *name == "items"))
        {
            return self.items(path, state, items, names);
        }
        let outputs = self.typed(path, state)?;
        match names.split_first() {
            None => Some((Value::Map(outputs), names)),
            Some((name, rest)) => Some((outputs.get(*name)?.clone(), rest)),
        }
    }

    /// What the steps of each item gave: they are in the journal already, each where it belongs.
    fn items<'names>(
        &self,
        path: &StepPath,
        state: &StepState,
        items: &Items,
        names: &'names [&'names str],
    ) -> Option<(Value, &'names [&'names str])> {
        let body = self.chart.planned(self.plan, path)?.children();
        let of = |key: &str| {
            let mut given = Values::new();
            self.given(body, &StepPath::new(format!("{path}[{key}].")), &mut given);
            Value::Map(given)
        };
        if let [_, key, rest @ ..] = names {
            items.named(key)?;
            return Some((of(key), rest));
        }
        let all = items.all().iter().map(|item| (item.key.clone(), of(&item.key))).collect();
        if !names.is_empty() {
            return Some((Value::Map(all), &names[1..]));
        }
        let mut outputs = state.outputs.clone();
        outputs.insert("items".to_owned(), Value::Map(all));
        Some((Value::Map(outputs), names))
    }

    /// What the steps of each item of a loop gave; nothing where it is no loop.
    pub(crate) fn all_items(&self, path: &StepPath) -> Option<Value> {
        let state = self.state.steps.get(path)?;
        Some(self.items(path, state, state.items.as_ref()?, &["items"])?.0)
    }

    fn given(&self, body: &[Step], own: &StepPath, given: &mut Values) {
        for step in body {
            if matches!(step.work, Work::Parallel(_) | Work::Sequence(_)) {
                self.given(step.children(), own, given);
            }
            let Some(path) = own.beside(&step.path) else { continue };
            let outputs = self.state.steps.get(&path).and_then(|state| self.outputs(&path, state, &[]));
            given.extend(outputs.map(|(outputs, _)| (step.id.clone(), outputs)));
        }
    }

    fn typed(&self, path: &StepPath, state: &StepState) -> Option<Values> {
        let step = self.chart.planned(self.plan, path)?;
        let mut outputs = match step.action().and_then(|action| self.catalog.get(action)) {
            Some(spec) => typed_outputs(spec, &state.outputs),
            None => typed_answer(&step.work, &state.outputs),
        };
        if let Some(keyring) = self.keyring {
            for ((_, name), value) in keyring.outputs.iter().filter(|((of, _), _)| of == path) {
                outputs.insert(name.clone(), value.clone());
            }
        }
        Some(outputs)
    }

    fn fact(&self, root: &str, name: &str) -> Option<Value> {
        let started = self.state.started.as_ref();
        Some(match (root, name) {
            ("objectives", "rto") => self.own_plan()?.objectives.rto?.into(),
            ("objectives", "rpo") => self.own_plan()?.objectives.rpo?.into(),
            ("run", "id") => self.state.run.as_ref()?.as_str().into(),
            ("run", "short_id") => self.state.run.as_ref()?.short().into(),
            ("run", "mode") => started?.mode.word().into(),
            ("run", "started_at") => self.state.began?.at.into(),
            ("incident", "id") => started?.incident.as_ref()?.as_str().into(),
            ("run", "operator") => started?.operator.as_str().into(),
            ("target", "account") => started?.account.as_str().into(),
            ("target", "region") => started?.region.as_str().into(),
            ("roles", role) => self.state.roles.get(role)?.as_str().into(),
            ("target", "regions") => {
                let regions = started?.regions.iter();
                Value::Map(regions.map(|(name, region)| (name.clone(), region.as_str().into())).collect())
            }
            ("marks", mark) => self.state.marks.get(&mark_of(self.file(), mark))?.at.into(),
            _ => return None,
        })
    }
}

/// The mark `name` of a file: in the runbook itself as it is written, in one that it runs `<step>.<mark>`.
pub(crate) fn mark_of(file: &str, name: &str) -> MarkName {
    match file.strip_suffix('/') {
        Some(step) => MarkName::new(format!("{step}.{name}")),
        None => MarkName::new(name),
    }
}

/// What people answered, from its journaled JSON: the moment, and each field by the type that it was asked for with.
fn typed_answer(work: &Work, outputs: &Values) -> Values {
    let mut outputs = outputs.clone();
    let asked = match work {
        Work::Manual(manual) => &manual.fields,
        Work::Decide(decide) => &decide.fields,
        Work::Approve(approve) => &approve.fields,
        _ => return outputs,
    };
    let retype = |value: &mut Value, kind: Type| {
        if let Ok(typed) = kind.read(value.clone()) {
            *value = typed;
        }
    };
    if let Some(at) = outputs.get_mut("at") {
        retype(at, Type::Time);
    }
    if let Some(Value::Map(fields)) = outputs.get_mut("fields") {
        for (name, value) in fields {
            asked.get(name).into_iter().for_each(|kind| retype(value, *kind));
        }
    }
    outputs
}

/// The inputs of the runbook that `step` runs, as `scope` sees them: those given, else their defaults.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn inputs_of(step: &Step, scope: &RunScope<'_>) -> Result<Values, String> {
    let Work::Runbook { with, plan, .. } = &step.work else { return Ok(Values::new()) };
    let mut inputs = Values::new();
    for input in &plan.inputs {
        let value = match with.get(&input.name) {
            Some(template) => {
                let value = template.evaluate(scope);
                value.map_err(|error| format!("the input `{}`: {}", input.name, error.message))?
            }
            None => input.default.clone().unwrap_or(Value::Null),
        };
        let read = if value.is_null() && !input.required { Ok(value) } else { input.read(value) };
        inputs
            .insert(input.name.clone(), read.map_err(|wrong| format!("the input `{}` {wrong}", input.name))?);
    }
    Ok(inputs)
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
