//! The rows of a file, one at a time, so that a large one needs no more memory than a small one.

use crate::chain::hex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Read};

/// The forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object a line.
    JsonLines,
    /// A head with the names of the columns, and rows (RFC 4180).
    Csv,
}

impl Format {
    /// The form of a file, by its name; nothing where that does not tell.
    pub fn of(name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match ending.as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A row with its cells in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it begins, from 1.
    pub line: u64,
    /// Names of columns and what they hold.
    pub cells: Vec<(String, String)>,
}

impl Row {
    /// The cell of a column, with the name as the file writes it; upper and lower case are the same.
    pub(super) fn cell(&self, name: &str) -> Option<(&str, &str)> {
        let mut cells = self.cells.iter();
        cells
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(name, cell)| (name.as_str(), cell.as_str()))
    }
}

/// A line that is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotARow {
    /// Which.
    pub line: u64,
    /// Why.
    pub problem: String,
}

/// Reads rows.
pub struct Rows<R: Read> {
    source: Source<R>,
}

enum Source<R: Read> {
    JsonLines { reader: BufReader<Digesting<R>>, line: u64 },
    Csv { reader: Box<csv::Reader<Digesting<R>>>, head: Vec<String> },
}

impl<R: Read> Rows<R> {
    /// Begins to read; of CSV the head is read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(format: Format, reader: R) -> io::Result<Self> {
        let reader = Digesting { reader, digest: Sha256::new() };
        let source = match format {
            Format::JsonLines => Source::JsonLines { reader: BufReader::new(reader), line: 0 },
            Format::Csv => {
                // A line ends with its newline; the reader's own way of looking for `\r\n` counts lines wrongly.
                let mut csv = csv::ReaderBuilder::new();
                csv.flexible(true).terminator(csv::Terminator::Any(b'\n'));
                let mut reader = Box::new(csv.from_reader(reader));
                let head = reader.byte_headers()?.iter();
                let head =
                    head.map(|name| text(name).trim_start_matches('\u{feff}').trim().to_owned()).collect();
                Source::Csv { reader, head }
            }
        };
        Ok(Self { source })
    }

    /// The names of the columns, where the file says them in advance.
    pub fn head(&self) -> Option<&[String]> {
        match &self.source {
            Source::JsonLines { .. } => None,
            Source::Csv { head, .. } => Some(head),
        }
    }

    /// The next row; nothing at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read any further. A line that is no row is told as such, and reading goes on.
    pub fn next_row(&mut self) -> io::Result<Option<Result<Row, NotARow>>> {
        match &mut self.source {
            Source::JsonLines { reader, line } => next_object(reader, line),
            Source::Csv { reader, head } => next_record(reader, head),
        }
    }

    /// SHA-256 of what was read, hexadecimal: of the whole file once there is no next row.
    pub fn sha256(&self) -> String {
        let reader = match &self.source {
            Source::JsonLines { reader, .. } => reader.get_ref(),
            Source::Csv { reader, .. } => reader.get_ref(),
        };
        hex(&reader.digest.clone().finalize())
    }
}

fn next_object(reader: &mut impl BufRead, line: &mut u64) -> io::Result<Option<Result<Row, NotARow>>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        *line += 1;
        if !bytes.trim_ascii().is_empty() {
            break;
        }
    }
    let line = *line;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    Ok(Some(match serde_json::from_slice::<Map<String, Value>>(bytes) {
        Ok(members) => Ok(Row { line, cells: members.into_iter().filter_map(cell).collect() }),
        Err(_) => Err(NotARow { line, problem: "not a JSON object".to_owned() }),
    }))
}

/// What is not text is kept as JSON writes it.
fn cell((name, value): (String, Value)) -> Option<(String, String)> {
    match value {
        Value::Null => None,
        Value::String(text) => Some((name, text)),
        other => Some((name, other.to_string())),
    }
}

fn next_record<R: Read>(
    reader: &mut csv::Reader<R>,
    head: &[String],
) -> io::Result<Option<Result<Row, NotARow>>> {
    let mut record = csv::ByteRecord::new();
    loop {
        if !reader.read_byte_record(&mut record)? {
            return Ok(None);
        }
        if record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
            break;
        }
    }
    let line = record.position().map_or(0, csv::Position::line);
    if record.len() > head.len() {
        let problem = format!("{} cells, and the head has {}", record.len(), head.len());
        return Ok(Some(Err(NotARow { line, problem })));
    }
    let cell =
        |(name, cell): (&String, &[u8])| (name.clone(), text(cell.strip_suffix(b"\r").unwrap_or(cell)));
    let cells = head.iter().zip(&record).map(cell).collect();
    Ok(Some(Ok(Row { line, cells })))
}

/// A byte that is no UTF-8 is no reason to lose a row.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Passes bytes on and takes their digest.
struct Digesting<R> {
    reader: R,
    digest: Sha256,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(format: Format, text: &str) -> (Vec<Result<Row, NotARow>>, String) {
        let mut rows = Rows::of(format, text.as_bytes()).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            found.push(row);
        }
        (found, rows.sha256())
    }

    #[test]
    fn lines_of_json_are_rows_and_others_are_named() {
        let text = "{\"ts\":1767606000.5,\"text\":\"a\",\"none\":null}\n\n[1]\n{\"blocks\":[{\"a\":1}]}";
        let (rows, digest) = all(Format::JsonLines, text);
        assert_eq!(rows[0].as_ref().unwrap().cell("TS"), Some(("ts", "1767606000.5")));
        assert_eq!(rows[0].as_ref().unwrap().cells.len(), 2);
        assert_eq!(rows[1], Err(NotARow { line: 3, problem: "not a JSON object".to_owned() }));
        let last = rows[2].as_ref().unwrap();
        assert_eq!((last.line, last.cell("blocks")), (4, Some(("blocks", "[{\"a\":1}]"))));
        assert_eq!(digest, hex(&Sha256::digest(text)));
    }

    #[test]
    fn records_of_csv_are_rows_with_the_line_they_begin_in() {
        let text = "\u{feff}time,text\r\n1,\"two\nlines\"\r\n2\r\n3,x,y\r\n";
        let (rows, digest) = all(Format::Csv, text);
        let line = |row: &Result<Row, NotARow>| row.as_ref().map(|row| row.line).map_err(|row| row.line);
        assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), [Ok(2), Ok(4), Err(5)]);
        assert_eq!(rows[0].as_ref().unwrap().cell("time"), Some(("time", "1")));
        assert_eq!(rows[0].as_ref().unwrap().cell("text"), Some(("text", "two\nlines")));
        assert_eq!(digest, hex(&Sha256::digest(text)));
    }
}
