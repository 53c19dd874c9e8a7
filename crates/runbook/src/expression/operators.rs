//! What the operators do with values. Errors are without a place: who calls knows it.

use super::node::Operator;
use crate::value::{Secret, Value};
use std::cmp::Ordering;

/// The longest list that an expression may make or walk through.
pub(super) const MAXIMUM_ITEMS: usize = 10_000;

/// The kind of a value with its article: `a string`, `an integer`, `null`.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(_) => "an integer".to_owned(),
        other => format!("a {}", other.kind()),
    }
}

/// What went wrong and what to do.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

const SECRET_HELP: &str = "a secret can be handed on whole or be joined with `+`";

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(super) fn help(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }

    /// A secret was looked at.
    pub(super) fn secret() -> Self {
        Self::new("a secret cannot be looked at").help(SECRET_HELP)
    }

    fn overflow() -> Self {
        Self::new("the result is too large")
    }
}

/// `first operator second` for everything but the comparisons, which are [`compare`].
pub(super) fn arithmetic(operator: Operator, first: &Value, second: &Value) -> Result<Value, Fault> {
    use Value::{Duration, Float, Int, List, Secret as Hidden, String as Text, Time};
    let overflow = Fault::overflow;
    let value = match (operator, first, second) {
        (Operator::Add, Hidden(_), Hidden(_) | Text(_)) | (Operator::Add, Text(_), Hidden(_)) => {
            join_secret(first, second)
        }
        (_, Hidden(_), _) | (_, _, Hidden(_)) => return Err(Fault::secret()),
        (_, Value::Null, _) | (_, _, Value::Null) => {
            return Err(Fault::new(format!("`{}` with null", operator.symbol()))
                .help("write default(…, …) around what may be null"));
        }
        (_, Int(first), Int(second)) => whole(operator, *first, *second)?,
        (_, Int(_) | Float(_), Int(_) | Float(_)) => fraction(operator, number(first), number(second))
            .ok_or_else(|| mismatch(operator, first, second))??,
        (Operator::Add, Text(first), Text(second)) => Text(format!("{first}{second}")),
        (Operator::Add, List(first), List(second)) => {
            if first.len() + second.len() > MAXIMUM_ITEMS {
                return Err(Fault::new(format!("the list would have more than {MAXIMUM_ITEMS} items")));
            }
            List(first.iter().chain(second).cloned().collect())
        }
        (Operator::Add, Time(time), Duration(duration)) | (Operator::Add, Duration(duration), Time(time)) => {
            Time(time.checked_add_signed(*duration).ok_or_else(overflow)?)
        }
        (Operator::Subtract, Time(time), Duration(duration)) => {
            Time(time.checked_sub_signed(*duration).ok_or_else(overflow)?)
        }
        (Operator::Subtract, Time(first), Time(second)) => Duration(first.signed_duration_since(*second)),
        (Operator::Add, Duration(first), Duration(second)) => {
            Duration(first.checked_add(second).ok_or_else(overflow)?)
        }
        (Operator::Subtract, Duration(first), Duration(second)) => {
            Duration(first.checked_sub(second).ok_or_else(overflow)?)
        }
        (Operator::Multiply, Duration(duration), Int(times))
        | (Operator::Multiply, Int(times), Duration(duration)) => {
            let milliseconds = duration.num_milliseconds().checked_mul(*times);
            let product = milliseconds.and_then(chrono::TimeDelta::try_milliseconds);
            Duration(product.ok_or_else(overflow)?)
        }
        _ => return Err(mismatch(operator, first, second)),
    };
    Ok(value)
}

/// `- operand`
pub(super) fn negate(operand: &Value) -> Result<Value, Fault> {
    match operand {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(Fault::overflow),
        Value::Float(number) => Ok(Value::Float(-number)),
        Value::Duration(duration) => Ok(Value::Duration(-*duration)),
        Value::Secret(_) => Err(Fault::secret()),
        Value::Null => Err(Fault::new("`-` with null").help("write default(…, …) around what may be null")),
        other => Err(Fault::new(format!("`-` in front of {}", kind(other)))),
    }
}

fn join_secret(first: &Value, second: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Secret(secret) => secret.expose().to_owned(),
        other => other.to_string(),
    };
    let name = [first, second].into_iter().find_map(|value| match value {
        Value::Secret(secret) => Some(secret.name.clone()),
        _ => None,
    });
    Value::Secret(Secret::new(name.unwrap_or_default(), text(first) + &text(second)))
}

fn whole(operator: Operator, first: i64, second: i64) -> Result<Value, Fault> {
    if second == 0 && matches!(operator, Operator::Divide | Operator::Remainder) {
        return Err(Fault::new("division by zero"));
    }
    let result = match operator {
        Operator::Add => first.checked_add(second),
        Operator::Subtract => first.checked_sub(second),
        Operator::Multiply => first.checked_mul(second),
        Operator::Divide => first.checked_div(second),
        Operator::Remainder => first.checked_rem(second),
        _ => return Err(mismatch(operator, &Value::Int(first), &Value::Int(second))),
    };
    result.map(Value::Int).ok_or_else(Fault::overflow)
}

/// Nothing where the operator is not for fractions.
fn fraction(operator: Operator, first: f64, second: f64) -> Option<Result<Value, Fault>> {
    let result = match operator {
        Operator::Add => first + second,
        Operator::Subtract => first - second,
        Operator::Multiply => first * second,
        Operator::Divide if second == 0.0 => return Some(Err(Fault::new("division by zero"))),
        Operator::Divide => first / second,
        _ => return None,
    };
    Some(if result.is_finite() { Ok(Value::Float(result)) } else { Err(Fault::overflow()) })
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => f64::NAN,
    }
}

fn mismatch(operator: Operator, first: &Value, second: &Value) -> Fault {
    let message = format!("`{}` is not for {} and {}", operator.symbol(), kind(first), kind(second));
    let has_time = [first, second].iter().any(|value| matches!(value, Value::Time(_)));
    let has_duration = [first, second].iter().any(|value| matches!(value, Value::Duration(_)));
    let has_text = [first, second].iter().any(|value| matches!(value, Value::String(_)));
    let fault = Fault::new(message);
    match operator {
        _ if has_text && has_time => fault.help("write time(…) around the text"),
        _ if has_text && has_duration => fault.help("write duration(…) around the text"),
        Operator::Add if has_text => fault.help("write string(…) around what is no text"),
        _ if has_text => fault.help("write int(…) or float(…) around the text"),
        _ => fault,
    }
}

/// Whether two values are equal. Null equals null only; other kinds do not compare, numbers among themselves do.
pub(super) fn equal(first: &Value, second: &Value) -> Result<bool, Fault> {
    match (first, second) {
        (Value::Secret(_), _) | (_, Value::Secret(_)) => Err(Fault::secret()),
        (Value::Null, _) | (_, Value::Null) => Ok(first.is_null() && second.is_null()),
        (Value::Bool(first), Value::Bool(second)) => Ok(first == second),
        (Value::List(first), Value::List(second)) => {
            if first.len() != second.len() {
                return Ok(false);
            }
            first
                .iter()
                .zip(second)
                .try_fold(true, |so_far, (first, second)| Ok(so_far && equal(first, second)?))
        }
        (Value::Map(first), Value::Map(second)) => {
            if !first.keys().eq(second.keys()) {
                return Ok(false);
            }
            let mut pairs = first.values().zip(second.values());
            pairs.try_fold(true, |so_far, (first, second)| Ok(so_far && equal(first, second)?))
        }
        _ => order(Operator::Equal, first, second).map(Ordering::is_eq),
    }
}

/// How two values stand to each other: numbers, texts, durations and times among themselves.
pub(super) fn order(operator: Operator, first: &Value, second: &Value) -> Result<Ordering, Fault> {
    match (first, second) {
        (Value::Secret(_), _) | (_, Value::Secret(_)) => Err(Fault::secret()),
        (Value::Null, _) | (_, Value::Null) => Err(Fault::new(format!("`{}` with null", operator.symbol()))
            .help("write default(…, …) around what may be null")),
        (Value::Int(first), Value::Int(second)) => Ok(first.cmp(second)),
        (Value::Float(first), Value::Float(second)) => {
            first.partial_cmp(second).ok_or_else(|| Fault::new("a number that is none does not compare"))
        }
        (Value::Int(first), Value::Float(second)) => whole_to_fraction(*first, *second),
        (Value::Float(first), Value::Int(second)) => {
            whole_to_fraction(*second, *first).map(Ordering::reverse)
        }
        (Value::String(first), Value::String(second)) => Ok(first.cmp(second)),
        (Value::Duration(first), Value::Duration(second)) => Ok(first.cmp(second)),
        (Value::Time(first), Value::Time(second)) => Ok(first.cmp(second)),
        _ => Err(mismatch(operator, first, second)),
    }
}

/// Exact, where a conversion of the whole number would round (from 2⁵³ on).
fn whole_to_fraction(whole: i64, fraction: f64) -> Result<Ordering, Fault> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if fraction.is_nan() {
        return Err(Fault::new("a number that is none does not compare"));
    }
    if fraction >= LIMIT {
        return Ok(Ordering::Less);
    }
    if fraction < -LIMIT {
        return Ok(Ordering::Greater);
    }
    let floor = fraction.floor();
    let below = if fraction > floor { Ordering::Less } else { Ordering::Equal };
    Ok(whole.cmp(&(floor as i64)).then(below))
}

/// `first operator second` for `== != < <= > >=`; nothing for other operators.
pub(super) fn compare(operator: Operator, first: &Value, second: &Value) -> Option<Result<bool, Fault>> {
    let ordered = |test: fn(Ordering) -> bool| order(operator, first, second).map(test);
    Some(match operator {
        Operator::Equal => equal(first, second),
        Operator::NotEqual => equal(first, second).map(|equal| !equal),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge),
        _ => return None,
    })
}

/// `item in collection`: an item of a list or a key of a map.
pub(super) fn contains(item: &Value, collection: &Value) -> Result<bool, Fault> {
    match collection {
        _ if matches!(item, Value::Secret(_)) => Err(Fault::secret()),
        Value::List(items) => {
            for candidate in items {
                if equal(item, candidate)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(fields) => match item {
            Value::String(key) => Ok(fields.contains_key(key)),
            _ => Err(Fault::new(format!("the keys of a map are strings, not {}s", item.kind()))),
        },
        Value::Secret(_) => Err(Fault::secret()),
        Value::Null => Err(Fault::new("`in` with null").help("write default(…, []) around what may be null")),
        Value::String(_) => Err(Fault::new("`in` looks into lists and maps").help("write x.contains(\"…\")")),
        other => Err(Fault::new(format!("`in` looks into lists and maps, not into {}", kind(other)))),
    }
}
