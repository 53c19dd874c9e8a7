//! Programs on this machine.

use lifeboat_engine::clock::Clock;
use lifeboat_probe::real::Programs;
use lifeboat_probe::spawn::{Finished, MOST_PRINTED, Spawn, SpawnError, SpawnRequest};
use lifeboat_runbook::value::Secret;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

fn request(program: &str, args: &[&str]) -> SpawnRequest {
    SpawnRequest {
        program: program.into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: BTreeMap::new(),
        stdin: None,
        timeout: Duration::from_secs(60),
    }
}

async fn run(request: &SpawnRequest) -> Result<Finished, SpawnError> {
    Programs::new(Clock::real()).run(request).await
}

#[tokio::test]
async fn arguments_are_arguments_and_not_a_line_for_a_shell() {
    let finished = run(&request("printf", &["%s|", "$HOME", "*", "a b; false"])).await.unwrap();
    let stdout = "$HOME|*|a b; false|".to_owned();
    assert_eq!(finished, Finished { status: 0, stdout, ..Finished::default() });
}

#[tokio::test]
async fn it_reads_and_writes_and_ends_as_it_likes() {
    let script = "cat; printf %s \"$GREETING\" >&2; exit 3";
    let env = BTreeMap::from([("GREETING".to_owned(), Secret::new("GREETING", "hello"))]);
    let stdin = Some(Secret::new("stdin", "what it reads"));
    let finished = run(&SpawnRequest { env, stdin, ..request("sh", &["-c", script]) }).await.unwrap();
    let expected =
        Finished { status: 3, stdout: "what it reads".into(), stderr: "hello".into(), assumed: false };
    assert_eq!(finished, expected);
    assert_eq!(run(&request("cat", &[])).await.unwrap().stdout, "");
    assert_eq!(run(&request("sh", &["-c", "kill -9 $$"])).await.unwrap().status, 128 + 9);
}

#[tokio::test]
async fn of_much_that_is_printed_the_beginning_is_kept() {
    let script = format!("head -c {} /dev/zero | tr '\\0' x; echo end >&2", MOST_PRINTED + 70_000);
    let finished = run(&request("sh", &["-c", &script])).await.unwrap();
    assert_eq!((finished.stdout.len(), finished.stderr.as_str()), (MOST_PRINTED, "end\n"));
}

#[tokio::test]
async fn what_is_not_there_is_not_started() {
    let error = run(&request("/no/such/program", &[])).await.unwrap_err();
    assert!(matches!(error, SpawnError::NotStarted { .. }), "{error}");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_what_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let child = directory.path().join("child");
    let script = format!("sleep 1000 & echo $! >{0}.new; mv {0}.new {0}; wait", child.display());
    // Long enough for the shell to have started its child, which is awaited below in any case.
    let patient = SpawnRequest { timeout: Duration::from_secs(2), ..request("sh", &["-c", &script]) };
    let error = run(&patient).await.unwrap_err();
    assert!(matches!(error, SpawnError::TooLong { .. }), "{error}");
    let child = fs::read_to_string(&child).expect("the child's id");
    while is_running(child.trim()) {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn what_it_leaves_running_does_not_hold_it_up() {
    let finished = run(&request("sh", &["-c", "sleep 1000 & echo started"])).await.unwrap();
    assert_eq!((finished.status, finished.stdout.as_str()), (0, "started\n"));
}

/// Whether a process is there and not merely waiting to be told of.
fn is_running(id: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with(['Z', 'X']))
}
