//! Databases of the simulated world. Each question builds the tables it names in an in-memory SQLite, with the rows
//! that were written up to the instance's time, and asks there.
//!
//! SQLite is not PostgreSQL: what would be answered differently without an error is refused beforehand (`guard`),
//! and the truth values of conditions come back as the integers 1 and 0.

mod guard;
mod rows;

use std::fmt::{self, Display};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

pub(crate) use rows::last_row;

use crate::definition::DatabaseDefinition;
use crate::world::{Instance, World};

/// A question to a database.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The host of the instance's endpoint.
    pub endpoint_host: &'a str,
    /// The database.
    pub database: &'a str,
    /// The user.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
    /// One statement that only reads.
    pub sql: &'a str,
    /// The values of `$1`, `$2`, …
    pub params: &'a [SqlValue],
}

/// A value in a row or a parameter. Times are texts: RFC 3339, UTC, milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// A whole number; 1 and 0 for true and false.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// A text or a time.
    Text(String),
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Integer(number) => ValueRef::Integer(*number),
            SqlValue::Real(number) => ValueRef::Real(*number),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The columns' names in order.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<SqlValue>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// No usable instance has this endpoint.
    #[error("could not connect to {host}: {reason}")]
    Connect {
        /// The host asked.
        host: String,
        /// Why not.
        reason: String,
    },
    /// The user or the password is wrong.
    #[error("password authentication failed for user {user:?}")]
    Auth {
        /// The user.
        user: String,
    },
    /// The instance has no such database.
    #[error("database {database:?} does not exist")]
    NoDatabase {
        /// The database asked.
        database: String,
    },
    /// The table is not there any more.
    #[error("relation {table:?} does not exist")]
    NoTable {
        /// The table.
        table: String,
    },
    /// The statement is beyond the simulated world.
    #[error("the simulated world cannot answer this SQL: {0}")]
    Unanswerable(String),
}

/// The text of a time in answers.
pub(crate) fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Answers a question at the world's time.
///
/// # Errors
/// See [`SqlError`].
pub fn query(world: &World, question: &Question<'_>) -> Result<Rows, SqlError> {
    let data = world.held(reach(world, question.endpoint_host)?, world.now);
    let no_database = || SqlError::NoDatabase { database: question.database.into() };
    let held = data.databases.iter().any(|name| name == question.database);
    let database =
        world.definition.databases.get(question.database).filter(|_| held).ok_or_else(no_database)?;
    admit(database, question)?;
    let words = guard::check(question.sql)?;
    let until = data.until.unwrap_or(world.now).min(world.now);
    let mut named = database.tables.iter().filter(|(name, _)| words.has(name));
    if let Some((table, _)) = named.find(|(_, table)| rows::is_dropped(table, until)) {
        return Err(SqlError::NoTable { table: table.clone() });
    }
    ask(world, database, &words, until, question).map_err(|error| unanswerable(&error))
}

/// The usable instance that has this endpoint.
fn reach<'a>(world: &'a World, host: &str) -> Result<&'a Instance, SqlError> {
    let refuse = |reason| SqlError::Connect { host: host.into(), reason };
    crate::reach::instance(world, host).map_err(refuse)
}

fn admit(database: &DatabaseDefinition, question: &Question<'_>) -> Result<(), SqlError> {
    let user_fits = database.user.as_deref().is_none_or(|user| user == question.user);
    let password_fits = database.password.as_deref().is_none_or(|password| password == question.password);
    if user_fits && password_fits { Ok(()) } else { Err(SqlError::Auth { user: question.user.into() }) }
}

/// What went wrong inside SQLite or around it.
enum Trouble {
    Sqlite(rusqlite::Error),
    Refusal(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Sqlite(error)
    }
}

impl Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Sqlite(rusqlite::Error::SqliteFailure(_, Some(message))) => formatter.write_str(message),
            Trouble::Sqlite(rusqlite::Error::SqlInputError { msg, .. }) => formatter.write_str(msg),
            Trouble::Sqlite(error) => error.fmt(formatter),
            Trouble::Refusal(reason) => formatter.write_str(reason),
        }
    }
}

fn unanswerable(trouble: &Trouble) -> SqlError {
    SqlError::Unanswerable(trouble.to_string())
}

fn ask(
    world: &World,
    database: &DatabaseDefinition,
    words: &guard::Words,
    until: DateTime<Utc>,
    question: &Question<'_>,
) -> Result<Rows, Trouble> {
    let connection = Connection::open_in_memory()?;
    // Otherwise a misspelt "column" would be read as a text, and LIKE would not tell upper from lower case.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.pragma_update(None, "case_sensitive_like", true)?;
    let now = time_text(world.now);
    connection.create_scalar_function("now", 0, FunctionFlags::SQLITE_UTF8, move |_| Ok(now.clone()))?;
    for (name, table) in &database.tables {
        if words.has(name) {
            rows::fill(&connection, &world.chance, name, table, until)?;
        }
    }
    let mut statement = connection.prepare(question.sql)?;
    if !statement.readonly() {
        return Err(Trouble::Refusal("it does not only read".into()));
    }
    bind(&mut statement, question.params)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut answer = Vec::new();
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|column| value(row.get_ref(column)?));
        answer.push(values.collect::<Result<_, Trouble>>()?);
    }
    Ok(Rows { columns, rows: answer })
}

fn bind(statement: &mut rusqlite::Statement<'_>, params: &[SqlValue]) -> Result<(), Trouble> {
    if statement.parameter_count() != params.len() {
        let counts = (statement.parameter_count(), params.len());
        return Err(Trouble::Refusal(format!(
            "it takes {} parameters and {} were given",
            counts.0, counts.1
        )));
    }
    for (param, number) in params.iter().zip(1..) {
        let name = format!("${number}");
        let index = statement.parameter_index(&name)?;
        let index = index.ok_or_else(|| Trouble::Refusal(format!("it has no parameter {name}")))?;
        statement.raw_bind_parameter(index, param)?;
    }
    Ok(())
}

fn value(found: ValueRef<'_>) -> Result<SqlValue, Trouble> {
    match found {
        ValueRef::Null => Ok(SqlValue::Null),
        ValueRef::Integer(number) => Ok(SqlValue::Integer(number)),
        ValueRef::Real(number) => Ok(SqlValue::Real(number)),
        ValueRef::Text(text) => Ok(SqlValue::Text(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(_) => Err(Trouble::Refusal("its result holds bytes".into())),
    }
}
