//! RDS, version 2014-10-31.

mod backups;
mod delete;
mod events;
mod groups;
mod instances;
mod make_snapshots;
mod modify;
mod paging;
mod quotas;
mod reboot;
mod refusals;
mod render;
mod restore;
mod restored_settings;
mod roles;
mod snapshots;
mod tags;

use super::{Answer, Context, Operation, Protocol, Service};
use crate::world::World;

pub(super) use quotas::quotas;

/// What AWS Backup asks for when it restores a recovery point.
pub(super) fn restore_from_snapshot(world: &mut World, context: &Context<'_>) -> Answer {
    restore::from_snapshot(world, context)
}

pub(super) static SERVICE: Service = Service {
    name: "rds",
    protocol: Protocol::Query { namespace: "http://rds.amazonaws.com/doc/2014-10-31/" },
    operations: &[
        Operation::change("AddRoleToDBInstance", roles::add),
        Operation::change("AddTagsToResource", tags::add),
        Operation::change("CopyDBSnapshot", make_snapshots::copy),
        Operation::change("CreateDBSnapshot", make_snapshots::create),
        Operation::change("DeleteDBInstance", delete::delete),
        Operation::change("DeleteDBSnapshot", make_snapshots::delete),
        Operation::read("DescribeAccountAttributes", groups::account_attributes),
        Operation::read("DescribeCertificates", groups::certificates),
        Operation::read("DescribeDBInstanceAutomatedBackups", backups::describe),
        Operation::read("DescribeDBInstances", instances::describe),
        Operation::read("DescribeDBParameterGroups", groups::parameter_groups),
        Operation::read("DescribeDBSnapshots", snapshots::describe),
        Operation::read("DescribeDBSubnetGroups", groups::subnet_groups),
        Operation::read("DescribeEvents", events::describe),
        Operation::read("DescribePendingMaintenanceActions", groups::pending_maintenance),
        Operation::read("ListTagsForResource", tags::list),
        Operation::change("ModifyDBInstance", modify::modify),
        Operation::change("PromoteReadReplica", reboot::promote),
        Operation::change("RebootDBInstance", reboot::reboot),
        Operation::change("RemoveTagsFromResource", tags::remove),
        Operation::change("RestoreDBInstanceFromDBSnapshot", restore::from_snapshot),
        Operation::change("RestoreDBInstanceToPointInTime", restore::to_point_in_time),
    ],
};
