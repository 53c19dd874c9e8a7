//! Who holds which role, and what is known before the first step of questions that nobody could answer.

use lifeboat_journal::event::{Draft, EventKind, Failure, RunStarted};
use lifeboat_runbook::plan::{Approve, Plan, Step, Work};
use lifeboat_runbook::suggestion::nearest;
use std::collections::BTreeMap;

/// What is wrong with the roles a run is to be started with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The runbook knows no such role.
    #[error("the runbook has no role `{role}`")]
    Unknown {
        /// The role.
        role: String,
        /// What helps.
        hint: String,
    },
    /// Somebody must hold them, and nobody does.
    #[error("nobody holds the role {}", .roles.join(", "))]
    Missing {
        /// The roles.
        roles: Vec<String>,
    },
}

impl RoleError {
    /// What to type.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { hint, .. } => hint.clone(),
            Self::Missing { roles } => {
                let words: Vec<String> = roles.iter().map(|role| format!("--role {role}=PERSON")).collect();
                format!("say who does: {}", words.join(" "))
            }
        }
    }
}

/// Judges the roles a run is to be started with.
///
/// # Errors
/// When one is unknown, or one is missing that somebody must hold.
pub fn roles(plan: &Plan, given: &BTreeMap<String, String>) -> Result<(), RoleError> {
    let known = plan.every_role();
    if let Some(role) = given.keys().find(|role| !known.contains_key(role.as_str())) {
        let names = || known.keys().copied();
        let hint = match nearest(role, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("it has none; declare it: `roles: {{ {role}: optional }}`"),
            None => format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(RoleError::Unknown { role: role.clone(), hint });
    }
    let missing = known.iter().filter(|(role, required)| **required && !given.contains_key(**role));
    let roles: Vec<String> = missing.map(|(role, _)| (*role).to_owned()).collect();
    if roles.is_empty() { Ok(()) } else { Err(RoleError::Missing { roles }) }
}

/// The events that give people their roles.
pub fn assignments(roles: &BTreeMap<String, String>) -> Vec<Draft> {
    let assigned = |(role, person): (&String, &String)| {
        Draft::run(EventKind::RoleAssigned { role: role.clone(), person: person.clone() })
    };
    roles.iter().map(assigned).collect()
}

/// Warnings of questions that will be hard to answer: better now than in the middle.
pub(super) fn warnings(
    plan: &Plan,
    started: &RunStarted,
    roles: &BTreeMap<String, String>,
) -> Vec<EventKind> {
    let operator = started.identity();
    let mut found = Vec::new();
    for (step, approve) in plan.every_step().into_iter().filter_map(approval) {
        let tells_apart = approve.not_the_operator || approve.at_least > 1;
        if tells_apart && !started.is_simulated() && operator.person().is_none() {
            found.push(format!(
                "{} wants people to be told apart, and nobody can tell the operator ({operator}) from others",
                step.path
            ));
        }
        if approve.not_the_operator && is_left_to(approve, |person| operator.is(person), roles) {
            found.push(format!(
                "{} wants an answer of somebody other than the operator, who is the only one that may give it",
                step.path
            ));
        }
    }
    let warning = |message: String| EventKind::CheckFailed {
        check: "people".to_owned(),
        error: Failure {
            code: "identity".to_owned(),
            message,
            hint: Some("`lifeboat answer … --override --reason …` works, and becomes a finding".to_owned()),
            refused: false,
        },
        then: "warn".to_owned(),
    };
    found.into_iter().map(warning).collect()
}

fn approval(step: &Step) -> Option<(&Step, &Approve)> {
    match &step.work {
        Work::Approve(approve) => Some((step, approve)),
        _ => None,
    }
}

/// Whether every rule of `from` names a role, and each of them is held by somebody of whom that is true.
fn is_left_to(approve: &Approve, is: impl Fn(&str) -> bool, roles: &BTreeMap<String, String>) -> bool {
    let holder = |rule: &String| roles.get(rule.strip_prefix("role:")?).map(String::as_str);
    !approve.from.is_empty() && approve.from.iter().all(|rule| holder(rule).is_some_and(&is))
}
