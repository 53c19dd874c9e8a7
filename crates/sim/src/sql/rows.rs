//! The rows that were written to a table up to a time.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::{SqlValue, Trouble, time_text};
use crate::chance::Chance;
use crate::definition::{ColumnDefinition, Content, Damage, TableDefinition};

/// A table with more rows than this is a mistake in the world file: it would take seconds to build.
const MOST_ROWS: i64 = 1_000_000;

/// Creates a table and fills it.
pub(super) fn fill(
    connection: &Connection,
    chance: &Chance,
    name: &str,
    table: &TableDefinition,
    until: DateTime<Utc>,
) -> Result<(), Trouble> {
    let count = count(table, until);
    if count > MOST_ROWS {
        let refusal = format!("table {name} would hold {count} rows; set a later `since` in the world file");
        return Err(Trouble::Refusal(refusal));
    }
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> =
        table.columns.iter().map(|it| format!("{} {}", quote(&it.name), kind(&it.holds))).collect();
    let places = vec!["?"; columns.len()].join(", ");
    connection.execute_batch(&format!("BEGIN; CREATE TABLE {} ({})", quote(name), columns.join(", ")))?;
    let mut insert = connection.prepare(&format!("INSERT INTO {} VALUES ({places})", quote(name)))?;
    let damages: Vec<_> = table.damage.iter().filter(|damage| damage.shows_at(until)).collect();
    for number in 0..count {
        let at = table.since + every(table) * i32::try_from(number).unwrap_or(i32::MAX);
        let hit = || damages.iter().filter(|damage| damage.hits(at)).map(|damage| &damage.does);
        if hit().any(|does| *does == Damage::Delete) {
            continue;
        }
        let overwritten = |column: &str| {
            hit().rev().find_map(|does| match does {
                Damage::Set(values) => values.get(column),
                Damage::Drop | Damage::Delete => None,
            })
        };
        let written = |column: &ColumnDefinition| match &column.holds {
            Content::WrittenAt => SqlValue::Text(time_text(at)),
            Content::Serial => SqlValue::Integer(number + 1),
            Content::Between(least, most) => between(chance, name, &column.name, number, *least, *most),
            Content::Text(text) => SqlValue::Text(text.clone()),
        };
        let value =
            |column: &ColumnDefinition| overwritten(&column.name).map_or_else(|| written(column), plain);
        let row = table.columns.iter().map(value);
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(())
}

/// Whether the table is gone from data of this time.
pub(super) fn is_dropped(table: &TableDefinition, at: DateTime<Utc>) -> bool {
    table.damage.iter().any(|damage| damage.does == Damage::Drop && damage.shows_at(at))
}

fn plain(value: &serde_json::Value) -> SqlValue {
    match value {
        serde_json::Value::Number(number) => number.as_i64().map_or(SqlValue::Null, SqlValue::Integer),
        serde_json::Value::String(text) => SqlValue::Text(text.clone()),
        _ => SqlValue::Null,
    }
}

/// How many rows were written up to `until`, that instant included.
fn count(table: &TableDefinition, until: DateTime<Utc>) -> i64 {
    let last = table.until.map_or(until, |end| end.min(until));
    let span = (last - table.since).num_milliseconds();
    if span < 0 { 0 } else { span / every(table).num_milliseconds() + 1 }
}

/// When the last row up to `until` was written.
pub(crate) fn last_row(table: &TableDefinition, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let number = count(table, until).checked_sub(1).filter(|number| *number >= 0)?;
    Some(table.since + every(table) * i32::try_from(number).unwrap_or(i32::MAX))
}

fn every(table: &TableDefinition) -> TimeDelta {
    TimeDelta::seconds(i64::from(table.every_seconds.max(1)))
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::WrittenAt | Content::Text(_) => "TEXT",
        Content::Serial | Content::Between(..) => "INTEGER",
    }
}

fn between(chance: &Chance, table: &str, column: &str, row: i64, least: i64, most: i64) -> SqlValue {
    let bytes = chance.bytes(&["row", table, column, &row.to_string()]);
    let number = bytes[..7].iter().fold(0i64, |sum, byte| sum << 8 | i64::from(*byte));
    let span = most.saturating_sub(least).saturating_add(1).max(1);
    SqlValue::Integer(least.saturating_add(number % span))
}
