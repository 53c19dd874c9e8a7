//! Times of the SDK as ours.

use aws_smithy_types::DateTime as SdkTime;
use chrono::{DateTime, Utc};

/// The same moment, to the millisecond; nothing where it is beyond what either can hold.
pub(crate) fn time(time: Option<&SdkTime>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time?.to_millis().ok()?)
}

/// Ours as the SDK's, to the millisecond.
#[cfg(feature = "cloudwatch")]
pub(crate) fn sdk(time: DateTime<Utc>) -> SdkTime {
    SdkTime::from_millis(time.timestamp_millis())
}
