//! `secretsmanager.update_keys`.
//!
//! The token of the attempt becomes the id of the new version, so that a look tells whether it was made, and by whom.
//! What the secret holds is read when it is written and goes nowhere else.

use super::secrets::look_at;
use super::{KIND, spec};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Observation, Prepared, Stage, StepContext, UndoObservation,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label of the version that readers get.
const CURRENT: &str = "AWSCURRENT";

/// `secretsmanager.update_keys`.
pub struct UpdateKeys(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for UpdateKeys {
    fn spec(&self) -> &'static ActionSpec {
        &spec::UPDATE_KEYS
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let id = cx.required("secret")?;
        if keys(cx)?.is_empty() {
            return Err(ActionError::refused("parameter", "`set` names no key"));
        }
        let seen = look_at(&self.0, &cx.place, id).await?;
        let previous = holder(&seen).filter(|_| seen.state.is_none()).ok_or_else(|| {
            let message = format!("there is no secret `{id}` that has a current value");
            ActionError::refused("ResourceNotFoundException", message).hint(
                "look at the name, the account and the Region; a secret may be waiting for its deletion",
            )
        })?;
        let captured = BTreeMap::from([
            ("arn".to_owned(), seen.attributes.get("arn").cloned().unwrap_or(Value::Null)),
            ("version_id".to_owned(), previous.into()),
        ]);
        Ok(Prepared { token: cx.token(), captured, ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let id = cx.required("secret")?;
        let client = self.0.secretsmanager(&cx.place.region);
        let current = client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await;
        let current = current.map_err(|error| classify(error, Call::Read))?;
        if current.version_id() == Some(ours(cx)) {
            return Ok(Accepted::default());
        }
        if current.version_id() != previous(cx) {
            let message = format!("the secret `{id}` got another value meanwhile");
            return Err(
                ActionError::refused("superseded", message).hint("start again, from the value it has now")
            );
        }
        let text = merged(id, current.secret_string(), keys(cx)?)?;
        let put = client.put_secret_value().secret_id(id).client_request_token(ours(cx)).secret_string(text);
        match put.send().await.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => called(cx, "secretsmanager", "PutSecretValue").map(|()| Accepted::default()),
            // A version with our id is there already: a look tells what became of it.
            Err(error) if error.code == "ResourceExistsException" => {
                Err(ActionError { kind: ErrorKind::Unknown, ..error })
            }
            Err(error) => Err(error),
        }
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        // AWS refuses to take the label from a version that does not have it, also where that is done already.
        let seen = look_at(&self.0, &cx.place, cx.required("secret")?).await?;
        if holder(&seen).as_deref() != Some(ours(cx)) {
            return Ok(());
        }
        let call = self
            .0
            .secretsmanager(&cx.place.region)
            .update_secret_version_stage()
            .secret_id(cx.required("secret")?)
            .version_stage(CURRENT)
            .remove_from_version_id(ours(cx))
            .set_move_to_version_id(previous(cx).map(str::to_owned));
        call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "secretsmanager", "UpdateSecretVersionStage")
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: KIND, place: cx.place.clone(), id: cx.text("secret")?.to_owned() })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        let broken = |state: &str, hint: &str| Observation::Broken {
            state: state.to_owned(),
            hint: Some(hint.to_owned()),
        };
        match (&seen.state, holder(seen)) {
            (Some(_), _) => broken("deleted", "somebody asked for the deletion of the secret"),
            (None, Some(current)) if current == ours(cx) => Observation::Ready(outputs(cx, seen)),
            (None, _) if versions(seen).contains_key(ours(cx)) => {
                broken("superseded", "somebody wrote another value after this step did")
            }
            _ => Observation::Absent,
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        match (holder(seen), &seen.state) {
            (Some(current), Some(_)) if current == ours(cx) => UndoObservation::Failed {
                why: "a secret that waits for its deletion takes no change: restore it first".to_owned(),
            },
            (Some(current), None) if current == ours(cx) => UndoObservation::Next(Stage::first()),
            // Never written, taken back, or followed by a value that is not ours to take away.
            _ => UndoObservation::Gone,
        }
    }
}

fn ours(cx: &StepContext) -> &str {
    &cx.prepared.token
}

fn previous(cx: &StepContext) -> Option<&str> {
    cx.prepared.captured.get("version_id").and_then(Value::as_str)
}

fn versions(seen: &Seen) -> BTreeMap<String, Value> {
    match seen.attributes.get("versions") {
        Some(Value::Map(versions)) => versions.clone(),
        _ => BTreeMap::new(),
    }
}

/// The id of the version that is current.
fn holder(seen: &Seen) -> Option<String> {
    let is_current = |stages: &Value| matches!(stages, Value::List(held) if held.contains(&CURRENT.into()));
    versions(seen).into_iter().find(|(_, stages)| is_current(stages)).map(|(version, _)| version)
}

fn keys(cx: &StepContext) -> Result<&BTreeMap<String, Value>, ActionError> {
    match cx.with.get("set") {
        Some(Value::Map(keys)) => Ok(keys),
        _ => Err(ActionError::refused("MissingParameter", "the parameter `set` has no value")),
    }
}

/// The secret's text with some keys changed. Its words never stand in an error.
fn merged(id: &str, text: Option<&str>, keys: &BTreeMap<String, Value>) -> Result<String, ActionError> {
    let refuse = || {
        ActionError::refused("not_json", format!("the secret `{id}` is not a JSON object"))
            .hint("only keys of a JSON object can be updated")
    };
    let mut fields = match text.map(serde_json::from_str) {
        Some(Ok(serde_json::Value::Object(fields))) => fields,
        _ => return Err(refuse()),
    };
    fields.extend(keys.iter().map(|(key, value)| (key.clone(), json(value))));
    serde_json::to_string(&fields).map_err(|_| refuse())
}

/// A value as JSON; a secret as its text, which is what the secret is to hold.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Secret(secret) => secret.expose().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(fields) => fields.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
        plain => serde_json::to_value(plain).unwrap_or_default(),
    }
}

fn outputs(cx: &StepContext, seen: &Seen) -> BTreeMap<String, Value> {
    BTreeMap::from([
        ("arn".to_owned(), seen.attributes.get("arn").cloned().unwrap_or(Value::Null)),
        ("previous_version_id".to_owned(), previous(cx).into()),
        ("version_id".to_owned(), ours(cx).into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::value::Secret;

    #[test]
    fn only_the_named_keys_change() {
        let keys = BTreeMap::from([
            ("host".to_owned(), "copy.example".into()),
            ("password".to_owned(), Secret::new("p", "new-password").into()),
            ("port".to_owned(), Value::Int(5433)),
        ]);
        let text = r#"{"username":"app","password":"old","host":"prod.example","port":5432}"#;
        let merged: serde_json::Value =
            serde_json::from_str(&merged("orders/db", Some(text), &keys).unwrap()).unwrap();
        let expected = serde_json::json!({
            "username": "app", "password": "new-password", "host": "copy.example", "port": 5433
        });
        assert_eq!(merged, expected);
    }

    #[test]
    fn what_is_no_json_object_is_refused_and_not_repeated() {
        for text in [None, Some("hunter22"), Some("[\"hunter22\"]")] {
            let error = merged("orders/db", text, &BTreeMap::new()).unwrap_err();
            assert_eq!(error.message, "the secret `orders/db` is not a JSON object");
        }
    }
}
