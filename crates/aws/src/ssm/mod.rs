//! AWS Systems Manager.

#[cfg(feature = "ssm")]
mod secret;
#[cfg(feature = "ssm")]
pub use secret::{Parameter, read_parameter};
