//! The simulator over its wire, as a client sees it.

mod backup;
mod bench;
mod broken;
mod client;
mod cloudtrail;
mod cloudwatch;
mod delete;
mod describe;
mod faults;
mod incidents;
mod modify;
mod protocol;
mod quotas;
mod reboot;
mod replay;
mod restore;
mod secrets;
mod snapshots;
mod sql;
mod ssm_automation;
mod ssm_commands;
mod ssm_parameters;
mod sts;
