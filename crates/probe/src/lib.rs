//! Actions that ask whether the recovered system is well.
//!
//! Their outside is a port each ([`sql::Sql`]), so that a simulated run asks the simulated world and a real one the
//! database. [`catalog`] for checking; [`register`] for running.
//!
//! This room must not know AWS or reports.

mod query;
pub mod spec;
pub mod sql;

use lifeboat_engine::registry::Registry;
use lifeboat_runbook::spec::ActionSpec;
use std::sync::Arc;

/// What every action of this room says of itself.
pub fn catalog() -> Vec<&'static ActionSpec> {
    vec![&spec::POSTGRES_QUERY]
}

/// Puts the actions of this room into `registry`, asking through these ports.
pub fn register(registry: &mut Registry, sql: Arc<dyn sql::Sql>) {
    registry.add_action(Arc::new(query::PostgresQuery(sql)));
}
