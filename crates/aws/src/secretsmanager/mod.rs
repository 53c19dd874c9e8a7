//! AWS Secrets Manager.

pub mod spec;

#[cfg(feature = "secretsmanager")]
mod secret;
#[cfg(feature = "secretsmanager")]
mod secrets;
#[cfg(feature = "secretsmanager")]
mod update_keys;

#[cfg(feature = "secretsmanager")]
pub use secret::{SecretText, read_secret};
#[cfg(feature = "secretsmanager")]
pub use secrets::Secrets;
#[cfg(feature = "secretsmanager")]
pub use update_keys::UpdateKeys;

/// The kind of resource, as its actions and its lookout call it.
pub const KIND: &str = "secretsmanager:secret";
