//! CloudTrail, version 2013-11-01: the event history. It has what changed something in this world; who only looked is not
//! in it.

use chrono::TimeDelta;
use serde_json::json;

use super::paging::{Paging, page};
use super::{Context, Operation, Output, Protocol, Service};
use crate::protocol::{ApiError, Document};
use crate::world::{Place, TrailEvent, World};

pub(super) static SERVICE: Service = Service {
    name: "cloudtrail",
    protocol: Protocol::Json { target: "CloudTrail_20131101" },
    operations: &[Operation::look("LookupEvents", lookup)],
};

/// CloudTrail API reference, LookupEvents, MaxResults.
const PAGING: Paging = Paging { size: "MaxResults", most: 50, refusal: "InvalidNextTokenException" };
/// CloudTrail API reference, LookupEvents.
const KEPT_DAYS: i64 = 90;

fn lookup(world: &World, context: &Context<'_>) -> Output {
    let input = context.input;
    let (start, end) = (input.time("StartTime")?, input.time("EndTime")?);
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(ApiError::new("InvalidTimeRangeException", "StartTime must not be after EndTime"));
    }
    let attributes = input.structures("LookupAttributes")?;
    if attributes.len() > 1 {
        let message = "You can specify only one lookup attribute";
        return Err(ApiError::new("InvalidLookupAttributesException", message));
    }
    let oldest = world.now - TimeDelta::days(KEPT_DAYS);
    let mut found = Vec::new();
    // Newest first.
    for event in world.region(context.place).trail.iter().rev() {
        let in_time = event.visible_at <= world.now
            && event.at >= oldest
            && start.is_none_or(|start| event.at >= start)
            && end.is_none_or(|end| event.at <= end);
        let mut fits = true;
        for attribute in &attributes {
            let (name, value) = (attribute.required("AttributeKey")?, attribute.required("AttributeValue")?);
            fits &= has(event, name, value)?;
        }
        if in_time && fits {
            found.push(event);
        }
    }
    let (found, next) = page(found, input, PAGING)?;
    let records = found.into_iter().map(|event| record(context.place, event));
    Ok(Document::new().list("Events", records).optional("NextToken", next))
}

fn has(event: &TrailEvent, attribute: &str, value: &str) -> Result<bool, ApiError> {
    Ok(match attribute {
        "EventId" => event.id == value,
        "EventName" => event.operation == value,
        "EventSource" => event.source == value,
        "ReadOnly" => value == "false",
        "ResourceName" => event.resources.iter().any(|(_, name)| name == value),
        "ResourceType" => event.resources.iter().any(|(kind, _)| *kind == value),
        "Username" => event.username() == value,
        other => {
            let message = format!("the simulated CloudTrail does not look for {other}");
            return Err(ApiError::new("InvalidLookupAttributesException", message));
        }
    })
}

fn record(place: &Place, event: &TrailEvent) -> Document {
    let resources = event
        .resources
        .iter()
        .map(|(kind, name)| Document::new().with("ResourceType", *kind).with("ResourceName", name));
    let whole = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": event.caller.user_id,
            "arn": event.caller.arn,
            "accountId": place.account,
        },
        "eventTime": event.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": event.source,
        "eventName": event.operation,
        "awsRegion": place.region,
        "requestID": event.request_id,
        "eventID": event.id,
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": place.account,
    });
    Document::new()
        .with("EventId", &event.id)
        .with("EventName", event.operation)
        .with("ReadOnly", "false")
        .with("EventTime", event.at)
        .with("EventSource", &event.source)
        .with("Username", event.username())
        .list("Resources", resources)
        .with("CloudTrailEvent", whole.to_string())
}
