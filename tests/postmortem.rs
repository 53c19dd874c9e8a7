//! The post-mortem: Lifeboat's parts and people's words in one document.

use crate::program::{Desk, Program};
use serde_json::Value;
use std::fs;

/// An incident with a run and a note that tells the story.
fn incident(program: &Program) -> String {
    let open = [
        "incident",
        "open",
        "orders cannot be reached",
        "--severity",
        "sev2",
        "--since",
        "2026-01-05T08:55Z",
    ];
    let id = program.done(&open).stdout.trim().to_owned();
    let run = program.drilled("1");
    program.done(&["incident", "attach", &id, &run]);
    program.done(&["incident", "mark", &id, "detected", "--at", "2026-01-05T08:58Z"]);
    program.done(&[
        "incident",
        "note",
        &id,
        "a | b <script>alert(1)</script>",
        "--pin",
        "--at",
        "2026-01-05T09:10Z",
    ]);
    id
}

#[test]
fn people_write_in_it_and_it_is_made_anew_around_their_words() {
    let (program, files) = (Program::new(), Desk::new());
    let id = incident(&program);
    let path = files.path("review.md");
    program.done(&["postmortem", &id, "--file", &path]);
    let check = program.run(&["postmortem", &id, "--file", &path, "--check"]);
    assert_eq!(check.code, 1);
    let first = check.stdout.lines().next().unwrap();
    let (line, _) = first.strip_prefix(&format!("{path}:")).and_then(|rest| rest.split_once(':')).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().contains("TODO(human)"), "{first}");

    let written = text.replace("Users: TODO(human)", "Users: forty shops").replace("TODO(human)", "Said.");
    fs::write(&path, written).unwrap();
    program.done(&["incident", "mark", &id, "mitigated", "--at", "2026-01-05T09:25Z"]);
    let stale = program.run(&["postmortem", &id, "--file", &path, "--check"]);
    assert_eq!(
        (stale.code, stale.stdout.contains("the records have grown since")),
        (1, true),
        "{}",
        stale.stdout
    );
    program.done(&["postmortem", &id, "--file", &path]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("Users: forty shops") && text.contains("| time to mitigate | 30 min |"), "{text}");
    assert_eq!(program.run(&["postmortem", &id, "--file", &path, "--check"]).code, 0);
}

#[test]
fn a_review_goes_on_when_everything_is_written_and_closes_when_everything_is_done() {
    let (program, files) = (Program::new(), Desk::new());
    let id = incident(&program);
    let path = files.path("review.md");
    program.done(&["postmortem", &id, "--file", &path]);
    let review = |to: &str| program.run(&["postmortem", &id, "--file", &path, "--review", to]);
    assert_eq!(review("in-review").code, 0);
    let early = review("reviewed");
    assert_eq!((early.code, early.stderr.contains("people must write this")), (1, true), "{}", early.stderr);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("TODO(human)", "Said.")).unwrap();
    program.done(&["item", "add", &id, "alarm on lag", "--type", "detect"]);
    let unowned = review("reviewed");
    assert!(unowned.stderr.contains("A1: it has no owner"), "{}", unowned.stderr);
    program.done(&["item", "change", "A1", "--owner", "bob", "--due", "2999-01-01"]);
    assert_eq!(review("reviewed").code, 0);
    assert!(fs::read_to_string(&path).unwrap().contains("| review | reviewed |"));
    let open = review("closed");
    assert_eq!((open.code, open.stderr.contains("A1 are open")), (1, true), "{}", open.stderr);
    program.done(&["item", "close", "A1", "--link", "https://example.com/pull/7"]);
    assert_eq!(review("closed").code, 0);
    assert_eq!(program.json(&["incident", "show", &id, "--output", "json"]).1["review"]["status"], "closed");
}

#[test]
fn the_page_holds_peoples_words_and_pictures_and_nothing_that_acts() {
    let (program, files) = (Program::new(), Desk::new());
    let id = incident(&program);
    let path = files.path("review.md");
    program.done(&["postmortem", &id, "--file", &path]);
    let text = fs::read_to_string(&path).unwrap();
    let evil = "<script>alert(2)</script> <img src=x onerror=alert(3)> [link](javascript:alert(4)) ![p](http://x/y.png)";
    fs::write(&path, text.replacen("TODO(human)", evil, 1)).unwrap();
    let page = program.done(&["postmortem", &id, "--file", &path, "--format", "html"]).stdout;
    for active in ["<script", "<img", "href=\"javascript", "lifeboat:begin"] {
        assert!(!page.contains(active), "{active}: {page}");
    }
    assert!(page.contains("<svg") && page.contains("&lt;script&gt;alert(2)"), "{page}");
    let document: Value =
        serde_json::from_str(&program.done(&["postmortem", &id, "--file", &path, "--format", "json"]).stdout)
            .unwrap();
    assert_eq!(document["metrics"][0]["rows"], "#2, #5");
}
