//! What a person orders of a paused run: at the terminal that drives it, or with `resume`.

use crate::error::CommandError;
use crate::home::user;
use crate::terminal::{Terminal, Turn};
use lifeboat_journal::event::{Actor, Draft, EventKind, Order, PauseReason, Values};
use lifeboat_journal::state::{Paused, RunState, StepState, StepStatus};
use lifeboat_report::document::asks;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Step};
use lifeboat_runbook::spec::Catalog;
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// What `resume` orders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) retry: Option<String>,
    pub(crate) skip: Option<String>,
    pub(crate) done: Option<String>,
    /// `NAME=VALUE`, for `done`.
    pub(crate) set_output: Vec<String>,
    /// What was named to do instead of what the step would have made, and what was seen of it.
    pub(crate) adopted: Option<(BTreeMap<String, String>, Values)>,
    pub(crate) accept: Vec<String>,
    pub(crate) reason: Option<String>,
    /// Whether the runbook was amended: then the step that failed is tried again without a word.
    pub(crate) amended: bool,
}

impl Orders {
    /// The events that carry the orders out.
    ///
    /// # Errors
    /// When an order does not fit the run: nothing is written then.
    pub(crate) fn drafts(
        &self,
        plan: &Plan,
        catalog: &Catalog,
        state: &RunState,
    ) -> Result<Vec<Draft>, CommandError> {
        let reason = self.reason.as_deref();
        let mut drafts = accept(&accepted(plan, &self.accept)?, reason);
        if let Some(name) = &self.retry {
            let path = named(plan, state, name)?;
            may_be_retried(&path, &state.step(&path))?;
            drafts.push(order(&path, Order::Retry, reason, None));
        }
        if let Some(name) = &self.skip {
            let path = named(plan, state, name)?;
            may_be_settled(&path, &state.step(&path))?;
            drafts.push(order(&path, Order::Skip, reason, None));
        }
        if let Some(name) = &self.done {
            let path = named(plan, state, name)?;
            may_be_settled(&path, &state.step(&path))?;
            let stated = match plan.step(&path) {
                Some(step) => outputs(step, catalog, &self.set_output)?,
                None => Values::new(),
            };
            let (adopted, mut outputs) = self.adopted.clone().unwrap_or_default();
            outputs.extend(stated);
            drafts.push(done(&path, reason.unwrap_or_default(), outputs, adopted));
        }
        if drafts.is_empty() {
            drafts.extend(self.understood(state));
        }
        Ok(drafts)
    }

    /// What resuming means without an order: after a time limit, to wait on; after an amendment, to try again.
    fn understood(&self, state: &RunState) -> Option<Draft> {
        let Paused { because, step, .. } = state.paused.as_ref()?;
        let step = step.as_ref()?;
        let reason = self.reason.as_deref();
        match because {
            PauseReason::Timeout => Some(extend(step, state)),
            PauseReason::Failure | PauseReason::Check if self.amended => {
                Some(order(step, Order::Retry, reason, None))
            }
            _ => None,
        }
    }
}

fn order(step: &StepPath, order: Order, reason: Option<&str>, seconds: Option<f64>) -> Draft {
    let kind = EventKind::StepOrdered { order, reason: reason.map(str::to_owned), seconds };
    Draft { step: Some(step.clone()), ..Draft::run(kind) }.by(Actor::person(user()))
}

/// The event that gives a step more time.
pub(crate) fn more_time(step: &StepPath, seconds: f64, reason: Option<&str>, by: &str) -> Draft {
    order(step, Order::Extend, reason, Some(seconds)).by(Actor::person(by))
}

fn done(step: &StepPath, reason: &str, outputs: Values, adopted: BTreeMap<String, String>) -> Draft {
    let kind = EventKind::DoneByHand { reason: reason.to_owned(), outputs, adopted };
    Draft { step: Some(step.clone()), ..Draft::run(kind) }.by(Actor::person(user()))
}

/// As much time again as the attempt had.
fn extend(step: &StepPath, state: &RunState) -> Draft {
    let seconds = state.step(step).intent.map(|intent| intent.timeout_s);
    order(step, Order::Extend, None, seconds)
}

/// The checks with these names, also those of runbooks that it runs.
pub(crate) fn accepted(plan: &Plan, names: &[String]) -> Result<Vec<StepPath>, CommandError> {
    let steps = plan.every_step();
    let checks: Vec<&Step> = steps.into_iter().filter(|step| step.path.is_preflight()).collect();
    let check = |name: &String| {
        let path = StepPath::new(name.as_str()).planned();
        let found = checks.iter().find(|step| step.path == path).map(|_| StepPath::new(name.as_str()));
        let found =
            found.or_else(|| checks.iter().find(|step| step.id == *name).map(|step| step.path.clone()));
        found.ok_or_else(|| unknown("check", name, checks.iter().map(|step| step.id.as_str())))
    };
    names.iter().map(check).collect()
}

/// The events that accept checks.
pub(crate) fn accept(checks: &[StepPath], reason: Option<&str>) -> Vec<Draft> {
    checks.iter().map(|check| order(check, Order::Accept, reason, None)).collect()
}

/// The step of the run that is meant by a path, or by an id that only one step has.
pub(crate) fn named(plan: &Plan, state: &RunState, name: &str) -> Result<StepPath, CommandError> {
    let path = StepPath::new(name);
    if state.steps.contains_key(&path) || (plan.step(&path).is_some() && !name.contains('*')) {
        return Ok(path);
    }
    let found: Vec<&StepPath> =
        state.steps.keys().filter(|path| path.id() == name && plan.step(path).is_some()).collect();
    match found.as_slice() {
        [path] => Ok((*path).clone()),
        [] => {
            let all = plan.every_step();
            Err(unknown("step", name, all.iter().map(|step| step.path.as_str())))
        }
        several => {
            let paths: Vec<&str> = several.iter().map(|path| path.as_str()).collect();
            Err(CommandError::usage(format!("several steps are called `{name}`"))
                .hint(format!("say which: {}", paths.join(", "))))
        }
    }
}

/// The step of the plan that `--until` names: one of the runbook's own, not of an item or a check.
pub(crate) fn until(plan: &Plan, name: &str) -> Result<StepPath, CommandError> {
    let steps = || plan.steps.iter().map(|step| &step.path);
    let found = steps().find(|path| path.as_str() == name).cloned();
    found.ok_or_else(|| unknown("step", name, steps().map(StepPath::as_str)))
}

/// `NAME=ID` pairs of `--adopt`.
pub(crate) fn pairs(given: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, id)) if !name.is_empty() && !id.is_empty() => Ok((name.to_owned(), id.to_owned())),
        _ => Err(CommandError::usage(format!("--adopt `{text}` names nothing"))
            .hint("write the output and the name of what does instead: --adopt instance=orders-by-hand")),
    };
    given.iter().map(pair).collect()
}

fn unknown<'name>(what: &str, name: &str, known: impl Iterator<Item = &'name str> + Clone) -> CommandError {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    CommandError::usage(format!("the runbook has no {what} `{name}`")).hint(hint)
}

fn may_be_retried(path: &StepPath, state: &StepState) -> Result<(), CommandError> {
    match &state.status {
        _ if state.asks_by_its_action() => Err(CommandError::usage(format!("{path} is under way, and asks"))
            .hint("answer it with `lifeboat answer`")),
        StepStatus::Failed(_) | StepStatus::AttemptFailed(_) | StepStatus::Asking => Ok(()),
        StepStatus::Unknown | StepStatus::Running | StepStatus::Waiting => {
            Err(CommandError::usage(format!("{path} is under way, and has not failed"))
                .hint("resume without an order: it is looked at first"))
        }
        other => Err(CommandError::usage(format!("{path} is {}, and has not failed", other.word()))),
    }
}

fn may_be_settled(path: &StepPath, state: &StepState) -> Result<(), CommandError> {
    match &state.status {
        StepStatus::Succeeded
        | StepStatus::Skipped(_)
        | StepStatus::AllowedFailure(_)
        | StepStatus::DoneByHand(_) => {
            Err(CommandError::usage(format!("{path} is over: {}", state.status.word())))
        }
        _ => Ok(()),
    }
}

/// The outputs a person states, in the types of the action.
fn outputs(step: &Step, catalog: &Catalog, given: &[String]) -> Result<Values, CommandError> {
    let spec = step.action().and_then(|action| catalog.get(action));
    let mut outputs = Values::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(CommandError::usage(format!("`{text}` has no `=`")).hint("write it as name=value"));
        };
        let mut value = Value::String(value.to_owned());
        if let Some(spec) = spec {
            let names = spec.outputs.iter().map(|output| output.name);
            let output = spec.output(name).ok_or_else(|| unknown("output", name, names))?;
            let read = output.kind.read(value);
            value = read.map_err(|wrong| CommandError::usage(format!("the output `{name}`: {wrong}")))?;
        }
        outputs.insert(name.to_owned(), value);
    }
    Ok(outputs)
}

/// Asks the person at the terminal what is to become of a paused run. Nothing: it is left as it is.
pub(crate) async fn ask_in_place(
    terminal: &Terminal,
    plan: &Plan,
    catalog: &Catalog,
    state: &RunState,
) -> Option<Vec<Draft>> {
    let paused = state.paused.as_ref().filter(|_| state.outcome.is_none())?;
    let words: &[&str] = match paused.because {
        PauseReason::Failure => &["retry", "skip", "done", "undo", "leave"],
        PauseReason::Check => &["accept", "retry", "leave"],
        PauseReason::Timeout => &["wait", "skip", "done", "undo", "leave"],
        PauseReason::Blocked => &["wait", "leave"],
        PauseReason::Person
        | PauseReason::Signal
        | PauseReason::Until
        | PauseReason::Alarm
        | PauseReason::Lock => return None,
    };
    let turn = terminal.turn().await;
    terminal.show(|| say!("\n{}", paused.why));
    loop {
        let answer = terminal.ask(&turn, &format!("{}? ", words.join(", "))).await?;
        let Some(word) = words.iter().find(|word| !answer.is_empty() && word.starts_with(answer.as_str()))
        else {
            continue;
        };
        match in_place((terminal, &turn), plan, catalog, state, paused, word).await {
            Ok(drafts) => return drafts.map(|drafts| taken_up().into_iter().chain(drafts).collect()),
            Err(error) => {
                error.tell();
            }
        }
    }
}

async fn in_place(
    (terminal, turn): (&Terminal, &Turn<'_>),
    plan: &Plan,
    catalog: &Catalog,
    state: &RunState,
    paused: &Paused,
    word: &str,
) -> Result<Option<Vec<Draft>>, CommandError> {
    let step = paused.step.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut orders = Orders::default();
    match word {
        "leave" => return Ok(None),
        "undo" => return Ok(Some(vec![undo(state)])),
        "retry" => orders.retry = Some(step),
        "accept" => orders.accept = vec![step],
        "skip" => orders.skip = Some(step),
        "done" => orders.done = Some(step),
        _ => {}
    }
    if ["skip", "done", "accept"].contains(&word) {
        orders.reason = terminal.ask(turn, "why? ").await.filter(|reason| !reason.is_empty());
        if orders.reason.is_none() {
            return Err(CommandError::usage("it needs a reason, for the record"));
        }
    }
    if word == "done" {
        orders.set_output = outputs_typed(terminal, turn).await;
    }
    orders.drafts(plan, catalog, state).map(Some)
}

async fn outputs_typed(terminal: &Terminal, turn: &Turn<'_>) -> Vec<String> {
    let mut outputs = Vec::new();
    loop {
        match terminal.ask(turn, "an output, name=value (nothing: no more): ").await {
            Some(text) if !text.is_empty() => outputs.push(text),
            _ => return outputs,
        }
    }
}

/// Takes the run back, after saying what that deletes.
fn undo(state: &RunState) -> Draft {
    for created in state.left() {
        say!("  deletes {} {}", created.resource.kind, created.resource.id);
    }
    let kind = EventKind::AbortAsked { by: user(), why: None, undo: Some(true) };
    Draft::run(kind).by(Actor::person(user()))
}

/// The event that takes a run up again in the same process.
fn taken_up() -> Vec<Draft> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    vec![Draft::run(EventKind::RunResumed { version, away_s: 0.0, by: None })]
}

/// What can be done with a run that is not over, or has left something; a line each.
pub(crate) fn what_next(state: &RunState) -> Vec<String> {
    let Some(run) = &state.run else { return Vec::new() };
    if let Some(outcome) = &state.outcome {
        let left = !outcome.left_behind.is_empty();
        let line = format!("\ntake away what is left with: lifeboat cleanup {run}");
        return left.then_some(line).into_iter().collect();
    }
    let mut lines = vec![String::new()];
    for open in asks(state) {
        lines.extend(open.progress().into_iter().chain(open.question.who()));
        lines.push(format!("answer with: {}", open.question.command(run, &open.step)));
    }
    let Some(Paused { because, step, .. }) = &state.paused else {
        lines.push(format!("go on with: lifeboat resume {run}"));
        return lines;
    };
    let step = step.as_ref().map(StepPath::as_str).unwrap_or_default();
    let step = step.strip_prefix("preflight:").unwrap_or(step);
    match because {
        PauseReason::Failure => {
            lines.push("nothing was taken back; go on with one of:".to_owned());
            lines.push(format!("  lifeboat resume {run} --retry {step}"));
            lines.push(format!(
                "  lifeboat resume {run} --amended FILE --reason …   (the runbook, corrected)"
            ));
            lines.push(format!("  lifeboat resume {run} --done {step} --reason …    (you did it by hand)"));
            lines.push(format!("  lifeboat resume {run} --skip {step} --reason …"));
            lines.push(format!("  lifeboat abort {run} --undo                      (take back what it did)"));
        }
        PauseReason::Check => {
            lines.push(format!("go on all the same with: lifeboat resume {run} --accept {step} --reason …"));
            lines.push(format!("or check again with:      lifeboat resume {run} --retry {step}"));
        }
        PauseReason::Person => lines.push(format!("then go on with: lifeboat resume {run}")),
        PauseReason::Signal | PauseReason::Alarm => {
            lines.push(format!("nothing was taken back; go on with: lifeboat resume {run}"));
        }
        PauseReason::Until => {
            lines.push(format!("go on with: lifeboat resume {run}"));
            lines.push(format!("or end it:  lifeboat abort {run}"));
        }
        PauseReason::Lock => {
            lines.push(format!("when that run is over, go on with: lifeboat resume {run}"));
            lines.push(format!(
                "if it is dead:                     lifeboat resume {run} --break-lock --reason …"
            ));
        }
        PauseReason::Timeout => lines.push(format!("wait on with: lifeboat resume {run}")),
        PauseReason::Blocked => lines.push(format!("when it is there, go on with: lifeboat resume {run}")),
    }
    lines
}
