//! The simulated services. Each module has a table of its operations; adding one touches that table and its file.

mod backup;
mod cloudtrail;
mod iam;
mod monitoring;
mod paging;
mod rds;
mod secretsmanager;
mod servicequotas;
mod ssm;
mod sts;
mod tagging;
mod tags;

use chrono::{DateTime, Utc};

use crate::definition::{Caller, WorldDefinition};
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Document, Input, Protocol, Xml};
use crate::world::backup::JobStep;
use crate::world::{Place, World};

/// What a handler needs to know of a request.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The account and Region it acts on.
    pub(crate) place: &'a Place,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// The parameters of a service that speaks awsQuery.
    pub(crate) params: &'a Params,
    /// The parameters of all other services.
    pub(crate) input: &'a Input,
    /// A fault's order: what this request makes ends in this state.
    pub(crate) final_state: Option<&'a str>,
}

/// What a handler of awsQuery answers: the elements inside `…Result`.
pub(crate) type Answer = Result<Xml, ApiError>;

/// What every other handler answers: the output structure.
pub(crate) type Output = Result<Document, ApiError>;

/// What an operation does.
#[derive(Debug)]
pub(crate) enum Deed<T> {
    /// It only looks.
    Read(fn(&World, &Context<'_>) -> Result<T, ApiError>),
    /// It changes the world. It is given a copy, which becomes the world when the log has the request; an error
    /// leaves no trace.
    Change(fn(&mut World, &Context<'_>) -> Result<T, ApiError>),
}

/// How an operation is handled.
#[derive(Debug)]
pub(crate) enum Handler {
    /// By a deed of awsQuery.
    Xml(Deed<Xml>),
    /// By a deed of any other protocol.
    Document(Deed<Document>),
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name in the API.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) handler: Handler,
}

impl Operation {
    const fn read(name: &'static str, handler: fn(&World, &Context<'_>) -> Answer) -> Operation {
        Operation { name, handler: Handler::Xml(Deed::Read(handler)) }
    }

    const fn change(name: &'static str, handler: fn(&mut World, &Context<'_>) -> Answer) -> Operation {
        Operation { name, handler: Handler::Xml(Deed::Change(handler)) }
    }

    const fn look(name: &'static str, handler: fn(&World, &Context<'_>) -> Output) -> Operation {
        Operation { name, handler: Handler::Document(Deed::Read(handler)) }
    }

    const fn alter(name: &'static str, handler: fn(&mut World, &Context<'_>) -> Output) -> Operation {
        Operation { name, handler: Handler::Document(Deed::Change(handler)) }
    }

    /// Whether it changes the world.
    pub(crate) fn is_mutating(&self) -> bool {
        matches!(self.handler, Handler::Xml(Deed::Change(_)) | Handler::Document(Deed::Change(_)))
    }
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its signing name, which is also the first label of its host.
    pub(crate) name: &'static str,
    /// How it is spoken to.
    pub(crate) protocol: Protocol,
    /// Its operations.
    pub(crate) operations: &'static [Operation],
}

impl Service {
    /// The operation of this name.
    pub(crate) fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

static SERVICES: &[&Service] = &[
    &backup::SERVICE,
    &cloudtrail::SERVICE,
    &iam::SERVICE,
    &monitoring::SERVICE,
    &rds::SERVICE,
    &secretsmanager::SERVICE,
    &servicequotas::SERVICE,
    &ssm::SERVICE,
    &sts::SERVICE,
    &tagging::SERVICE,
];

/// A step of a job of AWS Backup whose time has come.
pub(crate) fn backup_happens(world: &mut World, place: &Place, job: &str, at: DateTime<Utc>, step: JobStep) {
    backup::happen(world, place, job, at, step);
}

/// Why the caller's policy does not permit this call; nothing where it does.
pub(crate) fn not_permitted(
    definition: &WorldDefinition,
    service: &str,
    operation: &str,
    caller: &str,
) -> Option<String> {
    iam::refusal(definition, service, operation, caller)
}

/// The service with this signing name.
pub(crate) fn named(name: &str) -> Option<&'static Service> {
    SERVICES.iter().copied().find(|service| service.name == name)
}

/// All simulated operations: service and operation, for tables in documents and for tests.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    SERVICES
        .iter()
        .flat_map(|service| service.operations.iter().map(|operation| (service.name, operation.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_there_once_and_in_order() {
        for service in SERVICES {
            let names: Vec<_> = service.operations.iter().map(|operation| operation.name).collect();
            assert!(names.is_sorted_by(|one, next| one < next), "{}: {names:?}", service.name);
        }
        assert!(operations().any(|each| each == ("rds", "DeleteDBInstance")));
    }
}
