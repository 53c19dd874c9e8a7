use super::typed_tests::Types;
use super::*;
use crate::units;
use crate::value::Secret;
use std::collections::BTreeMap;

/// One value with fields; a path that leads through something else than maps leads nowhere.
pub(super) struct World(pub(super) Value);

impl Scope for World {
    fn value(&self, names: &[&str]) -> Option<Value> {
        names.iter().try_fold(&self.0, |value, name| value.get(name)).cloned()
    }

    fn now(&self) -> DateTime<Utc> {
        units::parse_time("2026-11-01T12:00:00Z").expect("a time")
    }
}

fn map(fields: &[(&str, Value)]) -> Value {
    Value::Map(fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn time(text: &str) -> Value {
    Value::Time(units::parse_time(text).expect("a time"))
}

fn duration(text: &str) -> Value {
    Value::Duration(units::parse_duration(text).expect("a duration"))
}

fn ints(numbers: &[i64]) -> Value {
    Value::List(numbers.iter().copied().map(Value::Int).collect())
}

fn world() -> World {
    let row = |n: i64, name: &str| map(&[("n", n.into()), ("name", name.into())]);
    let outputs = map(&[
        ("rows", Value::List(vec![row(3, "drei"), row(1, "eins")])),
        ("endpoint", "db.example.com".into()),
        ("port", 5432.into()),
        ("nothing", Value::Null),
        ("restored", time("2026-11-01T11:50:00Z")),
        ("beat", "2026-11-01T11:58:00Z".into()),
        ("ratio", 0.5.into()),
        ("labels", map(&[("a-b", "dash".into()), ("grün", "green".into())])),
        ("empty", Value::List(Vec::new())),
    ]);
    World(map(&[
        (
            "inputs",
            map(&[
                ("keep", false.into()),
                ("source", "orders".into()),
                ("key", "a-b".into()),
                ("i", 1.into()),
            ]),
        ),
        ("outputs", outputs.clone()),
        ("steps", map(&[("restore", map(&[("outputs", outputs), ("state", "succeeded".into())]))])),
        ("objectives", map(&[("rpo", duration("15m"))])),
        ("secrets", map(&[("pass", Secret::new("pass", "hunter2").into())])),
        ("item", "ÄÖ".into()),
    ]))
}

fn value_of(text: &str) -> Result<Value, ExpressionError> {
    Expression::parse(text, 0)?.evaluate(&world())
}

/// Every row is an expression and its value.
#[test]
fn values() {
    let rows: Vec<(&str, Value)> = vec![
        // Literals.
        ("null", Value::Null),
        ("true", true.into()),
        ("42", 42.into()),
        ("-42", (-42).into()),
        ("0x1f", 31.into()),
        ("-9223372036854775808", i64::MIN.into()),
        ("1.5", 1.5.into()),
        (".5", 0.5.into()),
        ("1e3", 1000.0.into()),
        ("'text'", "text".into()),
        ("\"it's\"", "it's".into()),
        (r"'a\nb\x41\u00e4\U0001f431\101'", "a\nbAä🐱A".into()),
        (r"r'\d+'", r"\d+".into()),
        ("'grün'", "grün".into()),
        ("[1, 2]", ints(&[1, 2])),
        ("[]", ints(&[])),
        ("{'a': 1, 'b': [2]}", map(&[("a", 1.into()), ("b", ints(&[2]))])),
        ("{}", map(&[])),
        // Precedence.
        ("1 + 2 * 3", 7.into()),
        ("(1 + 2) * 3", 9.into()),
        ("10 - 4 - 3", 3.into()),
        ("100 / 10 / 5", 2.into()),
        ("7 % 4 * 2", 6.into()),
        ("-2 + 3", 1.into()),
        ("1 - -1", 2.into()),
        ("1--1", 2.into()),
        ("!false && false", false.into()),
        ("true || false && false", true.into()),
        ("(true || false) && false", false.into()),
        ("1 + 1 == 2 && 2 < 3", true.into()),
        ("true ? 1 : false ? 2 : 3", 1.into()),
        ("false ? 1 : false ? 2 : 3", 3.into()),
        ("1 < 2 == true", true.into()),
        ("!(1 in [2])", true.into()),
        // Arithmetic.
        ("7 / 2", 3.into()),
        ("-7 / 2", (-3).into()),
        ("-7 % 3", (-1).into()),
        ("7 / 2.0", 3.5.into()),
        ("1 + 0.5", 1.5.into()),
        ("2 * 1.5", 3.0.into()),
        ("'a' + 'b' + \"c\"", "abc".into()),
        ("[1] + [2, 3]", ints(&[1, 2, 3])),
        ("outputs.restored - duration('10m')", time("2026-11-01T11:40:00Z")),
        ("outputs.restored + duration('10m')", time("2026-11-01T12:00:00Z")),
        ("duration('10m') + outputs.restored", time("2026-11-01T12:00:00Z")),
        ("now() - outputs.restored", duration("10m")),
        ("duration('1m') + duration('30s')", duration("90s")),
        ("duration('1m') - duration('90s')", duration("-30s")),
        ("duration('1m') * 3", duration("3m")),
        ("3 * duration('1m')", duration("3m")),
        ("-duration('1m')", duration("-1m")),
        ("-outputs.ratio", (-0.5).into()),
        // Comparison.
        ("1 == 1.0", true.into()),
        ("9007199254740993 == 9007199254740992.0", false.into()),
        ("9007199254740993 > 9007199254740992.0", true.into()),
        ("1 < 1.5 && 2 > 1.5 && -2 < -1.5", true.into()),
        ("1e300 > 5 && 5 < 1e300 && 5 > -1e300", true.into()),
        ("'a' < 'b'", true.into()),
        ("'a' != 'b'", true.into()),
        ("true == false", false.into()),
        ("now() - outputs.restored <= objectives.rpo", true.into()),
        ("outputs.restored < now()", true.into()),
        ("[1, 2] == [1, 2.0]", true.into()),
        ("[1] == [1, 2]", false.into()),
        ("{'a': 1} == {'a': 1}", true.into()),
        ("{'a': 1} != {'b': 1}", true.into()),
        ("null == null", true.into()),
        ("outputs.nothing == null", true.into()),
        ("outputs.port != null", true.into()),
        ("null == 'a'", false.into()),
        ("2 in [1, 2]", true.into()),
        ("null in [1]", false.into()),
        ("'a' in {'a': 1}", true.into()),
        ("'b' in outputs.labels", false.into()),
        // Names.
        ("inputs.source", "orders".into()),
        ("steps.restore.outputs.rows[0].n", 3.into()),
        ("steps['restore'].outputs[\"port\"]", 5432.into()),
        ("outputs.rows[1]['name']", "eins".into()),
        ("outputs.rows[inputs.i].name", "eins".into()),
        ("outputs.labels[inputs.key]", "dash".into()),
        ("outputs.labels['a-b']", "dash".into()),
        ("outputs.labels['grün']", "green".into()),
        ("[10, 20][1]", 20.into()),
        ("{'a': {'b': 7}}.a.b", 7.into()),
        ("(outputs.rows)[0].n", 3.into()),
        ("item", "ÄÖ".into()),
        ("[1, 2, 3].filter(x, x > 1)[0]", 2.into()),
        // Presence.
        ("has(outputs.port)", true.into()),
        ("has(outputs.nothing)", false.into()),
        ("has(outputs.absent)", false.into()),
        ("has(steps.other.outputs.port)", false.into()),
        ("has(outputs.nothing.deeper)", false.into()),
        ("has(outputs.rows[5].n)", false.into()),
        ("has(outputs.rows[-1])", false.into()),
        ("has(outputs.rows[0].m)", false.into()),
        ("has(secrets.pass)", true.into()),
        ("default(outputs.port, 1)", 5432.into()),
        ("default(outputs.nothing, 1)", 1.into()),
        ("default(outputs.absent, 1)", 1.into()),
        ("default(steps.a.b.c.d, outputs.port)", 5432.into()),
        ("default(outputs.rows[7].n, 0) + 1", 1.into()),
        ("default(default(outputs.absent, outputs.nothing), 5)", 5.into()),
        ("default(outputs.nothing, null) == null", true.into()),
        // Nothing is looked at that is not needed.
        ("false && outputs.absent", false.into()),
        ("true || 1 / 0 == 1", true.into()),
        ("true ? 1 : 1 / 0", 1.into()),
        ("default(outputs.port, 1 / 0)", 5432.into()),
        ("[1, 2].exists(x, x == 1 || x / 0 == 1)", true.into()),
        ("has(outputs.absent) && outputs.absent > 1", false.into()),
        // Functions.
        ("size('ÄÖ')", 2.into()),
        ("item.size()", 2.into()),
        ("size([1, 2, 3])", 3.into()),
        ("size(outputs.labels)", 2.into()),
        ("outputs.endpoint.startsWith('db.')", true.into()),
        ("outputs.endpoint.endsWith('.com')", true.into()),
        ("outputs.endpoint.contains('example')", true.into()),
        (r"outputs.endpoint.matches(r'^db\.[a-z.]+$')", true.into()),
        ("outputs.endpoint.matches('ample')", true.into()),
        ("'ä'.matches('^.$')", true.into()),
        ("string(5) + string(true) + string(1.5)", "5true1.5".into()),
        ("string(duration('90m'))", "1h30m".into()),
        ("string(outputs.restored)", "2026-11-01T11:50:00.000Z".into()),
        ("int('42') + int(2.9) + int(-2.9)", 42.into()),
        ("float('1.5') + float(1)", 2.5.into()),
        ("time(outputs.beat) > outputs.restored", true.into()),
        ("time(outputs.restored) == outputs.restored", true.into()),
        ("time('2026-11-01T13:50:00+02:00') == outputs.restored", true.into()),
        ("duration(duration('5s'))", duration("5s")),
        ("now()", time("2026-11-01T12:00:00Z")),
        ("min(3, 1, 2)", 1.into()),
        ("max([3, 1.5, 2])", 3.into()),
        ("max(outputs.rows.map(r, r.n))", 3.into()),
        ("max(outputs.restored, time(outputs.beat))", time("2026-11-01T11:58:00Z")),
        ("min('b', 'a')", "a".into()),
        ("max(1, 1.0)", 1.into()),
        // Loops.
        ("outputs.rows.exists(r, r.n == 3 && r.name == 'drei')", true.into()),
        ("outputs.rows.all(r, r.n > 1)", false.into()),
        ("outputs.empty.all(r, r > 1)", true.into()),
        ("outputs.empty.exists(r, r > 1)", false.into()),
        ("outputs.rows.map(r, r.name)", Value::List(vec!["drei".into(), "eins".into()])),
        ("outputs.rows.filter(r, r.n > 1).map(r, r.n)", ints(&[3])),
        ("[1, 2].map(inputs, inputs * 2)", ints(&[2, 4])),
        ("outputs.rows.exists(r, r.n == inputs.i)", true.into()),
        // Secrets go on whole or joined.
        ("'user:' + secrets.pass", Secret::new("pass", "user:hunter2").into()),
        ("secrets.pass + secrets.pass", Secret::new("pass", "hunter2hunter2").into()),
        ("true ? secrets.pass : ''", Secret::new("pass", "hunter2").into()),
        ("default(secrets.pass, '')", Secret::new("pass", "hunter2").into()),
    ];
    assert!(rows.len() > 120, "{}", rows.len());
    for (text, wanted) in rows {
        assert_eq!(value_of(text), Ok(wanted), "{text}");
    }
}

/// Every row is an expression, what its error underlines, and the message.
#[test]
fn errors_of_evaluation() {
    let rows = [
        ("1 + outputs.absent", "outputs.absent", "`outputs.absent` is not there"),
        ("steps.x.outputs.y", "steps.x.outputs.y", "`steps.x.outputs.y` is not there"),
        ("outputs.nothing.deep", "deep", "`outputs.nothing` is null"),
        ("[1].filter(x, default(x.y, true))", "x.y", "`x` is an integer; it has no fields"),
        ("outputs.port.deep", "deep", "`outputs.port` is an integer; it has no fields"),
        ("outputs.rows[2].n", "outputs.rows[2]", "`outputs.rows` has 2 items; [2] is not there"),
        ("outputs.rows[0].m", "outputs.rows[0].m", "`outputs.rows[0].m` is not there"),
        ("outputs.rows['a']", "['a']", "`outputs.rows` is a list; it has no fields"),
        ("outputs.rows[1.5]", "1.5", "a list has no place [number]"),
        ("1 / 0", "1 / 0", "division by zero"),
        ("5 % 0", "5 % 0", "division by zero"),
        ("1.0 / 0", "1.0 / 0", "division by zero"),
        ("9223372036854775807 + 1", "9223372036854775807 + 1", "the result is too large"),
        ("-9223372036854775808 / -1", "-9223372036854775808 / -1", "the result is too large"),
        ("1e308 * 10", "1e308 * 10", "the result is too large"),
        ("now() + duration('99999999d')", "now() + duration('99999999d')", "the result is too large"),
        ("duration('9999999d') * 9999999", "duration('9999999d') * 9999999", "the result is too large"),
        (
            "outputs.nothing + 1",
            "outputs.nothing + 1",
            "`outputs.nothing` is null: `+` with null cannot be worked out",
        ),
        (
            "2 > outputs.nothing",
            "2 > outputs.nothing",
            "`outputs.nothing` is null: `>` with null cannot be worked out",
        ),
        (
            "size(outputs.nothing)",
            "size(outputs.nothing)",
            "`outputs.nothing` is null: `size` of null cannot be worked out",
        ),
        ("outputs.nothing && true", "outputs.nothing", "`outputs.nothing` is null; true or false is wanted"),
        ("outputs.beat > now()", "outputs.beat > now()", "`>` is not for a string and a time"),
        ("'5432' == outputs.port", "'5432' == outputs.port", "`==` is not for a string and an integer"),
        ("inputs.keep == 'false'", "inputs.keep == 'false'", "`==` is not for a boolean and a string"),
        ("'a' in 'abc'", "'a' in 'abc'", "`in` looks into lists and maps"),
        (
            "outputs.endpoint ? 1 : 2",
            "outputs.endpoint",
            "`outputs.endpoint` is a string; true or false is wanted",
        ),
        ("int('x')", "int('x')", "`x` is not a whole number"),
        ("int(1e30)", "int(1e30)", "the number is too large for `int`"),
        ("float('x')", "float('x')", "`x` is not a number"),
        ("time('tomorrow')", "time('tomorrow')", "`tomorrow` is not a time"),
        ("duration('5')", "duration('5')", "`5` is not a duration"),
        ("min(outputs.empty)", "min(outputs.empty)", "`min` of an empty list"),
        (
            "outputs.port.exists(x, true)",
            "outputs.port",
            "`exists` goes through a list, not through an integer",
        ),
        ("outputs.labels.all(x, true)", "outputs.labels", "`all` goes through a list, not through a map"),
        ("{outputs.port: 1}", "outputs.port", "the keys of a map are strings, not integers"),
        ("{'a': 1, 'a': 2}", "'a'", "the key `a` is given twice"),
        ("secrets.pass == 'hunter2'", "secrets.pass == 'hunter2'", "a secret cannot be looked at"),
        ("'hunter2' in [secrets.pass]", "'hunter2' in [secrets.pass]", "a secret cannot be looked at"),
        ("[secrets.pass] == ['hunter2']", "[secrets.pass] == ['hunter2']", "a secret cannot be looked at"),
        ("size(secrets.pass)", "size(secrets.pass)", "a secret cannot be looked at"),
        ("string(secrets.pass)", "string(secrets.pass)", "a secret cannot be looked at"),
        ("secrets.pass.matches('h.*')", "secrets.pass.matches('h.*')", "a secret cannot be looked at"),
        ("min(secrets.pass)", "min(secrets.pass)", "a secret cannot be looked at"),
        ("max([secrets.pass])", "max([secrets.pass])", "a secret cannot be looked at"),
        ("secrets.pass ? 1 : 2", "secrets.pass", "a secret cannot be looked at"),
        ("secrets.pass.length", "length", "a secret cannot be looked at"),
        ("secrets.pass + 1", "secrets.pass + 1", "a secret cannot be looked at"),
        ("outputs.labels[secrets.pass]", "outputs.labels[secrets.pass]", "a secret cannot be looked at"),
        ("{'ä': 1 / 0}", "1 / 0", "division by zero"),
        ("'äöü🐱' + 'ß' == 'x' || (1 / 0) == 2", "1 / 0", "division by zero"),
    ];
    for (text, underlined, message) in rows {
        let padding = 7;
        let expression = Expression::parse(text, padding).expect(text);
        let error = expression.evaluate(&world()).expect_err(text);
        assert_underlined(text, underlined, padding, &error);
        assert_eq!(error.message, message, "{text}");
    }
}

fn assert_underlined(text: &str, underlined: &str, padding: usize, error: &ExpressionError) {
    let found = text.get(error.range.start - padding..error.range.end - padding);
    // A grouping bracket belongs to what it groups.
    let trimmed = found.map(|found| found.trim_matches(['(', ')']));
    assert!(found == Some(underlined) || trimmed == Some(underlined), "{text}: {found:?} {error:?}");
}

/// Every row is a text, what its error underlines, and the message.
#[test]
fn errors_of_syntax() {
    let rows = [
        ("", "", "the expression is empty"),
        ("  ", "  ", "the expression is empty"),
        ("1 +", "", "the expression ends too soon"),
        ("1 + )", ")", "`)` closes nothing"),
        ("(1", "(", "`(` is not closed"),
        ("[1)", ")", "`[` is closed by `)`"),
        ("'abc", "'abc", "the text that begins here does not end"),
        ("'ä' == 'abc", "'abc", "the text that begins here does not end"),
        ("a b", "b", "unexpected `b`"),
        ("'ä' 'b'", "'b'", "unexpected `'b'`"),
        ("a and b", "and", "unexpected `and`"),
        ("a = b", "=", "`=` is not an operator"),
        ("a & b", "&", "`&` is not an operator"),
        ("a.ü", "ü", "unexpected `ü`"),
        ("a @ b", "@", "unexpected `@`"),
        ("!!a", "!!", "two `!` cancel each other"),
        ("1 + --a", "--", "two `-` cancel each other"),
        ("5m", "5m", "`5m` is not a number"),
        ("5u", "5u", "`5u` is not a number"),
        ("99999999999999999999", "99999999999999999999", "the number 99999999999999999999 is too large"),
        ("1e999", "1e999", "the number 1e999 is too large"),
        (r"'\d'", r"\d", r"`\d` means nothing in text"),
        (r"'\ud800'", r"'\ud800'", r"'\ud800' holds a character that does not exist"),
        ("b'x'", "b'", "bytes are not part of the language"),
        ("'''x'''", "'''", "three quotes are not part of the language"),
        ("a // b", "//", "there are no comments in expressions"),
        ("loop", "loop", "`loop` is a reserved word of CEL"),
        (".a", "a", "this use of `a` is not part of the language"),
        ("Foo{a: 1}", "{", "this use of `{` is not part of the language"),
        ("lenght(a)", "lenght", "unknown function `lenght`"),
        ("timestamp('x')", "timestamp", "unknown function `timestamp`"),
        ("a.b.foo()", "foo", "unknown function `foo`"),
        ("contains(a, b)", "contains", "`contains` stands behind a text and a dot"),
        ("exists(a, x, true)", "exists", "`exists` stands behind a list and a dot"),
        ("a.int()", "int", "`int` does not stand behind a dot"),
        ("size()", "size()", "`size` takes one argument, not 0"),
        ("now(1)", "now(1)", "`now` takes no argument, not 1"),
        ("a.size(1)", "a.size(1)", "`size` takes no argument, not 1"),
        ("a.contains()", "a.contains()", "`contains` takes one argument, not 0"),
        ("has(1 + a)", "has(1 + a)", "`has` takes one name, with its keys"),
        (
            "default(a)",
            "default(a)",
            "`default` takes a name, with its keys, and the value to take if it is not there",
        ),
        ("a.exists(x)", "a.exists(x)", "`exists` takes a new name and an expression"),
        ("a.map(x, x > 1, x)", "a.map(x, x > 1, x)", "`map` takes a new name and an expression"),
        ("a.all(x, x.b.all(y, y))", "all", "`all` stands inside another loop"),
        ("((((((((((((( 1 )))))))))))))", "(", "brackets are more than 12 deep"),
    ];
    for (text, underlined, message) in rows {
        let padding = 11;
        let error = Expression::parse(text, padding).expect_err(text);
        assert_eq!(error.message, message, "{text}");
        let found = text.get(error.range.start - padding..error.range.end - padding);
        assert_eq!(found, Some(underlined), "{text}");
    }
}

#[test]
fn errors_of_syntax_say_what_to_do() {
    for (text, help) in [
        ("lenght(a)", "did you mean `size(x)`?"),
        ("a.startswith('b')", "did you mean `x.startsWith(y)`?"),
        ("timestamp('x')", "did you mean `time(x)`?"),
        ("contains(a, b)", "write x.contains(y)"),
        ("a and b", "write `&&`"),
        ("a = b", "write `==`"),
        ("5m", "a duration is written duration(\"5m\"), text in quotes"),
        (
            "('a' + ",
            "if the rest of the expression is missing, put it in quotes: in YAML ` #` begins a comment, and `,`, `]` and `}` end a value inside `[ ]` and `{ }`",
        ),
    ] {
        let error = Expression::parse(text, 0).expect_err(text);
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
}

#[test]
fn limits_are_tested_before_parsing() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let wide = vec!["1"; 66].join("+");
    let dots = format!("a{}", ".b".repeat(200));
    let long = format!("'{}'", "x".repeat(1_000));
    let doubled = "-".repeat(900);
    for (text, message) in [
        (deep.as_str(), "the expression has 10001 characters; 1000 are allowed"),
        (&deep[4_500..5_400], "brackets are more than 12 deep"),
        (&wide, "the expression has more than 64 operators"),
        (&dots, "the expression has more than 100 dots"),
        (&long, "the expression has 1002 characters; 1000 are allowed"),
        (&doubled, "two `-` cancel each other"),
    ] {
        assert_eq!(Expression::parse(text, 0).expect_err(message).message, message);
    }
    let at_the_limit = format!("'{}'", "ä".repeat(998));
    assert!(Expression::parse(&at_the_limit, 0).is_ok());
    let deepest = format!("{}1{}", "(".repeat(12), ")".repeat(12));
    assert!(Expression::parse(&deepest, 0).is_ok());
    assert!(Expression::parse(&vec!["1"; 65].join("+"), 0).is_ok());
}

/// The largest trees that the limits allow, on half the stack of a test.
#[test]
fn the_largest_trees_fit_a_small_stack() {
    let worst = [
        format!("{}1{}", "(".repeat(12), ")".repeat(12)),
        format!("{}1{}", "[1+-[".repeat(6), "]]".repeat(6)),
        format!("{}1", "true ? 1 : ".repeat(64)),
        format!("a{}", ".b".repeat(100)),
        format!("a{}", "[0]".repeat(70)),
        vec!["1"; 65].join("+"),
        format!("{}{}{}", "size([true?".repeat(6), "-1", ":1])".repeat(6)),
        format!("{}1{}{}", "(true?1:".repeat(12), ")".repeat(12), "+1".repeat(40)),
    ];
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let thread = small.spawn(move || {
        for text in &worst {
            let Ok(expression) = Expression::parse(text, 0) else { continue };
            let _ = expression.evaluate(&world());
            let _ = expression.type_of(&Types);
            let _ = expression.explain(&world());
            assert_eq!(expression, expression.clone());
        }
    });
    thread.expect("a thread").join().expect("no overflow");
}

#[test]
fn long_lists_and_much_work_are_refused() {
    let list = |length: i64| ints(&(0..length).collect::<Vec<_>>());
    let scope =
        World(map(&[("few", list(10_000)), ("many", list(10_001)), ("text", "x".repeat(1 << 20).into())]));
    let value = |text: &str| Expression::parse(text, 0).and_then(|expression| expression.evaluate(&scope));
    assert_eq!(value("few.all(x, x >= 0 && x < 10000)"), Ok(true.into()));
    assert_eq!(value("few.filter(x, x % 2 == 0).size()"), Ok(5_000.into()));
    assert_eq!(value("few.exists(x, size(few) == x)"), Ok(false.into()));
    for (text, message) in [
        ("many.all(x, true)", "the list has 10001 items; 10000 are allowed"),
        ("max(many)", "the list has 10001 items; 10000 are allowed"),
        ("few + [1]", "the list would have more than 10000 items"),
        ("few.all(x, x in few)", "the expression needs too much work"),
        ("few.map(x, few)", "the expression needs too much work"),
        ("few.map(x, text)", "the expression needs too much work"),
        ("few.all(x, size(text) > 0)", "the expression needs too much work"),
        ("few.all(x, !text.matches(string(x)))", "the expression needs too much work"),
        ("''.matches('(a{1000}){1000}')", "the pattern needs too much memory"),
    ] {
        assert_eq!(value(text).expect_err(text).message, message, "{text}");
    }
}

#[test]
fn references_are_maximal_chains() {
    type Wanted = (&'static str, &'static str, bool);
    let rows: Vec<(&str, Vec<Wanted>)> = vec![
        ("a.b[\"c\"].d", vec![("a.b.c.d", "a.b[\"c\"].d", false)]),
        ("a.b[0].c", vec![("a.b", "a.b", false)]),
        ("a[b.c].d", vec![("a", "a", false), ("b.c", "b.c", false)]),
        ("'ä' + a.b", vec![("a.b", "a.b", false)]),
        ("has(a.b.c) && a.b.c", vec![("a.b.c", "a.b.c", true), ("a.b.c", "a.b.c", false)]),
        (
            "default(a.b[x.y].z, c.d)",
            vec![("a.b", "a.b", true), ("x.y", "x.y", false), ("c.d", "c.d", false)],
        ),
        ("default(default(a, b), c)", vec![("a", "a", true), ("b", "b", true), ("c", "c", false)]),
        ("l.all(x, x.y == z && has(x.q))", vec![("l", "l", false), ("z", "z", false)]),
        ("x.all(x, x) && x", vec![("x", "x", false), ("x", "x", false)]),
        ("{a: b}", vec![("a", "a", false), ("b", "b", false)]),
        ("size(a) + b.size()", vec![("a", "a", false), ("b", "b", false)]),
        ("1 + 2", vec![]),
    ];
    for (text, wanted) in rows {
        let references = Expression::parse(text, 5).expect(text).references();
        let found: Vec<_> = references
            .iter()
            .map(|reference| {
                (
                    reference.names.join("."),
                    &text[reference.range.start - 5..reference.range.end - 5],
                    reference.guarded,
                )
            })
            .collect();
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|(names, written, guarded)| (names.to_owned(), written, guarded))
            .collect();
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn now_is_seen() {
    assert!(Expression::parse("[1].all(x, now() > time('a'))", 0).expect("parses").uses_now());
    assert!(!Expression::parse("nowhere + 'now()'", 0).expect("parses").uses_now());
}

#[test]
fn an_explanation_names_what_was_seen() {
    let expression = Expression::parse(
        "outputs.rows[0].n > 5 && inputs.keep || outputs.absent == secrets.pass || outputs.rows.all(r, r.n > inputs.i) || inputs.keep",
        0,
    );
    let explained = expression.expect("parses").explain(&world());
    let shown: Vec<_> = explained.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    assert_eq!(
        shown,
        [
            "outputs.rows[0].n = 3",
            "inputs.keep = false",
            "secrets.pass = ‹secret pass›",
            "outputs.rows = [{n: 3, name: drei}, {n: 1, name: eins}]",
            "inputs.i = 1",
        ]
    );
}

/// A scope that knows its paths only as wholes, and one that knows the part before the key.
#[test]
fn the_longest_known_path_wins() {
    struct Paths(BTreeMap<Vec<&'static str>, Value>);
    impl Scope for Paths {
        fn value(&self, names: &[&str]) -> Option<Value> {
            self.0.get(names).cloned()
        }
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
    }
    let scope = Paths(BTreeMap::from([
        (vec!["a", "b", "c"], 1.into()),
        (vec!["a", "b"], map(&[("c", 2.into()), ("d", map(&[("e", 3.into())]))])),
    ]));
    let value =
        |text: &str| Expression::parse(text, 0).expect(text).evaluate(&scope).map_err(|error| error.message);
    assert_eq!(value("a.b.c"), Ok(1.into()));
    assert_eq!(value("a.b.d.e"), Ok(3.into()));
    assert_eq!(value("a.b.d.f"), Err("`a.b.d.f` is not there".to_owned()));
    assert_eq!(value("a.x"), Err("`a.x` is not there".to_owned()));
    assert_eq!(value("has(a.b.d.f)"), Ok(false.into()));
}

#[test]
fn expressions_may_cross_threads() {
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    is_shared(&Expression::parse("a.b > 1", 0).expect("parses"));
}

/// The examples of the users' page parse, and the page names every function.
#[test]
fn the_page_is_true() {
    let page = include_str!("../../../../docs/expressions.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| !line.starts_with("| function |"))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.split(" | ").collect())
        .collect();
    for row in &rows {
        let example = row[2].trim_end_matches('|').trim().trim_matches('`');
        assert!(Expression::parse(example, 0).is_ok(), "{example}");
    }
    let names: String = rows.iter().map(|row| row[0]).collect();
    for (name, _) in forms::FORMS {
        assert!(names.contains(&format!("{name}(")), "{name}");
    }
}

#[test]
fn small_expressions_need_little_stack() {
    let small = "a.b && c.d || e.f == g.h";
    let parsed =
        std::thread::Builder::new().stack_size(512 * 1024).spawn(move || Expression::parse(small, 0).is_ok());
    assert!(parsed.unwrap().join().unwrap());
    let ternaries = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(|| Expression::parse("a ? b : c ? d : e ? f : g", 0));
    assert!(ternaries.unwrap().join().is_ok());
    let bangs = std::thread::Builder::new()
        .stack_size(512 * 1024)
        .spawn(|| Expression::parse("! - ! - a + b * c - d", 0));
    assert!(bangs.unwrap().join().is_ok());
}
