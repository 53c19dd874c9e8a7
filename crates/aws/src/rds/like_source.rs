//! What a restored instance takes over from its source (catalogue §2): a pure function of what was read of it.
//!
//! AWS gives a restored instance the *default* network and parameters unless told otherwise, and refuses some values
//! that it reports itself.

use lifeboat_engine::action::Values;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::value::Value;

/// The fields of a restore, and what the copy will lack.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Likeness {
    pub(crate) class: Option<String>,
    pub(crate) availability_zone: Option<String>,
    pub(crate) multi_az: Option<bool>,
    pub(crate) subnet_group: Option<String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) parameter_group: Option<String>,
    pub(crate) option_group: Option<String>,
    pub(crate) license_model: Option<String>,
    pub(crate) auto_minor_version_upgrade: Option<bool>,
    pub(crate) network_type: Option<String>,
    pub(crate) storage_type: Option<String>,
    pub(crate) iops: Option<i32>,
    pub(crate) storage_throughput: Option<i32>,
    pub(crate) max_allocated_storage: Option<i32>,
    pub(crate) port: Option<i32>,
    pub(crate) publicly_accessible: Option<bool>,
    pub(crate) ca_certificate: Option<String>,
    pub(crate) iam_authentication: Option<bool>,
    pub(crate) log_exports: Vec<String>,
    pub(crate) deletion_protection: Option<bool>,
    pub(crate) backup_retention_days: Option<i32>,
    pub(crate) backup_window: Option<String>,
    pub(crate) copy_tags_to_snapshot: Option<bool>,
    /// Whether AWS may charge for extended support of an old version; unset it may.
    pub(crate) engine_lifecycle_support: Option<String>,
    pub(crate) dedicated_log_volume: Option<bool>,
    pub(crate) customer_owned_ip: Option<bool>,
    /// Name and value of each.
    pub(crate) processor_features: Vec<(String, String)>,
    /// What only a change after the restore can carry, by the names of its settings.
    pub(crate) later: Values,
    /// IAM roles, each for a feature; they too are added after the restore.
    pub(crate) roles: Vec<Role>,
    /// What the source has and a restore cannot carry.
    pub(crate) not_restored: Vec<String>,
}

/// An IAM role that RDS may use for a feature of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// Its ARN.
    pub(crate) role: String,
    /// For example `s3Export`; an instance has one role for each.
    pub(crate) feature: String,
    /// `ACTIVE`, `PENDING`, or `INVALID`: RDS cannot assume it.
    pub(crate) status: String,
}

/// The roles in a look, or in what was captured of one.
pub(crate) fn roles(associated: Option<&Value>) -> Vec<Role> {
    let Some(Value::List(roles)) = associated else { return Vec::new() };
    let each = |role: &Value| {
        let text = |name: &str| role.get(name).and_then(Value::as_str).map(str::to_owned);
        let (role, feature) = (text("role")?, text("feature")?);
        Some(Role { role, feature, status: text("status").unwrap_or_default() })
    };
    roles.iter().filter_map(each).collect()
}

/// The size, GiB, from which gp3 storage takes IOPS and throughput of its own; below it AWS refuses even the values
/// it reports (terraform-provider-aws#28361, troposphere#2153).
fn gp3_threshold(engine: &str) -> i64 {
    match engine {
        _ if engine.starts_with("oracle") => 200,
        // SQL Server has no threshold.
        _ if engine.starts_with("sqlserver") => 0,
        _ => 400,
    }
}

/// What to send for a copy of `source`, as `describe` gives it, with the step's own parameters on top.
pub(crate) fn likeness(source: &Values, with: &Values, mode: Mode) -> Likeness {
    let read = Read { source, with, carry: carried(with) };
    let engine = read.text("engine").unwrap_or_default();
    let drill = mode == Mode::Drill;
    let availability_zone = read.given("availability_zone");
    let (iops, storage_throughput) = read.performance(&engine);
    Likeness {
        class: read.given("class").or_else(|| read.text("class")),
        multi_az: match (&availability_zone, with.get("multi_az").and_then(Value::as_bool)) {
            // AWS refuses a zone together with a standby.
            (Some(_), _) => None,
            (None, Some(given)) => Some(given),
            (None, None) if drill => Some(false),
            (None, None) => read.flag("multi_az"),
        },
        availability_zone,
        subnet_group: read.given("subnet_group").or_else(|| read.text("subnet_group")),
        security_groups: match with.get("security_groups") {
            Some(Value::List(given)) => texts(given),
            _ => read.list("security_groups"),
        },
        parameter_group: read.given("parameter_group").or_else(|| read.text("parameter_group")),
        option_group: read
            .given("option_group")
            .or_else(|| read.text("option_group").filter(|name| !name.starts_with("default:"))),
        license_model: read
            .text("license_model")
            .filter(|_| ["oracle", "sqlserver", "db2"].iter().any(|licensed| engine.starts_with(licensed))),
        auto_minor_version_upgrade: read.flag("auto_minor_version_upgrade"),
        network_type: read.text("network_type"),
        storage_type: read.text("storage_type"),
        iops,
        storage_throughput,
        max_allocated_storage: read.number("max_allocated_storage_gib"),
        port: read.number("port"),
        publicly_accessible: read.flag("publicly_accessible"),
        ca_certificate: read.text("ca_certificate"),
        iam_authentication: read.flag("iam_authentication"),
        log_exports: read.list("log_exports"),
        deletion_protection: with.get("deletion_protection").and_then(Value::as_bool).or(if drill {
            Some(false)
        } else {
            read.flag("deletion_protection")
        }),
        // None in a drill: that also spares the copy its first backup.
        backup_retention_days: if drill { Some(0) } else { read.number("backup_retention_days") },
        backup_window: read.text("backup_window").filter(|_| !drill),
        copy_tags_to_snapshot: if drill { Some(false) } else { read.flag("copy_tags_to_snapshot") },
        engine_lifecycle_support: read.text("engine_lifecycle_support"),
        // Where they are off they need not be said, and not every engine and place knows them.
        dedicated_log_volume: read.flag("dedicated_log_volume").filter(|on| *on),
        customer_owned_ip: read.flag("customer_owned_ip").filter(|on| *on),
        processor_features: match read.value("processor_features") {
            Some(Value::Map(features)) if read.given("class").is_none() => {
                features.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
            }
            // They go with the class: those of another class may not fit.
            _ => Vec::new(),
        },
        later: later(&read, drill, &engine),
        roles: roles(read.value("associated_roles")),
        not_restored: not_restored(&read, drill, &engine),
    }
}

/// The settings that `like_source` narrows the copy to; nothing means all.
fn carried(with: &Values) -> Option<Vec<String>> {
    match with.get("like_source") {
        Some(Value::List(names)) => Some(texts(names)),
        _ => None,
    }
}

struct Read<'read> {
    source: &'read Values,
    with: &'read Values,
    carry: Option<Vec<String>>,
}

impl Read<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        let wanted = self.carry.as_ref().is_none_or(|carry| carry.iter().any(|carried| carried == name));
        self.known(name).filter(|_| wanted)
    }

    /// What the source has, wanted or not.
    fn known(&self, name: &str) -> Option<&Value> {
        self.source
            .get(name)
            .or_else(|| self.source.get("settings")?.get(name))
            .filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.value(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).and_then(Value::as_bool)
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.value(name).and_then(Value::as_int).and_then(|number| i32::try_from(number).ok())
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::List(items)) => texts(items),
            _ => Vec::new(),
        }
    }

    fn given(&self, name: &str) -> Option<String> {
        self.with.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    fn has(&self, name: &str) -> bool {
        self.known(name).and_then(Value::as_bool) == Some(true)
    }

    fn is_monitored(&self) -> bool {
        self.known("monitoring_interval").and_then(Value::as_int).is_some_and(|interval| interval > 0)
    }

    fn performance(&self, engine: &str) -> (Option<i32>, Option<i32>) {
        let size = self.known("allocated_storage_gib").and_then(Value::as_int).unwrap_or(0);
        match self.text("storage_type").as_deref() {
            Some("io1" | "io2") => (self.number("iops"), None),
            Some("gp3") if size >= gp3_threshold(engine) => {
                (self.number("iops"), self.number("storage_throughput"))
            }
            _ => (None, None),
        }
    }
}

fn texts(items: &[Value]) -> Vec<String> {
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Settings that a restore does not take and a change afterwards does. A drill gets no new secret.
fn later(read: &Read<'_>, drill: bool, engine: &str) -> Values {
    let is_on = |name: &str, value: &Value| match name {
        "monitoring_role" => read.is_monitored(),
        "managed_password" => !drill && !engine.starts_with("oracle") && value.as_bool() == Some(true),
        "performance_insights" => value.as_bool() == Some(true),
        "monitoring_interval" => read.is_monitored(),
        _ => true,
    };
    LATER
        .iter()
        .filter_map(|(name, _)| Some((*name, read.value(name)?)))
        .filter(|(name, value)| is_on(name, value))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// The names of those settings, and what each is in words.
pub(crate) const LATER: [(&str, &str); 6] = [
    ("maintenance_window", "the maintenance window"),
    ("managed_password", "the master password managed by Secrets Manager"),
    ("max_allocated_storage_gib", "the limit of storage autoscaling"),
    ("monitoring_interval", "enhanced monitoring"),
    ("monitoring_role", "the role of enhanced monitoring"),
    ("performance_insights", "Performance Insights"),
];

/// What the source has and neither a restore nor a change afterwards carries over, in words.
fn not_restored(read: &Read<'_>, drill: bool, engine: &str) -> Vec<String> {
    let first_engines = ["postgres", "mysql", "mariadb"].contains(&engine);
    let lacks = [
        (
            !first_engines && !engine.is_empty(),
            "what this engine has besides: Lifeboat knows PostgreSQL, MySQL and MariaDB",
        ),
        (
            drill && read.has("managed_password"),
            "the master password managed by Secrets Manager (a drill makes no secret)",
        ),
        (read.has("domain"), "membership of the directory"),
        (read.known("replica_of").is_some(), "that it is a read replica: the copy follows nobody"),
        (read.has("read_replicas"), "read replicas"),
        (drill && read.has("multi_az"), "the standby in another zone (a drill restores without)"),
        (drill && read.has("deletion_protection"), "deletion protection (a drill deletes its copy)"),
        (drill, "automated backups (a drill makes none of its copy)"),
        (true, "event subscriptions, alarms, DNS names, proxies, and backup plans that go by tags"),
    ];
    lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, what)| what.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn source(engine: &str, storage: &str, size: i64) -> Values {
        let settings = BTreeMap::from([
            ("iops".to_owned(), Value::Int(3000)),
            ("storage_throughput".to_owned(), Value::Int(125)),
            ("option_group".to_owned(), "default:postgres-16".into()),
            ("license_model".to_owned(), "license".into()),
        ]);
        let groups = Value::List(vec!["sg-1".into(), "sg-2".into()]);
        BTreeMap::from([
            ("engine".to_owned(), engine.into()),
            ("storage_type".to_owned(), storage.into()),
            ("allocated_storage_gib".to_owned(), Value::Int(size)),
            ("class".to_owned(), "db.t4g.medium".into()),
            ("multi_az".to_owned(), true.into()),
            ("deletion_protection".to_owned(), true.into()),
            ("backup_retention_days".to_owned(), Value::Int(7)),
            ("subnet_group".to_owned(), "private".into()),
            ("security_groups".to_owned(), groups),
            ("parameter_group".to_owned(), "orders-pg16".into()),
            ("settings".to_owned(), Value::Map(settings)),
        ])
    }

    #[test]
    fn gp3_below_its_threshold_sends_no_performance() {
        for (engine, storage, size, sent) in [
            ("postgres", "gp3", 399, (None, None)),
            ("postgres", "gp3", 400, (Some(3000), Some(125))),
            ("mysql", "gp3", 100, (None, None)),
            ("oracle-ee", "gp3", 199, (None, None)),
            ("oracle-ee", "gp3", 200, (Some(3000), Some(125))),
            ("sqlserver-se", "gp3", 20, (Some(3000), Some(125))),
            ("postgres", "gp2", 1000, (None, None)),
            ("postgres", "io1", 100, (Some(3000), None)),
            ("postgres", "io2", 100, (Some(3000), None)),
        ] {
            let like = likeness(&source(engine, storage, size), &Values::new(), Mode::Drill);
            assert_eq!((like.iops, like.storage_throughput), sent, "{engine} {storage} {size}");
        }
    }

    #[test]
    fn a_drill_makes_a_modest_copy_and_a_recovery_a_whole_one() {
        let source = source("postgres", "gp3", 100);
        let drill = likeness(&source, &Values::new(), Mode::Drill);
        assert_eq!((drill.multi_az, drill.deletion_protection), (Some(false), Some(false)));
        assert_eq!(drill.backup_retention_days, Some(0));
        assert_eq!(drill.security_groups, ["sg-1", "sg-2"]);
        assert!(drill.not_restored.iter().any(|lack| lack.contains("standby")));
        let recovery = likeness(&source, &Values::new(), Mode::Recovery);
        assert_eq!((recovery.multi_az, recovery.deletion_protection), (Some(true), Some(true)));
        assert_eq!(recovery.backup_retention_days, Some(7));
        assert_eq!(recovery.parameter_group.as_deref(), Some("orders-pg16"));
        assert_eq!((recovery.option_group, recovery.license_model), (None, None));
    }

    #[test]
    fn what_only_a_later_change_carries_is_told_from_what_nothing_carries() {
        let mut source = source("postgres", "gp3", 100);
        let role = [("role", "arn:aws:iam::1:role/export"), ("feature", "s3Export"), ("status", "ACTIVE")];
        let role = Value::Map(role.map(|(name, text)| (name.to_owned(), text.into())).into());
        let more = [
            ("performance_insights", Value::Bool(true)),
            ("monitoring_interval", Value::Int(60)),
            ("monitoring_role", "arn:aws:iam::1:role/monitor".into()),
            ("maintenance_window", "sun:03:30-sun:04:00".into()),
            ("managed_password", Value::Bool(true)),
            ("associated_roles", Value::List(vec![role])),
        ];
        source.insert(
            "settings".to_owned(),
            Value::Map(more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        );
        let names = |like: &Likeness| like.later.keys().cloned().collect::<Vec<_>>();
        let says = |like: &Likeness, word: &str| like.not_restored.iter().any(|lack| lack.contains(word));
        let drill = likeness(&source, &Values::new(), Mode::Drill);
        let four = ["maintenance_window", "monitoring_interval", "monitoring_role", "performance_insights"];
        assert_eq!(names(&drill), four);
        assert!(says(&drill, "makes no secret"));
        assert_eq!(drill.roles.iter().map(|role| role.feature.as_str()).collect::<Vec<_>>(), ["s3Export"]);
        assert!(!says(&drill, "Performance Insights"));
        let recovery = likeness(&source, &Values::new(), Mode::Recovery);
        assert!(names(&recovery).contains(&"managed_password".to_owned()));
        assert!(!says(&recovery, "Secrets Manager"));
        source.insert("engine".to_owned(), "sqlserver-se".into());
        assert!(says(&likeness(&source, &Values::new(), Mode::Drill), "besides"));
        let with = BTreeMap::from([("like_source".to_owned(), Value::List(vec!["class".into()]))]);
        let narrowed = likeness(&source, &with, Mode::Drill);
        assert!(names(&narrowed).is_empty() && narrowed.roles.is_empty());
    }

    #[test]
    fn support_of_old_versions_and_processors_are_as_at_the_source() {
        let mut source = source("postgres", "gp3", 100);
        let cores = Value::Map(BTreeMap::from([("coreCount".to_owned(), "2".into())]));
        if let Some(Value::Map(settings)) = source.get_mut("settings") {
            settings.insert("processor_features".to_owned(), cores);
            settings.insert("engine_lifecycle_support".to_owned(), "disabled".into());
            settings.insert("dedicated_log_volume".to_owned(), false.into());
            settings.insert("customer_owned_ip".to_owned(), true.into());
        }
        let like = likeness(&source, &Values::new(), Mode::Drill);
        assert_eq!(like.engine_lifecycle_support.as_deref(), Some("disabled"));
        assert_eq!((like.dedicated_log_volume, like.customer_owned_ip), (None, Some(true)));
        assert_eq!(like.processor_features, [("coreCount".to_owned(), "2".to_owned())]);
        let with = BTreeMap::from([("class".to_owned(), "db.r7g.large".into())]);
        assert!(likeness(&source, &with, Mode::Drill).processor_features.is_empty(), "of another class");
    }

    #[test]
    fn what_is_given_wins_and_a_list_narrows() {
        let source = source("postgres", "gp3", 100);
        let with = BTreeMap::from([
            ("class".to_owned(), "db.r7g.large".into()),
            ("availability_zone".to_owned(), "eu-west-1c".into()),
            ("security_groups".to_owned(), Value::List(vec!["sg-drill".into()])),
            ("like_source".to_owned(), Value::List(vec!["subnet_group".into()])),
        ]);
        let like = likeness(&source, &with, Mode::Recovery);
        assert_eq!(like.class.as_deref(), Some("db.r7g.large"));
        assert_eq!((like.availability_zone.as_deref(), like.multi_az), (Some("eu-west-1c"), None));
        assert_eq!(like.security_groups, ["sg-drill"]);
        assert_eq!((like.subnet_group.as_deref(), like.parameter_group), (Some("private"), None));
    }
}
