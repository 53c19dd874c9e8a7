//! The world file: what is true before anything was asked. Whoever reads it from a file parses it; here is its shape.

mod alarms;
mod backup;
mod damage;
mod embedded;
mod moved;
mod quotas;
mod replicas;
mod secrets;
mod ssm;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use alarms::{AlarmDefinition, AlarmState, AlarmTransition, MetricDefinition, MetricValue, Watched};
pub use backup::{RecoveryPointDefinition, VaultDefinition};
pub use damage::{Damage, DamageDefinition, FailureDefinition, ImpairedZone};
pub use embedded::{UnknownWorld, names};
pub use quotas::{QuotaDefinition, UsageMetricDefinition};
pub use replicas::LagDefinition;
pub use secrets::SecretDefinition;
pub(crate) use secrets::text as secret_text;
pub use ssm::{
    CommandResponse, DocumentContent, DocumentDefinition, ManagedNodeDefinition, ParameterDefinition,
    ParameterKind, StepDefinition,
};

use crate::durations;
use crate::fault::Fault;
use crate::reach::EndpointDefinition;

/// A whole simulated AWS before its first request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldDefinition {
    /// The name by which reports call this world.
    pub name: String,
    /// The virtual instant at which the world begins.
    pub start: DateTime<Utc>,
    /// Virtual milliseconds from a request to its reply.
    #[serde(default = "default_latency")]
    pub latency_ms: u64,
    /// The accounts; the first one is that of every caller without an assumed role.
    pub accounts: Vec<AccountDefinition>,
    /// Databases by name, held by instances.
    #[serde(default)]
    pub databases: BTreeMap<String, DatabaseDefinition>,
    /// Servers beside AWS, for probes.
    #[serde(default)]
    pub endpoints: Vec<EndpointDefinition>,
    /// Medians in seconds that differ from [`crate::durations`], by kind, for example `rds delete`.
    #[serde(default)]
    pub durations: BTreeMap<String, u32>,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

fn default_latency() -> u64 {
    30
}

impl WorldDefinition {
    /// Who calls with the own credentials of an account.
    pub fn own_caller(&self, account: &str) -> Option<&Caller> {
        self.accounts.iter().find(|known| known.id == account).map(|known| &known.caller)
    }

    /// What in this definition does not fit together, one sentence each. Whoever reads a world file from outside
    /// shows them and stops.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.accounts.is_empty() {
            problems.push("a world needs at least one account".to_owned());
        }
        for kind in
            self.durations.keys().filter(|kind| !durations::ALL.iter().any(|it| it.kind == kind.as_str()))
        {
            problems.push(format!("durations: {kind:?} is not the name of a duration"));
        }
        let operations: Vec<_> = crate::service::operations().collect();
        for Fault { service, operation, .. } in &self.faults {
            let known = |(a_service, an_operation): &(&str, &str)| {
                (service == "*" || service == a_service) && (operation == "*" || operation == an_operation)
            };
            if !operations.iter().any(known) {
                problems.push(format!("faults: {service} {operation} is not a simulated operation"));
            }
        }
        problems.extend(self.faults.iter().filter_map(Fault::problem));
        let regions = self.accounts.iter().flat_map(|account| &account.regions);
        let instances =
            regions.clone().flat_map(|(_, region)| region.instances.iter().map(move |it| (region, it)));
        problems.extend(regions.clone().flat_map(|(_, region)| region.problems_of_services()));
        problems.extend(instances.flat_map(|(region, instance)| self.problems_of(region, instance)));
        let tables = self.databases.values().flat_map(|database| &database.tables);
        problems.extend(tables.flat_map(|(name, table)| table.problems(name)));
        problems
    }

    fn problems_of(&self, region: &RegionDefinition, instance: &InstanceDefinition) -> Vec<String> {
        let InstanceDefinition { identifier, settings, databases, created_at, .. } = instance;
        let mut problems = Vec::new();
        let mut expect = |holds: bool, what: String| {
            if !holds {
                problems.push(format!("instance {identifier}: {what}"));
            }
        };
        let same_name =
            region.instances.iter().filter(|it| it.identifier.eq_ignore_ascii_case(identifier)).count();
        expect(same_name == 1, "another instance has the same identifier".into());
        expect(*created_at <= self.start, "it is created after the world's start".into());
        let group = &settings.subnet_group;
        let known = region.subnet_groups.iter().any(|it| it.name == *group);
        expect(known, format!("there is no subnet group {group}"));
        let group = &settings.parameter_group;
        let known = region.parameter_groups.iter().any(|it| it.name == *group);
        expect(known, format!("there is no parameter group {group}"));
        if let Some(source) = &instance.replica_of {
            let known = region.instances.iter().any(|it| it.identifier.eq_ignore_ascii_case(source));
            expect(known, format!("there is no instance {source} to follow"));
        }
        if settings.multi_az {
            let zones = [Some(&settings.availability_zone), settings.secondary_zone.as_ref()];
            let impaired = region.impaired_zones.iter().any(|it| zones.contains(&Some(&it.zone)));
            // AWS would fail it over by itself, which is not simulated.
            expect(!impaired, "it has a standby, so none of its zones can be impaired here".into());
        }
        for name in databases {
            expect(self.databases.contains_key(name), format!("there is no database {name}"));
        }
        problems
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountDefinition {
    /// Twelve digits.
    pub id: String,
    /// Who calls with the account's own credentials.
    pub caller: Caller,
    /// ARNs of roles that may be assumed.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What principals may do, by the ARN of the role or user; one that is not here may do all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, PolicyDefinition>,
    /// What the trust policies of these roles ask for, by ARN; a role that is not here takes any session of an hour.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trust: BTreeMap<String, TrustDefinition>,
    /// The Regions that hold something.
    #[serde(default)]
    pub regions: BTreeMap<String, RegionDefinition>,
}

/// What a principal may do: actions by their names in IAM, with stars. Resources are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDefinition {
    /// What is allowed; all, where nothing is said.
    #[serde(default)]
    pub allowed: Option<Vec<String>>,
    /// What is denied all the same.
    #[serde(default)]
    pub denied: Vec<String>,
}

/// What a role's trust policy asks of whoever assumes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDefinition {
    /// The external id that must be told.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The longest session, seconds; an hour unless said.
    #[serde(default)]
    pub max_session_s: Option<u32>,
}

/// Who a set of credentials is, as GetCallerIdentity says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The caller's ARN.
    pub arn: String,
    /// The caller's unique id.
    pub user_id: String,
}

/// What one Region of one account holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionDefinition {
    /// How many DB instances the account may have here.
    #[serde(default = "default_instance_quota")]
    pub instance_quota: u64,
    /// DB subnet groups.
    #[serde(default)]
    pub subnet_groups: Vec<SubnetGroup>,
    /// DB parameter groups.
    #[serde(default)]
    pub parameter_groups: Vec<ParameterGroup>,
    /// Certificate authorities of RDS.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    /// DB instances, all available at the start.
    #[serde(default)]
    pub instances: Vec<InstanceDefinition>,
    /// Restored instances show `storage-initialization` while their storage is loaded.
    #[serde(default)]
    pub storage_initialization: bool,
    /// Availability Zones in which nothing answers.
    #[serde(default)]
    pub impaired_zones: Vec<ImpairedZone>,
    /// Parameters of Parameter Store.
    #[serde(default)]
    pub parameters: Vec<ParameterDefinition>,
    /// Secrets.
    #[serde(default)]
    pub secrets: Vec<SecretDefinition>,
    /// Vaults of AWS Backup.
    #[serde(default)]
    pub backup_vaults: Vec<VaultDefinition>,
    /// Quotas of services that are not simulated.
    #[serde(default)]
    pub quotas: Vec<QuotaDefinition>,
    /// Alarms of CloudWatch.
    #[serde(default)]
    pub alarms: Vec<AlarmDefinition>,
    /// Metrics of CloudWatch.
    #[serde(default)]
    pub metrics: Vec<MetricDefinition>,
    /// Nodes on which Systems Manager runs commands.
    #[serde(default)]
    pub managed_nodes: Vec<ManagedNodeDefinition>,
    /// Documents of Systems Manager.
    #[serde(default)]
    pub documents: Vec<DocumentDefinition>,
}

impl Default for RegionDefinition {
    /// A Region in which nothing was made.
    fn default() -> RegionDefinition {
        RegionDefinition {
            instance_quota: default_instance_quota(),
            subnet_groups: Vec::new(),
            parameter_groups: Vec::new(),
            certificates: Vec::new(),
            instances: Vec::new(),
            storage_initialization: false,
            impaired_zones: Vec::new(),
            parameters: Vec::new(),
            secrets: Vec::new(),
            backup_vaults: Vec::new(),
            quotas: Vec::new(),
            alarms: Vec::new(),
            metrics: Vec::new(),
            managed_nodes: Vec::new(),
            documents: Vec::new(),
        }
    }
}

impl RegionDefinition {
    fn problems_of_services(&self) -> Vec<String> {
        let points = self.backup_vaults.iter().flat_map(|vault| &vault.recovery_points);
        let known = |name: &str| self.instances.iter().any(|it| it.identifier.eq_ignore_ascii_case(name));
        let lost = points.filter(|point| !known(&point.instance));
        let lost =
            lost.map(|point| format!("recovery point of {}: there is no such instance", point.instance));
        let enforced = self.quotas.iter().filter(|quota| quota.service == "rds");
        let enforced =
            enforced.map(|quota| format!("quota {}: those of rds follow from instance_quota", quota.code));
        lost.chain(enforced).collect()
    }
}

/// AWS's default quota of DB instances a Region is 40 (Amazon RDS user guide, quotas).
fn default_instance_quota() -> u64 {
    40
}

/// A DB subnet group. A group named `default` stands in where a restore names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubnetGroup {
    /// Its name, lower-case.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The VPC.
    pub vpc_id: String,
    /// The VPC's default security group, given to instances that ask for none.
    pub default_security_group: String,
    /// Subnet id by Availability Zone.
    pub subnets: BTreeMap<String, String>,
}

/// A DB parameter group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Its name.
    pub name: String,
    /// For example `postgres16`.
    pub family: String,
    /// Its description.
    pub description: String,
    /// It holds static parameters that differ from the default: an instance that takes it says `pending-reboot`.
    #[serde(default)]
    pub has_static_changes: bool,
}

/// A certificate authority, as DescribeCertificates lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// For example `rds-ca-rsa2048-g1`.
    pub identifier: String,
    /// Valid from.
    pub valid_from: DateTime<Utc>,
    /// Valid until.
    pub valid_till: DateTime<Utc>,
}

/// A DB instance of the beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceDefinition {
    /// Its identifier, lower-case.
    pub identifier: String,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Everything that can be configured.
    pub settings: crate::world::Settings,
    /// Which of the world's databases it holds, by name.
    #[serde(default)]
    pub databases: Vec<String>,
    /// The identifier of the instance that it follows, where it is a read replica.
    #[serde(default)]
    pub replica_of: Option<String>,
    /// By how much the replica is behind, in order of time; before the first it is up to date.
    #[serde(default)]
    pub replica_lag: Vec<LagDefinition>,
    /// Maintenance that waits for it.
    #[serde(default)]
    pub pending_maintenance: Vec<MaintenanceDefinition>,
    /// How it is lost.
    #[serde(default)]
    pub fails: Option<FailureDefinition>,
    /// Times of its automated snapshots.
    #[serde(default)]
    pub automated_snapshots: Vec<DateTime<Utc>>,
}

/// Maintenance that waits for a DB instance: a `PendingMaintenanceAction`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceDefinition {
    /// For example `system-update`.
    pub action: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// From then on AWS applies it in the maintenance window, asked or not.
    #[serde(default)]
    pub auto_applied_after: Option<DateTime<Utc>>,
}

/// A database and what is written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseDefinition {
    /// The only user that may connect; `None` lets everyone in.
    #[serde(default)]
    pub user: Option<String>,
    /// The password that is asked for; `None` asks for none.
    #[serde(default)]
    pub password: Option<String>,
    /// Tables by name.
    pub tables: BTreeMap<String, TableDefinition>,
}

/// A table to which one row is written again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDefinition {
    /// When the first row was written.
    pub since: DateTime<Utc>,
    /// After this no row was written.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// Seconds from one row to the next.
    pub every_seconds: u32,
    /// The columns in order.
    pub columns: Vec<ColumnDefinition>,
    /// What happened to its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<DamageDefinition>,
}

/// A column and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDefinition {
    /// Its name, lower-case.
    pub name: String,
    /// What each row holds.
    pub holds: Content,
}

/// What a column holds in each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// The instant at which the row was written (timestamptz).
    WrittenAt,
    /// 1, 2, 3, … (bigint).
    Serial,
    /// A whole number drawn for each row between the two bounds (bigint).
    Between(i64, i64),
    /// The same text in each row (text).
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_world_can_be_read_and_is_ours() -> Result<(), UnknownWorld> {
        let world = WorldDefinition::named("default")?;
        assert_eq!(world.start.to_rfc3339(), "2026-01-05T09:00:00+00:00");
        assert_eq!(world.accounts[0].id, "111122223333");
        let region = &world.accounts[0].regions["eu-west-1"];
        assert_eq!(region.instance_quota, 40);
        assert_eq!(region.instances[0].identifier, "orders-prod");
        for database in &region.instances[0].databases {
            assert!(world.databases.contains_key(database), "{database} is declared");
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_together_is_said() -> Result<(), UnknownWorld> {
        let mut world = WorldDefinition::named("default")?;
        assert_eq!(world.problems(), Vec::<String>::new());
        world.durations.insert("rds dawdle".into(), 3);
        world.databases.clear();
        let region = world.accounts[0].regions.values_mut().next();
        region.into_iter().for_each(|region| region.instances[0].settings.subnet_group = "moon".into());
        let expected = [
            "durations: \"rds dawdle\" is not the name of a duration",
            "instance orders-prod: there is no subnet group moon",
            "instance orders-prod: there is no database orders",
        ];
        assert_eq!(world.problems(), expected);
        world.accounts.clear();
        assert!(world.problems().contains(&"a world needs at least one account".to_owned()));
        Ok(())
    }
}
