//! What the documents say is true: their runbooks are checked, the generated pages are fresh, the schema accepts what
//! is shipped and rejects what is wrong.

use crate::program::{Program, root};
use lifeboat_runbook::node::{Node, NodeKind, parse};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A block of YAML in a page.
struct Block {
    /// What stands behind the fence: `yaml`, `yaml fragment`, `yaml since=7`.
    fence: String,
    text: String,
    place: String,
}

fn blocks() -> Vec<Block> {
    let mut pages: Vec<PathBuf> = files(&root().join("docs"), "md");
    pages.push(root().join("README.md"));
    let mut blocks = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(fence)) => {
                    let place = format!("{}:{}", page.display(), number + 1);
                    open = Some(Block { fence: fence.trim().to_owned(), text: String::new(), place });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
    }
    blocks.retain(|block| block.fence.starts_with("yaml"));
    blocks
}

pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn every_runbook_in_the_documents_is_checked() {
    let program = Program::new();
    let (mut whole, mut later) = (0, 0);
    for Block { fence, text, place } in blocks() {
        let file = program.home.path().join("block.yaml");
        let file = file.to_str().unwrap();
        fs::write(file, text).unwrap();
        match fence.as_str() {
            "yaml" => {
                let said = program.run(&["check", file]);
                assert_eq!(said.code, 0, "{place}:\n{}", said.stdout);
                whole += 1;
            }
            "yaml fragment" => {}
            "yaml project" => {
                let file = program.home.path().join("lifeboat.yaml");
                fs::write(&file, fs::read(program.home.path().join("block.yaml")).unwrap()).unwrap();
                let said = program.run(&["check", file.to_str().unwrap()]);
                assert_eq!(said.code, 0, "{place}:\n{}", said.stdout);
                // It would belong to the blocks that follow.
                fs::remove_file(&file).unwrap();
            }
            since if since.starts_with("yaml since=") => {
                assert_eq!(program.run(&["check", file]).code, 0, "{place}");
                let said = program.run(&["drill", file, "--simulate"]);
                assert_eq!(said.code, 7, "{place}: {}", said.stderr);
                assert!(said.stderr.contains("but does not execute it yet"), "{place}: {}", said.stderr);
                later += 1;
            }
            other => panic!("{place}: the fence `{other}` says not whether it is checked"),
        }
    }
    assert!(whole >= 3 && later >= 1, "{whole} whole runbooks, {later} of later versions");
}

#[test]
fn every_shipped_runbook_checks_without_a_word() {
    let program = Program::new();
    for file in shipped() {
        let said = program.run(&["check", file.to_str().unwrap()]);
        assert_eq!(said.code, 0);
        assert!(said.stdout.contains("0 errors, 0 warnings"), "{}", said.stdout);
    }
}

fn shipped() -> Vec<PathBuf> {
    let shipped: Vec<_> = ["runbooks", "playbooks"]
        .iter()
        .map(|folder| root().join(folder))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| files(&folder, "yaml"))
        .filter(|file| !file.parent().is_some_and(|folder| folder.ends_with("answers")))
        .collect();
    assert!(!shipped.is_empty());
    shipped
}

/// YAML as JSON, by the core schema: what an editor's validator sees.
fn json(node: &Node) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(json).collect(),
        NodeKind::Map(fields) => {
            Value::Object(fields.iter().map(|field| (field.key.clone(), json(&field.value))).collect())
        }
        NodeKind::Scalar(scalar) if scalar.quoted => scalar.text.clone().into(),
        NodeKind::Scalar(scalar) => match scalar.text.as_str() {
            "" | "~" | "null" => Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            text => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => text.into(),
            },
        },
    }
}

fn document(file: &Path) -> Option<Value> {
    let mut diagnostics = Vec::new();
    let root = parse(&fs::read_to_string(file).unwrap(), &mut diagnostics);
    root.filter(|_| diagnostics.is_empty()).map(|root| json(&root))
}

#[test]
fn the_schema_accepts_what_is_shipped_and_rejects_what_is_wrong() {
    let (code, schema) = Program::new().json(&["schema"]);
    assert_eq!(code, 0);
    let validator = jsonschema::validator_for(&schema).expect("a valid JSON Schema");
    let good = files(&root().join("crates/runbook/tests/good"), "yaml");
    for file in shipped() {
        let document = document(&file).expect("YAML");
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
    assert!(!good.is_empty());
    let bad = files(&root().join("crates/runbook/tests/bad"), "yaml");
    let rejected = bad
        .iter()
        .filter(|file| document(file).is_some_and(|document| !validator.is_valid(&document)))
        .count();
    assert!(rejected >= 10, "only {rejected} of {} wrong runbooks are rejected", bad.len());
}

#[test]
fn the_generated_pages_are_fresh() {
    let catalog = lifeboat_runbook::spec::Catalog::new(
        lifeboat_aws::catalog().into_iter().chain(lifeboat_probe::catalog()),
    );
    assert_fresh("keys.md", &lifeboat_runbook::keys::reference_page());
    assert_fresh("actions.md", &lifeboat_runbook::keys::actions_page(&catalog));
}

/// A page of `docs/reference` is as it is generated. `UPDATE=1` writes it anew.
pub(crate) fn assert_fresh(name: &str, page: &str) {
    #[expect(clippy::disallowed_methods, reason = "how a developer renews the pages")]
    let update = std::env::var("UPDATE").is_ok();
    let path = root().join("docs/reference").join(name);
    if update {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, page).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "{name} is stale; run UPDATE=1 scripts/test generated_pages");
}
