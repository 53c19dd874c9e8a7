//! Questions to a real PostgreSQL: types, parameters, limits, what is refused.

use crate::asking::{ask, change, question, refusal, row};
use crate::database::PASSWORD;
use lifeboat_probe::connect_to::Address;
use lifeboat_probe::sql::{MOST_ROWS, SqlRequest};
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn each_type_comes_back_as_the_language_has_it() {
    let map = |name: &str, value: Value| Value::Map(BTreeMap::from([(name.to_owned(), value)]));
    for (expression, expected) in [
        ("1::smallint", Value::Int(1)),
        ("-7::integer", Value::Int(-7)),
        ("9223372036854775807::bigint", Value::Int(i64::MAX)),
        ("4294967295::oid", Value::Int(4_294_967_295)),
        ("1.5::real", Value::Float(1.5)),
        ("-0.25::double precision", Value::Float(-0.25)),
        ("'NaN'::float8", "NaN".into()),
        ("'-Infinity'::float8", "-Infinity".into()),
        ("true", Value::Bool(true)),
        ("12.50::numeric", "12.50".into()),
        ("'words ✓'::text", "words ✓".into()),
        ("'ab'::char(4)", "ab  ".into()),
        ("'x'::\"char\"", "x".into()),
        // The session's zone is Berlin's: the answer is UTC all the same.
        ("'2026-01-05 10:00:00+01'::timestamptz", "2026-01-05T09:00:00Z".into()),
        ("'2026-01-05 09:00:00.123456+00'::timestamptz", "2026-01-05T09:00:00.123456Z".into()),
        ("'infinity'::timestamptz", "infinity".into()),
        ("'2026-01-05 09:00:00.5'::timestamp", "2026-01-05T09:00:00.500".into()),
        ("'-infinity'::timestamp", "-infinity".into()),
        ("'2026-01-05'::date", "2026-01-05".into()),
        ("'09:30:00'::time", "09:30:00".into()),
        ("'\\x00ff10'::bytea", "\\x00ff10".into()),
        ("'0b6c1f6e-6f0d-4e5e-9a0c-0d8f3b1b7c11'::uuid", "0b6c1f6e-6f0d-4e5e-9a0c-0d8f3b1b7c11".into()),
        ("'{\"n\": [1, null]}'::jsonb", map("n", Value::List(vec![Value::Int(1), Value::Null]))),
        ("'\"text\"'::json", "text".into()),
        ("null::integer", Value::Null),
        ("pg_sleep(0)", Value::Null),
    ] {
        assert_eq!(
            row(&question(&format!("select {expression} as v"))).await,
            map("v", expected),
            "{expression}"
        );
    }
}

#[tokio::test]
async fn a_numeric_has_the_text_that_postgresql_gives_it() {
    let numbers = [
        "0",
        "0.00",
        "1",
        "-1",
        "10000",
        "9999.9999",
        "12345678901234567890.123",
        "0.0001",
        "-0.00010000",
        "100000000",
        "1e20",
        "1e-12",
        "10000.5",
        "NaN",
        "Infinity",
        "-Infinity",
        "0.12345678",
        "7.00000",
    ];
    let list = numbers.map(|number| format!("('{number}'::numeric)")).join(", ");
    let answer =
        ask(&question(&format!("select n, n::text as t from (values {list}) as v (n)"))).await.unwrap();
    assert_eq!(answer.rows.len(), numbers.len());
    for row in &answer.rows {
        assert_eq!(row["n"], row["t"]);
    }
}

#[tokio::test]
async fn enums_and_domains_are_what_they_are_made_of() {
    ask(&change("create type mood as enum ('well', 'ill')")).await.unwrap();
    ask(&change("create domain count_of as bigint check (value >= 0)")).await.unwrap();
    let found = row(&question("select 'well'::mood as mood, 3::count_of as n")).await;
    assert_eq!((found.get("mood"), found.get("n")), (Some(&"well".into()), Some(&Value::Int(3))));
}

#[tokio::test]
async fn parameters_become_what_the_statement_wants() {
    let time = lifeboat_runbook::units::parse_time("2026-01-05T09:00:00Z").unwrap();
    for (sql, params, expected) in [
        ("select $1::int + 1 as v", vec![Value::Int(41)], Value::Int(42)),
        ("select $1::text as v", vec!["it's \"x\"".into()], "it's \"x\"".into()),
        ("select $1::timestamptz = '2026-01-05 10:00+01' as v", vec![time.into()], Value::Bool(true)),
        ("select $1::int is null as v", vec![Value::Null], Value::Bool(true)),
        ("select $1::bool and $2::float8 > 1 as v", vec![true.into(), 1.5.into()], Value::Bool(true)),
        (
            "select 'a\"b' = any($1::text[]) as v",
            vec![Value::List(vec!["a\"b".into(), Value::Null])],
            Value::Bool(true),
        ),
        (
            "select $1::jsonb ->> 'k' as v",
            vec![Value::Map(BTreeMap::from([("k".to_owned(), "w".into())]))],
            "w".into(),
        ),
        ("select length($1::text)::int as v", vec![Secret::new("s", "123456").into()], Value::Int(6)),
    ] {
        let request = SqlRequest { params, ..question(sql) };
        assert_eq!(row(&request).await.get("v"), Some(&expected), "{sql}");
    }
    let (code, why) = refusal(&question("select $1::int as v")).await;
    assert_eq!((code, why.as_str()), ("sql", "the statement has 1 parameters, and `params` has 0"));
}

#[tokio::test]
async fn a_question_cannot_change_anything() {
    ask(&change("create table untouched (n int)")).await.unwrap();
    for sql in [
        "insert into untouched values (1)",
        "with gone as (delete from untouched returning n) select * from gone",
        "create table more (n int)",
        "drop table untouched",
    ] {
        let (code, why) = refusal(&question(sql)).await;
        assert_eq!(code, "sql", "{sql}: {why}");
        assert!(why.contains("read-only transaction") && why.contains("`effect: modify`"), "{sql}: {why}");
    }
    // Nor can a second statement behind the first.
    let (code, why) = refusal(&question("commit; insert into untouched values (1)")).await;
    assert_eq!(code, "sql", "{why}");
    assert_eq!(row(&question("select count(*) as n from untouched")).await.get("n"), Some(&Value::Int(0)));
}

#[tokio::test]
async fn a_change_is_committed_and_counted() {
    ask(&change("create table changed (n int)")).await.unwrap();
    let answer = ask(&change("insert into changed values (1), (2) returning n * 10 as ten")).await.unwrap();
    let tens: Vec<_> = answer.rows.iter().map(|row| row["ten"].clone()).collect();
    assert_eq!((answer.count, tens), (2, vec![Value::Int(10), Value::Int(20)]));
    let answer = ask(&change("update changed set n = 5")).await.unwrap();
    assert_eq!((answer.count, answer.rows.len()), (2, 0));
    let total = row(&question("select sum(n) as n from changed")).await;
    assert_eq!(total.get("n"), Some(&Value::Int(10)));
}

#[tokio::test]
async fn a_refused_commit_changes_nothing_and_a_lost_one_is_not_known() {
    ask(&change("create table once (n int unique deferrable initially deferred)")).await.unwrap();
    ask(&change("insert into once values (1)")).await.unwrap();
    let (code, why) = refusal(&change("insert into once values (1)")).await;
    assert_eq!(code, "sql", "{why}");
    assert!(why.contains("duplicate key"), "{why}");

    ask(&change("create table cut_off (n int)")).await.unwrap();
    ask(&change(
        "create function hang_up() returns trigger language plpgsql as \
         $$ begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10); return null; end $$",
    ))
    .await
    .unwrap();
    ask(&change(
        "create constraint trigger hang_up after insert on cut_off deferrable initially deferred \
         for each row execute function hang_up()",
    ))
    .await
    .unwrap();
    let (code, why) = refusal(&change("insert into cut_off values (1)")).await;
    assert_eq!(code, "unknown", "{why}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_without_the_password() {
    let wrong = "not-the-password";
    for (password, user) in [(Some(wrong), "postgres"), (None, "postgres"), (Some(PASSWORD), "nobody_known")]
    {
        let password = password.map(|text| Secret::new("password", text));
        let request = SqlRequest { password, user: user.into(), ..question("select 1 as v") };
        let (code, why) = refusal(&request).await;
        assert_eq!(code, "auth", "{user}: {why}");
        assert!(!why.contains(wrong) && !why.contains(PASSWORD), "{why}");
    }
    let request = SqlRequest { database: "absent".into(), ..question("select 1 as v") };
    let (code, why) = refusal(&request).await;
    assert_eq!((code, why.as_str()), ("sql", "database \"absent\" does not exist"));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let request = SqlRequest { timeout: Duration::from_millis(100), ..question("select pg_sleep(60)") };
    assert_eq!(refusal(&request).await.0, "timeout");
    let left =
        "select count(*) as n from pg_stat_activity where query like '%pg_sleep(60)' and state = 'active'";
    assert_eq!(row(&question(left)).await.get("n"), Some(&Value::Int(0)));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused() {
    let rows = |count: usize| question(&format!("select n from generate_series(1, {count}) as n"));
    assert_eq!(ask(&rows(MOST_ROWS)).await.unwrap().rows.len(), MOST_ROWS);
    for request in [rows(MOST_ROWS + 1), question("select repeat('x', 2000000) as v")] {
        let (code, why) = refusal(&request).await;
        assert_eq!(code, "sql");
        assert!(why.starts_with("the answer has more than 1000 rows or 1048576 bytes"), "{why}");
    }
    // Too long an answer of a change is noticed before it is committed.
    ask(&change("create table wide (n int)")).await.unwrap();
    let many = change("insert into wide select generate_series(1, 1001) returning n");
    assert_eq!(refusal(&many).await.0, "sql");
    assert_eq!(row(&question("select count(*) as n from wide")).await.get("n"), Some(&Value::Int(0)));
}

#[tokio::test]
async fn what_cannot_be_answered_is_said_with_the_remedy() {
    for (sql, expected) in [
        (
            "select interval '1 day' as gap",
            "the column `gap` has the type `interval`; cast it, such as `gap::text`",
        ),
        ("select 1 as n, 2 as n", "two columns are called `n`; give one another name with `as`"),
        ("select absent from pg_class", "column \"absent\" does not exist"),
    ] {
        assert_eq!(refusal(&question(sql)).await, ("sql", expected.to_owned()), "{sql}");
    }
}

#[tokio::test]
async fn where_nobody_listens_is_a_matter_of_connecting() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for connect in [Address::new("127.0.0.1", closed), Address::new("no-such-host.invalid", 5432)] {
        let (code, why) = refusal(&SqlRequest { connect, ..question("select 1 as v") }).await;
        assert_eq!(code, "connect", "{why}");
        assert!(why.starts_with("cannot connect to db.test:5432: "), "{why}");
    }
}
