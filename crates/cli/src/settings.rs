//! Files beside a runbook: answers and faults, in the same YAML as runbooks. JSON is read too: it is YAML.

use crate::error::CommandError;
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::node::{self, Node, NodeKind, Scalar};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// What a scalar without quotes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalars {
    /// Always text.
    Text,
    /// A number or a truth value where it looks like one.
    Typed,
}

/// Reads a file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, scalars: Scalars) -> Result<T, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| CommandError::file("read", path, &error))?;
    parse(&path.display().to_string(), &text, scalars)
}

fn parse<T: DeserializeOwned>(name: &str, text: &str, scalars: Scalars) -> Result<T, CommandError> {
    let mut diagnostics = Vec::new();
    let node = node::parse(text, &mut diagnostics);
    let Some(node) = node.filter(|_| diagnostics.is_empty()) else {
        let source = Source { name: name.to_owned(), text: text.to_owned() };
        let found: Vec<String> = diagnostics
            .iter()
            .map(|diagnostic| crate::commands::check::human(diagnostic, std::slice::from_ref(&source)))
            .collect();
        return Err(CommandError::usage(format!("{name} cannot be read\n{}", found.join("\n"))));
    };
    serde_json::from_value(value(&node, scalars)).map_err(|error| {
        CommandError::usage(format!("{name} does not hold what belongs there: {error}"))
            .hint("the help of the option says what the file holds")
    })
}

fn value(node: &Node, scalars: Scalars) -> Value {
    match &node.kind {
        NodeKind::Scalar(scalar) => scalar_value(scalar, scalars),
        NodeKind::List(items) => items.iter().map(|item| value(item, scalars)).collect(),
        NodeKind::Map(fields) => {
            fields.iter().map(|field| (field.key.clone(), value(&field.value, scalars))).collect()
        }
    }
}

fn scalar_value(scalar: &Scalar, scalars: Scalars) -> Value {
    let text = scalar.text.as_str();
    if scalars == Scalars::Text || scalar.quoted {
        return text.into();
    }
    // What JSON would call a number, a truth value or null.
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_are_typed_where_that_is_wanted() {
        let text = "a: 5\nb: [true, \"7\", x]\nc: { d: 2026-01-05T09:00:00Z }\n";
        let typed: Value = parse("f", text, Scalars::Typed).unwrap();
        assert_eq!(typed, json!({ "a": 5, "b": [true, "7", "x"], "c": { "d": "2026-01-05T09:00:00Z" } }));
        let texts: Value = parse("f", text, Scalars::Text).unwrap();
        assert_eq!(texts["a"], "5");
        let json: Value = parse("f", r#"{"a": [1, {"b": "c"}]}"#, Scalars::Typed).unwrap();
        assert_eq!(json, json!({ "a": [1, { "b": "c" }] }));
        assert!(parse::<Value>("f", "a: [1", Scalars::Typed).is_err());
    }
}
