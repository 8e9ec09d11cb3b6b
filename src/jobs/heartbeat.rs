//! T2: one statement renews all leases of the process and brings back which of its jobs are to stop.
//!
//! Rows that another transaction holds are skipped, not waited for: the next beat is soon, and a
//! heartbeat that waits for a lock is a heartbeat that stops.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::engine::{Engine, ms};
use super::stop::Why;
use crate::db::{execute, marks, sql};
use crate::entities::JobState;
use crate::error::Result;

#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    run_lease: i64,
    is_cancelled: bool,
}

#[derive(Debug, FromQueryResult)]
struct Standing {
    run_lease: i64,
    state: JobState,
}

/// One beat: renews, tells cancelled jobs to stop, and finds out which jobs were lost.
pub async fn beat(engine: &Engine) -> Result<()> {
    let held: Vec<(Uuid, i64)> = engine.held.lock().iter().map(|(id, held)| (*id, held.lease)).collect();
    if !held.is_empty() {
        let renewed = renew(engine, &held).await?;
        let missing: Vec<Uuid> = held
            .iter()
            .filter(|(id, lease)| !renewed.iter().any(|row| row.id == *id && row.run_lease == *lease))
            .map(|(id, _)| *id)
            .collect();
        for row in renewed.iter().filter(|row| row.is_cancelled) {
            ask(engine, row.id, row.run_lease, Why::Cancelled);
        }
        find_lost(engine, &missing).await?;
    }
    register(engine).await
}

/// Only what is still held: a job that this process gave up on must run out of its lease.
async fn renew(engine: &Engine, held: &[(Uuid, i64)]) -> Result<Vec<Row>> {
    let text = format!(
        "UPDATE jobs SET lease_expires_at = {{now+$2}} WHERE id IN ( \
           SELECT id FROM jobs WHERE id IN ({}) AND lease_owner = $1 AND state = 'running' \
           ORDER BY id {{skip locked}}) \
         AND lease_owner = $1 AND state = 'running' \
         RETURNING id, run_lease, cancel_requested_at IS NOT NULL AS is_cancelled",
        marks(3, held.len())
    );
    let tx = engine.db.write().await?;
    let mut values: Vec<sea_orm::Value> = vec![engine.worker.into(), ms(engine.config().lease).into()];
    values.extend(held.iter().map(|(id, _)| (*id).into()));
    let rows = Row::find_by_statement(sql(&tx, &text, values)).all(&tx).await?;
    tx.commit().await?;
    Ok(rows)
}

/// A job that was not renewed was skipped because its row is locked, or it is ours no more.
async fn find_lost(engine: &Engine, missing: &[Uuid]) -> Result<()> {
    for id in missing {
        let text = "SELECT run_lease, state FROM jobs WHERE id = $1";
        let connection = engine.db.reader();
        let Some(row) = Standing::find_by_statement(sql(connection, text, [(*id).into()]))
            .one(connection)
            .await?
        else {
            continue;
        };
        let mut held = engine.held.lock();
        let Some(own) = held.get_mut(id) else { continue };
        // Ended under our own lease is our own end, on its way out of the map.
        if row.run_lease != own.lease || row.state == JobState::Queued {
            own.stop.ask(Why::LostLease);
        }
    }
    Ok(())
}

pub(super) fn ask(engine: &Engine, job: Uuid, lease: i64, why: Why) {
    if let Some(held) = engine.held.lock().get(&job).filter(|held| held.lease == lease) {
        held.stop.ask(why);
    }
}

/// This process's row among the workers.
async fn register(engine: &Engine) -> Result<()> {
    let text = "INSERT INTO workers (id, version, process_id, slots, running, started_at, last_seen_at) \
                VALUES ($1, $2, $3, $4, $5, {now}, {now}) \
                ON CONFLICT (id) DO UPDATE SET running = excluded.running, last_seen_at = excluded.last_seen_at";
    let tx = engine.db.write().await?;
    let values = [
        engine.worker.into(),
        env!("CARGO_PKG_VERSION").into(),
        i64::from(std::process::id()).into(),
        i32::try_from(engine.config().concurrency).unwrap_or(i32::MAX).into(),
        i32::try_from(engine.held_count()).unwrap_or(i32::MAX).into(),
    ];
    execute(&tx, text, values).await?;
    Ok(tx.commit().await?)
}

/// Takes this process off the list, and those that have been silent for a day.
pub(super) async fn unregister(engine: &Engine) -> Result<()> {
    let tx = engine.db.write().await?;
    let values = [engine.worker.into(), (-86_400_000_i64).into()];
    execute(
        &tx,
        "DELETE FROM workers WHERE id = $1 OR last_seen_at < {now+$2}",
        values,
    )
    .await?;
    Ok(tx.commit().await?)
}
