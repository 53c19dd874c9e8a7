//! `lifeboat iam`: the policy that a runbook needs, from what its actions say of themselves.

use crate::args::IamArguments;
use crate::commands::print_json;
use crate::error::CommandError;
use crate::home::Home;
use crate::session;
use chrono::{DateTime, Utc};
use lifeboat_aws::iam::Question;
use lifeboat_engine::action::Values;
use lifeboat_engine::inputs;
use lifeboat_engine::lock::{LOCKS, name_of};
use lifeboat_engine::name::{Charset, resource_name};
use lifeboat_engine::preview::Preview;
use lifeboat_journal::outcome::PASSED;
use lifeboat_runbook::expression::Scope;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::{Mode, Plan, SecretReference, SecretStore, Step, Work};
use lifeboat_runbook::spec::{Catalog, Effect};
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What an action is allowed on: patterns of ARNs, and a condition.
type Grant = (BTreeSet<String>, Option<Condition>);

pub(crate) fn run(home: &Home, arguments: &IamArguments) -> Result<u8, CommandError> {
    let catalog = crate::wiring::catalog();
    let plan = session::load(&arguments.file, &catalog)?;
    let given = arguments.given.given(home, &plan)?;
    let mode = arguments.mode.into();
    let known = Known::of(&plan, &catalog, mode, given);
    print_json(&policy(&known, &catalog)).map(|()| PASSED)
}

/// The permissions that such a run needs, by their names in IAM.
pub(crate) fn needed(
    plan: &Plan,
    catalog: &Catalog,
    mode: Mode,
    given: BTreeMap<String, Value>,
) -> BTreeSet<String> {
    let known = Known::of(plan, catalog, mode, given);
    grants(&known, catalog).into_keys().map(|(call, _)| call.to_owned()).collect()
}

/// What IAM is asked before such a run: what is needed where the run itself acts, not what steps need elsewhere.
pub(crate) fn questions(
    plan: &Plan,
    catalog: &Catalog,
    given: BTreeMap<String, Value>,
    preview: &Preview,
) -> Vec<Question> {
    let mut known = Known::of(plan, catalog, preview.mode, given);
    known.account = preview.account.clone().unwrap_or(known.account);
    known.region.clone_from(&preview.region);
    let elsewhere = std::mem::take(&mut known.elsewhere);
    known.steps.retain(|step| !elsewhere.contains(&step.path));
    let mut questions: BTreeMap<Grant, BTreeSet<String>> = BTreeMap::new();
    for ((call, condition), resources) in grants(&known, catalog) {
        questions.entry((resources, condition)).or_default().insert(call.to_owned());
    }
    let question = |((resources, condition), actions): (Grant, BTreeSet<String>)| Question {
        actions,
        resources,
        context: condition.map(Condition::context).into_iter().collect(),
    };
    questions.into_iter().map(question).collect()
}

/// One statement for each set of resources, in a stable order.
fn policy(known: &Known<'_>, catalog: &Catalog) -> Json {
    let mut statements: BTreeMap<Grant, BTreeSet<&str>> = BTreeMap::new();
    for ((call, condition), resources) in grants(known, catalog) {
        statements.entry((resources, condition)).or_default().insert(call);
    }
    let statements = statements.into_iter().map(|((resources, condition), calls)| {
        let mut statement = json!({ "Effect": "Allow", "Action": calls, "Resource": resources });
        if let (Some(condition), Some(fields)) = (condition, statement.as_object_mut()) {
            fields.insert("Condition".to_owned(), condition.json());
        }
        statement
    });
    json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() })
}

/// Calls with their condition, and on what each is made.
type Grants = BTreeMap<(&'static str, Option<Condition>), BTreeSet<String>>;

fn grants(known: &Known<'_>, catalog: &Catalog) -> Grants {
    let mut grants = Grants::new();
    for step in &known.steps {
        let Some(spec) = step.action().and_then(|name| catalog.get(name)) else { continue };
        for call in spec.calls.iter().chain(spec.dependent) {
            // Asking who one is needs no permission (IAM user guide).
            if *call != "sts:GetCallerIdentity" {
                let (resources, condition) = match known.elsewhere.contains(&step.path) {
                    true => grant(call, step, &known.anywhere()),
                    false => grant(call, step, known),
                };
                grants.entry((call, condition)).or_default().extend(resources);
            }
        }
    }
    if known.plan.every_stop_when().next().is_some() {
        let everything = BTreeSet::from(["*".to_owned()]);
        grants.entry(("cloudwatch:DescribeAlarms", None)).or_default().extend(everything);
    }
    if let Some(concurrency) = &known.plan.concurrency {
        let name = match known.text(Some(&concurrency.key)) {
            key if key.contains('*') => format!("{LOCKS}*"),
            key => name_of(&key),
        };
        let (partition, region, account) = (known.partition(), &known.region, &known.account);
        let arn = format!("arn:{partition}:ssm:{region}:{account}:parameter{name}");
        for call in LOCK_CALLS {
            grants.entry((call, None)).or_default().insert(arn.clone());
        }
    }
    for secret in known.plan.secrets.values() {
        for (call, (resources, condition)) in read(secret, known) {
            grants.entry((call, condition)).or_default().extend(resources);
        }
    }
    grants
}

/// What taking a lock, holding it on and giving it back takes.
const LOCK_CALLS: [&str; 4] =
    ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"];

/// Who AWS must be acting for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    /// A key is used by this service of a Region only.
    KeyBy(String),
    /// A role is handed to AWS Backup only.
    RoleToBackup,
    /// A role is handed to RDS only.
    RoleToRds,
}

impl Condition {
    /// The key it looks at, and the values that it takes.
    fn context(self) -> (String, Vec<String>) {
        let (key, values) = match self {
            Self::KeyBy(service) => ("kms:ViaService", vec![service]),
            Self::RoleToBackup => ("iam:PassedToService", vec!["backup.amazonaws.com".to_owned()]),
            Self::RoleToRds => {
                let services = ["monitoring.rds.amazonaws.com", "rds.amazonaws.com"];
                ("iam:PassedToService", services.map(str::to_owned).to_vec())
            }
        };
        (key.to_owned(), values)
    }

    fn json(self) -> Json {
        let (key, values) = self.context();
        let values = match values.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        json!({ "StringEquals": { key: values } })
    }
}

/// On what a call is made. What is read is read in batches, which AWS allows on everything only; what the table does not
/// know is not narrowed.
fn grant(call: &str, step: &Step, known: &Known<'_>) -> Grant {
    let (service, operation) = call.split_once(':').unwrap_or(("", call));
    let reads = ["Describe", "List", "Get"].iter().any(|verb| operation.starts_with(verb));
    let (account, region, partition) = (&known.account, &known.region, known.partition());
    let (acts_by, _) = step.action().and_then(|action| action.split_once('.')).unwrap_or_default();
    match service {
        "rds" if !reads => (rds(operation, step, known).into_iter().collect(), None),
        "kms" => (BTreeSet::from(["*".to_owned()]), Some(key_by(acts_by, region))),
        "iam" => {
            let roles = format!("arn:{partition}:iam::{account}:role/*");
            let given = known.parameter(step, "role");
            match (acts_by, given.as_str()) {
                ("backup", "*") => (BTreeSet::from([roles]), Some(Condition::RoleToBackup)),
                ("backup", _) => (BTreeSet::from([given]), Some(Condition::RoleToBackup)),
                _ => (BTreeSet::from([roles]), Some(Condition::RoleToRds)),
            }
        }
        "secretsmanager" if acts_by == "rds" => {
            // The names that RDS gives the secrets of master passwords.
            let secrets = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:rds!*");
            (BTreeSet::from([secrets]), None)
        }
        _ => (BTreeSet::from(["*".to_owned()]), None),
    }
}

fn key_by(service: &str, region: &str) -> Condition {
    Condition::KeyBy(format!("{service}.{region}.amazonaws.com"))
}

/// What reading a secret takes, also where a key of the account's own guards it.
fn read(secret: &SecretReference, known: &Known<'_>) -> Vec<(&'static str, Grant)> {
    let name = known.text(Some(&secret.name));
    let region = secret.region.as_ref().map_or(known.region.clone(), |region| known.text(Some(region)));
    let (service, call, resource) = match secret.store {
        // Its ARN ends with six characters that nobody knows before.
        SecretStore::SecretsManager => {
            ("secretsmanager", "secretsmanager:GetSecretValue", format!("secret:{name}-*"))
        }
        SecretStore::Ssm => {
            ("ssm", "ssm:GetParameter", format!("parameter/{}", name.trim_start_matches('/')))
        }
        SecretStore::Environment | SecretStore::File => return Vec::new(),
    };
    let arn = match name.starts_with("arn:") {
        true => name,
        false => format!("arn:{}:{service}:{region}:{}:{resource}", known.partition(), known.account),
    };
    let key = (BTreeSet::from(["*".to_owned()]), Some(key_by(service, &region)));
    vec![(call, (BTreeSet::from([arn]), None)), ("kms:Decrypt", key)]
}

/// The resources of a call that changes RDS (Service Authorization Reference, "Actions … for Amazon RDS").
fn rds(operation: &str, step: &Step, known: &Known<'_>) -> Vec<String> {
    let parameter = |kind: &str, name: &str| known.arn(kind, &known.parameter(step, name));
    let any = |kind: &str| known.arn(kind, "*");
    let makes = step.effect == Some(Effect::Create);
    let is_snapshot = matches!(step.action(), Some("rds.create_snapshot" | "rds.copy_snapshot"));
    let made = || known.arn(if is_snapshot { "snapshot" } else { "db" }, &known.made(step));
    let groups = [any("og"), any("pg"), any("subgrp")];
    match operation {
        "CreateDBSnapshot" => vec![parameter("db", "instance"), made()],
        "CopyDBSnapshot" => vec![parameter("snapshot", "source"), made()],
        "RestoreDBInstanceFromDBSnapshot" => {
            let snapshot = match known.parameter(step, "snapshot").as_str() {
                "latest" => any("snapshot"),
                name => known.arn("snapshot", name),
            };
            [vec![made(), snapshot], groups.to_vec()].concat()
        }
        "RestoreDBInstanceToPointInTime" => {
            [vec![made(), parameter("db", "source"), any("auto-backup")], groups.to_vec()].concat()
        }
        _ if makes => vec![made()],
        "ModifyDBInstance" if step.action() == Some("rds.rename_instance") => {
            vec![parameter("db", "instance"), parameter("db", "to")]
        }
        "ModifyDBInstance" => vec![parameter("db", "instance"), any("og"), any("pg")],
        _ => vec![parameter("db", "instance")],
    }
}

/// What is known of a run before it begins.
#[derive(Clone)]
struct Known<'plan> {
    plan: &'plan Plan,
    inputs: Values,
    mode: Mode,
    account: String,
    region: String,
    /// The steps that such a run may come to.
    steps: Vec<&'plan Step>,
    /// Those of them that act in another Region or account than the run.
    elsewhere: BTreeSet<StepPath>,
}

impl<'plan> Known<'plan> {
    fn of(plan: &'plan Plan, catalog: &Catalog, mode: Mode, given: BTreeMap<String, Value>) -> Self {
        // Inputs that must be given at the start may be anything here.
        let inputs = inputs::resolve(&plan.inputs, &given).unwrap_or_default();
        let any = "*".to_owned();
        let (account, region) = (any.clone(), any);
        let (steps, elsewhere) = (Vec::new(), BTreeSet::new());
        let mut known = Self { plan, inputs, mode, account, region, steps, elsewhere };
        let target = &plan.target;
        let region = target.region.as_ref().or_else(|| target.regions.get("primary"));
        let (account, region) = (known.text(target.account.as_ref()), known.text(region));
        let named = target.regions.get(&region).map(|region| known.text(Some(region)));
        (known.account, known.region) = (account, named.unwrap_or(region));
        let top = plan.preflight.iter().chain(&plan.steps).chain(plan.cleanup_steps());
        for step in top {
            known.take(step, false);
        }
        known.steps.extend(plan.every_probe().into_iter().map(|probe| &probe.look));
        debug_assert!(
            known.steps.iter().all(|step| step.action().is_none_or(|it| catalog.get(it).is_some()))
        );
        known
    }

    /// Takes a step and those in it, unless it is known that its `if` is false.
    fn take(&mut self, step: &'plan Step, elsewhere: bool) {
        let elsewhere = elsewhere || step.region.is_some() || step.target.is_some();
        let condition = step.condition.as_ref().map(|condition| condition.evaluate(self));
        if !matches!(condition, Some(Ok(Value::Bool(false)))) {
            self.steps.push(step);
            self.elsewhere.extend(elsewhere.then(|| step.path.clone()));
            step.lists().into_iter().flatten().for_each(|child| self.take(child, elsewhere));
        }
    }

    /// The same for a step that acts somewhere else: where, is not narrowed.
    fn anywhere(&self) -> Self {
        Self { account: "*".to_owned(), region: "*".to_owned(), ..self.clone() }
    }

    /// A template's text; a star where it is not known.
    fn text(&self, template: Option<&Template>) -> String {
        let value = template.and_then(|template| template.evaluate(self).ok());
        value.filter(|value| !value.is_null()).map_or("*".to_owned(), |value| value.to_string())
    }

    fn parameter(&self, step: &Step, name: &str) -> String {
        match &step.work {
            // What a runbook that is run by another is given is not known here.
            Work::Action { with, .. } if !step.path.file().is_empty() => {
                let literal = with.get(name).filter(|template| template.expressions().is_empty());
                self.text(literal)
            }
            Work::Action { with, .. } => self.text(with.get(name)),
            _ => "*".to_owned(),
        }
    }

    /// The name of what a step makes: given, or made from runbook, run and step, of which the run is not known.
    fn made(&self, step: &Step) -> String {
        let (limit, parameter) = match step.action() {
            Some("rds.create_snapshot" | "rds.copy_snapshot") => (255, "snapshot"),
            _ => (63, "instance"),
        };
        let given = matches!(&step.work, Work::Action { with, .. } if with.contains_key(parameter));
        if given {
            return self.parameter(step, parameter);
        }
        let run = RunId::new("a".repeat(16));
        let name = resource_name(&self.plan.name, &run, &step.path, 1, limit, Charset::LowerHyphen);
        match name.rfind("-aaaaaa-") {
            Some(end) => format!("{}-*", &name[..end]),
            None => "*".to_owned(),
        }
    }

    fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        format!("arn:{}:rds:{}:{}:{kind}:{name}", self.partition(), self.region, self.account)
    }
}

impl Scope for Known<'_> {
    fn value(&self, names: &[&str]) -> Option<Value> {
        match names {
            ["run", "mode"] => Some(self.mode.word().into()),
            ["run", "id" | "short_id"] => Some("*".into()),
            ["inputs", name] => Some(self.inputs.get(*name).cloned().unwrap_or_else(|| "*".into())),
            ["target", "account"] => Some(self.account.as_str().into()),
            ["target", "region"] => Some(self.region.as_str().into()),
            ["target", "regions", name] => {
                let region = self.plan.target.regions.get(*name);
                Some(self.text(region).into())
            }
            // Only names are known before: those of what other steps make.
            ["steps", id, "outputs", "instance" | "snapshot"] => {
                let step = self.steps.iter().find(|step| step.path.file().is_empty() && step.id == *id)?;
                (step.effect == Some(Effect::Create)).then(|| self.made(step).into())
            }
            _ => None,
        }
    }

    /// No policy depends on the time.
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}
