//! What is told of an incident.

pub mod document;
pub mod kept;
pub mod postmortem;
pub mod timeline;
pub mod words;
