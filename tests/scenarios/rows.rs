//! The rows: which action, in which world, with what.

use crate::bench::{values, world};
use lifeboat_engine::action::Values;
use lifeboat_runbook::plan::Mode;
use lifeboat_sim::WorldDefinition;

/// One action in one world.
pub(super) struct Row {
    pub(super) action: &'static str,
    /// What is special about this row.
    pub(super) variant: &'static str,
    pub(super) world: fn() -> WorldDefinition,
    pub(super) mode: Mode,
    /// Steps that come before.
    pub(super) before: &'static str,
    pub(super) with: fn() -> Values,
    pub(super) wait_for: Option<&'static str>,
    /// The API operation that the action is about.
    pub(super) mutation: &'static str,
    /// Which of its calls is the action's own.
    pub(super) call: u64,
    /// How often it takes effect in a run, together with what takes it away or prepares it.
    pub(super) effects: usize,
    /// Whether it may end badly; said where it cannot, or where another row of the action has shown it.
    pub(super) can_fail: bool,
    /// Whether it can be taken back.
    pub(super) returns: bool,
    /// What taking it back says where nothing was made: gone, or that it cannot be.
    pub(super) undone_untouched: bool,
}

const BASE: Row = Row {
    action: "",
    variant: "",
    world: default_world,
    mode: Mode::Drill,
    before: "",
    with: Values::new,
    wait_for: None,
    mutation: "",
    call: 1,
    effects: 1,
    can_fail: true,
    returns: true,
    undone_untouched: true,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        action: "rds.create_snapshot",
        with: || values([("instance", "orders-prod".into())]),
        mutation: "CreateDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.copy_snapshot",
        with: || values([("source", NEWEST.into()), ("copy_tags", true.into())]),
        mutation: "CopyDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_from_snapshot",
        with: || values([("snapshot", "latest".into()), ("source", "orders-prod".into())]),
        mutation: "RestoreDBInstanceFromDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_from_snapshot",
        variant: ", all settings",
        world: with_static_parameters,
        with: || values([("snapshot", NEWEST.into()), ("deletion_protection", true.into())]),
        wait_for: Some("available"),
        can_fail: false,
        mutation: "RestoreDBInstanceFromDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        with: || values([("source", "orders-prod".into()), ("time", "latest".into())]),
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        variant: ", all settings",
        world: with_static_parameters,
        with: || {
            let source = ("source", "orders-prod".into());
            values([source, ("time", "-30m".into()), ("deletion_protection", true.into())])
        },
        wait_for: Some("available"),
        can_fail: false,
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        variant: ", source gone",
        mode: Mode::Recovery,
        before: DELETE_BUT_KEEP_BACKUPS,
        with: || values([("source", "orders-prod".into()), ("time", "latest".into())]),
        can_fail: false,
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.modify_instance",
        mode: Mode::Recovery,
        with: || {
            let class = Values::from([("class".to_owned(), "db.m7g.large".into())]);
            values([
                ("instance", "orders-prod".into()),
                ("changes", lifeboat_runbook::value::Value::Map(class)),
            ])
        },
        mutation: "ModifyDBInstance",
        ..BASE
    },
    Row {
        action: "rds.modify_instance",
        variant: ", no state shows",
        mode: Mode::Recovery,
        with: || {
            let open = Values::from([("deletion_protection".to_owned(), false.into())]);
            values([
                ("instance", "orders-prod".into()),
                ("changes", lifeboat_runbook::value::Value::Map(open)),
            ])
        },
        mutation: "ModifyDBInstance",
        can_fail: false,
        ..BASE
    },
    Row {
        action: "rds.rename_instance",
        mode: Mode::Recovery,
        with: || values([("instance", "orders-prod".into()), ("to", "orders-old".into())]),
        mutation: "ModifyDBInstance",
        ..BASE
    },
    Row {
        action: "rds.reboot_instance",
        mode: Mode::Recovery,
        with: || values([("instance", "orders-prod".into())]),
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.failover",
        world: multi_az,
        mode: Mode::Recovery,
        with: || values([("instance", "orders-prod".into())]),
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.failover",
        variant: ", zone confirmed",
        world: multi_az,
        mode: Mode::Recovery,
        with: || values([("instance", "orders-prod".into())]),
        wait_for: Some("confirmed"),
        can_fail: false,
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.promote_replica",
        world: multi_az,
        mode: Mode::Recovery,
        with: || values([("instance", "orders-replica".into()), ("backup_retention_days", "7".into())]),
        mutation: "PromoteReadReplica",
        returns: false,
        ..BASE
    },
    Row {
        action: "rds.delete_instance",
        mode: Mode::Recovery,
        with: || {
            values([
                ("instance", "orders-prod".into()),
                ("skip_final_snapshot", false.into()),
                ("final_snapshot", "orders-last".into()),
                ("delete_automated_backups", true.into()),
            ])
        },
        mutation: "DeleteDBInstance",
        returns: false,
        ..BASE
    },
];

const DELETE_BUT_KEEP_BACKUPS: &str = "  - id: gone\n    action: rds.delete_instance\n    with: { instance: orders-prod, \
     skip_final_snapshot: true, delete_automated_backups: false }\n";

/// The newest automated snapshot of the embedded worlds.
const NEWEST: &str = "rds:orders-prod-2026-01-05-02-07";

fn default_world() -> WorldDefinition {
    world("default")
}

fn multi_az() -> WorldDefinition {
    world("multi-az")
}

/// Parameters that come into force with a reboot only.
fn with_static_parameters() -> WorldDefinition {
    let mut definition = default_world();
    let regions = definition.accounts.iter_mut().flat_map(|account| account.regions.values_mut());
    let groups = regions.flat_map(|region| region.parameter_groups.iter_mut());
    groups.filter(|group| group.name == "orders-pg16").for_each(|group| group.has_static_changes = true);
    definition
}

impl Row {
    /// The steps of a runbook: what comes before, and the action as the step `it`.
    pub(super) fn steps(&self) -> String {
        let with: Vec<String> =
            (self.with)().iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
        let wait_for = self.wait_for.map(|word| format!("for: {word}, ")).unwrap_or_default();
        // Rare looks make the test quick; nothing here depends on when they are.
        let wait = format!("    wait: {{ {wait_for}every: 10s }}\n");
        let commit = if self.mode == Mode::Recovery { "    commit: false\n" } else { "" };
        format!(
            "{}  - id: it\n    action: {}\n    with: {{ {} }}\n{wait}{commit}",
            self.before,
            self.action,
            with.join(", ")
        )
    }
}

/// A value in YAML's flow style.
fn flow(value: &lifeboat_runbook::value::Value) -> String {
    match value {
        lifeboat_runbook::value::Value::Map(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        lifeboat_runbook::value::Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
