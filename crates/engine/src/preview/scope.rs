//! What the names of an expression are worth before the steps have run.

use crate::action::{Prepared, Values};
use crate::scope::RunScope;
use chrono::{DateTime, Utc};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::expression::{PartialScope, Scope};
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;

/// What stands for the text of a secret: `plan` reads none for steps that do not run.
const UNREAD: &str = "‹secret›";

/// A step of which it is known what will become of it.
#[derive(Clone, Debug)]
pub(super) enum Coming {
    /// It does not run.
    Skipped,
    /// It runs, or may. What it has prepared is known already; its outputs are not.
    Later(Option<Box<Prepared>>),
}

/// The names before the steps have run: checks have their results, steps only what is known without them.
pub(super) struct EarlyScope<'run> {
    pub(super) run: RunScope<'run>,
    pub(super) coming: &'run BTreeMap<String, Coming>,
}

impl Scope for EarlyScope<'_> {
    fn value(&self, names: &[&str]) -> Option<Value> {
        match names {
            ["steps", id, rest @ ..] => match (self.coming.get(*id)?, rest) {
                (Coming::Skipped, ["state"]) => Some("skipped".into()),
                (Coming::Later(Some(prepared)), [property, rest @ ..]) => dig(prepared, property, rest),
                _ => None,
            },
            ["secrets", name] => Some(Secret::new(*name, UNREAD).into()),
            ["run", "id" | "short_id"] => None,
            names => self.run.value(names),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.run.now
    }
}

fn dig(prepared: &Prepared, property: &str, names: &[&str]) -> Option<Value> {
    let values: &Values = match property {
        "resolved" => &prepared.resolved,
        "captured" => &prepared.captured,
        _ => return None,
    };
    names.iter().try_fold(Value::Map(values.clone()), |value, name| value.get(name).cloned())
}

impl PartialScope for EarlyScope<'_> {
    fn is_pending(&self, names: &[&str]) -> bool {
        match names {
            ["steps", id, rest @ ..] => {
                let is_prepared = ["resolved", "captured"].map(Some).contains(&rest.first().copied());
                let is_known = match self.coming.get(*id) {
                    Some(Coming::Skipped) => true,
                    Some(Coming::Later(prepared)) => prepared.is_some() && is_prepared,
                    None => false,
                };
                !is_known
            }
            ["preflight", id, ..] => {
                let path = StepPath::new(format!("preflight:{id}"));
                let state = self.run.state.steps.get(&path);
                !state.is_some_and(|state| {
                    matches!(state.status, StepStatus::Succeeded | StepStatus::Skipped(_))
                })
            }
            // What is not sensitive may be anywhere in a parameter: it would be taken for its value.
            ["secrets", name, ..] => self.run.plan.secrets.get(*name).is_some_and(|secret| !secret.sensitive),
            ["run", "id" | "short_id"] => true,
            ["roles", role, ..] => !self.run.state.roles.contains_key(*role),
            ["marks" | "probes" | "incident" | "roles" | "item" | "index", ..] => true,
            _ => false,
        }
    }
}
