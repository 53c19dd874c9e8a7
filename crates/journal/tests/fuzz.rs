//! Journals that are broken at random: reading never panics, a touched journal is never taken for a whole one, and what an
//! honest hand has sealed though it makes no sense folds all the same.
//!
//! For a long search: `FUZZ_ROUNDS=1000000 cargo test --release -p lifeboat-journal --test fuzz`

use lifeboat_journal::chain;
use lifeboat_journal::measure;
use lifeboat_journal::state::RunState;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Small, fast, and the same everywhere: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides.max(1) as u64) as usize
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn rounds(usual: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "how a developer asks for a longer search")]
    let rounds = std::env::var("FUZZ_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn touched_bytes_are_found_and_never_panic() {
    let (corpus, mut dice) = (corpus(), Dice(1));
    for _ in 0..rounds(1_500) {
        let whole = &corpus[dice.roll(corpus.len())];
        let mut bytes = whole.clone();
        for _ in 0..=dice.roll(3) {
            let place = dice.roll(bytes.len());
            match dice.roll(3) {
                0 => bytes.truncate(place),
                1 => bytes.insert(place, u8::try_from(dice.roll(256)).unwrap()),
                _ => bytes[place] = u8::try_from(dice.roll(256)).unwrap(),
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(verified) = chain::verify(&bytes) {
            let kept = usize::try_from(verified.bytes).unwrap();
            assert_eq!(bytes[..kept], whole[..kept], "what counts is what was written");
            RunState::of(&verified.events);
        }
    }
}

/// Puts another value in the place of one inside.
fn spoil(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) if !members.is_empty() && dice.roll(4) != 0 => {
            let chosen = dice.roll(members.len());
            if let Some(inner) = members.values_mut().nth(chosen) {
                spoil(inner, dice);
            }
        }
        Value::Array(items) if !items.is_empty() && dice.roll(4) != 0 => {
            let chosen = dice.roll(items.len());
            spoil(&mut items[chosen], dice);
        }
        other => {
            *other = [
                Value::Null,
                Value::Bool(true),
                (-1).into(),
                u64::MAX.into(),
                1e308.into(),
                "".into(),
                "each[é].x/y[".into(),
                "9999-12-31T23:59:59Z".into(),
                "-262143-01-01T00:00:00Z".into(),
                Value::Array(Vec::new()),
                serde_json::json!({ "restore": {} }),
            ][dice.roll(11)]
            .clone();
        }
    }
}

/// A journal of which lines are left out, doubled, put elsewhere and changed, chained anew.
fn nonsense(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut lines: Vec<Value> =
        whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    for _ in 0..=dice.roll(4) {
        let (from, to) = (dice.roll(lines.len()), dice.roll(lines.len()));
        match dice.roll(4) {
            0 if lines.len() > 1 => drop(lines.remove(from)),
            1 => lines.insert(to, lines[from].clone()),
            2 => lines.swap(from, to),
            _ => spoil(&mut lines[from], dice),
        }
    }
    let (mut bytes, mut head) = (Vec::new(), String::new());
    for (line, seq) in lines.iter_mut().zip(1..) {
        if let Some(line) = line.as_object_mut() {
            line.insert("seq".into(), Value::from(seq));
            line.insert("prev".into(), head.into());
            line.remove("hash");
        }
        let sealed = chain::seal(&line.to_string());
        head = chain::digest(sealed.as_bytes());
        bytes.extend_from_slice(sealed.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

#[test]
fn what_makes_no_sense_folds_and_is_measured_without_a_panic() {
    let (corpus, mut dice, mut read) = (corpus(), Dice(2), 0);
    for _ in 0..rounds(1_500) {
        let whole = &corpus[dice.roll(corpus.len())];
        let bytes = nonsense(whole, &mut dice);
        let Ok(verified) = chain::verify(&bytes) else { continue };
        read += 1;
        let state = RunState::of(&verified.events);
        measure::measure(&state, &verified.events);
    }
    assert!(read >= rounds(1_500) / 10, "{read} could be read");
}
