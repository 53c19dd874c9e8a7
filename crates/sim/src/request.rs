//! What a request is about: its service, operation, account and caller.

use sha2::{Digest, Sha256};

use crate::definition::Caller;
use crate::protocol::{ApiError, Dialect, Incoming};
use crate::service::{self, Context, Operation, Service};
use crate::wire::{Credential, Request};
use crate::world::{Place, World};

/// A request after it was understood.
pub(crate) struct Understood {
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
    /// The protocol in which it wants its reply.
    pub(crate) dialect: Dialect,
    pub(crate) place: Place,
    pub(crate) caller: Caller,
    pub(crate) incoming: Incoming,
    /// SHA-256 of its body, in hexadecimal.
    pub(crate) digest: String,
}

impl Understood {
    /// What its handler needs to know.
    pub(crate) fn context<'a>(&'a self, final_state: Option<&'a str>) -> Context<'a> {
        Context {
            place: &self.place,
            caller: &self.caller,
            params: &self.incoming.params,
            input: &self.incoming.input,
            final_state,
        }
    }
}

/// A request that reaches no handler; what is known of it is for the reply and the list of calls.
pub(crate) struct Refused {
    pub(crate) service: Option<&'static Service>,
    pub(crate) operation: String,
    pub(crate) dialect: Dialect,
    pub(crate) error: ApiError,
}

/// Finds service, operation, account and caller; or the refusal.
pub(crate) fn understand(world: &World, request: &Request) -> Result<Understood, Refused> {
    let credential = request.credential();
    let host = request.host().and_then(|host| host.split('.').next());
    let name = credential.as_ref().map(|credential| credential.service.as_str()).or(host).unwrap_or_default();
    let Some(service) = service::named(name) else { return Err(no_service(name, request)) };
    let dialect = service.protocol.dialect(request);
    let refused = |operation: &str, error| Refused {
        service: Some(service),
        operation: operation.into(),
        dialect,
        error,
    };
    let incoming = service.protocol.read(dialect, request).map_err(|error| refused("", error))?;
    let Some(credential) = credential else {
        let message = "Request is missing Authentication Token";
        let code = dialect.common("MissingAuthenticationToken");
        return Err(refused(&incoming.operation, ApiError::forbidden(&code, message)));
    };
    let Some(operation) = service.operation(&incoming.operation) else {
        return Err(refused(&incoming.operation, no_operation(dialect, &incoming)));
    };
    let (account, caller) =
        caller(world, &credential, dialect).map_err(|error| refused(&incoming.operation, error))?;
    Ok(Understood {
        service,
        operation,
        dialect,
        place: Place { account, region: credential.region },
        caller,
        incoming,
        digest: data_encoding::HEXLOWER.encode(&Sha256::digest(&request.body)),
    })
}

fn no_service(name: &str, request: &Request) -> Refused {
    let dialect = Dialect::guess(request);
    let message = format!("the simulated AWS has no service {name:?}");
    let error = ApiError::new(&dialect.common("InvalidAction"), message);
    let operation = match dialect {
        Dialect::Query => crate::protocol::query::parse(&request.body).operation,
        _ => request.header("x-amz-target").unwrap_or_default().to_owned(),
    };
    Refused { service: None, operation, dialect, error }
}

fn no_operation(dialect: Dialect, incoming: &Incoming) -> ApiError {
    let Incoming { operation, version, .. } = incoming;
    let code = dialect.common("InvalidAction");
    match dialect {
        Dialect::Query => {
            ApiError::new(&code, format!("Could not find operation {operation} for version {version}"))
        }
        Dialect::Rest => ApiError::not_found(&code, format!("Could not find operation {operation}")),
        Dialect::Json10 | Dialect::Json11 | Dialect::Cbor => {
            ApiError::new(&code, format!("Could not find operation {operation}"))
        }
    }
}

/// Account and identity behind an access key.
fn caller(world: &World, credential: &Credential, dialect: Dialect) -> Result<(String, Caller), ApiError> {
    match world.sessions.get(&credential.access_key) {
        Some(session) if session.expires_at <= world.now => {
            let message = "The security token included in the request is expired";
            Err(ApiError::forbidden(&dialect.common("ExpiredToken"), message))
        }
        Some(session) => Ok((session.account.clone(), session.caller.clone())),
        None => {
            let first = world.definition.accounts.first();
            first.map(|first| (first.id.clone(), first.caller.clone())).ok_or_else(|| {
                ApiError::new(&dialect.common("InvalidClientTokenId"), "the world file names no account")
            })
        }
    }
}
