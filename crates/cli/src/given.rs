//! The inputs that a command line gives a runbook: one by one, from a file, from an earlier run.

use crate::error::CommandError;
use crate::home::Home;
use crate::settings::{self, Scalars};
use clap::Args;
use lifeboat_engine::action::Values;
use lifeboat_engine::inputs;
use lifeboat_runbook::plan::Plan;
use lifeboat_runbook::value::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What `drill`, `run`, `plan` and `iam` share.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArguments {
    /// A value for an input; may be given many times, and wins over the other two.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub(crate) inputs: Vec<String>,
    /// Inputs from a YAML file: `name: value`, a line each; wins over --inputs-from.
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs_file: Option<PathBuf>,
    /// The inputs of an earlier run: any unambiguous beginning of its id, or `latest`.
    #[arg(long, value_name = "RUN")]
    pub(crate) inputs_from: Option<String>,
}

impl InputArguments {
    /// What is given for the inputs of `plan`, not judged yet.
    ///
    /// # Errors
    /// When an option is not well formed, the file cannot be read, or there is no such run.
    pub(crate) fn given(&self, home: &Home, plan: &Plan) -> Result<BTreeMap<String, Value>, CommandError> {
        let mut given = BTreeMap::new();
        if let Some(run) = &self.inputs_from {
            given.extend(of_run(home, run, plan)?);
        }
        if let Some(path) = &self.inputs_file {
            let read: BTreeMap<String, Value> = settings::read(path, Scalars::Text)?;
            given.extend(read);
        }
        given.extend(one_by_one(&self.inputs)?);
        Ok(given)
    }

    /// The values of all inputs of `plan`: those given, else their defaults.
    ///
    /// # Errors
    /// As [`Self::given`]; and everything that is wrong with the values.
    pub(crate) fn resolve(&self, home: &Home, plan: &Plan) -> Result<Values, CommandError> {
        inputs::resolve(&plan.inputs, &self.given(home, plan)?).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            CommandError::usage(errors.join("\n       "))
        })
    }
}

/// `-i name=value`, each name once.
fn one_by_one(given: &[String]) -> Result<BTreeMap<String, Value>, CommandError> {
    let mut inputs = BTreeMap::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(
                CommandError::usage(format!("`-i {text}` has no `=`")).hint("write it as -i name=value")
            );
        };
        if inputs.insert(name.to_owned(), value.into()).is_some() {
            return Err(CommandError::usage(format!("the input `{name}` is given twice")));
        }
    }
    Ok(inputs)
}

/// The inputs of an earlier run. A runbook changes: one that it does not have any more is left out, and named.
fn of_run(home: &Home, run: &str, plan: &Plan) -> Result<Values, CommandError> {
    let run = home.find(run)?;
    let mut inputs = crate::resume::started(&run)?.inputs.clone();
    inputs.retain(|name, _| {
        let is_declared = plan.inputs.iter().any(|input| input.name == *name);
        if !is_declared {
            say!("note: `{name}` of {} is no input of this runbook; it is left out", run.id);
        }
        is_declared
    });
    Ok(inputs)
}
