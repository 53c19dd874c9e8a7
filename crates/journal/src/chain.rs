//! The hash chain: each line covers itself by `hash` and the line before by `prev`.

use crate::event::{Event, Line};
use lifeboat_runbook::id::RunId;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io::{self, BufRead};

const PREFIX: &str = "sha256:";
const HASH_KEY: &str = ",\"hash\":\"sha256:";
const DIGITS: usize = 64;

/// SHA-256 as it is written: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", hex(&Sha256::digest(bytes)))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Adds to a JSON object, as its last key, the hash of what stands before: a line of a journal, but for its newline.
pub fn seal(object: &str) -> String {
    let body = object.strip_suffix('}').unwrap_or(object);
    format!("{body}{HASH_KEY}{}\"}}", hex(&Sha256::digest(object)))
}

/// What is wrong with a journal, and on which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct Broken {
    /// The first bad line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// A journal that has been read and found whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Its events.
    pub events: Vec<Event>,
    /// The hash of its last line.
    pub head: String,
    /// How many bytes its whole lines have.
    pub bytes: u64,
    /// What stands behind the last newline: a line that was being written when the machine stopped.
    pub torn: Vec<u8>,
}

/// Where a journal stands after some of its lines: what the next one must follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// The number of the last line; 0 where there is none.
    pub seq: u64,
    /// The process that wrote it.
    pub epoch: u32,
    /// Its hash.
    pub head: String,
    run: Option<RunId>,
}

impl Tail {
    /// Takes in the next line (without its newline).
    ///
    /// # Errors
    /// When it was touched, or does not follow.
    fn follow(&mut self, line: &[u8]) -> Result<Event, Broken> {
        let number = self.seq + 1;
        let broken = |problem: String| Broken { line: number, problem };
        let event = read_line(line).map_err(broken)?;
        if event.prev != self.head {
            return Err(broken("it does not follow the line before it".to_owned()));
        }
        if event.seq != number {
            return Err(broken(format!("it has the number {}, not {number}", event.seq)));
        }
        if *self.run.get_or_insert_with(|| event.run.clone()) != event.run {
            return Err(broken("it belongs to another run".to_owned()));
        }
        (self.seq, self.epoch, self.head) = (number, event.epoch, digest(line));
        Ok(event)
    }
}

/// Reads a journal and recomputes its chain.
///
/// # Errors
/// The first line that was touched, and how that shows.
pub fn verify(bytes: &[u8]) -> Result<Verified, Broken> {
    let mut events = Vec::new();
    // Nothing but a touched line can go wrong: bytes can be read.
    match walk(bytes, |event| events.push(event)) {
        Ok((_, verified)) => Ok(Verified { events, ..verified }),
        Err(WalkError::Broken(broken)) => Err(broken),
        Err(WalkError::Io(error)) => {
            Err(Broken { line: events.len() as u64 + 1, problem: error.to_string() })
        }
    }
}

/// Why a journal could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// A line was touched.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Goes through a journal line by line and gives each event away: however long it is, one line is held at a time. What
/// comes back has no events.
pub(crate) fn walk(
    mut reader: impl BufRead,
    mut each: impl FnMut(Event),
) -> Result<(Tail, Verified), WalkError> {
    let (mut tail, mut verified, mut line) = (Tail::default(), Verified::default(), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        let Some(whole) = line.strip_suffix(b"\n") else {
            verified.torn = std::mem::take(&mut line);
            break;
        };
        each(tail.follow(whole)?);
        verified.bytes += line.len() as u64;
        line.clear();
    }
    verified.head.clone_from(&tail.head);
    Ok((tail, verified))
}

/// Reads one line (without its newline) and checks the hash it carries of itself.
pub(crate) fn read_line(line: &[u8]) -> Result<Event, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let body_end = text
        .len()
        .checked_sub(HASH_KEY.len() + DIGITS + 2)
        .filter(|end| {
            text.is_char_boundary(*end) && text[*end..].starts_with(HASH_KEY) && text.ends_with("\"}")
        })
        .ok_or("it does not end with its hash")?;
    let hash = &text[body_end + HASH_KEY.len()..text.len() - 2];
    if hex(&Sha256::digest(format!("{}}}", &text[..body_end]))) != hash {
        return Err("its text is not what its hash says: it was changed after it was written".to_owned());
    }
    let line: Line = serde_json::from_str(text).map_err(|error| format!("it is not an event: {error}"))?;
    line.into_event()
}
