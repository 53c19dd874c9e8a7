//! Items and their turns.

use super::{Around, Decider, Kind, Policy, Standing, Tally};
use lifeboat_journal::state::RunState;
use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::Work;
use std::collections::BTreeSet;

pub(super) struct Loop {
    pub(super) around: Around,
    /// The items that have had a turn.
    pub(super) items: Vec<Option<usize>>,
    next: usize,
    /// Those whose turn it is, by place.
    pub(super) running: BTreeSet<usize>,
    pub(super) tally: Tally,
    /// The events that ended items, in order: each frees a turn.
    pub(super) ended: Vec<u64>,
    opened: bool,
}

impl Loop {
    pub(super) fn new(around: Around) -> Self {
        Self {
            around,
            items: Vec::new(),
            next: 0,
            running: BTreeSet::new(),
            tally: Tally::default(),
            ended: Vec::new(),
            opened: false,
        }
    }
}

impl Decider<'_> {
    pub(super) fn inside_loop(&mut self, index: usize, state: &RunState) -> Standing {
        let Some(Work::Foreach { max_parallel, max_failures, .. }) =
            self.nodes[index].step.map(|step| &step.work)
        else {
            return Standing::Done;
        };
        let at_once = (*max_parallel).max(1) as usize;
        let most = *max_failures as usize;
        self.open_loop(index, state);
        loop {
            let Kind::Loop(each) = &mut self.nodes[index].kind else { return Standing::Done };
            if each.tally.failed > most || each.tally.held > 0 {
                self.take_turns_back(index, state);
                break;
            }
            if each.running.len() >= at_once || each.next >= each.items.len() {
                break;
            }
            let place = each.next;
            each.next += 1;
            if each.items[place].is_none() {
                self.admit(index, place, state);
            }
        }
        let Kind::Loop(each) = &self.nodes[index].kind else { return Standing::Done };
        match &each.tally {
            _ if !each.running.is_empty() => Standing::Active,
            Tally { held: 1.., .. } => Standing::Held,
            tally if tally.failed > most => match (most, self.nodes[index].policy) {
                (1.., Policy::Pause) => Standing::Held,
                _ => Standing::Failed,
            },
            _ => Standing::Done,
        }
    }

    /// Finds out which items there are, and which of them have begun.
    pub(super) fn open_loop(&mut self, index: usize, state: &RunState) {
        let path = self.nodes[index].path.clone();
        let Kind::Loop(each) = &mut self.nodes[index].kind else { return };
        if std::mem::replace(&mut each.opened, true) {
            return;
        }
        let items = state.steps.get(&path).and_then(|step| step.items.clone()).unwrap_or_default();
        each.items = vec![None; items.all().len()];
        for place in 0..items.all().len() {
            if has_begun(&path, &items.all()[place].key, state) {
                self.admit(index, place, state);
            }
        }
    }

    /// It is the turn of an item.
    pub(super) fn admit(&mut self, index: usize, place: usize, state: &RunState) {
        let Some(Work::Foreach { body, .. }) = self.nodes[index].step.map(|step| &step.work) else { return };
        let path = &self.nodes[index].path;
        let items = state.steps.get(path).and_then(|step| step.items.clone());
        let Some(item) = items.as_ref().and_then(|items| items.all().get(place)) else { return };
        let own = StepPath::new(format!("{path}[{}].", item.key));
        let Kind::Loop(each) = &mut self.nodes[index].kind else { return };
        let around = each.around;
        each.running.insert(place);
        let node = match each.items.get(place).copied().flatten() {
            Some(node) => node,
            None => {
                let node = self.add_list(body, &own, around, state, false);
                self.nodes[node].parent = Some(index);
                self.nodes[node].place = place;
                if let Kind::Loop(each) = &mut self.nodes[index].kind {
                    each.items[place] = Some(node);
                }
                node
            }
        };
        let after = self.turn(index, place);
        self.activate(node, after, state);
    }

    /// The event that gave an item its turn.
    pub(super) fn turn(&self, index: usize, place: usize) -> Vec<u64> {
        let node = &self.nodes[index];
        let (Kind::Loop(each), Some(Work::Foreach { max_parallel, .. })) =
            (&node.kind, node.step.map(|step| &step.work))
        else {
            return Vec::new();
        };
        let freed = place.checked_sub((*max_parallel).max(1) as usize);
        match freed.and_then(|freed| each.ended.get(freed)) {
            Some(seq) => vec![*seq],
            None => node.after.clone(),
        }
    }

    /// Nothing new starts: items that have not begun wait.
    pub(super) fn take_turns_back(&mut self, index: usize, state: &RunState) {
        let path = self.nodes[index].path.clone();
        let Some(items) = state.steps.get(&path).and_then(|step| step.items.clone()) else { return };
        let Kind::Loop(each) = &self.nodes[index].kind else { return };
        let begun =
            |place: &usize| items.all().get(*place).is_none_or(|item| has_begun(&path, &item.key, state));
        let waiting: Vec<usize> = each.running.iter().copied().filter(|place| !begun(place)).collect();
        for place in waiting {
            let Kind::Loop(each) = &mut self.nodes[index].kind else { return };
            each.running.remove(&place);
            let Some(item) = each.items[place] else { continue };
            let standing = self.nodes[item].standing;
            if let Kind::Loop(each) = &mut self.nodes[index].kind {
                each.tally.moved(standing, Standing::Idle);
            }
            self.rest(item);
        }
    }

    /// Puts a node and all inside it to rest.
    pub(super) fn rest(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.active = false;
        node.standing = Standing::Idle;
        node.due.clear();
        node.news.clear();
        if let Kind::List { children, .. } | Kind::Parallel { children, .. } = &node.kind {
            for child in children.clone() {
                self.rest(child);
            }
        }
    }

    /// Which items failed, in their order.
    pub(super) fn failed_items(&self, index: usize, state: &RunState) -> Vec<String> {
        let Kind::Loop(each) = &self.nodes[index].kind else { return Vec::new() };
        let items = state.steps.get(&self.nodes[index].path).and_then(|step| step.items.clone());
        let failed = |item: &Option<usize>| {
            item.is_some_and(|item| matches!(self.nodes[item].standing, Standing::Failed | Standing::Held))
        };
        let items = items.iter().flat_map(|items| items.all());
        items.zip(&each.items).filter(|(_, item)| failed(item)).map(|(item, _)| item.key.clone()).collect()
    }

    /// When the tree is made anew, turns were given before all ends of items were counted.
    pub(super) fn set_turns(&mut self, state: &RunState) {
        for index in 0..self.nodes.len() {
            let Kind::Loop(each) = &self.nodes[index].kind else { continue };
            let running: Vec<(usize, usize)> =
                each.running.iter().filter_map(|place| Some((*place, each.items[*place]?))).collect();
            for (place, item) in running {
                let turn = self.turn(index, place);
                self.set_turn(item, turn, state);
            }
        }
    }

    /// Steps that were skipped tell of no turn: what comes before the first that did something has the item's own.
    fn set_turn(&mut self, item: usize, turn: Vec<u64>, state: &RunState) {
        let Kind::List { children, at, .. } = &self.nodes[item].kind else { return };
        let reached: Vec<usize> = children.iter().take(at + 1).copied().collect();
        for child in reached {
            // Whoever has begun knows by its intent; to activate it again would begin what is inside it anew.
            let begun = state.steps.get(&self.nodes[child].path).is_some_and(|step| step.intent.is_some());
            if self.nodes[child].active && !begun {
                self.activate(child, turn.clone(), state);
            }
            if self.nodes[child].ended.is_some() {
                return;
            }
        }
        self.activate(item, turn, state);
    }

    /// An item whose turn was taken back has begun all the same: it was on its way.
    pub(super) fn take_turn(&mut self, node: usize, state: &RunState) {
        let mut at = node;
        while let Some(parent) = self.nodes[at].parent {
            if matches!(self.nodes[parent].kind, Kind::Loop(_)) && self.nodes[parent].active {
                let place = self.nodes[at].place;
                self.admit(parent, place, state);
                return;
            }
            at = parent;
        }
    }

    /// The event by which an item frees its turn.
    pub(super) fn freed_by(&self, item: usize, state: &RunState) -> Option<u64> {
        let node = &self.nodes[item];
        let (None, Kind::List { children, .. }) = (node.step, &node.kind) else { return None };
        let finished = |child: &usize| state.steps.get(&self.nodes[*child].path)?.finished;
        let last = children.iter().filter_map(finished).map(|finished| finished.seq).max();
        last.max(node.ended)
    }
}

/// Whether an item has begun: an event has told something of a step in it.
fn has_begun(path: &StepPath, key: &str, state: &RunState) -> bool {
    let own = StepPath::new(format!("{path}[{key}]."));
    let first = state.steps.range(&own..).next();
    first.is_some_and(|(first, _)| first.as_str().starts_with(own.as_str()))
}
