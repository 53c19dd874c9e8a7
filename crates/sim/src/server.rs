//! The simulator as an HTTP endpoint: any SDK and the AWS CLI reach it by `--endpoint-url` or `AWS_ENDPOINT_URL`.
//!
//! Besides AWS's requests it answers two of its own: `POST /_sim/advance` with `{"s": 600}` moves its clock forward, and
//! `GET /_sim/log` gives the world's log, a JSON object a line.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use crate::clock::{SimClock, lock};
use crate::log::{WorldEntry, WorldLog};
use crate::simulator::Simulator;
use crate::wire;

/// Larger requests are refused with 413; no operation of AWS's control plane takes more.
const MOST_BYTES: usize = 10 << 20;

/// A clock that runs at a rate, and can be moved forward. A rate of 0 stands still, 1 is real time, 60 makes a minute
/// of every second.
pub struct RunningClock {
    start: DateTime<Utc>,
    rate: f64,
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    advanced: Mutex<TimeDelta>,
}

impl std::fmt::Debug for RunningClock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RunningClock").field("start", &self.start).field("rate", &self.rate).finish()
    }
}

impl RunningClock {
    /// A clock that begins at `start`. `elapsed` tells the real time since then, and must never go back.
    pub fn new(
        start: DateTime<Utc>,
        rate: f64,
        elapsed: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> RunningClock {
        RunningClock { start, rate, elapsed: Box::new(elapsed), advanced: Mutex::new(TimeDelta::zero()) }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let mut advanced = lock(&self.advanced);
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        *advanced = advanced.checked_add(&by).unwrap_or(TimeDelta::MAX);
    }

    /// How long a virtual duration takes in reality; nothing where the clock stands still.
    fn real(&self, virtually: Duration) -> Duration {
        if self.rate > 0.0 { virtually.div_f64(self.rate) } else { Duration::ZERO }
    }
}

impl SimClock for RunningClock {
    fn now(&self) -> DateTime<Utc> {
        let ran = TimeDelta::milliseconds(((self.elapsed)().as_secs_f64() * self.rate * 1000.0) as i64);
        let since = ran.checked_add(&lock(&self.advanced)).unwrap_or(TimeDelta::MAX);
        self.start.checked_add_signed(since).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// A world's log in memory, which `GET /_sim/log` shows.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Vec<WorldEntry>>);

impl MemoryLog {
    /// The lines so far.
    pub fn entries(&self) -> Vec<WorldEntry> {
        lock(&self.0).clone()
    }
}

impl WorldLog for MemoryLog {
    fn append(&self, line: &WorldEntry) -> io::Result<()> {
        lock(&self.0).push(line.clone());
        Ok(())
    }
}

/// What is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The simulator, which lives on `clock` and writes `log`.
    pub simulator: Arc<Simulator>,
    /// Its clock.
    pub clock: Arc<RunningClock>,
    /// Its log.
    pub log: Arc<MemoryLog>,
}

/// Serves until it is dropped. Must be called on a runtime whose clock is real.
///
/// # Errors
/// When no connection can be accepted any more.
pub async fn serve(listener: TcpListener, served: Served) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let served = served.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&served, request));
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that goes away, and a reply that a fault loses, end a connection: both are meant to.
            drop(connection.await);
        });
    }
}

type Reply = Response<Full<Bytes>>;

/// Answers a request; the error ends the connection without a reply.
async fn answer(served: &Served, request: Request<Incoming>) -> Result<Reply, wire::ConnectionLost> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large or was broken off"));
    };
    let body = body.to_bytes();
    if let Some(path) = parts.uri.path().strip_prefix("/_sim/") {
        return Ok(control(served, &parts.method, path, &body));
    }
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let reply = served.simulator.handle(&wire::Request {
        method: parts.method.as_str().into(),
        uri: parts.uri.to_string(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.to_vec(),
    });
    tokio::time::sleep(served.clock.real(reply.latency)).await;
    reply.outcome.map(http)
}

fn http(response: wire::Response) -> Reply {
    let mut builder = Response::builder().status(response.status);
    // hyper writes the length itself.
    for (name, value) in response.headers.into_iter().filter(|(name, _)| name != "content-length") {
        builder = builder.header(name, value);
    }
    let built = builder.body(Full::new(Bytes::from(response.body)));
    built.unwrap_or_else(|error| plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}

fn plain(status: StatusCode, message: &str) -> Reply {
    json_reply(status, &json!({ "message": message }))
}

fn json_reply(status: StatusCode, document: &impl Serialize) -> Reply {
    let body = serde_json::to_vec(document).unwrap_or_default();
    reply(status, "application/json", body)
}

fn reply(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    reply
}

/// `POST /_sim/advance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// Seconds.
    s: f64,
}

fn control(served: &Served, method: &Method, path: &str, body: &[u8]) -> Reply {
    match (method, path) {
        (&Method::POST, "advance") => match advance(served, body) {
            Ok(now) => json_reply(StatusCode::OK, &json!({ "now": now })),
            Err(message) => plain(StatusCode::BAD_REQUEST, &message),
        },
        (&Method::GET, "log") => {
            let entries = served.log.entries();
            let lines: Result<Vec<String>, _> = entries.iter().map(serde_json::to_string).collect();
            match lines {
                Ok(lines) => {
                    let text: String = lines.into_iter().map(|line| line + "\n").collect();
                    reply(StatusCode::OK, "application/x-ndjson", text.into_bytes())
                }
                Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "there are POST /_sim/advance {\"s\": SECONDS} and GET /_sim/log"),
    }
}

fn advance(served: &Served, body: &[u8]) -> Result<DateTime<Utc>, String> {
    let Advance { s } = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let by = Duration::try_from_secs_f64(s).map_err(|error| format!("s: {error}"))?;
    served.clock.advance(by);
    Ok(served.clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_at_its_rate_and_can_be_moved() {
        let real = Arc::new(Mutex::new(Duration::ZERO));
        let elapsed = Arc::clone(&real);
        let start = DateTime::UNIX_EPOCH;
        let clock = RunningClock::new(start, 60.0, move || *lock(&elapsed));
        assert_eq!(clock.now(), start);
        *lock(&real) = Duration::from_millis(1500);
        assert_eq!(clock.now(), start + TimeDelta::seconds(90));
        clock.advance(Duration::from_secs(600));
        assert_eq!(clock.now(), start + TimeDelta::seconds(690));
        assert_eq!(clock.real(Duration::from_secs(60)), Duration::from_secs(1));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), DateTime::<Utc>::MAX_UTC, "it stops at the end of time");
    }

    #[test]
    fn a_clock_of_rate_0_stands_still_and_nobody_waits() {
        let clock = RunningClock::new(DateTime::UNIX_EPOCH, 0.0, || Duration::from_secs(9));
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        assert_eq!(clock.real(Duration::from_secs(60)), Duration::ZERO);
    }
}
