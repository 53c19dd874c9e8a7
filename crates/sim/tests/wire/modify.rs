//! ModifyDBInstance.

use crate::bench::{Bench, SOURCE, field, fields};

const NOW: (&str, &str) = ("ApplyImmediately", "true");

#[test]
fn deletion_protection_changes_at_once() {
    let bench = Bench::new();
    let params = [("DBInstanceIdentifier", SOURCE), ("DeletionProtection", "false")];
    let body = bench.good("ModifyDBInstance", &params);
    assert_eq!(
        (field(&body, "DeletionProtection").as_str(), field(&body, "DBInstanceStatus").as_str()),
        ("false", "available")
    );
    assert_eq!(field(&bench.describe(SOURCE), "PendingModifiedValues"), "");
}

#[test]
fn a_class_change_is_quiet_first_then_modifying_then_done() {
    let bench = Bench::new();
    let params = [("DBInstanceIdentifier", SOURCE), ("DBInstanceClass", "db.m7g.large"), NOW];
    let body = bench.good("ModifyDBInstance", &params);
    assert_eq!(field(&body, "DBInstanceStatus"), "available");
    assert_eq!(field(&body, "PendingModifiedValues"), "<DBInstanceClass>db.m7g.large</DBInstanceClass>");
    bench.advance(4);
    assert_eq!(bench.status(SOURCE), "available", "the trap: nothing has begun, and it looks done");
    assert_eq!(bench.states_until(SOURCE, "modifying"), ["available", "modifying"]);
    bench.good("ModifyDBInstance", &params);
    bench.states_until(SOURCE, "available");
    assert_eq!(
        field(&bench.describe(SOURCE), "DBInstanceClass"),
        "db.m7g.large",
        "the same again changes nothing"
    );
}

#[test]
fn a_rename_moves_name_arn_and_endpoint_and_frees_the_old_name() {
    let bench = Bench::new();
    let resource = field(&bench.describe(SOURCE), "DbiResourceId");
    let params = [("DBInstanceIdentifier", SOURCE), ("NewDBInstanceIdentifier", "Orders-Old"), NOW];
    let body = bench.good("ModifyDBInstance", &params);
    assert_eq!(
        field(&body, "PendingModifiedValues"),
        "<DBInstanceIdentifier>orders-old</DBInstanceIdentifier>"
    );
    assert_eq!(bench.states_until(SOURCE, "renaming"), ["available", "renaming"]);
    let restore = [
        ("SourceDBInstanceIdentifier", SOURCE),
        ("TargetDBInstanceIdentifier", "orders-old"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(bench.refusal("RestoreDBInstanceToPointInTime", &restore).1, "DBInstanceAlreadyExists");
    bench.advance(300);
    assert_eq!(
        bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", SOURCE)]).1,
        "DBInstanceNotFound"
    );
    let body = bench.describe("orders-old");
    assert_eq!(field(&body, "DbiResourceId"), resource);
    assert!(field(&body, "DBInstanceArn").ends_with(":db:orders-old"));
    assert!(field(&body, "Address").starts_with("orders-old."));
}

#[test]
fn turning_backups_on_backs_up_first() {
    let bench = Bench::new();
    bench.restore("copy", &[("BackupRetentionPeriod", "0")]);
    bench.states_until("copy", "available");
    bench.good("ModifyDBInstance", &[("DBInstanceIdentifier", "copy"), ("BackupRetentionPeriod", "2"), NOW]);
    bench.states_until("copy", "modifying");
    assert_eq!(bench.states_until("copy", "available"), ["modifying", "backing-up", "available"]);
    assert_eq!(field(&bench.describe("copy"), "BackupRetentionPeriod"), "2");
}

#[test]
fn without_apply_immediately_it_waits_for_a_window() {
    let bench = Bench::new();
    bench.good("ModifyDBInstance", &[("DBInstanceIdentifier", SOURCE), ("MultiAZ", "true")]);
    bench.advance(7200);
    let body = bench.describe(SOURCE);
    assert_eq!(field(&body, "PendingModifiedValues"), "<MultiAZ>true</MultiAZ>");
    assert_eq!(fields(&body, "MultiAZ").first().map(String::as_str), Some("false"));
    bench.good("ModifyDBInstance", &[("DBInstanceIdentifier", SOURCE), NOW]);
    bench.states_until(SOURCE, "modifying");
    bench.states_until(SOURCE, "available");
    assert_eq!(
        field(&bench.describe(SOURCE), "MultiAZ"),
        "true",
        "a request that applies now takes it along"
    );
}

#[test]
fn wrong_changes_are_refused() {
    let bench = Bench::new();
    let refusal = |name: &str, value: &str| {
        bench.refusal("ModifyDBInstance", &[("DBInstanceIdentifier", SOURCE), (name, value), NOW]).1
    };
    assert_eq!(refusal("Iops", "4000"), "InvalidParameterCombination");
    assert_eq!(refusal("AllocatedStorage", "50"), "InvalidParameterValue");
    assert_eq!(refusal("BackupRetentionPeriod", "36"), "InvalidParameterValue");
    assert_eq!(refusal("NewDBInstanceIdentifier", "orders-prod"), "DBInstanceAlreadyExists");
    assert_eq!(refusal("NewDBInstanceIdentifier", "-x"), "InvalidParameterValue");
    assert_eq!(refusal("DBParameterGroupName", "none"), "DBParameterGroupNotFound");
    assert_eq!(refusal("DBSubnetGroupName", "none"), "DBSubnetGroupNotFoundFault");
    assert_eq!(refusal("CACertificateIdentifier", "none"), "CertificateNotFound");
    let absent = bench.refusal("ModifyDBInstance", &[("DBInstanceIdentifier", "nobody")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "DBInstanceNotFound"));
    bench.restore("copy", &[]);
    let creating = [("DBInstanceIdentifier", "copy"), ("DeletionProtection", "true")];
    assert_eq!(bench.refusal("ModifyDBInstance", &creating).1, "InvalidDBInstanceState");
}

#[test]
fn a_change_while_another_is_under_way_is_refused() {
    let bench = Bench::new();
    let change = |class| {
        bench
            .rds("ModifyDBInstance", &[("DBInstanceIdentifier", SOURCE), ("DBInstanceClass", class), NOW])
            .status
    };
    assert_eq!(change("db.m7g.large"), 200);
    bench.states_until(SOURCE, "modifying");
    assert_eq!(change("db.m7g.xlarge"), 400);
    bench.states_until(SOURCE, "available");
    assert_eq!(field(&bench.describe(SOURCE), "DBInstanceClass"), "db.m7g.large");
    assert_eq!(change("db.m7g.xlarge"), 200);
}
