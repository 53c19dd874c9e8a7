//! A disk that outlives the process.

use lifeboat_journal::file::Storage;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether the process that writes has died: then nothing of it reaches anything any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Death(Arc<AtomicBool>);

impl Death {
    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The process dies; the error is what it would see if it still saw anything.
    pub(super) fn comes(&self) -> io::Error {
        self.0.store(true, Ordering::SeqCst);
        dead()
    }

    pub(super) fn check(&self) -> io::Result<()> {
        if self.has_come() { Err(dead()) } else { Ok(()) }
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

/// The journal in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    lines: u64,
    syncs: u32,
}

impl Disk {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// How often it was synced, by all processes together.
    pub(super) fn syncs(&self) -> u32 {
        self.lock().syncs
    }

    /// Cuts a torn line off.
    pub(super) fn cut(&self, whole: u64) {
        self.lock().bytes.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The disk as one process sees it.
pub(super) struct Mounted {
    pub(super) disk: Disk,
    pub(super) death: Death,
    /// The line that is lost on its way, from 1: only to show that this is found.
    pub(super) loses: Option<u64>,
}

impl Storage for Mounted {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.death.check()?;
        let mut kept = self.disk.lock();
        kept.lines += 1;
        if self.loses != Some(kept.lines) {
            kept.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.death.check()?;
        self.disk.lock().syncs += 1;
        Ok(())
    }

    fn set_head(&mut self, _: &str) -> io::Result<()> {
        self.death.check()
    }
}
