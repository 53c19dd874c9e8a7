//! The keys of a duty.

use super::Decoded;
use super::reader::{Fields, Reader};
use crate::diagnostic::{Severity, Source};
use crate::duty::{Duty, Limit, MILESTONES, Moment, Period, Report};
use crate::keys;
use crate::node;
use crate::node::Node;
use crate::suggestion::nearest;

/// Reads a duty from a file.
pub(crate) fn duty(file: Source) -> Decoded<Duty> {
    let mut diagnostics = Vec::new();
    let root = node::parse(&file.text, &mut diagnostics);
    let mut reader = Reader::new(&file.text, &mut diagnostics);
    let read = root.and_then(|root| read(&mut reader, &root));
    diagnostics.sort_by_key(|found| (found.range.start, found.range.end));
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    Decoded { source: file, found: read.filter(|_| !failed), diagnostics }
}

fn read(reader: &mut Reader<'_>, root: &Node) -> Option<Duty> {
    let fields = reader.fields(root, &keys::DUTY)?;
    reader.word(&fields, "schema", &["lifeboat/v1"]);
    reader.word(&fields, "kind", &["duty"]);
    let mut reports: Vec<Report> = Vec::new();
    for item in reader.list(&fields, "reports") {
        if let Some(report) = report(reader, item, &reports) {
            reports.push(report);
        }
    }
    Some(Duty {
        name: reader.text(&fields, "name")?,
        title: reader.text(&fields, "title")?,
        source: reader.text(&fields, "source")?,
        applies_to: reader.text(&fields, "applies_to"),
        reports,
    })
}

fn report(reader: &mut Reader<'_>, item: &Node, before: &[Report]) -> Option<Report> {
    let fields = reader.fields(item, &keys::REPORT_DUE)?;
    let id = reader.text(&fields, "id");
    let mut due = Vec::new();
    for item in reader.list(&fields, "due") {
        due.extend(limit(reader, item, before));
    }
    let (title, source) = (reader.text(&fields, "title"), reader.text(&fields, "source"));
    Some(Report { id: id?, title: title?, due, source: source? })
}

fn limit(reader: &mut Reader<'_>, item: &Node, before: &[Report]) -> Option<Limit> {
    let fields = reader.fields(item, &keys::LIMIT)?;
    let after = moment(reader, &fields, "after", before);
    let unless_over_at = moment(reader, &fields, "unless_over_at", before);
    let text = reader.text(&fields, "within")?;
    let within = Period::parse(&text);
    if let (None, Some(node)) = (within, fields.get("within")) {
        let message = format!("`{text}` is no length of time");
        reader.error("wrong-value", node.range.clone(), message, "write `4h`, `3d` or `1mo`");
    }
    Some(Limit { after: after?, within: within?, unless_over_at })
}

fn moment(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str, before: &[Report]) -> Option<Moment> {
    let moment = Moment::from(reader.text(fields, key)?);
    let (name, known): (&str, Vec<&str>) = match &moment {
        Moment::Mark(mark) => (mark, MILESTONES.to_vec()),
        Moment::Report(report) => (report, before.iter().map(|report| report.id.as_str()).collect()),
    };
    if known.contains(&name) {
        return Some(moment);
    }
    let what = match &moment {
        Moment::Mark(_) => "moment of an incident",
        Moment::Report(_) => "report before this one",
    };
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    let range = fields.get(key).map(|node| node.range.clone()).unwrap_or_default();
    reader.error("wrong-value", range, format!("`{name}` is no {what}"), help);
    None
}
