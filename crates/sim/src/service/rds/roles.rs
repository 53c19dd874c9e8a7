//! AddRoleToDBInstance.

use super::refusals::{instance_not_found, wrong_state};
use crate::durations::ROLE_PENDING;
use crate::protocol::{ApiError, Xml};
use crate::service::{Answer, Context};
use crate::world::{AssociatedRole, Status, World};

/// The role is pending for a while; the instance must be `available` (API reference, AddRoleToDBInstance).
pub(super) fn add(world: &mut World, context: &Context<'_>) -> Answer {
    let params = context.params;
    let name = params.required("DBInstanceIdentifier")?;
    let (role, feature) = (params.required("RoleArn")?, params.required("FeatureName")?);
    let instance = world.region(context.place).instance(name).ok_or_else(|| instance_not_found(name))?;
    if instance.status != Status::Available {
        return Err(wrong_state(instance));
    }
    // An instance has one role for a feature (RDS user guide).
    if instance.settings.associated_roles.iter().any(|it| it.role == role || it.feature == feature) {
        let message =
            format!("The role {role} or another one for {feature} is already associated with {name}");
        return Err(ApiError::new("DBInstanceRoleAlreadyExists", message));
    }
    let id = instance.resource_id.clone();
    let (least, most) = ROLE_PENDING;
    let pending = world.chance.seconds("role", &format!("{id} {feature}"), least, most);
    let active_from = Some(world.now + pending);
    let (role, feature) = (role.to_owned(), feature.to_owned());
    if let Some(instance) = world.region_mut(context.place).instances.get_mut(&id) {
        instance.settings.associated_roles.push(AssociatedRole { role, feature, active_from });
    }
    Ok(Xml::new())
}
