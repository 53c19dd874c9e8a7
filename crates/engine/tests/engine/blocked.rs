//! What is missing through no fault of the step: it waits, and uses up nothing.

use crate::bench::Bench;
use crate::plans::{plan, step};
use crate::world::MAKE;
use async_trait::async_trait;
use chrono::TimeDelta;
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::driver::Identity;
use lifeboat_engine::start::Caller;
use lifeboat_journal::event::{BlockedOn, EventKind, PauseReason};
use lifeboat_journal::measure::measure;
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::Target;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{MarkMoment, Mode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A thing whose making takes 300 s and may take 310 s.
fn one_thing(mode: Mode) -> Bench {
    let mut first = step("first", &MAKE, &[]);
    first.timeout = Some(TimeDelta::seconds(310));
    first.marks = BTreeMap::from([(MarkMoment::Succeeded, MarkName::new("copy_verified"))]);
    Bench { mode, ..Bench::new(plan(vec![first])) }
}

/// Every call is answered so between these seconds of the run.
fn down(bench: &Bench, from: i64, to: i64, kind: ErrorKind) {
    let now = bench.clock.now();
    let at = |second| now + TimeDelta::seconds(second);
    bench.world.lock().unwrap().down = Some((at(from), at(to), kind, "not_there"));
}

fn blocked_s(state: &RunState) -> f64 {
    let blocks = state.step(&StepPath::new("first")).blocks;
    blocks.iter().map(|block| block.from.seconds_to(&block.to.unwrap())).sum()
}

#[tokio::test(start_paused = true)]
async fn a_blocked_step_waits_and_its_time_does_not_run() {
    for (kind, on) in [
        (ErrorKind::BlockedOnCredentials, BlockedOn::Credentials),
        (ErrorKind::BlockedOnPermission, BlockedOn::Permission),
        (ErrorKind::BlockedOnControlPlane, BlockedOn::ControlPlane),
    ] {
        // While it is being made; and before it could be asked for.
        for (from, to) in [(60, 900), (0, 840)] {
            let bench = one_thing(Mode::Drill);
            down(&bench, from, to, kind);
            let state = bench.run().await.unwrap();
            let told = format!("{on:?} {from}");
            assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed, "{told}");
            let first = state.step(&StepPath::new("first"));
            assert_eq!((first.attempts_failed, bench.made().len(), first.blocks[0].on), (0, 1, on), "{told}");
            let blocked = blocked_s(&state);
            // An outage counts once a few tries have shown that it is one.
            assert!((800.0..=870.0).contains(&blocked), "{told}: {blocked}");
            let parts = measure(&state, &[]).recovery_time.parts_s;
            let (shown, other) = match on {
                BlockedOn::ControlPlane => (parts.control_plane, parts.blocked),
                _ => (parts.blocked, parts.control_plane),
            };
            assert_eq!((shown, other), (blocked, 0.0), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_lost_reply_is_no_outage() {
    let bench = one_thing(Mode::Drill);
    down(&bench, 60, 62, ErrorKind::BlockedOnControlPlane);
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
    assert!(state.step(&StepPath::new("first")).blocks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn blocked_for_too_long_pauses_the_run_and_resuming_goes_on() {
    let bench = one_thing(Mode::Recovery);
    down(&bench, 60, 20_000, ErrorKind::BlockedOnPermission);
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.unwrap().because, PauseReason::Blocked);
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.unwrap().because, PauseReason::Blocked, "it is still missing");
    bench.clock.sleep(Duration::from_secs(20_000)).await;
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.unwrap().verdict, Verdict::Passed);
    assert_eq!(bench.made().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_undo_names_what_is_left_and_can_be_taken_up_again() {
    let bench = one_thing(Mode::Drill);
    down(&bench, 302, 20_000, ErrorKind::BlockedOnPermission);
    let outcome = bench.run().await.unwrap().outcome.unwrap();
    assert_eq!((outcome.exit_code(), outcome.left_behind.len()), (6, 1));
    bench.clock.sleep(Duration::from_secs(20_000)).await;
    let outcome = bench.ask(EventKind::CleanupAsked { by: "bob".into() }).await.outcome.unwrap();
    assert_eq!((outcome.exit_code(), bench.left()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_of_a_blocked_step() {
    for (mode, code) in [(Mode::Drill, Some(6)), (Mode::Recovery, None)] {
        let bench = one_thing(mode);
        down(&bench, 60, 1_000_000, ErrorKind::BlockedOnCredentials);
        let state = bench.run_until(Some(Duration::from_secs(600))).await.unwrap();
        assert_eq!(state.outcome.map(|outcome| outcome.exit_code()), code, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_blocked_does_not_hold() {
    let mut bench = one_thing(Mode::Drill);
    bench.plan.preflight = vec![step("preflight:thing", &crate::world::DELETE, &[("thing", "x".into())])];
    bench.plan.preflight[0].effect = Some(lifeboat_runbook::spec::Effect::Read);
    down(&bench, 0, 1_000, ErrorKind::BlockedOnPermission);
    let outcome = bench.run().await.unwrap().outcome.unwrap();
    assert_eq!((outcome.exit_code(), bench.made().len()), (7, 0));
}

/// Credentials that come back as those of another account, and later as the right ones.
struct Changing(Mutex<Vec<&'static str>>);

#[async_trait]
impl Identity for Changing {
    async fn caller(&self, _: &Target) -> Result<Caller, ActionError> {
        let mut accounts = self.0.lock().unwrap();
        let account = if accounts.len() > 1 { accounts.remove(0) } else { accounts[0] };
        Ok(Caller { account: account.to_owned(), arn: String::new(), before: None })
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_account_are_not_used() {
    let mut bench = one_thing(Mode::Drill);
    down(&bench, 60, 100, ErrorKind::BlockedOnCredentials);
    let accounts = vec!["999999999999", "999999999999", "111122223333"];
    bench.outside.identity = Arc::new(Changing(Mutex::new(accounts)));
    let state = bench.run().await.unwrap();
    assert_eq!(state.outcome.as_ref().unwrap().verdict, Verdict::Passed);
    let blocks = state.step(&StepPath::new("first")).blocks;
    let codes: Vec<&str> = blocks.iter().map(|block| block.error.code.as_str()).collect();
    assert_eq!(codes, ["not_there", "wrong_account"]);
    assert_eq!(blocked_s(&state), 90.0, "the wrong account is waited out too");
}
