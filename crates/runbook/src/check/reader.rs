//! Reads shapes from nodes, and says what is wrong with them.

use crate::diagnostic::Diagnostic;
use crate::expression::{Expression, ExpressionError};
use crate::keys::{Key, Shape, Table, shape_words};
use crate::node::{Field, Node, NodeKind, Scalar};
use crate::suggestion::nearest;
use crate::template::{Part, Template, TemplateKind};
use crate::units;
use crate::value::Value;
use chrono::{NaiveDate, TimeDelta};
use std::ops::Range;

/// Reads one file.
pub(super) struct Reader<'file> {
    text: &'file str,
    diagnostics: &'file mut Vec<Diagnostic>,
}

/// A map that was read by a table: only known keys, each once.
pub(super) struct Fields<'node> {
    table: &'static Table,
    fields: Vec<&'node Field>,
}

impl<'node> Fields<'node> {
    /// What is left of a map that is none: nothing.
    pub(super) fn empty(table: &'static Table) -> Self {
        Self { table, fields: Vec::new() }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'node Node> {
        debug_assert!(self.table.key(key).is_some(), "{key} is not a key of {}", self.table.name);
        self.field(key).map(|field| &field.value)
    }

    /// The key and its value; nothing where nothing was written behind it.
    pub(super) fn field(&self, key: &str) -> Option<&'node Field> {
        self.fields.iter().find(|field| field.key == key && !field.value.is_nothing()).copied()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.field(key).is_some()
    }
}

impl<'file> Reader<'file> {
    pub(super) fn new(text: &'file str, diagnostics: &'file mut Vec<Diagnostic>) -> Self {
        Self { text, diagnostics }
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, range, message).help(help));
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::warning(code, range, message).help(help));
    }

    /// The range to mark for a node: itself, or its first line where it has several.
    fn mark(&self, node: &Node) -> Range<usize> {
        let range = node.range.clone();
        let end = self.text[range.clone()].find('\n').map_or(range.end, |newline| range.start + newline);
        range.start..end
    }

    fn wrong_shape(&mut self, node: &Node, key: &Key) {
        let message =
            format!("`{}` is {}, and {} belongs here", key.name, node.what(), shape_words(key.shape));
        let range = self.mark(node);
        self.error(
            "wrong-shape",
            range,
            message,
            format!("write {}. {}", shape_words(key.shape), key.summary),
        );
    }

    /// A map with the keys of `table`.
    pub(super) fn fields<'node>(
        &mut self,
        node: &'node Node,
        table: &'static Table,
    ) -> Option<Fields<'node>> {
        let NodeKind::Map(fields) = &node.kind else {
            let range = self.mark(node);
            let keys: Vec<&str> = table.keys.iter().take(4).map(|key| key.name).collect();
            let message = format!("this is {}, and a map ({}) belongs here", node.what(), table.name);
            self.error("wrong-shape", range, message, format!("its keys are {}, …", keys.join(", ")));
            return None;
        };
        for field in fields.iter().filter(|field| table.key(&field.key).is_none()) {
            self.unknown_key(field, table);
        }
        let range = node.range.clone();
        for key in table.keys.iter().filter(|key| key.required) {
            if !fields.iter().any(|field| field.key == key.name && !field.value.is_nothing()) {
                let range = range.start..self.mark(node).end;
                let message = format!("the {} has no `{}`", table.name, key.name);
                self.error("missing-key", range, message, format!("add `{}: …`: {}", key.name, key.summary));
            }
        }
        Some(Fields {
            table,
            fields: fields.iter().filter(|field| table.key(&field.key).is_some()).collect(),
        })
    }

    fn unknown_key(&mut self, field: &Field, table: &Table) {
        if field.key == "<<" {
            return;
        }
        let names = || table.keys.iter().map(|key| key.name);
        let help = match nearest(&field.key, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a {} has: {}", table.name, names().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("unknown key `{}` in a {}", field.key, table.name);
        self.error("unknown-key", field.key_range.clone(), message, help);
    }

    /// The items of a list; one that is not a list is diagnosed.
    pub(super) fn list<'node>(&mut self, fields: &Fields<'node>, key: &str) -> &'node [Node] {
        match fields.get(key).map(|node| (&node.kind, node)) {
            None => &[],
            Some((NodeKind::List(items), _)) => items,
            Some((_, node)) => {
                self.wrong(fields, key, node);
                &[]
            }
        }
    }

    /// The entries of a map from names; one that is not a map is diagnosed.
    pub(super) fn named<'node>(&mut self, fields: &Fields<'node>, key: &str) -> &'node [Field] {
        match fields.get(key).map(|node| (&node.kind, node)) {
            None => &[],
            Some((NodeKind::Map(entries), _)) => entries,
            Some((_, node)) => {
                self.wrong(fields, key, node);
                &[]
            }
        }
    }

    pub(super) fn wrong(&mut self, fields: &Fields<'_>, key: &str, node: &Node) {
        if let Some(key) = fields.table.key(key) {
            self.wrong_shape(node, key);
        }
    }

    fn scalar<'node>(&mut self, fields: &Fields<'node>, key: &str) -> Option<(&'node Scalar, &'node Node)> {
        let node = fields.get(key)?;
        match node.scalar() {
            Some(scalar) => Some((scalar, node)),
            None => {
                self.wrong(fields, key, node);
                None
            }
        }
    }

    pub(super) fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        self.scalar(fields, key).map(|(scalar, _)| scalar.text.clone())
    }

    /// A scalar that is read by `read`; else what belongs there is said.
    fn read<T>(&mut self, fields: &Fields<'_>, key: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (scalar, node) = self.scalar(fields, key)?;
        let value = read(&scalar.text);
        if let (None, Some(known)) = (&value, fields.table.key(key)) {
            let message = format!("`{key}: {}` is not {}", scalar.text, shape_words(known.shape));
            let help = match (known.shape, nearest_duration(&scalar.text)) {
                (Shape::Duration, Some(near)) => format!("did you mean `{near}`?"),
                (Shape::Duration, None) => "write a number and its unit: 90s, 15m, 2h, 7d".to_owned(),
                _ => known.summary.to_owned(),
            };
            self.error("wrong-value", node.range.clone(), message, help);
        }
        value
    }

    pub(super) fn duration(&mut self, fields: &Fields<'_>, key: &str) -> Option<TimeDelta> {
        self.read(fields, key, |text| {
            units::parse_duration(text).filter(|duration| *duration >= TimeDelta::zero())
        })
    }

    pub(super) fn date(&mut self, fields: &Fields<'_>, key: &str) -> Option<NaiveDate> {
        self.read(fields, key, |text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
    }

    pub(super) fn boolean(&mut self, fields: &Fields<'_>, key: &str) -> Option<bool> {
        self.read(fields, key, |text| text.parse().ok())
    }

    pub(super) fn integer(&mut self, fields: &Fields<'_>, key: &str) -> Option<u32> {
        self.read(fields, key, |text| text.parse().ok())
    }

    pub(super) fn number(&mut self, fields: &Fields<'_>, key: &str) -> Option<f64> {
        self.read(fields, key, |text| {
            text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
        })
    }

    /// One of the words; the nearest is named where it is none.
    pub(super) fn word(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        words: &[&'static str],
    ) -> Option<&'static str> {
        let (scalar, node) = self.scalar(fields, key)?;
        let found = words.iter().find(|word| **word == scalar.text);
        if found.is_none() {
            let known = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let help = match nearest(&scalar.text, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {known}"),
            };
            let message = format!("`{key}: {}` is none of {known}", scalar.text);
            self.error("wrong-value", node.range.clone(), message, help);
        }
        found.copied()
    }

    pub(super) fn texts(&mut self, fields: &Fields<'_>, key: &str) -> Vec<(String, Range<usize>)> {
        let mut texts = Vec::new();
        for item in self.list(fields, key) {
            match item.scalar() {
                Some(scalar) => texts.push((scalar.text.clone(), item.range.clone())),
                None => self.wrong(fields, key, item),
            }
        }
        texts
    }

    /// A bare expression; `${{ x }}` around the whole of it means `x`.
    pub(super) fn expression(&mut self, fields: &Fields<'_>, key: &str) -> Option<Expression> {
        let node = fields.get(key)?;
        self.expression_of(node)
    }

    pub(super) fn expressions(&mut self, fields: &Fields<'_>, key: &str) -> Vec<Expression> {
        let items = self.list(fields, key);
        items.iter().filter_map(|item| self.expression_of(item)).collect()
    }

    pub(super) fn expression_of(&mut self, node: &Node) -> Option<Expression> {
        let Some(scalar) = node.scalar() else {
            let range = self.mark(node);
            let message = format!("this is {}, and an expression belongs here", node.what());
            self.error(
                "wrong-shape",
                range,
                message,
                "quote the whole expression: YAML read it as something else",
            );
            return None;
        };
        let text = scalar.text.trim();
        let bare = text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(text).trim();
        self.parse(bare, node)
    }

    /// Parses an expression that stands somewhere in `node`.
    fn parse(&mut self, text: &str, node: &Node) -> Option<Expression> {
        // Where the source differs from the text (escapes, folded lines), the whole scalar is the place.
        let inside = self.text[node.range.clone()].find(text);
        let offset = node.range.start + inside.unwrap_or(0);
        match Expression::parse(text, offset) {
            Ok(expression) if inside.is_some() => Some(expression),
            Ok(mut expression) => {
                expression.range = node.range.clone();
                Some(expression)
            }
            Err(error) => {
                let hint = self.cut_by_yaml(text, node);
                self.expression_error("expression", error, hint.as_deref());
                None
            }
        }
    }

    /// ` #` begins a comment and `, ] }` end a value in flow style: what is left of an expression does not close.
    fn cut_by_yaml(&self, text: &str, node: &Node) -> Option<String> {
        let quoted = node.scalar().is_some_and(|scalar| scalar.quoted);
        let open = |letters: [char; 2]| text.matches(letters[0]).count() > text.matches(letters[1]).count();
        let unclosed =
            open(['(', ')']) || open(['[', ']']) || open(['{', '}']) || text.matches('\'').count() % 2 == 1;
        let rest = self.text[node.range.end..].lines().next().unwrap_or("").trim_start();
        let cut = unclosed && !quoted && rest.starts_with(['#', ',', ']', '}']);
        cut.then(|| {
            let line = self.text[node.range.start..].lines().next().unwrap_or("").trim_end();
            format!("YAML ended it there; quote it: `\"{line}\"`")
        })
    }

    /// Says what is wrong with an expression.
    pub(super) fn expression_error(
        &mut self,
        code: &'static str,
        error: ExpressionError,
        hint: Option<&str>,
    ) {
        let ExpressionError { message, range, help } = error;
        let help =
            hint.map(str::to_owned).or(help).unwrap_or_else(|| "see the page on expressions".to_owned());
        let end = range.end.min(self.text.len());
        self.error(code, range.start.min(end)..end, message, help);
    }

    /// A value with `${{ … }}` in it. Scalars stay text: what reads them knows the type.
    pub(super) fn template(&mut self, node: &Node) -> Template {
        let kind = match &node.kind {
            NodeKind::Scalar(_) if node.is_nothing() => TemplateKind::Literal(Value::Null),
            NodeKind::Scalar(scalar) => self.template_text(scalar, node),
            NodeKind::List(items) => {
                TemplateKind::List(items.iter().map(|item| self.template(item)).collect())
            }
            NodeKind::Map(fields) => TemplateKind::Map(
                fields.iter().map(|field| (field.key.clone(), self.template(&field.value))).collect(),
            ),
        };
        Template { kind, range: node.range.clone() }
    }

    fn template_text(&mut self, scalar: &Scalar, node: &Node) -> TemplateKind {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = scalar.text.as_str();
        while let Some(at) = rest.find("${{") {
            if rest[..at].ends_with('$') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("${{");
                rest = &rest[at + 3..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let Some(end) = closing(&rest[at + 3..]) else {
                let hint = self.cut_by_yaml("(", node).unwrap_or_else(|| "close it with `}}`".to_owned());
                self.error("expression", node.range.clone(), "a `${{` that is not closed", hint);
                return TemplateKind::Literal(Value::String(scalar.text.clone()));
            };
            let inner = rest[at + 3..at + 3 + end].trim();
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            if let Some(expression) = self.parse(inner, node) {
                parts.push(Part::Expression(expression));
            }
            rest = &rest[at + 3 + end + 2..];
        }
        literal.push_str(rest);
        if parts.is_empty() {
            return TemplateKind::Literal(Value::String(literal));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        match parts.as_slice() {
            [Part::Expression(expression)] => TemplateKind::Whole(expression.clone()),
            _ => TemplateKind::Text(parts),
        }
    }

    pub(super) fn template_at(&mut self, fields: &Fields<'_>, key: &str) -> Option<Template> {
        fields.get(key).map(|node| self.template(node))
    }
}

/// Where the `}}` is that closes an expression: not inside quotes, nor the end of a map in a map.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b'}') => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// What is probably meant by a duration that is none: `90 minutes` is `90m`.
fn nearest_duration(text: &str) -> Option<String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let words = [("s", "seconds"), ("m", "minutes"), ("h", "hours"), ("d", "days")];
    let (unit, _) = words.iter().find(|(_, word)| !unit.is_empty() && word.starts_with(unit.as_str()))?;
    Some(format!("{number}{unit}"))
}
