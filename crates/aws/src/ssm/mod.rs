//! AWS Systems Manager: Parameter Store, Run Command, Automation.

pub mod spec;

#[cfg(feature = "ssm")]
mod commands;
#[cfg(feature = "ssm")]
mod executions;
#[cfg(feature = "ssm")]
mod get_parameter;
#[cfg(feature = "ssm")]
mod lists;
#[cfg(feature = "ssm")]
mod locks;
#[cfg(feature = "ssm")]
mod parameters;
#[cfg(feature = "ssm")]
mod put_parameter;
#[cfg(feature = "ssm")]
mod run_command;
#[cfg(feature = "ssm")]
mod secret;
#[cfg(feature = "ssm")]
mod start_automation;

#[cfg(feature = "ssm")]
pub use commands::Commands;
#[cfg(feature = "ssm")]
pub use executions::Executions;
#[cfg(feature = "ssm")]
pub use get_parameter::GetParameter;
#[cfg(feature = "ssm")]
pub use locks::Locks;
#[cfg(feature = "ssm")]
pub use parameters::Parameters;
#[cfg(feature = "ssm")]
pub use put_parameter::PutParameter;
#[cfg(feature = "ssm")]
pub use run_command::RunCommand;
#[cfg(feature = "ssm")]
pub use secret::{Parameter, read_parameter};
#[cfg(feature = "ssm")]
pub use start_automation::StartAutomation;

/// The kind of a parameter, as its actions and its lookout call it.
pub const PARAMETER: &str = "ssm:parameter";

/// The kind of a command, as its actions and its lookout call it.
pub const COMMAND: &str = "ssm:command";

/// The kind of an execution of an automation, as its action and its lookout call it.
pub const AUTOMATION: &str = "ssm:automation";
