//! AWS Secrets Manager.

#[cfg(feature = "secretsmanager")]
mod secret;
#[cfg(feature = "secretsmanager")]
pub use secret::{SecretText, read_secret};
