//! Records that AWS keeps by itself: the history of alarms, the events of a service, the trail of who changed what. They
//! are read for an incident, page by page; the waiting between pages is here, as all waiting is the engine's.

use crate::action::{ActionError, ErrorKind};
use crate::clock::Clock;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

pub use lifeboat_journal::event::Precision;
pub use lifeboat_journal::incident::event::{Imported, ImportedKind};
pub use lifeboat_journal::incident::import::{Found, key};

/// What is wanted of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The Region whose record it is.
    pub region: String,
    /// Only what is of this resource.
    pub resource: Option<String>,
    /// From then on.
    pub since: DateTime<Utc>,
    /// Up to then.
    pub until: DateTime<Utc>,
}

/// A page of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What stands on it.
    pub entries: Vec<Found>,
    /// How the next one is asked for; nothing on the last.
    pub next: Option<String>,
}

/// A record that can be read.
#[async_trait]
pub trait RecordSource: Send + Sync {
    /// What it is called: `cloudtrail`.
    fn name(&self) -> &'static str;

    /// The permission that reading it takes, as IAM names it.
    fn permission(&self) -> &'static str;

    /// How long AWS keeps it.
    fn kept(&self) -> TimeDelta;

    /// How long to wait between two pages, so that the limits of the account are left to others.
    fn interval(&self) -> Duration {
        Duration::ZERO
    }

    /// The page that `next` names, the first where that is nothing.
    async fn page(&self, window: &Window, next: Option<String>) -> Result<Page, ActionError>;
}

/// A page is asked for so often before it is given up.
const TRIES: u32 = 8;
/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Reads a record to its last page. What passes by itself, throttling above all, is tried again for some minutes.
///
/// # Errors
/// When a page cannot be had: half a record is none.
pub async fn read(
    source: &dyn RecordSource,
    window: &Window,
    clock: &Clock,
) -> Result<Vec<Found>, ActionError> {
    let (mut entries, mut next) = (Vec::new(), None);
    loop {
        let page = patiently(source, window, next, clock).await?;
        entries.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return Ok(entries);
        }
        clock.sleep(source.interval()).await;
    }
}

async fn patiently(
    source: &dyn RecordSource,
    window: &Window,
    next: Option<String>,
    clock: &Clock,
) -> Result<Page, ActionError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match source.page(window, next.clone()).await {
            Err(error) if error.kind == ErrorKind::Transient => clock.sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    source.page(window, next).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Three pages, each throttled twice before it is given.
    struct Throttled(Mutex<Vec<(DateTime<Utc>, Option<String>)>>, Clock, ErrorKind);

    #[async_trait]
    impl RecordSource for Throttled {
        fn name(&self) -> &'static str {
            "throttled"
        }

        fn permission(&self) -> &'static str {
            "none:None"
        }

        fn kept(&self) -> TimeDelta {
            TimeDelta::days(1)
        }

        fn interval(&self) -> Duration {
            Duration::from_millis(500)
        }

        async fn page(&self, _: &Window, next: Option<String>) -> Result<Page, ActionError> {
            let mut calls = self.0.lock().unwrap();
            calls.push((self.1.now(), next.clone()));
            if !calls.len().is_multiple_of(3) {
                return Err(ActionError::new(self.2, "throttled", "slow down"));
            }
            let next = match next.as_deref() {
                None => Some("2".to_owned()),
                Some("2") => Some("3".to_owned()),
                _ => None,
            };
            Ok(Page { entries: Vec::new(), next })
        }
    }

    fn source(kind: ErrorKind) -> (Throttled, Window, Clock) {
        let start = DateTime::from_timestamp(1_767_603_600, 0).unwrap();
        let clock = Clock::simulated(start);
        let window = Window { region: "eu-west-1".into(), resource: None, since: start, until: start };
        (Throttled(Mutex::default(), clock.clone(), kind), window, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_read_to_the_last_with_patience_and_at_a_pace() {
        let (source, window, clock) = source(ErrorKind::Transient);
        let began = clock.now();
        assert_eq!(read(&source, &window, &clock).await, Ok(Vec::new()));
        let asked: Vec<Option<String>> =
            source.0.lock().unwrap().iter().map(|(_, next)| next.clone()).collect();
        let page = |name: &str| vec![Some(name.to_owned()); 3];
        assert_eq!(asked, [vec![None; 3], page("2"), page("3")].concat());
        // One and two seconds for each page, and half a second before the second and the third.
        assert_eq!(clock.now() - began, TimeDelta::seconds(10));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_by_itself_is_told_at_once() {
        let (source, window, clock) = source(ErrorKind::BlockedOnPermission);
        let error = read(&source, &window, &clock).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BlockedOnPermission);
        assert_eq!(source.0.lock().unwrap().len(), 1);
    }
}
