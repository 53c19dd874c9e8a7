//! A document that Lifeboat and people write together: Lifeboat's parts are made anew, every word of people is kept.
//!
//! Lifeboat's parts stand between two comments that name them; the first carries a digest of what was written, so that
//! what people changed there is seen and kept too.

use lifeboat_journal::chain::digest;
use std::collections::BTreeMap;

/// What people must still write.
pub const TO_WRITE: &str = "TODO(human)";

const BEGIN: &str = "<!-- lifeboat:begin ";
const END: &str = "<!-- lifeboat:end ";
const CLOSE: &str = " -->";

/// So much of a digest is enough to see that a text is another.
const SHORT: usize = 23;

/// A document that was made anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regenerated {
    /// All of it.
    pub text: String,
    /// Parts that people had changed: what they wrote stands below the part now.
    pub changed_by_people: Vec<String>,
    /// Parts that people have taken out: they are not put back.
    pub taken_out: Vec<String>,
}

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'text> {
    /// People's words.
    People(&'text str),
    /// A part of Lifeboat's: its name, the digest of what was written, what stands there.
    Part { name: &'text str, digest: Option<&'text str>, body: &'text str },
}

/// Makes a document anew from `fresh`, which a template gave; `old` is what people have in hand.
pub fn regenerate(old: Option<&str>, fresh: &str) -> Regenerated {
    let fresh = pieces(fresh);
    let Some(old) = old.filter(|old| !old.trim().is_empty()) else {
        let mut made = Regenerated::default();
        for piece in fresh {
            match piece {
                Piece::People(text) => made.text.push_str(text),
                Piece::Part { name, body, .. } => made.text.push_str(&sealed(name, body)),
            }
        }
        return made;
    };
    let parts: BTreeMap<&str, &str> = fresh
        .iter()
        .filter_map(|piece| match piece {
            Piece::Part { name, body, .. } => Some((*name, *body)),
            Piece::People(_) => None,
        })
        .collect();
    let mut made = Regenerated {
        taken_out: parts.keys().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    for piece in pieces(old) {
        match piece {
            Piece::People(text) => made.text.push_str(text),
            Piece::Part { name, digest: written, body } => {
                made.taken_out.retain(|out| out != name);
                let changed = written != Some(short_digest(body).as_str());
                // A part that the template does not have any more stays as it is.
                let fresh = parts.get(name).copied().unwrap_or(body);
                made.text.push_str(&sealed(name, fresh));
                if changed && body != fresh {
                    made.changed_by_people.push(name.to_owned());
                    made.text.push_str(&format!("\nChanged by hand in the part above, and kept:\n\n{body}"));
                }
            }
        }
    }
    made
}

/// The lines, from 1, on which people must still write something.
pub fn to_write(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| line.contains(TO_WRITE)).map(|(index, _)| index + 1).collect()
}

fn sealed(name: &str, body: &str) -> String {
    format!("{BEGIN}{name} {}{CLOSE}\n{body}{END}{name}{CLOSE}\n", short_digest(body))
}

fn short_digest(body: &str) -> String {
    digest(body.as_bytes())[..SHORT].to_owned()
}

/// Cuts a text into pieces; a part that does not end is people's.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < text.len() {
        let after = line_end(text, at);
        if let Some((name, digest)) = begins(&text[at..after])
            && let Some((body_end, end)) = end_of(text, after, name)
        {
            if from < at {
                pieces.push(Piece::People(&text[from..at]));
            }
            pieces.push(Piece::Part { name, digest, body: &text[after..body_end] });
            (from, at) = (end, end);
        } else {
            at = after;
        }
    }
    if from < text.len() {
        pieces.push(Piece::People(&text[from..]));
    }
    pieces
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The name and the digest of the part that a line begins.
fn begins(line: &str) -> Option<(&str, Option<&str>)> {
    let inside = line.trim_end().strip_prefix(BEGIN)?.strip_suffix(CLOSE)?;
    match inside.split_once(' ') {
        Some((name, digest)) => Some((name, Some(digest))),
        None => Some((inside, None)),
    }
}

/// Where the part `name` ends: its body, and the line behind it. Another part that begins before is not inside it.
fn end_of(text: &str, from: usize, name: &str) -> Option<(usize, usize)> {
    let mut at = from;
    while at < text.len() {
        let after = line_end(text, at);
        let line = text[at..after].trim_end();
        if line.strip_prefix(END).and_then(|rest| rest.strip_suffix(CLOSE)) == Some(name) {
            return Some((at, after));
        }
        if begins(line).is_some() {
            return None;
        }
        at = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fresh(figure: &str) -> String {
        format!(
            "# Review\n\n<!-- lifeboat:begin impact -->\n{figure}\n<!-- lifeboat:end impact -->\n\nTODO(human): who felt it\n\n<!-- lifeboat:begin times -->\n| a | {figure} |\n<!-- lifeboat:end times -->\n"
        )
    }

    #[test]
    fn parts_are_made_anew_and_people_keep_their_words() {
        let first = regenerate(None, &fresh("10 min")).text;
        assert_eq!(to_write(&first), [7]);
        let edited = first.replace("TODO(human): who felt it", "Forty shops could not sell.");
        let second = regenerate(Some(&edited), &fresh("12 min"));
        assert_eq!(second.text, edited_figures(&regenerate(None, &fresh("12 min")).text));
        assert_eq!((second.changed_by_people, second.taken_out), (vec![], vec![]));
    }

    fn edited_figures(text: &str) -> String {
        text.replace("TODO(human): who felt it", "Forty shops could not sell.")
    }

    #[test]
    fn what_people_change_inside_a_part_is_kept_below_it_once() {
        let first = regenerate(None, &fresh("10 min")).text;
        let edited = first.replace("\n10 min\n", "\n10 min, and half an hour of slow pages\n");
        let second = regenerate(Some(&edited), &fresh("12 min"));
        assert_eq!(second.changed_by_people, ["impact"]);
        assert!(second.text.contains("\n12 min\n") && second.text.contains("half an hour of slow pages"));
        let third = regenerate(Some(&second.text), &fresh("13 min"));
        assert_eq!(third.text.matches("half an hour").count(), 1);
        assert_eq!(third.changed_by_people, Vec::<String>::new());
    }

    #[test]
    fn a_part_that_people_take_out_stays_out() {
        let first = regenerate(None, &fresh("10 min")).text;
        let start = first.find("<!-- lifeboat:begin times").unwrap();
        let second = regenerate(Some(&first[..start]), &fresh("12 min"));
        assert_eq!(second.taken_out, ["times"]);
        assert!(!second.text.contains("| a |"));
    }

    #[test]
    fn a_part_whose_end_was_lost_is_taken_for_peoples_words() {
        let first = regenerate(None, &fresh("10 min")).text;
        let broken = first.replace("<!-- lifeboat:end impact -->\n", "");
        let second = regenerate(Some(&broken), &fresh("12 min"));
        assert!(second.text.contains("\n10 min\n"), "{}", second.text);
        assert_eq!(second.taken_out, ["impact"]);
    }

    proptest! {
        /// Ten times with other data: every word of people is there, in their order.
        #[test]
        fn human_text_survives_ten_regenerations(
            words in prop::collection::vec("[a-zA-Z|<>`#*! äß\\-]{1,40}", 1..6),
            figures in prop::collection::vec("[ -~]{0,30}", 10),
        ) {
            let mut text = regenerate(None, &fresh("0")).text;
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (place, word) in words.iter().enumerate() {
                // Before and behind parts, and inside them.
                lines.insert((place * 5) % (lines.len() + 1), format!("H{place}{word}H"));
            }
            text = lines.join("\n") + "\n";
            for figure in &figures {
                text = regenerate(Some(&text), &fresh(figure)).text;
                for (place, word) in words.iter().enumerate() {
                    prop_assert!(text.contains(&format!("H{place}{word}H")), "{text}");
                }
            }
            let again = regenerate(Some(&text), &fresh(figures.last().unwrap())).text;
            prop_assert_eq!(again, text);
        }
    }
}
