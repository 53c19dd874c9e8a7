//! How instances are looked at that keep their resource id while everything else of them changes: with what happened to
//! them, or with what is left of them.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::events::{self, Query};
use crate::rds::{FOLLOWED, REMAINS, describe};
use async_trait::async_trait;
use aws_sdk_rds::types::Filter;
use lifeboat_engine::action::{ActionError, Place};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How far back events are read, minutes: as long as the longest wait for a change.
const WINDOW_MINUTES: i32 = 180;

/// Looks at instances by resource id, with their events.
pub(crate) struct FollowedInstances(pub(crate) Arc<Aws>);

/// Looks at instances by resource id, and at the automated backups of those that are gone.
pub(crate) struct RemainsOfInstances(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for FollowedInstances {
    fn kind(&self) -> &'static str {
        FOLLOWED
    }

    fn batch(&self) -> usize {
        100
    }

    /// The events' distance (catalogue §5).
    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = by_resource_id(&self.0, place, ids).await?;
        // One call without a source serves all.
        let Some(events) = events::read(&self.0, place, &Query::window(WINDOW_MINUTES)).await? else {
            return Ok(seen);
        };
        for seen in &mut seen {
            let name = seen.attributes.get("instance").and_then(Value::as_str);
            let own = events.iter().filter(|event| name.is_some_and(|name| event.is_of(name)));
            let own = Value::List(own.map(events::Event::value).collect());
            seen.attributes.insert("events".to_owned(), own);
        }
        Ok(seen)
    }
}

#[async_trait]
impl Lookout for RemainsOfInstances {
    fn kind(&self) -> &'static str {
        REMAINS
    }

    fn batch(&self) -> usize {
        100
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = by_resource_id(&self.0, place, ids).await?;
        for gone in seen.iter_mut().filter(|seen| !seen.exists) {
            let backups = backups(&self.0, place, &gone.id).await?;
            gone.attributes.insert("automated_backups".to_owned(), Value::Int(backups));
        }
        Ok(seen)
    }
}

async fn by_resource_id(aws: &Aws, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
    let filter = Filter::builder().name("dbi-resource-id").set_values(Some(ids.to_vec())).build();
    let client = aws.rds(&place.region);
    let (mut found, mut marker) = (BTreeMap::new(), None);
    loop {
        let call = client.describe_db_instances().filters(filter.clone()).set_marker(marker);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        for instance in reply.db_instances() {
            found.insert(instance.dbi_resource_id().unwrap_or_default().to_owned(), describe::seen(instance));
        }
        marker = reply.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    let or_absent = |id: &String| match found.remove(id) {
        Some(seen) => Seen { id: id.clone(), ..seen },
        None => Seen::absent(id),
    };
    Ok(ids.iter().map(or_absent).collect())
}

/// How many automated backups are kept of an instance that is gone.
async fn backups(aws: &Aws, place: &Place, id: &str) -> Result<i64, ActionError> {
    let call = aws.rds(&place.region).describe_db_instance_automated_backups().dbi_resource_id(id);
    match call.send().await.map_err(|error| classify(error, Call::Read)) {
        Ok(reply) => Ok(i64::try_from(reply.db_instance_automated_backups().len()).unwrap_or(i64::MAX)),
        Err(error) if error.code.contains("NotFound") => Ok(0),
        Err(error) => Err(error),
    }
}
