//! CEL's tree to ours: what is not part of the language is an error here, names become paths, and every part gets
//! its place in the file.
//!
//! The `cel` crate tells one token of every part, by its byte in the text; the tokens of [`super::scan`] tell the
//! rest. Its macros are off: `has`, `exists` and their like come as plain calls.

use super::ExpressionError;
use super::forms::{Form, count_message, form, unknown_function, wrong_form};
use super::node::{Function, Kind, Loop, LoopKind, Node, Operator, Segment};
use super::scan::{CUT_SHORT, Token, TokenKind, scan};
use crate::value::Value;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators};
use cel::{Env, IdedExpr, ParseErrors};
use std::ops::Range;
use std::thread;

/// The `cel` crate's parser takes up to 4 MB of stack, in a debug build, for what the limits allow; no caller has to
/// know that.
const STACK: usize = 16 * 1024 * 1024;
/// So few tokens without brackets are parsed on the caller's stack; a test does it on 512 kB.
const SMALL: usize = 12;
/// The deepest tree. 64 operators in a row are 64 levels; what takes more than this is not read by people either,
/// and the checker and the evaluation go down it on the caller's stack.
const MAXIMUM_LEVELS: usize = 80;

/// Parses `text`, which begins at byte `offset` of the source.
pub(super) fn parse(text: &str, offset: usize) -> Result<Node, ExpressionError> {
    let tokens = scan(text, offset)?;
    // A thread takes longer than a small expression does; without brackets a few words need little stack.
    if tokens.len() <= SMALL && !text.contains(['(', '[', '{', '?']) {
        return convert(text, offset, &tokens);
    }
    let whole = || offset..offset + text.len();
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || convert(text, offset, &tokens))
            .map_err(|error| ExpressionError::new(format!("no thread to parse it: {error}"), whole()))?
            .join()
            // It was not seen to panic in 200,000 random texts; were it to, only its thread would end.
            .unwrap_or_else(|_| Err(ExpressionError::new("the parser cannot read this", whole())))
    })
}

fn convert(text: &str, offset: usize, tokens: &[Token]) -> Result<Node, ExpressionError> {
    let (root, source) = Env::default()
        .parser()
        .parse_with_source_info(text)
        .map_err(|errors| syntax_error(text, offset, tokens, &errors))?;
    let node = Converter { text, offset, tokens, source: &source, variable: None }.node(&root)?;
    if node.levels() > MAXIMUM_LEVELS {
        let message = format!("the expression is more than {MAXIMUM_LEVELS} levels deep");
        return Err(ExpressionError::new(message, node.range).help("split it"));
    }
    Ok(node)
}

/// The first of the parser's errors in our words. It tells line and column, in characters, from 1.
fn syntax_error(text: &str, offset: usize, tokens: &[Token], errors: &ParseErrors) -> ExpressionError {
    let (line, column, message) = errors.errors.first().map_or((1, 1, ""), |error| {
        let (line, column) = error.pos;
        (usize::try_from(line).unwrap_or(1).max(1), usize::try_from(column).unwrap_or(1).max(1), &*error.msg)
    });
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let position =
        text[line_start..].chars().take(column - 1).map(char::len_utf8).sum::<usize>() + line_start;
    let Some(token) = tokens.iter().find(|token| token.range.end > position) else {
        let range = offset + text.trim_end().len()..offset + text.len();
        return ExpressionError::new("the expression ends too soon", range).help(CUT_SHORT);
    };
    let range = offset + token.range.start..offset + token.range.end;
    let written = &text[token.range.clone()];
    if message.contains("reserved identifier") {
        return ExpressionError::new(format!("`{written}` is a reserved word of CEL"), range)
            .help("inside a path write it as a key: x[\"…\"]");
    }
    if token.kind == TokenKind::Number && message.contains("invalid") {
        return ExpressionError::new(format!("the number {written} is too large"), range);
    }
    if token.kind == TokenKind::Text && message.contains("invalid") {
        return ExpressionError::new(format!("{written} holds a character that does not exist"), range);
    }
    let error = ExpressionError::new(format!("unexpected `{written}`"), range);
    match written {
        "and" | "AND" => error.help("write `&&`"),
        "or" | "OR" => error.help("write `||`"),
        "not" | "NOT" => error.help("write `!`"),
        _ => error,
    }
}

struct Converter<'a> {
    text: &'a str,
    offset: usize,
    tokens: &'a [Token],
    source: &'a SourceInfo,
    /// The variable of the loop whose body is being converted.
    variable: Option<String>,
}

type Converted<T = Node> = Result<T, ExpressionError>;

impl Converter<'_> {
    /// The index of the token that the parser names for the part `id`.
    fn token(&self, id: u64) -> usize {
        let start = self.source.offset_for(id).map_or(0, |(start, _)| start as usize);
        self.tokens.partition_point(|token| token.range.start < start).min(self.tokens.len() - 1)
    }

    /// The place in the source from token `first` to token `last`.
    fn range(&self, first: usize, last: usize) -> Range<usize> {
        let last = last.min(self.tokens.len() - 1);
        self.offset + self.tokens[first].range.start..self.offset + self.tokens[last].range.end
    }

    fn written(&self, token: usize) -> &str {
        &self.text[self.tokens[token].range.clone()]
    }

    /// The closing bracket of the opening bracket `open`.
    fn close(&self, open: usize) -> usize {
        self.tokens[open].partner.unwrap_or(open)
    }

    fn node(&mut self, part: &IdedExpr) -> Converted {
        let token = self.token(part.id);
        let node = match &part.expr {
            Expr::Literal(literal) => self.literal(literal, token)?,
            Expr::Ident(name) => self.name(name, token)?,
            Expr::Select(select) if !select.test => {
                let inner = self.node(&select.operand)?;
                self.select(inner, &select.field, token + 1..token + 2)
            }
            Expr::Call(call) => self.call(call, token)?,
            Expr::List(list) if list.optional_indices.is_empty() => Node {
                range: self.range(token, self.close(token)),
                kind: Kind::List(list.elements.iter().map(|item| self.node(item)).collect::<Result<_, _>>()?),
            },
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| self.entry(&entry.expr, token));
                let kind = Kind::Map(entries.collect::<Result<_, _>>()?);
                Node { range: self.range(token, self.close(token)), kind }
            }
            _ => return Err(self.unknown_part(token)),
        };
        Ok(self.with_brackets(node))
    }

    fn unknown_part(&self, token: usize) -> ExpressionError {
        let message = format!("this use of `{}` is not part of the language", self.written(token));
        ExpressionError::new(message, self.range(token, token))
    }

    /// Widens the range by the brackets that only group.
    fn with_brackets(&self, mut node: Node) -> Node {
        loop {
            let start = node.range.start - self.offset;
            let first = self.tokens.partition_point(|token| token.range.start < start);
            let Some(open) = first.checked_sub(1).filter(|open| self.written(*open) == "(") else {
                return node;
            };
            let call = open.checked_sub(1).is_some_and(|before| self.tokens[before].kind == TokenKind::Word);
            let end = node.range.end - self.offset;
            let behind = self.tokens.partition_point(|token| token.range.start < end);
            if call || self.tokens[open].partner != Some(behind) {
                return node;
            }
            node.range = self.range(open, behind);
        }
    }

    fn literal(&self, literal: &LiteralValue, token: usize) -> Converted {
        let negative = |negative: bool| if negative { token.saturating_sub(1) } else { token };
        let (value, first) = match literal {
            LiteralValue::Null => (Value::Null, token),
            LiteralValue::Boolean(truth) => (Value::Bool(*truth.inner()), token),
            LiteralValue::Int(number) => (Value::Int(*number.inner()), negative(*number.inner() < 0)),
            LiteralValue::Double(number) => (Value::Float(*number.inner()), negative(*number.inner() < 0.0)),
            LiteralValue::String(text) => (Value::String(text.inner().to_owned()), token),
            LiteralValue::Bytes(_) | LiteralValue::UInt(_) => return Err(self.unknown_part(token)),
        };
        Ok(Node { range: self.range(first, token), kind: Kind::Literal(value) })
    }

    fn name(&self, name: &str, token: usize) -> Converted {
        if name.starts_with('.') {
            return Err(self.unknown_part(token));
        }
        let range = self.range(token, token);
        let kind = if self.variable.as_deref() == Some(name) {
            Kind::Variable(name.to_owned())
        } else {
            Kind::Path(vec![Segment { name: name.to_owned(), range: range.clone() }])
        };
        Ok(Node { range, kind })
    }

    /// `inner.name` or `inner["name"]`; the tokens `behind` are what stands behind `inner`.
    fn select(&self, inner: Node, name: &str, behind: Range<usize>) -> Node {
        let range = inner.range.start..self.range(behind.start, behind.end - 1).end;
        let segment = Segment { name: name.to_owned(), range: self.range(behind.start, behind.end - 1) };
        let kind = match inner.kind {
            Kind::Path(mut segments) => {
                segments.push(segment);
                Kind::Path(segments)
            }
            _ => Kind::Field(Box::new(inner), name.to_owned()),
        };
        Node { range, kind }
    }

    fn entry(&mut self, entry: &EntryExpr, token: usize) -> Converted<(Node, Node)> {
        match entry {
            EntryExpr::MapEntry(entry) if !entry.optional => {
                Ok((self.node(&entry.key)?, self.node(&entry.value)?))
            }
            _ => Err(self.unknown_part(token)),
        }
    }

    fn call(&mut self, call: &CallExpr, token: usize) -> Converted {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice(), &call.target) {
            (operators::CONDITIONAL, [condition, yes, no], None) => {
                let [condition, yes, no] = [self.node(condition)?, self.node(yes)?, self.node(no)?];
                let range = condition.range.start..no.range.end;
                let kind = Kind::Conditional(Box::new(condition), Box::new(yes), Box::new(no));
                Ok(Node { range, kind })
            }
            (operators::LOGICAL_NOT | operators::NEGATE, [operand], None) => {
                let operand = self.node(operand)?;
                let range = self.range(token, token).start..operand.range.end;
                let operand = Box::new(operand);
                let kind = if name == operators::NEGATE { Kind::Negate(operand) } else { Kind::Not(operand) };
                Ok(Node { range, kind })
            }
            (operators::INDEX, [inner, index], None) => {
                let (inner, index) = (self.node(inner)?, self.node(index)?);
                let behind = token..self.close(token) + 1;
                if let Kind::Literal(Value::String(key)) = &index.kind {
                    return Ok(self.select(inner, key, behind));
                }
                let range = inner.range.start..self.range(token, behind.end - 1).end;
                Ok(Node { range, kind: Kind::Index(Box::new(inner), Box::new(index)) })
            }
            (_, [first, second], None) if name.starts_with('_') || name.starts_with('@') => {
                self.binary(name, first, second, token)
            }
            _ => self.function(call, token),
        }
    }

    fn binary(&mut self, name: &str, first: &IdedExpr, second: &IdedExpr, token: usize) -> Converted {
        let (first, second) = (Box::new(self.node(first)?), Box::new(self.node(second)?));
        let range = first.range.start..second.range.end;
        let kind = match name {
            operators::LOGICAL_AND => Kind::And(first, second),
            operators::LOGICAL_OR => Kind::Or(first, second),
            _ => {
                let operator = operator(name).ok_or_else(|| self.unknown_part(token))?;
                Kind::Binary(operator, first, second)
            }
        };
        Ok(Node { range, kind })
    }

    /// A call whose `(` is the token `open`.
    fn function(&mut self, call: &CallExpr, open: usize) -> Converted {
        let name_at = self.range(open.saturating_sub(1), open.saturating_sub(1));
        let form = form(&call.func_name)
            .ok_or_else(|| unknown_function(&call.func_name, call.target.is_some(), name_at.clone()))?;
        let (first, is_method) = match (&call.target, form) {
            (Some(target), Form::Loop(kind)) => return self.each(kind, target, &call.args, open),
            (Some(target), Form::Method(_) | Form::Function(Function::Size, ..)) => (Some(&**target), true),
            (None, Form::Has | Form::Default | Form::Function(..)) => (None, false),
            _ => return Err(wrong_form(form, &call.func_name, name_at)),
        };
        let mut arguments = Vec::new();
        for argument in first.into_iter().chain(&call.args) {
            arguments.push(self.node(argument)?);
        }
        let start = match (is_method, arguments.first()) {
            (true, Some(target)) => target.range.start,
            _ => name_at.start,
        };
        let range = start..self.range(open, self.close(open)).end;
        let wrong_count = |message: String| ExpressionError::new(message, range.clone());
        let kind = match form {
            Form::Function(function, least, most) if !(least..=most).contains(&arguments.len()) => {
                let unwritten = usize::from(is_method);
                let (wanted, given) = (least - unwritten, arguments.len() - unwritten);
                return Err(wrong_count(count_message(function.name(), wanted, given)));
            }
            Form::Method(function) if arguments.len() != 2 => {
                return Err(wrong_count(count_message(function.name(), 1, arguments.len() - 1)));
            }
            Form::Function(function, ..) | Form::Method(function) => Kind::Call(function, arguments),
            _ => presence(form, arguments).map_err(|message| wrong_count(message).help(PRESENCE_HELP))?,
        };
        Ok(Node { range, kind })
    }

    fn each(&mut self, kind: LoopKind, list: &IdedExpr, arguments: &[IdedExpr], open: usize) -> Converted {
        let name = kind.name();
        let name_at = self.range(open.saturating_sub(1), open.saturating_sub(1));
        if self.variable.is_some() {
            let message = format!("`{name}` stands inside another loop");
            return Err(ExpressionError::new(message, name_at).help(
                "`exists`, `all`, `filter` and `map` cannot be nested; write two of them one after the other",
            ));
        }
        let list = self.node(list)?;
        let range = list.range.start..self.range(open, self.close(open)).end;
        let [IdedExpr { expr: Expr::Ident(variable), .. }, body] = arguments else {
            return Err(ExpressionError::new(format!("`{name}` takes a new name and an expression"), range)
                .help(format!("write list.{name}(x, …) with x in the expression")));
        };
        self.variable = Some(variable.clone());
        let body = self.node(body);
        self.variable = None;
        let each = Loop { kind, list, variable: variable.clone(), body: body? };
        Ok(Node { range, kind: Kind::Loop(Box::new(each)) })
    }
}

const PRESENCE_HELP: &str = "write has(steps.x.outputs.y), or default(steps.x.outputs.y, \"…\")";

/// `has` and `default` look at a chain of names and keys, which may break off anywhere.
fn presence(form: Form, mut arguments: Vec<Node>) -> Result<Kind, String> {
    fn is_chain(node: &Node) -> bool {
        match &node.kind {
            Kind::Path(_) | Kind::Variable(_) => true,
            Kind::Field(inner, _) | Kind::Index(inner, _) => is_chain(inner),
            _ => false,
        }
    }
    match (form, arguments.pop(), arguments.pop(), arguments.pop()) {
        (Form::Has, Some(chain), None, None) if is_chain(&chain) => Ok(Kind::Has(Box::new(chain))),
        (Form::Default, Some(otherwise), Some(chain), None)
            if is_chain(&chain) || matches!(chain.kind, Kind::Default(..)) =>
        {
            Ok(Kind::Default(Box::new(chain), Box::new(otherwise)))
        }
        (Form::Has, ..) => Err("`has` takes one name, with its keys".to_owned()),
        _ => {
            Err("`default` takes a name, with its keys, and the value to take if it is not there".to_owned())
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return None,
    })
}
