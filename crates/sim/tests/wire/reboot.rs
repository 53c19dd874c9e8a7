//! RebootDBInstance, failovers, PromoteReadReplica, and modifications that fail.

use lifeboat_sim::WorldDefinition;
use lifeboat_sim::definition::MaintenanceDefinition;
use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::sql::SqlValue;

use crate::bench::{Bench, SOURCE, field, fields, time};

const REPLICA: &str = "orders-replica";
const FAILOVER: [(&str, &str); 2] = [("DBInstanceIdentifier", SOURCE), ("ForceFailover", "true")];

fn definition() -> WorldDefinition {
    WorldDefinition::named("multi-az").expect("the world can be read")
}

fn bench() -> Bench {
    Bench::of(definition(), 7)
}

fn failing(operation: &str, state: &str) -> Bench {
    let mut definition = definition();
    let kind = FaultKind::FinalState(state.into());
    let (service, operation) = ("rds".into(), operation.into());
    definition.faults.push(Fault { service, operation, when: When::Calls(vec![1]), kind });
    Bench::of(definition, 7)
}

fn messages(bench: &Bench, category: &str) -> Vec<String> {
    let params = [("EventCategories.EventCategory.1", category)];
    fields(&bench.good("DescribeEvents", &params), "Message")
}

fn zones(bench: &Bench) -> (String, String) {
    let body = bench.describe(SOURCE);
    // The subnet group names zones too, under other elements.
    (field(&body, "AvailabilityZone"), field(&body, "SecondaryAvailabilityZone"))
}

#[test]
fn the_world_fits_together_and_its_replica_follows() {
    assert_eq!(definition().problems(), Vec::<String>::new());
    let bench = bench();
    assert_eq!(field(&bench.describe(SOURCE), "ReadReplicaDBInstanceIdentifier"), REPLICA);
    let body = bench.describe(REPLICA);
    assert_eq!(field(&body, "ReadReplicaSourceDBInstanceIdentifier"), SOURCE);
    assert!(body.contains("<Status>replicating</Status>"), "{body}");
}

#[test]
fn a_failover_is_quiet_first_then_down_and_the_zones_follow_late() {
    let bench = bench();
    assert_eq!(zones(&bench), ("eu-west-1a".into(), "eu-west-1b".into()));
    let host = field(&bench.describe(SOURCE), "Address");
    let asks =
        || bench.simulator.query(&host, "orders", "any", "", "select max(beat_at) as b from heartbeat", &[]);
    assert_eq!(field(&bench.good("RebootDBInstance", &FAILOVER), "DBInstanceStatus"), "available");
    bench.advance(4);
    assert_eq!(bench.status(SOURCE), "available", "the trap: nothing has begun, and it looks done");
    assert_eq!(bench.states_until(SOURCE, "rebooting"), ["available", "rebooting"]);
    assert!(asks().is_err(), "nobody can connect");
    bench.states_until(SOURCE, "available");
    assert!(asks().is_ok());
    assert_eq!(zones(&bench).0, "eu-west-1a", "the field is late");
    bench.advance(200);
    assert_eq!(zones(&bench), ("eu-west-1b".into(), "eu-west-1a".into()));
    assert_eq!(
        messages(&bench, "failover"),
        ["Multi-AZ instance failover started", "Multi-AZ instance failover completed"]
    );
    assert_eq!(messages(&bench, "availability"), ["DB instance restarted"]);
}

#[test]
fn a_second_failover_soon_after_is_given_up() {
    let bench = bench();
    bench.good("RebootDBInstance", &FAILOVER);
    bench.advance(400);
    bench.good("RebootDBInstance", &FAILOVER);
    bench.advance(120);
    assert_eq!(bench.status(SOURCE), "available");
    assert!(
        messages(&bench, "failover")
            .iter()
            .any(|text| text.starts_with("Abandoning user requested failover"))
    );
    bench.advance(600);
    bench.good("RebootDBInstance", &FAILOVER);
    assert_eq!(bench.states_until(SOURCE, "rebooting").last().map(String::as_str), Some("rebooting"));
}

#[test]
fn without_a_standby_there_is_no_failover_but_a_reboot() {
    let bench = bench();
    let failover = [("DBInstanceIdentifier", REPLICA), ("ForceFailover", "true")];
    assert_eq!(bench.refusal("RebootDBInstance", &failover).1, "InvalidParameterCombination");
    assert_eq!(
        bench.refusal("RebootDBInstance", &[("DBInstanceIdentifier", "nobody")]).1,
        "DBInstanceNotFound"
    );
    bench.good("RebootDBInstance", &[("DBInstanceIdentifier", REPLICA)]);
    bench.states_until(REPLICA, "rebooting");
    assert_eq!(bench.refusal("RebootDBInstance", &failover).1, "InvalidDBInstanceState");
    bench.states_until(REPLICA, "available");
}

#[test]
fn a_change_after_a_failover_does_not_turn_it_back() {
    let bench = bench();
    bench.good("RebootDBInstance", &FAILOVER);
    bench.states_until(SOURCE, "rebooting");
    bench.states_until(SOURCE, "available");
    let change =
        [("DBInstanceIdentifier", SOURCE), ("DBInstanceClass", "db.m7g.large"), ("ApplyImmediately", "true")];
    bench.good("ModifyDBInstance", &change);
    bench.advance(900);
    assert_eq!(zones(&bench), ("eu-west-1b".into(), "eu-west-1a".into()));
}

#[test]
fn a_standby_comes_with_its_zone_and_goes_with_it() {
    let bench = Bench::new();
    let change = |multi_az| {
        let params = [("DBInstanceIdentifier", SOURCE), ("MultiAZ", multi_az), ("ApplyImmediately", "true")];
        bench.good("ModifyDBInstance", &params);
        bench.advance(1200);
        zones(&bench).1
    };
    assert_eq!([change("true"), change("false")], ["eu-west-1b", ""]);
}

#[test]
fn a_replica_is_promoted_once_and_stops_following() {
    let bench = bench();
    bench.good("PromoteReadReplica", &[("DBInstanceIdentifier", REPLICA)]);
    assert_eq!(field(&bench.describe(REPLICA), "ReadReplicaSourceDBInstanceIdentifier"), SOURCE, "not yet");
    bench.states_until(REPLICA, "modifying");
    assert_eq!(
        bench.states_until(REPLICA, "available"),
        ["modifying", "rebooting", "backing-up", "available"]
    );
    let body = bench.describe(REPLICA);
    assert!(!body.contains("ReadReplicaSourceDBInstanceIdentifier") && !body.contains("replicating"));
    assert_eq!(field(&body, "BackupRetentionPeriod"), "1");
    assert_eq!(field(&bench.describe(SOURCE), "ReadReplicaDBInstanceIdentifier"), "");
    let again = bench.refusal("PromoteReadReplica", &[("DBInstanceIdentifier", REPLICA)]);
    assert_eq!(again.1, "InvalidDBInstanceState");
    let host = field(&body, "Address");
    let ask =
        || bench.simulator.query(&host, "orders", "any", "", "select max(beat_at) as b from heartbeat", &[]);
    let before = format!("{:?}", ask());
    bench.advance(60);
    assert_eq!(format!("{:?}", ask()), before, "nobody writes to it any more");
}

#[test]
fn each_can_end_in_a_failed_state() {
    let bench = failing("RebootDBInstance", "storage-full");
    bench.good("RebootDBInstance", &FAILOVER);
    bench.states_until(SOURCE, "storage-full");
    assert_eq!(zones(&bench).0, "eu-west-1a");
    let bench = failing("PromoteReadReplica", "failed");
    bench.good("PromoteReadReplica", &[("DBInstanceIdentifier", REPLICA)]);
    bench.states_until(REPLICA, "failed");
    let change =
        [("DBInstanceIdentifier", SOURCE), ("DBInstanceClass", "db.m7g.large"), ("ApplyImmediately", "true")];
    let bench = failing("ModifyDBInstance", "incompatible-parameters");
    bench.good("ModifyDBInstance", &change);
    bench.states_until(SOURCE, "incompatible-parameters");
}

#[test]
fn a_change_that_failed_looks_like_one_that_was_made() {
    let bench = failing("ModifyDBInstance", "available");
    let change =
        [("DBInstanceIdentifier", SOURCE), ("DBInstanceClass", "db.m7g.large"), ("ApplyImmediately", "true")];
    bench.good("ModifyDBInstance", &change);
    bench.states_until(SOURCE, "modifying");
    bench.states_until(SOURCE, "available");
    let body = bench.describe(SOURCE);
    assert_eq!(
        (field(&body, "DBInstanceClass").as_str(), field(&body, "PendingModifiedValues").as_str()),
        ("db.t4g.medium", "")
    );
    bench.advance(60);
    assert_eq!(messages(&bench, "failure").len(), 1, "only an event tells");
}

#[test]
fn a_new_name_resolves_a_minute_late() {
    let bench = bench();
    let rename = [
        ("DBInstanceIdentifier", SOURCE),
        ("NewDBInstanceIdentifier", "orders-old"),
        ("ApplyImmediately", "true"),
    ];
    bench.good("ModifyDBInstance", &rename);
    bench.states_until(SOURCE, "renaming");
    while bench.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "orders-old")]).status != 200 {
        bench.advance(1);
    }
    let host = field(&bench.describe("orders-old"), "Address");
    let ask =
        || bench.simulator.query(&host, "orders", "any", "", "select count(*) as n from heartbeat", &[]);
    assert!(ask().is_err());
    bench.advance(61);
    assert!(ask().is_ok());
    let latest = time(&field(&bench.describe("orders-old"), "LatestRestorableTime"));
    assert!(latest < bench.now(), "its backups went with it");
}

#[test]
fn a_password_can_be_given_to_secrets_manager() {
    let bench = bench();
    let change = [
        ("DBInstanceIdentifier", SOURCE),
        ("ManageMasterUserPassword", "true"),
        ("ApplyImmediately", "true"),
    ];
    bench.good("ModifyDBInstance", &change);
    bench.advance(900);
    let body = bench.describe(SOURCE);
    assert!(field(&body, "SecretArn").contains(":secret:rds!db-"), "{body}");
    assert_eq!(field(&body, "SecretStatus"), "active");
}

#[test]
fn maintenance_is_told_of_what_it_waits_for() {
    let mut definition = definition();
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    let auto_applied_after = Some(time("2026-02-01T00:00:00Z"));
    let (action, description) = ("system-update".into(), "New Operating System update is available".into());
    let waiting = MaintenanceDefinition { action, description, auto_applied_after };
    region.instances[0].pending_maintenance.push(waiting);
    let bench = Bench::of(definition, 7);
    let arn = format!("arn:aws:rds:eu-west-1:111122223333:db:{SOURCE}");
    let all = bench.good("DescribePendingMaintenanceActions", &[]);
    assert_eq!(fields(&all, "ResourceIdentifier"), [arn.as_str()]);
    assert_eq!(field(&all, "Action"), "system-update");
    assert_eq!(time(&field(&all, "AutoAppliedAfterDate")), time("2026-02-01T00:00:00Z"));
    let one = |arn: &str| bench.good("DescribePendingMaintenanceActions", &[("ResourceIdentifier", arn)]);
    assert_eq!(fields(&one(&arn), "Action"), ["system-update"]);
    assert!(fields(&one("arn:aws:rds:eu-west-1:111122223333:db:orders-replica"), "Action").is_empty());
    let filter = [("Filters.Filter.1.Name", "db-instance-id"), ("Filters.Filter.1.Values.Value.1", REPLICA)];
    assert!(fields(&bench.good("DescribePendingMaintenanceActions", &filter), "Action").is_empty());
}

#[test]
fn a_replica_that_lags_keeps_what_it_had_when_it_is_promoted() {
    let mut definition = definition();
    let when = When::During { from_s: 0, to_s: None };
    let (service, operation) = ("rds".into(), "*".into());
    definition.faults.push(Fault { service, operation, when, kind: FaultKind::ReplicaLag(900) });
    let bench = Bench::of(definition, 7);
    bench.advance(600);
    let newest = |name: &str| {
        let host = field(&bench.describe(name), "Address");
        let sql = "select max(beat_at) as b from heartbeat";
        let rows = bench.simulator.query(&host, "orders", "any", "", sql, &[]).expect("an answer").rows;
        match &rows[0][0] {
            SqlValue::Text(text) => time(text),
            other => panic!("{other:?}"),
        }
    };
    let behind = (newest(SOURCE) - newest(REPLICA)).num_seconds();
    assert!((590..=610).contains(&behind), "it stands still until it is 900 s behind: {behind}");
    let held = newest(REPLICA);
    bench.good("PromoteReadReplica", &[("DBInstanceIdentifier", REPLICA), ("BackupRetentionPeriod", "0")]);
    bench.states_until(REPLICA, "rebooting");
    bench.states_until(REPLICA, "available");
    let kept = newest(REPLICA);
    assert!(kept >= held && newest(SOURCE) > kept, "{kept}");
    bench.advance(3600);
    assert_eq!(newest(REPLICA), kept, "nobody writes to it any more");
}
