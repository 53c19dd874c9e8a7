//! Files that people hand in as evidence: copied beside the journal, their digest in it.

use crate::chain;
use crate::event::{Event, EventKind};
use crate::file::RunDirectory;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// A file that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it is kept, from the directory of the run: `artifacts/0123456789ab-screenshot.png`.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Why a kept file is not what was handed in.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is there, and has other bytes.
    #[error("{path} is not what was handed in (event {seq}): its SHA-256 is {found}, and was {sha256}")]
    Changed {
        /// The file.
        path: String,
        /// The event that names it.
        seq: u64,
        /// What it was.
        sha256: String,
        /// What it is.
        found: String,
    },
    /// It cannot be read.
    #[error("{path}, handed in with event {seq}, cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The event that names it.
        seq: u64,
        /// Why.
        error: io::Error,
    },
}

impl RunDirectory {
    /// Copies a file into the run's directory and brings it to disk; the same file is kept once.
    ///
    /// # Errors
    /// When it is no file, or cannot be read or written.
    pub fn keep_artifact(&self, source: &Path) -> io::Result<Artifact> {
        if !fs::metadata(source)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let directory = self.path().join("artifacts");
        fs::create_dir_all(&directory)?;
        // Copied while it is read: what is kept is what was digested, also of a file that still grows.
        let written = directory.join(format!(".{}", std::process::id()));
        let (sha256, bytes) = copy(&mut File::open(source)?, &mut File::create(&written)?)?;
        let name = format!("{}-{}", &sha256[..12], tame(source));
        fs::rename(&written, directory.join(&name))?;
        File::open(&directory)?.sync_all()?;
        Ok(Artifact { path: format!("artifacts/{name}"), sha256, bytes })
    }

    /// Reads every file again that these events name; gives how many there are.
    ///
    /// # Errors
    /// The first that is not what was handed in.
    pub fn verify_artifacts(&self, events: &[Event]) -> Result<usize, ArtifactError> {
        let mut count = 0;
        for event in events {
            let EventKind::PersonAnswered(answer) = &event.kind else { continue };
            let Some(Artifact { path, sha256, .. }) = &answer.file else { continue };
            let (path, seq) = (path.clone(), event.seq);
            let read =
                File::open(self.path().join(&path)).and_then(|mut file| copy(&mut file, &mut io::sink()));
            match read {
                Ok((found, _)) if found == *sha256 => count += 1,
                Ok((found, _)) => {
                    return Err(ArtifactError::Changed { path, seq, sha256: sha256.clone(), found });
                }
                Err(error) => return Err(ArtifactError::Unreadable { path, seq, error }),
            }
        }
        Ok(count)
    }
}

/// Somewhere bytes go, and can be made sure to be.
trait Sink: Write {
    fn settle(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn settle(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Sink for io::Sink {
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Copies to the end; gives the SHA-256 and the number of bytes.
fn copy(from: &mut File, to: &mut impl Sink) -> io::Result<(String, u64)> {
    let (mut digest, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            count => {
                to.write_all(&buffer[..count])?;
                digest.update(&buffer[..count]);
                bytes += count as u64;
            }
        }
    }
    to.settle()?;
    Ok((chain::hex(&digest.finalize()), bytes))
}

/// The file's own name, in letters that are harmless in a path and in a report.
fn tame(source: &Path) -> String {
    let name = source.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tame =
        |letter: char| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' };
    name.chars().map(tame).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::id::RunId;

    #[test]
    fn a_file_is_kept_once_under_a_harmless_name() {
        let home = tempfile::tempdir().unwrap();
        let directory = RunDirectory::of(home.path(), &RunId::new("k3v7qa2mxyz4567b"));
        directory.create().unwrap();
        let source = home.path().join("screen shot|1.txt");
        fs::write(&source, "proof").unwrap();
        let kept = directory.keep_artifact(&source).unwrap();
        assert_eq!(kept.bytes, 5);
        assert!(kept.path.ends_with("-screen_shot_1.txt"), "{}", kept.path);
        assert_eq!(directory.keep_artifact(&source).unwrap(), kept);
        assert_eq!(fs::read(directory.path().join(&kept.path)).unwrap(), b"proof");
        assert_eq!(fs::read_dir(directory.path().join("artifacts")).unwrap().count(), 1);
        assert!(directory.keep_artifact(home.path()).is_err());
    }
}
