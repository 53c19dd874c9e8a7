//! Service Quotas.

use serde_json::{Value, json};

use crate::bench::{Bench, SOURCE, world};

fn quotas(bench: &Bench, operation: &str, input: &Value) -> Value {
    bench.accepted("servicequotas", &format!("ServiceQuotasV20190624.{operation}"), input)
}

#[test]
fn the_quota_of_instances_is_the_one_that_is_enforced() {
    let mut definition = world();
    for region in definition.accounts[0].regions.values_mut() {
        region.instance_quota = 2;
    }
    let bench = Bench::of(definition, 7);
    let asked = json!({ "ServiceCode": "rds", "QuotaCode": "L-7B6409FD" });
    assert_eq!(quotas(&bench, "GetServiceQuota", &asked)["Quota"]["Value"], 2.0);
    assert_eq!(quotas(&bench, "GetAWSDefaultServiceQuota", &asked)["Quota"]["Value"], 40.0);
    bench.restore("copy", &[]);
    let params = [
        ("SourceDBInstanceIdentifier", SOURCE),
        ("TargetDBInstanceIdentifier", "one-too-many"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(bench.refusal("RestoreDBInstanceToPointInTime", &params).1, "InstanceQuotaExceeded");
}

#[test]
fn quotas_are_listed_by_service_and_page() {
    let bench = Bench::new();
    let first = quotas(&bench, "ListServiceQuotas", &json!({ "ServiceCode": "rds", "MaxResults": 1 }));
    assert_eq!(first["Quotas"][0]["QuotaName"], "DB instances");
    let next = json!({ "ServiceCode": "rds", "MaxResults": 1, "NextToken": first["NextToken"] });
    let second = quotas(&bench, "ListServiceQuotas", &next);
    assert_eq!(second["Quotas"][0]["QuotaCode"], "L-272F1212");
    assert!(second["NextToken"].is_null());
    let fargate = quotas(&bench, "ListServiceQuotas", &json!({ "ServiceCode": "fargate" }));
    assert_eq!(fargate["Quotas"][0]["Value"], 6.0);
    let arn = "arn:aws:servicequotas:eu-west-1:111122223333:fargate/L-3032A538";
    assert_eq!(fargate["Quotas"][0]["QuotaArn"], arn);
}

#[test]
fn an_unknown_service_or_quota_is_refused() {
    let bench = Bench::new();
    let refused = |operation: &str, input: Value| {
        bench.refused("servicequotas", &format!("ServiceQuotasV20190624.{operation}"), &input).1
    };
    let unknown = json!({ "ServiceCode": "rds", "QuotaCode": "L-00000000" });
    assert_eq!(refused("GetServiceQuota", unknown.clone()), "NoSuchResourceException");
    assert_eq!(refused("GetAWSDefaultServiceQuota", unknown), "NoSuchResourceException");
    assert_eq!(refused("ListServiceQuotas", json!({ "ServiceCode": "moon" })), "NoSuchResourceException");
}

#[test]
fn a_world_does_not_declare_what_rds_enforces() {
    let mut definition = world();
    for region in definition.accounts[0].regions.values_mut() {
        region.quotas[0].service = "rds".into();
        region.backup_vaults[0].recovery_points[0].instance = "moon".into();
    }
    let expected = [
        "recovery point of moon: there is no such instance",
        "quota L-3032A538: those of rds follow from instance_quota",
    ];
    assert_eq!(definition.problems(), expected);
}
