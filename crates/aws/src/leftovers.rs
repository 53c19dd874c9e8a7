//! What carries Lifeboat's tags, found without any journal: by the Resource Groups Tagging API, and by the lists of the
//! services themselves, which know more of each and are right at once.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::EXPIRES_AFTER;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::name;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::units;
use serde::Serialize;
use std::collections::BTreeMap;

/// The tag that says which run made something.
pub const RUN_TAG: &str = "lifeboat:run";

/// Something that carries the tags of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leftover {
    /// The run.
    pub run: RunId,
    /// Its runbook.
    pub runbook: String,
    /// `rds:db`; what Lifeboat does not know has the words of its ARN.
    pub kind: String,
    /// Its identifier.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// The step that made it; nothing for a lock.
    pub step: Option<StepPath>,
    /// The attempt of the step.
    pub attempt: Option<u32>,
    /// When it was made, as the service says, else as its tags do.
    pub created: Option<DateTime<Utc>>,
    /// After this nobody needs it, says its tag.
    pub expires: Option<DateTime<Utc>>,
    /// Its state, in the service's words.
    pub state: Option<String>,
    /// What it is that costs: class and size.
    pub size: Option<String>,
    /// Whether its name is one that Lifeboat made for that step. AWS copies tags: of an instance to its snapshots, and
    /// of a snapshot to what is restored from it. What bears another name may be somebody else's.
    pub own_name: bool,
}

/// What was found in a Region.
#[derive(Debug, Default)]
pub struct Found {
    /// By ARN.
    pub leftovers: BTreeMap<String, Leftover>,
    /// What could not be looked at: the permission it needs, and what was answered.
    pub blind: Vec<(&'static str, ActionError)>,
}

/// Looks for everything in a Region that carries a run's tags.
pub async fn find(aws: &Aws, region: &str) -> Found {
    let mut found = Found::default();
    let tagged = by_tagging_api(aws, region).await;
    found.take("tag:GetResources", tagged);
    // These later: they know more.
    found.take("rds:DescribeDBInstances", instances(aws, region).await);
    found.take("rds:DescribeDBSnapshots", snapshots(aws, region).await);
    found
}

impl Found {
    fn take(&mut self, permission: &'static str, found: Result<Vec<Leftover>, ActionError>) {
        match found {
            Ok(found) => self.leftovers.extend(found.into_iter().map(|it| (it.arn.clone(), it))),
            Err(error) => self.blind.push((permission, error)),
        }
    }
}

async fn by_tagging_api(aws: &Aws, region: &str) -> Result<Vec<Leftover>, ActionError> {
    let client = aws.resourcegroupstagging(region);
    let filter = TagFilter::builder().key(RUN_TAG).build();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let call = client.get_resources().tag_filters(filter.clone()).set_pagination_token(token);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        for resource in reply.resource_tag_mapping_list() {
            let tags = resource.tags().iter();
            let tags = tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            found.extend(resource.resource_arn().and_then(|arn| leftover(arn, &tags)));
        }
        token = reply.pagination_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn instances(aws: &Aws, region: &str) -> Result<Vec<Leftover>, ActionError> {
    let client = aws.rds(region);
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = client.describe_db_instances().set_marker(marker);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        for instance in reply.db_instances() {
            let leftover =
                leftover(instance.db_instance_arn().unwrap_or_default(), &tags(instance.tag_list()));
            found.extend(leftover.map(|leftover| Leftover {
                created: instance.instance_create_time().and_then(time).or(leftover.created),
                state: instance.db_instance_status().map(str::to_owned),
                size: instance.db_instance_class().map(|class| {
                    format!("{class}, {} GiB", instance.allocated_storage().unwrap_or_default())
                }),
                ..leftover
            }));
        }
        marker = reply.marker().map(str::to_owned);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn snapshots(aws: &Aws, region: &str) -> Result<Vec<Leftover>, ActionError> {
    let client = aws.rds(region);
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = client.describe_db_snapshots().set_marker(marker);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        for snapshot in reply.db_snapshots() {
            let leftover =
                leftover(snapshot.db_snapshot_arn().unwrap_or_default(), &tags(snapshot.tag_list()));
            found.extend(leftover.map(|leftover| Leftover {
                created: snapshot.snapshot_create_time().and_then(time).or(leftover.created),
                state: snapshot.status().map(str::to_owned),
                size: snapshot.allocated_storage().map(|gib| format!("{gib} GiB")),
                ..leftover
            }));
        }
        marker = reply.marker().map(str::to_owned);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

fn tags(list: &[aws_sdk_rds::types::Tag]) -> BTreeMap<String, String> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    list.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}

fn time(time: &SdkTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time.to_millis().ok()?)
}

/// Something by its ARN and its tags; nothing where they are not those of a run.
fn leftover(arn: &str, tags: &BTreeMap<String, String>) -> Option<Leftover> {
    let run = RunId::new(tags.get(RUN_TAG)?.as_str());
    let [_, _, service, region, account, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (word, id) = match (resource.split_once(':'), resource.split_once('/')) {
        (Some((word, id)), _) => (word, id.to_owned()),
        (None, Some((word, id))) if service == "ssm" => (word, format!("/{id}")),
        (None, Some((word, id))) => (word, id.to_owned()),
        (None, None) => ("", resource.to_owned()),
    };
    let (step, attempt) = tags.get("lifeboat:step").and_then(|tag| name::step_of_tag(tag)).unzip();
    let named = step.as_ref().zip(attempt);
    let own_name = match named {
        Some((step, attempt)) => name::is_made_for(&id, &run, step, attempt),
        // A lock: its text says whose it is.
        None => service == "ssm",
    };
    let expires = tags.get("lifeboat:expires").and_then(|text| units::parse_time(text));
    Some(Leftover {
        run,
        runbook: tags.get("lifeboat:runbook").cloned().unwrap_or_default(),
        kind: if word.is_empty() { service.to_owned() } else { format!("{service}:{word}") },
        id,
        arn: arn.to_owned(),
        account: account.to_owned(),
        region: region.to_owned(),
        step,
        attempt,
        created: expires.map(|expires| expires - EXPIRES_AFTER),
        expires,
        state: None,
        size: None,
        own_name,
    })
}

/// By the undo of which action things of a kind are taken away, and the name under which that action knows its thing. A
/// kind more is a line here.
const BY: [(&str, &str, &str); 2] = [
    (crate::rds::KIND, "rds.restore_to_point_in_time", "instance"),
    (crate::rds::SNAPSHOT, "rds.create_snapshot", "snapshot"),
];

/// The action whose undo takes something of this kind away, and the name under which it knows its thing; nothing where
/// Lifeboat makes nothing of that kind.
pub fn taken_away_by(kind: &str) -> Option<(&'static str, &'static str)> {
    BY.iter().find(|(known, ..)| *known == kind).map(|(_, action, name)| (*action, *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(name: &str) -> Option<Leftover> {
        let tags = BTreeMap::from([
            (RUN_TAG.to_owned(), "k3v7qa2mxyz4567b".to_owned()),
            ("lifeboat:runbook".to_owned(), "book".to_owned()),
            ("lifeboat:step".to_owned(), "each=orders+restore@2".to_owned()),
            ("lifeboat:expires".to_owned(), "2026-01-06T09:00:00Z".to_owned()),
        ]);
        leftover(&format!("arn:aws:rds:eu-west-1:111122223333:db:{name}"), &tags)
    }

    #[test]
    fn tags_say_what_something_is_and_its_name_whether_it_is_the_runs_own() {
        let (run, path) = (RunId::new("k3v7qa2mxyz4567b"), StepPath::new("each[orders].restore"));
        let charset = name::Charset::LowerHyphen;
        let made = name::resource_name("book", &run, &path, 2, 63, charset);
        let own = marked(&made).unwrap();
        assert_eq!((own.step, own.attempt, own.own_name), (Some(path.clone()), Some(2), true));
        assert_eq!((own.kind.as_str(), own.account.as_str()), ("rds:db", "111122223333"));
        assert_eq!(own.expires.unwrap() - own.created.unwrap(), EXPIRES_AFTER);
        let other = name::resource_name("book", &run, &path, 1, 63, charset);
        for copied in ["orders-of-somebody", other.as_str()] {
            assert!(!marked(copied).unwrap().own_name, "{copied} has the tags of the second attempt only");
        }
        assert_eq!(leftover("arn:aws:rds:eu-west-1:1:db:x", &BTreeMap::new()), None);
    }

    #[test]
    fn a_lock_is_found_by_its_run() {
        let tags = BTreeMap::from([(RUN_TAG.to_owned(), "k3v7qa2mxyz4567b".to_owned())]);
        let lock = leftover("arn:aws:ssm:eu-west-1:1:parameter/lifeboat/locks/orders", &tags).unwrap();
        assert_eq!((lock.kind.as_str(), lock.id.as_str()), ("ssm:parameter", "/lifeboat/locks/orders"));
        assert!(lock.own_name && lock.step.is_none());
    }
}
