//! Deterministic exploration: a runbook in the simulator, again and again, with something else going wrong each time.
//!
//! A [`Trial`] says what goes wrong: faults of AWS and of steps in the words of `--faults`, and the moments at which the
//! process dies. It is carried out in this process, on the clock of the simulation, by the parts that `drill --simulate`
//! and `resume` are made of; only the disk is in memory, and dying means that everything but the disk and the world is
//! dropped. After each run the [`Invariant`]s are looked at. A seed gives the same trial and the same run.
//!
//! | module | |
//! |---|---|
//! | [`subject`] | a runbook with its world |
//! | [`draw`] | which trials there are |
//! | [`trial`] | one of them, from its first process to its last |
//! | [`disk`], [`record`] | the journal and the world's log, which outlive a process |
//! | [`crowd`] | people, and what the operator orders of a paused run |
//! | [`invariants`] | what must be true whatever went wrong |
//! | [`tamper`] | deliberate faults of Lifeboat itself, which show that an invariant can fail |
//! | [`tally`] | many trials, and what to print of them |

mod crowd;
mod disk;
mod draw;
mod invariants;
mod record;
mod subject;
mod tally;
mod tamper;
mod trial;

pub use draw::{Profile, random, systematic};
pub use invariants::{Invariant, Violation};
pub use subject::Subject;
pub use tally::{Tally, explore, usage};
pub use tamper::Tamper;
pub use trial::{Report, Trial, run};
