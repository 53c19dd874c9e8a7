//! awsJson: the operation in `X-Amz-Target`, JSON in body and reply.

use serde_json::{Map, Value};

use super::{ApiError, Document, Incoming, Input};
use crate::wire::Request;

/// Reads a request to the service with this target prefix; a request for another target names no operation. Old services
/// have a namespace before it, which some SDKs send (boto3) and others do not (Rust).
pub(super) fn read(prefix: &str, request: &Request) -> Result<Incoming, ApiError> {
    let target = request.header("x-amz-target").unwrap_or_default();
    let (named, operation) = target.rsplit_once('.').unwrap_or_default();
    let is_meant = named.strip_suffix(prefix).is_some_and(|space| space.is_empty() || space.ends_with('.'));
    let operation = if is_meant { operation } else { "" };
    Ok(Incoming { operation: operation.into(), input: object(&request.body)?, ..Incoming::default() })
}

/// Reads a body that is a JSON object; an empty body is an empty one.
pub(super) fn object(body: &[u8]) -> Result<Input, ApiError> {
    if body.is_empty() {
        return Ok(Input::default());
    }
    let members: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    Ok(Input::new(members))
}

/// An error's structure.
pub(super) fn error(error: &ApiError) -> Document {
    Document::new().with("__type", &error.code).with("message", &error.message)
}
