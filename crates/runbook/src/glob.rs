//! Patterns with `*` and `?`, as in ARNs of policies.

/// Whether `text` fits `pattern`, in which `*` stands for any text and `?` for one byte.
pub fn fits(pattern: &str, text: &str) -> bool {
    bytes_fit(pattern.as_bytes(), text.as_bytes())
}

fn bytes_fit(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skipped| bytes_fit(rest, &text[skipped..])),
        (Some((b'?', rest)), Some((_, behind))) => bytes_fit(rest, behind),
        (Some((wanted, rest)), Some((found, behind))) if wanted == found => bytes_fit(rest, behind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_byte() {
        for (pattern, text, expected) in [
            ("arn:aws:iam::*:user/alice", "arn:aws:iam::111122223333:user/alice", true),
            ("arn:aws:iam::*:user/alice", "arn:aws:iam::111122223333:user/alice2", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
