//! What is told of an incident.

pub mod document;
pub mod words;
