//! Steps: what they do, what they may refer to, and what follows from it.

use super::Closure;
use super::file::{self, NotYets, identifier, on_failure, plain};
use super::names::{Earlier, Names, Outputs};
use super::people;
use super::reader::{Fields, Reader};
use crate::expression::Expression;
use crate::id::{MarkName, StepPath};
use crate::keys;
use crate::node::{Field, Node, NodeKind};
use crate::plan::{
    Allow, AllowedResource, InputDeclaration, MarkMoment, NotYet, OnFail, RecoveryPoint, Retry, Step, Undo,
    Wait, WaitUntil, Work,
};
use crate::spec::{ActionSpec, Effect, Parameter, Type};
use crate::suggestion::nearest;
use crate::template::{Part, Template, TemplateKind};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Marks of the measurement chapter; others are the author's own.
const MARKS: [&str; 10] = [
    "disrupted",
    "detected",
    "declared",
    "responding",
    "writes_stopped",
    "restored",
    "copy_verified",
    "verified",
    "normal",
    "closed",
];

/// Error codes a runbook may name besides AWS's own, which begin with a capital letter.
const ERRORS: [&str; 7] = ["connect", "timeout", "auth", "tls", "sql", "assert", "throttled"];

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
    closure: &'steps mut Closure<'check>,
    pub(super) names: Names,
    pub(super) not_yet: NotYets,
    source: usize,
    phase: Phase,
    /// Before each path: `preflight:`, `each[*].`.
    prefix: String,
    ids: BTreeSet<String>,
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
        Self { reader, closure, names, not_yet, source, phase, prefix: String::new(), ids: BTreeSet::new() }
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

    fn sequence(&mut self, nodes: &[Node]) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in nodes {
            if let Some(step) = self.step(node) {
                steps.push(step);
            }
        }
        steps
    }

    // ------------------------------------------------------------ one step

    fn step(&mut self, node: &Node) -> Option<Step> {
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
        let condition = self.condition(&fields, "if");
        let under = condition.as_ref().map(|condition| format!("it runs only if `{}`", condition.text));
        let depth = self.names.under.len();
        self.names.under.extend(under.clone());
        let (work, outputs) = self.work(&fields, &id, &range)?;
        let spec = work_spec(&work, self.closure);
        let effect = self.effect(&fields, spec, &work);
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
            region: self.text_template(&fields, "region"),
            target: fields.get("target").map(|node| file::target(self, node)),
            effect,
            touches: self.touches(&fields),
            expect: self.expected(&fields, spec),
            id: id.clone(),
            work,
        };
        step.needs = self.needs(&fields);
        self.limits(&fields, &step);
        self.warn_of_cut_over(&step, spec, &range);
        for key in ["region", "target", "via"] {
            self.not_yet.key(&fields, key);
        }
        self.names.under.truncate(depth);
        let condition =
            under.or_else(|| step.continue_on_error.then(|| "it may fail and the run goes on".to_owned()));
        self.remember(&id, Earlier { outputs, condition });
        Some(step)
    }

    fn remember(&mut self, id: &str, earlier: Earlier) {
        match self.phase {
            Phase::Preflight => drop(self.names.preflight.insert(id.to_owned(), earlier)),
            Phase::Steps | Phase::Cleanup => drop(self.names.steps.insert(id.to_owned(), earlier)),
        }
    }

    fn refuse_elsewhere(&mut self, fields: &Fields<'_>) {
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

    // ------------------------------------------------------------ what it does

    fn work(&mut self, fields: &Fields<'_>, id: &str, range: &Range<usize>) -> Option<(Work, Outputs)> {
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
            self.not_yet.key(fields, &field.key);
            for key in
                ["with", "outputs"].into_iter().filter(|key| !(*key == "with" && field.key == "runbook"))
            {
                if let Some(extra) = fields.field(key) {
                    let message = format!("`{key}` has no meaning beside `{}`", field.key);
                    self.reader.error(
                        "misplaced-key",
                        extra.key_range.clone(),
                        message,
                        "it belongs to `action`",
                    );
                }
            }
        }
        match field.key.as_str() {
            "action" => self.action(fields),
            "parallel" => Some(self.parallel(fields)),
            "steps" => {
                let nodes = self.reader.list(fields, "steps");
                Some((Work::Sequence(self.sequence(nodes)), Outputs::Any))
            }
            "foreach" => self.foreach(fields, id),
            "runbook" => self.runbook(fields),
            "manual" => people::manual(self, &field.value),
            "decide" => people::decide(self, &field.value),
            "approve" => people::approve(self, &field.value),
            _ => self.reader.duration(fields, "pause").map(|pause| (Work::Pause(pause), Outputs::fields([]))),
        }
    }

    fn action(&mut self, fields: &Fields<'_>) -> Option<(Work, Outputs)> {
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

    fn with(&mut self, fields: &Fields<'_>, spec: Option<&'static ActionSpec>) -> BTreeMap<String, Template> {
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

    fn unknown_parameter(&mut self, field: &Field, spec: &ActionSpec) {
        let names = || spec.parameters.iter().map(|parameter| parameter.name);
        let help = match nearest(&field.key, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("`{}` has no parameter `{}`", spec.name, field.key);
        self.reader.error("unknown-parameter", field.key_range.clone(), message, help);
    }

    /// The children of `parallel`: each sees what came before the group, and the siblings its `needs` reach.
    fn parallel(&mut self, fields: &Fields<'_>) -> (Work, Outputs) {
        let nodes = self.reader.list(fields, "parallel");
        let siblings = ids_of(nodes);
        let needs: BTreeMap<&str, Vec<&str>> = nodes.iter().filter_map(needs_of).collect();
        let before = self.names.steps.clone();
        let mut known = before.clone();
        let mut steps = Vec::new();
        for (node, id) in nodes.iter().zip(siblings.iter()) {
            let reached = reach(id, &needs);
            let circle = reached.contains(id.as_str());
            // Each circle is told of once, at the first of its steps by name.
            if circle && reached.iter().all(|other| id.as_str() <= *other) {
                let message = format!("the steps that `{id}` needs need it themselves");
                self.reader.error("needs-cycle", head(node), message, "take one `needs` out of the circle");
            }
            let visible = known
                .iter()
                .filter(|(name, _)| before.contains_key(*name) || reached.contains(name.as_str()));
            self.names.steps = visible.map(|(name, step)| (name.clone(), step.clone())).collect();
            // A sibling that is needed but written below is not known yet: nothing can be said of its outputs.
            for name in reached.iter().filter(|name| siblings.iter().any(|sibling| sibling == *name)) {
                let unread = Earlier { outputs: Outputs::Any, condition: None };
                self.names.steps.entry((*name).to_owned()).or_insert(unread);
            }
            if let Some(step) = self.step(node) {
                for need in &step.needs {
                    if !siblings.iter().any(|sibling| sibling == need.id()) {
                        self.unknown_sibling(node, need.id(), &siblings);
                    }
                }
                steps.push(step);
            }
            known.extend(std::mem::take(&mut self.names.steps));
        }
        self.names.steps = known;
        (Work::Parallel(steps), Outputs::Any)
    }

    fn unknown_sibling(&mut self, node: &Node, need: &str, siblings: &[String]) {
        let help = match nearest(need, siblings.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`needs` names steps of the same `parallel`".to_owned(),
        };
        self.reader.error("unknown-sibling", head(node), format!("there is no sibling `{need}`"), help);
    }

    fn needs(&mut self, fields: &Fields<'_>) -> Vec<StepPath> {
        let needs = self.reader.texts(fields, "needs");
        needs.into_iter().map(|(need, _)| StepPath::new(format!("{}{need}", self.prefix))).collect()
    }

    fn foreach(&mut self, fields: &Fields<'_>, id: &str) -> Option<(Work, Outputs)> {
        let items = self.typed_template(fields.get("foreach")?, Type::Any, false);
        let outer = std::mem::replace(&mut self.names.item, true);
        let key = self.condition_of(fields, "key", None);
        let inside = format!("{}{id}[*].", self.prefix);
        let prefix = std::mem::replace(&mut self.prefix, inside);
        let before = self.names.steps.clone();
        let nodes = self.reader.list(fields, "steps");
        if nodes.is_empty() {
            let range = fields.field("foreach").map_or(0..0, |field| field.key_range.clone());
            self.reader.error(
                "missing-key",
                range,
                "`foreach` has no `steps`",
                "add the steps that run for each item",
            );
        }
        let body = self.sequence(nodes);
        self.names.steps = before;
        self.prefix = prefix;
        self.names.item = outer;
        self.fixed_names(&body);
        let max_parallel = self.reader.integer(fields, "max_parallel").unwrap_or(1);
        let max_failures = self.reader.integer(fields, "max_failures").unwrap_or(0);
        let outputs = Outputs::fields([
            ("items", Type::Map(&Type::Any)),
            ("succeeded", Type::List(&Type::String)),
            ("failed", Type::List(&Type::String)),
        ]);
        Some((Work::Foreach { items, key, max_parallel, max_failures, body }, outputs))
    }

    /// A name given by hand in a loop must differ from item to item.
    fn fixed_names(&mut self, body: &[Step]) {
        for step in body {
            let Work::Action { action, with, .. } = &step.work else { continue };
            let Some(spec) = self.closure.catalog.get(action) else { continue };
            let made = spec.touches.iter().filter(|touch| touch.effect == Effect::Create);
            for template in made.filter_map(|touch| with.get(touch.parameter)) {
                let varies = template.expressions().iter().any(|expression| {
                    expression.references().iter().any(|reference| {
                        matches!(
                            reference.names.first().map(String::as_str),
                            Some("item" | "index" | "steps")
                        )
                    })
                });
                if !varies {
                    let help =
                        "make it depend on `item`, or leave it out: then it is made from run, step and item";
                    let message = "every item would make something of the same name";
                    self.reader.error("same-name", template.range.clone(), message, help);
                }
            }
        }
    }

    fn runbook(&mut self, fields: &Fields<'_>) -> Option<(Work, Outputs)> {
        let file = self.reader.text(fields, "runbook")?;
        let range = fields.get("runbook")?.range.clone();
        let plan = match self.closure.sub_runbook(&file) {
            Ok(plan) => plan,
            Err(why) => {
                self.reader.error(
                    "sub-runbook",
                    range.clone(),
                    why,
                    "look at the path: it is relative to this file",
                );
                None
            }
        };
        let mut with = BTreeMap::new();
        for field in self.reader.named(fields, "with") {
            let declared =
                plan.as_ref().and_then(|plan| plan.inputs.iter().find(|input| input.name == field.key));
            if let (Some(plan), None) = (&plan, declared) {
                let names = || plan.inputs.iter().map(|input| input.name.as_str());
                let help = nearest(&field.key, names()).map_or_else(
                    || format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("`{file}` has no input `{}`", field.key);
                self.reader.error("unknown-input", field.key_range.clone(), message, help);
            }
            let kind = declared.map_or(Type::Any, |input| input.kind);
            with.insert(field.key.clone(), self.typed_template(&field.value, kind, false));
        }
        let plan = plan?;
        for input in plan.inputs.iter().filter(|input| input.required && !with.contains_key(&input.name)) {
            let message = format!("`{file}` wants the input `{}`", input.name);
            let help = format!("add `{}: …` to `with`", input.name);
            self.reader.error("missing-parameter", range.clone(), message, help);
        }
        let outputs = Outputs::Fields(plan.outputs.keys().map(|name| (name.clone(), Type::Any)).collect());
        Some((Work::Runbook { file, with, plan: Box::new(plan) }, outputs))
    }

    // ------------------------------------------------------------ the other keys

    fn effect(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&'static ActionSpec>,
        work: &Work,
    ) -> Option<Effect> {
        let said = self
            .reader
            .word(fields, "effect", &["read", "create", "modify", "destroy"])
            .and_then(Effect::from_word);
        let effect = said.or_else(|| spec.and_then(|spec| spec.effect));
        if let (Work::Action { action, .. }, Some(_), None, Some(field)) =
            (work, spec, effect, fields.field("action"))
        {
            let message = format!("what `{action}` does depends on its content");
            let help = "say so: `effect: read`, `create`, `modify` or `destroy`";
            self.reader.error("effect-unknown", field.value.range.clone(), message, help);
        }
        let reads = matches!(work, Work::Action { .. }) && effect == Some(Effect::Read);
        if let (Phase::Preflight, false, true, Some(field)) = (
            self.phase,
            reads,
            effect.is_some() || !matches!(work, Work::Action { .. }),
            fields.field("action"),
        ) {
            let message = "preflight only reads, and this changes something";
            self.reader.error("preflight-reads", field.value.range.clone(), message, "move it to `steps`");
        }
        match work {
            Work::Action { .. } => effect,
            _ => Some(Effect::Read),
        }
    }

    fn wait(&mut self, fields: &Fields<'_>, spec: Option<&'static ActionSpec>, outputs: &Outputs) -> Wait {
        let Some(node) = fields.get("wait") else { return Wait::default() };
        if node.scalar().is_some() {
            return match self.reader.word(fields, "wait", &["none"]) {
                Some(_) => Wait { until: WaitUntil::None, ..Wait::default() },
                None => Wait::default(),
            };
        }
        let Some(wait) = self.reader.fields(node, &keys::WAIT) else { return Wait::default() };
        let readiness = self.reader.text(&wait, "for");
        if let (Some(name), Some(spec), Some(node)) = (&readiness, spec, wait.get("for")) {
            self.known_readiness(name, spec, node.range.clone());
        }
        let until = self.condition_of(&wait, "until", Some(outputs));
        if let (Some(_), Some(field)) = (&readiness, wait.field("until")) {
            self.reader.error(
                "wait-two",
                field.key_range.clone(),
                "`wait` has both `for` and `until`",
                "keep one of them",
            );
        }
        Wait {
            until: match (readiness, until) {
                (Some(name), _) => WaitUntil::Readiness(name),
                (None, Some(until)) => WaitUntil::Expression(until),
                (None, None) => WaitUntil::Default,
            },
            fail_if: self.condition_of(&wait, "fail_if", Some(outputs)),
            timeout: self.reader.duration(&wait, "timeout"),
            every: self.reader.duration(&wait, "every"),
            hold: self.reader.duration(&wait, "hold"),
        }
    }

    fn known_readiness(&mut self, name: &str, spec: &ActionSpec, range: Range<usize>) {
        let names = || spec.readiness.iter().map(|readiness| readiness.name);
        if names().any(|known| known == name) {
            return;
        }
        let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = match (nearest(name, names()), known.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => "it is done at once: take `for` out".to_owned(),
            (None, false) => format!("it knows {known}"),
        };
        self.reader.error(
            "unknown-readiness",
            range,
            format!("`{}` knows no readiness `{name}`", spec.name),
            help,
        );
    }

    fn retry(&mut self, fields: &Fields<'_>) -> Option<Retry> {
        let retry = self.reader.fields(fields.get("retry")?, &keys::RETRY)?;
        let errors = self.reader.texts(&retry, "errors");
        for (code, range) in &errors {
            let aws = code.starts_with(|first: char| first.is_ascii_uppercase());
            if !aws && !ERRORS.contains(&code.as_str()) {
                let help = match nearest(code, ERRORS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it is one of {}, or a code of AWS's", ERRORS.join(", ")),
                };
                self.reader.error(
                    "unknown-error",
                    range.clone(),
                    format!("there is no error `{code}`"),
                    help,
                );
            }
        }
        let attempts = self.reader.integer(&retry, "attempts").unwrap_or(1);
        if let (0, Some(node)) = (attempts, retry.get("attempts")) {
            let help = "`attempts` counts the first: 1 or more";
            self.reader.error("wrong-value", node.range.clone(), "no attempt at all", help);
        }
        Some(Retry {
            attempts,
            delay: self.reader.duration(&retry, "delay").unwrap_or_default(),
            backoff: self.reader.number(&retry, "backoff").unwrap_or(1.0),
            max_delay: self.reader.duration(&retry, "max_delay"),
            errors: errors.into_iter().map(|(code, _)| code).collect(),
        })
    }

    fn asserts(&mut self, fields: &Fields<'_>, outputs: &Outputs) -> Vec<Expression> {
        let asserts = self.reader.expressions(fields, "assert");
        let own = self.names.own.replace(outputs.clone());
        for assert in &asserts {
            self.judge(assert, Some(Type::Boolean));
        }
        self.names.own = own;
        asserts
    }

    fn on_fail(&mut self, fields: &Fields<'_>) -> Option<OnFail> {
        self.reader.word(fields, "on_fail", &["refuse", "ask", "warn"]).map(|word| match word {
            "refuse" => OnFail::Refuse,
            "ask" => OnFail::Ask,
            _ => OnFail::Warn,
        })
    }

    fn undo(&mut self, fields: &Fields<'_>) -> Undo {
        let Some(node) = fields.get("undo") else { return Undo::Default };
        if node.scalar().is_some() {
            return match self.reader.word(fields, "undo", &["true", "false"]) {
                Some("false") => Undo::Never,
                Some(_) => Undo::Own,
                None => Undo::Default,
            };
        }
        self.not_yet
            .found
            .push(NotYet { feature: "`undo` by another action".to_owned(), range: node.range.clone() });
        let Some(undo) = self.reader.fields(node, &keys::UNDO) else { return Undo::Default };
        let Some(action) = self.reader.text(&undo, "action") else { return Undo::Default };
        let spec = undo.get("action").and_then(|node| self.known_action(&action, node.range.clone()));
        Undo::Action { with: self.with(&undo, spec), action }
    }

    fn marks(&mut self, fields: &Fields<'_>) -> BTreeMap<MarkMoment, MarkName> {
        let mut marks = BTreeMap::new();
        for field in self.reader.named(fields, "marks") {
            let moment = match field.key.as_str() {
                "started" => MarkMoment::Started,
                "succeeded" => MarkMoment::Succeeded,
                "failed" => MarkMoment::Failed,
                other => {
                    let help = nearest(other, ["started", "succeeded", "failed"]).map_or(
                        "a step sets marks when it has `started`, `succeeded` or `failed`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.reader.error(
                        "unknown-key",
                        field.key_range.clone(),
                        format!("unknown moment `{other}`"),
                        help,
                    );
                    continue;
                }
            };
            if let Some(mark) = self.mark(&field.value) {
                marks.insert(moment, mark);
            }
        }
        marks
    }

    fn mark(&mut self, node: &Node) -> Option<MarkName> {
        let mark = node.scalar()?.text.clone();
        identifier(self.reader, &mark, node.range.clone(), "a mark");
        if !MARKS.contains(&mark.as_str())
            && let Some(near) = nearest(&mark, MARKS)
        {
            let message = format!("`{mark}` is a mark of your own, and looks like `{near}`");
            self.reader.warning(
                "unusual-mark",
                node.range.clone(),
                message,
                format!("did you mean `{near}`?"),
            );
        }
        self.names.marks.push(mark.clone());
        Some(MarkName::new(mark))
    }

    fn recovery_point(&mut self, fields: &Fields<'_>, outputs: &Outputs) -> Option<RecoveryPoint> {
        let field = fields.field("recovery_point")?;
        let point = self.reader.fields(&field.value, &keys::RECOVERY_POINT)?;
        let own = self.names.own.replace(outputs.clone());
        let newest = self.reader.expression(&point, "newest");
        let source_newest = self.reader.expression(&point, "source_newest");
        for expression in newest.iter().chain(&source_newest) {
            self.judge(expression, Some(Type::Time));
        }
        self.names.own = own;
        let cadence = self.reader.duration(&point, "cadence");
        if cadence.is_some() == source_newest.is_some() {
            let message = "the newest row alone is only a bound: nobody knows what came after it";
            let help = "give `cadence` (how often a row is written) or `source_newest` (the newest row at the source)";
            self.reader.error("recovery-point", field.key_range.clone(), message, help);
        }
        Some(RecoveryPoint { newest: newest?, cadence, source_newest })
    }

    fn touches(&mut self, fields: &Fields<'_>) -> Vec<Template> {
        let nodes = match fields.get("touches").map(|node| (&node.kind, node)) {
            None => return Vec::new(),
            Some((NodeKind::List(items), _)) => items.iter().collect(),
            Some((_, node)) => vec![node],
        };
        nodes.into_iter().map(|node| self.typed_template(node, Type::Any, false)).collect()
    }

    fn expected(&mut self, fields: &Fields<'_>, spec: Option<&'static ActionSpec>) -> Option<TimeDelta> {
        let typical = spec.and_then(|spec| spec.typical.first());
        let typical = typical.map(|typical| TimeDelta::seconds(i64::from(typical.seconds)));
        self.reader.duration(fields, "expect").or(typical)
    }

    fn limits(&mut self, fields: &Fields<'_>, step: &Step) {
        let (Some(whole), Some(wait)) = (step.timeout, step.wait.timeout) else { return };
        if wait > whole {
            let range = fields.field("timeout").map_or(0..0, |field| field.value.range.clone());
            let message = "`wait.timeout` is longer than `timeout`, which holds the wait too";
            self.reader.error("timeouts", range, message, "make `timeout` longer, or `wait.timeout` shorter");
        }
    }

    fn warn_of_cut_over(&mut self, step: &Step, spec: Option<&'static ActionSpec>, range: &Range<usize>) {
        if let (Some(spec), None) = (spec.filter(|spec| spec.cut_over), step.commit) {
            let message = format!(
                "`{}` moves traffic or admits writes, and the step does not say whether to commit",
                spec.name
            );
            let help = "`commit: true`: nothing before it is undone by itself; `commit: false`: it may be";
            self.reader.warning("commit-unsaid", range.clone(), message, help);
        }
    }

    /// What a drill would refuse at run time, as far as it can be known now.
    pub(super) fn warn_of_the_drill_guard(
        &mut self,
        steps: &[Step],
        allow: &[Allow],
        inputs: &[InputDeclaration],
    ) {
        for step in steps {
            self.warn_of_the_drill_guard(step.children(), allow, inputs);
            let Work::Action { action, with, .. } = &step.work else { continue };
            let Some(spec) = self.closure.catalog.get(action) else { continue };
            for touch in spec.touches.iter().filter(|touch| touch.effect >= Effect::Modify) {
                let Some(template) = with.get(touch.parameter) else { continue };
                let Some(id) = foreseeable(template, inputs) else { continue };
                let permitted = allow.iter().any(|entry| match &entry.resource {
                    AllowedResource::Id(allowed) => foreseeable(allowed, inputs).as_ref() == Some(&id),
                    AllowedResource::Arn(_) | AllowedResource::Tag(_) => true,
                });
                if !permitted && template.range.end > 0 {
                    let message = format!(
                        "a drill will refuse to {} `{id}`: the run does not make it",
                        touch.effect.word()
                    );
                    let help = format!("if it is meant, add `allow: [{{ id: {id}, actions: [{action}] }}]`");
                    self.reader.warning("drill-would-refuse", template.range.clone(), message, help);
                }
            }
        }
    }

    // ------------------------------------------------------------ beside the steps

    pub(super) fn read_probes(&mut self, fields: &Fields<'_>) {
        for node in self.reader.list(fields, "probes") {
            let Some(probe) = self.reader.fields(node, &keys::PROBE) else { continue };
            let id = self.reader.text(&probe, "id").unwrap_or_default();
            if let Some(node) = probe.get("id") {
                identifier(self.reader, &id, node.range.clone(), "a probe");
            }
            let action = self.reader.text(&probe, "action");
            let spec = match (&action, probe.get("action")) {
                (Some(action), Some(node)) => self.known_action(action, node.range.clone()),
                _ => None,
            };
            if let (Some(Effect::Create | Effect::Modify | Effect::Destroy), Some(node)) =
                (spec.and_then(|spec| spec.effect), probe.get("action"))
            {
                self.reader.error(
                    "probe-reads",
                    node.range.clone(),
                    "a probe only reads",
                    "choose an action that reads",
                );
            }
            self.with(&probe, spec);
            self.asserts(&probe, &spec.map_or(Outputs::Any, Outputs::Spec));
            for key in ["every", "hold", "timeout"] {
                self.reader.duration(&probe, key);
            }
            for field in self.reader.named(&probe, "marks") {
                if !["first_down", "held_up"].contains(&field.key.as_str()) {
                    let message = format!("unknown moment `{}`", field.key);
                    self.reader.error(
                        "unknown-key",
                        field.key_range.clone(),
                        message,
                        "a probe sets marks at `first_down` and `held_up`",
                    );
                }
                self.mark(&field.value);
            }
            self.names.probes.push(id);
        }
    }

    pub(super) fn read_notices(&mut self, fields: &Fields<'_>) {
        self.names.secrets_allowed = true;
        for node in self.reader.list(fields, "notify") {
            let Some(entry) = self.reader.fields(node, &keys::NOTIFY) else { continue };
            self.reader.texts(&entry, "events");
            for key in ["slack", "webhook", "sns", "secret"] {
                if let Some(node) = entry.get(key) {
                    self.typed_template(node, Type::String, true);
                }
            }
        }
        self.names.secrets_allowed = false;
        for node in self.reader.list(fields, "stop_when") {
            let Some(entry) = self.reader.fields(node, &keys::STOP) else { continue };
            self.text_template(&entry, "alarm");
            self.reader.word(&entry, "insufficient_data", &["ok", "stop"]);
        }
        for node in self.reader.list(fields, "triggers") {
            let Some(entry) = self.reader.fields(node, &keys::TRIGGER) else { continue };
            self.text_template(&entry, "alarm");
        }
        if let Some(entry) =
            fields.get("concurrency").and_then(|node| self.reader.fields(node, &keys::CONCURRENCY))
        {
            self.text_template(&entry, "key");
            self.reader.word(&entry, "on_conflict", &["refuse", "wait"]);
        }
    }

    // ------------------------------------------------------------ expressions and templates

    pub(super) fn condition(&mut self, fields: &Fields<'_>, key: &str) -> Option<Expression> {
        self.condition_of(fields, key, None)
    }

    /// An expression that must be true or false; `key:` of a loop is text.
    fn condition_of(&mut self, fields: &Fields<'_>, key: &str, own: Option<&Outputs>) -> Option<Expression> {
        let expression = self.reader.expression(fields, key)?;
        let before = own.map(|own| self.names.own.replace(own.clone()));
        let kind = if key == "key" { Type::String } else { Type::Boolean };
        self.judge(&expression, Some(kind));
        if let Some(before) = before {
            self.names.own = before;
        }
        Some(expression)
    }

    /// Says what is wrong with an expression, and whether it gives what is wanted.
    fn judge(&mut self, expression: &Expression, wanted: Option<Type>) -> Option<Type> {
        let misuses = self.names.misuses(expression);
        let known = misuses.iter().any(|(_, misuse)| misuse.code != "may-be-skipped");
        for (reference, misuse) in misuses {
            self.reader.error(misuse.code, reference.range, misuse.message, misuse.help);
        }
        if known {
            return None;
        }
        match expression.type_of(&self.names) {
            Ok(kind) => {
                let wanted = wanted.filter(|wanted| !wanted.accepts(&kind));
                if let Some(wanted) = wanted {
                    let message = format!("`{}` is {kind}, and {wanted} is wanted", expression.text);
                    self.reader.error(
                        "wrong-type",
                        expression.range.clone(),
                        message,
                        format!("write an expression that gives {wanted}"),
                    );
                }
                Some(kind)
            }
            Err(errors) => {
                for error in errors {
                    self.reader.expression_error("expression", error, None);
                }
                None
            }
        }
    }

    pub(super) fn text_template(&mut self, fields: &Fields<'_>, key: &str) -> Option<Template> {
        fields.get(key).map(|node| self.typed_template(node, Type::String, false))
    }

    /// A map of names and templates; `kind` where all have one.
    pub(super) fn templates(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        kind: Option<Type>,
    ) -> BTreeMap<String, Template> {
        let entries = self.reader.named(fields, key);
        let kind = kind.unwrap_or(Type::Any);
        entries
            .iter()
            .map(|field| (field.key.clone(), self.typed_template(&field.value, kind, false)))
            .collect()
    }

    /// A template of a type: what is written out is read now, what is an expression is typed.
    pub(super) fn typed_template(&mut self, node: &Node, kind: Type, secret: bool) -> Template {
        let template = self.reader.template(node);
        let before = std::mem::replace(&mut self.names.secrets_allowed, secret);
        self.judge_template(&template, kind);
        self.names.secrets_allowed = before;
        let Some(value) = plain(&template) else { return template };
        match kind.read(value) {
            Ok(value) => Template { kind: TemplateKind::Literal(value), range: template.range },
            Err(mismatch) => {
                let message = format!("expected {}, found {}", mismatch.expected, mismatch.found);
                let help = format!("write {}", example(kind));
                self.reader.error("wrong-value", template.range.clone(), message, help);
                template
            }
        }
    }

    fn judge_template(&mut self, template: &Template, kind: Type) {
        match (&template.kind, kind) {
            (TemplateKind::Literal(_), _) => {}
            (TemplateKind::Whole(expression), kind) => {
                if let Some(given) = self.judge(expression, None)
                    && !kind.accepts(&given)
                {
                    let message = format!("`{}` is {given}, and {kind} is wanted", expression.text);
                    self.reader.error(
                        "wrong-type",
                        expression.range.clone(),
                        message,
                        restore_time_hint(given, kind),
                    );
                }
            }
            (TemplateKind::Text(parts), _) => {
                for part in parts {
                    if let Part::Expression(expression) = part {
                        self.judge(expression, None);
                    }
                }
            }
            (TemplateKind::List(items), Type::List(item)) => {
                items.iter().for_each(|entry| self.judge_template(entry, *item))
            }
            (TemplateKind::List(items), _) => {
                items.iter().for_each(|entry| self.judge_template(entry, Type::Any))
            }
            (TemplateKind::Map(fields), Type::Map(item)) => {
                fields.values().for_each(|entry| self.judge_template(entry, *item))
            }
            (TemplateKind::Map(fields), _) => {
                fields.values().for_each(|entry| self.judge_template(entry, Type::Any))
            }
        }
    }
}

fn restore_time_hint(given: Type, wanted: Type) -> String {
    match (given, wanted) {
        (Type::RestoreTime, Type::Time) => {
            "a restore_time may be `latest`; read what it turned out to be: `steps.ID.resolved.time`"
                .to_owned()
        }
        _ => format!("give it {}", example(wanted)),
    }
}

/// A value of a type, as an author would write it.
fn example(kind: Type) -> String {
    match kind {
        Type::Boolean => "`true` or `false`".to_owned(),
        Type::Integer | Type::Number => "a number such as `5`".to_owned(),
        Type::Duration => "a duration such as `90s` or `15m`".to_owned(),
        Type::Time => "a time such as `2026-01-05T09:00:00Z`".to_owned(),
        Type::RestoreTime => "a time such as `2026-01-05T09:00:00Z`, `-40m`, or `latest`".to_owned(),
        Type::Arn => "an ARN: `arn:aws:…`".to_owned(),
        Type::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Type::List(_) => "a list: `[a, b]`".to_owned(),
        Type::Map(_) => "a map: `{ a: b }`".to_owned(),
        Type::String | Type::Any | Type::Null => "text".to_owned(),
    }
}

fn work_spec(work: &Work, closure: &Closure<'_>) -> Option<&'static ActionSpec> {
    match work {
        Work::Action { action, .. } => closure.catalog.get(action),
        _ => None,
    }
}

/// What a template will be, where that does not depend on the run: text, or an input's default.
fn foreseeable(template: &Template, inputs: &[InputDeclaration]) -> Option<String> {
    let value = match &template.kind {
        TemplateKind::Literal(value) => value.clone(),
        TemplateKind::Whole(expression) => {
            let name = expression.text.strip_prefix("inputs.")?;
            inputs.iter().find(|input| input.name == name)?.default.clone()?
        }
        _ => return None,
    };
    value.as_str().map(str::to_owned)
}

fn field_text<'node>(node: &'node Node, key: &str) -> Option<&'node str> {
    let NodeKind::Map(fields) = &node.kind else { return None };
    let field = fields.iter().find(|field| field.key == key)?;
    field.value.scalar().map(|scalar| scalar.text.as_str())
}

fn ids_of(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| field_text(node, "id").unwrap_or_default().to_owned()).collect()
}

/// The ids of steps and of the steps inside them.
fn ids_in(nodes: &[Node]) -> Vec<String> {
    let mut ids = ids_of(nodes);
    for node in nodes {
        let NodeKind::Map(fields) = &node.kind else { continue };
        for field in fields.iter().filter(|field| field.key == "parallel" || field.key == "steps") {
            if let NodeKind::List(items) = &field.value.kind {
                ids.extend(ids_in(items));
            }
        }
    }
    ids
}

/// A step's id and what it needs, before it is read.
fn needs_of(node: &Node) -> Option<(&str, Vec<&str>)> {
    let id = field_text(node, "id")?;
    let NodeKind::Map(fields) = &node.kind else { return None };
    let needs = fields.iter().find(|field| field.key == "needs").map(|field| &field.value.kind);
    let needs = match needs {
        Some(NodeKind::List(items)) => {
            items.iter().filter_map(|item| Some(item.scalar()?.text.as_str())).collect()
        }
        _ => Vec::new(),
    };
    Some((id, needs))
}

/// Everything a step needs, directly or through others.
fn reach<'node>(id: &str, needs: &BTreeMap<&'node str, Vec<&'node str>>) -> BTreeSet<&'node str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = needs.get(id).cloned().unwrap_or_default();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(needs.get(next).into_iter().flatten());
        }
    }
    reached
}

/// The beginning of a step, to mark it.
fn head(node: &Node) -> Range<usize> {
    match &node.kind {
        NodeKind::Map(fields) => fields.first().map_or(node.range.clone(), |field| {
            field.key_range.start..field.value.range.end.min(field.key_range.end + 80)
        }),
        _ => node.range.clone(),
    }
}
