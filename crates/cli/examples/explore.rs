//! Explores runbooks in the simulator; `scripts/explore` starts it.

use lifeboat_cli::explore::{Subject, Tally, explore, usage};
use std::path::Path;
use std::process::ExitCode;

/// What the command line says.
struct Words {
    runs: usize,
    seed: u64,
    every: usize,
    only: Option<usize>,
    files: Vec<String>,
}

fn words() -> Result<Words, String> {
    let mut words = Words { runs: 10_000, seed: 1, every: 1, only: None, files: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        let mut number = || {
            let value = arguments.next().ok_or_else(|| format!("{word} takes a number"))?;
            value.parse::<u64>().map_err(|_| format!("{word} takes a number, not `{value}`"))
        };
        let size = |number: u64| usize::try_from(number).map_err(|error| error.to_string());
        match word.as_str() {
            "--runs" => words.runs = size(number()?)?,
            "--seed" => words.seed = number()?,
            "--every" => words.every = size(number()?)?,
            "--only" => words.only = Some(size(number()?)?),
            "--help" | "-h" => return Err(usage().to_owned()),
            flag if flag.starts_with('-') => return Err(format!("no option {flag}\n\n{}", usage())),
            _ => words.files.push(word),
        }
    }
    Ok(words)
}

fn subjects(files: &[String]) -> Result<Vec<(String, Subject)>, String> {
    let read = |named: &String| {
        let (file, world) = named.split_once('@').unwrap_or((named, "default"));
        Subject::read(Path::new(file), world).map(|subject| (named.clone(), subject.quick()))
    };
    files.iter().map(read).collect()
}

fn main() -> ExitCode {
    let told = |tally: &Tally| {
        if tally.runs.is_multiple_of(500) {
            eprintln!("{} runs, {} violations", tally.runs, tally.violations.len());
        }
    };
    // What panics is reported with its trial.
    std::panic::set_hook(Box::new(|_| {}));
    let done = words().and_then(|words| {
        let subjects = subjects(&words.files)?;
        Ok(explore(&subjects, words.runs, words.seed, words.every, words.only, told))
    });
    match done {
        Ok(tally) => {
            println!("{tally}");
            if tally.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(told) => {
            eprintln!("{told}");
            ExitCode::from(2)
        }
    }
}
