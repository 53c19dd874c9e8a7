//! What goes wrong in a simulated run, from a file: in the simulated AWS, and to this process itself.

use crate::error::CommandError;
use crate::settings::{self, Scalars};
use crate::step_faults::StepFault;
use lifeboat_journal::file::Storage;
use lifeboat_sim::fault::Fault;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with `faults`, `steps` and `kill`, as many of them as are wanted"
)]
pub(crate) struct Faults {
    /// What AWS does wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<Fault>,
    /// Which steps go wrong, whatever AWS does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<StepFault>,
    /// When this process dies, as by `kill -9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kill: Option<Kill>,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kill {
    /// At which sync of the journal, from 1.
    pub(crate) at_sync: u32,
    /// At which moment of it.
    pub(crate) moment: Moment,
}

/// A moment of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Moment {
    /// When half of the first line before it is written.
    Torn,
    /// When all lines before it are written, and none is synced.
    Before,
    /// Behind it.
    After,
}

pub(crate) fn read(path: &Path) -> Result<Faults, CommandError> {
    settings::read(path, Scalars::Typed)
}

/// A journal whose process dies at a chosen moment.
pub(crate) struct Mortal {
    storage: Box<dyn Storage>,
    kill: Kill,
    syncs: u32,
    /// How it dies; what it sees then, where it still sees anything.
    dies: Box<dyn Fn() -> io::Error + Send>,
}

impl Mortal {
    pub(crate) fn new(
        storage: Box<dyn Storage>,
        kill: Kill,
        dies: Box<dyn Fn() -> io::Error + Send>,
    ) -> Self {
        Self { storage, kill, syncs: 0, dies }
    }

    fn dies_at(&self, moment: Moment) -> bool {
        self.kill.moment == moment && self.kill.at_sync == self.syncs + 1
    }
}

/// As by `kill -9`. Nothing is tidied up: that is the point.
pub(crate) fn die() -> io::Error {
    let _sent = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

impl Storage for Mortal {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dies_at(Moment::Torn) {
            self.storage.append(&bytes[..bytes.len() / 2])?;
            return Err((self.dies)());
        }
        self.storage.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.dies_at(Moment::Before) {
            return Err((self.dies)());
        }
        self.storage.sync()?;
        if self.dies_at(Moment::After) {
            return Err((self.dies)());
        }
        self.syncs += 1;
        Ok(())
    }

    fn set_head(&mut self, head: &str) -> io::Result<()> {
        self.storage.set_head(head)
    }
}
