//! An incident: what people did, saw and decided, from the first sign to the review; a journal of its own, in the same
//! format as a run's.
//!
//! [`event`] is what happened, [`state`] the only fold, [`deadline`] what must be reported until when, [`metrics`] the
//! times to detect, acknowledge, mitigate, recover and resolve, [`import`] what other tools exported.

pub mod deadline;
pub mod event;
pub mod import;
pub mod metrics;
pub mod state;
