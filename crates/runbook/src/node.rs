//! YAML as a tree of scalars, lists and maps with their places.
//!
//! What YAML does besides is refused, because it changes what an author means without a word: `if: !inputs.keep` is
//! a tag, `&&` an anchor, `*` an alias, `<<` merges. An expression that begins so must be quoted, and the message
//! shows how.

use crate::diagnostic::Diagnostic;
use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::BTreeSet;
use std::ops::Range;

/// A piece of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its bytes in the source.
    pub range: Range<usize>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Field>),
}

/// Text as it was written; what it means is for the key's type to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes and escapes.
    pub text: String,
    /// Whether it stood in quotes or in a block, so that it cannot be meant as anything but text.
    pub quoted: bool,
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key.
    pub key: String,
    /// The key's bytes in the source.
    pub key_range: Range<usize>,
    /// The value.
    pub value: Node,
}

/// No runbook people read is nested deeper.
pub const DEEPEST: usize = 64;

/// No runbook people read has more scalars, lists and maps.
pub const MOST_NODES: usize = 200_000;

impl Node {
    /// The kind in words: `text`, `a list`, `a map`.
    pub fn what(&self) -> &'static str {
        match self.kind {
            NodeKind::Scalar(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// The text, if it is text.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether nothing was written: `key:` with nothing behind it, `~`, or `null`.
    pub fn is_nothing(&self) -> bool {
        self.scalar()
            .is_some_and(|scalar| !scalar.quoted && matches!(scalar.text.as_str(), "" | "~" | "null"))
    }
}

/// Reads one document; nothing if there is none that could be judged further.
pub fn parse(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut reader = Reader { text, diagnostics, open: Vec::new(), root: None, nodes: 0, trapped: None };
    let options = granit_parser::options! { emit_unresolved_aliases: true };
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                reader.syntax_error(at, &error.info());
                return None;
            }
        };
        if !reader.take(event, span) {
            return None;
        }
    }
    let Reader { root, diagnostics, .. } = reader;
    if root.is_none() {
        diagnostics.push(
            Diagnostic::error("empty", 0..0, "the file holds no runbook")
                .help("begin with `schema: lifeboat/v1`, `kind: runbook` and `name: …`"),
        );
    }
    root
}

struct Reader<'text, 'out> {
    text: &'text str,
    diagnostics: &'out mut Vec<Diagnostic>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    /// The line of the last trap: one mistake is told once.
    trapped: Option<usize>,
}

struct Open {
    start: usize,
    kind: NodeKind,
    key: Option<(String, Range<usize>)>,
    /// The keys so far, to find one that is given twice.
    keys: BTreeSet<String>,
}

impl Reader<'_, '_> {
    /// Takes an event; false when it is no use to go on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let range = span.byte_range().unwrap_or(0..0);
        let node = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                let scalar = Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain };
                Some(Node { kind: NodeKind::Scalar(scalar), range: range.clone() })
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.trap("an alias (`*`)", range.start);
                let scalar = Scalar { text: String::new(), quoted: true };
                Some(Node { kind: NodeKind::Scalar(scalar), range: range.clone() })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                self.open.push(Open {
                    start: range.start,
                    kind: NodeKind::List(Vec::new()),
                    key: None,
                    keys: BTreeSet::new(),
                });
                None
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(anchor, tag.is_some(), &span);
                self.open.push(Open {
                    start: range.start,
                    kind: NodeKind::Map(Vec::new()),
                    key: None,
                    keys: BTreeSet::new(),
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => self.open.pop().map(|open| {
                let end = last_end(&open.kind).unwrap_or(range.end).max(open.start);
                Node { kind: open.kind, range: open.start..end }
            }),
            Event::DocumentStart(..) if self.root.is_some() => {
                self.diagnostics.push(
                    Diagnostic::error(
                        "two-documents",
                        range,
                        "a file holds one runbook, and here begins another",
                    )
                    .help("put it into a file of its own"),
                );
                return false;
            }
            _ => return true,
        };
        self.nodes += 1;
        if self.nodes > MOST_NODES || self.open.len() > DEEPEST {
            let what =
                if self.open.len() > DEEPEST { "nested deeper than 64" } else { "more than 200,000 values" };
            self.diagnostics.push(
                Diagnostic::error("too-large", range, format!("the document is too large: {what}"))
                    .help("split it into several runbooks"),
            );
            return false;
        }
        if let Some(node) = node {
            self.place(node);
        }
        true
    }

    fn place(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut open.kind {
            NodeKind::List(items) => items.push(node),
            NodeKind::Map(fields) => match open.key.take() {
                Some((key, key_range)) => fields.push(Field { key, key_range, value: node }),
                None => {
                    let key = node.scalar().map(|scalar| scalar.text.clone());
                    open.key = Some((key.unwrap_or_default(), node.range.clone()));
                    self.judge_key(&node);
                }
            },
            NodeKind::Scalar(_) => {}
        }
    }

    fn judge_key(&mut self, node: &Node) {
        let Some(Open { key: Some((key, _)), keys, .. }) = self.open.last_mut() else { return };
        if node.scalar().is_none() {
            self.diagnostics.push(
                Diagnostic::error("key-not-text", node.range.clone(), "a key must be text")
                    .help("in flow style (`{ … }`) quote every `${{ … }}`"),
            );
        } else if key == "<<" {
            self.diagnostics.push(
                Diagnostic::error(
                    "merge-key",
                    node.range.clone(),
                    "merge keys (`<<`) are not part of the language",
                )
                .help("write the keys out; a runbook says everything where it stands"),
            );
        } else if !keys.insert(key.clone()) {
            self.diagnostics.push(
                Diagnostic::error(
                    "duplicate-key",
                    node.range.clone(),
                    format!("the key `{key}` is given twice"),
                )
                .help("keep one of them"),
            );
        }
    }

    fn refuse_properties(&mut self, anchor: usize, tagged: bool, span: &Span) {
        let start = span.byte_range().map_or(0, |range| range.start);
        if tagged {
            let start = span.tag_span().and_then(|span| span.byte_range()).map_or(start, |range| range.start);
            self.trap("a tag (`!`)", start);
        } else if anchor != 0 {
            let line_start =
                self.text[..start.min(self.text.len())].rfind('\n').map_or(0, |newline| newline + 1);
            let at = self.text[line_start..start].rfind('&').map_or(start, |at| line_start + at);
            self.trap("an anchor (`&`)", at);
        }
    }

    /// YAML reads something here that nobody meant.
    fn trap(&mut self, what: &str, at: usize) {
        let at = boundary(self.text, at);
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if self.trapped.replace(line_start) == Some(line_start) {
            return;
        }
        let (range, quoted) = quoted_line(self.text, at);
        self.diagnostics.push(
            Diagnostic::error("yaml-trap", range, format!("YAML reads {what} here"))
                .help(format!("quote it: `{quoted}`")),
        );
    }

    fn syntax_error(&mut self, at: usize, info: &str) {
        let at = boundary(self.text, at);
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end =
            self.text[line_start..].find('\n').map_or(self.text.len(), |newline| line_start + newline);
        let line = &self.text[line_start..line_end];
        let unquoted = line.find("${{").filter(|place| !line[..*place].ends_with(['"', '\'']));
        let help = match unquoted {
            Some(place) if line[..place].contains(['{', '[']) => {
                "in flow style (`{ … }`, `[ … ]`) quote every `${{ … }}`".to_owned()
            }
            _ if line.contains('\t') => {
                "there is a tab in this line: YAML wants spaces, two for each level".to_owned()
            }
            _ => "mend the YAML here; what follows could not be read".to_owned(),
        };
        let range = at..at + self.text[at..line_end.max(at)].chars().next().map_or(0, char::len_utf8);
        self.diagnostics
            .push(Diagnostic::error("yaml", range, format!("this is not YAML: {info}")).help(help));
    }
}

/// The place at or before `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// A block ends with its last entry, not with the line where the parser noticed.
fn last_end(kind: &NodeKind) -> Option<usize> {
    match kind {
        NodeKind::Scalar(_) => None,
        NodeKind::List(items) => items.last().map(|item| item.range.end),
        NodeKind::Map(fields) => fields.last().map(|field| field.value.range.end),
    }
}

/// The rest of the line from `at`, and the line as it should be: the value in quotes.
fn quoted_line(text: &str, at: usize) -> (Range<usize>, String) {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let value = text[at..line_end].trim_end();
    let value = value.split(" #").next().unwrap_or(value).trim_end();
    let before = text[line_start..at].trim_start();
    let quoted = match value.contains('"') {
        false => format!("{before}\"{value}\""),
        true => format!("{before}'{}'", value.replace('\'', "''")),
    };
    (at..at + value.len(), quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        (parse(text, &mut diagnostics), diagnostics)
    }

    fn first(text: &str) -> (String, String, String) {
        let (_, diagnostics) = read(text);
        let first = &diagnostics[0];
        (first.code.to_owned(), text[first.range.clone()].to_owned(), first.help.clone().unwrap())
    }

    #[test]
    fn places_are_bytes_of_the_source() {
        let text = "ü: { a: \"x y\" }\nlist:\n  - one\n  - two # three\n";
        let (node, diagnostics) = read(text);
        assert_eq!(diagnostics, []);
        let Some(Node { kind: NodeKind::Map(fields), .. }) = node else { panic!() };
        assert_eq!(&text[fields[0].key_range.clone()], "ü");
        let NodeKind::Map(inner) = &fields[0].value.kind else { panic!() };
        assert_eq!(&text[inner[0].value.range.clone()], "\"x y\"");
        let NodeKind::List(items) = &fields[1].value.kind else { panic!() };
        assert_eq!(&text[items[1].range.clone()], "two");
    }

    #[test]
    fn traps_show_the_quoted_line() {
        for (text, marked, help) in [
            ("if: !inputs.keep\n", "!inputs.keep", "quote it: `if: \"!inputs.keep\"`"),
            (
                "if: !inputs.keep && true\n",
                "!inputs.keep && true",
                "quote it: `if: \"!inputs.keep && true\"`",
            ),
            ("x: *all\n", "*all", "quote it: `x: \"*all\"`"),
            ("x: &a b\n", "&a b", "quote it: `x: \"&a b\"`"),
            ("if: !(a == \"b\") # c\n", "!(a == \"b\")", "quote it: `if: '!(a == \"b\")'`"),
        ] {
            assert_eq!(first(text), ("yaml-trap".into(), marked.into(), help.into()), "{text}");
        }
    }

    #[test]
    fn an_unquoted_expression_in_flow_style_is_explained() {
        let (code, _, help) = first("with: { a: ${{ b.c }} }\n");
        assert!(["yaml", "key-not-text"].contains(&code.as_str()), "{code}");
        assert!(help.contains("flow style"), "{help}");
    }

    #[test]
    fn large_and_deep_documents_end_soon() {
        for text in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "a: ".repeat(1000),
            "{a: ".repeat(100_000),
            format!("[{}]", "1,".repeat(300_000)),
            "---\na: 1\n---\nb: 2\n".to_owned(),
            String::new(),
            "a: &x [1]\nb: [*x, *x]\n".to_owned(),
        ] {
            assert!(!read(&text).1.is_empty(), "{}", &text[..text.len().min(20)]);
        }
    }
}
