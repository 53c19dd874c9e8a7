//! DeleteDBInstance.

use chrono::TimeDelta;

use crate::bench::{Bench, SOURCE, field, fields, time};

const SKIP: (&str, &str) = ("SkipFinalSnapshot", "true");

fn with_copy(retention: &str) -> Bench {
    let bench = Bench::new();
    bench.restore("copy", &[("BackupRetentionPeriod", retention)]);
    bench.states_until("copy", "available");
    bench
}

#[test]
fn a_copy_is_deleting_and_then_gone() {
    let bench = with_copy("0");
    let body = bench.good("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), SKIP]);
    assert_eq!(field(&body, "DBInstanceStatus"), "deleting");
    let again = bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), SKIP]);
    assert_eq!((again.0, again.1.as_str()), (400, "InvalidDBInstanceState"));
    bench.advance(900);
    assert_eq!(
        bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).1,
        "DBInstanceNotFound"
    );
    assert_eq!(
        bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), SKIP]).1,
        "DBInstanceNotFound"
    );
    let events = bench.good("DescribeEvents", &[("SourceType", "db-instance"), ("SourceIdentifier", "copy")]);
    assert!(fields(&events, "Message").contains(&"DB instance deleted".to_owned()));
}

#[test]
fn a_protected_instance_is_not_deleted() {
    let bench = Bench::new();
    let refusal = bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", SOURCE), SKIP]);
    let message = "Cannot delete protected DB Instance, please disable deletion protection and try again.";
    assert_eq!(refusal, (400, "InvalidParameterCombination".into(), message.into()));
    assert_eq!(bench.status(SOURCE), "available");
}

#[test]
fn what_becomes_of_the_last_state_must_be_said() {
    let bench = with_copy("0");
    let neither = bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", "copy")]);
    assert_eq!(neither.2, "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.");
    bench.restore("young", &[]);
    let creating = bench.refusal("DeleteDBInstance", &[("DBInstanceIdentifier", "young"), SKIP]);
    assert_eq!(creating.1, "InvalidDBInstanceState");
    let both = [("DBInstanceIdentifier", "copy"), SKIP, ("FinalDBSnapshotIdentifier", "last")];
    assert_eq!(bench.refusal("DeleteDBInstance", &both).1, "InvalidParameterCombination");
}

#[test]
fn a_final_snapshot_is_taken_before_the_instance_goes() {
    let bench = with_copy("0");
    bench
        .good("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), ("FinalDBSnapshotIdentifier", "Last")]);
    let status = || field(&bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", "last")]), "Status");
    assert_eq!(status(), "creating");
    bench.advance(3600);
    assert_eq!(status(), "available");
    assert_eq!(
        bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).1,
        "DBInstanceNotFound"
    );
    bench.restore("copy", &[("BackupRetentionPeriod", "0")]);
    bench.states_until("copy", "available");
    let again = [("DBInstanceIdentifier", "copy"), ("FinalDBSnapshotIdentifier", "last")];
    assert_eq!(bench.refusal("DeleteDBInstance", &again).1, "DBSnapshotAlreadyExists");
}

#[test]
fn retained_backups_outlive_the_instance_and_can_be_restored() {
    let bench = with_copy("5");
    bench.advance(1200);
    let id = field(&bench.describe("copy"), "DbiResourceId");
    let latest = field(&bench.describe("copy"), "LatestRestorableTime");
    let params = [("DBInstanceIdentifier", "copy"), SKIP, ("DeleteAutomatedBackups", "false")];
    bench.good("DeleteDBInstance", &params);
    bench.advance(3600);
    let body = bench.good("DescribeDBInstanceAutomatedBackups", &[("DbiResourceId", &id)]);
    assert_eq!((field(&body, "Status").as_str(), field(&body, "LatestTime")), ("retained", latest));
    assert!(time(&field(&body, "LatestTime")) < bench.now() - TimeDelta::minutes(59));
    let arn = field(&body, "DBInstanceAutomatedBackupsArn");
    let restore = [
        ("SourceDBInstanceAutomatedBackupsArn", arn.as_str()),
        ("TargetDBInstanceIdentifier", "again"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(
        field(&bench.good("RestoreDBInstanceToPointInTime", &restore), "DBInstanceStatus"),
        "creating"
    );
}

#[test]
fn backups_are_deleted_with_the_instance_unless_asked_otherwise() {
    let bench = with_copy("5");
    let id = field(&bench.describe("copy"), "DbiResourceId");
    bench.good("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), SKIP]);
    bench.advance(3600);
    let refusal = bench.refusal("DescribeDBInstanceAutomatedBackups", &[("DbiResourceId", &id)]);
    assert_eq!(refusal.1, "DBInstanceAutomatedBackupNotFound");
}
