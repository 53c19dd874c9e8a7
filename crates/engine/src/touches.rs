//! The drill guard for actions whose effect depends on their content: what they touch is what the step names.

use crate::action::{ActionError, StepContext};
use crate::evaluate::evaluate;
use crate::guard::{self, Rules, Touched};
use crate::perform::Worker;
use crate::scope::RunScope;
use lifeboat_runbook::plan::{Mode, Step};
use lifeboat_runbook::spec::{ActionSpec, Effect, Resource};

impl Worker {
    /// Every resource that the step's `touches` names, where the step says its own effect. In a drill it must name
    /// some: what nobody has named, nobody can have permitted.
    pub(crate) fn guard_named(
        &self,
        cx: &StepContext,
        step: &Step,
        spec: &ActionSpec,
    ) -> Result<(), ActionError> {
        let Some(effect) = step.effect.filter(|effect| spec.effect != Some(*effect)) else { return Ok(()) };
        let changes = matches!(effect, Effect::Modify | Effect::Destroy);
        if changes && step.touches.is_empty() && cx.mode == Mode::Drill {
            return Err(names_nothing(effect));
        }
        let created: Vec<Resource> =
            self.log.with_state(|state| state.left().map(|created| created.resource.clone()).collect());
        let rules = Rules {
            run: Some(&cx.run),
            mode: cx.mode,
            created: &created,
            permitted: &self.permitted,
            confirmed: &self.confirmed,
        };
        for id in self.named(step, cx)? {
            let touched = Touched { effect, resource: known(&created, &id, cx), tags: None };
            guard::permit(&rules, spec.name, &touched)?;
        }
        Ok(())
    }

    fn named(&self, step: &Step, cx: &StepContext) -> Result<Vec<String>, ActionError> {
        self.log.with_state(|state| {
            let scope = RunScope {
                plan: &self.plan,
                chart: &self.chart,
                catalog: &self.catalog,
                state,
                own: Some(&cx.path),
                item: None,
                own_outputs: None,
                keyring: None,
                now: cx.now,
            };
            let text = |template| evaluate("touches", template, &scope).map(|value| value.to_string());
            step.touches.iter().map(text).collect()
        })
    }
}

/// What nobody has named, nobody can have permitted.
pub(crate) fn names_nothing(effect: Effect) -> ActionError {
    let message = format!("a drill may not {} what the step does not name", effect.word());
    ActionError::refused("drill_guard", message).hint(
        "name it in the step: `touches: [ … ]`; it must be something this run made, or stand in `allow`",
    )
}

/// The resource of this run that is called `id` or has it as its ARN; else one of no known kind.
fn known(created: &[Resource], id: &str, cx: &StepContext) -> Resource {
    let same = |made: &&Resource| made.id.eq_ignore_ascii_case(id) || made.arn.as_deref() == Some(id);
    created.iter().find(same).cloned().unwrap_or_else(|| Resource {
        kind: "unknown".to_owned(),
        id: id.to_owned(),
        account: cx.place.account.clone(),
        region: cx.place.region.clone(),
        arn: id.starts_with("arn:").then(|| id.to_owned()),
    })
}
