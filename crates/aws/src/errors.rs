//! What an error of AWS means, by its code on the wire (in RDS that often differs from the name of the shape).

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lifeboat_engine::action::{ActionError, ErrorKind};
use std::error::Error;

/// Whether a call changes something: then no answer does not mean that nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// It only looks.
    Read,
    /// It changes something.
    Mutation,
}

/// An error that was told in the engine's words already, on its way through the SDK.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub(crate) struct Told(pub(crate) ActionError);

/// The told error that another was caused by.
pub(crate) fn told(error: &(dyn Error + 'static)) -> Option<ActionError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(Told(told)) = error.downcast_ref() {
            return Some(told.clone());
        }
        cause = error.source();
    }
    None
}

/// Why there are no credentials, and what a person must do to get some.
pub(crate) fn no_login(error: &(dyn Error + 'static), profile: Option<&str>) -> ActionError {
    let message = chain(error);
    let lower = message.to_lowercase();
    let (code, told) = no_credentials(&lower, &message);
    let profile = profile.map(|profile| format!(" --profile {profile}")).unwrap_or_default();
    let hint = match lower.contains("sso") {
        true => format!("log in: `aws sso login{profile}`; the run goes on by itself"),
        false => format!(
            "log in (`aws login{profile}`, `aws sso login{profile}`), or name a profile with --profile"
        ),
    };
    ActionError::new(ErrorKind::BlockedOnCredentials, code, told).hint(hint)
}

/// Turns the SDK's error into the engine's.
pub(crate) fn classify<E>(error: SdkError<E, HttpResponse>, call: Call) -> ActionError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(told) = told(&error) {
        return told;
    }
    match &error {
        SdkError::ServiceError(service) => {
            let metadata = service.err().meta();
            let status = service.raw().status().as_u16();
            let code = metadata.code().unwrap_or("Unknown");
            by_code(code, metadata.message().unwrap_or("no message"), status, call)
        }
        SdkError::ConstructionFailure(_) => without_answer(chain(&error), Call::Read),
        _ => without_answer(chain(&error), call),
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text
}

/// No answer came. Without credentials nothing was sent at all.
fn without_answer(message: String, call: Call) -> ActionError {
    let lower = message.to_lowercase();
    if lower.contains("credential") || lower.contains("identity") || lower.contains("token is expired") {
        let (code, message) = no_credentials(&lower, &message);
        return ActionError::new(ErrorKind::BlockedOnCredentials, code, message)
            .hint("log in (`aws login`, `aws sso login`), or name a profile with --profile");
    }
    match call {
        Call::Read => ActionError::new(ErrorKind::BlockedOnControlPlane, "connect", message)
            .hint("AWS does not answer: is there a network, and is the Region well? The run waits"),
        Call::Mutation => ActionError::new(ErrorKind::Unknown, "timeout", message),
    }
}

/// What the provider chain says in many words, in a few: which is left is the last that it tried and why that failed,
/// and of a machine without a role that is the metadata service, which nobody meant.
fn no_credentials(lower: &str, message: &str) -> (&'static str, String) {
    let last = message.rsplit(": ").next().unwrap_or(message).trim_end_matches('.');
    if lower.contains("expired") {
        return ("ExpiredCredentials", format!("the AWS session is over: {last}"));
    }
    let nothing_there = ["imds", "no providers in chain", "not enabled", "metadata"];
    if nothing_there.iter().any(|words| lower.contains(words)) {
        let message = "there are no AWS credentials: none in the environment, in the profile, of the machine";
        return ("NoCredentials", message.to_owned());
    }
    ("NoCredentials", format!("there are no AWS credentials: {last}"))
}

const SLOW_DOWN: [&str; 7] = [
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
];

const WAIT_FOR_STATE: [&str; 7] = [
    "InvalidDBInstanceState",
    "InvalidDBSnapshotState",
    "InvalidDBClusterStateFault",
    "InvalidReplicationGroupState",
    "ResourceInUseException",
    "TableInUseException",
    "ConflictException",
];

const CREDENTIALS: [&str; 4] =
    ["ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"];

/// A signature is good for five minutes
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const SIGNATURE: [&str; 5] = [
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "RequestInTheFuture",
];

/// What a code means, as the table of the catalogue has it.
pub(crate) fn by_code(code: &str, message: &str, status: u16, call: Call) -> ActionError {
    let error = |kind| ActionError::new(kind, code, message);
    if SLOW_DOWN.contains(&code) {
        return ActionError::transient("throttled", format!("{code}: {message}"));
    }
    if WAIT_FOR_STATE.contains(&code) {
        return error(ErrorKind::Transient);
    }
    if CREDENTIALS.contains(&code) {
        return error(ErrorKind::BlockedOnCredentials).hint("log in again; the run goes on by itself");
    }
    if SIGNATURE.contains(&code) {
        return error(ErrorKind::BlockedOnCredentials)
            .hint("AWS refuses a signature that is five minutes off: is this machine's clock right?");
    }
    if code.starts_with("AccessDenied") || code.starts_with("UnauthorizedOperation") {
        return error(ErrorKind::BlockedOnPermission).hint("the message names the statement that is missing");
    }
    if code.starts_with("Insufficient") && code.contains("Capacity")
        || code == "ProvisionedIopsNotAvailableInAZFault"
    {
        return error(ErrorKind::Refused).hint("choose another class or another zone");
    }
    if code.contains("QuotaExceeded") || code == "LimitExceededException" {
        return error(ErrorKind::Refused).hint("ask for a higher quota, or remove what is not needed");
    }
    let passing = ["RequestTimeout", "ServiceUnavailableException", "ServiceUnavailable", "InternalFailure"];
    if status >= 500 || passing.contains(&code) {
        return match call {
            Call::Read => error(ErrorKind::Transient),
            Call::Mutation => error(ErrorKind::Unknown),
        };
    }
    error(ErrorKind::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_credentials_are_told_in_a_few_words() {
        let chain = "dispatch failure: other: an error occurred while loading credentials: failed to load IMDS session \
                     token: service error: request forbidden: IMDS is disabled or the caller has insufficient permissions.";
        let error = without_answer(chain.to_owned(), Call::Mutation);
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::BlockedOnCredentials, "NoCredentials"));
        assert!(error.message.len() < 90 && !error.message.contains("IMDS"), "{}", error.message);
        let expired = without_answer("loading credentials: the SSO token is expired".to_owned(), Call::Read);
        assert_eq!(expired.code, "ExpiredCredentials");
        let profile = "dispatch failure: loading credentials: profile `prod` was not defined";
        let error = without_answer(profile.to_owned(), Call::Read);
        assert_eq!(error.message, "there are no AWS credentials: profile `prod` was not defined");
    }

    #[test]
    fn the_table_of_classes() {
        use ErrorKind::{BlockedOnCredentials, BlockedOnPermission, Refused, Transient, Unknown};
        for (code, status, read, mutation) in [
            ("Throttling", 400, Transient, Transient),
            ("PriorRequestNotComplete", 400, Transient, Transient),
            ("InternalFailure", 500, Transient, Unknown),
            ("ServiceUnavailable", 503, Transient, Unknown),
            ("InvalidDBInstanceState", 400, Transient, Transient),
            ("AccessDenied", 403, BlockedOnPermission, BlockedOnPermission),
            ("AccessDeniedException", 400, BlockedOnPermission, BlockedOnPermission),
            ("ExpiredToken", 403, BlockedOnCredentials, BlockedOnCredentials),
            ("DBInstanceNotFound", 404, Refused, Refused),
            ("InstanceQuotaExceeded", 400, Refused, Refused),
            ("LimitExceededException", 400, Refused, Refused),
            ("InsufficientDBInstanceCapacity", 400, Refused, Refused),
            ("InvalidParameterCombination", 400, Refused, Refused),
            ("KMSKeyNotAccessibleFault", 400, Refused, Refused),
        ] {
            assert_eq!(by_code(code, "", status, Call::Read).kind, read, "{code}");
            assert_eq!(by_code(code, "", status, Call::Mutation).kind, mutation, "{code}");
        }
        assert!(
            by_code("InsufficientDBInstanceCapacity", "", 400, Call::Mutation)
                .hint
                .unwrap()
                .contains("class")
        );
        assert_eq!(by_code("ThrottlingException", "", 400, Call::Read).code, "throttled");
    }
}
