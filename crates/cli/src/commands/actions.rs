//! `lifeboat actions`.

use crate::args::{ActionsArguments, Output};
use crate::commands::{print_bytes, print_json};
use crate::error::CommandError;
use lifeboat_journal::outcome::PASSED;
use lifeboat_runbook::spec::{ActionSpec, Catalog, Effect};
use lifeboat_runbook::suggestion::nearest;
use lifeboat_runbook::units;
use serde_json::{Value, json};

pub(crate) fn run(arguments: &ActionsArguments) -> Result<u8, CommandError> {
    let catalog = crate::wiring::catalog();
    let specs: Vec<&ActionSpec> = match &arguments.name {
        None => catalog.iter().collect(),
        Some(name) => {
            let spec = catalog.get(name).ok_or_else(|| unknown(name, &catalog))?;
            vec![spec]
        }
    };
    let text = match (arguments.output.output, &arguments.name) {
        (Output::Json, _) => {
            let documents: Vec<Value> = specs.into_iter().map(document).collect();
            return print_json(&documents).map(|()| PASSED);
        }
        (Output::Human, None) => list(&specs),
        (Output::Human, Some(_)) => specs.into_iter().map(page).collect(),
    };
    print_bytes(text.as_bytes())?;
    Ok(PASSED)
}

fn unknown(name: &str, catalog: &Catalog) -> CommandError {
    let names = || catalog.iter().map(|spec| spec.name);
    let beginning: Vec<&str> = names().filter(|known| known.starts_with(name)).collect();
    let hint = match (beginning.as_slice(), nearest(name, names())) {
        ([], None) => "`lifeboat actions` lists them".to_owned(),
        ([], Some(near)) => format!("did you mean `{near}`?"),
        (beginning, _) => format!("there are: {}", beginning.join(", ")),
    };
    CommandError::usage(format!("there is no action `{name}`")).hint(hint)
}

fn effect(spec: &ActionSpec) -> &'static str {
    spec.effect.map_or("as the step says", Effect::word)
}

fn list(specs: &[&ActionSpec]) -> String {
    let width = specs.iter().map(|spec| spec.name.len()).max().unwrap_or_default();
    let line = |spec: &&ActionSpec| format!("{:width$}  {:8} {}\n", spec.name, effect(spec), spec.summary);
    specs.iter().map(line).collect()
}

fn page(spec: &ActionSpec) -> String {
    let mut text = format!("{}\n  {}\n\neffect: {}\n", spec.name, spec.summary, effect(spec));
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    };
    let parameters = spec.parameters.iter().map(|parameter| {
        let required = if parameter.required { ", required" } else { "" };
        let secret = if parameter.secret { ", may be a secret" } else { "" };
        format!("{:22} {} ({}{required}{secret})", parameter.name, parameter.summary, parameter.kind)
    });
    section("with", parameters.collect());
    let outputs =
        spec.outputs.iter().map(|output| format!("{:22} {} ({})", output.name, output.summary, output.kind));
    section("outputs", outputs.collect());
    let readiness =
        spec.readiness.iter().map(|readiness| format!("{:22} {}", readiness.name, readiness.summary));
    section("wait: {for: …}, the first unless said", readiness.collect());
    let failures = spec.failure_states.iter().map(|state| (*state).to_owned());
    section("states in which it has failed", failures.collect());
    let typical = spec.typical.iter().map(|typical| {
        let seconds = units::duration_text(chrono::TimeDelta::seconds(i64::from(typical.seconds)));
        format!("{:22} {seconds} [{}]", typical.what, typical.source)
    });
    section("usually takes", typical.collect());
    section("undo", spec.undo.iter().map(|undo| (*undo).to_owned()).collect());
    section("IAM permissions of its calls", spec.calls.iter().map(|call| (*call).to_owned()).collect());
    section(
        "IAM permissions AWS needs besides",
        spec.dependent.iter().map(|call| (*call).to_owned()).collect(),
    );
    text
}

fn document(spec: &ActionSpec) -> Value {
    let parameters = spec.parameters.iter().map(|parameter| {
        json!({ "name": parameter.name, "type": parameter.kind.to_string(), "required": parameter.required,
                "secret": parameter.secret, "summary": parameter.summary })
    });
    let outputs = spec.outputs.iter().map(|output| {
        json!({ "name": output.name, "type": output.kind.to_string(), "sensitive": output.sensitive,
                "summary": output.summary })
    });
    json!({
        "name": spec.name,
        "summary": spec.summary,
        "effect": spec.effect.map(Effect::word),
        "params": parameters.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "readiness": spec.readiness.iter().map(|readiness| readiness.name).collect::<Vec<_>>(),
        "failure_states": spec.failure_states,
        "permissions": { "calls": spec.calls, "dependent": spec.dependent },
    })
}
