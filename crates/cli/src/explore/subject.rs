//! A runbook with the world in which it is explored.

use crate::desk::{self, Answers};
use crate::session;
use crate::wiring;
use lifeboat_engine::action::Values;
use lifeboat_engine::{inputs, start};
use lifeboat_runbook::plan::{Plan, Work};
use lifeboat_runbook::spec::{Catalog, Effect};
use lifeboat_sim::{WorldDefinition, durations};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A runbook and its world.
#[derive(Clone)]
pub struct Subject {
    /// The file.
    pub file: PathBuf,
    pub(super) plan: Arc<Plan>,
    pub(super) catalog: Catalog,
    pub(super) inputs: Values,
    pub(super) definition: WorldDefinition,
    /// What people answer who know what is right: `answers/NAME.yaml` beside the file, where it is there.
    pub(super) answers: Answers,
}

impl Subject {
    /// Reads and checks a runbook.
    ///
    /// # Errors
    /// What is wrong with it, or that no embedded world has this name.
    pub fn read(file: &Path, world: &str) -> Result<Self, String> {
        let told = |error: crate::error::CommandError| error.to_string();
        let catalog = wiring::catalog();
        let plan = session::load(file, &catalog).map_err(told)?;
        if let Some(sentence) = start::not_yet(&plan) {
            return Err(format!("{}: {sentence}", file.display()));
        }
        let inputs = inputs::resolve(&plan.inputs, &BTreeMap::new())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        let definition = WorldDefinition::named(world).map_err(|error| error.to_string())?;
        let known = file.with_file_name("answers").join(file.file_name().unwrap_or_default());
        let answers = match known.exists() {
            true => desk::read_answers(&known, &plan).map_err(told)?,
            false => Answers::new(),
        };
        let file = file.to_owned();
        Ok(Self { file, plan: Arc::new(plan), catalog, inputs, definition, answers })
    }

    /// The same in a world where everything takes a tenth of its time.
    #[must_use]
    pub fn quick(mut self) -> Self {
        for typical in durations::ALL {
            let seconds = u32::try_from(typical.median.as_secs() / 10).unwrap_or(u32::MAX).max(1);
            self.definition.durations.entry(typical.kind.to_owned()).or_insert(seconds);
        }
        self
    }

    /// The steps that carry out an action, by their planned paths, and whether they change something.
    pub(super) fn actions(&self) -> Vec<(String, bool)> {
        let steps = self.plan.every_step().into_iter();
        let acting = steps.filter(|step| matches!(step.work, Work::Action { .. }));
        acting.map(|step| (step.path.to_string(), step.effect != Some(Effect::Read))).collect()
    }
}
