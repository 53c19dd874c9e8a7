//! Run Command.

use lifeboat_sim::fault::{Fault, FaultKind, When};
use serde_json::{Value, json};

use crate::bench::{Bench, world};

const FIRST: &str = "i-0a1b2c3d4e5f60001";
const OFFLINE: &str = "i-0a1b2c3d4e5f60009";

fn ssm(bench: &Bench, operation: &str, input: &Value) -> Value {
    bench.accepted("ssm", &format!("AmazonSSM.{operation}"), input)
}

fn refused(bench: &Bench, operation: &str, input: &Value) -> String {
    bench.refused("ssm", &format!("AmazonSSM.{operation}"), input).1
}

fn shell(script: &str, more: Value) -> Value {
    let mut input = json!({ "DocumentName": "AWS-RunShellScript", "Parameters": { "commands": [script] } });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    input
}

/// Sends a script and gives the command's id.
fn send(bench: &Bench, script: &str, more: Value) -> String {
    let output = ssm(bench, "SendCommand", &shell(script, more));
    output["Command"]["CommandId"].as_str().expect("an id").to_owned()
}

fn command(bench: &Bench, id: &str) -> Value {
    ssm(bench, "ListCommands", &json!({ "CommandId": id }))["Commands"][0].clone()
}

fn invocations(bench: &Bench, id: &str) -> Vec<Value> {
    let input = json!({ "CommandId": id, "Details": true });
    ssm(bench, "ListCommandInvocations", &input)["CommandInvocations"].as_array().expect("a list").clone()
}

#[test]
fn an_invocation_is_there_late_runs_and_ends_with_its_output() {
    let bench = Bench::new();
    let id =
        send(&bench, "pg_isready -h db", json!({ "InstanceIds": [FIRST], "Comment": "lifeboat:r1:check" }));
    let get = json!({ "CommandId": id, "InstanceId": FIRST });
    assert_eq!(refused(&bench, "GetCommandInvocation", &get), "InvocationDoesNotExist");
    assert!(invocations(&bench, &id).is_empty());
    let mut states = vec!["Pending".to_owned()];
    for _ in 0..60 {
        bench.advance(1);
        let status = command(&bench, &id)["Status"].as_str().expect("a status").to_owned();
        if states.last() != Some(&status) {
            states.push(status);
        }
    }
    assert_eq!(states, ["Pending", "InProgress", "Success"]);
    let invocation = ssm(&bench, "GetCommandInvocation", &get);
    assert_eq!(invocation["StandardOutputContent"], "accepting connections\n");
    assert_eq!((&invocation["Status"], &invocation["ResponseCode"]), (&json!("Success"), &json!(0)));
    assert!(invocation["ExecutionElapsedTime"].as_str().is_some_and(|text| text.starts_with("PT")));
    assert_eq!(invocations(&bench, &id)[0]["CommandPlugins"][0]["Output"], "accepting connections\n");
    assert_eq!(command(&bench, &id)["Comment"], "lifeboat:r1:check");
}

#[test]
fn targets_are_found_by_tag_and_none_of_them_is_no_failure() {
    let bench = Bench::new();
    let api =
        json!([{ "Key": "tag:role", "Values": ["api"] }, { "Key": "tag:service", "Values": ["orders"] }]);
    let id = send(&bench, "true", json!({ "Targets": api }));
    assert_eq!(command(&bench, &id)["TargetCount"], 0, "they are not looked for yet");
    bench.advance(60);
    let done = command(&bench, &id);
    assert_eq!((&done["TargetCount"], &done["CompletedCount"]), (&json!(2), &json!(2)));
    let id = send(&bench, "true", json!({ "Targets": [{ "Key": "tag:role", "Values": ["moon"] }] }));
    bench.advance(60);
    let done = command(&bench, &id);
    assert_eq!((&done["Status"], &done["TargetCount"]), (&json!("Success"), &json!(0)));
}

#[test]
fn a_command_fails_times_out_or_never_arrives() {
    let bench = Bench::new();
    let ends = |script: &str, more: Value| {
        let id = send(&bench, script, more);
        bench.advance(4000);
        let invocation = invocations(&bench, &id)[0].clone();
        let error_count = command(&bench, &id)["ErrorCount"].clone();
        (invocation["StatusDetails"].as_str().unwrap_or_default().to_owned(), error_count)
    };
    assert_eq!(ends("exit 1", json!({ "InstanceIds": [FIRST] })), ("Failed".into(), json!(1)));
    assert_eq!(ends("sleep 7200", json!({ "InstanceIds": [FIRST] })), ("ExecutionTimedOut".into(), json!(1)));
    let offline = json!({ "InstanceIds": [OFFLINE], "TimeoutSeconds": 60 });
    // What was never delivered is no error of the command (API reference, Command, ErrorCount).
    assert_eq!(ends("true", offline), ("DeliveryTimedOut".into(), json!(0)));
}

#[test]
fn a_command_can_be_cancelled() {
    let bench = Bench::new();
    let id = send(&bench, "sleep 7200", json!({ "InstanceIds": [FIRST] }));
    bench.advance(10);
    ssm(&bench, "CancelCommand", &json!({ "CommandId": id }));
    assert_eq!(command(&bench, &id)["Status"], "Cancelling");
    bench.advance(5);
    assert_eq!(command(&bench, &id)["Status"], "Cancelled");
    ssm(&bench, "CancelCommand", &json!({ "CommandId": id }));
    assert_eq!(refused(&bench, "CancelCommand", &json!({ "CommandId": "nobody" })), "InvalidCommandId");
}

#[test]
fn a_command_is_found_again_by_when_it_was_sent() {
    let bench = Bench::new();
    send(&bench, "true", json!({ "InstanceIds": [FIRST] }));
    bench.advance(3600);
    let later = send(&bench, "true", json!({ "InstanceIds": [FIRST] }));
    let listed = |key: &str, value: &str| {
        let input = json!({ "Filters": [{ "key": key, "value": value }] });
        let output = ssm(&bench, "ListCommands", &input);
        let commands = output["Commands"].as_array().expect("a list").iter();
        commands.map(|it| it["CommandId"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("InvokedAfter", "2026-01-05T09:30:00Z"), [later]);
    assert_eq!(listed("InvokedBefore", "2026-01-05T09:30:00Z").len(), 1);
    assert_eq!(listed("DocumentName", "AWS-RunShellScript").len(), 2);
    let page = ssm(&bench, "ListCommands", &json!({ "MaxResults": 1 }));
    let next = ssm(&bench, "ListCommands", &json!({ "MaxResults": 1, "NextToken": page["NextToken"] }));
    assert_ne!(page["Commands"], next["Commands"]);
    assert!(next["NextToken"].is_null());
    assert_eq!(refused(&bench, "ListCommands", &json!({ "NextToken": "at-99" })), "InvalidNextToken");
}

#[test]
fn a_command_that_cannot_be_is_refused() {
    let bench = Bench::new();
    let one = json!({ "InstanceIds": [FIRST] });
    let cases = [
        (json!({ "DocumentName": "Nobody", "InstanceIds": [FIRST] }), "InvalidDocument"),
        (json!({ "DocumentName": "Orders-FailOver", "InstanceIds": [FIRST] }), "InvalidDocument"),
        (json!({ "DocumentName": "AWS-RunShellScript", "InstanceIds": [FIRST] }), "InvalidParameters"),
        (shell("true", json!({ "InstanceIds": ["i-0moon"] })), "InvalidInstanceId"),
        (shell("true", json!({})), "ValidationException"),
        (shell("true", json!({ "InstanceIds": [FIRST], "Comment": "x".repeat(101) })), "ValidationException"),
        (shell("true", json!({ "InstanceIds": [FIRST], "TimeoutSeconds": 29 })), "ValidationException"),
        (
            shell("true", json!({ "InstanceIds": [FIRST], "Parameters": { "moon": ["x"] } })),
            "InvalidParameters",
        ),
    ];
    for (input, code) in cases {
        assert_eq!(refused(&bench, "SendCommand", &input), code, "{input}");
    }
    assert!(bench.log.entries().is_empty());
    ssm(&bench, "SendCommand", &shell("true", one));
}

#[test]
fn a_fault_can_end_it_in_any_state() {
    let mut definition = world();
    definition.faults.push(Fault {
        service: "ssm".into(),
        operation: "SendCommand".into(),
        when: When::Calls(vec![1]),
        kind: FaultKind::FinalState("Undeliverable".into()),
    });
    let bench = Bench::of(definition, 7);
    let id = send(&bench, "true", json!({ "InstanceIds": [FIRST] }));
    bench.advance(60);
    assert_eq!(invocations(&bench, &id)[0]["StatusDetails"], "Undeliverable");
    assert_eq!(command(&bench, &id)["Status"], "Failed");
}

/// The details of the invocations of a command on these nodes, one at a time, and of the command itself.
fn in_turn(script: &str, nodes: &[&str], more: &[(&str, &str)]) -> (Vec<String>, String, String) {
    let bench = Bench::new();
    let mut input = json!({ "InstanceIds": nodes, "MaxConcurrency": "1", "TimeoutSeconds": 60 });
    more.iter().for_each(|(key, value)| input[*key] = json!(value));
    let id = send(&bench, script, input);
    bench.advance(9000);
    let details = |it: &Value| it["StatusDetails"].as_str().unwrap_or_default().to_owned();
    let done = command(&bench, &id);
    let status = done["Status"].as_str().unwrap_or_default().to_owned();
    (invocations(&bench, &id).iter().map(details).collect(), status, details(&done))
}

#[test]
fn so_many_nodes_at_once_and_no_more_once_too_many_failed() {
    const SECOND: &str = "i-0a1b2c3d4e5f60002";
    let all = [FIRST, SECOND];
    let words = |it: (Vec<String>, String, String)| (it.0.join(" "), it.1, it.2);
    let told = |nodes: &str, status: &str, details: &str| (nodes.into(), status.into(), details.into());
    assert_eq!(words(in_turn("exit 1", &all, &[])), told("Failed Terminated", "Failed", "Failed"));
    assert_eq!(
        words(in_turn("exit 1", &all, &[("MaxErrors", "1")])),
        told("Failed Failed", "Failed", "Failed")
    );
    // 40% of two is none.
    assert_eq!(words(in_turn("exit 1", &all, &[("MaxErrors", "40%")])).0, "Failed Terminated");
    // What was not delivered does not keep the others from being sent.
    let with_offline = [OFFLINE, FIRST, SECOND];
    let (nodes, status, details) = words(in_turn("true", &with_offline, &[("MaxErrors", "2")]));
    assert_eq!((nodes.as_str(), details.as_str()), ("DeliveryTimedOut Success Success", "Incomplete"));
    assert_eq!(status, "Failed");

    let bench = Bench::new();
    let id = send(&bench, "sleep 7200", json!({ "InstanceIds": all, "MaxConcurrency": "50%" }));
    bench.advance(60);
    let states: Vec<_> = invocations(&bench, &id).iter().map(|it| it["Status"].clone()).collect();
    assert_eq!(states, [json!("InProgress"), json!("Pending")]);
    for wrong in ["0", "x", "101%", "-1", "%"] {
        let input = shell("true", json!({ "InstanceIds": all, "MaxConcurrency": wrong }));
        assert_eq!(refused(&bench, "SendCommand", &input), "ValidationException", "{wrong}");
    }
}
