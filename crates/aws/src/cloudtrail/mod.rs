//! AWS CloudTrail: who changed what.

#[cfg(feature = "cloudtrail")]
mod trail;

#[cfg(feature = "cloudtrail")]
pub(crate) use trail::Trail;
