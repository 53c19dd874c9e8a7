//! The adapters against real servers and real programs on this machine. PostgreSQL is started from its own programs:
//! `initdb` must be on the PATH, where `scripts/test` puts it.

mod asking;
mod authority;
mod database;
mod notify;
mod postgres;
mod process;
mod tls;
mod web;
