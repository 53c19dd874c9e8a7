//! AWS Backup.

use lifeboat_sim::fault::{Fault, FaultKind, When};
use serde_json::{Value, json};

use crate::bench::{Bench, field, world};

const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";
const ORDERS: &str = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";
const TOKEN: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

/// The output of a request that is accepted.
fn good(bench: &Bench, method: &str, path: &str, body: &Value) -> Value {
    let response = bench.rest("backup", method, path, body);
    assert_eq!(response.status, 200, "{method} {path}: {}", response.body);
    serde_json::from_str(&response.body).expect("the reply is JSON")
}

fn get(bench: &Bench, path: &str) -> Value {
    good(bench, "GET", path, &Value::Null)
}

/// Status and code of a refusal.
fn refused(bench: &Bench, method: &str, path: &str, body: &Value) -> (u16, String) {
    let response = bench.rest("backup", method, path, body);
    assert!(response.status >= 400, "{method} {path} was accepted: {}", response.body);
    (response.status, response.headers["x-amzn-errortype"].clone())
}

fn escaped(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

fn points(bench: &Bench) -> Vec<Value> {
    let path = format!("/resources/{}/recovery-points/", escaped(ORDERS));
    get(bench, &path)["RecoveryPoints"].as_array().expect("a list").clone()
}

/// The path of the newest recovery point, and its ARN.
fn newest(bench: &Bench) -> (String, String) {
    let point = points(bench).pop().expect("a recovery point");
    let arn = point["RecoveryPointArn"].as_str().expect("an ARN").to_owned();
    let vault = point["BackupVaultName"].as_str().expect("a vault");
    (format!("/backup-vaults/{vault}/recovery-points/{}", escaped(&arn)), arn)
}

fn restore(bench: &Bench, more: &Value) -> Value {
    let (_, arn) = newest(bench);
    let mut metadata = json!({ "dbInstanceIdentifier": "copy", "dbSubnetGroupName": "orders-private",
        "vpcSecurityGroupIds": "[\"sg-0orders\"]", "multiAz": "false" });
    metadata.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!({ "RecoveryPointArn": arn, "Metadata": metadata, "IamRoleArn": ROLE, "IdempotencyToken": TOKEN })
}

fn start_restore(bench: &Bench, input: &Value) -> String {
    let output = good(bench, "PUT", "/restore-jobs", input);
    format!("/restore-jobs/{}", output["RestoreJobId"].as_str().expect("an id"))
}

/// The states of a job until it ends, each once.
fn states(bench: &Bench, path: &str, member: &str) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    for _ in 0..7200 {
        let state = get(bench, path)[member].as_str().expect("a state").to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
        if !["CREATED", "PENDING", "RUNNING"].contains(&states[states.len() - 1].as_str()) {
            return states;
        }
        bench.advance(1);
    }
    panic!("{path} did not end in two hours: {states:?}");
}

#[test]
fn recovery_points_are_listed_by_resource_and_by_vault() {
    let bench = Bench::new();
    assert_eq!(points(&bench).len(), 3);
    let by_vault = |query: &str| {
        let output = get(&bench, &format!("/backup-vaults/Default/recovery-points/{query}"));
        output["RecoveryPoints"].as_array().expect("a list").len()
    };
    assert_eq!(by_vault(""), 2);
    assert_eq!(by_vault("?createdAfter=2026-01-05T00%3A00%3A00Z"), 1);
    assert_eq!(by_vault("?createdBefore=2026-01-01T00%3A00%3A00Z"), 0);
    assert_eq!(by_vault("?resourceType=EBS"), 0);
    assert_eq!(by_vault(&format!("?resourceArn={}", escaped(ORDERS))), 2);
    let first = get(&bench, "/backup-vaults/Default/recovery-points/?maxResults=1");
    let next = first["NextToken"].as_str().expect("a token");
    let second =
        get(&bench, &format!("/backup-vaults/Default/recovery-points?maxResults=1&nextToken={next}"));
    assert_ne!(first["RecoveryPoints"], second["RecoveryPoints"]);
    assert_eq!(
        refused(&bench, "GET", "/backup-vaults/moon/recovery-points/", &Value::Null),
        (400, "ResourceNotFoundException".into())
    );
}

#[test]
fn a_recovery_point_of_rds_is_a_snapshot_of_rds() {
    let bench = Bench::new();
    let (path, arn) = newest(&bench);
    let point = get(&bench, &path);
    assert_eq!((&point["Status"], &point["StorageClass"]), (&json!("COMPLETED"), &json!("WARM")));
    assert_eq!((&point["ResourceArn"], &point["ResourceType"]), (&json!(ORDERS), &json!("RDS")));
    assert_eq!(point["BackupSizeInBytes"], 100i64 << 30);
    assert_eq!(point["ScanResults"], json!([]));
    let name = arn.split(":snapshot:").nth(1).expect("a name");
    assert!(name.starts_with("awsbackup:job-"), "{name}");
    let snapshot = bench.good("DescribeDBSnapshots", &[("DBSnapshotIdentifier", name)]);
    assert_eq!(field(&snapshot, "SnapshotType"), "awsbackup");
    assert_eq!(
        bench.refusal("DeleteDBSnapshot", &[("DBSnapshotIdentifier", name)]).1,
        "InvalidDBSnapshotState"
    );
}

#[test]
fn a_backup_job_goes_its_way_and_leaves_a_recovery_point() {
    let bench = Bench::new();
    let input = json!({ "BackupVaultName": "Default", "ResourceArn": ORDERS, "IamRoleArn": ROLE,
        "IdempotencyToken": TOKEN, "RecoveryPointTags": { "lifeboat:run": "r1" } });
    let started = good(&bench, "PUT", "/backup-jobs", &input);
    assert!(started["RecoveryPointArn"].is_null(), "for RDS it is known later");
    assert_eq!(good(&bench, "PUT", "/backup-jobs", &input), started, "the same token is the same job");
    let path = format!("/backup-jobs/{}", started["BackupJobId"].as_str().expect("an id"));
    assert_eq!(states(&bench, &path, "State"), ["CREATED", "PENDING", "RUNNING", "COMPLETED"]);
    let job = get(&bench, &path);
    let arn = job["RecoveryPointArn"].as_str().expect("an ARN");
    assert_eq!(newest(&bench).1, arn);
    assert_eq!(get(&bench, &format!("/tags/{}/", escaped(arn)))["Tags"], json!({ "lifeboat:run": "r1" }));
    assert_eq!(bench.status("orders-prod"), "available");
    let listed = get(&bench, "/backup-jobs/?state=COMPLETED");
    assert_eq!(listed["BackupJobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_instance_is_backing_up_while_the_job_runs() {
    let bench = Bench::new();
    let input = json!({ "BackupVaultName": "Default", "ResourceArn": ORDERS, "IamRoleArn": ROLE });
    let started = good(&bench, "PUT", "/backup-jobs", &input);
    let path = format!("/backup-jobs/{}", started["BackupJobId"].as_str().expect("an id"));
    while get(&bench, &path)["State"] != "RUNNING" {
        bench.advance(1);
    }
    assert_eq!(bench.status("orders-prod"), "backing-up");
    assert_eq!(points(&bench).pop().expect("a point")["Status"], "CREATING");
}

#[test]
fn a_restore_job_makes_an_instance_and_ends_after_it() {
    let bench = Bench::new();
    let path = start_restore(&bench, &restore(&bench, &json!({})));
    assert_eq!(get(&bench, &path)["Status"], "PENDING");
    assert_eq!(bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).0, 404);
    bench.advance(30);
    let running = get(&bench, &path);
    assert_eq!(running["Status"], "RUNNING");
    assert_eq!(running["CreatedResourceArn"], "arn:aws:rds:eu-west-1:111122223333:db:copy");
    assert_eq!(bench.status("copy"), "creating");
    assert_eq!(states(&bench, &path, "Status"), ["RUNNING", "COMPLETED"]);
    assert_eq!(bench.status("copy"), "available");
    let copy = bench.describe("copy");
    assert_eq!(
        (field(&copy, "VpcSecurityGroupId"), field(&copy, "DBSubnetGroupName")),
        ("sg-0orders".into(), "orders-private".into())
    );
    let listed = get(&bench, "/restore-jobs/?status=COMPLETED&createdAfter=2026-01-05T09%3A00%3A00Z");
    assert_eq!(listed["RestoreJobs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_same_token_is_the_same_restore_and_metadata_name_the_original() {
    let bench = Bench::new();
    let input = restore(&bench, &json!({}));
    assert_eq!(start_restore(&bench, &input), start_restore(&bench, &input));
    let metadata = get(&bench, &format!("{}/restore-metadata", newest(&bench).0))["RestoreMetadata"].clone();
    assert_eq!(
        (&metadata["DBInstanceIdentifier"], &metadata["Iops"]),
        (&json!("orders-prod"), &json!("3000"))
    );
    assert!(metadata.as_object().is_some_and(|map| map.values().all(Value::is_string)));
    let other = Bench::new();
    let path = start_restore(&other, &json!({ "RecoveryPointArn": newest(&other).1, "Metadata": metadata }));
    assert_eq!(states(&other, &path, "Status"), ["PENDING", "FAILED"]);
    assert_eq!(get(&other, &path)["StatusMessage"], "DB instance already exists");
}

#[test]
fn a_restore_fails_with_what_rds_says() {
    let ends = |more: &Value| {
        let bench = Bench::new();
        let path = start_restore(&bench, &restore(&bench, more));
        assert_eq!(states(&bench, &path, "Status"), ["PENDING", "FAILED"]);
        get(&bench, &path)["StatusMessage"].as_str().expect("a message").to_owned()
    };
    assert!(ends(&json!({ "iops": "3000" })).starts_with("You can't specify IOPS"));
    assert!(
        ends(&json!({ "multiAz": "true", "availabilityZone": "eu-west-1a" })).contains("availability zone")
    );
}

#[test]
fn a_restore_fails_when_its_instance_does() {
    let with = |state: &str| {
        let mut definition = world();
        definition.faults.push(Fault {
            service: "backup".into(),
            operation: "StartRestoreJob".into(),
            when: When::Calls(vec![1]),
            kind: FaultKind::FinalState(state.into()),
        });
        let bench = Bench::of(definition, 7);
        let path = start_restore(&bench, &restore(&bench, &json!({})));
        let seen = states(&bench, &path, "Status");
        (seen, get(&bench, &path)["StatusMessage"].as_str().expect("a message").to_owned())
    };
    let (seen, message) = with("incompatible-network");
    assert_eq!(
        (seen.join(" "), message.as_str()),
        ("PENDING RUNNING FAILED".into(), "The DB instance ended in incompatible-network")
    );
    let (seen, message) = with("ABORTED");
    assert_eq!(
        (seen.join(" "), message.contains("insufficient privileges")),
        ("PENDING ABORTED".into(), true)
    );
}

#[test]
fn a_verdict_is_given_once_the_job_is_complete() {
    let bench = Bench::new();
    let path = start_restore(&bench, &restore(&bench, &json!({})));
    let verdict =
        |status: &str| json!({ "ValidationStatus": status, "ValidationStatusMessage": "rows counted" });
    let validations = format!("{path}/validations");
    let early = refused(&bench, "PUT", &validations, &verdict("SUCCESSFUL"));
    assert_eq!(early, (400, "InvalidRequestException".into()));
    states(&bench, &path, "Status");
    let response = bench.rest("backup", "PUT", &validations, &verdict("SUCCESSFUL"));
    assert_eq!((response.status, response.body.as_str()), (204, ""));
    assert_eq!(get(&bench, &path)["ValidationStatus"], "SUCCESSFUL");
    assert_eq!(refused(&bench, "PUT", &validations, &verdict("FAILED")).1, "InvalidRequestException");
    assert_eq!(refused(&bench, "PUT", &validations, &verdict("GREEN")).1, "InvalidParameterValueException");
}

#[test]
fn a_recovery_point_is_deleted_unless_its_vault_is_locked() {
    let bench = Bench::new();
    let (path, arn) = newest(&bench);
    let response = bench.rest("backup", "DELETE", &path, &Value::Null);
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(get(&bench, &path)["Status"], "DELETING");
    let again = refused(&bench, "DELETE", &path, &Value::Null);
    assert_eq!(again.1, "InvalidResourceStateException");
    bench.advance(60);
    assert_eq!(refused(&bench, "GET", &path, &Value::Null).1, "ResourceNotFoundException");
    let name = arn.split(":snapshot:").nth(1).expect("a name");
    assert_eq!(
        bench.refusal("DescribeDBSnapshots", &[("DBSnapshotIdentifier", name)]).1,
        "DBSnapshotNotFound"
    );
    let locked = points(&bench).remove(0)["RecoveryPointArn"].as_str().expect("an ARN").to_owned();
    let path = format!("/backup-vaults/locked/recovery-points/{}", escaped(&locked));
    assert_eq!(refused(&bench, "DELETE", &path, &Value::Null).1, "InvalidRequestException");
    let vault = get(&bench, "/backup-vaults/locked");
    assert_eq!((&vault["Locked"], &vault["NumberOfRecoveryPoints"]), (&json!(true), &json!(1)));
}

#[test]
fn what_cannot_be_is_refused() {
    let bench = Bench::new();
    let backup = |vault: &str, arn: &str, role: &str, window: i64| json!({ "BackupVaultName": vault, "ResourceArn": arn, "IamRoleArn": role, "StartWindowMinutes": window });
    let nobody = ORDERS.replace("orders-prod", "nobody");
    let cases = [
        ("/backup-jobs", backup("moon", ORDERS, ROLE, 60), "ResourceNotFoundException"),
        ("/backup-jobs", backup("Default", &nobody, ROLE, 60), "ResourceNotFoundException"),
        ("/backup-jobs", backup("Default", "arn:aws:ec2:x", ROLE, 60), "InvalidParameterValueException"),
        (
            "/backup-jobs",
            backup("Default", ORDERS, "arn:aws:iam::1:role/x", 60),
            "InvalidParameterValueException",
        ),
        ("/backup-jobs", backup("Default", ORDERS, ROLE, 59), "InvalidParameterValueException"),
        ("/backup-jobs", json!({ "BackupVaultName": "Default" }), "MissingParameterValueException"),
        (
            "/restore-jobs",
            json!({ "RecoveryPointArn": "arn:x", "Metadata": {} }),
            "ResourceNotFoundException",
        ),
        ("/restore-jobs", json!({ "RecoveryPointArn": "arn:x" }), "MissingParameterValueException"),
        ("/restore-jobs", restore(&bench, &json!({ "moon": "x" })), "InvalidParameterValueException"),
    ];
    for (path, input, code) in cases {
        assert_eq!(refused(&bench, "PUT", path, &input), (400, code.into()), "{input}");
    }
    let unknown = refused(&bench, "GET", "/moons/1", &Value::Null);
    assert_eq!(unknown, (404, "UnknownOperationException".into()));
    assert!(bench.log.entries().is_empty());
}
