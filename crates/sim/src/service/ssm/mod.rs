//! Systems Manager, version 2014-11-06.

mod automation;
mod documents;
mod executions;
mod invocations;
mod names;
mod parameters;
mod send;
mod tags;
mod write;

use super::paging::{Paging, page};
use super::{Operation, Protocol, Service};

/// All of its lists have pages of at most 50 (SSM API reference).
const PAGING: Paging = Paging { size: "MaxResults", most: 50, refusal: "InvalidNextToken" };

pub(super) static SERVICE: Service = Service {
    name: "ssm",
    protocol: Protocol::Json { target: "AmazonSSM" },
    operations: &[
        Operation::alter("AddTagsToResource", tags::add),
        Operation::alter("CancelCommand", send::cancel),
        Operation::alter("DeleteParameter", write::delete),
        Operation::look("DescribeAutomationExecutions", executions::describe),
        Operation::look("DescribeAutomationStepExecutions", executions::steps),
        Operation::look("GetAutomationExecution", executions::get),
        Operation::look("GetCommandInvocation", invocations::get),
        Operation::look("GetParameter", parameters::get),
        Operation::look("GetParameterHistory", parameters::history),
        Operation::look("GetParameters", parameters::get_several),
        Operation::look("ListCommandInvocations", invocations::list),
        Operation::look("ListCommands", invocations::list_commands),
        Operation::look("ListTagsForResource", tags::list),
        Operation::alter("PutParameter", write::put),
        Operation::alter("RemoveTagsFromResource", tags::remove),
        Operation::alter("SendAutomationSignal", automation::signal),
        Operation::alter("SendCommand", send::send),
        Operation::alter("StartAutomationExecution", automation::start),
        Operation::alter("StopAutomationExecution", automation::stop),
    ],
};
