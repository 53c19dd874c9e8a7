//! `postgres.query`.

use crate::connect_to::{Address, ConnectTo};
use crate::parameters::{list, port, secret, timeout};
use crate::spec;
use crate::sql::{Access, MOST_ROWS, Rows, Sql, SqlError, SqlRequest};
use crate::tls::Tls;
use async_trait::async_trait;
use lifeboat_engine::action::{
    Accepted, Action, ActionError, ErrorKind, Note, Observation, Prepared, Stage, StepContext, Values,
};
use lifeboat_runbook::spec::{ActionSpec, Effect};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_PORT: u16 = 5432;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// `postgres.query`.
pub(crate) struct PostgresQuery {
    pub(crate) sql: Arc<dyn Sql>,
    pub(crate) connect_to: ConnectTo,
}

#[async_trait]
impl Action for PostgresQuery {
    fn spec(&self) -> &'static ActionSpec {
        &spec::POSTGRES_QUERY
    }

    async fn prepare(&self, cx: &StepContext) -> Result<Prepared, ActionError> {
        let request = self.request(cx, Access::Read)?;
        let findings = self.connect_to.findings(&request.address);
        Ok(Prepared { token: cx.token(), findings, ..Prepared::default() })
    }

    async fn act(&self, cx: &StepContext, _: &Stage) -> Result<Accepted, ActionError> {
        Ok(Accepted { data: self.ask(cx, Access::Modify).await?, request_id: None })
    }

    async fn observe(&self, cx: &StepContext) -> Result<Observation, ActionError> {
        if cx.effect == Some(Effect::Read) {
            return self.ask(cx, Access::Read).await.map(Observation::Ready);
        }
        // A change answers once, when it is made; a database cannot be asked whether it was.
        Ok(match cx.recorded.accepted.last() {
            Some((_, _, answer)) => Observation::Ready(answer.clone()),
            None => Observation::Broken {
                state: "unknown".to_owned(),
                hint: Some(
                    "look in the database whether the statement was committed before it is run again".into(),
                ),
            },
        })
    }
}

impl PostgresQuery {
    async fn ask(&self, cx: &StepContext, access: Access) -> Result<Values, ActionError> {
        let request = self.request(cx, access)?;
        if let Some(told) = self.connect_to.told(&request.address) {
            cx.note(Note::Evidence { kind: "connect_to".to_owned(), value: told.into() })?;
        }
        self.sql.query(&request).await.map_err(failure).and_then(outputs)
    }

    fn request(&self, cx: &StepContext, access: Access) -> Result<SqlRequest, ActionError> {
        let text = |name: &str| cx.required(name).map(str::to_owned);
        if cx.with.get("iam_auth").and_then(Value::as_bool) == Some(true) {
            let message = "this version cannot log in with IAM database authentication";
            return Err(ActionError::refused("parameter", message)
                .hint("give a `password`, by reference to a secret, of a user that may only read"));
        }
        let address = Address::new(text("host")?, port(cx, DEFAULT_PORT)?);
        Ok(SqlRequest {
            connect: self.connect_to.target(&address),
            address,
            database: text("database")?,
            user: text("user")?,
            password: secret(cx, "password"),
            tls: Tls::of(cx.with.get("tls"))?,
            sql: text("sql")?,
            params: list(cx, "params"),
            timeout: timeout(cx, DEFAULT_TIMEOUT)?,
            access,
        })
    }
}

/// What failed may pass, but whether and how often it is tried again is said by the step's `retry`.
fn failure(error: SqlError) -> ActionError {
    let kind = match &error {
        SqlError::CommitUnknown(_) => ErrorKind::Unknown,
        _ => ErrorKind::Failed,
    };
    ActionError::new(kind, error.code(), error.to_string())
}

fn outputs(answer: Rows) -> Result<Values, ActionError> {
    let Rows { rows, count } = answer;
    if rows.len() > MOST_ROWS {
        let message = format!("the answer has more than {MOST_ROWS} rows");
        return Err(ActionError::failed("sql", message).hint("ask for less: aggregate, or add `limit`"));
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = rows.into_iter().map(Value::Map).collect();
    Ok(BTreeMap::from([("row_count".to_owned(), Value::Int(count)), ("rows".to_owned(), Value::List(rows))]))
}
