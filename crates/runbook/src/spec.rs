//! What an action says of itself: the single source of checking, `lifeboat actions`, the editor schema, the IAM
//! policy and the reference page. Plain data: no action's code is needed to read it.

use crate::units;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The type of a parameter or an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Not known before it runs: a query's rows, a reply of `aws.call`.
    Any,
    /// Nothing; the type of `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text.
    String,
    /// `90s`, `15m`.
    Duration,
    /// A moment, RFC 3339.
    Time,
    /// A time, `-40m`, or `latest`.
    RestoreTime,
    /// An Amazon Resource Name.
    Arn,
    /// One of the words given.
    OneOf(&'static [&'static str]),
    /// A list of one type.
    List(&'static Type),
    /// A map from text to one type.
    Map(&'static Type),
}

/// Why text or a value is not of the type wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TypeMismatch {
    /// What was wanted, in words.
    pub expected: String,
    /// What was there, in words.
    pub found: String,
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Null => formatter.write_str("null"),
            Self::Boolean => formatter.write_str("boolean"),
            Self::Integer => formatter.write_str("integer"),
            Self::Number => formatter.write_str("number"),
            Self::String => formatter.write_str("string"),
            Self::Duration => formatter.write_str("duration"),
            Self::Time => formatter.write_str("time"),
            Self::RestoreTime => formatter.write_str("restore_time"),
            Self::Arn => formatter.write_str("arn"),
            Self::OneOf(words) => write!(formatter, "one of {}", words.join(", ")),
            Self::List(item) => write!(formatter, "list of {item}"),
            Self::Map(item) => write!(formatter, "map of {item}"),
        }
    }
}

impl Type {
    /// The type of an input or of a field that people hand in, by its word in the runbook.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "duration" => Self::Duration,
            "time" => Self::Time,
            "restore_time" => Self::RestoreTime,
            "arn" => Self::Arn,
            "list" | "list of any" => Self::List(&Self::Any),
            "map" | "map of any" => Self::Map(&Self::Any),
            _ => return None,
        })
    }

    /// Reads a value of this type from text or JSON: from a scalar of the runbook, from `-i name=text`, or from the
    /// journal. Text becomes what the type wants; a value that already has the type stays; null is null.
    pub fn read(&self, value: Value) -> Result<Value, TypeMismatch> {
        let mismatch = |value: &Value| TypeMismatch { expected: self.to_string(), found: describe(value) };
        let read = match (self, value) {
            (Self::Any, value) | (_, value @ (Value::Null | Value::Secret(_))) => return Ok(value),
            (Self::List(item), Value::List(items)) => {
                return items
                    .into_iter()
                    .map(|value| item.read(value))
                    .collect::<Result<_, _>>()
                    .map(Value::List);
            }
            (Self::Map(item), Value::Map(fields)) => {
                return fields
                    .into_iter()
                    .map(|(key, value)| Ok((key, item.read(value)?)))
                    .collect::<Result<BTreeMap<_, _>, _>>()
                    .map(Value::Map);
            }
            (_, Value::String(text)) => {
                return self.read_text(&text).ok_or_else(|| mismatch(&Value::String(text)));
            }
            (Self::Boolean, value @ Value::Bool(_))
            | (Self::Integer | Self::Number, value @ Value::Int(_))
            | (Self::Number, value @ Value::Float(_))
            | (Self::Duration | Self::RestoreTime, value @ Value::Duration(_))
            | (Self::Time | Self::RestoreTime, value @ Value::Time(_)) => Ok(value),
            (_, value) => Err(value),
        };
        read.map_err(|value| mismatch(&value))
    }

    fn read_text(&self, text: &str) -> Option<Value> {
        match self {
            Self::Any | Self::String => Some(Value::String(text.to_owned())),
            Self::Boolean => match text {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Integer => text.parse().ok().map(Value::Int),
            Self::Number => text
                .parse()
                .map(Value::Int)
                .ok()
                .or_else(|| text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)),
            Self::Duration => units::parse_duration(text).map(Value::Duration),
            Self::Time => units::parse_time(text).map(Value::Time),
            Self::RestoreTime => match text {
                "latest" => Some(Value::String(text.to_owned())),
                _ if text.starts_with('-') => units::parse_duration(text).map(Value::Duration),
                _ => units::parse_time(text).map(Value::Time),
            },
            Self::Arn => text.starts_with("arn:").then(|| Value::String(text.to_owned())),
            Self::OneOf(words) => words.contains(&text).then(|| Value::String(text.to_owned())),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Whether a value of type `given` may stand where this type is wanted. `Any` fits everywhere: it is looked at
    /// when the value is there. Text fits where the type is read from text.
    pub fn accepts(&self, given: &Type) -> bool {
        match (self, given) {
            (Self::Any, _) | (_, Self::Any | Self::Null) => true,
            (Self::List(wanted), Self::List(given)) | (Self::Map(wanted), Self::Map(given)) => {
                wanted.accepts(given)
            }
            (Self::String, Self::Arn | Self::OneOf(_))
            | (Self::Number, Self::Integer)
            | (Self::RestoreTime, Self::Time | Self::Duration) => true,
            (Self::Time | Self::Duration | Self::RestoreTime | Self::Arn | Self::OneOf(_), Self::String) => {
                true
            }
            (wanted, given) => wanted == given,
        }
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::List(_) | Value::Map(_) | Value::Null => value.kind().to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("the {} `{other}`", other.kind()),
    }
}

/// What an action does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Looks only.
    Read,
    /// Makes something new, which can be taken away again.
    Create,
    /// Changes something that is there.
    Modify,
    /// Takes something away for good.
    Destroy,
}

impl Effect {
    /// The word of the language: `read`, `create`, `modify`, `destroy`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Destroy => "destroy",
        }
    }

    /// The effect of a word of the language.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Create, Self::Modify, Self::Destroy]
            .into_iter()
            .find(|effect| effect.word() == word)
    }
}

/// A parameter of an action: a key of `with`.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The key.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether it must be given.
    pub required: bool,
    /// Whether a secret may be given.
    pub secret: bool,
    /// One sentence, with the default.
    pub summary: &'static str,
}

impl Parameter {
    /// A parameter that must be given.
    pub const fn required(name: &'static str, kind: Type, summary: &'static str) -> Self {
        Self { name, kind, required: true, secret: false, summary }
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, kind: Type, summary: &'static str) -> Self {
        Self { required: false, ..Self::required(name, kind, summary) }
    }

    /// The same, and it may be a secret.
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// A named result of an action.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The name behind `outputs.`.
    pub name: &'static str,
    /// Its type; any output may also be null.
    pub kind: Type,
    /// Whether it is journaled as a digest only, and looked at again when a later step needs it after a resume.
    pub sensitive: bool,
    /// Whether it is kept only where the step's `outputs:` selects it, because it may hold anything; the step's own
    /// `assert` and `wait` see it all the same.
    pub selected: bool,
    /// Whether it is the service's own time of the moment at which the step's aim was reached: a mark that the step sets
    /// when it has succeeded is of that time.
    pub moment: bool,
    /// One sentence.
    pub summary: &'static str,
}

impl Output {
    /// An output that may be journaled.
    pub const fn new(name: &'static str, kind: Type, summary: &'static str) -> Self {
        Self { name, kind, sensitive: false, selected: false, moment: false, summary }
    }

    /// The same, as the service's own time of the moment at which the step's aim was reached.
    pub const fn moment(self) -> Self {
        Self { moment: true, ..self }
    }

    /// The same, kept only where the step selects it.
    pub const fn selected(self) -> Self {
        Self { selected: true, ..self }
    }
}

/// A parameter that names a resource which the action affects; what the drill guard looks at.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// What is done to it.
    pub effect: Effect,
    /// The parameter which holds its name.
    pub parameter: &'static str,
    /// The kind of resource, as its actions call it: `rds:db`.
    pub kind: &'static str,
}

/// A named state to wait for.
#[derive(Clone, Copy, Debug)]
pub struct Readiness {
    /// The word in `wait: {for: …}`.
    pub name: &'static str,
    /// What is true then.
    pub summary: &'static str,
}

/// The source of a [`TypicalDuration`] that nobody has published.
pub const ASSUMED: &str = "(assumed)";

/// How long something usually takes.
#[derive(Clone, Copy, Debug)]
pub struct TypicalDuration {
    /// What.
    pub what: &'static str,
    /// Seconds, the median.
    pub seconds: u32,
    /// Where the number is from; [`ASSUMED`] where nobody published one.
    pub source: &'static str,
}

/// Everything an action says of itself.
#[derive(Clone, Copy, Debug)]
pub struct ActionSpec {
    /// `<service>.<verb>_<noun>`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What it does; nothing where that depends on its content and the step must say `effect:`.
    pub effect: Option<Effect>,
    /// Whether it moves traffic or admits writes, so that a step should say `commit: true` or `commit: false`.
    pub cut_over: bool,
    /// Keys of `with`.
    pub parameters: &'static [Parameter],
    /// Names behind `outputs.`.
    pub outputs: &'static [Output],
    /// Which parameters name resources that are affected.
    pub touches: &'static [Touch],
    /// Words for `wait: {for: …}`, the default first; empty where it is done at once.
    pub readiness: &'static [Readiness],
    /// States, in AWS's words, in which waiting is over and the step has failed.
    pub failure_states: &'static [&'static str],
    /// IAM actions whose API calls it makes.
    pub calls: &'static [&'static str],
    /// IAM actions that AWS needs besides.
    pub dependent: &'static [&'static str],
    /// How long it usually takes.
    pub typical: &'static [TypicalDuration],
    /// Seconds after which an attempt with its wait has failed, unless the step says otherwise.
    pub timeout_seconds: u32,
    /// How it is taken back, in words; nothing where it cannot be.
    pub undo: Option<&'static str>,
}

impl ActionSpec {
    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The output called `name`.
    pub fn output(&self, name: &str) -> Option<&'static Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}

/// All actions a runbook may name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    specs: BTreeMap<&'static str, &'static ActionSpec>,
}

impl Catalog {
    /// A catalogue of these; a name given twice is a mistake in the program.
    pub fn new(specs: impl IntoIterator<Item = &'static ActionSpec>) -> Self {
        let mut catalog = Self::default();
        for spec in specs {
            let twice = catalog.specs.insert(spec.name, spec);
            debug_assert!(twice.is_none(), "the action {} is registered twice", spec.name);
        }
        catalog
    }

    /// The action called `name`.
    pub fn get(&self, name: &str) -> Option<&'static ActionSpec> {
        self.specs.get(name).copied()
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &'static ActionSpec> + '_ {
        self.specs.values().copied()
    }
}

/// How sure a moment of data is; see "Data lost" in the measurement chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// Read from the recovered data itself.
    A,
    /// The service's statement of the time of the data.
    B,
    /// Metadata.
    C,
}

/// Something in AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    /// The kind, as its actions call it: `rds:db`.
    pub kind: String,
    /// The identifier.
    pub id: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The ARN, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_once_is_read_again() {
        for (kind, text) in [
            (Type::Boolean, "true"),
            (Type::Integer, "42"),
            (Type::Number, "1.5"),
            (Type::String, "text"),
            (Type::Duration, "90s"),
            (Type::Time, "2026-01-05T09:00:00Z"),
            (Type::RestoreTime, "-40m"),
            (Type::RestoreTime, "latest"),
            (Type::RestoreTime, "2026-01-05T09:00:00Z"),
            (Type::Arn, "arn:aws:rds:eu-west-1:111122223333:db:orders"),
            (Type::OneOf(&["a", "b"]), "b"),
        ] {
            let read = kind.read(Value::from(text)).unwrap();
            assert_eq!(kind.read(read.clone()), Ok(read.clone()), "{kind} {text}");
            // What the journal holds is text again; reading it gives the same value.
            assert_eq!(
                kind.read(Value::String(read.to_string())),
                Ok(read),
                "{kind} {text} from the journal"
            );
        }
        for (kind, text) in
            [(Type::Integer, "4.5"), (Type::Boolean, "yes"), (Type::Time, "-40m"), (Type::Arn, "orders")]
        {
            assert!(kind.read(Value::from(text)).is_err(), "{kind} {text}");
        }
    }
}
