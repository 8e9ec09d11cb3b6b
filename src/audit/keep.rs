//! How long entries are kept.

use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use tokio_util::sync::CancellationToken;

use crate::db::{self, Db};
use crate::entities::meta;
use crate::error::Result;

/// How often old entries are looked for.
const EVERY: Duration = Duration::from_secs(3_600);
/// Entries that one transaction deletes: on SQLite nobody else writes meanwhile.
const BATCH: i64 = 1_000;
/// The key under which the database is told how far back entries are kept; its trigger lets older ones go.
const KEPT_FROM: &str = "audit_kept_from";

/// Deletes what is older than so many days, again and again, until `stop`. 0 keeps everything.
pub async fn keep(db: Db, days: u32, stop: CancellationToken) {
    if days == 0 {
        return;
    }
    loop {
        if let Err(error) = forget(&db, TimeDelta::days(days.into())).await {
            tracing::warn!(cause = error.cause(), "old audit entries could not be deleted");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Deletes what is older than `age`.
pub async fn forget(db: &Db, age: TimeDelta) -> Result<u64> {
    let from = db::now() - age;
    let transaction = db.write().await?;
    let row = meta::ActiveModel {
        key: Set(KEPT_FROM.to_string()),
        value: Set(from.to_rfc3339_opts(SecondsFormat::Micros, false)),
    };
    let replace = OnConflict::column(meta::Column::Key)
        .update_column(meta::Column::Value)
        .to_owned();
    meta::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&transaction)
        .await?;
    transaction.commit().await?;
    let text =
        "DELETE FROM audit_entries WHERE id IN (SELECT id FROM audit_entries WHERE at < $1 ORDER BY at LIMIT $2)";
    let mut gone = 0;
    loop {
        let transaction = db.write().await?;
        let some = db::execute(&transaction, text, [from.into(), BATCH.into()]).await?;
        transaction.commit().await?;
        gone += some;
        if some < BATCH.unsigned_abs() {
            return Ok(gone);
        }
    }
}
