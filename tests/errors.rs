//! What a newcomer does wrong: each is told what, where, and what to do.

use crate::program::{Desk, Program};
use crate::runbooks::text;

const ASKS: &str = "\
schema: lifeboat/v1
kind: runbook
name: asks
target: { account: \"111122223333\", region: eu-west-1 }
steps:
  - id: go
    approve: { message: \"Go?\" }
";

/// A command line, the exit code, and what is said among other words.
type Row<'text> = (&'text [&'text str], i32, &'text [&'text str]);

fn all_say(program: &Program, rows: &[Row<'_>]) {
    for (arguments, code, words) in rows {
        let said = program.run(arguments);
        let heard = format!("{}{}", said.stdout, said.stderr);
        assert_eq!(said.code, *code, "{arguments:?}\n{heard}");
        for word in *words {
            assert!(heard.contains(word), "{arguments:?} does not say {word:?}:\n{heard}");
        }
        assert!(!heard.contains("os error 2)"), "{arguments:?} speaks of numbers:\n{heard}");
    }
}

#[test]
fn files_that_are_no_runbooks() {
    let (program, desk) = (Program::new(), Desk::new());
    let shipped = text("rds-point-in-time-restore");
    let key = desk.write("key.yaml", &shipped.replace("    retry:", "    retyr:"));
    let duration = desk.write("duration.yaml", &shipped.replace("timeout: 90m", "timeout: 90 minutes"));
    let tab = desk.write("tab.yaml", "schema: lifeboat/v1\nkind:\trunbook\n\tname: x\n");
    let empty = desk.write("empty.yaml", "");
    let large = desk.write("large.yaml", &format!("name: {}", "x".repeat(5_000_000)));
    let (missing, directory) = (desk.path("ky.yaml"), desk.path(""));
    all_say(
        &program,
        &[
            (&["check", &key], 2, &["key.yaml:", "unknown key `retyr`", "did you mean `retry`?"]),
            (&["check", &duration], 2, &["duration.yaml:", "is not a duration", "did you mean `90m`?"]),
            (&["check", &tab], 2, &["tab.yaml:2:", "YAML wants spaces"]),
            (&["check", &empty], 2, &["the file holds no runbook", "begin with `schema: lifeboat/v1`"]),
            (&["check", &large], 2, &["at most 4 MiB", "is it the right file?"]),
            (&["check", &missing], 2, &["there is no such file", "did you mean", "key.yaml"]),
            (&["check", &directory], 2, &["it is a directory", "/*.yaml"]),
            (&["drill", &key, "--simulate"], 2, &["unknown key `retyr`", "nothing was touched"]),
        ],
    );
}

#[test]
fn options_and_inputs() {
    let (program, desk) = (Program::new(), Desk::new());
    let book = "runbooks/rds-point-in-time-restore.yaml";
    let world = desk.write("world.json", "{");
    all_say(
        &program,
        &[
            (&["chek"], 2, &["unrecognized subcommand 'chek'", "'check'"]),
            (&["drill"], 2, &["<FILE>", "Usage: lifeboat drill <FILE>"]),
            (&["drill", book, "--sim"], 2, &["'--simulate'"]),
            (&["drill", book, "--simulate", "atlantis"], 2, &["there is no world \"atlantis\"", "multi-az"]),
            (&["drill", book, "--simulate", &world], 2, &["is not a world file", "docs/simulator.md"]),
            (&["drill", book, "--simulate", "-i", "sorce=x"], 2, &["`sorce`", "did you mean `source`?"]),
            (&["drill", book, "--simulate", "-i", "source"], 2, &["has no `=`", "-i name=value"]),
            (&["drill", book, "--simulate", "-i", "restore_to=yesterday"], 2, &["`yesterday`", "or latest"]),
            (&["run", book, "--disrupted-at", "noon"], 2, &["`noon` is not a time", "RFC 3339"]),
            (&["drill", book], 7, &["there are no AWS credentials", "--profile"]),
            (&["sim", "serve", "--listen", "nowhere"], 1, &["cannot listen on nowhere", "127.0.0.1:4580"]),
            (&["--home", book, "drill", book, "--simulate"], 2, &["cannot write", "LIFEBOAT_HOME"]),
        ],
    );
}

#[test]
fn runs_and_steps() {
    let (program, desk) = (Program::new(), Desk::new());
    all_say(&program, &[(&["show", "latest"], 2, &["there are no runs", "--home"])]);
    let asks = desk.write("asks.yaml", ASKS);
    assert_eq!(program.run(&["drill", &asks, "--simulate", "--seed", "1"]).code, 4);
    let run = program.latest();
    all_say(
        &program,
        &[
            (&["show", ""], 2, &["no run is named", "`latest`"]),
            (&["show", "zzz"], 2, &["there is no run `zzz`", "`lifeboat runs`"]),
            (&["answer", &run, "goo", "approve"], 2, &["asks nothing at `goo`", "it asks at: go"]),
            (&["answer", &run, "go", "aprove"], 2, &["did you mean `approve`?"]),
            (&["resume", &run, "--retry", "goo"], 2, &["no step `goo`", "did you mean `go`?"]),
            (&["resume", &run, "--skip", "go"], 2, &["--reason <TEXT>"]),
            (&["extend", &run, "go", "soon"], 2, &["`soon` is not a length of time", "2h"]),
            (&["extend", &run, "goo", "2h"], 2, &["no step `goo`"]),
            (&["extend", &run, "go", "2h"], 0, &["go has 2h more"]),
            (&["abort", &run], 5, &["skipped", "before anybody answered"]),
            (&["resume", &run], 7, &["is finished: aborted", "start a new one"]),
            (&["extend", &run, "go", "2h"], 7, &["is finished"]),
            (&["answer", &run, "go", "approve"], 2, &["it is over"]),
        ],
    );
    let said = program.run(&["show", &run]);
    assert!(!said.stdout.contains("asking"), "a run that is over asks nobody:\n{}", said.stdout);
    let journal = program.file(&run, "journal.jsonl");
    let touched = std::fs::read_to_string(&journal).expect("a journal").replacen("asks", "axks", 1);
    std::fs::write(&journal, touched).expect("it can be written");
    all_say(
        &program,
        &[
            (&["show", &run], 1, &["is broken: line 1", "lifeboat verify"]),
            (&["verify", &run], 1, &["journal.jsonl:1:"]),
        ],
    );
}
