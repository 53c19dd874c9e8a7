//! A simulator on a clock that tests move, and small readers of its XML.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_sim::wire::{Reply, Request, Response};
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
        let response = self.reply(operation, params).outcome.expect("the connection holds");
        well_formed(&response.body);
        response
    }

    pub(crate) fn good(&self, operation: &str, params: &[(&str, &str)]) -> String {
        let response = self.rds(operation, params);
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.body
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
