//! CloudWatch in its three protocols.

use aws_smithy_cbor::Decoder;
use chrono::TimeDelta;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::wire::Request;
use serde_json::{Value, json};

use crate::bench::{Bench, Response, field, fields, request};

const ALARM: &str = "orders-api-5xx";

fn json10(bench: &Bench, operation: &str, input: &Value) -> Response {
    let mut request = request("monitoring", "AKIAEXAMPLE", &[]);
    let target = format!("GraniteServiceVersion20100801.{operation}");
    request.headers.insert("x-amz-target".into(), target);
    request.headers.insert("content-type".into(), "application/x-amz-json-1.0".into());
    request.body = input.to_string().into_bytes();
    bench.answer(&request)
}

fn accepted(bench: &Bench, operation: &str, input: &Value) -> Value {
    let response = json10(bench, operation, input);
    assert_eq!(response.status, 200, "{operation}: {}", response.body);
    serde_json::from_str(&response.body).expect("JSON")
}

fn query(bench: &Bench, form: &[(&str, &str)]) -> Response {
    let mut request = request("monitoring", "AKIAEXAMPLE", form);
    request.headers.insert("content-type".into(), "application/x-www-form-urlencoded; charset=utf-8".into());
    bench.answer(&request)
}

fn cbor(operation: &str, body: &[u8]) -> Request {
    let mut request = request("monitoring", "AKIAEXAMPLE", &[]);
    let host = "https://monitoring.eu-west-1.amazonaws.com";
    request.uri = format!("{host}/service/GraniteServiceVersion20100801/operation/{operation}");
    request.headers.insert("smithy-protocol".into(), "rpc-v2-cbor".into());
    request.headers.insert("content-type".into(), "application/cbor".into());
    request.body = body.to_vec();
    request
}

fn state(bench: &Bench) -> String {
    let output = accepted(bench, "DescribeAlarms", &json!({ "AlarmNames": [ALARM] }));
    output["MetricAlarms"][0]["StateValue"].as_str().expect("a state").to_owned()
}

#[test]
fn an_alarm_changes_by_itself_and_its_history_tells() {
    let bench = Bench::new();
    assert_eq!(state(&bench), "OK");
    bench.advance(150);
    assert_eq!(state(&bench), "ALARM");
    bench.advance(1500);
    assert_eq!(state(&bench), "OK");
    let history = |more: Value| {
        let mut input = json!({ "AlarmName": ALARM });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let output = accepted(&bench, "DescribeAlarmHistory", &input);
        let items = output["AlarmHistoryItems"].as_array().expect("a list").iter();
        items.map(|item| item["HistorySummary"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let both = ["Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM"];
    assert_eq!(history(json!({})), both);
    assert_eq!(history(json!({ "EndDate": 1_767_604_000 })), both[1..]);
    assert_eq!(history(json!({ "ScanBy": "TimestampAscending" }))[0], both[1]);
    assert!(history(json!({ "HistoryItemType": "Action" })).is_empty());
}

#[test]
fn composite_alarms_are_only_for_those_who_ask() {
    let bench = Bench::new();
    let usual = accepted(&bench, "DescribeAlarms", &json!({}));
    assert_eq!(
        (usual["MetricAlarms"][0]["AlarmName"].as_str(), usual["CompositeAlarms"].as_array().map(Vec::len)),
        (Some(ALARM), Some(0))
    );
    let all = accepted(&bench, "DescribeAlarms", &json!({ "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] }));
    assert_eq!(all["CompositeAlarms"][0]["AlarmRule"], "ALARM(\"orders-api-5xx\")");
    let first = accepted(
        &bench,
        "DescribeAlarms",
        &json!({ "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 1 }),
    );
    assert!(first["NextToken"].is_string());
    let refusal = json10(&bench, "DescribeAlarms", &json!({ "NextToken": "x" }));
    assert!(refusal.body.contains("InvalidNextToken"), "{}", refusal.body);
    assert_eq!(refusal.headers["x-amzn-query-error"], "InvalidNextToken;Sender");
    let in_alarm = accepted(&bench, "DescribeAlarms", &json!({ "StateValue": "ALARM" }));
    assert_eq!(in_alarm["MetricAlarms"], json!([]));
}

#[test]
fn a_set_state_lasts_until_the_next_evaluation() {
    let bench = Bench::new();
    let set = json!({ "AlarmName": ALARM, "StateValue": "ALARM", "StateReason": "a test" });
    accepted(&bench, "SetAlarmState", &set);
    assert_eq!(state(&bench), "ALARM");
    bench.advance(61);
    assert_eq!(state(&bench), "OK");
    let nobody = json!({ "AlarmName": "moon", "StateValue": "ALARM", "StateReason": "a test" });
    let refusal = json10(&bench, "SetAlarmState", &nobody);
    assert_eq!((refusal.status, refusal.body.contains("ResourceNotFound")), (404, true));
    let wrong = json!({ "AlarmName": ALARM, "StateValue": "RED", "StateReason": "a test" });
    assert_eq!(json10(&bench, "SetAlarmState", &wrong).status, 400);
}

#[test]
fn the_same_is_said_as_a_form_and_in_xml() {
    let bench = Bench::new();
    let good = query(&bench, &[("Action", "DescribeAlarms"), ("AlarmNames.member.1", ALARM)]);
    assert_eq!(field(&good.body, "StateValue"), "OK");
    assert_eq!(field(&good.body, "StateUpdatedTimestamp"), "2026-01-02T14:11:00Z");
    assert!(
        good.body.starts_with(
            "<DescribeAlarmsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"
        )
    );
    let unknown = query(&bench, &[("Action", "DescribeMoons"), ("Version", "2010-08-01")]);
    assert_eq!((unknown.status, field(&unknown.body, "Code").as_str()), (400, "InvalidAction"));
}

#[test]
fn the_same_is_said_in_cbor() {
    let bench = Bench::new();
    // {"AlarmNames": ["orders-api-5xx"]}
    let mut body = vec![0xa1, 0x6a];
    body.extend_from_slice(b"AlarmNames\x81\x6eorders-api-5xx");
    let reply = bench.simulator.handle(&cbor("DescribeAlarms", &body)).outcome.expect("a reply");
    assert_eq!((reply.status, reply.headers["smithy-protocol"].as_str()), (200, "rpc-v2-cbor"));
    let mut decoder = Decoder::new(&reply.body);
    assert_eq!(decoder.map().expect("a map"), Some(2));
    assert_eq!(decoder.str().expect("a name"), "CompositeAlarms");
    assert_eq!(decoder.list().expect("a list"), Some(0));
    assert_eq!(decoder.str().expect("a name"), "MetricAlarms");
    let refusal = bench.simulator.handle(&cbor("DescribeMoons", &[0xa0])).outcome.expect("a reply");
    assert_eq!(refusal.status, 400);
    assert!(String::from_utf8_lossy(&refusal.body).contains("UnknownOperationException"));
}

fn data(bench: &Bench, stat: &str, period: u32) -> Value {
    let metric = json!({
        "Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count",
        "Dimensions": [{ "Name": "LoadBalancer", "Value": "app/orders/50dc6c495c0c9188" }],
    });
    let query = json!({ "Id": "q", "MetricStat": { "Metric": metric, "Period": period, "Stat": stat } });
    let input = json!({
        "MetricDataQueries": [query], "ScanBy": "TimestampAscending",
        "StartTime": "2026-01-05T08:55:00Z", "EndTime": "2026-01-05T09:05:00Z",
    });
    accepted(bench, "GetMetricData", &input)["MetricDataResults"][0].clone()
}

#[test]
fn datapoints_arrive_late_and_are_added_up_by_period() {
    let bench = Bench::new();
    let now = data(&bench, "Sum", 60);
    assert!(
        now["Values"].as_array().is_some_and(|values| values.len() < 5),
        "the last minutes are missing: {now}"
    );
    bench.advance(900);
    let later = data(&bench, "Sum", 60);
    assert_eq!(later["Values"], json!([0.0, 0.0, 0.0, 0.0, 40.0, 40.0, 40.0, 40.0, 40.0, 40.0]));
    assert_eq!(data(&bench, "Sum", 300)["Values"], json!([40.0, 200.0]));
    assert_eq!(data(&bench, "Maximum", 300)["Values"], json!([40.0, 40.0]));
    assert_eq!(data(&bench, "Minimum", 300)["Values"], json!([0.0, 40.0]));
    assert_eq!(data(&bench, "Average", 300)["Values"], json!([8.0, 40.0]));
    assert_eq!(data(&bench, "SampleCount", 300)["Values"], json!([5.0, 5.0]));
    assert_eq!(
        (&later["StatusCode"], &later["Label"]),
        (&json!("Complete"), &json!("HTTPCode_Target_5XX_Count"))
    );
}

#[test]
fn what_is_not_computed_is_refused_and_never_guessed() {
    let bench = Bench::new();
    let times = json!({ "StartTime": "2026-01-05T08:55:00Z", "EndTime": "2026-01-05T09:05:00Z" });
    let refused = |queries: Value| {
        let mut input = times.clone();
        input["MetricDataQueries"] = queries;
        json10(&bench, "GetMetricData", &input).status
    };
    let metric = json!({ "Namespace": "N", "MetricName": "M" });
    assert_eq!(refused(json!([])), 400);
    assert_eq!(refused(json!([{ "Id": "e", "Expression": "1+1" }])), 400);
    assert_eq!(
        refused(json!([{ "Id": "q", "MetricStat": { "Metric": metric, "Period": 61, "Stat": "Sum" } }])),
        400
    );
    assert_eq!(
        refused(json!([{ "Id": "q", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "p99" } }])),
        400
    );
    let nothing = json!([{ "Id": "q", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Sum" } }]);
    let mut input = times.clone();
    input["MetricDataQueries"] = nothing;
    assert_eq!(accepted(&bench, "GetMetricData", &input)["MetricDataResults"][0]["Values"], json!([]));
    let unknown = fields(&query(&bench, &[("Action", "GetMetricData")]).body, "Code");
    assert_eq!(unknown, ["MissingParameter"]);
}

/// ReplicaLag of an instance of the world `multi-az`, a value a minute of the last ten.
fn lags(bench: &Bench, instance: &str) -> Vec<f64> {
    lags_in(bench, instance, None)
}

/// The same, of what was reported in a unit.
fn lags_in(bench: &Bench, instance: &str, unit: Option<&str>) -> Vec<f64> {
    let metric = json!({
        "Namespace": "AWS/RDS", "MetricName": "ReplicaLag",
        "Dimensions": [{ "Name": "DBInstanceIdentifier", "Value": instance }],
    });
    let mut query =
        json!({ "Id": "lag", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Maximum" } });
    if let Some(unit) = unit {
        query["MetricStat"]["Unit"] = unit.into();
    }
    let (start, end) = (bench.now() - TimeDelta::minutes(10), bench.now());
    let input = json!({
        "MetricDataQueries": [query], "ScanBy": "TimestampAscending", "StartTime": start, "EndTime": end,
    });
    let values = accepted(bench, "GetMetricData", &input)["MetricDataResults"][0]["Values"].clone();
    serde_json::from_value(values).expect("numbers")
}

#[test]
fn the_lag_of_a_replica_is_how_far_its_data_is_behind() {
    let mut definition = WorldDefinition::named("multi-az").expect("the embedded world");
    let (service, operation) = ("rds".into(), "*".into());
    let when = When::During { from_s: 600, to_s: Some(1200) };
    definition.faults.push(Fault { service, operation, when, kind: FaultKind::ReplicaLag(120) });
    let bench = Bench::of(definition, 1);
    let quiet = lags(&bench, "orders-replica");
    assert!((6..=9).contains(&quiet.len()), "the last minutes have not arrived: {quiet:?}");
    assert!(quiet.iter().all(|lag| *lag == 2.0), "{quiet:?}");
    bench.advance(1200);
    let late = lags(&bench, "orders-replica");
    assert_eq!(late.last(), Some(&120.0), "{late:?}");
    bench.advance(1200);
    assert_eq!(lags(&bench, "orders-replica").last(), Some(&2.0));
    assert!(lags(&bench, "orders-prod").is_empty(), "what follows nobody has no lag");
    assert!(lags(&bench, "nobody").is_empty());
}

#[test]
fn under_another_unit_there_is_nothing() {
    let bench = Bench::of(WorldDefinition::named("multi-az").expect("the embedded world"), 1);
    let all = lags(&bench, "orders-replica");
    assert_eq!(lags_in(&bench, "orders-replica", Some("Seconds")), all);
    assert!(!all.is_empty() && lags_in(&bench, "orders-replica", Some("Milliseconds")).is_empty());
}
