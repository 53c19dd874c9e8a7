//! Keeps secrets out of everything that is written.
//!
//! It works on string values before they are serialised: raw, JSON-escaped, base64, base64url and URL-encoded, and
//! line by line. Base64 of a longer text shifts the secret's bytes by zero, one or two places, so all three
//! alignments are known, and of each only the inner characters, which do not depend on the neighbours.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde_json::Value;

/// Shorter values are refused as secrets: masking them would mask half of every text.
pub const SHORTEST_SECRET: usize = 6;

/// Knows the secrets that have been fetched and replaces them.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    /// What to look for and what to put there, the longest first.
    patterns: Vec<(String, String)>,
}

/// A value too short to be masked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{name}` has fewer than 6 characters and cannot be masked; use a longer value")]
pub struct SecretTooShort {
    /// Which secret.
    pub name: String,
}

impl Masker {
    /// Learns a secret.
    ///
    /// # Errors
    /// When it is too short to be told from ordinary text.
    pub fn learn(&mut self, name: &str, secret: &str) -> Result<(), SecretTooShort> {
        if secret.chars().count() < SHORTEST_SECRET {
            return Err(SecretTooShort { name: name.to_owned() });
        }
        let replacement = format!("‹secret {name}›");
        let lines = secret.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_SECRET);
        for text in std::iter::once(secret).chain(lines) {
            for pattern in forms(text) {
                if pattern.len() >= SHORTEST_SECRET
                    && !self.patterns.iter().any(|(known, _)| *known == pattern)
                {
                    self.patterns.push((pattern, replacement.clone()));
                }
            }
        }
        self.patterns
            .sort_by(|left, right| right.0.len().cmp(&left.0.len()).then_with(|| left.0.cmp(&right.0)));
        Ok(())
    }

    /// The text without any secret.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for (pattern, replacement) in &self.patterns {
            if masked.contains(pattern.as_str()) {
                masked = masked.replace(pattern.as_str(), replacement);
            }
        }
        masked
    }

    /// Masks every string in a JSON value, keys included.
    pub fn mask_json(&self, value: &mut Value) {
        if self.patterns.is_empty() {
            return;
        }
        match value {
            Value::String(text) => *text = self.mask(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            Value::Object(fields) => {
                let taken = std::mem::take(fields);
                for (key, mut field) in taken {
                    self.mask_json(&mut field);
                    fields.insert(self.mask(&key), field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let escaped = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    let mut forms = vec![secret.to_owned(), escaped, url_encoded(secret, false), url_encoded(secret, true)];
    for alphabet in [STANDARD, URL_SAFE] {
        let engine = GeneralPurpose::new(&alphabet, NO_PAD);
        for shift in 0..3 {
            forms.push(inner_base64(&engine, secret.as_bytes(), shift));
        }
    }
    forms
}

/// The characters of the base64 of any text in which `secret` begins at a place that is `shift` modulo 3, as far as
/// they depend on the secret alone.
fn inner_base64(engine: &GeneralPurpose, secret: &[u8], shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret);
    let encoded = engine.encode(&bytes);
    let first = (shift * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn url_encoded(text: &str, form: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            b' ' if form => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as BASE64_URL};

    const CANARY: &str = "p\"ss/w?rd+ü~42!";

    #[test]
    fn every_form_is_masked() {
        let mut masker = Masker::default();
        masker.learn("db", CANARY).unwrap();
        let mut texts = vec![
            format!("before {CANARY} after"),
            serde_json::to_string(CANARY).unwrap(),
            url_encoded(CANARY, false),
            url_encoded(CANARY, true),
        ];
        for prefix in ["", "x", "xy", "xyz"] {
            for suffix in ["", "\n", "z", "zz"] {
                texts.push(BASE64.encode(format!("{prefix}{CANARY}{suffix}")));
                texts.push(BASE64_URL.encode(format!("{prefix}{CANARY}{suffix}")));
            }
        }
        for text in texts {
            assert!(masker.mask(&text).contains("‹secret db›"), "{text} -> {}", masker.mask(&text));
        }
        assert_eq!(masker.mask("nothing to see"), "nothing to see");
    }

    #[test]
    fn json_is_masked_in_keys_and_values() {
        let mut masker = Masker::default();
        masker.learn("token", "abcdef123").unwrap();
        let mut value = serde_json::json!({"abcdef123": ["x abcdef123", 7], "k": {"v": "abcdef123"}});
        masker.mask_json(&mut value);
        assert!(!value.to_string().contains("abcdef123"), "{value}");
    }

    #[test]
    fn short_secrets_are_refused() {
        assert!(Masker::default().learn("pin", "12345").is_err());
    }
}
