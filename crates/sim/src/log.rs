//! The world's log: what has to be known, besides the world file and the seed, to build the same world again.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::Caller;

/// One line: a mutating request that was accepted, or a fault that was used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldEntry {
    /// The virtual time of the request.
    pub at: DateTime<Utc>,
    /// The service's signing name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The Region it was signed for.
    pub region: String,
    /// The account it acted on.
    pub account: String,
    /// Who called, where it was not the account's own caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// The operation's parameters as sent: texts by their flat names where the service speaks awsQuery, else the
    /// members of the input, with what they hold. Secrets that were sent are among them; without them there would be no
    /// replay.
    pub params: BTreeMap<String, Value>,
    /// SHA-256 of the request's body, in hexadecimal.
    pub digest: String,
    /// The number of this line, from 1.
    pub accepted: u64,
    /// The number of the request among all requests, from 1.
    pub request: u64,
    /// The number of the call among those of its operation, from 1.
    pub call: u64,
    /// How many calls up to here would have changed something, from 1; 0 in a log of an earlier version.
    #[serde(default)]
    pub change: u64,
    /// The fault that was used up, by its place in the world's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<usize>,
    /// Whether the world was changed; a refusal by a fault changes nothing, nor does what was asked for before under the
    /// same token.
    pub effect: bool,
}

/// Keeps the lines, durably: the request takes effect after `append` has returned.
pub trait WorldLog: Send + Sync {
    /// Writes one line and makes it durable.
    ///
    /// # Errors
    /// When it could not be kept; the request is then answered with 503 and changes nothing.
    fn append(&self, line: &WorldEntry) -> io::Result<()>;
}
