//! Bringing the schema up to date, by one process at a time.

use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{Database, DatabaseConnection, DatabaseTransaction, TransactionOptions, TransactionTrait};

use super::dialect::rows;
use super::{Db, beside, unlimited_options};
use crate::error::{Error, Result};

/// Any number; it only has to be the same in every process that migrates.
const MIGRATION_LOCK: i64 = 0x5173_7772;
/// How long a starter lets pass until it asks for the lock again.
const AGAIN: Duration = Duration::from_millis(50);

impl Db {
    /// Brings the schema up to date; of several starters one works and the others wait.
    ///
    /// A database that a newer version has migrated is left as it is: migrations only add until every process is new
    /// (migration/README.md), so an older process goes on with it, also when it restarts in the middle of an update.
    pub async fn migrate(&self) -> Result<()> {
        let _guard = self.migration_guard().await?;
        let applied = self.applied().await?;
        let known: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_string()).collect();
        let pending = known.iter().filter(|name| !applied.contains(name)).count();
        let newer: Vec<&String> = applied.iter().filter(|name| !known.contains(name)).collect();
        match (pending, newer.is_empty()) {
            (0, true) => Ok(()),
            (0, false) => {
                tracing::warn!(
                    ?newer,
                    "the database was migrated by a newer version; this one goes on with it"
                );
                Ok(())
            }
            (_, true) => {
                // Not on the pool: building an index may take longer than its statements may.
                let connection = self.unlimited().await?;
                Migrator::up(&connection, None).await?;
                tracing::info!(applied = pending, "database migrated");
                Ok(())
            }
            (_, false) => Err(Error::internal(format!(
                "the database has migrations that this version does not know ({newer:?}) and lacks some that it needs: \
                 it belongs to another branch of the program"
            ))),
        }
    }

    /// Takes back the newest `steps` migrations.
    pub async fn migrate_down(&self, steps: u32) -> Result<()> {
        let _guard = self.migration_guard().await?;
        Ok(Migrator::down(&self.unlimited().await?, Some(steps)).await?)
    }

    /// Each migration by name, and whether it is applied.
    pub async fn migrations(&self) -> Result<Vec<(String, bool)>> {
        let applied = self.applied().await?;
        let all = Migrator::migrations();
        Ok(all
            .iter()
            .map(|m| (m.name().to_string(), applied.contains(&m.name().to_string())))
            .collect())
    }

    /// The names of the applied migrations, also of those that only a newer version knows.
    async fn applied(&self) -> Result<Vec<String>> {
        let table = match self.is_postgres() {
            true => "SELECT count(*) AS tables FROM pg_class WHERE oid = to_regclass('seaql_migrations')",
            false => "SELECT count(*) AS tables FROM sqlite_master WHERE name = 'seaql_migrations'",
        };
        let tables = rows(&self.reader, table, []).await?.pop();
        if tables.map_or(Ok(0), |row| row.try_get::<i64>("", "tables"))? == 0 {
            return Ok(Vec::new()); // An empty database has no table of versions yet.
        }
        let rows = rows(
            &self.reader,
            "SELECT version FROM seaql_migrations ORDER BY version",
            [],
        )
        .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("", "version"))
            .collect::<Result<_, _>>()?)
    }

    /// A connection whose statements may take as long as they need.
    async fn unlimited(&self) -> Result<DatabaseConnection> {
        if self.file.is_some() {
            return Ok(self.writer.clone());
        }
        Ok(Database::connect(unlimited_options(&self.config)).await?)
    }

    async fn migration_guard(&self) -> Result<MigrationGuard> {
        if let Some(file) = &self.file {
            let path = beside(file, "migrate.lock");
            let lock = tokio::task::spawn_blocking(move || {
                let lock = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
                lock.lock()?;
                Ok::<_, std::io::Error>(lock)
            });
            let lock = lock.await.map_err(|cause| Error::internal(cause.to_string()))?;
            let lock = lock.map_err(|cause| Error::internal(format!("the migration lock cannot be taken: {cause}")))?;
            return Ok(MigrationGuard {
                _file: Some(lock),
                _transaction: None,
            });
        }
        // A connection of its own: the lock ends with its transaction, whatever happens to this process.
        let connection = self.unlimited().await?;
        let transaction = connection.begin_with_options(TransactionOptions::default()).await?;
        // Asked again and again instead of waited for: who builds an index beside its writers waits for every statement
        // that is under way, and one that waits for this lock would wait for the builder.
        let text = "SELECT pg_try_advisory_xact_lock($1) AS is_ours";
        loop {
            let row = rows(&transaction, text, [MIGRATION_LOCK.into()]).await?.pop();
            if row.map_or(Ok(false), |row| row.try_get("", "is_ours"))? {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        Ok(MigrationGuard {
            _file: None,
            _transaction: Some(transaction),
        })
    }
}

/// Held while the schema changes; dropping it lets the next starter in.
struct MigrationGuard {
    _file: Option<std::fs::File>,
    _transaction: Option<DatabaseTransaction>,
}
