//! Letters from other terminals: files in the inbox of a run, read by the process that writes the run.

use crate::orders::more_time;
use lifeboat_engine::driver::Stop;
use lifeboat_engine::log::RunLog;
use lifeboat_engine::people::Given;
use lifeboat_journal::event::Draft;
use lifeboat_journal::file::RunDirectory;
use lifeboat_runbook::id::StepPath;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often the inbox is looked at, in real time also where the run's clock is simulated.
const EVERY: Duration = Duration::from_millis(300);

/// A letter.
#[expect(clippy::large_enum_variant, reason = "one at a time, and never many")]
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub(crate) enum Letter {
    /// The answer to the question with this number.
    Answer {
        /// The number of the question's event.
        asked: u64,
        /// The answer.
        given: Given,
    },
    /// More time for a step.
    Extend {
        /// Who gives it.
        by: String,
        /// Which step.
        step: StepPath,
        /// How much.
        seconds: f64,
        /// Why.
        reason: Option<String>,
    },
    /// The end of the run.
    Abort {
        /// Who asks.
        by: String,
        /// Why.
        why: Option<String>,
        /// Whether to take back what was done.
        undo: Option<bool>,
    },
}

/// Answers that wait for their question, by its number: several people may answer the same one at once.
type Waiting = BTreeMap<u64, VecDeque<(PathBuf, Given)>>;

/// The inbox of a run that this process writes. Answers wait here for their question; a request for the end goes on to
/// the driver.
#[derive(Clone)]
pub(crate) struct Inbox {
    directory: RunDirectory,
    answers: Arc<Mutex<Waiting>>,
    news: Arc<Notify>,
    /// Orders that are not journaled yet.
    orders: Arc<Mutex<Vec<Draft>>>,
    /// The watching thread ends when this is dropped.
    _watching: Arc<mpsc::Sender<()>>,
}

impl Inbox {
    /// Watches the inbox of a run until the last clone is dropped.
    pub(crate) fn watch(directory: &RunDirectory, stop: watch::Sender<Option<Stop>>) -> Self {
        let (watching, end) = mpsc::channel();
        let inbox = Self {
            directory: directory.clone(),
            answers: Arc::default(),
            news: Arc::default(),
            orders: Arc::default(),
            _watching: Arc::new(watching),
        };
        forget_old_requests(&inbox.directory);
        let (directory, answers) = (inbox.directory.clone(), Arc::clone(&inbox.answers));
        let (orders, news) = (Arc::clone(&inbox.orders), Arc::clone(&inbox.news));
        // A thread of its own: under a simulated clock no timer of the runtime counts real time.
        std::thread::spawn(move || {
            loop {
                sort(&directory, &answers, &orders, &news, &stop);
                if end.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        inbox
    }

    /// The answer to a question, when it comes.
    pub(crate) async fn answer(&self, asked: u64) -> Given {
        loop {
            let news = self.news.notified();
            if let Some((_, given)) = lock(&self.answers).get(&asked).and_then(VecDeque::front) {
                return given.clone();
            }
            news.await;
        }
    }

    /// Writes orders into the journal as they come. Never ends by itself.
    pub(crate) async fn carry_out_orders(&self, log: &RunLog) {
        loop {
            let news = self.news.notified();
            let orders = std::mem::take(&mut *lock(&self.orders));
            if !orders.is_empty() {
                // Where the journal is lost, the driver finds out with its own next event.
                let _lost = log.append(orders);
            }
            news.await;
        }
    }

    /// Throws one answer to a question away: it does not fit, or it is in the journal. Others to the same question wait on.
    pub(crate) fn discard(&self, asked: u64, is: impl Fn(&Given) -> bool) {
        let mut answers = lock(&self.answers);
        let Some(waiting) = answers.get_mut(&asked) else { return };
        let place = waiting.iter().position(|(_, given)| is(given));
        if let Some((path, _)) = place.and_then(|place| waiting.remove(place)) {
            // What cannot be removed is refused when it is read again: its question is closed, or has that answer.
            let _still_there = fs::remove_file(path);
        }
    }

    /// Throws every answer to a question away: it is decided.
    pub(crate) fn discard_all(&self, asked: u64) {
        for (path, _) in lock(&self.answers).remove(&asked).into_iter().flatten() {
            let _still_there = fs::remove_file(path);
        }
    }
}

/// A request for the end was meant for the process that ran then. Whoever takes the run up now has decided anew: it must
/// not be taken back by a letter that nobody read in time.
fn forget_old_requests(directory: &RunDirectory) {
    for (path, letter) in directory.letters().unwrap_or_default() {
        if let Ok(Letter::Abort { by, .. }) = serde_json::from_slice(&letter) {
            say!(
                "{by} asked an earlier process to end this run, and it ended first; ask again if it is meant"
            );
            let _gone = fs::remove_file(path);
        }
    }
}

/// Reads new letters. A letter that is none is removed: nobody could ever use it.
fn sort(
    directory: &RunDirectory,
    answers: &Mutex<Waiting>,
    orders: &Mutex<Vec<Draft>>,
    news: &Notify,
    stop: &watch::Sender<Option<Stop>>,
) {
    for (path, letter) in directory.letters().unwrap_or_default() {
        match serde_json::from_slice(&letter) {
            Ok(Letter::Answer { asked, given }) => {
                let mut answers = lock(answers);
                let waiting = answers.entry(asked).or_default();
                if !waiting.iter().any(|(known, _)| *known == path) {
                    waiting.push_back((path, given));
                    news.notify_waiters();
                }
            }
            Ok(Letter::Extend { by, step, seconds, reason }) => {
                let _gone = fs::remove_file(path);
                lock(orders).push(more_time(&step, seconds, reason.as_deref(), &by));
                news.notify_waiters();
            }
            Ok(Letter::Abort { by, why, undo }) => {
                let _gone = fs::remove_file(path);
                stop.send_replace(Some(Stop { by, why, undo }));
            }
            Err(_) => {
                let _gone = fs::remove_file(path);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::id::RunId;

    #[tokio::test]
    async fn letters_reach_whom_they_are_for_and_are_gone_then() {
        let home = tempfile::tempdir().unwrap();
        let directory = RunDirectory::of(home.path(), &RunId::new("k3v7qa2mxyz4567b"));
        directory.create().unwrap();
        let (ask, mut stop) = watch::channel(None);
        let post = |name: &str, letter: &Letter| {
            directory.post(name, &serde_json::to_vec(letter).unwrap()).unwrap();
        };
        post("old", &Letter::Abort { by: "carol".into(), why: None, undo: Some(true) });
        let inbox = Inbox::watch(&directory, ask);
        assert!(directory.letters().unwrap().is_empty(), "what an earlier process was asked is forgotten");
        let given = Given { by: "bob".into(), choice: "approve".into(), ..Given::default() };
        post("9-a", &Letter::Answer { asked: 9, given: given.clone() });
        post("8-b", &Letter::Answer { asked: 8, given: Given::default() });
        assert_eq!(inbox.answer(9).await, given);
        inbox.discard(9, |_| true);
        directory.post("nonsense", b"{").unwrap();
        post("z", &Letter::Abort { by: "bob".into(), why: None, undo: Some(true) });
        let asked = stop.wait_for(Option::is_some).await.unwrap().clone();
        assert_eq!(asked, Some(Stop { by: "bob".into(), why: None, undo: Some(true) }));
        let left: Vec<_> = directory.letters().unwrap().into_iter().map(|(path, _)| path).collect();
        assert_eq!(left.len(), 1, "only the answer to another question waits: {left:?}");
    }
}
