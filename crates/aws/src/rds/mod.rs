//! Amazon RDS: instances.

pub mod spec;

#[cfg(feature = "rds")]
mod delete_instance;
#[cfg(feature = "rds")]
mod describe;
#[cfg(feature = "rds")]
mod describe_instance;
#[cfg(feature = "rds")]
mod instances;
#[cfg(feature = "rds")]
mod like_source;
#[cfg(feature = "rds")]
mod restore_to_point_in_time;
#[cfg(feature = "rds")]
mod states;
#[cfg(feature = "rds")]
mod take_away;

#[cfg(feature = "rds")]
pub use delete_instance::DeleteInstance;
#[cfg(feature = "rds")]
pub use describe_instance::DescribeInstance;
#[cfg(feature = "rds")]
pub use instances::Instances;
#[cfg(feature = "rds")]
pub use restore_to_point_in_time::RestoreToPointInTime;

/// The kind of resource, as its actions and its lookout call it.
pub const KIND: &str = "rds:db";
