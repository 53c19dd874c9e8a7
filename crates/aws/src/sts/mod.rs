//! AWS Security Token Service: who we are.

pub mod spec;

#[cfg(feature = "sts")]
mod identity;
#[cfg(feature = "sts")]
pub use identity::{Identity, SayIdentity, caller_identity};
