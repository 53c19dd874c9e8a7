//! LookupEvents of CloudTrail, version 2013-11-01, in JSON 1.1.

use crate::connect::Aws;
use crate::signed::{self, Refusal, Request};
use lifeboat_engine::action::ActionError;
use lifeboat_engine::record::Window;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

const OPERATION: &str = "LookupEvents";
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// What is asked for. Times are in seconds, as CloudTrail keeps them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Lookup<'a> {
    lookup_attributes: [Attribute<'a>; 1],
    start_time: i64,
    end_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    attribute_key: &'a str,
    attribute_value: &'a str,
}

impl<'a> Lookup<'a> {
    /// The events of a window that have an attribute: the first page, or the one that `next_token` names.
    pub(super) fn of(
        (attribute_key, attribute_value): (&'a str, &'a str),
        window: &Window,
        next_token: Option<String>,
    ) -> Self {
        Self {
            lookup_attributes: [Attribute { attribute_key, attribute_value }],
            start_time: window.since.timestamp(),
            end_time: window.until.timestamp(),
            next_token,
        }
    }
}

/// A page of events.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Reply {
    pub(super) events: Option<Vec<Event>>,
    pub(super) next_token: Option<String>,
}

/// A call that somebody made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event {
    pub(super) event_id: Option<String>,
    pub(super) event_name: Option<String>,
    event_time: Option<Number>,
    pub(super) event_source: Option<String>,
    pub(super) username: Option<String>,
    pub(super) read_only: Option<String>,
    pub(super) resources: Option<Vec<Resource>>,
    pub(super) cloud_trail_event: Option<String>,
}

/// What a call was about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Resource {
    pub(super) resource_name: Option<String>,
}

impl Event {
    /// When it was, in seconds since 1970: what stands behind the point is never anything.
    pub(super) fn seconds(&self) -> Option<i64> {
        let time = self.event_time.as_ref()?;
        time.as_i64().or_else(|| time.as_f64().map(|seconds| seconds.floor() as i64))
    }
}

/// Asks for a page.
///
/// # Errors
/// When CloudTrail refuses, does not answer, or answers what is no page.
pub(super) async fn ask(aws: &Aws, region: &str, lookup: &Lookup<'_>) -> Result<Reply, ActionError> {
    let unreadable = |error: serde_json::Error| ActionError::refused(OPERATION, error.to_string());
    let request = Request {
        service: "cloudtrail",
        operation: OPERATION,
        endpoint: format!("https://cloudtrail.{region}.{}", suffix(region)),
        region,
        headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", TARGET)],
        body: serde_json::to_string(lookup).map_err(unreadable)?,
        refusal,
    };
    serde_json::from_str(&signed::ask(aws, request).await?).map_err(unreadable)
}

/// How the names of hosts end in the partition of a Region
/// (<https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>).
fn suffix(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    partitions.iter().find(|(begins, _)| region.starts_with(begins)).map_or("amazonaws.com", |found| found.1)
}

/// The code stands behind the namespace of its shape, and before a link where there is one.
fn refusal(text: &str) -> Refusal {
    let reply: Value = serde_json::from_str(text).unwrap_or_default();
    let said = |names: [&str; 2]| names.iter().find_map(|name| reply.get(name)?.as_str());
    let code = said(["__type", "code"]).map(|code| code.rsplit('#').next().unwrap_or(code));
    let code = code.map(|code| code.split(':').next().unwrap_or(code).to_owned());
    Refusal { code, message: said(["message", "Message"]).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::json;

    #[test]
    fn a_page_is_asked_for_in_seconds() {
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        let (since, until) = (at(1_767_603_600_123), at(1_767_607_200_999));
        let window = Window { region: "eu-west-1".to_owned(), resource: None, since, until };
        let asked = Lookup::of(("ReadOnly", "false"), &window, None);
        assert_eq!(
            serde_json::to_value(asked).unwrap(),
            json!({
                "LookupAttributes": [{ "AttributeKey": "ReadOnly", "AttributeValue": "false" }],
                "StartTime": 1_767_603_600,
                "EndTime": 1_767_607_200,
            })
        );
    }

    #[test]
    fn times_come_as_numbers_of_either_kind() {
        let seconds = |text: &str| serde_json::from_str::<Event>(text).unwrap().seconds();
        assert_eq!(seconds("{\"EventTime\": 1767603600}"), Some(1_767_603_600));
        assert_eq!(seconds("{\"EventTime\": 1.7676036E9}"), Some(1_767_603_600));
        assert_eq!(seconds("{\"EventTime\": null, \"EventName\": \"x\"}"), None);
    }

    #[test]
    fn a_refusal_is_read_and_what_is_none_too() {
        let text = "{\"__type\":\"com.amazonaws.cloudtrail#InvalidTimeRangeException\",\"Message\":\"no\"}";
        let found = refusal(text);
        assert_eq!(found.code.as_deref(), Some("InvalidTimeRangeException"));
        assert_eq!(found.message.as_deref(), Some("no"));
        assert_eq!(refusal("<html>"), Refusal::default());
    }

    #[test]
    fn hosts_are_named_by_their_partition() {
        assert_eq!(suffix("eu-west-1"), "amazonaws.com");
        assert_eq!(suffix("us-gov-west-1"), "amazonaws.com");
        assert_eq!(suffix("cn-north-1"), "amazonaws.com.cn");
        assert_eq!(suffix("us-isob-east-1"), "sc2s.sgov.gov");
    }
}
