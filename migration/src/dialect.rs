//! The words in which SQLite and Postgres differ, and nothing else.
//!
//! SQLite tables are STRICT, so a value of the wrong type is refused there as it is on Postgres.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Runs `sql` (several statements are fine) with the type words of the connected database.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    manager
        .get_connection()
        .execute_unprepared(&words(backend, sql))
        .await?;
    Ok(())
}

pub fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

fn words(backend: DbBackend, sql: &str) -> String {
    let table: [(&str, &str); 7] = match backend {
        DbBackend::Postgres => [
            ("{uuid}", "uuid"),
            ("{time}", "timestamptz"),
            ("{json}", "jsonb"),
            ("{bool}", "boolean"),
            ("{int}", "integer"),
            ("{real}", "double precision"),
            ("{strict}", ""),
        ],
        _ => [
            ("{uuid}", "blob"),
            ("{time}", "text"),
            ("{json}", "text"),
            ("{bool}", "integer"),
            ("{int}", "integer"),
            ("{real}", "real"),
            ("{strict}", " STRICT"),
        ],
    };
    let sql = sql.replace(
        "{bigint}",
        if backend == DbBackend::Postgres {
            "bigint"
        } else {
            "integer"
        },
    );
    table.iter().fold(sql, |sql, (word, with)| sql.replace(word, with))
}

/// Declares a migration whose two directions are plain SQL.
macro_rules! sql_migration {
    (up: $up:expr, down: $down:expr $(,)?) => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub struct Migration;

        #[sea_orm_migration::async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            fn use_transaction(&self) -> Option<bool> {
                // A crash in the middle must leave the version before, on SQLite too.
                Some(true)
            }

            async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm_migration::DbErr> {
                crate::dialect::run(manager, $up).await
            }

            async fn down(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm_migration::DbErr> {
                crate::dialect::run(manager, $down).await
            }
        }
    };
}
pub(crate) use sql_migration;
