//! Looking at AWS in batches: one call per account, Region and kind serves every step that waits.

use crate::action::{ActionError, Entry, Place, Values};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a step wants looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watch {
    /// The kind of resource: `rds:db`.
    pub kind: &'static str,
    /// Where it is.
    pub place: Place,
    /// Its identifier, folded as the service compares it.
    pub id: String,
}

/// What was seen of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The identifier asked for.
    pub id: String,
    /// Whether it is there at all.
    pub exists: bool,
    /// The state, in the service's words.
    pub state: Option<String>,
    /// Its tags, where the look shows them.
    pub tags: BTreeMap<String, String>,
    /// What else is known of it, in the names of the action's outputs.
    pub attributes: Values,
    /// What AWS's own record of it says; each entry is journaled once.
    pub entries: Vec<Entry>,
}

impl Seen {
    /// There is nothing under that identifier.
    pub fn absent(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}

/// How resources of one kind are looked at. The poller owns when, the action what it means.
#[async_trait]
pub trait Lookout: Send + Sync {
    /// The kind: `rds:db`.
    fn kind(&self) -> &'static str;

    /// How many identifiers one call may carry.
    fn batch(&self) -> usize;

    /// The shortest time between two calls.
    fn every(&self) -> Duration;

    /// The identifier as the service compares it: most do not tell upper from lower case.
    fn fold(&self, id: &str) -> String {
        id.to_ascii_lowercase()
    }

    /// Looks at these identifiers; one [`Seen`] for each, also for what is absent.
    ///
    /// # Errors
    /// When AWS did not answer, or not with a list.
    async fn look(&self, place: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError>;
}
