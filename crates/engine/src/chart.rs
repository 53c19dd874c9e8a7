//! Where the steps of a plan are: by path, also those of items and of runbooks that it runs.

use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Step, Work};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An index of a plan. It is of use only with the plan it was made of.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// For every planned path, the way there: which of [`Step::lists`], and which place in it, level by level.
    ways: BTreeMap<StepPath, Box<[(u8, u32)]>>,
    /// Planned paths of steps inside loops, by file and id: only these cannot be told from file and id alone.
    in_loops: BTreeMap<(String, String), StepPath>,
}

impl Chart {
    /// The index of `plan`.
    pub fn of(plan: &Plan) -> Self {
        let mut chart = Self::default();
        chart.take(plan.lists(), &mut Vec::new());
        chart
    }

    fn take(&mut self, lists: [&[Step]; 3], way: &mut Vec<(u8, u32)>) {
        for (list, steps) in (0..).zip(lists) {
            for (place, step) in (0..).zip(steps) {
                way.push((list, place));
                self.ways.insert(step.path.clone(), way.as_slice().into());
                if step.path.as_str()[step.path.file().len()..].contains('[') {
                    let named = (step.path.file().to_owned(), step.id.clone());
                    self.in_loops.insert(named, step.path.clone());
                }
                self.take(step.lists(), way);
                way.pop();
            }
        }
    }

    /// The step at `path` as it is planned: its own path has `*` for the keys of items.
    pub fn planned<'plan>(&self, plan: &'plan Plan, path: &StepPath) -> Option<&'plan Step> {
        let way = match path.as_str().contains('[') {
            true => self.ways.get(&path.planned()),
            false => self.ways.get(path),
        };
        let mut lists = plan.lists();
        let mut found = None;
        for (list, place) in way? {
            let step = lists.get(usize::from(*list))?.get(*place as usize)?;
            lists = step.lists();
            found = Some(step);
        }
        found
    }

    /// The steps around the one at `path` as they are planned, the outermost first, and it itself.
    pub fn around<'plan>(&self, plan: &'plan Plan, path: &StepPath) -> Vec<&'plan Step> {
        let mut lists = plan.lists();
        let mut around = Vec::new();
        for (list, place) in self.ways.get(&path.planned()).map(|way| way.iter()).into_iter().flatten() {
            let Some(step) = lists.get(usize::from(*list)).and_then(|list| list.get(*place as usize)) else {
                break;
            };
            lists = step.lists();
            around.push(step);
        }
        around
    }

    /// The step at `path`, with that path.
    pub fn step<'plan>(&self, plan: &'plan Plan, path: &StepPath) -> Option<Cow<'plan, Step>> {
        let planned = self.planned(plan, path)?;
        Some(match planned.path == *path {
            true => Cow::Borrowed(planned),
            false => Cow::Owned(Step { path: path.clone(), ..planned.clone() }),
        })
    }

    /// The step that runs the file whose paths begin with `file`; nothing for the runbook itself.
    pub fn runs<'plan>(&self, plan: &'plan Plan, file: &str) -> Option<(StepPath, &'plan Step)> {
        let path = StepPath::new(file.strip_suffix('/')?);
        let step = self.planned(plan, &path)?;
        Some((path, step))
    }

    /// The plan of the file whose paths begin with `file`.
    pub fn file<'plan>(&self, plan: &'plan Plan, file: &str) -> Option<&'plan Plan> {
        if file.is_empty() {
            return Some(plan);
        }
        match &self.runs(plan, file)?.1.work {
            Work::Runbook { plan, .. } => Some(plan),
            _ => None,
        }
    }

    /// The step that `steps.<id>` means to the step `own`: that of the same item, else of the file around it.
    pub fn named(&self, own: &StepPath, id: &str) -> Option<StepPath> {
        let file = own.file();
        for phase in ["", "cleanup:"] {
            let path = StepPath::new(format!("{file}{phase}{id}"));
            if self.ways.contains_key(&path.planned()) {
                return Some(path);
            }
        }
        let file = own.planned().file().to_owned();
        own.beside(self.in_loops.get(&(file, id.to_owned()))?)
    }

    /// The check that `preflight.<id>` means to the step `own`.
    pub fn check(&self, own: &StepPath, id: &str) -> Option<StepPath> {
        let path = StepPath::new(format!("{}preflight:{id}", own.file()));
        self.ways.contains_key(&path.planned()).then_some(path)
    }
}
