//! The event history of CloudTrail as a record for incidents: LookupEvents, what only reads left out.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::{sdk, time};
use async_trait::async_trait;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use chrono::TimeDelta;
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::record::{Found, Imported, ImportedKind, Page, Precision, RecordSource, Window};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Calls that may have changed something.
pub(crate) struct Trail(pub(crate) Arc<Aws>);

#[async_trait]
impl RecordSource for Trail {
    fn name(&self) -> &'static str {
        "cloudtrail"
    }

    fn permission(&self) -> &'static str {
        "cloudtrail:LookupEvents"
    }

    /// "Looks up management events … occurring within the last 90 days" (API reference, LookupEvents).
    fn kept(&self) -> TimeDelta {
        TimeDelta::days(90)
    }

    /// "The rate of lookup requests is limited to two per second, per account, per Region" (API reference,
    /// LookupEvents). Others may be looking too.
    fn interval(&self) -> Duration {
        Duration::from_millis(600)
    }

    async fn page(&self, window: &Window, next: Option<String>) -> Result<Page, ActionError> {
        // One attribute may be given and no more: with a resource, what only reads is left out here.
        let (name, value) = match &window.resource {
            Some(resource) => (LookupAttributeKey::ResourceName, resource.as_str()),
            None => (LookupAttributeKey::ReadOnly, "false"),
        };
        let attribute = LookupAttribute::builder().attribute_key(name).attribute_value(value).build();
        let attribute = attribute
            .map_err(|error| ActionError::new(ErrorKind::Refused, "LookupAttribute", error.to_string()))?;
        let call = self.0.cloudtrail(&window.region).lookup_events().lookup_attributes(attribute);
        let call = call.start_time(sdk(window.since)).end_time(sdk(window.until)).set_next_token(next);
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let writes = reply.events().iter().filter(|event| event.read_only() != Some("true"));
        Ok(Page { entries: writes.filter_map(entry).collect(), next: reply.next_token().map(str::to_owned) })
    }
}

fn entry(event: &Event) -> Option<Found> {
    let (at, id, name) = (time(event.event_time())?, event.event_id()?, event.event_name()?);
    let record: Value =
        serde_json::from_str(event.cloud_trail_event().unwrap_or_default()).unwrap_or_default();
    let said = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let resources: Vec<&str> = event.resources().iter().filter_map(|it| it.resource_name()).collect();
    let resources = Some(resources.join(", ")).filter(|names| !names.is_empty());
    let error = said("/errorCode");
    let on = resources.as_ref().map(|names| format!(" on {names}")).unwrap_or_default();
    let refused = error.as_ref().map(|code| format!(", refused: {code}")).unwrap_or_default();
    let service = event.event_source().unwrap_or("unknown");
    let fields = [
        ("event", Some(name.to_owned())),
        ("service", Some(service.to_owned())),
        ("resources", resources),
        ("request_id", said("/requestID")),
        ("arn", said("/userIdentity/arn")),
        ("region", said("/awsRegion")),
        ("error", error.clone()),
    ];
    let imported = Imported {
        key: id.to_owned(),
        origin: "cloudtrail".to_owned(),
        // What was refused changed nothing.
        kind: if error.is_some() { ImportedKind::Other } else { ImportedKind::Change },
        who: event.username().map(str::to_owned).or_else(|| said("/userIdentity/arn")),
        text: format!("{name}{on} ({service}){refused}"),
        time_as_given: None,
        fields: BTreeMap::from_iter(
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))),
        ),
    };
    Some(Found { at, precision: Precision::Second, imported })
}
