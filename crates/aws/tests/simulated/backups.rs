//! `backup.start_backup`.

use crate::bench::{Bench, Try, fault, reply_lost};
use lifeboat_engine::action::{ErrorKind, Note, Observation, Stage};
use lifeboat_runbook::value::Value;
use lifeboat_sim::fault::FaultKind;

const ORDERS: &str = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";
const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";

fn step<'bench>(bench: &'bench Bench, vault: &str) -> Try<'bench> {
    let with = [("vault", vault.into()), ("resource", ORDERS.into()), ("role", ROLE.into())];
    bench.step("backup.start_backup", &with)
}

/// The ARNs of the recovery points that there are.
fn points(bench: &Bench) -> Vec<String> {
    let world = bench.simulator.world();
    let now = world.now;
    let region = bench.region();
    let there = region.backup.recovery_points.values();
    there.filter(|point| point.gone_at.is_none_or(|gone| gone > now)).map(|point| point.arn.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_made_and_deleted_again() {
    let bench = Bench::new(Vec::new());
    let before = points(&bench);
    let mut step = step(&bench, "Default");
    step.begin().await;
    let outputs = step.ready().await;
    let made = outputs["recovery_point"].as_str().expect("an ARN").to_owned();
    assert!(points(&bench).contains(&made) && !before.contains(&made));
    let tags = bench.region().backup.recovery_points[&made].tags.clone();
    assert_eq!(tags.get("lifeboat:run").map(String::as_str), Some("k3v7qa2mxyz4567b"));
    assert_eq!(step.cx.recorded.states_seen.first().map(String::as_str), Some("CREATED"));
    assert!(matches!(&step.notes()[0], Note::Created(made) if made.kind == "backup:job"));
    for _ in 0..2 {
        step.undo().await;
        assert_eq!(points(&bench), before);
    }
    assert_eq!(bench.mutations(), ["StartBackupJob", "DeleteRecoveryPoint"]);
}

#[tokio::test(start_paused = true)]
async fn asked_for_twice_and_after_a_lost_reply_it_is_the_same_job() {
    let bench = Bench::new(vec![reply_lost("backup", "StartBackupJob")]);
    let before = points(&bench).len();
    let mut step = step(&bench, "Default");
    step.begin_without_reply().await;
    // Its id is not known: the engine asks again with the same token.
    assert_eq!(step.look().await, Observation::Absent);
    step.act(Stage::first()).await.expect("the same job answers");
    step.act(Stage::first()).await.expect("and again");
    step.ready().await;
    assert_eq!(points(&bench).len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_reply_made_is_found_and_deleted() {
    let bench = Bench::new(vec![reply_lost("backup", "StartBackupJob")]);
    let before = points(&bench);
    let mut step = step(&bench, "Default");
    step.begin_without_reply().await;
    step.undo().await;
    assert_eq!(points(&bench), before);
    assert_eq!(bench.mutations(), ["StartBackupJob", "DeleteRecoveryPoint"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_badly_says_why_and_leaves_nothing() {
    for state in ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"] {
        let bench = Bench::new(vec![fault("backup", "StartBackupJob", FaultKind::FinalState(state.into()))]);
        let before = points(&bench);
        let mut step = step(&bench, "Default");
        step.begin().await;
        let ended = step.decided().await;
        assert!(
            matches!(&ended, Observation::Broken { state: ended, hint: Some(_) } if ended == state),
            "{ended:?}"
        );
        step.undo().await;
        assert_eq!(points(&bench), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_still_runs_is_deleted_when_it_is_done() {
    let bench = Bench::new(Vec::new());
    let before = points(&bench);
    let mut step = step(&bench, "Default");
    step.begin().await;
    step.undo().await;
    assert_eq!(points(&bench), before);
    assert_eq!(bench.mutations(), ["StartBackupJob", "DeleteRecoveryPoint"]);
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, "Default");
    step.prepare().await.expect("prepared");
    step.undo().await;
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_locked_vault_keeps_what_it_has() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench, "locked");
    step.begin().await;
    step.ready().await;
    let error = step.action.undo(&step.cx, &Stage::first()).await.expect_err("locked");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.hint.is_some_and(|hint| hint.contains("locked vault")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_backed_up_is_refused() {
    let bench = Bench::new(Vec::new());
    let mut absent = step(&bench, "no-such-vault");
    absent.prepare().await.expect("prepared");
    let error = absent.act(Stage::first()).await.expect_err("no vault");
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Refused, "ResourceNotFoundException"));
    let mut hasty = step(&bench, "Default");
    let half = Value::from(chrono::TimeDelta::minutes(30));
    hasty.cx.with.insert("start_window".to_owned(), half);
    assert_eq!(hasty.prepare().await.expect_err("too short").code, "parameter");
}
