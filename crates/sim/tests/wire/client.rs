//! The SDK's HTTP client, under tokio's paused clock.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use lifeboat_sim::client::SimConnector;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::{ManualClock, SimHttpClient, Simulator, WorldDefinition};

use crate::bench::{field, request, world};

/// A connector that reads for at most ten seconds.
fn connector(definition: WorldDefinition) -> SimConnector {
    let clock = Arc::new(ManualClock::new(definition.start));
    let client = SimHttpClient::new(Arc::new(Simulator::new(definition, 1, clock, None)));
    client.connector(&HttpConnectorSettings::builder().read_timeout(Duration::from_secs(10)).build())
}

fn faulty(kind: FaultKind) -> WorldDefinition {
    let mut definition = world();
    definition.faults.push(Fault {
        service: "rds".into(),
        operation: "DescribeDBInstances".into(),
        when: When::Calls(vec![1]),
        kind,
    });
    definition
}

fn sdk_request(operation: &str) -> HttpRequest {
    let plain = request("rds", "AKIAEXAMPLE", &[("Action", operation), ("Version", "2014-10-31")]);
    let mut request = HttpRequest::new(SdkBody::from(plain.body));
    request.set_method("POST").expect("a method");
    request.set_uri(plain.uri.as_str()).expect("a URI");
    for (name, value) in plain.headers {
        request.headers_mut().insert(name, value);
    }
    request
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_through_and_takes_its_virtual_latency() {
    let client = connector(world());
    let call = client.call(sdk_request("DescribeDBInstances"));
    let response =
        tokio::time::timeout(Duration::from_millis(31), call).await.expect("in time").expect("a reply");
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.headers().get("x-amzn-requestid").is_some());
    let body = response.body().bytes().expect("a body in memory");
    assert_eq!(field(&String::from_utf8_lossy(body), "DBInstanceIdentifier"), "orders-prod");
    let call = client.call(sdk_request("DescribeDBInstances"));
    assert!(tokio::time::timeout(Duration::from_millis(29), call).await.is_err(), "30 ms are waited for");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_a_connection_error() {
    let connector = connector(faulty(FaultKind::ReplyLost));
    let error = connector.call(sdk_request("DescribeDBInstances")).await.expect_err("no reply");
    assert!(error.is_io(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_after_the_read_timeout_is_a_timeout() {
    let connector = connector(faulty(FaultKind::Latency(60_000)));
    let call = connector.call(sdk_request("DescribeDBInstances"));
    let outcome =
        tokio::time::timeout(Duration::from_secs(11), call).await.expect("the limit is ten seconds");
    assert!(outcome.expect_err("no reply").is_timeout());
}
