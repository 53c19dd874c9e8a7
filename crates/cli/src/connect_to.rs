//! The options of commands that run probes: where they connect instead, and whether a simulation runs programs.

use crate::error::CommandError;
use clap::Args;
use lifeboat_probe::connect_to::{ConnectTo, Redirect};

/// What `drill`, `run` and `resume` share.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProbeArguments {
    /// Where a probe connects instead, as curl's --connect-to: `*.rds.amazonaws.com:5432=127.0.0.1:15432`; `*` and `?`
    /// stand for any text. Certificates are still compared with the first name. May be given many times.
    #[arg(long, value_name = "HOST:PORT=HOST:PORT")]
    pub(crate) connect: Vec<Redirect>,
    /// Run the programs of `command.run` in a simulation too; otherwise they are assumed to succeed there.
    #[arg(long)]
    pub(crate) run_commands: bool,
}

impl ProbeArguments {
    /// The redirects of a run on AWS, or on what stands in for it.
    pub(crate) fn redirects(&self, is_aws: bool) -> ConnectTo {
        ConnectTo::new(self.connect.clone(), is_aws)
    }

    /// In a simulation nothing connects, so nothing can connect elsewhere.
    pub(crate) fn refuse_redirects(&self) -> Result<(), CommandError> {
        match self.connect.is_empty() {
            true => Ok(()),
            false => Err(CommandError::usage("--connect has no meaning in a simulation")
                .hint("its probes are answered by the simulated world; take it out")),
        }
    }
}
