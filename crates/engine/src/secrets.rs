//! Secrets: fetched when a step needs them, hidden from everything that is written, kept in memory only.

use crate::action::{ActionError, Place};
use async_trait::async_trait;
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{SecretStore, Step, Undo, Work};
use lifeboat_runbook::value::{Secret, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Where a secret is kept, with all values filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which kind of place.
    pub store: SecretStore,
    /// Its name there: a name or ARN, a variable, a path.
    pub name: String,
    /// The Region of the store.
    pub region: String,
    /// Secrets Manager's version stage; nothing means `AWSCURRENT`.
    pub version_stage: Option<String>,
}

/// A secret that was fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its text.
    pub text: String,
    /// The version, where the store has versions.
    pub version: Option<String>,
}

/// Somebody who can read secrets.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// Reads a secret.
    ///
    /// # Errors
    /// Why it cannot be read; never with the secret in it.
    async fn fetch(&self, place: &Place, reference: &Reference) -> Result<Fetched, ActionError>;
}

/// No secrets at all.
pub struct NoSecrets;

#[async_trait]
impl SecretSource for NoSecrets {
    async fn fetch(&self, _: &Place, reference: &Reference) -> Result<Fetched, ActionError> {
        Err(ActionError::refused("NoSecret", format!("nobody here can read the secret {}", reference.name)))
    }
}

/// What has been fetched or seen in this process and may never be written.
#[derive(Default)]
pub struct Keyring {
    /// Secrets of the runbook, by name.
    pub(crate) secrets: BTreeMap<String, Value>,
    /// Sensitive outputs, by step and name.
    pub(crate) outputs: BTreeMap<(StepPath, String), Value>,
}

/// The value of a secret: the whole text, or one key of it where it is a JSON object.
///
/// # Errors
/// When there is no such key; the message holds nothing of the text.
pub(crate) fn value_of(name: &str, fetched: &Fetched, key: Option<&str>) -> Result<Secret, ActionError> {
    let Some(key) = key else { return Ok(Secret::new(name, &fetched.text)) };
    let refuse = |why: String| ActionError::refused("secret", format!("the secret `{name}` {why}"));
    let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(&fetched.text)
        .map_err(|_| refuse(format!("is not a JSON object, so it has no key `{key}`")))?;
    match fields.get(key) {
        Some(serde_json::Value::String(text)) => Ok(Secret::new(name, text)),
        Some(serde_json::Value::Null) | None => {
            let keys = fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(refuse(format!("has no key `{key}`")).hint(format!("it has: {keys}")))
        }
        Some(other) => Ok(Secret::new(name, other.to_string())),
    }
}

/// The names of the secrets that a step refers to, where it acts and where it is undone.
pub(crate) fn named_in(step: &Step) -> BTreeSet<String> {
    expressions(step)
        .into_iter()
        .flat_map(Expression::references)
        .filter_map(|reference| match reference.names.as_slice() {
            [root, name, ..] if root == "secrets" => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// The outputs of other steps that a step refers to: the step's id and the output's name.
pub(crate) fn outputs_named_in(step: &Step) -> BTreeSet<(String, String)> {
    expressions(step)
        .into_iter()
        .flat_map(Expression::references)
        .filter_map(|reference| match reference.names.as_slice() {
            [root, id, property, name, ..] if root == "steps" && property == "outputs" => {
                Some((id.clone(), name.clone()))
            }
            _ => None,
        })
        .collect()
}

fn expressions(step: &Step) -> Vec<&Expression> {
    let with = match &step.work {
        Work::Action { with, .. } => Some(with),
        _ => None,
    };
    let undo = match &step.undo {
        Undo::Action { with, .. } => Some(with),
        _ => None,
    };
    with.into_iter()
        .chain(undo)
        .flat_map(BTreeMap::values)
        .flat_map(|template| template.expressions())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_out_of_a_json_object() {
        let fetched =
            Fetched { text: r#"{"password": "hunter2hunter2", "port": 5432}"#.into(), version: None };
        assert_eq!(value_of("db", &fetched, Some("password")).unwrap().expose(), "hunter2hunter2");
        assert_eq!(value_of("db", &fetched, Some("port")).unwrap().expose(), "5432");
        assert_eq!(value_of("db", &fetched, None).unwrap().expose(), fetched.text);
        let error = value_of("db", &fetched, Some("pasword")).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("it has: password, port"));
        let text = Fetched { text: "hunter2hunter2".into(), version: None };
        let error = value_of("db", &text, Some("password")).unwrap_err();
        assert!(!error.message.contains("hunter2"), "{error}");
    }
}
