//! Action items: what must be done after an incident or a drill, by whom and until when; one journal for all of them, in
//! the same format as a run's.

use crate::event::{Event, EventKind};
use chrono::{DateTime, NaiveDate, Utc};
use lifeboat_runbook::id::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happens to action items. The name in the journal is the one in `serde(rename)`; all of them begin with `item.`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ItemEvent {
    /// There is something to do.
    #[serde(rename = "item.added")]
    Added(Box<Added>),
    /// Somebody else does it, or until another day, or there is a ticket now; nothing leaves what was said before.
    #[serde(rename = "item.changed")]
    Changed {
        /// Its id.
        item: String,
        /// What is to be done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// Who does it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// The last day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<NaiveDate>,
        /// Where it is worked on: a number, a link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<String>,
    },
    /// It is done.
    #[serde(rename = "item.closed")]
    Closed {
        /// Its id.
        item: String,
        /// How one can see that.
        proof: Proof,
    },
    /// It was not done.
    #[serde(rename = "item.reopened")]
    Reopened {
        /// Its id.
        item: String,
        /// Why.
        why: String,
    },
    /// It will not be done.
    #[serde(rename = "item.dropped")]
    Dropped {
        /// Its id.
        item: String,
        /// Why.
        why: String,
    },
}

/// What `item.added` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Its id: `A1`.
    pub item: String,
    /// The incident or the run it came of.
    pub of: RunId,
    /// What is to be done.
    pub title: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// Where it is worked on: a number, a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// What an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It does not happen again.
    Prevent,
    /// It does less harm.
    Mitigate,
    /// It is seen sooner.
    Detect,
    /// People work together better.
    Process,
    /// The runbook is right next time.
    Runbook,
}

impl Purpose {
    /// `fix the runbook`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Prevent => "prevent",
            Self::Mitigate => "mitigate",
            Self::Detect => "detect",
            Self::Process => "process",
            Self::Runbook => "fix the runbook",
        }
    }
}

/// How one can see that an item is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A change, a page, a ticket.
    Link(String),
    /// A run that passed after the item was added.
    Run {
        /// Which.
        run: RunId,
        /// Whether it was against AWS.
        real: bool,
    },
}

/// An item as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What was said when it was added, with what was changed since.
    pub added: Added,
    /// When it was added.
    pub at: DateTime<Utc>,
    /// The number of that event in the journal of items.
    pub seq: u64,
    /// Whether something is still to be done.
    pub fate: Fate,
}

/// What became of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fate {
    /// It is to be done.
    #[default]
    Open,
    /// It is done.
    Done {
        /// How one can see that.
        proof: Proof,
        /// Since when.
        at: DateTime<Utc>,
    },
    /// It will not be done.
    Dropped {
        /// Why.
        why: String,
    },
}

impl Item {
    /// Whether its last day is over and it is not done.
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.fate == Fate::Open && self.added.due.is_some_and(|due| due < today)
    }
}

/// All items, from the events of their journal alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    /// By number of their id, which is their order.
    items: BTreeMap<u64, Item>,
}

impl Items {
    /// The items after `events`.
    pub fn of(events: &[Event]) -> Self {
        let mut items = Self::default();
        events.iter().for_each(|event| items.apply(event));
        items
    }

    fn apply(&mut self, event: &Event) {
        let EventKind::Item(kind) = &event.kind else { return };
        match kind {
            ItemEvent::Added(added) => {
                if let Some(number) = number(&added.item) {
                    let (added, at, seq) = ((**added).clone(), event.at, event.seq);
                    self.items.insert(number, Item { added, at, seq, fate: Fate::Open });
                }
            }
            ItemEvent::Changed { item, title, owner, due, ticket } => {
                if let Some(found) = self.find_mut(item) {
                    let added = &mut found.added;
                    title.iter().for_each(|title| added.title.clone_from(title));
                    added.owner = owner.clone().or(added.owner.take());
                    added.due = due.or(added.due);
                    added.ticket = ticket.clone().or(added.ticket.take());
                }
            }
            ItemEvent::Closed { item, proof } => {
                self.set(item, Fate::Done { proof: proof.clone(), at: event.at });
            }
            ItemEvent::Reopened { item, .. } => self.set(item, Fate::Open),
            ItemEvent::Dropped { item, why } => self.set(item, Fate::Dropped { why: why.clone() }),
        }
    }

    fn set(&mut self, item: &str, fate: Fate) {
        if let Some(found) = self.find_mut(item) {
            found.fate = fate;
        }
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.items.get_mut(&number(id)?)
    }

    /// The item of this id, in upper or lower case.
    pub fn find(&self, id: &str) -> Option<&Item> {
        self.items.get(&number(id)?)
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// An id that no item has.
    pub fn next_id(&self) -> String {
        let last = self.items.keys().next_back().copied().unwrap_or(0);
        format!("A{}", last + 1)
    }
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix(['A', 'a'])?.parse().ok()
}
