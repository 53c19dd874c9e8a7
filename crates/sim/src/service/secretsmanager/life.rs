//! CreateSecret and DeleteSecret.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::read::find;
use super::write::{add_version, invalid, named, token, value};
use crate::protocol::ApiError;
use crate::service::{Context, Output, tags};
use crate::world::secret::CURRENT;
use crate::world::{Secret, World};

/// Days of the recovery window where none are given; and the least and the most (API reference, DeleteSecret).
const RECOVERY_WINDOW: (i64, i64, i64) = (30, 7, 30);

pub(super) fn create(world: &mut World, context: &Context<'_>) -> Output {
    let (input, place) = (context.input, context.place);
    let name = input.required("Name")?.to_owned();
    let (token, value) = (token(input)?, value(input)?);
    let old = world.region(place).secrets.get(&name).filter(|old| !is_gone(world, old));
    if let Some(old) = old {
        let repeated = token.and_then(|id| old.versions.get_key_value(id));
        let repeated = repeated.filter(|(_, version)| value.as_ref() == Some(&version.value));
        return match repeated {
            Some((id, _)) if old.deleted_at.is_none() => Ok(named(old).with("VersionId", id)),
            _ => Err(taken(old)),
        };
    }
    let mut secret = Secret {
        arn: world.secret_arn(place, &name, world.now),
        name,
        description: input.text("Description")?.unwrap_or_default().to_owned(),
        kms_key_id: input.text("KmsKeyId")?.map(str::to_owned),
        created_at: world.now,
        changed_at: world.now,
        deleted_at: None,
        gone_at: None,
        tags: tags::sent(input, "Tags")?,
        versions: BTreeMap::new(),
    };
    let mut output = named(&secret);
    if let Some(value) = value {
        let id = token.ok_or_else(|| {
            invalid("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
        })?;
        add_version(world, &mut secret, id, value)?;
        secret.move_stage(CURRENT, id);
        output = output.with("VersionId", id);
    }
    world.region_mut(place).secrets.insert(secret.name.clone(), secret);
    Ok(output)
}

fn is_gone(world: &World, secret: &Secret) -> bool {
    secret.gone_at.is_some_and(|gone| gone <= world.now)
}

fn taken(secret: &Secret) -> ApiError {
    if secret.deleted_at.is_some() {
        let message =
            "You can't create this secret because a secret with this name is already scheduled for deletion.";
        return ApiError::new("InvalidRequestException", message);
    }
    let message = format!("The operation failed because the secret {} already exists.", secret.name);
    ApiError::new("ResourceExistsException", message)
}

pub(super) fn delete(world: &mut World, context: &Context<'_>) -> Output {
    let input = context.input;
    let days = input.number("RecoveryWindowInDays")?;
    let at_once = input.flag("ForceDeleteWithoutRecovery")?.unwrap_or(false);
    let (usual, least, most) = RECOVERY_WINDOW;
    if days.is_some() && at_once {
        return Err(invalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    if days.is_some_and(|days| !(least..=most).contains(&days)) {
        let message =
            format!("The RecoveryWindowInDays value must be between {least} and {most} days (inclusive).");
        return Err(invalid(message));
    }
    let mut secret = find(world, world.region(context.place), input)?.clone();
    let gone = if at_once { world.now } else { world.now + TimeDelta::days(days.unwrap_or(usual)) };
    secret.deleted_at = Some(world.now);
    secret.gone_at = Some(gone);
    let output = named(&secret).with("DeletionDate", gone);
    world.region_mut(context.place).secrets.insert(secret.name.clone(), secret);
    Ok(output)
}
