//! What is shown where a value comes later: `‹string: endpoint of restore›`.

use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::plan::{Plan, Step};
use lifeboat_runbook::spec::{Catalog, Type};

use super::find;

/// The placeholder of an expression that waits for `pending`; `wanted` is the type of what it stands in.
pub(super) fn placeholder(
    expression: &Expression,
    pending: &[String],
    wanted: Type,
    plan: &Plan,
    catalog: &Catalog,
) -> String {
    // A chain of names says itself what it is; anything else is shown as it is written.
    let is_chain = expression
        .text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '[' | ']'));
    match pending {
        [name] if is_chain && expression.text.starts_with(name.as_str()) => {
            chain(&expression.text, wanted, plan, catalog)
        }
        _ => format!("‹{wanted}: {}›", expression.text),
    }
}

fn chain(text: &str, wanted: Type, plan: &Plan, catalog: &Catalog) -> String {
    let mut parts = text.splitn(4, '.');
    let (root, id, property, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
    match (root, id, property, rest) {
        (Some(root @ ("steps" | "preflight")), Some(id), Some("outputs"), Some(output)) => {
            let steps: &[Step] = if root == "steps" { &plan.steps } else { &plan.preflight };
            let kind = output_type(find(steps, id), output, catalog);
            format!("‹{kind}: {output} of {id}›")
        }
        (Some("steps" | "preflight"), Some(id), Some(property), None) => {
            let kind = if property.ends_with("_at") { Type::Time } else { Type::String };
            format!("‹{kind}: {property} of {id}›")
        }
        (Some("run"), Some("id" | "short_id"), None, None) => "‹string: id of the run›".to_owned(),
        (Some("incident"), Some("id"), None, None) => "‹string: id of the incident›".to_owned(),
        (Some("marks"), Some(mark), None, None) => format!("‹time: the mark {mark}›"),
        (Some("secrets"), Some(name), None, None) => format!("‹string: secret {name}›"),
        _ => format!("‹{wanted}: {text}›"),
    }
}

/// The type of an output of a step; of what is inside one nobody knows it.
fn output_type(step: Option<&Step>, output: &str, catalog: &Catalog) -> Type {
    let spec = step.and_then(Step::action).and_then(|action| catalog.get(action));
    let known = spec.and_then(|spec| spec.output(output)).map(|output| output.kind);
    match (known, output) {
        (Some(kind), _) => kind,
        (None, "by" | "choice" | "reason") => Type::String,
        (None, "at") => Type::Time,
        (None, "approved") => Type::Boolean,
        (None, _) => Type::Any,
    }
}
