//! The engine's handles: what every transition needs, shared by all tasks of the process.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::activity::Activity;
use super::gather::Gather;
use super::stop::Stop;
use super::tasks::Task;
use crate::config::Config;
use crate::db::Db;
use crate::entities::JobKind;
use crate::error::{Error, Result};
use crate::events::{Bus, Unit};
use crate::redis::Redis;

/// The engine's part of the configuration, in its own units.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    pub concurrency: usize,
    pub lease: Duration,
    pub heartbeat: Duration,
    pub rescue: Duration,
    pub poll: Duration,
    pub deadline: Duration,
    pub max_attempts: i32,
    pub retry_base: Duration,
    pub retry_cap: Duration,
    /// How long after its start a job may wait for a writer.
    pub max_wait: Duration,
    pub running_per_account: i64,
    pub queued_per_account: i64,
    pub retention: Duration,
    /// How long running jobs may go on when the process is told to stop.
    pub grace: Duration,
    /// How long they may take to stop, the grace included.
    pub shutdown: Duration,
}

impl From<&Config> for EngineConfig {
    fn from(config: &Config) -> Self {
        let jobs = &config.jobs;
        EngineConfig {
            concurrency: if config.server.role.runs_jobs() {
                jobs.concurrency
            } else {
                0
            },
            lease: jobs.lease(),
            heartbeat: Duration::from_millis(jobs.heartbeat_ms),
            rescue: Duration::from_millis(jobs.rescue_ms),
            poll: Duration::from_millis(jobs.poll_ms),
            deadline: Duration::from_millis(jobs.deadline_ms),
            max_attempts: jobs.max_attempts,
            retry_base: Duration::from_millis(jobs.retry_base_ms),
            retry_cap: Duration::from_millis(jobs.retry_cap_ms),
            max_wait: Duration::from_millis(jobs.max_wait_ms),
            running_per_account: config.limits.running_per_account,
            queued_per_account: config.limits.queued_per_account,
            retention: Duration::from_secs(u64::from(config.events.retention_days) * 86_400),
            grace: Duration::from_millis(config.server.grace_ms),
            shutdown: Duration::from_millis(config.server.shutdown_ms),
        }
    }
}

#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub struct Inner {
    pub db: Db,
    pub bus: Bus,
    pub(super) redis: Option<Redis>,
    /// This start of this process; never a host name.
    pub worker: Uuid,
    config: EngineConfig,
    activities: HashMap<JobKind, Arc<dyn Activity>>,
    /// Transactions that wait for the same row are made one, and reads that are asked for at a time.
    pub gather: Gather,
    /// The jobs that this process holds.
    pub(super) held: Mutex<HashMap<Uuid, Held>>,
    /// A claim is under way: what it brings is not held yet.
    pub(super) is_claiming: AtomicBool,
    /// What this process holds has changed: others who look at the list of tasks want to know.
    pub(super) changed: Notify,
    /// When this process began to stop.
    pub(super) stopping: OnceLock<Instant>,
}

/// A job that this process holds.
pub(super) struct Held {
    pub lease: i64,
    pub stop: Stop,
    /// It crashed twice without progress and runs alone until its next checkpoint.
    pub is_suspect: bool,
    /// As of its newest checkpoint.
    pub task: Task,
}

impl Deref for Engine {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Engine {
    pub fn new(
        db: Db,
        bus: Bus,
        redis: Option<Redis>,
        config: EngineConfig,
        activities: impl IntoIterator<Item = (JobKind, Arc<dyn Activity>)>,
    ) -> Self {
        Engine(Arc::new(Inner {
            db,
            bus,
            redis,
            worker: Uuid::new_v4(),
            config,
            activities: activities.into_iter().collect(),
            gather: Gather::default(),
            held: Mutex::default(),
            is_claiming: AtomicBool::new(false),
            changed: Notify::new(),
            stopping: OnceLock::new(),
        }))
    }

    /// How many transactions of one kind and one account are made side by side before others are gathered. A file has one
    /// writer anyway, and what waits for it costs nothing when it is gathered.
    pub fn side_by_side(&self, on_a_server: usize) -> usize {
        if self.db.is_postgres() { on_a_server } else { 1 }
    }

    pub async fn unit(&self) -> Result<Unit> {
        Unit::begin(&self.db, &self.bus).await
    }
}

impl Inner {
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    pub fn activity(&self, kind: JobKind) -> Result<Arc<dyn Activity>> {
        let activity = self.activities.get(&kind).cloned();
        activity.ok_or_else(|| Error::internal(format!("no activity makes jobs of kind {}", kind.as_str())))
    }

    /// How many jobs this process holds now.
    pub fn held_count(&self) -> usize {
        self.held.lock().len()
    }
}

/// Milliseconds for SQL.
pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
