//! Settings that ModifyDBInstance can change, by the names of the outputs: how each is sent, and what it is now.

use crate::rds::describe::setting;
use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder as Modify;
use chrono::{DateTime, Utc};
use lifeboat_engine::action::{ActionError, Values};
use lifeboat_runbook::spec::Type;
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units;
use lifeboat_runbook::value::Value;

/// One setting.
struct Setting {
    name: &'static str,
    kind: Type,
    set: fn(Modify, &Value) -> Modify,
    /// Whether the value from before can be sent again.
    returns: bool,
}

impl Setting {
    const fn new(name: &'static str, kind: Type, set: fn(Modify, &Value) -> Modify) -> Self {
        Self { name, kind, set, returns: true }
    }

    /// A setting that AWS changes in one direction only.
    const fn one_way(self) -> Self {
        Self { returns: false, ..self }
    }
}

const TEXTS: Type = Type::List(&Type::String);

/// The fields of ModifyDBInstance (RDS API reference) that this version sends.
const SETTINGS: &[Setting] = &[
    Setting::new("allocated_storage_gib", Type::Integer, |call, value| {
        call.set_allocated_storage(int(value))
    })
    .one_way(),
    Setting::new("auto_minor_version_upgrade", Type::Boolean, |call, value| {
        call.set_auto_minor_version_upgrade(value.as_bool())
    }),
    Setting::new("backup_retention_days", Type::Integer, |call, value| {
        call.set_backup_retention_period(int(value))
    }),
    Setting::new("backup_window", Type::String, |call, value| call.set_preferred_backup_window(text(value))),
    Setting::new("ca_certificate", Type::String, |call, value| {
        call.set_ca_certificate_identifier(text(value))
    }),
    Setting::new("class", Type::String, |call, value| call.set_db_instance_class(text(value))),
    Setting::new("copy_tags_to_snapshot", Type::Boolean, |call, value| {
        call.set_copy_tags_to_snapshot(value.as_bool())
    }),
    Setting::new("deletion_protection", Type::Boolean, |call, value| {
        call.set_deletion_protection(value.as_bool())
    }),
    Setting::new("engine_version", Type::String, |call, value| call.set_engine_version(text(value)))
        .one_way(),
    Setting::new("iam_authentication", Type::Boolean, |call, value| {
        call.set_enable_iam_database_authentication(value.as_bool())
    }),
    Setting::new("iops", Type::Integer, |call, value| call.set_iops(int(value))),
    Setting::new("license_model", Type::String, |call, value| call.set_license_model(text(value))),
    Setting::new("maintenance_window", Type::String, |call, value| {
        call.set_preferred_maintenance_window(text(value))
    }),
    // Back from it leads only a new master password.
    Setting::new("managed_password", Type::Boolean, |call, value| {
        call.set_manage_master_user_password(value.as_bool())
    })
    .one_way(),
    Setting::new("max_allocated_storage_gib", Type::Integer, |call, value| {
        call.set_max_allocated_storage(int(value))
    }),
    Setting::new("monitoring_interval", Type::Integer, |call, value| {
        call.set_monitoring_interval(int(value))
    }),
    Setting::new("monitoring_role", Type::Arn, |call, value| call.set_monitoring_role_arn(text(value))),
    Setting::new("multi_az", Type::Boolean, |call, value| call.set_multi_az(value.as_bool())),
    Setting::new("network_type", Type::String, |call, value| call.set_network_type(text(value))),
    Setting::new("option_group", Type::String, |call, value| call.set_option_group_name(text(value))),
    Setting::new("parameter_group", Type::String, |call, value| {
        call.set_db_parameter_group_name(text(value))
    }),
    Setting::new("performance_insights", Type::Boolean, |call, value| {
        call.set_enable_performance_insights(value.as_bool())
    }),
    Setting::new("port", Type::Integer, |call, value| call.set_db_port_number(int(value))),
    Setting::new("publicly_accessible", Type::Boolean, |call, value| {
        call.set_publicly_accessible(value.as_bool())
    }),
    Setting::new("security_groups", TEXTS, |call, value| call.set_vpc_security_group_ids(texts(value))),
    Setting::new("storage_throughput", Type::Integer, |call, value| call.set_storage_throughput(int(value))),
    Setting::new("storage_type", Type::String, |call, value| call.set_storage_type(text(value))),
];

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn int(value: &Value) -> Option<i32> {
    value.as_int().and_then(|number| i32::try_from(number).ok())
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::List(items) => Some(items.iter().filter_map(text).collect()),
        _ => None,
    }
}

fn known(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The wanted values with their types, or what is wrong with them.
///
/// # Errors
/// A name that is no setting, or a value that is not of its type.
pub(crate) fn read(changes: &Values) -> Result<Values, ActionError> {
    if changes.is_empty() {
        return Err(ActionError::refused("parameter", "`changes` names no setting"));
    }
    let read = |(name, value): (&String, &Value)| {
        let setting = known(name).ok_or_else(|| unknown(name))?;
        let value = setting.kind.read(value.clone()).map_err(|mismatch| {
            ActionError::refused("parameter", format!("the setting `{name}`: {mismatch}"))
        })?;
        Ok((name.clone(), value))
    };
    changes.iter().map(read).collect()
}

fn unknown(name: &str) -> ActionError {
    let hint = match nearest(name, SETTINGS.iter().map(|setting| setting.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", "),
    };
    ActionError::refused("parameter", format!("`{name}` is not a setting that can be changed")).hint(hint)
}

/// Puts values into a request.
pub(crate) fn apply(call: Modify, values: &Values) -> Modify {
    let known = values.iter().filter_map(|(name, value)| Some((known(name)?, value)));
    known.fold(call, |call, (setting, value)| (setting.set)(call, value))
}

/// A time as it was resolved: a time, or its text where it was read back from the journal.
pub(crate) fn time(value: Option<&Value>) -> Option<DateTime<Utc>> {
    match value? {
        Value::Time(time) => Some(*time),
        Value::String(text) => units::parse_time(text),
        _ => None,
    }
}

/// The values that are not in force. The order of security groups means nothing.
pub(crate) fn missing(attributes: &Values, wanted: &Values) -> Values {
    let sorted = |value: &Value| match value {
        Value::List(items) => {
            let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
            items.sort();
            items.join(",")
        }
        other => other.to_string(),
    };
    let in_force =
        |name: &str, value: &Value| setting(attributes, name).is_some_and(|now| sorted(now) == sorted(value));
    wanted
        .iter()
        .filter(|(name, value)| !in_force(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The values of these settings as they are now.
pub(crate) fn current(attributes: &Values, wanted: &Values) -> Values {
    let now = |name: &String| Some((name.clone(), setting(attributes, name)?.clone()));
    wanted.keys().filter_map(now).collect()
}

/// Of values from before: those that can be sent again, and the names of those that cannot.
pub(crate) fn returning(before: &Values) -> (Values, Vec<String>) {
    let returns = |name: &str| known(name).is_some_and(|setting| setting.returns);
    let back =
        before.iter().filter(|(name, _)| returns(name)).map(|(name, value)| (name.clone(), value.clone()));
    let stays = before.keys().filter(|name| !returns(name)).cloned();
    (back.collect(), stays.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn values<const N: usize>(values: [(&str, Value); N]) -> Values {
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn settings_stand_in_order_and_once() {
        assert!(SETTINGS.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn what_is_wrong_is_said_before_anything_is_sent() {
        let error = |changes| read(&changes).unwrap_err();
        assert!(error(values([("klass", "db.m7g.large".into())])).hint.unwrap().contains("class"));
        assert!(error(values([("multi_az", "perhaps".into())])).message.contains("boolean"));
        assert!(error(Values::new()).message.contains("no setting"));
        let good = read(&values([("multi_az", "true".into()), ("port", "5433".into())])).unwrap();
        assert_eq!(good, values([("multi_az", true.into()), ("port", Value::Int(5433))]));
    }

    #[test]
    fn values_in_force_are_told_from_those_that_are_not() {
        let groups = |names: &[&str]| Value::List(names.iter().map(|name| Value::from(*name)).collect());
        let hidden = Value::Map(BTreeMap::from([("monitoring_interval".to_owned(), Value::Int(60))]));
        let now = values([
            ("class", "db.t4g.medium".into()),
            ("security_groups", groups(&["sg-2", "sg-1"])),
            ("settings", hidden),
        ]);
        let wanted = values([
            ("class", "db.m7g.large".into()),
            ("security_groups", groups(&["sg-1", "sg-2"])),
            ("monitoring_interval", Value::Int(60)),
        ]);
        assert_eq!(missing(&now, &wanted), values([("class", "db.m7g.large".into())]));
        let before = current(&now, &wanted);
        assert_eq!(before["class"], "db.t4g.medium".into());
        assert!(missing(&now, &before).is_empty());
        let two = values([("class", "db.t4g.medium".into()), ("allocated_storage_gib", Value::Int(100))]);
        let (back, stays) = returning(&two);
        assert_eq!((back.len(), stays), (1, vec!["allocated_storage_gib".to_owned()]));
    }
}
