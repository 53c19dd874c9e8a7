//! The guards: which account, and what a drill may touch.

use crate::action::ActionError;
use crate::name::RUN_TAG;
use lifeboat_runbook::id::RunId;
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
    /// Its tags as seen just now; nothing where it was not looked at, or is not there.
    pub tags: Option<BTreeMap<String, String>>,
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
            Self::Tag(key, value) => touched.tags.as_ref().and_then(|tags| tags.get(key)) == Some(value),
        }
    }
}

/// What the guard knows of the run.
#[derive(Clone, Debug)]
pub struct Rules<'run> {
    /// Which run; nothing where there is none yet, which has made nothing.
    pub run: Option<&'run RunId>,
    /// Drill or recovery.
    pub mode: Mode,
    /// What this run made and nobody has seen gone.
    pub created: &'run [Resource],
    /// `allow` of the runbook.
    pub permitted: &'run [Permitted],
    /// Names the operator has typed for destruction.
    pub confirmed: &'run BTreeSet<String>,
}

impl Rules<'_> {
    /// Whether the run made it: what is there under a name it has given must still carry its mark. Somebody may have
    /// renamed what it made and put something else in its place.
    fn made(&self, touched: &Touched) -> bool {
        let named = |created: &Resource| {
            let Resource { kind, id, account, region, arn: _ } = &touched.resource;
            (&created.kind, &created.account, &created.region) == (kind, account, region)
                && created.id.eq_ignore_ascii_case(id)
        };
        let run = self.run.map(RunId::as_str);
        let marked = |tags: &BTreeMap<String, String>| tags.get(RUN_TAG).map(String::as_str) == run;
        self.created.iter().any(named) && touched.tags.as_ref().is_none_or(marked)
    }
}

/// Whether `action` may affect `touched`.
///
/// # Errors
/// A refusal that names the resource and what would permit it. Nothing has been changed.
pub fn permit(rules: &Rules<'_>, action: &str, touched: &Touched) -> Result<(), ActionError> {
    if rules.made(touched) || matches!(touched.effect, Effect::Read | Effect::Create) {
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

    const DELETE: &str = "rds.delete_instance";
    const RUN: &str = "k3v7qa2mxyz4567b";

    fn resource(id: &str) -> Resource {
        let [kind, account, region] = ["rds:db", "111122223333", "eu-west-1"].map(str::to_owned);
        Resource { kind, id: id.into(), account, region, arn: Some(format!("arn:{id}")) }
    }

    fn tags(tags: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        Some(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    /// `copy` is the run's own and marked so, production is not.
    fn touched(effect: Effect, id: &str) -> Touched {
        let mark = if id.eq_ignore_ascii_case("copy") { RUN } else { "" };
        Touched { effect, resource: resource(id), tags: tags(&[("env", "drill"), (RUN_TAG, mark)]) }
    }

    fn allow(matcher: Matcher, actions: &[&str]) -> Vec<Permitted> {
        vec![Permitted { matcher, actions: actions.iter().map(|action| (*action).to_owned()).collect() }]
    }

    fn judge(
        mode: Mode,
        touched: &Touched,
        permitted: &[Permitted],
        confirmed: &str,
    ) -> Result<(), ActionError> {
        let (run, created) = (RunId::new(RUN), [resource("copy")]);
        let confirmed = BTreeSet::from([confirmed.to_owned()]);
        let rules = Rules { run: Some(&run), mode, created: &created, permitted, confirmed: &confirmed };
        permit(&rules, DELETE, touched)
    }

    #[test]
    fn a_decision_table() {
        let id = |id: &str| Matcher::Id(id.into());
        let arn = |arn: &str| Matcher::Arn(arn.into());
        let tag = |key: &str, value: &str| Matcher::Tag(key.into(), value.into());
        let (drill, recovery) = (Mode::Drill, Mode::Recovery);
        let (modify, destroy) = (Effect::Modify, Effect::Destroy);
        let prod = "orders-prod";
        let none = Vec::new;
        for (mode, effect, name, permitted, confirmed, passes) in [
            (drill, destroy, "copy", none(), "", true),
            (drill, destroy, "COPY", none(), "", true),
            (drill, destroy, prod, none(), "", false),
            (drill, modify, prod, none(), "", false),
            (drill, Effect::Read, prod, none(), "", true),
            (drill, Effect::Create, prod, none(), "", true),
            // A bare entry permits to modify, in each of its three forms, and nothing else.
            (drill, modify, prod, allow(id(prod), &[]), "", true),
            (drill, modify, prod, allow(arn("arn:orders-prod"), &[]), "", true),
            (drill, modify, prod, allow(tag("env", "drill"), &[]), "", true),
            (drill, destroy, prod, allow(id(prod), &[]), "", false),
            (drill, destroy, prod, allow(arn("arn:orders-prod"), &[]), "", false),
            (drill, destroy, prod, allow(tag("env", "drill"), &[]), "", false),
            // To destroy, the action is named; another one named is not it.
            (drill, destroy, prod, allow(id(prod), &[DELETE]), "", true),
            (drill, destroy, prod, allow(arn("arn:orders-prod"), &[DELETE]), "", true),
            (drill, destroy, prod, allow(tag("env", "drill"), &[DELETE]), "", true),
            (drill, destroy, prod, allow(id(prod), &["rds.reboot_instance"]), "", false),
            // An entry that names actions permits only these, also of those that modify.
            (drill, modify, prod, allow(id(prod), &["rds.reboot_instance"]), "", false),
            (drill, modify, prod, allow(id(prod), &[DELETE]), "", true),
            // Something else is named: part of a name, another value, another key.
            (drill, modify, prod, allow(id("orders"), &[]), "", false),
            (drill, modify, prod, allow(arn("arn:orders"), &[]), "", false),
            (drill, modify, prod, allow(arn(prod), &[]), "", false),
            (drill, modify, prod, allow(tag("env", "prod"), &[]), "", false),
            (drill, modify, prod, allow(tag("environment", "drill"), &[]), "", false),
            // What an operator types for a recovery means nothing in a drill.
            (drill, destroy, prod, none(), prod, false),
            (recovery, modify, prod, none(), "", true),
            (recovery, destroy, prod, none(), "", false),
            (recovery, destroy, prod, none(), "orders", false),
            (recovery, destroy, prod, none(), prod, true),
            (recovery, destroy, prod, allow(id(prod), &[DELETE]), "", false),
            (recovery, destroy, "copy", none(), "", true),
        ] {
            let judged = judge(mode, &touched(effect, name), &permitted, confirmed);
            assert_eq!(judged.is_ok(), passes, "{mode:?} {effect:?} {name} {permitted:?}: {judged:?}");
        }
    }

    /// What bears the name of something the run has made is the run's only where nothing shows that it is another thing.
    #[test]
    fn a_stranger_under_a_name_of_ours_is_a_stranger() {
        let own = touched(Effect::Destroy, "copy");
        let another = |change: fn(&mut Resource)| {
            let mut touched = own.clone();
            change(&mut touched.resource);
            touched
        };
        let tagged = |tags| Touched { tags, ..own.clone() };
        let marked_stranger =
            Touched { resource: resource("orders-prod"), ..tagged(tags(&[(RUN_TAG, RUN)])) };
        for (what, touched, passes) in [
            ("it carries the mark", own.clone(), true),
            ("nobody has looked, or it is gone", tagged(None), true),
            ("it was renamed, and something without a mark came in its place", tagged(tags(&[])), false),
            ("it carries the mark of another run", tagged(tags(&[(RUN_TAG, "another")])), false),
            ("tags of production were put on it", tagged(tags(&[("env", "production")])), false),
            ("another kind", another(|it| it.kind = "rds:snapshot".into()), false),
            ("another Region", another(|it| it.region = "eu-central-1".into()), false),
            ("another account", another(|it| it.account = "999900001111".into()), false),
            ("our tags were copied onto a stranger", marked_stranger, false),
        ] {
            let judged = judge(Mode::Drill, &touched, &[], "");
            assert_eq!(judged.is_ok(), passes, "{what}: {judged:?}");
        }
    }

    /// What has lost a tag since the runbook was written is not what `allow` means any more.
    #[test]
    fn what_is_retagged_is_not_permitted_by_the_tag_it_had() {
        let permitted = allow(Matcher::Tag("env".into(), "drill".into()), &[]);
        let of = |tags| Touched { tags, ..touched(Effect::Modify, "orders-prod") };
        assert!(judge(Mode::Drill, &of(tags(&[("env", "drill")])), &permitted, "").is_ok());
        for tags in [tags(&[("env", "production")]), tags(&[]), None] {
            assert!(judge(Mode::Drill, &of(tags), &permitted, "").is_err());
        }
    }
}
