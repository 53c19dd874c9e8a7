//! AWS Identity and Access Management: what a principal may do.
//!
//! One operation is asked, with a request of our own: the SDK's client of IAM has 170 of them, and would take as long to
//! build as that of RDS.

#[cfg(feature = "iam")]
mod query;
#[cfg(feature = "iam")]
mod simulate;

#[cfg(feature = "iam")]
pub use simulate::{Denied, Question, principal, simulate};
