//! Faults, and a log that cannot be written.

use lifeboat_sim::fault::{Fault, FaultKind, When};
use lifeboat_sim::wire::ConnectionLost;

use crate::bench::{Bench, SOURCE, field, world};

const RESTORE: &str = "RestoreDBInstanceToPointInTime";
const COPY: &[(&str, &str)] = &[
    ("SourceDBInstanceIdentifier", SOURCE),
    ("TargetDBInstanceIdentifier", "copy"),
    ("UseLatestRestorableTime", "true"),
];

fn bench_with(operation: &str, when: When, kind: FaultKind) -> Bench {
    let mut definition = world();
    definition.faults.push(Fault { service: "rds".into(), operation: operation.into(), when, kind });
    Bench::of(definition, 7)
}

#[test]
fn a_throttled_call_changes_nothing_and_the_next_one_is_served() {
    let bench = bench_with(RESTORE, When::Calls(vec![1]), FaultKind::Throttle);
    assert_eq!(bench.refusal(RESTORE, COPY), (400, "Throttling".into(), "Rate exceeded".into()));
    assert_eq!(bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).0, 404);
    bench.good(RESTORE, COPY);
    let lines: Vec<_> =
        bench.log.entries().iter().map(|line| (line.accepted, line.fault, line.effect)).collect();
    assert_eq!(lines, [(1, Some(0), false), (2, None, true)]);
}

#[test]
fn an_ordered_error_has_its_code_and_status() {
    let kind = FaultKind::Error {
        code: "InsufficientDBInstanceCapacity".into(),
        status: 400,
        message: "no capacity".into(),
    };
    let bench = bench_with(RESTORE, When::Calls(vec![1]), kind);
    assert_eq!(bench.refusal(RESTORE, COPY).1, "InsufficientDBInstanceCapacity");
}

#[test]
fn a_lost_reply_comes_after_the_effect() {
    let bench = bench_with(RESTORE, When::Calls(vec![1]), FaultKind::ReplyLost);
    assert_eq!(bench.reply(RESTORE, COPY).outcome, Err(ConnectionLost));
    assert_eq!(bench.status("copy"), "creating");
    assert_eq!(bench.simulator.calls()[0].status, None);
    assert_eq!(bench.refusal(RESTORE, COPY).1, "DBInstanceAlreadyExists");
}

/// An eventually consistent service: what was made is not there yet, what was deleted is there still.
#[test]
fn a_stale_look_sees_what_was_there_before() {
    let bench = bench_with("DescribeDBInstances", When::Calls(vec![1, 3]), FaultKind::StaleRead(60));
    bench.good(RESTORE, COPY);
    let look = || bench.rds("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).status;
    assert_eq!(
        [look(), look()],
        [404, 200],
        "the first look sees the world of a minute ago, the second one today's"
    );
    bench.advance(120);
    assert_eq!(look(), 200, "a minute ago it was there already");
}

#[test]
fn a_slow_call_takes_that_much_longer() {
    let bench = bench_with("DescribeDBInstances", When::Calls(vec![2]), FaultKind::Latency(5000));
    let takes = || bench.reply("DescribeDBInstances", &[]).latency.as_millis();
    assert_eq!([takes(), takes(), takes()], [30, 5030, 30]);
}

#[test]
fn a_restore_can_end_in_a_failed_state_and_still_be_deleted() {
    let kind = FaultKind::FinalState("incompatible-network".into());
    let bench = bench_with(RESTORE, When::Calls(vec![1]), kind);
    bench.good(RESTORE, COPY);
    assert_eq!(bench.states_until("copy", "incompatible-network"), ["creating", "incompatible-network"]);
    assert!(!bench.describe("copy").contains("<Endpoint>"));
    bench.advance(60);
    let events = bench.good("DescribeEvents", &[("EventCategories.EventCategory.1", "failure")]);
    assert_eq!(field(&events, "SourceIdentifier"), "copy");
    let with_snapshot = [("DBInstanceIdentifier", "copy"), ("FinalDBSnapshotIdentifier", "last")];
    assert_eq!(bench.refusal("DeleteDBInstance", &with_snapshot).1, "InvalidDBInstanceState");
    bench.good("DeleteDBInstance", &[("DBInstanceIdentifier", "copy"), ("SkipFinalSnapshot", "true")]);
    bench.advance(900);
    assert_eq!(bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).0, 404);
}

#[test]
fn what_cannot_be_logged_does_not_happen() {
    let bench = Bench::new();
    *bench.log.broken.lock().expect("no test panics with the lock") = true;
    let refusal = bench.refusal(RESTORE, COPY);
    assert_eq!((refusal.0, refusal.1.as_str()), (503, "ServiceUnavailable"));
    assert_eq!(bench.refusal("DescribeDBInstances", &[("DBInstanceIdentifier", "copy")]).0, 404);
    *bench.log.broken.lock().expect("no test panics with the lock") = false;
    bench.good(RESTORE, COPY);
    assert_eq!(bench.log.entries()[0].accepted, 1);
}
