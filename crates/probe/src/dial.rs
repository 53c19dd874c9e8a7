//! The port to sockets, and why nobody answers at one.

use crate::connect_to::Address;
use async_trait::async_trait;
use std::time::Duration;

/// A question whether somebody listens.
#[derive(Clone, Debug)]
pub struct DialRequest {
    /// The host and the port that were asked for.
    pub address: Address,
    /// Where the connection goes.
    pub connect: Address,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why there is no answer; the code is one a runbook's `retry.errors` may name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody answers there.
    #[error("cannot connect to {address}: {why}")]
    Connect {
        /// Whom.
        address: Address,
        /// Why not.
        why: String,
    },
    /// It took too long.
    #[error("no answer from {address} within {limit:?}")]
    Timeout {
        /// Whose.
        address: Address,
        /// The limit.
        limit: Duration,
    },
    /// It could not prove who it is.
    #[error("no trusted connection to {address}: {why}")]
    Tls {
        /// Who.
        address: Address,
        /// Why not.
        why: String,
    },
}

impl NoAnswer {
    /// `connect`, `timeout`, `tls`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
        }
    }
}

/// Somebody who can open a connection.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Connects and hangs up; gives how long it took.
    ///
    /// # Errors
    /// Why nobody answers.
    async fn dial(&self, request: &DialRequest) -> Result<Duration, NoAnswer>;
}
