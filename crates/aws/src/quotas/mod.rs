//! Service Quotas.

pub mod spec;

#[cfg(feature = "servicequotas")]
mod headroom;

#[cfg(feature = "servicequotas")]
pub use headroom::Headroom;
