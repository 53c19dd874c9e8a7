//! The crate graph is the architecture: an edge that is absent is a promise. The table here is that of
//! `docs/ARCHITECTURE.md`.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A room: what it may know of the other rooms, and which libraries it must do without.
struct Room {
    package: &'static str,
    may_know: &'static [&'static str],
    /// Names; a `*` at the end stands for any rest.
    does_without: &'static [&'static [&'static str]],
    /// Whether that holds for its tests too: they are the inner loop, which must stay light.
    inner_loop: bool,
}

const RUNTIME: &[&str] = &["tokio", "tokio-util", "async-std", "smol"];
const AWS: &[&str] = &["aws-*"];
const SDK: &[&str] = &["aws-sdk-*"];
const CREDENTIALS: &[&str] = &["aws-config"];
const NETWORK: &[&str] = &[
    "reqwest",
    "ureq",
    "hyper",
    "hyper-*",
    "sqlx",
    "sqlx-*",
    "tokio-postgres",
    "postgres",
    "redis",
    "hickory-*",
];
const STORE: &[&str] = &["rusqlite"];
const TEMPLATES: &[&str] = &["tera", "tera-*", "minijinja", "handlebars"];
const SCREEN: &[&str] = &["clap", "clap_*", "indicatif", "crossterm", "ratatui"];
const CHANCE: &[&str] = &["rand", "rand_*", "getrandom"];

const ROOMS: [Room; 8] = [
    Room {
        package: "lifeboat-runbook",
        may_know: &[],
        does_without: &[RUNTIME, AWS, NETWORK, STORE, TEMPLATES, SCREEN, CHANCE],
        inner_loop: true,
    },
    Room {
        package: "lifeboat-journal",
        may_know: &["lifeboat-runbook"],
        does_without: &[RUNTIME, AWS, NETWORK, STORE, TEMPLATES, SCREEN, CHANCE],
        inner_loop: true,
    },
    Room {
        package: "lifeboat-engine",
        may_know: &["lifeboat-runbook", "lifeboat-journal"],
        does_without: &[AWS, NETWORK, STORE, TEMPLATES, SCREEN, CHANCE],
        inner_loop: true,
    },
    Room {
        package: "lifeboat-report",
        // Of the language only what events are made of: ids, values, resources.
        may_know: &["lifeboat-runbook", "lifeboat-journal"],
        does_without: &[RUNTIME, AWS, NETWORK, STORE, SCREEN, CHANCE],
        inner_loop: true,
    },
    Room {
        package: "lifeboat-aws",
        may_know: &["lifeboat-runbook", "lifeboat-engine"],
        does_without: &[NETWORK, STORE, TEMPLATES, SCREEN, CHANCE],
        inner_loop: false,
    },
    Room {
        package: "lifeboat-probe",
        may_know: &["lifeboat-runbook", "lifeboat-engine"],
        does_without: &[AWS, STORE, TEMPLATES, SCREEN, CHANCE],
        inner_loop: false,
    },
    Room {
        package: "lifeboat-sim",
        may_know: &[],
        does_without: &[SDK, CREDENTIALS, TEMPLATES, SCREEN],
        inner_loop: false,
    },
    Room {
        package: "lifeboat",
        may_know: &[
            "lifeboat-runbook",
            "lifeboat-journal",
            "lifeboat-engine",
            "lifeboat-aws",
            "lifeboat-probe",
            "lifeboat-sim",
            "lifeboat-report",
        ],
        does_without: &[SDK, TEMPLATES],
        inner_loop: false,
    },
];

impl Room {
    fn does_without(&self, library: &str) -> bool {
        self.does_without.iter().flat_map(|list| list.iter()).any(|name| match name.strip_suffix('*') {
            Some(beginning) => library.starts_with(beginning),
            None => library == *name,
        })
    }

    /// What is wrong with one entry of `dependencies` in `cargo metadata`.
    fn problem(&self, dependency: &Value) -> Option<String> {
        let name = text(dependency, "name");
        if text(dependency, "kind") == "dev" && !self.inner_loop {
            return None;
        }
        let is_room = ROOMS.iter().any(|room| room.package == name);
        let known = !is_room || self.may_know.contains(&name);
        let problem = match (known, self.does_without(name)) {
            (false, _) => "may not know the room",
            (_, true) => "must do without",
            (true, false) => return None,
        };
        Some(format!("{} {problem} {name}", self.package))
    }
}

fn text<'value>(value: &'value Value, key: &str) -> &'value str {
    value[key].as_str().unwrap_or_default()
}

/// What the graph of `cargo metadata --no-deps` has that the table forbids.
fn forbidden_edges(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let of_package = |package: &Value| {
        let name = text(package, "name");
        let Some(room) = ROOMS.iter().find(|room| room.package == name) else {
            return vec![format!("{name} has no row in the table of rooms")];
        };
        let dependencies = package["dependencies"].as_array().expect("a package lists its dependencies");
        dependencies.iter().filter_map(|dependency| room.problem(dependency)).collect()
    };
    packages.iter().flat_map(of_package).collect()
}

/// The dependencies in a manifest that do not take their version from the workspace.
fn own_versions(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            if section.contains("dependencies.") {
                found.push(format!("[{section}]"));
            }
        } else if in_dependencies
            && !line.is_empty()
            && !line.starts_with('#')
            && !line.contains("workspace = true")
        {
            found.push(line.to_owned());
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn no_room_knows_what_it_must_not() {
    assert_eq!(forbidden_edges(&metadata()), Vec::<String>::new());
}

#[test]
fn every_room_of_the_table_is_there() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    for room in &ROOMS {
        assert!(packages.iter().any(|package| text(package, "name") == room.package), "{}", room.package);
    }
}

#[test]
fn every_version_stands_in_the_workspace() {
    for package in metadata()["packages"].as_array().expect("cargo metadata lists packages") {
        let path = text(package, "manifest_path");
        let manifest = fs::read_to_string(path).expect("a manifest can be read");
        assert_eq!(own_versions(&manifest), Vec::<String>::new(), "in {path}: write `name.workspace = true`");
    }
}

/// A package as `cargo metadata` prints it, with (kind, name) of what it depends on.
fn planted(package: &str, dependencies: &[(Option<&str>, &str)]) -> Value {
    let dependencies: Vec<Value> =
        dependencies.iter().map(|(kind, name)| json!({ "name": name, "kind": kind })).collect();
    json!({ "packages": [{ "name": package, "dependencies": dependencies }] })
}

#[test]
fn a_planted_edge_is_found() {
    for (package, kind, dependency, expected) in [
        ("lifeboat-report", None, "lifeboat-engine", "lifeboat-report may not know the room lifeboat-engine"),
        ("lifeboat-sim", None, "lifeboat-runbook", "lifeboat-sim may not know the room lifeboat-runbook"),
        ("lifeboat-journal", None, "tokio", "lifeboat-journal must do without tokio"),
        ("lifeboat-engine", None, "aws-sdk-rds", "lifeboat-engine must do without aws-sdk-rds"),
        ("lifeboat-engine", Some("dev"), "aws-config", "lifeboat-engine must do without aws-config"),
        ("lifeboat-probe", Some("build"), "aws-sdk-sts", "lifeboat-probe must do without aws-sdk-sts"),
        ("lifeboat", None, "aws-sdk-rds", "lifeboat must do without aws-sdk-rds"),
        ("lifeboat-utils", None, "serde", "lifeboat-utils has no row in the table of rooms"),
    ] {
        let found = forbidden_edges(&planted(package, &[(None, "serde"), (kind, dependency)]));
        assert_eq!(found, [expected]);
    }
}

#[test]
fn an_edge_of_the_table_is_no_problem() {
    for (package, dependencies) in [
        ("lifeboat-engine", vec![(None, "lifeboat-journal"), (None, "tokio"), (Some("dev"), "proptest")]),
        ("lifeboat-aws", vec![(None, "aws-sdk-rds"), (None, "lifeboat-engine")]),
        // A test beside the simulator may drive it with the real SDK.
        ("lifeboat-sim", vec![(None, "rusqlite"), (Some("dev"), "aws-sdk-rds")]),
    ] {
        assert_eq!(forbidden_edges(&planted(package, &dependencies)), Vec::<String>::new());
    }
}

#[test]
fn a_version_of_its_own_is_found() {
    let manifest = "[package]\nversion = \"1\"\n[dependencies]\n# why\nserde = \"1\"\nclap.workspace = true\n\
                    tokio = { workspace = true, features = [\"net\"] }\n[dev-dependencies.insta]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nnix = { version = \"0.30\" }\n[lints]\nworkspace = true\n";
    assert_eq!(
        own_versions(manifest),
        ["serde = \"1\"", "[dev-dependencies.insta]", "nix = { version = \"0.30\" }"]
    );
}
