//! Questions to the server that the tests share.

use crate::database::{Database, PASSWORD};
use lifeboat_engine::clock::Clock;
use lifeboat_probe::connect_to::{Address, ConnectTo};
use lifeboat_probe::real;
use lifeboat_probe::sql::{Access, Rows, SqlError, SqlRequest};
use lifeboat_probe::tls::Tls;
use lifeboat_runbook::value::{Secret, Value};
use std::sync::LazyLock;
use std::time::Duration;

/// The name in its certificate.
const NAME: &str = "db.test";

/// The server.
pub(crate) static DATABASE: LazyLock<Database> = LazyLock::new(|| Database::start(NAME));

/// A question to the shared server, over TLS that is verified.
pub(crate) fn question(sql: &str) -> SqlRequest {
    SqlRequest {
        address: Address::new(NAME, 5432),
        connect: Address::new("127.0.0.1", DATABASE.port),
        database: "postgres".into(),
        user: "postgres".into(),
        password: Some(Secret::new("password", PASSWORD)),
        tls: Tls::Ca(DATABASE.ca.clone()),
        sql: sql.into(),
        params: Vec::new(),
        timeout: Duration::from_secs(20),
        access: Access::Read,
    }
}

/// A statement that changes something.
pub(crate) fn change(sql: &str) -> SqlRequest {
    SqlRequest { access: Access::Modify, ..question(sql) }
}

/// Asks on the real clock.
pub(crate) async fn ask(request: &SqlRequest) -> Result<Rows, SqlError> {
    real::ports(&Clock::real(), ConnectTo::default()).sql.query(request).await
}

/// The code and the words of a refusal.
pub(crate) async fn refusal(request: &SqlRequest) -> (&'static str, String) {
    let error = ask(request).await.expect_err("a refusal");
    (error.code(), error.to_string())
}

/// The one row of an answer.
pub(crate) async fn row(request: &SqlRequest) -> Value {
    let Rows { rows, .. } = ask(request).await.expect("an answer");
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().map(Value::Map).expect("a row")
}
