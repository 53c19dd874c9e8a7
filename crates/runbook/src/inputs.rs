//! Reading the value of an input.

use crate::plan::InputDeclaration;
use crate::spec::Type;
use crate::value::Value;
use regex::Regex;

/// How it is written, where the name of the type does not say so.
fn written(kind: Type) -> &'static str {
    match kind {
        Type::RestoreTime => {
            "; write a time (2026-01-05T08:40:00Z), how long before the start (-40m), or latest"
        }
        _ => "",
    }
}

impl InputDeclaration {
    /// Reads a value for this input: its type, `pattern` and `allowed`.
    ///
    /// # Errors
    /// What is wrong with it, to be read after "the input `name`".
    pub fn read(&self, value: Value) -> Result<Value, String> {
        let text = value.as_str().map(str::to_owned);
        let value = self
            .kind
            .read(value)
            .map_err(|mismatch| format!("is not right: {mismatch}{}", written(self.kind)))?;
        if let (Some(pattern), Some(text)) = (&self.pattern, &text) {
            let regex =
                Regex::new(pattern).map_err(|error| format!("has a pattern that is not valid: {error}"))?;
            if !regex.is_match(text) {
                return Err(format!("is `{text}`, which does not match the pattern `{pattern}`"));
            }
        }
        if !self.allowed.is_empty() && !self.allowed.contains(&value) {
            let allowed: Vec<String> = self.allowed.iter().map(Value::to_string).collect();
            return Err(format!("is `{value}`, and only these are allowed: {}", allowed.join(", ")));
        }
        Ok(value)
    }
}
