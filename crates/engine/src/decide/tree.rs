//! The tree of steps as it stands: kept from event to event.
//!
//! `loops` gives items their turns; `whole` decides what concerns no single step: phases, stops, undo, marks, the end.

mod loops;
mod whole;

use super::ending::policy;
use super::groups::Inside;
use super::{Command, Decision, Here, Policy, Standing, over};
use crate::chart::Chart;
use chrono::{DateTime, Utc};
use lifeboat_journal::event::{Event, EventKind, Phase};
use lifeboat_journal::state::{RunState, StepStatus};
use lifeboat_runbook::expression::Expression;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{OnFailure, Plan, Step, Work};
use lifeboat_runbook::spec::Catalog;
use loops::Loop;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Decides event by event what is next. It is derived from plan and state and can be made anew from them at any time.
pub struct Decider<'plan> {
    plan: &'plan Plan,
    chart: &'plan Chart,
    catalog: &'plan Catalog,
    nodes: Vec<Node<'plan>>,
    by_path: BTreeMap<StepPath, usize>,
    preflight: usize,
    steps: usize,
    cleanup: Option<usize>,
    /// Nodes that must be looked at again.
    jobs: VecDeque<usize>,
    /// Nodes of which something is due that nobody was told of yet.
    news: Vec<usize>,
    /// What is due of the run as a whole, and was told.
    told: Vec<Command>,
    /// How many actions are under way.
    in_flight: usize,
    /// Nodes that may have earned a mark.
    marks: BTreeSet<usize>,
    /// The first step of the plan that has started: its place and when.
    responding: Option<(usize, DateTime<Utc>)>,
    undo: UndoPlace,
}

/// How far the order in which steps started has been gone through, from its end.
#[derive(Default)]
struct UndoPlace {
    phase: Option<Phase>,
    /// Steps from here on started after the going through began.
    seen: usize,
    /// Steps from here on need nothing any more.
    at: usize,
    /// How many have been looked through for a point of no return, and the last one found.
    counted: usize,
    committed: Option<usize>,
}

struct Node<'plan> {
    /// Nothing for a list of steps that is no step itself: a phase, the item of a loop.
    step: Option<&'plan Step>,
    path: StepPath,
    parent: Option<usize>,
    /// Its place among the children of its parent.
    place: usize,
    policy: Policy,
    kind: Kind,
    active: bool,
    standing: Standing,
    after: Vec<u64>,
    cut: Option<String>,
    due: Vec<Command>,
    /// What of `due` nobody was told of yet.
    news: Vec<Command>,
    in_flight: bool,
    /// The event that ended the last of it that did something.
    ended: Option<u64>,
}

enum Kind {
    Leaf,
    List {
        children: Vec<usize>,
        at: usize,
        after: Vec<u64>,
        /// Whether a failure stops none of the others.
        each_for_itself: bool,
    },
    Parallel {
        children: Vec<usize>,
        unmet: Vec<usize>,
        dependents: Vec<Vec<usize>>,
        opened: bool,
        tally: Tally,
    },
    Loop(Box<Loop>),
}

#[derive(Default)]
struct Tally {
    active: usize,
    failed: usize,
    held: usize,
}

impl Tally {
    fn count(&mut self, standing: Standing) -> Option<&mut usize> {
        match standing {
            Standing::Active => Some(&mut self.active),
            Standing::Failed => Some(&mut self.failed),
            Standing::Held => Some(&mut self.held),
            Standing::Idle | Standing::Done | Standing::Cut => None,
        }
    }

    fn moved(&mut self, old: Standing, new: Standing) {
        if let Some(count) = self.count(old) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.count(new) {
            *count += 1;
        }
    }
}

/// What steps take over from what holds them.
#[derive(Clone, Copy)]
struct Around {
    contained: bool,
    chosen: Option<OnFailure>,
    /// Whether what is inside is known before the first step.
    known: bool,
}

/// Names whose values are known before the first step.
const KNOWN: [&str; 5] = ["inputs", "objectives", "run", "target", "preflight"];

impl<'plan> Decider<'plan> {
    /// What is next in `state`. `chart` must be that of `plan`.
    pub fn new(plan: &'plan Plan, chart: &'plan Chart, catalog: &'plan Catalog, state: &RunState) -> Self {
        let mut decider = Self {
            plan,
            chart,
            catalog,
            nodes: Vec::new(),
            by_path: BTreeMap::new(),
            preflight: 0,
            steps: 0,
            cleanup: None,
            jobs: VecDeque::new(),
            news: Vec::new(),
            told: Vec::new(),
            in_flight: 0,
            marks: BTreeSet::new(),
            responding: None,
            undo: UndoPlace::default(),
        };
        let around = Around { contained: false, chosen: plan.on_failure, known: true };
        let runbook = StepPath::new("");
        decider.preflight = decider.add_list(&plan.preflight, &runbook, around, state, false);
        decider.steps = decider.add_list(&plan.steps, &runbook, around, state, false);
        decider.enter(state);
        decider.settle(state);
        decider.set_turns(state);
        decider.settle(state);
        decider
    }

    /// What has become due by `events`; `state` is after them.
    pub fn on(&mut self, events: &[Event], state: &RunState) -> Vec<Command> {
        if events.iter().any(|event| begins_anew(&event.kind)) {
            *self = Self::new(self.plan, self.chart, self.catalog, state);
        } else {
            for event in events {
                if matches!(event.kind, EventKind::PhaseEntered { .. }) {
                    self.enter(state);
                }
                if let Some(node) = event.step.as_ref().and_then(|path| self.by_path.get(path)) {
                    self.touch(*node, state);
                }
            }
            self.settle(state);
        }
        match self.of_the_run(state) {
            Some(commands) => {
                let news = commands.iter().filter(|command| !self.told.contains(command)).cloned().collect();
                self.told = commands;
                news
            }
            None => {
                self.told.clear();
                let news = std::mem::take(&mut self.news);
                news.into_iter().flat_map(|node| std::mem::take(&mut self.nodes[node].news)).collect()
            }
        }
    }

    /// Everything that is due, also what was told before.
    pub fn due(&mut self, state: &RunState) -> Vec<Command> {
        match self.of_the_run(state) {
            Some(commands) => commands,
            None => self.nodes.iter().filter(|node| node.active).flat_map(|node| node.due.clone()).collect(),
        }
    }

    /// What is due of the step at `path`, also what was told before.
    pub fn due_of(&mut self, path: &StepPath, state: &RunState) -> Vec<Command> {
        let due = match (self.of_the_run(state), self.by_path.get(path)) {
            (Some(commands), _) => commands,
            (None, Some(node)) => self.nodes[*node].due.clone(),
            (None, None) => Vec::new(),
        };
        due.into_iter().filter(|command| command.busy_with() == Some(path)).collect()
    }

    fn decision<'run>(&self, state: &'run RunState) -> Decision<'run>
    where
        'plan: 'run,
    {
        Decision { plan: self.plan, chart: self.chart, catalog: self.catalog, state }
    }

    fn add_list(
        &mut self,
        steps: &'plan [Step],
        own: &StepPath,
        around: Around,
        state: &RunState,
        each_for_itself: bool,
    ) -> usize {
        let kind = Kind::List { children: Vec::new(), at: 0, after: Vec::new(), each_for_itself };
        let list = self.push(None, own.clone(), kind, Policy::Undo);
        let children = steps.iter().map(|step| self.add(step, own, around, state)).collect();
        self.adopt(list, children);
        list
    }

    fn push(&mut self, step: Option<&'plan Step>, path: StepPath, kind: Kind, policy: Policy) -> usize {
        self.nodes.push(Node {
            step,
            path,
            parent: None,
            place: 0,
            policy,
            kind,
            active: false,
            standing: Standing::Idle,
            after: Vec::new(),
            cut: None,
            due: Vec::new(),
            news: Vec::new(),
            in_flight: false,
            ended: None,
        });
        self.nodes.len() - 1
    }

    fn adopt(&mut self, parent: usize, found: Vec<usize>) {
        for (place, child) in found.iter().enumerate() {
            self.nodes[*child].parent = Some(parent);
            self.nodes[*child].place = place;
        }
        match &mut self.nodes[parent].kind {
            Kind::List { children, .. } | Kind::Parallel { children, .. } => *children = found,
            Kind::Leaf | Kind::Loop(_) => {}
        }
    }

    /// Adds a step and what is inside it; `own` is a path beside it.
    fn add(&mut self, step: &'plan Step, own: &StepPath, around: Around, state: &RunState) -> usize {
        let path = own.beside(&step.path).unwrap_or_else(|| step.path.clone());
        let policy = policy(&self.decision(state), around.contained, step.on_failure.or(around.chosen));
        let inner = Around {
            contained: around.contained || step.continue_on_error,
            chosen: step.on_failure.or(around.chosen),
            known: around.known && step.condition.is_none(),
        };
        let list = || Kind::List { children: Vec::new(), at: 0, after: Vec::new(), each_for_itself: false };
        let kind = match &step.work {
            Work::Parallel(steps) => parallel(steps),
            Work::Sequence(_) | Work::Runbook { .. } => list(),
            Work::Foreach { max_failures, .. } => Kind::Loop(Box::new(Loop::new(Around {
                contained: inner.contained || *max_failures > 0,
                known: false,
                ..inner
            }))),
            _ => Kind::Leaf,
        };
        let node = self.push(Some(step), path.clone(), kind, policy);
        self.by_path.insert(path.clone(), node);
        let children = match &step.work {
            Work::Parallel(steps) | Work::Sequence(steps) => {
                steps.iter().map(|step| self.add(step, own, inner, state)).collect()
            }
            Work::Runbook { with, plan, .. } => {
                let condition = step.condition.iter();
                let given = with.values().flat_map(|template| template.expressions());
                let known = around.known && given.chain(condition).all(is_known);
                let chosen = step.on_failure.or(plan.on_failure).or(around.chosen);
                let inner = Around { chosen, known, ..inner };
                let checks: Vec<usize> =
                    plan.preflight.iter().map(|check| self.add(check, &path, inner, state)).collect();
                // Where its inputs are known its checks come before the first step of all.
                let mut children = if known { self.join(checks) } else { checks };
                children.extend(plan.steps.iter().map(|step| self.add(step, &path, inner, state)));
                children
            }
            _ => Vec::new(),
        };
        self.adopt(node, children);
        node
    }

    /// Puts checks behind those of the runbook itself.
    fn join(&mut self, checks: Vec<usize>) -> Vec<usize> {
        let preflight = self.preflight;
        if let Kind::List { children, .. } = &self.nodes[preflight].kind {
            let all = children.iter().copied().chain(checks).collect();
            self.adopt(preflight, all);
        }
        Vec::new()
    }

    /// Steps of `cleanup`: those of runbooks that were run, and the runbook's own.
    fn add_cleanup(&mut self, state: &RunState) -> usize {
        let decision = self.decision(state);
        let mut found = Vec::new();
        let top = self.plan.steps.iter().map(|step| (step, step.path.clone())).collect();
        decision.cleanup_inside(top, &mut found);
        found.extend(self.plan.cleanup_steps().iter().map(|step| (step, StepPath::new(""))));
        let around = Around { contained: false, chosen: Some(OnFailure::Undo), known: false };
        let root = self.add_list(&[], &StepPath::new(""), around, state, true);
        let children = found.into_iter().map(|(step, own)| self.add(step, &own, around, state)).collect();
        self.adopt(root, children);
        root
    }

    fn enter(&mut self, state: &RunState) {
        let Some(phase) = state.phase else { return };
        let root = match phase {
            Phase::Preflight => self.preflight,
            Phase::Running => self.steps,
            Phase::Undoing | Phase::CleaningUp => return,
        };
        let after = state.phases.get(&phase).map(|entered| entered.seq);
        if !self.nodes[root].active {
            self.activate(root, after.into_iter().collect(), state);
        }
    }

    /// It is the turn of a node; `ready` are the events that made it so, unless its intent names them already.
    fn activate(&mut self, node: usize, ready: Vec<u64>, state: &RunState) {
        let found = &mut self.nodes[node];
        let intent = found.step.and_then(|_| state.steps.get(&found.path)?.intent.as_ref());
        let ready = intent.map_or(ready, |intent| intent.after.clone());
        found.active = true;
        if let Kind::List { after, .. } = &mut found.kind {
            after.clone_from(&ready);
        }
        found.after = ready;
        self.jobs.push_back(node);
    }

    /// An event has told something of a step.
    fn touch(&mut self, node: usize, state: &RunState) {
        if !self.nodes[node].active {
            self.take_turn(node, state);
        }
        if self.nodes[node].active {
            self.jobs.push_back(node);
        }
    }

    fn settle(&mut self, state: &RunState) {
        while let Some(node) = self.jobs.pop_front() {
            if self.nodes[node].active {
                self.judge(node, state);
            }
        }
    }

    fn judge(&mut self, index: usize, state: &RunState) {
        let decision = self.decision(state);
        let Some(step) = self.nodes[index].step else {
            let standing = self.inside(index, state);
            return self.stands(index, standing, Vec::new(), state);
        };
        if step.is_group() {
            let items_missing = matches!(step.work, Work::Foreach { .. })
                && decision.step(&self.nodes[index].path).items.is_none();
            let status = &decision.step(&self.nodes[index].path).status;
            if !status.is_over() && *status != StepStatus::Pending && !items_missing {
                let standing = self.inside(index, state);
                if matches!(standing, Standing::Active | Standing::Held) {
                    return self.stands(index, standing, Vec::new(), state);
                }
                let failed_items = self.failed_items(index, state);
                let inside = Inside { failed: standing == Standing::Failed, failed_items };
                let due = vec![decision.end_group(self.here(index, step), &inside)];
                return self.stands(index, Standing::Active, due, state);
            }
        }
        let here = self.here(index, step);
        let (standing, due) = match (&decision.step(here.path).status, step.is_group()) {
            (_, false) => decision.leaf(here),
            (StepStatus::Pending, true) => (Standing::Active, decision.begin(here)),
            (StepStatus::Failed(failure), true) => decision.failed(here, failure),
            (status, true) if status.is_over() => (over(here), Vec::new()),
            // The process died between the beginning of a loop and its items.
            (_, true) => {
                let expanded = decision.expand(here);
                (Standing::Active, vec![expanded.unwrap_or_else(|error| decision.fail(here, error))])
            }
        };
        self.stands(index, standing, due, state);
    }

    fn here<'run>(&'run self, index: usize, step: &'plan Step) -> Here<'run> {
        let node = &self.nodes[index];
        let Node { path, policy, after, cut, .. } = node;
        Here { step, path, policy: *policy, after, cut: cut.as_deref() }
    }

    /// Takes in where a node stands now, and tells what holds it.
    fn stands(&mut self, index: usize, standing: Standing, due: Vec<Command>, state: &RunState) {
        let decision = self.decision(state);
        let is_action = self.nodes[index].step.is_some_and(|step| step.action().is_some());
        if let Some(step) = self.nodes[index].step.filter(|step| !step.marks.is_empty())
            && !decision.missing_marks(step, &self.nodes[index].path).is_empty()
        {
            self.marks.insert(index);
        }
        let started = decision.step(&self.nodes[index].path).started;
        if let (Some(started), true) = (started, self.nodes[index].parent == Some(self.steps)) {
            let place = self.nodes[index].place;
            if self.responding.is_none_or(|(first, _)| place <= first) {
                self.responding = Some((place, started.at));
            }
        }
        let status = &decision.step(&self.nodes[index].path).status;
        let works = matches!(status, StepStatus::Running | StepStatus::Waiting | StepStatus::Asking);
        let in_flight = is_action && works;
        let node = &mut self.nodes[index];
        match (std::mem::replace(&mut node.in_flight, in_flight), in_flight) {
            (false, true) => self.in_flight += 1,
            (true, false) => self.in_flight -= 1,
            _ => {}
        }
        if node.due != due {
            node.news.retain(|command| due.contains(command));
            node.news.extend(due.iter().filter(|command| !node.due.contains(command)).cloned());
            node.due = due;
            if !node.news.is_empty() {
                self.news.push(index);
            }
        }
        let old = std::mem::replace(&mut node.standing, standing);
        if old != standing {
            let ended = self.ended(index, standing, state);
            self.nodes[index].ended = ended;
            self.moved(index, old, standing, state);
        }
    }

    fn ended(&self, index: usize, standing: Standing, state: &RunState) -> Option<u64> {
        let node = &self.nodes[index];
        match (node.step, &node.kind) {
            _ if matches!(standing, Standing::Idle | Standing::Active) => None,
            (Some(step), _) => self.decision(state).ended(step, &node.path),
            (None, Kind::List { children, .. }) => {
                children.iter().filter_map(|child| self.nodes[*child].ended).max()
            }
            (None, _) => None,
        }
    }

    /// A node stands otherwise than before: what holds it counts anew.
    fn moved(&mut self, index: usize, old: Standing, new: Standing, state: &RunState) {
        let Some(parent) = self.nodes[index].parent else { return };
        let place = self.nodes[index].place;
        let over = !matches!(new, Standing::Idle | Standing::Active);
        let freed = self.freed_by(index, state);
        match &mut self.nodes[parent].kind {
            Kind::Parallel { unmet, dependents, tally, children, .. } => {
                tally.moved(old, new);
                if new == Standing::Done {
                    let mut ready = Vec::new();
                    for dependent in &dependents[place] {
                        unmet[*dependent] -= 1;
                        if unmet[*dependent] == 0 {
                            ready.push(children[*dependent]);
                        }
                    }
                    for child in ready {
                        if !self.nodes[child].active {
                            let after = self.ready_by_needs(parent, child);
                            self.activate(child, after, state);
                        }
                    }
                } else if new == Standing::Failed {
                    self.cut_off(parent, place, state);
                }
            }
            Kind::Loop(each) => {
                each.tally.moved(old, new);
                if over {
                    each.running.remove(&place);
                    if let Some(seq) = freed {
                        let at = each.ended.partition_point(|ended| *ended <= seq);
                        each.ended.insert(at, seq);
                    }
                }
            }
            Kind::Leaf | Kind::List { .. } => {}
        }
        self.jobs.push_back(parent);
    }

    /// The ends of what a step in a `parallel` needs; where none of it did anything, what made the group ready.
    fn ready_by_needs(&self, parent: usize, child: usize) -> Vec<u64> {
        let needs = self.nodes[child].step.map_or(&[][..], |step| &step.needs);
        let own = &self.nodes[child].path;
        let needed = needs.iter().filter_map(|need| self.by_path.get(&own.beside(need)?));
        let mut ended: Vec<u64> = needed.filter_map(|node| self.nodes[*node].ended).collect();
        ended.sort_unstable();
        if ended.is_empty() { self.nodes[parent].after.clone() } else { ended }
    }

    /// Leaves out everything that needs a step that failed.
    fn cut_off(&mut self, parent: usize, place: usize, state: &RunState) {
        let Kind::Parallel { children, dependents, .. } = &self.nodes[parent].kind else { return };
        let mut open = vec![place];
        let mut cut = Vec::new();
        while let Some(needed) = open.pop() {
            let path = &self.nodes[children[needed]].path;
            let how = if needed == place { "failed" } else { "was left out" };
            for dependent in &dependents[needed] {
                cut.push((children[*dependent], format!("it needs {path}, which {how}")));
                open.push(*dependent);
            }
        }
        for (child, reason) in cut {
            if !self.nodes[child].active {
                self.nodes[child].cut = Some(reason);
                let after = self.nodes[parent].after.clone();
                self.activate(child, after, state);
            }
        }
    }

    fn inside(&mut self, index: usize, state: &RunState) -> Standing {
        match &self.nodes[index].kind {
            Kind::Leaf => Standing::Done,
            Kind::List { .. } => self.inside_list(index, state),
            Kind::Parallel { .. } => self.inside_parallel(index, state),
            Kind::Loop(_) => self.inside_loop(index, state),
        }
    }

    fn inside_list(&mut self, index: usize, state: &RunState) -> Standing {
        loop {
            let Kind::List { children, at, after, each_for_itself } = &self.nodes[index].kind else {
                return Standing::Done;
            };
            let Some(child) = children.get(*at).copied() else { return Standing::Done };
            if !self.nodes[child].active {
                let after = after.clone();
                self.activate(child, after, state);
                return Standing::Active;
            }
            match self.nodes[child].standing {
                Standing::Idle | Standing::Active => return Standing::Active,
                failed @ (Standing::Failed | Standing::Held) if !each_for_itself => return failed,
                _ => {}
            }
            let ended = self.nodes[child].ended;
            if let Kind::List { at, after, .. } = &mut self.nodes[index].kind {
                *at += 1;
                if let Some(ended) = ended {
                    *after = vec![ended];
                }
            }
        }
    }

    fn inside_parallel(&mut self, index: usize, state: &RunState) -> Standing {
        let Kind::Parallel { children, unmet, opened, .. } = &mut self.nodes[index].kind else {
            return Standing::Done;
        };
        if !std::mem::replace(opened, true) {
            let first = children.iter().zip(unmet.iter()).filter(|(_, unmet)| **unmet == 0);
            let first: Vec<usize> = first.map(|(child, _)| *child).collect();
            let after = self.nodes[index].after.clone();
            let any = !first.is_empty();
            for child in first {
                self.activate(child, after.clone(), state);
            }
            return if any { Standing::Active } else { Standing::Done };
        }
        let Kind::Parallel { children, tally, .. } = &self.nodes[index].kind else { return Standing::Done };
        match tally {
            Tally { active: 1.., .. } => Standing::Active,
            // Those that were made ready, and are not judged yet.
            _ if children
                .iter()
                .any(|child| self.nodes[*child].active && self.nodes[*child].standing == Standing::Idle) =>
            {
                Standing::Active
            }
            Tally { held: 1.., .. } => Standing::Held,
            Tally { failed: 1.., .. } => Standing::Failed,
            _ => Standing::Done,
        }
    }
}

fn is_known(expression: &Expression) -> bool {
    let references = expression.references();
    references
        .iter()
        .all(|reference| reference.names.first().is_some_and(|root| KNOWN.contains(&root.as_str())))
}

/// Events after which nothing that was derived holds any more; they come when a run is taken up.
fn begins_anew(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::RunStarted(_)
            | EventKind::RunResumed { .. }
            | EventKind::StepOrdered { .. }
            | EventKind::DoneByHand { .. }
            | EventKind::PlanAmended(_)
            | EventKind::RoleAssigned { .. }
            | EventKind::CleanupAsked { .. }
    )
}

fn parallel(steps: &[Step]) -> Kind {
    let places: BTreeMap<&StepPath, usize> =
        steps.iter().enumerate().map(|(place, step)| (&step.path, place)).collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    let mut unmet = vec![0; steps.len()];
    for (place, step) in steps.iter().enumerate() {
        let needed: BTreeSet<usize> =
            step.needs.iter().filter_map(|need| places.get(need).copied()).collect();
        unmet[place] = needed.len();
        for need in needed {
            dependents[need].push(place);
        }
    }
    Kind::Parallel { children: Vec::new(), unmet, dependents, opened: false, tally: Tally::default() }
}
