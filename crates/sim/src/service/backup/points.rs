//! Vaults and recovery points: DescribeBackupVault, DescribeRecoveryPoint, ListRecoveryPointsByBackupVault,
//! ListRecoveryPointsByResource, DeleteRecoveryPoint.

use chrono::TimeDelta;

use super::{invalid, is_between, is_or_absent, listed, not_found, records, required, vault_arn};
use crate::definition::VaultDefinition;
use crate::durations::DELETE_RECOVERY_POINT;
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output};
use crate::world::{Happening, RecoveryPoint, SnapshotStatus, World};

/// A declared vault.
pub(super) fn find_vault<'a>(
    world: &'a World,
    context: &Context<'_>,
    name: &str,
) -> Result<&'a VaultDefinition, ApiError> {
    let found = world.region(context.place).definition.backup_vaults.iter().find(|vault| vault.name == name);
    found.ok_or_else(|| not_found(format!("Backup vault {name} does not exist")))
}

/// The recovery points that there still are, oldest first.
pub(super) fn all<'a>(world: &'a World, context: &Context<'_>) -> Vec<&'a RecoveryPoint> {
    let points = world.region(context.place).backup.recovery_points.values();
    let mut points: Vec<_> =
        points.filter(|point| point.gone_at.is_none_or(|gone| gone > world.now)).collect();
    points.sort_by(|one, other| (one.created_at, &one.arn).cmp(&(other.created_at, &other.arn)));
    points
}

/// A recovery point that there still is.
pub(super) fn find<'a>(
    world: &'a World,
    context: &Context<'_>,
    arn: &str,
) -> Result<&'a RecoveryPoint, ApiError> {
    let found = all(world, context).into_iter().find(|point| point.arn == arn);
    found.ok_or_else(|| not_found(format!("Cannot find recovery point {arn}")))
}

/// The recovery point that vault and ARN of a request name.
pub(super) fn named<'a>(world: &'a World, context: &Context<'_>) -> Result<&'a RecoveryPoint, ApiError> {
    let vault = required(context, "BackupVaultName")?;
    let arn = required(context, "RecoveryPointArn")?;
    find_vault(world, context, vault)?;
    let point = find(world, context, arn)?;
    if point.vault != vault {
        return Err(not_found(format!("Cannot find recovery point {arn} in vault {vault}")));
    }
    Ok(point)
}

pub(super) fn vault(world: &World, context: &Context<'_>) -> Output {
    let vault = find_vault(world, context, required(context, "BackupVaultName")?)?;
    let held = all(world, context).into_iter().filter(|point| point.vault == vault.name).count();
    Ok(Document::new()
        .with("BackupVaultName", &vault.name)
        .with("BackupVaultArn", vault_arn(context.place, &vault.name))
        .with("VaultType", "BACKUP_VAULT")
        .with("VaultState", "AVAILABLE")
        .optional("EncryptionKeyArn", vault.encryption_key_arn.as_ref())
        .with("CreationDate", vault.created_at.unwrap_or(world.definition.start))
        .with("NumberOfRecoveryPoints", held as i64)
        .with("Locked", vault.locked)
        .optional("MinRetentionDays", vault.min_retention_days)
        .optional("MaxRetentionDays", vault.max_retention_days))
}

pub(super) fn describe(world: &World, context: &Context<'_>) -> Output {
    let point = named(world, context)?;
    let class = if point.cold { "COLD" } else { "WARM" };
    let scan = Document::new()
        .with("MalwareScanner", "GUARDDUTY")
        .with("ScanJobState", "COMPLETED")
        .with("LastScanTimestamp", point.completed_at)
        .list("Findings", ["MALWARE"]);
    Ok(records::point(world, context, point)
        .with("StorageClass", class)
        .list("ScanResults", Some(scan).filter(|_| point.malware)))
}

pub(super) fn by_vault(world: &World, context: &Context<'_>) -> Output {
    let vault = find_vault(world, context, required(context, "BackupVaultName")?)?;
    let mut found = Vec::new();
    for point in all(world, context) {
        let fits = point.vault == vault.name
            && is_or_absent(context, "ByResourceArn", &point.resource_arn)?
            && is_or_absent(context, "ByResourceType", "RDS")?
            && is_between(context, point.created_at)?;
        if fits {
            found.push(records::point(world, context, point));
        }
    }
    listed(found, "RecoveryPoints", context)
}

pub(super) fn by_resource(world: &World, context: &Context<'_>) -> Output {
    let arn = required(context, "ResourceArn")?;
    if !arn.starts_with("arn:") {
        return Err(invalid(format!("{arn} is not an ARN")));
    }
    let points = all(world, context).into_iter().filter(|point| point.resource_arn == arn);
    let records = points.map(|point| records::point_of_resource(world, point)).collect();
    listed(records, "RecoveryPoints", context)
}

pub(super) fn delete(world: &mut World, context: &Context<'_>) -> Output {
    let place = context.place;
    let point = named(world, context)?;
    let vault = find_vault(world, context, &point.vault)?;
    let (arn, snapshot) = (point.arn.clone(), point.snapshot.clone());
    if point.status(world.now) != "COMPLETED" {
        let message = format!("Recovery point {arn} is {}", point.status(world.now));
        return Err(ApiError::new("InvalidResourceStateException", message));
    }
    let kept = point.delete_after_days.map(|days| point.created_at + TimeDelta::days(days));
    if vault.locked && kept.is_none_or(|kept| kept > world.now) {
        let message = "Backup vault is locked: the recovery point's retention is not over";
        return Err(ApiError::new("InvalidRequestException", message));
    }
    let gone = world.now + world.takes(&DELETE_RECOVERY_POINT, &arn);
    world.later(gone, place, &snapshot, Happening::SnapshotGone);
    let region = world.region_mut(place);
    region.snapshots.get_mut(&snapshot).into_iter().for_each(|it| it.status = SnapshotStatus::Deleting);
    let point = region.backup.recovery_points.get_mut(&arn);
    point.into_iter().for_each(|point| point.gone_at = Some(gone));
    Ok(Document::new())
}
