//! Actions against the simulated AWS, as the engine calls them: the good way, failures, a lost reply, performed twice,
//! undone twice, and undone when nothing was made.

mod bench;
mod parameters;
mod secrets;
