//! A secret of Secrets Manager, its versions and their staging labels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

/// The label of the version that is given to whoever names none.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was current before.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its ARN, which ends in a hyphen and six characters of chance.
    pub arn: String,
    /// Its description.
    pub description: String,
    /// Its KMS key, where it is not AWS's own.
    pub kms_key_id: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// When its deletion was asked for; nothing else may be done with it then.
    pub deleted_at: Option<DateTime<Utc>>,
    /// When it will be gone for good.
    pub gone_at: Option<DateTime<Utc>>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its versions by id.
    pub versions: BTreeMap<String, SecretVersion>,
}

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretValue {
    /// `SecretString`.
    Text(String),
    /// `SecretBinary`, in base64.
    Binary(String),
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion {
    /// What it holds.
    pub value: SecretValue,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Its staging labels; a version without any is deprecated.
    pub stages: BTreeSet<String>,
}

impl Secret {
    /// The id of the version that has this label.
    pub fn holder(&self, stage: &str) -> Option<&str> {
        let mut versions = self.versions.iter();
        versions.find(|(_, version)| version.stages.contains(stage)).map(|(id, _)| id.as_str())
    }

    /// Puts a label on a version and takes it off any other. When AWSCURRENT moves, the version it leaves gets
    /// AWSPREVIOUS (API reference, UpdateSecretVersionStage).
    pub(crate) fn move_stage(&mut self, stage: &str, to: &str) {
        let from = self.holder(stage).map(str::to_owned);
        if from.as_deref() == Some(to) {
            return;
        }
        self.versions.values_mut().for_each(|version| version.stages.retain(|held| held != stage));
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.insert(stage.into());
        }
        if let (CURRENT, Some(from)) = (stage, from) {
            self.move_stage(PREVIOUS, &from);
        }
    }
}
