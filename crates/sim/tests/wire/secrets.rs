//! Secrets Manager.

use serde_json::{Value, json};

use crate::bench::{Bench, field};

fn value(bench: &Bench, input: &Value) -> Value {
    bench.accepted("secretsmanager", "secretsmanager.GetSecretValue", input)
}

fn parsed(output: &Value) -> Value {
    serde_json::from_str(output["SecretString"].as_str().expect("a text")).expect("the secret is JSON")
}

fn refused(bench: &Bench, operation: &str, input: &Value) -> String {
    bench.refused("secretsmanager", &format!("secretsmanager.{operation}"), input).1
}

#[test]
fn a_secret_is_its_current_version_unless_another_is_asked_for() {
    let bench = Bench::new();
    let current = value(&bench, &json!({ "SecretId": "orders/db" }));
    assert_eq!(current["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(parsed(&current)["password"], "correct-horse-battery-staple");
    assert_eq!(parsed(&current)["host"], field(&bench.describe("orders-prod"), "Address"));
    let previous = value(&bench, &json!({ "SecretId": "orders/db", "VersionStage": "AWSPREVIOUS" }));
    assert_eq!(parsed(&previous)["password"], "before-the-last-rotation");
    assert_eq!(
        value(&bench, &json!({ "SecretId": "orders/db", "VersionId": previous["VersionId"] })),
        previous
    );
}

#[test]
fn a_secret_is_found_by_name_and_by_whole_or_partial_arn() {
    let bench = Bench::new();
    let found = value(&bench, &json!({ "SecretId": "orders/db" }));
    let arn = found["ARN"].as_str().expect("an ARN");
    assert!(arn.starts_with("arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders/db-"), "{arn}");
    assert_eq!(value(&bench, &json!({ "SecretId": arn })), found);
    assert_eq!(value(&bench, &json!({ "SecretId": &arn[..arn.len() - 7] })), found);
}

#[test]
fn a_description_has_labels_and_tags_and_no_value() {
    let bench = Bench::new();
    let output = bench.accepted(
        "secretsmanager",
        "secretsmanager.DescribeSecret",
        &json!({ "SecretId": "orders/db" }),
    );
    let stages = output["VersionIdsToStages"].as_object().expect("a map");
    let mut labels: Vec<String> = stages.values().map(Value::to_string).collect();
    labels.sort();
    assert_eq!(labels, [r#"["AWSCURRENT"]"#, r#"["AWSPREVIOUS"]"#]);
    assert_eq!(output["Tags"], json!([{ "Key": "service", "Value": "orders" }]));
    assert!(!output.to_string().contains("battery"));
}

#[test]
fn what_is_not_there_is_refused() {
    let bench = Bench::new();
    let cases = [
        (json!({ "SecretId": "nobody" }), "ResourceNotFoundException"),
        (json!({ "SecretId": "orders/db", "VersionStage": "BLUE" }), "ResourceNotFoundException"),
        (json!({ "SecretId": "orders/db", "VersionId": "x" }), "ResourceNotFoundException"),
        (json!({}), "ValidationException"),
    ];
    for (input, code) in cases {
        assert_eq!(refused(&bench, "GetSecretValue", &input), code, "{input}");
    }
    let id = value(&bench, &json!({ "SecretId": "orders/db" }))["VersionId"].clone();
    let contradiction = json!({ "SecretId": "orders/db", "VersionId": id, "VersionStage": "AWSPREVIOUS" });
    assert_eq!(refused(&bench, "GetSecretValue", &contradiction), "InvalidRequestException");
    assert!(bench.log.entries().is_empty(), "reading is not in the world's log");
}

const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";

fn done(bench: &Bench, operation: &str, input: &Value) -> Value {
    bench.accepted("secretsmanager", &format!("secretsmanager.{operation}"), input)
}

#[test]
fn a_new_value_becomes_current_and_the_old_one_previous_and_back() {
    let bench = Bench::new();
    let old = value(&bench, &json!({ "SecretId": "orders/db" }))["VersionId"].clone();
    let put = json!({ "SecretId": "orders/db", "SecretString": "{}", "ClientRequestToken": FIRST });
    assert_eq!(done(&bench, "PutSecretValue", &put)["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(done(&bench, "PutSecretValue", &put)["VersionId"], FIRST, "the same request again");
    assert_eq!(value(&bench, &json!({ "SecretId": "orders/db" }))["VersionId"], FIRST);
    let previous = json!({ "SecretId": "orders/db", "VersionStage": "AWSPREVIOUS" });
    assert_eq!(value(&bench, &previous)["VersionId"], old);
    let other = json!({ "SecretId": "orders/db", "SecretString": "x", "ClientRequestToken": FIRST });
    assert_eq!(refused(&bench, "PutSecretValue", &other), "ResourceExistsException");
    let mut back = json!({ "SecretId": "orders/db", "VersionStage": "AWSCURRENT", "MoveToVersionId": old });
    assert_eq!(refused(&bench, "UpdateSecretVersionStage", &back), "InvalidParameterException");
    back["RemoveFromVersionId"] = json!(FIRST);
    done(&bench, "UpdateSecretVersionStage", &back);
    assert_eq!(value(&bench, &json!({ "SecretId": "orders/db" }))["VersionId"], old);
    assert_eq!(value(&bench, &previous)["VersionId"], FIRST);
}

#[test]
fn a_label_of_ones_own_comes_and_goes_and_the_current_one_stays() {
    let bench = Bench::new();
    let put = json!({
        "SecretId": "orders/db", "SecretString": "{}", "ClientRequestToken": FIRST, "VersionStages": ["BLUE"]
    });
    assert_eq!(done(&bench, "PutSecretValue", &put)["VersionStages"], json!(["BLUE"]));
    let blue = json!({ "SecretId": "orders/db", "VersionStage": "BLUE" });
    assert_eq!(value(&bench, &blue)["VersionId"], FIRST);
    let off = json!({ "SecretId": "orders/db", "VersionStage": "BLUE", "RemoveFromVersionId": FIRST });
    done(&bench, "UpdateSecretVersionStage", &off);
    assert_eq!(refused(&bench, "GetSecretValue", &blue), "ResourceNotFoundException");
    assert_eq!(refused(&bench, "UpdateSecretVersionStage", &off), "InvalidParameterException");
    let current = value(&bench, &json!({ "SecretId": "orders/db" }))["VersionId"].clone();
    let off =
        json!({ "SecretId": "orders/db", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": current });
    assert_eq!(refused(&bench, "UpdateSecretVersionStage", &off), "InvalidParameterException");
}

#[test]
fn a_secret_is_made_once_and_deleted_after_its_window() {
    let bench = Bench::new();
    let create = json!({ "Name": "copy/db", "SecretString": "s", "ClientRequestToken": FIRST });
    let made = done(&bench, "CreateSecret", &create);
    assert_eq!(done(&bench, "CreateSecret", &create), made, "the same request again");
    let again = json!({ "Name": "copy/db", "SecretString": "s", "ClientRequestToken": SECOND });
    assert_eq!(refused(&bench, "CreateSecret", &again), "ResourceExistsException");
    let soon = json!({ "SecretId": "copy/db", "RecoveryWindowInDays": 7 });
    assert_eq!(done(&bench, "DeleteSecret", &soon)["DeletionDate"], bench.now().timestamp() + 7 * 86_400);
    assert_eq!(
        refused(&bench, "GetSecretValue", &json!({ "SecretId": "copy/db" })),
        "InvalidRequestException"
    );
    assert_eq!(refused(&bench, "CreateSecret", &again), "InvalidRequestException");
    bench.advance(7 * 86_400);
    assert_eq!(
        refused(&bench, "DescribeSecret", &json!({ "SecretId": "copy/db" })),
        "ResourceNotFoundException"
    );
    assert_ne!(done(&bench, "CreateSecret", &again)["ARN"], made["ARN"], "another secret of the same name");
    let now = json!({ "SecretId": "copy/db", "ForceDeleteWithoutRecovery": true });
    done(&bench, "DeleteSecret", &now);
    assert_eq!(refused(&bench, "DeleteSecret", &now), "ResourceNotFoundException");
}

#[test]
fn a_request_without_what_it_needs_is_refused() {
    let bench = Bench::new();
    let both = json!({ "SecretId": "orders/db", "SecretString": "a", "SecretBinary": "YQ==",
        "ClientRequestToken": FIRST });
    let windows =
        json!({ "SecretId": "orders/db", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7 });
    for (operation, input) in [
        ("PutSecretValue", json!({ "SecretId": "orders/db", "SecretString": "a" })),
        (
            "PutSecretValue",
            json!({ "SecretId": "orders/db", "SecretString": "a", "ClientRequestToken": "short" }),
        ),
        ("PutSecretValue", json!({ "SecretId": "orders/db", "ClientRequestToken": FIRST })),
        ("PutSecretValue", both),
        ("DeleteSecret", windows),
        ("DeleteSecret", json!({ "SecretId": "orders/db", "RecoveryWindowInDays": 6 })),
    ] {
        assert_eq!(refused(&bench, operation, &input), "InvalidParameterException", "{input}");
    }
    assert!(bench.log.entries().is_empty());
}
