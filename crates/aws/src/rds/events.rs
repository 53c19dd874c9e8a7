//! `rds.events`, and the reading of events for everything else. They have no id in the API: category and text tell.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::rds::spec;
use async_trait::async_trait;
use aws_sdk_rds::types::SourceType;
use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_engine::action::{Action, ActionError, ErrorKind, Observation, Place, StepContext, Values};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Before the run: what happened just then is part of the story.
const BEFORE_THE_RUN: TimeDelta = TimeDelta::minutes(2);

/// `rds.events`.
pub(crate) struct Events(pub(crate) Arc<Aws>);

/// The parameters that name a source, with the word of the API.
const SOURCES: [(&str, SourceType); 4] = [
    ("instance", SourceType::DbInstance),
    ("snapshot", SourceType::DbSnapshot),
    ("cluster", SourceType::DbCluster),
    ("parameter_group", SourceType::DbParameterGroup),
];

#[async_trait]
impl Action for Events {
    fn spec(&self) -> &'static ActionSpec {
        &spec::EVENTS
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let query = query(cx)?;
        let found = read_strictly(&self.0, &cx.place, &query).await?;
        let wanted = cx.text("match").unwrap_or_default().to_lowercase();
        let found: Vec<&Event> =
            found.iter().filter(|event| event.text.to_lowercase().contains(&wanted)).collect();
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        Ok(Observation::Ready(BTreeMap::from([
            ("events".to_owned(), Value::List(found.iter().map(|event| event.value()).collect())),
            ("count".to_owned(), Value::Int(count)),
            ("newest_at".to_owned(), found.last().map(|event| event.at).into()),
        ])))
    }
}

fn query(cx: &StepContext) -> Result<Query, ActionError> {
    let named = SOURCES.iter().filter_map(|(name, kind)| Some((cx.text(name)?.to_owned(), kind.clone())));
    let named: Vec<_> = named.collect();
    if named.len() > 1 {
        return Err(ActionError::refused("parameter", "give one source at most: RDS filters by one"));
    }
    let since = cx.with.get("since").and_then(Value::as_time);
    let since = since.unwrap_or(cx.run_started_at - BEFORE_THE_RUN);
    Ok(Query { source: named.into_iter().next(), window: Window::Since(since) })
}

/// Which events are wanted.
pub(crate) struct Query {
    source: Option<(String, SourceType)>,
    window: Window,
}

enum Window {
    Since(DateTime<Utc>),
    Minutes(i32),
}

impl Query {
    /// Those of all instances, of the last minutes.
    pub(crate) fn window(minutes: i32) -> Self {
        Self { source: None, window: Window::Minutes(minutes) }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// When, whole seconds.
    pub(crate) at: DateTime<Utc>,
    /// The text.
    pub(crate) text: String,
    /// Its categories.
    pub(crate) categories: Vec<String>,
    source: String,
}

impl Event {
    /// Whether it is of the source with this identifier.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.source.eq_ignore_ascii_case(name)
    }

    /// It as a value.
    pub(crate) fn value(&self) -> Value {
        let categories = self.categories.iter().map(|category| Value::from(category.as_str())).collect();
        Value::Map(BTreeMap::from([
            ("at".to_owned(), Value::Time(self.at)),
            ("text".to_owned(), self.text.as_str().into()),
            ("categories".to_owned(), Value::List(categories)),
            ("source".to_owned(), self.source.as_str().into()),
        ]))
    }

    fn from_value(value: &Value) -> Option<Self> {
        let categories = match value.get("categories") {
            Some(Value::List(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let at = value.get("at").and_then(Value::as_time)?;
        Some(Self { at, text: text("text")?, categories, source: text("source").unwrap_or_default() })
    }
}

/// The events that a look carries; nothing where they could not be read.
pub(crate) fn carried(attributes: &Values) -> Option<Vec<Event>> {
    match attributes.get("events") {
        Some(Value::List(events)) => Some(events.iter().filter_map(Event::from_value).collect()),
        _ => None,
    }
}

/// Reads events, oldest first. Nothing where they may not be read or the endpoint does not know them: they are advice.
pub(crate) async fn read(aws: &Aws, place: &Place, query: &Query) -> Result<Option<Vec<Event>>, ActionError> {
    match read_strictly(aws, place, query).await {
        Ok(events) => Ok(Some(events)),
        Err(error) if matches!(error.kind, ErrorKind::BlockedOnPermission | ErrorKind::Refused) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn read_strictly(aws: &Aws, place: &Place, query: &Query) -> Result<Vec<Event>, ActionError> {
    let client = aws.rds(&place.region);
    let (mut found, mut marker) = (Vec::new(), None);
    loop {
        let call = client.describe_events().set_marker(marker);
        let call = match &query.window {
            Window::Since(since) => call.start_time(SdkTime::from_millis(since.timestamp_millis())),
            Window::Minutes(minutes) => call.duration(*minutes),
        };
        let call = match &query.source {
            Some((name, kind)) => call.source_identifier(name).source_type(kind.clone()),
            None => call,
        };
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        found.extend(reply.events().iter().filter_map(event));
        marker = reply.marker().map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    found.sort_by(|one: &Event, other| (one.at, &one.text).cmp(&(other.at, &other.text)));
    Ok(found)
}

fn event(event: &aws_sdk_rds::types::Event) -> Option<Event> {
    Some(Event {
        at: DateTime::from_timestamp_millis(event.date()?.to_millis().ok()?)?,
        text: event.message()?.to_owned(),
        categories: event.event_categories().to_vec(),
        source: event.source_identifier().unwrap_or_default().to_owned(),
    })
}
