//! Parameters of a step that Systems Manager takes as lists of texts.

use aws_sdk_ssm::types::Target;
use lifeboat_engine::action::StepContext;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// What `targets` names.
pub(super) fn targets(cx: &StepContext) -> Vec<Target> {
    let target = |(key, values)| Target::builder().key(key).set_values(Some(values)).build();
    fields(cx, "targets").into_iter().map(target).collect()
}

/// A map whose values are texts or lists of them.
pub(super) fn fields(cx: &StepContext, name: &str) -> BTreeMap<String, Vec<String>> {
    match cx.with.get(name) {
        Some(Value::Map(given)) => {
            given.iter().map(|(key, value)| (key.clone(), texts(Some(value)))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A list of texts; one value stands for a list of one.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(items)) => items.iter().map(Value::to_string).collect(),
        Some(one) => vec![one.to_string()],
    }
}
