//! `MaxRecords`, `Marker` and `Filters`.

use super::refusals::invalid;
use crate::protocol::ApiError;
use crate::protocol::query::Params;

/// One page of records, and the marker of the next.
pub(super) struct Page<T> {
    pub(super) records: Vec<T>,
    pub(super) marker: Option<String>,
}

/// Cuts the page that the request asks for. The marker is opaque to callers; here it is a place in the list.
pub(super) fn page<T>(records: Vec<T>, params: &Params) -> Result<Page<T>, ApiError> {
    let most = params.number("MaxRecords")?.unwrap_or(100);
    if !(20..=100).contains(&most) {
        return Err(invalid(format!("Invalid value {most} for MaxRecords. Must be between 20 and 100")));
    }
    let start = match params.get("Marker") {
        None => 0,
        Some(marker) => marker
            .strip_prefix("at-")
            .and_then(|place| place.parse::<usize>().ok())
            .filter(|place| *place <= records.len())
            .ok_or_else(|| invalid("Unrecognized marker"))?,
    };
    let end = records.len().min(start + most as usize);
    let marker = (end < records.len()).then(|| format!("at-{end}"));
    Ok(Page { records: records.into_iter().skip(start).take(end - start).collect(), marker })
}

/// The filters sent: name and values. Names that the operation does not know are refused.
pub(super) fn filters(params: &Params, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let read = |filter: Params| {
        let name = filter.required("Name")?.to_owned();
        if !known.contains(&name.as_str()) {
            return Err(invalid(format!("Unrecognized filter name: {name}")));
        }
        Ok((name, filter.list("Values")))
    };
    params.structures("Filters").into_iter().map(read).collect()
}

/// Whether a record fits all filters; `field` gives the record's value for a filter's name.
pub(super) fn fits<'a>(filters: &[(String, Vec<String>)], field: impl Fn(&str) -> &'a str) -> bool {
    filters.iter().all(|(name, values)| {
        // Identifiers are not case-sensitive, and a filter takes an ARN as well.
        let value = field(name);
        values
            .iter()
            .any(|wanted| wanted.rsplit(':').next().is_some_and(|last| last.eq_ignore_ascii_case(value)))
    })
}
