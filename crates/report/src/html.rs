//! How values are written in HTML.

use tera::{Filter, Kwargs, State, Tera, Value, escape_html};

/// Teaches the engine to write HTML.
pub(crate) fn teach(tera: &mut Tera) {
    tera.autoescape_on([".html", ".css"]);
    tera.register_filter::<Code, &Value, String>("code", Code);
    tera.register_filter::<Inline, &str, String>("inline", Inline);
    tera.register_filter("sentence", sentence);
}

/// `{{ value | code }}`: text as the machine has it.
struct Code;

impl<'value> Filter<&'value Value, String> for Code {
    fn call(&self, value: &'value Value, _: Kwargs, _: &State<'_>) -> String {
        format!("<code>{}</code>", escaped(&value.to_string()))
    }

    fn is_safe(&self) -> bool {
        true
    }
}

/// `{{ words | inline }}`: words in which names stand between backticks.
struct Inline;

impl<'value> Filter<&'value str, String> for Inline {
    fn call(&self, words: &'value str, _: Kwargs, _: &State<'_>) -> String {
        inline(words)
    }

    fn is_safe(&self) -> bool {
        true
    }
}

fn inline(words: &str) -> String {
    let mut html = String::new();
    let mut rest = words;
    while let Some((before, (name, after))) =
        rest.split_once('`').and_then(|(before, rest)| Some((before, rest.split_once('`')?)))
    {
        html.push_str(&escaped(before));
        html.push_str(&format!("<code>{}</code>", escaped(name)));
        rest = after;
    }
    html + &escaped(rest)
}

fn escaped(text: &str) -> String {
    let mut escaped = Vec::new();
    // Memory takes everything.
    let _never = escape_html(text, &mut escaped);
    String::from_utf8_lossy(&escaped).into_owned()
}

/// `{{ fragment | sentence }}`: with a capital, and the rest as it is.
fn sentence(fragment: &str, _: Kwargs, _: &State<'_>) -> String {
    let mut letters = fragment.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_backticks_are_code_and_everything_means_itself() {
        for (words, expected) in [
            ("plain", "plain"),
            ("`a < b` is false", "<code>a &lt; b</code> is false"),
            ("one ` alone <script>", "one ` alone &lt;script&gt;"),
            ("`a`, `b` and `c", "<code>a</code>, <code>b</code> and `c"),
        ] {
            assert_eq!(inline(words), expected);
        }
    }
}
