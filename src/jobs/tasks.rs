//! What runs where, for people to look at: every running task with its job, worker, phase and progress.
//!
//! With Redis each process tells it as it changes; without, the database knows it as of the last checkpoint and beat.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::engine::Engine;
use crate::db::{Db, now};
use crate::entities::{JobState, job, worker};
use crate::error::{Instant, Result};
use crate::redis::Redis;

/// Changes that come together are told together.
const TOGETHER: Duration = Duration::from_millis(200);

/// A running task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub job: Uuid,
    pub kind: String,
    pub account: Uuid,
    pub blueprint: Option<Uuid>,
    pub attempt: i32,
    pub phase: Option<String>,
    /// From 0 to 1.
    pub progress: f64,
    pub started_at: Option<Instant>,
    pub cancel_requested: bool,
}

/// A process that runs jobs, and what it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerTasks {
    pub worker: Uuid,
    pub version: String,
    pub process_id: i64,
    /// Jobs it can run at a time.
    pub slots: i64,
    pub seen_at: Instant,
    pub tasks: Vec<Task>,
}

impl From<&job::Model> for Task {
    fn from(job: &job::Model) -> Self {
        Task {
            job: job.id,
            kind: job.kind.as_str().to_string(),
            account: job.account_id,
            blueprint: job.blueprint_id,
            attempt: job.attempt,
            phase: job.phase.map(|phase| phase.as_str().to_string()),
            progress: job.progress,
            started_at: job.started_at,
            cancel_requested: job.cancel_requested_at.is_some(),
        }
    }
}

/// Tells what this process runs, as it changes and with every heartbeat, until the last job has gone; [`Engine::leave`]
/// says the rest.
pub(super) async fn tell(engine: Engine, shutdown: CancellationToken) {
    let Some(redis) = engine.redis.clone() else { return };
    let worker = engine.worker.simple().to_string();
    // Two beats may be lost before others count this process as gone.
    let ttl = engine.config().heartbeat * 3 + Duration::from_secs(1);
    let mut health = redis.health();
    while !(shutdown.is_cancelled() && engine.held_count() == 0) {
        let told = own(&engine);
        if let Ok(text) = serde_json::to_string(&told) {
            // A Redis that is away is said elsewhere; the next beat tells everything again.
            let _ = redis.tell(&worker, text, told.seen_at.timestamp_millis(), ttl).await;
        }
        tokio::select! {
            () = engine.changed.notified() => tokio::time::sleep(TOGETHER).await,
            () = tokio::time::sleep(engine.config().heartbeat) => {}
            // A Redis that comes back knows nothing.
            Ok(()) = health.changed() => {}
            () = shutdown.cancelled(), if !shutdown.is_cancelled() => {}
        }
    }
}

impl Engine {
    /// Takes this process off the list, while its connection to Redis still stands.
    pub async fn leave(&self) {
        if let Some(redis) = &self.redis {
            // What cannot be taken off expires.
            let _ = redis.tell_nothing(&self.worker.simple().to_string()).await;
        }
    }
}

fn own(engine: &Engine) -> WorkerTasks {
    let mut tasks: Vec<Task> = engine.held.lock().values().map(|held| held.task.clone()).collect();
    tasks.sort_by_key(|task| task.job);
    WorkerTasks {
        worker: engine.worker,
        version: env!("CARGO_PKG_VERSION").to_string(),
        process_id: std::process::id().into(),
        slots: engine.config().concurrency as i64,
        seen_at: now(),
        tasks,
    }
}

/// What every living process told; none when Redis does not answer.
pub async fn told(redis: &Redis) -> Option<Vec<WorkerTasks>> {
    let texts = redis.told().await.ok()?;
    // What another version tells in another way is left out rather than guessed.
    let mut all: Vec<WorkerTasks> = texts
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    all.sort_by_key(|told| told.worker);
    Some(all)
}

/// What the database knows: as of each worker's last beat and each job's last checkpoint.
pub async fn recorded(db: &Db) -> Result<Vec<WorkerTasks>> {
    let workers = worker::Entity::find()
        .order_by_asc(worker::Column::Id)
        .all(db.reader())
        .await?;
    let held = job::Entity::find()
        .filter(job::Column::State.eq(JobState::Running))
        .filter(job::Column::LeaseOwner.is_not_null())
        .order_by_asc(job::Column::Id)
        .all(db.reader())
        .await?;
    let mut tasks: BTreeMap<Uuid, Vec<Task>> = BTreeMap::new();
    for job in &held {
        if let Some(owner) = job.lease_owner {
            tasks.entry(owner).or_default().push(job.into());
        }
    }
    let known = workers.into_iter().map(|row| WorkerTasks {
        worker: row.id,
        version: row.version,
        process_id: row.process_id,
        slots: row.slots.into(),
        seen_at: row.last_seen_at,
        tasks: tasks.remove(&row.id).unwrap_or_default(),
    });
    Ok(known.collect())
}
