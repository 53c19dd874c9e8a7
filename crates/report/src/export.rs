//! The timeline for tools: CSV for a spreadsheet, JSON lines for Timesketch.

use crate::incident::timeline::IncidentRow;
use crate::timeline::Row;
use lifeboat_runbook::id::RunId;
use serde::Serialize;

/// The timeline as CSV (RFC 4180) with a head: `at,precision,source,step,what,seq`.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn csv(rows: &[Row]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["at", "precision", "source", "step", "what", "seq"])?;
    for row in rows {
        writer.write_record(cells(row).iter().map(|cell| tame(cell)))?;
    }
    text(writer)
}

/// The timeline of an incident as CSV with a head: `row`, what [`csv`] has, then
/// `recorded_at,pinned,note,amended`.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn incident_csv(rows: &[IncidentRow]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = "row,at,precision,source,step,what,seq,recorded_at,pinned,note,amended";
    writer.write_record(head.split(','))?;
    for row in rows {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let pinned = if row.pinned { "yes" } else { "" };
        let more = [row.recorded_at.clone(), pinned.to_owned(), text(&row.note), text(&row.amended)];
        let all = std::iter::once(row.row.clone()).chain(cells(&row.event)).chain(more);
        writer.write_record(all.map(|cell| tame(&cell)))?;
    }
    text(writer)
}

fn cells(row: &Row) -> [String; 6] {
    let step = row.step.clone().unwrap_or_default();
    [&row.at, &row.precision, &row.source, &step, &row.what, &row.seq.to_string()].map(String::clone)
}

fn text(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A spreadsheet takes a field that begins like this for a formula and carries it out (OWASP, "CSV Injection"); what a
/// person or AWS wrote must stay text.
fn tame(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{field}") } else { field.to_owned() }
}

/// The timeline as JSON lines that Timesketch imports: it wants `message`, `datetime` and `timestamp_desc`
/// (<https://timesketch.org/guides/user/import-from-json-csv/>); the other keys become attributes. `record` is the run that
/// a row is from.
///
/// # Errors
/// Never in practice: text and numbers are always JSON.
pub fn timesketch<'row>(
    rows: impl IntoIterator<Item = (&'row Row, &'row str)>,
) -> serde_json::Result<String> {
    sketches(rows.into_iter().map(|(row, record)| Sketch::of(row, record)))
}

/// The timeline of an incident as the same lines, with when each row was written down and what it meant to people.
///
/// # Errors
/// As [`timesketch`].
pub fn incident_timesketch(rows: &[IncidentRow], incident: &RunId) -> serde_json::Result<String> {
    sketches(rows.iter().map(|row| Sketch {
        recorded_at: Some(&row.recorded_at),
        note: row.note.as_deref(),
        ..Sketch::of(&row.event, record(row, incident))
    }))
}

/// The record that a row is from, as it is named before the `#`.
fn record<'row>(row: &'row IncidentRow, incident: &'row RunId) -> &'row str {
    row.row.split_once('#').map(|(run, _)| run).filter(|run| !run.is_empty()).unwrap_or(incident.as_str())
}

#[derive(Serialize)]
struct Sketch<'row> {
    message: &'row str,
    datetime: &'row str,
    timestamp_desc: &'static str,
    source: &'row str,
    step: Option<&'row str>,
    precision: &'row str,
    run: &'row str,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_at: Option<&'row str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'row str>,
}

impl<'row> Sketch<'row> {
    fn of(row: &'row Row, record: &'row str) -> Self {
        Self {
            message: &row.what,
            datetime: &row.at,
            timestamp_desc: "Event Time",
            source: &row.source,
            step: row.step.as_deref(),
            precision: &row.precision,
            run: record,
            seq: row.seq,
            recorded_at: None,
            note: None,
        }
    }
}

fn sketches<'row>(rows: impl Iterator<Item = Sketch<'row>>) -> serde_json::Result<String> {
    let mut lines = String::new();
    for row in rows {
        lines.push_str(&serde_json::to_string(&row)?);
        lines.push('\n');
    }
    Ok(lines)
}
