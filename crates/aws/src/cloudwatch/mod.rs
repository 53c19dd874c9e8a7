//! Amazon CloudWatch.

pub mod spec;

#[cfg(feature = "cloudwatch")]
mod alarms;
#[cfg(feature = "cloudwatch")]
mod get_metric;
#[cfg(feature = "cloudwatch")]
mod history;
#[cfg(feature = "cloudwatch")]
pub(crate) mod metrics;
#[cfg(feature = "cloudwatch")]
mod wait_for_alarm;

#[cfg(feature = "cloudwatch")]
pub use alarms::Alarms;
#[cfg(feature = "cloudwatch")]
pub(crate) use get_metric::GetMetric;
#[cfg(feature = "cloudwatch")]
pub(crate) use history::AlarmHistory;
#[cfg(feature = "cloudwatch")]
pub use wait_for_alarm::WaitForAlarm;

/// The kind of an alarm, as its actions and its lookout call it.
pub use lifeboat_runbook::plan::ALARM;
