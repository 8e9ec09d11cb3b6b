//! Why a queued job is not running: never silent.

use sea_orm::EntityTrait;

use super::engine::{Engine, ms};
use crate::db::{now, rows};
use crate::entities::{JobState, account, job};
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// The account runs as many jobs as it may.
    AccountLimit,
    /// Every process that runs jobs is full, or none is alive.
    NoWorker,
    /// It failed and is waiting for its next attempt.
    Retry,
    /// Every writer is left alone after a row of failures.
    Provider,
}

/// None for a job that is not queued, or that is about to be claimed.
pub async fn waiting_for(engine: &Engine, job: &job::Model) -> Result<Option<WaitReason>> {
    if job.state != JobState::Queued {
        return Ok(None);
    }
    if job.waits_for.is_some() && job.run_at > now() {
        return Ok(Some(WaitReason::Provider));
    }
    if job.attempt > 0 && job.run_at > now() {
        return Ok(Some(WaitReason::Retry));
    }
    let connection = engine.db.reader();
    let account = account::Entity::find_by_id(job.account_id).one(connection).await?;
    if account.is_some_and(|account| account.running >= engine.config().running_per_account) {
        return Ok(Some(WaitReason::AccountLimit));
    }
    // A process beats several times within a lease.
    let silence = -ms(engine.config().lease);
    let text = "SELECT CAST(COALESCE(SUM(slots), 0) AS bigint) - \
                (SELECT count(*) FROM jobs WHERE state = 'running' AND lease_owner IS NOT NULL) AS free \
                FROM workers WHERE last_seen_at > {now+$1}";
    let row = rows(connection, text, [silence.into()]).await?.pop();
    let free: i64 = row.map_or(Ok(0), |row| row.try_get("", "free"))?;
    Ok((free <= 0).then_some(WaitReason::NoWorker))
}
