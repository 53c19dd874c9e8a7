//! What befalls data, instances and zones: the embedded worlds of incidents.

use lifeboat_sim::WorldDefinition;
use lifeboat_sim::reach;
use lifeboat_sim::sql::{SqlError, SqlValue};

use crate::bench::{Bench, SOURCE, field, time};

fn bench(world: &str, change: impl FnOnce(&mut WorldDefinition)) -> Bench {
    let mut definition = WorldDefinition::named(world).expect("an embedded world");
    change(&mut definition);
    assert_eq!(definition.problems(), Vec::<String>::new());
    Bench::of(definition, 1)
}

fn count(bench: &Bench, name: &str, sql: &str) -> Result<i64, SqlError> {
    let host = field(&bench.describe(name), "Address");
    let rows = bench.simulator.query(&host, "orders", "lifeboat", "", sql, &[])?;
    match rows.rows[0][0] {
        SqlValue::Integer(count) => Ok(count),
        ref other => panic!("not a count: {other:?}"),
    }
}

fn restore(bench: &Bench, target: &str, at: &str) {
    let source = ("SourceDBInstanceIdentifier", SOURCE);
    let target_name = ("TargetDBInstanceIdentifier", target);
    bench.good("RestoreDBInstanceToPointInTime", &[source, target_name, ("RestoreTime", at)]);
    bench.states_until(target, "modifying");
}

#[test]
fn a_migration_damages_what_is_there_and_every_backup_of_a_later_time() {
    let bench = bench("bad-migration", |_| {});
    let zeros = "select count(*) as n from orders where total = 0";
    let all = "select count(*) as n from orders where created_at < '2026-01-05T08:41:30.000Z'";
    assert_eq!(count(&bench, SOURCE, zeros), count(&bench, SOURCE, all));
    restore(&bench, "before", "2026-01-05T08:41:29Z");
    restore(&bench, "after", "2026-01-05T08:41:30Z");
    assert_eq!(count(&bench, "before", zeros), Ok(0));
    assert_eq!(count(&bench, "after", zeros), count(&bench, "after", all));
}

#[test]
fn rows_are_gone_from_a_time_on_until_they_are_put_back() {
    let bench = bench("rows-deleted", |_| {});
    let old = "select count(*) as n from orders where created_at < '2026-01-03T00:00:00.000Z'";
    restore(&bench, "before", "2026-01-05T08:29:59Z");
    let were = count(&bench, "before", old).expect("a count");
    assert!(were > 3000 && count(&bench, SOURCE, old) == Ok(0));
    assert!(count(&bench, SOURCE, "select count(*) as n from orders").is_ok_and(|left| left > 3000));
    bench.advance(2 * 3600);
    assert_eq!(count(&bench, SOURCE, old), Ok(were));
}

#[test]
fn a_dropped_table_is_not_there_and_the_others_are() {
    let bench = bench("rows-deleted", |definition| {
        let tables = &mut definition.databases.get_mut("orders").expect("the database").tables;
        tables.get_mut("orders").expect("the table").damage[0].does = lifeboat_sim::definition::Damage::Drop;
    });
    let all = "select count(*) as n from orders";
    let refusal = count(&bench, SOURCE, all).map_err(|error| error.to_string());
    assert_eq!(refusal, Err("relation \"orders\" does not exist".into()));
    assert!(count(&bench, SOURCE, "select count(*) as n from heartbeat").is_ok());
    restore(&bench, "before", "2026-01-05T08:29:59Z");
    assert!(count(&bench, "before", all).is_ok());
}

#[test]
fn damage_that_cannot_be_is_told() {
    let mut definition = WorldDefinition::named("bad-migration").expect("an embedded world");
    let tables = &mut definition.databases.get_mut("orders").expect("the database").tables;
    let values = [("totl".to_owned(), 1.into()), ("total".to_owned(), 1.5.into())].into_iter().collect();
    tables.get_mut("orders").expect("the table").damage[0].does =
        lifeboat_sim::definition::Damage::Set(values);
    let expected = [
        "table orders: damage: total takes a whole number, a text or null",
        "table orders: damage: there is no column totl",
    ];
    assert_eq!(definition.problems(), expected);
}

fn door(bench: &Bench) -> Option<u16> {
    bench
        .simulator
        .with_world(|world| reach::ask(world, "shop.example.com", 443))
        .ok()
        .map(|page| page.status)
}

#[test]
fn a_failed_instance_takes_no_connections_and_is_backed_up_no_further() {
    let bench = bench("database-failed", |_| {});
    assert_eq!(field(&bench.describe(SOURCE), "DBInstanceStatus"), "failed");
    let refusal = count(&bench, SOURCE, "select 1 as n").map_err(|error| error.to_string());
    assert!(refusal.is_err_and(|refusal| refusal.ends_with("orders-prod is failed")));
    assert_eq!(door(&bench), Some(503));
    let latest = || time(&field(&bench.describe(SOURCE), "LatestRestorableTime"));
    let (before, failed) = (latest(), time("2026-01-05T08:52:10Z"));
    bench.advance(3600);
    assert!(before <= failed && latest() == before, "{before}");
    bench.restore("copy", &[]);
    bench.states_until("copy", "available");
    let newest = "select count(*) as n from heartbeat where beat_at > '2026-01-05T08:52:10.000Z'";
    assert_eq!(count(&bench, "copy", newest), Ok(0));
}

#[test]
fn in_an_impaired_zone_nothing_answers_and_nothing_is_made() {
    let bench = bench("zone-impaired", |_| {});
    assert_eq!(field(&bench.describe(SOURCE), "DBInstanceStatus"), "available", "AWS shows nothing of it");
    let refusal = count(&bench, SOURCE, "select 1 as n").map_err(|error| error.to_string());
    assert!(refusal.is_err_and(|refusal| refusal.ends_with("no answer")));
    assert_eq!(door(&bench), Some(503));
    let params = [
        ("SourceDBInstanceIdentifier", SOURCE),
        ("TargetDBInstanceIdentifier", "there"),
        ("UseLatestRestorableTime", "true"),
        ("DBSubnetGroupName", "orders-private"),
        ("AvailabilityZone", "eu-west-1a"),
    ];
    let (_, code, _) = bench.refusal("RestoreDBInstanceToPointInTime", &params);
    assert_eq!(code, "InsufficientDBInstanceCapacity");
    bench.restore("elsewhere", &[("DBSubnetGroupName", "orders-private")]);
    assert_eq!(
        field(&bench.describe("elsewhere"), "AvailabilityZone"),
        "eu-west-1b",
        "AWS chooses one that is well"
    );
    bench.states_until("elsewhere", "available");
    assert_eq!(count(&bench, "elsewhere", "select 1 as n"), Ok(1));
}

#[test]
fn a_standby_in_an_impaired_zone_is_refused() {
    let mut definition = WorldDefinition::named("zone-impaired").expect("an embedded world");
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    region.instances[0].settings.multi_az = true;
    let problem = "instance orders-prod: it has a standby, so none of its zones can be impaired here";
    assert_eq!(definition.problems(), [problem]);
}

#[test]
fn a_bad_version_answers_with_errors_and_writes_what_is_wrong_while_it_serves() {
    let bench = bench("bad-deployment", |_| {});
    let wrong = "select count(*) as n from orders where total is null";
    assert_eq!(door(&bench), Some(502));
    let before = count(&bench, SOURCE, wrong).expect("a count");
    assert!((10..=15).contains(&before), "one each 45 seconds since 08:50: {before}");
    bench.advance(9 * 60);
    assert_eq!(door(&bench), Some(200), "rolled back at 09:08:30");
    let after = count(&bench, SOURCE, wrong).expect("a count");
    bench.advance(20 * 60);
    assert!(after > before && count(&bench, SOURCE, wrong) == Ok(after));
    bench.advance(12 * 60);
    assert_eq!(count(&bench, SOURCE, wrong), Ok(0), "put right at 09:40");
}
