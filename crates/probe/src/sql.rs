//! The port to databases that speak SQL.

use crate::connect_to::Address;
use crate::tls::Tls;
use async_trait::async_trait;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// A probe is a question with a short answer: more rows are a mistake in the statement.
pub const MOST_ROWS: usize = 1_000;

/// And so are more bytes: 1 MiB of what the database sends.
pub const MOST_BYTES: usize = 1 << 20;

/// A question to a database.
#[derive(Clone, Debug)]
pub struct SqlRequest {
    /// The host and the port that were asked for; certificates must be made out to this host.
    pub address: Address,
    /// Where the connection goes.
    pub connect: Address,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password, if it needs one.
    pub password: Option<Secret>,
    /// How the server proves who it is.
    pub tls: Tls,
    /// One statement.
    pub sql: String,
    /// The values of `$1`, `$2`, …
    pub params: Vec<Value>,
    /// How long the statement may take.
    pub timeout: Duration,
    /// Whether it may change something.
    pub access: Access,
}

/// Whether a statement may change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It runs in a transaction that only reads.
    Read,
    /// It runs in a transaction that is committed.
    Modify,
}

/// The answer of a database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows, each a map from column to value.
    pub rows: Vec<BTreeMap<String, Value>>,
    /// How many rows were answered, or changed by a statement that answers none.
    pub count: u64,
}

/// Why there is no answer; the code is one a runbook's `retry.errors` may name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Nobody answers there.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// The host.
        host: String,
        /// Why not.
        why: String,
    },
    /// It took too long.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// The limit.
        seconds: u64,
    },
    /// It does not accept user and password.
    #[error("{0}")]
    Auth(String),
    /// No trusted connection could be made.
    #[error("{0}")]
    Tls(String),
    /// It does not accept the statement.
    #[error("{0}")]
    Sql(String),
    /// The connection ended while the change was being committed: it may have happened.
    #[error("the connection ended while the change was being committed: {0}")]
    CommitUnknown(String),
}

impl SqlError {
    /// `connect`, `timeout`, `auth`, `tls`, `sql`; `unknown` where the change may have happened.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Auth(_) => "auth",
            Self::Tls(_) => "tls",
            Self::Sql(_) => "sql",
            Self::CommitUnknown(_) => "unknown",
        }
    }
}

/// Somebody who can ask a database.
#[async_trait]
pub trait Sql: Send + Sync {
    /// Asks; changes something there only where the request permits it.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn query(&self, request: &SqlRequest) -> Result<Rows, SqlError>;
}
