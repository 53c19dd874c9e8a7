//! How values are written in Markdown.

use std::io::Write;
use tera::{Filter, Kwargs, State, Tera, Value};

/// Teaches the engine to write Markdown: everything it prints is escaped, also in tables.
pub(crate) fn teach(tera: &mut Tera) {
    tera.set_escape_fn(escape);
    tera.autoescape_on([".md"]);
    tera.register_filter::<Code, &Value, String>("code", Code);
}

/// `{{ value | code }}`: a code span, in which nothing but its own fence and a table's bar has a meaning.
struct Code;

impl<'value> Filter<&'value Value, String> for Code {
    fn call(&self, value: &'value Value, _: Kwargs, _: &State<'_>) -> String {
        code(&value.to_string())
    }

    fn is_safe(&self) -> bool {
        true
    }
}

fn code(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

fn longest_run(text: &str, letter: char) -> usize {
    text.split(|other| other != letter).map(str::len).max().unwrap_or(0)
}

fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

/// Text that means itself anywhere in Markdown, also in a cell of a table. `_` inside a word is left alone: it means
/// nothing there, and names are full of it.
fn escape(text: &str, output: &mut dyn Write) -> std::io::Result<()> {
    let text = one_line(text);
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let inside_word =
            before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '<' => write!(output, "&lt;")?,
            '&' => write!(output, "&amp;")?,
            '\\' | '|' | '`' | '*' | '[' | ']' | '~' => write!(output, "\\{letter}")?,
            '_' if !inside_word => write!(output, "\\_")?,
            '#' | '>' | '+' | '-' if before == ' ' => write!(output, "\\{letter}")?,
            _ => write!(output, "{letter}")?,
        }
        before = letter;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut bytes = Vec::new();
        escape(text, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_mean_themselves() {
        for (text, expected) in [
            ("orders_prod-1 is fine", "orders_prod-1 is fine"),
            ("a|b\nc\r\nd", "a\\|b c d"),
            ("<script>&amp;", "&lt;script>&amp;amp;"),
            ("**bold** `code` [x](y) ~~z~~ \\", "\\*\\*bold\\*\\* \\`code\\` \\[x\\](y) \\~\\~z\\~\\~ \\\\"),
            ("_leaning_ # x", "\\_leaning\\_ \\# x"),
            ("- item", "\\- item"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }

    #[test]
    fn code_cannot_be_left() {
        for (text, expected) in
            [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", "`a\\|b`"), ("a\nb", "`a b`")]
        {
            assert_eq!(code(text), expected, "{text}");
        }
    }
}
