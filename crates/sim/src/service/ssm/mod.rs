//! Systems Manager, version 2014-11-06.

mod names;
mod parameters;
mod tags;
mod write;

use super::{Operation, Protocol, Service};

pub(super) static SERVICE: Service = Service {
    name: "ssm",
    protocol: Protocol::Json { target: "AmazonSSM" },
    operations: &[
        Operation::alter("AddTagsToResource", tags::add),
        Operation::alter("DeleteParameter", write::delete),
        Operation::look("GetParameter", parameters::get),
        Operation::look("GetParameterHistory", parameters::history),
        Operation::look("GetParameters", parameters::get_several),
        Operation::look("ListTagsForResource", tags::list),
        Operation::alter("PutParameter", write::put),
        Operation::alter("RemoveTagsFromResource", tags::remove),
    ],
};
