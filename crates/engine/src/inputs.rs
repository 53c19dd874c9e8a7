//! The values of a runbook's inputs, from text.

use crate::action::Values;
use lifeboat_runbook::plan::InputDeclaration;
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// An input that is wrong, missing or not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the input `{name}` {problem}")]
pub struct InputError {
    /// Its name.
    pub name: String,
    /// What is wrong: `is required: …`.
    pub problem: String,
}

/// The values of all inputs: those given (as text, or as what text cannot say: a list, a map), else their defaults.
///
/// # Errors
/// Everything that is wrong with them.
pub fn resolve(
    declared: &[InputDeclaration],
    given: &BTreeMap<String, Value>,
) -> Result<Values, Vec<InputError>> {
    let mut errors = Vec::new();
    for name in given.keys().filter(|name| !declared.iter().any(|input| input.name == **name)) {
        let names = declared.iter().map(|input| input.name.as_str());
        let problem = match nearest(name, names.clone()) {
            Some(near) => format!("is not declared; did you mean `{near}`?"),
            None => format!("is not declared; there are: {}", names.collect::<Vec<_>>().join(", ")),
        };
        errors.push(InputError { name: name.clone(), problem });
    }
    let mut values = Values::new();
    for input in declared {
        match value(input, given.get(&input.name)) {
            Ok(value) => drop(values.insert(input.name.clone(), value)),
            Err(problem) => errors.push(InputError { name: input.name.clone(), problem }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn value(input: &InputDeclaration, given: Option<&Value>) -> Result<Value, String> {
    match (given, &input.default) {
        (Some(value), _) => input.read(value.clone()),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) if input.required => {
            let what = input.description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
            Err(format!("is required{what}; give it with -i {}=…", input.name))
        }
        (None, None) => Ok(Value::Null),
    }
}
