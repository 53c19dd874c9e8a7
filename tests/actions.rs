//! Each action against the simulated AWS, through the program: what it does, and what it must not do.

use crate::program::Program;
use serde_json::Value;
use std::fs;

const HEAD: &str = "schema: lifeboat/v1\nkind: runbook\nname: try\ntarget: { account: \"111122223333\", region: eu-west-1 }\n";

/// Runs steps as a drill in the simulator: exit code, document, the world's record.
fn drill(rest: &str) -> (i32, Value, String) {
    let program = Program::new();
    let file = program.home.path().join("try.yaml");
    fs::write(&file, format!("{HEAD}{rest}")).unwrap();
    let arguments =
        ["drill", file.to_str().unwrap(), "--simulate", "--seed", "5", "--output", "json", "--quiet"];
    let (code, document) = program.json(&arguments);
    let world = fs::read_to_string(program.file(document["run"].as_str().unwrap(), "world.jsonl")).unwrap();
    (code, document, world)
}

fn operations(world: &str) -> Vec<String> {
    world
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["operation"].as_str().unwrap().to_owned())
        .collect()
}

const DELETE_PRODUCTION: &str = "steps:\n  - id: gone\n    action: rds.delete_instance\n    with: { instance: orders-prod, skip_final_snapshot: true }\n";

#[test]
fn a_drill_refuses_to_delete_what_it_did_not_make() {
    let (code, document, world) = drill(DELETE_PRODUCTION);
    assert_eq!((code, &document["outcome"]), (1, &Value::from("failed")), "{document:#}");
    assert!(document["steps"][0]["why"].as_str().unwrap().contains("a drill may not destroy `orders-prod`"));
    assert_eq!(world, "");
}

#[test]
fn what_is_allowed_by_name_is_deleted_in_two_stages() {
    let allow = "allow:\n  - { id: orders-prod, actions: [rds.delete_instance] }\n";
    let (code, document, world) = drill(&format!("{allow}{DELETE_PRODUCTION}"));
    assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{document:#}");
    assert_eq!(operations(&world), ["ModifyDBInstance", "DeleteDBInstance"], "protection first");
    let modify_only = "allow: [orders-prod]\n";
    assert_eq!(
        drill(&format!("{modify_only}{DELETE_PRODUCTION}")).0,
        1,
        "a bare name permits no destruction"
    );
}

#[test]
fn a_restore_does_not_adopt_a_stranger() {
    let (code, document, world) = drill(
        "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: -10m, instance: orders-prod }\n",
    );
    assert_eq!(code, 1, "{document:#}");
    assert!(
        document["steps"][0]["why"].as_str().unwrap().contains("that this run did not make"),
        "{document:#}"
    );
    assert!(!world.contains("DeleteDBInstance"), "{world}");
}

#[test]
fn a_time_that_cannot_be_restored_is_refused_before_anything() {
    for (time, why) in [("2030-01-01T00:00:00Z", "cannot be restored"), ("2020-01-01T00:00:00Z", "")] {
        let (code, document, world) = drill(&format!(
            "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: {{ source: orders-prod, time: \"{time}\" }}\n"
        ));
        assert_eq!(code, 1, "{time}: {document:#}");
        assert!(document["steps"][0]["why"].as_str().unwrap().contains(why), "{document:#}");
        assert!(!operations(&world).contains(&"DeleteDBInstance".to_owned()));
    }
}

#[test]
fn the_copy_is_like_its_source_and_says_what_it_lacks() {
    let (code, document, _) = drill(
        "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest, class: db.t4g.large }\n    wait: { for: available }\n    assert:\n      - outputs.class == 'db.t4g.large'\n      - outputs.subnet_group == 'orders-private'\n      - outputs.security_groups == ['sg-0orders']\n      - outputs.parameter_group == 'orders-pg16'\n      - \"!outputs.deletion_protection && !outputs.multi_az\"\n      - outputs.backup_retention_days == 0\n      - size(outputs.not_restored) > 0\n      - outputs.data_time < now()\n  - id: look\n    action: rds.describe_instance\n    with: { instance: \"${{ steps.restore.outputs.instance }}\" }\n    assert: [ outputs.exists && outputs.status == 'available' ]\n  - id: me\n    action: sts.identity\n    assert: [ outputs.account == target.account ]\n  - id: nobody\n    action: rds.describe_instance\n    with: { instance: not-there }\n    assert: [ \"!outputs.exists && outputs.endpoint == null\" ]\n",
    );
    assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{document:#}");
    assert_eq!(document["left_behind"], serde_json::json!([]));
}

#[test]
fn a_step_need_not_wait() {
    let (code, document, world) = drill(
        "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n    wait: none\n",
    );
    assert_eq!((code, &document["outcome"]), (0, &Value::from("passed")), "{document:#}");
    assert_eq!(document["steps"][0]["outputs"].as_object().unwrap().len(), 1);
    // What was not waited for is taken away all the same, once it can be.
    assert!(operations(&world).contains(&"DeleteDBInstance".to_owned()));
    assert_eq!(document["left_behind"], serde_json::json!([]));
}

#[test]
fn a_question_the_world_cannot_answer_fails_and_the_copy_goes() {
    let (code, document, world) = drill(
        "steps:\n  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n  - id: ask\n    action: postgres.query\n    with: { host: \"${{ steps.restore.outputs.endpoint }}\", database: orders, user: readonly, sql: select * from nowhere }\n",
    );
    assert_eq!((code, &document["outcome"]), (1, &Value::from("failed")), "{document:#}");
    assert!(document["steps"][1]["why"].as_str().unwrap().contains("cannot answer this SQL"), "{document:#}");
    assert!(operations(&world).contains(&"DeleteDBInstance".to_owned()));
    assert_eq!(document["left_behind"], serde_json::json!([]));
}
