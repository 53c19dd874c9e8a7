//! What the world file says of things that befall data, instances and zones.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TableDefinition;

/// Rows that are not as they should be from a time on: in the instance that is written to, in its replicas, and in
/// every backup of a later time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageDefinition {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When it was put right: from then on the data is as if it had never happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended_at: Option<DateTime<Utc>>,
    /// It hits only rows that were written from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_from: Option<DateTime<Utc>>,
    /// It hits only rows that were written before this; `None`: those that were there when it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_until: Option<DateTime<Utc>>,
    /// What it does to them.
    pub does: Damage,
}

/// What became of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Damage {
    /// The whole table is gone.
    Drop,
    /// The rows are gone.
    Delete,
    /// Columns of the rows hold these values: numbers, texts or null.
    Set(BTreeMap<String, Value>),
}

impl DamageDefinition {
    /// Whether data of this time shows it.
    pub(crate) fn shows_at(&self, at: DateTime<Utc>) -> bool {
        self.at <= at && self.mended_at.is_none_or(|mended| at < mended)
    }

    /// Whether it hits a row that was written at this time.
    pub(crate) fn hits(&self, written: DateTime<Utc>) -> bool {
        let until = self.written_until.unwrap_or(self.at);
        self.written_from.is_none_or(|from| from <= written) && written < until
    }

    pub(super) fn times(&mut self) -> impl Iterator<Item = &mut DateTime<Utc>> {
        let DamageDefinition { at, mended_at, written_from, written_until, does: _ } = self;
        [Some(at), mended_at.as_mut(), written_from.as_mut(), written_until.as_mut()].into_iter().flatten()
    }
}

impl TableDefinition {
    /// What its damages ask for and cannot be.
    pub(super) fn problems(&self, name: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for damage in &self.damage {
            let Damage::Set(values) = &damage.does else { continue };
            for (column, value) in values {
                if !self.columns.iter().any(|known| known.name == *column) {
                    problems.push(format!("table {name}: damage: there is no column {column}"));
                }
                if !(value.is_null() || value.is_i64() || value.is_string()) {
                    problems
                        .push(format!("table {name}: damage: {column} takes a whole number, a text or null"));
                }
            }
        }
        problems
    }
}

/// How an instance is lost: nobody reaches it any more, nothing is written to it, and it is backed up no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureDefinition {
    /// When.
    pub at: DateTime<Utc>,
    /// DBInstanceStatus from then on, for example `failed`.
    pub status: String,
}

/// An Availability Zone in which nothing answers from a time on. AWS goes on calling its instances what they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImpairedZone {
    /// Its name, for example `eu-west-1a`.
    pub zone: String,
    /// From then on.
    pub from: DateTime<Utc>,
}
