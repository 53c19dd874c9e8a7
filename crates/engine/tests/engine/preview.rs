//! What would happen: known without a single mutation.

use crate::bench::{Bench, nobody};
use crate::plans::{expression, plan, step};
use crate::world::{DELETE, Delete, ECHO, Echo, MAKE, Make, PROBE, Probe, Things};
use chrono::TimeDelta;
use lifeboat_engine::action::{ActionError, ErrorKind};
use lifeboat_engine::preview::{Foresight, Found, Owner, Preview, Runs, Then, Verdict, preview};
use lifeboat_engine::registry::Registry;
use lifeboat_engine::start::{Aim, Caller, Start};
use lifeboat_journal::event::Cloud;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Allow, AllowedResource, ExpectSource, Mode, OnFail, Plan, Step, Work};
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect};
use lifeboat_runbook::template::{Template, TemplateKind};
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

fn caller() -> Result<Caller, ActionError> {
    Ok(Caller {
        account: "111122223333".into(),
        arn: "arn:aws:iam::111122223333:user/bob".into(),
        before: None,
    })
}

/// Looks ahead in a world that nothing may change.
async fn ahead(plan: Plan, mode: Mode, caller: Result<Caller, ActionError>) -> Preview {
    let bench = Bench { mode, ..Bench::new(plan) };
    let mut registry = Registry::default();
    registry.add_action(Arc::new(Make(bench.world.clone())));
    registry.add_action(Arc::new(Delete(bench.world.clone())));
    registry.add_action(Arc::new(Probe));
    registry.add_action(Arc::new(Echo(bench.echoes.clone())));
    registry.add_lookout(Arc::new(Things(bench.world.clone(), bench.clock.clone())));
    let start = Start {
        mode,
        cloud: Cloud::Aws,
        inputs: BTreeMap::new(),
        version: "0".into(),
        operator: "bob".into(),
        host: "here".into(),
        digests: vec![],
        disrupted_at: None,
        previous_head: None,
        default_region: None,
        roles: BTreeMap::new(),
        people: BTreeMap::new(),
        target: None,
    };
    let preview = preview(Foresight {
        plan: Arc::new(bench.plan.clone()),
        catalog: Catalog::new([&MAKE, &DELETE, &PROBE, &ECHO, &OPAQUE]),
        registry,
        clock: bench.clock.clone(),
        outside: nobody(),
        start,
        aim: Aim { account: Some("111122223333".into()), region: "eu-west-1".into(), ..Aim::default() },
        caller,
    });
    let preview = preview.await.unwrap();
    assert!(bench.world.lock().unwrap().made.is_empty(), "nothing was made");
    let text = serde_json::to_string(&preview).unwrap();
    assert!(!text.contains("succeeded"), "nothing has succeeded that has not happened: {text}");
    preview
}

fn with(step: Step, name: &str, text: &str) -> Step {
    let Work::Action { action, mut with, outputs } = step.work else { return step };
    with.insert(name.into(), Template { kind: TemplateKind::Whole(expression(text)), range: 0..0 });
    Step { work: Work::Action { action, with, outputs }, ..step }
}

fn check(id: &str, fails: i64, on_fail: Option<OnFail>) -> Step {
    let path = StepPath::new(format!("preflight:{id}"));
    Step { path, on_fail, ..step(id, &PROBE, &[("fails", Value::Int(fails))]) }
}

#[tokio::test(start_paused = true)]
async fn what_comes_later_is_a_placeholder_with_its_type() {
    let deletes = with(step("takes_away", &DELETE, &[]), "thing", "steps.make.outputs.thing");
    let counts = with(step("counts", &PROBE, &[]), "fails", "steps.make.outputs.size + 1");
    let says = with(step("says", &ECHO, &[]), "text", "run.id");
    let seen =
        ahead(plan(vec![step("make", &MAKE, &[]), deletes, counts, says]), Mode::Drill, caller()).await;
    assert_eq!(seen.verdict, Verdict::Starts, "{:?}", seen.problems);
    let [make, deletes, counts, says] = seen.steps.as_slice() else { panic!("{:?}", seen.steps) };
    assert_eq!(make.makes["thing"], "book-‹run›-make-‹hash›");
    assert_eq!(deletes.with["thing"], Value::from("‹string: thing of make›"));
    assert_eq!(deletes.pending["thing"], ["steps.make.outputs.thing"]);
    assert_eq!(counts.with["fails"], Value::from("‹integer: steps.make.outputs.size + 1›"));
    assert_eq!(says.with["text"], Value::from("‹string: id of the run›"));
    let [impact] = deletes.impacts.as_slice() else { panic!("{:?}", deletes.impacts) };
    assert_eq!((impact.owner, &impact.problem), (Owner::Run, &None), "the run may destroy what it made");
    let backs: Vec<_> = seen.takes_back.iter().map(|back| (back.step.as_str(), back.how.as_str())).collect();
    assert_eq!(backs, [("make", "deletes it")]);
    assert!(seen.cleans_up);
}

#[tokio::test(start_paused = true)]
async fn conditions_have_three_values() {
    let conditional =
        |id: &str, text: &str| Step { condition: Some(expression(text)), ..step(id, &PROBE, &[]) };
    let steps = vec![
        conditional("recovers", "run.mode == 'recovery'"),
        conditional("drills", "run.mode == 'drill'"),
        conditional("maybe", "steps.drills.outputs.n > 0"),
        conditional("never", "has(steps.recovers.outputs.n)"),
        conditional("after_skipped", "steps.recovers.state == 'skipped'"),
    ];
    let seen = ahead(plan(steps), Mode::Drill, caller()).await;
    let runs: Vec<_> = seen.steps.iter().map(|step| step.runs.clone()).collect();
    let Runs::Skipped { condition, values } = &runs[0] else { panic!("{runs:?}") };
    assert_eq!((condition.as_str(), values["run.mode"].as_str()), ("run.mode == 'recovery'", "drill"));
    assert_eq!(runs[1], Runs::Yes);
    let Runs::Depends { on, .. } = &runs[2] else { panic!("{runs:?}") };
    assert_eq!(on, &["steps.drills.outputs.n"]);
    assert!(matches!(runs[3], Runs::Skipped { .. }), "{runs:?}");
    assert_eq!(runs[4], Runs::Yes);
}

#[tokio::test(start_paused = true)]
async fn every_check_is_carried_out_and_judged_by_the_mode() {
    let (drill, recovery) = (Mode::Drill, Mode::Recovery);
    for (mode, on_fail, then, verdict) in [
        (drill, None, Then::Refused, Verdict::Refused),
        (drill, Some(OnFail::Ask), Then::Asks, Verdict::Asks),
        (drill, Some(OnFail::Warn), Then::Warns, Verdict::Starts),
        (recovery, None, Then::Asks, Verdict::Asks),
        (recovery, Some(OnFail::Refuse), Then::Asks, Verdict::Asks),
        (recovery, Some(OnFail::Warn), Then::Warns, Verdict::Starts),
    ] {
        let mut plan = plan(vec![step("make", &MAKE, &[])]);
        let holds = Step { assert: vec![expression("outputs.n == 0")], ..check("holds", 0, None) };
        plan.preflight = vec![check("first", 9, on_fail), holds];
        let seen = ahead(plan, mode, caller()).await;
        let [first, holds] = seen.checks.as_slice() else { panic!("{:?}", seen.checks) };
        let Found::Fails { code, then: found, .. } = &first.found else { panic!("{first:?}") };
        assert_eq!((code.as_str(), *found), ("connect", then), "{mode:?} {on_fail:?}");
        assert_eq!(holds.found, Found::Holds, "one that fails does not hide the next");
        assert_eq!(holds.looked_at["outputs.n"], "0");
        assert_eq!(seen.verdict, verdict, "{mode:?} {on_fail:?}");
    }
}

/// Some actions do what they are told: that this only reads, nobody but the runbook says.
#[tokio::test(start_paused = true)]
async fn a_check_that_would_run_something_is_not_carried_out() {
    let mut plan = plan(vec![]);
    let path = StepPath::new("preflight:runs");
    plan.preflight = vec![Step { path, effect: Some(Effect::Read), ..step("runs", &OPAQUE, &[]) }];
    plan.steps = vec![with(step("make", &MAKE, &[]), "size", "preflight.runs.outputs.size")];
    let seen = ahead(plan, Mode::Drill, caller()).await;
    assert!(
        matches!(&seen.checks[0].found, Found::NotLooked { why } if why.contains("runs nothing")),
        "{seen:?}"
    );
    assert_eq!(seen.steps[0].with["size"], Value::from("‹integer: size of runs›"));
}

/// What it does depends on its content.
const OPAQUE: ActionSpec = ActionSpec { name: "test.opaque", effect: None, ..MAKE };

#[tokio::test(start_paused = true)]
async fn the_guard_speaks_before_anything_is_done() {
    let destroys = || plan(vec![step("takes_away", &DELETE, &[("thing", "theirs".into())])]);
    let seen = ahead(destroys(), Mode::Drill, caller()).await;
    assert_eq!(seen.verdict, Verdict::Refused);
    assert_eq!(seen.problems[0].code, "drill_guard");

    let mut allowed = destroys();
    let actions = vec!["test.delete".to_owned()];
    let resource = AllowedResource::Id(Template::literal("theirs"));
    allowed.allow = vec![Allow { resource, actions, range: 0..0 }];
    let seen = ahead(allowed, Mode::Drill, caller()).await;
    assert_eq!(
        (seen.verdict, seen.needs.as_slice()),
        (Verdict::Starts, &["--confirm 111122223333".into()][..])
    );

    let seen = ahead(destroys(), Mode::Recovery, caller()).await;
    assert_eq!(
        (seen.verdict, seen.needs.as_slice()),
        (Verdict::Starts, &["--confirm-destroy theirs".into()][..])
    );
    assert_eq!(seen.steps[0].impacts[0].owner, Owner::Others);
}

#[tokio::test(start_paused = true)]
async fn without_credentials_what_is_known_is_told_all_the_same() {
    let mut plan = plan(vec![step("make", &MAKE, &[]), step("wait", &PROBE, &[])]);
    plan.preflight = vec![check("first", 0, None)];
    plan.steps[1].work = Work::Pause(TimeDelta::minutes(5));
    plan.steps[0].expect = Some(TimeDelta::minutes(10));
    plan.steps[0].expect_source = Some(ExpectSource::Runbook);
    let nobody =
        Err(ActionError::new(ErrorKind::BlockedOnCredentials, "NoCredentials", "nobody is logged in"));
    let seen = ahead(plan, Mode::Drill, nobody).await;
    assert_eq!(seen.verdict, Verdict::Refused);
    assert_eq!((seen.problems[0].at.as_str(), seen.problems.len()), ("account", 1));
    assert!(matches!(seen.checks[0].found, Found::NotLooked { .. }), "{:?}", seen.checks);
    assert_eq!(seen.expected.seconds, 900.0);
    assert!(seen.steps[0].makes.is_empty() && seen.steps[0].not_prepared.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_commit_ends_what_is_taken_back() {
    let commits = Step { commit: Some(true), ..step("second", &MAKE, &[]) };
    let steps = vec![step("first", &MAKE, &[]), commits, step("third", &MAKE, &[])];
    let seen = ahead(plan(steps), Mode::Recovery, caller()).await;
    let until = |index: usize| seen.takes_back[index].until.as_ref().map(|step| step.as_str());
    assert_eq!((seen.takes_back[0].step.as_str(), until(0)), ("third", None));
    assert_eq!((seen.takes_back[1].step.as_str(), until(1)), ("second", None));
    assert_eq!((seen.takes_back[2].step.as_str(), until(2)), ("first", Some("second")));
    assert_eq!((seen.cleans_up, seen.on_failure), (false, "pause"));
}
