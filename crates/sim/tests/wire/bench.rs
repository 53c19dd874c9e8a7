//! A simulator on a clock that tests move, and small readers of its XML.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_sim::wire::{Reply, Request};
use serde_json::Value;

use lifeboat_sim::{ManualClock, SimClock, Simulator, WorldDefinition, WorldEntry, WorldLog};

pub(crate) const SOURCE: &str = "orders-prod";

/// A log in memory that can be told to fail.
#[derive(Debug, Default)]
pub(crate) struct MemoryLog {
    pub(crate) lines: Mutex<Vec<WorldEntry>>,
    pub(crate) broken: Mutex<bool>,
}

impl MemoryLog {
    pub(crate) fn entries(&self) -> Vec<WorldEntry> {
        self.lines.lock().expect("no test panics with the lock").clone()
    }
}

impl WorldLog for MemoryLog {
    fn append(&self, line: &WorldEntry) -> std::io::Result<()> {
        if *self.broken.lock().expect("no test panics with the lock") {
            return Err(std::io::Error::other("disk full"));
        }
        self.lines.lock().expect("no test panics with the lock").push(line.clone());
        Ok(())
    }
}

pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) log: Arc<MemoryLog>,
}

pub(crate) fn world() -> WorldDefinition {
    WorldDefinition::named("default").expect("the default world can be read")
}

pub(crate) fn request(service: &str, access_key: &str, form: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let scope = format!("{access_key}/20260105/eu-west-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    Request {
        method: "POST".into(),
        uri: format!("https://{service}.eu-west-1.amazonaws.com/"),
        headers: BTreeMap::from([("authorization".to_owned(), signature)]),
        body: body.into_bytes(),
    }
}

/// A response with its body as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl From<lifeboat_sim::wire::Response> for Response {
    fn from(response: lifeboat_sim::wire::Response) -> Response {
        let body = response.text();
        Response { status: response.status, headers: response.headers, body }
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::of(world(), 7)
    }

    pub(crate) fn of(definition: WorldDefinition, seed: u64) -> Bench {
        let clock = Arc::new(ManualClock::new(definition.start));
        let log = Arc::new(MemoryLog::default());
        let shared: Arc<dyn SimClock> = clock.clone();
        let simulator = Simulator::new(definition, seed, shared, Some(log.clone()));
        Bench { simulator, clock, log }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    pub(crate) fn reply(&self, operation: &str, params: &[(&str, &str)]) -> Reply {
        let mut form = vec![("Action", operation), ("Version", "2014-10-31")];
        form.extend_from_slice(params);
        self.simulator.handle(&request("rds", "AKIAEXAMPLE", &form))
    }

    pub(crate) fn rds(&self, operation: &str, params: &[(&str, &str)]) -> Response {
        let response: Response = self.reply(operation, params).outcome.expect("the connection holds").into();
        well_formed(&response.body);
        response
    }

    pub(crate) fn good(&self, operation: &str, params: &[(&str, &str)]) -> String {
        let response = self.rds(operation, params);
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.body
    }

    /// Any request, with the body of the response as text.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        self.simulator.handle(request).outcome.expect("the connection holds").into()
    }

    /// A request to a service that speaks awsJson1.1: target prefix, operation, input.
    pub(crate) fn json(&self, service: &str, target: &str, input: &Value) -> Response {
        let mut request = request(service, "AKIAEXAMPLE", &[]);
        request.headers.insert("x-amz-target".into(), target.into());
        request.headers.insert("content-type".into(), "application/x-amz-json-1.1".into());
        request.body = input.to_string().into_bytes();
        self.answer(&request)
    }

    /// The output of such a request.
    pub(crate) fn accepted(&self, service: &str, target: &str, input: &Value) -> Value {
        let response = self.json(service, target, input);
        assert_eq!(response.status, 200, "{target}: {}", response.body);
        serde_json::from_str(&response.body).expect("the reply is JSON")
    }

    /// Status and code of the refusal of such a request.
    pub(crate) fn refused(&self, service: &str, target: &str, input: &Value) -> (u16, String) {
        let response = self.json(service, target, input);
        assert_ne!(response.status, 200, "{target} was accepted: {}", response.body);
        let error: Value = serde_json::from_str(&response.body).expect("the refusal is JSON");
        (response.status, error["__type"].as_str().unwrap_or_default().to_owned())
    }

    /// A request to a service that speaks restJson1: method, path with query string, body.
    pub(crate) fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Response {
        let mut request = request(service, "AKIAEXAMPLE", &[]);
        request.method = method.into();
        request.uri = format!("https://{service}.eu-west-1.amazonaws.com{path}");
        request.headers.insert("content-type".into(), "application/json".into());
        request.body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.answer(&request)
    }

    /// Status, code and message of a refusal.
    pub(crate) fn refusal(&self, operation: &str, params: &[(&str, &str)]) -> (u16, String, String) {
        let response = self.rds(operation, params);
        assert_ne!(response.status, 200, "{operation} was accepted: {}", response.body);
        (response.status, field(&response.body, "Code"), field(&response.body, "Message"))
    }

    /// Restores the source to its latest restorable time, with more parameters.
    pub(crate) fn restore(&self, target: &str, more: &[(&str, &str)]) -> String {
        let mut params = vec![
            ("SourceDBInstanceIdentifier", SOURCE),
            ("TargetDBInstanceIdentifier", target),
            ("UseLatestRestorableTime", "true"),
        ];
        params.extend_from_slice(more);
        self.good("RestoreDBInstanceToPointInTime", &params)
    }

    pub(crate) fn describe(&self, name: &str) -> String {
        self.good("DescribeDBInstances", &[("DBInstanceIdentifier", name)])
    }

    pub(crate) fn status(&self, name: &str) -> String {
        field(&self.describe(name), "DBInstanceStatus")
    }

    /// The states an instance goes through until `last`, each once, looked at every second.
    pub(crate) fn states_until(&self, name: &str, last: &str) -> Vec<String> {
        let mut states = vec![self.status(name)];
        for _ in 0..7200 {
            if states.last().is_some_and(|state| state == last) {
                return states;
            }
            self.advance(1);
            let status = self.status(name);
            if states.last() != Some(&status) {
                states.push(status);
            }
        }
        panic!("{name} did not become {last} in two hours: {states:?}");
    }
}

fn well_formed(body: &str) {
    let mut reader = quick_xml::Reader::from_str(body);
    while !matches!(reader.read_event().expect("the reply is well-formed XML"), quick_xml::events::Event::Eof)
    {
    }
}

/// The text of the first element of this name; empty where there is none.
pub(crate) fn field(body: &str, name: &str) -> String {
    fields(body, name).into_iter().next().unwrap_or_default()
}

/// The texts of all elements of this name.
pub(crate) fn fields(body: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = body.split(&open).skip(1).filter_map(|rest| rest.split(&close).next());
    inner.map(|text| quick_xml::escape::unescape(text).expect("good escapes").into_owned()).collect()
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is no time: {error}"))
}
