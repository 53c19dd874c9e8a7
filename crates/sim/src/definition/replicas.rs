//! What the world file says of read replicas.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How far a read replica is behind from a time on, until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LagDefinition {
    /// From then on.
    pub from: DateTime<Utc>,
    /// Seconds; nothing means that replication has stopped.
    pub seconds: Option<u32>,
}
