//! Requests that are broken at random, in each protocol: the simulator answers every one of them, and goes on.
//!
//! For a long search: `FUZZ_ROUNDS=2000000 cargo test --release -p lifeboat-sim --test wire broken`

use std::collections::BTreeMap;

use aws_smithy_cbor::Encoder;
use lifeboat_sim::service;
use lifeboat_sim::wire::Request;

use crate::bench::{Bench, request};

/// Small, fast, and the same everywhere: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides.max(1) as u64) as usize
    }

    fn of<'all>(&mut self, all: &[&'all str]) -> &'all str {
        all[self.roll(all.len())]
    }
}

/// Members that operations know, and some that none does.
const MEMBERS: [&str; 30] = [
    "DBInstanceIdentifier",
    "DBSnapshotIdentifier",
    "TargetDBInstanceIdentifier",
    "SourceDBInstanceIdentifier",
    "RestoreTime",
    "UseLatestRestorableTime",
    "Filters.Filter.1.Name",
    "Filters.Filter.1.Values.Value.1",
    "Tags.Tag.1.Key",
    "Tags.Tag.18446744073709551615.Key",
    "MaxRecords",
    "Marker",
    "StartTime",
    "Name",
    "Names",
    "Value",
    "SecretId",
    "SecretString",
    "VersionStage",
    "Targets",
    "Parameters",
    "DocumentName",
    "MaxResults",
    "NextToken",
    "AlarmNames",
    "MetricDataQueries",
    "Metadata",
    "RecoveryPointArn",
    "Resource..1",
    "é",
];

const VALUES: [&str; 18] = [
    "orders-prod",
    "orders/db",
    "latest",
    "true",
    "-1",
    "99999999999999999999",
    "0",
    "",
    "2026-01-05T09:00:00Z",
    "9999-99-99T99:99:99Z",
    "arn:aws:rds:eu-west-1:111122223333:db:orders-prod",
    "arn:::::::",
    "AWS-RunShellScript",
    "Default",
    "%00%ff%zz",
    "\u{0}",
    "é€𝄞",
    "[[[[[[[[[[[[",
];

fn members(dice: &mut Dice) -> Vec<(&'static str, &'static str)> {
    (0..dice.roll(6)).map(|_| (dice.of(&MEMBERS), dice.of(&VALUES))).collect()
}

fn json(dice: &mut Dice, depth: usize) -> String {
    match dice.roll(if depth == 0 { 4 } else { 7 }) {
        0 => format!("{:?}", dice.of(&VALUES)),
        1 => "true".to_owned(),
        2 => "1e400".to_owned(),
        3 => "null".to_owned(),
        4 => format!("[{}]", json(dice, depth - 1)),
        _ => {
            let members: Vec<String> = (0..dice.roll(4))
                .map(|_| format!("{:?}: {}", dice.of(&MEMBERS), json(dice, depth - 1)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn cbor(dice: &mut Dice) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.begin_map();
    for (name, value) in members(dice) {
        encoder.str(name);
        match dice.roll(4) {
            0 => encoder.array(2).str(value).integer(7),
            1 => encoder.double(f64::NAN),
            2 => encoder.begin_map().str(value).str(value).end(),
            _ => encoder.str(value),
        };
    }
    encoder.end();
    encoder.into_writer()
}

/// Changes some bytes, or cuts them off.
fn spoil(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..dice.roll(4) {
        let place = dice.roll(bytes.len().max(1));
        match dice.roll(4) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place.min(bytes.len()), u8::try_from(dice.roll(256)).unwrap_or(0)),
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = u8::try_from(dice.roll(256)).unwrap_or(0);
                }
            }
        }
    }
}

fn broken(dice: &mut Dice, operations: &[(&'static str, &'static str)]) -> Request {
    let (service, operation) = operations[dice.roll(operations.len())];
    let mut broken = request(service, "AKIAEXAMPLE", &[]);
    match dice.roll(4) {
        0 => {
            let form: Vec<_> =
                [("Action", operation), ("Version", "2014-10-31")].into_iter().chain(members(dice)).collect();
            broken = request(service, "AKIAEXAMPLE", &form);
        }
        1 => {
            broken.headers.insert("x-amz-target".into(), format!("Any.{operation}"));
            broken.headers.insert("content-type".into(), "application/x-amz-json-1.1".into());
            broken.body = json(dice, 5).into_bytes();
        }
        2 => {
            broken.uri = format!("https://x/service/GraniteServiceVersion20100801/operation/{operation}");
            broken.headers.insert("smithy-protocol".into(), "rpc-v2-cbor".into());
            broken.headers.insert("content-type".into(), "application/cbor".into());
            broken.body = cbor(dice);
        }
        _ => {
            broken.method = dice.of(&["GET", "PUT", "POST", "DELETE"]).into();
            broken.uri = format!(
                "https://x/{}/{}?{}=%",
                dice.of(&["backup-vaults", "restore-jobs", ""]),
                dice.of(&VALUES),
                dice.of(&MEMBERS)
            );
            broken.body = json(dice, 5).into_bytes();
        }
    }
    if dice.roll(2) == 0 {
        spoil(&mut broken.body, dice);
    }
    if dice.roll(12) == 0 {
        broken.headers = BTreeMap::from([("authorization".to_owned(), dice.of(&VALUES).to_owned())]);
    }
    broken
}

#[test]
fn broken_requests_are_answered_and_never_panic() {
    #[expect(clippy::disallowed_methods, reason = "how a developer asks for a longer search")]
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4_000);
    let operations: Vec<_> = service::operations().collect();
    let (mut dice, mut good, mut refused) = (Dice(1), 0, 0);
    let mut bench = Bench::new();
    for round in 0..rounds {
        // What was made adds up; a fresh world is quicker to copy.
        if round % 500 == 0 {
            bench = Bench::new();
        }
        let reply = bench.simulator.handle(&broken(&mut dice, &operations)).outcome.expect("nothing is lost");
        match reply.status {
            200..300 => good += 1,
            400..600 => refused += 1,
            other => panic!("status {other}"),
        }
        bench.advance(i64::try_from(dice.roll(300)).unwrap_or(0));
    }
    assert!(good > rounds / 100 && refused > rounds / 10, "{good} good, {refused} refused of {rounds}");
    let now = bench.simulator.handle(&request(
        "sts",
        "AKIAEXAMPLE",
        &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")],
    ));
    assert_eq!(now.outcome.expect("a reply").status, 200, "it goes on");
}

/// Deep and long bodies are refused before they take memory or the stack.
#[test]
fn bodies_that_are_deep_or_lie_about_their_length_are_refused() {
    let bench = Bench::new();
    let deep = |open: &str| open.repeat(200_000).into_bytes();
    let json = |body: Vec<u8>| {
        let mut asked = request("ssm", "AKIAEXAMPLE", &[]);
        asked.headers.insert("x-amz-target".into(), "AmazonSSM.GetParameter".into());
        asked.headers.insert("content-type".into(), "application/x-amz-json-1.1".into());
        Request { body, ..asked }
    };
    let cbor = |body: Vec<u8>| {
        let mut asked = request("monitoring", "AKIAEXAMPLE", &[]);
        asked.uri = "https://x/service/GraniteServiceVersion20100801/operation/DescribeAlarms".into();
        asked.headers.insert("smithy-protocol".into(), "rpc-v2-cbor".into());
        Request { body, ..asked }
    };
    // An array, a text and bytes of 2^63 elements; nested arrays, maps and tags.
    let claims = [[0x9b], [0x7b], [0x5b], [0xbb]]
        .map(|head| [&head[..], &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat());
    let mut asked: Vec<Request> = claims.into_iter().map(cbor).collect();
    asked.extend(
        [vec![0x81; 200_000], vec![0xa1; 200_000], vec![0xc1; 200_000], vec![0x9f; 200_000]].map(cbor),
    );
    asked.extend([json(deep("[")), json(deep("{\"a\":"))]);
    for asked in asked {
        let reply = bench.simulator.handle(&asked).outcome.expect("a reply");
        assert!((400..500).contains(&reply.status), "{}", reply.status);
    }
}
