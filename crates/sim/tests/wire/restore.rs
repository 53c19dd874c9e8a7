//! RestoreDBInstanceToPointInTime: the good way, each refusal, the states, the events.

use chrono::TimeDelta;

use crate::bench::{Bench, SOURCE, field, fields, time, world};

/// Parameters, and the status and code they are refused with.
type Case<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);

fn refused(more: &[(&str, &str)]) -> (u16, String, String) {
    let bench = Bench::new();
    let mut params =
        vec![("SourceDBInstanceIdentifier", SOURCE), ("TargetDBInstanceIdentifier", "orders-copy")];
    if !more.iter().any(|(name, _)| *name == "RestoreTime" || *name == "UseLatestRestorableTime") {
        params.push(("UseLatestRestorableTime", "true"));
    }
    params.extend_from_slice(more);
    let refusal = bench.refusal("RestoreDBInstanceToPointInTime", &params);
    assert!(bench.log.entries().is_empty(), "a refusal is not in the world's log");
    refusal
}

#[test]
fn a_drill_copy_without_backups_goes_through_creating_and_modifying() {
    let bench = Bench::new();
    let body = bench.restore("orders-copy", &[("BackupRetentionPeriod", "0")]);
    assert_eq!(field(&body, "DBInstanceStatus"), "creating");
    assert!(!body.contains("<Endpoint>") && !body.contains("InstanceCreateTime"));
    assert_eq!(bench.states_until("orders-copy", "available"), ["creating", "modifying", "available"]);
    let body = bench.describe("orders-copy");
    assert!(field(&body, "Address").starts_with("orders-copy."));
    assert!(!body.contains("LatestRestorableTime"), "retention 0 keeps no backups");
    let took = bench.now() - time("2026-01-05T09:00:00Z");
    assert!((TimeDelta::minutes(4)..TimeDelta::minutes(35)).contains(&took), "{took}");
}

#[test]
fn a_world_may_say_how_long_things_take() {
    let mut definition = world();
    definition.durations.insert("rds restore creating".into(), 0);
    definition.durations.insert("rds restore modifying".into(), 0);
    let bench = Bench::of(definition, 7);
    bench.restore("orders-copy", &[("BackupRetentionPeriod", "0")]);
    bench.advance(1);
    assert_eq!(bench.status("orders-copy"), "available");
}

#[test]
fn a_copy_with_backups_is_backed_up_first_and_restorable_afterwards() {
    let bench = Bench::new();
    bench.restore("orders-copy", &[("BackupRetentionPeriod", "3")]);
    let backup = || {
        let params = [("DBInstanceIdentifier", "orders-copy")];
        bench.good("DescribeDBInstanceAutomatedBackups", &params)
    };
    assert_eq!(field(&backup(), "Status"), "creating");
    let states = bench.states_until("orders-copy", "available");
    assert_eq!(states, ["creating", "modifying", "backing-up", "available"]);
    assert_eq!(field(&backup(), "Status"), "active");
    bench.advance(300);
    assert!(bench.describe("orders-copy").contains("LatestRestorableTime"));
}

#[test]
fn what_is_not_asked_for_is_the_default_and_not_the_sources() {
    let bench = Bench::new();
    let body = bench.restore("orders-copy", &[("Tags.Tag.1.Key", "lifeboat:run"), ("Tags.Tag.1.Value", "x")]);
    for (name, value) in [
        ("DBSubnetGroupName", "default"),
        ("VpcSecurityGroupId", "sg-0default"),
        ("DBParameterGroupName", "default.postgres16"),
        ("MultiAZ", "false"),
        ("DeletionProtection", "false"),
        ("CopyTagsToSnapshot", "false"),
        ("PerformanceInsightsEnabled", "false"),
        ("MonitoringInterval", "0"),
        ("DBInstanceClass", "db.t4g.medium"),
        ("Iops", "3000"),
    ] {
        assert_eq!(field(&body, name), value, "{name}");
    }
    assert_eq!(fields(&body, "Key"), ["lifeboat:run"]);
    assert_eq!(field(&body, "KmsKeyId"), field(&bench.describe(SOURCE), "KmsKeyId"));
}

#[test]
fn what_is_asked_for_is_given() {
    let bench = Bench::new();
    let asked = [
        ("DBSubnetGroupName", "orders-private"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0orders"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-0more"),
        ("DBParameterGroupName", "orders-pg16"),
        ("DBInstanceClass", "db.m7g.large"),
        ("AvailabilityZone", "eu-west-1b"),
        ("StorageType", "gp3"),
        ("PubliclyAccessible", "false"),
        ("MaxAllocatedStorage", "500"),
        ("EnableCloudwatchLogsExports.member.1", "postgresql"),
        ("EnableIAMDatabaseAuthentication", "true"),
        ("DeletionProtection", "true"),
    ];
    let body = bench.restore("Orders-Copy", &asked);
    assert_eq!(field(&body, "DBInstanceIdentifier"), "orders-copy", "stored in lower case");
    assert_eq!(fields(&body, "VpcSecurityGroupId"), ["sg-0orders", "sg-0more"]);
    for name in ["DBSubnetGroupName", "DBParameterGroupName", "DBInstanceClass", "AvailabilityZone"] {
        assert_eq!(Some(field(&body, name).as_str()), asked.iter().find(|it| it.0 == name).map(|it| it.1));
    }
    assert_eq!(field(&body, "IAMDatabaseAuthenticationEnabled"), "true");
    assert_eq!(field(&body, "DeletionProtection"), "true");
}

#[test]
fn a_time_must_lie_before_the_latest_and_within_the_retention() {
    let bench = Bench::new();
    let latest = time(&field(&bench.describe(SOURCE), "LatestRestorableTime"));
    let text = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let restore = |target: &str, at: &str| {
        let params = [
            ("SourceDBInstanceIdentifier", SOURCE),
            ("TargetDBInstanceIdentifier", target),
            ("RestoreTime", at),
        ];
        bench.rds("RestoreDBInstanceToPointInTime", &params)
    };
    for at in [latest, latest + TimeDelta::seconds(1), bench.now() - TimeDelta::days(8)] {
        let response = restore("copy", &text(at));
        assert_eq!((response.status, field(&response.body, "Code").as_str()), (400, "InvalidParameterValue"));
        assert!(field(&response.body, "Message").contains("cannot be restored to a time later than"));
    }
    assert_eq!(restore("copy-a", &text(latest - TimeDelta::seconds(1))).status, 200);
    assert_eq!(restore("copy-b", &text(bench.now() - TimeDelta::days(7))).status, 200);
}

#[test]
fn each_wrong_request_is_refused_as_aws_does() {
    let cases: &[Case<'_>] = &[
        (&[("Iops", "3000")], 400, "InvalidParameterCombination"),
        (&[("StorageThroughput", "125")], 400, "InvalidParameterCombination"),
        (&[("MultiAZ", "true"), ("AvailabilityZone", "eu-west-1a")], 400, "InvalidParameterCombination"),
        (
            &[("UseLatestRestorableTime", "true"), ("RestoreTime", "2026-01-05T08:00:00Z")],
            400,
            "InvalidParameterCombination",
        ),
        (&[("UseLatestRestorableTime", "false")], 400, "InvalidParameterCombination"),
        (&[("TargetDBInstanceIdentifier", "orders--copy")], 400, "InvalidParameterValue"),
        (&[("TargetDBInstanceIdentifier", "9orders")], 400, "InvalidParameterValue"),
        (&[("TargetDBInstanceIdentifier", "ORDERS-PROD")], 400, "DBInstanceAlreadyExists"),
        (&[("SourceDBInstanceIdentifier", "nobody")], 404, "DBInstanceNotFound"),
        (&[("SourceDbiResourceId", "db-X")], 400, "InvalidParameterCombination"),
        (&[("DBSubnetGroupName", "none")], 404, "DBSubnetGroupNotFoundFault"),
        (&[("DBParameterGroupName", "none")], 404, "DBParameterGroupNotFound"),
        (&[("CACertificateIdentifier", "rds-ca-2019")], 404, "CertificateNotFound"),
        (&[("AvailabilityZone", "us-east-1a")], 400, "InvalidParameterValue"),
        (&[("Tags.Tag.1.Key", "aws:x"), ("Tags.Tag.1.Value", "y")], 400, "InvalidParameterValue"),
        (&[("MultiAZ", "perhaps")], 400, "MalformedInput"),
        (&[("StorageType", "io2")], 400, "InvalidParameterCombination"),
    ];
    for (params, status, code) in cases {
        // Later parameters win: the form is a map.
        let refusal = refused(params);
        assert_eq!((refusal.0, refusal.1.as_str()), (*status, *code), "{params:?}: {}", refusal.2);
    }
    assert_eq!(
        refused(&[("Iops", "3000"), ("StorageThroughput", "125")]).2,
        "You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400."
    );
}

#[test]
fn a_copy_without_backups_cannot_be_restored_and_one_before_its_first_backup_not_yet() {
    let bench = Bench::new();
    bench.restore("no-backups", &[("BackupRetentionPeriod", "0")]);
    bench.restore("backups", &[("BackupRetentionPeriod", "1")]);
    let refusal = |source| {
        let params = [
            ("SourceDBInstanceIdentifier", source),
            ("TargetDBInstanceIdentifier", "third"),
            ("UseLatestRestorableTime", "true"),
        ];
        bench.refusal("RestoreDBInstanceToPointInTime", &params).1
    };
    assert_eq!(refusal("no-backups"), "PointInTimeRestoreNotEnabled");
    assert_eq!(refusal("backups"), "InvalidRestoreFault");
}

#[test]
fn a_source_is_also_found_by_its_resource_id() {
    let bench = Bench::new();
    let id = field(&bench.describe(SOURCE), "DbiResourceId");
    let params = [
        ("SourceDbiResourceId", id.as_str()),
        ("TargetDBInstanceIdentifier", "copy"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(field(&bench.good("RestoreDBInstanceToPointInTime", &params), "DBInstanceStatus"), "creating");
}

#[test]
fn the_quota_of_instances_holds() {
    let bench = Bench::new();
    for number in 0..39 {
        bench.restore(&format!("copy-{number}"), &[]);
    }
    let params = [
        ("SourceDBInstanceIdentifier", SOURCE),
        ("TargetDBInstanceIdentifier", "one-too-many"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(bench.refusal("RestoreDBInstanceToPointInTime", &params).1, "InstanceQuotaExceeded");
}

#[test]
fn the_event_has_no_id_and_arrives_late() {
    let bench = Bench::new();
    bench.restore("orders-copy", &[("BackupRetentionPeriod", "0")]);
    let events = || {
        let params = [("SourceType", "db-instance"), ("SourceIdentifier", "orders-copy")];
        bench.good("DescribeEvents", &params)
    };
    bench.states_until("orders-copy", "modifying");
    assert_eq!(fields(&events(), "Message").len(), 0, "it has happened, but has not arrived");
    bench.advance(60);
    let body = events();
    assert_eq!(field(&body, "Message"), "Restored from DB instance orders-prod to orders-copy");
    assert_eq!(field(&body, "EventCategory"), "restoration");
    assert!(!body.contains("RDS-EVENT"));
    bench.advance(3600);
    assert_eq!(fields(&events(), "Message").len(), 0, "the usual window is an hour");
    let alone = bench.refusal("DescribeEvents", &[("SourceIdentifier", "orders-copy")]);
    assert_eq!(alone.1, "InvalidParameterCombination");
}

#[test]
fn a_world_may_show_that_storage_is_being_loaded() {
    let mut definition = world();
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    region.storage_initialization = true;
    let bench = Bench::of(definition, 7);
    bench.restore("copy", &[("BackupRetentionPeriod", "0")]);
    let states = bench.states_until("copy", "storage-initialization");
    assert_eq!(states, ["creating", "modifying", "storage-initialization"]);
    let host = field(&bench.describe("copy"), "Address");
    let asks = bench.simulator.query(&host, "orders", "any", "", "select max(id) as n from orders", &[]);
    assert!(asks.is_ok(), "it takes connections meanwhile: {asks:?}");
    bench.states_until("copy", "available");
}

#[test]
fn a_role_is_added_to_what_is_available_once_and_is_pending_for_a_while() {
    let bench = Bench::new();
    let role = "arn:aws:iam::111122223333:role/orders-export";
    let add = [("DBInstanceIdentifier", SOURCE), ("RoleArn", role), ("FeatureName", "s3Export")];
    bench.good("AddRoleToDBInstance", &add);
    let described = bench.describe(SOURCE);
    let roles = described.split("<AssociatedRoles>").nth(1).expect("roles").to_owned();
    assert!(roles.contains("<Status>PENDING</Status>"), "{roles}");
    assert_eq!(
        (field(&described, "RoleArn"), field(&described, "FeatureName")),
        (role.into(), "s3Export".into())
    );
    assert_eq!(bench.refusal("AddRoleToDBInstance", &add).1, "DBInstanceRoleAlreadyExists");
    bench.good(
        "ModifyDBInstance",
        &[
            ("DBInstanceIdentifier", SOURCE),
            ("DBInstanceClass", "db.m7g.large"),
            ("ApplyImmediately", "true"),
        ],
    );
    bench.states_until(SOURCE, "modifying");
    bench.states_until(SOURCE, "available");
    assert!(bench.describe(SOURCE).contains("<Status>ACTIVE</Status>"), "a change leaves it");
    bench.restore("copy", &[]);
    assert!(fields(&bench.describe("copy"), "RoleArn").is_empty(), "a restore does not carry it");
    let early = [("DBInstanceIdentifier", "copy"), ("RoleArn", role), ("FeatureName", "s3Export")];
    assert_eq!(bench.refusal("AddRoleToDBInstance", &early).1, "InvalidDBInstanceState");
}
