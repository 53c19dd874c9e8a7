//! StartAutomationExecution, SendAutomationSignal, StopAutomationExecution.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::documents::{automation_of, parameters_with};
use super::send::{hits, rate, targets};
use crate::definition::{ManagedNodeDefinition, StepDefinition};
use crate::durations::{AUTOMATION_STEP, COMMAND_VISIBLE};
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output, tags};
use crate::world::automation::{APPROVE, EXECUTE};
use crate::world::{Automation, AutomationStep, Place, StepEnding, Targeted, World};

/// Seconds that an approval is waited for where the document does not say: 7 days (SSM user guide, aws:approve).
const APPROVAL_TIMEOUT: u32 = 604_800;
/// The code for parameters that do not fit.
const PARAMETERS_REFUSED: &str = "InvalidAutomationExecutionParametersException";
/// For how many targets at once, and how many may fail, where nothing is said (API reference, StartAutomationExecution).
const MAX_CONCURRENCY: &str = "10";
const MAX_ERRORS: &str = "0";
/// The most tags of an execution (API reference, StartAutomationExecution).
const MOST_TAGS: usize = 5;

pub(super) fn start(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let name = input.required("DocumentName")?;
    let (document, steps) = automation_of(world, place, name)?;
    let token = input.text("ClientToken")?.map(str::to_ascii_lowercase);
    if token.as_deref().is_some_and(|token| !is_uuid(token)) {
        return Err(invalid("clientToken must be a UUID of 36 characters"));
    }
    let sent = input.lists("Parameters")?;
    let known = world.region(place).automations.iter().find(|it| token.is_some() && it.token == token);
    if let Some(known) = known {
        if known.document != document.name || known.sent != sent {
            let message = "The execution was started with other parameters under the same client token.";
            return Err(ApiError::new("IdempotentParameterMismatch", message));
        }
        return Ok(Document::new().with("AutomationExecutionId", &known.id));
    }
    let tags = tags::sent(input, "Tags")?;
    if tags.len() > MOST_TAGS {
        return Err(invalid(format!("An automation can have at most {MOST_TAGS} tags")));
    }
    let targeted = targeted(world, context, document.parameters.keys())?;
    let parameters = match &targeted {
        // Each target is the value of its parameter; the document need not have a default for it.
        Some(targeted) => {
            let given = targeted.resolved.first().cloned().into_iter().collect();
            parameters_with(&document, input, PARAMETERS_REFUSED, Some((&targeted.parameter, given)))?
        }
        None => parameters_with(&document, input, PARAMETERS_REFUSED, None)?,
    };
    let number = world.region(place).automations.len().to_string();
    let id = world.chance.uuid(&["automation", &place.account, &place.region, &number]);
    let mut execution = Automation {
        steps: steps.iter().map(|defined| step(world, &id, defined)).collect(),
        id: id.clone(),
        document: document.name,
        parameters,
        token,
        sent,
        started_at: world.now,
        executed_by: context.caller.arn.clone(),
        tags,
        stopped: None,
        targeted,
        parent: None,
        given_up: false,
    };
    if let Some(state) = context.final_state {
        let last = execution.steps.iter_mut().rfind(|step| step.action != APPROVE);
        let message = format!("Step ended in {state}");
        last.into_iter().for_each(|step| step.ending = StepEnding::Badly(state.into(), message.clone()));
    }
    let children = children(world, &mut execution, &steps);
    if execution.targeted.is_none() {
        execution.lay_out(0, world.now);
    }
    let automations = &mut world.region_mut(place).automations;
    automations.push(execution);
    automations.extend(children);
    lay_out_children(world, place, &id);
    Ok(Document::new().with("AutomationExecutionId", id))
}

/// What is run for, where `Targets` says so: values as they are given, or nodes by their tags (SSM user guide, "Mapping
/// targets for an automation").
fn targeted<'name>(
    world: &World,
    context: &Context<'_>,
    mut known: impl Iterator<Item = &'name String>,
) -> Result<Option<Targeted>, ApiError> {
    let input = context.input;
    let targets = targets(input)?;
    let parameter = input.text("TargetParameterName")?;
    let parameter = match (targets.is_empty(), parameter) {
        (true, None) => return Ok(None),
        (false, Some(parameter)) if known.any(|name| name == parameter) => parameter.to_owned(),
        (false, Some(parameter)) => {
            return Err(ApiError::new(
                PARAMETERS_REFUSED,
                format!("The document has no parameter {parameter}."),
            ));
        }
        _ => return Err(invalid("Targets and TargetParameterName must be given together")),
    };
    let nodes = &world.region(context.place).definition.managed_nodes;
    let fits = |node: &&ManagedNodeDefinition| targets.iter().all(|target| hits(target, node));
    let resolved: Vec<String> = match targets.as_slice() {
        [(key, values)] if key == "ParameterValues" => values.clone(),
        _ => nodes.iter().filter(fits).map(|node| node.id.clone()).collect(),
    };
    if resolved.is_empty() {
        return Err(ApiError::new("InvalidTarget", "The target isn't valid or doesn't exist."));
    }
    let max_concurrency = rate(input, "MaxConcurrency", MAX_CONCURRENCY)?;
    let max_errors = rate(input, "MaxErrors", MAX_ERRORS)?;
    Ok(Some(Targeted { parameter, targets, resolved, max_concurrency, max_errors }))
}

/// An execution for each target. The steps of the one that was asked for are then these executions.
fn children(world: &World, execution: &mut Automation, steps: &[StepDefinition]) -> Vec<Automation> {
    let Some(targeted) = execution.targeted.clone() else { return Vec::new() };
    let ordered: Vec<_> = execution.steps.drain(..).map(|step| step.ending).collect();
    let mut children = Vec::new();
    for target in &targeted.resolved {
        let id = world.chance.uuid(&["automation", &execution.id, target]);
        let mut own: Vec<_> = steps.iter().map(|defined| step(world, &id, defined)).collect();
        own.iter_mut().zip(&ordered).for_each(|(step, ending)| step.ending = ending.clone());
        let value = (targeted.parameter.clone(), vec![target.clone()]);
        let parameters: BTreeMap<_, _> = execution.parameters.clone().into_iter().chain([value]).collect();
        execution.steps.push(AutomationStep {
            id: world.chance.uuid(&["automation step", &execution.id, target]),
            name: target.clone(),
            action: EXECUTE.to_owned(),
            takes: TimeDelta::zero(),
            ending: StepEnding::Success,
            inputs: BTreeMap::from([(targeted.parameter.clone(), target.clone())]),
            outputs: BTreeMap::new(),
            starts_at: None,
            ends_at: None,
            permitted_by: Vec::new(),
        });
        children.push(Automation {
            id,
            parameters,
            token: None,
            sent: BTreeMap::new(),
            tags: BTreeMap::new(),
            steps: own,
            targeted: None,
            parent: Some((execution.id.clone(), target.clone())),
            given_up: true,
            ..execution.clone()
        });
    }
    children
}

/// Lays out what an execution runs for its targets anew, after something has changed.
fn lay_out_children(world: &mut World, place: &Place, id: &str) {
    let now = world.now;
    let automations = &mut world.region_mut(place).automations;
    let Some(at) = automations.iter().position(|execution| execution.id == id) else { return };
    let mut parent = automations[at].clone();
    let of_it = |it: &&mut Automation| it.parent.as_ref().is_some_and(|(of, _)| of == id);
    let mut children: Vec<_> = automations.iter_mut().filter(of_it).collect();
    parent.lay_out_children(&mut children, now);
    automations[at] = parent;
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit())
}

fn step(world: &World, execution: &str, defined: &StepDefinition) -> AutomationStep {
    let StepDefinition { name, action, seconds, timeout_seconds, fails_with, inputs, outputs } = defined;
    let key = format!("{execution} {name}");
    let whole = |seconds: u32| TimeDelta::seconds(seconds.into());
    let is_approval = action == APPROVE;
    let takes = match (is_approval, seconds) {
        (true, _) => whole(timeout_seconds.unwrap_or(APPROVAL_TIMEOUT)),
        (false, Some(seconds)) => whole(*seconds),
        (false, None) => world.takes(&AUTOMATION_STEP, &key),
    };
    let unanswered = || StepEnding::Badly("TimedOut".into(), "Nobody answered in time".into());
    let failure = |message: &String| StepEnding::Badly("Failed".into(), message.clone());
    let by_itself = fails_with.as_ref().map_or(StepEnding::Success, failure);
    AutomationStep {
        id: world.chance.uuid(&["automation step", &key]),
        name: name.clone(),
        action: action.clone(),
        takes,
        ending: if is_approval { unanswered() } else { by_itself },
        inputs: inputs.clone(),
        outputs: outputs.clone(),
        starts_at: None,
        ends_at: None,
        permitted_by: Vec::new(),
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// The place of the execution that the request names.
fn place_of(world: &World, context: &Context<'_>) -> Result<usize, ApiError> {
    let id = context.input.required("AutomationExecutionId")?;
    let mut all = world.region(context.place).automations.iter();
    let found = all.position(|execution| execution.id == id && execution.is_there(world.now));
    found.ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: &str) -> ApiError {
    let message = format!("Automation execution with the specified ID {id} does not exist.");
    ApiError::new("AutomationExecutionNotFoundException", message)
}

pub(super) fn signal(world: &mut World, context: &Context<'_>) -> Output {
    let place = place_of(world, context)?;
    let approved = match context.input.required("SignalType")? {
        "Approve" => true,
        "Reject" => false,
        other => {
            return Err(signal_refused(format!("{other} is no signal for an execution in mode Auto")));
        }
    };
    let comment = context.input.lists("Payload")?.remove("Comment").unwrap_or_default().join(" ");
    let message = format!("The step was rejected by {}: {comment}", context.caller.arn);
    let now = world.now;
    let execution = &mut world.region_mut(context.place).automations[place];
    let caller = &context.caller.arn;
    if execution.stopped.is_some() || !execution.answer(now, approved, caller, message) {
        return Err(signal_refused("No step of the execution waits for this caller's approval".into()));
    }
    if let Some((parent, _)) = execution.parent.clone() {
        lay_out_children(world, context.place, &parent);
    }
    Ok(Document::new())
}

fn signal_refused(message: String) -> ApiError {
    ApiError::new("InvalidAutomationSignalException", message)
}

pub(super) fn stop(world: &mut World, context: &Context<'_>) -> Output {
    let place = place_of(world, context)?;
    let after_step = match context.input.text("Type")?.unwrap_or("Cancel") {
        "Cancel" => false,
        "Complete" => true,
        other => return Err(invalid(format!("{other} is not a type of stop"))),
    };
    let now = world.now;
    let (least, most) = COMMAND_VISIBLE;
    let region = world.region(context.place);
    let takes = world.chance.seconds("automation stopped", &region.automations[place].id, least, most);
    let execution = &mut world.region_mut(context.place).automations[place];
    if execution.ended_at(now).is_some() || execution.stopped.is_some() {
        let message = "The execution has ended or is being stopped.";
        return Err(ApiError::new("InvalidAutomationStatusUpdateException", message));
    }
    execution.stop(now, after_step, takes);
    let (id, parent) = (execution.id.clone(), execution.parent.clone());
    let mut ends_at = execution.stopped.map(|stop| stop.ends_at);
    let automations = &mut world.region_mut(context.place).automations;
    for child in automations.iter_mut().filter(|it| it.parent.as_ref().is_some_and(|(of, _)| *of == id)) {
        if child.is_there(now) && child.ended_at(now).is_none() && child.stopped.is_none() {
            child.stop(now, after_step, takes);
            ends_at = ends_at.max(child.stopped.map(|stop| stop.ends_at));
        }
    }
    if let (Some(stop), Some(ends_at)) = (&mut automations[place].stopped, ends_at) {
        stop.ends_at = ends_at;
    }
    lay_out_children(world, context.place, parent.as_ref().map_or(&id, |(parent, _)| parent));
    Ok(Document::new())
}
