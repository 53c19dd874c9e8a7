//! The type of an expression, and everything that is wrong with it before anything runs.

use super::functions::pattern;
use super::node::{Function, Kind, Loop, LoopKind, Node, Operator, Segment, path_text};
use super::{ExpressionError, Known, TypeScope};
use crate::spec::Type;
use crate::suggestion::nearest;
use crate::value::Value;
use std::collections::BTreeSet;
use std::ops::Range;

/// The type of the tree `root`, or all its mistakes in the order in which they stand.
pub(super) fn type_of(root: &Node, scope: &dyn TypeScope) -> Result<Type, Vec<ExpressionError>> {
    let mut checker = Checker { scope, errors: Vec::new(), variable: None };
    let kind = checker.node(root);
    if checker.errors.is_empty() {
        return Ok(kind);
    }
    checker.errors.sort_by_key(|error| (error.range.start, error.range.end));
    Err(checker.errors)
}

struct Checker<'a> {
    scope: &'a dyn TypeScope,
    errors: Vec<ExpressionError>,
    /// The variable of the loop whose body is being looked at.
    variable: Option<(String, Type)>,
}

/// The kind that operators and functions see: an ARN is text, and a restore time may be several things.
fn plain(kind: Type) -> Type {
    match kind {
        Type::Arn | Type::OneOf(_) => Type::String,
        Type::RestoreTime => Type::Any,
        other => other,
    }
}

fn is_number(kind: Type) -> bool {
    matches!(kind, Type::Integer | Type::Number)
}

/// `a string`, `an integer`.
fn article(kind: Type) -> String {
    match kind {
        Type::Integer => "an integer".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Any => "a value of any type".to_owned(),
        other => format!("a {other}"),
    }
}

/// The types that can be told of the items of a list; a list of others is a list of any.
static ITEMS: [Type; 12] = [
    Type::Null,
    Type::Boolean,
    Type::Integer,
    Type::Number,
    Type::String,
    Type::Duration,
    Type::Time,
    Type::RestoreTime,
    Type::Arn,
    Type::List(&Type::Any),
    Type::Map(&Type::Any),
    Type::Any,
];

fn item(kind: Type) -> &'static Type {
    let kind = match kind {
        Type::OneOf(_) => Type::String,
        Type::List(_) => Type::List(&Type::Any),
        Type::Map(_) => Type::Map(&Type::Any),
        other => other,
    };
    ITEMS.iter().find(|item| **item == kind).unwrap_or(&Type::Any)
}

/// The type of what is one or the other; nothing where they have none in common.
fn join(first: Type, second: Type) -> Option<Type> {
    match (first, second) {
        (first, second) if first == second => Some(first),
        (Type::Null, other) | (other, Type::Null) => Some(other),
        (Type::Any, _) | (_, Type::Any) => Some(Type::Any),
        (first, second) if is_number(first) && is_number(second) => Some(Type::Number),
        (Type::RestoreTime, Type::Time | Type::Duration | Type::String)
        | (Type::Time | Type::Duration | Type::String, Type::RestoreTime) => Some(Type::Any),
        (Type::List(first), Type::List(second)) => {
            Some(Type::List(join(*first, *second).map_or(&Type::Any, item)))
        }
        (Type::Map(first), Type::Map(second)) => {
            Some(Type::Map(join(*first, *second).map_or(&Type::Any, item)))
        }
        (first, second) => (plain(first) == plain(second)).then(|| plain(first)),
    }
}

/// Whether values of the two types may be tested for being equal.
fn comparable(first: Type, second: Type) -> bool {
    match (plain(first), plain(second)) {
        (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null) => true,
        (first, second) if is_number(first) && is_number(second) => true,
        (Type::List(first), Type::List(second)) | (Type::Map(first), Type::Map(second)) => {
            comparable(*first, *second)
        }
        (first, second) => first == second,
    }
}

/// What arithmetic gives; nothing where there is none. Where one side is not known, what the other allows.
fn arithmetic(operator: Operator, first: Type, second: Type) -> Option<Type> {
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    use Type::{Any, Duration, Integer, List, String, Time};
    let known = match (operator, first, second) {
        (Remainder, Integer, Integer) => Integer,
        (Remainder, Any, Any | Integer) | (Remainder, Integer, Any) => Any,
        (Remainder, ..) => return None,
        (_, Integer, Integer) => Integer,
        (_, first, second) if is_number(first) && is_number(second) => Type::Number,
        (_, Any, Any) => Any,
        (_, Any, number) | (_, number, Any) if is_number(number) => Any,
        (Add, String, String) => String,
        (Add, List(_), List(_)) => join(first, second)?,
        (Add, Time, Duration) | (Add, Duration, Time) | (Subtract, Time, Duration) => Time,
        (Subtract, Time, Time) | (Add | Subtract, Duration, Duration) => Duration,
        (Multiply, Duration, Integer) | (Multiply, Integer, Duration) => Duration,
        (Add, Any, String | List(_)) | (Add, String | List(_), Any) => Any,
        (Add | Subtract, Any, Time | Duration) | (Add | Subtract, Time | Duration, Any) => Any,
        (Multiply, Any, Duration) | (Multiply, Duration, Any) => Any,
        (Divide, ..) => return None,
        _ => return None,
    };
    Some(known)
}

impl Checker<'_> {
    fn error(&mut self, message: impl Into<String>, range: &Range<usize>) {
        self.errors.push(ExpressionError::new(message, range.clone()));
    }

    fn helped(&mut self, message: impl Into<String>, range: &Range<usize>, help: impl Into<String>) {
        self.errors.push(ExpressionError::new(message, range.clone()).help(help));
    }

    fn node(&mut self, node: &Node) -> Type {
        match &node.kind {
            Kind::Literal(value) => literal(value),
            Kind::Path(segments) => self.path(segments),
            Kind::Variable(_) => self.variable.as_ref().map_or(Type::Any, |(_, kind)| *kind),
            Kind::Field(inner, name) => {
                let kind = self.node(inner);
                self.field(kind, name, "this", &node.range)
            }
            Kind::Index(inner, index) => self.index(inner, index),
            Kind::Not(operand) => self.truths(&[operand]),
            Kind::And(first, second) | Kind::Or(first, second) => self.truths(&[first, second]),
            Kind::Negate(operand) => self.negate(operand),
            Kind::Binary(operator, first, second) => self.binary(*operator, first, second, &node.range),
            Kind::Conditional(condition, yes, no) => {
                self.truths(&[condition]);
                self.either(yes, no, "the two sides of `? :` are", &node.range)
            }
            Kind::Default(chain, otherwise) => {
                self.either(chain, otherwise, "the two sides of `default` are", &node.range)
            }
            Kind::Has(chain) => {
                self.node(chain);
                Type::Boolean
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Call(function, arguments) => self.call(*function, arguments, &node.range),
            Kind::Loop(each) => self.each(each),
        }
    }

    fn path(&mut self, segments: &[Segment]) -> Type {
        let names: Vec<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
        for place in 0..segments.len() {
            match self.scope.known(&names[..=place]) {
                Known::Fields(_) => {}
                Known::Unknown => {
                    self.unknown(segments, place);
                    return Type::Any;
                }
                Known::Value(mut kind) => {
                    for rest in place + 1..segments.len() {
                        let written = format!("`{}`", path_text(&segments[..rest]));
                        kind = self.field(kind, &segments[rest].name, &written, &segments[rest].range);
                    }
                    return kind;
                }
            }
        }
        Type::Map(&Type::Any)
    }

    fn unknown(&mut self, segments: &[Segment], place: usize) {
        let names: Vec<&str> = segments[..place].iter().map(|segment| segment.name.as_str()).collect();
        let mut fields = match self.scope.known(&names) {
            Known::Fields(fields) => fields,
            _ => Vec::new(),
        };
        if place == 0 {
            fields.extend(self.variable.iter().map(|(name, _)| name.clone()));
        }
        let written = path_text(&segments[..=place]);
        let range = segments[place].range.clone();
        let error = ExpressionError::new(format!("unknown name `{written}`"), range);
        let meant = nearest(&segments[place].name, fields.iter().map(String::as_str));
        let with = |name: &str| match place {
            0 => name.to_owned(),
            _ => format!("{}.{name}", path_text(&segments[..place])),
        };
        self.errors.push(match meant {
            Some(meant) => error.help(format!("did you mean `{}`?", with(meant))),
            None if fields.is_empty() => error,
            None => error.help(format!("there are {}", fields.join(", "))),
        });
    }

    /// The type of the field `name` of something of type `kind`, which is written as `written`.
    fn field(&mut self, kind: Type, name: &str, written: &str, range: &Range<usize>) -> Type {
        match kind {
            Type::Any => Type::Any,
            Type::Map(value) => *value,
            Type::List(_) => {
                self.helped(
                    format!("{written} is a {kind}; it has no field `{name}`"),
                    range,
                    "take an item first: [0], or exists(x, …)",
                );
                Type::Any
            }
            other => {
                self.error(format!("{written} is {}; it has no field `{name}`", article(other)), range);
                Type::Any
            }
        }
    }

    fn index(&mut self, inner: &Node, index: &Node) -> Type {
        let (kind, position) = (self.node(inner), plain(self.node(index)));
        let (wanted, item) = match kind {
            Type::Any => return Type::Any,
            Type::List(item) => (Type::Integer, *item),
            Type::Map(item) => (Type::String, *item),
            other => {
                self.error(format!("{} has no items", article(other)), &inner.range);
                return Type::Any;
            }
        };
        if position != wanted && position != Type::Any {
            let message = format!("a {kind} is indexed by {}, not by {}", article(wanted), article(position));
            self.error(message, &index.range);
        }
        item
    }

    fn truths(&mut self, operands: &[&Node]) -> Type {
        for operand in operands {
            let kind = self.node(operand);
            self.not_secret(operand);
            if !matches!(kind, Type::Boolean | Type::Any) {
                self.error(format!("this is {}; true or false is wanted", article(kind)), &operand.range);
            }
        }
        Type::Boolean
    }

    fn negate(&mut self, operand: &Node) -> Type {
        let kind = plain(self.node(operand));
        self.not_secret(operand);
        if !is_number(kind) && !matches!(kind, Type::Duration | Type::Any) {
            self.error(format!("`-` in front of {}", article(kind)), &operand.range);
            return Type::Any;
        }
        kind
    }

    /// A secret can be handed on whole or joined; everything else looks at it.
    fn not_secret(&mut self, node: &Node) {
        if node.is_secret() {
            let help = "a secret can be handed on whole or be joined with `+`";
            self.helped("a secret cannot be looked at", &node.range, help);
        }
    }

    fn binary(&mut self, operator: Operator, first: &Node, second: &Node, range: &Range<usize>) -> Type {
        let (left, right) = (plain(self.node(first)), plain(self.node(second)));
        if operator != Operator::Add {
            self.not_secret(first);
            self.not_secret(second);
        }
        let (valid, result) = match operator {
            Operator::Equal | Operator::NotEqual => (comparable(left, right), Type::Boolean),
            Operator::In => return self.is_in(left, right, range),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let orders = |kind| {
                    is_number(kind) || matches!(kind, Type::String | Type::Duration | Type::Time | Type::Any)
                };
                (orders(left) && orders(right) && comparable(left, right), Type::Boolean)
            }
            _ => {
                let result = arithmetic(operator, left, right);
                (result.is_some(), result.unwrap_or(Type::Any))
            }
        };
        if !valid {
            let message =
                format!("`{}` is not for {} and {}", operator.symbol(), article(left), article(right));
            let error = ExpressionError::new(message, range.clone());
            self.errors.push(match conversion(operator, left, right) {
                Some(help) => error.help(help),
                None => error,
            });
        }
        result
    }

    fn is_in(&mut self, left: Type, right: Type, range: &Range<usize>) -> Type {
        match right {
            Type::Any => {}
            Type::List(item) if comparable(left, *item) => {}
            Type::List(_) => {
                self.error(format!("`in`: a {right} holds no {left}"), range);
            }
            Type::Map(_) if matches!(left, Type::String | Type::Any) => {}
            Type::Map(_) => {
                self.error(format!("the keys of a map are strings, not {}", article(left)), range)
            }
            Type::String => self.helped("`in` looks into lists and maps", range, "write x.contains(\"…\")"),
            other => {
                self.error(format!("`in` looks into lists and maps, not into {}", article(other)), range);
            }
        }
        Type::Boolean
    }

    fn either(&mut self, first: &Node, second: &Node, what: &str, range: &Range<usize>) -> Type {
        let (left, right) = (self.node(first), self.node(second));
        join(left, right).unwrap_or_else(|| {
            self.error(format!("{what} {} and {}", article(left), article(right)), range);
            Type::Any
        })
    }

    fn list(&mut self, items: &[Node]) -> Type {
        let kinds: Vec<Type> = items.iter().map(|item| self.node(item)).collect();
        let joined = kinds.into_iter().try_fold(None, |so_far, kind| match so_far {
            None => Some(Some(kind)),
            Some(so_far) => join(so_far, kind).map(Some),
        });
        Type::List(joined.flatten().map_or(&Type::Any, item))
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Type {
        let mut keys = BTreeSet::new();
        let mut values = Vec::new();
        for (key, value) in entries {
            let kind = plain(self.node(key));
            self.not_secret(key);
            if !matches!(kind, Type::String | Type::Any) {
                let message = format!("the keys of a map are strings, not {}", article(kind));
                self.helped(message, &key.range, "put the key in quotes");
            }
            if let Kind::Literal(Value::String(text)) = &key.kind
                && !keys.insert(text)
            {
                self.error(format!("the key `{text}` is given twice"), &key.range);
            }
            values.push(self.node(value));
        }
        let joined = values.into_iter().map(Some).reduce(|first, second| join(first?, second?));
        Type::Map(joined.flatten().map_or(&Type::Any, item))
    }

    fn call(&mut self, function: Function, arguments: &[Node], range: &Range<usize>) -> Type {
        let mut kinds = Vec::new();
        for argument in arguments {
            kinds.push(plain(self.node(argument)));
            self.not_secret(argument);
        }
        if matches!(function, Function::Min | Function::Max) {
            return self.extreme(function, &kinds, range);
        }
        let allowed = |kind: Type| match function {
            Function::Size => matches!(kind, Type::String | Type::List(_) | Type::Map(_)),
            Function::String => !matches!(kind, Type::List(_) | Type::Map(_) | Type::Null),
            Function::Int | Function::Float => is_number(kind) || kind == Type::String,
            Function::Duration => matches!(kind, Type::Duration | Type::String),
            Function::Time => matches!(kind, Type::Time | Type::String),
            _ => kind == Type::String,
        };
        for (kind, argument) in kinds.iter().zip(arguments) {
            if *kind == Type::Null {
                self.errors.push(super::evaluate::of_null(function, &argument.range));
            } else if *kind != Type::Any && !allowed(*kind) {
                let message = format!("`{}` is not for {}", function.name(), article(*kind));
                let is_list = function == Function::Contains && matches!(kind, Type::List(_));
                match is_list {
                    true => self.helped(message, &argument.range, "write x in list"),
                    false => self.error(message, &argument.range),
                }
            }
        }
        if function == Function::Matches
            && let [_, Node { kind: Kind::Literal(Value::String(text)), range }] = arguments
            && let Err(fault) = pattern(text)
        {
            let error = ExpressionError::new(fault.message, range.clone());
            self.errors.push(ExpressionError { help: fault.help.map(str::to_owned), ..error });
        }
        match function {
            Function::Size | Function::Int => Type::Integer,
            Function::Float => Type::Number,
            Function::String => Type::String,
            Function::Duration => Type::Duration,
            Function::Time | Function::Now => Type::Time,
            _ => Type::Boolean,
        }
    }

    fn extreme(&mut self, function: Function, kinds: &[Type], range: &Range<usize>) -> Type {
        let kinds = match kinds {
            [Type::List(item)] => &[plain(**item)],
            // One value of no known type may be a list: what comes out is not known either.
            [Type::Any] => return Type::Any,
            kinds => kinds,
        };
        let orders = |kind: &Type| {
            is_number(*kind) || matches!(kind, Type::String | Type::Duration | Type::Time | Type::Any)
        };
        if let Some(kind) = kinds.iter().find(|kind| !orders(kind)) {
            self.error(format!("`{}` is not for {}", function.name(), article(*kind)), range);
            return Type::Any;
        }
        kinds
            .iter()
            .copied()
            .map(Some)
            .reduce(|first, second| join(first?, second?))
            .flatten()
            .unwrap_or_else(|| {
                self.error(format!("`{}` of values of different types", function.name()), range);
                Type::Any
            })
    }

    fn each(&mut self, each: &Loop) -> Type {
        let name = each.kind.name();
        let list = self.node(&each.list);
        let item_kind = match list {
            Type::Any => Type::Any,
            Type::List(item) => *item,
            Type::Map(_) => {
                self.error(format!("`{name}` goes through a list, not through a map"), &each.list.range);
                Type::Any
            }
            other => {
                let message = format!("`{name}` goes through a list, not through {}", article(other));
                self.error(message, &each.list.range);
                Type::Any
            }
        };
        self.variable = Some((each.variable.clone(), item_kind));
        let result = match each.kind {
            LoopKind::Exists | LoopKind::All => self.truths(&[&each.body]),
            LoopKind::Filter => {
                self.truths(&[&each.body]);
                Type::List(item(item_kind))
            }
            LoopKind::Map => {
                let kind = self.node(&each.body);
                Type::List(item(kind))
            }
        };
        self.variable = None;
        result
    }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Int(_) => Type::Integer,
        Value::Float(_) => Type::Number,
        Value::String(_) => Type::String,
        // The parser makes no others.
        _ => Type::Any,
    }
}

/// What to write so that the operator is for the two types.
fn conversion(operator: Operator, first: Type, second: Type) -> Option<&'static str> {
    let either = |kind: Type| first == kind || second == kind;
    match () {
        () if either(Type::Null) => Some("only `==` and `!=` are for null"),
        () if !either(Type::String) => None,
        () if either(Type::Time) => Some("write time(…) around the text"),
        () if either(Type::Duration) => Some("write duration(…) around the text"),
        () if operator == Operator::Add => Some("write string(…) around what is no text"),
        () if either(Type::Boolean) => Some("write true and false without quotes"),
        () if either(Type::Integer) || either(Type::Number) => {
            Some("write int(…) or float(…) around the text")
        }
        () => None,
    }
}
