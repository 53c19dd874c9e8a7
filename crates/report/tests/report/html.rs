//! The page in a browser.

use crate::run::{self, Run};
use lifeboat_journal::event::{Answer, BlockedOn, Choice, Cloud, EventKind, Question};
use lifeboat_report::document::document;
use lifeboat_report::page::Page;
use lifeboat_report::record::{Earlier, Record, Source};
use lifeboat_report::render::{Form, OwnTemplate, TEMPLATES};
use lifeboat_runbook::plan::Mode;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;
use std::collections::BTreeMap;

fn html(run: &Run) -> String {
    run.report(Form::Html)
}

/// Names of elements and values of attributes, of a page that is well-formed to the last tag.
fn elements(page: &str) -> (Vec<String>, Vec<(String, String)>) {
    // HTML closes neither of these; everything else must be closed.
    let page = page.replace("<br>", "<br/>");
    let page = page.lines().map(|line| match line.starts_with("<meta") {
        true => line.replace('>', "/>"),
        false => line.to_owned(),
    });
    let page = page.collect::<Vec<_>>().join("\n");
    let mut reader = Reader::from_str(&page);
    let (mut names, mut attributes) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position())) {
            Xml::Start(tag) | Xml::Empty(tag) => {
                names.push(tag.name().as_ref().to_owned());
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("an attribute with a value");
                    let key = attribute.key.as_ref().to_owned();
                    attributes.push((key, attribute.value.into_owned()));
                }
            }
            Xml::Eof => return (names, attributes),
            _ => {}
        }
    }
}

fn every_run() -> Vec<Run> {
    let mut asked = Run::new(run::started(Mode::Recovery, Cloud::Aws));
    asked.step(5.0, "restore", run::intent("rds.restore_to_point_in_time", vec![1]));
    let expired = run::failure("the session has expired");
    asked.step(5.0, "restore", EventKind::StepBlocked { on: BlockedOn::Credentials, error: expired });
    asked.step(5.0, "restore", EventKind::StepUnblocked);
    vec![
        run::cleaned_up(run::simulated()),
        run::cleaned_up(Cloud::Aws),
        run::left_behind(),
        run::restored(Cloud::Aws),
        asked,
        Run::new(run::started(Mode::Drill, run::simulated())),
    ]
}

#[test]
fn it_is_well_formed_runs_nothing_and_asks_nobody() {
    for run in every_run() {
        let page = html(&run);
        let (names, attributes) = elements(&page);
        for forbidden in ["script", "link", "img", "iframe", "object", "base", "form"] {
            assert!(!names.iter().any(|name| name == forbidden), "{forbidden} in\n{page}");
        }
        for (key, value) in &attributes {
            assert!(!key.starts_with("on") && key != "src", "{key}=\"{value}\"");
            assert!(!value.contains("://") && !value.contains("url("), "{key}=\"{value}\"");
            let percent = value.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
            assert!(percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)), "{key}=\"{value}\"");
        }
        assert!(!page.contains("@import") && !page.contains("url("), "the style asks for a file");
    }
}

#[test]
fn links_lead_to_what_is_there() {
    for run in every_run() {
        let (_, attributes) = elements(&html(&run));
        let ids: Vec<&String> = attributes.iter().filter(|(key, _)| key == "id").map(|(_, id)| id).collect();
        let links = attributes.iter().filter(|(key, _)| key == "href");
        for (_, link) in links {
            let target = link.strip_prefix('#').expect("links stay on the page").to_owned();
            assert!(ids.contains(&&target), "nothing has the id {target}");
        }
        let mut once = ids.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), ids.len(), "an id stands twice");
    }
}

#[test]
fn it_says_what_the_markdown_says() {
    let page = html(&run::cleaned_up(run::simulated()));
    for expected in [
        "SIMULATED – not evidence.",
        "38 min 12 s",
        "4 min 47 s",
        "Recovery time (RTO)",
        "creating → backing-up",
        "2026-01-05T08:55:13.000Z",
        "nothing left behind",
        "None: it was not made against AWS.",
        "A1.3",
    ] {
        assert!(page.contains(expected), "no `{expected}` in\n{page}");
    }
    let left = html(&run::left_behind());
    assert!(left.contains("LEFT BEHIND: rds:db <code>pitr-abcdef-restore</code>"), "{left}");
    assert!(!html(&run::cleaned_up(Cloud::Aws)).contains("not evidence"));
}

#[test]
fn what_people_and_aws_wrote_means_itself() {
    let mut run = run::restored(run::simulated());
    let error = run::failure("<script>alert(1)</script> & `a < b`");
    run.step(1.0, "newest", EventKind::StepFailed { error, allowed: false });
    let source = Source { name: "<b>.yaml".into(), text: "a: \"</pre><script>\"".into() };
    let page = run.report_with(Form::Html, &[source], &[], &[]).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>a &lt; b</code>"), "{page}");
    assert!(page.contains("&lt;/pre&gt;&lt;script&gt;"), "{page}");
    elements(&page);
}

#[test]
fn pictures_are_drawn_from_the_numbers() {
    let run = run::cleaned_up(run::simulated());
    let (state, head) = (run.state(), run.head());
    let record = Record { state: &state, events: &run.events, head: &head, sources: &[], earlier: &[] };
    let page = Page::of(&record);
    // 2292 s and an estimate of 178 s, of 3600 s with a margin of 2 %.
    let budget = page.budget.unwrap();
    let parts: Vec<(&str, f64)> = budget.parts.iter().map(|part| (part.name, part.width)).collect();
    let width = |seconds: f64| (seconds / 3672.0 * 100_000.0).round() / 1000.0;
    let expected = [("preflight", 2.0), ("execution", 2260.0), ("verification", 30.0)];
    for ((name, drawn), (part, seconds)) in parts.iter().zip(expected) {
        assert_eq!(*name, part);
        assert!((drawn - width(seconds)).abs() < 0.002, "{name}: {drawn}");
    }
    assert_eq!(parts[3].0, "not rehearsed (estimated)");
    assert_eq!(budget.margin.as_deref(), Some("18 min 50 s to spare"));
    let gantt = page.gantt.unwrap();
    let rows: Vec<(&str, bool)> = gantt.rows.iter().map(|row| (row.step.as_str(), row.critical)).collect();
    assert_eq!(rows, [("preflight", false), ("restore", true), ("newest", true)]);
    let kinds: Vec<&str> = gantt.rows[1].bars.iter().map(|bar| bar.kind).collect();
    assert_eq!(kinds, ["work", "aws", "aws", "undo"]);
    let point = page.recovery_point.unwrap();
    assert_eq!(point.lost.unwrap().text, "4 min 47 s lost");
    assert_eq!(point.points.len(), 1);
    assert!(page.trends.is_empty(), "one run is no trend");
}

#[test]
fn waiting_for_people_and_for_credentials_is_drawn_apart() {
    let mut run = Run::new(run::started(Mode::Recovery, Cloud::Aws));
    run.step(1.0, "restore", run::intent("rds.restore_to_point_in_time", vec![1]));
    let error = run::failure("the session has expired");
    run.step(9.0, "restore", EventKind::StepBlocked { on: BlockedOn::Credentials, error });
    run.step(60.0, "restore", EventKind::StepUnblocked);
    run.step(5.0, "restore", EventKind::StepSucceeded { outputs: BTreeMap::new() });
    let option = |id: &str| Choice { id: id.into(), label: String::new() };
    let question = Question {
        kind: "approve".into(),
        text: "Send traffic?".into(),
        options: vec![option("approve"), option("reject")],
        fields: BTreeMap::new(),
        evidence: BTreeMap::new(),
        from: Vec::new(),
        at_least: 1,
        not_the_operator: false,
        timeout_s: None,
        on_timeout: None,
        subject: None,
    };
    let asked = run.step(1.0, "cut_over", EventKind::PersonAsked(Box::new(question)));
    let answer = Answer {
        asked,
        choice: "approve".into(),
        reason: None,
        fields: BTreeMap::new(),
        via: "terminal".into(),
        ..Answer::default()
    };
    run.step(300.0, "cut_over", EventKind::PersonAnswered(Box::new(answer)));
    let (state, head) = (run.state(), run.head());
    let record = Record { state: &state, events: &run.events, head: &head, sources: &[], earlier: &[] };
    let gantt = Page::of(&record).gantt.unwrap();
    let kinds = |row: usize| gantt.rows[row].bars.iter().map(|bar| bar.kind).collect::<Vec<_>>();
    assert_eq!(kinds(0), ["work", "blocked", "work"]);
    assert_eq!(kinds(1), ["person"]);
    assert_eq!(gantt.rows[1].bars[0].title, "waits for an answer: 5 min");
}

#[test]
fn a_run_is_compared_with_those_of_its_kind_only() {
    let run = run::cleaned_up(run::simulated());
    let other = run::cleaned_up(run::simulated());
    let on_aws = run::cleaned_up(Cloud::Aws);
    let unfinished = run::restored(run::simulated());
    assert!(Earlier::is_comparable(&other.state(), &run.state()));
    assert!(!Earlier::is_comparable(&on_aws.state(), &run.state()));
    assert!(!Earlier::is_comparable(&unfinished.state(), &run.state()));
    let earlier = Earlier { run: "earlierrunearlier".into(), ..Earlier::of(&other.state()) };
    let page = run.report_with(Form::Html, &[], &[earlier], &[]).unwrap();
    assert!(page.contains("Earlier runs") && page.contains("earlierrunearlier"), "{page}");
    let bars = page.matches("class=\"fill met\" x=").count();
    assert_eq!(bars, 4, "two runs and two numbers");
}

#[test]
fn any_template_can_be_replaced_alone() {
    let run = run::cleaned_up(run::simulated());
    let own = |name: &str, text: &str| OwnTemplate { name: name.into(), text: text.into() };
    let style = own("style.css", "body { color: teal; }");
    let page = run.report_with(Form::Html, &[], &[], &[style]).unwrap();
    assert!(page.contains("teal") && !page.contains("--paper") && page.contains("38 min 12 s"));
    let added =
        [own("drill.html", "{% include \"ours.html\" %}"), own("ours.html", "{{ document.outcome }}")];
    assert_eq!(run.report_with(Form::Html, &[], &[], &added).unwrap(), "passed");
    assert!(TEMPLATES.iter().all(|(name, text)| !text.contains("{#") || name.ends_with(".md")));
}

#[test]
fn thousands_of_steps_are_drawn_by_the_longest() {
    let mut run = Run::new(run::started(Mode::Drill, run::simulated()));
    for index in 0..200 {
        let path = format!("step_{index}");
        run.step(0.0, &path, run::intent("rds.describe_instance", vec![1]));
        run.step(f64::from(index), &path, EventKind::StepSucceeded { outputs: BTreeMap::new() });
    }
    let (state, head) = (run.state(), run.head());
    let record = Record { state: &state, events: &run.events, head: &head, sources: &[], earlier: &[] };
    let gantt = Page::of(&record).gantt.unwrap();
    assert_eq!((gantt.rows.len(), gantt.left_out), (60, 140));
    assert_eq!(gantt.rows[0].step, "step_140");
    assert_eq!(document(&state, &run.events, &head).steps.len(), 204);
}
