//! The rows: which action, in which world, with what.

use crate::bench::{Bench, values, world};
use lifeboat_engine::action::Values;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::value::Value;
use lifeboat_sim::WorldDefinition;
use lifeboat_sim::world::Region;
use std::time::Duration;

/// A way that an action may go: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Good,
    FailureStates,
    ReplyLost,
    Twice,
    UndoneTwice,
    NothingMade,
}

impl Way {
    pub(super) const ALL: [Way; 6] =
        [Way::Good, Way::FailureStates, Way::ReplyLost, Way::Twice, Way::UndoneTwice, Way::NothingMade];

    /// The title of its column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Way::Good => "good",
            Way::FailureStates => "failure states",
            Way::ReplyLost => "reply lost",
            Way::Twice => "twice",
            Way::UndoneTwice => "undone twice",
            Way::NothingMade => "nothing made",
        }
    }
}

/// Something that somebody else does.
pub(super) type Deed = fn(&Bench);

/// One action in one world.
pub(super) struct Row {
    pub(super) action: &'static str,
    /// What is special about this row.
    pub(super) variant: &'static str,
    pub(super) world: fn() -> WorldDefinition,
    pub(super) mode: Mode,
    /// Steps that come before.
    pub(super) before: &'static str,
    /// Its parameters; whatever they name that the world does not hold yet is made here, by somebody else.
    pub(super) with: fn(&Bench) -> Values,
    /// How long what `with` began takes until the action can use it.
    pub(super) lead: Duration,
    /// What the step says that it does, where the action leaves that to the step.
    pub(super) effect: Option<Effect>,
    pub(super) wait_for: Option<&'static str>,
    /// The API operation that the action is about.
    pub(super) mutation: &'static str,
    /// Which of its calls is the action's own.
    pub(super) call: u64,
    /// How often it takes effect in a run, together with what takes it away or prepares it.
    pub(super) effects: usize,
    /// How many things of its kind were ever made. Where AWS takes a token, a repeated call is accepted and makes no
    /// second one, so that calls say nothing.
    pub(super) made: Option<fn(&Region) -> usize>,
    /// Failure states that no order to the simulator brings about, and what somebody does that does.
    pub(super) breaks: &'static [(&'static str, Deed)],
    /// Ways that mean nothing here, and why.
    pub(super) without: &'static [(Way, &'static str)],
    /// Whether it is taken back while it still runs, and not when it is done.
    pub(super) undone_early: bool,
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
    with: |_| Values::new(),
    lead: Duration::ZERO,
    effect: None,
    wait_for: None,
    mutation: "",
    call: 1,
    effects: 1,
    made: None,
    breaks: &[],
    without: &[],
    undone_early: false,
    returns: true,
    undone_untouched: true,
};

const AS_ABOVE: &[(Way, &str)] = &[(Way::FailureStates, "as in the row above")];

pub(super) const ROWS: &[Row] = &[
    Row {
        action: "rds.create_snapshot",
        with: |_| values([("instance", "orders-prod".into())]),
        mutation: "CreateDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.copy_snapshot",
        with: |_| values([("source", NEWEST.into()), ("copy_tags", true.into())]),
        mutation: "CopyDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_from_snapshot",
        with: |_| values([("snapshot", "latest".into()), ("source", "orders-prod".into())]),
        mutation: "RestoreDBInstanceFromDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_from_snapshot",
        variant: ", all settings",
        world: with_static_parameters,
        with: |_| values([("snapshot", NEWEST.into()), ("deletion_protection", true.into())]),
        wait_for: Some("available"),
        without: AS_ABOVE,
        mutation: "RestoreDBInstanceFromDBSnapshot",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        with: |_| values([("source", "orders-prod".into()), ("time", "latest".into())]),
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        variant: ", all settings",
        world: with_static_parameters,
        with: |_| {
            let source = ("source", "orders-prod".into());
            values([source, ("time", "-30m".into()), ("deletion_protection", true.into())])
        },
        wait_for: Some("available"),
        without: AS_ABOVE,
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.restore_to_point_in_time",
        variant: ", source gone",
        mode: Mode::Recovery,
        before: DELETE_BUT_KEEP_BACKUPS,
        with: |_| values([("source", "orders-prod".into()), ("time", "latest".into())]),
        without: AS_ABOVE,
        mutation: "RestoreDBInstanceToPointInTime",
        ..BASE
    },
    Row {
        action: "rds.modify_instance",
        mode: Mode::Recovery,
        with: |_| {
            let class = Values::from([("class".to_owned(), "db.m7g.large".into())]);
            values([("instance", "orders-prod".into()), ("changes", Value::Map(class))])
        },
        mutation: "ModifyDBInstance",
        ..BASE
    },
    Row {
        action: "rds.modify_instance",
        variant: ", no state shows",
        mode: Mode::Recovery,
        with: |_| {
            let open = Values::from([("deletion_protection".to_owned(), false.into())]);
            values([("instance", "orders-prod".into()), ("changes", Value::Map(open))])
        },
        mutation: "ModifyDBInstance",
        without: AS_ABOVE,
        ..BASE
    },
    Row {
        action: "rds.rename_instance",
        mode: Mode::Recovery,
        with: |_| values([("instance", "orders-prod".into()), ("to", "orders-old".into())]),
        mutation: "ModifyDBInstance",
        ..BASE
    },
    Row {
        action: "rds.reboot_instance",
        mode: Mode::Recovery,
        with: |_| values([("instance", "orders-prod".into())]),
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.failover",
        world: multi_az,
        mode: Mode::Recovery,
        with: |_| values([("instance", "orders-prod".into())]),
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.failover",
        variant: ", zone confirmed",
        world: multi_az,
        mode: Mode::Recovery,
        with: |_| values([("instance", "orders-prod".into())]),
        wait_for: Some("confirmed"),
        without: AS_ABOVE,
        mutation: "RebootDBInstance",
        ..BASE
    },
    Row {
        action: "rds.promote_replica",
        world: multi_az,
        mode: Mode::Recovery,
        with: |_| values([("instance", "orders-replica".into()), ("backup_retention_days", "7".into())]),
        mutation: "PromoteReadReplica",
        returns: false,
        ..BASE
    },
    Row {
        action: "rds.delete_instance",
        mode: Mode::Recovery,
        with: |_| {
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
    Row {
        action: "secretsmanager.update_keys",
        mode: Mode::Recovery,
        with: |_| {
            let host = Values::from([("host".to_owned(), "copy.example".into())]);
            values([("secret", "orders/db".into()), ("set", Value::Map(host))])
        },
        mutation: "PutSecretValue",
        breaks: &[("deleted", delete_secret), ("superseded", write_secret)],
        ..BASE
    },
    Row {
        action: "ssm.put_parameter",
        mode: Mode::Recovery,
        with: |_| values([("name", "/orders/db-host".into()), ("value", "copy.example".into())]),
        mutation: "PutParameter",
        breaks: &[("superseded", |bench| write_parameter(bench, "/orders/db-host"))],
        ..BASE
    },
    Row {
        action: "ssm.put_parameter",
        variant: ", a new one",
        mode: Mode::Recovery,
        with: |_| values([("name", "/orders/new".into()), ("value", "copy.example".into())]),
        mutation: "PutParameter",
        breaks: &[("superseded", |bench| write_parameter(bench, "/orders/new"))],
        without: &[(Way::Twice, "without `Overwrite` AWS refuses what is there already")],
        ..BASE
    },
    Row {
        action: "ssm.run_command",
        mode: Mode::Recovery,
        with: |_| command("pg_isready"),
        effect: Some(Effect::Modify),
        mutation: "SendCommand",
        without: &[(Way::Twice, "SendCommand takes no token: the engine looks before it asks again")],
        ..BASE
    },
    Row {
        action: "ssm.run_command",
        variant: ", while it runs",
        mode: Mode::Recovery,
        with: |_| command("sleep 7200"),
        effect: Some(Effect::Modify),
        mutation: "SendCommand",
        without: &[
            (Way::Good, "this script outlasts its limit"),
            (Way::FailureStates, "as in the row above"),
            (Way::ReplyLost, "as in the row above"),
            (Way::Twice, "as in the row above"),
        ],
        undone_early: true,
        ..BASE
    },
    Row {
        action: "ssm.start_automation",
        mode: Mode::Recovery,
        with: |_| values([("document", "Orders-RestartWorkers".into())]),
        effect: Some(Effect::Modify),
        mutation: "StartAutomationExecution",
        made: Some(|region| region.automations.len()),
        ..BASE
    },
    Row {
        action: "ssm.start_automation",
        variant: ", while it runs",
        mode: Mode::Recovery,
        with: |_| {
            let environment = Values::from([("Environment".to_owned(), "production".into())]);
            values([("document", "Orders-FailOver".into()), ("parameters", Value::Map(environment))])
        },
        effect: Some(Effect::Modify),
        mutation: "StartAutomationExecution",
        made: Some(|region| region.automations.len()),
        without: &[
            (Way::Good, "it waits for an approval that nobody gives"),
            (Way::FailureStates, "as in the row above"),
            (Way::ReplyLost, "as in the row above"),
            (Way::Twice, "as in the row above"),
        ],
        undone_early: true,
        ..BASE
    },
    Row {
        action: "ssm.start_automation",
        variant: ", for each node",
        mode: Mode::Recovery,
        with: |_| {
            let role = Values::from([("tag:role".to_owned(), "api".into())]);
            values([
                ("document", "Orders-RestartNode".into()),
                ("targets", Value::Map(role)),
                ("target_parameter", "InstanceId".into()),
            ])
        },
        effect: Some(Effect::Modify),
        mutation: "StartAutomationExecution",
        made: Some(|region| region.automations.iter().filter(|it| it.parent.is_none()).count()),
        without: &[
            (Way::Good, "it waits for approvals that nobody gives"),
            (Way::FailureStates, "as in the row above"),
            (Way::ReplyLost, "as in the row above"),
            (Way::Twice, "as in the row above"),
        ],
        undone_early: true,
        ..BASE
    },
    Row {
        action: "backup.start_backup",
        with: |_| values([("vault", "Default".into()), ("resource", ORDERS.into()), ("role", ROLE.into())]),
        mutation: "StartBackupJob",
        made: Some(|region| region.backup.backup_jobs.len()),
        ..BASE
    },
    Row {
        action: "backup.start_restore",
        with: |bench| restore(bench, "false"),
        mutation: "StartRestoreJob",
        made: Some(|region| region.backup.restore_jobs.len()),
        ..BASE
    },
    Row {
        action: "backup.start_restore",
        variant: ", protected",
        with: |bench| restore(bench, "true"),
        mutation: "StartRestoreJob",
        made: Some(|region| region.backup.restore_jobs.len()),
        without: AS_ABOVE,
        ..BASE
    },
    Row {
        action: "backup.put_validation_result",
        mode: Mode::Recovery,
        with: |bench| values([("restore_job", restored(bench).into()), ("status", "SUCCESSFUL".into())]),
        lead: Duration::from_secs(4 * 3600),
        mutation: "PutRestoreValidationResult",
        without: &[
            (Way::UndoneTwice, "a verdict is not taken back"),
            (Way::NothingMade, "a verdict is not taken back"),
        ],
        ..BASE
    },
];

/// What is backed up.
const ORDERS: &str = "arn:aws:rds:eu-west-1:111122223333:db:orders-prod";
const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";

/// A script on the nodes that serve the API.
fn command(script: &str) -> Values {
    let map = |key: &str, text: &str| Value::Map([(key.to_owned(), text.into())].into());
    values([
        ("document", "AWS-RunShellScript".into()),
        ("targets", map("tag:role", "api")),
        ("parameters", map("commands", script)),
    ])
}

/// The newest recovery point of the vault `Default`.
fn recovery_point(bench: &Bench) -> String {
    let region = bench.region();
    let points = region.backup.recovery_points.values().filter(|point| point.vault == "Default");
    points.max_by_key(|point| point.created_at).expect("the world has one").arn.clone()
}

fn restore(bench: &Bench, deletion_protection: &str) -> Values {
    let protection = [("DeletionProtection".to_owned(), deletion_protection.into())];
    values([
        ("recovery_point", recovery_point(bench).into()),
        ("vault", "Default".into()),
        ("role", ROLE.into()),
        ("metadata", Value::Map(protection.into())),
    ])
}

/// A restore that somebody else began.
fn restored(bench: &Bench) -> String {
    let body = serde_json::json!({
        "RecoveryPointArn": recovery_point(bench),
        "Metadata": { "DBInstanceIdentifier": "orders-elsewhere" },
        "IamRoleArn": ROLE,
    });
    let reply = bench.somebody("backup", ("PUT", "/restore-jobs"), None, &body);
    reply["RestoreJobId"].as_str().expect("an id").to_owned()
}

fn delete_secret(bench: &Bench) {
    let body = serde_json::json!({ "SecretId": "orders/db" });
    bench.somebody("secretsmanager", ("POST", "/"), Some("secretsmanager.DeleteSecret"), &body);
}

fn write_secret(bench: &Bench) {
    let token = "5f0c8a2e-0000-4000-8000-5a5a5a5a5a5a";
    let body =
        serde_json::json!({ "SecretId": "orders/db", "ClientRequestToken": token, "SecretString": "{}" });
    bench.somebody("secretsmanager", ("POST", "/"), Some("secretsmanager.PutSecretValue"), &body);
}

fn write_parameter(bench: &Bench, name: &str) {
    let body = serde_json::json!({ "Name": name, "Value": "elsewhere.example", "Type": "String", "Overwrite": true });
    bench.somebody("ssm", ("POST", "/"), Some("AmazonSSM.PutParameter"), &body);
}

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
    /// The service whose operation it is about.
    pub(super) fn service(&self) -> &'static str {
        self.action.split_once('.').map_or(self.action, |(service, _)| service)
    }

    /// Why a way means nothing here.
    pub(super) fn lacks(&self, way: Way) -> Option<&'static str> {
        self.without.iter().find(|(without, _)| *without == way).map(|(_, why)| *why)
    }

    /// The steps of a runbook: what comes before, and the action as the step `it`.
    pub(super) fn steps(&self, with: &Values) -> String {
        let with: Vec<String> = with.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
        let wait_for = self.wait_for.map(|word| format!("for: {word}, ")).unwrap_or_default();
        // Rare looks make the test quick; nothing here depends on when they are.
        let wait = format!("    wait: {{ {wait_for}every: 10s }}\n");
        let effect = self.effect.map(|effect| format!("    effect: {}\n", effect.word())).unwrap_or_default();
        let commit = if self.mode == Mode::Recovery { "    commit: false\n" } else { "" };
        format!(
            "{}  - id: it\n    action: {}\n    with: {{ {} }}\n{effect}{wait}{commit}",
            self.before,
            self.action,
            with.join(", ")
        )
    }
}

/// A value in YAML's flow style.
fn flow(value: &Value) -> String {
    match value {
        Value::Map(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("\"{name}\": {}", flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
