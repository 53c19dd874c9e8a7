//! Journals of earlier releases are still understood, and mean the same.

use crate::program::{Program, root};
use serde_json::Value;
use std::fs;

#[test]
fn recorded_journals_fold_to_what_they_meant() {
    let folder = root().join("tests/journals");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        seen += 1;
        let journal = fs::read_to_string(&path).unwrap();
        let first: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
        let run = first["run"].as_str().unwrap();
        let program = Program::new();
        fs::create_dir_all(program.file(run, "")).unwrap();
        fs::write(program.file(run, "journal.jsonl"), &journal).unwrap();
        let verified = program.run(&["verify", run]);
        assert_eq!(verified.code, 0, "{}: {}", path.display(), verified.stderr);
        let (_, document) = program.json(&["show", run, "--output", "json"]);
        let meant = fs::read_to_string(path.with_extension("json")).unwrap();
        let meant: Value = serde_json::from_str(&meant).unwrap();
        assert_eq!(document, meant, "{}", path.display());
        assert_eq!(program.run(&["report", run]).code, 0, "{}", path.display());
    }
    assert!(seen >= 4, "{seen} recorded journals in {}", folder.display());
}
