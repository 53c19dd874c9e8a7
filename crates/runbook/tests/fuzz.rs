//! Runbooks that are broken at random: checking never panics, and every diagnostic has a place in the file.
//!
//! A few thousand rounds run with the tests. For a long search:
//! `FUZZ_ROUNDS=2000000 cargo test --release -p lifeboat-runbook --test fuzz`

#[path = "language/catalog.rs"]
mod catalog;

use lifeboat_runbook::check::{Files, check};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::render::{Color, render};
use std::fs;
use std::path::Path;

struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is nothing".to_owned())
    }
}

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

const PIECES: [&str; 40] = [
    "${{ ",
    " }}",
    "}}",
    "$${{",
    "steps.",
    "inputs.",
    "secrets.",
    "outputs",
    "[0]",
    "has(",
    "default(",
    ")",
    "(",
    "\"",
    "'",
    ": ",
    " #",
    "- ",
    "{ ",
    " }",
    "[",
    "]",
    "!",
    "&a ",
    "*a",
    "<<: ",
    "\n",
    "\t",
    "  ",
    "|\n",
    ">\n",
    "---\n",
    "é€𝄞",
    "\u{0}",
    "\u{feff}",
    "if: ",
    "needs: [a]",
    "foreach: ",
    "999999999999999999999",
    "now()",
];

fn corpus() -> Vec<String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = ["good", "bad"]
        .iter()
        .flat_map(|folder| fs::read_dir(tests.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// A place between two characters.
fn place(text: &str, dice: &mut Dice) -> usize {
    let mut place = dice.roll(text.len() + 1);
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

fn mutate(mut text: String, corpus: &[String], dice: &mut Dice) -> String {
    for _ in 0..=dice.roll(4) {
        let (left, right) = (place(&text, dice), place(&text, dice));
        let (from, to) = (left.min(right), left.max(right).min(left.min(right) + 60));
        let to = (from..=to).rev().find(|to| text.is_char_boundary(*to)).unwrap_or(from);
        match dice.roll(5) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, PIECES[dice.roll(PIECES.len())]),
            2 => text.replace_range(from..to, PIECES[dice.roll(PIECES.len())]),
            3 => {
                let copied = text[from..to].repeat(1 + dice.roll(3));
                text.insert_str(from, &copied);
            }
            _ => {
                let other = &corpus[dice.roll(corpus.len())];
                let begin = place(other, dice);
                let end =
                    (begin..(begin + 80).min(other.len())).rev().find(|end| other.is_char_boundary(*end));
                text.insert_str(from, &other[begin..end.unwrap_or(begin)]);
            }
        }
    }
    text
}

#[test]
fn broken_runbooks_never_panic() {
    #[expect(clippy::disallowed_methods, reason = "how a developer asks for a longer search")]
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3_000);
    #[expect(clippy::disallowed_methods, reason = "how a developer asks for another search")]
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (corpus, catalog) = (corpus(), catalog::catalog());
    let mut dice = Dice(seed);
    let mut found = 0;
    for _ in 0..rounds {
        let begin = corpus[dice.roll(corpus.len())].clone();
        let text = mutate(begin, &corpus, &mut dice);
        let source = Source { name: "fuzz.yaml".to_owned(), text };
        let checked = check(source, &catalog, &Nothing, None);
        for diagnostic in &checked.diagnostics {
            let text = &checked.sources[diagnostic.source].text;
            assert!(text.get(diagnostic.range.clone()).is_some(), "{diagnostic:?} is nowhere in\n{text}");
            found += render(diagnostic, &checked.sources, Color::Never).len();
        }
    }
    assert!(found > 0);
}
