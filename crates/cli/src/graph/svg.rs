//! A picture of its own: rows of boxes from top to bottom, groups around what is inside them.

use super::{Edge, EdgeKind, Graph, Node, Shape};
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

/// Pixels.
const LINE: f64 = 17.0;
const LETTER: f64 = 7.3;
const PADDING: f64 = 12.0;
const BETWEEN: f64 = 22.0;
const BETWEEN_ROWS: f64 = 34.0;
const NARROWEST: f64 = 120.0;
const MARGIN: f64 = 20.0;
/// More letters in a line are cut: the picture is for the order, the file has the words.
const LONGEST: usize = 64;

/// A box with its place.
struct Place<'graph> {
    node: &'graph Node,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    inside: Vec<Place<'graph>>,
}

/// The graph as an SVG document.
pub(crate) fn write(graph: &Graph) -> String {
    let mut places: Vec<Place<'_>> = graph.sections.iter().map(layout).collect();
    let widest = places.iter().map(|place| place.width).fold(0.0, f64::max);
    let mut y = MARGIN + LINE + PADDING;
    for place in &mut places {
        place.shift(MARGIN + (widest - place.width) / 2.0, y);
        y += place.height + BETWEEN_ROWS;
    }
    let mut width = MARGIN + widest + MARGIN;
    if let Some(probes) = &graph.probes {
        let mut place = layout(probes);
        place.shift(width, MARGIN + LINE + PADDING);
        width += place.width + MARGIN;
        y = y.max(place.y + place.height + BETWEEN_ROWS);
        places.push(place);
    }
    let title_width = width_of(&graph.title) + 2.0 * MARGIN;
    let (width, height) = (width.max(title_width), y - BETWEEN_ROWS + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    svg.push_str(STYLE);
    svg.push_str(&format!(
        "<text class=\"title\" x=\"{MARGIN:.0}\" y=\"{:.0}\">{}</text>\n",
        MARGIN + LINE / 2.0,
        escaped(&graph.title)
    ));
    let mut boxes = BTreeMap::new();
    for place in &places {
        place.draw(&mut svg);
        place.remember(&mut boxes);
    }
    graph.edges.iter().filter_map(|edge| arrow(edge, &boxes)).for_each(|arrow| svg.push_str(&arrow));
    svg.push_str("</svg>\n");
    svg
}

const STYLE: &str = "<style>
svg { background: #fff; }
.box { fill: #f4f8fb; stroke: #31546b; } .person { fill: #fdf3e1; stroke: #8a5a00; } .pause { fill: #eee; stroke: #666; }
.group { fill: #31546b; fill-opacity: 0.05; stroke: #9ab; } .conditional { stroke-dasharray: 5 4; }
.commit { stroke-width: 3.5; } .name { font-weight: bold; } .title { font-weight: bold; font-size: 15px; }
.edge { fill: none; stroke: #31546b; stroke-width: 1.3; } .next { stroke-dasharray: 4 4; }
text { fill: #1c2b36; }
</style>
<marker id=\"arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0 L10 5 L0 10 z\" fill=\"#31546b\"/></marker>
";

/// A box and all inside it, with its corner at nothing.
fn layout(node: &Node) -> Place<'_> {
    let text = node.lines.iter().map(|line| width_of(&cut(line))).fold(NARROWEST, f64::max);
    let head = LINE * node.lines.len() as f64 + PADDING;
    if node.shape != Shape::Group {
        let ends = if node.shape == Shape::Action { 0.0 } else { 24.0 };
        let (width, height) = (text + 2.0 * PADDING + ends, head + PADDING / 2.0);
        return Place { node, x: 0.0, y: 0.0, width, height, inside: Vec::new() };
    }
    let mut rows: Vec<Vec<Place<'_>>> =
        node.rows.iter().map(|row| row.iter().map(layout).collect()).collect();
    let width_of_row = |row: &[Place<'_>]| -> f64 {
        row.iter().map(|place| place.width).sum::<f64>() + BETWEEN * row.len().saturating_sub(1) as f64
    };
    let inner = rows.iter().map(|row| width_of_row(row)).fold(text, f64::max);
    let mut y = head + PADDING;
    for row in &mut rows {
        let mut x = PADDING + (inner - width_of_row(row)) / 2.0;
        let height = row.iter().map(|place| place.height).fold(0.0, f64::max);
        for place in row.iter_mut() {
            place.shift(x, y);
            x += place.width + BETWEEN;
        }
        y += height + BETWEEN_ROWS;
    }
    let height = y - BETWEEN_ROWS + PADDING;
    let inside = rows.into_iter().flatten().collect();
    Place { node, x: 0.0, y: 0.0, width: inner + 2.0 * PADDING, height, inside }
}

impl Place<'_> {
    fn shift(&mut self, x: f64, y: f64) {
        self.x += x;
        self.y += y;
        self.inside.iter_mut().for_each(|place| place.shift(x, y));
    }

    fn draw(&self, svg: &mut String) {
        let Self { node, x, y, width, height, .. } = self;
        let kind = match node.shape {
            Shape::Action => "box",
            Shape::Person => "box person",
            Shape::Pause => "box pause",
            Shape::Group => "group",
        };
        let conditional = if node.conditional { " conditional" } else { "" };
        let commit = if node.commit { " commit" } else { "" };
        let class = format!("{kind}{conditional}{commit}");
        match node.shape {
            Shape::Person => {
                let (left, right, middle, bottom) =
                    (x + 12.0, x + width - 12.0, y + height / 2.0, y + height);
                let (end, begin) = (x + width, x);
                svg.push_str(&format!(
                    "<polygon class=\"{class}\" points=\"{left:.1},{y:.1} {right:.1},{y:.1} {end:.1},{middle:.1} \
                     {right:.1},{bottom:.1} {left:.1},{bottom:.1} {begin:.1},{middle:.1}\"/>\n"
                ));
            }
            shape => {
                let round = if shape == Shape::Pause { height / 2.0 } else { 6.0 };
                svg.push_str(&format!(
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round:.1}\"/>\n"
                ));
            }
        }
        let (at, anchor) = match node.shape {
            Shape::Group => (x + PADDING, "start"),
            _ => (x + width / 2.0, "middle"),
        };
        for (place, line) in node.lines.iter().enumerate() {
            let class = if place == 0 { " class=\"name\"" } else { "" };
            let down = y + PADDING / 2.0 + LINE * (place as f64 + 0.75);
            svg.push_str(&format!(
                "<text{class} x=\"{at:.1}\" y=\"{down:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
                escaped(&cut(line))
            ));
        }
        if node.repeats {
            svg.push_str(&self.again());
        }
        self.inside.iter().for_each(|place| place.draw(svg));
    }

    /// From the foot of a loop back to its head, along its right side.
    fn again(&self) -> String {
        let (right, head, foot) = (self.x + self.width, self.y + LINE, self.y + self.height - LINE);
        let aside = right + BETWEEN / 2.0;
        format!(
            "<path class=\"edge next\" d=\"M{right:.1} {foot:.1} C{aside:.1} {foot:.1} {aside:.1} {head:.1} {right:.1} {head:.1}\" \
             marker-end=\"url(#arrow)\"/>\n"
        )
    }

    /// Where each box is: left, top, width, height.
    fn remember(&self, boxes: &mut BTreeMap<usize, (f64, f64, f64, f64)>) {
        boxes.insert(self.node.id, (self.x, self.y, self.width, self.height));
        self.inside.iter().for_each(|place| place.remember(boxes));
    }
}

fn arrow(edge: &Edge, boxes: &BTreeMap<usize, (f64, f64, f64, f64)>) -> Option<String> {
    let (from, to) = (boxes.get(&edge.from)?, boxes.get(&edge.to)?);
    if edge.kind == EdgeKind::NextItem {
        // It stands beside the loop as a whole.
        return None;
    }
    let (x1, y1) = (from.0 + from.2 / 2.0, from.1 + from.3);
    let (x2, y2) = (to.0 + to.2 / 2.0, to.1);
    let half = ((y2 - y1) / 2.0).max(10.0);
    let (down, up) = (y1 + half, y2 - half);
    Some(format!(
        "<path class=\"edge\" d=\"M{x1:.1} {y1:.1} C{x1:.1} {down:.1} {x2:.1} {up:.1} {x2:.1} {y2:.1}\" \
         marker-end=\"url(#arrow)\"/>\n"
    ))
}

fn width_of(line: &str) -> f64 {
    line.width() as f64 * LETTER
}

fn cut(line: &str) -> String {
    match line.chars().count() > LONGEST {
        true => line.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => line.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
