//! rpcv2Cbor: the operation in the path, CBOR in body and reply.

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime as Timestamp;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::{ApiError, Document, Incoming, Input};
use crate::wire::Request;

/// Deeper structures are refused; no operation has them.
const MOST_LEVELS: u32 = 32;

/// Reads `POST /service/<shape>/operation/<operation>`.
pub(super) fn read(shape: &str, request: &Request) -> Result<Incoming, ApiError> {
    let prefix = format!("/service/{shape}/operation/");
    let operation = request.path().strip_prefix(&prefix).unwrap_or_default().to_owned();
    let input = if request.body.is_empty() { Input::default() } else { structure(&request.body)? };
    Ok(Incoming { operation, input, ..Incoming::default() })
}

fn structure(body: &[u8]) -> Result<Input, ApiError> {
    let unreadable = |error: DeserializeError| ApiError::new("SerializationException", error.to_string());
    match value(&mut Decoder::new(body), MOST_LEVELS).map_err(unreadable)? {
        Value::Object(members) => Ok(Input::new(members)),
        _ => Err(ApiError::new("SerializationException", "the body is not a map")),
    }
}

fn value(from: &mut Decoder<'_>, levels: u32) -> Result<Value, DeserializeError> {
    if levels == 0 {
        return Err(DeserializeError::custom("too many levels", from.position()));
    }
    Ok(match from.datatype()? {
        Type::Bool => json!(from.boolean()?),
        Type::Null | Type::Undefined => {
            from.skip()?;
            Value::Null
        }
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => {
            json!(from.long()?)
        }
        Type::F16 | Type::F32 => json!(from.float()?),
        Type::F64 => json!(from.double()?),
        Type::Bytes | Type::BytesIndef => json!(data_encoding::BASE64.encode(from.blob()?.as_ref())),
        Type::String | Type::StringIndef => json!(from.str()?),
        Type::Tag => time(from)?,
        Type::Array | Type::ArrayIndef => list(from, levels)?,
        Type::Map | Type::MapIndef => map(from, levels)?,
        Type::Simple | Type::Break | Type::Unknown(_) => {
            return Err(DeserializeError::custom("no value", from.position()));
        }
    })
}

/// The only tag that the protocol knows is the one of times.
fn time(from: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    let at = from.position();
    let stamp = from.timestamp()?;
    let time = DateTime::from_timestamp(stamp.secs(), stamp.subsec_nanos());
    let time = time.ok_or_else(|| DeserializeError::custom("no time", at))?;
    Ok(json!(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
}

/// Whether another element follows in a list or map of which `left` are still to come; `None` is of unstated length.
fn follows(from: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    match left {
        Some(0) => Ok(false),
        Some(more) => {
            *more -= 1;
            Ok(true)
        }
        None if from.datatype()? == Type::Break => {
            from.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn list(from: &mut Decoder<'_>, levels: u32) -> Result<Value, DeserializeError> {
    let mut left = from.list()?;
    let mut items = Vec::new();
    while follows(from, &mut left)? {
        items.push(value(from, levels - 1)?);
    }
    Ok(Value::Array(items))
}

fn map(from: &mut Decoder<'_>, levels: u32) -> Result<Value, DeserializeError> {
    let mut left = from.map()?;
    let mut members = Map::new();
    while follows(from, &mut left)? {
        let name = from.str()?.into_owned();
        members.insert(name, value(from, levels - 1)?);
    }
    Ok(Value::Object(members))
}

/// A document's bytes.
pub(super) fn write(document: &Document) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encode(&mut encoder, document);
    encoder.into_writer()
}

fn encode(encoder: &mut Encoder, document: &Document) {
    match document {
        Document::Flag(flag) => drop(encoder.boolean(*flag)),
        Document::Number(number) => drop(encoder.long(*number)),
        Document::Fraction(fraction) => drop(encoder.double(*fraction)),
        Document::Text(text) => drop(encoder.str(text)),
        Document::Time(time) => drop(encoder.timestamp(&Timestamp::from_millis(time.timestamp_millis()))),
        Document::List(items) => {
            encoder.array(items.len());
            items.iter().for_each(|item| encode(encoder, item));
        }
        Document::Structure(members) => {
            encoder.map(members.len());
            for (name, value) in members {
                encoder.str(name);
                encode(encoder, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() -> Result<(), ApiError> {
        let inner = Document::new().with("Name", "x").with("Count", -3i64).with("Ratio", 0.5);
        let time = DateTime::from_timestamp_millis(1_767_603_600_250);
        let document = Document::new().list("Items", [inner]).with("Flag", true).optional("At", time);
        let input = structure(&write(&document))?;
        let first = &input.structures("Items")?[0];
        assert_eq!((first.text("Name")?, first.number("Count")?), (Some("x"), Some(-3)));
        assert_eq!((input.flag("Flag")?, input.time("At")?), (Some(true), time));
        Ok(())
    }

    #[test]
    fn unstated_lengths_are_read_and_nonsense_is_refused() -> Result<(), ApiError> {
        // {_ "A": [_ 1, 2]}
        let input = structure(&[0xbf, 0x61, b'A', 0x9f, 1, 2, 0xff, 0xff])?;
        assert_eq!(input.kept()["A"], json!([1, 2]));
        let deep = [0x81; 100];
        for nonsense in [&[0x01][..], &[0xff], &[0xa1, 0x61], &deep] {
            let code = structure(nonsense).map_err(|error| error.code);
            assert_eq!(code, Err("SerializationException".into()), "{nonsense:?}");
        }
        Ok(())
    }
}
