//! Wire protocols: how a request names its operation and how results and errors look. They know no service.

mod cbor;
mod dialect;
mod document;
mod input;
mod json;
pub mod query;
mod rest;
mod xml;

pub use dialect::{Body, Dialect, Incoming, Outgoing, Protocol};
pub use document::Document;
pub use input::Input;
pub use rest::Route;
pub use xml::Xml;

/// An error as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The code on the wire, which differs from the shape's name for many RDS errors.
    pub code: String,
    /// The message.
    pub message: String,
}

impl ApiError {
    /// An error of the sender, HTTP 400.
    pub fn new(code: &str, message: impl Into<String>) -> ApiError {
        ApiError { status: 400, code: code.into(), message: message.into() }
    }

    /// Something that is not there, HTTP 404.
    pub fn not_found(code: &str, message: impl Into<String>) -> ApiError {
        ApiError { status: 404, ..ApiError::new(code, message) }
    }

    /// Something that the caller may not do, HTTP 403.
    pub fn forbidden(code: &str, message: impl Into<String>) -> ApiError {
        ApiError { status: 403, ..ApiError::new(code, message) }
    }
}
