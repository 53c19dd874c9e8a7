//! The journal as a file, and the directory of a run: the only place that knows what lies where.

use crate::chain::{self, Tail, Verified, WalkError};
use crate::event::{Draft, Event, Line};
use crate::masker::Masker;
use chrono::{DateTime, Utc};
use lifeboat_runbook::id::RunId;
use lifeboat_runbook::units;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where the lines go. Real runs use [`FileStorage`]; tests use one that stops at a chosen moment.
pub trait Storage: Send {
    /// Writes bytes at the end.
    ///
    /// # Errors
    /// When they cannot be written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything appended is on disk.
    ///
    /// # Errors
    /// When that cannot be made sure: nothing may go on then.
    fn sync(&mut self) -> io::Result<()>;

    /// Remembers the hash of the last line beside the journal.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set_head(&mut self, head: &str) -> io::Result<()>;
}

/// The moment of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// UTC.
    pub now: DateTime<Utc>,
    /// Milliseconds on the monotonic clock since the process began.
    pub mono_ms: u64,
}

/// Appends events: masks them, numbers them, chains them, and brings them to disk.
pub struct JournalWriter {
    storage: Box<dyn Storage>,
    run: RunId,
    next_seq: u64,
    head: String,
    epoch: u32,
    masker: Masker,
    /// Whether something was written that is not known to be on disk.
    rides: bool,
}

impl JournalWriter {
    /// A journal with nothing in it.
    pub fn create(storage: Box<dyn Storage>, run: RunId) -> Self {
        Self {
            storage,
            run,
            next_seq: 1,
            head: String::new(),
            epoch: 1,
            masker: Masker::default(),
            rides: false,
        }
    }

    /// Goes on with a journal that has been read; the torn tail must have been cut off.
    pub fn resume(storage: Box<dyn Storage>, run: RunId, verified: &Verified) -> Self {
        let seq = verified.events.len() as u64;
        let epoch = verified.events.last().map_or(0, |event| event.epoch);
        Self::after(storage, run, seq, epoch, verified.head.clone())
    }

    /// Goes on behind a tail; what is torn behind it must have been cut off.
    pub fn follow(storage: Box<dyn Storage>, run: RunId, tail: &Tail) -> Self {
        Self::after(storage, run, tail.seq, tail.epoch, tail.head.clone())
    }

    fn after(storage: Box<dyn Storage>, run: RunId, seq: u64, epoch: u32, head: String) -> Self {
        Self {
            storage,
            run,
            next_seq: seq + 1,
            head,
            epoch: epoch + 1,
            masker: Masker::default(),
            rides: false,
        }
    }

    /// What hides secrets; teach it before an event could hold one.
    pub fn masker(&mut self) -> &mut Masker {
        &mut self.masker
    }

    /// The hash of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Writes events, and returns them as a reader would read them. If one of them must be durable, all are on disk
    /// when this returns, by one sync.
    ///
    /// # Errors
    /// When they cannot be written or brought to disk: nothing may go on then.
    pub fn append(&mut self, drafts: Vec<Draft>, stamp: Stamp) -> io::Result<Vec<Event>> {
        let durable = drafts.iter().any(|draft| draft.kind.is_durable());
        let events =
            drafts.into_iter().map(|draft| self.write(draft, stamp)).collect::<io::Result<Vec<_>>>()?;
        self.rides |= !events.is_empty();
        if durable {
            self.rest()?;
        }
        Ok(events)
    }

    /// Brings to disk what rides with the next event that must be there, because none may come.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn rest(&mut self) -> io::Result<()> {
        if self.rides {
            self.storage.sync()?;
            self.storage.set_head(&self.head)?;
            self.rides = false;
        }
        Ok(())
    }

    fn write(&mut self, draft: Draft, stamp: Stamp) -> io::Result<Event> {
        let (type_name, mut data) = draft.kind.into_parts();
        self.masker.mask_json(&mut data);
        let line = Line {
            v: 1,
            seq: self.next_seq,
            run: self.run.clone(),
            type_name,
            step: draft.step,
            attempt: draft.attempt,
            at: units::time_text(draft.at.unwrap_or(stamp.now)),
            recorded_at: units::time_text(stamp.now),
            mono_ms: stamp.mono_ms,
            epoch: self.epoch,
            precision: draft.precision,
            actor: draft.actor,
            data,
            prev: self.head.clone(),
            hash: String::new(),
        };
        let mut sealed = chain::seal(&serde_json::to_string(&line)?);
        let event = chain::read_line(sealed.as_bytes()).map_err(io::Error::other)?;
        self.head = chain::digest(sealed.as_bytes());
        sealed.push('\n');
        self.storage.append(sealed.as_bytes())?;
        self.next_seq += 1;
        Ok(event)
    }
}

/// The directory of a run.
#[derive(Clone, Debug)]
pub struct RunDirectory {
    path: PathBuf,
}

/// A run that another process is writing.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it; what they wrote into it.
    #[error("the run is being written by {0}")]
    Held(String),
    /// The lock could not be taken.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl RunDirectory {
    /// The directory of run `run` under a home.
    pub fn of(home: &Path, run: &RunId) -> Self {
        Self { path: home.join("runs").join(run.as_str()) }
    }

    /// The directory of an incident under a home: it has a journal of the same format.
    pub fn of_incident(home: &Path, incident: &RunId) -> Self {
        Self { path: home.join("incidents").join(incident.as_str()) }
    }

    /// The directory of the action items under a home: one journal for all of them.
    pub fn of_items(home: &Path) -> Self {
        Self { path: home.join("items") }
    }

    /// All runs of a home, by id.
    ///
    /// # Errors
    /// When the home cannot be listed; a home that is not there has no runs.
    pub fn list(home: &Path) -> io::Result<Vec<RunId>> {
        Self::list_in(&home.join("runs"))
    }

    /// All incidents of a home, by id.
    ///
    /// # Errors
    /// When the home cannot be listed; a home that is not there has none.
    pub fn list_incidents(home: &Path) -> io::Result<Vec<RunId>> {
        Self::list_in(&home.join("incidents"))
    }

    fn list_in(directory: &Path) -> io::Result<Vec<RunId>> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().join("journal.jsonl").is_file() {
                runs.push(RunId::new(entry.file_name().to_string_lossy()));
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// Whether the run is there.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// When it was made, by the machine's clock; nothing where the file system does not say.
    pub fn made_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.path).and_then(|metadata| metadata.created()).ok()
    }

    /// Makes it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// What happened in the simulated AWS.
    pub fn world(&self) -> PathBuf {
        self.path.join("world.jsonl")
    }

    /// The hash of the journal's last line.
    pub fn head(&self) -> PathBuf {
        self.path.join("head")
    }

    /// Keeps the sources of a plan as they were run; `kept_in` names the directory, `sources` at the start.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep_sources<'text>(
        &self,
        kept_in: &str,
        texts: impl IntoIterator<Item = &'text str>,
    ) -> io::Result<()> {
        fs::create_dir_all(self.path.join(kept_in))?;
        for (index, text) in texts.into_iter().enumerate() {
            write_whole(&self.source(kept_in, index), text.as_bytes())?;
        }
        Ok(())
    }

    /// Where source `index` of the plan kept in `kept_in` is.
    pub fn source(&self, kept_in: &str, index: usize) -> PathBuf {
        self.path.join(kept_in).join(format!("{index}.yaml"))
    }

    /// Which simulated world the run is in.
    pub fn world_reference(&self) -> PathBuf {
        self.path.join("world.json")
    }

    /// Leaves a letter for the process that writes the run; it appears whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn post(&self, name: &str, letter: &[u8]) -> io::Result<()> {
        let inbox = self.inbox();
        fs::create_dir_all(&inbox)?;
        let written = inbox.join(format!(".{name}"));
        write_whole(&written, letter)?;
        fs::rename(written, inbox.join(format!("{name}.json")))
    }

    /// The letters in the inbox, by name.
    ///
    /// # Errors
    /// When the inbox cannot be read; one that is not there is empty.
    pub fn letters(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let entries = match fs::read_dir(self.inbox()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut letters = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let letter = fs::read(&path)?;
                letters.push((path, letter));
            }
        }
        letters.sort();
        Ok(letters)
    }

    fn inbox(&self) -> PathBuf {
        self.path.join("inbox")
    }

    /// Reads the first event alone: what the run is, without the rest of it. Nothing where the journal has no whole line.
    ///
    /// # Errors
    /// When it cannot be read, or its first line was touched.
    pub fn read_first(&self) -> io::Result<Option<Event>> {
        let mut line = Vec::new();
        io::BufReader::new(File::open(self.journal())?).read_until(b'\n', &mut line)?;
        Ok(chain::verify(&line).map_err(io::Error::other)?.events.pop())
    }

    /// Reads the journal and checks its chain.
    ///
    /// # Errors
    /// When it cannot be read, or is broken.
    pub fn read(&self) -> io::Result<Verified> {
        chain::verify(&fs::read(self.journal())?).map_err(io::Error::other)
    }

    /// Goes through the journal, checks its chain and gives each event away; what comes back has no events. For journals
    /// of which little is wanted: one line is held at a time.
    ///
    /// # Errors
    /// When it cannot be read, or is broken.
    pub fn walk(&self, each: impl FnMut(Event)) -> io::Result<(Tail, Verified)> {
        let reader = io::BufReader::new(File::open(self.journal())?);
        chain::walk(reader, each).map_err(|error| match error {
            WalkError::Broken(broken) => io::Error::other(broken),
            WalkError::Io(error) => error,
        })
    }

    /// Takes the run for this process until the lock is dropped; `holder` says who, for others to read.
    ///
    /// # Errors
    /// When another process has it.
    pub fn lock(&self, holder: &str) -> Result<File, LockError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(held_by(holder, file)?),
            Err(TryLockError::WouldBlock) => {
                Err(LockError::Held(fs::read_to_string(self.path.join("lock")).unwrap_or_default()))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The same, but waits for whoever has it.
    ///
    /// # Errors
    /// When the lock cannot be taken at all.
    pub fn lock_in_turn(&self, holder: &str) -> io::Result<File> {
        let file = self.lock_file()?;
        file.lock()?;
        held_by(holder, file)
    }

    fn lock_file(&self) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(self.path.join("lock"))
    }
}

/// Puts a file in the place of another: whoever reads sees the old or the new one, whole, also after a crash.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    write_whole(Path::new(&beside), bytes)?;
    fs::rename(beside, path)
}

/// Says in a lock that was taken who has it.
fn held_by(holder: &str, mut file: File) -> io::Result<File> {
    file.set_len(0)?;
    file.write_all(holder.as_bytes())?;
    Ok(file)
}

/// Writes a file and brings it to disk.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The journal on disk.
pub struct FileStorage {
    file: File,
    head: PathBuf,
}

impl FileStorage {
    /// Opens or makes the journal of a run for appending, and makes sure that its name is on disk too.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(directory: &RunDirectory) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(directory.journal())?;
        File::open(directory.path())?.sync_all()?;
        Ok(Self { file, head: directory.head() })
    }
}

impl Storage for FileStorage {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_head(&mut self, head: &str) -> io::Result<()> {
        fs::write(&self.head, format!("{head}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventKind, PauseReason, Phase};

    fn stamp(second: i64) -> Stamp {
        Stamp {
            now: DateTime::from_timestamp(1_767_600_000 + second, 0).unwrap(),
            mono_ms: second as u64 * 1000,
        }
    }

    fn written(directory: &RunDirectory) -> Vec<Event> {
        directory.create().unwrap();
        let storage = Box::new(FileStorage::open(directory).unwrap());
        let mut writer = JournalWriter::create(storage, RunId::new("k3v7qa2mxyz4567b"));
        writer.masker().learn("password", "hunter2hunter2").unwrap();
        let mut events = Vec::new();
        for (second, why) in [(0, "one"), (1, "hunter2hunter2 \"quoted\""), (2, "drei, ü")] {
            let draft = Draft::run(EventKind::RunPaused { why: why.into(), because: PauseReason::Signal });
            events.extend(writer.append(vec![draft], stamp(second)).unwrap());
        }
        events.extend(
            writer
                .append(vec![Draft::run(EventKind::PhaseEntered { phase: Phase::Running })], stamp(3))
                .unwrap(),
        );
        events
    }

    fn directory() -> (tempfile::TempDir, RunDirectory) {
        let home = tempfile::tempdir().unwrap();
        let directory = RunDirectory::of(home.path(), &RunId::new("k3v7qa2mxyz4567b"));
        (home, directory)
    }

    #[test]
    fn what_is_written_is_what_is_read_and_holds_no_secret() {
        let (_home, directory) = directory();
        let events = written(&directory);
        let verified = directory.read().unwrap();
        assert_eq!(verified.events, events);
        assert!(!fs::read_to_string(directory.journal()).unwrap().contains("hunter2"));
        assert_eq!(fs::read_to_string(directory.head()).unwrap().trim(), verified.head);
    }

    #[test]
    fn any_changed_byte_is_found_on_its_line() {
        let (_home, directory) = directory();
        written(&directory);
        let bytes = fs::read(directory.journal()).unwrap();
        for place in 0..bytes.len() {
            for changed in [bytes[place] ^ 1, bytes[place] ^ 0x20, b'\n', b'0'] {
                if changed == bytes[place] {
                    continue;
                }
                let mut touched = bytes.clone();
                touched[place] = changed;
                let line = bytes[..place].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
                match chain::verify(&touched) {
                    Err(broken) => assert_eq!(broken.line, line, "byte {place}"),
                    // Without its newline the last line does not count: it is torn, and shown as such.
                    Ok(verified) => {
                        assert!(!verified.torn.is_empty() && place == bytes.len() - 1, "byte {place}")
                    }
                }
            }
        }
    }

    #[test]
    fn a_torn_tail_is_told_from_a_touched_line() {
        let (_home, directory) = directory();
        written(&directory);
        let bytes = fs::read(directory.journal()).unwrap();
        for cut in 0..bytes.len() {
            let verified = chain::verify(&bytes[..cut]).unwrap();
            assert_eq!(verified.bytes as usize + verified.torn.len(), cut);
        }
    }

    #[test]
    fn a_run_has_one_writer() {
        let (_home, directory) = directory();
        directory.create().unwrap();
        let held = directory.lock("alice on ship, process 7").unwrap();
        assert!(matches!(directory.lock("bob"), Err(LockError::Held(holder)) if holder.contains("alice")));
        drop(held);
        directory.lock("bob").unwrap();
    }

    #[test]
    fn an_unknown_event_is_kept_and_a_damaged_known_one_is_not() {
        let line = |type_name: &str, data: serde_json::Value| {
            let line = Line {
                v: 1,
                seq: 1,
                run: RunId::new("k3v7qa2mxyz4567b"),
                type_name: type_name.into(),
                step: None,
                attempt: None,
                at: "2026-01-05T09:00:00.000Z".into(),
                recorded_at: "2026-01-05T09:00:00.000Z".into(),
                mono_ms: 0,
                epoch: 1,
                precision: crate::event::Precision::Exact,
                actor: crate::event::Actor::engine(),
                data,
                prev: String::new(),
                hash: String::new(),
            };
            chain::verify(format!("{}\n", chain::seal(&serde_json::to_string(&line).unwrap())).as_bytes())
        };
        let kept = line("weather.changed", serde_json::json!({"to": "rain"})).unwrap();
        assert!(
            matches!(&kept.events[0].kind, EventKind::Other(other) if other.type_name == "weather.changed")
        );
        assert!(line("run.paused", serde_json::json!({"wherefore": 1})).is_err());
    }
}
