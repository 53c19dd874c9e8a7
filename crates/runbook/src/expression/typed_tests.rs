use super::*;

/// Names as `check` knows them.
pub(super) struct Types;

impl TypeScope for Types {
    fn known(&self, names: &[&str]) -> Known {
        let fields = |names: &[&str]| Known::Fields(names.iter().map(|name| (*name).to_owned()).collect());
        let kind = match names {
            [] => return fields(&["inputs", "outputs", "steps", "objectives", "secrets", "item"]),
            ["inputs"] => return fields(&["keep", "source", "i", "at", "arn"]),
            ["outputs"] | ["steps", "restore", "outputs"] => {
                return fields(&["rows", "port", "time", "tags", "names", "size"]);
            }
            ["steps"] => return fields(&["restore"]),
            ["steps", "restore"] => return fields(&["outputs", "state"]),
            ["objectives"] => return fields(&["rpo"]),
            ["secrets"] => return fields(&["pass"]),
            ["secrets", "pass"] | ["inputs", "source"] => Type::String,
            ["item"] => Type::Any,
            ["inputs", "keep"] => Type::Boolean,
            ["inputs", "i"] => Type::Integer,
            ["inputs", "at"] => Type::RestoreTime,
            ["inputs", "arn"] => Type::Arn,
            ["steps", "restore", "state"] => Type::OneOf(&["succeeded", "failed"]),
            ["objectives", "rpo"] => Type::Duration,
            [.., "rows"] if names.contains(&"outputs") => Type::List(&Type::Map(&Type::Any)),
            [.., "port"] if names.contains(&"outputs") => Type::Integer,
            [.., "size"] if names.contains(&"outputs") => Type::Number,
            [.., "time"] if names.contains(&"outputs") => Type::Time,
            [.., "tags"] if names.contains(&"outputs") => Type::Map(&Type::String),
            [.., "names"] if names.contains(&"outputs") => Type::List(&Type::String),
            _ => return Known::Unknown,
        };
        Known::Value(kind)
    }
}

#[test]
fn types() {
    let rows = [
        ("1", Type::Integer),
        ("1 + 1.5", Type::Number),
        ("'a' + inputs.source", Type::String),
        ("inputs.arn", Type::Arn),
        ("inputs.arn + 'x'", Type::String),
        ("inputs.at", Type::RestoreTime),
        ("inputs.at == 'latest'", Type::Boolean),
        ("steps.restore.state == 'failed'", Type::Boolean),
        ("steps.restore.outputs.port", Type::Integer),
        ("steps['restore'].outputs['port']", Type::Integer),
        ("outputs.rows[0].n", Type::Any),
        ("outputs.rows[0].n > 0", Type::Boolean),
        ("outputs.rows[0].n + 1", Type::Any),
        ("outputs.tags.team", Type::String),
        ("outputs.tags[inputs.source]", Type::String),
        ("outputs.names[0]", Type::String),
        ("outputs", Type::Map(&Type::Any)),
        ("item.id.deeper", Type::Any),
        ("now() - outputs.time", Type::Duration),
        ("outputs.time + objectives.rpo", Type::Time),
        ("now() - outputs.time <= objectives.rpo * 2", Type::Boolean),
        ("-objectives.rpo", Type::Duration),
        ("outputs.port == null", Type::Boolean),
        ("1 == 1.5 && outputs.size > 1", Type::Boolean),
        ("[1, 2.5]", Type::List(&Type::Number)),
        ("[1, 'a']", Type::List(&Type::Any)),
        ("[[1]]", Type::List(&Type::List(&Type::Any))),
        ("[1] + [2]", Type::List(&Type::Integer)),
        ("{'a': 1, 'b': 2}", Type::Map(&Type::Integer)),
        ("{'a': 1, 'b': ''}", Type::Map(&Type::Any)),
        ("inputs.keep ? 1 : 2.5", Type::Number),
        ("inputs.keep ? null : 2", Type::Integer),
        ("default(outputs.port, 0)", Type::Integer),
        ("default(item.x, 0)", Type::Any),
        ("has(item.x)", Type::Boolean),
        ("outputs.names.map(n, size(n))", Type::List(&Type::Integer)),
        ("outputs.names.filter(n, n.startsWith('a'))", Type::List(&Type::String)),
        ("outputs.rows.exists(r, r.n == 1)", Type::Boolean),
        ("max(outputs.names)", Type::String),
        ("max(1, outputs.size)", Type::Number),
        ("min(item)", Type::Any),
        ("string(1)", Type::String),
        ("int(item)", Type::Integer),
        ("float('1')", Type::Number),
        ("time(inputs.at)", Type::Time),
        ("duration('5m')", Type::Duration),
        ("'a' in outputs.names", Type::Boolean),
        ("'a' in outputs.tags", Type::Boolean),
        ("null", Type::Null),
        ("secrets.pass", Type::String),
    ];
    for (text, wanted) in rows {
        let expression = Expression::parse(text, 0).expect(text);
        assert_eq!(expression.type_of(&Types), Ok(wanted), "{text}");
    }
}

/// Every row is an expression, and of each error what it underlines, the message and the help.
#[test]
fn errors_of_types() {
    type Wanted = (&'static str, &'static str, Option<&'static str>);
    let rows: Vec<(&str, Vec<Wanted>)> = vec![
        ("input.keep", vec![("input", "unknown name `input`", Some("did you mean `inputs`?"))]),
        (
            "steps.restor.outputs",
            vec![("restor", "unknown name `steps.restor`", Some("did you mean `steps.restore`?"))],
        ),
        (
            "'ä' + steps.restore.outputs.prt",
            vec![(
                "prt",
                "unknown name `steps.restore.outputs.prt`",
                Some("did you mean `steps.restore.outputs.port`?"),
            )],
        ),
        (
            "inputs['kep']",
            vec![("['kep']", "unknown name `inputs.kep`", Some("did you mean `inputs.keep`?"))],
        ),
        ("objectives.bananas", vec![("bananas", "unknown name `objectives.bananas`", Some("there are rpo"))]),
        ("outputs.port.x", vec![("x", "`outputs.port` is an integer; it has no field `x`", None)]),
        (
            "outputs.rows.n",
            vec![(
                "n",
                "`outputs.rows` is a list of map of any; it has no field `n`",
                Some("take an item first: [0], or exists(x, …)"),
            )],
        ),
        (
            "inputs.keep == 'false'",
            vec![(
                "inputs.keep == 'false'",
                "`==` is not for a boolean and a string",
                Some("write true and false without quotes"),
            )],
        ),
        (
            "outputs.time > '2026'",
            vec![(
                "outputs.time > '2026'",
                "`>` is not for a time and a string",
                Some("write time(…) around the text"),
            )],
        ),
        (
            "'p' + 1",
            vec![(
                "'p' + 1",
                "`+` is not for a string and an integer",
                Some("write string(…) around what is no text"),
            )],
        ),
        ("true < false", vec![("true < false", "`<` is not for a boolean and a boolean", None)]),
        ("1.5 % 2", vec![("1.5 % 2", "`%` is not for a number and an integer", None)]),
        (
            "item / objectives.rpo",
            vec![("item / objectives.rpo", "`/` is not for a value of any type and a duration", None)],
        ),
        (
            "null + 1",
            vec![("null + 1", "`+` is not for null and an integer", Some("only `==` and `!=` are for null"))],
        ),
        ("inputs.source && true", vec![("inputs.source", "this is a string; true or false is wanted", None)]),
        ("!1", vec![("1", "this is an integer; true or false is wanted", None)]),
        ("1 ? 2 : 3", vec![("1", "this is an integer; true or false is wanted", None)]),
        ("-'a'", vec![("'a'", "`-` in front of a string", None)]),
        (
            "true ? 1 : 'a'",
            vec![("true ? 1 : 'a'", "the two sides of `? :` are an integer and a string", None)],
        ),
        (
            "default(outputs.port, '')",
            vec![(
                "default(outputs.port, '')",
                "the two sides of `default` are an integer and a string",
                None,
            )],
        ),
        (
            "outputs.names['a']",
            vec![(
                "['a']",
                "`outputs.names` is a list of string; it has no field `a`",
                Some("take an item first: [0], or exists(x, …)"),
            )],
        ),
        (
            "outputs.names[1.5]",
            vec![("1.5", "a list of string is indexed by an integer, not by a number", None)],
        ),
        ("size(1)", vec![("1", "`size` is not for an integer", None)]),
        ("size(null)", vec![("null", "`size` of null", Some("write default(…, …) around what may be null"))]),
        (
            "outputs.names.contains('a')",
            vec![("outputs.names", "`contains` is not for a list of string", Some("write x in list"))],
        ),
        (
            "'a' in inputs.source",
            vec![("'a' in inputs.source", "`in` looks into lists and maps", Some("write x.contains(\"…\")"))],
        ),
        ("1 in outputs.names", vec![("1 in outputs.names", "`in`: a list of string holds no integer", None)]),
        (
            "'a'.matches('(')",
            vec![(
                "'('",
                "the pattern is not a regular expression: unclosed group",
                Some("backslashes are simplest in raw text: r'^\\d+$'"),
            )],
        ),
        (
            "{1: 2}",
            vec![("1", "the keys of a map are strings, not an integer", Some("put the key in quotes"))],
        ),
        ("{'a': 1, 'a': 2}", vec![("'a'", "the key `a` is given twice", None)]),
        (
            "outputs.tags.all(t, true)",
            vec![("outputs.tags", "`all` goes through a list, not through a map", None)],
        ),
        (
            "outputs.names.all(n, n > 1)",
            vec![(
                "n > 1",
                "`>` is not for a string and an integer",
                Some("write int(…) or float(…) around the text"),
            )],
        ),
        (
            "outputs.names.all(name, nam == '')",
            vec![("nam", "unknown name `nam`", Some("did you mean `name`?"))],
        ),
        ("min(1, 'a')", vec![("min(1, 'a')", "`min` of values of different types", None)]),
        ("max(true)", vec![("max(true)", "`max` is not for a boolean", None)]),
        (
            "secrets.pass == 'x'",
            vec![(
                "secrets.pass",
                "a secret cannot be looked at",
                Some("a secret can be handed on whole or be joined with `+`"),
            )],
        ),
        (
            "kep && 1 + 'a' == 2 || !inputs.kep",
            vec![
                (
                    "kep",
                    "unknown name `kep`",
                    Some("there are inputs, outputs, steps, objectives, secrets, item"),
                ),
                (
                    "1 + 'a'",
                    "`+` is not for an integer and a string",
                    Some("write string(…) around what is no text"),
                ),
                ("kep", "unknown name `inputs.kep`", Some("did you mean `inputs.keep`?")),
            ],
        ),
    ];
    for (text, wanted) in rows {
        let errors = Expression::parse(text, 100).expect(text).type_of(&Types).expect_err(text);
        assert_eq!(errors.len(), wanted.len(), "{text}: {errors:?}");
        for (error, (underlined, message, help)) in errors.iter().zip(wanted) {
            assert_eq!(error.message, message, "{text}");
            assert_eq!(text.get(error.range.start - 100..error.range.end - 100), Some(underlined), "{text}");
            assert_eq!(error.help.as_deref(), help, "{text}");
        }
    }
}
