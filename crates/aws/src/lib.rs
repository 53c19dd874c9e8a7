//! Actions on AWS, a module per service: `spec.rs` is plain data and always compiled, the code behind it has the
//! service's cargo feature. Without features this crate is the catalogue, and builds nothing of the AWS SDK.
//!
//! Order of use: [`catalog`] for checking; `Aws` and `register` for running.
//!
//! This room must not know the journal's format, reports or the terminal.

pub mod rds;
pub mod secretsmanager;
pub mod ssm;
pub mod sts;

#[cfg(any(feature = "secretsmanager", feature = "ssm"))]
mod called;
#[cfg(feature = "sdk")]
mod connect;
#[cfg(feature = "sdk")]
mod errors;

#[cfg(feature = "sdk")]
pub use connect::Aws;

use lifeboat_runbook::spec::ActionSpec;

/// What every action of this room says of itself.
pub fn catalog() -> Vec<&'static ActionSpec> {
    let others = [
        &secretsmanager::spec::UPDATE_KEYS,
        &ssm::spec::GET_PARAMETER,
        &ssm::spec::PUT_PARAMETER,
        &sts::spec::IDENTITY,
    ];
    [rds::spec::ALL, &others].concat()
}

/// Puts the actions of this build and their lookouts into `registry`.
#[cfg(all(feature = "rds", feature = "secretsmanager", feature = "ssm", feature = "sts"))]
pub fn register(registry: &mut lifeboat_engine::registry::Registry, aws: &std::sync::Arc<Aws>) {
    use std::sync::Arc;
    rds::register(registry, aws);
    registry.add_lookout(Arc::new(secretsmanager::Secrets(aws.clone())));
    registry.add_action(Arc::new(secretsmanager::UpdateKeys(aws.clone())));
    registry.add_lookout(Arc::new(ssm::Parameters(aws.clone())));
    registry.add_action(Arc::new(ssm::GetParameter(aws.clone())));
    registry.add_action(Arc::new(ssm::PutParameter(aws.clone())));
    registry.add_action(Arc::new(sts::SayIdentity(aws.clone())));
}
