//! Everything about an instance that can be configured.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The settings of a DB instance, under the words of the RDS API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// DBInstanceClass.
    pub class: String,
    /// Engine.
    pub engine: String,
    /// EngineVersion.
    pub engine_version: String,
    /// LicenseModel.
    pub license_model: String,
    /// AllocatedStorage, GiB.
    pub allocated_storage: u32,
    /// MaxAllocatedStorage, GiB.
    #[serde(default)]
    pub max_allocated_storage: Option<u32>,
    /// StorageType.
    pub storage_type: String,
    /// Iops.
    #[serde(default)]
    pub iops: Option<u32>,
    /// StorageThroughput, MiB/s.
    #[serde(default)]
    pub storage_throughput: Option<u32>,
    /// MultiAZ.
    pub multi_az: bool,
    /// AvailabilityZone.
    pub availability_zone: String,
    /// SecondaryAvailabilityZone: where the standby is.
    #[serde(default)]
    pub secondary_zone: Option<String>,
    /// DBSubnetGroupName.
    pub subnet_group: String,
    /// VpcSecurityGroupIds.
    pub security_groups: Vec<String>,
    /// DBParameterGroupName.
    pub parameter_group: String,
    /// OptionGroupName.
    pub option_group: String,
    /// Port.
    pub port: u16,
    /// PubliclyAccessible.
    pub publicly_accessible: bool,
    /// CACertificateIdentifier.
    pub ca_certificate: String,
    /// KmsKeyId; the storage is encrypted where there is one.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// IAMDatabaseAuthenticationEnabled.
    #[serde(default)]
    pub iam_authentication: bool,
    /// EnabledCloudwatchLogsExports.
    #[serde(default)]
    pub log_exports: Vec<String>,
    /// DeletionProtection.
    pub deletion_protection: bool,
    /// BackupRetentionPeriod, days; 0 keeps no backups.
    pub backup_retention: u32,
    /// PreferredBackupWindow.
    pub backup_window: String,
    /// PreferredMaintenanceWindow.
    pub maintenance_window: String,
    /// CopyTagsToSnapshot.
    #[serde(default)]
    pub copy_tags_to_snapshot: bool,
    /// AutoMinorVersionUpgrade.
    pub auto_minor_version_upgrade: bool,
    /// MonitoringInterval, seconds; 0 is off.
    #[serde(default)]
    pub monitoring_interval: u32,
    /// MonitoringRoleArn.
    #[serde(default)]
    pub monitoring_role_arn: Option<String>,
    /// PerformanceInsightsEnabled.
    #[serde(default)]
    pub performance_insights: bool,
    /// ManageMasterUserPassword: the password is a secret that RDS keeps in Secrets Manager.
    #[serde(default)]
    pub managed_password: bool,
    /// AssociatedRoles.
    #[serde(default)]
    pub associated_roles: Vec<AssociatedRole>,
    /// MasterUsername.
    pub master_username: String,
    /// DBName.
    #[serde(default)]
    pub database_name: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An IAM role that an instance may use for one of its features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociatedRole {
    /// RoleArn.
    pub role: String,
    /// FeatureName, for example `s3Export`.
    pub feature: String,
    /// From then on it is `ACTIVE`, before `PENDING`; nothing means always.
    #[serde(default)]
    pub active_from: Option<DateTime<Utc>>,
}
