//! The hash chain: each line covers itself by `hash` and the line before by `prev`.

use crate::event::{Event, Line};
use sha2::{Digest, Sha256};

const PREFIX: &str = "sha256:";
const HASH_KEY: &str = ",\"hash\":\"sha256:";
const DIGITS: usize = 64;

/// SHA-256 as it is written: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", hex(&Sha256::digest(bytes)))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Reads a journal and recomputes its chain.
///
/// # Errors
/// The first line that was touched, and how that shows.
pub fn verify(bytes: &[u8]) -> Result<Verified, Broken> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let mut verified = Verified { bytes: whole as u64, torn: bytes[whole..].to_vec(), ..Verified::default() };
    for (index, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
        let number = index as u64 + 1;
        let broken = |problem: String| Broken { line: number, problem };
        let line = &line[..line.len() - 1];
        let event = read_line(line).map_err(broken)?;
        if event.prev != verified.head {
            return Err(broken("it does not follow the line before it".to_owned()));
        }
        if event.seq != number {
            return Err(broken(format!("it has the number {}, not {number}", event.seq)));
        }
        if verified.events.first().is_some_and(|first: &Event| first.run != event.run) {
            return Err(broken("it belongs to another run".to_owned()));
        }
        verified.head = digest(line);
        verified.events.push(event);
    }
    Ok(verified)
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
