//! Probes through the program, in a simulated run: who answers them, what is kept, what they may touch.

use crate::program::Program;
use serde_json::{Value, json};
use std::fs;

const HEAD: &str = "schema: lifeboat/v1\nkind: runbook\nname: probe\ntarget: { account: \"111122223333\", region: eu-west-1 }\nsteps:\n";

const RESTORE: &str = "  - id: restore\n    action: rds.restore_to_point_in_time\n    with: { source: orders-prod, time: latest }\n";

/// Runs steps as a simulated drill: exit code, document, journal.
fn drill(steps: &str, more: &[&str]) -> (i32, Value, String) {
    let program = Program::new();
    let file = program.home.path().join("probe.yaml");
    fs::write(&file, format!("{HEAD}{steps}")).unwrap();
    let mut arguments =
        vec!["drill", file.to_str().unwrap(), "--simulate", "--seed", "5", "--output", "json", "--quiet"];
    arguments.extend(more);
    let (code, document) = program.json(&arguments);
    let journal =
        fs::read_to_string(program.file(document["run"].as_str().unwrap(), "journal.jsonl")).unwrap();
    (code, document, journal)
}

fn why(document: &Value, step: usize) -> String {
    document["steps"][step]["why"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_simulated_world_answers_http_and_tcp() {
    let (code, document, _) = drill(
        &format!(
            "{RESTORE}  - id: door\n    action: http.check\n    with: {{ url: \"https://shop.example.com/health\", contains: '\"ok\"' }}\n    assert: [ outputs.ms == 20 ]\n  - id: copy\n    action: tcp.check\n    with: {{ host: \"${{{{ steps.restore.outputs.endpoint }}}}\", port: \"${{{{ steps.restore.outputs.port }}}}\" }}\n"
        ),
        &[],
    );
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert_eq!(document["steps"][1]["outputs"], json!({ "ms": 20, "status": 200 }), "{document:#}");
}

#[test]
fn where_the_world_has_nobody_there_is_no_answer() {
    for (action, with) in [
        ("http.check", "url: \"https://other.example.com/\""),
        ("tcp.check", "host: other.example.com, port: 443"),
    ] {
        let (code, document, _) =
            drill(&format!("  - id: ask\n    action: {action}\n    with: {{ {with} }}\n"), &[]);
        assert_eq!(code, 1, "{document:#}");
        let expected = "cannot connect to other.example.com:443: the name does not resolve";
        assert_eq!(why(&document, 0), expected);
    }
}

#[test]
fn a_question_has_parameters() {
    let (code, document, _) = drill(
        &format!(
            "{RESTORE}  - id: ask\n    action: postgres.query\n    with:\n      host: \"${{{{ steps.restore.outputs.endpoint }}}}\"\n      database: orders\n      user: readonly\n      sql: select count(*) as n from heartbeat where id <= $1\n      params: [7]\n    assert: [ \"outputs.rows[0].n == 7\" ]\n"
        ),
        &[],
    );
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
}

const COUNT: &str = "  - id: count\n    action: command.run\n    effect: read\n    with: { program: printf, args: [ \"%s %s\", seven, hidden ] }\n";

#[test]
fn a_program_is_assumed_to_succeed_unless_the_operator_lets_it_run() {
    let (code, document, journal) = drill(COUNT, &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert!(journal.contains("`printf` was not run; it is assumed to succeed"), "{journal}");

    let asserting = format!("{COUNT}    assert: [ \"outputs.stdout == 'seven hidden'\" ]\n");
    let (code, document, journal) = drill(&asserting, &["--run-commands"]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert!(!journal.contains("it is assumed"), "{journal}");
    assert_eq!(document["steps"][0]["outputs"], json!({ "status": 0 }));
}

#[test]
fn of_what_a_program_prints_only_what_is_selected_is_kept() {
    let selecting = format!(
        "{COUNT}    outputs: {{ length: size(outputs.stdout) }}\n    assert: [ outputs.length == 12 ]\n  - id: use\n    if: steps.count.outputs.length == 12\n    action: sts.identity\n"
    );
    let (code, document, journal) = drill(&selecting, &["--run-commands"]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert_eq!(document["steps"][0]["outputs"], json!({ "length": 12 }));
    // It stands among the arguments, and nowhere else.
    assert_eq!(journal.matches("hidden").count(), 1, "{journal}");
    assert_eq!(document["steps"][1]["state"], "succeeded", "{document:#}");
}

#[test]
fn what_is_not_kept_cannot_be_referred_to() {
    let program = Program::new();
    let file = program.home.path().join("probe.yaml");
    let later = "  - id: use\n    if: steps.count.outputs.stdout == 'seven'\n    action: sts.identity\n";
    fs::write(&file, format!("{HEAD}{COUNT}{later}")).unwrap();
    let said = program.run(&["check", file.to_str().unwrap()]);
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stdout.contains("stdout"), "{}", said.stdout);
}

#[test]
fn in_a_drill_a_program_changes_only_what_the_step_names_and_the_run_made() {
    let change = |touches: &str| {
        format!(
            "{RESTORE}  - id: change\n    action: command.run\n    effect: modify\n{touches}    with: {{ program: tool }}\n"
        )
    };
    let (code, document, _) = drill(&change(""), &[]);
    assert_eq!(code, 1, "{document:#}");
    assert_eq!(why(&document, 1), "a drill may not modify what the step does not name");

    let (code, document, _) = drill(&change("    touches: [ orders-prod ]\n"), &[]);
    assert_eq!(code, 1, "{document:#}");
    assert_eq!(why(&document, 1), "a drill may not modify `orders-prod`: this run did not make it");

    let own = "    touches: [ \"${{ steps.restore.outputs.instance }}\" ]\n";
    let (code, document, _) = drill(&change(own), &[]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert_eq!(document["left_behind"], json!([]));
}

#[test]
fn in_a_simulation_nothing_connects_elsewhere() {
    let program = Program::new();
    let file = program.home.path().join("probe.yaml");
    fs::write(&file, format!("{HEAD}{COUNT}")).unwrap();
    let file = file.to_str().unwrap();
    let said = program.run(&["drill", file, "--simulate", "--connect", "*:5432=127.0.0.1:15432"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("no meaning in a simulation"), "{}", said.stderr);
    let said = program.run(&["drill", file, "--connect", "nowhere"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`nowhere` is not HOST:PORT=HOST:PORT"), "{}", said.stderr);
}
