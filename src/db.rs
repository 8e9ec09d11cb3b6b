//! The database: one writer and some readers on SQLite, one pool on Postgres, and the words they differ in.
//!
//! Every write goes through [`Db::write`] (`BEGIN IMMEDIATE` on SQLite: a deferred transaction that
//! upgrades fails with "database is locked"), every consistent read of several rows through [`Db::snapshot`].
//! Statements that need a lock, a clock or a guard are written as SQL here and in the engine, once for both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};

use crate::error::{Error, Instant, Result};

/// Any number; it only has to be the same in every process that migrates.
const MIGRATION_LOCK: i64 = 0x5173_7772;

#[derive(Clone)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    backend: DbBackend,
    /// The file of a SQLite database; none when it lives in memory or on a server.
    file: Option<PathBuf>,
    url: String,
}

impl Db {
    /// Opens the database; a SQLite file is created when it is missing.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let file = sqlite_file(url)?;
            let writer = Database::connect(sqlite_options(&file, 1, true)).await?;
            let reader = Database::connect(sqlite_options(&file, 8, false)).await?;
            let url = url.to_string();
            return Ok(Db {
                writer,
                reader,
                backend: DbBackend::Sqlite,
                file: Some(file),
                url,
            });
        }
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(3));
        options
            .connect_timeout(Duration::from_secs(3))
            .sqlx_logging(false)
            .record_stmt_in_spans(false);
        options.set_application_name("sitewright");
        // A process that was frozen inside a transaction must not stop all others for hours.
        options.map_sqlx_postgres_opts(|options| {
            options.options([("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "20s")])
        });
        let pool = Database::connect(options).await?;
        Ok(Db {
            writer: pool.clone(),
            reader: pool,
            backend: DbBackend::Postgres,
            file: None,
            url: url.to_string(),
        })
    }

    /// Closes every connection; a later use fails.
    pub async fn close(&self) {
        for pool in [&self.reader, &self.writer] {
            if let Err(cause) = pool.clone().close().await {
                tracing::debug!(%cause, "a pool did not close");
            }
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// A connection for single reads. Reads that must agree with each other use [`Db::snapshot`].
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// A transaction that may write.
    pub async fn write(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// A transaction in which every read sees the same moment.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction> {
        let options = match self.backend {
            DbBackend::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            },
            _ => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
                ..TransactionOptions::default()
            },
        };
        Ok(self.reader.begin_with_options(options).await?)
    }

    /// Brings the schema up to date; of several starters one works and the others wait.
    pub async fn migrate(&self) -> Result<()> {
        let _guard = self.migration_guard().await?;
        let pending = Migrator::get_pending_migrations(&self.writer).await?.len();
        if pending > 0 {
            Migrator::up(&self.writer, None).await?;
            tracing::info!(applied = pending, "database migrated");
        }
        Ok(())
    }

    /// Takes back the newest `steps` migrations.
    pub async fn migrate_down(&self, steps: u32) -> Result<()> {
        let _guard = self.migration_guard().await?;
        Ok(Migrator::down(&self.writer, Some(steps)).await?)
    }

    /// Each migration by name, and whether it is applied.
    pub async fn migrations(&self) -> Result<Vec<(String, bool)>> {
        let applied = match Migrator::get_applied_migrations(&self.reader).await {
            Ok(applied) => applied.iter().map(|migration| migration.name().to_string()).collect(),
            Err(_) => Vec::new(), // An empty database has no table of versions yet.
        };
        let all = Migrator::migrations();
        Ok(all
            .iter()
            .map(|m| (m.name().to_string(), applied.contains(&m.name().to_string())))
            .collect())
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
        let connection = Database::connect(ConnectOptions::new(&self.url).max_connections(1).to_owned()).await?;
        let transaction = connection.begin_with_options(TransactionOptions::default()).await?;
        transaction
            .execute_raw(sql(
                &transaction,
                "SELECT pg_advisory_xact_lock($1)",
                [MIGRATION_LOCK.into()],
            ))
            .await?;
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

/// The path of a helper file that belongs to the database `file`.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn sqlite_file(url: &str) -> Result<PathBuf> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() || path == ":memory:" {
        return Err(Error::internal(
            "database.url must name a file: an in-memory database would be lost at the end",
        ));
    }
    Ok(PathBuf::from(path))
}

fn sqlite_options(file: &Path, connections: u32, writer: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    // A writer waits its turn in the pool; a reader of a WAL database never waits for it.
    options.acquire_timeout(Duration::from_secs(if writer { 60 } else { 10 }));
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.map_sqlx_sqlite_opts(|options| {
        options
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
    });
    options
}

/// A statement with values in the placeholders `$1`, `$2`, …, on either database.
///
/// `{now}` is the database's clock on Postgres and ours on SQLite; `{now+$3}` adds that many milliseconds;
/// `{lock}` and `{skip locked}` lock the rows that a SELECT returns where row locks exist.
pub fn sql(connection: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = connection.get_database_backend();
    Statement::from_sql_and_values(backend, dialect(backend, text), values)
}

fn dialect(backend: DbBackend, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('}').map_or(rest.len(), |at| start + at);
        let word = &rest[start + 1..end];
        let postgres = backend == DbBackend::Postgres;
        match (word, postgres) {
            ("now", true) => out.push_str("clock_timestamp()"),
            ("now", false) => out.push_str("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
            // Not FOR UPDATE: that would also wait for every insert that refers to the row.
            ("lock", true) => out.push_str("FOR NO KEY UPDATE"),
            ("skip locked", true) => out.push_str("FOR NO KEY UPDATE SKIP LOCKED"),
            ("lock" | "skip locked", false) => {}
            (word, postgres) => match word.strip_prefix("now+") {
                Some(ms) if postgres => {
                    out.push_str(&format!(
                        "clock_timestamp() + make_interval(secs => {ms}::bigint / 1000.0)"
                    ));
                }
                Some(ms) => out.push_str(&format!(
                    "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ({ms} / 1000.0) || ' seconds')"
                )),
                None => out.push_str(&rest[start..=end.min(rest.len() - 1)]),
            },
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The rows of a guarded `UPDATE … RETURNING`, or none when the guard did not hold.
pub async fn rows(
    connection: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(sql(connection, text, values)).await
}

/// Runs a statement and says how many rows it touched.
pub async fn execute(
    connection: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(connection
        .execute_raw(sql(connection, text, values))
        .await?
        .rows_affected())
}

/// The present moment as both databases keep it.
pub fn now() -> Instant {
    Utc::now().trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_databases_own() {
        let text = "UPDATE t SET a = {now}, b = {now+$2} WHERE id IN (SELECT id FROM t {skip locked})";
        let postgres = dialect(DbBackend::Postgres, text);
        assert!(
            postgres.contains("clock_timestamp() + make_interval(secs => $2::bigint / 1000.0)"),
            "{postgres}"
        );
        assert!(postgres.ends_with("FOR NO KEY UPDATE SKIP LOCKED)"), "{postgres}");
        let sqlite = dialect(DbBackend::Sqlite, text);
        assert!(
            sqlite.contains("($2 / 1000.0) || ' seconds'") && sqlite.ends_with("FROM t )"),
            "{sqlite}"
        );
        assert_eq!(dialect(DbBackend::Sqlite, "SELECT '{}' FROM t"), "SELECT '{}' FROM t");
    }

    #[test]
    fn helper_files_stand_beside_the_database() {
        assert_eq!(
            beside(Path::new("/data/site.db"), "lock"),
            Path::new("/data/site.db.lock")
        );
    }
}
