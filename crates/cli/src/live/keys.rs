//! What is typed while a live view is shown. The terminal does not echo it, or it would stand in the middle of the view;
//! the line that is being typed is part of the view instead. Ctrl-C stays a signal.

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The terminal as it was, to be put back when the process ends, whatever way it does.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Takes echo and line editing from the terminal, if it is ours and has them: also again after the shell has put its own
/// modes back (Ctrl-Z, `fg`).
pub(super) fn quiet() {
    let stdin = io::stdin();
    let is_in_front = tcgetpgrp(&stdin).is_ok_and(|group| group == rustix::process::getpgrp());
    let Ok(now) = tcgetattr(&stdin) else { return };
    if !is_in_front || !now.local_modes.contains(LocalModes::ECHO) {
        return;
    }
    let mut quiet = now.clone();
    quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
    quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
    quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
    lock(&BEFORE).get_or_insert(now);
    // A terminal that will not be quiet only looks worse.
    let _loud = tcsetattr(&stdin, OptionalActions::Now, &quiet);
}

/// Puts the terminal back as it was. Without effect when it was not changed.
pub(super) fn put_back() {
    if let Some(before) = lock(&BEFORE).take() {
        let _loud = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// A line that is being typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Typing(Arc<Mutex<Editor>>);

impl Typing {
    /// What has been typed of it.
    pub(super) fn text(&self) -> String {
        lock(&self.0).text.clone()
    }

    /// Forgets it.
    pub(super) fn forget(&self) {
        *lock(&self.0) = Editor::default();
    }

    /// Reads keys until the input ends, on a thread of its own: `line` is told each whole line, `changed` when there is
    /// something new to be seen. Either ends it by answering `false`.
    pub(super) fn read(
        &self,
        line: impl Fn(String) -> bool + Send + 'static,
        changed: impl Fn() -> bool + Send + 'static,
    ) {
        let editor = Arc::clone(&self.0);
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(count @ 1..) = io::stdin().lock().read(&mut bytes) {
                for byte in &bytes[..count] {
                    let key = lock(&editor).key(*byte);
                    let goes_on = match key {
                        Key::Enter(text) => line(text),
                        Key::End => false,
                        Key::Typed => true,
                    };
                    if !goes_on {
                        return;
                    }
                }
                if !changed() {
                    return;
                }
            }
            crate::terminal::wait_if_closed();
        });
    }
}

/// What a key meant.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Typed,
    Enter(String),
    /// Ctrl-D on an empty line: nothing more comes.
    End,
}

/// A line editor with the keys that a terminal's own has.
#[derive(Debug, Default)]
struct Editor {
    text: String,
    /// The beginning of a character of several bytes.
    part: Vec<u8>,
    escape: Escape,
}

/// Cursor keys and the like send a sequence, which says nothing here.
#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

impl Editor {
    fn key(&mut self, byte: u8) -> Key {
        match (&self.escape, byte) {
            (Escape::None, _) => {}
            (Escape::Begun, b'[' | b'O') => {
                self.escape = Escape::Sequence;
                return Key::Typed;
            }
            (Escape::Sequence, 0x20..=0x3f) => return Key::Typed,
            (Escape::Begun | Escape::Sequence, _) => {
                self.escape = Escape::None;
                return Key::Typed;
            }
        }
        match byte {
            b'\n' | b'\r' => {
                self.part.clear();
                return Key::Enter(std::mem::take(&mut self.text));
            }
            0x04 if self.text.is_empty() => return Key::End,
            0x08 | 0x7f => drop(self.text.pop()),
            // Ctrl-U and Ctrl-W, as everywhere.
            0x15 => self.text.clear(),
            0x17 => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |space| space + 1);
                self.text.truncate(kept);
            }
            0x1b => self.escape = Escape::Begun,
            0x00..=0x1f => {}
            _ => self.byte(byte),
        }
        Key::Typed
    }

    fn byte(&mut self, byte: u8) {
        self.part.push(byte);
        match std::str::from_utf8(&self.part) {
            Ok(character) => {
                self.text.push_str(character);
                self.part.clear();
            }
            // What is no beginning of any character is dropped.
            Err(error) if error.error_len().is_some() => self.part.clear(),
            Err(_) => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> (Vec<String>, String) {
        let mut editor = Editor::default();
        let lines = bytes.iter().filter_map(|byte| match editor.key(*byte) {
            Key::Enter(line) => Some(line),
            Key::Typed | Key::End => None,
        });
        (lines.collect(), editor.text)
    }

    #[test]
    fn a_line_is_typed_as_at_any_terminal() {
        for (bytes, line) in [
            (&b"approve\n"[..], "approve"),
            (b"aprove\x7f\x7f\x7f\x7f\x7fpprove\r", "approve"),
            ("f\u{fc}r\u{65e5}\u{7f}\n".as_bytes(), "f\u{fc}r"),
            (b"reject\x15approve\n", "approve"),
            (b"because it  \x17was\n", "because was"),
            (b"ap\x1b[Dp\x1b[1;5Cr\x1bOAove\n", "approve"),
            (b"a\x01\x02\xffb\n", "ab"),
            (b"\n", ""),
        ] {
            assert_eq!(typed(bytes), (vec![line.to_owned()], String::new()), "{bytes:?}");
        }
    }

    #[test]
    fn ctrl_d_ends_the_input_only_on_an_empty_line() {
        let mut editor = Editor::default();
        assert_eq!(editor.key(b'a'), Key::Typed);
        assert_eq!(editor.key(0x04), Key::Typed);
        assert_eq!(editor.key(0x7f), Key::Typed);
        assert_eq!(editor.key(0x04), Key::End);
    }
}
