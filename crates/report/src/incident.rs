//! What is told of an incident.

pub mod document;
pub mod timeline;
pub mod words;
