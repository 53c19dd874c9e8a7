//! What expressions may refer to, and of what type it is.

use crate::expression::{Expression, Known, Reference, TypeScope};
use crate::spec::{ActionSpec, Type};
use std::collections::BTreeMap;

/// The results of a step, as far as they are known before it runs.
#[derive(Clone, Debug)]
pub(super) enum Outputs {
    /// Those of an action's spec.
    Spec(&'static ActionSpec),
    /// These names.
    Fields(BTreeMap<String, Type>),
    /// Not known.
    Any,
}

impl Outputs {
    pub(super) fn fields<const N: usize>(fields: [(&str, Type); N]) -> Self {
        Self::Fields(fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect())
    }

    /// Those that later steps can refer to: some outputs of a spec are kept only where `outputs:` selects it.
    pub(super) fn kept(self) -> Self {
        match self {
            Self::Spec(spec) if spec.outputs.iter().any(|output| output.selected) => {
                let kept = spec.outputs.iter().filter(|output| !output.selected);
                Self::Fields(kept.map(|output| (output.name.to_owned(), output.kind)).collect())
            }
            outputs => outputs,
        }
    }

    fn known(&self, names: &[&str]) -> Known {
        let kind = match (self, names) {
            (Self::Any, _) => return Known::Value(Type::Any),
            (Self::Spec(spec), []) => {
                return Known::Fields(spec.outputs.iter().map(|output| output.name.to_owned()).collect());
            }
            (Self::Fields(fields), []) => return Known::Fields(fields.keys().cloned().collect()),
            (Self::Spec(spec), [name, ..]) => spec.output(name).map(|output| output.kind),
            (Self::Fields(fields), [name, ..]) => fields.get(*name).copied(),
        };
        kind.map_or(Known::Unknown, |kind| into(kind, &names[1..]))
    }
}

/// The type behind further names: of a map its values, of what is not known anything.
fn into(kind: Type, names: &[&str]) -> Known {
    match (kind, names) {
        (kind, []) => Known::Value(kind),
        (Type::Any, _) => Known::Value(Type::Any),
        (Type::Map(item), [_, rest @ ..]) => into(*item, rest),
        _ => Known::Unknown,
    }
}

/// A step that comes before.
#[derive(Clone, Debug)]
pub(super) struct Earlier {
    pub(super) outputs: Outputs,
    /// The condition, as written, under which it runs; nothing where it always does.
    pub(super) condition: Option<String>,
}

/// The names that are known at one place of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) inputs: BTreeMap<String, Type>,
    pub(super) secrets: Vec<String>,
    /// Roles by name; true where somebody must hold it.
    pub(super) roles: BTreeMap<String, bool>,
    pub(super) probes: Vec<String>,
    pub(super) marks: Vec<String>,
    pub(super) preflight: BTreeMap<String, Earlier>,
    pub(super) steps: BTreeMap<String, Earlier>,
    /// The step's own outputs, where it may look at them.
    pub(super) own: Option<Outputs>,
    /// Whether this is the body of a `foreach`.
    pub(super) item: bool,
    /// Ids of steps of the file that come later, or cannot be referred to from here.
    pub(super) later: Vec<String>,
    /// The names of Regions that may stand behind `region`.
    pub(super) regions: Vec<String>,
    /// Where secrets may stand: inside `with` and `notify`.
    pub(super) secrets_allowed: bool,
    /// Conditions that hold here, as written.
    pub(super) under: Vec<String>,
}

const STEP_FACTS: [&str; 7] =
    ["outputs", "state", "error", "captured", "resolved", "started_at", "finished_at"];
const RUN_FACTS: [(&str, Type); 5] = [
    ("id", Type::String),
    ("short_id", Type::String),
    ("mode", Type::OneOf(&["drill", "recovery"])),
    ("started_at", Type::Time),
    ("operator", Type::String),
];

fn words<'names>(names: impl IntoIterator<Item = &'names String>) -> Known {
    Known::Fields(names.into_iter().cloned().collect())
}

impl TypeScope for Names {
    fn known(&self, names: &[&str]) -> Known {
        let value = |kind| Known::Value(kind);
        match names {
            [] => Known::Fields(self.roots().into_iter().map(str::to_owned).collect()),
            ["inputs"] => words(self.inputs.keys()),
            ["inputs", name, rest @ ..] => {
                self.inputs.get(*name).map_or(Known::Unknown, |kind| into(*kind, rest))
            }
            ["secrets"] => words(&self.secrets),
            ["secrets", name] if self.secrets.iter().any(|known| known == name) => value(Type::String),
            ["steps"] => words(self.steps.keys()),
            ["preflight"] => words(self.preflight.keys()),
            ["steps", id, rest @ ..] => self.steps.get(*id).map_or(Known::Unknown, |step| step.known(rest)),
            ["preflight", id, rest @ ..] => {
                self.preflight.get(*id).map_or(Known::Unknown, |step| step.known(rest))
            }
            ["outputs", rest @ ..] => self.own.as_ref().map_or(Known::Unknown, |own| own.known(rest)),
            ["objectives"] => Known::Fields(vec!["rto".into(), "rpo".into()]),
            ["objectives", "rto" | "rpo"] => value(Type::Duration),
            ["run"] => Known::Fields(RUN_FACTS.iter().map(|(name, _)| (*name).to_owned()).collect()),
            ["run", name] => RUN_FACTS
                .iter()
                .find(|(fact, _)| fact == name)
                .map_or(Known::Unknown, |(_, kind)| value(*kind)),
            ["target"] => Known::Fields(vec!["account".into(), "region".into(), "regions".into()]),
            ["target", "regions"] => words(&self.regions),
            ["target", "regions", name] if self.regions.iter().any(|known| known == name) => {
                value(Type::String)
            }
            ["target", "account" | "region"] => value(Type::String),
            ["marks"] => words(&self.marks),
            ["marks", _] => value(Type::Time),
            ["roles"] => words(self.roles.keys()),
            ["roles", name] if self.roles.contains_key(*name) => value(Type::String),
            ["probes"] => words(&self.probes),
            ["probes", id] if self.probes.iter().any(|known| known == id) => {
                Known::Fields(vec!["up".into(), "down_s".into()])
            }
            ["probes", _, "up"] => value(Type::Boolean),
            ["probes", _, "down_s"] => value(Type::Number),
            ["incident", ..] => value(Type::Any),
            ["item", ..] if self.item => value(Type::Any),
            ["index"] if self.item => value(Type::Integer),
            _ => Known::Unknown,
        }
    }
}

impl Earlier {
    fn known(&self, names: &[&str]) -> Known {
        match names {
            [] => Known::Fields(STEP_FACTS.iter().map(|fact| (*fact).to_owned()).collect()),
            ["outputs", rest @ ..] => self.outputs.known(rest),
            ["state"] => Known::Value(Type::String),
            ["error"] => Known::Fields(vec!["code".into(), "message".into()]),
            ["error", "code" | "message"] => Known::Value(Type::String),
            ["captured" | "resolved", ..] => Known::Value(Type::Any),
            ["started_at" | "finished_at"] => Known::Value(Type::Time),
            _ => Known::Unknown,
        }
    }
}

/// What a reference does wrong besides not being known.
pub(super) struct Misuse {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Names {
    fn roots(&self) -> Vec<&'static str> {
        let mut roots = vec![
            "inputs",
            "steps",
            "preflight",
            "objectives",
            "run",
            "target",
            "marks",
            "roles",
            "probes",
            "incident",
            "secrets",
        ];
        if self.own.is_some() {
            roots.push("outputs");
        }
        if self.item {
            roots.extend(["item", "index"]);
        }
        roots
    }

    /// Steps that come later, steps that may be skipped, secrets in the wrong place.
    pub(super) fn misuses(&self, expression: &Expression) -> Vec<(Reference, Misuse)> {
        let references = expression.references();
        references
            .into_iter()
            .filter_map(|reference| Some((reference.clone(), self.misuse(&reference)?)))
            .collect()
    }

    fn misuse(&self, reference: &Reference) -> Option<Misuse> {
        let names: Vec<&str> = reference.names.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["steps", id, ..]
                if !self.steps.contains_key(*id) && self.later.iter().any(|later| later == id) =>
            {
                Some(Misuse {
                    code: "later-step",
                    message: format!("the step `{id}` has not run yet here"),
                    help: "refer to steps that come before; in `parallel` a sibling must be named in `needs`"
                        .to_owned(),
                })
            }
            ["steps", id, "outputs", ..] if !reference.guarded => {
                let condition = self.steps.get(*id)?.condition.as_ref()?;
                let holds = self.under.contains(condition);
                (!holds).then(|| Misuse {
                    code: "may-be-skipped",
                    message: format!("the step `{id}` may have no outputs: {condition}"),
                    help: format!("guard it: `has({0})` or `default({0}, …)`", names.join(".")),
                })
            }
            ["roles", name] if !reference.guarded && self.roles.get(*name) == Some(&false) => Some(Misuse {
                code: "may-be-nobody",
                message: format!("nobody need hold the role `{name}`: it is optional"),
                help: format!("guard it: `has(roles.{name})` or `default(roles.{name}, …)`"),
            }),
            ["secrets", ..] if !self.secrets_allowed => Some(Misuse {
                code: "secret-here",
                message: format!("`{}` may not stand here", names.join(".")),
                help: "secrets stand only in `with`, behind a parameter that takes one, and in `notify`"
                    .to_owned(),
            }),
            _ => None,
        }
    }
}
