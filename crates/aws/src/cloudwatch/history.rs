//! The history of alarms as a record for incidents: DescribeAlarmHistory.

use crate::connect::Aws;
use crate::errors::{Call, classify};
use crate::times::{sdk, time};
use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, HistoryItemType, ScanBy};
use chrono::TimeDelta;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::record::{Found, Imported, ImportedKind, Page, Precision, RecordSource, Window, key};
use lifeboat_runbook::units::time_text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Alarms that changed their state.
pub(crate) struct AlarmHistory(pub(crate) Arc<Aws>);

#[async_trait]
impl RecordSource for AlarmHistory {
    fn name(&self) -> &'static str {
        "alarms"
    }

    fn permission(&self) -> &'static str {
        "cloudwatch:DescribeAlarmHistory"
    }

    /// "CloudWatch retains the history of an alarm for 30 days" (API reference, DescribeAlarmHistory).
    fn kept(&self) -> TimeDelta {
        TimeDelta::days(30)
    }

    async fn page(&self, window: &Window, next: Option<String>) -> Result<Page, ActionError> {
        let call = self.0.cloudwatch(&window.region).describe_alarm_history().set_next_token(next);
        // Who names no types gets no composite alarms (API reference, AlarmTypes).
        let call = call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
        let call = call.history_item_type(HistoryItemType::StateUpdate).scan_by(ScanBy::TimestampAscending);
        let call = call.start_date(sdk(window.since)).end_date(sdk(window.until));
        let call = call.set_alarm_name(window.resource.clone());
        let reply = call.send().await.map_err(|error| classify(error, Call::Read))?;
        let items = reply.alarm_history_items().iter();
        Ok(Page {
            entries: items.filter_map(|item| entry(item, &window.region)).collect(),
            next: reply.next_token().map(str::to_owned),
        })
    }
}

/// An item has no id; alarm, time and states tell it from others.
fn entry(item: &AlarmHistoryItem, region: &str) -> Option<Found> {
    let at = time(item.timestamp())?;
    let alarm = item.alarm_name()?;
    let data: Value = serde_json::from_str(item.history_data().unwrap_or_default()).unwrap_or_default();
    let state = |side: &str| data[side]["stateValue"].as_str().map(str::to_owned);
    let (before, after) = (state("oldState"), state("newState"));
    let summary = item.history_summary().unwrap_or("changed its state");
    let changed = match (&before, &after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        _ => summary.to_owned(),
    };
    let reason = data["newState"]["stateReason"].as_str();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let fields = [("alarm", Some(alarm.to_owned())), ("from", before), ("to", after)];
    let more = [("region", Some(region.to_owned()))];
    let imported = Imported {
        key: key(&["alarm", region, alarm, &time_text(at), summary]),
        origin: "alarms".to_owned(),
        kind: ImportedKind::Alarm,
        who: None,
        text: format!("{alarm}: {changed}{reason}"),
        time_as_given: None,
        fields: BTreeMap::from_iter(
            fields.into_iter().chain(more).filter_map(|(name, value)| Some((name.to_owned(), value?))),
        ),
    };
    Some(Found { at, precision: Precision::Exact, imported })
}
