//! The tree of an expression, with the places of its parts in the file.

use super::Reference;
use crate::value::Value;
use std::ops::Range;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where it stands in the source, in bytes.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// A name of a path and its place in the source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) range: Range<usize>,
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Literal(Value),
    /// A maximal chain of names and constant keys that begins with a name of the scope.
    Path(Vec<Segment>),
    /// The variable of the loop around it; loops do not nest, so there is one.
    Variable(String),
    /// A constant key of something that is no path.
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Has(Box<Node>),
    Default(Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
    Loop(Box<Loop>),
}

/// `list.exists(variable, body)` and its like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) list: Node,
    pub(super) variable: String,
    pub(super) body: Node,
}

/// An operator with two operands which are both evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// What a loop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    Exists,
    All,
    Filter,
    Map,
}

/// A function whose arguments are all evaluated. For the methods the first argument is what stands before the dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    String,
    Int,
    Float,
    Duration,
    Time,
    Now,
    Min,
    Max,
}

impl Operator {
    /// The operator as it is written.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
        }
    }
}

impl LoopKind {
    /// The name as it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::All => "all",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

impl Function {
    /// The name as it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Matches => "matches",
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Duration => "duration",
            Self::Time => "time",
            Self::Now => "now",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Node {
    /// The parts it is directly made of, in the order in which they stand.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Literal(_) | Kind::Path(_) | Kind::Variable(_) => Vec::new(),
            Kind::Field(inner, _) | Kind::Not(inner) | Kind::Negate(inner) | Kind::Has(inner) => vec![inner],
            Kind::Index(first, second)
            | Kind::And(first, second)
            | Kind::Or(first, second)
            | Kind::Binary(_, first, second)
            | Kind::Default(first, second) => vec![first, second],
            Kind::Conditional(condition, yes, no) => vec![condition, yes, no],
            Kind::List(items) | Kind::Call(_, items) => items.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Kind::Loop(each) => vec![&each.list, &each.body],
        }
    }

    /// How deep the tree is.
    pub(super) fn levels(&self) -> usize {
        1 + self.children().into_iter().map(Node::levels).max().unwrap_or(0)
    }

    /// Whether `test` holds for it or for any part of it.
    pub(super) fn any(&self, test: &dyn Fn(&Node) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// As it is written, where it is a chain of names, constant keys and constant indexes; else nothing.
    pub(super) fn chain_text(&self) -> Option<String> {
        match &self.kind {
            Kind::Path(segments) => Some(path_text(segments)),
            Kind::Variable(name) => Some(name.clone()),
            Kind::Field(inner, name) => Some(inner.chain_text()? + &key_text(name)),
            Kind::Index(inner, index) => match &index.kind {
                Kind::Literal(Value::Int(index)) => Some(format!("{}[{index}]", inner.chain_text()?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether its value is a secret or is made from one, as far as the text tells.
    pub(super) fn is_secret(&self) -> bool {
        match &self.kind {
            Kind::Path(segments) => segments[0].name == "secrets" && segments.len() > 1,
            Kind::Binary(Operator::Add, first, second) | Kind::Default(first, second) => {
                first.is_secret() || second.is_secret()
            }
            Kind::Conditional(_, yes, no) => yes.is_secret() || no.is_secret(),
            _ => false,
        }
    }
}

/// A path as it is written: `steps.restore.outputs`, `inputs.labels["a-b"]`.
pub(super) fn path_text(segments: &[Segment]) -> String {
    let mut text = String::new();
    for (index, segment) in segments.iter().enumerate() {
        text.push_str(&if index == 0 { segment.name.clone() } else { key_text(&segment.name) });
    }
    text
}

fn key_text(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|letter: char| !letter.is_ascii_digit());
    if plain { format!(".{name}") } else { format!("[{name:?}]") }
}

/// Adds every path in `node`; `guarded` where the node itself may be absent.
pub(super) fn references(node: &Node, guarded: bool, found: &mut Vec<Reference>) {
    match &node.kind {
        Kind::Path(segments) => found.push(Reference {
            names: segments.iter().map(|segment| segment.name.clone()).collect(),
            range: node.range.clone(),
            guarded,
        }),
        Kind::Has(inner) => references(inner, true, found),
        Kind::Default(first, second) => {
            references(first, true, found);
            references(second, guarded, found);
        }
        Kind::Field(inner, _) => references(inner, guarded, found),
        Kind::Index(inner, index) => {
            references(inner, guarded, found);
            references(index, false, found);
        }
        _ => node.children().into_iter().for_each(|child| references(child, false, found)),
    }
}
