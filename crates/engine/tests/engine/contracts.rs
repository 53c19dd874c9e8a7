//! A runbook as one step of another: its inputs, checks, marks, outputs, undo and cleanup.

use crate::bench::Bench;
use crate::groups::{failed, ordered, verdict, word};
use crate::plans::book;
use crate::world::Fate;
use lifeboat_journal::event::{Order, PauseReason};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Mode;

const REGIONAL: &str = "
title: Restore what a Region needs
inputs:
  source: { type: string, required: true }
  takes: { type: integer, default: 100 }
  wait: { type: duration, default: 90s }
objectives: { rto: 5m }
preflight:
  - { id: there, action: test.probe, with: { say: \"${{ inputs.source }}\" }, assert: [ \"outputs.said != 'gone'\" ] }
steps:
  - { id: restore, action: test.make, with: { takes: \"${{ inputs.takes }}\" }, marks: { succeeded: restored } }
  - id: proof
    action: test.probe
    with: { say: \"${{ default(preflight.there.outputs.said, inputs.source) }} since ${{ marks.restored > run.started_at }} ${{ inputs.wait + duration('10s') }} ${{ objectives.rto }}\" }
outputs:
  thing: ${{ steps.restore.outputs.thing }}
  proof: ${{ steps.proof.outputs.said }}
";

fn said(state: &RunState, step: &str) -> String {
    state.step(&StepPath::new(step)).outputs["said"].to_string()
}

fn order_of_starting(state: &RunState) -> Vec<&str> {
    state.started_order.iter().map(StepPath::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn another_runbook_is_one_step() {
    let bench = Bench::new(book(
        "
inputs: { source: { type: string, default: orders } }
preflight: [ { id: own, action: test.probe } ]
steps:
  - { id: first, action: test.make }
  - { id: regional, runbook: regional.yaml, with: { source: \"${{ inputs.source }}\" } }
  - { id: restore, action: test.probe, with: { say: \"${{ steps.regional.outputs.proof }} ${{ steps.regional.outputs.thing }}\" } }
",
        &[("regional.yaml", REGIONAL)],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    // What is known before the first step is checked before it.
    assert_eq!(
        order_of_starting(&state),
        [
            "preflight:own",
            "regional/preflight:there",
            "first",
            "regional",
            "regional/restore",
            "regional/proof",
            "restore"
        ]
    );
    assert_eq!(said(&state, "regional/proof"), "orders since true 1m40s 5m");
    assert!(said(&state, "restore").starts_with("orders since true 1m40s 5m book-k3v7qa-regional-restore"));
    let marks: Vec<&str> = state.marks.keys().map(|mark| mark.as_str()).collect();
    assert_eq!(marks, ["regional.restored", "responding"]);
    assert_eq!(bench.left(), 0, "its cleanup is that of the whole");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_does_not_hold_refuses_the_start_where_it_is_known_and_else_fails_the_step() {
    for (text, starts) in [
        (
            "steps:\n  - { id: first, action: test.make }\n  - { id: regional, runbook: regional.yaml, with: { source: gone } }\n",
            false,
        ),
        (
            "steps:\n  - { id: first, action: test.make, with: { size: 1 } }\n  - id: regional\n    runbook: regional.yaml\n    with: { source: \"${{ steps.first.outputs.size == 1 ? 'gone' : 'there' }}\" }\n",
            true,
        ),
    ] {
        for mode in [Mode::Drill, Mode::Recovery] {
            let bench = Bench { mode, ..Bench::new(book(text, &[("regional.yaml", REGIONAL)])) };
            let state = bench.run().await.unwrap();
            assert_eq!(bench.made().len(), usize::from(starts));
            let check = StepPath::new("regional/preflight:there");
            match (mode, starts) {
                (Mode::Drill, false) => assert_eq!(state.outcome.unwrap().exit_code(), 7),
                (Mode::Drill, true) => {
                    assert_eq!(verdict(&state), &failed("regional/preflight:there"));
                    assert_eq!((state.outcome.unwrap().exit_code(), bench.left()), (1, 0));
                }
                (Mode::Recovery, _) => {
                    let paused = state.paused.unwrap();
                    assert_eq!((paused.because, paused.step), (PauseReason::Check, Some(check.clone())));
                    let state = bench.order(check.as_str(), ordered(Order::Accept)).await;
                    assert_eq!(verdict(&state), &Verdict::Passed);
                    assert_eq!(bench.left(), 2);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_runbook_that_will_not_be_run_is_not_checked() {
    let bench = Bench::new(book(
        "
steps:
  - { id: regional, if: run.mode == 'recovery', runbook: regional.yaml, with: { source: gone } }
",
        &[("regional.yaml", REGIONAL)],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!((word(&state, "regional/preflight:there"), word(&state, "regional")), ("skipped", "skipped"));
}

#[tokio::test(start_paused = true)]
async fn two_calls_of_one_runbook_share_nothing() {
    let bench = Bench::new(book(
        "
steps:
  - id: both
    parallel:
      - { id: north, runbook: regional.yaml, with: { source: a, takes: 500 } }
      - { id: south, runbook: regional.yaml, with: { source: b } }
  - id: each
    foreach: [x, y]
    steps:
      - { id: there, runbook: regional.yaml, with: { source: \"${{ item }}\" } }
  - { id: last, action: test.probe, with: { say: \"${{ steps.each.outputs.items['y'].there.proof }}\" } }
",
        &[("regional.yaml", REGIONAL)],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    let mut made = bench.made();
    made.sort();
    made.dedup();
    assert_eq!((made.len(), bench.left()), (4, 0));
    assert!(
        said(&state, "north/proof").starts_with("a since")
            && said(&state, "south/proof").starts_with("b since")
    );
    assert!(said(&state, "last").starts_with("y since"));
    let marks: Vec<&str> = state.marks.keys().map(|mark| mark.as_str()).collect();
    assert_eq!(
        marks,
        [
            "each[x].there.restored",
            "each[y].there.restored",
            "north.restored",
            "responding",
            "south.restored"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn its_failure_is_that_of_the_step_and_its_undo_that_of_the_whole() {
    let bench = Bench::new(book(
        "
steps:
  - { id: first, action: test.make }
  - { id: regional, runbook: regional.yaml, with: { source: a } }
",
        &[("regional.yaml", &REGIONAL.replace("id: proof", "id: proof\n    assert: [ 'outputs.n > 5' ]"))],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &failed("regional/proof"));
    assert!(state.step(&StepPath::new("regional")).status.why().unwrap().starts_with("regional/proof: "));
    assert_eq!((bench.made().len(), bench.left()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn its_cleanup_runs_with_that_of_the_whole() {
    const TELLS: &str = "\ncleanup: [ { id: tell, action: test.probe, with: { say: \"${{ steps.restore.outputs.thing }}\" } } ]\n";
    for (own, sub, kept, told) in [
        ("", "", 0, false),
        ("", "\ncleanup: none\n", 1, false),
        ("", TELLS, 1, true),
        ("\ncleanup: none\n", "", 2, false),
        ("\ncleanup: none\n", TELLS, 2, false),
        ("\ncleanup: [ { id: own, action: test.probe } ]\n", "", 1, false),
        ("\ncleanup: [ { id: own, action: test.probe } ]\n", TELLS, 2, true),
    ] {
        let text = "
steps:
  - { id: first, action: test.make }
  - { id: regional, runbook: regional.yaml, with: { source: a } }
  - { id: never, if: run.mode == 'recovery', runbook: regional.yaml, with: { source: a } }
";
        let sub = format!("{REGIONAL}{sub}");
        let bench = Bench::new(book(&format!("{text}{own}"), &[("regional.yaml", &sub)]));
        let state = bench.run().await.unwrap();
        assert_eq!(verdict(&state), &Verdict::Passed);
        assert_eq!(bench.left(), kept, "{own} {sub}");
        assert_eq!(word(&state, "regional/cleanup:tell") == "succeeded", told, "{own} {sub}");
        assert_ne!(word(&state, "never/cleanup:tell"), "succeeded");
        if own.contains("own") {
            assert_eq!(word(&state, "cleanup:own"), "succeeded");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn inputs_that_do_not_fit_and_another_account_fail_the_step() {
    for (with, sub, code) in [
        ("{ source: x, takes: \"${{ steps.said.outputs.said }}\" }", REGIONAL.to_owned(), "input"),
        ("{ source: x }", format!("target: {{ account: \"999999999999\" }}{REGIONAL}"), "target"),
        ("{ source: x }", format!("target: {{ region: us-east-1 }}{REGIONAL}"), "target"),
    ] {
        let text = format!(
            "
steps:
  - {{ id: said, action: test.probe, with: {{ say: soon }} }}
  - {{ id: regional, runbook: regional.yaml, with: {with} }}
"
        );
        let bench = Bench::new(book(&text, &[("regional.yaml", &sub)]));
        let state = bench.run().await.unwrap();
        assert_eq!(verdict(&state), &failed("regional"));
        assert_eq!(state.step(&StepPath::new("regional")).status.failure().unwrap().code, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_step_of_what_never_started_is_skipped() {
    let bench = Bench::new(book(
        "
steps:
  - { id: first, action: test.make }
  - { id: second, action: test.make }
cleanup:
  - { id: of_first, action: test.delete, with: { thing: \"${{ steps.first.outputs.thing }}\" } }
  - { id: of_second, action: test.delete, with: { thing: \"${{ steps.second.outputs.thing }}\" } }
",
        &[],
    ));
    bench.world.lock().unwrap().fates.insert(("first".into(), 1), Fate::Refused);
    let state = bench.run().await.unwrap();
    assert_eq!(word(&state, "cleanup:of_second"), "skipped");
    let why = state.step(&StepPath::new("cleanup:of_second")).status.why().unwrap().to_owned();
    assert_eq!(why, "it refers to second, which never started");
}
