//! Delivers what the crier put into the queues.

use super::address::Addresses;
use super::{Address, Bag, Bags, Message, Notifiers, Queue};
use crate::action::{ActionError, ErrorKind};
use crate::clock::Clock;
use crate::log::RunLog;
use crate::secrets::SecretSource;
use futures_util::future::{join_all, select};
use lifeboat_journal::event::{Draft, EventKind, Failure, Notice};
use lifeboat_journal::state::StepStatus;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::notice::Notify;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::spec::Catalog;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// One delivery may take this long, in real time.
const LIMIT: Duration = Duration::from_secs(10);

/// The pauses before a message is tried again: after the last it is given up.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// Delivers messages, beside the run and never in its way.
pub struct Post {
    /// The runbook: its `notify` and its `secrets`.
    pub plan: Arc<Plan>,
    /// The types of outputs.
    pub catalog: Catalog,
    /// The record.
    pub log: Arc<RunLog>,
    /// The time.
    pub clock: Clock,
    /// Who reads secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Who delivers; nobody in a simulation: what would be sent is recorded.
    pub notifiers: Option<Notifiers>,
    queues: Arc<Vec<Queue>>,
    bags: Mutex<Vec<Bag>>,
}

impl Post {
    /// A post for the queues of a crier.
    pub fn new(
        plan: Arc<Plan>,
        catalog: Catalog,
        (log, clock): (Arc<RunLog>, Clock),
        secrets: Arc<dyn SecretSource>,
        notifiers: Option<Notifiers>,
        Bags { queues, bags }: Bags,
    ) -> Self {
        Self { plan, catalog, log, clock, secrets, notifiers, queues, bags: Mutex::new(bags) }
    }

    /// Delivers until it is dropped. Questions that are open and of which nobody is known to have been told are told of
    /// first: the process before may have died between the question and its message.
    pub async fn carry(&self) {
        self.put_open_questions();
        let bags = std::mem::take(&mut *self.bags.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(bags.into_iter().map(|bag| self.empty(bag))).await;
    }

    /// Waits until everything is settled that was put into the queues, at most this long.
    pub async fn settled(&self, limit: Duration) {
        let waiting = self.queues.iter().map(|queue| {
            let mut open = queue.open.subscribe();
            async move { open.wait_for(|open| *open == 0).await.is_ok() }
        });
        select(pin!(join_all(waiting)), pin!(self.clock.sleep(limit))).await;
        self.queues.iter().for_each(|queue| self.give_up(queue));
    }

    /// The process ends: what is still on its way is not told.
    fn give_up(&self, queue: &Queue) {
        let left = *queue.open.borrow();
        if left == 0 {
            return;
        }
        let (event, to) = ("message".to_owned(), queue.entry.name.clone());
        let of = self.log.with_state(|state| state.last.map_or(0, |last| last.seq));
        let notice = Notice { of, event, to, title: format!("{left} messages") };
        let message = "the process ended before they were delivered".to_owned();
        let error = Failure { code: "ended".to_owned(), message, hint: None, refused: false };
        // Where the journal is lost, nothing can be said of it either.
        let _lost = self.log.append(vec![Draft::run(EventKind::NotifyFailed { notice, error })]);
    }

    fn put_open_questions(&self) {
        let messages: Vec<Message> = self.log.with_state(|state| {
            let asking = state.steps.iter().filter(|(_, step)| step.status == StepStatus::Asking);
            asking.filter_map(|(path, _)| Message::of_open(path, state)).collect()
        });
        for message in messages {
            for queue in self.queues.iter().filter(|queue| !self.was_told(message.of, &queue.entry)) {
                // A queue that is full has enough to tell.
                let _full = queue.put(message.clone());
            }
        }
    }

    fn was_told(&self, of: u64, entry: &Notify) -> bool {
        self.log.with_state(|state| state.told.contains(&(of, entry.name.clone())))
    }

    async fn empty(&self, mut bag: Bag) {
        let mut address = None;
        let mut failing = None;
        while let Some(message) = bag.messages.recv().await {
            if !self.was_told(message.of, &bag.entry) || message.event == "message" {
                let came = self.send(&bag.entry, &message, &mut address).await;
                self.tell(&bag.entry, &message, came, &mut failing);
            }
            bag.open.send_modify(|open| *open = open.saturating_sub(1));
        }
    }

    /// Delivers one message with patience.
    async fn send(
        &self,
        entry: &Notify,
        message: &Message,
        address: &mut Option<Address>,
    ) -> Result<(), ActionError> {
        let Some(notifiers) = &self.notifiers else { return Ok(()) };
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.once(entry, message, address, notifiers).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let tried_again = error.kind == ErrorKind::Transient || error.is_blocked();
            match pauses.next().filter(|_| tried_again) {
                Some(pause) => self.clock.sleep(*pause).await,
                None => return Err(error),
            }
        }
    }

    async fn once(
        &self,
        entry: &Notify,
        message: &Message,
        known: &mut Option<Address>,
        notifiers: &Notifiers,
    ) -> Result<(), ActionError> {
        let notifier = notifiers.get(&entry.channel).ok_or_else(|| {
            let message = format!("this build does not send to `{}`", entry.channel.word());
            ActionError::refused("not_in_this_build", message)
        })?;
        let delivery = async {
            let address = match known.take() {
                Some(address) => address,
                None => self.addresses().of(entry).await?,
            };
            let came = notifier.deliver(&address, message).await;
            *known = Some(address);
            came
        };
        let late = |_| ActionError::transient("timeout", format!("no answer within {} s", LIMIT.as_secs()));
        self.clock.frozen(LIMIT, delivery).await.map_err(late)?
    }

    fn addresses(&self) -> Addresses<'_> {
        let now = self.clock.now();
        Addresses { plan: &self.plan, catalog: &self.catalog, log: &self.log, secrets: &*self.secrets, now }
    }

    /// Journals what came of a message. The same failure again is not written again.
    fn tell(
        &self,
        entry: &Notify,
        message: &Message,
        came: Result<(), ActionError>,
        failing: &mut Option<String>,
    ) {
        let (of, event, to) = (message.of, message.event.to_owned(), entry.name.clone());
        let notice = Notice { of, event, to, title: message.title.clone() };
        let kind = match came {
            Ok(()) if self.notifiers.is_none() => EventKind::NotifyRecorded(notice),
            Ok(()) => {
                *failing = None;
                EventKind::NotifySent(notice)
            }
            Err(error) if failing.as_ref() == Some(&error.code) => return,
            Err(error) => {
                *failing = Some(error.code.clone());
                let ActionError { code, message, hint, .. } = error;
                EventKind::NotifyFailed { notice, error: Failure { code, message, hint, refused: false } }
            }
        };
        // Where the journal is lost, the driver finds out with its own next event.
        let _lost = self.log.append(vec![Draft { step: message.step.clone(), ..Draft::run(kind) }]);
    }

    /// Delivers what a step of the runbook tells, and waits for that: the step has failed where nobody was told.
    async fn send_now(&self, to: &str, step: &StepPath, text: &str) -> Result<Vec<String>, ActionError> {
        let entries: Vec<&Notify> = self.plan.notify.iter().filter(|entry| entry.is_meant_by(to)).collect();
        if entries.is_empty() {
            return Err(ActionError::refused(
                "unknown_receiver",
                format!("no entry of `notify` is called `{to}`"),
            ));
        }
        let now = self.clock.now();
        let message = self.log.with_state(|state| Message::of_step(step, now, state, text));
        let mut told = Vec::new();
        for entry in entries {
            self.send(entry, &message, &mut None).await?;
            self.tell(entry, &message, Ok(()), &mut None);
            told.push(entry.name.clone());
        }
        Ok(told)
    }
}

/// What the action `notify.send` sends by: there before the run whose post it is.
#[derive(Default)]
pub struct Outbox(OnceLock<Arc<Post>>);

impl Outbox {
    /// From here on messages go by this post.
    pub fn open(&self, post: Arc<Post>) {
        // A process drives one run.
        let _opened = self.0.set(post);
    }

    /// Delivers a text to the entry of `notify` called `to`, or to all; gives the names of those that took it.
    ///
    /// # Errors
    /// When no entry is called so, or one did not take it.
    pub async fn send(&self, to: &str, step: &StepPath, text: &str) -> Result<Vec<String>, ActionError> {
        match self.0.get() {
            Some(post) => post.send_now(to, step, text).await,
            None => Err(ActionError::refused("no_post", "nobody delivers messages here")),
        }
    }
}

/// Reminds people that an update is due, every so often since the last one. Never ends by itself.
pub async fn remind(log: Arc<RunLog>, clock: Clock, every: Duration, to: Option<String>) {
    loop {
        let (last, number) = log.with_state(|state| {
            let last = state.updates.last().copied().or(state.began);
            (last.map(|last| last.at), state.updates.len() as u32 + 1)
        });
        let since = last.unwrap_or_else(|| clock.now());
        clock.sleep_until(since + every).await;
        if log.append(vec![Draft::run(EventKind::UpdateDue { number, to: to.clone() })]).is_err() {
            return;
        }
    }
}
