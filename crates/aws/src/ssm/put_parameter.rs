//! `ssm.put_parameter`.
//!
//! Parameter Store has no tokens. A version is ours when it is the one after the version that was captured and holds
//! what this step wrote. The value that was there before is kept nowhere but in Parameter Store: the undo reads it there
//! by its number.

use super::{PARAMETER, spec};
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_ssm::types::{ParameterHistory, ParameterType};
use lifeboat_engine::action::{
    Accepted, Action, ActionError, Observation, Prepared, Stage, StepContext, UndoObservation, Values,
};
use lifeboat_engine::lookout::{Seen, Watch};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `ssm.put_parameter`.
pub struct PutParameter(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for PutParameter {
    fn spec(&self) -> &'static ActionSpec {
        &spec::PUT_PARAMETER
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let name = cx.required("name")?;
        value(cx)?;
        let newest = self.newest(cx, name).await?;
        let version = newest.as_ref().map_or(0, ParameterHistory::version);
        if let Some(expected) = cx.with.get("expect_version").and_then(Value::as_int)
            && expected != version
        {
            let message = format!("`{name}` has version {version}, and {expected} was expected");
            return Err(ActionError::refused("unexpected_version", message)
                .hint("somebody wrote it: look at it, and say the version it has now"));
        }
        let kind = newest.as_ref().and_then(|newest| newest.r#type()).map(ParameterType::as_str);
        let key = newest.as_ref().and_then(|newest| newest.key_id());
        let captured = BTreeMap::from([
            ("kms_key".to_owned(), key.into()),
            ("type".to_owned(), kind.into()),
            ("version".to_owned(), version.into()),
        ]);
        Ok(Prepared { token: cx.token(), captured, ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let version =
            self.put(cx, value(cx)?, wanted(cx, "type").unwrap_or("String"), before(cx) > 0).await?;
        Ok(Accepted { data: BTreeMap::from([("version".to_owned(), version.into())]), request_id: None })
    }

    async fn observe(&self, _: &StepContext) -> Result<Observation, ActionError> {
        Ok(Observation::Unknown)
    }

    async fn undo(&self, cx: &StepContext, _: &Stage) -> Result<(), ActionError> {
        let name = cx.required("name")?;
        let client = self.0.ssm(&cx.place.region);
        if before(cx) == 0 {
            let reply = client.delete_parameter().name(name).send().await;
            return match reply.map_err(|error| classify(error, Call::Mutation)) {
                Ok(_) => called(cx, "ssm", "DeleteParameter"),
                Err(error) if error.code.starts_with("ParameterNotFound") => Ok(()),
                Err(error) => Err(error),
            };
        }
        let old = format!("{name}:{}", before(cx));
        let reply = client.get_parameter().name(&old).with_decryption(true).send().await;
        let reply = reply.map_err(|error| classify(error, Call::Read))?;
        let gone = || ActionError::failed("gone", format!("Parameter Store does not have `{old}` any more"));
        let old = reply.parameter().ok_or_else(gone)?;
        let kind = old.r#type().map_or("String", ParameterType::as_str);
        self.put(cx, old.value().ok_or_else(gone)?, kind, true).await.map(drop)
    }

    fn watches(&self, cx: &StepContext) -> Option<Watch> {
        Some(Watch { kind: PARAMETER, place: cx.place.clone(), id: cx.text("name")?.to_owned() })
    }

    fn judge(&self, cx: &StepContext, seen: &Seen) -> Observation {
        let (there, ours) = (version(seen), ours(cx));
        if there < ours {
            // What was accepted is not always seen at once.
            return match cx.recorded.accepted.is_empty() {
                true => Observation::Absent,
                false => Observation::InProgress { state: format!("version {there}") },
            };
        }
        match (there == ours, is_what_we_wrote(cx, seen)) {
            (true, true) => Observation::Ready(outputs(seen)),
            (true, false) => {
                Observation::Foreign { why: format!("somebody else wrote version {there} of `{}`", seen.id) }
            }
            (false, _) => Observation::Broken {
                state: "superseded".to_owned(),
                hint: Some(format!("somebody wrote version {there} after this step")),
            },
        }
    }

    fn judge_undo(&self, cx: &StepContext, seen: &Seen) -> UndoObservation {
        // An older version was never followed by ours; a newer one is the undo's, or not ours to take away.
        match seen.exists && version(seen) == ours(cx) && is_what_we_wrote(cx, seen) {
            true => UndoObservation::Next(Stage::first()),
            false => UndoObservation::Gone,
        }
    }
}

impl PutParameter {
    /// The newest version in the history, which also says the key; nothing where there is no such parameter.
    async fn newest(&self, cx: &StepContext, name: &str) -> Result<Option<ParameterHistory>, ActionError> {
        let mut newest: Option<ParameterHistory> = None;
        let mut next = None;
        loop {
            let call = self.0.ssm(&cx.place.region).get_parameter_history().name(name).set_next_token(next);
            let reply = match call.send().await.map_err(|error| classify(error, Call::Read)) {
                Err(error) if error.code.starts_with("ParameterNotFound") => return Ok(None),
                reply => reply?,
            };
            let found = reply.parameters.unwrap_or_default();
            newest = newest.into_iter().chain(found).max_by_key(ParameterHistory::version);
            next = reply.next_token;
            if next.is_none() {
                return Ok(newest);
            }
        }
    }

    /// Writes a value; gives the version.
    async fn put(
        &self,
        cx: &StepContext,
        value: &str,
        kind: &str,
        overwrite: bool,
    ) -> Result<i64, ActionError> {
        let key = wanted(cx, "kms_key").filter(|_| kind == "SecureString").map(str::to_owned);
        let call = self
            .0
            .ssm(&cx.place.region)
            .put_parameter()
            .name(cx.required("name")?)
            .value(value)
            .r#type(kind.into())
            .set_key_id(key)
            .overwrite(overwrite);
        let reply = call.send().await.map_err(|error| classify(error, Call::Mutation))?;
        called(cx, "ssm", "PutParameter")?;
        Ok(reply.version())
    }
}

/// The new value; a secret as its text.
fn value(cx: &StepContext) -> Result<&str, ActionError> {
    match cx.with.get("value") {
        Some(Value::Secret(secret)) => Ok(secret.expose()),
        _ => cx.required("value"),
    }
}

/// A parameter of the step; else what was captured.
fn wanted<'cx>(cx: &'cx StepContext, name: &str) -> Option<&'cx str> {
    cx.text(name).or_else(|| cx.prepared.captured.get(name).and_then(Value::as_str))
}

/// The version that was there before; 0 where there was none.
fn before(cx: &StepContext) -> i64 {
    cx.prepared.captured.get("version").and_then(Value::as_int).unwrap_or_default()
}

/// The version that this step wrote, or would have.
fn ours(cx: &StepContext) -> i64 {
    let accepted = cx.recorded.accepted.iter().rev().find_map(|(_, _, data)| data.get("version")?.as_int());
    accepted.unwrap_or_else(|| before(cx) + 1)
}

fn version(seen: &Seen) -> i64 {
    seen.attributes.get("version").and_then(Value::as_int).unwrap_or_default()
}

/// Whether a look shows what this step wrote; a value that could not be decrypted speaks not against it.
fn is_what_we_wrote(cx: &StepContext, seen: &Seen) -> bool {
    match (seen.attributes.get("value"), value(cx)) {
        (Some(Value::Secret(there)), Ok(ours)) => there.expose() == ours,
        _ => true,
    }
}

fn outputs(seen: &Seen) -> Values {
    let mut outputs = seen.attributes.clone();
    outputs.retain(|name, _| name != "value");
    outputs
}
