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

// For the actions of AWS Backup, which make DB instances too.
#[cfg(feature = "backup")]
pub(crate) use instances::look_at as look_at_instance;
#[cfg(feature = "backup")]
pub(crate) use spec::FAILURE_STATES;
#[cfg(feature = "backup")]
pub(crate) use states::{hint, is_usable};
#[cfg(feature = "backup")]
pub(crate) use take_away::{Backups, DELETE, act as take_away_instance, is_protected};

/// The kind of resource, as its actions and its lookout call it.
pub const KIND: &str = "rds:db";
