//! Mermaid, as GitHub and many wikis draw it (<https://mermaid.js.org/syntax/flowchart.html>).

use super::{EdgeKind, Graph, Node, Shape};

/// The graph as a flowchart.
pub(crate) fn write(graph: &Graph) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart TD\n", title(&graph.title));
    for node in graph.top() {
        write_node(node, 1, &mut text);
    }
    for edge in &graph.edges {
        let arrow = match edge.kind {
            EdgeKind::Order | EdgeKind::Needs => "-->",
            EdgeKind::NextItem => "-. next item .->",
        };
        text.push_str(&format!("  n{} {arrow} n{}\n", edge.from, edge.to));
    }
    text.push_str("  classDef commit stroke-width:4px,font-weight:bold\n");
    text.push_str("  classDef conditional stroke-dasharray:5 4\n");
    text
}

fn write_node(node: &Node, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let id = format!("n{}", node.id);
    let label = node.lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>");
    match node.shape {
        Shape::Group => {
            text.push_str(&format!("{indent}subgraph {id}[\"{label}\"]\n"));
            for inner in node.inside() {
                write_node(inner, depth + 1, text);
            }
            text.push_str(&format!("{indent}end\n"));
        }
        Shape::Action => text.push_str(&format!("{indent}{id}[\"{label}\"]\n")),
        Shape::Person => text.push_str(&format!("{indent}{id}{{{{\"{label}\"}}}}\n")),
        Shape::Pause => text.push_str(&format!("{indent}{id}([\"{label}\"])\n")),
    }
    for (holds, class) in [(node.conditional, "conditional"), (node.commit, "commit")] {
        if holds {
            text.push_str(&format!("{indent}class {id} {class}\n"));
        }
    }
}

/// Whatever could mean something to Mermaid as the number of its character.
fn escaped(line: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || " .,:-_/'=()+?!".contains(letter);
    line.chars()
        .map(|letter| match letter {
            letter if letter.is_control() => " ".to_owned(),
            letter if plain(letter) => letter.to_string(),
            letter => format!("#{};", u32::from(letter)),
        })
        .collect()
}

/// A title is YAML: between quotes it means itself.
fn title(title: &str) -> String {
    let plain: String = title.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}
