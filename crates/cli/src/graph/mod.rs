//! A runbook as a graph: what comes after what, what waits for what, what people do. [`Graph::of`] makes it of a plan;
//! `mermaid`, `dot` and `svg` write it.

pub(crate) mod dot;
pub(crate) mod mermaid;
pub(crate) mod svg;

use lifeboat_runbook::id::StepPath;
use lifeboat_runbook::plan::{Plan, Step, Work};
use lifeboat_runbook::units::duration_text;
use std::collections::BTreeSet;

/// A runbook as a graph.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The runbook's title.
    pub(crate) title: String,
    /// Preflight, steps and cleanup, as far as there are any; the order goes from one to the next.
    pub(crate) sections: Vec<Node>,
    /// What looks while the steps run.
    pub(crate) probes: Option<Node>,
    /// The arrows between boxes.
    pub(crate) edges: Vec<Edge>,
}

/// A box: a step, or a group of steps with boxes inside it.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its number, from 1; unique in the graph.
    pub(crate) id: usize,
    /// What stands in it, line by line; the first is its name.
    pub(crate) lines: Vec<String>,
    /// What it is.
    pub(crate) shape: Shape,
    /// Whether nothing before it is undone by itself once it has begun.
    pub(crate) commit: bool,
    /// Whether it may be left out.
    pub(crate) conditional: bool,
    /// Whether what is inside is done for each item of a loop.
    pub(crate) repeats: bool,
    /// What is inside a group, in rows: boxes of one row have no order among themselves.
    pub(crate) rows: Vec<Vec<Node>>,
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An action.
    Action,
    /// Something that a person does.
    Person,
    /// A pause.
    Pause,
    /// Other boxes are inside it.
    Group,
}

/// An arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// The box it begins at.
    pub(crate) from: usize,
    /// The box it ends at.
    pub(crate) to: usize,
    /// What it means.
    pub(crate) kind: EdgeKind,
}

/// What an arrow means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EdgeKind {
    /// One after the other.
    Order,
    /// `needs`.
    Needs,
    /// The next item of a loop.
    NextItem,
}

impl Graph {
    /// The graph of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut builder = Builder::default();
        let sections = builder.sections(plan, "");
        builder.follow(&sections);
        let probes = plan.probes.iter().map(|probe| {
            let every =
                format!("{} every {}", probe.look.action().unwrap_or_default(), duration_text(probe.every));
            builder.leaf(vec![probe.look.id.clone(), every], Shape::Action)
        });
        let probes: Vec<Node> = probes.collect();
        let probes =
            (!probes.is_empty()).then(|| builder.group(vec!["Beside the steps".to_owned()], vec![probes]));
        builder.edges.sort_unstable();
        builder.edges.dedup();
        Self { title: plan.title.clone(), sections, probes, edges: builder.edges }
    }

    /// All boxes on the outside.
    pub(crate) fn top(&self) -> impl Iterator<Item = &Node> {
        self.sections.iter().chain(&self.probes)
    }
}

impl Node {
    /// The boxes inside it.
    pub(crate) fn inside(&self) -> impl Iterator<Item = &Node> {
        self.rows.iter().flatten()
    }

    /// The boxes without boxes inside them at which it begins.
    fn entries(&self, edges: &[Edge]) -> Vec<usize> {
        self.ends(edges, |edge| edge.to)
    }

    /// Those at which it ends.
    fn exits(&self, edges: &[Edge]) -> Vec<usize> {
        self.ends(edges, |edge| edge.from)
    }

    /// The boxes inside it that are at this end of no arrow within it.
    fn ends(&self, edges: &[Edge], end: fn(&Edge) -> usize) -> Vec<usize> {
        let leaves = self.leaves();
        let within: BTreeSet<usize> = leaves.iter().copied().collect();
        let taken: BTreeSet<usize> = edges
            .iter()
            .filter(|edge| edge.kind != EdgeKind::NextItem)
            .filter(|edge| within.contains(&edge.from) && within.contains(&edge.to))
            .map(end)
            .collect();
        leaves.into_iter().filter(|leaf| !taken.contains(leaf)).collect()
    }

    fn leaves(&self) -> Vec<usize> {
        match self.shape {
            Shape::Group => self.inside().flat_map(Self::leaves).collect(),
            _ => vec![self.id],
        }
    }
}

#[derive(Default)]
struct Builder {
    last: usize,
    edges: Vec<Edge>,
}

impl Builder {
    fn node(&mut self, lines: Vec<String>, shape: Shape, rows: Vec<Vec<Node>>) -> Node {
        self.last += 1;
        Node { id: self.last, lines, shape, commit: false, conditional: false, repeats: false, rows }
    }

    fn leaf(&mut self, lines: Vec<String>, shape: Shape) -> Node {
        self.node(lines, shape, Vec::new())
    }

    fn group(&mut self, lines: Vec<String>, rows: Vec<Vec<Node>>) -> Node {
        self.node(lines, Shape::Group, rows)
    }

    /// The lists of a plan that hold anything, each as a group. Alone, the steps of a runbook need no name.
    fn sections(&mut self, plan: &Plan, inside: &str) -> Vec<Node> {
        let names = ["Preflight: it only reads", "Steps", "Cleanup"];
        let mut sections = Vec::new();
        for (name, steps) in names.into_iter().zip(plan.lists()) {
            if !steps.is_empty() {
                let rows = self.sequence(steps);
                sections.push(self.group(vec![format!("{name}{inside}")], rows));
            }
        }
        sections
    }

    fn sequence(&mut self, steps: &[Step]) -> Vec<Vec<Node>> {
        let nodes: Vec<Node> = steps.iter().map(|step| self.step(step)).collect();
        self.follow(&nodes);
        nodes.into_iter().map(|node| vec![node]).collect()
    }

    /// Arrows from each of these to the next.
    fn follow(&mut self, nodes: &[Node]) {
        for pair in nodes.windows(2) {
            self.join(&pair[0], &pair[1], EdgeKind::Order);
        }
    }

    fn join(&mut self, before: &Node, after: &Node, kind: EdgeKind) {
        for from in before.exits(&self.edges) {
            for to in after.entries(&self.edges) {
                self.edges.push(Edge { from, to, kind });
            }
        }
    }

    fn step(&mut self, step: &Step) -> Node {
        let mut lines = vec![step.id.clone()];
        lines.extend(step.name.clone());
        let (what, shape) = what(step);
        lines.push(what);
        lines.extend(step.condition.as_ref().map(|condition| format!("if {}", condition.text)));
        let mut node = match &step.work {
            Work::Parallel(steps) => {
                let rows = self.parallel(steps);
                self.group(lines, rows)
            }
            Work::Sequence(steps) => {
                let rows = self.sequence(steps);
                self.group(lines, rows)
            }
            Work::Foreach { body, .. } => {
                let rows = self.sequence(body);
                let mut node = self.group(lines, rows);
                node.repeats = true;
                let (last, first) = (node.exits(&self.edges), node.entries(&self.edges));
                // One arrow is enough to say that it begins again.
                let ends = last.last().zip(first.first());
                self.edges.extend(ends.map(|(from, to)| Edge {
                    from: *from,
                    to: *to,
                    kind: EdgeKind::NextItem,
                }));
                node
            }
            Work::Runbook { plan, .. } => {
                let sections = self.sections(plan, "");
                self.follow(&sections);
                self.group(lines, sections.into_iter().map(|section| vec![section]).collect())
            }
            _ => self.leaf(lines, shape),
        };
        node.commit = step.commit == Some(true);
        node.conditional = step.condition.is_some();
        node
    }

    /// Each step stands in the first row below all that it needs.
    fn parallel(&mut self, steps: &[Step]) -> Vec<Vec<Node>> {
        let mut rows: Vec<Vec<Node>> = Vec::new();
        let mut placed: Vec<(&StepPath, usize)> = Vec::new();
        let mut waiting: Vec<&Step> = steps.iter().collect();
        while !waiting.is_empty() {
            let row_of =
                |path: &StepPath| placed.iter().find(|(known, _)| *known == path).map(|(_, row)| *row);
            let (ready, rest): (Vec<&Step>, Vec<&Step>) = waiting
                .iter()
                .copied()
                .partition(|step| step.needs.iter().all(|need| row_of(need).is_some()));
            if ready.is_empty() {
                // Steps that need each other are refused by `check`.
                break;
            }
            let row: Vec<Node> = ready.iter().map(|step| self.step(step)).collect();
            placed.extend(ready.iter().map(|step| (&step.path, rows.len())));
            rows.push(row);
            waiting = rest;
        }
        let find = |path: &StepPath| {
            let id = path.id();
            rows.iter().flatten().find(|node| node.lines.first().is_some_and(|line| line == id))
        };
        let mut joins = Vec::new();
        for step in steps {
            for need in &step.needs {
                joins.extend(find(need).zip(find(&step.path)));
            }
        }
        for (before, after) in joins {
            self.join(before, after, EdgeKind::Needs);
        }
        rows
    }
}

/// What a step does, in a line.
fn what(step: &Step) -> (String, Shape) {
    match &step.work {
        Work::Action { action, .. } => (action.clone(), Shape::Action),
        Work::Parallel(_) => ("at the same time".to_owned(), Shape::Group),
        Work::Sequence(_) => ("one after the other".to_owned(), Shape::Group),
        Work::Foreach { max_parallel: 1, .. } => {
            ("for each item, one after the other".to_owned(), Shape::Group)
        }
        Work::Foreach { max_parallel, .. } => {
            (format!("for each item, {max_parallel} at the same time"), Shape::Group)
        }
        Work::Runbook { file, .. } => (format!("runbook {file}"), Shape::Group),
        Work::Manual(_) => ("somebody does it".to_owned(), Shape::Person),
        Work::Decide(_) => ("somebody decides".to_owned(), Shape::Person),
        Work::Approve(_) => ("somebody approves".to_owned(), Shape::Person),
        Work::Pause(time) => (format!("wait {}", duration_text(*time)), Shape::Pause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_runbook::check::{Files, check};
    use lifeboat_runbook::diagnostic::Source;

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, name: &str) -> Result<String, String> {
            Err(format!("there is no file {name}"))
        }
    }

    fn graph() -> Graph {
        let text = r#"
schema: lifeboat/v1
kind: runbook
name: odd
title: 'A "title" <with> & #odd; `names`'
target: { account: "111122223333", region: eu-west-1 }
probes: [ { id: door, action: http.check, with: { url: "https://shop.example.com" }, every: 5s } ]
steps:
  - id: first
    parallel:
      - { id: a, name: 'say "a" \ <b>', pause: 1m }
      - { id: b, pause: 1m }
      - { id: c, needs: [a, b], pause: 1m }
  - { id: ask, if: "run.mode == 'drill'", manual: { instructions: Look. } }
  - id: each
    foreach: [x, y]
    steps: [ { id: one, pause: 1m }, { id: two, pause: 1m, commit: true } ]
"#;
        let source = Source { name: "odd.yaml".into(), text: text.into() };
        let checked = check(source, &crate::wiring::catalog(), &NoFiles, None);
        Graph::of(&checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics)))
    }

    fn named(graph: &Graph, name: &str) -> usize {
        fn find(node: &Node, name: &str) -> Option<usize> {
            match node.lines[0] == name {
                true => Some(node.id),
                false => node.inside().find_map(|inner| find(inner, name)),
            }
        }
        graph.top().find_map(|node| find(node, name)).unwrap_or_else(|| panic!("no box {name}"))
    }

    #[test]
    fn arrows_follow_the_order_and_what_is_needed() {
        let graph = graph();
        let has = |from: &str, to: &str, kind| {
            graph.edges.contains(&Edge { from: named(&graph, from), to: named(&graph, to), kind })
        };
        assert!(has("a", "c", EdgeKind::Needs) && has("b", "c", EdgeKind::Needs));
        assert!(has("c", "ask", EdgeKind::Order) && !has("a", "ask", EdgeKind::Order));
        assert!(has("ask", "one", EdgeKind::Order) && has("one", "two", EdgeKind::Order));
        assert!(has("two", "one", EdgeKind::NextItem));
        assert_eq!(graph.edges.len(), 6, "{:?}", graph.edges);
    }

    #[test]
    fn odd_names_mean_themselves_in_every_form() {
        let graph = graph();
        let mermaid = mermaid::write(&graph);
        assert!(mermaid.contains("say #34;a#34; #92; #60;b#62;"), "{mermaid}");
        let dot = dot::write(&graph);
        assert!(dot.contains(r#"say \"a\" \\ <b>"#), "{dot}");
        let svg = svg::write(&graph);
        assert!(svg.contains("say &quot;a&quot; \\ &lt;b&gt;"), "{svg}");
        assert!(svg.contains("A &quot;title&quot; &lt;with&gt; &amp; #odd;"), "{svg}");
    }

    #[test]
    fn brackets_of_dot_and_tags_of_svg_close() {
        let graph = graph();
        let dot = dot::write(&graph);
        let count = |text: &str, letter| text.matches(letter).count();
        assert_eq!(count(&dot, '{'), count(&dot, '}'), "{dot}");
        let svg = svg::write(&graph);
        for tag in ["svg", "g", "text", "marker"] {
            let open = count_tags(&svg, tag);
            assert_eq!(open, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        let mermaid = mermaid::write(&graph);
        let ends = mermaid.lines().filter(|line| line.trim() == "end").count();
        assert_eq!(mermaid.matches("subgraph ").count(), ends, "{mermaid}");
    }

    fn count_tags(svg: &str, tag: &str) -> usize {
        svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count()
    }
}
