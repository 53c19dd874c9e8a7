//! Steps that go wrong in a simulated run because the file of faults says so, whatever AWS does.

use crate::error::CommandError;
use async_trait::async_trait;
use lifeboat_engine::action::{Accepted, Action, ActionError, ErrorKind, Prepared, Stage, StepContext};
use lifeboat_engine::meddle::Meddler;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::suggestion::nearest;
use serde::{Deserialize, Serialize};

/// One step that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFault {
    /// Its path or its id; `*` is every step.
    pub(crate) step: String,
    /// Which attempts; none named: every attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<u32>,
    /// What happens.
    pub(crate) does: Wrong,
}

/// What goes wrong with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wrong {
    /// The attempt fails before anything is asked of AWS.
    Fails,
    /// AWS does what it is asked, and the attempt fails all the same. A step that only reads fails before it looks.
    FailsAfter,
    /// Whatever it asks is asked a second time.
    ActsTwice,
    /// Whatever takes it back is asked a second time.
    UndoneTwice,
    /// It cannot be taken back.
    UndoFails,
}

/// The code of what goes wrong here.
const INJECTED: &str = "injected";

impl StepFault {
    fn hits(&self, cx: &StepContext) -> bool {
        let named = self.step == "*"
            || cx.path.as_str() == self.step
            || cx.path.planned().as_str() == self.step
            || cx.path.id() == self.step;
        named && (self.attempts.is_empty() || self.attempts.contains(&cx.attempt))
    }
}

/// Refuses faults of steps that the plan does not have.
pub(crate) fn fit(faults: &[StepFault], plan: &Plan) -> Result<(), CommandError> {
    let steps = plan.every_step();
    for StepFault { step: name, .. } in faults.iter().filter(|fault| fault.step != "*") {
        let planned = StepPath::new(name.as_str()).planned();
        if steps.iter().any(|step| step.id == *name || step.path == planned) {
            continue;
        }
        let refused = CommandError::usage(format!("--faults: this runbook has no step `{name}`"));
        return Err(match nearest(name, steps.iter().map(|step| step.id.as_str())) {
            Some(near) => refused.hint(format!("did you mean `{near}`?")),
            None => refused.hint("name a step by its id or its path, or `*` for every step"),
        });
    }
    Ok(())
}

/// Lets steps go wrong.
pub(crate) struct Injector(pub(crate) Vec<StepFault>);

impl Injector {
    fn does(&self, cx: &StepContext, wrong: Wrong) -> bool {
        self.0.iter().any(|fault| fault.does == wrong && fault.hits(cx))
    }
}

fn injected(cx: &StepContext) -> ActionError {
    let message = format!("{} was made to fail, attempt {}", cx.path, cx.attempt);
    ActionError::failed(INJECTED, message).hint("the file of --faults says so")
}

#[async_trait]
impl Meddler for Injector {
    async fn prepare(&self, action: &dyn Action, cx: &StepContext) -> Result<Prepared, ActionError> {
        let reads = cx.effect == Some(Effect::Read);
        if self.does(cx, Wrong::Fails) || (reads && self.does(cx, Wrong::FailsAfter)) {
            return Err(injected(cx));
        }
        action.prepare(cx).await
    }

    async fn act(
        &self,
        action: &dyn Action,
        cx: &StepContext,
        stage: &Stage,
    ) -> Result<Accepted, ActionError> {
        let mut accepted = action.act(cx, stage).await?;
        if self.does(cx, Wrong::ActsTwice) {
            accepted = action.act(cx, stage).await?;
        }
        match self.does(cx, Wrong::FailsAfter) {
            true => Err(injected(cx)),
            false => Ok(accepted),
        }
    }

    async fn undo(&self, action: &dyn Action, cx: &StepContext, stage: &Stage) -> Result<(), ActionError> {
        if self.does(cx, Wrong::UndoFails) {
            return Err(injected(cx));
        }
        action.undo(cx, stage).await?;
        if !self.does(cx, Wrong::UndoneTwice) {
            return Ok(());
        }
        match action.undo(cx, stage).await {
            // The first one is under way: nothing to be done about the second.
            Err(error) if error.kind == ErrorKind::Transient => Ok(()),
            again => again,
        }
    }
}
