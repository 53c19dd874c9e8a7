//! A plan for people at a table: 80 columns, in the order in which it would happen.

use crate::commands::plan::Document;
use crate::permitted::{Missing, Permitted};
use chrono::SecondsFormat;
use lifeboat_engine::preview::{
    ActsIn, Asked, Back, CheckPreview, Found, Impact, Owner, Preview, Problem, Runs, StepPreview, Then,
    Verdict,
};
use lifeboat_journal::target::role_name;
use lifeboat_report::forecast::{sentence, source};
use lifeboat_report::timeline::duration;
use lifeboat_runbook::plan::Mode;
use lifeboat_runbook::spec::Effect;
use lifeboat_runbook::units::time_text;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::path::Path;

const WIDTH: usize = 80;
/// Where the text of a step begins.
const INDENT: usize = 4;
/// Where what is said of a step begins.
const SAID: usize = 13;

/// The whole plan.
pub(crate) fn page(document: &Document, file: &Path) -> String {
    let preview = &document.preview;
    let mut page = Page(String::new());
    page.head(preview);
    page.inputs(preview);
    page.checks(preview);
    page.beside(preview);
    page.lock(preview);
    page.steps("Steps", &preview.steps);
    page.steps("Cleanup steps of the runbook, whatever became of the others", &preview.cleanup);
    page.afterwards(preview);
    page.time(document);
    page.permissions(document, file);
    page.verdict(preview, file);
    page.0
}

struct Page(String);

impl Page {
    /// A text that begins behind `label` and goes on under itself.
    fn labelled(&mut self, label: &str, at: usize, text: &str) {
        let label = format!("{label:at$}");
        let gap = if label.is_empty() || label.ends_with(' ') { "" } else { " " };
        let mut before = label + gap;
        for line in wrapped(text, WIDTH - at) {
            self.0.push_str(format!("{before}{line}").trim_end());
            self.0.push('\n');
            before = " ".repeat(at);
        }
    }

    fn line(&mut self, text: &str) {
        self.labelled("", 0, text);
    }

    fn title(&mut self, text: &str) {
        self.0.push('\n');
        self.line(text);
    }

    fn said(&mut self, word: &str, text: &str) {
        self.labelled(&format!("{:INDENT$}{word}", ""), SAID, text);
    }

    fn head(&mut self, preview: &Preview) {
        let kind = match preview.mode {
            Mode::Drill => "drill",
            Mode::Recovery => "recovery",
        };
        self.line(&format!("PLAN of a {kind}: {}", preview.title));
        let account = preview.account.as_deref().unwrap_or("of an account that is not known");
        let cloud = match preview.cloud.as_str() {
            "aws" => "AWS".to_owned(),
            "simulated" => "a simulated AWS".to_owned(),
            other => other.replacen("endpoint:", "the endpoint ", 1),
        };
        self.line(&format!("{} in {account}, {}, on {cloud}", preview.runbook, preview.region));
        if let Some(caller) = &preview.caller {
            self.line(&format!("as {caller}"));
        }
        if let Some(acts_as) = &preview.acts_as {
            self.line(&format!("acting as {acts_as}, a session of an hour that is renewed"));
        }
        let at = preview.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        self.line(&format!("Nothing was changed. It is what could be known at {at}."));
    }

    fn lock(&mut self, preview: &Preview) {
        let Some(lock) = &preview.lock else { return };
        self.title("Lock, taken before the first step");
        let held = lock.held_by.as_ref().map(|holder| {
            format!("; run {} of {} on {} has it now", holder.run, holder.operator, holder.host)
        });
        self.labelled(
            &format!("{:INDENT$}{}", "", lock.key),
            SAID,
            &format!("as the SSM parameter {}{}", lock.parameter, held.unwrap_or_default()),
        );
    }

    fn inputs(&mut self, preview: &Preview) {
        if preview.inputs.is_empty() {
            return;
        }
        self.title("Inputs");
        self.values("", &preview.inputs);
    }

    /// Names and values, a line each, behind one word.
    fn values(&mut self, word: &str, values: &BTreeMap<String, Value>) {
        let rows = values.iter().map(|(name, value)| (name.as_str(), value.to_string()));
        self.rows(word, rows.collect());
    }

    fn rows(&mut self, word: &str, rows: Vec<(&str, String)>) {
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).min(24);
        let at = if word.is_empty() { INDENT } else { SAID };
        let mut label = format!("{:INDENT$}{word}", "");
        for (name, value) in rows {
            self.labelled(&format!("{label:at$}{name:width$}"), at + width + 2, &value);
            label = String::new();
        }
    }

    /// Alarms that would stop the run, and probes that look while it goes on.
    fn beside(&mut self, preview: &Preview) {
        if !preview.alarms.is_empty() {
            self.title("Alarms, as they are now");
        }
        for alarm in &preview.alarms {
            let does = if alarm.stops { "stops the run when it goes off" } else { "only shows" };
            let since =
                alarm.seen.since.map(|since| format!(" since {}", time_text(since))).unwrap_or_default();
            let label = format!("{:INDENT$}{}", "", alarm.seen.alarm);
            self.labelled(&label, SAID, &format!("{}{since}; {does}", alarm.seen.state));
        }
        if !preview.probes.is_empty() {
            self.title("Beside the steps, from the first to the last");
        }
        for probe in &preview.probes {
            let marks: Vec<String> =
                probe.marks.iter().map(|(moment, mark)| format!("{moment} sets {mark}")).collect();
            let hold = match probe.hold_s {
                0.0 => String::new(),
                hold => format!(", up when it held {hold} s"),
            };
            let says = format!("{} every {} s{hold}", probe.action, probe.every_s);
            let label = format!("{:INDENT$}{}", "", probe.probe);
            self.labelled(&label, SAID, &says);
            self.values("with", &probe.with);
            if !marks.is_empty() {
                self.said("marks", &marks.join(", "));
            }
        }
    }

    fn checks(&mut self, preview: &Preview) {
        if preview.checks.is_empty() {
            return;
        }
        let looked = preview.checks.iter().any(|check| !matches!(check.found, Found::NotLooked { .. }));
        self.title(match looked {
            true => "Preflight, carried out now: it only reads",
            false => "Preflight, not carried out",
        });
        for check in &preview.checks {
            self.check(check, preview.mode);
        }
    }

    fn check(&mut self, check: &CheckPreview, mode: Mode) {
        let word = match &check.found {
            Found::Holds => "holds",
            Found::Fails { .. } => "FAILS",
            Found::Skipped { .. } => "skipped",
            Found::NotLooked { .. } => "?",
        };
        let name = check.name.as_deref().or(check.action.as_deref()).unwrap_or_default();
        self.labelled(&format!("  {word:8} {}", check.step.id()), 24, name);
        match &check.found {
            Found::Holds if check.looked_at.is_empty() => {
                let facts: Vec<String> = plain(&check.outputs).take(FACTS).collect();
                if !facts.is_empty() {
                    self.labelled("", 24, &facts.join(", "));
                }
            }
            Found::Holds => {
                let facts = check.looked_at.iter().map(|(name, value)| format!("{name}: {value}"));
                self.labelled("", 24, &facts.collect::<Vec<_>>().join(", "));
            }
            Found::Fails { code, message, hint, then } => {
                self.labelled("", 24, &format!("{message} ({code})"));
                if let Some(hint) = hint {
                    self.labelled("", 24, &format!("help: {hint}"));
                }
                self.labelled("", 24, &format!("then: {}", words(*then, mode)));
            }
            Found::Skipped { reason } => self.labelled("", 24, reason),
            Found::NotLooked { why } => self.labelled("", 24, &format!("not carried out: {why}")),
        }
    }

    fn steps(&mut self, title: &str, steps: &[StepPreview]) {
        if steps.is_empty() {
            return;
        }
        self.title(title);
        for (index, step) in steps.iter().enumerate() {
            if index > 0 {
                self.0.push('\n');
            }
            self.step(index + 1, step);
        }
    }

    fn step(&mut self, number: usize, step: &StepPreview) {
        let what = step.action.as_deref().unwrap_or(step.kind);
        if let Runs::Skipped { condition, values } = &step.runs {
            let values: Vec<String> =
                values.iter().map(|(name, value)| format!("{name} is {value}")).collect();
            self.0.push_str(&format!("{number:>3} {}  {what}\n", step.step));
            self.said("SKIPPED", &format!("`{condition}` is false: {}", values.join(", ")));
            return;
        }
        let effect = match (step.effect, step.kind) {
            (Some(effect), "action") => format!("  {}", verb(effect)),
            (None, "action") => "  effect not known".to_owned(),
            _ => String::new(),
        };
        let time =
            step.expected_s.map(|seconds| format!("  about {}", duration(seconds))).unwrap_or_default();
        let head = format!("{number:>3} {}  {what}{effect}{time}", step.step);
        self.labelled(&head, 0, "");
        if let Some(name) = &step.name {
            self.labelled("", INDENT, name);
        }
        match &step.acts_in {
            ActsIn::Own => {}
            ActsIn::Other(target) => self.said("in", &target.words()),
            ActsIn::Later => self.said("in", "an account and Region that depend on steps before it"),
        }
        if let Runs::Depends { condition, on } = &step.runs {
            self.said("IF", &format!("`{condition}`, which waits for {}", on.join(", ")));
        }
        if let Some(asked) = &step.asks {
            self.asked(asked);
        }
        self.values("with", &step.with);
        self.values("now", &step.resolved);
        self.rows("makes", step.makes.iter().map(|(name, made)| (name.as_str(), made.clone())).collect());
        for (name, (before, after)) in &step.changes {
            self.said("changes", &format!("{name}: {before} → {after}"));
        }
        for impact in &step.impacts {
            self.impact(impact);
        }
        for finding in &step.findings {
            self.said("finding", finding);
        }
        if let Some(wait) = &step.wait {
            self.said("until", wait);
        }
        if step.commit {
            self.said("COMMIT", "from here on nothing before it is taken back by itself");
        }
        if let Some(why) = &step.not_prepared
            && step.effect != Some(Effect::Read)
        {
            self.said("later", &format!("names and values before it are looked up when it starts ({why})"));
        }
        if let Some(problem) = &step.problem {
            self.problem(problem);
        }
    }

    fn asked(&mut self, asked: &Asked) {
        self.said("asks", asked.text.trim());
        let who = if asked.who.is_empty() { "anybody".to_owned() } else { asked.who.join(", ") };
        let mut text = format!("{who} answers {}", asked.options.join(", "));
        if let Some(seconds) = asked.timeout_s {
            let then = asked.on_timeout.as_deref().unwrap_or("the default");
            text.push_str(&format!("; after {}: {then}", duration(seconds)));
        }
        self.said("who", &text);
    }

    fn impact(&mut self, impact: &Impact) {
        let owner = match impact.owner {
            Owner::Run => "which this run made",
            Owner::Others => "which was there before",
            Owner::NotKnown => "judged when it is known",
        };
        let word = verb(impact.effect);
        let needs = impact.needs.as_ref().map(|needs| format!("; needs {needs}")).unwrap_or_default();
        self.said(word, &format!("{} {}, {owner}{needs}", impact.kind, impact.id));
        if let Some(problem) = &impact.problem {
            self.problem(problem);
        }
    }

    fn problem(&mut self, problem: &Problem) {
        let word = match problem.then {
            Then::Unclear => "unclear",
            _ => "FAILS",
        };
        self.said(word, &format!("{} ({})", problem.message, problem.code));
        if let Some(hint) = &problem.hint {
            self.said("", &format!("help: {hint}"));
        }
    }

    fn afterwards(&mut self, preview: &Preview) {
        self.title("Afterwards");
        let backs = &preview.takes_back;
        match (preview.cleans_up, backs.is_empty()) {
            (true, true) => self.labelled("", INDENT, "there is nothing to take away"),
            (true, false) => {
                self.labelled("", INDENT, "everything is taken back, the last step first:");
                // What stands before a step with `commit: true` stays.
                backs.iter().filter(|back| back.until.is_none()).for_each(|back| self.back(back));
                for back in backs.iter().filter(|back| back.until.is_some()) {
                    self.labelled("", INDENT, &format!("{} stays: a step after it commits", back.step));
                }
            }
            (false, _) => self.labelled("", INDENT, "everything stays"),
        }
        self.title("If a step fails");
        match (preview.on_failure, backs.is_empty()) {
            (_, true) => self.labelled("", INDENT, "there is nothing to take back"),
            ("undo", false) => {
                self.labelled("", INDENT, "what has started is taken back, the last step first:");
                backs.iter().for_each(|back| self.back(back));
            }
            _ => {
                let text = "the run pauses, and nothing is taken back; `lifeboat abort RUN --undo` would:";
                self.labelled("", INDENT, text);
                backs.iter().for_each(|back| self.back(back));
            }
        }
    }

    fn back(&mut self, back: &Back) {
        let until = back.until.as_ref().map(|step| format!("; not after {step} has started"));
        let text = format!("{}{}", back.how, until.unwrap_or_default());
        self.labelled(&format!("{:INDENT$}{}", "", back.step), 24, &text);
    }

    fn time(&mut self, document: &Document) {
        let Document { preview, forecast, .. } = document;
        self.title(
            match (forecast.from.as_str(), &forecast.to) {
                ("run", None) => "Expected time, to the end of the steps".to_owned(),
                ("run", Some(mark)) => format!("Expected time, to the mark `{mark}`"),
                (from, None) => format!("Expected time, from the mark `{from}` to the end of the steps"),
                (from, Some(mark)) => format!("Expected time, from the mark `{from}` to `{mark}`"),
            }
            .as_str(),
        );
        self.labelled("", INDENT, &sentence(forecast));
        for step in forecast.steps.iter().filter(|step| step.p50_s.is_some()) {
            let p50 = duration(step.p50_s.unwrap_or_default());
            let p95 = step.p95_s.map(|p95| format!(", P95 {}", duration(p95))).unwrap_or_default();
            self.labelled(
                &format!("{:INDENT$}{}", "", step.step),
                24,
                &format!("{p50}{p95} ({})", source(step)),
            );
        }
        let expected = &preview.expected;
        if expected.at_most_more > 0.0 {
            let more = duration(expected.at_most_more);
            self.labelled("", INDENT, &format!("of it {more} in steps whose `if` is not known yet"));
        }
    }

    fn permissions(&mut self, document: &Document, file: &Path) {
        self.title("Permissions");
        let names: Vec<&str> = document.permissions.iter().map(String::as_str).collect();
        self.labelled("", INDENT, &names.join(", "));
        match &document.granted {
            Permitted::Yes { principal } => {
                let name = role_name(principal);
                self.labelled("", INDENT, &format!("granted, as IAM simulates it: all of them, to {name}"));
            }
            Permitted::No { principal, missing } => {
                let name = role_name(principal);
                self.labelled("", INDENT, &format!("as IAM simulates it, {name} is NOT granted:"));
                for Missing { action, resource, denied } in missing {
                    let how = if *denied { " (denied)" } else { "" };
                    self.labelled("", INDENT + 2, &format!("{action} on {resource}{how}"));
                }
            }
            Permitted::NotKnown { why } => {
                self.labelled("", INDENT, &format!("whether they are granted is not known: {why}"));
            }
        }
        let mode = document.preview.mode.word();
        self.labelled("", INDENT, &format!("the policy: lifeboat iam {} --mode {mode}", file.display()));
    }

    fn verdict(&mut self, preview: &Preview, file: &Path) {
        let command = match preview.mode {
            Mode::Drill => "drill",
            Mode::Recovery => "run",
        };
        self.0.push('\n');
        match preview.verdict {
            Verdict::Starts => self.line("Nothing that is known stands in the way."),
            Verdict::Asks => self.line("It would stop and ask:"),
            Verdict::Refused => self.line("It would NOT go through:"),
        }
        for problem in preview.problems.iter().filter(|problem| problem.then != Then::Unclear) {
            self.labelled(&format!("  {}", problem.at), 24, &problem.message);
            if let Some(hint) = &problem.hint {
                self.labelled("", 24, &format!("help: {hint}"));
            }
        }
        if preview.verdict == Verdict::Refused {
            return;
        }
        let options = preview.needs.iter().map(|option| format!(" {option}")).collect::<String>();
        self.line(&format!("To start it: lifeboat {command} {}{options} …", file.display()));
    }
}

fn verb(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "reads",
        Effect::Create => "creates",
        Effect::Modify => "modifies",
        Effect::Destroy => "DESTROYS",
    }
}

/// How many facts of a check without asserts are shown.
const FACTS: usize = 6;

/// What can be said of an output in a few letters.
fn plain(outputs: &BTreeMap<String, Value>) -> impl Iterator<Item = String> {
    let short = |value: &&Value| !matches!(value, Value::Null | Value::List(_) | Value::Map(_));
    let facts = outputs.iter().filter(move |(_, value)| short(value));
    facts.map(|(name, value)| format!("{name}: {value}"))
}

fn words(then: Then, mode: Mode) -> &'static str {
    match (then, mode) {
        (Then::Refused, _) => "it does not start",
        (Then::Fails, Mode::Drill) => "the step fails, and what was done is taken back",
        (Then::Fails, Mode::Recovery) => "the step fails, and the run pauses",
        (Then::Asks, _) => "a person is asked whether to go on all the same (--accept)",
        (Then::Warns, _) => "it goes on, with a finding",
        (Then::Unclear, _) => "nobody can say yet",
    }
}

/// Lines of at most `width` letters; a word that is longer stands by itself, whole, to be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a considerably long", 6), ["a", "considerably", "long"]);
        assert_eq!(wrapped("first\nsecond", 80), ["first", "second"]);
        assert_eq!(wrapped("", 80), [""]);
    }
}
