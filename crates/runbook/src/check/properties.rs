//! The keys of a step beside what it does: waiting, retrying, undoing, marks, and what follows from them.

use super::Closure;
use super::file::identifier;
use super::names::Outputs;
use super::reader::Fields;
use super::steps::{Phase, Steps};
use crate::expression::Expression;
use crate::id::MarkName;
use crate::keys;
use crate::node::{Node, NodeKind};
use crate::plan::{
    Allow, AllowedResource, ExpectSource, InputDeclaration, MARKS, MarkMoment, Mode, OnFail, RecoveryPoint,
    Retry, Step, Undo, Wait, WaitUntil, Work,
};
use crate::spec::{ASSUMED, ActionSpec, Effect, Type};
use crate::suggestion::nearest;
use crate::template::{Template, TemplateKind};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::ops::Range;

/// Error codes a runbook may name besides AWS's own, which begin with a capital letter.
const ERRORS: [&str; 7] = ["connect", "timeout", "auth", "tls", "sql", "assert", "throttled"];

impl Steps<'_, '_, '_> {
    pub(super) fn effect(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&'static ActionSpec>,
        work: &Work,
    ) -> Option<Effect> {
        let said = self
            .reader
            .word(fields, "effect", &["read", "create", "modify", "destroy"])
            .and_then(Effect::from_word);
        let own = spec.and_then(|spec| spec.effect);
        if let (Some(said), Some(own), Some(field)) = (said, own, fields.field("effect"))
            && said < own
        {
            let message = format!("the action is there to {}, and `effect` says less", own.word());
            let help = "take it out; a step may only be said to do more than its action does";
            self.reader.error("effect-less", field.value.range.clone(), message, help);
        }
        let effect = said.max(own);
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

    pub(super) fn wait(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&'static ActionSpec>,
        outputs: &Outputs,
    ) -> Wait {
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

    pub(super) fn known_readiness(&mut self, name: &str, spec: &ActionSpec, range: Range<usize>) {
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

    pub(super) fn retry(&mut self, fields: &Fields<'_>) -> Option<Retry> {
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

    pub(super) fn asserts(&mut self, fields: &Fields<'_>, outputs: &Outputs) -> Vec<Expression> {
        let asserts = self.reader.expressions(fields, "assert");
        let own = self.names.own.replace(outputs.clone());
        for assert in &asserts {
            self.judge(assert, Some(Type::Boolean));
        }
        self.names.own = own;
        asserts
    }

    pub(super) fn on_fail(&mut self, fields: &Fields<'_>) -> Option<OnFail> {
        self.reader.word(fields, "on_fail", &["refuse", "ask", "warn"]).map(|word| match word {
            "refuse" => OnFail::Refuse,
            "ask" => OnFail::Ask,
            _ => OnFail::Warn,
        })
    }

    pub(super) fn undo(&mut self, fields: &Fields<'_>) -> Undo {
        let Some(node) = fields.get("undo") else { return Undo::Default };
        if node.scalar().is_some() {
            return match self.reader.word(fields, "undo", &["true", "false"]) {
                Some("false") => Undo::Never,
                Some(_) => Undo::Own,
                None => Undo::Default,
            };
        }
        let Some(undo) = self.reader.fields(node, &keys::UNDO) else { return Undo::Default };
        let Some(action) = self.reader.text(&undo, "action") else { return Undo::Default };
        let spec = undo.get("action").and_then(|node| self.known_action(&action, node.range.clone()));
        Undo::Action { with: self.with(&undo, spec), action }
    }

    pub(super) fn marks(&mut self, fields: &Fields<'_>) -> BTreeMap<MarkMoment, MarkName> {
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

    pub(super) fn mark(&mut self, node: &Node) -> Option<MarkName> {
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

    pub(super) fn recovery_point(&mut self, fields: &Fields<'_>, outputs: &Outputs) -> Option<RecoveryPoint> {
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

    pub(super) fn touches(&mut self, fields: &Fields<'_>) -> Vec<Template> {
        let nodes = match fields.get("touches").map(|node| (&node.kind, node)) {
            None => return Vec::new(),
            Some((NodeKind::List(items), _)) => items.iter().collect(),
            Some((_, node)) => vec![node],
        };
        nodes.into_iter().map(|node| self.typed_template(node, Type::Any, false)).collect()
    }

    pub(super) fn expected(
        &mut self,
        fields: &Fields<'_>,
        spec: Option<&'static ActionSpec>,
    ) -> Option<(TimeDelta, ExpectSource)> {
        if let Some(said) = self.reader.duration(fields, "expect") {
            return Some((said, ExpectSource::Runbook));
        }
        let typical = spec.and_then(|spec| spec.typical.first())?;
        let source = match typical.source {
            ASSUMED => ExpectSource::Assumed,
            source => ExpectSource::Published(source.to_owned()),
        };
        Some((TimeDelta::seconds(i64::from(typical.seconds)), source))
    }

    pub(super) fn limits(&mut self, fields: &Fields<'_>, step: &Step) {
        let (Some(whole), Some(wait)) = (step.timeout, step.wait.timeout) else { return };
        if wait > whole {
            let range = fields.field("timeout").map_or(0..0, |field| field.value.range.clone());
            let message = "`wait.timeout` is longer than `timeout`, which holds the wait too";
            self.reader.error("timeouts", range, message, "make `timeout` longer, or `wait.timeout` shorter");
        }
    }

    pub(super) fn warn_of_cut_over(
        &mut self,
        step: &Step,
        spec: Option<&'static ActionSpec>,
        range: &Range<usize>,
    ) {
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
        for step in steps.iter().filter(|step| step.may_run_in(Mode::Drill)) {
            self.warn_of_the_drill_guard(step.children(), allow, inputs);
            let Work::Action { action, with, .. } = &step.work else { continue };
            let Some(spec) = self.closure.catalog.get(action) else { continue };
            for touch in spec.touches.iter().filter(|touch| touch.effect >= Effect::Modify) {
                let Some(template) = with.get(touch.parameter) else { continue };
                let Some(id) = foreseeable(template, inputs) else { continue };
                let by_default = touch.effect == Effect::Modify;
                let for_action = |entry: &&Allow| match entry.actions.as_slice() {
                    [] => by_default,
                    actions => actions.contains(action),
                };
                let permitted = allow.iter().filter(for_action).any(|entry| match &entry.resource {
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
}

pub(super) fn work_spec(work: &Work, closure: &Closure<'_>) -> Option<&'static ActionSpec> {
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
