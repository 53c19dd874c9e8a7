//! `docs/reference/simulated.md`: which simulated AWS knows what an action asks for, ours or moto.
//!
//! `scripts/test` installs moto and puts its Python on the PATH.

use crate::docs::assert_fresh;
use crate::program::root;
use lifeboat_runbook::spec::ActionSpec;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

/// The names that the operations of a service have.
type Operations = BTreeMap<String, BTreeSet<String>>;

/// An operation that an action calls: the name that requests to its service are signed with, and its own.
///
/// `calls` are names of IAM. Their second half is the operation's name in all services of the catalogue; the first differs
/// for CloudWatch, whose requests are signed as `monitoring` (Service Authorization Reference, "Actions, resources, and
/// condition keys for Amazon CloudWatch"; AWS General Reference, "CloudWatch endpoints").
fn operation(call: &'static str) -> (&'static str, &'static str) {
    let (prefix, operation) = call.split_once(':').expect("an action of IAM");
    let service = if prefix == "cloudwatch" { "monitoring" } else { prefix };
    (service, operation)
}

/// What an action calls: always, or in some runs. What AWS only checks besides is no operation of a simulated service.
fn calls(spec: &ActionSpec) -> Vec<&'static str> {
    let simulated = simulated();
    let known = |call: &&&'static str| {
        let (service, name) = operation(call);
        simulated.get(service).is_some_and(|names| names.contains(name))
    };
    spec.calls.iter().chain(spec.dependent.iter().filter(known)).copied().collect()
}

fn specs() -> Vec<&'static ActionSpec> {
    let mut specs = lifeboat_aws::catalog();
    specs.retain(|spec| !calls(spec).is_empty());
    specs.sort_by_key(|spec| spec.name);
    specs
}

fn simulated() -> Operations {
    let mut known = Operations::new();
    for (service, operation) in lifeboat_sim::service::operations() {
        known.entry(service.to_owned()).or_default().insert(operation.to_owned());
    }
    known
}

/// The services that the actions call.
fn services() -> BTreeSet<&'static str> {
    let calls = specs().into_iter().flat_map(calls);
    calls.map(|call| operation(call).0).collect()
}

/// What moto has a method for, by service.
fn moto(services: &BTreeSet<&str>) -> Operations {
    let script = root().join("tests/moto/operations.py");
    let output = Command::new("python3").arg(script).args(services).output();
    let output = output.expect("python3 is on the PATH");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "moto of tests/requirements.txt; scripts/test installs it: {said}");
    serde_json::from_slice(&output.stdout).expect("an object of lists")
}

/// The version of moto that the tests use.
fn moto_version() -> String {
    let wanted = fs::read_to_string(root().join("tests/requirements.txt")).unwrap();
    let version = wanted.lines().find_map(|line| line.strip_prefix("moto[server]=="));
    version.expect("it is pinned").to_owned()
}

/// The operations of an action that a simulated AWS does not know.
fn lacking(spec: &ActionSpec, known: &Operations) -> Vec<String> {
    let operations = calls(spec).into_iter().map(operation);
    let knows = |service: &str, name: &str| known.get(service).is_some_and(|names| names.contains(name));
    operations
        .filter(|(service, name)| !knows(service, name))
        .map(|(service, name)| format!("{service} {name}"))
        .collect()
}

/// Who knows all operations of an action.
fn known_to(simulator: &[String], moto: &[String]) -> &'static str {
    match (simulator.is_empty(), moto.is_empty()) {
        (true, true) => "both",
        (true, false) => "simulator",
        (false, true) => "moto",
        (false, false) => "neither",
    }
}

fn cell(lacking: &[String]) -> String {
    if lacking.is_empty() { "–".to_owned() } else { lacking.join(", ") }
}

fn page(simulated: &Operations, moto: &Operations) -> String {
    let version = moto_version();
    let mut page = format!(
        "# What is simulated\n\n\
         Generated from what each action says of itself, from the operations of Lifeboat's own simulator\n\
         ([simulator.md](../simulator.md)) and from those that [moto](https://docs.getmoto.org) {version} has a method for.\n\
         \"Known to\" names who knows all operations that an action calls; where one is lacking, the action may still go well\n\
         as long as it does not need it. That moto knows an operation does not mean that time passes there: what takes\n\
         minutes in AWS is done at once. Actions that need no permission of AWS are not listed.\n\n\
         | action | operations | known to | the simulator lacks | moto lacks |\n|---|---|---|---|---|\n"
    );
    for spec in specs() {
        let (ours, theirs) = (lacking(spec, simulated), lacking(spec, moto));
        let known = known_to(&ours, &theirs);
        let (ours, theirs) = (cell(&ours), cell(&theirs));
        page.push_str(&format!(
            "| `{}` | {} | {known} | {ours} | {theirs} |\n",
            spec.name,
            calls(spec).len()
        ));
    }
    page
}

#[test]
fn the_generated_pages_say_what_is_simulated() {
    assert_fresh("simulated.md", &page(&simulated(), &moto(&services())));
}

#[test]
fn every_call_of_an_action_is_known_to_the_simulator() {
    let simulated = simulated();
    for spec in specs() {
        assert_eq!(lacking(spec, &simulated), Vec::<String>::new(), "{}", spec.name);
    }
}

/// The names that moto is asked for are those that it answers to: were one misread, its service would know nothing.
#[test]
fn moto_is_read_by_the_right_names() {
    let known = [
        ("backup", "DescribeBackupVault"),
        ("monitoring", "DescribeAlarms"),
        ("rds", "RestoreDBInstanceToPointInTime"),
        ("secretsmanager", "PutSecretValue"),
        ("servicequotas", "GetServiceQuota"),
        ("ssm", "SendCommand"),
    ];
    let moto = moto(&known.iter().map(|(service, _)| *service).collect());
    for (service, name) in known {
        assert!(moto[service].contains(name), "{service} {name}");
    }
    assert!(!moto["backup"].contains("StartBackupJob") && !moto["ssm"].contains("CancelCommand"));
}
