//! Any bytes as a runbook: checking ends, without a panic, and every diagnostic has a place in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_runbook::check::{Files, check, source_from_bytes};
use lifeboat_runbook::render::{Color, render};
use lifeboat_runbook::spec::Catalog;

struct Alone;

impl Files for Alone {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no other file".to_owned())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = source_from_bytes("fuzz.yaml", bytes.to_vec()) else { return };
    let checked = check(source, &Catalog::new([]), &Alone, None);
    for diagnostic in &checked.diagnostics {
        render(diagnostic, &checked.sources, Color::Never);
    }
});
