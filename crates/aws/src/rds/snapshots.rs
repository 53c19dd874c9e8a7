//! DB snapshots: how they are looked at, in the names of the outputs.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::SNAPSHOT;
use async_trait::async_trait;
use aws_sdk_rds::types::{DbSnapshot, Filter};
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{ActionError, ErrorKind, Place, StepContext, Values};
use lifeboat_engine::lookout::{Lookout, Seen};
use lifeboat_runbook::spec::Grade;
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The tag that tells of a copy which time its data is of.
pub(crate) const DATA_TIME_TAG: &str = "lifeboat:data-time";

/// Looks at DB snapshots.
pub(crate) struct Snapshots(pub(crate) Arc<Aws>);

#[async_trait]
impl Lookout for Snapshots {
    fn kind(&self) -> &'static str {
        SNAPSHOT
    }

    fn batch(&self) -> usize {
        100
    }

    /// AWS publishes no limit for this call (catalogue §5).
    fn every(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        match self.together(place, ids).await {
            // A policy without `Resource: "*"` permits only calls that name one snapshot.
            Err(error) if error.kind == ErrorKind::BlockedOnPermission => self.one_by_one(place, ids).await,
            looked => looked,
        }
    }
}

impl Snapshots {
    async fn together(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let filter = Filter::builder().name("db-snapshot-id").set_values(Some(ids.to_vec())).build();
        let client = self.0.rds(&place.region);
        let (mut found, mut marker) = (BTreeMap::new(), None);
        loop {
            let call = client.describe_db_snapshots().filters(filter.clone()).set_marker(marker);
            let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
            found.extend(reply.db_snapshots().iter().map(seen).map(|seen| (seen.id.clone(), seen)));
            marker = reply.marker().map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        Ok(ids.iter().map(|id| found.remove(id).unwrap_or_else(|| Seen::absent(id))).collect())
    }

    async fn one_by_one(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
        let mut seen = Vec::new();
        for id in ids {
            seen.push(look_at(&self.0, &place.region, id).await?);
        }
        Ok(seen)
    }
}

/// Looks at one snapshot by its identifier or ARN.
pub(crate) async fn look_at(aws: &Aws, region: &str, id: &str) -> Result<Seen, ActionError> {
    let reply = aws.rds(region).describe_db_snapshots().db_snapshot_identifier(id).send().await;
    match reply.map_err(|error| classify(error, Call::Read)) {
        Ok(reply) => Ok(reply.db_snapshots().first().map_or_else(|| Seen::absent(id), seen)),
        Err(error) if error.code.starts_with("DBSnapshotNotFound") => Ok(Seen::absent(id)),
        Err(error) => Err(error),
    }
}

/// The same, or a refusal where there is none.
pub(crate) async fn existing(aws: &Aws, region: &str, id: &str) -> Result<Seen, ActionError> {
    let seen = look_at(aws, region, id).await?;
    if seen.exists {
        return Ok(seen);
    }
    Err(ActionError::refused("DBSnapshotNotFound", format!("there is no DB snapshot `{id}` in {region}"))
        .hint("look at the name, the account and the Region; one in another Region is copied first"))
}

/// Which snapshot is wanted.
pub(crate) struct Wanted<'step> {
    /// The instance it was taken of.
    pub(crate) source: &'step str,
    /// Its type.
    pub(crate) kind: Option<&'step str>,
    /// Its data is from before this.
    pub(crate) before: Option<DateTime<Utc>>,
    /// Its data is not older than this.
    pub(crate) max_age: Option<TimeDelta>,
}

impl Wanted<'_> {
    /// From the parameters of a step.
    pub(crate) fn of<'step>(cx: &'step StepContext, source: &'step str) -> Wanted<'step> {
        let max_age = match cx.with.get("max_age") {
            Some(Value::Duration(age)) => Some(*age),
            _ => None,
        };
        let before = cx.with.get("before").and_then(Value::as_time);
        Wanted { source, kind: cx.text("type"), before, max_age }
    }
}

/// The available snapshot with the newest data. The API has no filter for that.
pub(crate) async fn newest(aws: &Aws, cx: &StepContext, wanted: &Wanted<'_>) -> Result<Seen, ActionError> {
    let client = aws.rds(&cx.place.region);
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = client
            .describe_db_snapshots()
            .db_instance_identifier(wanted.source)
            .set_snapshot_type(wanted.kind.map(str::to_owned))
            .set_marker(marker);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        found.extend(reply.db_snapshots().iter().map(seen));
        marker = reply.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    choose(found, wanted, cx.now)
}

fn choose(found: Vec<Seen>, wanted: &Wanted<'_>, now: DateTime<Utc>) -> Result<Seen, ActionError> {
    let usable = found.into_iter().filter(|seen| seen.state.as_deref() == Some("available"));
    let timed = usable.filter_map(|seen| data_time(&seen.attributes).map(|(time, _)| (time, seen)));
    let early = timed.filter(|(time, _)| wanted.before.is_none_or(|before| *time < before));
    let newest = early.max_by(|(one, a), (other, b)| (one, &a.id).cmp(&(other, &b.id)));
    let refuse = |code: &str, message: String| Err(ActionError::failed(code, message));
    match (newest, wanted.max_age) {
        (None, _) => {
            refuse("NoSnapshot", format!("there is no available snapshot of `{}` like that", wanted.source))
        }
        (Some((time, seen)), Some(age)) if now - time > age => {
            let (age, time) = (units::duration_text(now - time), units::time_text(time));
            refuse("TooOld", format!("the newest data is of {time}, in `{}`: {age} old", seen.id))
        }
        (Some((_, seen)), _) => Ok(seen),
    }
}

/// The time its data is of and how sure that is.
pub(crate) fn data_time(attributes: &Values) -> Option<(DateTime<Utc>, Grade)> {
    let time = attributes.get("data_time").and_then(Value::as_time)?;
    let grade =
        if attributes.get("data_grade").and_then(Value::as_str) == Some("B") { Grade::B } else { Grade::C };
    Some((time, grade))
}

fn moment(time: Option<&SdkTime>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time?.to_millis().ok()?)
}

/// What a look at a snapshot shows.
fn seen(snapshot: &DbSnapshot) -> Seen {
    let tags: BTreeMap<String, String> = snapshot
        .tag_list()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect();
    let written = moment(snapshot.snapshot_database_time());
    let carried = tags.get(DATA_TIME_TAG).and_then(|text| units::parse_time(text));
    let original = moment(snapshot.original_snapshot_create_time());
    let (data_time, grade) = match written.or(carried) {
        Some(time) => (Some(time), "B"),
        None => (original, "C"),
    };
    let values: [(&str, Value); 17] = [
        ("snapshot", snapshot.db_snapshot_identifier().into()),
        ("arn", snapshot.db_snapshot_arn().into()),
        ("status", snapshot.status().into()),
        ("instance", snapshot.db_instance_identifier().into()),
        ("resource_id", snapshot.dbi_resource_id().into()),
        ("data_time", data_time.into()),
        ("data_grade", data_time.map(|_| grade).into()),
        ("created_at", moment(snapshot.snapshot_create_time()).into()),
        ("type", snapshot.snapshot_type().into()),
        ("engine", snapshot.engine().into()),
        ("engine_version", snapshot.engine_version().into()),
        ("allocated_storage_gib", snapshot.allocated_storage().into()),
        ("storage_type", snapshot.storage_type().into()),
        ("encrypted", snapshot.encrypted().into()),
        ("kms_key", snapshot.kms_key_id().into()),
        ("percent", snapshot.percent_progress().into()),
        ("tags", Value::Map(tags.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect())),
    ];
    Seen {
        id: snapshot.db_snapshot_identifier().unwrap_or_default().to_lowercase(),
        exists: true,
        state: snapshot.status().map(str::to_owned),
        tags,
        attributes: values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Seen::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(id: &str, status: &str, minutes_ago: i64) -> Seen {
        let time = now() - TimeDelta::minutes(minutes_ago);
        let attributes = BTreeMap::from([
            ("data_time".to_owned(), Value::Time(time)),
            ("data_grade".to_owned(), Value::from("B")),
        ]);
        Seen { exists: true, state: Some(status.into()), attributes, ..Seen::absent(id) }
    }

    fn now() -> DateTime<Utc> {
        units::parse_time("2026-01-05T09:00:00Z").unwrap()
    }

    #[test]
    fn the_newest_data_that_is_there_is_chosen() {
        let found = || {
            vec![
                snapshot("old", "available", 600),
                snapshot("new", "available", 30),
                snapshot("newer", "creating", 1),
                Seen { attributes: Values::new(), ..snapshot("timeless", "available", 0) },
            ]
        };
        let wanted = |before: Option<i64>, age: Option<i64>| Wanted {
            source: "orders",
            kind: None,
            before: before.map(|minutes| now() - TimeDelta::minutes(minutes)),
            max_age: age.map(TimeDelta::minutes),
        };
        let choice =
            |wanted: Wanted<'_>| choose(found(), &wanted, now()).map(|seen| seen.id).map_err(|it| it.code);
        assert_eq!(choice(wanted(None, None)), Ok("new".to_owned()));
        assert_eq!(choice(wanted(Some(60), None)), Ok("old".to_owned()));
        assert_eq!(choice(wanted(None, Some(31))), Ok("new".to_owned()));
        assert_eq!(choice(wanted(None, Some(29))), Err("TooOld".to_owned()));
        assert_eq!(choice(wanted(Some(6000), None)), Err("NoSnapshot".to_owned()));
    }
}
