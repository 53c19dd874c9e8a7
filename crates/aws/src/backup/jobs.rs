//! How backup jobs are looked at, each with its recovery point.

use super::BACKUP_JOB;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::time;
use async_trait::async_trait;
use aws_sdk_backup::operation::describe_backup_job::DescribeBackupJobOutput;
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, Place, Values};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// Looks at backup jobs.
pub struct BackupJobs(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for BackupJobs {
    fn kind(&self) -> &'static str {
        BACKUP_JOB
    }

    fn batch(&self) -> usize {
        1
    }

    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = Vec::new();
        for id in ids {
            seen.push(look_at(&self.0, place, id).await?);
        }
        Ok(seen)
    }
}

/// A job whose id is not known, because the reply that held it was lost: the same backup under the same role, asked for
/// since the intent was written (catalogue §1). It is an identifier like any other.
pub(crate) struct Sought<'step> {
    pub(crate) since: DateTime<Utc>,
    pub(crate) vault: &'step str,
    pub(crate) role: &'step str,
    pub(crate) resource: &'step str,
}

/// What an identifier of a sought job begins with; none of AWS Backup's does.
const SOUGHT: char = '?';

impl Sought<'_> {
    /// As an identifier.
    pub(crate) fn id(&self) -> String {
        let Self { since, vault, role, resource } = self;
        format!("{SOUGHT}{}|{vault}|{role}|{resource}", since.timestamp())
    }
}

/// Looks at one job, by its id or as one that is sought.
pub(crate) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let found = match id.strip_prefix(SOUGHT) {
        Some(sought) => find(aws, place, sought).await?,
        None => Some(id.to_owned()),
    };
    let Some(job) = found else { return Ok(Seen::absent(id)) };
    let reply = aws.backup(&place.region).describe_backup_job().backup_job_id(job).send().await;
    let job = match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(job) => job,
        Err(error) if error.code == "ResourceNotFoundException" => return Ok(Seen::absent(id)),
        Err(error) => return Err(error),
    };
    Ok(Seen {
        id: id.to_owned(),
        exists: true,
        state: job.state().map(|state| state.as_str().to_owned()),
        attributes: attributes(aws, place, &job).await?,
        ..Seen::default()
    })
}

async fn find(aws: &Aws, place: &Place, sought: &str) -> Result<Option<String>, ActionError> {
    let mut parts = sought.splitn(4, '|');
    let since = parts.next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let (vault, role, resource) = (parts.next(), parts.next(), parts.next());
    let call = aws
        .backup(&place.region)
        .list_backup_jobs()
        .by_created_after(SdkTime::from_secs(since))
        .set_by_backup_vault_name(vault.map(str::to_owned))
        .set_by_resource_arn(resource.map(str::to_owned));
    let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
    let same = reply.backup_jobs().iter().find(|job| job.iam_role_arn() == role);
    Ok(same.and_then(|job| job.backup_job_id()).map(str::to_owned))
}

async fn attributes(aws: &Aws, place: &Place, job: &DescribeBackupJobOutput) -> Result<Values, ActionError> {
    let mut found = Values::from([
        ("job".to_owned(), job.backup_job_id().into()),
        ("message".to_owned(), job.status_message().into()),
        ("vault".to_owned(), job.backup_vault_name().into()),
    ]);
    let (Some(vault), Some(arn)) = (job.backup_vault_name(), job.recovery_point_arn()) else {
        return Ok(found);
    };
    let call = aws.backup(&place.region).describe_recovery_point();
    let reply = call.backup_vault_name(vault).recovery_point_arn(arn).send().await;
    match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(point) => {
            found.insert("data_time".to_owned(), time(point.creation_date()).into());
            found.insert("point_state".to_owned(), point.status().map(|status| status.as_str()).into());
        }
        Err(error) if error.code == "ResourceNotFoundException" => {}
        Err(error) => return Err(error),
    }
    found.insert("recovery_point".to_owned(), Value::from(arn));
    Ok(found)
}
