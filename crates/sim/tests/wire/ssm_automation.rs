//! Automation.

use serde_json::{Value, json};

use crate::bench::{Bench, world};

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

/// A world in which a document takes a value: `bad` fails, all others take ten seconds.
fn for_values(steps: &Value) -> Bench {
    let mut definition = world();
    let document =
        json!({ "name": "Each", "parameters": { "Which": null }, "does": { "automation": steps } });
    let region = definition.accounts[0].regions.get_mut("eu-west-1").expect("the Region");
    region.documents.push(serde_json::from_value(document).expect("a document"));
    Bench::of(definition, 7)
}

fn for_each(bench: &Bench, values: &[&str], concurrency: &str, errors: &str) -> String {
    let targets = json!([{ "Key": "ParameterValues", "Values": values }]);
    start(
        bench,
        &json!({
            "DocumentName": "Each", "Targets": targets, "TargetParameterName": "Which",
            "MaxConcurrency": concurrency, "MaxErrors": errors,
        }),
    )
}

/// The executions for the targets, the oldest first: target, id and status.
fn children(bench: &Bench, parent: &str) -> Vec<(String, String, String)> {
    let filters = json!([{ "Key": "ParentExecutionId", "Values": [parent] }]);
    let output = ssm(bench, "DescribeAutomationExecutions", &json!({ "Filters": filters }));
    let list = output["AutomationExecutionMetadataList"].as_array().expect("a list").iter().rev();
    let text = |child: &Value, name: &str| child[name].as_str().unwrap_or_default().to_owned();
    let child = |it: &Value| {
        (text(it, "Target"), text(it, "AutomationExecutionId"), text(it, "AutomationExecutionStatus"))
    };
    list.map(child).collect()
}

fn targets(bench: &Bench, parent: &str) -> Vec<(String, String)> {
    children(bench, parent).into_iter().map(|(target, _, status)| (target, status)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(left, right)| ((*left).to_owned(), (*right).to_owned())).collect()
}

#[test]
fn each_target_is_an_execution_of_its_own_and_so_many_run_at_once() {
    let bench = for_values(&json!([{ "name": "Work", "action": "aws:sleep", "seconds": 10 }]));
    let parent = for_each(&bench, &["a", "b", "c"], "2", "0");
    assert_eq!(targets(&bench, &parent), pairs(&[("a", "InProgress"), ("b", "InProgress")]));
    bench.advance(11);
    let now = pairs(&[("a", "Success"), ("b", "Success"), ("c", "InProgress")]);
    assert_eq!(targets(&bench, &parent), now);
    assert_eq!(status(&bench, &parent), "InProgress");
    bench.advance(10);
    let whole = execution(&bench, &parent);
    assert_eq!(whole["AutomationExecutionStatus"], "Success");
    assert_eq!(whole["ResolvedTargets"]["ParameterValues"], json!(["a", "b", "c"]));
    let step = &whole["StepExecutions"][2];
    assert_eq!((&step["StepName"], &step["Action"]), (&json!("c"), &json!("aws:executeAutomation")));
    let (_, child, _) = children(&bench, &parent)[2].clone();
    assert_eq!(execution(&bench, &child)["Parameters"]["Which"], json!(["c"]));
    assert_eq!(execution(&bench, &child)["ParentAutomationExecutionId"], json!(parent));
}

#[test]
fn too_many_errors_stop_what_has_not_begun() {
    let fails = json!([{ "name": "Work", "action": "aws:sleep", "seconds": 10, "fails_with": "no" }]);
    for (errors, begun, ends) in
        [("0", 1, "Failed"), ("1", 2, "Failed"), ("50%", 2, "Failed"), ("4", 4, "Success")]
    {
        let bench = for_values(&fails);
        let parent = for_each(&bench, &["a", "b", "c", "d"], "1", errors);
        bench.advance(60);
        assert_eq!(
            (targets(&bench, &parent).len(), status(&bench, &parent).as_str()),
            (begun, ends),
            "{errors}"
        );
    }
}

#[test]
fn an_approval_of_a_child_is_given_to_the_child_and_a_stop_stops_them_all() {
    let bench = for_values(&json!([
        { "name": "Ask", "action": "aws:approve", "timeout_seconds": 600 },
        { "name": "Work", "action": "aws:sleep", "seconds": 10 },
    ]));
    let parent = for_each(&bench, &["a", "b", "c"], "1", "0");
    bench.advance(60);
    let (_, first, waits) = children(&bench, &parent)[0].clone();
    assert_eq!(waits, "Waiting");
    assert_eq!(
        refused(&bench, "SendAutomationSignal", &signal(&parent, "Approve")),
        "InvalidAutomationSignalException"
    );
    ssm(&bench, "SendAutomationSignal", &signal(&first, "Approve"));
    assert_eq!(children(&bench, &parent).len(), 1, "one at a time");
    bench.advance(11);
    assert_eq!(targets(&bench, &parent), pairs(&[("a", "Success"), ("b", "Waiting")]));
    ssm(&bench, "StopAutomationExecution", &json!({ "AutomationExecutionId": parent }));
    bench.advance(10);
    assert_eq!(targets(&bench, &parent), pairs(&[("a", "Success"), ("b", "Cancelled")]));
    assert_eq!(status(&bench, &parent), "Cancelled");
}

#[test]
fn an_approval_of_a_child_that_nobody_gives_counts_as_an_error() {
    let bench = for_values(&json!([{ "name": "Ask", "action": "aws:approve", "timeout_seconds": 600 }]));
    let parent = for_each(&bench, &["a", "b"], "1", "0");
    bench.advance(601);
    assert_eq!(targets(&bench, &parent), pairs(&[("a", "TimedOut")]));
    assert_eq!(status(&bench, &parent), "Failed");
}

#[test]
fn an_approval_may_need_more_than_one() {
    let bench = for_values(&json!([
        { "name": "Ask", "action": "aws:approve", "inputs": { "MinRequiredApprovals": "2" } },
    ]));
    let id = start(&bench, &json!({ "DocumentName": "Each", "Parameters": { "Which": ["x"] } }));
    ssm(&bench, "SendAutomationSignal", &signal(&id, "Approve"));
    assert_eq!(status(&bench, &id), "Waiting");
    // The same caller counts once.
    let again = refused(&bench, "SendAutomationSignal", &signal(&id, "Approve"));
    assert_eq!(again, "InvalidAutomationSignalException");
    assert_eq!(execution(&bench, &id)["StepExecutions"][0]["TimeoutSeconds"], 604_800);
}

#[test]
fn targets_that_cannot_be_are_refused() {
    let bench = Bench::new();
    let with = |more: Value| {
        let mut input = json!({ "DocumentName": "Orders-RestartNode" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let api = json!([{ "Key": "tag:role", "Values": ["api"] }]);
    for (more, code) in [
        (json!({ "Targets": api }), "ValidationException"),
        (
            json!({ "Targets": api, "TargetParameterName": "Moon" }),
            "InvalidAutomationExecutionParametersException",
        ),
        (
            json!({ "Targets": [{ "Key": "tag:role", "Values": ["moon"] }], "TargetParameterName": "InstanceId" }),
            "InvalidTarget",
        ),
        (
            json!({ "Targets": api, "TargetParameterName": "InstanceId", "MaxErrors": "many" }),
            "ValidationException",
        ),
    ] {
        assert_eq!(refused(&bench, "StartAutomationExecution", &with(more.clone())), code, "{more}");
    }
    let id = start(&bench, &with(json!({ "Targets": api, "TargetParameterName": "InstanceId" })));
    assert_eq!(children(&bench, &id).len(), 2);
}
