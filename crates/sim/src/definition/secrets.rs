//! What the world file says of Secrets Manager.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A secret with its current version, and the one before if there was one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretDefinition {
    /// Its name: `orders/db`.
    pub name: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// The version labelled AWSCURRENT: a text, or an object, of which the JSON is the text. `${endpoint:IDENTIFIER}`
    /// in it stands for the host of that DB instance.
    pub value: Value,
    /// The version labelled AWSPREVIOUS, in the same form.
    #[serde(default)]
    pub previous: Option<Value>,
    /// The KMS key; `None` is AWS's own key for the account.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// When it was created; `None` is the world's start.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The text of a declared value.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
