//! Runs the program as a user would.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A fresh home directory and the program in it.
pub(crate) struct Program {
    pub(crate) home: TempDir,
}

/// What the program said and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { home: TempDir::new().expect("a temporary directory") }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lifeboat"));
        command
            .env_clear()
            .env("LIFEBOAT_HOME", self.home.path())
            .env("HOME", self.home.path())
            .current_dir(root())
            .args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let Output { status, stdout, stderr } = self.command(arguments).output().expect("the program starts");
        Said {
            code: status.code().unwrap_or(-1),
            stdout: String::from_utf8(stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(stderr).expect("UTF-8 on stderr"),
        }
    }

    /// Runs it and reads the JSON document it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.run(arguments);
        let document = serde_json::from_str(&said.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?} printed no JSON ({error}):\n{}\n{}", said.stdout, said.stderr)
        });
        (said.code, document)
    }

    /// The files of a run.
    pub(crate) fn file(&self, run: &str, name: &str) -> PathBuf {
        self.home.path().join("runs").join(run).join(name)
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
