//! awsQuery, headers, unknown things, the call log, determinism.

use crate::bench::{Bench, SOURCE, field, request, world};

#[test]
fn an_unknown_operation_gets_awss_own_error() {
    let bench = Bench::new();
    let refusal = bench.refusal("DescribeDBMoons", &[]);
    let message = "Could not find operation DescribeDBMoons for version 2014-10-31";
    assert_eq!(refusal, (400, "InvalidAction".into(), message.into()));
    let body = bench.rds("DescribeDBMoons", &[]).body;
    assert!(body.starts_with(
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type>"
    ));
}

#[test]
fn replies_carry_a_request_id_and_the_virtual_date() {
    let bench = Bench::new();
    let first = bench.rds("DescribeDBInstances", &[]);
    assert_eq!(first.headers["date"], "Mon, 05 Jan 2026 09:00:00 GMT");
    assert_eq!(first.headers["x-amzn-requestid"], field(&first.body, "RequestId"));
    assert_ne!(
        bench.rds("DescribeDBInstances", &[]).headers["x-amzn-requestid"],
        first.headers["x-amzn-requestid"]
    );
    assert_eq!(bench.reply("DescribeDBInstances", &[]).latency.as_millis(), 30);
}

#[test]
fn a_request_needs_a_signature_and_a_known_service() {
    let bench = Bench::new();
    let mut unsigned = request("rds", "AKIA", &[("Action", "DescribeDBInstances")]);
    unsigned.headers.clear();
    let response = bench.answer(&unsigned);
    assert_eq!(
        (response.status, field(&response.body, "Code").as_str()),
        (403, "MissingAuthenticationToken")
    );
    let response = bench.answer(&request("moon", "AKIA", &[("Action", "Land")]));
    assert_eq!((response.status, field(&response.body, "Code").as_str()), (400, "InvalidAction"));
}

#[test]
fn another_region_holds_nothing() {
    let bench = Bench::new();
    let mut elsewhere = request("rds", "AKIA", &[("Action", "DescribeDBInstances")]);
    for value in elsewhere.headers.values_mut() {
        *value = value.replace("eu-west-1", "us-east-1");
    }
    let body = bench.answer(&elsewhere).body;
    assert!(body.contains("<DBInstances></DBInstances>"));
    elsewhere.body = b"Action=DescribeAccountAttributes".to_vec();
    let body = bench.answer(&elsewhere).body;
    assert_eq!(field(&body, "Max"), "40");
}

#[test]
fn every_call_is_remembered_with_what_came_of_it() {
    let bench = Bench::new();
    bench.describe(SOURCE);
    bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", SOURCE), ("SkipFinalSnapshot", "true")]);
    bench.restore("copy", &[]);
    let calls = bench.simulator.calls();
    let seen: Vec<_> =
        calls.iter().map(|call| (call.operation.as_str(), call.mutating, call.status)).collect();
    assert_eq!(
        seen,
        [
            ("DescribeDBInstances", false, Some(200)),
            ("DeleteDBInstance", true, Some(400)),
            ("RestoreDBInstanceToPointInTime", true, Some(200)),
        ]
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let story = |seed| {
        let bench = Bench::of(world(), seed);
        let mut bytes = vec![bench.restore("copy", &[])];
        for _ in 0..60 {
            bench.advance(20);
            bytes.push(bench.describe("copy"));
            bytes.push(bench.good("DescribeEvents", &[]));
        }
        bytes
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}
