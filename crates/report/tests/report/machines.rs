//! What other programs read.

use crate::run::{self, Run};
use lifeboat_journal::event::EventKind;
use lifeboat_report::export;
use lifeboat_report::junit::junit;
use lifeboat_report::record::Record;
use lifeboat_report::timeline::timeline;
use quick_xml::Reader;
use quick_xml::events::Event as Xml;
use std::collections::BTreeMap;

fn xml(run: &Run) -> String {
    let (state, head) = (run.state(), run.head());
    junit(&Record { state: &state, events: &run.events, head: &head, sources: &[], earlier: &[] }).unwrap()
}

/// A case: its name, and what stands inside it.
type Case = (String, Option<String>);

/// The attributes of the suite, and its cases.
fn read(xml: &str) -> (BTreeMap<String, String>, Vec<Case>) {
    let mut reader = Reader::from_str(xml);
    let (mut suite, mut cases) = (BTreeMap::new(), Vec::<Case>::new());
    loop {
        match reader.read_event().unwrap() {
            Xml::Start(tag) | Xml::Empty(tag) => {
                let attributes: BTreeMap<String, String> = tag
                    .attributes()
                    .map(|attribute| attribute.unwrap())
                    .map(|attribute| {
                        let key = attribute.key.as_ref().to_owned();
                        (key, attribute.value.into_owned())
                    })
                    .collect();
                match tag.name().as_ref() {
                    "testsuite" => suite = attributes,
                    "testcase" => cases.push((attributes["name"].clone(), None)),
                    "failure" | "skipped" => {
                        let tag = tag.name().as_ref().to_owned();
                        cases.last_mut().unwrap().1 = Some(format!("{tag}: {}", attributes["message"]));
                    }
                    _ => {}
                }
            }
            Xml::Eof => return (suite, cases),
            _ => {}
        }
    }
}

#[test]
fn a_build_server_sees_a_case_for_each_check_step_and_objective() {
    let (suite, cases) = read(&xml(&run::cleaned_up(run::simulated())));
    let counted = ["tests", "failures", "skipped"].map(|name| suite[name].as_str());
    assert_eq!(counted, ["7", "0", "1"]);
    assert_eq!(suite["timestamp"], "2026-01-05T09:00:00.000");
    let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "preflight:source",
        "restore",
        "newest",
        "cut_over",
        "recovery time (RTO)",
        "data lost (RPO)",
        "nothing is left behind",
    ];
    assert_eq!(names, expected);
    assert_eq!(cases[3].1.as_deref(), Some("skipped: its condition is false"));
}

#[test]
fn a_build_server_sees_what_failed_and_what_is_left() {
    let (suite, cases) = read(&xml(&run::left_behind()));
    assert_eq!(suite["failures"], "1");
    assert_eq!(cases.last().unwrap().1.as_deref(), Some("failure: left behind: rds:db pitr-abcdef-restore"));
    let mut failed = run::restored(run::simulated());
    let error = run::failure("a < b & \"c\"");
    failed.step(1.0, "newest", EventKind::StepFailed { error, allowed: false });
    let (_, cases) = read(&xml(&failed));
    assert_eq!(cases[2].1.as_deref(), Some("failure: a &lt; b &amp; &quot;c&quot;"));
}

#[test]
fn a_spreadsheet_gets_a_row_for_each_event_and_no_formulas() {
    let mut run = run::restored(run::simulated());
    let error = run::failure("=HYPERLINK(\"x\"), and\na second line");
    run.step(1.0, "newest", EventKind::AttemptFailed { during: "act".into(), error });
    let mut rows = timeline(&run.events);
    rows.last_mut().unwrap().what = "=1+1".into();
    let text = export::csv(&rows).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>().join(","),
        "at,precision,source,step,what,seq"
    );
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), run.events.len());
    assert_eq!(&records.last().unwrap()[4], "'=1+1");
    assert_eq!(&records[0][0], "2026-01-05T09:00:00.000Z");
}

#[test]
fn timesketch_gets_what_it_asks_for() {
    let run = run::cleaned_up(run::simulated());
    let rows = timeline(&run.events);
    let lines = export::timesketch(rows.iter().map(|row| (row, "abcdefghijklmnop"))).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), run.events.len());
    for line in &lines {
        for key in ["message", "datetime", "timestamp_desc"] {
            assert!(line[key].is_string(), "{key} of {line}");
        }
    }
}
