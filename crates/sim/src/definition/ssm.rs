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

/// A managed node of Systems Manager, which runs commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedNodeDefinition {
    /// `i-…` or `mi-…`.
    pub id: String,
    /// Its tags, by which commands find it.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its agent answers; a command to a node that does not stays `Pending` until its delivery times out.
    #[serde(default = "yes")]
    pub online: bool,
}

fn yes() -> bool {
    true
}

/// A document: a command, or an automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentDefinition {
    /// Its name.
    pub name: String,
    /// Its parameters by name, with their default; one without must be given.
    #[serde(default)]
    pub parameters: BTreeMap<String, Option<Vec<String>>>,
    /// What it does.
    pub does: DocumentContent,
}

/// What a document does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentContent {
    /// Commands on nodes: what comes of them, by the first response that fits; of others nothing but success.
    Command(Vec<CommandResponse>),
    /// Steps, one after the other.
    Automation(Vec<StepDefinition>),
}

/// What comes of a command on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandResponse {
    /// It fits where a value of a parameter contains this; an empty text fits all.
    pub contains: String,
    /// It fits on this node only.
    pub node: Option<String>,
    /// The exit code.
    pub exit_code: i32,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// How long it runs, seconds; drawn where absent.
    pub seconds: Option<u32>,
}

/// A step of an automation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDefinition {
    /// Its name.
    pub name: String,
    /// Its action; `aws:approve` waits for a signal.
    pub action: String,
    /// How long it takes, seconds; drawn where absent.
    #[serde(default)]
    pub seconds: Option<u32>,
    /// How long an approval is waited for, seconds; AWS's default is 7 days.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// Why it fails; without it, it succeeds.
    #[serde(default)]
    pub fails_with: Option<String>,
    /// What goes into it; of an approval, `Approvers` and `MinRequiredApprovals`, each as JSON.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// What it leaves, by the names of its outputs.
    #[serde(default)]
    pub outputs: BTreeMap<String, Vec<String>>,
}
