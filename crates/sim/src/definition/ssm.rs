//! What the world file says of Systems Manager.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A parameter of Parameter Store, as its first version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterDefinition {
    /// Its name, with its path: `/lifeboat/slack-webhook`.
    pub name: String,
    /// What kind of value it holds.
    #[serde(rename = "type", default)]
    pub kind: ParameterKind,
    /// Its value, also that of a SecureString, as it reads after decryption. `${endpoint:IDENTIFIER}` in it stands for
    /// the host of that DB instance.
    pub value: String,
    /// The KMS key of a SecureString; `None` is AWS's own key for the account.
    #[serde(default)]
    pub key_id: Option<String>,
    /// When it was written; `None` is the world's start.
    #[serde(default)]
    pub modified_at: Option<DateTime<Utc>>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// What kind of value a parameter holds (SSM API reference, `ParameterType`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterKind {
    /// A text.
    #[default]
    String,
    /// Texts with commas between them.
    StringList,
    /// A text that is kept encrypted.
    SecureString,
}

impl ParameterKind {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ParameterKind::String => "String",
            ParameterKind::StringList => "StringList",
            ParameterKind::SecureString => "SecureString",
        }
    }

    /// The kind that the API calls so.
    pub fn named(word: &str) -> Option<ParameterKind> {
        let all = [ParameterKind::String, ParameterKind::StringList, ParameterKind::SecureString];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}
