//! PostgreSQL servers.

use super::cells::{Cell, Parameter, is_supported};
use super::trust::{Purpose, Trust};
use super::{chain, resolve};
use crate::sql::{Access, MOST_BYTES, MOST_ROWS, Rows, Sql, SqlError, SqlRequest};
use crate::tls::Tls;
use async_trait::async_trait;
use futures_util::TryStreamExt;
use lifeboat_engine::clock::{Clock, TooLong};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, Row, Socket, Statement, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long it may take until the server has let us in; a server that starts up answers sooner, with a refusal.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The server ends the statement by itself at its limit; after this it does not answer any more.
const GRACE: Duration = Duration::from_secs(5);

/// The machine's network.
pub(super) struct Postgres {
    clock: Clock,
    trust: Arc<Trust>,
}

#[async_trait]
impl Sql for Postgres {
    async fn query(&self, request: &SqlRequest) -> Result<Rows, SqlError> {
        let committing = AtomicBool::new(false);
        let limit = CONNECT_LIMIT + request.timeout + GRACE;
        match self.clock.frozen(limit, self.converse(request, &committing)).await {
            Ok(answer) => answer,
            Err(TooLong(limit)) if committing.load(Ordering::Relaxed) => {
                Err(SqlError::CommitUnknown(format!("no answer within {limit:?}")))
            }
            Err(TooLong(limit)) => Err(SqlError::Timeout { seconds: limit.as_secs() }),
        }
    }
}

impl Postgres {
    pub(super) fn new(clock: Clock, trust: Arc<Trust>) -> Self {
        Self { clock, trust }
    }

    async fn converse(&self, request: &SqlRequest, committing: &AtomicBool) -> Result<Rows, SqlError> {
        let mut client = self.connect(request).await?;
        let failed = |error| told(request, &error);
        let read_only = request.access == Access::Read;
        let transaction = client.build_transaction().read_only(read_only).start().await.map_err(failed)?;
        let limit = format!("set local statement_timeout = {}", request.timeout.as_millis().max(1));
        transaction.batch_execute(&limit).await.map_err(failed)?;
        let statement = transaction.prepare(&request.sql).await.map_err(failed)?;
        fits(&statement, request)?;
        let answer = ask(&transaction, &statement, request).await?;
        match request.access {
            // Dropping the transaction rolls it back.
            Access::Read => Ok(answer),
            Access::Modify => {
                committing.store(true, Ordering::Relaxed);
                transaction.commit().await.map_err(|error| not_committed(request, &error))?;
                Ok(answer)
            }
        }
    }

    async fn connect(&self, request: &SqlRequest) -> Result<Client, SqlError> {
        let addresses =
            resolve(&request.connect).await.map_err(|error| unreachable(request, error.to_string()))?;
        let mut config = Config::new();
        config.dbname(&request.database).user(&request.user).port(request.connect.port);
        config.application_name("lifeboat").connect_timeout(CONNECT_LIMIT);
        for address in &addresses {
            // The name is what the certificate is compared with, the address is where the connection goes.
            config.host(&request.address.host).hostaddr(address.ip());
        }
        if let Some(password) = &request.password {
            config.password(password.expose());
        }
        if request.tls != Tls::Off {
            let trusted = self.trust.config(&request.tls, Purpose::Database).map_err(SqlError::Tls)?;
            config.ssl_mode(SslMode::Require);
            return open(&config, MakeRustlsConnect::new((*trusted).clone()), request).await;
        }
        if let Some(far) = addresses.iter().find(|address| !address.ip().is_loopback()) {
            let message = format!(
                "`tls: off` is for connections that stay on this machine, and {} is not on it",
                far.ip()
            );
            return Err(SqlError::Tls(message));
        }
        config.ssl_mode(SslMode::Disable);
        open(&config, NoTls, request).await
    }
}

/// Logs in. The connection lives in a task of its own and ends with the client.
async fn open<T>(config: &Config, tls: T, request: &SqlRequest) -> Result<Client, SqlError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| told(request, &error))?;
    tokio::spawn(async move {
        // What goes wrong with it is told to whoever waits for an answer.
        let _told_there = connection.await;
    });
    Ok(client)
}

/// What can be known of a statement before it runs.
fn fits(statement: &Statement, request: &SqlRequest) -> Result<(), SqlError> {
    let (wanted, given) = (statement.params().len(), request.params.len());
    if wanted != given {
        return Err(SqlError::Sql(format!(
            "the statement has {wanted} parameters, and `params` has {given}"
        )));
    }
    let mut names = BTreeMap::new();
    for column in statement.columns() {
        let (name, kind) = (column.name(), column.type_());
        if !is_supported(kind) {
            let message =
                format!("the column `{name}` has the type `{kind}`; cast it, such as `{name}::text`");
            return Err(SqlError::Sql(message));
        }
        if names.insert(name, ()).is_some() {
            return Err(SqlError::Sql(format!(
                "two columns are called `{name}`; give one another name with `as`"
            )));
        }
    }
    Ok(())
}

async fn ask(
    transaction: &Transaction<'_>,
    statement: &Statement,
    request: &SqlRequest,
) -> Result<Rows, SqlError> {
    let failed = |error| told(request, &error);
    let params: Vec<_> = request.params.iter().map(Parameter).collect();
    let mut found = pin!(transaction.query_raw(statement, params).await.map_err(failed)?);
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(row) = found.try_next().await.map_err(failed)? {
        bytes += row.raw_size_bytes();
        if rows.len() == MOST_ROWS || bytes > MOST_BYTES {
            let message =
                format!("the answer has more than {MOST_ROWS} rows or {MOST_BYTES} bytes; ask for less");
            return Err(SqlError::Sql(message));
        }
        rows.push(map(&row).map_err(failed)?);
    }
    let answered = rows.len() as u64;
    Ok(Rows { rows, count: found.rows_affected().unwrap_or(answered) })
}

fn map(row: &Row) -> Result<BTreeMap<String, Value>, Error> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let Cell(value) = row.try_get(index)?;
            Ok((column.name().to_owned(), value))
        })
        .collect()
}

fn unreachable(request: &SqlRequest, why: String) -> SqlError {
    SqlError::Connect { host: request.address.to_string(), why }
}

/// What an error means; none of them holds the password, which the server is only ever told.
fn told(request: &SqlRequest, error: &Error) -> SqlError {
    let Some(said) = error.as_db_error() else {
        // The library does not say the kind of an error but by its text.
        return match error.to_string().as_str() {
            "error performing TLS handshake" => SqlError::Tls(chain(error)),
            "authentication error" | "invalid configuration" => SqlError::Auth(chain(error)),
            _ => unreachable(request, chain(error)),
        };
    };
    let message = match said.detail() {
        Some(detail) => format!("{} ({detail})", said.message()),
        None => said.message().to_owned(),
    };
    let code = said.code();
    if *code == SqlState::QUERY_CANCELED {
        return SqlError::Timeout { seconds: request.timeout.as_secs() };
    }
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return SqlError::Sql(format!(
            "{message}; a statement that changes something needs `effect: modify`"
        ));
    }
    // Classes of PostgreSQL's appendix A: 28 authorization; 08 connection, 53 resources, 57P the server goes or comes.
    match code.code() {
        code if code.starts_with("28") => SqlError::Auth(message),
        code if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => {
            unreachable(request, message)
        }
        _ => SqlError::Sql(message),
    }
}

/// A commit that the server refused has changed nothing; one without an answer may have.
fn not_committed(request: &SqlRequest, error: &Error) -> SqlError {
    match told(request, error) {
        SqlError::Connect { why, .. } => SqlError::CommitUnknown(why),
        known => known,
    }
}
