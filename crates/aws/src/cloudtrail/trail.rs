//! The event history of CloudTrail as a record for incidents: LookupEvents, what only reads left out.

use super::lookup::{self, Event, Lookup};
use crate::connect::Aws;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use lifeboat_engine::action::ActionError;
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
        let attribute = match &window.resource {
            Some(resource) => ("ResourceName", resource.as_str()),
            None => ("ReadOnly", "false"),
        };
        let reply = lookup::ask(&self.0, &window.region, &Lookup::of(attribute, window, next)).await?;
        let writes = reply.events.iter().flatten().filter(|event| event.read_only.as_deref() != Some("true"));
        Ok(Page { entries: writes.filter_map(entry).collect(), next: reply.next_token })
    }
}

fn entry(event: &Event) -> Option<Found> {
    let at = DateTime::from_timestamp(event.seconds()?, 0)?;
    let (id, name) = (event.event_id.as_deref()?, event.event_name.as_deref()?);
    let record: Value =
        serde_json::from_str(event.cloud_trail_event.as_deref().unwrap_or_default()).unwrap_or_default();
    let said = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let resources: Vec<&str> =
        event.resources.iter().flatten().filter_map(|resource| resource.resource_name.as_deref()).collect();
    let resources = Some(resources.join(", ")).filter(|names| !names.is_empty());
    let error = said("/errorCode");
    let on = resources.as_ref().map(|names| format!(" on {names}")).unwrap_or_default();
    let refused = error.as_ref().map(|code| format!(", refused: {code}")).unwrap_or_default();
    let service = event.event_source.as_deref().unwrap_or("unknown");
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
        who: event.username.clone().or_else(|| said("/userIdentity/arn")),
        text: format!("{name}{on} ({service}){refused}"),
        time_as_given: None,
        fields: BTreeMap::from_iter(
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))),
        ),
    };
    Some(Found { at, precision: Precision::Second, imported })
}
