//! Steps that hold others: `parallel`, `foreach`, `runbook`.

use super::names::{Earlier, Outputs};
use super::reader::Fields;
use super::steps::Steps;
use crate::id::StepPath;
use crate::node::{Node, NodeKind};
use crate::plan::{Kind, NotYet, Step, Work};
use crate::spec::{Effect, Type};
use crate::suggestion::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

impl Steps<'_, '_, '_> {
    /// The children of `parallel`: each sees what came before the group, and the siblings its `needs` reach.
    pub(super) fn parallel(&mut self, fields: &Fields<'_>) -> (Work, Outputs) {
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
            self.among_siblings = true;
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

    pub(super) fn unknown_sibling(&mut self, node: &Node, need: &str, siblings: &[String]) {
        let help = match nearest(need, siblings.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`needs` names steps of the same `parallel`".to_owned(),
        };
        self.reader.error("unknown-sibling", head(node), format!("there is no sibling `{need}`"), help);
    }

    pub(super) fn needs(&mut self, fields: &Fields<'_>) -> Vec<StepPath> {
        let needs = self.reader.texts(fields, "needs");
        needs.into_iter().map(|(need, _)| StepPath::new(format!("{}{need}", self.prefix))).collect()
    }

    pub(super) fn foreach(&mut self, fields: &Fields<'_>, id: &str) -> Option<(Work, Outputs)> {
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
    pub(super) fn fixed_names(&mut self, body: &[Step]) {
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

    pub(super) fn runbook(&mut self, fields: &Fields<'_>, id: &str) -> Option<(Work, Outputs)> {
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
        let mut plan = plan?;
        if plan.kind == Kind::Playbook {
            let help =
                "playbooks run runbooks; say `kind: runbook` in it, and take out what belongs to playbooks";
            let message = format!("`{file}` is a playbook, and cannot be a step");
            self.reader.error("playbook-as-step", range.clone(), message, help);
        }
        plan.move_under(&format!("{}{id}/", self.prefix));
        self.not_yet.found.append(&mut plan.not_yet);
        if plan.concurrency.is_some() {
            let feature = "`concurrency` of a runbook that another one runs".to_owned();
            self.not_yet.found.push(NotYet { feature, range: range.clone() });
        }
        for input in plan.inputs.iter().filter(|input| input.required && !with.contains_key(&input.name)) {
            let message = format!("`{file}` wants the input `{}`", input.name);
            let help = format!("add `{}: …` to `with`", input.name);
            self.reader.error("missing-parameter", range.clone(), message, help);
        }
        let outputs = Outputs::Fields(plan.outputs.keys().map(|name| (name.clone(), Type::Any)).collect());
        Some((Work::Runbook { file, with, plan: Box::new(plan) }, outputs))
    }
}

pub(super) fn field_text<'node>(node: &'node Node, key: &str) -> Option<&'node str> {
    let NodeKind::Map(fields) = &node.kind else { return None };
    let field = fields.iter().find(|field| field.key == key)?;
    field.value.scalar().map(|scalar| scalar.text.as_str())
}

pub(super) fn ids_of(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| field_text(node, "id").unwrap_or_default().to_owned()).collect()
}

/// The ids of steps and of the steps inside them.
pub(super) fn ids_in(nodes: &[Node]) -> Vec<String> {
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
pub(super) fn needs_of(node: &Node) -> Option<(&str, Vec<&str>)> {
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
pub(super) fn reach<'node>(id: &str, needs: &BTreeMap<&'node str, Vec<&'node str>>) -> BTreeSet<&'node str> {
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
pub(super) fn head(node: &Node) -> Range<usize> {
    match &node.kind {
        NodeKind::Map(fields) => fields.first().map_or(node.range.clone(), |field| {
            field.key_range.start..field.value.range.end.min(field.key_range.end + 80)
        }),
        _ => node.range.clone(),
    }
}
