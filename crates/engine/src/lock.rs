//! The lock of `concurrency`: two runs with the same key exclude each other, on whatever machines they are.
//!
//! A [`RunLock`] is a place that keeps texts under names, such as Parameter Store; how a lock is made of that is here. A
//! name that is not there can be taken by one only ([`RunLock::create`]). What is there already is taken over by
//! overwriting it, after which the version before one's own must be the one that was judged: of two who overwrite at the
//! same time, the second finds the first there, puts it back, and does not hold the lock.

use crate::action::{ActionError, ErrorKind};
use crate::clock::Clock;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_journal::lock::LockHolder;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a lock is held without being renewed: a machine that dies keeps others out for so long.
pub const LEASE: TimeDelta = TimeDelta::hours(1);

/// Between two renewals: three may fail before the time is over.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(15 * 60);

/// Between two looks whether a lock that is waited for is free.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(15);

/// What a text is called and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockName {
    /// The Region.
    pub region: String,
    /// The name: `/lifeboat/locks/orders-prod`.
    pub name: String,
}

/// A text that is kept, and its number among those that were kept under its name, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The text.
    pub text: String,
    /// Its number.
    pub version: i64,
}

/// A place that keeps texts under names, for all who may ask it.
#[async_trait]
pub trait RunLock: Send + Sync {
    /// Keeps a text under a name that is free; whether it was. Of several who ask at once, one is told so.
    async fn create(
        &self,
        name: &LockName,
        text: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<bool, ActionError>;

    /// The text under a name, the last one or that of a version; nothing where there is none.
    async fn read(&self, name: &LockName, version: Option<i64>) -> Result<Option<Kept>, ActionError>;

    /// Keeps another text under the name; gives its version.
    async fn replace(&self, name: &LockName, text: &str) -> Result<i64, ActionError>;

    /// Sets tags of what is kept under the name.
    async fn tag(&self, name: &LockName, tags: &BTreeMap<String, String>) -> Result<(), ActionError>;

    /// Keeps nothing under the name any more; true also when there is nothing.
    async fn delete(&self, name: &LockName) -> Result<(), ActionError>;
}

/// Nowhere to keep a lock: for runs whose runbooks want none.
pub struct NoLock;

#[async_trait]
impl RunLock for NoLock {
    async fn create(&self, _: &LockName, _: &str, _: &BTreeMap<String, String>) -> Result<bool, ActionError> {
        Err(nowhere())
    }

    async fn read(&self, _: &LockName, _: Option<i64>) -> Result<Option<Kept>, ActionError> {
        Ok(None)
    }

    async fn replace(&self, _: &LockName, _: &str) -> Result<i64, ActionError> {
        Err(nowhere())
    }

    async fn tag(&self, _: &LockName, _: &BTreeMap<String, String>) -> Result<(), ActionError> {
        Err(nowhere())
    }

    async fn delete(&self, _: &LockName) -> Result<(), ActionError> {
        Ok(())
    }
}

fn nowhere() -> ActionError {
    ActionError::refused("no_lock", "there is nowhere to keep a lock")
}

/// The beginning of the names of all locks.
pub const LOCKS: &str = "/lifeboat/locks/";

/// Names of locks have at most this many letters behind [`LOCKS`], and then those of their hash.
const LONGEST_KEY: usize = 64;

/// The name of the lock of a key: the key itself where Parameter Store allows its letters, else as much of it as it allows
/// and a hash of the whole.
pub fn name_of(key: &str) -> String {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if !key.is_empty() && key.len() <= LONGEST_KEY && key.chars().all(is_allowed) {
        return format!("{LOCKS}{key}");
    }
    let folded = key.chars().map(|letter| if is_allowed(letter) { letter } else { '-' });
    let folded: String = folded.take(LONGEST_KEY).collect();
    let hash = data_encoding::BASE32_NOPAD.encode(&Sha256::digest(key)).to_ascii_lowercase();
    format!("{LOCKS}{folded}.{}", &hash[..12])
}

/// A run's hold on a lock.
#[derive(Clone)]
pub struct Grip {
    /// Where it is kept.
    pub place: Arc<dyn RunLock>,
    /// Under which name.
    pub name: LockName,
    /// Who wants it; since when and until when is set when it is written.
    pub holder: LockHolder,
    /// The time.
    pub clock: Clock,
}

/// What came of asking for a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is this run's now; taken over from the other where there was one.
    Now(LockHolder, Option<LockHolder>),
    /// It was this run's before.
    Again(LockHolder),
    /// Another run holds it.
    By(LockHolder),
}

/// What came of giving a lock back, or of holding it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldOn {
    /// It is still this run's, until then.
    Until(Option<DateTime<Utc>>),
    /// Another run has it.
    Lost(LockHolder),
}

/// So many times others may come in between before it is given up.
const MOST_RACES: usize = 8;

impl Grip {
    /// Takes the lock if it is free, this run's already, or another's whose time is over; or whoever's it is, where
    /// `by_force`.
    ///
    /// # Errors
    /// When the place does not answer, or what is kept under the name is no lock.
    pub async fn take(&self, by_force: bool) -> Result<Taken, ActionError> {
        let me = self.now_until(Some(self.clock.now() + LEASE));
        let text = written(&me)?;
        // From whom it was taken over, where the reply to that was lost.
        let mut from: Option<LockHolder> = None;
        for _ in 0..MOST_RACES {
            match self.place.create(&self.name, &text, &self.tags()).await {
                Ok(true) => return Ok(Taken::Now(me, from)),
                // Whether it was created is seen by reading it.
                Ok(false) => {}
                Err(error) if error.kind == ErrorKind::Unknown => {}
                Err(error) => return Err(error),
            }
            let Some(kept) = self.place.read(&self.name, None).await? else { continue };
            let there = self.holder_of(&kept)?;
            let is_mine = there.run == self.holder.run;
            let is_judged = |other: &LockHolder| match &from {
                Some(judged) if by_force => judged.run == other.run,
                judged => judged.as_ref() == Some(other),
            };
            if there == me {
                // This very text: its reply was lost.
                return self.settled(kept.version, &me, from.clone(), &is_judged).await;
            }
            let may_have_it = is_mine || by_force || there.has_expired(self.clock.now());
            if !may_have_it {
                return Ok(Taken::By(there));
            }
            if is_mine {
                return match self.keep(Some(self.clock.now() + LEASE)).await? {
                    HeldOn::Until(expires) => Ok(Taken::Again(LockHolder { expires, ..there })),
                    HeldOn::Lost(other) => Ok(Taken::By(other)),
                };
            }
            from = Some(there.clone());
            let is_judged = |other: &LockHolder| *other == there || (by_force && other.run == there.run);
            match self.place.replace(&self.name, &text).await {
                Ok(version) => match self.settled(version, &me, from.clone(), &is_judged).await? {
                    Taken::By(_) => from = None,
                    taken => return Ok(taken),
                },
                Err(error) if error.kind == ErrorKind::Unknown => {}
                Err(error) => return Err(error),
            }
        }
        Err(ActionError::transient("contended", "others come in between all the time"))
    }

    /// After `version` was written: whether what it took the place of is what was judged. If another came in between, it
    /// is put back.
    async fn settled(
        &self,
        version: i64,
        me: &LockHolder,
        from: Option<LockHolder>,
        is_judged: &(dyn Fn(&LockHolder) -> bool + Sync),
    ) -> Result<Taken, ActionError> {
        if let Some(other) = self.came_between(version, is_judged).await? {
            return Ok(Taken::By(other));
        }
        if from.is_some() {
            // The tags are those of the run before, and only help to find it: the text says who holds it.
            let _old_tags = self.place.tag(&self.name, &self.tags()).await;
        }
        Ok(Taken::Now(me.clone(), from))
    }

    /// The holder whose text `version` took the place of without having been judged; it is put back.
    async fn came_between(
        &self,
        version: i64,
        is_judged: &(dyn Fn(&LockHolder) -> bool + Sync),
    ) -> Result<Option<LockHolder>, ActionError> {
        let before = match version {
            ..=1 => None,
            _ => self.place.read(&self.name, Some(version - 1)).await?,
        };
        let Some(before) = before else { return Ok(None) };
        let other = self.holder_of(&before)?;
        if other.run == self.holder.run || is_judged(&other) {
            return Ok(None);
        }
        self.place.replace(&self.name, &before.text).await?;
        Ok(Some(other))
    }

    /// Holds the lock on until `expires`.
    ///
    /// # Errors
    /// When the place does not answer.
    pub async fn keep(&self, expires: Option<DateTime<Utc>>) -> Result<HeldOn, ActionError> {
        let kept = self.place.read(&self.name, None).await?;
        let since = match kept.as_ref().map(|kept| self.holder_of(kept)).transpose()? {
            Some(there) if there.run != self.holder.run => return Ok(HeldOn::Lost(there)),
            Some(there) => there.since,
            None => self.clock.now(),
        };
        let me = LockHolder { since, expires, ..self.holder.clone() };
        let text = written(&me)?;
        if kept.is_none() {
            // Somebody deleted it.
            return match self.place.create(&self.name, &text, &self.tags()).await? {
                true => Ok(HeldOn::Until(expires)),
                false => Err(ActionError::transient("contended", "another came in between")),
            };
        }
        let version = self.place.replace(&self.name, &text).await?;
        match self.came_between(version, &|_| false).await? {
            Some(other) => Ok(HeldOn::Lost(other)),
            None => Ok(HeldOn::Until(expires)),
        }
    }

    /// Gives the lock back, if it is this run's.
    ///
    /// # Errors
    /// When the place does not answer.
    pub async fn release(&self) -> Result<(), ActionError> {
        let Some(kept) = self.place.read(&self.name, None).await? else { return Ok(()) };
        match self.holder_of(&kept)?.run == self.holder.run {
            true => self.place.delete(&self.name).await,
            false => Ok(()),
        }
    }

    /// Who holds it now.
    ///
    /// # Errors
    /// When the place does not answer, or what is kept under the name is no lock.
    pub async fn look(&self) -> Result<Option<LockHolder>, ActionError> {
        let kept = self.place.read(&self.name, None).await?;
        kept.map(|kept| self.holder_of(&kept)).transpose()
    }

    fn now_until(&self, expires: Option<DateTime<Utc>>) -> LockHolder {
        LockHolder { since: self.clock.now(), expires, ..self.holder.clone() }
    }

    fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("lifeboat:run".to_owned(), self.holder.run.to_string()),
            ("lifeboat:runbook".to_owned(), self.holder.runbook.clone()),
        ])
    }

    fn holder_of(&self, kept: &Kept) -> Result<LockHolder, ActionError> {
        serde_json::from_str(&kept.text).map_err(|_| {
            let message = format!("`{}` is there, and is no lock of Lifeboat", self.name.name);
            ActionError::refused("not_a_lock", message).hint("look at it, and delete it if nobody needs it")
        })
    }
}

fn written(holder: &LockHolder) -> Result<String, ActionError> {
    serde_json::to_string(holder).map_err(|error| ActionError::refused("not_a_lock", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_lock_says_its_key_and_is_allowed() {
        assert_eq!(name_of("orders-prod"), "/lifeboat/locks/orders-prod");
        let (one, other) = (name_of("orders prod"), name_of("orders/prod"));
        assert!(one.starts_with("/lifeboat/locks/orders-prod.") && one != other, "{one} {other}");
        let long = name_of(&"x".repeat(500));
        assert!(long.len() <= LOCKS.len() + LONGEST_KEY + 13, "{long}");
        let allowed = |name: &str| name.chars().all(|it| it.is_ascii_alphanumeric() || "_.-/".contains(it));
        assert!([one, long, name_of("größe"), name_of("")].iter().all(|name| allowed(name)));
    }
}
