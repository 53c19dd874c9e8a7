//! Deleting an instance: protection off, then delete; shared by the action and by the undo of what makes one.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use lifeboat_engine::action::{Accepted, ActionError, Note, Stage, StepContext};
use lifeboat_engine::lookout::Seen;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// The stage after the one that switches protection off.
pub(crate) const DELETE: &str = "delete";

/// What is to become of its backups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backups {
    /// The snapshot to keep.
    pub(crate) final_snapshot: Option<String>,
    /// Whether automated backups go too.
    pub(crate) delete_automated: bool,
}

/// Whether a look shows deletion protection.
pub(crate) fn is_protected(seen: &Seen) -> bool {
    seen.attributes.get("deletion_protection").and_then(Value::as_bool) == Some(true)
}

/// Whether it is going already.
pub(crate) fn is_going(seen: &Seen) -> bool {
    seen.state.as_deref() == Some("deleting")
}

/// One mutation: deletion itself in its own stage, else the end of protection.
pub(crate) async fn act(
    aws: &Aws,
    cx: &StepContext,
    id: &str,
    stage: &Stage,
    backups: &Backups,
) -> Result<Accepted, ActionError> {
    match stage.as_str() {
        DELETE => delete(aws, cx, id, backups).await,
        _ => unprotect(aws, cx, id).await,
    }
}

async fn unprotect(aws: &Aws, cx: &StepContext, id: &str) -> Result<Accepted, ActionError> {
    let call = aws
        .rds(&cx.place.region)
        .modify_db_instance()
        .db_instance_identifier(id)
        .deletion_protection(false)
        .apply_immediately(true);
    match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
        Ok(_) => accepted(cx, "ModifyDBInstance"),
        Err(error) if error.code.starts_with("DBInstanceNotFound") => Ok(Accepted::default()),
        Err(error) => Err(error),
    }
}

async fn delete(aws: &Aws, cx: &StepContext, id: &str, backups: &Backups) -> Result<Accepted, ActionError> {
    let call = aws
        .rds(&cx.place.region)
        .delete_db_instance()
        .db_instance_identifier(id)
        .skip_final_snapshot(backups.final_snapshot.is_none())
        .set_final_db_snapshot_identifier(backups.final_snapshot.clone())
        .delete_automated_backups(backups.delete_automated);
    match call.send().await.map_err(|error| classify(error, Call::Mutation)) {
        Ok(_) => accepted(cx, "DeleteDBInstance"),
        Err(error) if error.code.starts_with("DBInstanceNotFound") => Ok(Accepted::default()),
        Err(error) => Err(error),
    }
}

/// Journals the call.
pub(crate) fn accepted(cx: &StepContext, operation: &str) -> Result<Accepted, ActionError> {
    cx.note(Note::Call {
        service: "rds".to_owned(),
        operation: operation.to_owned(),
        request_id: None,
        status: 200,
    })?;
    Ok(Accepted { data: BTreeMap::new(), request_id: None })
}
