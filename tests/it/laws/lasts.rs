//! The last thing that a run stores: with its end, or on its way out of a process that goes away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sitewright::config::Config;
use sitewright::entities::{JobPhase, JobState};
use sitewright::error::{Error, Result};
use sitewright::events::Unit;
use sitewright::jobs::{self, Activity, Checkpoint, Content, Done, Ending, Halt, Keeps, Step, Work};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::races::bench;
use crate::support::{Backend, PATIENCE, World};

fn closing() -> Checkpoint {
    let step = Step {
        closed: Some(Uuid::now_v7()),
        ..Step::new(JobPhase::Writing, 1.0)
    };
    let content: Content = Arc::new(());
    Checkpoint { step, content }
}

/// Brings something along that nobody can store.
struct Unstorable;

#[async_trait]
impl Activity for Unstorable {
    async fn run(&self, _work: &mut Work) -> Result<Done, Halt> {
        Ok(Done::Result {
            result: json!({}),
            content: Value::Null,
            events: Vec::new(),
            last: Some(closing()),
        })
    }

    async fn store(&self, _unit: &mut Unit, _contents: &[&Content], _keeps: Keeps) -> Result<Vec<bool>> {
        Err(Error::internal("not storable"))
    }

    async fn close(&self, _unit: &mut Unit, _endings: &[Ending<'_>]) -> Result<()> {
        Ok(())
    }
}

/// Has a section that closed when it is told to stop.
struct LateSection(Arc<Notify>);

#[async_trait]
impl Activity for LateSection {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        self.0.notify_one();
        work.stopped().await;
        work.checkpoint_with(closing()).await?;
        Err(Halt::Stopped)
    }

    async fn store(&self, _unit: &mut Unit, contents: &[&Content], _keeps: Keeps) -> Result<Vec<bool>> {
        Ok(vec![true; contents.len()])
    }

    async fn close(&self, _unit: &mut Unit, _endings: &[Ending<'_>]) -> Result<()> {
        Ok(())
    }
}

fn at_once(config: &mut Config) {
    bench::uncapped(config);
    config.jobs.retry_base_ms = 1;
    config.server.grace_ms = 0;
}

/// Seen to fail when an end that could not be stored left its job to the rescuer: it ran until its lease was over, and
/// was quarantined for crashes that nobody had seen.
async fn an_end_that_cannot_be_stored_is_a_failed_attempt(backend: Backend) {
    let world = backend.world_with(at_once).await;
    let engine = bench::process_for(&world, Unstorable).await;
    let site = world.blueprint(world.account).await;
    let before = world.account(world.account).await;
    let id = bench::queue(&engine, world.account, site, 1).await[0];
    let attempts = engine.config().max_attempts;
    for attempt in 1..=attempts {
        let wait = async {
            loop {
                if let Some(job) = jobs::claim(&engine, 1).await.unwrap().pop() {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let job = tokio::time::timeout(PATIENCE, wait).await.expect("it is due again");
        jobs::hold(engine.clone(), job).await;
        let job = world.job(id).await;
        let expected = if attempt < attempts {
            JobState::Queued
        } else {
            JobState::Failed
        };
        assert_eq!(
            (job.state, job.attempt, job.written),
            (expected, attempt, 0),
            "{job:#?}"
        );
    }
    let job = world.job(id).await;
    assert_eq!((job.error_code.as_deref(), job.crashes), (Some("INTERNAL"), 0));
    let after = world.account(world.account).await;
    assert_eq!((after.balance, after.held), (before.balance, 0));
    world.settle().await;
}

/// A page job whose section closes as it is stopped, by `stop`.
async fn stopped(backend: Backend, stop: impl AsyncFnOnce(&World, &jobs::Engine, Uuid)) -> (World, Uuid) {
    let world = backend.world_with(at_once).await;
    let begun = Arc::new(Notify::new());
    let engine = bench::process_for(&world, LateSection(begun.clone())).await;
    let site = world.blueprint(world.account).await;
    let id = bench::queue(&engine, world.account, site, 1).await[0];
    let job = jobs::claim(&engine, 1).await.unwrap().pop().expect("it is due");
    let held = tokio::spawn(jobs::hold(engine.clone(), job));
    begun.notified().await;
    stop(&world, &engine, id).await;
    held.await.unwrap();
    (world, id)
}

/// Seen to fail when a job that was told to stop stored nothing: the section was bought again.
async fn what_closed_before_a_process_goes_away_is_stored(backend: Backend) {
    let (world, id) = stopped(backend, async |_, engine, _| engine.drain().await).await;
    let job = world.job(id).await;
    assert_eq!(
        (job.state, job.attempt, job.written),
        (JobState::Queued, 0, 1),
        "{job:#?}"
    );
    jobs::cancel(&world.app.engine, world.account, id).await.unwrap();
    world.settle().await;
}

async fn what_closes_after_a_cancel_is_not(backend: Backend) {
    let cancel = async |world: &World, engine: &jobs::Engine, id| {
        jobs::cancel(engine, world.account, id).await.map(drop).unwrap();
        // The loops of this process do not run: its heart tells it.
        jobs::beat(engine).await.unwrap();
    };
    let (world, id) = stopped(backend, cancel).await;
    let job = world.job(id).await;
    assert_eq!(
        (job.state, job.written, job.charged),
        (JobState::Cancelled, 0, Some(0)),
        "{job:#?}"
    );
    world.settle().await;
}

on_both!(
    an_end_that_cannot_be_stored_is_a_failed_attempt,
    what_closed_before_a_process_goes_away_is_stored,
    what_closes_after_a_cancel_is_not,
);
