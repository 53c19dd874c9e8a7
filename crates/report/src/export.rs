//! The timeline for tools: CSV for a spreadsheet, JSON lines for Timesketch.

use crate::timeline::Row;
use serde::Serialize;

/// The timeline as CSV (RFC 4180) with a head: `at,precision,source,step,what,seq`.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn csv(rows: &[Row]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["at", "precision", "source", "step", "what", "seq"])?;
    for row in rows {
        let step = row.step.as_deref().unwrap_or_default();
        let seq = row.seq.to_string();
        let fields = [&row.at, &row.precision, &row.source, step, &row.what, &seq].map(tame);
        writer.write_record(fields)?;
    }
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
/// (<https://timesketch.org/guides/user/import-from-json-csv/>); the other keys become attributes.
///
/// # Errors
/// Never in practice: text and numbers are always JSON.
pub fn timesketch(rows: &[Row], run: &str) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Line<'row> {
        message: &'row str,
        datetime: &'row str,
        timestamp_desc: &'static str,
        source: &'row str,
        step: Option<&'row str>,
        precision: &'row str,
        run: &'row str,
        seq: u64,
    }
    let mut lines = String::new();
    for row in rows {
        let line = Line {
            message: &row.what,
            datetime: &row.at,
            timestamp_desc: "Event Time",
            source: &row.source,
            step: row.step.as_deref(),
            precision: &row.precision,
            run,
            seq: row.seq,
        };
        lines.push_str(&serde_json::to_string(&line)?);
        lines.push('\n');
    }
    Ok(lines)
}
