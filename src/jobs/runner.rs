//! The tasks of a process that runs jobs: claim and hold, beat, rescue, and hear of cancels.
//!
//! Waking is a hint, polling is the truth: each loop would do its work, only later, without any hint.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claim::claim_some;
use super::engine::{Engine, ms};
use super::heartbeat::{beat, unregister};
use super::holder::hold;
use super::rescue::{Orphans, rescue};
use super::stop::Why;
use crate::db::execute;
use crate::error::{Error, Result};
use crate::events::Hint;

/// How long a claim may take at least.
const CLAIM: Duration = Duration::from_secs(10);
/// How often events older than retention are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(600);

impl Engine {
    /// Starts this process's loops; they end when `shutdown` is cancelled.
    pub fn start(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        if self.config().concurrency == 0 {
            // Whoever serves also takes over from the dead; on a file that is the job runner's alone.
            if self.db.is_postgres() {
                tasks.spawn(rescues(self.clone(), shutdown.clone()));
            }
            return;
        }
        tasks.spawn(run(self.clone(), tasks.clone(), shutdown.clone()));
        tasks.spawn(beats(self.clone(), shutdown.clone()));
        tasks.spawn(rescues(self.clone(), shutdown.clone()));
        tasks.spawn(hints(self.clone(), shutdown.clone()));
        if self.redis.is_some() {
            tasks.spawn(super::tasks::tell(self.clone(), shutdown.clone()));
        }
    }

    /// Lets held jobs go on for a while, then asks them to give themselves back (T9), and waits until they have or time
    /// is up. Time counts from the first call.
    pub async fn drain(&self) {
        let since = *self.stopping.get_or_init(Instant::now);
        let (grace, until) = (since + self.config().grace, since + self.config().shutdown);
        while (self.held_count() > 0 || self.is_claiming.load(Ordering::SeqCst)) && Instant::now() < until {
            if Instant::now() >= grace {
                for held in self.held.lock().values() {
                    held.stop.ask(Why::Shutdown);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether jobs that are held by now have to go.
    pub(super) fn is_out_of_grace(&self) -> bool {
        let since = self.stopping.get();
        since.is_some_and(|since| since.elapsed() >= self.config().grace)
    }
}

async fn run(engine: Engine, tasks: TaskTracker, shutdown: CancellationToken) {
    let mut failures = 0;
    loop {
        let free = engine.config().concurrency.saturating_sub(engine.held_count());
        engine.is_claiming.store(true, Ordering::SeqCst);
        // Asked after the flag is up: whoever drains either sees the flag or stops us here.
        let is_part = match shutdown.is_cancelled() {
            true => Ok(false),
            false => claim_and_hold(&engine, &tasks, free).await,
        };
        engine.is_claiming.store(false, Ordering::SeqCst);
        match is_part {
            // What arrives while one looks wakes the next look; what others took from under it does not.
            Ok(true) => {
                failures = 0;
                continue;
            }
            Ok(false) => failures = 0,
            Err(error) => {
                failures += 1;
                log_outage(failures, "claim jobs", &error);
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = engine.bus.work() => {}
            () = tokio::time::sleep(engine.config().poll) => {}
        }
    }
}

/// Claims what there is room for; what comes back is held from that moment on. Says whether to look again at once.
async fn claim_and_hold(engine: &Engine, tasks: &TaskTracker, free: usize) -> Result<bool> {
    if engine.held.lock().values().any(|held| held.is_suspect) {
        return Ok(false);
    }
    // Not dropped as soon as an outage is noticed: what it had committed would have to be rescued. After a lease it has
    // to be anyway.
    let patience = engine.config().lease.max(CLAIM);
    let claimed = tokio::time::timeout(patience, claim_some(engine, free)).await;
    let claimed = claimed.unwrap_or_else(|_| Err(Error::internal("a claim was not answered within a lease")))?;
    for job in claimed.jobs {
        let bus = engine.bus.clone();
        let held = hold(engine.clone(), job);
        tasks.spawn(async move {
            held.await;
            // A slot is free.
            bus.wake_here();
        });
    }
    Ok(claimed.is_part)
}

async fn beats(engine: Engine, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(engine.config().heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failures = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = ticks.tick() => {}
        }
        match engine.db.unless_away(beat(&engine)).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                log_outage(failures, "renew the leases of its jobs", &error);
            }
        }
    }
    // Jobs that are being given back still need their leases.
    while engine.held_count() > 0 {
        let _ = tokio::time::timeout(engine.config().heartbeat, beat(&engine)).await;
        tokio::time::sleep(engine.config().heartbeat.min(Duration::from_millis(200))).await;
    }
    if let Err(error) = unregister(&engine).await {
        tracing::warn!(
            cause = error.cause(),
            "this process could not be taken off the list of workers"
        );
    }
}

async fn rescues(engine: Engine, shutdown: CancellationToken) {
    let config = engine.config();
    let mut calm = Calm::default();
    let mut forgot = Instant::now();
    let mut failures = 0;
    loop {
        // Jitter keeps many processes from looking at the same moment.
        let pause = config.rescue.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        let before = Clocks::now();
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if before.elapsed() > pause + config.lease.saturating_sub(config.heartbeat) {
            tracing::warn!("this process slept; it waits one lease before it takes over jobs");
            calm = Calm::default();
        }
        // Asked on every tick, also while we wait: calm counts from the recovery, not from the last failure.
        let asked = Instant::now();
        let answer = engine
            .db
            .unless_away(async { Ok(crate::db::rows(engine.db.reader(), "SELECT 1", []).await?) })
            .await;
        calm.note(answer.is_ok() && asked.elapsed() < config.heartbeat);
        if !calm.lasts(config.lease) {
            if let Err(error) = answer {
                failures += 1;
                log_outage(failures, "look for jobs to take over", &error);
            }
            continue;
        }
        let mut looked = engine
            .db
            .unless_away(rescue(&engine, Orphans::Expired))
            .await
            .map(|_| ());
        if looked.is_ok() && forgot.elapsed() > FORGET_EVERY {
            forgot = Instant::now();
            looked = forget_old_events(&engine).await;
        }
        match looked {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                calm = Calm::default();
                log_outage(failures, "look for jobs to take over", &error);
            }
        }
    }
}

/// Since when the database has answered without a break, as this process has seen it.
#[derive(Default)]
struct Calm(Option<Instant>);

impl Calm {
    fn note(&mut self, is_well: bool) {
        self.0 = if is_well { self.0.or(Some(Instant::now())) } else { None };
    }

    fn lasts(&self, at_least: Duration) -> bool {
        self.0.is_some_and(|since| since.elapsed() >= at_least)
    }
}

/// Both clocks: the monotonic one stands still while a laptop sleeps, and leases do not.
struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn now() -> Self {
        Clocks {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

/// Deletes events older than retention; a job's only together and only when it has ended.
pub async fn forget_old_events(engine: &Engine) -> Result<()> {
    let age = -ms(engine.config().retention);
    for text in [
        "DELETE FROM job_events WHERE job_id IN \
         (SELECT id FROM jobs WHERE finished_at < {now+$1} AND EXISTS \
          (SELECT 1 FROM job_events e WHERE e.job_id = jobs.id) LIMIT 100)",
        "DELETE FROM blueprint_events WHERE at < {now+$1}",
        "DELETE FROM account_events WHERE at < {now+$1}",
    ] {
        // In small transactions: SQLite has one writer, and jobs wait for it.
        loop {
            let tx = engine.db.write().await?;
            let deleted = execute(&tx, text, [age.into()]).await?;
            tx.commit().await?;
            if deleted == 0 {
                break;
            }
        }
    }
    Ok(())
}

async fn hints(engine: Engine, shutdown: CancellationToken) {
    let mut hints = engine.bus.hints();
    loop {
        let heard = tokio::select! {
            () = shutdown.cancelled() => return,
            heard = hints.recv() => heard,
        };
        match heard {
            Ok(Hint::Cancel(job)) => {
                if let Some(held) = engine.held.lock().get(&job) {
                    held.stop.ask(Why::Cancelled);
                }
            }
            // Hints were lost, or another writer was seen: the beat reads leases and flags themselves.
            Ok(Hint::Doubt) | Err(_) => {
                let _ = beat(&engine).await;
            }
        }
    }
}

/// The first failure and then every tenth: an outage is said once, not once a second.
fn log_outage(failures: u32, what: &str, error: &Error) {
    if failures % 10 == 1 {
        tracing::error!(
            cause = error.cause(),
            failures,
            "the database does not answer; this process cannot {what}"
        );
    }
}
