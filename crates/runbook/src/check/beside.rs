//! What stands beside the steps: probes, alarms, concurrency.

use super::file::identifier;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::Steps;
use crate::id::{MarkName, StepPath};
use crate::keys;
use crate::plan::{
    Concurrency, InsufficientData, Mode, Probe, ProbeMoment, Step, StopWhen, Undo, Wait, Work,
};
use crate::spec::{ActionSpec, Effect};
use crate::suggestion::nearest;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::ops::Range;

/// Nobody looks more often: a second is the resolution of the downtime.
const SHORTEST_EVERY: TimeDelta = TimeDelta::seconds(1);

impl Steps<'_, '_, '_> {
    pub(super) fn read_probes(&mut self, fields: &Fields<'_>) -> Vec<Probe> {
        let nodes = self.reader.list(fields, "probes");
        let probes = nodes.iter().filter_map(|node| {
            let probe = self.reader.fields(node, &keys::PROBE)?;
            self.read_probe(&probe)
        });
        probes.collect()
    }

    fn read_probe(&mut self, probe: &Fields<'_>) -> Option<Probe> {
        let id = self.reader.text(probe, "id").unwrap_or_default();
        let range = probe.get("id").map_or(0..0, |node| node.range.clone());
        identifier(self.reader, &id, range.clone(), "a probe");
        if self.names.probes.contains(&id) {
            let help = "give this one another";
            self.reader.error("duplicate-id", range.clone(), format!("the id `{id}` is given twice"), help);
        }
        self.names.probes.push(id.clone());
        self.not_yet.key(probe, "via");
        let action = self.reader.text(probe, "action");
        let spec = match (&action, probe.get("action")) {
            (Some(action), Some(node)) => {
                let spec = self.known_action(action, node.range.clone());
                self.only_reads(spec, node.range.clone());
                spec
            }
            _ => None,
        };
        let with = self.with(probe, spec);
        let assert = self.asserts(probe, &spec.map_or(Outputs::Any, Outputs::Spec));
        let every = self.reader.duration(probe, "every");
        if let (Some(node), true) = (probe.get("every"), every.is_some_and(|every| every < SHORTEST_EVERY)) {
            let message = "nobody looks more often than once a second";
            self.reader.error("wrong-value", node.range.clone(), message, "write `every: 1s` or more");
        }
        let look = Step {
            path: StepPath::new(format!("probe:{id}")),
            id,
            name: None,
            description: None,
            source: self.source,
            range,
            work: Work::Action { action: action?, with, outputs: BTreeMap::new() },
            condition: None,
            needs: Vec::new(),
            wait: Wait::default(),
            timeout: self.reader.duration(probe, "timeout"),
            retry: None,
            assert,
            on_fail: None,
            on_failure: None,
            continue_on_error: false,
            undo: Undo::Never,
            commit: None,
            marks: BTreeMap::new(),
            recovery_point: None,
            region: None,
            target: None,
            effect: Some(Effect::Read),
            touches: Vec::new(),
            expect: None,
            expect_source: None,
        };
        let (hold, marks) = (self.reader.duration(probe, "hold"), self.probe_marks(probe));
        Some(Probe { look, every: every?, hold, marks })
    }

    fn only_reads(&mut self, spec: Option<&'static ActionSpec>, range: Range<usize>) {
        match spec {
            Some(ActionSpec { effect: Some(Effect::Read), .. }) | None => {}
            Some(ActionSpec { effect: Some(_), .. }) => {
                let message = "a probe only reads, and this changes something";
                self.reader.error("probe-reads", range, message, "choose an action that reads");
            }
            Some(spec) => {
                let message =
                    format!("a probe only reads, and what `{}` does depends on its content", spec.name);
                self.reader.error("probe-reads", range, message, "choose an action that reads");
            }
        }
    }

    fn probe_marks(&mut self, probe: &Fields<'_>) -> BTreeMap<ProbeMoment, MarkName> {
        const MOMENTS: [ProbeMoment; 2] = [ProbeMoment::FirstDown, ProbeMoment::HeldUp];
        let mut marks = BTreeMap::new();
        for field in self.reader.named(probe, "marks") {
            let Some(moment) = MOMENTS.into_iter().find(|moment| moment.word() == field.key) else {
                let help = nearest(&field.key, MOMENTS.map(ProbeMoment::word)).map_or_else(
                    || "a probe sets marks at `first_down` and `held_up`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("unknown moment `{}`", field.key);
                self.reader.error("unknown-key", field.key_range.clone(), message, help);
                continue;
            };
            if let Some(mark) = self.mark(&field.value) {
                marks.insert(moment, mark);
            }
        }
        marks
    }

    pub(super) fn read_stop_when(&mut self, fields: &Fields<'_>) -> Vec<StopWhen> {
        let nodes = self.reader.list(fields, "stop_when");
        let entries = nodes.iter().filter_map(|node| {
            let entry = self.reader.fields(node, &keys::STOP)?;
            let insufficient_data = match self.reader.word(&entry, "insufficient_data", &["ok", "stop"]) {
                Some("ok") => InsufficientData::Ok,
                Some(_) => InsufficientData::Stop,
                None => InsufficientData::NotAtStart,
            };
            let modes = self.modes(&entry);
            Some(StopWhen { alarm: self.text_template(&entry, "alarm")?, insufficient_data, modes })
        });
        entries.collect()
    }

    /// `in`: drills only, unless said.
    fn modes(&mut self, entry: &Fields<'_>) -> Vec<Mode> {
        if !entry.has("in") {
            return vec![Mode::Drill];
        }
        let mut modes = Vec::new();
        for (word, range) in self.reader.texts(entry, "in") {
            match [Mode::Drill, Mode::Recovery].into_iter().find(|mode| mode.word() == word) {
                Some(mode) => modes.push(mode),
                None => {
                    let help = nearest(&word, ["drill", "recovery"]).map_or_else(
                        || "it is `drill` or `recovery`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.reader.error("wrong-value", range, format!("there is no mode `{word}`"), help);
                }
            }
        }
        modes
    }

    /// `concurrency`: its key is wanted before anything is looked at.
    pub(super) fn read_concurrency(&mut self, fields: &Fields<'_>) -> Option<Concurrency> {
        let node = fields.get("concurrency")?;
        let entry = self.reader.fields(node, &keys::CONCURRENCY)?;
        let waits = self.reader.word(&entry, "on_conflict", &["refuse", "wait"]) == Some("wait");
        let key = self.text_template(&entry, "key")?;
        for expression in key.expressions() {
            for reference in expression.references() {
                let root = reference.names.first().map(String::as_str).unwrap_or_default();
                if !BEFORE_ANYTHING.contains(&root) {
                    let message = format!("`{root}` is not known yet when the lock is taken");
                    let help =
                        format!("it may name {}", BEFORE_ANYTHING.map(|root| format!("`{root}`")).join(", "));
                    self.reader.error("too-early", expression.range.clone(), message, help);
                }
            }
        }
        Some(Concurrency { key, waits })
    }
}

/// What is known before anything is looked at.
const BEFORE_ANYTHING: [&str; 3] = ["inputs", "target", "run"];
