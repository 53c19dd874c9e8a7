//! `lifeboat show`: a run in short.

use crate::args::{Output, ShowArguments};
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use crate::home::Home;
use chrono::TimeDelta;
use lifeboat_journal::event::Event;
use lifeboat_journal::measure::{self, Downtime, Finding};
use lifeboat_journal::outcome::{PASSED, Verdict};
use lifeboat_journal::state::{Block, RunState, StepState, StepStatus};
use lifeboat_report::document::{asks, document, outcome_word, step_word};
use lifeboat_report::made;
use lifeboat_report::timeline::down_words;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::spec::Resource;
use lifeboat_runbook::units;

pub(crate) fn run(home: &Home, arguments: &ShowArguments) -> Result<u8, CommandError> {
    let run = home.find(&arguments.run)?;
    let (events, head) = (&run.journal.events, &run.journal.head);
    match arguments.output.output {
        Output::Json => print_json(&document(&run.state, events, head))?,
        Output::Human => print_bytes(summary(&run.state, events, head).as_bytes())?,
    }
    Ok(PASSED)
}

/// Seconds for people, or a question mark.
pub(crate) fn number(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "unknown".to_owned(), duration)
}

fn duration(seconds: f64) -> String {
    let rounded = if seconds < 10.0 { (seconds * 1000.0).round() } else { seconds.round() * 1000.0 };
    units::duration_text(TimeDelta::milliseconds(rounded as i64))
}

/// What people want to know of a run, on one screen.
pub(crate) fn summary(state: &RunState, events: &[Event], head: &str) -> String {
    let measured = measure::measure(state, events);
    let mut text = String::new();
    let mut line = |what: &str, value: String| text.push_str(&format!("{what:14} {value}\n"));
    if let (Some(run), Some(started)) = (&state.run, &state.started) {
        line(
            "run",
            format!("{run}  {} ({}, {})", started.runbook, started.mode.word(), started.cloud.word()),
        );
    }
    if let Some(playbook) = state.started.as_ref().and_then(|started| started.playbook.as_ref()) {
        let severity = playbook.severity.iter().cloned();
        let triggers = playbook.triggers.iter().map(|alarm| format!("alarm {alarm}"));
        line("playbook", severity.chain(triggers).collect::<Vec<_>>().join(", "));
    }
    if !state.roles.is_empty() {
        let roles = state.roles.iter().map(|(role, person)| format!("{role} {person}"));
        line("roles", roles.collect::<Vec<_>>().join(", "));
    }
    line("outcome", outcome_line(state));
    let time = &measured.recovery_time;
    let scope = time.scope.as_ref().map(|scope| format!(", scope {scope}")).unwrap_or_default();
    line("recovery time", format!("{}{scope}{}", number(time.actual_s), against(time.objective_s, time.met)));
    if let Some(total) = time.estimated_total_s {
        let steps: Vec<_> = time.not_rehearsed.iter().map(|step| step.as_str()).collect();
        line("", format!("{} estimated with what was not rehearsed: {}", duration(total), steps.join(", ")));
    }
    let lost = &measured.data_lost;
    let grade = lost.grade.map(|grade| format!(", grade {grade:?}")).unwrap_or_default();
    let bound = if lost.bound.as_deref() == Some("at_least") { "at least " } else { "" };
    line(
        "data lost",
        format!("{bound}{}{grade}{}", number(lost.actual_s), against(lost.objective_s, lost.met)),
    );
    if !measured.critical_path.is_empty() {
        let path: Vec<_> = measured.critical_path.iter().map(|critical| critical.step.as_str()).collect();
        line("critical path", path.join(" → "));
        if let Some(total) = time.actual_s {
            let name = |step: &StepPath| step.to_string();
            line("", made::sentence(total, &time.parts_s, &measured.critical_path, &name));
        }
    }
    for down in &measured.downtime {
        let probe = down.probe.as_ref().map(ToString::to_string).unwrap_or_default();
        line("downtime", format!("{probe} {}, {}", down_words(down), standing(state, down)));
    }
    line("journal", format!("{} events, head {head}", events.len()));
    text.push_str(&steps(state));
    text.push_str(&endings(state, &measured.findings));
    text
}

/// How a probe stands, and since when.
fn standing(state: &RunState, down: &Downtime) -> String {
    let known = down.probe.as_ref().and_then(|probe| state.probes.get(probe));
    match known.and_then(|probe| probe.last_known().1) {
        Some(since) => format!("{} since {}", down.state, units::time_text(since.at)),
        None => "never looked".to_owned(),
    }
}

fn outcome_line(state: &RunState) -> String {
    let word = outcome_word(state);
    match (&state.outcome, &state.paused) {
        (Some(outcome), _) => match &outcome.verdict {
            Verdict::Failed { step } => format!("{word} at {step}"),
            Verdict::Aborted { by, .. } => format!("{word} by {by}"),
            Verdict::Refused { finding } => format!("{word}: {finding}"),
            Verdict::Abandoned { by, why } => format!("{word} by {by}: {why}"),
            Verdict::Passed => word.to_owned(),
        },
        (None, Some(paused)) => format!("{word}: {}", paused.why),
        (None, None) => word.to_owned(),
    }
}

fn against(objective_s: Option<f64>, met: Option<bool>) -> String {
    let judged = match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "unknown",
    };
    objective_s.map(|objective| format!(" (objective {}: {judged})", duration(objective))).unwrap_or_default()
}

fn steps(state: &RunState) -> String {
    let mut text = String::from("\n");
    let steps = state.steps_in_order();
    let longest = steps.iter().map(|(path, _)| path.as_str().chars().count()).max().unwrap_or_default();
    let width = longest.clamp(20, 48);
    for (path, outline) in steps {
        let step = state.step(path);
        let took = match (step.started, step.finished) {
            (Some(started), Some(finished)) => duration(started.seconds_to(&finished)),
            _ => String::new(),
        };
        let word = step_word(&step);
        text.push_str(&format!("  {:width$} {word:16} {took:>10}  {}\n", path.as_str(), what(outline)));
        text.push_str(&blocked(&step));
        text.push_str(&answers(&step));
        match &step.status {
            StepStatus::Skipped(reason) | StepStatus::DoneByHand(reason) => {
                text.push_str(&format!("  {:20} {reason}\n", ""))
            }
            status => {
                if let Some(failure) = status.failure() {
                    text.push_str(&format!("  {:20} {}: {}\n", "", failure.code, failure.message));
                    if let Some(hint) = &failure.hint {
                        text.push_str(&format!("  {:20} help: {hint}\n", ""));
                    }
                }
            }
        }
    }
    text
}

/// The times in which a step could not go on through no fault of its own.
fn blocked(step: &StepState) -> String {
    let line = |block: &Block| {
        let (words, code) = (block.on.words(), &block.error.code);
        let time = block.to.map_or("until now".to_owned(), |to| duration(block.from.seconds_to(&to)));
        format!("  {:20} blocked {time}, waiting for {words} ({code})\n", "")
    };
    step.blocks.iter().map(line).collect()
}

/// What people answered, who they are as far as it could be told, and what they handed in.
fn answers(step: &StepState) -> String {
    let mut text = String::new();
    for (by, _, answer) in step.questions.iter().flat_map(|asked| &asked.answers) {
        let who = answer.identity.as_ref().map_or_else(|| by.clone(), ToString::to_string);
        let over = match answer.overrides.as_slice() {
            [] => String::new(),
            rules => format!(", OVER ITS RULES ({})", rules.join("; ")),
        };
        text.push_str(&format!("  {:20} {} by {by} ({who}, {}){over}\n", "", answer.choice, answer.via));
        for (kind, shown) in answer.evidence.iter().filter(|(kind, _)| *kind != "file") {
            text.push_str(&format!("  {:20} {kind}: {shown}\n", ""));
        }
        if let Some(file) = &answer.file {
            text.push_str(&format!("  {:20} file: {} (SHA-256 {})\n", "", file.path, file.sha256));
        }
    }
    text
}

fn what(outline: &lifeboat_journal::event::StepOutline) -> &str {
    outline.action.as_deref().unwrap_or(&outline.kind)
}

fn endings(state: &RunState, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("\nfinding: {}", finding.text));
    }
    for asks in asks(state) {
        text.push_str(&format!("\nASKS at {}: {}", asks.step, asks.question.text.trim()));
        for words in asks.progress().into_iter().chain(asks.question.who()) {
            text.push_str(&format!("\n  {words}"));
        }
    }
    for made in state.left().filter(|_| state.outcome.is_none()) {
        let Resource { kind, id, account, region, .. } = &made.resource;
        text.push_str(&format!("\nthere now, in {account} {region}: {kind} {id}"));
    }
    if let Some(outcome) = &state.outcome {
        for left in &outcome.left_behind {
            text.push_str(&format!(
                "\nLEFT BEHIND in {} {}: {} {}",
                left.account, left.region, left.kind, left.id
            ));
        }
        for kept in &outcome.kept {
            text.push_str(&format!("\nkept in {} {}: {} {}", kept.account, kept.region, kept.kind, kept.id));
        }
        if outcome.left_behind.is_empty() && outcome.kept.is_empty() && !state.created.is_empty() {
            text.push_str(&format!("\nnothing left behind: {} made, all seen gone", state.created.len()));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
