//! Where a run acts and as whom: several Regions and accounts, roles, sessions that end.

use crate::program::{Desk, Program};
use serde_json::{Value, json};
use std::fs;

const DRILL: &str = "arn:aws:iam::111122223333:role/lifeboat-drill";
const OTHER: &str = "arn:aws:iam::444455556666:role/lifeboat-drill";

/// A world with two Regions and another account, all with the same database.
fn world(desk: &Desk, faults: Value) -> String {
    desk.quick_world(|world| {
        let account = &mut world["accounts"][0];
        account["roles"] = json!([DRILL]);
        let region = account["regions"]["eu-west-1"].clone();
        account["regions"]["eu-central-1"] = region.clone();
        let caller = json!({ "arn": "arn:aws:iam::444455556666:user/somebody", "user_id": "AIDAEXAMPLE" });
        let other = json!({
            "id": "444455556666", "caller": caller, "roles": [OTHER],
            "trust": { OTHER: { "external_id": "shop-7" } }, "regions": { "eu-west-1": region },
        });
        world["accounts"].as_array_mut().expect("accounts").push(other);
        world["faults"] = faults;
    })
}

const TARGET: &str =
    "target:\n  account: \"111122223333\"\n  regions: { primary: eu-west-1, recovery: eu-central-1 }\n";

fn book(desk: &Desk, target: &str, steps: &str) -> String {
    desk.write(
        "book.yaml",
        &format!("schema: lifeboat/v1\nkind: runbook\nname: regions\n{target}steps:\n{steps}"),
    )
}

fn start(program: &Program, file: &str, world: &str, more: &[&str]) -> (i32, Value) {
    let words = ["drill", file, "--simulate", world, "--seed", "1", "--quiet", "--output", "json"];
    program.json(&[&words[..], more].concat())
}

fn events(program: &Program, run: &str) -> Vec<Value> {
    let journal = fs::read_to_string(program.file(run, "journal.jsonl")).expect("a journal");
    journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn of_type<'events>(events: &'events [Value], kind: &str) -> Vec<&'events Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// Where the accepted calls of an operation went, as the simulated AWS has it.
fn places(program: &Program, run: &str, operation: &str) -> Vec<String> {
    let world = fs::read_to_string(program.file(run, "world.jsonl")).expect("the world's record");
    let entries = world.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let taken = entries.filter(|entry| entry["operation"] == operation && entry["effect"] == true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    taken.map(|entry| format!("{} {}", text(&entry["account"]), text(&entry["region"]))).collect()
}

const TWO: &str = "  - { id: here, action: rds.create_snapshot, with: { instance: orders-prod } }\n  \
    - { id: there, action: rds.create_snapshot, region: recovery, with: { instance: orders-prod } }\n  \
    - { id: listed, action: rds.latest_snapshot, region: \"${{ target.regions.recovery }}\", with: { source: orders-prod } }\n";

#[test]
fn a_run_acts_in_two_regions_and_takes_back_in_both() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = (world(&desk, json!([])), book(&desk, TARGET, TWO));
    let (code, document) = start(&program, &file, &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    let both = ["111122223333 eu-west-1", "111122223333 eu-central-1"];
    assert_eq!(places(&program, run, "CreateDBSnapshot"), both);
    let mut taken_back = places(&program, run, "DeleteDBSnapshot");
    taken_back.reverse();
    assert_eq!(taken_back, both, "last first: what was made is taken away where it was made");
    let events = events(&program, run);
    let begun = of_type(&events, "step.started");
    assert_eq!(begun[0]["data"]["target"], Value::Null, "the run's own target is told once");
    assert_eq!(begun[1]["data"]["target"], json!({ "account": "111122223333", "region": "eu-central-1" }));
}

#[test]
fn a_run_in_two_regions_that_dies_anywhere_is_taken_up_and_makes_nothing_twice() {
    let (desk, mut killed) = (Desk::new(), 0);
    let (world, file) = (world(&desk, json!([])), book(&desk, TARGET, TWO));
    for at in 1.. {
        let program = Program::new();
        let faults = json!({ "kill": { "at_sync": at, "moment": "after" } });
        let faults = desk.write("faults.json", &faults.to_string());
        let words = ["drill", &file, "--simulate", &world, "--seed", "1", "--faults", &faults, "--quiet"];
        if program.run(&words).code == 0 {
            break;
        }
        killed += 1;
        let (_, listed) = program.json(&["runs", "--output", "json"]);
        // Before its first line is on disk there is no run, and nothing was done.
        let Some(run) = listed[0]["run"].as_str() else { continue };
        let said = program.run(&["resume", run, "--quiet"]);
        // A run whose last line was on disk is finished, and is not resumed.
        assert!([0, 7].contains(&said.code), "sync {at}: {}", said.stderr);
        let both = ["111122223333 eu-west-1", "111122223333 eu-central-1"];
        assert_eq!(places(&program, run, "CreateDBSnapshot"), both, "sync {at}");
        assert_eq!(places(&program, run, "DeleteDBSnapshot").len(), 2, "sync {at}");
        // Who died between the last line and its head has not told the head of a finished run.
        if said.code == 0 {
            assert_eq!(program.run(&["verify", run]).code, 0, "sync {at}");
        }
    }
    assert!(killed > 10, "{killed}");
}

#[test]
fn the_role_of_the_mode_is_assumed_in_the_name_of_whoever_started_the_run() {
    let (desk, program) = (Desk::new(), Program::new());
    let target = format!("{TARGET}  role: {{ drill: lifeboat-drill, recovery: lifeboat-recover }}\n");
    let steps = "  - { id: who, action: sts.identity }\n";
    let (world, file) = (world(&desk, json!([])), book(&desk, &target, steps));
    let (code, document) = start(&program, &file, &world, &[]);
    let session = "arn:aws:sts::111122223333:assumed-role/lifeboat-drill/alice";
    assert_eq!((code, &document["steps"][0]["outputs"]["arn"]), (0, &json!(session)), "{document:#}");
    let events = events(&program, document["run"].as_str().unwrap());
    let started = &events[0]["data"];
    assert_eq!(started["caller"], "arn:aws:sts::111122223333:assumed-role/Operator/alice");
    assert_eq!((&started["acts_as"], &started["access"]["role"]), (&json!(session), &json!(DRILL)));
    // The role for a recovery is not to be had in this world.
    let said = program.run(&["run", &file, "--simulate", &world, "--seed", "1", "--yes"]);
    assert_eq!(said.code, 7, "{}", said.stderr);
    assert!(said.stderr.contains("sts:AssumeRole"), "{}", said.stderr);
}

#[test]
fn a_step_in_another_account_takes_the_role_there_and_the_right_external_id() {
    let (desk, program) = (Desk::new(), Program::new());
    let step = |id: &str| {
        format!(
            "  - id: there\n    action: rds.create_snapshot\n    with: {{ instance: orders-prod }}\n    \
             target: {{ account: \"444455556666\", role: {{ drill: lifeboat-drill, external_id: {id} }} }}\n"
        )
    };
    let world = world(&desk, json!([]));
    let (code, document) = start(&program, &book(&desk, TARGET, &step("shop-7")), &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    assert_eq!(places(&program, run, "CreateDBSnapshot"), ["444455556666 eu-west-1"]);
    assert_eq!(places(&program, run, "DeleteDBSnapshot"), ["444455556666 eu-west-1"]);
    let events = events(&program, run);
    let checked = of_type(&events, "account.checked");
    assert_eq!(checked.len(), 1, "asked once");
    assert_eq!(checked[0]["data"]["caller"], "arn:aws:sts::444455556666:assumed-role/lifeboat-drill/alice");
    let (code, document) = start(&program, &book(&desk, TARGET, &step("guess")), &world, &[]);
    assert_eq!((code, &document["outcome"]), (7, &json!("refused")), "{document:#}");
}

#[test]
fn a_step_for_a_wrong_account_is_refused_before_anything_is_done() {
    let (desk, program) = (Desk::new(), Program::new());
    let steps = "  - { id: here, action: rds.create_snapshot, with: { instance: orders-prod } }\n  \
        - { id: there, action: rds.create_snapshot, target: { account: \"444455556666\" }, with: { instance: orders-prod } }\n";
    let world = world(&desk, json!([]));
    let (code, document) = start(&program, &book(&desk, TARGET, steps), &world, &[]);
    assert_eq!((code, &document["outcome"]), (7, &json!("refused")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    assert_eq!(program.accepted(run, "CreateDBSnapshot"), 0);
    let text = program.run(&["show", run]).stdout;
    assert!(text.contains("these credentials belong to 111122223333, and not to 444455556666"), "{text}");
}

#[test]
fn a_region_that_is_gone_does_not_keep_anybody_from_the_other() {
    let (desk, program) = (Desk::new(), Program::new());
    let gone = json!({ "service": "*", "operation": "*", "kind": "reply_lost",
        "when": { "in": { "region": "eu-west-1", "from_s": 0 } } });
    let steps =
        "  - { id: there, action: rds.create_snapshot, region: recovery, with: { instance: orders-prod } }\n";
    let world = world(&desk, json!([gone]));
    let (code, document) = start(&program, &book(&desk, TARGET, steps), &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    assert_eq!(places(&program, run, "CreateDBSnapshot"), ["111122223333 eu-central-1"]);
}

const PROJECT: &str = "schema: lifeboat/v1\ntargets:\n  \
    prod: { account: \"111122223333\", regions: { primary: eu-west-1, recovery: eu-central-1 }, role: lifeboat-drill }\n  \
    north: { account: \"111122223333\", region: eu-central-1 }\n  \
    elsewhere: { account: \"444455556666\", region: eu-west-1 }\n";

#[test]
fn a_target_is_chosen_by_name() {
    let (desk, program) = (Desk::new(), Program::new());
    desk.write("lifeboat.yaml", PROJECT);
    let steps = "  - { id: made, action: rds.create_snapshot, with: { instance: orders-prod } }\n";
    let (world, file) = (world(&desk, json!([])), book(&desk, "", steps));
    let (code, document) = start(&program, &file, &world, &["--target", "north"]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap().to_owned();
    assert_eq!(places(&program, &run, "CreateDBSnapshot"), ["111122223333 eu-central-1"]);
    // The file is kept with the run, as it was.
    let kept = fs::read_dir(program.file(&run, "sources")).expect("sources").count();
    assert_eq!(kept, 2);
    let words = ["drill", &file, "--simulate", &world, "--target", "nort"];
    let said = program.run(&words);
    assert!(said.code == 7 && said.stderr.contains("did you mean `north`?"), "{}", said.stderr);
    // The account guard applies to every target.
    let (code, document) = start(&program, &file, &world, &["--target", "elsewhere"]);
    assert_eq!((code, &document["outcome"]), (7, &json!("refused")), "{document:#}");
    let file = book(&desk, "target: { account: \"111122223333\", region: eu-west-1 }\n", steps);
    let said = program.run(&["drill", &file, "--simulate", &world, "--target", "elsewhere"]);
    assert!(
        said.stderr.contains("the runbook is for 111122223333, and the target `elsewhere` is 444455556666")
    );
    // And in the runbook itself.
    let step = "  - { id: made, action: rds.create_snapshot, target: { name: prod }, region: recovery, with: { instance: orders-prod } }\n";
    let (code, document) = start(&program, &book(&desk, "target: { name: north }\n", step), &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let wrong = book(&desk, "target: { name: prd }\n", steps);
    let said = program.run(&["check", &wrong]);
    assert!(said.stdout.contains("did you mean `prod`?"), "{}", said.stdout);
}

/// A restore of 90 minutes under the session of a role, which ends after an hour.
fn long_restore(desk: &Desk, faults: Value) -> (String, String) {
    let path = world(desk, faults);
    let mut world: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    world["durations"]["rds restore creating"] = json!(5400);
    let world = desk.write("long.json", &world.to_string());
    let target = format!("{TARGET}  role: lifeboat-drill\n");
    let steps = "  - id: restore\n    action: rds.restore_to_point_in_time\n    \
        with: { source: orders-prod, time: latest }\n    timeout: 4h\n";
    (world, book(desk, &target, steps))
}

#[test]
fn a_session_of_an_hour_is_renewed_under_a_restore_of_ninety_minutes() {
    let (desk, program) = (Desk::new(), Program::new());
    let (world, file) = long_restore(&desk, json!([]));
    let (code, document) = start(&program, &file, &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    assert_eq!(of_type(&events(&program, run), "step.blocked").len(), 0, "nobody noticed");
    assert!(program.accepted(run, "AssumeRole") >= 2, "and yet it was another session");
}

#[test]
fn credentials_lost_at_the_chained_hour_block_the_step_until_they_are_back() {
    let (desk, program) = (Desk::new(), Program::new());
    // From half an hour on, nobody gets a new session; the one there is ends after an hour.
    let gone = json!({ "service": "sts", "operation": "AssumeRole",
        "when": { "during": { "from_s": 1800, "to_s": 4500 } },
        "kind": { "error": { "code": "ExpiredToken", "status": 403, "message": "the security token is expired" } } });
    let (world, file) = long_restore(&desk, json!([gone]));
    let (code, document) = start(&program, &file, &world, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    let events = events(&program, run);
    let (blocked, on) = (of_type(&events, "step.blocked"), of_type(&events, "step.unblocked"));
    assert_eq!((blocked.len(), on.len()), (1, 1), "{document:#}");
    assert_eq!(blocked[0]["data"]["on"], "credentials");
    let at = |event: &Value| event["at"].as_str().unwrap().to_owned();
    assert!(
        at(blocked[0]).as_str() >= "2026-01-05T10:00:00",
        "as long as the session lasts, nothing is missing"
    );
    assert!(at(on[0]).as_str() >= "2026-01-05T10:15:00", "{}", at(on[0]));
    assert_eq!(program.accepted(run, "RestoreDBInstanceToPointInTime"), 1);
}

#[test]
fn a_plan_says_of_each_step_where_it_acts_and_as_whom() {
    let (desk, program) = (Desk::new(), Program::new());
    let target = format!("{TARGET}  role: lifeboat-drill\n");
    let (world, file) = (world(&desk, json!([])), book(&desk, &target, TWO));
    let said = program.run(&["plan", &file, "--simulate", &world]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    for words in [
        "as arn:aws:sts::111122223333:assumed-role/Operator/alice",
        "acting as arn:aws:sts::111122223333:assumed-role/lifeboat-drill/alice",
        "in       111122223333 eu-central-1, as lifeboat-drill",
    ] {
        assert!(said.stdout.contains(words), "{words}:\n{}", said.stdout);
    }
    let (_, document) = program.json(&["plan", &file, "--simulate", &world, "--output", "json"]);
    assert_eq!(document["steps"][0]["acts_in"], json!({ "target": "own" }));
    assert_eq!(document["steps"][1]["acts_in"]["region"], "eu-central-1");
}

#[test]
fn a_plan_says_what_is_not_permitted() {
    let (desk, program) = (Desk::new(), Program::new());
    let path = world(&desk, json!([]));
    let mut world: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let target = format!("{TARGET}  role: lifeboat-drill\n");
    let file = book(&desk, &target, TWO);
    let said = program.run(&["plan", &file, "--simulate", &path]);
    let all = "granted, as IAM simulates it: all of them, to lifeboat-drill";
    assert!(said.stdout.contains(all), "{}", said.stdout);
    world["accounts"][0]["policies"] = json!({ DRILL: {
        "allowed": ["rds:Describe*", "rds:Create*", "rds:AddTagsToResource", "rds:ListTagsForResource", "iam:*"],
        "denied": ["rds:CreateDBSnapshot"],
    } });
    let limited = desk.write("limited.json", &world.to_string());
    let (_, document) = program.json(&["plan", &file, "--simulate", &limited, "--output", "json"]);
    let missing = document["granted"]["missing"].as_array().expect("what is missing");
    let named = |action: &str, denied: bool| {
        missing.iter().any(|missing| missing["action"] == action && missing["denied"] == denied)
    };
    assert!(named("rds:CreateDBSnapshot", true) && named("rds:DeleteDBSnapshot", false), "{document:#}");
    assert!(!named("rds:AddTagsToResource", false), "{document:#}");
    // The simulated AWS means it: the step waits for the permission.
    let said = program.run(&["drill", &file, "--simulate", &limited, "--seed", "1"]);
    assert!(said.stderr.contains("waits for a permission"), "{}", said.stderr);
    // Whoever may not ask is told so in a line.
    world["accounts"][0]["policies"] = json!({ DRILL: { "denied": ["iam:*"] } });
    let closed = desk.write("closed.json", &world.to_string());
    let said = program.run(&["plan", &file, "--simulate", &closed]);
    assert!(
        said.code == 0 && said.stdout.contains("whether they are granted is not known: AccessDenied"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_profile_that_wants_a_code_is_refused_where_nobody_can_be_asked() {
    let (desk, program) = (Desk::new(), Program::new());
    let file = book(&desk, TARGET, "  - { id: who, action: sts.identity }\n");
    let config = desk.write(
        "config",
        "[profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n\
         [profile shop]\nrole_arn = arn:aws:iam::111122223333:role/lifeboat-drill\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::111122223333:mfa/alice\n",
    );
    let mut command = program.command(&["drill", &file, "--profile", "shop"]);
    let output = command.env("AWS_CONFIG_FILE", &config).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("wants a code of arn:aws:iam::111122223333:mfa/alice"), "{said}");
}
