//! What holds for every expression.

use super::tests::World;
use super::*;
use crate::value::Secret;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Words that make expressions, and some that do not.
const WORDS: [&str; 64] = [
    "a",
    "b",
    "s",
    "t",
    "d",
    "l",
    "m",
    "n",
    "x",
    "any",
    "secrets.p",
    "q.r",
    "1",
    "0",
    "-1",
    "2.5",
    "1e308",
    "9223372036854775807",
    "'text'",
    "\"ä\"",
    "r'\\d'",
    "'5m'",
    "true",
    "false",
    "null",
    "now()",
    "size(",
    "has(",
    "default(",
    "min(",
    "max(",
    "time(",
    "duration(",
    "int(",
    "float(",
    "string(",
    ".exists(x,",
    ".all(x,",
    ".filter(x,",
    ".map(x,",
    ".contains(",
    ".matches(",
    ".size()",
    "(",
    ")",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    "?",
    ",",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "<",
    "&&",
    "||",
    "!",
];

fn scope() -> World {
    let fields = [
        ("a", 7.into()),
        ("b", true.into()),
        ("s", "text".into()),
        ("t", DateTime::UNIX_EPOCH.into()),
        ("d", chrono::TimeDelta::minutes(5).into()),
        ("l", Value::List(vec![1.into(), 2.into(), 3.into()])),
        ("m", Value::Map(BTreeMap::from([("k".to_owned(), 1.into())]))),
        ("n", Value::Null),
        ("f", 1.5.into()),
        ("any", Value::List(vec!["x".into(), Value::Null])),
        ("secrets", Value::Map(BTreeMap::from([("p".to_owned(), Secret::new("p", "pass").into())]))),
    ];
    World(Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

struct Types;

impl TypeScope for Types {
    fn known(&self, names: &[&str]) -> Known {
        let fields = ["a", "b", "s", "t", "d", "l", "m", "n", "f", "any", "gone", "secrets"];
        Known::Value(match names {
            [] => return Known::Fields(fields.map(str::to_owned).to_vec()),
            ["a" | "n" | "gone"] => Type::Integer,
            ["b"] => Type::Boolean,
            ["s"] => Type::String,
            ["t"] => Type::Time,
            ["d"] => Type::Duration,
            ["f"] => Type::Number,
            ["l"] => Type::List(&Type::Integer),
            ["m"] => Type::Map(&Type::Integer),
            ["any"] => Type::Any,
            ["secrets"] => return Known::Fields(vec!["p".to_owned()]),
            ["secrets", "p"] => Type::String,
            _ => return Known::Unknown,
        })
    }
}

/// Whether `value` is of the type `kind`.
fn is_of(value: &Value, kind: Type) -> bool {
    match (kind, value) {
        (Type::Any, _) | (_, Value::Null) => true,
        (Type::Boolean, Value::Bool(_))
        | (Type::Integer | Type::Number, Value::Int(_))
        | (Type::Number, Value::Float(_))
        | (Type::String, Value::String(_) | Value::Secret(_))
        | (Type::Time, Value::Time(_))
        | (Type::Duration, Value::Duration(_)) => true,
        (Type::List(kind), Value::List(items)) => items.iter().all(|item| is_of(item, *kind)),
        (Type::Map(kind), Value::Map(fields)) => fields.values().all(|field| is_of(field, *kind)),
        _ => false,
    }
}

/// Does everything that can be done with `text`; each of it gives the same twice and points into the text.
fn use_all_of_it(text: &str) {
    let offset = 3;
    let points_into_text = |error: &ExpressionError| {
        let inside = error.range.start.checked_sub(offset).zip(error.range.end.checked_sub(offset));
        assert!(inside.is_some_and(|(start, end)| text.get(start..end).is_some()), "{text:?}: {error:?}");
        assert!(error.message != "the parser cannot read this", "the parser panicked on {text:?}");
    };
    let expression = match Expression::parse(text, offset) {
        Ok(expression) => expression,
        Err(error) => return points_into_text(&error),
    };
    assert_eq!(Expression::parse(text, offset).as_ref(), Ok(&expression));
    for reference in expression.references() {
        assert!(text.get(reference.range.start - offset..reference.range.end - offset).is_some(), "{text:?}");
    }
    if let Err(errors) = expression.type_of(&Types) {
        errors.iter().for_each(points_into_text);
    }
    let value = expression.evaluate(&scope());
    value.iter().for_each(|value| assert!(!format!("{value:?}").contains("pass"), "{text:?}"));
    value.as_ref().err().into_iter().for_each(points_into_text);
    assert_eq!(format!("{:?}", expression.evaluate(&scope())), format!("{value:?}"), "{text:?}");
    assert_eq!(expression.explain(&scope()), expression.explain(&scope()));
}

/// An expression of a type, written with all its brackets. The names `n` and `gone` are null and missing.
fn typed(kind: Type, depth: u32) -> BoxedStrategy<String> {
    let leaf = match kind {
        Type::Integer => prop_oneof![
            (-3i64..4).prop_map(|number| format!("({number})")),
            prop_oneof![Just("a"), Just("n"), Just("gone"), Just("9223372036854775807")]
                .prop_map(str::to_owned),
        ]
        .boxed(),
        Type::Number => {
            prop_oneof![Just("1.5"), Just("0.0"), Just("1e308"), Just("f")].prop_map(str::to_owned).boxed()
        }
        Type::Boolean => prop_oneof![Just("b"), Just("true"), Just("false"), Just("has(n)")]
            .prop_map(str::to_owned)
            .boxed(),
        Type::String => {
            prop_oneof![Just("s"), Just("'5m'"), Just("'12'"), Just("''")].prop_map(str::to_owned).boxed()
        }
        Type::Time => prop_oneof![Just("t"), Just("now()")].prop_map(str::to_owned).boxed(),
        Type::Duration => prop_oneof![Just("d"), Just("duration('-90s')")].prop_map(str::to_owned).boxed(),
        _ => prop_oneof![Just("l"), Just("[]"), Just("[1, n]")].prop_map(str::to_owned).boxed(),
    };
    if depth == 0 {
        return leaf;
    }
    let part = |kind: Type| typed(kind, depth - 1);
    let pair = |kind: Type, operators: &'static [&'static str]| {
        (part(kind), proptest::sample::select(operators), part(kind))
            .prop_map(|(first, operator, second)| format!("({first} {operator} {second})"))
            .boxed()
    };
    let list = Type::List(&Type::Integer);
    let compound = match kind {
        Type::Integer => prop_oneof![
            pair(Type::Integer, &["+", "-", "*", "/", "%"]),
            (part(Type::Integer), part(Type::Integer))
                .prop_map(|(first, second)| format!("max({first}, {second})")),
            part(list).prop_map(|list| format!("size({list})")),
            part(list).prop_map(|list| format!("{list}[0]")),
            part(Type::String).prop_map(|text| format!("int({text})")),
            part(Type::Integer).prop_map(|number| format!("default(n, {number})")),
        ]
        .boxed(),
        Type::Number => prop_oneof![
            pair(Type::Number, &["+", "-", "*", "/"]),
            part(Type::Integer).prop_map(|number| format!("float({number})")),
        ]
        .boxed(),
        Type::Boolean => prop_oneof![
            pair(Type::Boolean, &["&&", "||", "==", "!="]),
            pair(Type::Integer, &["<", "<=", "==", ">"]),
            pair(Type::Number, &["<", ">=", "!="]),
            pair(Type::Time, &["<", "=="]),
            pair(Type::Duration, &[">", "!="]),
            pair(Type::String, &["<", "=="]),
            (part(Type::Integer), part(list)).prop_map(|(item, list)| format!("({item} in {list})")),
            part(Type::Boolean).prop_map(|truth| format!("(!{truth})")),
        ]
        .boxed(),
        Type::String => prop_oneof![
            pair(Type::String, &["+"]),
            part(Type::Duration).prop_map(|duration| format!("string({duration})")),
        ]
        .boxed(),
        Type::Time => (part(Type::Time), proptest::sample::select(&["+", "-"][..]), part(Type::Duration))
            .prop_map(|(time, operator, duration)| format!("({time} {operator} {duration})"))
            .boxed(),
        Type::Duration => prop_oneof![
            pair(Type::Duration, &["+", "-"]),
            pair(Type::Time, &["-"]),
            (part(Type::Duration), part(Type::Integer))
                .prop_map(|(duration, times)| format!("({duration} * {times})")),
            part(Type::String).prop_map(|text| format!("duration({text})")),
        ]
        .boxed(),
        _ => prop_oneof![
            pair(kind, &["+"]),
            part(kind).prop_map(|list| format!("{list}.map(x, x)")),
            part(Type::Integer).prop_map(|number| format!("[{number}, 2].filter(x, x > 1)")),
        ]
        .boxed(),
    };
    let choice = (part(Type::Boolean), part(kind), part(kind))
        .prop_map(|(condition, yes, no)| format!("({condition} ? {yes} : {no})"));
    prop_oneof![2 => leaf, 6 => compound, 1 => choice].boxed()
}

/// What a typed expression may still meet when it is evaluated.
const RUNTIME: [&str; 11] = [
    "too large",
    "division by zero",
    "null",
    "is not there",
    "is not a whole number",
    "is not a number",
    "is not a duration",
    "is not a time",
    "of an empty list",
    "too much work",
    "more than 10000 items",
];

fn kinds() -> impl Strategy<Value = Type> {
    proptest::sample::select(vec![
        Type::Integer,
        Type::Number,
        Type::Boolean,
        Type::String,
        Type::Time,
        Type::Duration,
        Type::List(&Type::Integer),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        use_all_of_it(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_text_is_harmless(text in "[ -~äß🐱\\n]{0,60}") {
        use_all_of_it(&text);
    }

    #[test]
    fn any_words_are_harmless(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 0..40), spaced in any::<bool>()) {
        use_all_of_it(&words.join(if spaced { " " } else { "" }));
    }

    #[test]
    fn few_words_are_harmless(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..6)) {
        use_all_of_it(&words.join(" "));
    }

    #[test]
    fn what_has_a_type_has_a_value_of_it((kind, text) in kinds().prop_flat_map(|kind| (Just(kind), typed(kind, 3)))) {
        use_all_of_it(&text);
        let Ok(expression) = Expression::parse(&text, 0) else { return Err(TestCaseError::reject("beyond a limit")) };
        let found = expression.type_of(&Types);
        prop_assert!(found.as_ref().is_ok_and(|found| kind.accepts(found)), "{text}: {found:?}");
        match expression.evaluate(&scope()) {
            Ok(value) => prop_assert!(is_of(&value, kind), "{text}: {value:?}"),
            Err(error) => {
                prop_assert!(RUNTIME.iter().any(|known| error.message.contains(known)), "{text}: {error:?}");
            }
        }
    }

    #[test]
    fn words_that_have_a_type_have_a_value_of_it(words in proptest::collection::vec(proptest::sample::select(&WORDS[..]), 1..8)) {
        let text = words.join(" ");
        let Ok(expression) = Expression::parse(&text, 0) else { return Ok(()) };
        let Ok(kind) = expression.type_of(&Types) else { return Ok(()) };
        if let Ok(value) = expression.evaluate(&scope()) {
            prop_assert!(is_of(&value, kind), "{text}: {kind} {value:?}");
        }
    }
}
