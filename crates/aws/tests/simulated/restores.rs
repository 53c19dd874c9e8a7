//! `backup.start_restore`.

use crate::bench::{Bench, Try, fault, reply_lost};
use lifeboat_engine::action::{Note, Observation, Stage};
use lifeboat_runbook::value::Value;
use lifeboat_sim::fault::FaultKind;

const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";

async fn step(bench: &Bench) -> Try<'_> {
    let found = bench.step("backup.latest_recovery_point", &[("vault", "Default".into())]).ready().await;
    let with = [
        ("recovery_point", found["recovery_point"].clone()),
        ("vault", "Default".into()),
        ("role", ROLE.into()),
    ];
    bench.step("backup.start_restore", &with)
}

/// The instances that there are besides the source.
fn copies(bench: &Bench) -> Vec<String> {
    let region = bench.region();
    let names = region.instances.values().map(|instance| instance.identifier.clone());
    names.filter(|name| name != "orders-prod").collect()
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_beside_its_source_and_deleted_again() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench).await;
    step.begin().await;
    let outputs = step.ready().await;
    let name = outputs["instance"].to_string();
    assert_eq!(copies(&bench), [name.as_str()]);
    assert!(outputs["endpoint"].to_string().starts_with(&name), "{outputs:?}");
    let region = bench.region();
    let made = region.instance(&name).expect("the copy");
    assert_eq!(made.settings.subnet_group, "orders-private");
    assert_eq!(made.settings.security_groups, ["sg-0orders"]);
    assert_eq!(made.settings.parameter_group, "orders-pg16");
    assert!(!made.settings.deletion_protection);
    assert_eq!(made.settings.tags.get("lifeboat:run").map(String::as_str), Some("k3v7qa2mxyz4567b"));
    assert!(step.notes().iter().any(|note| matches!(note, Note::Created(made) if made.id == name)));
    for _ in 0..2 {
        step.undo().await;
        assert_eq!(copies(&bench), Vec::<String>::new());
    }
    assert_eq!(bench.mutations(), ["StartRestoreJob", "AddTagsToResource", "DeleteDBInstance"]);
}

#[tokio::test(start_paused = true)]
async fn asked_for_twice_and_after_a_lost_reply_it_is_the_same_job() {
    let bench = Bench::new(vec![reply_lost("backup", "StartRestoreJob")]);
    let mut step = step(&bench).await;
    step.begin_without_reply().await;
    assert_eq!(step.look().await, Observation::Absent);
    step.act(Stage::first()).await.expect("the same job answers");
    step.act(Stage::first()).await.expect("and again");
    step.ready().await;
    assert_eq!(copies(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_reply_made_is_found_and_deleted() {
    let bench = Bench::new(vec![reply_lost("backup", "StartRestoreJob")]);
    let mut step = step(&bench).await;
    step.begin_without_reply().await;
    step.undo().await;
    bench.pass(4 * 3600);
    assert_eq!(copies(&bench), Vec::<String>::new());
    // RDS refuses to delete what it still makes: it is asked until it does.
    let mut asked = bench.mutations();
    asked.dedup();
    assert_eq!(asked, ["StartRestoreJob", "DeleteDBInstance"]);
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_ends_badly_says_why_and_leaves_nothing() {
    for state in ["FAILED", "ABORTED", "incompatible-network"] {
        let bench = Bench::new(vec![fault("backup", "StartRestoreJob", FaultKind::FinalState(state.into()))]);
        let mut step = step(&bench).await;
        step.begin().await;
        let ended = step.decided().await;
        assert!(matches!(&ended, Observation::Broken { hint: Some(_), .. }), "{state}: {ended:?}");
        step.undo().await;
        assert_eq!(copies(&bench), Vec::<String>::new(), "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_got_anywhere_is_taken_back_without_a_call() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench).await;
    step.prepare().await.expect("prepared");
    step.undo().await;
    assert_eq!(bench.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_words_of_the_runbook_come_last() {
    let bench = Bench::new(Vec::new());
    let mut step = step(&bench).await;
    let metadata = Value::Map([("dbInstanceClass".to_owned(), "db.r7g.large".into())].into());
    step.cx.with.insert("metadata".to_owned(), metadata);
    step.cx.with.insert("instance".to_owned(), "Orders-Copy".into());
    step.begin().await;
    let outputs = step.ready().await;
    assert_eq!((&outputs["instance"], &outputs["class"]), (&"orders-copy".into(), &"db.r7g.large".into()));
}
