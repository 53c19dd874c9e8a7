//! The world is a fold: its log leads to the same world.

use std::sync::Arc;

use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::{ManualClock, Simulator, WorldDefinition, WorldEntry};
use proptest::prelude::*;
use serde_json::json;

use crate::bench::{Bench, SOURCE, field, request, world};

#[derive(Debug, Clone)]
enum Deed {
    Wait(i64),
    Look,
    Restore(u8, bool),
    Modify(u8, bool),
    Rename(u8, u8),
    Delete(u8, bool),
    Tag(u8),
    Secret(u8),
    Parameter(u8, bool),
    BackUp,
    RestoreJob(u8),
    Command,
    Automation,
    Approve,
    Alarm,
}

fn deed() -> impl Strategy<Value = Deed> {
    let name = 0..4u8;
    prop_oneof![
        4 => (0..1500i64).prop_map(Deed::Wait),
        1 => Just(Deed::Look),
        3 => (name.clone(), any::<bool>()).prop_map(|(name, backups)| Deed::Restore(name, backups)),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, class)| Deed::Modify(name, class)),
        1 => (name.clone(), name.clone()).prop_map(|(old, new)| Deed::Rename(old, new)),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, keep)| Deed::Delete(name, keep)),
        1 => name.clone().prop_map(Deed::Tag),
        1 => name.clone().prop_map(Deed::Secret),
        1 => (name.clone(), any::<bool>()).prop_map(|(name, overwrite)| Deed::Parameter(name, overwrite)),
        1 => Just(Deed::BackUp),
        1 => name.prop_map(Deed::RestoreJob),
        1 => Just(Deed::Command),
        1 => Just(Deed::Automation),
        1 => Just(Deed::Approve),
        1 => Just(Deed::Alarm),
    ]
}

fn perform(bench: &Bench, deed: &Deed) {
    let name = |number: &u8| format!("copy-{number}");
    let send = |operation: &str, params: &[(&str, &str)]| drop(bench.reply(operation, params));
    match deed {
        Deed::Wait(seconds) => bench.advance(*seconds),
        Deed::Look => send("DescribeDBInstances", &[]),
        Deed::Restore(target, backups) => send(
            "RestoreDBInstanceToPointInTime",
            &[
                ("SourceDBInstanceIdentifier", SOURCE),
                ("TargetDBInstanceIdentifier", &name(target)),
                ("UseLatestRestorableTime", "true"),
                ("BackupRetentionPeriod", if *backups { "2" } else { "0" }),
            ],
        ),
        Deed::Modify(target, class) => {
            let change =
                if *class { ("DBInstanceClass", "db.m7g.large") } else { ("BackupRetentionPeriod", "1") };
            let params = [("DBInstanceIdentifier", &*name(target)), change, ("ApplyImmediately", "true")];
            send("ModifyDBInstance", &params);
        }
        Deed::Rename(old, new) => send(
            "ModifyDBInstance",
            &[
                ("DBInstanceIdentifier", &name(old)),
                ("NewDBInstanceIdentifier", &name(new)),
                ("ApplyImmediately", "true"),
            ],
        ),
        Deed::Delete(target, keep) => send(
            "DeleteDBInstance",
            &[
                ("DBInstanceIdentifier", &name(target)),
                ("SkipFinalSnapshot", "true"),
                ("DeleteAutomatedBackups", if *keep { "false" } else { "true" }),
            ],
        ),
        Deed::Secret(value) => {
            let token = format!("{value}2345678-1234-4123-8123-123456789012");
            let input =
                json!({ "SecretId": "orders/db", "SecretString": name(value), "ClientRequestToken": token });
            bench.json("secretsmanager", "secretsmanager.PutSecretValue", &input);
        }
        Deed::Parameter(target, overwrite) => {
            let input =
                json!({ "Name": name(target), "Value": "v", "Type": "String", "Overwrite": overwrite });
            bench.json("ssm", "AmazonSSM.PutParameter", &input);
        }
        Deed::BackUp => {
            let role = "arn:aws:iam::111122223333:role/Backup";
            let orders = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";
            let input = json!({ "BackupVaultName": "Default", "ResourceArn": orders, "IamRoleArn": role });
            bench.rest("backup", "PUT", "/backup-jobs", &input);
        }
        Deed::RestoreJob(target) => {
            let world = bench.simulator.world();
            let points = world.regions().flat_map(|(_, region)| region.backup.recovery_points.keys());
            let metadata = json!({ "dbInstanceIdentifier": name(target) });
            for arn in points.take(1) {
                let input = json!({ "RecoveryPointArn": arn, "Metadata": metadata });
                bench.rest("backup", "PUT", "/restore-jobs", &input);
            }
        }
        Deed::Command => {
            let targets = json!([{ "Key": "tag:service", "Values": ["orders"] }]);
            let parameters = json!({ "commands": ["true"] });
            let input =
                json!({ "DocumentName": "AWS-RunShellScript", "Targets": targets, "Parameters": parameters });
            bench.json("ssm", "AmazonSSM.SendCommand", &input);
        }
        Deed::Automation => {
            let input = json!({ "DocumentName": "Orders-FailOver", "Parameters": { "Environment": ["x"] } });
            bench.json("ssm", "AmazonSSM.StartAutomationExecution", &input);
        }
        Deed::Approve => {
            let world = bench.simulator.world();
            for execution in world.regions().flat_map(|(_, region)| &region.automations) {
                let input = json!({ "AutomationExecutionId": execution.id, "SignalType": "Approve" });
                bench.json("ssm", "AmazonSSM.SendAutomationSignal", &input);
            }
        }
        Deed::Alarm => {
            let input = json!({ "AlarmName": "orders-api-5xx", "StateValue": "ALARM", "StateReason": "x" });
            let mut set = request("monitoring", "AKIAEXAMPLE", &[]);
            set.headers.insert("x-amz-target".into(), "GraniteServiceVersion20100801.SetAlarmState".into());
            set.body = input.to_string().into_bytes();
            bench.answer(&set);
        }
        Deed::Tag(target) => {
            let arn = format!("arn:aws:rds:eu-west-1:111122223333:db:{}", name(target));
            send(
                "AddTagsToResource",
                &[("ResourceName", &arn), ("Tags.Tag.1.Key", "k"), ("Tags.Tag.1.Value", "v")],
            );
        }
    }
}

fn faulty_world() -> WorldDefinition {
    let mut definition = world();
    let fault = |operation: &str, kind| Fault {
        service: "rds".into(),
        operation: operation.into(),
        when: When::Probability(0.2),
        kind,
    };
    definition.faults = vec![
        fault("DeleteDBInstance", FaultKind::Throttle),
        fault("ModifyDBInstance", FaultKind::ReplyLost),
        Fault {
            service: "backup".into(),
            ..fault("StartRestoreJob", FaultKind::FinalState("ABORTED".into()))
        },
        fault("RestoreDBInstanceToPointInTime", FaultKind::FinalState("incompatible-network".into())),
    ];
    definition
}

fn replayed(bench: &Bench, seed: u64, entries: &[WorldEntry]) -> Simulator {
    let clock = Arc::new(ManualClock::new(bench.now()));
    Simulator::replay(faulty_world(), seed, entries, clock, None).expect("the log fits its own world")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_leads_to_the_same_world(deeds in prop::collection::vec(deed(), 1..40), seed in 0..1000u64) {
        let bench = Bench::of(faulty_world(), seed);
        for deed in &deeds {
            perform(&bench, deed);
        }
        let lines: Vec<String> =
            bench.log.entries().iter().map(|line| serde_json::to_string(line).expect("a line of JSON")).collect();
        let entries: Vec<WorldEntry> =
            lines.iter().map(|line| serde_json::from_str(line).expect("the same line")).collect();
        prop_assert_eq!(&entries, &bench.log.entries());
        prop_assert_eq!(replayed(&bench, seed, &entries).world(), bench.simulator.world());
    }

    #[test]
    fn looking_changes_nothing(deeds in prop::collection::vec(deed(), 1..25), seed in 0..1000u64) {
        let (quiet, watched) = (Bench::of(faulty_world(), seed), Bench::of(faulty_world(), seed));
        for deed in &deeds {
            perform(&quiet, deed);
            perform(&watched, deed);
            watched.reply("DescribeDBInstances", &[]);
            watched.reply("DescribeEvents", &[]);
        }
        prop_assert_eq!(told(&quiet), told(&watched));
    }
}

/// The world in words, but for the ids of requests: looks are requests too, and ids go by their numbers.
fn told(bench: &Bench) -> String {
    let world = format!("{:#?}", bench.simulator.world());
    let lines = world.lines().filter(|line| !line.trim_start().starts_with("request_id: "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_line_is_one_line_of_json_with_what_a_replay_needs() {
    let bench = Bench::new();
    bench.restore("copy", &[]);
    let line = serde_json::to_value(&bench.log.entries()[0]).expect("JSON");
    assert_eq!(line["at"], "2026-01-05T09:00:00Z");
    assert_eq!(line["service"], "rds");
    assert_eq!(line["operation"], "RestoreDBInstanceToPointInTime");
    assert_eq!(line["region"], "eu-west-1");
    assert_eq!(line["accepted"], 1);
    assert_eq!(line["params"]["TargetDBInstanceIdentifier"], "copy");
    assert_eq!(line["digest"].as_str().map(str::len), Some(64));
}

#[test]
fn a_line_of_an_older_version_is_still_replayed() {
    let line = r#"{"at":"2026-01-05T09:00:05Z","service":"rds","operation":"RestoreDBInstanceToPointInTime",
        "region":"eu-west-1","account":"111122223333","params":{"SourceDBInstanceIdentifier":"orders-prod",
        "TargetDBInstanceIdentifier":"copy","UseLatestRestorableTime":"true"},"digest":"00","accepted":1,
        "request":3,"call":1,"effect":true}"#;
    let entry: WorldEntry = serde_json::from_str(line).expect("a line as it was always written");
    let clock = Arc::new(ManualClock::new(entry.at));
    let simulator = Simulator::replay(world(), 7, &[entry], clock, None).expect("it fits");
    let made = simulator.world().regions().any(|(_, region)| region.instance("copy").is_some());
    assert!(made, "the restore happened again");
}

#[test]
fn a_document_is_kept_as_it_was_sent() {
    let bench = Bench::new();
    let input =
        json!({ "Name": "/x", "Value": "v", "Type": "String", "Tags": [{ "Key": "a", "Value": "b" }] });
    bench.accepted("ssm", "AmazonSSM.PutParameter", &input);
    let line = serde_json::to_value(&bench.log.entries()[0]).expect("JSON");
    assert_eq!((&line["service"], &line["params"]), (&json!("ssm"), &input));
}

#[test]
fn who_called_is_kept_where_it_was_somebody_else() {
    let bench = Bench::new();
    let role = "arn:aws:iam::111122223333:role/DisasterRecovery";
    let form = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", "drill")];
    let key = field(&bench.answer(&request("sts", "AKIAEXAMPLE", &form)).body, "AccessKeyId");
    let mut put = request("ssm", &key, &[]);
    put.headers.insert("x-amz-target".into(), "AmazonSSM.PutParameter".into());
    put.body = br#"{"Name":"/x","Value":"v","Type":"String"}"#.to_vec();
    assert_eq!(bench.answer(&put).status, 200);
    let entries = bench.log.entries();
    assert_eq!(entries[0].caller, None);
    assert!(entries[1].caller.as_ref().is_some_and(|caller| caller.arn.ends_with("DisasterRecovery/drill")));
    let clock = Arc::new(ManualClock::new(bench.now()));
    let simulator = Simulator::replay(world(), 7, &entries, clock, None).expect("it fits");
    assert_eq!(simulator.world(), bench.simulator.world());
}

#[test]
fn after_a_replay_calls_and_request_ids_go_on_counting() {
    let bench = Bench::of(faulty_world(), 3);
    bench.reply("DescribeDBInstances", &[]);
    bench.restore("copy", &[]);
    let resumed = replayed(&bench, 3, &bench.log.entries());
    let request = request("rds", "AKIAEXAMPLE", &[("Action", "DescribeEvents")]);
    let live = bench.simulator.handle(&request).outcome;
    assert_eq!(resumed.handle(&request).outcome, live);
}

#[test]
fn a_log_that_does_not_fit_is_refused_with_its_line() {
    let bench = Bench::new();
    bench.restore("copy", &[]);
    bench.restore("other", &[]);
    let refusal = |entries: &[WorldEntry]| {
        let clock = Arc::new(ManualClock::new(bench.now()));
        Simulator::replay(world(), 7, entries, clock, None).expect_err("it does not fit").to_string()
    };
    let entries = bench.log.entries();
    assert_eq!(refusal(&entries[1..]), "line 1 of the world's log is numbered 2: the log is not whole");
    let mut doubled = vec![entries[0].clone(), WorldEntry { accepted: 2, ..entries[0].clone() }];
    assert!(refusal(&doubled).starts_with(
        "line 2 of the world's log was accepted then and is refused now (DBInstanceAlreadyExists"
    ));
    doubled[1].operation = "DescribeDBInstances".into();
    assert!(refusal(&doubled).ends_with("is not an operation that changes the world"));
}
