//! Snapshots: taken, copied, restored from, deleted.

use lifeboat_sim::fault::{Fault, FaultKind, When};

use crate::bench::{Bench, SOURCE, field, fields, request, time, world};

const TAKE: [(&str, &str); 2] =
    [("DBInstanceIdentifier", SOURCE), ("DBSnapshotIdentifier", "Before-Migration")];
const NAME: &str = "before-migration";

fn state(bench: &Bench, name: &str) -> String {
    field(&bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", name)]), "Status")
}

/// A bench on which the snapshot is available.
fn with_snapshot() -> Bench {
    let bench = Bench::new();
    bench.good("CreateDBSnapshot", &TAKE);
    bench.advance(900);
    assert_eq!(state(&bench, NAME), "available");
    bench
}

#[test]
fn a_snapshot_is_taken_while_its_instance_is_backing_up() {
    let bench = Bench::new();
    let asked = bench.now();
    let body = bench.good("CreateDBSnapshot", &TAKE);
    assert_eq!(
        (field(&body, "Status").as_str(), field(&body, "DBSnapshotIdentifier").as_str()),
        ("creating", NAME)
    );
    assert!(!body.contains("SnapshotCreateTime"), "no time before it is complete: {body}");
    bench.advance(1);
    assert_eq!(bench.status(SOURCE), "backing-up");
    let other = [("DBInstanceIdentifier", SOURCE), ("DBSnapshotIdentifier", "second")];
    assert_eq!(bench.refusal("CreateDBSnapshot", &other).1, "InvalidDBInstanceState");
    bench.states_until(SOURCE, "available");
    let body = bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", NAME)]);
    assert_eq!(field(&body, "PercentProgress"), "100");
    let written = time(&field(&body, "SnapshotDatabaseTime"));
    assert!(
        written <= asked && (asked - written).num_seconds() < 45,
        "the last row before the cut: {written}"
    );
    assert_eq!(time(&field(&body, "SnapshotCreateTime")), asked);
    bench.advance(60);
    let events = bench.good("DescribeEvents", &[("SourceType", "db-snapshot"), ("SourceIdentifier", NAME)]);
    assert_eq!(fields(&events, "Message"), ["Creating manual snapshot", "Manual snapshot created"]);
    assert_eq!(bench.refusal("CreateDBSnapshot", &TAKE).1, "DBSnapshotAlreadyExists");
}

#[test]
fn a_snapshot_is_restored_with_the_defaults_of_rds_and_its_own_data() {
    let bench = with_snapshot();
    let restore =
        [("DBSnapshotIdentifier", NAME), ("DBInstanceIdentifier", "copy"), ("MaxAllocatedStorage", "900")];
    bench.good("RestoreDBInstanceFromDBSnapshot", &restore);
    assert_eq!(bench.refusal("RestoreDBInstanceFromDBSnapshot", &restore).1, "DBInstanceAlreadyExists");
    bench.states_until("copy", "available");
    let body = bench.describe("copy");
    assert_eq!(field(&body, "VpcSecurityGroupId"), "sg-0default", "RDS's trap");
    assert!(!body.contains("MaxAllocatedStorage"), "no parameter of this operation");
    let host = field(&body, "Address");
    let rows = bench.simulator.query(
        &host,
        "orders",
        "any",
        "",
        "select max(beat_at) as newest from heartbeat",
        &[],
    );
    let newest = format!("{:?}", rows.expect("the copy answers").rows);
    assert!(newest.contains("2026-01-05T09:00:00.000Z"), "{newest}");
    let absent = [("DBSnapshotIdentifier", "nothing"), ("DBInstanceIdentifier", "other")];
    assert_eq!(bench.refusal("RestoreDBInstanceFromDBSnapshot", &absent).1, "DBSnapshotNotFound");
}

#[test]
fn what_is_not_complete_is_not_restored_copied_or_deleted() {
    let bench = Bench::new();
    bench.good("CreateDBSnapshot", &TAKE);
    let restore = [("DBSnapshotIdentifier", NAME), ("DBInstanceIdentifier", "copy")];
    assert_eq!(bench.refusal("RestoreDBInstanceFromDBSnapshot", &restore).1, "InvalidDBSnapshotState");
    let copy = [("SourceDBSnapshotIdentifier", NAME), ("TargetDBSnapshotIdentifier", "twin")];
    assert_eq!(bench.refusal("CopyDBSnapshot", &copy).1, "InvalidDBSnapshotState");
    assert_eq!(
        bench.refusal("DeleteDBSnapshot", &[("DBSnapshotIdentifier", NAME)]).1,
        "InvalidDBSnapshotState"
    );
}

#[test]
fn a_copy_keeps_the_time_of_its_data() {
    let bench = with_snapshot();
    let original = bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", NAME)]);
    let copy =
        [("SourceDBSnapshotIdentifier", NAME), ("TargetDBSnapshotIdentifier", "twin"), ("CopyTags", "true")];
    bench.good("CopyDBSnapshot", &copy);
    bench.advance(900);
    let twin = bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", "twin")]);
    for name in ["SnapshotDatabaseTime", "OriginalSnapshotCreateTime"] {
        assert_eq!(field(&twin, name), field(&original, name));
    }
    assert_ne!(field(&twin, "SnapshotCreateTime"), field(&original, "SnapshotCreateTime"));
    assert!(field(&twin, "SourceDBSnapshotIdentifier").ends_with(":snapshot:before-migration"));
}

#[test]
fn another_region_wants_the_arn_and_a_key_of_its_own() {
    let bench = with_snapshot();
    let arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:before-migration";
    let copy = |source: &str, key: &str| {
        let form = [
            ("Action", "CopyDBSnapshot"),
            ("Version", "2014-10-31"),
            ("SourceDBSnapshotIdentifier", source),
            ("TargetDBSnapshotIdentifier", "twin"),
            ("KmsKeyId", key),
        ];
        let mut request = request("rds", "AKIAEXAMPLE", &form);
        request.headers.values_mut().for_each(|header| *header = header.replace("eu-west-1", "eu-central-1"));
        bench.answer(&request).body
    };
    assert_eq!(field(&copy(NAME, ""), "Code"), "DBSnapshotNotFound");
    assert_eq!(field(&copy(arn, ""), "Code"), "KMSKeyNotAccessibleFault");
    let elsewhere = "arn:aws:kms:eu-west-1:111122223333:key/1";
    assert_eq!(field(&copy(arn, elsewhere), "Code"), "KMSKeyNotAccessibleFault");
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1";
    let good = copy(arn, key);
    assert_eq!((field(&good, "KmsKeyId").as_str(), field(&good, "Status").as_str()), (key, "creating"));
}

#[test]
fn a_snapshot_is_deleted_once_and_an_automated_one_never() {
    let bench = with_snapshot();
    assert_eq!(
        field(&bench.good("DeleteDBSnapshot", &[("DBSnapshotIdentifier", NAME)]), "Status"),
        "deleting"
    );
    bench.advance(60);
    assert_eq!(bench.refusal("DeleteDBSnapshot", &[("DBSnapshotIdentifier", NAME)]).1, "DBSnapshotNotFound");
    let automated = [("DBSnapshotIdentifier", "rds:orders-prod-2026-01-05-02-07")];
    assert_eq!(bench.refusal("DeleteDBSnapshot", &automated).1, "InvalidDBSnapshotState");
    let colon = [("DBInstanceIdentifier", SOURCE), ("DBSnapshotIdentifier", "rds:mine")];
    assert_eq!(bench.refusal("CreateDBSnapshot", &colon).1, "InvalidParameterValue");
}

#[test]
fn a_snapshot_can_fail_and_then_be_deleted() {
    let mut definition = world();
    let kind = FaultKind::FinalState("failed".into());
    let (service, operation) = ("rds".into(), "CreateDBSnapshot".into());
    definition.faults.push(Fault { service, operation, when: When::Calls(vec![1]), kind });
    let bench = Bench::of(definition, 7);
    bench.good("CreateDBSnapshot", &TAKE);
    bench.advance(900);
    assert_eq!(state(&bench, NAME), "failed");
    bench.good("DeleteDBSnapshot", &[("DBSnapshotIdentifier", NAME)]);
}
