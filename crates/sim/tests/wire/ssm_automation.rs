//! Automation.

use serde_json::{Value, json};

use crate::bench::Bench;

const TOKEN: &str = "0F0E0D0C-0B0A-4908-8706-050403020100";

fn ssm(bench: &Bench, operation: &str, input: &Value) -> Value {
    bench.accepted("ssm", &format!("AmazonSSM.{operation}"), input)
}

fn refused(bench: &Bench, operation: &str, input: &Value) -> String {
    bench.refused("ssm", &format!("AmazonSSM.{operation}"), input).1
}

fn start(bench: &Bench, input: &Value) -> String {
    let output = ssm(bench, "StartAutomationExecution", input);
    output["AutomationExecutionId"].as_str().expect("an id").to_owned()
}

fn fail_over(bench: &Bench) -> String {
    start(bench, &json!({ "DocumentName": "Orders-FailOver", "Parameters": { "Environment": ["copy"] } }))
}

fn execution(bench: &Bench, id: &str) -> Value {
    ssm(bench, "GetAutomationExecution", &json!({ "AutomationExecutionId": id }))["AutomationExecution"]
        .clone()
}

fn status(bench: &Bench, id: &str) -> String {
    execution(bench, id)["AutomationExecutionStatus"].as_str().expect("a status").to_owned()
}

fn steps(bench: &Bench, id: &str) -> Vec<String> {
    let output = ssm(bench, "DescribeAutomationStepExecutions", &json!({ "AutomationExecutionId": id }));
    let steps = output["StepExecutions"].as_array().expect("a list").iter();
    steps.map(|step| step["StepStatus"].as_str().unwrap_or_default().to_owned()).collect()
}

fn signal(id: &str, kind: &str) -> Value {
    json!({ "AutomationExecutionId": id, "SignalType": kind, "Payload": { "Comment": ["seen"] } })
}

#[test]
fn steps_run_in_turn_and_leave_their_outputs() {
    let bench = Bench::new();
    let id = start(&bench, &json!({ "DocumentName": "Orders-RestartWorkers" }));
    assert_eq!(steps(&bench, &id), ["InProgress", "Pending"]);
    assert_eq!(execution(&bench, &id)["CurrentStepName"], "Drain");
    bench.advance(120);
    let done = execution(&bench, &id);
    assert_eq!(done["AutomationExecutionStatus"], "Success");
    assert_eq!(done["Outputs"], json!({ "Start.Output": ["4 workers started"] }));
    let end = done["ExecutionEndTime"].as_f64().expect("a time");
    assert!(end > done["ExecutionStartTime"].as_f64().expect("a time"));
    assert_eq!(done["ExecutedBy"], "arn:aws:sts::111122223333:assumed-role/Operator/alice");
}

#[test]
fn an_approval_is_waited_for_and_then_the_rest_runs() {
    let bench = Bench::new();
    let id = fail_over(&bench);
    bench.advance(120);
    assert_eq!(status(&bench, &id), "Waiting");
    assert_eq!(steps(&bench, &id), ["Success", "Waiting", "Pending", "Pending"]);
    ssm(&bench, "SendAutomationSignal", &signal(&id, "Approve"));
    assert_eq!(steps(&bench, &id), ["Success", "Success", "InProgress", "Pending"]);
    assert_eq!(
        refused(&bench, "SendAutomationSignal", &signal(&id, "Approve")),
        "InvalidAutomationSignalException"
    );
    bench.advance(120);
    assert_eq!(status(&bench, &id), "Success");
    assert_eq!(execution(&bench, &id)["Parameters"]["Reason"], json!(["drill"]), "the document's default");
}

#[test]
fn a_rejection_fails_and_so_does_silence() {
    let bench = Bench::new();
    let (rejected, unheard) = (fail_over(&bench), fail_over(&bench));
    bench.advance(120);
    ssm(&bench, "SendAutomationSignal", &signal(&rejected, "Reject"));
    assert_eq!(status(&bench, &rejected), "Failed");
    assert!(execution(&bench, &rejected)["FailureMessage"].as_str().is_some_and(|it| it.ends_with("seen")));
    bench.advance(3600);
    assert_eq!(status(&bench, &unheard), "TimedOut");
    assert_eq!(steps(&bench, &unheard), ["Success", "TimedOut", "Pending", "Pending"]);
}

#[test]
fn a_step_that_fails_ends_the_execution() {
    let bench = Bench::new();
    let id = start(&bench, &json!({ "DocumentName": "Orders-Broken" }));
    bench.advance(60);
    assert_eq!(status(&bench, &id), "Failed");
    assert_eq!(steps(&bench, &id), ["Success", "Failed", "Pending"]);
    assert_eq!(execution(&bench, &id)["FailureMessage"], "the script raised KeyError");
}

#[test]
fn an_execution_is_stopped_at_once_or_after_its_step() {
    let bench = Bench::new();
    let stop = |id: &str, kind: &str| json!({ "AutomationExecutionId": id, "Type": kind });
    let (now, later) = (fail_over(&bench), fail_over(&bench));
    bench.advance(120);
    for id in [&now, &later] {
        ssm(&bench, "SendAutomationSignal", &signal(id, "Approve"));
    }
    bench.advance(5);
    ssm(&bench, "StopAutomationExecution", &stop(&now, "Cancel"));
    ssm(&bench, "StopAutomationExecution", &stop(&later, "Complete"));
    assert_eq!(status(&bench, &now), "Cancelling");
    bench.advance(5);
    assert_eq!(status(&bench, &now), "Cancelled");
    assert_eq!(steps(&bench, &now), ["Success", "Success", "Cancelled", "Pending"]);
    assert_eq!(status(&bench, &later), "Cancelling", "its step takes 45 s");
    bench.advance(60);
    assert_eq!(steps(&bench, &later), ["Success", "Success", "Success", "Pending"]);
    assert_eq!(status(&bench, &later), "Cancelled");
    let again = refused(&bench, "StopAutomationExecution", &stop(&now, "Cancel"));
    assert_eq!(again, "InvalidAutomationStatusUpdateException");
}

#[test]
fn the_same_token_is_the_same_execution() {
    let bench = Bench::new();
    let mut input = json!({
        "DocumentName": "Orders-FailOver", "Parameters": { "Environment": ["copy"] }, "ClientToken": TOKEN
    });
    let id = start(&bench, &input);
    assert_eq!(start(&bench, &input), id);
    input["ClientToken"] = json!(TOKEN.to_lowercase());
    assert_eq!(start(&bench, &input), id, "a token is not case-sensitive");
    input["Parameters"]["Environment"] = json!(["production"]);
    assert_eq!(refused(&bench, "StartAutomationExecution", &input), "IdempotentParameterMismatch");
    input["ClientToken"] = json!("short");
    assert_eq!(refused(&bench, "StartAutomationExecution", &input), "ValidationException");
    let all = ssm(&bench, "DescribeAutomationExecutions", &json!({}));
    assert_eq!(all["AutomationExecutionMetadataList"].as_array().map(Vec::len), Some(1));
}

#[test]
fn executions_are_listed_by_id_and_carry_tags() {
    let bench = Bench::new();
    fail_over(&bench);
    let tags = json!([{ "Key": "lifeboat:run", "Value": "r1" }]);
    let id = start(&bench, &json!({ "DocumentName": "Orders-RestartWorkers", "Tags": tags }));
    let filter = json!({ "Filters": [{ "Key": "ExecutionId", "Values": [id] }] });
    let listed = ssm(&bench, "DescribeAutomationExecutions", &filter);
    assert_eq!(listed["AutomationExecutionMetadataList"][0]["AutomationExecutionId"], json!(id));
    assert_eq!(listed["AutomationExecutionMetadataList"].as_array().map(Vec::len), Some(1));
    let on = json!({ "ResourceType": "Automation", "ResourceId": id });
    assert_eq!(ssm(&bench, "ListTagsForResource", &on)["TagList"], tags);
    let wrong = json!({ "Filters": [{ "Key": "Moon", "Values": ["x"] }] });
    assert_eq!(refused(&bench, "DescribeAutomationExecutions", &wrong), "InvalidFilterKey");
}

#[test]
fn what_cannot_be_started_or_found_is_refused() {
    let bench = Bench::new();
    let unknown = json!({ "DocumentName": "AWS-RunShellScript" });
    assert_eq!(
        refused(&bench, "StartAutomationExecution", &unknown),
        "AutomationDefinitionNotFoundException"
    );
    let without = json!({ "DocumentName": "Orders-FailOver" });
    let code = "InvalidAutomationExecutionParametersException";
    assert_eq!(refused(&bench, "StartAutomationExecution", &without), code);
    let nobody = json!({ "AutomationExecutionId": "x", "SignalType": "Approve" });
    for operation in ["GetAutomationExecution", "SendAutomationSignal", "StopAutomationExecution"] {
        assert_eq!(
            refused(&bench, operation, &nobody),
            "AutomationExecutionNotFoundException",
            "{operation}"
        );
    }
    assert!(bench.log.entries().is_empty());
}
