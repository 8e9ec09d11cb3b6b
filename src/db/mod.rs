//! The database: one writer and some readers on SQLite, one pool on Postgres, and the words they differ in.
//!
//! Every write goes through [`Db::write`] (`BEGIN IMMEDIATE` on SQLite: a deferred transaction that
//! upgrades fails with "database is locked"), every consistent read of several rows through [`Db::snapshot`].
//! Statements that need a lock, a clock or a guard are written as SQL, once for both ([`sql`]).

mod dialect;
mod first;
mod migrate;
mod pulse;
mod version;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use sea_orm::sqlx::{self, Connection, SqliteConnection};
use sea_orm::{
    AccessMode, ConnAcquireErr, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::config;
use crate::error::{Error, Instant, Result};
pub use dialect::{execute, few_lengths, marks, places, rows, sql};
pub use first::{Statement, each_beginning_with};
use pulse::Pulse;
pub use version::raise_version;

#[derive(Clone)]
pub struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    backend: DbBackend,
    /// The file of a SQLite database; none when it lives in memory or on a server.
    file: Option<PathBuf>,
    config: config::Database,
    pulse: Pulse,
    known_version: version::Known,
}

impl Db {
    /// Opens the database; a SQLite file is created when it is missing. `purpose` is how Postgres shows this process.
    pub async fn connect(config: &config::Database, purpose: &str) -> Result<Self> {
        crate::tls::choose();
        if config.url.starts_with("sqlite:") {
            let file = sqlite_file(&config.url)?;
            let writer = Database::connect(sqlite_options(&file, 1, true)).await?;
            let reader = Database::connect(sqlite_options(&file, 8, false)).await?;
            return Ok(Db {
                writer,
                reader,
                backend: DbBackend::Sqlite,
                file: Some(file),
                config: config.clone(),
                pulse: Pulse::steady(),
                known_version: version::Known::default(),
            });
        }
        let options = postgres_options(config, purpose);
        let pulse = Pulse::of(&options);
        let pool = Database::connect(options).await?;
        Ok(Db {
            writer: pool.clone(),
            reader: pool,
            backend: DbBackend::Postgres,
            file: None,
            config: config.clone(),
            pulse,
            known_version: version::Known::default(),
        })
    }

    /// Does the work, unless the database turns out to be away: then the work is dropped where it stands and fails as
    /// any outage does. Whether a commit that was under way has happened is then for the rows to say.
    pub async fn unless_away<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.pulse.away() => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into()),
        }
    }

    /// Closes every connection; a later use fails.
    pub async fn close(&self) {
        self.pulse.stop();
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

    /// A transaction that may write. It begins with what its task has to note ([`each_beginning_with`]).
    pub async fn write(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.writer.begin_with_options(options).await?;
        first::write(&transaction).await?;
        Ok(transaction)
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
}

/// The path of a helper file that belongs to the database `file`.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

fn postgres_options(config: &config::Database, purpose: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(&config.url);
    options
        .max_connections(config.max_connections)
        .min_connections(config.min_connections.min(config.max_connections))
        // Below the time in which a mutation must be refused when the database is away.
        .acquire_timeout(Duration::from_millis(2_500))
        .connect_timeout(Duration::from_millis(2_500))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .set_application_name(format!("sitewright-{purpose}"));
    let cache = config.statement_cache;
    // A process that was frozen inside a transaction must not stop all others for hours.
    let mut session = vec![
        ("lock_timeout", "5s".to_string()),
        ("idle_in_transaction_session_timeout", "20s".to_string()),
    ];
    // Nearly all statements look up a few rows by key. Until a table has statistics, a planner that takes each page for a
    // seek of a disk reads the whole of it instead.
    session.push(("random_page_cost", "1.1".to_string()));
    if config.statement_timeout_ms > 0 {
        session.push(("statement_timeout", format!("{}ms", config.statement_timeout_ms)));
    }
    options.map_sqlx_postgres_opts(move |options| {
        options
            .options(session.iter().map(|(name, value)| (*name, value.as_str())))
            .statement_cache_capacity(cache)
    });
    options
}

/// One connection for changes of the schema, in which nothing is cut short, whatever the role's own settings say.
fn unlimited_options(config: &config::Database) -> ConnectOptions {
    let mut options = ConnectOptions::new(&config.url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .set_application_name("sitewright-migrate");
    let cache = config.statement_cache;
    options.map_sqlx_postgres_opts(move |options| {
        let never = [
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ];
        options.options(never).statement_cache_capacity(cache)
    });
    options
}

/// The file that a configuration names; none when the database is a server's.
pub fn file_of(config: &config::Database) -> Option<PathBuf> {
    config
        .url
        .starts_with("sqlite:")
        .then(|| sqlite_file(&config.url).ok())
        .flatten()
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
        // A file does not hang up.
        .test_before_acquire(false)
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
    options.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_between(connection))));
    options
}

/// Whether a connection that comes back is between two transactions; another one is closed.
///
/// A full disk makes SQLite take a transaction back by itself, and the rollback that follows fails. The driver then
/// counts on within it: the next `BEGIN` would become a savepoint, and what is committed there is stored nowhere once a
/// savepoint was taken back.
async fn is_between(connection: &mut SqliteConnection) -> std::result::Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may wait to be done.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// The present moment as both databases keep it.
pub fn now() -> Instant {
    Utc::now().trunc_subsecs(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helper_files_stand_beside_the_database() {
        assert_eq!(
            beside(Path::new("/data/site.db"), "lock"),
            Path::new("/data/site.db.lock")
        );
    }

    /// Seen to fail without `is_between`: the third transaction was committed within the first, and nobody else saw it.
    #[tokio::test]
    async fn a_transaction_that_sqlite_took_back_does_not_swallow_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(&config::Source::default()).unwrap().database;
        config.url = format!("sqlite://{}/full.db", folder.path().display());
        let db = Db::connect(&config, "test").await.unwrap();
        let tx = db.write().await.unwrap();
        execute(&tx, "CREATE TABLE notes (text TEXT)", []).await.unwrap();
        tx.commit().await.unwrap();

        let note = "INSERT INTO notes VALUES (zeroblob($1))";
        let tx = db.write().await.unwrap();
        // As on a full disk, for this connection alone.
        rows(&tx, "PRAGMA max_page_count = 2", []).await.unwrap();
        let refused = execute(&tx, note, [100_000.into()]).await;
        assert!(refused.unwrap_err().to_string().contains("full"));
        drop(tx);
        let tx = db.write().await.unwrap();
        tx.rollback().await.unwrap();

        let tx = db.write().await.unwrap();
        execute(&tx, note, [1.into()]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rows(db.reader(), "SELECT * FROM notes", []).await.unwrap().len(), 1);
    }
}
