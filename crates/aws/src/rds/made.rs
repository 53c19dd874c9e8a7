//! Instances that a step made, by the tags that prove it: also when somebody has renamed one, so that nothing is taken for
//! gone that only bears another name.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::{MADE, describe, instances};
use async_trait::async_trait;
use lifeboat_engine::action::{ActionError, ErrorKind, Place, StepContext};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks at instances by name, and where a name is free, at all there are by their tags.
pub(crate) struct MadeInstances(pub(crate) Arc<Aws>);

/// What identifies what a step made: its name, and the two tags of the attempt. None of the three holds a space.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    name: String,
    run: String,
    step: String,
}

impl Made {
    fn of(cx: &StepContext, name: &str) -> Self {
        let mut tags = cx.tags();
        let mut tag = |key: &str| tags.remove(key).unwrap_or_default();
        Self { name: name.to_owned(), run: tag("lifeboat:run"), step: tag("lifeboat:step") }
    }

    fn read(id: &str) -> Self {
        let mut parts = id.splitn(3, ' ').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Self { name: part(), run: part(), step: part() }
    }

    fn id(&self) -> String {
        format!("{} {} {}", self.name, self.run, self.step)
    }

    fn is(&self, tags: &BTreeMap<String, String>) -> bool {
        let has = |key: &str, text: &str| tags.get(key).is_some_and(|tag| tag == text);
        has("lifeboat:run", &self.run) && has("lifeboat:step", &self.step)
    }
}

/// The id under which what a step made under `name` is looked at.
pub(crate) fn id(cx: &StepContext, name: &str) -> String {
    Made::of(cx, name).id()
}

/// The name that what a step made bears now; the one it was given where nothing of it is to be seen.
pub(crate) async fn name_now(aws: &Aws, cx: &StepContext, name: &str) -> Result<String, ActionError> {
    let made = Made::of(cx, name);
    let seen = look_at(aws, &cx.place, &made).await?;
    let now = seen.attributes.get("instance").and_then(Value::as_str);
    Ok(now.unwrap_or(name).to_owned())
}

#[async_trait]
impl Lookout for MadeInstances {
    fn kind(&self) -> &'static str {
        MADE
    }

    /// What is being taken away is little, and each is looked for by itself.
    fn batch(&self) -> usize {
        1
    }

    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn fold(&self, id: &str) -> String {
        id.to_owned()
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = Vec::new();
        for id in ids {
            let found = look_at(&self.0, place, &Made::read(id)).await?;
            seen.push(Seen { id: id.clone(), ..found });
        }
        Ok(seen)
    }
}

/// By its name; where that is free or another's, among all there are.
async fn look_at(aws: &Aws, place: &Place, made: &Made) -> Result<Seen, ActionError> {
    let named = instances::look_at(aws, place, &made.name).await?;
    if made.is(&named.tags) {
        return Ok(named);
    }
    match by_tags(aws, place, made).await {
        Ok(Some(renamed)) => Ok(renamed),
        // A policy may permit a look at the name only.
        Err(error) if error.kind == ErrorKind::BlockedOnPermission => Ok(named),
        Ok(None) => Ok(named),
        Err(error) => Err(error),
    }
}

async fn by_tags(aws: &Aws, place: &Place, made: &Made) -> Result<Option<Seen>, ActionError> {
    let client = aws.rds(&place.region);
    let mut marker = None;
    loop {
        let call = client.describe_db_instances().set_marker(marker);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let found = reply.db_instances().iter().map(describe::seen).find(|seen| made.is(&seen.tags));
        marker = reply.marker().map(str::to_owned);
        if found.is_some() || marker.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::testing::context;

    #[test]
    fn what_identifies_it_is_read_as_it_was_written() {
        let cx = context(&[]);
        let made = Made::of(&cx, "copy");
        assert_eq!(Made::read(&id(&cx, "copy")), made);
        assert!(made.is(&cx.tags()));
        let mut other = cx.clone();
        other.attempt = 2;
        assert!(!made.is(&other.tags()), "another attempt's is not this one's");
        assert!(!Made::read("copy").is(&BTreeMap::new()));
    }
}
