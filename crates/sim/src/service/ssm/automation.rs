//! StartAutomationExecution, SendAutomationSignal, StopAutomationExecution.

use chrono::TimeDelta;

use super::documents::{automation_of, parameters};
use crate::definition::StepDefinition;
use crate::durations::{AUTOMATION_STEP, COMMAND_VISIBLE};
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output, tags};
use crate::world::automation::APPROVE;
use crate::world::{Automation, AutomationStep, StepEnding, World};

/// Seconds that an approval is waited for where the document does not say: 7 days (SSM user guide, aws:approve).
const APPROVAL_TIMEOUT: u32 = 604_800;
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
    let parameters = parameters(&document, input, "InvalidAutomationExecutionParametersException")?;
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
    };
    if let Some(state) = context.final_state {
        let last = execution.steps.iter_mut().rfind(|step| step.action != APPROVE);
        let message = format!("Step ended in {state}");
        last.into_iter().for_each(|step| step.ending = StepEnding::Badly(state.into(), message.clone()));
    }
    execution.lay_out(0, world.now);
    world.region_mut(place).automations.push(execution);
    Ok(Document::new().with("AutomationExecutionId", id))
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
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

/// The place of the execution that the request names.
fn place_of(world: &World, context: &Context<'_>) -> Result<usize, ApiError> {
    let id = context.input.required("AutomationExecutionId")?;
    let found = world.region(context.place).automations.iter().position(|execution| execution.id == id);
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
    if execution.stopped.is_some() || !execution.answer(now, approved, message) {
        return Err(signal_refused("No step of the execution waits for an approval".into()));
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
    Ok(Document::new())
}
