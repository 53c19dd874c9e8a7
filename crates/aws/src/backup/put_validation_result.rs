//! `backup.put_validation_result`.

use super::spec;
use crate::called::called;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_backup::types::RestoreValidationStatus;
use lifeboat_engine::action::{Accepted, Action, ActionError, Note, Observation, Stage, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// In what was accepted: why AWS Backup did not take the verdict.
const NOT_TAKEN: &str = "not_taken";

/// `backup.put_validation_result`.
pub struct PutValidationResult(pub(crate) Arc<Aws>);

#[async_trait]
impl Action for PutValidationResult {
    fn spec(&self) -> &'static ActionSpec {
        &spec::PUT_VALIDATION_RESULT
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        let call = self
            .0
            .backup(&cx.place.region)
            .put_restore_validation_result()
            .restore_job_id(cx.required("restore_job")?)
            .validation_status(RestoreValidationStatus::from(cx.required("status")?))
            .set_validation_status_message(cx.text("message").map(str::to_owned));
        match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
            Ok(_) => called(cx, "backup", "PutRestoreValidationResult").map(|()| Accepted::default()),
            // It is made for jobs of restore testing; what another job says to it is worth a note (catalogue §3).
            Err(error) if error.code == "InvalidRequestException" => {
                let told = format!("AWS Backup did not take the verdict: {}", error.message);
                cx.note(Note::Evidence {
                    kind: "validation_result".to_owned(),
                    value: told.as_str().into(),
                })?;
                let data = BTreeMap::from([(NOT_TAKEN.to_owned(), told.into())]);
                Ok(Accepted { data, request_id: None })
            }
            Err(error) => Err(error),
        }
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let not_taken = cx.recorded.accepted.iter().any(|(_, _, data)| data.contains_key(NOT_TAKEN));
        let call = self.0.backup(&cx.place.region).describe_restore_job();
        let reply = call.restore_job_id(cx.required("restore_job")?).send().await;
        let reply = reply.map_err(|error| classify(error, Call::Read))?;
        let status = reply.validation_status().map(RestoreValidationStatus::as_str);
        if status == cx.text("status") || not_taken {
            return Ok(Observation::Ready(BTreeMap::from([
                ("accepted".to_owned(), Value::Bool(!not_taken)),
                ("status".to_owned(), status.into()),
            ])));
        }
        Ok(match cx.recorded.accepted.is_empty() {
            true => Observation::Absent,
            false => Observation::InProgress { state: status.unwrap_or("none").to_owned() },
        })
    }
}
