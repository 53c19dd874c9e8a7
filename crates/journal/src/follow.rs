//! Reading a journal while another process writes it: read-only, line by line, checking the chain.

use crate::chain::{self, Broken};
use crate::event::Event;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// A line of the journal: the event, and the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowedLine {
    /// What it says.
    pub event: Event,
    /// The JSON object as it stands in the journal, without its newline.
    pub text: String,
}

/// Follows a journal. A line counts only with its newline: one that is torn is waited for, and if the next writer cuts
/// it off, what it writes instead is read from the same place.
pub struct Follower {
    path: PathBuf,
    /// How many bytes of whole lines have been read.
    read: u64,
    head: String,
    next_seq: u64,
}

/// Why a journal cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// It cannot be read.
    #[error("the journal cannot be read")]
    Io(#[from] io::Error),
    /// It is not what its chain says.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Follower {
    /// From the first line of the journal at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: 0, head: String::new(), next_seq: 1 }
    }

    /// The whole lines that were written since the last call.
    ///
    /// # Errors
    /// When the journal cannot be read, or a line does not follow the one before it.
    pub fn news(&mut self) -> Result<Vec<FollowedLine>, FollowError> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut lines = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(body) = line.strip_suffix(b"\n") else { break };
            lines.push(self.take(body)?);
            self.read += line.len() as u64;
        }
        Ok(lines)
    }

    /// The hash of the last line that was read; empty before the first.
    pub fn head(&self) -> &str {
        &self.head
    }

    fn take(&mut self, body: &[u8]) -> Result<FollowedLine, Broken> {
        let broken = |problem: String| Broken { line: self.next_seq, problem };
        let event = chain::read_line(body).map_err(broken)?;
        if event.prev != self.head || event.seq != self.next_seq {
            return Err(broken("it does not follow the line before it".to_owned()));
        }
        self.head = chain::digest(body);
        self.next_seq += 1;
        Ok(FollowedLine { event, text: String::from_utf8_lossy(body).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Draft, EventKind, PauseReason};
    use crate::file::{FileStorage, JournalWriter, RunDirectory, Stamp};
    use lifeboat_runbook::id::RunId;
    use std::fs;

    /// A journal of three lines, as bytes.
    fn journal() -> Vec<u8> {
        let home = tempfile::tempdir().unwrap();
        let directory = RunDirectory::of(home.path(), &RunId::new("k3v7qa2mxyz4567b"));
        directory.create().unwrap();
        let storage = Box::new(FileStorage::open(&directory).unwrap());
        let mut writer = JournalWriter::create(storage, RunId::new("k3v7qa2mxyz4567b"));
        for second in 0..3 {
            let now = chrono::DateTime::from_timestamp(1_767_600_000 + second, 0).unwrap();
            let kind = EventKind::RunPaused { why: format!("pause {second}"), because: PauseReason::Signal };
            writer.append(vec![Draft::run(kind)], Stamp { now, mono_ms: 0 }).unwrap();
        }
        fs::read(directory.journal()).unwrap()
    }

    /// What is read of a journal that is written up to each of these lengths in turn.
    fn followed(bytes: &[u8], lengths: &[usize]) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal.jsonl");
        let mut follower = Follower::new(path.clone());
        let mut texts = Vec::new();
        for length in lengths {
            fs::write(&path, &bytes[..*length]).unwrap();
            texts.extend(follower.news().unwrap().into_iter().map(|line| line.text));
        }
        let whole = bytes[..*lengths.last().unwrap()].iter().rposition(|byte| *byte == b'\n');
        let verified = chain::verify(&bytes[..whole.map_or(0, |at| at + 1)]).unwrap();
        assert_eq!(follower.head(), verified.head);
        texts
    }

    #[test]
    fn each_line_is_read_once_wherever_the_writing_was_interrupted() {
        let bytes = journal();
        let lines: Vec<&str> = std::str::from_utf8(&bytes).unwrap().lines().collect();
        for cut in 0..bytes.len() {
            assert_eq!(followed(&bytes, &[cut, cut, bytes.len()]), lines, "cut at byte {cut}");
        }
    }

    #[test]
    fn a_torn_line_that_is_cut_off_leaves_its_place_to_the_next() {
        let bytes = journal();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!(followed(&bytes, &[first + 40, first, bytes.len()]).len(), 3);
    }

    #[test]
    fn a_line_that_does_not_follow_is_named() {
        let bytes = journal();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("journal.jsonl");
        fs::write(&path, &bytes[first..]).unwrap();
        let error = Follower::new(path.clone()).news().unwrap_err();
        assert!(matches!(&error, FollowError::Broken(broken) if broken.line == 1), "{error}");
        let mut touched = bytes.clone();
        touched[first + 60] ^= 1;
        fs::write(&path, touched).unwrap();
        let error = Follower::new(path).news().unwrap_err();
        assert!(matches!(&error, FollowError::Broken(broken) if broken.line == 2), "{error}");
    }
}
