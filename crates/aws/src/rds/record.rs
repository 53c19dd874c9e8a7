//! The events of RDS as a record for incidents: DescribeEvents.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::{sdk, time};
use async_trait::async_trait;
use aws_sdk_rds::types::Event;
use chrono::TimeDelta;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::record::{Found, Imported, ImportedKind, Page, Precision, RecordSource, Window, key};
use lifeboat_runbook::units::time_text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What RDS says happened to instances, clusters, snapshots and groups.
pub(crate) struct EventRecord(pub(crate) Arc<Aws>);

#[async_trait]
impl RecordSource for EventRecord {
    fn name(&self) -> &'static str {
        "rds"
    }

    fn permission(&self) -> &'static str {
        "rds:DescribeEvents"
    }

    /// "Events … for the past 14 days" (RDS API reference, DescribeEvents).
    fn kept(&self) -> TimeDelta {
        TimeDelta::days(14)
    }

    async fn page(&self, window: &Window, next: Option<String>) -> Result<Page, ActionError> {
        let call = self.0.rds(&window.region).describe_events().set_marker(next);
        let call = call.start_time(sdk(window.since)).end_time(sdk(window.until));
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        // RDS filters by a name only with its type, and the type of a name is not known here.
        let is_meant = |event: &&Event| {
            let source = event.source_identifier().unwrap_or_default();
            window.resource.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(source))
        };
        Ok(Page {
            entries: reply
                .events()
                .iter()
                .filter(is_meant)
                .filter_map(|event| entry(event, &window.region))
                .collect(),
            next: reply.marker().map(str::to_owned),
        })
    }
}

/// Events have no id; source, time and words tell one from others.
fn entry(event: &Event, region: &str) -> Option<Found> {
    let (at, message) = (time(event.date())?, event.message()?);
    let source = event.source_identifier().unwrap_or_default();
    let kind = event.source_type().map(|kind| kind.as_str().to_owned());
    let categories = Some(event.event_categories().join(", ")).filter(|text| !text.is_empty());
    let arn = event.source_arn().map(str::to_owned);
    let fields = [
        ("source", Some(source.to_owned())),
        ("source_type", kind),
        ("categories", categories),
        ("region", Some(region.to_owned())),
    ];
    let imported = Imported {
        key: key(&["rds", arn.as_deref().unwrap_or(region), source, &time_text(at), message]),
        origin: "rds".to_owned(),
        kind: ImportedKind::Event,
        who: None,
        text: if source.is_empty() { message.to_owned() } else { format!("{source}: {message}") },
        time_as_given: None,
        fields: BTreeMap::from_iter(
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))),
        ),
    };
    Some(Found { at, precision: Precision::Second, imported })
}
