//! The one table of keys: it feeds the reader of runbooks, the editor schema and the reference page.

use crate::spec::{ActionSpec, Catalog, Effect, Type};
use serde_json::{Map, Value, json};

/// A set of keys that stand together.
#[derive(Debug)]
pub struct Table {
    /// What it is called, in messages and in the schema: `step`.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of the language.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What stands behind it.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// One sentence.
    pub summary: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text.
    Text,
    /// Text, a list or a map with `${{ … }}` in it.
    Template,
    /// A bare expression.
    Expression,
    /// `true` or `false`.
    Boolean,
    /// A whole number, at least 0.
    Integer,
    /// A number.
    Number,
    /// `90s`, `15m`.
    Duration,
    /// `2026-11-01`.
    Date,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of text.
    Texts,
    /// A list of expressions.
    Expressions,
    /// A map from names to templates.
    Templates,
    /// A map with these keys.
    Keys(&'static Table),
    /// One of these words, or a map with these keys.
    WordOrKeys(&'static [&'static str], &'static Table),
    /// A list of maps with these keys.
    List(&'static Table),
    /// A list of text or of maps with these keys.
    TextsOr(&'static Table),
    /// A map from names to maps with these keys.
    Named(&'static Table),
    /// A map from names to `required` or `optional`.
    Requirements,
    /// Judged where it is read.
    Any,
}

const fn key(name: &'static str, shape: Shape, summary: &'static str) -> Key {
    Key { name, shape, required: false, summary }
}

const fn must(name: &'static str, shape: Shape, summary: &'static str) -> Key {
    Key { name, shape, required: true, summary }
}

use Shape::{
    Any, Boolean, Date, Duration, Expression, Expressions, Integer, Keys, List, Named, Number, Requirements,
    Template, Templates, Text, Texts, TextsOr, Word, WordOrKeys,
};

const FAILURE: Shape = Word(&["undo", "pause"]);
const UNDO_WORDS: &[&str] = &["true", "false"];
/// Types of inputs and of fields that people hand in.
pub const INPUT_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "duration", "time", "restore_time", "arn", "list", "map"];

/// How bad an incident is, the worst first.
pub const SEVERITIES: &[&str] = &["sev1", "sev2", "sev3", "sev4", "sev5"];

/// A file.
pub static FILE: Table = Table {
    name: "file",
    keys: &[
        must("schema", Word(&["lifeboat/v1"]), "The version of the language."),
        must(
            "kind",
            Word(&["runbook", "playbook"]),
            "A procedure, or an incident with people and decisions.",
        ),
        must("name", Text, "Lower-case letters, digits and hyphens; part of the names of what is made."),
        key("title", Text, "One line for people."),
        key("description", Text, "More for people."),
        key("owner", Text, "Who keeps it."),
        key("review", Keys(&REVIEW), "When it was last read through, and how often that should be."),
        key("objectives", Keys(&OBJECTIVES), "What was promised."),
        key(
            "loss",
            Word(&["outage", "corruption"]),
            "What data lost means: writes stopped with the service, or went on.",
        ),
        key("inputs", Named(&INPUT), "What differs from run to run."),
        key("secrets", Named(&SECRET), "Where secrets are kept."),
        key("roles", Requirements, "Roles that people hold during a run."),
        key("target", Keys(&TARGET), "The account and the Region."),
        key("concurrency", Keys(&CONCURRENCY), "What must not run twice at once."),
        key("allow", TextsOr(&ALLOW), "What a drill may change though it did not make it."),
        key("stop_when", List(&STOP), "Alarms that stop the run."),
        key("probes", List(&PROBE), "Checks that run beside the steps and measure the downtime."),
        key("preflight", List(&STEP), "Steps that only read, before anything is changed."),
        must("steps", List(&STEP), "The procedure."),
        key("cleanup", Any, "`auto`, `none`, or a list of steps."),
        key("outputs", Templates, "Named results of the whole."),
        key("notify", List(&NOTIFY), "Who is told of what."),
        key("on_failure", FAILURE, "`undo` (the default in a drill) or `pause` (the default in a recovery)."),
        key("severity", Word(SEVERITIES), "How bad it is; playbooks only."),
        key("triggers", List(&TRIGGER), "What calls for it; playbooks only."),
        key("updates", Keys(&UPDATES), "How often people are told; playbooks only."),
    ],
};

/// `review`.
pub static REVIEW: Table = Table {
    name: "review",
    keys: &[
        must("last", Date, "The day somebody last read it through."),
        must("every", Duration, "How often that should be."),
    ],
};

/// `objectives`.
pub static OBJECTIVES: Table = Table {
    name: "objectives",
    keys: &[
        key("rto", Duration, "The recovery time objective."),
        key("rpo", Duration, "The recovery point objective."),
    ],
};

/// An entry of `inputs`.
pub static INPUT: Table = Table {
    name: "input",
    keys: &[
        must("type", Word(INPUT_TYPES), "Its type."),
        key("default", Any, "Its value when none is given."),
        key("required", Boolean, "Whether one must be given."),
        key("pattern", Text, "A regular expression its text must match."),
        key("allowed", Any, "The only values there are."),
        key("description", Text, "One sentence."),
    ],
};

/// An entry of `secrets`.
pub static SECRET: Table = Table {
    name: "secret",
    keys: &[
        key("secretsmanager", Template, "Its name in AWS Secrets Manager."),
        key("ssm", Template, "Its name in SSM Parameter Store."),
        key("env", Template, "An environment variable."),
        key("file", Template, "A file."),
        key("key", Text, "The key of a JSON secret."),
        key("region", Template, "Another Region than the target's."),
        key("version_stage", Text, "`AWSCURRENT` unless said."),
        key("sensitive", Boolean, "`false` for values that need not be hidden, such as a host name."),
    ],
};

/// `target`.
pub static TARGET: Table = Table {
    name: "target",
    keys: &[
        key("account", Template, "The only account it may act in: 12 digits, quoted."),
        key("region", Template, "The Region."),
        key("regions", Templates, "Named Regions, such as `primary` and `recovery`."),
        key("role", Any, "The role to assume: a name, or one for `drill` and one for `recovery`."),
        key(
            "name",
            Text,
            "A target named in lifeboat.yaml; what stands beside it goes before what that says.",
        ),
    ],
};

/// `target.role`.
pub static ROLE: Table = Table {
    name: "role",
    keys: &[
        key("drill", Template, "The role in a drill."),
        key("recovery", Template, "The role in a recovery."),
        key("external_id", Template, "What the role's trust policy wants to be told, where it does."),
    ],
};

/// `lifeboat.yaml`.
pub static PROJECT: Table = Table {
    name: "lifeboat.yaml",
    keys: &[
        must("schema", Word(&["lifeboat/v1"]), "The version of the language."),
        key("targets", Named(&NAMED_TARGET), "Accounts and Regions by name, for `--target NAME`."),
        key("people", Named(&PERSON), "People by name, for `person:NAME` and `--role ROLE=NAME`."),
        key("secrets", Named(&SECRET), "Where secrets are kept that `notify` of this file refers to."),
        key("notify", List(&NOTIFY), "Who is told of what in every runbook that does not say it itself."),
    ],
};

/// An entry of `targets` of `lifeboat.yaml`.
pub static NAMED_TARGET: Table = Table {
    name: "named target",
    keys: &[
        key("account", Template, "The only account it may act in: 12 digits, quoted."),
        key("region", Template, "The Region, or the name of one of `regions`."),
        key("regions", Templates, "Named Regions, such as `primary` and `recovery`."),
        key("role", Any, "The role to assume: a name, or one for `drill` and one for `recovery`."),
        key("profile", Text, "The profile of the AWS configuration to begin with."),
    ],
};

/// An entry of `people` of `lifeboat.yaml`.
pub static PERSON: Table = Table {
    name: "person",
    keys: &[
        key("arn", Any, "By which AWS knows them: one pattern or a list; `*` stands for any text."),
        key("contact", Text, "How they are reached."),
    ],
};

/// `concurrency`.
pub static CONCURRENCY: Table = Table {
    name: "concurrency",
    keys: &[
        must("key", Template, "Runs with the same key exclude each other."),
        key("on_conflict", Word(&["refuse", "wait"]), "What the second one does."),
    ],
};

/// An entry of `allow`.
pub static ALLOW: Table = Table {
    name: "allow",
    keys: &[
        key("id", Template, "A resource by its identifier."),
        key("arn", Template, "A resource by its ARN."),
        key("tag", Template, "Resources by a tag, `key=value`."),
        key("actions", Texts, "Which actions; without, those that modify."),
    ],
};

/// An entry of `stop_when`.
pub static STOP: Table = Table {
    name: "stop_when",
    keys: &[
        must("alarm", Template, "A CloudWatch alarm."),
        key("insufficient_data", Word(&["ok", "stop"]), "What INSUFFICIENT_DATA means."),
        key("in", Texts, "`drill` and `recovery`; without, it stops drills only."),
    ],
};

/// An entry of `probes`.
pub static PROBE: Table = Table {
    name: "probe",
    keys: &[
        must("id", Text, "Its id."),
        must("action", Text, "An action that only reads."),
        key("with", Templates, "Its parameters."),
        must("every", Duration, "How often."),
        key("hold", Duration, "How long it must stay up to count as up."),
        key("timeout", Duration, "For one look."),
        key("assert", Expressions, "What must be true of its outputs."),
        key("via", Keys(&VIA), "How to reach a private host."),
        key("marks", Any, "`first_down` and `held_up`: marks."),
    ],
};

/// `via`.
pub static VIA: Table = Table {
    name: "via",
    keys: &[
        key("ssm", Template, "A managed instance."),
        key("ecs", Keys(&VIA_ECS), "A container of a service."),
    ],
};

/// `via.ecs`.
pub static VIA_ECS: Table = Table {
    name: "ecs",
    keys: &[
        must("cluster", Template, "The cluster."),
        must("service", Template, "The service."),
        key("container", Template, "The container, if there are several."),
    ],
};

/// An entry of `notify`.
pub static NOTIFY: Table = Table {
    name: "notify",
    keys: &[
        key("name", Text, "What `to` calls it; `slack`, `webhook` or `sns` unless said."),
        must(
            "events",
            Texts,
            "Which events: `started`, `asked`, `answered`, `failed`, `blocked`, `paused`, `resumed`, `update`, `objective_missed`, `finished`. Questions (`asked`) always go to every entry.",
        ),
        key("slack", Template, "A Slack incoming webhook: a secret."),
        key("webhook", Template, "Any webhook: a URL that takes JSON."),
        key("sns", Template, "The ARN of an SNS topic."),
        key("secret", Template, "What signs the messages of a webhook (HMAC-SHA256)."),
    ],
};

/// An entry of `triggers`.
pub static TRIGGER: Table =
    Table { name: "trigger", keys: &[must("alarm", Template, "A CloudWatch alarm.")] };

/// `updates`.
pub static UPDATES: Table = Table {
    name: "updates",
    keys: &[must("every", Duration, "How often."), key("to", Text, "Which entry of `notify` is told.")],
};

/// A step.
pub static STEP: Table = Table {
    name: "step",
    keys: &[
        must("id", Text, "`[a-z][a-z0-9_]*`, once in a file."),
        key("name", Text, "One line for people."),
        key("description", Text, "More for people."),
        key("action", Text, "What to do; see `lifeboat actions`."),
        key("with", Templates, "The action's parameters."),
        key("outputs", Any, "What is kept of a reply that has no spec: names and expressions."),
        key("parallel", List(&STEP), "Steps that run at the same time."),
        key("steps", List(&STEP), "Steps that run one after the other."),
        key("foreach", Template, "A list or a map: the steps run once for each item."),
        key("key", Expression, "What names an item."),
        key("max_parallel", Integer, "How many items at once; 1 unless said."),
        key("max_failures", Integer, "How many items may fail; 0 unless said."),
        key("runbook", Text, "Another runbook as one step."),
        key("manual", Keys(&MANUAL), "Somebody does something and confirms it."),
        key("decide", Keys(&DECIDE), "Somebody chooses."),
        key("approve", Keys(&APPROVE), "Somebody permits or rejects."),
        key("pause", Duration, "Wait that long."),
        key("if", Expression, "Where it is false, the step is skipped."),
        key("needs", Texts, "Siblings in a `parallel` that must have finished."),
        key("wait", WordOrKeys(&["none"], &WAIT), "What to wait for."),
        key("timeout", Duration, "For one attempt with its wait."),
        key("retry", Keys(&RETRY), "Whether and how to try again."),
        key("assert", Expressions, "What must be true of the outputs."),
        key(
            "on_fail",
            Word(&["refuse", "ask", "warn"]),
            "Preflight only: what follows when it does not hold.",
        ),
        key("on_failure", FAILURE, "`undo` or `pause`."),
        key("continue_on_error", Boolean, "Whether the run goes on when it fails."),
        key("undo", WordOrKeys(UNDO_WORDS, &UNDO), "How it is taken back."),
        key("commit", Boolean, "The point of no return: from here on nothing before it is undone by itself."),
        key("marks", Any, "`started`, `succeeded`, `failed`: marks."),
        key("recovery_point", Keys(&RECOVERY_POINT), "What the recovered data says of how far it goes."),
        key("via", Keys(&VIA), "How a probe reaches a private host."),
        key("region", Template, "Another Region than the target's."),
        key("target", Keys(&TARGET), "Another target."),
        key(
            "effect",
            Word(&["read", "create", "modify", "destroy"]),
            "Where the action's effect depends on its content.",
        ),
        key("touches", Any, "The resources it affects, where the action cannot know them."),
        key("expect", Duration, "How long it usually takes."),
    ],
};

/// `wait`.
pub static WAIT: Table = Table {
    name: "wait",
    keys: &[
        key("for", Text, "A readiness that the action names."),
        key("until", Expression, "What must become true of the outputs."),
        key("fail_if", Expression, "What must not become true of the outputs."),
        key("timeout", Duration, "For the wait alone."),
        key("every", Duration, "How often to look."),
        key("hold", Duration, "How long it must stay so."),
    ],
};

/// `retry`.
pub static RETRY: Table = Table {
    name: "retry",
    keys: &[
        must("attempts", Integer, "How many in all, the first included."),
        key("delay", Duration, "Before the second attempt."),
        key("backoff", Number, "Each further delay is this many times longer."),
        key("max_delay", Duration, "No delay is longer."),
        key("errors", Texts, "Which errors; without, all but a false assert."),
    ],
};

/// `undo`.
pub static UNDO: Table = Table {
    name: "undo",
    keys: &[
        must("action", Text, "The action that takes it back."),
        key("with", Templates, "Its parameters."),
    ],
};

/// `recovery_point`.
pub static RECOVERY_POINT: Table = Table {
    name: "recovery_point",
    keys: &[
        must("newest", Expression, "The time of the newest row in the recovered data."),
        key("cadence", Duration, "How often such a row is written."),
        key("source_newest", Expression, "The time of the newest row at the source when service was lost."),
    ],
};

/// `manual`.
pub static MANUAL: Table = Table {
    name: "manual",
    keys: &[
        must("instructions", Template, "What to do, Markdown."),
        key("evidence", Requirements, "`link`, `text`, `file`: what must or may be shown."),
        key("fields", Any, "What is handed in, by name, with its type."),
        key("timeout", Duration, "How long to wait for an answer."),
        key("on_timeout", Word(&["fail", "continue", "abort"]), "What follows when nobody answers."),
    ],
};

/// `decide`.
pub static DECIDE: Table = Table {
    name: "decide",
    keys: &[
        must("question", Template, "The question."),
        key("role", Text, "Who decides."),
        must("options", Named(&OPTION), "What can be chosen."),
        key("fields", Any, "What is handed in, by name, with its type."),
        key("timeout", Duration, "How long to wait for an answer."),
        key("on_timeout", Text, "An option, `fail` or `abort`."),
    ],
};

/// An option of `decide`.
pub static OPTION: Table = Table {
    name: "option",
    keys: &[must("label", Text, "What it means."), key("when", Expression, "When it can be chosen.")],
};

/// `approve`.
pub static APPROVE: Table = Table {
    name: "approve",
    keys: &[
        must("message", Template, "What is to be permitted."),
        key("from", Texts, "Who may: `role:…`, `arn:…`, `person:…`."),
        key("at_least", Integer, "How many must; 1 unless said."),
        key("not_the_operator", Boolean, "Whether the operator may not."),
        key("fields", Any, "What is handed in, by name, with its type."),
        key("timeout", Duration, "How long to wait for an answer."),
        key("on_timeout", Word(&["reject", "abort"]), "What follows when nobody answers."),
        key("on_reject", Word(&["stop", "continue"]), "What a rejection does."),
    ],
};

/// A duty to report incidents; a file of its own.
pub static DUTY: Table = Table {
    name: "duty",
    keys: &[
        must("schema", Word(&["lifeboat/v1"]), "The version of the language."),
        must("kind", Word(&["duty"]), "What the file is."),
        must("name", Text, "What `incident open --duty` calls it."),
        must("title", Text, "One line for people."),
        must("source", Text, "The rule it is from."),
        key(
            "applies_to",
            Text,
            "`major`, or the criterion that an incident must be classified by to fall under it.",
        ),
        must("reports", List(&REPORT_DUE), "What must be submitted, in order."),
    ],
};

/// A report that a duty demands.
pub static REPORT_DUE: Table = Table {
    name: "report that is due",
    keys: &[
        must("id", Text, "Its name in the duty."),
        must("title", Text, "One line for people."),
        must("due", List(&LIMIT), "Time limits; the earliest counts."),
        must("source", Text, "The rule it is from."),
    ],
};

/// A time limit of a report.
pub static LIMIT: Table = Table {
    name: "time limit",
    keys: &[
        must("after", Text, "The moment it runs from: a mark such as `aware`, or `report.<id>`."),
        must("within", Text, "How long it is: `4h`, `3d`, `1mo`."),
        key("unless_over_at", Text, "It does not count where it was already over at this moment."),
    ],
};

/// Every table, in the order of the reference page.
pub static TABLES: [&Table; 27] = [
    &FILE,
    &REVIEW,
    &OBJECTIVES,
    &INPUT,
    &SECRET,
    &TARGET,
    &ROLE,
    &ALLOW,
    &STEP,
    &WAIT,
    &RETRY,
    &UNDO,
    &RECOVERY_POINT,
    &MANUAL,
    &DECIDE,
    &OPTION,
    &APPROVE,
    &PROBE,
    &VIA,
    &STOP,
    &NOTIFY,
    &CONCURRENCY,
    &TRIGGER,
    &UPDATES,
    &PROJECT,
    &NAMED_TARGET,
    &PERSON,
];

impl Table {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The JSON Schema (draft 2020-12) of a runbook, for editors.
pub fn schema(catalog: &Catalog) -> Value {
    let mut definitions = Map::new();
    for table in TABLES.into_iter().chain([&VIA_ECS]) {
        let mut schema = table_schema(table);
        if table.name == STEP.name {
            let actions: Vec<&str> = catalog.iter().map(|spec| spec.name).collect();
            schema["properties"]["action"] = json!({ "enum": actions, "description": "What to do." });
            schema["allOf"] = catalog.iter().map(action_schema).collect();
        }
        definitions.insert(table.name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Lifeboat runbook",
        "$ref": "#/$defs/file",
        "$defs": definitions,
    })
}

fn table_schema(table: &Table) -> Value {
    let properties: Map<String, Value> = table
        .keys
        .iter()
        .map(|key| {
            let mut schema = shape_schema(key.shape);
            schema["description"] = key.summary.into();
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn shape_schema(shape: Shape) -> Value {
    let table = |table: &Table| json!({ "$ref": format!("#/$defs/{}", table.name) });
    let list = |items: Value| json!({ "type": "array", "items": items });
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Expression => json!({ "type": ["string", "boolean"] }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Integer => json!({ "type": "integer", "minimum": 0 }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Duration => json!({ "type": "string", "pattern": "^([0-9]+(d|h|m|s|ms))+$" }),
        Shape::Date => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Texts => list(json!({ "type": "string" })),
        Shape::Expressions => list(json!({ "type": ["string", "boolean"] })),
        Shape::Templates => json!({ "type": "object" }),
        Shape::Keys(keys) => table(keys),
        Shape::WordOrKeys(words, keys) => {
            let words: Vec<Value> = words
                .iter()
                .map(|word| match *word {
                    "true" => true.into(),
                    "false" => false.into(),
                    word => word.into(),
                })
                .collect();
            json!({ "anyOf": [{ "enum": words }, table(keys)] })
        }
        Shape::List(keys) => list(table(keys)),
        Shape::TextsOr(keys) => list(json!({ "anyOf": [{ "type": "string" }, table(keys)] })),
        Shape::Named(keys) => json!({ "type": "object", "additionalProperties": table(keys) }),
        Shape::Requirements => {
            json!({ "type": "object", "additionalProperties": { "enum": ["required", "optional"] } })
        }
        Shape::Template | Shape::Any => json!({}),
    }
}

/// Behind `action: NAME`, `with` has that action's parameters.
fn action_schema(spec: &ActionSpec) -> Value {
    let properties: Map<String, Value> = spec
        .parameters
        .iter()
        .map(|parameter| (parameter.name.to_owned(), parameter_schema(parameter.kind, parameter.summary)))
        .collect();
    let required: Vec<&str> = spec
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name)
        .collect();
    let with = json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    json!({
        "if": { "properties": { "action": { "const": spec.name } }, "required": ["action"] },
        "then": { "properties": { "with": with } },
    })
}

/// Any parameter may be a `${{ … }}`, which is a string to the schema.
fn parameter_schema(kind: Type, summary: &str) -> Value {
    let expression = "^\\$\\{\\{";
    let or_expression =
        |schema: Value| json!({ "anyOf": [schema, { "type": "string", "pattern": expression }] });
    let mut schema = match kind {
        Type::Boolean => or_expression(json!({ "type": "boolean" })),
        Type::Integer => or_expression(json!({ "type": "integer" })),
        Type::Number => or_expression(json!({ "type": "number" })),
        Type::OneOf(words) => or_expression(json!({ "enum": words })),
        Type::List(_) => or_expression(json!({ "type": "array" })),
        Type::Map(_) => or_expression(json!({ "type": "object" })),
        Type::Any | Type::Null => json!({}),
        Type::String | Type::Duration | Type::Time | Type::RestoreTime | Type::Arn => {
            json!({ "type": "string" })
        }
    };
    schema["description"] = summary.into();
    schema
}

/// The reference of all keys, as Markdown.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Keys\n\nGenerated from the table that also feeds the reader and `lifeboat schema`.\n",
    );
    for table in TABLES.into_iter().chain([&DUTY, &REPORT_DUE, &LIMIT]) {
        page.push_str(&format!(
            "\n## {}\n\n| key | what stands there | meaning |\n|---|---|---|\n",
            table.name
        ));
        for key in table.keys {
            let required = if key.required { " (required)" } else { "" };
            page.push_str(&format!(
                "| `{}`{required} | {} | {} |\n",
                key.name,
                shape_words(key.shape),
                key.summary
            ));
        }
    }
    page
}

/// The reference of all actions, as Markdown.
pub fn actions_page(catalog: &Catalog) -> String {
    let mut page = String::from(
        "# Actions\n\nGenerated from what each action says of itself; `lifeboat actions NAME` shows more.\n",
    );
    for spec in catalog.iter() {
        let effect = spec.effect.map_or("as the step says", Effect::word);
        page.push_str(&format!(
            "\n## {}\n\n{} Effect: {effect}.\n\n| parameter | type | meaning |\n|---|---|---|\n",
            spec.name, spec.summary
        ));
        for parameter in spec.parameters {
            let required = if parameter.required { " (required)" } else { "" };
            page.push_str(&format!(
                "| `{}`{required} | {} | {} |\n",
                parameter.name, parameter.kind, parameter.summary
            ));
        }
        page.push_str("\n| output | type | meaning |\n|---|---|---|\n");
        for output in spec.outputs {
            page.push_str(&format!("| `{}` | {} | {} |\n", output.name, output.kind, output.summary));
        }
    }
    page
}

/// What a shape is, in words; for messages too.
pub fn shape_words(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Template => "text, a list or a map, with `${{ … }}`".to_owned(),
        Shape::Expression => "an expression".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Integer => "a whole number".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Duration => "a duration such as `90s` or `15m`".to_owned(),
        Shape::Date => "a date such as `2026-11-01`".to_owned(),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Texts => "a list of text".to_owned(),
        Shape::Expressions => "a list of expressions".to_owned(),
        Shape::Templates => "a map of names and values".to_owned(),
        Shape::Keys(table) => format!("a map: {}", table.name),
        Shape::WordOrKeys(words, table) => {
            format!("{}, or a map: {}", shape_words(Shape::Word(words)), table.name)
        }
        Shape::List(table) => format!("a list of maps: {}", table.name),
        Shape::TextsOr(table) => format!("a list of text or maps: {}", table.name),
        Shape::Named(table) => format!("a map of names and maps: {}", table.name),
        Shape::Requirements => "a map of names and `required` or `optional`".to_owned(),
        Shape::Any => "see the language".to_owned(),
    }
}
