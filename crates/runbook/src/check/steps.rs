//! Steps: what they do, what they may refer to, and what follows from it.

use super::Closure;
use super::file::{self, NotYets, identifier, on_failure};
use super::groups::ids_in;
use super::names::{Earlier, Names, Outputs};
use super::people;
use super::properties::work_spec;
use super::reader::{Fields, Reader};
use crate::id::StepPath;
use crate::keys;
use crate::node::{Field, Node, NodeKind};
use crate::plan::{GROUPS, NotYet, Step, Work};
use crate::spec::{ActionSpec, Parameter, Type};
use crate::suggestion::nearest;
use crate::template::Template;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The names that stand in `regions` of a `target`.
fn names_of_regions_in(target: &Node) -> Vec<String> {
    let map = |node: &Node| match &node.kind {
        NodeKind::Map(fields) => fields.clone(),
        _ => Vec::new(),
    };
    let regions = map(target).into_iter().filter(|field| field.key == "regions");
    regions.flat_map(|field| map(&field.value)).map(|field| field.key).collect()
}

/// What a list of steps is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Preflight,
    Steps,
    Cleanup,
}

/// Reads the steps of one file.
pub(super) struct Steps<'steps, 'file, 'check> {
    pub(super) reader: &'steps mut Reader<'file>,
    pub(super) closure: &'steps mut Closure<'check>,
    pub(super) names: Names,
    pub(super) not_yet: NotYets,
    pub(super) source: usize,
    pub(super) phase: Phase,
    /// Before each path: `preflight:`, `each[*].`.
    pub(super) prefix: String,
    pub(super) ids: BTreeSet<String>,
    /// Whether the next step stands directly inside `parallel`.
    pub(super) among_siblings: bool,
}

impl<'steps, 'file, 'check> Steps<'steps, 'file, 'check> {
    pub(super) fn new(
        reader: &'steps mut Reader<'file>,
        closure: &'steps mut Closure<'check>,
        names: Names,
        source: usize,
        not_yet: NotYets,
    ) -> Self {
        let phase = Phase::Steps;
        Self {
            reader,
            closure,
            names,
            not_yet,
            source,
            phase,
            prefix: String::new(),
            ids: BTreeSet::new(),
            among_siblings: false,
        }
    }

    pub(super) fn into_not_yet(self) -> Vec<NotYet> {
        self.not_yet.found
    }

    /// Reads a top-level list of steps.
    pub(super) fn read_phase(&mut self, fields: &Fields<'_>, key: &str, phase: Phase) -> Vec<Step> {
        self.phase = phase;
        self.prefix = match phase {
            Phase::Preflight => "preflight:".to_owned(),
            Phase::Steps => String::new(),
            Phase::Cleanup => "cleanup:".to_owned(),
        };
        self.ids.clear();
        let nodes = self.reader.list(fields, key);
        self.names.later = ids_in(nodes);
        self.sequence(nodes)
    }

    pub(super) fn sequence(&mut self, nodes: &[Node]) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in nodes {
            if let Some(step) = self.step(node) {
                steps.push(step);
            }
        }
        steps
    }

    pub(super) fn step(&mut self, node: &Node) -> Option<Step> {
        let fields = self.reader.fields(node, &keys::STEP)?;
        let id = self.reader.text(&fields, "id").unwrap_or_default();
        let range = fields.get("id").map_or(node.range.start..node.range.start, |id| id.range.clone());
        if !id.is_empty() {
            identifier(self.reader, &id, range.clone(), "a step");
            if !self.ids.insert(id.clone()) {
                let message = format!("the id `{id}` is given twice");
                self.reader.error(
                    "duplicate-id",
                    range.clone(),
                    message,
                    "ids are unique in a file: give this one another",
                );
            }
        }
        self.refuse_elsewhere(&fields);
        let sibling = std::mem::take(&mut self.among_siblings);
        if let (Some(field), false) = (fields.field("needs"), sibling) {
            let help = "steps run in the order written; only those directly inside `parallel` need it";
            let message = "`needs` names siblings inside `parallel`, and this step has none";
            self.reader.error("misplaced-key", field.key_range.clone(), message, help);
        }
        let condition = self.condition(&fields, "if");
        let under = condition.as_ref().map(|condition| format!("it runs only if `{}`", condition.text));
        let depth = self.names.under.len();
        self.names.under.extend(under.clone());
        let (work, outputs) = self.work(&fields, &id, &range)?;
        let spec = work_spec(&work, self.closure);
        let effect = self.effect(&fields, spec, &work);
        let expected = self.expected(&fields, spec);
        let mut step = Step {
            path: StepPath::new(format!("{}{id}", self.prefix)),
            name: self.reader.text(&fields, "name"),
            description: self.reader.text(&fields, "description"),
            source: self.source,
            range: range.clone(),
            condition,
            needs: Vec::new(),
            wait: self.wait(&fields, spec, &outputs),
            timeout: self.reader.duration(&fields, "timeout"),
            retry: self.retry(&fields),
            assert: self.asserts(&fields, &outputs),
            on_fail: self.on_fail(&fields),
            on_failure: on_failure(self.reader, &fields),
            continue_on_error: self.reader.boolean(&fields, "continue_on_error").unwrap_or(false),
            undo: self.undo(&fields),
            commit: self.reader.boolean(&fields, "commit"),
            marks: self.marks(&fields),
            recovery_point: self.recovery_point(&fields, &outputs),
            target: fields.get("target").map(|node| file::target(self, node, &keys::TARGET)),
            region: self.region(&fields),
            effect,
            touches: self.touches(&fields),
            expect: expected.as_ref().map(|(expect, _)| *expect),
            expect_source: expected.map(|(_, source)| source),
            id: id.clone(),
            work,
        };
        step.needs = self.needs(&fields);
        self.limits(&fields, &step);
        self.warn_of_cut_over(&step, spec, &range);
        self.not_yet.key(&fields, "via");
        self.names.under.truncate(depth);
        let condition =
            under.or_else(|| step.continue_on_error.then(|| "it may fail and the run goes on".to_owned()));
        self.remember(&id, Earlier { outputs: outputs.kept(), condition });
        Some(step)
    }

    /// `region` of a step: its own target may have names for Regions that the file's has not.
    fn region(&mut self, fields: &Fields<'_>) -> Option<Template> {
        let mut names = self.names.regions.clone();
        if let Some(node) = fields.get("target") {
            names.extend(names_of_regions_in(node));
            let named = self.closure.project.iter().flat_map(|project| project.targets.values());
            names.extend(named.flat_map(|target| target.regions.keys().cloned()));
        }
        file::region(self, fields, &names)
    }

    pub(super) fn remember(&mut self, id: &str, earlier: Earlier) {
        match self.phase {
            Phase::Preflight => drop(self.names.preflight.insert(id.to_owned(), earlier)),
            Phase::Steps | Phase::Cleanup => drop(self.names.steps.insert(id.to_owned(), earlier)),
        }
    }

    pub(super) fn refuse_elsewhere(&mut self, fields: &Fields<'_>) {
        if let (Some(field), false) = (fields.field("on_fail"), self.phase == Phase::Preflight) {
            let help = "in `steps` use `on_failure` or `continue_on_error`";
            self.reader.error(
                "preflight-only",
                field.key_range.clone(),
                "`on_fail` belongs to preflight entries",
                help,
            );
        }
        for key in ["undo", "commit", "on_failure"] {
            if let (Some(field), Phase::Preflight) = (fields.field(key), self.phase) {
                let message = format!("`{key}` has no meaning in preflight, which only reads");
                self.reader.error("preflight-reads", field.key_range.clone(), message, "take it out");
            }
        }
    }

    pub(super) fn work(
        &mut self,
        fields: &Fields<'_>,
        id: &str,
        range: &Range<usize>,
    ) -> Option<(Work, Outputs)> {
        const KINDS: [&str; 9] =
            ["action", "parallel", "foreach", "steps", "runbook", "manual", "decide", "approve", "pause"];
        let kinds: Vec<&Field> = KINDS
            .into_iter()
            .filter(|kind| !(*kind == "steps" && fields.has("foreach")))
            .filter_map(|kind| fields.field(kind))
            .collect();
        let [field] = kinds.as_slice() else {
            let (message, at) = match kinds.as_slice() {
                [] => (format!("the step `{id}` does nothing"), range.clone()),
                [_, second, ..] => (
                    format!("the step `{id}` does two things: `{}` and `{}`", kinds[0].key, second.key),
                    second.key_range.clone(),
                ),
                [_] => return None,
            };
            self.reader.error("one-thing", at, message, format!("give it one of {}", KINDS.join(", ")));
            return None;
        };
        if field.key != "action" {
            self.misplaced(fields, field);
        }
        match field.key.as_str() {
            "action" => self.action(fields),
            "parallel" => Some(self.parallel(fields)),
            "steps" => {
                let nodes = self.reader.list(fields, "steps");
                Some((Work::Sequence(self.sequence(nodes)), Outputs::Any))
            }
            "foreach" => self.foreach(fields, id),
            "runbook" => self.runbook(fields, id),
            "manual" => people::manual(self, &field.value),
            "decide" => people::decide(self, &field.value),
            "approve" => people::approve(self, &field.value),
            _ => self.reader.duration(fields, "pause").map(|pause| (Work::Pause(pause), Outputs::fields([]))),
        }
    }

    /// Keys that mean nothing beside what the step does.
    fn misplaced(&mut self, fields: &Fields<'_>, work: &Field) {
        const OF_ACTIONS: [&str; 10] = [
            "with",
            "outputs",
            "wait",
            "timeout",
            "retry",
            "undo",
            "recovery_point",
            "effect",
            "touches",
            "via",
        ];
        let (keys, help) = match GROUPS.contains(&work.key.as_str()) {
            true => (&OF_ACTIONS[..], "it belongs to a step inside"),
            false => (&OF_ACTIONS[..2], "it belongs to `action`"),
        };
        for key in keys.iter().filter(|key| !(**key == "with" && work.key == "runbook")) {
            if let Some(extra) = fields.field(key) {
                let message = format!("`{key}` has no meaning beside `{}`", work.key);
                self.reader.error("misplaced-key", extra.key_range.clone(), message, help);
            }
        }
    }

    pub(super) fn action(&mut self, fields: &Fields<'_>) -> Option<(Work, Outputs)> {
        let action = self.reader.text(fields, "action")?;
        let spec = self.known_action(&action, fields.get("action")?.range.clone());
        let with = self.with(fields, spec);
        let mut selected = BTreeMap::new();
        for field in self.reader.named(fields, "outputs") {
            let own = self.names.own.replace(Outputs::Any);
            if let Some(expression) = self.reader.expression_of(&field.value) {
                self.judge(&expression, None);
                selected.insert(field.key.clone(), expression);
            }
            self.names.own = own;
        }
        let outputs = match spec {
            _ if !selected.is_empty() => {
                Outputs::Fields(selected.keys().map(|name| (name.clone(), Type::Any)).collect())
            }
            Some(spec) => Outputs::Spec(spec),
            None => Outputs::Any,
        };
        Some((Work::Action { action, with, outputs: selected }, outputs))
    }

    /// The spec of an action; an unknown one is diagnosed.
    pub(super) fn known_action(&mut self, action: &str, range: Range<usize>) -> Option<&'static ActionSpec> {
        let catalog = self.closure.catalog;
        let spec = catalog.get(action);
        if spec.is_none() {
            let help = match nearest(action, catalog.iter().map(|spec| spec.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`lifeboat actions` lists them".to_owned(),
            };
            self.reader.error("unknown-action", range, format!("there is no action `{action}`"), help);
        }
        spec
    }

    pub(super) fn with(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&'static ActionSpec>,
    ) -> BTreeMap<String, Template> {
        let mut with = BTreeMap::new();
        let given = self.reader.named(fields, "with");
        if fields.get("with").is_some_and(|node| !matches!(node.kind, NodeKind::Map(_))) {
            return with;
        }
        for field in given {
            let parameter = spec.and_then(|spec| spec.parameter(&field.key));
            if let (Some(spec), None) = (spec, parameter) {
                self.unknown_parameter(field, spec);
            }
            let kind = parameter.map_or(Type::Any, |parameter| parameter.kind);
            let secret = parameter.is_none_or(|parameter| parameter.secret);
            with.insert(field.key.clone(), self.typed_template(&field.value, kind, secret));
        }
        // A name that is misspelt has been told of already.
        let misspelt = |name: &str| {
            given.iter().any(|field| {
                spec.is_some_and(|spec| spec.parameter(&field.key).is_none())
                    && nearest(&field.key, [name]).is_some()
            })
        };
        let missing = |parameter: &&Parameter| {
            parameter.required && !with.contains_key(parameter.name) && !misspelt(parameter.name)
        };
        for parameter in spec.map_or(&[][..], |spec| spec.parameters).iter().filter(missing) {
            let range =
                fields.field("with").or(fields.field("action")).map_or(0..0, |field| field.key_range.clone());
            let message = format!("`{}` wants `{}`", spec.map_or("", |spec| spec.name), parameter.name);
            let help = format!("add `{}: …` to `with`: {}", parameter.name, parameter.summary);
            self.reader.error("missing-parameter", range, message, help);
        }
        with
    }

    pub(super) fn unknown_parameter(&mut self, field: &Field, spec: &ActionSpec) {
        let names = || spec.parameters.iter().map(|parameter| parameter.name);
        let help = match nearest(&field.key, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{}` has no parameter `{}`", spec.name, field.key);
        self.reader.error("unknown-parameter", field.key_range.clone(), message, help);
    }
}
