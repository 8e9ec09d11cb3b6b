//! The history of Sitewright's schema: one file per change, the same for SQLite and Postgres.
//!
//! The DDL is plain SQL with a handful of type words that differ between the two databases, because
//! CHECK constraints, partial indexes and triggers are the point here and query builders hide them.
//! Each change runs in one transaction on both databases, or in steps that may be repeated, and has a `down`. No data is seeded here:
//! seeds are idempotent and belong to the server's start.

mod dialect;
mod m20261123_000001_accounts;
mod m20261123_000002_options;
mod m20261123_000003_sites;
mod m20261123_000004_jobs;
mod m20261123_000005_events;
mod m20261123_000006_credits;
mod m20261127_000007_access;
mod m20261127_000008_audit;
mod m20261127_000009_model_calls;
mod m20261127_000010_prompts;
mod m20261130_000011_open_jobs;

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Every change, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_accounts::Migration),
            Box::new(m20261123_000002_options::Migration),
            Box::new(m20261123_000003_sites::Migration),
            Box::new(m20261123_000004_jobs::Migration),
            Box::new(m20261123_000005_events::Migration),
            Box::new(m20261123_000006_credits::Migration),
            Box::new(m20261127_000007_access::Migration),
            Box::new(m20261127_000008_audit::Migration),
            Box::new(m20261127_000009_model_calls::Migration),
            Box::new(m20261127_000010_prompts::Migration),
            Box::new(m20261130_000011_open_jobs::Migration),
        ]
    }
}
