//! Telling people outside: `notify` of a runbook.
//!
//! It stands behind the journal. [`Crier`] is an observer: it makes a [`Message`] of an event, puts it into a queue of
//! bounded length for each entry of `notify`, and goes on. [`Post`] delivers what is in the queues, with patience, and
//! journals what came of it. A run never waits for either; in a simulation nothing is sent, and `notify.recorded` says
//! what would have been.

mod address;
mod message;
mod post;

pub use message::Message;
pub use post::{Outbox, Post, remind};

use crate::action::ActionError;
use crate::log::Observer;
use async_trait::async_trait;
use lifeboat_journal::event::{Event, EventKind};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::notice::{Channel, Notify};
use lifeboat_runbook::value::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Where a message goes, with all values filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A URL, or the ARN of a topic.
    pub place: Secret,
    /// What signs the message.
    pub secret: Option<Secret>,
}

/// Somebody who delivers messages of one kind.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers a message once. Under a simulated clock it is not called.
    ///
    /// # Errors
    /// Why it was not taken; never with the address in it. Only [`crate::action::ErrorKind::Transient`] is tried again.
    async fn deliver(&self, address: &Address, message: &Message) -> Result<(), ActionError>;
}

/// Who delivers, by kind of address.
pub type Notifiers = BTreeMap<Channel, Arc<dyn Notifier>>;

/// So many messages wait for one entry at most; what comes then is not sent, and that is said.
const LONGEST_QUEUE: usize = 256;

/// A queue for one entry of `notify`.
struct Queue {
    entry: Notify,
    messages: mpsc::Sender<Message>,
    /// How many messages are not settled yet.
    open: Arc<watch::Sender<usize>>,
}

impl Queue {
    /// Whether it is taken in; a queue that is full, or that nobody empties any more, takes nothing.
    fn put(&self, message: Message) -> bool {
        self.open.send_modify(|open| *open += 1);
        let taken = self.messages.try_send(message).is_ok();
        if !taken {
            self.open.send_modify(|open| *open -= 1);
        }
        taken
    }
}

/// What [`Post`] empties.
struct Bag {
    entry: Notify,
    messages: mpsc::Receiver<Message>,
    open: Arc<watch::Sender<usize>>,
}

/// Cries out what happens: an observer that puts messages into the queues.
pub struct Crier {
    queues: Arc<Vec<Queue>>,
}

impl Crier {
    /// A crier for these entries, and what [`Post::new`] needs to deliver.
    pub fn new(entries: &[Notify]) -> (Self, Bags) {
        let (mut queues, mut bags) = (Vec::new(), Vec::new());
        for entry in entries {
            let (messages, taken) = mpsc::channel(LONGEST_QUEUE);
            let open = Arc::new(watch::Sender::new(0));
            queues.push(Queue { entry: entry.clone(), messages, open: open.clone() });
            bags.push(Bag { entry: entry.clone(), messages: taken, open });
        }
        let queues = Arc::new(queues);
        (Self { queues: queues.clone() }, Bags { queues, bags })
    }
}

/// The other ends of a crier's queues.
#[derive(Default)]
pub struct Bags {
    queues: Arc<Vec<Queue>>,
    bags: Vec<Bag>,
}

impl Observer for Crier {
    fn event(&mut self, event: &Event, state: &RunState) {
        let Some(message) = Message::of(event, state) else { return };
        let only = match &event.kind {
            EventKind::UpdateDue { to, .. } => to.as_deref(),
            _ => None,
        };
        for queue in self.queues.iter() {
            let wanted = match only {
                Some(to) => queue.entry.is_meant_by(to),
                None => queue.entry.wants(message.event),
            };
            if wanted {
                // A queue of so many messages is not emptied: its failures are in the journal already.
                let _full = queue.put(message.clone());
            }
        }
    }
}
