//! A DB instance in the names of the outputs.

use aws_sdk_rds::types::{DbInstance, PendingModifiedValues};
use chrono::DateTime;
use lifeboat_engine::action::Values;
use lifeboat_engine::lookout::Seen;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

/// What a look at an instance shows. What is only needed to make another like it stands under `settings`.
pub(crate) fn seen(instance: &DbInstance) -> Seen {
    let id = instance.db_instance_identifier().unwrap_or_default().to_lowercase();
    let tags = tags(instance);
    let mut attributes = attributes(instance);
    attributes.insert("tags".to_owned(), text_map(&tags));
    attributes.insert("settings".to_owned(), Value::Map(settings(instance)));
    let state = instance.db_instance_status().map(str::to_owned);
    Seen { id, exists: true, state, tags, attributes, ..Seen::default() }
}

/// The outputs of an instance that is not there.
pub(crate) fn absent(id: &str, names: impl Iterator<Item = &'static str>) -> Values {
    let mut outputs: Values = names.map(|name| (name.to_owned(), Value::Null)).collect();
    outputs.insert("instance".to_owned(), id.into());
    outputs.insert("exists".to_owned(), false.into());
    outputs
}

fn tags(instance: &DbInstance) -> BTreeMap<String, String> {
    let pairs = instance.tag_list().iter();
    pairs
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect()
}

fn text_map(texts: &BTreeMap<String, String>) -> Value {
    Value::Map(texts.iter().map(|(key, text)| (key.clone(), text.as_str().into())).collect())
}

fn attributes(instance: &DbInstance) -> Values {
    let endpoint = instance.endpoint();
    let latest = instance
        .latest_restorable_time()
        .and_then(|time| DateTime::from_timestamp_millis(time.to_millis().ok()?));
    let security_groups: Vec<Value> = instance
        .vpc_security_groups()
        .iter()
        .filter_map(|group| group.vpc_security_group_id())
        .map(Value::from)
        .collect();
    let parameter_group =
        instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    named([
        ("instance", instance.db_instance_identifier().into()),
        ("exists", true.into()),
        ("status", instance.db_instance_status().into()),
        ("endpoint", endpoint.and_then(|endpoint| endpoint.address()).into()),
        ("port", endpoint.and_then(|endpoint| endpoint.port()).into()),
        ("arn", instance.db_instance_arn().into()),
        ("resource_id", instance.dbi_resource_id().into()),
        ("engine", instance.engine().into()),
        ("engine_version", instance.engine_version().into()),
        ("class", instance.db_instance_class().into()),
        ("multi_az", instance.multi_az().into()),
        ("availability_zone", instance.availability_zone().into()),
        ("standby_zone", instance.secondary_availability_zone().into()),
        ("replica_of", instance.read_replica_source_db_instance_identifier().into()),
        ("replicas", list(instance.read_replica_db_instance_identifiers())),
        ("backup_retention_days", instance.backup_retention_period().into()),
        ("latest_restorable_time", latest.into()),
        ("encrypted", instance.storage_encrypted().into()),
        ("kms_key", instance.kms_key_id().into()),
        ("deletion_protection", instance.deletion_protection().into()),
        ("master_username", instance.master_username().into()),
        ("master_secret", instance.master_user_secret().and_then(|secret| secret.secret_arn()).into()),
        ("database", instance.db_name().into()),
        ("storage_type", instance.storage_type().into()),
        ("allocated_storage_gib", instance.allocated_storage().into()),
        ("subnet_group", instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()).into()),
        ("security_groups", Value::List(security_groups)),
        ("parameter_group", parameter_group.into()),
    ])
}

fn settings(instance: &DbInstance) -> Values {
    let option_group =
        instance.option_group_memberships().first().and_then(|group| group.option_group_name());
    named([
        ("option_group", option_group.into()),
        ("license_model", instance.license_model().into()),
        ("auto_minor_version_upgrade", instance.auto_minor_version_upgrade().into()),
        ("network_type", instance.network_type().into()),
        ("iops", instance.iops().into()),
        ("storage_throughput", instance.storage_throughput().into()),
        ("max_allocated_storage_gib", instance.max_allocated_storage().into()),
        ("publicly_accessible", instance.publicly_accessible().into()),
        ("ca_certificate", instance.ca_certificate_identifier().into()),
        ("iam_authentication", instance.iam_database_authentication_enabled().into()),
        ("log_exports", list(instance.enabled_cloudwatch_logs_exports())),
        ("backup_window", instance.preferred_backup_window().into()),
        ("maintenance_window", instance.preferred_maintenance_window().into()),
        ("copy_tags_to_snapshot", instance.copy_tags_to_snapshot().into()),
        ("performance_insights", instance.performance_insights_enabled().into()),
        ("monitoring_interval", instance.monitoring_interval().into()),
        ("monitoring_role", instance.monitoring_role_arn().into()),
        ("managed_password", instance.master_user_secret().is_some().into()),
        ("domain", (!instance.domain_memberships().is_empty()).into()),
        ("associated_roles", (!instance.associated_roles().is_empty()).into()),
        ("read_replicas", (!instance.read_replica_db_instance_identifiers().is_empty()).into()),
        ("replicates", replicates(instance).into()),
        ("parameters_wait_for_reboot", parameters_are(instance, "pending-reboot").into()),
        ("pending", (!is_settled(instance)).into()),
        ("pending_values", has_pending_values(instance).into()),
    ])
}

fn list(items: &[String]) -> Value {
    Value::List(items.iter().map(|item| Value::from(item.as_str())).collect())
}

fn has_pending_values(instance: &DbInstance) -> bool {
    let nothing = PendingModifiedValues::builder().build();
    instance.pending_modified_values().is_some_and(|pending| *pending != nothing)
}

fn parameters_are(instance: &DbInstance, status: &str) -> bool {
    instance.db_parameter_groups().iter().any(|group| group.parameter_apply_status() == Some(status))
}

/// Whether nothing about it is on its way (catalogue §3, *rds-settled*; AWS's own CloudFormation handler checks the same).
fn is_settled(instance: &DbInstance) -> bool {
    let in_sync =
        |status: Option<&str>| status.is_none_or(|status| status == "in-sync" || status == "pending-reboot");
    let options = instance.option_group_memberships().iter().all(|group| in_sync(group.status()));
    let groups =
        instance.vpc_security_groups().iter().all(|group| group.status().is_none_or(|it| it == "active"));
    let secret = instance.master_user_secret().and_then(|secret| secret.secret_status());
    let domains = instance.domain_memberships().iter();
    let joined = domains
        .filter_map(|domain| domain.status())
        .all(|status| ["joined", "kerberos-enabled"].contains(&status));
    !has_pending_values(instance)
        && !parameters_are(instance, "applying")
        && options
        && groups
        && joined
        && secret.is_none_or(|status| status == "active")
}

/// Whether a replica's replication is well; true of what is no replica.
fn replicates(instance: &DbInstance) -> bool {
    instance.status_infos().iter().all(|info| info.normal() != Some(false))
}

/// A setting in the names of the outputs, or of what is only needed to make another like it.
pub(crate) fn setting<'seen>(attributes: &'seen Values, name: &str) -> Option<&'seen Value> {
    attributes.get(name).or_else(|| attributes.get("settings")?.get(name)).filter(|value| !value.is_null())
}

/// Whether a setting is there and true.
pub(crate) fn is_set(attributes: &Values, name: &str) -> bool {
    setting(attributes, name).and_then(Value::as_bool) == Some(true)
}

fn named<const N: usize>(values: [(&str, Value); N]) -> Values {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
