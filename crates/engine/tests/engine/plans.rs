//! Plans, with and without text.

use crate::bench::catalog;
use crate::world::{MAKE, PROBE};
use chrono::TimeDelta;
use lifeboat_runbook::check::{Files, check};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::{MarkName, StepPath};
use lifeboat_runbook::plan::{
    Cleanup, Kind, Loss, MarkMoment, Objectives, Plan, Retry, Step, Target, Undo, Wait, Work,
};
use lifeboat_runbook::spec::ActionSpec;
use lifeboat_runbook::template::Template;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;

pub(crate) fn step(id: &str, action: &'static ActionSpec, with: &[(&str, Value)]) -> Step {
    let with =
        with.iter().map(|(key, value)| ((*key).to_owned(), Template::literal(value.clone()))).collect();
    Step {
        id: id.into(),
        path: StepPath::new(id),
        name: None,
        description: None,
        source: 0,
        range: 0..0,
        work: Work::Action { action: action.name.into(), with, outputs: BTreeMap::new() },
        condition: None,
        needs: vec![],
        wait: Wait::default(),
        timeout: None,
        retry: None,
        assert: vec![],
        on_fail: None,
        on_failure: None,
        continue_on_error: false,
        undo: Undo::Default,
        commit: None,
        marks: BTreeMap::new(),
        recovery_point: None,
        region: None,
        target: None,
        effect: action.effect,
        touches: vec![],
        expect: None,
        expect_source: None,
    }
}

/// Files that a runbook may run, by name.
struct Beside<'text>(&'text [(&'text str, &'text str)]);

impl Files for Beside<'_> {
    fn read(&self, name: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| headed(name, text)).ok_or_else(|| "there is no such file".to_owned())
    }
}

fn headed(name: &str, text: &str) -> String {
    let name = name.trim_end_matches(".yaml");
    format!("schema: lifeboat/v1\nkind: runbook\nname: {name}\n{text}")
}

/// The plan of a runbook without its first lines, and of those beside it.
pub(crate) fn book(text: &str, beside: &[(&str, &str)]) -> Plan {
    let source = Source { name: "book.yaml".into(), text: headed("book", text) };
    let checked = check(source, &catalog(), &Beside(beside), None);
    checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

pub(crate) fn expression(text: &str) -> Expression {
    Expression::parse(text, 0).unwrap()
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        sources: vec![],
        kind: Kind::Runbook,
        name: "book".into(),
        title: "Book".into(),
        description: None,
        owner: None,
        review: None,
        objectives: Objectives { rto: Some(TimeDelta::minutes(10)), rpo: None },
        loss: Loss::Outage,
        inputs: vec![],
        secrets: BTreeMap::new(),
        roles: BTreeMap::new(),
        target: Target::default(),
        concurrency: None,
        allow: vec![],
        on_failure: None,
        stop_when: vec![],
        probes: vec![],
        preflight: vec![],
        steps,
        cleanup: Cleanup::Auto,
        outputs: BTreeMap::new(),
        notify: vec![],
        playbook: None,
        project: None,
        not_yet: vec![],
    }
}

pub(crate) fn two_things_and_a_proof() -> Plan {
    let mut proof = step("proof", &PROBE, &[("fails", Value::Int(1))]);
    proof.retry = Some(Retry {
        attempts: 3,
        delay: TimeDelta::seconds(10),
        backoff: 2.0,
        max_delay: None,
        errors: vec![],
    });
    proof.assert = vec![expression("outputs.n >= 0 && steps.second.outputs.size == 7")];
    proof.marks = BTreeMap::from([(MarkMoment::Succeeded, MarkName::new("copy_verified"))]);
    let mut skipped = step("skipped", &MAKE, &[]);
    skipped.condition = Some(expression("run.mode == 'recovery'"));
    skipped.expect = Some(TimeDelta::seconds(60));
    plan(vec![step("first", &MAKE, &[]), step("second", &MAKE, &[("size", Value::Int(7))]), proof, skipped])
}
