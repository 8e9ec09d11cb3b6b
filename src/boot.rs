//! From a configuration to a running process: connect, migrate, seed, build, start, and stop again.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ai::{BreakerSettings, Chain, Link, Provider};
use crate::app::{App, Inner};
use crate::config::{Ai, Config, ProviderName, Role};
use crate::db::{Db, beside};
use crate::entities::meta;
use crate::error::{Error, Refusal, Result};
use crate::events::{Bus, Feeds, Unit, watchdog};
use crate::jobs::{Engine, EngineConfig, Orphans, rescue};
use crate::redis::Redis;
use crate::{audit, credits, generation, options, usage};

/// How long a start waits for the process before it to be gone.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// The key of the epoch among the values about the database.
const EPOCH: &str = "epoch";

/// A process that runs: keep it, and stop it.
pub struct Running {
    pub app: App,
    /// Held for as long as this process runs jobs on a SQLite file.
    _runner_lock: Option<File>,
}

/// Connects, brings the schema up to date, seeds what is missing and builds the engine. Starts nothing.
pub async fn open(config: Config) -> Result<App> {
    let mut links = Vec::new();
    for (name, ai) in config.ai.in_order() {
        links.push(link(name, &ai)?);
    }
    open_links(config, links).await
}

/// The same with a writer of the caller's choice.
pub async fn open_with(config: Config, ai: Provider) -> Result<App> {
    let link = Link::new(ai.name(), ai, "");
    open_links(config, vec![link]).await
}

async fn open_links(config: Config, mut links: Vec<Link>) -> Result<App> {
    let (chain, calls) = Chain::new(links.remove(0), links);
    let ai = Provider::Chain(Arc::new(chain));
    let db = Db::connect(&config.database, config.server.role.as_str()).await?;
    db.migrate().await?;
    options::seed(&db).await?;
    credits::seed_prices(&db).await?;
    db.version().await?;
    let epoch = epoch(&db).await?;
    let redis = redis(&config, &epoch)?;
    let bus = Bus::in_process(config.events.ring_items);
    let mut unit = Unit::begin(&db, &bus).await?;
    let local = credits::local_account(&mut unit, config.credits.initial).await?;
    unit.commit().await?;
    let engine_config = EngineConfig::from(&config);
    let activities = generation::activities(&db, &ai, config.ai.max_sections);
    let engine = Engine::new(db.clone(), bus.clone(), redis.clone(), engine_config, activities);
    Ok(App::new(Inner {
        feeds: Feeds::new(db.clone(), bus.clone()),
        config,
        db,
        bus,
        redis,
        ai,
        calls: Mutex::new(Some(calls)),
        engine,
        epoch,
        local_account: local.id,
        shutdown: CancellationToken::new(),
        hang_up: CancellationToken::new(),
        tasks: TaskTracker::new(),
        links: TaskTracker::new(),
    }))
}

/// Starts the loops of a process; on SQLite it must be the only one that runs jobs.
pub async fn start(app: App) -> Result<Running> {
    let lock = if app.engine.config().concurrency > 0 {
        runner_lock(&app).await?
    } else {
        None
    };
    if lock.is_some() {
        // Nobody else runs jobs on this file, so whatever runs has lost its holder.
        match rescue(&app.engine, Orphans::All).await {
            Ok(0) => {}
            Ok(orphans) => tracing::info!(orphans, "jobs of a process that stopped were taken over"),
            Err(error) => tracing::error!(cause = error.cause(), "orphaned jobs could not be looked for"),
        }
    }
    if let Some(redis) = &app.redis {
        let redis = redis.clone();
        app.bus.join(redis.clone(), &app.links, &app.hang_up);
        let (keep, hang_up) = (redis.clone(), app.hang_up.clone());
        app.links.spawn(async move { keep.keep(hang_up).await });
        // Events of the first moments should reach others at once; a server does not wait for more.
        redis.settle(Duration::from_millis(500)).await;
    } else if app.config.server.role != Role::All {
        tracing::warn!(
            "without Redis (redis.url) the roles hear of each other from the database: every event arrives within \
             seconds, but no text while it is written"
        );
    }
    if let Some(calls) = app.calls.lock().take() {
        // With the links, which end after the jobs: a call that a stop aborts has its account too.
        app.links
            .spawn(usage::record(app.db.clone(), calls, app.hang_up.clone()));
    }
    app.engine.start(&app.tasks, &app.shutdown);
    let every = Duration::from_millis(app.config.events.poll_ms);
    app.tasks.spawn(watchdog::run(
        app.db.clone(),
        app.bus.clone(),
        every,
        app.shutdown.clone(),
    ));
    let (db, stop) = (app.db.clone(), app.shutdown.clone());
    app.tasks
        .spawn(options::keep(db.clone(), app.bus.clone(), every, stop.clone()));
    let days = app.config.audit.retention_days;
    app.tasks.spawn(audit::keep(db, days, stop));
    Ok(Running {
        app,
        _runner_lock: lock,
    })
}

impl Running {
    /// Stops claiming, gives running jobs back and waits for every task.
    pub async fn stop(self) {
        self.app.shutdown.cancel();
        self.app.engine.drain().await;
        self.app.tasks.close();
        let patience = Duration::from_secs(3);
        if tokio::time::timeout(patience, self.app.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.app.tasks.len(), "some tasks did not end in time");
        }
        self.app.engine.leave().await;
        // Only now: jobs that were given back have said so to the other processes.
        self.app.hang_up.cancel();
        self.app.links.close();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.app.links.wait()).await;
    }
}

/// The lock stands beside the database, never on it: closing a second descriptor of the database file
/// would drop SQLite's own locks.
async fn runner_lock(app: &App) -> Result<Option<File>> {
    let Some(database) = app.db.file() else { return Ok(None) };
    let path = beside(database, "lock");
    let failed = |cause: &dyn std::fmt::Display| {
        Error::internal(format!("the lock file {} cannot be used: {cause}", path.display()))
    };
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|cause| failed(&cause))?;
    // A process that was killed a moment ago may not have let go yet, and whoever restarts it does so at once.
    let until = tokio::time::Instant::now() + LOCK_PATIENCE;
    let mut locked = file.try_lock();
    while matches!(locked, Err(std::fs::TryLockError::WouldBlock)) && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => {
            let message = format!(
                "Another process runs the jobs of {}. Stop it first, or use Postgres for several processes.",
                database.display()
            );
            Err(Refusal::invalid(&["database", "url"], "LOCKED", message).into())
        }
        Err(std::fs::TryLockError::Error(cause)) => Err(failed(&cause)),
    }
}

/// A connection to the configured Redis, in the making; none when there is none.
pub fn redis(config: &Config, epoch: &str) -> Result<Option<Redis>> {
    let redis = &config.redis;
    if redis.url.is_empty() {
        return Ok(None);
    }
    let connected = Redis::connect(redis, epoch);
    let refusal = |message: String| Error::from(Refusal::invalid(&["redis", "url"], "INVALID", message));
    connected.map(Some).map_err(refusal)
}

/// A writer of the configuration, with its price and its breaker.
fn link(name: String, ai: &Ai) -> Result<Link> {
    let ms = Duration::from_millis;
    let price = ai.prices.get(&ai.model).copied();
    let writer = Provider::configured(ai).map_err(|cause| Error::internal(format!("ai.provider: {cause}")))?;
    let link = Link::new(name, writer, ai.model.as_str()).with_price(price);
    Ok(match ai.provider {
        ProviderName::Openai => link.with_breaker(BreakerSettings {
            failures: ai.breaker_failures,
            pause: ms(ai.breaker_open_ms),
            cap: ms(ai.breaker_cap_ms),
        }),
        _ => link,
    })
}

/// The database's epoch, made at the first start; several starters agree on one.
pub async fn epoch(db: &Db) -> Result<String> {
    let tx = db.write().await?;
    let new = meta::ActiveModel {
        key: Set(EPOCH.to_string()),
        value: Set(new_epoch()),
    };
    let ignore = OnConflict::column(meta::Column::Key).do_nothing().to_owned();
    meta::Entity::insert(new)
        .on_conflict(ignore)
        .exec_without_returning(&tx)
        .await?;
    let row = meta::Entity::find_by_id(EPOCH).one(&tx).await?;
    tx.commit().await?;
    row.map(|row| row.value)
        .ok_or_else(|| Error::internal("the database has no epoch"))
}

/// The database's epoch, if a server has made one; nothing is written.
pub async fn known_epoch(db: &Db) -> Option<String> {
    let row = meta::Entity::find_by_id(EPOCH).one(db.reader()).await;
    row.ok().flatten().map(|row| row.value)
}

/// Renews the epoch, after a restore: every cursor given out before is answered by a snapshot.
pub async fn renew_epoch(db: &Db) -> Result<String> {
    let epoch = new_epoch();
    let tx = db.write().await?;
    let row = meta::ActiveModel {
        key: Set(EPOCH.to_string()),
        value: Set(epoch.clone()),
    };
    let replace = OnConflict::column(meta::Column::Key)
        .update_column(meta::Column::Value)
        .to_owned();
    meta::Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(epoch)
}

fn new_epoch() -> String {
    format!("{:08x}", rand::random::<u32>())
}
