//! Parameter Store.

use serde_json::{Value, json};

use crate::bench::{Bench, field, world};

const WEBHOOK: &str = "/lifeboat/slack-webhook";

fn get(bench: &Bench, name: &str, decrypt: bool) -> Value {
    let input = json!({ "Name": name, "WithDecryption": decrypt });
    bench.accepted("ssm", "AmazonSSM.GetParameter", &input)["Parameter"].clone()
}

#[test]
fn a_secure_string_is_read_only_when_it_is_decrypted() {
    let bench = Bench::new();
    let open = get(&bench, WEBHOOK, true);
    assert_eq!(open["Value"], "https://hooks.slack.example/services/T0EXAMPLE/B0EXAMPLE/drill");
    assert_eq!((&open["Type"], &open["Version"]), (&json!("SecureString"), &json!(1)));
    assert_eq!(open["ARN"], "arn:aws:ssm:eu-west-1:111122223333:parameter/lifeboat/slack-webhook");
    assert_eq!(open["LastModifiedDate"], 1_748_859_669);
    let sealed = get(&bench, WEBHOOK, false);
    assert!(sealed["Value"].as_str().is_some_and(|value| value.starts_with("AQICAHi")), "{sealed}");
    assert_eq!(sealed, get(&bench, WEBHOOK, false));
}

#[test]
fn a_parameter_is_found_by_version_and_by_arn() {
    let bench = Bench::new();
    let arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/lifeboat/slack-webhook:1";
    for name in [&format!("{WEBHOOK}:1"), arn] {
        let found = get(&bench, name, true);
        assert_eq!((&found["Name"], &found["Selector"]), (&json!(WEBHOOK), &json!(":1")), "{name}");
    }
    let refused = |name: &str| bench.refused("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name })).1;
    assert_eq!(refused(&format!("{WEBHOOK}:2")), "ParameterVersionNotFound");
    assert_eq!(refused(&format!("{WEBHOOK}:blue")), "ParameterVersionNotFound");
    assert_eq!(refused("/nobody"), "ParameterNotFound");
    assert_eq!(refused(""), "ValidationException");
}

#[test]
fn several_parameters_are_read_at_once_and_the_absent_ones_named() {
    let bench = Bench::new();
    let input = json!({ "Names": [WEBHOOK, "/nobody", "/orders/db-host"], "WithDecryption": true });
    let output = bench.accepted("ssm", "AmazonSSM.GetParameters", &input);
    assert_eq!(output["InvalidParameters"], json!(["/nobody"]));
    assert_eq!(output["Parameters"].as_array().map(Vec::len), Some(2));
    let host = field(&bench.describe("orders-prod"), "Address");
    assert_eq!(output["Parameters"][1]["Value"], host, "the host is that of this seed");
    let too_many: Vec<String> = (0..11).map(|number| format!("/p{number}")).collect();
    let refusal = bench.refused("ssm", "AmazonSSM.GetParameters", &json!({ "Names": too_many }));
    assert_eq!(refusal, (400, "ValidationException".into()));
}

#[test]
fn the_protocol_has_its_own_errors() {
    let bench = Bench::new();
    let unknown = bench.refused("ssm", "AmazonSSM.GetMoon", &json!({}));
    assert_eq!(unknown, (400, "UnknownOperationException".into()));
    assert_eq!(bench.refused("ssm", "Other.GetParameter", &json!({})).1, "UnknownOperationException");
    let wrong = bench.refused("ssm", "AmazonSSM.GetParameter", &json!({ "Name": 7 }));
    assert_eq!(wrong, (400, "SerializationException".into()));
    let mut unsigned = crate::bench::request("ssm", "AKIA", &[]);
    unsigned.headers.clear();
    let response = bench.answer(&unsigned);
    assert!(response.body.contains("MissingAuthenticationTokenException"), "{}", response.body);
    let response = bench.json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": WEBHOOK }));
    assert_eq!(response.headers["content-type"], "application/x-amz-json-1.1");
}

fn put(bench: &Bench, input: &Value) -> Value {
    bench.accepted("ssm", "AmazonSSM.PutParameter", input)
}

#[test]
fn a_parameter_is_overwritten_only_on_request_and_keeps_its_history() {
    let bench = Bench::new();
    let name = "/orders/feature";
    assert_eq!(put(&bench, &json!({ "Name": name, "Value": "on", "Type": "String" }))["Version"], 1);
    bench.advance(60);
    let again = json!({ "Name": name, "Value": "off", "Type": "String" });
    assert_eq!(bench.refused("ssm", "AmazonSSM.PutParameter", &again).1, "ParameterAlreadyExists");
    assert_eq!(put(&bench, &json!({ "Name": name, "Value": "off", "Overwrite": true }))["Version"], 2);
    assert_eq!(get(&bench, name, false)["Value"], "off");
    assert_eq!(get(&bench, &format!("{name}:1"), false)["Value"], "on");
    let history = bench.accepted("ssm", "AmazonSSM.GetParameterHistory", &json!({ "Name": name }));
    let values: Vec<_> =
        history["Parameters"].as_array().expect("a list").iter().map(|it| &it["Value"]).collect();
    assert_eq!(values, ["on", "off"]);
    bench.accepted("ssm", "AmazonSSM.DeleteParameter", &json!({ "Name": name }));
    assert_eq!(
        bench.refused("ssm", "AmazonSSM.DeleteParameter", &json!({ "Name": name })).1,
        "ParameterNotFound"
    );
}

#[test]
fn a_parameter_that_cannot_be_is_refused() {
    let bench = Bench::new();
    let long = "x".repeat(4097);
    let tag = json!([{ "Key": "a", "Value": "b" }]);
    let cases = [
        (json!({ "Name": "/new", "Value": "x" }), "ValidationException"),
        (json!({ "Name": "/new", "Value": long, "Type": "String" }), "ValidationException"),
        (json!({ "Name": "/a b", "Value": "x", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "/aws/x", "Value": "x", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "/new", "Value": "x", "Type": "Number" }), "UnsupportedParameterType"),
        (json!({ "Name": "/new", "Value": "x", "Type": "String", "KeyId": "k" }), "ValidationException"),
        (json!({ "Name": "/new", "Value": "x", "Overwrite": true, "Tags": tag }), "ValidationException"),
        (
            json!({ "Name": WEBHOOK, "Value": "x", "Type": "String", "Overwrite": true }),
            "HierarchyTypeMismatchException",
        ),
    ];
    for (input, code) in cases {
        assert_eq!(bench.refused("ssm", "AmazonSSM.PutParameter", &input).1, code, "{input}");
    }
    assert!(bench.log.entries().is_empty());
}

#[test]
fn a_long_value_needs_another_tier() {
    let bench = Bench::new();
    let long = "x".repeat(4097);
    let tiered = |tier: &str, value: &str| {
        let name = format!("/{tier}/{}", value.len());
        put(&bench, &json!({ "Name": name, "Value": value, "Type": "String", "Tier": tier }))["Tier"].clone()
    };
    assert_eq!(tiered("Advanced", &long), "Advanced");
    assert_eq!(tiered("Intelligent-Tiering", &long), "Advanced");
    assert_eq!(tiered("Intelligent-Tiering", "short"), "Standard");
    let other = json!({ "Name": "/x", "Value": "v", "Type": "String", "Tier": "Moon" });
    assert_eq!(bench.refused("ssm", "AmazonSSM.PutParameter", &other).1, "ValidationException");
}

#[test]
fn parameters_have_tags() {
    let bench = Bench::new();
    let on = |more: Value| {
        let mut input = json!({ "ResourceType": "Parameter", "ResourceId": WEBHOOK });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    let tags = json!([{ "Key": "lifeboat:run", "Value": "r1" }, { "Key": "x", "Value": "y" }]);
    bench.accepted("ssm", "AmazonSSM.AddTagsToResource", &on(json!({ "Tags": tags })));
    let listed = || bench.accepted("ssm", "AmazonSSM.ListTagsForResource", &on(json!({})))["TagList"].clone();
    assert_eq!(listed(), tags);
    bench.accepted("ssm", "AmazonSSM.RemoveTagsFromResource", &on(json!({ "TagKeys": ["x"] })));
    assert_eq!(listed(), json!([{ "Key": "lifeboat:run", "Value": "r1" }]));
    let nobody = json!({ "ResourceType": "Parameter", "ResourceId": "/nobody" });
    assert_eq!(bench.refused("ssm", "AmazonSSM.ListTagsForResource", &nobody).1, "InvalidResourceId");
}

#[test]
fn a_throttled_call_is_told_in_the_words_of_the_protocol() {
    use lifeboat_sim::fault::{Fault, FaultKind, When};
    let mut definition = world();
    definition.faults.push(Fault {
        service: "ssm".into(),
        operation: "GetParameter".into(),
        when: When::Calls(vec![1]),
        kind: FaultKind::Throttle,
    });
    let bench = Bench::of(definition, 7);
    let refusal = bench.refused("ssm", "AmazonSSM.GetParameter", &json!({ "Name": WEBHOOK }));
    assert_eq!(refusal, (400, "ThrottlingException".into()));
    assert_eq!(get(&bench, WEBHOOK, true)["Version"], 1);
}
