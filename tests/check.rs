//! `lifeboat check` and what helps an author: forms of output, the schema, the actions, the shell.

use crate::program::{Program, root};
use std::fs;

const BAD: &str = "crates/runbook/tests/bad/many-ten.yaml";

#[test]
fn the_four_forms_say_the_same() {
    let program = Program::new();
    let human = program.run(&["check", BAD]);
    assert_eq!(human.code, 2);
    assert!(human.stdout.contains("--> crates/runbook/tests/bad/many-ten.yaml:4:1"), "{}", human.stdout);
    assert!(human.stdout.contains("10 errors, 0 warnings"), "{}", human.stdout);
    assert!(!human.stdout.contains('\u{1b}'), "no colour without a terminal");

    let (code, json) = program.json(&["check", BAD, "--format", "json"]);
    assert_eq!((code, json.as_array().map(Vec::len)), (2, Some(10)));
    let (_, sarif) = program.json(&["check", BAD, "--format", "sarif"]);
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(10));
    let github = program.run(&["check", BAD, "--format", "github"]).stdout;
    assert_eq!(github.lines().count(), 10);
    let first = &json[0];
    let expected = format!(
        "::error file={BAD},line={},endLine={},col={},endColumn={},title={}::",
        first["start"]["line"],
        first["end"]["line"],
        first["start"]["column"],
        first["end"]["column"],
        first["code"].as_str().unwrap()
    );
    assert!(github.starts_with(&expected), "{github}");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&place["startLine"], &place["startColumn"]),
        (&first["start"]["line"], &first["start"]["column"])
    );
    assert!(program.run(&["check", BAD, "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn what_is_no_runbook_is_told_so() {
    let program = Program::new();
    let path = program.home.path().join("x.yaml");
    let file = path.to_str().unwrap();
    for (bytes, expected) in [
        (vec![], "the file holds no runbook"),
        (vec![b'a', 0xff, 0xfe], "not UTF-8"),
        (vec![b'a'; 5 << 20], "too large"),
        ("[".repeat(100_000).into_bytes(), "deeper"),
    ] {
        fs::write(&path, bytes).unwrap();
        let said = program.run(&["check", file]);
        assert_eq!(said.code, 2, "{expected}");
        assert!(
            said.stdout.contains(expected) || said.stdout.contains("this is not YAML"),
            "{expected}: {}",
            said.stdout
        );
    }
    let absent = program.run(&["check", "nowhere.yaml"]);
    assert_eq!(absent.code, 2);
    assert!(absent.stderr.contains("cannot read nowhere.yaml"), "{}", absent.stderr);
}

#[test]
fn a_runbook_with_mistakes_starts_nothing() {
    let program = Program::new();
    let said = program.run(&["drill", BAD, "--simulate"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("nothing was touched"), "{}", said.stderr);
    assert!(!program.home.path().join("runs").exists());
}

#[test]
fn sub_runbooks_are_checked_where_they_lie() {
    let program = Program::new();
    let folder = program.home.path();
    fs::create_dir_all(folder.join("parts")).unwrap();
    let head = "schema: lifeboat/v1\nkind: runbook\n";
    let sub = format!(
        "{head}name: part\ninputs:\n  source: {{ type: string, required: true }}\nsteps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: {{ source: \"${{{{ inputs.source }}}}\", time: latst }}\noutputs: {{ endpoint: \"${{{{ steps.restore.outputs.endpoint }}}}\" }}\n"
    );
    fs::write(folder.join("parts/part.yaml"), sub).unwrap();
    let whole = format!(
        "{head}name: whole\nsteps:\n  - id: part\n    runbook: parts/part.yaml\n    with: {{ source: orders-prod }}\n"
    );
    fs::write(folder.join("whole.yaml"), whole).unwrap();
    let mut command = program.command(&["check", "whole.yaml", "--format", "json"]);
    let output = command.current_dir(folder).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found:#}");
    assert_eq!((&found[0]["file"], &found[0]["start"]["line"]), (&"parts/part.yaml".into(), &9.into()));
}

#[test]
fn actions_are_listed_and_explained() {
    let program = Program::new();
    let (_, actions) = program.json(&["actions", "--output", "json"]);
    let names: Vec<&str> =
        actions.as_array().unwrap().iter().map(|action| action["name"].as_str().unwrap()).collect();
    for name in [
        "postgres.query",
        "rds.delete_instance",
        "rds.describe_instance",
        "rds.restore_to_point_in_time",
        "sts.identity",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
        assert_eq!(program.run(&["actions", name]).code, 0);
    }
    for key in
        ["name", "summary", "effect", "params", "outputs", "readiness", "failure_states", "permissions"]
    {
        assert!(actions[0].get(key).is_some(), "{key}");
    }
    let wrong = program.run(&["actions", "rds.restore_to_point_in_tme"]);
    assert!(
        wrong.code == 2 && wrong.stderr.contains("did you mean `rds.restore_to_point_in_time`?"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn the_shell_and_the_manual_know_the_commands() {
    let program = Program::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = program.run(&["completions", shell]).stdout;
        assert!(script.contains("verify") && script.contains("drill"), "{shell}");
    }
    assert!(program.run(&["man"]).stdout.contains("Exit codes"));
    let help = program.run(&["--help"]).stdout;
    for word in
        ["check", "drill", "run", "resume", "runs", "show", "verify", "report", "--simulate", "Exit codes"]
    {
        assert!(help.contains(word), "{word}:\n{help}");
    }
}

#[test]
fn every_rooms_page_is_where_the_architecture_says() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    for room in ["runbook", "journal", "engine", "aws", "probe", "sim", "report", "cli"] {
        assert!(root().join("crates").join(room).is_dir() && page.contains(&format!("`{room}`")), "{room}");
    }
}
