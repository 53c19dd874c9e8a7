//! What fails: in a drill it is taken back, in a recovery it waits for a person.

use crate::program::{Desk, Program};
use serde_json::{Value, json};
use std::fs;

/// A restore, and a question to the copy whose table is called so.
fn book(table: &str) -> String {
    format!(
        "schema: lifeboat/v1\nkind: runbook\nname: orders\nobjectives: {{ rto: 60m }}\n\
         target: {{ account: \"111122223333\", region: eu-west-1 }}\nsteps:\n  \
         - id: restore\n    action: rds.restore_to_point_in_time\n    with: {{ source: orders-prod, time: latest }}\n  \
         - id: newest\n    action: postgres.query\n    with:\n      host: ${{{{ steps.restore.outputs.endpoint }}}}\n      \
         database: orders\n      user: readonly\n      sql: select max(beat_at) as newest from {table}\n    \
         marks: {{ succeeded: copy_verified }}\n"
    )
}

struct Bench {
    program: Program,
    desk: Desk,
    world: String,
}

impl Bench {
    fn new() -> Self {
        let desk = Desk::new();
        let world = desk.quick_world(|_| {});
        Self { program: Program::new(), desk, world }
    }

    fn start(&self, mode: &str, file: &str, more: &[&str]) -> (i32, Value) {
        let mut words =
            vec![mode, file, "--simulate", &self.world, "--seed", "1", "--quiet", "--output", "json"];
        words.extend(more);
        self.program.json(&words)
    }

    fn faults(&self, faults: Value) -> String {
        self.desk.write("faults.json", &json!({ "faults": faults }).to_string())
    }
}

#[test]
fn a_failing_verification_undoes_a_drill() {
    let bench = Bench::new();
    let (code, document) = bench.start("drill", &bench.desk.write("bad.yaml", &book("hartbeat")), &[]);
    assert_eq!((code, &document["outcome"]), (1, &json!("failed")), "{document:#}");
    let run = document["run"].as_str().unwrap();
    assert_eq!((bench.program.accepted(run, "DeleteDBInstance"), &document["left_behind"]), (1, &json!([])));
}

#[test]
fn a_failing_verification_leaves_a_recovery_and_a_corrected_runbook_finishes_it() {
    let bench = Bench::new();
    let bad = bench.desk.write("bad.yaml", &book("hartbeat"));
    let (code, document) = bench.start("run", &bad, &["--disrupted-at", "2026-01-05T08:59:00Z"]);
    assert_eq!((code, &document["outcome"], &document["mode"]), (4, &json!("paused"), &json!("recovery")));
    assert_eq!(document["paused"]["because"], "failure");
    assert_eq!(document["paused"]["step"], "newest");
    let run = document["run"].as_str().unwrap();
    assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), 0, "the restored database is there");
    let shown = bench.program.run(&["show", run]);
    assert!(
        shown.stdout.contains("there now, in 111122223333 eu-west-1: rds:db orders-"),
        "{}",
        shown.stdout
    );

    // Nothing changes by itself: not by resuming, and not by a runbook in which a step that was done is another.
    assert_eq!(bench.program.run(&["resume", run, "--quiet"]).code, 4);
    let other = book("heartbeat").replace("rds.restore_to_point_in_time", "rds.describe_instance");
    let other = bench
        .desk
        .write("other.yaml", &other.replace("source: orders-prod, time: latest", "instance: orders-prod"));
    let refused = bench.program.run(&["resume", run, "--amended", &other, "--reason", "x"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the step restore has started as `rds.restore_to_point_in_time`"));

    let good = bench.desk.write("good.yaml", &book("heartbeat"));
    let words = ["resume", run, "--amended", &good, "--reason", "the query named the wrong table"];
    let (code, document) = bench.program.json(&[&words[..], &["--output", "json", "--quiet"]].concat());
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    assert_eq!(document["rto"]["from"], "disrupted");
    assert_eq!(bench.program.accepted(run, "RestoreDBInstanceToPointInTime"), 1);
    assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), 0, "a recovery deletes nothing");
    let finding = document["findings"].to_string();
    assert!(finding.contains("the query named the wrong table"), "{finding}");
    let journal = fs::read_to_string(bench.program.file(run, "journal.jsonl")).unwrap();
    assert!(journal.contains("-      sql: select max(beat_at) as newest from hartbeat"), "the diff is kept");
    // From here on the amended runbook is the run's.
    assert_eq!(bench.program.run(&["verify", run]).code, 0);
}

#[test]
fn credentials_that_expire_and_come_back_cost_time_and_nothing_else() {
    let bench = Bench::new();
    // A restore of eleven minutes, as in the default world.
    let world = bench.desk.quick_world(|world| world["durations"]["rds restore creating"] = 660.into());
    let expired =
        json!({ "error": { "code": "ExpiredToken", "status": 403, "message": "the session is over" } });
    let during = json!({ "during": { "from_s": 300, "to_s": 540 } });
    let faults = bench.faults(json!([{ "service": "*", "operation": "*", "when": during, "kind": expired }]));
    let bench = Bench { world, ..bench };
    let file = bench.desk.write("good.yaml", &book("heartbeat"));
    let (code, document) = bench.start("drill", &file, &["--faults", &faults]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let blocked = document["rto"]["parts_s"]["blocked"].as_f64().unwrap();
    assert!((239.0..=271.0).contains(&blocked), "blocked from minute 5 to minute 9: {blocked} s");
    let run = document["run"].as_str().unwrap();
    assert_eq!(bench.program.accepted(run, "RestoreDBInstanceToPointInTime"), 1);
    let shown = bench.program.run(&["show", run]).stdout;
    assert!(shown.contains("waiting for credentials (ExpiredToken)"), "{shown}");
    let report = bench.program.run(&["report", run]).stdout;
    assert!(report.contains("credentials or a permission missing"), "{report}");
}

/// A permission that is missing and later granted; and a session that comes back as that of another account.
#[test]
fn a_missing_permission_and_the_wrong_account_are_waited_out() {
    let during = |from_s: u64, to_s: u64| json!({ "during": { "from_s": from_s, "to_s": to_s } });
    let error = |code: &str| json!({ "error": { "code": code, "status": 403, "message": "no" } });
    let fault = |service: &str, operation: &str, when: Value, kind: Value| json!({ "service": service, "operation": operation, "when": when, "kind": kind });
    let other = json!({ "other_account": "999900001111" });
    for (faults, codes) in [
        (
            json!([fault("rds", "RestoreDBInstanceToPointInTime", during(0, 600), error("AccessDenied"))]),
            &["AccessDenied"][..],
        ),
        (
            json!([
                fault("*", "*", during(20, 200), error("ExpiredToken")),
                fault("*", "*", during(200, 400), other),
            ]),
            &["ExpiredToken", "wrong_account"],
        ),
    ] {
        let bench = Bench::new();
        let file = bench.desk.write("good.yaml", &book("heartbeat"));
        let (code, document) = bench.start("drill", &file, &["--faults", &bench.faults(faults)]);
        assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
        let run = document["run"].as_str().unwrap();
        assert_eq!(bench.program.accepted(run, "RestoreDBInstanceToPointInTime"), 1);
        let shown = bench.program.run(&["show", run]).stdout;
        for code in codes {
            assert!(shown.contains(&format!("({code})")), "{code}: {shown}");
        }
    }
}

#[test]
fn what_cannot_be_deleted_is_named_everywhere_and_cleaned_up_later() {
    let bench = Bench::new();
    let error = json!({ "error": { "code": "InvalidParameterCombination", "status": 400, "message": "no" } });
    // The first deletion is refused, the next one is not.
    let faults = bench.faults(json!([
        { "service": "rds", "operation": "DeleteDBInstance", "when": { "calls": [1] }, "kind": error }
    ]));
    let file = bench.desk.write("good.yaml", &book("heartbeat"));
    let (code, document) = bench.start("drill", &file, &["--faults", &faults]);
    assert_eq!((code, &document["also"]), (6, &json!(["warnings", "left_behind"])), "{document:#}");
    let run = document["run"].as_str().unwrap();
    let left = document["left_behind"][0]["id"].as_str().unwrap();
    for words in [&["show", run][..], &["runs"], &["report", run]] {
        let said = bench.program.run(words);
        assert!(said.stdout.contains(left), "{words:?} does not name {left}:\n{}", said.stdout);
        assert!(said.stdout.contains("LEFT BEHIND"), "{words:?}");
    }
    assert_eq!(bench.program.run(&["resume", run]).code, 7, "it is over");
    let (code, document) = bench.program.json(&["cleanup", run, "--output", "json", "--quiet"]);
    assert_eq!((code, &document["left_behind"]), (0, &json!([])), "{document:#}");
    assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), 1);
    assert_eq!(bench.program.run(&["cleanup", run]).code, 0, "once more is no mistake");
    assert!(!bench.program.run(&["runs"]).stdout.contains("LEFT BEHIND"));
}

#[test]
fn a_corrected_runbook_can_clean_up() {
    let bench = Bench::new();
    // The runbook takes its copy back by an action that is told the wrong name: it deletes nothing.
    let undone_by = |name: &str| {
        let undo = format!(
            "action: rds.delete_instance, with: {{ instance: \"{name}\", skip_final_snapshot: true }}"
        );
        let named = book("heartbeat").replace("time: latest }", "time: latest, instance: orders-copy }");
        named.replace("  - id: newest\n", &format!("    undo: {{ {undo} }}\n  - id: newest\n"))
    };
    let (wrong, right) = (undone_by("orders-prod"), undone_by("orders-copy"));
    let file = bench.desk.write("wrong.yaml", &wrong);
    let (code, document) = bench.start("drill", &file, &[]);
    assert_eq!(code, 6, "the guard refuses to delete production, and the copy is left: {document:#}");
    let run = document["run"].as_str().unwrap();
    let amended = bench.desk.write("right.yaml", &right);
    assert_eq!(bench.program.run(&["cleanup", run, "--amended", &amended]).code, 2, "a reason is wanted");
    let said = ["cleanup", run, "--amended", &amended, "--reason", "it named production", "--output", "json"];
    let (code, document) = bench.program.json(&said);
    assert_eq!((code, &document["left_behind"]), (0, &json!([])), "{document:#}");
    assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), 1);
    let report = bench.program.run(&["report", run]).stdout;
    assert!(report.contains("the runbook was amended in the run: it named production"), "{report}");
}

#[test]
fn a_recovery_is_ended_by_a_person_alone() {
    for (words, code, deleted) in [
        (&["abort", "latest", "--undo", "--yes"][..], 5, 1),
        (&["abort", "latest", "--no-undo"], 5, 0),
        (&["abort", "latest"], 5, 0),
        (&["abandon", "latest", "--reason", "the application team takes over"], 6, 0),
    ] {
        let bench = Bench::new();
        let (_, document) = bench.start("run", &bench.desk.write("bad.yaml", &book("hartbeat")), &[]);
        let run = document["run"].as_str().unwrap();
        let unasked = bench.program.run(&["abort", "latest", "--undo"]);
        assert_eq!(unasked.code, 7, "without a terminal and without --yes nothing is deleted");
        let said = bench.program.run(words);
        assert_eq!(said.code, code, "{words:?}: {}", said.stderr);
        assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), deleted, "{words:?}");
        assert_eq!(bench.program.run(&["verify", run]).code, 0);
    }
}

#[test]
fn orders_that_do_not_fit_are_refused_and_write_nothing() {
    let bench = Bench::new();
    let (_, document) = bench.start("run", &bench.desk.write("bad.yaml", &book("hartbeat")), &[]);
    let run = document["run"].as_str().unwrap();
    let journal = || fs::read(bench.program.file(run, "journal.jsonl")).unwrap();
    let before = journal();
    for (words, expected) in [
        (&["--retry", "newst"][..], "did you mean `newest`?"),
        (&["--retry", "restore"], "restore is succeeded, and has not failed"),
        (&["--skip", "restore", "--reason", "x"], "restore is over: succeeded"),
        (&["--done", "newest", "--reason", "x", "--set-output", "row=1"], "did you mean `rows`?"),
        (&["--done", "newest", "--reason", "x", "--set-output", "row_count=many"], "expected integer"),
        (&["--done", "newest", "--reason", "x", "--set-output", "rows"], "has no `=`"),
        (&["--accept", "source", "--reason", "x"], "the runbook has no check `source`"),
    ] {
        let said = bench.program.run(&[&["resume", run][..], words].concat());
        assert_eq!(said.code, 2, "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains(expected), "{words:?}: {}", said.stderr);
    }
    for words in [&["--skip", "newest"][..], &["--amended", "x.yaml"], &["--retry", "a", "--done", "b"]] {
        assert_eq!(bench.program.run(&[&["resume", run][..], words].concat()).code, 2, "{words:?}");
    }
    assert!(journal() == before, "a refused order leaves no trace");
    let (code, document) = bench.program.json(&[
        "resume",
        run,
        "--done",
        "newest",
        "--reason",
        "asked in psql",
        "--set-output",
        "row_count=1",
        "--output",
        "json",
        "--quiet",
    ]);
    assert_eq!((code, &document["steps"][1]["state"]), (0, &json!("done_by_hand")), "{document:#}");
    assert_eq!(document["steps"][1]["outputs"]["row_count"], 1);
}

#[test]
fn a_run_goes_up_to_a_step_and_on_from_there() {
    let bench = Bench::new();
    let file = bench.desk.write("good.yaml", &book("heartbeat"));
    let (code, document) = bench.start("drill", &file, &["--until", "restore"]);
    assert_eq!((code, &document["outcome"]), (4, &json!("paused")), "{document:#}");
    assert_eq!(document["paused"]["because"], "until");
    let state = |document: &Value, step: usize| document["steps"][step]["state"].clone();
    assert_eq!((state(&document, 0), state(&document, 1)), (json!("succeeded"), json!("pending")));
    let run = document["run"].as_str().unwrap();
    assert_eq!(bench.program.accepted(run, "DeleteDBInstance"), 0, "the copy is there to be looked at");
    let (code, document) = bench.program.json(&["resume", run, "--output", "json", "--quiet"]);
    assert_eq!((code, &document["outcome"]), (0, &json!("passed")), "{document:#}");
    let unknown = bench.program.run(&["drill", &file, "--simulate", &bench.world, "--until", "restor"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `restore`?"), "{}", unknown.stderr);
}
