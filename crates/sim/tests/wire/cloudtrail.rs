//! CloudTrail's event history.

use serde_json::{Value, json};

use crate::bench::{Bench, SOURCE};

const TARGET: &str = "CloudTrail_20131101.LookupEvents";

fn events(bench: &Bench, input: &Value) -> Vec<Value> {
    bench.accepted("cloudtrail", TARGET, input)["Events"].as_array().expect("a list").clone()
}

fn with(name: &str, value: &str) -> Value {
    json!({ "LookupAttributes": [{ "AttributeKey": name, "AttributeValue": value }] })
}

#[test]
fn what_changed_something_is_listed_some_minutes_later() {
    let bench = Bench::new();
    bench.describe(SOURCE);
    bench.restore("copy", &[]);
    assert_eq!(events(&bench, &json!({})), Vec::<Value>::new(), "it arrives late");
    bench.advance(600);
    bench.good("RebootDBInstance", &[("DBInstanceIdentifier", SOURCE)]);
    bench.advance(600);
    let all = events(&bench, &json!({}));
    let names: Vec<&str> = all.iter().map(|event| event["EventName"].as_str().expect("a name")).collect();
    assert_eq!(names, ["RebootDBInstance", "RestoreDBInstanceToPointInTime"], "the newest first");
    let restore = &all[1];
    assert_eq!((&restore["ReadOnly"], &restore["Username"]), (&json!("false"), &json!("alice")));
    let named =
        [SOURCE, "copy"].map(|name| json!({ "ResourceType": "AWS::RDS::DBInstance", "ResourceName": name }));
    let resources = restore["Resources"].as_array().expect("a list");
    assert!(named.iter().all(|named| resources.contains(named)), "{resources:?}");
    let record: Value =
        serde_json::from_str(restore["CloudTrailEvent"].as_str().expect("a text")).expect("JSON");
    assert_eq!((&record["eventID"], &record["readOnly"]), (&restore["EventId"], &json!(false)));
    assert!(record.get("requestParameters").is_none(), "no parameter could be a secret");
}

#[test]
fn one_attribute_selects_and_two_are_refused() {
    let bench = Bench::new();
    bench.restore("copy", &[]);
    bench.advance(600);
    for (name, value, count) in [
        ("ResourceName", "copy", 1),
        ("ResourceName", "other", 0),
        ("EventSource", "rds.amazonaws.com", 1),
        ("ReadOnly", "true", 0),
        ("Username", "alice", 1),
    ] {
        assert_eq!(events(&bench, &with(name, value)).len(), count, "{name} {value}");
    }
    let two = json!({ "LookupAttributes": [
        { "AttributeKey": "ReadOnly", "AttributeValue": "false" },
        { "AttributeKey": "Username", "AttributeValue": "alice" },
    ] });
    let refused = |input: &Value| bench.refused("cloudtrail", TARGET, input).1;
    assert_eq!(refused(&two), "InvalidLookupAttributesException");
    let backwards = json!({ "StartTime": 1_767_607_200, "EndTime": 1_767_603_600 });
    assert_eq!(refused(&backwards), "InvalidTimeRangeException");
    // boto3 names the service with its namespace.
    let long = format!("com.amazonaws.cloudtrail.v20131101.{TARGET}");
    assert_eq!(
        bench.accepted("cloudtrail", &long, &json!({}))["Events"][0]["EventName"],
        "RestoreDBInstanceToPointInTime"
    );
}
