//! Any lines as a journal, sealed and chained so that their content is read: reading, folding and measuring end without a
//! panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_journal::chain;
use lifeboat_journal::measure;
use lifeboat_journal::state::RunState;

/// Puts the numbers and the hash of the line before into a line that says `#seq#` and `#prev#`, and seals it.
fn sealed(text: &str) -> Vec<u8> {
    let (mut bytes, mut head) = (Vec::new(), String::new());
    for (line, seq) in text.lines().zip(1u64..) {
        let line = line.replace("#seq#", &seq.to_string()).replace("#prev#", &head);
        let line = chain::seal(&line);
        head = chain::digest(line.as_bytes());
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fuzz_target!(|text: &str| {
    let _broken = chain::verify(text.as_bytes());
    let Ok(verified) = chain::verify(&sealed(text)) else { return };
    let state = RunState::of(&verified.events);
    measure::measure(&state, &verified.events);
});
