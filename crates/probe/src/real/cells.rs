//! Values between the language and PostgreSQL.

use bytes::BytesMut;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use lifeboat_runbook::value::Value;
use std::error::Error;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

type BoxError = Box<dyn Error + Sync + Send>;

/// A parameter, sent as text: the server reads it as the type it has found for `$n`.
#[derive(Debug)]
pub(super) struct Parameter<'value>(pub(super) &'value Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Secret(secret) => secret.expose().to_owned(),
            Value::List(items) if matches!(kind.kind(), Kind::Array(_)) => array(items),
            structured @ (Value::List(_) | Value::Map(_)) => serde_json::to_string(structured)?,
            plain => plain.to_string(),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// `{"a","b",NULL}`
fn array(items: &[Value]) -> String {
    let item = |item: &Value| match item {
        Value::Null => "NULL".to_owned(),
        Value::Secret(secret) => quoted(secret.expose()),
        other => quoted(&other.to_string()),
    };
    format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value in an answer.
#[derive(Debug)]
pub(super) struct Cell(pub(super) Value);

/// Whether values of this type can be answered.
pub(super) fn is_supported(kind: &Type) -> bool {
    match kind.kind() {
        Kind::Domain(inner) => is_supported(inner),
        Kind::Enum(_) => true,
        _ => is_text(kind) || SUPPORTED.contains(kind),
    }
}

const SUPPORTED: &[Type] = &[
    Type::BOOL,
    Type::BYTEA,
    Type::CHAR,
    Type::DATE,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::JSON,
    Type::JSONB,
    Type::NUMERIC,
    Type::OID,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::UUID,
    Type::VOID,
];

/// Types that are sent as their text, also those that extensions bring.
fn is_text(kind: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN, Type::XML].contains(kind)
        || kind.name() == "citext"
}

impl<'raw> FromSql<'raw> for Cell {
    fn from_sql(kind: &Type, raw: &'raw [u8]) -> Result<Self, BoxError> {
        value(kind, raw).map(Cell)
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Cell(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        is_supported(kind)
    }
}

fn value(kind: &Type, raw: &[u8]) -> Result<Value, BoxError> {
    if let Kind::Domain(inner) = kind.kind() {
        return value(inner, raw);
    }
    Ok(match *kind {
        Type::BOOL => Value::Bool(bool::from_sql(kind, raw)?),
        Type::INT2 => Value::Int(i16::from_sql(kind, raw)?.into()),
        Type::INT4 => Value::Int(i32::from_sql(kind, raw)?.into()),
        Type::INT8 => Value::Int(i64::from_sql(kind, raw)?),
        Type::OID => Value::Int(u32::from_sql(kind, raw)?.into()),
        Type::FLOAT4 => float(f32::from_sql(kind, raw)?.into()),
        Type::FLOAT8 => float(f64::from_sql(kind, raw)?),
        Type::NUMERIC => Value::String(numeric(raw).ok_or("not a numeric")?),
        Type::BYTEA => format!("\\x{}", data_encoding::HEXLOWER.encode(raw)).into(),
        Type::CHAR => Value::String(raw.iter().map(|byte| char::from(*byte)).collect()),
        Type::DATE => NaiveDate::from_sql(kind, raw)?.format("%Y-%m-%d").to_string().into(),
        Type::TIME => NaiveTime::from_sql(kind, raw)?.format("%H:%M:%S%.f").to_string().into(),
        Type::TIMESTAMP => match infinity(raw) {
            Some(word) => word.into(),
            None => NaiveDateTime::from_sql(kind, raw)?.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into(),
        },
        Type::TIMESTAMPTZ => match infinity(raw) {
            Some(word) => word.into(),
            None => DateTime::<Utc>::from_sql(kind, raw)?.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        },
        Type::UUID => uuid::Uuid::from_sql(kind, raw)?.to_string().into(),
        Type::JSON | Type::JSONB => serde_json::from_value(serde_json::Value::from_sql(kind, raw)?)?,
        Type::VOID => Value::Null,
        _ => Value::String(std::str::from_utf8(raw)?.to_owned()),
    })
}

/// JSON has no word for what is not finite: it becomes PostgreSQL's text.
fn float(number: f64) -> Value {
    if number.is_finite() {
        return Value::Float(number);
    }
    let text = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    text.into()
}

/// The two moments that are no times: the largest and the smallest number.
fn infinity(raw: &[u8]) -> Option<&'static str> {
    match i64::from_be_bytes(raw.try_into().ok()?) {
        i64::MAX => Some("infinity"),
        i64::MIN => Some("-infinity"),
        _ => None,
    }
}

/// The text of a `numeric`: groups of four decimal digits, the first worth 10000 to the power of `weight`, and as many
/// digits behind the point as `scale` says (PostgreSQL source, `numeric_send` in `numeric.c`).
fn numeric(raw: &[u8]) -> Option<String> {
    let mut words = raw.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let groups: Vec<i16> = words.take(usize::try_from(count).ok()?).collect();
    let sign = match sign.cast_unsigned() {
        0x0000 => "",
        0x4000 => "-",
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let group = |place: i32| {
        let index = usize::try_from(i32::from(weight) - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or_default()
    };
    let whole: String = (0..=i32::from(weight)).rev().map(|place| format!("{:04}", group(place))).collect();
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let scale = usize::try_from(scale).ok()?;
    let behind = i32::try_from(scale.div_ceil(4)).ok()?;
    let fraction: String = (1..=behind).map(|place| format!("{:04}", group(-place))).collect();
    match scale {
        0 => Some(format!("{sign}{whole}")),
        _ => Some(format!("{sign}{whole}.{}", fraction.get(..scale)?)),
    }
}
