//! Whom the probes of a simulated run ask: the simulated world.

use async_trait::async_trait;
use lifeboat_engine::clock::Clock;
use lifeboat_probe::Ports;
use lifeboat_probe::connect_to::{Address, ConnectTo};
use lifeboat_probe::dial::{Dial, DialRequest, NoAnswer};
use lifeboat_probe::http::{Http, HttpAnswer, HttpRequest};
use lifeboat_probe::real::Programs;
use lifeboat_probe::spawn::{Finished, Spawn, SpawnError, SpawnRequest};
use lifeboat_probe::sql::{Rows, Sql, SqlError, SqlRequest};
use lifeboat_runbook::value::Value;
use lifeboat_sim::Simulator;
use lifeboat_sim::reach::{self, Unanswered};
use lifeboat_sim::sql::SqlValue;
use std::sync::Arc;
use std::time::Duration;

/// Ports into `simulator`. Programs run only where the operator wants it.
pub(crate) fn ports(simulator: &Arc<Simulator>, clock: &Clock, run_commands: bool) -> Ports {
    let world = World { simulator: simulator.clone(), clock: clock.clone() };
    let spawn: Arc<dyn Spawn> = match run_commands {
        true => Arc::new(Programs::new(clock.clone())),
        false => Arc::new(Assumed),
    };
    Ports {
        sql: Arc::new(world.clone()),
        http: Arc::new(world.clone()),
        dial: Arc::new(world),
        spawn,
        connect_to: ConnectTo::default(),
    }
}

/// The simulated world, and its time.
#[derive(Clone)]
struct World {
    simulator: Arc<Simulator>,
    clock: Clock,
}

impl World {
    /// An answer comes when its time has passed; a silence costs none.
    async fn take<T>(
        &self,
        address: &Address,
        answer: Result<(T, Duration), Unanswered>,
        limit: Duration,
    ) -> Result<(T, Duration), NoAnswer> {
        let (answer, takes) =
            answer.map_err(|Unanswered(why)| NoAnswer::Connect { address: address.clone(), why })?;
        self.clock.sleep(takes.min(limit)).await;
        match takes > limit {
            true => Err(NoAnswer::Timeout { address: address.clone(), limit }),
            false => Ok((answer, takes)),
        }
    }
}

#[async_trait]
impl Dial for World {
    async fn dial(&self, request: &DialRequest) -> Result<Duration, NoAnswer> {
        let Address { host, port } = &request.address;
        let answer =
            self.simulator.with_world(|world| reach::connect(world, host, *port)).map(|takes| ((), takes));
        let ((), took) = self.take(&request.address, answer, request.timeout).await?;
        Ok(took)
    }
}

#[async_trait]
impl Http for World {
    async fn ask(&self, request: &HttpRequest) -> Result<HttpAnswer, NoAnswer> {
        let Address { host, port } = &request.address;
        let answer = self.simulator.with_world(|world| reach::ask(world, host, *port)).map(|page| {
            let latency = page.latency;
            (page, latency)
        });
        let (page, took) = self.take(&request.address, answer, request.timeout).await?;
        let body = match request.method.as_str() {
            "GET" => page.body.into_bytes(),
            _ => Vec::new(),
        };
        Ok(HttpAnswer { status: page.status, took, body })
    }
}

#[async_trait]
impl Sql for World {
    async fn query(&self, request: &SqlRequest) -> Result<Rows, SqlError> {
        let password = request.password.as_ref().map_or("", |password| password.expose());
        let params: Vec<SqlValue> = request.params.iter().map(parameter).collect();
        let (host, database, user) = (&request.address.host, &request.database, &request.user);
        let answer =
            self.simulator.query(host, database, user, password, &request.sql, &params).map_err(refused)?;
        let rows: Vec<_> = answer
            .rows
            .into_iter()
            .map(|row| answer.columns.iter().cloned().zip(row.into_iter().map(plain)).collect())
            .collect();
        Ok(Rows { count: rows.len() as u64, rows })
    }
}

/// SQLite compares times as texts, in the form that the world writes them.
fn parameter(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Bool(truth) => SqlValue::Integer(i64::from(*truth)),
        Value::Int(number) => SqlValue::Integer(*number),
        Value::Float(number) => SqlValue::Real(*number),
        Value::Time(time) => SqlValue::Text(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        Value::Secret(secret) => SqlValue::Text(secret.expose().to_owned()),
        other => SqlValue::Text(other.to_string()),
    }
}

fn plain(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => Value::Int(number),
        SqlValue::Real(number) => Value::Float(number),
        SqlValue::Text(text) => Value::String(text),
    }
}

fn refused(error: lifeboat_sim::sql::SqlError) -> SqlError {
    let why = error.to_string();
    match error {
        lifeboat_sim::sql::SqlError::Connect { host, reason } => SqlError::Connect { host, why: reason },
        lifeboat_sim::sql::SqlError::Auth { .. } => SqlError::Auth(why),
        _ => SqlError::Sql(why),
    }
}

/// Runs nothing: what a program would do here is not known, and it is assumed to go well.
struct Assumed;

#[async_trait]
impl Spawn for Assumed {
    async fn run(&self, _: &SpawnRequest) -> Result<Finished, SpawnError> {
        Ok(Finished { assumed: true, ..Finished::default() })
    }
}
