//! Any text as an expression, where a runbook holds one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lifeboat_runbook::check::{Files, check};
use lifeboat_runbook::diagnostic::Source;
use lifeboat_runbook::spec::Catalog;

struct Alone;

impl Files for Alone {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no other file".to_owned())
    }
}

fuzz_target!(|expression: &str| {
    let quoted = expression.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
    let text = format!(
        "schema: lifeboat/v1\nkind: runbook\nname: fuzz\ninputs:\n  n: {{ type: integer, default: 1 }}\n  \
         l: {{ type: list, default: [1] }}\nsteps:\n  - id: one\n    pause: 1s\n    if: \"{quoted}\"\n  \
         - id: two\n    pause: 1s\n    name: \"${{{{ {quoted} }}}}\"\n"
    );
    check(Source { name: "fuzz.yaml".to_owned(), text }, &Catalog::new([]), &Alone, None);
});
