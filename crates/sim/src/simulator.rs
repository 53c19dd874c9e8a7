//! The simulator: one world, its clock, its log, and the way of a request through them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{SimClock, lock};
use crate::definition::WorldDefinition;
use crate::fault::{self, FaultKind, Hit};
use crate::log::{WorldEntry, WorldLog};
use crate::protocol::{ApiError, Body, Dialect, Outgoing};
use crate::request::{Refused, Understood, understand};
use crate::service::{self, Context, Deed, Handler};
use crate::sql::{self, Rows, SqlError, SqlValue};
use crate::wire::{ConnectionLost, Reply, Request, Response};
use crate::world::{Place, Trace, World};

/// A request that came in, for tests and for the audit of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// When, in virtual time.
    pub at: DateTime<Utc>,
    /// The service's signing name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Whether the operation changes the world.
    pub mutating: bool,
    /// The reply's HTTP status; `None` where the connection broke.
    pub status: Option<u16>,
}

/// A log that does not fit the world it is replayed on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log names an operation that this version does not change the world by.
    #[error(
        "line {line} of the world's log: {service} {operation} is not an operation that changes the world"
    )]
    UnknownOperation {
        /// The line's number.
        line: u64,
        /// The service.
        service: String,
        /// The operation.
        operation: String,
    },
    /// What was accepted then is refused now: another world file, another seed or another version.
    #[error(
        "line {line} of the world's log was accepted then and is refused now ({message}): give the world file, \
             the seed and the version of that run"
    )]
    Refused {
        /// The line's number.
        line: u64,
        /// The refusal.
        message: String,
    },
    /// Lines are missing or doubled.
    #[error("line {line} of the world's log is numbered {numbered}: the log is not whole")]
    OutOfOrder {
        /// The line's place.
        line: u64,
        /// The number it has.
        numbered: u64,
    },
}

#[derive(Debug, Default, Clone)]
struct Counters {
    requests: u64,
    accepted: u64,
    /// Calls that would change something.
    changes: u64,
    calls: BTreeMap<(String, String), u64>,
}

struct Inner {
    world: World,
    counters: Counters,
    calls: Vec<Call>,
    /// Worlds as requests left them, the oldest first; only where a fault makes looks stale.
    past: VecDeque<World>,
}

/// An AWS in memory. It may be shared between tasks; requests take their turn.
pub struct Simulator {
    inner: Mutex<Inner>,
    clock: Arc<dyn SimClock>,
    log: Option<Arc<dyn WorldLog>>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Simulator").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// A request while it is answered.
struct Turn {
    now: DateTime<Utc>,
    number: u64,
    call: u64,
}

impl Simulator {
    /// A world at its start. With a log, each accepted mutating request is in it before it takes effect.
    pub fn new(
        definition: WorldDefinition,
        seed: u64,
        clock: Arc<dyn SimClock>,
        log: Option<Arc<dyn WorldLog>>,
    ) -> Simulator {
        Simulator::holding(World::new(definition, seed), Counters::default(), clock, log)
    }

    /// The world that a log leads to. `entries` are not written to `log` again.
    ///
    /// # Errors
    /// When the log does not fit the definition and the seed.
    pub fn replay(
        definition: WorldDefinition,
        seed: u64,
        entries: &[WorldEntry],
        clock: Arc<dyn SimClock>,
        log: Option<Arc<dyn WorldLog>>,
    ) -> Result<Simulator, ReplayError> {
        let mut world = World::new(definition, seed);
        let mut counters = Counters::default();
        for (entry, line) in entries.iter().zip(1..) {
            if entry.accepted != line {
                return Err(ReplayError::OutOfOrder { line, numbered: entry.accepted });
            }
            counters.requests = entry.request;
            counters.accepted = entry.accepted;
            counters.changes = entry.change;
            counters.calls.insert((entry.service.clone(), entry.operation.clone()), entry.call);
            world.settle(entry.at);
            if entry.effect {
                repeat(&mut world, entry)?;
            }
        }
        Ok(Simulator::holding(world, counters, clock, log))
    }

    fn holding(
        world: World,
        counters: Counters,
        clock: Arc<dyn SimClock>,
        log: Option<Arc<dyn WorldLog>>,
    ) -> Simulator {
        Simulator {
            inner: Mutex::new(Inner { world, counters, calls: Vec::new(), past: VecDeque::new() }),
            clock,
            log,
        }
    }

    /// Answers one request, at the clock's time.
    pub fn handle(&self, request: &Request) -> Reply {
        let mut inner = lock(&self.inner);
        let now = self.clock.now().max(inner.world.now);
        inner.keep_the_past(now);
        inner.world.settle(now);
        inner.counters.requests += 1;
        let latency = Duration::from_millis(inner.world.definition.latency_ms);
        match understand(&inner.world, request) {
            Ok(understood) => self.answer(&mut inner, understood, now, latency),
            Err(Refused { service, operation, dialect, error }) => {
                let name = service.map_or("unknown", |service| service.name);
                let namespace = service.map_or("", |service| service.protocol.namespace());
                let id = inner.world.chance.request_id(inner.counters.requests);
                inner.remember(now, name, &operation, false, Some(error.status));
                let outgoing = dialect.refusal(&error, namespace, &id);
                Reply { latency, outcome: Ok(response(outgoing, &id, now)) }
            }
        }
    }

    fn answer(
        &self,
        inner: &mut Inner,
        mut request: Understood,
        now: DateTime<Utc>,
        latency: Duration,
    ) -> Reply {
        let (service, operation) = (request.service, request.operation);
        let key = (service.name.to_owned(), operation.name.to_owned());
        let call = inner.counters.calls.entry(key).or_default();
        *call += 1;
        let turn = Turn { now, number: inner.counters.requests, call: *call };
        inner.counters.changes += u64::from(operation.is_mutating());
        let change = operation.is_mutating().then_some(inner.counters.changes);
        let definition = Arc::clone(&inner.world.definition);
        let chance = inner.world.chance;
        let second = u64::try_from((now - definition.start).num_seconds()).unwrap_or_default();
        let (name, region) = (operation.name, request.place.region.as_str());
        let hit = Hit { service: service.name, operation: name, region, call: turn.call, change, second };
        let fault = fault::hitting(&definition.faults, &chance, hit);
        let kind = fault.map(|(_, fault)| &fault.kind);
        if let Some(FaultKind::OtherAccount(account)) = kind {
            request.place.account.clone_from(account);
        }
        let request = &request;
        let caller = &request.caller.arn;
        if let Some(message) = service::not_permitted(&definition, service.name, operation.name, caller) {
            let code = request.dialect.common("AccessDenied");
            let id = chance.request_id(turn.number);
            let error = ApiError::forbidden(&code, message);
            let outgoing = request.dialect.refusal(&error, service.protocol.namespace(), &id);
            inner.remember(now, service.name, operation.name, operation.is_mutating(), Some(error.status));
            return Reply { latency, outcome: Ok(response(outgoing, &id, now)) };
        }
        let answer = match kind.and_then(|kind| refusal(kind, request.dialect)) {
            Some(refusal) => {
                self.keep(inner, request, &turn, fault.map(|(place, _)| place), false).and(Err(refusal))
            }
            None => self.perform(inner, request, &turn, fault.map(|(place, _)| place), kind),
        };
        let id = chance.request_id(turn.number);
        let outgoing = match &answer {
            Ok(body) => request.dialect.reply(&service.protocol, operation.name, body, &id),
            Err(error) => request.dialect.refusal(error, service.protocol.namespace(), &id),
        };
        let response = response(outgoing, &id, now);
        let (extra, lost) = match kind {
            Some(FaultKind::Latency(milliseconds)) => (Duration::from_millis(*milliseconds), false),
            Some(FaultKind::ReplyLost) => (Duration::ZERO, true),
            _ => (Duration::ZERO, false),
        };
        let outcome = if lost { Err(ConnectionLost) } else { Ok(response) };
        let status = outcome.as_ref().ok().map(|response| response.status);
        inner.remember(now, service.name, operation.name, operation.is_mutating(), status);
        Reply { latency: latency + extra, outcome }
    }

    /// Lets the handler answer.
    fn perform(
        &self,
        inner: &mut Inner,
        request: &Understood,
        turn: &Turn,
        fault: Option<usize>,
        kind: Option<&FaultKind>,
    ) -> Result<Body, ApiError> {
        let final_state = kind.and_then(final_state);
        match &request.operation.handler {
            Handler::Xml(deed) => {
                self.carry_out(inner, request, turn, fault, final_state, deed).map(Body::Xml)
            }
            Handler::Document(deed) => {
                self.carry_out(inner, request, turn, fault, final_state, deed).map(Body::Document)
            }
        }
    }

    /// Does a deed; a change is made on a copy, logged, and then put into force.
    fn carry_out<T>(
        &self,
        inner: &mut Inner,
        request: &Understood,
        turn: &Turn,
        fault: Option<usize>,
        final_state: Option<&str>,
        deed: &Deed<T>,
    ) -> Result<T, ApiError> {
        let context = request.context(final_state);
        match deed {
            Deed::Read(read) => {
                if fault.is_some() {
                    self.keep(inner, request, turn, fault, false)?;
                }
                match inner.stale_world(turn.now, fault) {
                    Some(stale) => read(&stale, &context),
                    None => read(&inner.world, &context),
                }
            }
            Deed::Change(change) => {
                let mut world = inner.world.clone();
                let answer = change(&mut world, &context);
                if answer.is_ok() {
                    // What is asked for again under the same token is answered, and nothing is done.
                    let effect = world != inner.world;
                    self.keep(inner, request, turn, fault, effect)?;
                    if effect {
                        world.trace(&Trace {
                            place: context.place,
                            caller: context.caller,
                            service: request.service.name,
                            operation: request.operation.name,
                            request: turn.number,
                            accepted: inner.counters.accepted,
                            params: &request.service.protocol.kept(&request.incoming),
                        });
                    }
                    inner.world = world;
                } else if fault.is_some() {
                    self.keep(inner, request, turn, fault, false)?;
                }
                answer
            }
        }
    }

    /// Appends a line to the log; without it, nothing may happen.
    fn keep(
        &self,
        inner: &mut Inner,
        request: &Understood,
        turn: &Turn,
        fault: Option<usize>,
        effect: bool,
    ) -> Result<(), ApiError> {
        let entry = WorldEntry {
            at: turn.now,
            service: request.service.name.into(),
            operation: request.operation.name.into(),
            region: request.place.region.clone(),
            account: request.place.account.clone(),
            caller: Some(&request.caller)
                .filter(|caller| Some(*caller) != inner.world.definition.own_caller(&request.place.account))
                .cloned(),
            params: request.service.protocol.kept(&request.incoming),
            digest: request.digest.clone(),
            accepted: inner.counters.accepted + 1,
            request: turn.number,
            call: turn.call,
            change: inner.counters.changes,
            fault,
            effect,
        };
        if let Some(log) = &self.log {
            let unavailable = |error: io::Error| ApiError {
                status: 503,
                ..ApiError::new("ServiceUnavailable", format!("the world's log cannot be written: {error}"))
            };
            log.append(&entry).map_err(unavailable)?;
        }
        inner.counters.accepted += 1;
        Ok(())
    }

    /// All requests since this simulator was made, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.inner).calls.clone()
    }

    /// The truth at the clock's time.
    pub fn world(&self) -> World {
        self.with_world(World::clone)
    }

    /// Looks at the world as it is now, without a copy of it.
    pub fn with_world<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let mut inner = lock(&self.inner);
        inner.world.settle(self.clock.now());
        look(&inner.world)
    }

    /// Asks a simulated database. Parameters are bound to `$1`, `$2`, …
    ///
    /// # Errors
    /// When nobody answers at that host, the database or the password is wrong, or the statement cannot be
    /// answered from the world's tables; never an empty result instead.
    pub fn query(
        &self,
        endpoint_host: &str,
        database: &str,
        user: &str,
        password: &str,
        sql: &str,
        params: &[SqlValue],
    ) -> Result<Rows, SqlError> {
        sql::query(&self.world(), &sql::Question { endpoint_host, database, user, password, sql, params })
    }
}

impl Inner {
    /// Remembers the world as the last request left it, as long as a stale look may want it.
    fn keep_the_past(&mut self, now: DateTime<Utc>) {
        let Some(stalest) = fault::stalest(&self.world.definition.faults) else { return };
        let horizon = now - seconds(stalest);
        self.past.push_back(self.world.clone());
        // The newest one from before the horizon tells what was there at the horizon.
        while self.past.get(1).is_some_and(|second| second.now <= horizon) {
            self.past.pop_front();
        }
    }

    /// The world that a stale look sees; nothing where this look is not stale.
    fn stale_world(&self, now: DateTime<Utc>, fault: Option<usize>) -> Option<World> {
        let FaultKind::StaleRead(stale) = self.world.definition.faults.get(fault?)?.kind else { return None };
        let then = now - seconds(stale);
        let mut world = self.past.iter().rev().find(|past| past.now <= then).or(self.past.front())?.clone();
        world.settle(then);
        Some(world)
    }

    fn remember(
        &mut self,
        at: DateTime<Utc>,
        service: &str,
        operation: &str,
        mutating: bool,
        status: Option<u16>,
    ) {
        self.calls.push(Call { at, service: service.into(), operation: operation.into(), mutating, status });
    }
}

/// The refusal that a fault orders, if it orders one.
fn refusal(kind: &FaultKind, dialect: Dialect) -> Option<ApiError> {
    match kind {
        FaultKind::Throttle => Some(ApiError::new(&dialect.common("Throttling"), "Rate exceeded")),
        FaultKind::CredentialsGone => Some(ApiError {
            status: 403,
            ..ApiError::new(
                &dialect.common("ExpiredToken"),
                "The security token included in the request is expired",
            )
        }),
        FaultKind::Error { code, status, message } => {
            Some(ApiError { status: *status, code: code.clone(), message: message.clone() })
        }
        FaultKind::ReplyLost
        | FaultKind::Latency(_)
        | FaultKind::FinalState(_)
        | FaultKind::StaleRead(_)
        | FaultKind::OtherAccount(_)
        | FaultKind::ReplicaLag(_) => None,
    }
}

/// The state in which a fault lets things end, if it orders one.
fn seconds(count: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(count).unwrap_or(i64::MAX / 1000))
}

fn final_state(kind: &FaultKind) -> Option<&str> {
    match kind {
        FaultKind::FinalState(state) => Some(state),
        _ => None,
    }
}

/// Does again what was accepted.
fn repeat(world: &mut World, entry: &WorldEntry) -> Result<(), ReplayError> {
    let unknown = || ReplayError::UnknownOperation {
        line: entry.accepted,
        service: entry.service.clone(),
        operation: entry.operation.clone(),
    };
    let service = service::named(&entry.service).ok_or_else(unknown)?;
    let operation = service.operation(&entry.operation).ok_or_else(unknown)?;
    let definition = Arc::clone(&world.definition);
    let kind = entry.fault.and_then(|place| definition.faults.get(place)).map(|fault| &fault.kind);
    let place = Place { account: entry.account.clone(), region: entry.region.clone() };
    let caller = entry.caller.as_ref().or_else(|| definition.own_caller(&entry.account));
    let caller = caller.cloned().unwrap_or_default();
    let (params, input) = service.protocol.restored(&entry.params);
    let context = Context {
        place: &place,
        caller: &caller,
        params: &params,
        input: &input,
        final_state: kind.and_then(final_state),
    };
    let outcome = match operation.handler {
        Handler::Xml(Deed::Change(change)) => change(world, &context).map(drop),
        Handler::Document(Deed::Change(change)) => change(world, &context).map(drop),
        Handler::Xml(Deed::Read(_)) | Handler::Document(Deed::Read(_)) => return Err(unknown()),
    };
    outcome.map_err(|error: ApiError| ReplayError::Refused {
        line: entry.accepted,
        message: format!("{}: {}", error.code, error.message),
    })?;
    world.trace(&Trace {
        place: &place,
        caller: &caller,
        service: service.name,
        operation: operation.name,
        request: entry.request,
        accepted: entry.accepted,
        params: &entry.params,
    });
    Ok(())
}

fn response(outgoing: Outgoing, request_id: &str, now: DateTime<Utc>) -> Response {
    let Outgoing { status, mut headers, body } = outgoing;
    headers.insert("content-length".into(), body.len().to_string());
    headers.insert("date".into(), now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    headers.insert("x-amzn-requestid".into(), request_id.into());
    Response { status, headers, body }
}
