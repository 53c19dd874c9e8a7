//! Actions against the simulated AWS, as the engine calls them: the good way, failures, a lost reply, performed twice,
//! undone twice, and undone when nothing was made.

mod automations;
mod backups;
mod bench;
mod commands;
mod looks;
mod parameters;
mod recovery_points;
mod restores;
mod secrets;
