//! The language of Graphviz (<https://graphviz.org/doc/info/lang.html>).

use super::{EdgeKind, Graph, Node, Shape};

/// The graph as a digraph.
pub(crate) fn write(graph: &Graph) -> String {
    let mut text = String::from("digraph runbook {\n");
    text.push_str(&format!("  label={}; labelloc=t; fontname=\"sans-serif\";\n", quoted([&graph.title])));
    text.push_str("  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for node in graph.top() {
        write_node(node, 1, &mut text);
    }
    for edge in &graph.edges {
        let style = match edge.kind {
            EdgeKind::Order | EdgeKind::Needs => "",
            EdgeKind::NextItem => " [style=dashed, constraint=false, label=\"next item\"]",
        };
        text.push_str(&format!("  n{} -> n{}{style};\n", edge.from, edge.to));
    }
    text.push_str("}\n");
    text
}

fn write_node(node: &Node, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let label = quoted(&node.lines);
    let mut styles = vec!["rounded"];
    styles.extend(node.conditional.then_some("dashed"));
    styles.extend(node.commit.then_some("bold"));
    let style = styles.join(",");
    if node.shape == Shape::Group {
        text.push_str(&format!("{indent}subgraph cluster_{} {{\n", node.id));
        text.push_str(&format!("{indent}  label={label}; style=\"{style}\";\n"));
        for inner in node.inside() {
            write_node(inner, depth + 1, text);
        }
        text.push_str(&format!("{indent}}}\n"));
        return;
    }
    let shape = match node.shape {
        Shape::Person => ", shape=hexagon",
        Shape::Pause => ", shape=oval",
        Shape::Action | Shape::Group => "",
    };
    text.push_str(&format!("{indent}n{} [label={label}, style=\"{style}\"{shape}];\n", node.id));
}

/// Lines as one quoted string.
fn quoted<'lines>(lines: impl IntoIterator<Item = &'lines String>) -> String {
    let escape = |line: &String| -> String {
        let plain: String =
            line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        plain.replace('\\', "\\\\").replace('"', "\\\"")
    };
    format!("\"{}\"", lines.into_iter().map(escape).collect::<Vec<_>>().join("\\n"))
}
