//! The value of an expression.
//!
//! Before anything else every path of the tree is looked up in the scope, once; after that an evaluation sees only
//! these values, and a loop over a long list copies nothing but what it keeps.

use super::functions::{apply, pattern, text, wrong};
use super::node::{Function, Kind, Loop, LoopKind, Node, Operator, Segment, path_text};
use super::operators::{Fault, MAXIMUM_ITEMS, arithmetic, compare, contains, kind, negate};
use super::{ExpressionError, Scope};
use crate::value::Value;
use regex::Regex;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

/// Units of work of one evaluation: a part evaluated, an item copied, 64 bytes of text copied or looked through.
const BUDGET: u64 = 1_000_000;
/// Units of work for compiling a pattern.
const PATTERN_WORK: u64 = 1_000;
/// Compiled patterns kept during one evaluation.
const PATTERNS_KEPT: usize = 16;

type Evaluated<T> = Result<T, ExpressionError>;
/// A value, or why it is not there, which `has` and `default` allow.
type Looked<'v> = Evaluated<Result<Cow<'v, Value>, ExpressionError>>;

struct Evaluator<'a> {
    /// What the paths of the tree lead to, by the place where they begin.
    paths: BTreeMap<usize, Evaluated<Result<Value, ExpressionError>>>,
    scope: &'a dyn Scope,
    work_left: Cell<u64>,
    patterns: RefCell<BTreeMap<String, Regex>>,
}

/// The value of the tree `root`.
pub(super) fn evaluate(root: &Node, scope: &dyn Scope) -> Evaluated<Value> {
    let evaluator = Evaluator::new(root, scope);
    let value = evaluator.value(root, None)?;
    evaluator.copy(value, root)
}

/// The chains of names in the tree `root` and their values.
pub(super) fn explain(root: &Node, scope: &dyn Scope) -> Vec<(String, Value)> {
    fn chains<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
        if matches!(node.kind, Kind::Path(_) | Kind::Field(..) | Kind::Index(..))
            && node.chain_text().is_some()
        {
            found.push(node);
        } else {
            node.children().into_iter().for_each(|child| chains(child, found));
        }
    }
    let evaluator = Evaluator::new(root, scope);
    let mut found = Vec::new();
    chains(root, &mut found);
    let mut explained: Vec<(String, Value)> = Vec::new();
    for node in found {
        let (Some(text), Ok(Ok(value))) = (node.chain_text(), evaluator.look(node, None)) else { continue };
        if explained.iter().all(|(known, _)| *known != text) {
            explained.push((text, value.into_owned()));
        }
    }
    explained
}

impl<'a> Evaluator<'a> {
    fn new(root: &Node, scope: &'a dyn Scope) -> Self {
        let mut paths = BTreeMap::new();
        look_up_paths(root, scope, &mut paths);
        Self { paths, scope, work_left: Cell::new(BUDGET), patterns: RefCell::default() }
    }

    fn work(&self, units: u64, range: &Range<usize>) -> Evaluated<()> {
        let left = self.work_left.get().checked_sub(units);
        self.work_left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| {
            ExpressionError::new("the expression needs too much work", range.clone())
                .help("let the query or the step before it choose fewer items")
        })
    }

    /// Makes `value` one's own, which costs what it weighs.
    fn copy(&self, value: Cow<'_, Value>, node: &Node) -> Evaluated<Value> {
        if let Cow::Borrowed(value) = &value {
            self.work(weight(value), &node.range)?;
        }
        Ok(value.into_owned())
    }

    fn value<'v>(&'v self, node: &'v Node, item: Option<&'v Value>) -> Evaluated<Cow<'v, Value>> {
        self.work(1, &node.range)?;
        let owned = |value: Value| Ok(Cow::Owned(value));
        let at = |fault: Fault| located(fault, &node.range);
        match &node.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Path(_) | Kind::Variable(_) | Kind::Field(..) | Kind::Index(..) => self.look(node, item)?,
            Kind::Has(chain) => {
                owned(Value::Bool(self.look(chain, item)?.is_ok_and(|value| !value.is_null())))
            }
            Kind::Default(chain, otherwise) => match self.look(chain, item)? {
                Ok(value) if !value.is_null() => Ok(value),
                _ => self.value(otherwise, item),
            },
            Kind::Not(operand) => owned(Value::Bool(!self.truth(operand, item)?)),
            Kind::And(first, second) => {
                owned(Value::Bool(self.truth(first, item)? && self.truth(second, item)?))
            }
            Kind::Or(first, second) => {
                owned(Value::Bool(self.truth(first, item)? || self.truth(second, item)?))
            }
            Kind::Conditional(condition, yes, no) => {
                self.value(if self.truth(condition, item)? { yes } else { no }, item)
            }
            Kind::Negate(operand) => owned(negate(&*self.value(operand, item)?).map_err(at)?),
            Kind::Binary(operator, first, second) => {
                self.binary(*operator, first, second, item, node).map(Cow::Owned)
            }
            Kind::List(items) => {
                let items = items.iter().map(|part| self.copy(self.value(part, item)?, part));
                owned(Value::List(items.collect::<Result<_, _>>()?))
            }
            Kind::Map(entries) => self.map(entries, item).map(Cow::Owned),
            Kind::Call(function, arguments) => self.call(*function, arguments, item, node),
            Kind::Loop(each) => self.each(each, item, node).map(Cow::Owned),
        }
    }

    fn truth(&self, node: &Node, item: Option<&Value>) -> Evaluated<bool> {
        match &*self.value(node, item)? {
            Value::Bool(truth) => Ok(*truth),
            Value::Null => Err(ExpressionError::new(not_true_or_false(node, "null"), node.range.clone())
                .help("write default(…, false) around what may be null")),
            Value::Secret(_) => Err(located(Fault::secret(), &node.range)),
            other => Err(ExpressionError::new(not_true_or_false(node, &kind(other)), node.range.clone())),
        }
    }

    fn binary(
        &self,
        operator: Operator,
        first_part: &Node,
        second_part: &Node,
        item: Option<&Value>,
        node: &Node,
    ) -> Evaluated<Value> {
        let first = self.value(first_part, item)?;
        let second = self.value(second_part, item)?;
        self.work(binary_work(operator, &first, &second), &node.range)?;
        let result = match compare(operator, &first, &second) {
            Some(result) => result.map(Value::Bool),
            None if operator == Operator::In => contains(&first, &second).map(Value::Bool),
            None => arithmetic(operator, &first, &second),
        };
        result.map_err(|fault| {
            let culprit = [(first_part, &first), (second_part, &second)]
                .into_iter()
                .find(|(part, value)| value.is_null() && !matches!(part.kind, Kind::Literal(_)));
            null_named(located(fault, &node.range), culprit.map(|(part, _)| part))
        })
    }

    fn map(&self, entries: &[(Node, Node)], item: Option<&Value>) -> Evaluated<Value> {
        let mut fields = BTreeMap::new();
        for (key_part, value_part) in entries {
            let key = match &*self.value(key_part, item)? {
                Value::String(key) => key.clone(),
                other => {
                    let message = format!("the keys of a map are strings, not {}s", other.kind());
                    return Err(ExpressionError::new(message, key_part.range.clone()));
                }
            };
            let value = self.copy(self.value(value_part, item)?, value_part)?;
            if fields.insert(key.clone(), value).is_some() {
                let message = format!("the key `{key}` is given twice");
                return Err(ExpressionError::new(message, key_part.range.clone()));
            }
        }
        Ok(Value::Map(fields))
    }

    fn call<'v>(
        &'v self,
        function: Function,
        parts: &'v [Node],
        item: Option<&'v Value>,
        node: &Node,
    ) -> Evaluated<Cow<'v, Value>> {
        if function == Function::Now {
            return Ok(Cow::Owned(Value::Time(self.scope.now())));
        }
        let arguments: Vec<_> = parts.iter().map(|part| self.value(part, item)).collect::<Result<_, _>>()?;
        let through = |value: &Value| match (function, value) {
            (Function::Size, Value::List(_) | Value::Map(_)) => 1,
            _ => weight(value),
        };
        self.work(arguments.iter().map(|argument| through(argument)).sum(), &node.range)?;
        let null = parts.iter().zip(&arguments).find(|(_, value)| value.is_null()).map(|(part, _)| part);
        let result = match (function, arguments.as_slice()) {
            (Function::Matches, [first, second]) => {
                self.matches(first, second, node).map(|matches| Cow::Owned(Value::Bool(matches)))
            }
            _ => apply(function, arguments).map_err(|fault| located(fault, &node.range)),
        };
        result.map_err(|error| null_named(error, null))
    }

    fn matches(&self, value: &Value, expression: &Value, node: &Node) -> Evaluated<bool> {
        let at = |fault: Fault| located(fault, &node.range);
        let (value, expression) =
            (text(Function::Matches, value).map_err(at)?, text(Function::Matches, expression).map_err(at)?);
        let mut patterns = self.patterns.borrow_mut();
        if let Some(compiled) = patterns.get(expression) {
            return Ok(compiled.is_match(value));
        }
        self.work(PATTERN_WORK, &node.range)?;
        let compiled = pattern(expression).map_err(at)?;
        let found = compiled.is_match(value);
        if patterns.len() < PATTERNS_KEPT {
            patterns.insert(expression.to_owned(), compiled);
        }
        Ok(found)
    }

    fn each(&self, each: &Loop, item: Option<&Value>, node: &Node) -> Evaluated<Value> {
        let list = self.value(&each.list, item)?;
        let items = match &*list {
            Value::List(items) if items.len() <= MAXIMUM_ITEMS => items,
            Value::List(items) => {
                let message = format!("the list has {} items; {MAXIMUM_ITEMS} are allowed", items.len());
                return Err(ExpressionError::new(message, each.list.range.clone()));
            }
            other => {
                let name = each.kind.name();
                let message = format!("`{name}` goes through a list, not through {}", kind(other));
                let error = ExpressionError::new(message, each.list.range.clone());
                return Err(if other.is_null() {
                    error.help("write default(…, []) around what may be null")
                } else {
                    error
                });
            }
        };
        let mut kept = Vec::new();
        for item in items {
            self.work(1, &node.range)?;
            match each.kind {
                LoopKind::Exists if self.truth(&each.body, Some(item))? => return Ok(Value::Bool(true)),
                LoopKind::All if !self.truth(&each.body, Some(item))? => return Ok(Value::Bool(false)),
                LoopKind::Exists | LoopKind::All => {}
                LoopKind::Filter => {
                    if self.truth(&each.body, Some(item))? {
                        kept.push(self.copy(Cow::Borrowed(item), &each.body)?);
                    }
                }
                LoopKind::Map => {
                    let value = self.value(&each.body, Some(item))?;
                    kept.push(self.copy(value, &each.body)?);
                }
            }
        }
        Ok(match each.kind {
            LoopKind::Exists => Value::Bool(false),
            LoopKind::All => Value::Bool(true),
            LoopKind::Filter | LoopKind::Map => Value::List(kept),
        })
    }

    /// What a chain of names and keys leads to.
    fn look<'v>(&'v self, node: &'v Node, item: Option<&'v Value>) -> Looked<'v> {
        match &node.kind {
            Kind::Path(_) => match self.paths.get(&node.range.start) {
                Some(Ok(Ok(value))) => Ok(Ok(Cow::Borrowed(value))),
                Some(Ok(Err(absent))) => Ok(Err(absent.clone())),
                Some(Err(error)) => Err(error.clone()),
                None => Ok(Err(ExpressionError::new("this is not there", node.range.clone()))),
            },
            Kind::Variable(name) => Ok(item.map(Cow::Borrowed).ok_or_else(|| absent(name.clone(), node))),
            Kind::Field(inner, name) => match self.look(inner, item)? {
                Ok(value) => self.key(value, name, inner, node),
                Err(absent) => Ok(Err(absent)),
            },
            Kind::Index(inner, index) => match self.look(inner, item)? {
                Ok(value) => {
                    let position = self.value(index, item)?;
                    self.index(value, &position, inner, index, node)
                }
                Err(absent) => Ok(Err(absent)),
            },
            Kind::Default(chain, otherwise) => match self.look(chain, item)? {
                Ok(value) if !value.is_null() => Ok(Ok(value)),
                _ => self.look(otherwise, item),
            },
            _ => self.value(node, item).map(Ok),
        }
    }

    /// The field `name` of `value`, which is that of the part `inner`.
    fn key<'v>(&self, value: Cow<'v, Value>, name: &str, inner: &Node, node: &Node) -> Looked<'v> {
        if let Some(wrong) = has_no_fields(&value, &describe(inner), node.range.clone()) {
            return wrong;
        }
        let field = match value {
            Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
            Cow::Owned(Value::Map(mut fields)) => fields.remove(name).map(Cow::Owned),
            Cow::Owned(_) => None,
        };
        Ok(field.ok_or_else(|| absent(describe(node), node)))
    }

    fn index<'v>(
        &self,
        value: Cow<'v, Value>,
        position: &Value,
        inner: &Node,
        index: &Node,
        node: &Node,
    ) -> Looked<'v> {
        match (&*value, position) {
            (Value::List(items), Value::Int(number)) => {
                let count = items.len();
                let place = usize::try_from(*number).ok().filter(|place| *place < count);
                let found = place.and_then(|place| match value {
                    Cow::Borrowed(Value::List(items)) => items.get(place).map(Cow::Borrowed),
                    Cow::Owned(Value::List(mut items)) => Some(Cow::Owned(items.swap_remove(place))),
                    _ => None,
                });
                Ok(found.ok_or_else(|| {
                    let items = if count == 1 { "item" } else { "items" };
                    let message = format!("{} has {count} {items}; [{number}] is not there", describe(inner));
                    ExpressionError::new(message, node.range.clone()).help(ABSENT_HELP)
                }))
            }
            (Value::Map(_) | Value::Null | Value::Secret(_), Value::String(key)) => {
                self.key(value, key, inner, node)
            }
            (Value::Null, _) => Ok(Err(is_null(&describe(inner), node.range.clone()))),
            (Value::Secret(_), _) | (_, Value::Secret(_)) => Err(located(Fault::secret(), &node.range)),
            (value, position) => {
                let message = format!("{} has no place [{}]", kind(value), position.kind());
                Err(ExpressionError::new(message, index.range.clone())
                    .help("a list is indexed by an integer, a map by a string"))
            }
        }
    }
}

/// What a copy of `value` costs.
fn weight(value: &Value) -> u64 {
    match value {
        Value::List(items) => 1 + items.iter().map(weight).sum::<u64>(),
        Value::Map(fields) => 1 + fields.values().map(weight).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 64,
        _ => 1,
    }
}

/// What an operator costs besides its operands: how much it has to look through or to copy.
fn binary_work(operator: Operator, first: &Value, second: &Value) -> u64 {
    match (operator, first, second) {
        (Operator::In, ..) => weight(second),
        (Operator::Add, ..) | (_, Value::List(_), Value::List(_)) | (_, Value::Map(_), Value::Map(_)) => {
            weight(first) + weight(second)
        }
        (_, Value::String(first), Value::String(second)) => first.len().min(second.len()) as u64 / 64,
        _ => 1,
    }
}

fn look_up_paths(
    node: &Node,
    scope: &dyn Scope,
    found: &mut BTreeMap<usize, Evaluated<Result<Value, ExpressionError>>>,
) {
    if let Kind::Path(segments) = &node.kind {
        found.insert(node.range.start, look_up(segments, scope, node));
    }
    node.children().into_iter().for_each(|child| look_up_paths(child, scope, found));
}

/// The value of the longest part of the path that the scope knows, and from there on by the keys.
fn look_up(
    segments: &[Segment],
    scope: &dyn Scope,
    node: &Node,
) -> Evaluated<Result<Value, ExpressionError>> {
    let names: Vec<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
    let found = (1..=names.len()).rev().find_map(|length| Some((length, scope.value(&names[..length])?)));
    let Some((known, mut value)) = found else { return Ok(Err(absent(describe(node), node))) };
    for place in known..segments.len() {
        let written = format!("`{}`", path_text(&segments[..place]));
        if let Some(wrong) = has_no_fields(&value, &written, segments[place].range.clone()) {
            return wrong.map(|absent| absent.map(Cow::into_owned));
        }
        let Value::Map(mut fields) = value else { return Ok(Err(absent(describe(node), node))) };
        match fields.remove(&segments[place].name) {
            Some(field) => value = field,
            None => return Ok(Err(absent(describe(node), node))),
        }
    }
    Ok(Ok(value))
}

/// Nothing for a map; else what it means to ask the part written as `written` for a field.
fn has_no_fields<'v>(value: &Value, written: &str, range: Range<usize>) -> Option<Looked<'v>> {
    match value {
        Value::Map(_) => None,
        Value::Null => Some(Ok(Err(is_null(written, range)))),
        Value::Secret(_) => Some(Err(located(Fault::secret(), &range))),
        other => {
            let message = format!("{written} is {}; it has no fields", kind(other));
            Some(Err(ExpressionError::new(message, range)))
        }
    }
}

const ABSENT_HELP: &str = "write default(…, …), or test it with has(…) before";

fn absent(written: String, node: &Node) -> ExpressionError {
    ExpressionError::new(format!("{written} is not there"), node.range.clone()).help(ABSENT_HELP)
}

fn is_null(written: &str, range: Range<usize>) -> ExpressionError {
    ExpressionError::new(format!("{written} is null"), range).help(ABSENT_HELP)
}

fn not_true_or_false(node: &Node, kind: &str) -> String {
    format!("{} is {kind}; true or false is wanted", describe(node))
}

/// A part in words: as written where it is a chain of names.
fn describe(node: &Node) -> String {
    match &node.kind {
        Kind::Path(segments) => format!("`{}`", path_text(segments)),
        _ => node.chain_text().map_or_else(|| "this".to_owned(), |text| format!("`{text}`")),
    }
}

/// Says which part was null, where it has a name.
fn null_named(error: ExpressionError, part: Option<&Node>) -> ExpressionError {
    match part.and_then(Node::chain_text) {
        Some(text) if error.message.ends_with("null") => ExpressionError {
            message: format!("`{text}` is null: {} cannot be worked out", error.message),
            help: Some(format!("write default({text}, …) with the value to take then")),
            ..error
        },
        _ => error,
    }
}

fn located(fault: Fault, range: &Range<usize>) -> ExpressionError {
    ExpressionError { message: fault.message, range: range.clone(), help: fault.help.map(str::to_owned) }
}

/// What `function` says of a null; used where a null is known before it is evaluated.
pub(super) fn of_null(function: Function, range: &Range<usize>) -> ExpressionError {
    located(wrong(function, &Value::Null), range)
}
