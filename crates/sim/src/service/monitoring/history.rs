//! DescribeAlarmHistory.

use serde_json::json;

use super::PAGING;
use super::alarms::{changes_of, kind, kinds};
use crate::definition::AlarmDefinition;
use crate::protocol::Document;
use crate::service::paging::page;
use crate::service::{Context, Output};
use crate::world::World;
use crate::world::alarm::StateChange;

/// The only kind of item that the world knows is a change of state.
const ITEM: &str = "StateUpdate";

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let (name, kinds) = (input.text("AlarmName")?, kinds(context)?);
    let (start, end) = (input.time("StartDate")?, input.time("EndDate")?);
    let is_meant = input.text("HistoryItemType")?.is_none_or(|wanted| wanted == ITEM);
    let mut items = Vec::new();
    for alarm in &world.region(context.place).definition.alarms {
        let fits = name.is_none_or(|name| name == alarm.name) && kinds.iter().any(|it| it == kind(alarm));
        if fits && is_meant {
            let changes = changes_of(world, context.place, alarm).into_iter();
            items.extend(changes.filter(|change| change.from.is_some()).map(|change| (change, alarm)));
        }
    }
    items.retain(|(change, _)| {
        start.is_none_or(|start| change.at >= start) && end.is_none_or(|end| change.at <= end)
    });
    items.sort_by(|(one, first), (other, second)| (other.at, &first.name).cmp(&(one.at, &second.name)));
    if input.text("ScanBy")? == Some("TimestampAscending") {
        items.reverse();
    }
    let records = items.iter().map(|(change, alarm)| record(alarm, change)).collect();
    let (records, next) = page(records, input, PAGING)?;
    Ok(Document::new().list("AlarmHistoryItems", records).optional("NextToken", next))
}

fn record(alarm: &AlarmDefinition, change: &StateChange) -> Document {
    let before = change.from.map_or("", |from| from.as_str());
    let data = json!({
        "version": "1.0",
        "oldState": { "stateValue": before },
        "newState": { "stateValue": change.to.as_str(), "stateReason": change.reason },
    });
    Document::new()
        .with("AlarmName", &alarm.name)
        .with("AlarmType", kind(alarm))
        .with("Timestamp", change.at)
        .with("HistoryItemType", ITEM)
        .with("HistorySummary", format!("Alarm updated from {before} to {}", change.to.as_str()))
        .with("HistoryData", data.to_string())
}
