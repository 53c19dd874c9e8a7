//! What a team says once for all its runbooks: `lifeboat.yaml`, beside them or in a directory above.

use crate::plan::{SecretReference, Target};
use crate::template::Template;
use std::collections::BTreeMap;

/// The name of the file.
pub const FILE_NAME: &str = "lifeboat.yaml";

/// Whether a source of this name is such a file.
pub fn is_its_name(source: &str) -> bool {
    source.rsplit('/').next() == Some(FILE_NAME)
}

/// A checked `lifeboat.yaml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its place among the sources of the plan.
    pub source: usize,
    /// `targets` by name, for `--target NAME` and `target: { name: NAME }`.
    pub targets: BTreeMap<String, Target>,
    /// `people` by name, for `person:NAME` and `--role ROLE=NAME`.
    pub people: BTreeMap<String, Person>,
    /// `secrets` by name: those that `notify` of this file refers to.
    pub secrets: BTreeMap<String, SecretReference>,
    /// `notify`: who is told of what, where a runbook does not say it itself.
    pub notify: Vec<Notice>,
}

/// An entry of `people`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Patterns of the ARNs by which AWS knows them; `*` stands for any text.
    pub arns: Vec<String>,
    /// How they are reached, in words for people: a telephone number, a channel.
    pub contact: Option<String>,
}

/// An entry of `notify`.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Which events.
    pub events: Vec<String>,
    /// A Slack webhook.
    pub slack: Option<Template>,
    /// Any webhook.
    pub webhook: Option<Template>,
    /// An SNS topic.
    pub sns: Option<Template>,
    /// What signs the message to the webhook.
    pub secret: Option<Template>,
}
