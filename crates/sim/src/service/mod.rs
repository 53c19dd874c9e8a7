//! The simulated services. Each module has a table of its operations; adding one touches that table and its file.

mod rds;
mod sts;

use crate::definition::Caller;
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Xml};
use crate::world::{Place, World};

/// What a handler needs to know of a request.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// The account and Region it acts on.
    pub(crate) place: &'a Place,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// The parameters.
    pub(crate) params: &'a Params,
    /// A fault's order: what this request makes ends in this state.
    pub(crate) final_state: Option<&'a str>,
}

/// What a handler answers: the elements inside `…Result`.
pub(crate) type Answer = Result<Xml, ApiError>;

/// How an operation is handled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handler {
    /// It only looks.
    Read(fn(&World, &Context<'_>) -> Answer),
    /// It changes the world. It is given a copy, which becomes the world when the log has the request; an error
    /// leaves no trace.
    Change(fn(&mut World, &Context<'_>) -> Answer),
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
        Operation { name, handler: Handler::Read(handler) }
    }

    const fn change(name: &'static str, handler: fn(&mut World, &Context<'_>) -> Answer) -> Operation {
        Operation { name, handler: Handler::Change(handler) }
    }

    /// Whether it changes the world.
    pub(crate) fn is_mutating(&self) -> bool {
        matches!(self.handler, Handler::Change(_))
    }
}

/// One service that speaks awsQuery.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its signing name, which is also the first label of its host.
    pub(crate) name: &'static str,
    /// The XML namespace of its replies.
    pub(crate) namespace: &'static str,
    /// Its operations.
    pub(crate) operations: &'static [Operation],
}

impl Service {
    /// The operation of this name.
    pub(crate) fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

static SERVICES: &[&Service] = &[&rds::SERVICE, &sts::SERVICE];

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
