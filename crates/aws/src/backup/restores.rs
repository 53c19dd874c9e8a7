//! How restore jobs are looked at, each with the DB instance that it makes.

use super::RESTORE_JOB;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::look_at_instance;
use async_trait::async_trait;
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use std::sync::Arc;
use std::time::Duration;

/// Looks at restore jobs.
pub struct RestoreJobs(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for RestoreJobs {
    fn kind(&self) -> &'static str {
        RESTORE_JOB
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

/// A job whose id is not known, because the reply that held it was lost: the same recovery point under the same role,
/// asked for since the intent was written (catalogue §1). It is an identifier like any other.
pub(crate) fn sought(since: DateTime<Utc>, role: &str, recovery_point: &str) -> String {
    format!("{SOUGHT}{}|{role}|{recovery_point}", since.timestamp())
}

/// What an identifier of a sought job begins with; none of AWS Backup's does.
const SOUGHT: char = '?';

/// Looks at one job, by its id or as one that is sought, and at the instance that it says it makes. Its state is the
/// job's; what is known of the instance are the attributes, its own state among them as `status`.
pub(crate) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let found = match id.strip_prefix(SOUGHT) {
        Some(sought) => find(aws, place, sought).await?,
        None => Some(id.to_owned()),
    };
    let Some(job) = found else { return Ok(Seen::absent(id)) };
    let reply = aws.backup(&place.region).describe_restore_job().restore_job_id(&job).send().await;
    let reply = match reply.map_err(|error| classify(error, Call::Read)) {
        Err(error) if error.code == "ResourceNotFoundException" => return Ok(Seen::absent(id)),
        reply => reply?,
    };
    let name = reply.created_resource_arn().and_then(|arn| arn.rsplit_once(":db:")).map(|(_, name)| name);
    let instance = match name {
        Some(name) => look_at_instance(aws, place, name).await?,
        None => Seen::default(),
    };
    let mut seen =
        Seen { id: id.to_owned(), exists: true, attributes: instance.attributes, ..Seen::default() };
    seen.tags = instance.tags;
    seen.state = reply.status().map(|status| status.as_str().to_owned());
    seen.attributes.insert("job".to_owned(), job.into());
    seen.attributes.insert("message".to_owned(), reply.status_message().into());
    Ok(seen)
}

async fn find(aws: &Aws, place: &Place, sought: &str) -> Result<Option<String>, ActionError> {
    let mut parts = sought.splitn(3, '|');
    let since = parts.next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    let (role, point) = (parts.next(), parts.next());
    let call = aws.backup(&place.region).list_restore_jobs().by_created_after(SdkTime::from_secs(since));
    let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
    let same = |job: &&aws_sdk_backup::types::RestoreJobsListMember| {
        job.iam_role_arn() == role && job.recovery_point_arn() == point
    };
    Ok(reply.restore_jobs().iter().find(same).and_then(|job| job.restore_job_id()).map(str::to_owned))
}
