//! `lifeboat iam`: the policy permits what a shipped runbook does, and each call it names is made.

use crate::bench::{Bench, world};
use crate::program::{Desk, Program};
use crate::runbooks::{SHIPPED, text};
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::WorldEntry;
use serde_json::Value;
use std::collections::BTreeSet;

fn policy(name: &str, mode: &str) -> Value {
    let (code, document) = Program::new().json(&["iam", &format!("runbooks/{name}.yaml"), "--mode", mode]);
    assert_eq!(code, 0);
    document
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().expect("statements");
    statements.iter().flat_map(|statement| texts(&statement["Action"])).map(str::to_owned).collect()
}

/// Whether some statement allows the action on the resource; a resource of nothing stands for any.
fn allows(policy: &Value, action: &str, resource: Option<&str>) -> bool {
    policy["Statement"].as_array().expect("statements").iter().any(|statement| {
        texts(&statement["Action"]).contains(&action)
            && resource.is_none_or(|wanted| texts(&statement["Resource"]).iter().any(|it| fits(it, wanted)))
    })
}

/// A pattern of IAM, of which only the star is used.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).any(|cut| tail.is_char_boundary(cut) && fits(rest, &tail[cut..]))
        }),
    }
}

/// The resources that a request names.
fn resources(entry: &WorldEntry) -> Vec<String> {
    let kinds = [
        ("DBInstanceIdentifier", "db"),
        ("NewDBInstanceIdentifier", "db"),
        ("TargetDBInstanceIdentifier", "db"),
        ("SourceDBInstanceIdentifier", "db"),
        ("DBSnapshotIdentifier", "snapshot"),
        ("DBSubnetGroupName", "subgrp"),
        ("DBParameterGroupName", "pg"),
    ];
    let arn = |(parameter, kind): &(&str, &str)| {
        let name = entry.params.get(*parameter)?.as_str()?;
        Some(format!("arn:aws:rds:{}:{}:{kind}:{name}", entry.region, entry.account))
    };
    kinds.iter().filter_map(arn).collect()
}

/// Replays a run against a policy; gives the calls that were made.
async fn replay(name: &str, world_name: &str, mode: Mode, policy: &Value) -> BTreeSet<String> {
    let bench = Bench::new(world(world_name), 3);
    let ran = bench.run(&text(name), mode, &[], &[]).await;
    assert_eq!(ran.state.outcome.as_ref().map(|it| it.word()), Some("passed"), "{name} {mode:?}");
    for entry in bench.log.all() {
        let action = format!("{}:{}", entry.service, entry.operation);
        for resource in resources(&entry) {
            assert!(allows(policy, &action, Some(&resource)), "{name} {mode:?}: {action} on {resource}");
        }
    }
    let made = bench.operations();
    for action in made.iter().filter(|action| *action != "sts:GetCallerIdentity") {
        assert!(allows(policy, action, None), "{name} {mode:?}: {action} is not in the policy");
    }
    made
}

#[tokio::test(start_paused = true)]
async fn no_call_of_a_shipped_runbook_is_denied_and_none_is_asked_for_in_vain() {
    for (name, world) in SHIPPED {
        let (drill, recovery) = (policy(name, "drill"), policy(name, "recovery"));
        let rehearsed = replay(name, world, Mode::Drill, &drill).await;
        let recovered = replay(name, world, Mode::Recovery, &recovery).await;
        // A recovery takes nothing back by itself; what would is seen in the drill.
        let both = &rehearsed | &recovered;
        for (policy, made) in [(&drill, &rehearsed), (&recovery, &both)] {
            let unused: Vec<String> = calls(name).intersection(&actions(policy)).cloned().collect();
            let unused: Vec<_> = unused.iter().filter(|call| !made.contains(*call)).collect();
            assert!(unused.is_empty(), "{name}: {unused:?} is asked for and never called");
        }
    }
}

/// The calls that the actions of a runbook always make.
fn calls(name: &str) -> BTreeSet<String> {
    let (plan, catalog) = (crate::bench::plan(&text(name)), crate::bench::catalog());
    let steps = plan.preflight.iter().chain(&plan.steps);
    let specs = steps.filter_map(|step| catalog.get(step.action()?));
    specs.flat_map(|spec| spec.calls).map(|call| (*call).to_owned()).collect()
}

#[test]
fn a_policy_is_narrow_and_always_the_same() {
    let drill = policy("rds-restore-and-cut-over", "drill");
    assert_eq!(drill, policy("rds-restore-and-cut-over", "drill"));
    let db = |name: &str| format!("arn:aws:rds:eu-west-1:111122223333:db:{name}");
    let own = db("rds-restore-and-cut-over-k3v7qa-restore-abcdef");
    for (action, name, allowed) in [
        ("rds:DeleteDBInstance", own.as_str(), true),
        ("rds:ModifyDBInstance", own.as_str(), true),
        ("rds:DeleteDBInstance", &db("orders-prod"), false),
        ("rds:ModifyDBInstance", &db("orders-prod"), false),
        ("rds:RestoreDBInstanceToPointInTime", &db("orders-prod"), true),
        ("rds:RestoreDBInstanceToPointInTime", &db("billing-prod"), false),
    ] {
        assert_eq!(allows(&drill, action, Some(name)), allowed, "{action} on {name}");
    }
    let recovery = policy("rds-restore-and-cut-over", "recovery");
    assert!(allows(&recovery, "rds:ModifyDBInstance", Some(&db("orders-prod-damaged"))));
    let file = "runbooks/rds-restore-and-cut-over.yaml";
    let given = Program::new().json(&["iam", file, "-i", "source=billing", "-i", "account=999988887777"]).1;
    let arn = "arn:aws:rds:eu-west-1:999988887777:db:billing";
    assert!(allows(&given, "rds:ModifyDBInstance", Some(arn)), "{given:#}");
    let conditions = given["Statement"].as_array().expect("statements").iter();
    let kms = conditions.filter(|it| texts(&it["Action"]).contains(&"kms:CreateGrant"));
    let services: Vec<&Value> = kms.map(|it| &it["Condition"]["StringEquals"]["kms:ViaService"]).collect();
    assert_eq!(services, ["rds.eu-west-1.amazonaws.com"]);
}

/// AWS Backup restores under a role that it is handed, and makes a DB instance.
#[test]
fn a_restore_from_aws_backup_hands_its_one_role_to_aws_backup_only() {
    let drill = policy("backup-verification", "drill");
    let statements = drill["Statement"].as_array().expect("statements");
    let pass: Vec<&Value> =
        statements.iter().filter(|it| texts(&it["Action"]).contains(&"iam:PassRole")).collect();
    let [pass] = pass[..] else { panic!("{drill:#}") };
    let role = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";
    assert_eq!(texts(&pass["Resource"]), [role]);
    assert_eq!(pass["Condition"]["StringEquals"]["iam:PassedToService"], "backup.amazonaws.com");
    let db = |name: &str| format!("arn:aws:rds:eu-west-1:111122223333:db:{name}");
    let own = db("backup-verification-k3v7qa-restore-abcdef");
    assert!(allows(&drill, "rds:DeleteDBInstance", Some(&own)), "{drill:#}");
    assert!(!allows(&drill, "rds:DeleteDBInstance", Some(&db("orders-prod"))));
}

/// What a step is handed from `secrets:` is read with the operator's permissions too.
#[test]
fn secrets_can_be_read_and_no_others() {
    let desk = Desk::new();
    let file = desk.write(
        "secrets.yaml",
        "schema: lifeboat/v1\nkind: runbook\nname: secrets\n\
         target: { account: \"111122223333\", region: eu-west-1 }\n\
         secrets: { one: { secretsmanager: orders/db, key: password }, two: { ssm: /orders/token }, three: { env: X } }\n\
         steps:\n  - id: asks\n    action: postgres.query\n    \
         with: { host: db.example.com, database: d, user: u, password: \"${{ secrets.one }}\", sql: select 1 as n }\n",
    );
    let (code, policy) = Program::new().json(&["iam", &file]);
    assert_eq!(code, 0, "{policy:#}");
    let place = "eu-west-1:111122223333";
    for (action, resource, allowed) in [
        (
            "secretsmanager:GetSecretValue",
            format!("arn:aws:secretsmanager:{place}:secret:orders/db-aBcDeF"),
            true,
        ),
        (
            "secretsmanager:GetSecretValue",
            format!("arn:aws:secretsmanager:{place}:secret:billing/db-aBcDeF"),
            false,
        ),
        ("ssm:GetParameter", format!("arn:aws:ssm:{place}:parameter/orders/token"), true),
        ("ssm:GetParameter", format!("arn:aws:ssm:{place}:parameter/orders/other"), false),
    ] {
        assert_eq!(allows(&policy, action, Some(&resource)), allowed, "{action} on {resource}: {policy:#}");
    }
    assert!(allows(&policy, "kms:Decrypt", None), "{policy:#}");
}
