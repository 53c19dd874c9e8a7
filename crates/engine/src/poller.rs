//! When AWS is looked at: one batched call per account, Region and kind serves every step that waits.
//!
//! A step asks for its next look and sleeps; the first to ask starts a round for its kind and place, which ends
//! when nobody asks any more. Throttling doubles the interval; a minute without brings it back.

use crate::action::{ActionError, ErrorKind, Place};
use crate::clock::Clock;
use crate::lookout::{Lookout, Seen, Watch};
use crate::registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

type Answer = Result<Seen, ActionError>;
type Line = (&'static str, Place);

/// The longest time between two looks, however much AWS throttles.
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);

/// Without throttling for this long, the interval is the kind's own again.
const CALM: Duration = Duration::from_secs(60);

/// Counts of what a round did; for `aws.polled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often AWS was asked.
    pub calls: u64,
    /// How often it said to slow down.
    pub throttled: u64,
    /// How often it did not answer well.
    pub errors: u64,
}

/// Takes requests to look, and looks.
#[derive(Clone)]
pub struct Poller {
    clock: Clock,
    registry: Registry,
    lines: Arc<Mutex<BTreeMap<Line, Waiting>>>,
    counts: Arc<Mutex<BTreeMap<&'static str, Counts>>>,
}

#[derive(Default)]
struct Waiting {
    running: bool,
    asked: BTreeMap<String, Vec<oneshot::Sender<Answer>>>,
}

impl Poller {
    /// A poller over these lookouts.
    pub fn new(clock: Clock, registry: Registry) -> Self {
        Self { clock, registry, lines: Arc::default(), counts: Arc::default() }
    }

    /// The next look at a resource: at once if nothing of its kind is being looked at, else with the others.
    ///
    /// # Errors
    /// What AWS answered instead of a list.
    pub async fn look(&self, watch: &Watch) -> Answer {
        let Some(lookout) = self.registry.lookout(watch.kind) else {
            return Err(ActionError::refused(
                "NoLookout",
                format!("nothing here can look at {}", watch.kind),
            ));
        };
        let (answer, asked) = oneshot::channel();
        let line = (watch.kind, watch.place.clone());
        let first = {
            let mut lines = lock(&self.lines);
            let waiting = lines.entry(line.clone()).or_default();
            waiting.asked.entry(watch.id.clone()).or_default().push(answer);
            !std::mem::replace(&mut waiting.running, true)
        };
        if first {
            tokio::spawn(self.clone().rounds(line, lookout));
        }
        asked.await.unwrap_or_else(|_| Err(ActionError::transient("connect", "the poller has stopped")))
    }

    /// What has been asked of AWS since the last call, by kind.
    pub fn take_counts(&self) -> BTreeMap<&'static str, Counts> {
        std::mem::take(&mut *lock(&self.counts))
    }

    async fn rounds(self, line: Line, lookout: Arc<dyn Lookout>) {
        let mut interval = lookout.every();
        let mut calm_for = Duration::ZERO;
        loop {
            // Everybody who asks in the same moment is in the same call.
            tokio::task::yield_now().await;
            let Some(asked) = self.take(&line) else { return };
            let throttled = self.round(&line, lookout.as_ref(), asked).await;
            (interval, calm_for) = match throttled {
                true => ((interval * 2).min(LONGEST_INTERVAL), Duration::ZERO),
                false if calm_for + interval >= CALM => (lookout.every(), Duration::ZERO),
                false => (interval, calm_for + interval),
            };
            self.clock.sleep(interval).await;
        }
    }

    /// Takes what is asked for; nobody asking ends the rounds.
    fn take(&self, line: &Line) -> Option<BTreeMap<String, Vec<oneshot::Sender<Answer>>>> {
        let mut lines = lock(&self.lines);
        let waiting = lines.get_mut(line)?;
        if waiting.asked.is_empty() {
            lines.remove(line);
            return None;
        }
        Some(std::mem::take(&mut waiting.asked))
    }

    async fn round(
        &self,
        line: &Line,
        lookout: &dyn Lookout,
        mut asked: BTreeMap<String, Vec<oneshot::Sender<Answer>>>,
    ) -> bool {
        let ids: Vec<String> = asked.keys().cloned().collect();
        let mut throttled = false;
        for chunk in ids.chunks(lookout.batch().max(1)) {
            let looked = lookout.look(&line.1, chunk).await;
            let slow_down = looked.as_ref().is_err_and(is_throttling);
            throttled |= slow_down;
            self.count(line.0, looked.is_err(), slow_down);
            let mut seen: BTreeMap<String, Seen> = match &looked {
                Ok(seen) => seen.iter().map(|seen| (seen.id.clone(), seen.clone())).collect(),
                Err(_) => BTreeMap::new(),
            };
            for id in chunk {
                let answer = match &looked {
                    Ok(_) => Ok(seen.remove(id).unwrap_or_else(|| Seen::absent(id.clone()))),
                    Err(error) => Err(error.clone()),
                };
                for sender in asked.remove(id).unwrap_or_default() {
                    // A step that was stopped does not wait for its answer any more.
                    let _stopped = sender.send(answer.clone());
                }
            }
        }
        throttled
    }

    fn count(&self, kind: &'static str, failed: bool, throttled: bool) {
        let mut counts = lock(&self.counts);
        let counts = counts.entry(kind).or_default();
        counts.calls += 1;
        counts.throttled += u64::from(throttled);
        counts.errors += u64::from(failed && !throttled);
    }
}

/// Whether AWS asks to slow down.
pub(crate) fn is_throttling(error: &ActionError) -> bool {
    error.kind == ErrorKind::Transient && error.code == "throttled"
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing is left half done under these locks, so a panic elsewhere has not harmed what they hold.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use chrono::DateTime;

    #[derive(Default)]
    struct Counting {
        looks: Mutex<Vec<Vec<String>>>,
        throttle_first: u32,
    }

    #[async_trait]
    impl Lookout for Counting {
        fn kind(&self) -> &'static str {
            "rds:db"
        }
        fn batch(&self) -> usize {
            2
        }
        fn every(&self) -> Duration {
            Duration::from_secs(1)
        }
        async fn look(&self, _: &Place, ids: &[String]) -> Result<Vec<Seen>, ActionError> {
            let mut looks = lock(&self.looks);
            looks.push(ids.to_vec());
            if looks.len() <= self.throttle_first as usize {
                return Err(ActionError::transient("throttled", "Rate exceeded"));
            }
            Ok(ids
                .iter()
                .filter(|id| *id != "gone")
                .map(|id| Seen { exists: true, ..Seen::absent(id) })
                .collect())
        }
    }

    fn watch(id: &str) -> Watch {
        let place = Place { account: "111122223333".into(), region: "eu-west-1".into() };
        Watch { kind: "rds:db", place, id: id.into() }
    }

    fn poller(lookout: &Arc<Counting>) -> Poller {
        let mut registry = Registry::default();
        registry.add_lookout(lookout.clone());
        Poller::new(Clock::simulated(DateTime::from_timestamp(0, 0).unwrap()), registry)
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_serves_many_and_the_absent_are_said_to_be_absent() {
        let lookout = Arc::new(Counting::default());
        let poller = poller(&lookout);
        let (a, b) = (watch("a"), watch("gone"));
        let (a, again, gone) = tokio::join!(poller.look(&a), poller.look(&a), poller.look(&b));
        assert!(a.unwrap().exists && again.unwrap().exists && !gone.unwrap().exists);
        assert_eq!(*lock(&lookout.looks), [["a", "gone"]]);
        assert_eq!(poller.take_counts()["rds:db"], Counts { calls: 1, ..Counts::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn looks_keep_their_distance_and_throttling_widens_it() {
        let lookout = Arc::new(Counting { throttle_first: 2, ..Counting::default() });
        let poller = poller(&lookout);
        let mut times = Vec::new();
        for _ in 0..4 {
            let _answer = poller.look(&watch("a")).await;
            times.push(poller.clock.mono_ms() / 1000);
        }
        assert_eq!(times, [0, 2, 6, 10]);
    }
}
