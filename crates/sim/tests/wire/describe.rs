//! DescribeDBInstances and what else only looks.

use chrono::TimeDelta;
use lifeboat_sim::definition::InstanceDefinition;

use crate::bench::{Bench, SOURCE, field, fields, time, world};

const ARN: &str = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";

#[test]
fn the_source_shows_all_that_a_restore_copies() {
    let body = Bench::new().describe(SOURCE);
    let expected = [
        ("DBInstanceStatus", "available"),
        ("DBInstanceClass", "db.t4g.medium"),
        ("Engine", "postgres"),
        ("EngineVersion", "16.8"),
        ("DBName", "orders"),
        ("Port", "5432"),
        ("DBSubnetGroupName", "orders-private"),
        ("VpcSecurityGroupId", "sg-0orders"),
        ("DBParameterGroupName", "orders-pg16"),
        ("ParameterApplyStatus", "in-sync"),
        ("OptionGroupName", "default:postgres-16"),
        ("AllocatedStorage", "100"),
        ("MaxAllocatedStorage", "500"),
        ("StorageType", "gp3"),
        ("Iops", "3000"),
        ("StorageThroughput", "125"),
        ("StorageEncrypted", "true"),
        ("MultiAZ", "false"),
        ("AvailabilityZone", "eu-west-1a"),
        ("DeletionProtection", "true"),
        ("BackupRetentionPeriod", "7"),
        ("PerformanceInsightsEnabled", "true"),
        ("MonitoringInterval", "60"),
        ("EnabledCloudwatchLogsExports", "<member>postgresql</member>"),
        ("DBInstanceArn", ARN),
        ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        ("CopyTagsToSnapshot", "true"),
        ("PubliclyAccessible", "false"),
        ("IAMDatabaseAuthenticationEnabled", "false"),
        ("InstanceCreateTime", "2025-03-11T08:14:27.512Z"),
    ];
    for (name, value) in expected {
        assert_eq!(field(&body, name), value, "{name}");
    }
    assert!(field(&body, "Address").starts_with("orders-prod."));
    assert!(field(&body, "KmsKeyId").starts_with("arn:aws:kms:eu-west-1:111122223333:key/"));
    assert!(body.contains("<Tag><Key>service</Key><Value>orders</Value></Tag>"));
}

#[test]
fn one_that_is_asked_for_by_name_must_exist_but_a_filter_may_find_nothing() {
    let bench = Bench::new();
    let absent = bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "nobody")]);
    assert_eq!(absent, (404, "DBInstanceNotFound".into(), "DBInstance nobody not found.".into()));
    let filter = |name: &str, value: &str| {
        let params = [("Filters.Filter.1.Name", name), ("Filters.Filter.1.Values.Value.1", value)];
        bench.good("DescribeDBInstances", &params)
    };
    assert_eq!(fields(&filter("db-instance-id", "nobody"), "DBInstanceIdentifier").len(), 0);
    assert_eq!(fields(&filter("db-instance-id", "ORDERS-prod"), "DBInstanceIdentifier"), [SOURCE]);
    assert_eq!(fields(&filter("db-instance-id", ARN), "DBInstanceIdentifier"), [SOURCE]);
    assert_eq!(fields(&filter("engine", "mysql"), "DBInstanceIdentifier").len(), 0);
    let resource = field(&bench.describe(SOURCE), "DbiResourceId");
    assert_eq!(fields(&filter("dbi-resource-id", &resource), "DBInstanceIdentifier"), [SOURCE]);
    let status = [("Filters.Filter.1.Name", "status"), ("Filters.Filter.1.Values.Value.1", "available")];
    let refused = bench.refusal("DescribeDBInstances", &status);
    assert_eq!(refused, (400, "InvalidParameterValue".into(), "Unrecognized filter name: status".into()));
}

#[test]
fn pages_hold_each_instance_once() {
    let mut definition = world();
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the default Region");
    let first = region.instances[0].clone();
    let more = (0..44).map(|n| InstanceDefinition { identifier: format!("more-{n:02}"), ..first.clone() });
    region.instances.extend(more);
    let bench = Bench::of(definition, 1);
    let mut names = Vec::new();
    let mut marker = String::new();
    for pages in 1.. {
        let body = bench.good("DescribeDBInstances", &[("MaxRecords", "20"), ("Marker", &marker)]);
        names.extend(fields(&body, "DBInstanceIdentifier"));
        marker = field(&body, "Marker");
        if marker.is_empty() {
            assert_eq!(pages, 3);
            break;
        }
    }
    assert_eq!(names.len(), 45);
    assert!(names.is_sorted());
    assert_eq!(bench.refusal("DescribeDBInstances", &[("MaxRecords", "5")]).1, "InvalidParameterValue");
    assert_eq!(bench.refusal("DescribeDBInstances", &[("Marker", "other")]).1, "InvalidParameterValue");
}

#[test]
fn the_latest_restorable_time_is_a_saw_tooth_of_five_minutes() {
    let bench = Bench::new();
    let mut lags = Vec::new();
    let mut steps = 0;
    let mut before = None;
    for _ in 0..1800 {
        let latest = time(&field(&bench.describe(SOURCE), "LatestRestorableTime"));
        lags.push((bench.now() - latest).num_seconds());
        steps += u32::from(before.is_some_and(|before| before != latest));
        if let Some(before) = before.filter(|before| *before != latest) {
            assert_eq!(latest - before, TimeDelta::minutes(5));
        }
        before = Some(latest);
        bench.advance(1);
    }
    assert_eq!((lags.iter().min(), lags.iter().max()), (Some(&0), Some(&299)));
    assert_eq!(steps, 6);
}

#[test]
fn quotas_follow_the_instances() {
    let bench = Bench::new();
    let used = || fields(&bench.good("DescribeAccountAttributes", &[]), "AccountQuota")[0].clone();
    assert_eq!(used(), "<AccountQuotaName>DBInstances</AccountQuotaName><Used>1</Used><Max>40</Max>");
    bench.restore("second", &[]);
    assert_eq!(used(), "<AccountQuotaName>DBInstances</AccountQuotaName><Used>2</Used><Max>40</Max>");
}

#[test]
fn certificates_groups_and_maintenance_are_described() {
    let bench = Bench::new();
    let certificates = fields(&bench.good("DescribeCertificates", &[]), "CertificateIdentifier");
    assert_eq!(certificates, ["rds-ca-rsa2048-g1", "rds-ca-ecc384-g1"]);
    let absent = bench.refusal("DescribeCertificates", &[("CertificateIdentifier", "rds-ca-2019")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "CertificateNotFound"));
    let group = bench.good("DescribeDBSubnetGroups", &[("DBSubnetGroupName", "orders-private")]);
    assert_eq!(
        (field(&group, "VpcId").as_str(), fields(&group, "SubnetIdentifier").len()),
        ("vpc-0orders", 2)
    );
    let absent = bench.refusal("DescribeDBSubnetGroups", &[("DBSubnetGroupName", "none")]);
    assert_eq!(absent.1, "DBSubnetGroupNotFoundFault");
    let group = bench.good("DescribeDBParameterGroups", &[("DBParameterGroupName", "orders-pg16")]);
    assert_eq!(field(&group, "DBParameterGroupFamily"), "postgres16");
    let absent = bench.refusal("DescribeDBParameterGroups", &[("DBParameterGroupName", "none")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "DBParameterGroupNotFound"));
    let maintenance = bench.good("DescribePendingMaintenanceActions", &[]);
    assert!(maintenance.contains("<PendingMaintenanceActions></PendingMaintenanceActions>"));
}

#[test]
fn snapshots_are_listed_oldest_first_and_by_type() {
    let bench = Bench::new();
    let params = [("DBInstanceIdentifier", SOURCE), ("SnapshotType", "automated")];
    let times = fields(&bench.good("DescribeDBSnapshots", &params), "SnapshotDatabaseTime");
    assert_eq!(times.len(), 7);
    assert!(times.is_sorted());
    let manual = bench.good("DescribeDBSnapshots", &[("SnapshotType", "manual")]);
    assert_eq!(fields(&manual, "DBSnapshotIdentifier").len(), 0);
    let absent = bench.refusal("DescribeDBSnapshots", &[("DBSnapshotIdentifier", "none")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "DBSnapshotNotFound"));
    let by_name = [("Filters.Filter.1.Name", "status"), ("Filters.Filter.1.Values.Value.1", "available")];
    assert_eq!(bench.refusal("DescribeDBSnapshots", &by_name).2, "Unrecognized filter name: status");
}

#[test]
fn the_automated_backup_shows_its_restore_window() {
    let bench = Bench::new();
    let body = bench.good("DescribeDBInstanceAutomatedBackups", &[("DBInstanceIdentifier", SOURCE)]);
    assert_eq!(field(&body, "Status"), "active");
    assert_eq!(bench.now() - time(&field(&body, "EarliestTime")), TimeDelta::days(7));
    assert_eq!(field(&body, "LatestTime"), field(&bench.describe(SOURCE), "LatestRestorableTime"));
    let absent = bench.refusal("DescribeDBInstanceAutomatedBackups", &[("DBInstanceIdentifier", "none")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "DBInstanceNotFound"));
    let absent = bench.refusal("DescribeDBInstanceAutomatedBackups", &[("DbiResourceId", "db-NONE")]);
    assert_eq!((absent.0, absent.1.as_str()), (404, "DBInstanceAutomatedBackupNotFound"));
}

#[test]
fn tags_are_added_listed_and_removed() {
    let bench = Bench::new();
    let tag = [("ResourceName", ARN), ("Tags.Tag.1.Key", "lifeboat:run"), ("Tags.Tag.1.Value", "a<b")];
    bench.good("AddTagsToResource", &tag);
    let listed = bench.good("ListTagsForResource", &[("ResourceName", ARN)]);
    assert!(fields(&listed, "Value").contains(&"a<b".to_owned()));
    assert!(fields(&bench.describe(SOURCE), "Key").contains(&"lifeboat:run".to_owned()));
    bench.good("RemoveTagsFromResource", &[("ResourceName", ARN), ("TagKeys.member.1", "lifeboat:run")]);
    let listed = bench.good("ListTagsForResource", &[("ResourceName", ARN)]);
    assert_eq!(fields(&listed, "Key"), ["backup", "environment", "service"]);
    let absent = ARN.replace("orders-prod", "nobody");
    assert_eq!(bench.refusal("ListTagsForResource", &[("ResourceName", &absent)]).1, "DBInstanceNotFound");
    assert_eq!(
        bench.refusal("ListTagsForResource", &[("ResourceName", "orders")]).1,
        "InvalidParameterValue"
    );
    let system = [("ResourceName", ARN), ("Tags.Tag.1.Key", "aws:x"), ("Tags.Tag.1.Value", "y")];
    assert_eq!(bench.refusal("AddTagsToResource", &system).1, "InvalidParameterValue");
}
