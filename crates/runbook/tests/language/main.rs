//! Runbooks that are wrong, each with exactly what is said of it, and runbooks that are right.
//!
//! After a change of words: `UPDATE=1 cargo test -p lifeboat-runbook --test language`, and read the difference.

mod catalog;

use lifeboat_runbook::check::{Checked, Files, MOST_DIAGNOSTICS, check, check_project, source_from_bytes};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::project::FILE_NAME;
use lifeboat_runbook::render::{Color, render};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct Beside(PathBuf);

impl Files for Beside {
    fn read(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(name)).map_err(|_| "there is no such file".to_owned())
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn runbooks(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn checked(path: &Path) -> Checked {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let source = source_from_bytes(&name, fs::read(path).unwrap()).unwrap();
    check(source, &catalog::catalog(), &Beside(path.parent().unwrap().to_owned()), None)
}

fn said(checked: &Checked) -> String {
    checked
        .diagnostics
        .iter()
        .map(|found| render(found, &checked.sources, Color::Never))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    let files = runbooks(&folder("bad"));
    assert!(files.len() >= 65, "only {} bad runbooks", files.len());
    #[expect(clippy::disallowed_methods, reason = "how a developer renews the expectations")]
    let update = std::env::var("UPDATE").is_ok();
    let mut wrong = Vec::new();
    for file in files {
        let checked = checked(&file);
        let said = said(&checked);
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(!checked.diagnostics.is_empty(), "{name}: nothing was found");
        for found in &checked.diagnostics {
            assert!(found.help.is_some(), "{name}: {} does not say what to do", found.message);
            assert!(found.range.end <= checked.sources[found.source].text.len(), "{name}: {found:?}");
        }
        let expected = file.with_extension("txt");
        if update {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong.push(format!("{name}:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

#[test]
fn one_mistake_gives_one_diagnostic_and_ten_give_ten() {
    for file in runbooks(&folder("bad")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let found = checked(&file).diagnostics.len();
        match name.as_str() {
            "many-ten" => assert_eq!(found, 10),
            _ if name.starts_with("many-") => assert!(found >= 3, "{name}: {found}"),
            _ => assert_eq!(found, 1, "{name}: {}", said(&checked(&file))),
        }
    }
}

#[test]
fn every_expectation_has_its_runbook() {
    let stems = |extension: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder("bad")).unwrap().map(|entry| entry.unwrap().path());
        let with = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
        with.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(stems("yaml"), stems("txt"));
}

#[test]
fn what_is_right_is_not_complained_of() {
    let files = runbooks(&folder("good"));
    assert!(!files.is_empty());
    for file in files {
        let checked = checked(&file);
        assert!(
            checked.diagnostics.is_empty() && checked.plan.is_some(),
            "{}:\n{}",
            file.display(),
            said(&checked)
        );
    }
}

#[test]
fn a_stale_review_is_a_warning_on_the_day_it_is_stale() {
    let text = fs::read_to_string(folder("good").join("everything.yaml")).unwrap();
    assert!(text.contains("last: 2026-11-01, every: 90d"));
    for (today, warned) in [((2027, 1, 30), false), ((2027, 1, 31), true)] {
        let today = chrono::NaiveDate::from_ymd_opt(today.0, today.1, today.2);
        let source = Source { name: "everything.yaml".into(), text: text.clone() };
        let checked = check(source, &catalog::catalog(), &Beside(folder("good")), today);
        let codes: Vec<_> = checked.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, if warned { vec!["review-due"] } else { vec![] }, "{today:?}");
        assert!(checked.plan.is_some());
    }
}

/// What no version executes yet is named before a run starts; nothing in the good runbooks is.
#[test]
fn what_is_not_executed_yet_is_named() {
    let named = |plan: Plan| -> BTreeSet<String> {
        plan.not_yet.into_iter().map(|not_yet| not_yet.feature).collect()
    };
    for file in runbooks(&folder("good")) {
        assert_eq!(named(checked(&file).plan.unwrap()), BTreeSet::new(), "{}", file.display());
    }
    let text = "schema: lifeboat/v1\nkind: runbook\nname: behind\nsteps:\n  - id: one\n    \
        action: postgres.query\n    via: { ssm: i-0123456789abcdef0 }\n    \
        with: { host: orders.internal, database: orders, user: readonly, sql: select 1 }\n";
    let source = Source { name: "behind.yaml".into(), text: text.to_owned() };
    let plan = check(source, &catalog::catalog(), &Beside(folder("good")), None).plan.unwrap();
    assert_eq!(named(plan), BTreeSet::from(["`via`".to_owned()]));
}

#[test]
fn hostile_files_end_soon() {
    let steps = (0..10_000).map(|number| format!("  - {{ id: s{number}, pause: 1s }}\n")).collect::<String>();
    let head = "schema: lifeboat/v1\nkind: runbook\nname: large\nsteps:\n";
    let source = |text: String| Source { name: "hostile.yaml".into(), text };
    let nowhere = Beside(PathBuf::from("/nonexistent"));
    let large = check(source(format!("{head}{steps}")), &catalog::catalog(), &nowhere, None);
    assert_eq!(large.plan.map(|plan| plan.steps.len()), Some(10_000));
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        format!("{head}  - id: a\n    with: {}", "[".repeat(100_000)),
        (0..60)
            .fold("a: &a [1]\n".to_owned(), |text, number| format!("{text}b{number}: &b{number} [*a, *a]\n")),
        "\u{0}\u{1}\u{feff}".repeat(1000),
    ] {
        let checked = check(source(text), &catalog::catalog(), &nowhere, None);
        assert!(checked.plan.is_none() && !checked.diagnostics.is_empty());
    }
    let bomb =
        (0..20_000).fold("a: &a [1]\n".to_owned(), |text, number| format!("{text}b{number}: [*a, *a]\n"));
    let found = check(source(bomb), &catalog::catalog(), &nowhere, None).diagnostics;
    assert_eq!(found.len(), MOST_DIAGNOSTICS + 1);
    assert_eq!(found.last().map(|last| last.code), Some("many-mistakes"));
    assert_eq!(source_from_bytes("a", vec![b'a', 0xff]).unwrap_err().code, "not-utf8");
    assert_eq!(source_from_bytes("a", vec![b'a'; 5_000_000]).unwrap_err().code, "too-large");
}

fn project(name: &str) -> Checked {
    let text = fs::read(folder("project").join(name)).unwrap();
    check_project(source_from_bytes(FILE_NAME, text).unwrap(), &catalog::catalog())
}

#[test]
fn a_project_file_is_read_with_the_same_care() {
    assert_eq!(said(&project("good.yaml")), "");
    let said = said(&project("bad.yaml"));
    for words in [
        "did you mean `account`?",
        "did you mean `drill`?",
        "`in the north` cannot name a target",
        "an account id must be quoted",
        "unknown key `name` in a named target",
        "did you mean `people`?",
        "`arn` is a map",
        "secrets.slak",
        "lifeboat.yaml:3:11",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
}

/// A runbook beside a `lifeboat.yaml`.
struct WithProject(&'static str);

impl Files for WithProject {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no such file".to_owned())
    }

    fn project(&self) -> Option<Result<Source, String>> {
        let text = fs::read_to_string(folder("project").join(self.0)).map_err(|error| error.to_string());
        Some(text.map(|text| Source { name: format!("../{FILE_NAME}"), text }))
    }
}

#[test]
fn the_project_file_is_one_of_the_sources_of_a_plan_and_its_mistakes_are_those_of_the_runbook() {
    let text = "schema: lifeboat/v1\nkind: runbook\nname: a\nsteps:\n  - { id: wait, pause: 5m }\n";
    let source = || Source { name: "a.yaml".to_owned(), text: text.to_owned() };
    let checked = check(source(), &catalog::catalog(), &WithProject("good.yaml"), None);
    let plan = checked.plan.expect("it is right");
    let names: Vec<&str> = plan.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["a.yaml", "../lifeboat.yaml"]);
    let project = plan.project.expect("it was found");
    assert_eq!(project.people["bob"].arns.len(), 2);
    assert_eq!(project.targets["test"].profile.as_deref(), Some("test"));
    let checked = check(source(), &catalog::catalog(), &WithProject("bad.yaml"), None);
    assert!(checked.plan.is_none() && checked.diagnostics.iter().all(|found| found.source == 1));
}
