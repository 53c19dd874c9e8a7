//! The bottom of the terminal, where the live view stands. What is said meanwhile goes above it and stays.
//!
//! There is one standard error in a process, and so one region. It is drawn in place, without another screen: what it
//! showed last remains when the run is over. The cursor is never hidden and no mode of the terminal is changed here, so
//! that nothing has to be put back when the process is killed.

use anstyle::{AnsiColor, Style};
use lifeboat_report::line::{Line, Tone};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

static REGION: Mutex<Option<Region>> = Mutex::new(None);

struct Region {
    colored: bool,
    /// What stands there now.
    shown: Vec<Line>,
}

/// Begin and end of what a terminal is to show at once; those that do not know it ignore it.
const AT_ONCE: (&str, &str) = ("\x1b[?2026h", "\x1b[?2026l");
const TO_THE_END_OF_THE_LINE: &str = "\x1b[K";
const TO_THE_END_OF_THE_SCREEN: &str = "\x1b[J";

/// Says a line: above the live view, if there is one.
pub(crate) fn say(text: &str) {
    let mut region = lock();
    let Some(region) = region.as_mut() else {
        write(&format!("{text}\n"));
        return;
    };
    let mut screen = region.back_to_its_top(columns());
    for line in text.split('\n') {
        screen.push_str(line);
        screen.push_str(TO_THE_END_OF_THE_LINE);
        screen.push_str("\r\n");
    }
    region.draw(&mut screen);
    write(&screen);
}

/// Says a line in its tones.
pub(crate) fn say_line(line: &Line) {
    let colored = lock().as_ref().is_some_and(|region| region.colored);
    say(&painted(line, colored));
}

/// Begins a region with nothing in it.
pub(super) fn begin(colored: bool) {
    *lock() = Some(Region { colored, shown: Vec::new() });
}

/// Shows these lines in place of those before; the cursor stands behind the last.
pub(super) fn show(lines: Vec<Line>) {
    let mut region = lock();
    let Some(region) = region.as_mut() else { return };
    if region.shown == lines {
        return;
    }
    let mut screen = region.back_to_its_top(columns());
    region.shown = lines;
    region.draw(&mut screen);
    write(&screen);
}

/// Ends the region: what it shows stays, and what is said from here on stands below. Without effect when there is none.
pub(crate) fn end() {
    if let Some(region) = lock().take()
        && !region.shown.is_empty()
    {
        write("\n");
    }
}

/// The size of the terminal; one that does not say has the usual one.
pub(super) fn size() -> lifeboat_report::view::Size {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let given = |size: u16, usual: usize| if size == 0 { usual } else { usize::from(size) };
    lifeboat_report::view::Size {
        columns: size.map_or(80, |size| given(size.ws_col, 80)),
        rows: size.map_or(24, |size| given(size.ws_row, 24)),
    }
}

fn columns() -> usize {
    size().columns
}

impl Region {
    /// What brings the cursor to the first column of the region's first row.
    fn back_to_its_top(&self, columns: usize) -> String {
        // Terminals that became narrower have broken its lines: each takes more rows than it did.
        let rows: usize = self.shown.iter().map(|line| line.width().div_ceil(columns.max(1)).max(1)).sum();
        let mut screen = String::from(AT_ONCE.0);
        screen.push('\r');
        if rows > 1 {
            screen.push_str(&format!("\x1b[{}A", rows - 1));
        }
        screen
    }

    fn draw(&self, screen: &mut String) {
        for (index, line) in self.shown.iter().enumerate() {
            if index > 0 {
                screen.push_str("\r\n");
            }
            screen.push_str(&painted(line, self.colored));
            screen.push_str(TO_THE_END_OF_THE_LINE);
        }
        screen.push_str(TO_THE_END_OF_THE_SCREEN);
        screen.push_str(AT_ONCE.1);
    }
}

fn painted(line: &Line, colored: bool) -> String {
    let piece = |(tone, text): (Tone, &str)| match style(tone) {
        Some(style) if colored => format!("{style}{text}{style:#}"),
        _ => text.to_owned(),
    };
    line.pieces().map(piece).collect()
}

fn style(tone: Tone) -> Option<Style> {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match tone {
        Tone::Plain => None,
        Tone::Dim => Some(Style::new().dimmed()),
        Tone::Strong => Some(Style::new().bold()),
        Tone::Good => Some(color(AnsiColor::Green)),
        Tone::Warn => Some(color(AnsiColor::Yellow)),
        Tone::Bad => Some(color(AnsiColor::Red).bold()),
    }
}

/// In one piece. Nobody may be there to read it, and the run goes on all the same.
fn write(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

fn lock() -> MutexGuard<'static, Option<Region>> {
    REGION.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(lines: &[&str]) -> Region {
        let shown = lines.iter().map(|line| Line::of(Tone::Good, line)).collect();
        Region { colored: false, shown }
    }

    /// What a terminal shows that was given this.
    fn terminal(columns: u16, given: &[String]) -> Vec<String> {
        let size = |size: u16| size.try_into().expect("not 0");
        let mut terminal = vt100::Parser::new(size(10), size(columns), 0);
        for text in given {
            terminal.process(text.as_bytes());
        }
        let rows = terminal.screen().rows(0, columns).map(|row| row.trim_end().to_owned());
        let rows: Vec<String> = rows.collect();
        let used = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
        rows[..used].to_vec()
    }

    #[test]
    fn what_stood_there_is_gone_when_less_stands_there() {
        let (before, after) = (region(&["one and more", "two", "three"]), region(&["one", "2"]));
        let (mut first, mut second) = (String::new(), before.back_to_its_top(20));
        before.draw(&mut first);
        after.draw(&mut second);
        assert_eq!(terminal(20, &[first, second]), ["one", "2"]);
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_broken_are_counted() {
        let region = region(&["0123456789", "ab", "0123456789012345"]);
        assert!(region.back_to_its_top(20).ends_with("\r\x1b[2A"));
        assert!(region.back_to_its_top(8).ends_with("\r\x1b[4A"), "2 + 1 + 2 rows");
    }

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        let line = Line::of(Tone::Bad, "failed").and(Tone::Plain, " at restore");
        assert_eq!(painted(&line, false), "failed at restore");
        assert_eq!(painted(&line, true), "\x1b[1m\x1b[31mfailed\x1b[0m at restore");
    }
}
