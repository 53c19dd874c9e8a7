//! Probes and alarms beside the steps, and the graph of a runbook, as a user meets them.

use crate::measured::recompute;
use crate::program::{Desk, Program, root};
use crate::runbooks::SHIPPED;
use serde_json::{Value, json};
use std::process::Command;

/// Reboots the database behind the shop's front door, and watches both.
const REBOOT: &str = r#"
schema: lifeboat/v1
kind: runbook
name: reboot-and-watch
objectives: { rto: 10m }
target: { account: "111122223333", region: eu-west-1 }
allow: [ { id: orders-prod, actions: [rds.reboot_instance] } ]
probes:
  - id: front_door
    action: http.check
    with: { url: "https://shop.example.com/health", timeout: 2s }
    every: 1s
    hold: 1m
    marks: { first_down: disrupted, held_up: verified }
  - { id: database, action: tcp.check, with: { host: "${{ inputs.host }}", port: 5432 }, every: 5s }
inputs: { host: { type: string, required: true } }
steps:
  - id: rest
    pause: 30s
  - id: reboot
    action: rds.reboot_instance
    with: { instance: orders-prod }
  - id: long
    if: probes.front_door.down_s > 3600.0
    pause: 1s
"#;

/// The address of `orders-prod` in the world `multi-az`.
fn host(program: &Program) -> String {
    let (_, document) = program.json(&[
        "drill",
        "runbooks/rds-multi-az-failover.yaml",
        "--simulate",
        "multi-az",
        "--seed",
        "3",
        "--output",
        "json",
    ]);
    let steps = document["steps"].as_array().expect("steps");
    let source = steps.iter().find(|step| step["id"] == "preflight:source").expect("the check");
    source["outputs"]["endpoint"].as_str().expect("an endpoint").to_owned()
}

#[test]
fn a_reboot_takes_the_front_door_down_and_everybody_says_for_how_long() {
    let (program, desk) = (Program::new(), Desk::new());
    let file = desk.write("reboot.yaml", REBOOT);
    let input = format!("host={}", host(&program));
    let common = ["--simulate", "multi-az", "--seed", "3", "-i", &input];
    let reports = desk.path("reports");
    let more = ["--output", "json", "--report", &reports];
    let (code, document) = program.json(&[&["drill", &file], &common[..], &more].concat());
    assert_eq!(code, 0, "{document}");
    let downtime = document["downtime"].as_array().expect("the downtime");
    let of = |probe: &str| downtime.iter().find(|down| down["probe"] == probe).expect("a probe");
    let door = of("probe:front_door");
    let down = door["down_s"].as_f64().expect("a number");
    assert!(down > 0.0 && door["times"] == 1 && door["bound"] == "exact", "{door}");
    assert!(door["resolution_s"].as_f64().is_some_and(|seconds| (0.9..1.2).contains(&seconds)), "{door}");
    let database = of("probe:database");
    let both = (database["down_s"].as_f64().expect("a number") - down).abs();
    assert!(both <= 12.0, "both went down together: {document}");
    assert_eq!(document["rto"]["scope"], "service");
    let recovered = document["rto"]["actual_s"].as_f64().expect("a recovery time");
    assert!((recovered - down - 60.0).abs() < 2.5, "it is the downtime and the hold: {recovered} {down}");

    let run = program.latest();
    let journal = program.file(&run, "journal.jsonl");
    let (code, told) = recompute(std::slice::from_ref(&journal));
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("downtime"), "{told}");
    let events = std::fs::read_to_string(&journal).expect("a journal").lines().count();
    assert!(events < 120, "{events} events: only changes, and counts once a minute");

    let show = program.run(&["show", "latest"]).stdout;
    assert!(show.contains("downtime       probe:front_door"), "{show}");
    let report = |format: &str| program.run(&["report", "latest", "--format", format]).stdout;
    assert!(report("md").contains("## Downtime"), "{}", report("md"));
    assert!(report("csv").contains("probe:front_door,DOWN"), "{}", report("csv"));
    let html = report("html");
    assert!(html.contains("id=\"downtime\"") && html.contains("class=\"fill down\""), "{html}");
    let plan = program.run(&[&["plan", &file], &common[..2], &common[4..]].concat());
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(
        plan.stdout.contains("probe:front_door") && plan.stdout.contains("held_up sets verified"),
        "{}",
        plan.stdout
    );
}

/// The process dies at this sync of its journal and is taken up ten minutes later.
#[test]
fn what_a_dead_process_watched_is_not_claimed() {
    let desk = Desk::new();
    let file = desk.write("reboot.yaml", REBOOT);
    let mut unwatched = 0;
    for sync in 8..=16 {
        let program = Program::new();
        let input = format!("host={}", host(&program));
        let faults = desk.write("faults.yaml", &format!("kill: {{ at_sync: {sync}, moment: after }}\n"));
        program.run(&[
            "drill",
            &file,
            "--simulate",
            "multi-az",
            "--seed",
            "3",
            "-i",
            &input,
            "--faults",
            &faults,
            "--quiet",
        ]);
        let (_, document) = program.json(&["resume", "latest", "--downtime", "10m", "--output", "json"]);
        let run = document["run"].as_str().unwrap_or_default().to_owned();
        if run.is_empty() {
            continue;
        }
        let (code, told) = recompute(&[program.file(&run, "journal.jsonl")]);
        assert_eq!(code, 0, "killed at sync {sync}: {told}");
        for down in document["downtime"].as_array().into_iter().flatten() {
            if down["unwatched_s"].as_f64().unwrap_or_default() >= 600.0 {
                unwatched += 1;
                assert!(down["down_s"].as_f64().is_none_or(|seconds| seconds < 300.0), "{down}");
            }
        }
    }
    assert!(unwatched >= 2, "{unwatched}");
}

const GUARDED: &str = r#"
schema: lifeboat/v1
kind: runbook
name: guarded
target: { account: "111122223333", region: eu-west-1 }
stop_when: [ { alarm: ALARM_NAME } ]
steps:
  - id: restore
    action: rds.restore_to_point_in_time
    with: { source: orders-prod, time: latest }
"#;

/// The quick world, whose alarm `orders-api-5xx` takes these states.
fn world(desk: &Desk, state: &str, transitions: &Value) -> String {
    desk.quick_world(|world| {
        let alarms = world["accounts"][0]["regions"]["eu-west-1"]["alarms"].as_array_mut().expect("alarms");
        let alarm = alarms.iter_mut().find(|alarm| alarm["name"] == "orders-api-5xx").expect("the alarm");
        alarm["state"] = state.into();
        alarm["transitions"] = transitions.clone();
    })
}

#[test]
fn an_alarm_stops_a_drill_and_a_drill_does_not_start_with_one() {
    let desk = Desk::new();
    let file = desk.write("guarded.yaml", &GUARDED.replace("ALARM_NAME", "orders-api-5xx"));
    let goes_off =
        json!([{ "at": "2026-01-05T09:00:20Z", "state": "ALARM", "reason": "12 errors in a minute" }]);
    let program = Program::new();
    let calm = world(&desk, "OK", &goes_off);
    let (code, document) =
        program.json(&["drill", &file, "--simulate", &calm, "--seed", "1", "--output", "json"]);
    assert_eq!((code, document["outcome"].as_str()), (5, Some("aborted")), "{document}");
    assert_eq!(document["left_behind"], json!([]));
    let show = program.run(&["show", "latest"]).stdout;
    assert!(show.contains("the alarm orders-api-5xx"), "{show}");

    let program = Program::new();
    let alarm = world(&desk, "ALARM", &json!([]));
    let drill = program.run(&["drill", &file, "--simulate", &alarm, "--seed", "1"]);
    assert_eq!(drill.code, 7, "{}", drill.stderr);
    assert!(drill.stderr.contains("is in ALARM"), "{}", drill.stderr);
    let plan = program.run(&["plan", &file, "--simulate", &alarm]);
    assert_eq!(plan.code, 7);
    assert!(plan.stdout.contains("orders-api-5xx") && plan.stdout.contains("is in ALARM"), "{}", plan.stdout);
    let recovery = [
        "run",
        &file,
        "--simulate",
        &alarm,
        "--seed",
        "1",
        "--yes",
        "--disrupted-at",
        "2026-01-05T08:50:00Z",
    ];
    let recovery = program.run(&recovery);
    assert_eq!(recovery.code, 0, "a recovery only shows it: {}", recovery.stderr);

    let missing = desk.write("missing.yaml", &GUARDED.replace("ALARM_NAME", "nobody-made-this"));
    let drill = program.run(&["drill", &missing, "--simulate", &alarm, "--seed", "1"]);
    assert_eq!(drill.code, 7, "{}", drill.stderr);
    assert!(drill.stderr.contains("there is no alarm nobody-made-this"), "{}", drill.stderr);
    let policy = program.run(&["iam", &file]).stdout;
    assert!(policy.contains("cloudwatch:DescribeAlarms"), "{policy}");
}

#[test]
fn every_shipped_runbook_is_drawn_in_every_form() {
    let program = Program::new();
    for (name, _) in SHIPPED {
        let file = format!("runbooks/{name}.yaml");
        let graph = |format: &str| {
            let said = program.run(&["graph", &file, "--format", format]);
            assert_eq!(said.code, 0, "{}", said.stderr);
            said.stdout
        };
        assert!(graph("mermaid").contains("flowchart TD"));
        assert!(graph("svg").starts_with("<svg ") && graph("svg").trim_end().ends_with("</svg>"));
        let dot = graph("dot");
        assert!(dot.starts_with("digraph runbook {") && dot.trim_end().ends_with('}'));
        assert_eq!(dot.matches('{').count(), dot.matches('}').count(), "{dot}");
        let desk = Desk::new();
        let path = desk.write("graph.dot", &dot);
        // Graphviz reads it, where it is installed; that brackets and quotes close is tested without it.
        if let Ok(drawn) = Command::new("dot").args(["-Tsvg", &path]).current_dir(root()).output() {
            assert!(drawn.status.success(), "{}", String::from_utf8_lossy(&drawn.stderr));
        }
    }
}
