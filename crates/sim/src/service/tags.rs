//! Tags as most services write them: a list of `Key` and `Value`.

use std::collections::BTreeMap;

use crate::protocol::{ApiError, Document, Input};

/// The tags of a request. A key may be there once, and none may begin with `aws:`.
///
/// # Errors
/// `ValidationException`.
pub(super) fn sent(input: &Input, member: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in input.structures(member)? {
        let key = tag.required("Key")?.to_owned();
        if key.starts_with("aws:") {
            let message = "aws: prefixed tag key names are not allowed for external use.";
            return Err(ApiError::new("ValidationException", message));
        }
        let value = tag.text("Value")?.unwrap_or_default().to_owned();
        if tags.insert(key.clone(), value).is_some() {
            return Err(ApiError::new("ValidationException", format!("Duplicate tag key: {key}")));
        }
    }
    Ok(tags)
}

/// Tags as they are listed.
pub(super) fn listed(tags: &BTreeMap<String, String>) -> Vec<Document> {
    tags.iter().map(|(key, value)| Document::new().with("Key", key).with("Value", value)).collect()
}
