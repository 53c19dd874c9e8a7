//! A line on a screen: pieces of text, each with a tone. Widths are those on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a piece of a line means; which colour that is, the screen decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Plain,
    /// Of less interest.
    Dim,
    /// What the eye should find first.
    Strong,
    /// Well.
    Good,
    /// Near a limit, or waiting for something.
    Warn,
    /// Failed, or over a limit.
    Bad,
}

/// A line without its newline. It holds no control characters, whatever AWS answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
}

impl Line {
    /// A line of one piece.
    pub fn of(tone: Tone, text: impl AsRef<str>) -> Self {
        Self::default().and(tone, text)
    }

    /// The same with another piece at its end.
    pub fn and(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.push(tone, text);
        self
    }

    /// Puts a piece at its end. What is no visible character becomes a space: text from outside must not move the
    /// cursor.
    pub fn push(&mut self, tone: Tone, text: impl AsRef<str>) {
        let text: String = text.as_ref().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if !text.is_empty() {
            self.pieces.push((tone, text));
        }
    }

    /// Its pieces.
    pub fn pieces(&self) -> impl Iterator<Item = (Tone, &str)> {
        self.pieces.iter().map(|(tone, text)| (*tone, text.as_str()))
    }

    /// Its text without tones.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.width()).sum()
    }

    /// The same in at most this many columns; what is cut off leaves a `…`.
    pub fn cut(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut cut = Self::default();
        let mut left = columns.saturating_sub(1);
        for (tone, text) in self.pieces {
            let width = text.width();
            if width <= left {
                left -= width;
                cut.pieces.push((tone, text));
                continue;
            }
            cut.pieces.push((tone, format!("{}…", beginning(&text, left))));
            break;
        }
        if columns == 0 { Self::default() } else { cut }
    }

    /// The same with spaces up to this many columns.
    pub(crate) fn filled(mut self, columns: usize) -> Self {
        let missing = columns.saturating_sub(self.width());
        self.push(Tone::Plain, " ".repeat(missing));
        self
    }

    /// The same with another line at its end.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }
}

/// As much of a text as fits into this many columns.
fn beginning(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += c.width().unwrap_or_default();
        if width > columns {
            return &text[..at];
        }
    }
    text
}

/// A text in lines of at most this many columns, broken between words where there are any.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    text.trim().lines().flat_map(|line| wrap_line(line.trim_end(), columns.max(1))).collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let indent = line.len() - line.trim_start().len();
    let mut lines = vec![beginning(line, indent.min(columns / 2)).to_owned()];
    let mut is_empty = true;
    for word in line.split_whitespace() {
        let mut word = word;
        loop {
            let last = lines.last_mut().expect("it begins with one");
            let gap = usize::from(!is_empty);
            if last.width() + gap + word.width() <= columns {
                last.push_str(&" ".repeat(gap));
                last.push_str(word);
                is_empty = false;
                break;
            }
            if !is_empty {
                lines.push(String::new());
                is_empty = true;
                continue;
            }
            // A word longer than a line: a name, an ARN.
            let fits = beginning(word, columns - last.width().min(columns - 1));
            // One character at least, however narrow it is.
            let one = word.chars().next().map_or(0, char::len_utf8);
            let fits = if fits.is_empty() { &word[..one] } else { fits };
            last.push_str(fits);
            word = &word[fits.len()..];
            if word.is_empty() {
                is_empty = false;
                break;
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_what_it_takes_on_a_terminal() {
        let line = Line::of(Tone::Plain, "ab").and(Tone::Bad, "日本語");
        assert_eq!(line.width(), 8);
        for (columns, text) in [(8, "ab日本語"), (7, "ab日本…"), (6, "ab日…"), (3, "ab…"), (1, "…"), (0, "")]
        {
            let cut = line.clone().cut(columns);
            assert_eq!(cut.text(), text, "{columns}");
            assert!(cut.width() <= columns, "{columns}");
        }
    }

    #[test]
    fn text_from_outside_does_not_move_the_cursor() {
        assert_eq!(Line::of(Tone::Plain, "a\x1b[2J\nb\tc").text(), "a [2J b c");
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_anywhere() {
        let wrapped = wrap("  Send traffic to\narn:aws:rds:eu-west-1 now?\n\nLast", 12);
        assert_eq!(wrapped, ["Send traffic", "to", "arn:aws:rds:", "eu-west-1", "now?", "", "Last"]);
        for columns in 1..30 {
            assert!(wrap("日本語 a bc def", columns).iter().all(|line| line.width() <= columns.max(2)));
        }
    }
}
