//! The program `lifeboat`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lifeboat_cli::program()
}
