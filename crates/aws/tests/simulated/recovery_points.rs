//! `backup.latest_recovery_point` and `backup.put_validation_result`.

use crate::bench::{Bench, reply_lost};
use lifeboat_engine::action::{ActionError, Observation, Stage};
use lifeboat_runbook::units::parse_time;
use lifeboat_runbook::value::Value;
use lifeboat_sim::WorldDefinition;

const ORDERS: &str = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";

fn time(text: &str) -> Value {
    parse_time(text).expect("a time").into()
}

async fn latest(bench: &Bench, with: &[(&str, Value)]) -> Result<Observation, ActionError> {
    let step = bench.step("backup.latest_recovery_point", with);
    step.action.observe(&step.cx).await
}

fn created(found: Result<Observation, ActionError>) -> Value {
    match found {
        Ok(Observation::Ready(outputs)) => outputs["data_time"].clone(),
        other => panic!("not ready: {other:?}"),
    }
}

/// A world in which the newest recovery point of `Default` was changed.
fn with_newest(change: impl Fn(&mut lifeboat_sim::definition::RecoveryPointDefinition)) -> Bench {
    Bench::with(Vec::new(), |definition: &mut WorldDefinition| {
        let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
        let vault = region.backup_vaults.iter_mut().find(|vault| vault.name == "Default").expect("the vault");
        vault.recovery_points.last_mut().into_iter().for_each(&change);
    })
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_a_resource_or_a_vault_is_found() {
    let bench = Bench::new(Vec::new());
    let newest = time("2026-01-05T05:01:47Z");
    for with in [
        vec![("resource", ORDERS.into())],
        vec![("vault", "Default".into())],
        vec![("vault", "Default".into()), ("resource", ORDERS.into())],
    ] {
        assert_eq!(created(latest(&bench, &with).await), newest, "{with:?}");
    }
    let before = [("resource", ORDERS.into()), ("before", time("2026-01-05T05:00:00Z"))];
    assert_eq!(created(latest(&bench, &before).await), time("2026-01-04T05:02:11Z"));
    let locked = [("vault", "locked".into())];
    assert_eq!(created(latest(&bench, &locked).await), time("2026-01-01T05:03:20Z"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_restored_now_is_passed_over_and_named() {
    for (bench, why) in [
        (with_newest(|point| point.cold = true), "it is in cold storage"),
        (with_newest(|point| point.malware = true), "a scan found malware in it"),
    ] {
        let found = latest(&bench, &[("vault", "Default".into())]).await;
        let Ok(Observation::Ready(outputs)) = &found else { panic!("{found:?}") };
        let Value::List(passed_over) = &outputs["passed_over"] else { panic!("{outputs:?}") };
        assert!(matches!(passed_over.as_slice(), [one] if one.to_string().ends_with(why)), "{passed_over:?}");
        assert_eq!(created(found), time("2026-01-04T05:02:11Z"));
    }
}

#[tokio::test(start_paused = true)]
async fn none_too_old_and_no_question_are_told_apart() {
    let bench = Bench::new(Vec::new());
    let nobody = "arn:aws:rds:eu-west-1:111122223333:db:nobody";
    let hour = chrono::TimeDelta::hours(1);
    for (with, code) in [
        (vec![("resource", nobody.into())], "absent"),
        (vec![("resource", ORDERS.into()), ("max_age", hour.into())], "assert"),
        (vec![], "parameter"),
        (vec![("vault", "absent".into())], "ResourceNotFoundException"),
    ] {
        let error = latest(&bench, &with).await.expect_err("no recovery point");
        assert_eq!(error.code, code, "{with:?}: {}", error.message);
    }
    let young = [("resource", ORDERS.into()), ("max_age", chrono::TimeDelta::hours(5).into())];
    assert!(latest(&bench, &young).await.is_ok());
}

/// A restore job that was started by somebody and is done.
async fn restore_job(bench: &Bench) -> String {
    let found = latest(bench, &[("vault", "Default".into())]).await;
    let Ok(Observation::Ready(outputs)) = found else { panic!("{found:?}") };
    let job = bench.start_restore_job(outputs["recovery_point"].as_str().expect("an ARN"), "somebodys-copy");
    bench.pass(4 * 3600);
    job
}

#[tokio::test(start_paused = true)]
async fn a_verdict_is_given_once_and_again() {
    let bench = Bench::new(Vec::new());
    let job = restore_job(&bench).await;
    let with =
        [("restore_job", job.as_str().into()), ("status", "SUCCESSFUL".into()), ("message", "read".into())];
    let mut step = bench.step("backup.put_validation_result", &with);
    assert_eq!(step.look().await, Observation::Absent);
    step.begin().await;
    step.act(Stage::first()).await.expect("the same again");
    let outputs = step.ready().await;
    assert_eq!((&outputs["accepted"], &outputs["status"]), (&Value::Bool(true), &"SUCCESSFUL".into()));
}

#[tokio::test(start_paused = true)]
async fn a_verdict_whose_reply_is_lost_is_seen() {
    let bench = Bench::new(vec![reply_lost("backup", "PutRestoreValidationResult")]);
    let job = restore_job(&bench).await;
    let with = [("restore_job", job.as_str().into()), ("status", "FAILED".into())];
    let mut step = bench.step("backup.put_validation_result", &with);
    step.begin_without_reply().await;
    assert_eq!(step.ready().await["status"], "FAILED".into());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_no_verdict_is_a_note() {
    let bench = Bench::new(vec![crate::bench::fault(
        "backup",
        "PutRestoreValidationResult",
        lifeboat_sim::fault::FaultKind::Error {
            code: "InvalidRequestException".into(),
            status: 400,
            message: "the job is none of restore testing".into(),
        },
    )]);
    let job = restore_job(&bench).await;
    let with = [("restore_job", job.as_str().into()), ("status", "SUCCESSFUL".into())];
    let mut step = bench.step("backup.put_validation_result", &with);
    step.begin().await;
    let outputs = step.ready().await;
    assert_eq!((&outputs["accepted"], &outputs["status"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(step.notes().len(), 1);
}
