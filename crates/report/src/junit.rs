//! A run as JUnit XML, which build servers show: a test case for each check, each step, each objective and the clean-up.
//!
//! The form is that of the Jenkins xUnit plugin's schema
//! (<https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd>),
//! the one that most readers follow.

use crate::document::{Document, StepDocument, document};
use crate::record::Record;
use crate::timeline::duration;
use lifeboat_journal::event::Cloud;
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event as Xml};
use std::io;

/// How a case ended.
enum Result {
    Passed,
    Skipped(String),
    Failed(String),
}

struct Case {
    group: &'static str,
    name: String,
    seconds: f64,
    result: Result,
}

/// The run as JUnit XML.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn junit(record: &Record<'_>) -> io::Result<String> {
    let document = document(record.state, record.events, record.head);
    let cases = cases(record.state, &document);
    let count =
        |wanted: fn(&Result) -> bool| cases.iter().filter(|case| wanted(&case.result)).count().to_string();
    let failures = count(|result| matches!(result, Result::Failed(_)));
    let skipped = count(|result| matches!(result, Result::Skipped(_)));
    let tests = cases.len().to_string();
    let took = record.state.began.zip(record.state.finished.or(record.state.last));
    let seconds = format!("{:.3}", took.map_or(0.0, |(began, last)| began.seconds_to(&last)));
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Xml::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = writer.create_element("testsuites").with_attributes([("name", "lifeboat")]);
    suites.write_inner_content(|writer| {
        let mut suite = writer.create_element("testsuite").with_attributes([
            ("name", document.runbook.as_str()),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", "0"),
            ("skipped", &skipped),
            ("time", &seconds),
        ]);
        if let Some(began) = &document.started_at {
            // The schema wants no zone; it is UTC.
            suite = suite.with_attribute(("timestamp", began.trim_end_matches('Z')));
        }
        suite.write_inner_content(|writer| {
            properties(writer, record.state, &document)?;
            cases.iter().try_for_each(|case| write_case(writer, &document.runbook, case))
        })?;
        Ok(())
    })?;
    writer.write_event(Xml::Text(BytesText::new("\n")))?;
    Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned())
}

fn properties(writer: &mut Writer<Vec<u8>>, state: &RunState, document: &Document) -> io::Result<()> {
    let evidence = state.started.as_ref().is_some_and(|started| started.cloud == Cloud::Aws);
    let exit_code = document.exit_code.to_string();
    let properties = [
        ("run", document.run.as_str()),
        ("mode", &document.mode),
        ("cloud", &document.cloud),
        ("evidence", if evidence { "true" } else { "false" }),
        ("outcome", &document.outcome),
        ("exit_code", &exit_code),
        ("journal_head", &document.journal.head),
    ];
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in properties {
            writer
                .create_element("property")
                .with_attributes([("name", name), ("value", value)])
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, runbook: &str, case: &Case) -> io::Result<()> {
    let class = format!("{runbook}.{}", case.group);
    let time = format!("{:.3}", case.seconds);
    let element = writer.create_element("testcase").with_attributes([
        ("classname", class.as_str()),
        ("name", &case.name),
        ("time", &time),
    ]);
    let (tag, why) = match &case.result {
        Result::Passed => return element.write_empty().map(|_| ()),
        Result::Skipped(why) => ("skipped", why),
        Result::Failed(why) => ("failure", why),
    };
    element.write_inner_content(|writer| {
        writer.create_element(tag).with_attributes([("message", why.as_str())]).write_empty()?;
        Ok(())
    })?;
    Ok(())
}

fn cases(state: &RunState, document: &Document) -> Vec<Case> {
    let mut cases: Vec<Case> = document.steps.iter().map(|step| of_step(state, step)).collect();
    if let Some(refused) = &state.refused
        && !document.steps.iter().any(|step| step.id.as_str() == refused.check)
    {
        let result = Result::Failed(refused.failure.message.clone());
        cases.push(Case { group: "preflight", name: refused.check.clone(), seconds: 0.0, result });
    }
    let (time, lost) = (&document.rto, &document.rpo);
    let judged = time.estimated_total_s.or(time.actual_s);
    cases.extend(objective("recovery time (RTO)", time.objective_s, judged, time.met));
    cases.extend(objective("data lost (RPO)", lost.objective_s, lost.actual_s, lost.met));
    if state.outcome.is_some() {
        let left: Vec<String> =
            document.left_behind.iter().map(|left| format!("{} {}", left.kind, left.id)).collect();
        let result = match left.as_slice() {
            [] => Result::Passed,
            left => Result::Failed(format!("left behind: {}", left.join(", "))),
        };
        cases.push(Case {
            group: "cleanup",
            name: "nothing is left behind".to_owned(),
            seconds: 0.0,
            result,
        });
    }
    cases
}

fn of_step(state: &RunState, step: &StepDocument) -> Case {
    let known = state.step(&step.id);
    let seconds = known.started.zip(known.finished).map_or(0.0, |(from, to)| from.seconds_to(&to));
    let why = || step.why.clone().unwrap_or_default();
    let result = match step.state.as_str() {
        "succeeded" | "done_by_hand" => Result::Passed,
        "skipped" => Result::Skipped(why()),
        "allowed_failure" => Result::Skipped(format!("failed, as it may: {}", why())),
        "failed" => Result::Failed(why()),
        other if state.outcome.is_some() => {
            Result::Skipped(format!("not reached: {}", other.replace('_', " ")))
        }
        other => Result::Skipped(format!("not over: {}", other.replace('_', " "))),
    };
    Case { group: group(&step.id), name: step.id.to_string(), seconds, result }
}

fn group(path: &StepPath) -> &'static str {
    if path.is_preflight() { "preflight" } else { "steps" }
}

/// An objective that nobody set is no case; one that nobody can judge has not been shown to be met.
fn objective(name: &str, objective_s: Option<f64>, judged_s: Option<f64>, met: Option<bool>) -> Option<Case> {
    let objective = duration(objective_s?);
    let actual = judged_s.map_or_else(|| "unknown".to_owned(), duration);
    let result = match met {
        Some(true) => Result::Passed,
        Some(false) => Result::Failed(format!("{actual}, the objective is {objective}")),
        None => Result::Skipped(format!("unknown: {actual}, the objective is {objective}")),
    };
    Some(Case { group: "objectives", name: name.to_owned(), seconds: judged_s.unwrap_or_default(), result })
}
