//! GetRecoveryPointRestoreMetadata, and what a restore job makes of metadata.

use std::collections::BTreeMap;

use super::points::named;
use super::{invalid, vault_arn};
use crate::protocol::query::Params;
use crate::protocol::{ApiError, Document};
use crate::service::{Context, Output};
use crate::world::{Settings, World};

/// Keys of the metadata of RDS, which are the names of RestoreDBInstanceFromDBSnapshot's parameters, in any case
/// (AWS Backup developer guide, "Restore an RDS database").
const KEYS: &[&str] = &[
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "AvailabilityZone",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "DBName",
    "DBParameterGroupName",
    "DBSubnetGroupName",
    "DeletionProtection",
    "EnableIAMDatabaseAuthentication",
    "Engine",
    "Iops",
    "LicenseModel",
    "MultiAZ",
    "OptionGroupName",
    "Port",
    "PubliclyAccessible",
    "StorageType",
];
/// Keys whose value is a JSON list of texts.
const LISTS: &[&str] = &["EnableCloudwatchLogsExports", "VpcSecurityGroupIds"];

/// The key that names what is made.
pub(super) const TARGET: &str = "DBInstanceIdentifier";

/// Metadata with which the recovery point may be restored. It names the original, so whoever restores beside it must put
/// another identifier. That IOPS of gp3 are among it, which RDS refuses below its limit, is assumed: the worse case.
pub(super) fn get(world: &World, context: &Context<'_>) -> Output {
    let point = named(world, context)?;
    let snapshot = world.region(context.place).snapshots.get(&point.snapshot);
    let metadata = snapshot.map(|snapshot| of_settings(&snapshot.instance, &snapshot.settings));
    Ok(Document::new()
        .with("BackupVaultArn", vault_arn(context.place, &point.vault))
        .with("RecoveryPointArn", &point.arn)
        .with("ResourceType", "RDS")
        .with("RestoreMetadata", &metadata.unwrap_or_default()))
}

fn of_settings(identifier: &str, settings: &Settings) -> BTreeMap<String, String> {
    let iops = settings.iops.map(|iops| iops.to_string());
    let texts = [
        (TARGET, Some(identifier.to_owned())),
        ("DBInstanceClass", Some(settings.class.clone())),
        ("Engine", Some(settings.engine.clone())),
        ("LicenseModel", Some(settings.license_model.clone())),
        ("MultiAZ", Some(settings.multi_az.to_string())),
        ("AvailabilityZone", Some(settings.availability_zone.clone()).filter(|_| !settings.multi_az)),
        ("StorageType", Some(settings.storage_type.clone())),
        ("Iops", iops),
        ("Port", Some(settings.port.to_string())),
        ("PubliclyAccessible", Some(settings.publicly_accessible.to_string())),
        ("AutoMinorVersionUpgrade", Some(settings.auto_minor_version_upgrade.to_string())),
    ];
    texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?))).collect()
}

/// The parameters of RestoreDBInstanceFromDBSnapshot that the metadata stand for.
///
/// # Errors
/// `InvalidParameterValueException` for a key that RDS does not have, a list that is none, and without an identifier.
pub(super) fn parameters(metadata: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut params = BTreeMap::new();
    for (key, text) in metadata {
        let known = |known: &&&str| known.eq_ignore_ascii_case(key);
        if let Some(name) = KEYS.iter().find(known) {
            // The name of the database is in the snapshot; PostgreSQL takes no other.
            if *name != "DBName" {
                params.insert((*name).to_owned(), text.clone());
            }
        } else if let Some(name) = LISTS.iter().find(known) {
            let items: Vec<String> = serde_json::from_str(text).map_err(|_| {
                invalid(format!("Invalid restore metadata. {key} is not a JSON list of texts: {text}"))
            })?;
            let numbered = items.into_iter().zip(1..);
            params.extend(numbered.map(|(item, number)| (format!("{name}.member.{number}"), item)));
        } else {
            return Err(invalid(format!("Invalid restore metadata. Unrecognized key : {key}")));
        }
    }
    if !params.contains_key(TARGET) {
        return Err(invalid(format!("Invalid restore metadata. {TARGET} must be given")));
    }
    Ok(params)
}

/// The request to RDS.
pub(super) fn request(metadata: &BTreeMap<String, String>, snapshot: &str) -> Result<Params, ApiError> {
    let mut params = parameters(metadata)?;
    params.insert("DBSnapshotIdentifier".into(), snapshot.into());
    Ok(Params::new(params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn keys_are_in_any_case_and_lists_are_json() -> Result<(), ApiError> {
        let params = parameters(&map(&[
            ("dbInstanceIdentifier", "copy"),
            ("vpcSecurityGroupIds", r#"["sg-1","sg-2"]"#),
            ("multiAz", "false"),
        ]))?;
        let expected = map(&[
            ("DBInstanceIdentifier", "copy"),
            ("MultiAZ", "false"),
            ("VpcSecurityGroupIds.member.1", "sg-1"),
            ("VpcSecurityGroupIds.member.2", "sg-2"),
        ]);
        assert_eq!(params, expected);
        for wrong in [
            &[("dbInstanceIdentifier", "copy"), ("moon", "x")][..],
            &[("dbInstanceIdentifier", "copy"), ("vpcSecurityGroupIds", "sg-1,sg-2")],
            &[("port", "5432")],
        ] {
            let code = parameters(&map(wrong)).map_err(|error| error.code);
            assert_eq!(code, Err("InvalidParameterValueException".into()), "{wrong:?}");
        }
        Ok(())
    }
}
