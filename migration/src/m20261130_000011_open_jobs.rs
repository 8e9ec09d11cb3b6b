//! Jobs that are not over are found by an index of their own, and a checkpoint changes no index at all.
//!
//! The index by `lease_expires_at` served no query: whoever looks for orphans looks for deadlines too. It cost every
//! checkpoint and heartbeat an entry in each index of the table, because Postgres updates a row in place only when no
//! indexed column changes, and when its page has room: hence the fill factors of the tables that jobs write again and
//! again.

use sea_orm_migration::prelude::*;

use crate::dialect::is_postgres;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        // Postgres builds an index beside its writers only outside of one. Each step may be repeated.
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on_postgres = [
            // A build waits for every statement that is under way. One that never ends must not stop it for good: the next
            // start goes on.
            "SET lock_timeout = '60s'",
            // What an interrupted build leaves behind is there and serves nobody.
            "DROP INDEX CONCURRENTLY IF EXISTS jobs_open",
            "CREATE INDEX CONCURRENTLY jobs_open ON jobs (id) WHERE state IN ('queued', 'running')",
            "DROP INDEX CONCURRENTLY IF EXISTS jobs_leased",
            "ALTER TABLE jobs SET (fillfactor = 50)",
            "ALTER TABLE accounts SET (fillfactor = 50)",
            "ALTER TABLE blueprints SET (fillfactor = 70)",
            "ALTER TABLE pages SET (fillfactor = 70)",
            "ALTER TABLE blocks SET (fillfactor = 70)",
            "SET lock_timeout = 0",
        ];
        let on_sqlite = [
            "CREATE INDEX IF NOT EXISTS jobs_open ON jobs (id) WHERE state IN ('queued', 'running')",
            "DROP INDEX IF EXISTS jobs_leased",
        ];
        each(manager, &on_postgres, &on_sqlite).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on_postgres = [
            "DROP INDEX CONCURRENTLY IF EXISTS jobs_leased",
            "CREATE INDEX CONCURRENTLY jobs_leased ON jobs (lease_expires_at) WHERE state = 'running'",
            "DROP INDEX CONCURRENTLY IF EXISTS jobs_open",
            "ALTER TABLE jobs RESET (fillfactor)",
            "ALTER TABLE accounts RESET (fillfactor)",
            "ALTER TABLE blueprints RESET (fillfactor)",
            "ALTER TABLE pages RESET (fillfactor)",
            "ALTER TABLE blocks RESET (fillfactor)",
        ];
        let on_sqlite = [
            "CREATE INDEX IF NOT EXISTS jobs_leased ON jobs (lease_expires_at) WHERE state = 'running'",
            "DROP INDEX IF EXISTS jobs_open",
        ];
        each(manager, &on_postgres, &on_sqlite).await
    }
}

/// One statement at a time: several in one string would be a transaction.
async fn each(manager: &SchemaManager<'_>, on_postgres: &[&str], on_sqlite: &[&str]) -> Result<(), DbErr> {
    let statements = if is_postgres(manager) { on_postgres } else { on_sqlite };
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
