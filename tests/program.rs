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

    /// Runs it, and wants it to succeed; what it printed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.stderr);
        said
    }

    /// Runs it, and wants it to refuse the words with this in what it says.
    pub(crate) fn refused(&self, arguments: &[&str], with: &str) {
        let said = self.run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(with), "{arguments:?}: {}", said.stderr);
    }

    /// The id of a simulated drill of the restore to a point in time, which passes.
    pub(crate) fn drilled(&self, seed: &str) -> String {
        let runbook = "runbooks/rds-point-in-time-restore.yaml";
        let said = ["drill", runbook, "--simulate", "--seed", seed, "--output", "json", "--quiet"];
        let (code, document) = self.json(&said);
        assert_eq!(code, 0, "{document}");
        document["run"].as_str().expect("a run").to_owned()
    }

    /// The id of the only run, or of the one that was started last.
    pub(crate) fn latest(&self) -> String {
        let (_, document) = self.json(&["show", "latest", "--output", "json"]);
        document["run"].as_str().expect("a run").to_owned()
    }

    /// How often the simulated AWS accepted an operation in a run.
    pub(crate) fn accepted(&self, run: &str, operation: &str) -> usize {
        let world = std::fs::read_to_string(self.file(run, "world.jsonl")).expect("the world's record");
        let entries = world.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        entries.filter(|entry| entry["operation"] == operation && entry["effect"] == true).count()
    }

    /// The files of a run.
    pub(crate) fn file(&self, run: &str, name: &str) -> PathBuf {
        self.home.path().join("runs").join(run).join(name)
    }
}

/// Files for a test, outside the home directory of any run.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    /// Writes a file and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    }

    /// The path of a file in it, whether it is there or not.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The default world with everything taking a tenth of its time, so that there is less to look at.
    pub(crate) fn quick_world(&self, change: impl FnOnce(&mut Value)) -> String {
        let path = root().join("crates/sim/worlds/default.json");
        let mut world: Value = serde_json::from_slice(&std::fs::read(path).expect("a world")).expect("JSON");
        world["name"] = "quick".into();
        world["durations"] = serde_json::json!({
            "rds restore creating": 60, "rds restore modifying": 10, "rds delete": 20,
        });
        change(&mut world);
        self.write("world.json", &world.to_string())
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
