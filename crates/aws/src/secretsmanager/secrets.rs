//! How secrets are looked at: which version has which label, never what it holds.

use super::KIND;
use crate::connect::Aws;
use crate::errors::{Call, classify};
use async_trait::async_trait;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at secrets.
pub struct Secrets(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Secrets {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn batch(&self) -> usize {
        1
    }

    /// AWS publishes no limit that matters for one secret (catalogue §5).
    fn every(&self) -> Duration {
        Duration::from_secs(2)
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

/// Looks at one secret by its name or ARN.
pub(crate) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let reply = aws.secretsmanager(&place.region).describe_secret().secret_id(id).send().await;
    match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(reply) => Ok(seen(id, &reply)),
        Err(error) if error.code == "ResourceNotFoundException" => Ok(Seen::absent(id)),
        Err(error) => Err(error),
    }
}

fn seen(id: &str, secret: &DescribeSecretOutput) -> Seen {
    let stages = |stages: &Vec<String>| Value::List(stages.iter().map(|it| it.as_str().into()).collect());
    let versions = secret.version_ids_to_stages().into_iter().flatten();
    let versions = versions.map(|(version, held)| (version.clone(), stages(held))).collect();
    let tags = secret.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())));
    Seen {
        id: id.to_owned(),
        exists: true,
        state: secret.deleted_date().map(|_| "deleted".to_owned()),
        tags: tags.collect(),
        attributes: BTreeMap::from([
            ("arn".to_owned(), secret.arn().into()),
            ("versions".to_owned(), Value::Map(versions)),
        ]),
        ..Seen::default()
    }
}
