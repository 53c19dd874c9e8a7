//! AWS CloudTrail: who changed what.
//!
//! One operation is asked, with a request of our own: the SDK's client of CloudTrail has sixty of them.

#[cfg(feature = "cloudtrail")]
mod lookup;
#[cfg(feature = "cloudtrail")]
mod trail;

#[cfg(feature = "cloudtrail")]
pub(crate) use trail::Trail;
