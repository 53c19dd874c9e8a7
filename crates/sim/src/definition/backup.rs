//! What the world file says of AWS Backup.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A backup vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultDefinition {
    /// Its name.
    pub name: String,
    /// When it was created; `None` is the world's start.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// The KMS key.
    #[serde(default)]
    pub encryption_key_arn: Option<String>,
    /// Recovery points in it cannot be deleted before their retention is over.
    #[serde(default)]
    pub locked: bool,
    /// The least retention that it takes, days.
    #[serde(default)]
    pub min_retention_days: Option<u32>,
    /// The most retention that it takes, days.
    #[serde(default)]
    pub max_retention_days: Option<u32>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What is in it.
    #[serde(default)]
    pub recovery_points: Vec<RecoveryPointDefinition>,
}

/// A complete recovery point of a DB instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryPointDefinition {
    /// The identifier of the DB instance.
    pub instance: String,
    /// When it was taken.
    pub created_at: DateTime<Utc>,
    /// The role under which AWS Backup took it.
    pub iam_role_arn: String,
    /// Days after which it is deleted; `None` keeps it.
    #[serde(default)]
    pub delete_after_days: Option<u32>,
    /// It was moved to cold storage.
    #[serde(default)]
    pub cold: bool,
    /// A scan found malware in it.
    #[serde(default)]
    pub malware: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}
