//! What goes wrong in a simulated run, from a file: in the simulated AWS, and to this process itself.

use crate::error::CommandError;
use crate::settings::{self, Scalars};
use lifeboat_journal::file::Storage;
use lifeboat_sim::fault::Fault;
use serde::Deserialize;
use std::io;
use std::path::Path;

/// The file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with `faults`, `kill` or both")]
pub(crate) struct Faults {
    /// What AWS does wrong.
    #[serde(default)]
    pub(crate) faults: Vec<Fault>,
    /// When this process dies, as by `kill -9`.
    #[serde(default)]
    pub(crate) kill: Option<Kill>,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kill {
    /// At which sync of the journal, from 1.
    pub(crate) at_sync: u32,
    /// At which moment of it.
    pub(crate) moment: Moment,
}

/// A moment of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) kill: Kill,
    pub(crate) syncs: u32,
}

impl Mortal {
    fn dies_at(&self, moment: Moment) -> bool {
        self.kill.moment == moment && self.kill.at_sync == self.syncs + 1
    }
}

/// Nothing is tidied up: that is the point.
fn die() -> ! {
    let _sent = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

impl Storage for Mortal {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dies_at(Moment::Torn) {
            self.storage.append(&bytes[..bytes.len() / 2])?;
            die();
        }
        self.storage.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.dies_at(Moment::Before) {
            die();
        }
        self.storage.sync()?;
        if self.dies_at(Moment::After) {
            die();
        }
        self.syncs += 1;
        Ok(())
    }

    fn set_head(&mut self, head: &str) -> io::Result<()> {
        self.storage.set_head(head)
    }
}
