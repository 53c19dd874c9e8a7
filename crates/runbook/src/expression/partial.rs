//! What an expression is worth while some of its names have no value yet: before the steps have run that give them.
//!
//! Only what decides without them is worked out: `false && x`, a branch that is not taken, a `default` whose first part
//! is there. Everything else that holds such a name is pending itself.

use super::evaluate::evaluate;
use super::node::{Kind, Node, path_text};
use super::{ExpressionError, PartialScope};
use crate::value::Value;

/// A value, or the names it waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Partial {
    /// It is known.
    Known(Value),
    /// It is not known before these are, as they are written; in the order in which they stand, each once.
    Pending(Vec<String>),
}

type Evaluated = Result<Partial, ExpressionError>;

pub(super) fn partly(node: &Node, scope: &dyn PartialScope) -> Evaluated {
    let mut names = Vec::new();
    pending(node, scope, &mut names);
    if names.is_empty() {
        return evaluate(node, scope).map(Partial::Known);
    }
    let truth = |part: &Node| match partly(part, scope) {
        Ok(Partial::Known(Value::Bool(truth))) => Some(truth),
        _ => None,
    };
    let decided = match &node.kind {
        Kind::Not(part) => truth(part).map(|truth| !truth),
        Kind::And(first, second) => match (truth(first), truth(second)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), _) => return partly(second, scope),
            (None, Some(true)) => return partly(first, scope),
            (None, None) => None,
        },
        Kind::Or(first, second) => match (truth(first), truth(second)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), _) => return partly(second, scope),
            (None, Some(false)) => return partly(first, scope),
            (None, None) => None,
        },
        Kind::Conditional(condition, yes, no) => match truth(condition) {
            Some(condition) => return partly(if condition { yes } else { no }, scope),
            None => None,
        },
        Kind::Default(chain, otherwise) => {
            let mut names = Vec::new();
            pending(chain, scope, &mut names);
            match evaluate(chain, scope) {
                _ if !names.is_empty() => return Ok(Partial::Pending(names)),
                Ok(value) if !value.is_null() => return Ok(Partial::Known(value)),
                _ => return partly(otherwise, scope),
            }
        }
        _ => None,
    };
    Ok(decided.map_or(Partial::Pending(names), |truth| Partial::Known(Value::Bool(truth))))
}

/// Adds the names in `node` that have no value yet.
fn pending(node: &Node, scope: &dyn PartialScope, names: &mut Vec<String>) {
    if let Kind::Path(segments) = &node.kind {
        let path: Vec<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
        let text = path_text(segments);
        if scope.is_pending(&path) && !names.contains(&text) {
            names.push(text);
        }
    }
    node.children().into_iter().for_each(|child| pending(child, scope, names));
}

#[cfg(test)]
mod tests {
    use super::super::{Expression, Scope};
    use super::*;
    use chrono::{DateTime, Utc};
    use std::collections::BTreeMap;

    /// Knows `inputs`, waits for all of `steps.later`, and has nothing of `steps.skipped`.
    struct Half;

    impl Scope for Half {
        fn value(&self, names: &[&str]) -> Option<Value> {
            let inputs = BTreeMap::from([("n".to_owned(), Value::Int(1)), ("yes".to_owned(), true.into())]);
            match names {
                ["inputs"] => Some(Value::Map(inputs)),
                _ => None,
            }
        }
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }

    impl PartialScope for Half {
        fn is_pending(&self, names: &[&str]) -> bool {
            names.starts_with(&["steps", "later"])
        }
    }

    #[test]
    fn a_table_of_three_values() {
        let later = "steps.later.outputs.n";
        let known = |value: Value| Ok(Partial::Known(value));
        let waits =
            |names: &[&str]| Ok(Partial::Pending(names.iter().map(|&name| name.to_owned()).collect()));
        for (text, expected) in [
            ("inputs.n + 1", known(2.into())),
            ("inputs.n == 2 && steps.later.outputs.n > 1", known(false.into())),
            ("steps.later.outputs.n > 1 && inputs.n == 2", known(false.into())),
            ("inputs.yes || steps.later.outputs.n > 1", known(true.into())),
            ("inputs.yes && steps.later.outputs.n > 1", waits(&[later])),
            ("!(inputs.yes || steps.later.outputs.n > 1)", known(false.into())),
            ("inputs.yes ? 5 : steps.later.outputs.n", known(5.into())),
            ("inputs.yes ? steps.later.outputs.n : 5", waits(&[later])),
            ("has(steps.later.outputs.n)", waits(&[later])),
            ("has(steps.skipped.outputs.n)", known(false.into())),
            ("default(steps.skipped.outputs.n, inputs.n)", known(1.into())),
            ("default(steps.skipped.outputs.n, steps.later.outputs.n)", waits(&[later])),
            ("default(inputs.n, steps.later.outputs.n)", known(1.into())),
            ("default(steps.later.outputs.n, inputs.n)", waits(&[later])),
            ("[1].exists(x, x == steps.later.outputs.n)", waits(&[later])),
            (
                "steps.later.outputs.n + steps.later.outputs.m > steps.later.outputs.n",
                waits(&[later, "steps.later.outputs.m"]),
            ),
        ] {
            let expression = Expression::parse(text, 0).unwrap();
            assert_eq!(expression.evaluate_partly(&Half), expected, "{text}");
        }
        let wrong = Expression::parse("inputs.missing == 1", 0).unwrap();
        assert!(wrong.evaluate_partly(&Half).is_err());
    }
}
