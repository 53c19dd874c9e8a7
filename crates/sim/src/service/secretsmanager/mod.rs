//! Secrets Manager, version 2017-10-17.

mod life;
mod read;
mod write;

use super::{Operation, Protocol, Service};

pub(super) static SERVICE: Service = Service {
    name: "secretsmanager",
    protocol: Protocol::Json { target: "secretsmanager" },
    operations: &[
        Operation::alter("CreateSecret", life::create),
        Operation::alter("DeleteSecret", life::delete),
        Operation::look("DescribeSecret", read::describe),
        Operation::look("GetSecretValue", read::get_value),
        Operation::alter("PutSecretValue", write::put_value),
        Operation::alter("UpdateSecretVersionStage", write::update_stage),
    ],
};
