//! The run's record while it is being made: the journal, the fold, and those who look on.

use crate::action::{ActionError, Entry, ErrorKind, Note, Notes};
use crate::clock::{Clock, Jump, Reading};
use lifeboat_journal::event::{Actor, AwsEvent, Draft, Event, EventKind};
use lifeboat_journal::file::{JournalWriter, Stamp};
use lifeboat_journal::masker::SecretTooShort;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Somebody who is told of events: the screen, a notifier. They stand behind the journal and cannot harm the run.
pub trait Observer: Send {
    /// An event is in the journal; `state` is after it.
    fn event(&mut self, event: &Event, state: &RunState);
}

/// The journal cannot be written: nothing may go on.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be written")]
pub struct JournalLost(#[from] std::io::Error);

/// The journal and its fold, shared by the driver and the steps in flight.
pub struct RunLog {
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    writer: JournalWriter,
    state: RunState,
    events: Vec<Event>,
    observers: Vec<Box<dyn Observer>>,
    /// The clocks when they were last looked at.
    last: Reading,
}

impl RunLog {
    /// A log that goes on from `events`, which are already in the journal of `writer`.
    pub fn new(
        clock: Clock,
        writer: JournalWriter,
        events: Vec<Event>,
        observers: Vec<Box<dyn Observer>>,
    ) -> Self {
        let state = RunState::of(&events);
        let last = clock.reading();
        Self { clock, inner: Mutex::new(Inner { writer, state, events, observers, last }) }
    }

    /// Writes events together; they are in the journal, the fold and before the observers when this returns.
    ///
    /// # Errors
    /// When the journal cannot be written: nothing may go on then.
    pub fn append(&self, mut drafts: Vec<Draft>) -> Result<(), JournalLost> {
        let mut guard = self.lock();
        let Inner { writer, state, events, observers, last } = &mut *guard;
        let reading = self.clock.reading();
        if let Some(Jump { by_s, asleep_s }) = last.jump_to(&reading).filter(|_| !events.is_empty()) {
            drafts.insert(0, Draft::run(EventKind::ClockJumped { by_s, asleep_s }));
        }
        *last = reading;
        let stamp = Stamp { now: reading.now, mono_ms: reading.mono_ms };
        for event in writer.append(drafts, stamp)? {
            state.apply(&event);
            for observer in observers.iter_mut() {
                observer.event(&event, state);
            }
            events.push(event);
        }
        Ok(())
    }

    /// Nothing more is written for now: what is not on disk yet is brought there.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn rest(&self) -> Result<(), JournalLost> {
        Ok(self.lock().writer.rest()?)
    }

    /// Looks at the clocks, and writes down where they went apart: before anything is judged by the time.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn look_at_the_clocks(&self) -> Result<(), JournalLost> {
        let jumped = self.lock().last.jump_to(&self.clock.reading()).is_some();
        if jumped { self.append(Vec::new()) } else { Ok(()) }
    }

    /// Writes one event of a step.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn step(&self, path: &StepPath, attempt: u32, kind: EventKind) -> Result<(), JournalLost> {
        self.append(vec![Draft::step(path, attempt, kind)])
    }

    /// Hides a secret from everything that is written from here on.
    ///
    /// # Errors
    /// When it is too short to be told from ordinary text.
    pub fn learn(&self, name: &str, secret: &str) -> Result<(), SecretTooShort> {
        self.lock().writer.masker().learn(name, secret)
    }

    /// Reads the fold.
    pub fn with_state<T>(&self, read: impl FnOnce(&RunState) -> T) -> T {
        read(&self.lock().state)
    }

    /// Reads the events from number `seen` on (0 is the first), and the fold, which is after all of them.
    pub fn with_news<T>(&self, seen: usize, read: impl FnOnce(&[Event], &RunState) -> T) -> T {
        let inner = self.lock();
        read(inner.events.get(seen..).unwrap_or_default(), &inner.state)
    }

    /// Everything written so far.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The hash of the last line.
    pub fn head(&self) -> String {
        self.lock().writer.head().to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes for RunLog {
    fn note(&self, step: &StepPath, attempt: u32, note: Note) -> Result<(), ActionError> {
        let lost = |lost: JournalLost| ActionError::new(ErrorKind::Unknown, JOURNAL_LOST, lost.to_string());
        let kind = match note {
            Note::Event(entry) => return self.entry(step, attempt, entry).map_err(lost),
            Note::Created(resource) => EventKind::AwsCreated(resource),
            Note::Deleted(resource) => EventKind::AwsDeleted(resource),
            Note::Call { service, operation, request_id, status } => {
                EventKind::AwsCall { service, operation, request_id, status }
            }
            Note::Evidence { kind, value } => EventKind::Evidence { kind, value },
            Note::DataTime { at, grade, source } => EventKind::DataTime { complete_to: at, grade, source },
        };
        self.step(step, attempt, kind).map_err(lost)
    }
}

impl RunLog {
    /// Writes an entry of AWS's own record, unless the step has it already.
    fn entry(&self, step: &StepPath, attempt: u32, entry: Entry) -> Result<(), JournalLost> {
        let Entry { at, service, key, message, details } = entry;
        let known =
            self.with_state(|state| state.steps.get(step).is_some_and(|step| step.aws_events.contains(&key)));
        if known {
            return Ok(());
        }
        let event = AwsEvent { service: service.to_owned(), key, message, details };
        let draft = Draft::step(step, attempt, EventKind::AwsEvent(Box::new(event)));
        self.append(vec![draft.at(at).by(Actor::aws(service))])
    }
}

/// The code of the error an action gets when its note could not be journaled.
pub const JOURNAL_LOST: &str = "journal_lost";
