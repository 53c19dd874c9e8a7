//! How DB instances are looked at: many in one call.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::{KIND, describe};
use async_trait::async_trait;
use aws_sdk_rds::types::Filter;
use lifeboat_engine::action::{ActionError, ErrorKind, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at DB instances.
pub(crate) struct Instances(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Instances {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// The limit is not in the service's model; a hundred is its largest page.
    fn batch(&self) -> usize {
        100
    }

    /// AWS publishes no limit for this call (catalogue §5).
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        match self.together(place, ids).await {
            // A policy without `Resource: "*"` permits only calls that name one instance.
            Err(error) if error.kind == ErrorKind::BlockedOnPermission => self.one_by_one(place, ids).await,
            looked => looked,
        }
    }
}

impl Instances {
    async fn together(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let filter = Filter::builder().name("db-instance-id").set_values(Some(ids.to_vec())).build();
        let client = self.0.rds(&place.region);
        let mut seen = BTreeMap::new();
        let mut marker = None;
        loop {
            let call = client.describe_db_instances().filters(filter.clone()).set_marker(marker);
            let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
            seen.extend(reply.db_instances().iter().map(describe::seen).map(|seen| (seen.id.clone(), seen)));
            marker = reply.marker().map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        let or_absent = |id: &String| seen.remove(&id.to_lowercase()).unwrap_or_else(|| Seen::absent(id));
        Ok(ids.iter().map(or_absent).collect())
    }

    async fn one_by_one(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = Vec::new();
        for id in ids {
            seen.push(look_at(&self.0, place, id).await?);
        }
        Ok(seen)
    }
}

/// Looks at one instance by its identifier.
pub(crate) async fn look_at(aws: &Aws, place: &Place, id: &str) -> Result<Seen, ActionError> {
    let reply = aws.rds(&place.region).describe_db_instances().db_instance_identifier(id).send().await;
    match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(reply) => Ok(reply.db_instances().first().map_or_else(|| Seen::absent(id), describe::seen)),
        Err(error) if error.code.starts_with("DBInstanceNotFound") => Ok(Seen::absent(id)),
        Err(error) => Err(error),
    }
}
