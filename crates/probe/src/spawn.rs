//! The port to programs on this machine.

use async_trait::async_trait;
use lifeboat_runbook::value::Secret;
use std::collections::BTreeMap;
use std::time::Duration;

/// No more is kept of what a program prints: 64 KiB each of standard output and standard error.
pub const MOST_PRINTED: usize = 64 << 10;

/// A program to run. There is no shell: the arguments are the arguments.
#[derive(Clone, Debug)]
pub struct SpawnRequest {
    /// A path, or a name that is looked for on the `PATH`.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// What its environment has besides Lifeboat's; any of it may be secret.
    pub env: BTreeMap<String, Secret>,
    /// What it can read on standard input; nothing means an empty one.
    pub stdin: Option<Secret>,
    /// After this it is killed, with what it started.
    pub timeout: Duration,
}

/// How a program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Its exit status; 128 and the number of the signal where one ended it, as shells say it.
    pub status: i32,
    /// The beginning of what it printed.
    pub stdout: String,
    /// The beginning of what it printed to standard error.
    pub stderr: String,
    /// Whether it was not run at all: a simulated run assumes that it would have succeeded.
    pub assumed: bool,
}

/// Why a program did not end by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// It was never there.
    #[error("`{program}` could not be started: {why}")]
    NotStarted {
        /// Which.
        program: String,
        /// Why not.
        why: String,
    },
    /// It was killed.
    #[error("`{program}` was killed: it had not ended after {limit:?}")]
    TooLong {
        /// Which.
        program: String,
        /// The limit.
        limit: Duration,
    },
}

/// Somebody who can run a program.
#[async_trait]
pub trait Spawn: Send + Sync {
    /// Runs it to its end.
    ///
    /// # Errors
    /// Why it did not end by itself.
    async fn run(&self, request: &SpawnRequest) -> Result<Finished, SpawnError>;
}
