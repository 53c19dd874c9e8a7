//! What the functions do with values. Errors are without a place: who calls knows it.

use super::node::{Function, Operator};
use super::operators::{Fault, MAXIMUM_ITEMS, kind, order};
use crate::units;
use crate::value::Value;
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The most memory, in bytes, that a compiled pattern may take.
const PATTERN_SIZE: usize = 256 * 1024;
const PATTERN_CHARACTERS: usize = 1_000;

/// Compiles the pattern of `matches`.
pub(super) fn pattern(text: &str) -> Result<Regex, Fault> {
    if text.len() > PATTERN_CHARACTERS {
        return Err(Fault::new(format!("the pattern is longer than {PATTERN_CHARACTERS} bytes")));
    }
    let built = RegexBuilder::new(text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Fault::new("the pattern needs too much memory"),
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Fault::new(format!("the pattern is not a regular expression: {reason}"))
                .help("backslashes are simplest in raw text: r'^\\d+$'")
        }
    })
}

/// The value of a function of values; `now` and `matches` are not among them, they need more than values.
pub(super) fn apply<'v>(function: Function, arguments: Vec<Cow<'v, Value>>) -> Result<Cow<'v, Value>, Fault> {
    if arguments.iter().any(|argument| matches!(**argument, Value::Secret(_))) {
        return Err(Fault::secret());
    }
    if matches!(function, Function::Min | Function::Max) {
        return extreme(function, arguments);
    }
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Err(Fault::new(format!("`{}` has no value here", function.name())));
    };
    let value = match (function, arguments.next()) {
        (Function::Size, None) => size(&first)?,
        (Function::String, None) => string(&first)?,
        (Function::Int, None) => int(&first)?,
        (Function::Float, None) => float(&first)?,
        (Function::Duration, None) => duration(&first)?,
        (Function::Time, None) => time(&first)?,
        (_, Some(second)) => {
            Value::Bool(text_test(function, text(function, &first)?, text(function, &second)?))
        }
        _ => return Err(wrong(function, &first)),
    };
    Ok(Cow::Owned(value))
}

fn text_test(function: Function, text: &str, part: &str) -> bool {
    match function {
        Function::Contains => text.contains(part),
        Function::StartsWith => text.starts_with(part),
        _ => text.ends_with(part),
    }
}

/// The text of an argument that must be one.
pub(super) fn text(function: Function, value: &Value) -> Result<&str, Fault> {
    match value {
        Value::String(text) => Ok(text),
        Value::Secret(_) => Err(Fault::secret()),
        Value::List(_) if function == Function::Contains => {
            Err(wrong(function, value).help("write x in list"))
        }
        other => Err(wrong(function, other)),
    }
}

/// `function` is not for a value like this.
pub(super) fn wrong(function: Function, value: &Value) -> Fault {
    match value {
        Value::Null => Fault::new(format!("`{}` of null", function.name()))
            .help("write default(…, …) around what may be null"),
        other => Fault::new(format!("`{}` is not for {}", function.name(), kind(other))),
    }
}

fn size(value: &Value) -> Result<Value, Fault> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.len(),
        other => return Err(wrong(Function::Size, other)),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn string(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) | Value::Secret(_) => {
            Err(wrong(Function::String, value))
        }
        other => Ok(Value::String(other.to_string())),
    }
}

fn int(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Int(_) => Ok(value.clone()),
        // From -2⁶³ up to but without 2⁶³: what fits after the fraction is cut off.
        Value::Float(number)
            if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(number) =>
        {
            Ok(Value::Int(number.trunc() as i64))
        }
        Value::Float(_) => Err(Fault::new("the number is too large for `int`")),
        Value::String(text) => {
            text.parse().map(Value::Int).map_err(|_| Fault::new(format!("`{text}` is not a whole number")))
        }
        other => Err(wrong(Function::Int, other)),
    }
}

fn float(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Float(_) => Ok(value.clone()),
        Value::Int(number) => Ok(Value::Float(*number as f64)),
        Value::String(text) => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Value::Float).ok_or_else(|| Fault::new(format!("`{text}` is not a number")))
        }
        other => Err(wrong(Function::Float, other)),
    }
}

fn duration(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Duration(_) => Ok(value.clone()),
        Value::String(text) => units::parse_duration(text).map(Value::Duration).ok_or_else(|| {
            Fault::new(format!("`{text}` is not a duration")).help("write 90s, 15m, 2h or 7d")
        }),
        other => Err(wrong(Function::Duration, other)),
    }
}

fn time(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Time(_) => Ok(value.clone()),
        Value::String(text) => units::parse_time(text).map(Value::Time).ok_or_else(|| {
            Fault::new(format!("`{text}` is not a time"))
                .help("write it as RFC 3339, with a zone: 2026-11-01T10:00:00Z")
        }),
        other => Err(wrong(Function::Time, other)),
    }
}

/// The least or the greatest of the arguments, or of the items of the one list; the first of equal ones.
fn extreme<'v>(function: Function, mut arguments: Vec<Cow<'v, Value>>) -> Result<Cow<'v, Value>, Fault> {
    let (operator, wanted) = match function {
        Function::Min => (Operator::Less, Ordering::Less),
        _ => (Operator::Greater, Ordering::Greater),
    };
    if let [only] = arguments.as_slice()
        && let Value::List(items) = &**only
    {
        if items.len() > MAXIMUM_ITEMS {
            return Err(Fault::new(format!(
                "the list has {} items; {MAXIMUM_ITEMS} are allowed",
                items.len()
            )));
        }
        arguments = items.iter().map(|item| Cow::Owned(item.clone())).collect();
    }
    let mut candidates = arguments.into_iter();
    let Some(mut best) = candidates.next() else {
        return Err(
            Fault::new(format!("`{}` of an empty list", function.name())).help("test size(…) > 0 before it")
        );
    };
    // A single value has nothing to be compared with but must be of a kind that compares.
    order(operator, &best, &best)?;
    for candidate in candidates {
        if order(operator, &candidate, &best)? == wanted {
            best = candidate;
        }
    }
    Ok(best)
}
