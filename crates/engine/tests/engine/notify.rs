//! People are told behind the journal: with patience, once, and never in the way.

use crate::bench::{Disk, START, catalog};
use crate::plans::book;
use async_trait::async_trait;
use chrono::DateTime;
use lifeboat_engine::action::ActionError;
use lifeboat_engine::clock::Clock;
use lifeboat_engine::log::RunLog;
use lifeboat_engine::notify::{Address, Crier, Message, Notifier, Notifiers, Post};
use lifeboat_engine::secrets::NoSecrets;
use lifeboat_journal::chain;
use lifeboat_journal::event::{Choice, Draft, Event, EventKind, PauseReason, Question};
use lifeboat_journal::file::JournalWriter;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::notice::Channel;
use lifeboat_runbook::plan::Plan;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const BOOK: &str = "target: { account: \"111122223333\", region: eu-west-1 }\n\
    notify: [ { events: [paused], webhook: \"https://desk.test/\" } ]\nsteps:\n  - id: ask\n    approve: { message: Go? }\n";

/// Takes what comes once it has refused so often, and never where it is told so.
struct Desk {
    fails: Mutex<Vec<ActionError>>,
    taken: Mutex<Vec<Message>>,
}

#[async_trait]
impl Notifier for Desk {
    async fn deliver(&self, address: &Address, message: &Message) -> Result<(), ActionError> {
        assert_eq!(address.place.expose(), "https://desk.test/");
        match self.fails.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => {
                self.taken.lock().unwrap().push(message.clone());
                Ok(())
            }
        }
    }
}

struct Room {
    clock: Clock,
    desk: Arc<Desk>,
    disk: Disk,
    plan: Arc<Plan>,
}

impl Room {
    fn new(fails: Vec<ActionError>) -> Self {
        Self {
            clock: Clock::simulated(DateTime::from_timestamp(START, 0).unwrap()),
            desk: Arc::new(Desk { fails: Mutex::new(fails), taken: Mutex::default() }),
            disk: Disk::default(),
            plan: Arc::new(book(BOOK, &[])),
        }
    }

    /// A process that writes these events, and ends when everything is settled; gives the journal.
    async fn process(&self, drafts: Vec<Draft>, is_simulated: bool) -> Vec<Event> {
        let bytes = self.disk.0.lock().unwrap().written.clone();
        let read = chain::verify(&bytes).unwrap();
        let writer =
            JournalWriter::resume(Box::new(self.disk.clone()), RunId::new("k3v7qa2mxyz4567b"), &read);
        let (crier, bags) = Crier::new(&self.plan.notify);
        let log = Arc::new(RunLog::new(self.clock.clone(), writer, read.events, vec![Box::new(crier)]));
        let desk: Arc<dyn Notifier> = self.desk.clone();
        let notifiers = (!is_simulated).then(|| Notifiers::from([(Channel::Webhook, desk)]));
        let record = (log.clone(), self.clock.clone());
        let post = Post::new(self.plan.clone(), catalog(), record, Arc::new(NoSecrets), notifiers, bags);
        let post = Arc::new(post);
        let carrier = post.clone();
        let task = tokio::spawn(async move { carrier.carry().await });
        // What is open is put into the queues before anything else happens.
        tokio::task::yield_now().await;
        log.append(drafts).unwrap();
        post.settled(Duration::from_secs(600)).await;
        task.abort();
        log.events()
    }

    fn taken(&self) -> Vec<String> {
        self.desk.taken.lock().unwrap().iter().map(|message| message.event.to_owned()).collect()
    }
}

fn asked() -> Draft {
    let options = ["approve", "reject"].map(|id| Choice { id: id.into(), label: id.into() });
    let kind = EventKind::PersonAsked(Box::new(Question::new("approve", "Go?", options.into())));
    Draft { step: Some(StepPath::new("ask")), ..Draft::run(kind) }
}

fn paused() -> Draft {
    Draft::run(EventKind::RunPaused { why: "somebody must answer".into(), because: PauseReason::Person })
}

fn count(events: &[Event], kind: fn(&EventKind) -> bool) -> usize {
    events.iter().filter(|event| kind(&event.kind)).count()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_tried_again_and_questions_go_to_everybody() {
    let lost = || ActionError::transient("connect", "it cannot be reached");
    let room = Room::new(vec![lost(), lost()]);
    let events = room.process(vec![asked(), paused()], false).await;
    assert_eq!(room.taken(), ["asked", "paused"]);
    assert_eq!(count(&events, |kind| matches!(kind, EventKind::NotifySent(_))), 2);
    assert_eq!(count(&events, |kind| matches!(kind, EventKind::NotifyFailed { .. })), 0);
    let message = room.desk.taken.lock().unwrap()[0].clone();
    assert_eq!(message.command.as_deref(), Some("lifeboat answer k3v7qa2mxyz4567b ask approve|reject"));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_is_journaled_once_and_a_refusal_is_not_tried_again() {
    let refusal = || ActionError::refused("http", "it answered 404");
    let room = Room::new(vec![refusal(), refusal(), refusal()]);
    let events = room.process(vec![paused(), paused(), paused()], false).await;
    assert_eq!(room.taken().len(), 0);
    assert_eq!(count(&events, |kind| matches!(kind, EventKind::NotifyFailed { .. })), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_told_once_whoever_takes_the_run_up() {
    let room = Room::new(vec![]);
    room.process(vec![asked()], false).await;
    room.process(vec![], false).await;
    assert_eq!(room.taken(), ["asked"], "it is in the journal that they were told");
    let unsent = Room::new(vec![ActionError::refused("http", "it answered 500")]);
    unsent.process(vec![asked()], false).await;
    assert_eq!(unsent.taken().len(), 0);
    unsent.process(vec![], false).await;
    assert_eq!(unsent.taken(), ["asked"], "nobody is known to have been told, so they are told now");
}

#[tokio::test(start_paused = true)]
async fn in_a_simulation_nothing_is_sent() {
    let room = Room::new(vec![]);
    let events = room.process(vec![asked(), paused()], true).await;
    assert_eq!(room.taken().len(), 0);
    assert_eq!(count(&events, |kind| matches!(kind, EventKind::NotifyRecorded(_))), 2);
}
