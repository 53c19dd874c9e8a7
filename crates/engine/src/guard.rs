//! The guards: which account, and what a drill may touch.

use crate::action::ActionError;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::{Effect, Resource};
use std::collections::{BTreeMap, BTreeSet};

/// A resource an action is about to affect.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// What is done to it.
    pub effect: Effect,
    /// Its kind and name.
    pub resource: Resource,
    /// Its tags as seen just now.
    pub tags: BTreeMap<String, String>,
}

/// An entry of `allow` with its values known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// Which resource.
    pub matcher: Matcher,
    /// Which actions; empty permits those that modify.
    pub actions: Vec<String>,
}

/// Which resource an entry of `allow` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// By identifier.
    Id(String),
    /// By ARN.
    Arn(String),
    /// By tag.
    Tag(String, String),
}

impl Matcher {
    fn matches(&self, touched: &Touched) -> bool {
        match self {
            Self::Id(id) => touched.resource.id.eq_ignore_ascii_case(id),
            Self::Arn(arn) => touched.resource.arn.as_deref() == Some(arn),
            Self::Tag(key, value) => touched.tags.get(key) == Some(value),
        }
    }
}

/// What the guard knows of the run.
#[derive(Clone, Debug)]
pub struct Rules<'run> {
    /// Drill or recovery.
    pub mode: Mode,
    /// What this run made and nobody has seen gone.
    pub created: &'run [Resource],
    /// `allow` of the runbook.
    pub permitted: &'run [Permitted],
    /// Names the operator has typed for destruction.
    pub confirmed: &'run BTreeSet<String>,
}

/// Whether `action` may affect `touched`.
///
/// # Errors
/// A refusal that names the resource and what would permit it. Nothing has been changed.
pub fn permit(rules: &Rules<'_>, action: &str, touched: &Touched) -> Result<(), ActionError> {
    let own = rules.created.iter().any(|created| {
        created.kind == touched.resource.kind && created.id.eq_ignore_ascii_case(&touched.resource.id)
    });
    if own || matches!(touched.effect, Effect::Read | Effect::Create) {
        return Ok(());
    }
    let id = &touched.resource.id;
    match (rules.mode, touched.effect) {
        (Mode::Drill, effect) => {
            let allowed = rules.permitted.iter().any(|permitted| {
                let names_action = permitted.actions.iter().any(|name| name == action);
                let by_default = permitted.actions.is_empty() && effect == Effect::Modify;
                permitted.matcher.matches(touched) && (names_action || by_default)
            });
            if allowed {
                return Ok(());
            }
            let message = format!("a drill may not {} `{id}`: this run did not make it", effect.word());
            Err(ActionError::refused("drill_guard", message).hint(format!(
                "if it is meant, add to the runbook: `allow: [{{ id: {id}, actions: [{action}] }}]`"
            )))
        }
        (Mode::Recovery, Effect::Destroy) if !rules.confirmed.contains(id) => {
            let message = format!("`{id}` would be destroyed, and this run did not make it");
            Err(ActionError::refused("not_confirmed", message)
                .hint(format!("if it is meant, start with `--confirm-destroy {id}`")))
        }
        (Mode::Recovery, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(id: &str) -> Resource {
        let [kind, account, region] = ["rds:db", "111122223333", "eu-west-1"].map(str::to_owned);
        Resource { kind, id: id.into(), account, region, arn: Some(format!("arn:{id}")) }
    }

    fn touched(effect: Effect, id: &str) -> Touched {
        Touched { effect, resource: resource(id), tags: BTreeMap::from([("env".into(), "drill".into())]) }
    }

    #[test]
    fn a_decision_table() {
        let created = [resource("copy")];
        let allow = |matcher, actions: &[&str]| Permitted {
            matcher,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        };
        let id = |id: &str| Matcher::Id(id.into());
        let (drill, recovery) = (Mode::Drill, Mode::Recovery);
        let (modify, destroy) = (Effect::Modify, Effect::Destroy);
        let delete = "rds.delete_instance";
        let tag = Matcher::Tag("env".into(), "drill".into());
        for (mode, effect, name, permitted, confirmed, passes) in [
            (drill, destroy, "copy", vec![], "", true),
            (drill, destroy, "COPY", vec![], "", true),
            (drill, destroy, "orders-prod", vec![], "", false),
            (drill, modify, "orders-prod", vec![], "", false),
            (drill, modify, "orders-prod", vec![allow(id("orders-prod"), &[])], "", true),
            (drill, destroy, "orders-prod", vec![allow(id("orders-prod"), &[])], "", false),
            (drill, destroy, "orders-prod", vec![allow(id("orders-prod"), &[delete])], "", true),
            (
                drill,
                destroy,
                "orders-prod",
                vec![allow(id("orders-prod"), &["rds.reboot_instance"])],
                "",
                false,
            ),
            (drill, modify, "orders-prod", vec![allow(tag.clone(), &[])], "", true),
            (
                drill,
                destroy,
                "orders-prod",
                vec![allow(Matcher::Arn("arn:orders-prod".into()), &[delete])],
                "",
                true,
            ),
            (drill, destroy, "orders-prod", vec![], "orders-prod", false),
            (drill, Effect::Read, "orders-prod", vec![], "", true),
            (recovery, modify, "orders-prod", vec![], "", true),
            (recovery, destroy, "orders-prod", vec![], "", false),
            (recovery, destroy, "orders-prod", vec![], "orders-prod", true),
            (recovery, destroy, "copy", vec![], "", true),
        ] {
            let confirmed = BTreeSet::from([confirmed.to_owned()]);
            let rules = Rules { mode, created: &created, permitted: &permitted, confirmed: &confirmed };
            let judged = permit(&rules, delete, &touched(effect, name));
            assert_eq!(judged.is_ok(), passes, "{mode:?} {effect:?} {name} {permitted:?}: {judged:?}");
        }
    }
}
