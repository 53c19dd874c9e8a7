//! Pages of lists, for services that send documents.

use crate::protocol::{ApiError, Input};

/// How a service pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paging {
    /// The member that says how many.
    pub(super) size: &'static str,
    /// How many where that is absent, and at most.
    pub(super) most: usize,
    /// The code of a refused token.
    pub(super) refusal: &'static str,
}

/// The page that the request asks for, and the token of the next. The token is opaque to callers; here it is a place in
/// the list.
pub(super) fn page<T>(
    records: Vec<T>,
    input: &Input,
    paging: Paging,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let size = match input.number(paging.size)? {
        None => paging.most,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|size| (1..=paging.most).contains(size))
            .ok_or_else(|| out_of_bounds(paging))?,
    };
    let start = match input.text("NextToken")? {
        None => 0,
        Some(token) => token
            .strip_prefix("at-")
            .and_then(|place| place.parse::<usize>().ok())
            .filter(|place| *place <= records.len())
            .ok_or_else(|| ApiError::new(paging.refusal, "The specified token isn't valid."))?,
    };
    let end = records.len().min(start + size);
    let next = (end < records.len()).then(|| format!("at-{end}"));
    Ok((records.into_iter().skip(start).take(end - start).collect(), next))
}

fn out_of_bounds(paging: Paging) -> ApiError {
    ApiError::new("ValidationException", format!("{} must be between 1 and {}", paging.size, paging.most))
}
