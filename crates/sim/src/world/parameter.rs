//! A parameter of Parameter Store and its versions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::definition::ParameterKind;

/// Parameter Store keeps this many versions of a parameter (SSM user guide, parameter versions).
const MOST_VERSIONS: usize = 100;

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its versions, oldest first; never none.
    pub versions: Vec<ParameterVersion>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One version of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterVersion {
    /// From 1.
    pub number: i64,
    /// What kind of value it is.
    pub kind: ParameterKind,
    /// The value, in the clear.
    pub value: String,
    /// The KMS key of a SecureString.
    pub key_id: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// `text`, `aws:ec2:image`, ….
    pub data_type: String,
    /// `Standard` or `Advanced`.
    pub tier: String,
    /// When it was written.
    pub modified_at: DateTime<Utc>,
    /// Who wrote it: the ARN of the caller.
    pub modified_by: String,
}

impl Parameter {
    /// The version of this number, or the newest.
    pub fn version(&self, number: Option<i64>) -> Option<&ParameterVersion> {
        match number {
            Some(number) => self.versions.iter().find(|version| version.number == number),
            None => self.versions.last(),
        }
    }

    /// Adds a version; the oldest goes when there are too many.
    pub(crate) fn push(&mut self, version: ParameterVersion) {
        self.versions.push(version);
        if self.versions.len() > MOST_VERSIONS {
            self.versions.remove(0);
        }
    }
}
