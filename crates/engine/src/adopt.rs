//! Adopting: a person names what does instead of what a step would have made; it is looked at as if the step had made it.

use crate::action::{
    Action, ActionError, ErrorKind, Observation, Place, Prepared, Recorded, StepContext, Values,
};
use crate::clock::Clock;
use crate::perform::{prepared_of, will_not_come};
use crate::registry::Registry;
use crate::removal::NoNotes;
use crate::scope::typed_outputs;
use crate::select::kept;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Step};
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is needed to look at something that is to be adopted.
pub struct Adoption<'run> {
    /// The plan of the run.
    pub plan: &'run Plan,
    /// The types of outputs.
    pub catalog: &'run Catalog,
    /// The actions and lookouts.
    pub registry: &'run Registry,
    /// The time.
    pub clock: &'run Clock,
    /// The run.
    pub state: &'run RunState,
}

/// Looks at what a person names in the place of what the step would make, and gives the step's outputs from it.
///
/// # Errors
/// When it is not there, not ready, or not of the kind that the step makes.
pub async fn adopt(
    adoption: &Adoption<'_>,
    path: &StepPath,
    named: &BTreeMap<String, String>,
) -> Result<Values, ActionError> {
    let Adoption { plan, catalog, registry, .. } = adoption;
    let step = plan.step(&path.planned()).ok_or_else(|| refused(path, "is no step of the runbook"))?;
    let name = step.action().ok_or_else(|| refused(path, "is no action, and makes nothing"))?;
    let (Some(action), Some(spec)) = (registry.action(name), catalog.get(name)) else {
        return Err(refused(path, &format!("is done by `{name}`, which is not in this build")));
    };
    if !matches!(step.effect, Some(Effect::Create)) {
        return Err(refused(path, "makes nothing that something else could stand for")
            .hint("say what came of it with --set-output NAME=VALUE"));
    }
    if let Some(unknown) = named.keys().find(|name| spec.output(name).is_none()) {
        let known: Vec<&str> = spec.outputs.iter().map(|output| output.name).collect();
        return Err(refused(path, &format!("has no output `{unknown}`"))
            .hint(format!("name what it makes, such as {}=ID", known.first().unwrap_or(&"instance"))));
    }
    let cx = context(adoption, step, path, named)?;
    let outputs = match look(&action, registry, &cx).await? {
        Observation::Ready(outputs) => outputs,
        Observation::Absent => return Err(not_fit(named, "is not there")),
        Observation::InProgress { state } => {
            return Err(not_fit(named, &format!("is not ready: it is `{state}`"))
                .hint("wait until it is, and say it again"));
        }
        Observation::Next(stage) => {
            return Err(not_fit(named, &format!("is not as the step would leave it: `{stage}` is missing")));
        }
        other => return Err(not_fit(named, &format!("does not fit: {}", will_not_come(other).message))),
    };
    let outputs = typed_outputs(spec, &outputs);
    check_names(spec, &outputs, named)?;
    Ok(kept(step, spec, outputs))
}

fn context(
    adoption: &Adoption<'_>,
    step: &Step,
    path: &StepPath,
    named: &BTreeMap<String, String>,
) -> Result<StepContext, ActionError> {
    let Adoption { plan, clock, state, .. } = adoption;
    let started =
        state.started.as_ref().ok_or_else(|| refused(path, "belongs to a run that has not begun"))?;
    let run = state.run.clone().ok_or_else(|| refused(path, "belongs to a run that has not begun"))?;
    let known = state.step(path);
    let intent = known.intent.as_ref();
    let mut prepared = intent.map_or_else(Prepared::default, |intent| prepared_of(intent));
    prepared.names.extend(named.iter().map(|(name, id)| (name.clone(), id.clone())));
    let now = clock.now();
    Ok(StepContext {
        run,
        runbook: plan.name.clone(),
        path: path.clone(),
        attempt: known.attempts.max(1),
        mode: started.mode,
        effect: step.effect,
        place: Place { account: started.account.clone(), region: started.region.clone() },
        with: intent.map(|intent| intent.parameters.clone()).unwrap_or_default(),
        wait_for: None,
        run_started_at: state.began.map_or(now, |began| began.at),
        prepared,
        recorded: Recorded::default(),
        now,
        notes: Arc::new(NoNotes),
        adopted: true,
    })
}

async fn look(
    action: &Arc<dyn Action>,
    registry: &Registry,
    cx: &StepContext,
) -> Result<Observation, ActionError> {
    let Some(watch) = action.watches(cx) else { return action.observe(cx).await };
    let lookout = registry.lookout(watch.kind).ok_or_else(|| {
        ActionError::new(
            ErrorKind::Refused,
            "not_in_this_build",
            format!("{} cannot be looked at", watch.kind),
        )
    })?;
    let seen = lookout.look(&watch.place, &[lookout.fold(&watch.id)]).await?.into_iter().next();
    Ok(match seen {
        Some(seen) if seen.exists => action.judge(cx, &seen),
        _ => Observation::Absent,
    })
}

/// The step may look at something else than what was named: then what was named says nothing.
fn check_names(
    spec: &ActionSpec,
    outputs: &Values,
    named: &BTreeMap<String, String>,
) -> Result<(), ActionError> {
    let is_it = |(name, id): (&String, &String)| {
        outputs.get(name).is_some_and(|value| value.to_string().eq_ignore_ascii_case(id))
    };
    match named.iter().all(is_it) {
        true => Ok(()),
        false => Err(not_fit(named, &format!("is not what {} makes", spec.name))),
    }
}

fn refused(path: &StepPath, why: &str) -> ActionError {
    ActionError::refused("cannot_adopt", format!("{path} {why}"))
}

fn not_fit(named: &BTreeMap<String, String>, why: &str) -> ActionError {
    let named: Vec<String> = named.iter().map(|(name, id)| format!("{name} `{id}`")).collect();
    ActionError::refused("cannot_adopt", format!("{} {why}", named.join(", ")))
}
