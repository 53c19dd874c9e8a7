//! `postgres.query`.

use crate::spec;
use crate::sql::{Sql, SqlRequest};
use async_trait::async_trait;
use lifeboat_engine::action::{Action, ActionError, Observation, StepContext};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::value::{Secret, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const DEFAULT_PORT: i64 = 5432;

/// A probe is a question with a short answer: more is a mistake in the statement.
const MOST_ROWS: usize = 1_000;

/// `postgres.query`.
pub(crate) struct PostgresQuery(pub(crate) Arc<dyn Sql>);

#[async_trait]
impl Action for PostgresQuery {
    fn spec(&self) -> &'static ActionSpec {
        &spec::POSTGRES_QUERY
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        let request = request(cx)?;
        // What failed may pass, but whether and how often it is tried again is said by the step's `retry`.
        let rows = self
            .0
            .query(&request)
            .await
            .map_err(|error| ActionError::failed(error.code(), error.to_string()))?;
        if rows.len() > MOST_ROWS {
            let message = format!("the answer has {} rows; at most {MOST_ROWS} are kept", rows.len());
            return Err(ActionError::failed("sql", message).hint("ask for less: aggregate, or add `limit`"));
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let rows = rows.into_iter().map(Value::Map).collect();
        Ok(Observation::Ready(BTreeMap::from([
            ("row_count".to_owned(), Value::Int(count)),
            ("rows".to_owned(), Value::List(rows)),
        ])))
    }
}

fn request(cx: &StepContext) -> Result<SqlRequest, ActionError> {
    let text = |name: &str| cx.required(name).map(str::to_owned);
    let port = cx.with.get("port").and_then(Value::as_int).unwrap_or(DEFAULT_PORT);
    let port = u16::try_from(port)
        .map_err(|_| ActionError::refused("parameter", format!("{port} is not a port")))?;
    let password = match cx.with.get("password") {
        Some(Value::Secret(secret)) => Some(secret.clone()),
        Some(Value::String(text)) => Some(Secret::new("password", text)),
        _ => None,
    };
    Ok(SqlRequest {
        host: text("host")?,
        port,
        database: text("database")?,
        user: text("user")?,
        password,
        sql: text("sql")?,
    })
}
