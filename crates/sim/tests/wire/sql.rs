//! Databases of the world.

use chrono::{DateTime, TimeDelta, Utc};
use lifeboat_sim::sql::{Rows, SqlError, SqlValue};

use crate::bench::{Bench, SOURCE, field, time, world};

fn ask_with(bench: &Bench, name: &str, sql: &str, params: &[SqlValue]) -> Result<Rows, SqlError> {
    let host = field(&bench.describe(name), "Address");
    bench.simulator.query(&host, "orders", "lifeboat", "", sql, params)
}

fn ask(bench: &Bench, name: &str, sql: &str) -> Result<Rows, SqlError> {
    ask_with(bench, name, sql, &[])
}

fn refusal(bench: &Bench, sql: &str) -> String {
    ask(bench, SOURCE, sql).map_or_else(|error| error.to_string(), |rows| format!("answered {rows:?}"))
}

fn newest(bench: &Bench, name: &str) -> (DateTime<Utc>, i64) {
    let rows =
        ask(bench, name, "select max(beat_at) as newest, count(*) as n from heartbeat").expect("an answer");
    assert_eq!(rows.columns, ["newest", "n"]);
    match rows.rows[0].as_slice() {
        [SqlValue::Text(newest), SqlValue::Integer(count)] => (time(newest), *count),
        other => panic!("not a time and a count: {other:?}"),
    }
}

#[test]
fn the_source_is_written_to_until_now() {
    let bench = Bench::new();
    assert_eq!(newest(&bench, SOURCE), (bench.now(), 8641));
    bench.advance(25);
    assert_eq!(newest(&bench, SOURCE), (bench.now() - TimeDelta::seconds(5), 8643));
}

#[test]
fn a_restored_copy_ends_exactly_at_its_restore_time() {
    let bench = Bench::new();
    for (target, at, last, count) in [
        ("on-a-beat", "2026-01-05T08:30:00Z", "2026-01-05T08:30:00Z", 8461),
        ("just-before", "2026-01-05T08:29:59Z", "2026-01-05T08:29:50Z", 8460),
    ] {
        let params = [
            ("SourceDBInstanceIdentifier", SOURCE),
            ("TargetDBInstanceIdentifier", target),
            ("RestoreTime", at),
        ];
        bench.good("RestoreDBInstanceToPointInTime", &params);
        bench.states_until(target, "modifying");
        assert_eq!(newest(&bench, target), (time(last), count));
    }
}

#[test]
fn the_latest_restorable_time_is_what_use_latest_gives() {
    let bench = Bench::new();
    let latest = time(&field(&bench.describe(SOURCE), "LatestRestorableTime"));
    bench.restore("copy", &[("BackupRetentionPeriod", "0")]);
    bench.states_until("copy", "available");
    let (newest, _) = newest(&bench, "copy");
    assert!(newest <= latest && latest - newest < TimeDelta::seconds(10), "{newest} {latest}");
}

#[test]
fn plain_columns_parameters_and_joins_are_answered() {
    let bench = Bench::new();
    let sql = "select id, created_at, total from orders where id <= $1 and total >= $2 order by id limit 2";
    let rows =
        ask_with(&bench, SOURCE, sql, &[SqlValue::Integer(100), SqlValue::Integer(5)]).expect("an answer");
    assert_eq!(rows.rows.len(), 2);
    assert_eq!(rows.rows[0][..2], [SqlValue::Integer(1), SqlValue::Text("2026-01-01T00:00:17.000Z".into())]);
    let sql = "select count(*) from orders o join heartbeat h on h.id = o.id where h.beat_at > now()";
    assert_eq!(ask(&bench, SOURCE, sql).expect("an answer").rows, [[SqlValue::Integer(0)]]);
}

#[test]
fn what_cannot_be_answered_is_an_error_and_never_empty() {
    let bench = Bench::new();
    let prefix = "the simulated world cannot answer this SQL: ";
    for (sql, reason) in [
        ("select * from customers", "no such table: customers"),
        ("select \"absent\" from orders", "no such column"),
        ("select max(beat_at)::text from heartbeat", "unrecognized token"),
        ("select now() - interval '5 minutes'", "no such column: interval"),
        ("delete from orders", "it does not only read"),
        ("select id from orders where id = $1", "it takes 1 parameters and 0 were given"),
        ("select random()", "random is not simulated"),
    ] {
        let message = refusal(&bench, sql);
        assert!(message.starts_with(prefix) && message.contains(reason), "{sql}: {message}");
    }
}

#[test]
fn only_a_usable_instance_with_that_database_answers() {
    let bench = Bench::new();
    let query = |host: &str, database: &str| bench.simulator.query(host, database, "x", "", "select 1", &[]);
    let source = field(&bench.describe(SOURCE), "Address");
    bench.restore("copy", &[]);
    let copy = source.replace("orders-prod", "copy");
    let connect =
        |reason: &str, host: &str| Err(SqlError::Connect { host: host.into(), reason: reason.into() });
    assert_eq!(query(&copy, "orders"), connect("copy is creating", &copy));
    assert_eq!(query("nowhere.example", "orders"), connect("the name does not resolve", "nowhere.example"));
    assert_eq!(query(&source, "other"), Err(SqlError::NoDatabase { database: "other".into() }));
    assert!(query(&source, "orders").is_ok());
}

#[test]
fn a_declared_password_is_asked_for() {
    let mut definition = world();
    let database = definition.databases.get_mut("orders").expect("the default database");
    database.user = Some("lifeboat".into());
    database.password = Some("right".into());
    let bench = Bench::of(definition, 1);
    let host = field(&bench.describe(SOURCE), "Address");
    let query =
        |user, password| bench.simulator.query(&host, "orders", user, password, "select 1", &[]).is_ok();
    assert_eq!(
        [query("lifeboat", "right"), query("lifeboat", "wrong"), query("other", "right")],
        [true, false, false]
    );
}
