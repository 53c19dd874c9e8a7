//! The steps, none of which runs: what is known of each without it.

use super::find;
use super::model::{ActsIn, Asked, Back, Expected, Impact, Owner, Problem, Runs, StepPreview, Then};
use super::placeholder::placeholder;
use super::scope::{Coming, EarlyScope};
use super::{Foresight, seconds};
use crate::action::{ActionError, ErrorKind, Place, Prepared, Recorded, StepContext, Values};
use crate::chart::Chart;
use crate::decide::is_undone_by_default;
use crate::guard::{self, Permitted, Rules, Touched};
use crate::log::RunLog;
use crate::lookout::{Seen, Watch};
use crate::name;
use crate::perform::as_failure;
use crate::poller::Poller;
use crate::registry::Registry;
use crate::scope::RunScope;
use crate::start;
use crate::target::{self, Unknown};
use crate::touches::names_nothing;
use lifeboat_journal::event::Failure;
use lifeboat_journal::state::RunState;
use lifeboat_journal::target::{Access, Target};
use lifeboat_runbook::expression::Partial;
use lifeboat_runbook::id::{RunId, StepPath};
use lifeboat_runbook::plan::{Mode, Plan, Step, Undo, WaitUntil, Work};
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect, Resource, Touch, Type};
use lifeboat_runbook::template::{Template, TemplateKind};
use lifeboat_runbook::units::duration_text;
use lifeboat_runbook::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How often a look is tried again whose error passes.
const TRIES: u32 = 3;

/// One walk along the steps, which remembers what the earlier ones would do.
pub(super) struct Walk<'run> {
    foresight: &'run Foresight,
    log: Arc<RunLog>,
    state: &'run RunState,
    hands: BTreeMap<Access, (Registry, Poller)>,
    permitted: Vec<Permitted>,
    /// Whether AWS may be asked: not where the account is wrong or nobody is logged in.
    may_look: bool,
    chart: Chart,
    coming: BTreeMap<String, Coming>,
    /// What earlier steps make or change, by name, and which step does.
    changed: BTreeMap<String, String>,
}

impl<'run> Walk<'run> {
    pub(super) fn new(
        foresight: &'run Foresight,
        log: &Arc<RunLog>,
        state: &'run RunState,
        may_look: bool,
    ) -> Self {
        let Foresight { plan, catalog, clock, registry, .. } = foresight;
        let permitted = start::permitted(plan, catalog, state, clock.now()).unwrap_or_default();
        Self {
            foresight,
            log: log.clone(),
            state,
            hands: BTreeMap::from([(
                foresight.aim.access.clone(),
                (registry.clone(), Poller::new(clock.clone(), registry.clone())),
            )]),
            permitted,
            may_look,
            coming: BTreeMap::new(),
            chart: Chart::of(&foresight.plan),
            changed: BTreeMap::new(),
        }
    }

    /// These steps and those inside them, in order.
    pub(super) async fn all(&mut self, steps: &[Step]) -> Vec<StepPreview> {
        let mut previews = Vec::new();
        for step in steps {
            let preview = self.step(step).await;
            let goes_in = !preview.is_skipped() && !matches!(step.work, Work::Runbook { .. });
            previews.push(preview);
            if goes_in {
                previews.extend(Box::pin(self.all(step.children())).await);
            }
        }
        previews
    }

    fn scope(&self) -> EarlyScope<'_> {
        let Foresight { plan, catalog, clock, .. } = self.foresight;
        let (state, now) = (self.state, clock.now());
        let run = RunScope {
            plan,
            chart: &self.chart,
            catalog,
            state,
            own: None,
            item: None,
            own_outputs: None,
            keyring: None,
            now,
        };
        EarlyScope { run, coming: &self.coming }
    }

    async fn step(&mut self, step: &Step) -> StepPreview {
        let spec = step.action().and_then(|action| self.foresight.catalog.get(action));
        let mut preview = self.outline(step, spec);
        let mut prepared = None;
        if !preview.is_skipped() && step.action().is_some() {
            self.aim(&mut preview, step).await;
        }
        if !preview.is_skipped() {
            preview.asks = self.asks(step);
            if let (Some(spec), Work::Action { with, .. }) = (spec, &step.work) {
                self.parameters(&mut preview, spec, with);
                prepared = self.prepare(&mut preview, step, spec).await;
                preview.impacts = self.impacts(&preview, step, spec, with).await;
                self.remember_changes(&preview, step, spec);
            }
        }
        let coming = match preview.is_skipped() {
            true => Coming::Skipped,
            false => Coming::Later(prepared.map(Box::new)),
        };
        self.coming.insert(step.id.clone(), coming);
        preview
    }

    /// What is known of a step from the runbook alone.
    fn outline(&self, step: &Step, spec: Option<&'static ActionSpec>) -> StepPreview {
        let mut preview = StepPreview {
            step: step.path.clone(),
            name: step.name.clone(),
            kind: step.kind(),
            action: step.action().map(str::to_owned),
            effect: step.effect,
            acts_in: ActsIn::Own,
            runs: Runs::Yes,
            with: Values::new(),
            pending: BTreeMap::new(),
            makes: BTreeMap::new(),
            resolved: Values::new(),
            changes: BTreeMap::new(),
            findings: Vec::new(),
            not_prepared: None,
            impacts: Vec::new(),
            wait: wait(step, spec),
            expected_s: None,
            expected_source: None,
            commit: step.commit == Some(true),
            asks: None,
            problem: None,
        };
        if let Some((seconds, source)) = expected_of(step) {
            (preview.expected_s, preview.expected_source) = (Some(seconds), Some(source));
        }
        match self.runs(step) {
            Ok(runs) => preview.runs = runs,
            Err(message) => preview.problem = Some(problem(step, "expression", message)),
        }
        preview
    }

    fn runs(&self, step: &Step) -> Result<Runs, String> {
        let Some(expression) = &step.condition else { return Ok(Runs::Yes) };
        let (scope, condition) = (self.scope(), expression.text.clone());
        match expression.evaluate_partly(&scope) {
            Ok(Partial::Known(Value::Bool(true))) => Ok(Runs::Yes),
            Ok(Partial::Known(Value::Bool(false))) => {
                let values = expression.explain(&scope).into_iter();
                let values = values.map(|(name, value)| (name, value.to_string())).collect();
                Ok(Runs::Skipped { condition, values })
            }
            Ok(Partial::Known(other)) => Err(format!("`if: {condition}` is {}, not a boolean", other.kind())),
            Ok(Partial::Pending(on)) => Ok(Runs::Depends { condition, on }),
            Err(error) => Err(format!("`if: {condition}`: {}", error.message)),
        }
    }

    fn evaluate(&self, template: &Template, wanted: Type) -> Result<(Value, Vec<String>), String> {
        let Foresight { plan, catalog, .. } = self.foresight;
        let mut pending = Vec::new();
        let shown = |expression: &_, names: &[String]| placeholder(expression, names, wanted, plan, catalog);
        let value = template.evaluate_partly(&self.scope(), &shown, &mut pending);
        value.map(|value| (value, pending)).map_err(|error| error.message)
    }

    fn parameters(&self, preview: &mut StepPreview, spec: &ActionSpec, with: &BTreeMap<String, Template>) {
        for (name, template) in with {
            let kind = spec.parameter(name).map_or(Type::Any, |parameter| parameter.kind);
            let read = self.evaluate(template, kind).and_then(|(value, pending)| {
                let value = match pending.is_empty() {
                    true => kind.read(value).map_err(|mismatch| mismatch.to_string())?,
                    false => value,
                };
                Ok((value, pending))
            });
            match read {
                Ok((value, pending)) => {
                    preview.with.insert(name.clone(), value);
                    if !pending.is_empty() {
                        preview.pending.insert(name.clone(), pending);
                    }
                }
                Err(message) => {
                    let message = format!("the parameter `{name}`: {message}");
                    let failure = failure("parameter", message);
                    preview.problem = Some(Problem::new(preview.step.as_str(), failure, Then::Fails));
                }
            }
        }
    }

    /// What `prepare` finds, where everything it looks at is known.
    async fn prepare(&self, preview: &mut StepPreview, step: &Step, spec: &ActionSpec) -> Option<Prepared> {
        if preview.problem.is_some() {
            return None;
        }
        if let Some(why) = self.cannot_prepare(preview) {
            preview.not_prepared = Some(why);
            return None;
        }
        let hands = self.hands_of(&preview.acts_in);
        let Some(action) = hands.and_then(|(registry, _)| registry.action(spec.name)) else {
            let message = format!("the action `{}` is not in this build", spec.name);
            preview.problem = Some(problem(step, "not_in_this_build", message));
            return None;
        };
        let cx = self.context(step, self.place(&preview.acts_in), preview.with.clone());
        match self.patiently(|| action.prepare(&cx)).await {
            Ok(prepared) => {
                let pattern = |text: &str| name::pattern(text, &cx.run, &cx.path, cx.attempt);
                let names = prepared.names.iter();
                preview.makes = names.map(|(name, text)| (name.clone(), pattern(text))).collect();
                preview.resolved = prepared.resolved.clone();
                preview.changes = changes(&prepared.captured, &preview.with);
                preview.findings = prepared.findings.iter().map(|finding| pattern(finding)).collect();
                Some(prepared)
            }
            Err(error) => {
                preview.problem = Some(self.judged(preview, error));
                None
            }
        }
    }

    fn cannot_prepare(&self, preview: &StepPreview) -> Option<String> {
        if !self.may_look {
            return Some("AWS was not asked".to_owned());
        }
        if preview.acts_in == ActsIn::Later {
            return Some("where it acts depends on steps before it".to_owned());
        }
        let mut names: Vec<&str> = preview.pending.values().flatten().map(String::as_str).collect();
        names.dedup();
        (!names.is_empty()).then(|| format!("waits for {}", names.join(", ")))
    }

    /// What an error of `prepare` means for the run: nothing certain where an earlier step changes what it is about.
    fn judged(&self, preview: &StepPreview, error: ActionError) -> Problem {
        let texts = preview.with.values().filter_map(Value::as_str);
        let changed = texts.filter_map(|text| self.changed.get(text)).next();
        let mut failure = as_failure(error);
        let then = match changed {
            Some(by) => {
                failure.message = format!("as things are now: {}; {by} changes that before", failure.message);
                Then::Unclear
            }
            None => Then::Fails,
        };
        Problem::new(preview.step.as_str(), failure, then)
    }

    /// Works out where a step acts, and takes the credentials for it.
    async fn aim(&mut self, preview: &mut StepPreview, step: &Step) {
        let Foresight { plan, outside, clock, .. } = self.foresight;
        let Some(started) = &self.state.started else { return };
        let aimed = {
            let scope = self.scope();
            let text = |own: &StepPath, template: &Template| {
                let scope = EarlyScope { run: scope.run.of(own), coming: scope.coming };
                let mut pending = Vec::new();
                let shown = |_: &_, _: &[String]| String::new();
                let value = template.evaluate_partly(&scope, &shown, &mut pending)?;
                Ok(pending.is_empty().then(|| value.to_string()))
            };
            target::aimed(plan, &self.chart, started, &step.path, &text)
        };
        let aiming = match aimed {
            Ok(None) => return,
            Ok(Some(aiming)) => aiming.target(),
            Err(Unknown::Later) => {
                preview.acts_in = ActsIn::Later;
                return;
            }
            Err(Unknown::Wrong(error)) => Err(error),
        };
        let outcome = match aiming {
            Err(error) => Err(error),
            Ok(target) if target == started.target() => return,
            Ok(target) => {
                preview.acts_in = ActsIn::Other(target.clone());
                if !self.may_look || self.hands.contains_key(&target.access) {
                    return;
                }
                outside.identity.registry(&target).await.map(|registry| (target.access, registry))
            }
        };
        match outcome {
            Ok((access, registry)) => {
                let poller = Poller::new(clock.clone(), registry.clone());
                self.hands.insert(access, (registry, poller));
            }
            Err(error) => {
                preview.problem = Some(Problem::new(step.path.as_str(), as_failure(error), Then::Fails));
            }
        }
    }

    fn place(&self, acts_in: &ActsIn) -> Place {
        let own = || Place { account: self.account(), region: self.foresight.aim.region.clone() };
        match acts_in {
            ActsIn::Own | ActsIn::Later => own(),
            ActsIn::Other(Target { account, region, .. }) => {
                Place { account: account.clone(), region: region.clone() }
            }
        }
    }

    fn hands_of(&self, acts_in: &ActsIn) -> Option<&(Registry, Poller)> {
        match acts_in {
            ActsIn::Own => self.hands.get(&self.foresight.aim.access),
            ActsIn::Other(target) => self.hands.get(&target.access),
            ActsIn::Later => None,
        }
    }

    fn context(&self, step: &Step, place: Place, with: Values) -> StepContext {
        let Foresight { plan, start, clock, .. } = self.foresight;
        let now = clock.now();
        StepContext {
            run: self.state.run.clone().unwrap_or_else(|| RunId::new("")),
            runbook: plan.name.clone(),
            path: step.path.clone(),
            attempt: 1,
            mode: start.mode,
            effect: step.effect,
            place,
            with,
            wait_for: match &step.wait.until {
                WaitUntil::Readiness(name) => Some(name.clone()),
                _ => None,
            },
            run_started_at: start.disrupted_at.unwrap_or(now),
            prepared: Prepared::default(),
            recorded: Recorded::default(),
            now,
            notes: self.log.clone(),
            adopted: false,
        }
    }

    fn account(&self) -> String {
        self.state.started.as_ref().map(|started| started.account.clone()).unwrap_or_default()
    }

    /// Looks, again where an error passes by itself.
    async fn patiently<T, F: Future<Output = Result<T, ActionError>>>(
        &self,
        look: impl Fn() -> F,
    ) -> Result<T, ActionError> {
        let mut tries = 0;
        loop {
            match look().await {
                Err(error) if error.kind == ErrorKind::Transient && tries < TRIES => {
                    self.foresight.clock.sleep(Duration::from_secs(1 << tries)).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// What the step affects besides what it makes, and what the guards say of each.
    async fn impacts(
        &self,
        preview: &StepPreview,
        step: &Step,
        spec: &ActionSpec,
        with: &BTreeMap<String, Template>,
    ) -> Vec<Impact> {
        let mut impacts = Vec::new();
        for touch in spec.touches.iter().filter(|touch| changes_something(touch.effect)) {
            if let Some(template) = with.get(touch.parameter) {
                impacts.push(self.impact(&preview.acts_in, step, *touch, template).await);
            }
        }
        let Some(effect) = step.effect.filter(|effect| spec.effect.is_none() && changes_something(*effect))
        else {
            return impacts;
        };
        for template in &step.touches {
            let touch = Touch { effect, parameter: "touches", kind: "unknown" };
            impacts.push(self.impact(&preview.acts_in, step, touch, template).await);
        }
        if step.touches.is_empty() && self.foresight.start.mode == Mode::Drill {
            let refused = Problem::new(step.path.as_str(), as_failure(names_nothing(effect)), Then::Fails);
            impacts.push(Impact {
                effect,
                kind: "unknown".to_owned(),
                id: "‹not named›".to_owned(),
                owner: Owner::NotKnown,
                needs: None,
                problem: Some(refused),
            });
        }
        impacts
    }

    async fn impact(&self, acts_in: &ActsIn, step: &Step, touch: Touch, template: &Template) -> Impact {
        let (effect, kind) = (touch.effect, touch.kind.to_owned());
        let (id, pending) = match self.evaluate(template, Type::String) {
            Ok((value, pending)) => (value.to_string(), !pending.is_empty()),
            // The parameter itself says what is wrong with it.
            Err(_) => ("‹not known›".to_owned(), true),
        };
        let made = self.changed.get(&id).is_some_and(|by| self.makes(by, &id));
        let owner = match (pending, self.is_made_here(template) || made) {
            (_, true) => Owner::Run,
            (true, false) => Owner::NotKnown,
            (false, false) => Owner::Others,
        };
        let (mut needs, mut refused) = (None, None);
        if owner == Owner::Others
            && let Err(error) = self.permit(acts_in, step, touch, &id).await
        {
            match error.code.as_str() {
                "not_confirmed" => needs = Some(format!("--confirm-destroy {id}")),
                _ => refused = Some(Problem::new(step.path.as_str(), as_failure(error), Then::Fails)),
            }
        }
        Impact { effect, kind, id, owner, needs, problem: refused }
    }

    /// Whether `id` is the name of what the step `by` makes.
    fn makes(&self, by: &str, id: &str) -> bool {
        match self.coming.get(by) {
            Some(Coming::Later(Some(prepared))) => prepared.names.values().any(|name| name == id),
            _ => false,
        }
    }

    /// Whether a parameter is the name of what an earlier step would have made.
    fn is_made_here(&self, template: &Template) -> bool {
        let TemplateKind::Whole(expression) = &template.kind else { return false };
        let Some(rest) = expression.text.strip_prefix("steps.") else { return false };
        let Some((id, output)) = rest.split_once(".outputs.") else { return false };
        let Foresight { plan, catalog, .. } = self.foresight;
        let Some(source) = find(&plan.steps, id) else { return false };
        let spec = source.action().and_then(|action| catalog.get(action));
        let touches = spec.map_or(&[][..], |spec| spec.touches);
        let creates = |touch: &Touch| touch.effect == Effect::Create && touch.parameter == output;
        let named = match self.coming.get(id) {
            Some(Coming::Later(Some(prepared))) => prepared.names.contains_key(output),
            Some(Coming::Later(None)) => false,
            Some(Coming::Skipped) | None => return false,
        };
        source.effect == Some(Effect::Create) && (named || touches.iter().any(creates))
    }

    async fn permit(&self, acts_in: &ActsIn, step: &Step, touch: Touch, id: &str) -> Result<(), ActionError> {
        let place = self.place(acts_in);
        let hands = self.hands_of(acts_in).filter(|_| self.may_look);
        let lookout = hands.and_then(|(registry, poller)| Some((registry.lookout(touch.kind)?, poller)));
        let seen = match lookout {
            Some((lookout, poller)) => {
                let watch = Watch { kind: touch.kind, place: place.clone(), id: lookout.fold(id) };
                // Where nobody can look, tags are not known, and nothing is permitted by them.
                self.patiently(|| poller.look(&watch)).await.unwrap_or_else(|_| Seen::absent(id))
            }
            None => Seen::absent(id),
        };
        let known = seen.attributes.get("arn").and_then(Value::as_str).map(str::to_owned);
        let arn = known.or_else(|| id.starts_with("arn:").then(|| id.to_owned()));
        let Place { account, region } = place;
        let resource = Resource { kind: touch.kind.to_owned(), id: id.to_owned(), account, region, arn };
        let touched = Touched { effect: touch.effect, resource, tags: seen.tags };
        let rules = Rules {
            mode: self.foresight.start.mode,
            created: &[],
            permitted: &self.permitted,
            confirmed: &BTreeSet::new(),
        };
        guard::permit(&rules, step.action().unwrap_or_default(), &touched)
    }

    /// Names that mean something else once this step has run.
    fn remember_changes(&mut self, preview: &StepPreview, step: &Step, spec: &ActionSpec) {
        if step.effect == Some(Effect::Read) {
            return;
        }
        let text = |parameter: &&lifeboat_runbook::spec::Parameter| {
            preview.with.get(parameter.name).and_then(Value::as_str).map(str::to_owned)
        };
        let strings = spec.parameters.iter().filter(|parameter| parameter.kind == Type::String);
        let texts = strings.filter_map(|parameter| text(&parameter));
        for text in texts.chain(preview.makes.values().cloned()) {
            self.changed.entry(text).or_insert_with(|| step.id.clone());
        }
    }

    fn asks(&self, step: &Step) -> Option<Asked> {
        let options = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let (text, who, options, timeout, on_timeout): (_, _, Vec<String>, _, _) = match &step.work {
            Work::Manual(it) => {
                (&it.instructions, Vec::new(), options(&["done", "failed"]), it.timeout, &it.on_timeout)
            }
            Work::Decide(it) => {
                let ids = it.options.iter().map(|option| option.id.clone()).collect();
                let who = it.role.iter().map(|role| format!("role:{role}")).collect();
                (&it.question, who, ids, it.timeout, &it.on_timeout)
            }
            Work::Approve(it) => {
                (&it.message, it.from.clone(), options(&["approve", "reject"]), it.timeout, &it.on_timeout)
            }
            _ => return None,
        };
        let text = match self.evaluate(text, Type::String) {
            Ok((value, _)) => value.to_string(),
            Err(message) => format!("‹{message}›"),
        };
        let (timeout_s, on_timeout) = (timeout.map(seconds), on_timeout.clone());
        Some(Asked { text, who, options, timeout_s, on_timeout })
    }
}

fn changes_something(effect: Effect) -> bool {
    matches!(effect, Effect::Modify | Effect::Destroy)
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, hint: None, refused: true }
}

fn problem(step: &Step, code: &str, message: String) -> Problem {
    Problem::new(step.path.as_str(), failure(code, message), Then::Fails)
}

/// What is waited for, and how long at most.
fn wait(step: &Step, spec: Option<&ActionSpec>) -> Option<String> {
    let spec = spec?;
    let what = match &step.wait.until {
        WaitUntil::None => return None,
        WaitUntil::Readiness(name) => name.clone(),
        WaitUntil::Expression(until) => until.text.clone(),
        WaitUntil::Default => spec.readiness.first()?.name.to_owned(),
    };
    let default = chrono::TimeDelta::seconds(i64::from(spec.timeout_seconds));
    let limit = step.wait.timeout.or(step.timeout).unwrap_or(default);
    Some(format!("{what}, at most {}", duration_text(limit)))
}

/// How long a step usually takes, and who says so.
fn expected_of(step: &Step) -> Option<(f64, String)> {
    if let Some(expect) = step.expect {
        return Some((seconds(expect), step.expect_source.as_ref()?.words().to_owned()));
    }
    match step.work {
        Work::Pause(time) => Some((seconds(time), "the pause itself".to_owned())),
        _ => None,
    }
}

/// Values that will be overwritten: those that `prepare` captured under `before`, and what takes their place.
fn changes(captured: &Values, with: &Values) -> BTreeMap<String, (String, String)> {
    let Some(Value::Map(before)) = captured.get("before") else { return BTreeMap::new() };
    let after = |name: &String| with.get(name).map(ToString::to_string);
    let changed = before.iter().filter_map(|(name, value)| {
        let after = after(name)?;
        Some((name.clone(), (value.to_string(), after)))
    });
    changed.collect()
}

/// What an undo takes back, the last step first.
pub(super) fn takes_back(plan: &Plan, catalog: &Catalog, steps: &[StepPreview]) -> Vec<Back> {
    let mut backs = Vec::new();
    let mut until = None;
    for preview in steps.iter().rev().filter(|preview| !preview.is_skipped()) {
        let Some(step) = plan.step(&preview.step) else { continue };
        if let Some(how) = way_back(step, catalog) {
            backs.push(Back { step: step.path.clone(), how, until: until.clone() });
        }
        // Going back, the last one met is the first to start: from then on nothing before it is taken back.
        if step.commit == Some(true) {
            until = Some(step.path.clone());
        }
    }
    backs
}

fn way_back(step: &Step, catalog: &Catalog) -> Option<String> {
    let spec = step.action().and_then(|action| catalog.get(action));
    if !is_undone_by_default(step, catalog) {
        return None;
    }
    match &step.undo {
        Undo::Action { action, .. } => Some(format!("by {action}")),
        _ => Some(spec?.undo?.to_owned()),
    }
}

/// How long the steps take together.
pub(super) fn expected(steps: &[StepPreview]) -> Expected {
    let mut expected = Expected::default();
    for step in steps {
        match (&step.runs, step.expected_s) {
            (Runs::Skipped { .. }, _) => {}
            (Runs::Yes, Some(seconds)) => expected.seconds += seconds,
            (Runs::Depends { .. }, Some(seconds)) => expected.at_most_more += seconds,
            (_, None) => expected.not_known.push(step.step.clone()),
        }
    }
    expected
}
