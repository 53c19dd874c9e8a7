//! `lifeboat graph`: a runbook as a picture, or as text that others draw.

use crate::args::{GraphArguments, GraphFormat};
use crate::commands::print_bytes;
use crate::error::CommandError;
use crate::graph::{Graph, dot, mermaid, svg};
use crate::session;
use lifeboat_journal::outcome::PASSED;

pub(crate) fn run(arguments: &GraphArguments) -> Result<u8, CommandError> {
    let plan = session::load(&arguments.file, &crate::wiring::catalog())?;
    let graph = Graph::of(&plan);
    let text = match arguments.format {
        GraphFormat::Mermaid => mermaid::write(&graph),
        GraphFormat::Dot => dot::write(&graph),
        GraphFormat::Svg => svg::write(&graph),
    };
    print_bytes(text.as_bytes())?;
    Ok(PASSED)
}
