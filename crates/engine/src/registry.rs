//! The actions and lookouts of this program, by name.

use crate::action::Action;
use crate::lookout::Lookout;
use crate::meddle::{Meddled, Meddler};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything a run can do, and every way it can look.
#[derive(Clone, Default)]
pub struct Registry {
    actions: BTreeMap<&'static str, Arc<dyn Action>>,
    lookouts: BTreeMap<&'static str, Arc<dyn Lookout>>,
}

impl Registry {
    /// Adds an action under the name in its spec.
    pub fn add_action(&mut self, action: Arc<dyn Action>) {
        self.actions.insert(action.spec().name, action);
    }

    /// Adds a way of looking, under its kind.
    pub fn add_lookout(&mut self, lookout: Arc<dyn Lookout>) {
        self.lookouts.insert(lookout.kind(), lookout);
    }

    /// The action called `name`.
    pub fn action(&self, name: &str) -> Option<Arc<dyn Action>> {
        self.actions.get(name).cloned()
    }

    /// The same with somebody before every action.
    #[must_use]
    pub fn meddled(mut self, meddler: &Arc<dyn Meddler>) -> Self {
        for action in self.actions.values_mut() {
            *action = Arc::new(Meddled { action: action.clone(), meddler: meddler.clone() });
        }
        self
    }

    /// How `kind` is looked at.
    pub fn lookout(&self, kind: &str) -> Option<Arc<dyn Lookout>> {
        self.lookouts.get(kind).cloned()
    }
}
