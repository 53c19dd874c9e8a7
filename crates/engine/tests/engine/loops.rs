//! Loops: the items once, at most so many at the same time, and how many may fail.

use crate::bench::Bench;
use crate::groups::{failed, ordered, span, verdict, word};
use crate::plans::book;
use crate::world::Fate;
use lifeboat_journal::event::{Order, PauseReason};
use lifeboat_journal::outcome::Verdict;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Mode, Plan};
use lifeboat_runbook::value::Value;

/// Every database that is found is restored and looked at, two at the same time.
fn databases(more: &str) -> Plan {
    book(
        &format!(
            "
steps:
  - id: find
    action: test.probe
    with: {{ say: [{{ id: orders, takes: 100 }}, {{ id: billing, takes: 400 }}, {{ id: users, takes: 100 }}, {{ id: audit, takes: 100 }}] }}
  - id: each
    foreach: ${{{{ steps.find.outputs.said }}}}
    key: item.id
    max_parallel: 2
{more}
    steps:
      - {{ id: restore, action: test.make, with: {{ takes: \"${{{{ item.takes }}}}\", size: \"${{{{ index }}}}\" }} }}
      - {{ id: proof, action: test.probe, with: {{ say: \"${{{{ item.id }}}} in ${{{{ steps.restore.outputs.thing }}}}\" }} }}
  - id: after
    action: test.probe
    with: {{ say: \"${{{{ steps.each.outputs.items['billing'].proof.said }}}}, ${{{{ size(steps.each.outputs.succeeded) }}}}\" }}
"
        ),
        &[],
    )
}

fn said(state: &RunState, step: &str) -> String {
    state.step(&StepPath::new(step)).outputs["said"].to_string()
}

fn keys(value: &Value) -> Vec<String> {
    let Value::List(keys) = value else { panic!("{value:?} is no list") };
    keys.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn each_item_has_its_own_steps_and_so_many_run_at_once() {
    let bench = Bench::new(databases(""));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    let each = state.step(&StepPath::new("each"));
    assert_eq!(keys(&each.outputs["succeeded"]), ["orders", "billing", "users", "audit"]);
    assert_eq!(keys(&each.outputs["failed"]), Vec::<String>::new());
    // They are told item by item, in the order of the items, in the place of what is planned.
    let told: Vec<&str> = state.steps_in_order().into_iter().map(|(path, _)| path.as_str()).collect();
    let items = ["orders", "billing", "users", "audit"];
    let items = items.iter().flat_map(|key| ["restore", "proof"].map(|id| format!("each[{key}].{id}")));
    let expected: Vec<String> =
        ["find", "each"].map(str::to_owned).into_iter().chain(items).chain(["after".to_owned()]).collect();
    assert_eq!(told, expected);
    // Orders and billing begin; users takes the turn of orders, audit that of users.
    let begun = |key: &str| span(&state, &format!("each[{key}].restore")).0.round();
    assert_eq!((begun("orders"), begun("billing")), (0.0, 0.0));
    assert!((100.0..120.0).contains(&begun("users")), "{}", begun("users"));
    assert!((200.0..240.0).contains(&begun("audit")), "{}", begun("audit"));
    let users = state.step(&StepPath::new("each[users].restore"));
    let ended = state.step(&StepPath::new("each[orders].proof")).finished.unwrap().seq;
    assert_eq!(users.intent.unwrap().after, [ended]);
    assert_eq!(users.outputs["size"].to_string(), "2", "its index");
    assert!(said(&state, "each[users].proof").starts_with("users in book-k3v7qa-each-users-restore"));
    assert_eq!(said(&state, "after"), format!("{}, 4", said(&state, "each[billing].proof")));
    let names: std::collections::BTreeSet<_> = bench.made().into_iter().collect();
    assert_eq!((names.len(), bench.left()), (4, 0));
    assert_eq!(bench.journal().matches("\"step.expanded\"").count(), 1);
    assert!(!state.steps.keys().any(|path| path.as_str().contains('*')), "{:?}", state.steps.keys());
    assert_eq!(state.outline(&StepPath::new("each[users].restore")).unwrap().kind, "action");
}

#[tokio::test(start_paused = true)]
async fn a_failed_item_ends_a_drill_and_starts_no_other() {
    let bench = Bench::new(databases(""));
    bench.world.lock().unwrap().fates.insert(("each[orders].restore".into(), 1), Fate::Breaks);
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &failed("each[orders].restore"));
    assert_eq!(word(&state, "each[billing].proof"), "succeeded", "what runs is not stopped");
    assert_eq!((word(&state, "each[users].restore"), bench.left()), ("unknown", 0));
}

#[tokio::test(start_paused = true)]
async fn as_many_as_said_may_fail() {
    for (most, mode, passes) in [(2, Mode::Drill, true), (1, Mode::Drill, false), (1, Mode::Recovery, false)]
    {
        let bench = Bench { mode, ..Bench::new(databases(&format!("    max_failures: {most}"))) };
        for key in ["orders", "users"] {
            bench.world.lock().unwrap().fates.insert((format!("each[{key}].restore"), 1), Fate::Breaks);
        }
        let state = bench.run().await.unwrap();
        if passes {
            assert_eq!(verdict(&state), &Verdict::Passed);
            let each = state.step(&StepPath::new("each"));
            assert_eq!(keys(&each.outputs["failed"]), ["orders", "users"]);
            assert_eq!(state.outcome.unwrap().warnings, ["each: these items failed: orders, users"]);
        } else if mode == Mode::Drill {
            assert_eq!(verdict(&state), &failed("each"));
            let why = state.step(&StepPath::new("each")).status.why().unwrap().to_owned();
            assert_eq!(why, "2 of 4 items failed, and 1 may: orders, users");
            assert_eq!(word(&state, "each[audit].restore"), "unknown", "no new item starts");
        } else {
            let paused = state.paused.clone().unwrap();
            assert_eq!((paused.because, paused.step), (PauseReason::Failure, Some(StepPath::new("each"))));
            assert_eq!(word(&state, "each"), "running");
            let state = bench.order("each[orders].restore", ordered(Order::Retry)).await;
            assert_eq!(verdict(&state), &Verdict::Passed, "one failure is allowed");
            assert_eq!(word(&state, "each[audit].proof"), "succeeded");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_recovery_a_failed_item_waits_for_the_operator() {
    let bench = Bench { mode: Mode::Recovery, ..Bench::new(databases("")) };
    bench.world.lock().unwrap().fates.insert(("each[orders].restore".into(), 1), Fate::Breaks);
    let state = bench.run().await.unwrap();
    assert_eq!(state.paused.clone().unwrap().step, Some(StepPath::new("each[orders].restore")));
    assert_eq!(word(&state, "each[users].restore"), "unknown");
    let state = bench.order("each[orders].restore", ordered(Order::Skip)).await;
    // Its proof refers to outputs that are not there.
    assert_eq!(state.paused.clone().unwrap().step, Some(StepPath::new("each[orders].proof")));
    let state = bench.order("each[orders].proof", ordered(Order::Skip)).await;
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!(word(&state, "each[audit].proof"), "succeeded");
}

#[tokio::test(start_paused = true)]
async fn maps_numbers_and_loops_in_loops_have_items_too() {
    let bench = Bench::new(book(
        "
steps:
  - id: regions
    foreach: { north: [a, b], south: [] , east: [c] }
    max_parallel: 3
    steps:
      - id: inner
        foreach: ${{ item.value }}
        steps:
          - { id: tell, action: test.probe, with: { say: \"${{ item }} ${{ index }}\" } }
      - { id: sum, action: test.probe, with: { say: \"${{ item.key }} ${{ size(steps.inner.outputs.succeeded) }}\" } }
  - id: numbers
    foreach: [{ n: 1 }, { n: 2 }]
    key: item.n
    steps: [ { id: tell_number, action: test.probe, with: { say: \"${{ item.n }}\" } } ]
",
        &[],
    ));
    let state = bench.run().await.unwrap();
    assert_eq!(verdict(&state), &Verdict::Passed);
    assert_eq!(said(&state, "regions[north].inner[b].tell"), "b 1");
    assert_eq!(said(&state, "regions[south].sum"), "south 0");
    assert_eq!(said(&state, "regions[north].sum"), "north 2");
    assert_eq!(said(&state, "numbers[2].tell_number"), "2");
}

#[tokio::test(start_paused = true)]
async fn items_that_cannot_be_told_apart_are_refused() {
    for (items, key, problem) in [
        ("[a, a]", "", "two items have the key `a`"),
        ("[{ n: 1 }]", "", "item 0 is map, not text: say what names it with `key`"),
        ("[\"a b\"]", "", "`a b` cannot be the key of an item"),
        ("\"${{ [{'n': true}] }}\"", "key: item.n", "the key of item 0 is boolean, not text"),
        ("\"${{ steps.find.outputs.n }}\"", "", "it goes over integer, not over a list or a map"),
    ] {
        let bench = Bench::new(book(
            &format!(
                "
steps:
  - {{ id: find, action: test.probe }}
  - id: each
    foreach: {items}
    {key}
    steps: [ {{ id: one, action: test.probe }} ]
"
            ),
            &[],
        ));
        let state = bench.run().await.unwrap();
        assert_eq!(verdict(&state), &failed("each"));
        let why = state.step(&StepPath::new("each")).status.why().unwrap().to_owned();
        assert!(why.contains(problem), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_items_are_a_loop_and_one_more_is_not() {
    for (items, passes) in [(10_000, true), (10_001, false)] {
        let list: Vec<String> = (0..items).map(|number| format!("i{number}")).collect();
        let text = format!(
            "
steps:
  - id: each
    foreach: [{}]
    max_parallel: 100
    steps: [ {{ id: rest, if: run.mode == 'recovery', pause: 1s }} ]
",
            list.join(", ")
        );
        let bench = Bench { twin: false, ..Bench::new(book(&text, &[])) };
        let state = bench.run().await.unwrap();
        assert_eq!(state.outcome.unwrap().verdict == Verdict::Passed, passes);
    }
}

/// Deciding from scratch knew another cause than deciding event by event; `Bench` holds the two against each other.
#[tokio::test(start_paused = true)]
async fn an_item_whose_first_step_is_skipped_keeps_the_turn_it_was_given() {
    let plan = book(
        "
steps:
  - id: each
    foreach: [orders, billing, users]
    steps:
      - { id: only_then, if: run.mode == 'recovery', action: test.probe }
      - { id: restore, action: test.make }
",
        &[],
    );
    let state = Bench::new(plan).run().await.unwrap();
    let ended = state.step(&StepPath::new("each[orders].restore")).finished.unwrap().seq;
    assert_eq!(state.step(&StepPath::new("each[billing].restore")).intent.unwrap().after, [ended]);
}

/// Taken up in the middle of an item's group, what comes behind a skipped step follows from the same as before.
#[tokio::test(start_paused = true)]
async fn a_group_of_an_item_that_has_begun_keeps_its_place_after_a_death() {
    let plan = || {
        book(
            "
steps:
  - id: each
    foreach: [orders]
    steps:
      - id: inner
        steps:
          - { id: restore, action: test.make }
          - { id: only_then, if: run.mode == 'recovery', action: test.probe }
          - { id: proof, action: test.probe }
",
            &[],
        )
    };
    let whole = Bench::new(plan());
    whole.run().await.unwrap();
    let syncs = whole.disk.0.lock().unwrap().syncs;
    for at in 1..=syncs {
        let bench = Bench::new(plan());
        bench.disk.0.lock().unwrap().die_at = Some((at, true));
        assert!(bench.run().await.is_err());
        let state = bench.run().await.unwrap();
        let ended = state.step(&StepPath::new("each[orders].restore")).finished.unwrap().seq;
        assert_eq!(state.step(&StepPath::new("each[orders].proof")).intent.unwrap().after, [ended], "{at}");
    }
}
