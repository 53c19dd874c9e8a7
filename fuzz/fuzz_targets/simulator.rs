//! Any body as a request in each protocol: it is answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_sim::wire::Request;
use lifeboat_sim::{ManualClock, Simulator, WorldDefinition, service};
use std::collections::BTreeMap;
use std::sync::Arc;

fuzz_target!(|asked: (u16, u8, &[u8])| {
    let (which, protocol, body) = asked;
    let operations: Vec<_> = service::operations().collect();
    let (service, operation) = operations[usize::from(which) % operations.len()];
    let definition = WorldDefinition::named("default").expect("an embedded world");
    let clock = Arc::new(ManualClock::new(definition.start));
    let simulator = Simulator::new(definition, 1, clock, None);
    let scope = format!("AKIAEXAMPLE/20260105/eu-west-1/{service}/aws4_request");
    let mut headers =
        BTreeMap::from([("authorization".to_owned(), format!("AWS4-HMAC-SHA256 Credential={scope}, X"))]);
    let (mut uri, mut body) = ("https://x/".to_owned(), body.to_vec());
    match protocol % 4 {
        0 => {
            let mut form = format!("Action={operation}&Version=2014-10-31&").into_bytes();
            form.append(&mut body);
            body = form;
        }
        1 => {
            headers.insert("x-amz-target".to_owned(), format!("Any.{operation}"));
            headers.insert("content-type".to_owned(), "application/x-amz-json-1.1".to_owned());
        }
        2 => {
            uri = format!("https://x/service/GraniteServiceVersion20100801/operation/{operation}");
            headers.insert("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned());
        }
        _ => uri = format!("https://x/{}", String::from_utf8_lossy(&body)),
    }
    let method = if protocol & 4 == 0 { "POST" } else { "GET" }.to_owned();
    simulator.handle(&Request { method, uri, headers, body }).outcome.expect("no fault loses a reply");
});
