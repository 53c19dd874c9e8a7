//! What the journal is told of a mutation.

use lifeboat_engine::action::{ActionError, Note, StepContext};

/// Journals a mutation that AWS has taken.
///
/// # Errors
/// When the journal cannot be written.
pub(crate) fn called(cx: &StepContext, service: &str, operation: &str) -> Result<(), ActionError> {
    cx.note(Note::Call {
        service: service.to_owned(),
        operation: operation.to_owned(),
        request_id: None,
        status: 200,
    })
}
