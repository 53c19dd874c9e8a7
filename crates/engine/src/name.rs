//! Names, tokens and tags: made from run, path and attempt, so that a repeat of the same attempt makes the same ones.

use lifeboat_runbook::id::{RunId, StepPath};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The alphabet of a kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Lower-case letters, digits and single hyphens; a letter first, no hyphen last (RDS, ElastiCache).
    LowerHyphen,
}

/// The namespace of Lifeboat's idempotency tokens; drawn once, never changed.
const TOKENS: Uuid = Uuid::from_u128(0x6c69_6665_626f_4174_9d1c_5a07_3e42_b861);

const HASH_LENGTH: usize = 6;

/// The id of a run: 80 bits as 16 lower-case base32 characters.
pub fn run_id(entropy: &[u8; 10]) -> RunId {
    RunId::new(data_encoding::BASE32_NOPAD.encode(entropy).to_ascii_lowercase())
}

/// `<runbook>-<run short id>-<step>-<hash>`, cut to `limit`; the hash of run, path and attempt is always whole.
pub fn resource_name(
    runbook: &str,
    run: &RunId,
    path: &StepPath,
    attempt: u32,
    limit: usize,
    charset: Charset,
) -> String {
    let Charset::LowerHyphen = charset;
    let tail = format!("-{}", hash(run, path, attempt));
    let step = fold(path.as_str());
    let short = run.short();
    let room = limit.saturating_sub(tail.len() + short.len() + 2);
    let step_room = step.len().min(room / 2);
    let runbook = fold(runbook);
    let runbook = cut(&runbook, room - step_room);
    let step = cut(&step, room - runbook.len());
    let name = fold(&format!("{runbook}-{short}-{step}{tail}"));
    match name.chars().next() {
        Some(first) if first.is_ascii_lowercase() => name,
        _ => format!("x{name}").chars().take(limit).collect(),
    }
}

/// A text in which a name of [`resource_name`] may stand, with what depends on the run left open: `‹run›` and `‹hash›`.
pub fn pattern(text: &str, run: &RunId, path: &StepPath, attempt: u32) -> String {
    let (short, hash) = (format!("-{}-", run.short()), format!("-{}", hash(run, path, attempt)));
    text.replace(&hash, "-‹hash›").replace(&short, "-‹run›-")
}

fn cut(text: &str, length: usize) -> &str {
    text.get(..length.min(text.len())).unwrap_or(text).trim_end_matches('-')
}

/// Lower-case letters, digits and single hyphens only.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            folded.push(letter);
        } else if !folded.ends_with('-') && !folded.is_empty() {
            folded.push('-');
        }
    }
    folded.trim_end_matches('-').to_owned()
}

fn hash(run: &RunId, path: &StepPath, attempt: u32) -> String {
    let digest = Sha256::digest(format!("{run}\n{path}\n{attempt}"));
    data_encoding::BASE32_NOPAD.encode(&digest)[..HASH_LENGTH].to_ascii_lowercase()
}

/// A UUID (version 5) of run, path and attempt: 36 characters, as SSM's `ClientToken` wants them.
pub fn token(run: &RunId, path: &StepPath, attempt: u32) -> String {
    Uuid::new_v5(&TOKENS, format!("{run}\n{path}\n{attempt}").as_bytes()).to_string()
}

/// A number in 0..1 that differs from try to try and is the same in every repeat of the run.
pub fn jitter(run: &RunId, path: &StepPath, attempt: u32, tries: u32) -> f64 {
    let digest = Sha256::digest(format!("{run}\n{path}\n{attempt}\n{tries}"));
    f64::from(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])) / f64::from(u32::MAX)
}

/// The tags of what an attempt makes.
pub fn tags(runbook: &str, run: &RunId, path: &StepPath, attempt: u32) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("lifeboat:run".to_owned(), run.to_string()),
        ("lifeboat:runbook".to_owned(), runbook.to_owned()),
        ("lifeboat:step".to_owned(), format!("{}@{attempt}", tag_path(path))),
    ])
}

/// A path in the letters AWS allows in a tag value: `each[orders].restore` is `each=orders+restore`.
fn tag_path(path: &StepPath) -> String {
    path.as_str().replace("].", "+").replace('[', "=").replace(']', "")
}

/// The step and the attempt that a tag `lifeboat:step` names.
pub fn step_of_tag(tag: &str) -> Option<(StepPath, u32)> {
    let (path, attempt) = tag.rsplit_once('@')?;
    Some((StepPath::new(path.replace('+', "].").replace('=', "[")), attempt.parse().ok()?))
}

/// Whether a name is one of [`resource_name`] for this attempt.
pub fn is_made_for(name: &str, run: &RunId, path: &StepPath, attempt: u32) -> bool {
    name.ends_with(&format!("-{}", hash(run, path, attempt)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(runbook: &str, path: &str, attempt: u32, limit: usize) -> String {
        let run = RunId::new("k3v7qa2mxyz4567b");
        resource_name(runbook, &run, &StepPath::new(path), attempt, limit, Charset::LowerHyphen)
    }

    #[test]
    fn a_name_says_where_it_comes_from() {
        let made = name("rds-point-in-time-restore", "restore", 1, 63);
        assert!(made.starts_with("rds-point-in-time-restore-k3v7qa-restore-"), "{made}");
        assert_ne!(made, name("rds-point-in-time-restore", "restore", 2, 63));
        assert_eq!(made, name("rds-point-in-time-restore", "restore", 1, 63));
    }

    #[test]
    fn what_the_run_decides_is_left_open() {
        let (run, path) = (RunId::new("k3v7qa2mxyz4567b"), StepPath::new("restore"));
        let text = format!("`{}` is taken", name("book", "restore", 1, 63));
        assert_eq!(pattern(&text, &run, &path, 1), "`book-‹run›-restore-‹hash›` is taken");
        assert_eq!(pattern("orders-prod", &run, &path, 1), "orders-prod");
    }

    #[test]
    fn names_obey_the_service() {
        for limit in [40, 63] {
            for (runbook, path) in [
                ("x", "y"),
                (
                    "a-very-long-name-of-a-runbook-that-goes-on-and-on-and-on",
                    "each[orders_db.one].restore_everything_at_once",
                ),
                ("9lives", "each[Ünicode].a"),
                ("r", "regional/restore"),
            ] {
                let made = name(runbook, path, 1, limit);
                assert!(made.len() <= limit, "{made}");
                assert!(!made.contains("--") && !made.ends_with('-'), "{made}");
                assert!(made.starts_with(|letter: char| letter.is_ascii_lowercase()), "{made}");
                assert!(
                    made.chars().all(|letter| letter.is_ascii_lowercase()
                        || letter.is_ascii_digit()
                        || letter == '-')
                );
            }
        }
    }

    #[test]
    fn tokens_are_uuids_and_tags_are_allowed() {
        let run = RunId::new("k3v7qa2mxyz4567b");
        assert_eq!(token(&run, &StepPath::new("restore"), 1).len(), 36);
        let tags = tags("book", &run, &StepPath::new("each[orders].restore"), 2);
        assert_eq!(tags["lifeboat:step"], "each=orders+restore@2");
        for path in ["restore", "regional/restore", "each[orders].restore", "a[x.y].b[1/2].c"] {
            let path = StepPath::new(path);
            let tags = super::tags("book", &run, &path, 3);
            assert_eq!(step_of_tag(&tags["lifeboat:step"]), Some((path, 3)));
        }
    }
}
