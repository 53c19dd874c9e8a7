//! The port to databases that speak SQL.

use async_trait::async_trait;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;

/// A question to a database.
#[derive(Clone, Debug)]
pub struct SqlRequest {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password, if it needs one.
    pub password: Option<Secret>,
    /// One statement.
    pub sql: String,
}

/// Rows, each a map from column to value.
pub type Rows = Vec<BTreeMap<String, Value>>;

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
}

impl SqlError {
    /// `connect`, `timeout`, `auth`, `tls`, `sql`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Auth(_) => "auth",
            Self::Tls(_) => "tls",
            Self::Sql(_) => "sql",
        }
    }
}

/// Somebody who can ask a database.
#[async_trait]
pub trait Sql: Send + Sync {
    /// Asks, without changing anything there.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn query(&self, request: &SqlRequest) -> Result<Rows, SqlError>;
}
