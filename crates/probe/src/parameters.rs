//! Parameters that several probes have.

use lifeboat_engine::action::{ActionError, StepContext};
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// The parameter `port`.
pub(crate) fn port(cx: &StepContext, default: u16) -> Result<u16, ActionError> {
    let Some(port) = cx.with.get("port").and_then(Value::as_int) else { return Ok(default) };
    match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ActionError::refused("parameter", format!("{port} is not a port"))),
    }
}

/// The parameter `timeout`.
pub(crate) fn timeout(cx: &StepContext, default: Duration) -> Result<Duration, ActionError> {
    match cx.with.get("timeout") {
        Some(Value::Duration(limit)) => {
            limit.to_std().ok().filter(|limit| !limit.is_zero()).ok_or_else(|| {
                ActionError::refused("parameter", "the parameter `timeout` must be more than 0s")
            })
        }
        _ => Ok(default),
    }
}

/// A text that may be a secret; nothing where it is absent or null.
pub(crate) fn secret(cx: &StepContext, name: &str) -> Option<Secret> {
    cx.with.get(name).and_then(|value| hidden(name, value))
}

/// A map of texts, each of which may be a secret.
pub(crate) fn secrets(cx: &StepContext, name: &str) -> BTreeMap<String, Secret> {
    match cx.with.get(name) {
        Some(Value::Map(fields)) => {
            fields.iter().filter_map(|(key, value)| Some((key.clone(), hidden(key, value)?))).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn hidden(name: &str, value: &Value) -> Option<Secret> {
    match value {
        Value::Null => None,
        Value::Secret(secret) => Some(secret.clone()),
        other => Some(Secret::new(name, other.to_string())),
    }
}

/// A list; one value stands for a list of one.
pub(crate) fn list(cx: &StepContext, name: &str) -> Vec<Value> {
    match cx.with.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// Whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> Value {
    Value::Int(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
