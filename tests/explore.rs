//! Exploration: whatever goes wrong, the invariants hold; and each of them is seen to fail where Lifeboat itself is wrong.
//! `scripts/explore` does the same many thousand times.

use crate::playbooks;
use crate::program::{Desk, Program, root};
use crate::runbooks::SHIPPED;
use lifeboat_cli::explore::{Invariant, Profile, Subject, Tamper, Trial, explore, run, systematic};
use lifeboat_runbook::plan::Mode;
use std::collections::BTreeSet;
use std::fs;

/// Every shipped runbook and playbook, each in its world.
fn all() -> Vec<(String, Subject)> {
    let runbooks = SHIPPED.iter().map(|(name, world)| (format!("runbooks/{name}.yaml"), *world));
    let playbooks = playbooks::SHIPPED.iter().map(|(name, world)| (format!("playbooks/{name}.yaml"), *world));
    let read = |(file, world): (String, &str)| {
        let subject = Subject::read(&root().join(&file), world).expect("it can be run").quick();
        (format!("{file}@{world}"), subject)
    };
    runbooks.chain(playbooks).map(read).collect()
}

/// A shipped runbook in a world where everything takes a tenth of its time, so that there is less to look at.
fn subject(name: &str) -> Subject {
    let (_, world) = SHIPPED.iter().find(|(shipped, _)| *shipped == name).expect("a shipped runbook");
    Subject::read(&root().join(format!("runbooks/{name}.yaml")), world).expect("it can be run").quick()
}

const PITR: &str = "rds-point-in-time-restore";
/// So many runs, and every so many-th of those that go through everything in turn: about three minutes.
const RUNS: usize = 12;
const EVERY: usize = 23;

#[test]
fn whatever_goes_wrong_all_that_is_shipped_keeps_its_promises() {
    let subjects = all();
    let tally = explore(&subjects, RUNS * subjects.len(), 1, EVERY, None, |_| {});
    println!("{tally}");
    assert_eq!(tally.runs, RUNS * subjects.len());
    assert!(tally.violations.is_empty(), "{tally}");
}

#[test]
fn a_trial_is_the_run_that_the_program_makes_of_the_same_faults() {
    let file = root().join(format!("runbooks/{PITR}.yaml"));
    let subject = Subject::read(&file, "default").expect("it can be run");
    let desk = Desk::new();
    for (faults, code) in [
        (r#"{ "steps": [{ "step": "newest", "attempts": [1], "does": "fails" }] }"#, 1),
        (
            r#"{ "faults": [{ "service": "*", "operation": "*", "when": { "changes": [1] }, "kind": "reply_lost" }] }"#,
            0,
        ),
    ] {
        let trial = Trial::quiet(4, Mode::Drill).with_faults(faults).expect("faults");
        let explored = run(&subject, &trial);
        assert!(explored.violations.is_empty(), "{:?}", explored.violations);
        let program = Program::new();
        let (file, faults) = (file.display().to_string(), desk.write("faults.json", faults));
        let words = ["drill", &file, "--simulate", "--seed", "4", "--faults", &faults, "--quiet"];
        assert_eq!(program.run(&words).code, code);
        let journal = fs::read(program.file(&program.latest(), "journal.jsonl")).expect("a journal");
        assert!(journal == explored.journal, "the program's journal is another one");
    }
}

#[test]
fn everything_in_turn_is_everything() {
    let subject = subject(PITR);
    let report = run(&subject, &Trial::quiet(1, Mode::Drill));
    let profile = Profile::from(&report);
    assert!(profile.syncs >= 10 && profile.changes >= 2, "{profile:?}");
    let trials = systematic(&subject, profile, 1);
    let files: BTreeSet<String> = trials.iter().map(Trial::faults_file).collect();
    assert_eq!(files.len(), trials.len(), "each is another one");
    for expected in ["torn", "before", "after", "reply_lost", "throttle", "credentials_gone", "fails_after"] {
        assert!(files.iter().any(|file| file.contains(expected)), "{expected}");
    }
    let kills = files.iter().filter(|file| file.contains("\"kill\"")).count();
    assert_eq!(kills, profile.syncs as usize * 3);
}

#[test]
fn each_invariant_fails_where_lifeboat_is_wrong() {
    let none = "{}";
    let fails = r#"{ "steps": [{ "step": "newest", "does": "fails" }] }"#;
    let stays = r#"{ "steps": [{ "step": "restore", "does": "undo_fails" }] }"#;
    let dies = r#"{ "kill": { "at_sync": 8, "moment": "after" } }"#;
    let mut seen = BTreeSet::new();
    for (tamper, name, faults, invariant) in [
        (Tamper::LosesJournalLine, PITR, none, Invariant::Chain),
        (Tamper::ForgetsEvent, PITR, none, Invariant::Fold),
        (Tamper::RepeatsMutations, PITR, none, Invariant::Once),
        (Tamper::SharesResources, "backup-restore-rds", none, Invariant::Apart),
        (Tamper::SkipsUndo, PITR, none, Invariant::Left),
        (Tamper::LiesInLeftBehind, PITR, stays, Invariant::Left),
        (Tamper::LiesInExitCode, PITR, fails, Invariant::ExitCode),
        (Tamper::LiesInFigures, PITR, none, Invariant::Figures),
        (Tamper::ChangesStranger, PITR, none, Invariant::Untouched),
        (Tamper::LosesWorldLine, PITR, dies, Invariant::Rebuilt),
        (Tamper::TellsSecret, PITR, none, Invariant::Secret),
        (Tamper::NeverEnds, PITR, none, Invariant::Ends),
    ] {
        let subject = subject(name);
        let trial = Trial::quiet(1, Mode::Drill).with_faults(faults).expect("faults");
        let honest = run(&subject, &trial);
        assert!(honest.violations.is_empty(), "{tamper:?}: {:?}", honest.violations);
        let report = run(&subject, &trial.with(tamper));
        let found = report.violations.iter().any(|violation| violation.invariant == invariant);
        assert!(found, "{tamper:?} is not found by {invariant:?}: {:?}", report.violations);
        seen.insert(invariant);
    }
    assert_eq!(seen, BTreeSet::from(Invariant::ALL));
}
