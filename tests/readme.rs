//! The commands of the README and of the pages for newcomers, run as they stand there, in a fresh directory with the
//! shipped runbooks. A block marked `sh aws` needs an account and is not run.

use crate::program::{Program, root};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// The blocks of a page: the fence, and what stands between the fences.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let pieces: Vec<&str> = text.split("\n```").collect();
    // Fences open and close in turns.
    let inside = pieces.iter().skip(1).step_by(2);
    inside
        .filter_map(|block| block.split_once('\n'))
        .map(|(fence, text)| (fence.to_owned(), text.to_owned()))
        .collect()
}

/// Runs the shell blocks of a page one after the other, in one directory; gives how many commands were run.
fn follow(page: &str) -> usize {
    let program = Program::new();
    let desk = program.home.path().join("desk");
    fs::create_dir_all(desk.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_lifeboat"), desk.join("bin/lifeboat")).unwrap();
    for folder in ["runbooks", "playbooks"] {
        symlink(root().join(folder), desk.join(folder)).unwrap();
    }
    let mut run = 0;
    for (fence, text) in blocks(page) {
        match fence.as_str() {
            // Files that the page tells the reader to save.
            "yaml" => fs::write(desk.join("orders.yaml"), text).unwrap(),
            "yaml fragment" if text.starts_with("faults:") => {
                fs::write(desk.join("faults.yaml"), text).unwrap()
            }
            "sh" => {
                // These tests are what that command runs.
                let commands = text.replace("cargo run --", "lifeboat").replace("./scripts/test", "");
                run += commands.lines().filter(|line| !line.trim().is_empty()).count();
                let path = format!("{}:/usr/bin:/bin", desk.join("bin").display());
                let mut shell = Command::new("sh");
                shell.args(["-e", "-c", &commands]).current_dir(&desk).env_clear().env("PATH", path);
                let output = shell.env("LIFEBOAT_HOME", program.home.path()).output().expect("a shell");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{page}: {commands}: {}\n{said}", output.status);
            }
            _ => {}
        }
    }
    run
}

#[test]
fn the_commands_of_the_readme_work() {
    assert!(follow("README.md") >= 6);
}

#[test]
fn the_first_hour_works_as_far_as_it_needs_no_account() {
    assert!(follow("docs/first-hour.md") >= 7);
}

#[test]
fn the_first_runbook_can_be_written_as_its_page_says() {
    // The whole runbook stands before its commands.
    assert!(follow("docs/first-runbook.md") >= 3);
}

#[test]
fn an_incident_can_be_led_from_its_page() {
    assert!(follow("docs/incidents.md") >= 30);
}

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let program = Program::new();
    let said =
        program.run(&["drill", "runbooks/rds-point-in-time-restore.yaml", "--simulate", "--seed", "1", "-q"]);
    let shown = blocks("README.md").into_iter().find(|(fence, _)| fence == "text").expect("it is shown").1;
    for line in shown.lines().filter(|line| !line.starts_with("journal")) {
        assert!(said.stdout.contains(line), "the README shows `{line}`, and it is\n{}", said.stdout);
    }
}
