//! Processes whose jobs do what a test says: a race is then between transitions, not between writers of text.
//!
//! A job here has no page behind it: its end writes what the engine writes, and nothing else.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use sitewright::config::Config;
use sitewright::entities::{JobKind, JobPhase, JobState, job};
use sitewright::error::Result;
use sitewright::events::Unit;
use sitewright::generation;
use sitewright::jobs::{
    self, Activity, Checkpoint, Child, Content, Done, Ending, Engine, EngineConfig, Halt, Keeps, NewJob, Step, Work,
};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::support::{PATIENCE, Site, World};

/// What a page job of a bench does.
#[derive(Clone)]
pub enum Doing {
    /// Succeeds at once.
    Nothing,
    /// Succeeds after a checkpoint for each phase.
    Phases,
    /// Waits for the others, then succeeds.
    Meet(Arc<Barrier>),
}

struct Pages(Doing);

#[async_trait]
impl Activity for Pages {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        match &self.0 {
            Doing::Nothing => {}
            Doing::Phases => {
                for phase in [JobPhase::WaitingForModel, JobPhase::Writing, JobPhase::Saving] {
                    work.checkpoint(Step::new(phase, 0.0)).await?;
                }
            }
            Doing::Meet(barrier) => {
                barrier.wait().await;
            }
        }
        let last = Step {
            closed: Some(Uuid::now_v7()),
            ..Step::new(JobPhase::Writing, 1.0)
        };
        let content: Content = Arc::new(());
        Ok(Done::Result {
            result: json!({}),
            content: Value::Null,
            events: Vec::new(),
            last: Some(Checkpoint { step: last, content }),
        })
    }

    async fn store(&self, _unit: &mut Unit, contents: &[&Content], _keeps: Keeps) -> Result<Vec<bool>> {
        Ok(vec![true; contents.len()])
    }

    async fn close(&self, _unit: &mut Unit, _endings: &[Ending<'_>]) -> Result<()> {
        Ok(())
    }
}

/// A site job that fans out into as many pages as it was asked for.
struct Sites;

#[async_trait]
impl Activity for Sites {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        let pages = work.job().input["maxPages"].as_u64().unwrap_or(0);
        let children = (0..pages).map(|_| Child {
            page: Uuid::now_v7(),
            input: json!({}),
        });
        Ok(Done::FanOut {
            content: Value::Null,
            children: children.collect(),
        })
    }

    async fn close(&self, _unit: &mut Unit, _endings: &[Ending<'_>]) -> Result<()> {
        Ok(())
    }

    async fn plant(&self, _unit: &mut Unit, _job: &job::Model, _content: &Value) -> Result<Vec<(Uuid, Value)>> {
        Ok(Vec::new())
    }
}

/// No cap of the configuration stands in the way of a crowd.
pub fn uncapped(config: &mut Config) {
    config.limits.running_per_account = 1_000_000;
    config.limits.queued_per_account = 1_000_000;
}

/// A process of its own on the world's database, whose jobs do as told.
pub async fn process(world: &World, pages: Doing) -> Engine {
    process_for(world, Pages(pages)).await
}

/// The same, with page jobs of a test's own.
pub async fn process_for(world: &World, pages: impl Activity + 'static) -> Engine {
    let app = world.another_process().await;
    let activities: [(JobKind, Arc<dyn Activity>); 2] =
        [(JobKind::Page, Arc::new(pages)), (JobKind::Site, Arc::new(Sites))];
    let config = EngineConfig::from(&app.config);
    Engine::new(app.db.clone(), app.bus.clone(), None, config, activities)
}

/// Queues page jobs of 20 credits; their pages exist in name only.
pub async fn queue(engine: &Engine, account: Uuid, site: Uuid, jobs: usize) -> Vec<Uuid> {
    let new = NewJob {
        id: Uuid::nil(),
        kind: JobKind::Page,
        blueprint_id: site,
        page_id: None,
        block_id: None,
        parent_id: None,
        start_key: None,
        price: 20,
        page_price: None,
        input: json!({}),
    };
    let jobs = (0..jobs).map(|_| NewJob {
        id: Uuid::now_v7(),
        page_id: Some(Uuid::now_v7()),
        ..new.clone()
    });
    start(engine, account, jobs.collect()).await
}

/// Starts a site job and lets it fan out; gives the parent.
pub async fn fanned_out(engine: &Engine, account: Uuid, site: Uuid, pages: i64) -> Uuid {
    let parent = NewJob {
        id: Uuid::now_v7(),
        kind: JobKind::Site,
        blueprint_id: site,
        page_id: None,
        block_id: None,
        parent_id: None,
        start_key: None,
        price: 50 + 20 * pages,
        page_price: Some(20),
        input: json!({ "maxPages": pages }),
    };
    let started = start(engine, account, vec![parent]).await;
    let claimed = jobs::claim(engine, 1).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].id), (1, started[0]));
    jobs::hold(engine.clone(), claimed[0].clone()).await;
    started[0]
}

async fn start(engine: &Engine, account: Uuid, jobs: Vec<NewJob>) -> Vec<Uuid> {
    let mut unit = engine.unit().await.unwrap();
    let enqueued = jobs::enqueue(&mut unit, engine, account, jobs, "").await.unwrap();
    let started = enqueued.pay(&mut unit, engine).await.unwrap();
    unit.commit().await.unwrap();
    started.iter().map(|job| job.id).collect()
}

/// Runs these claimed jobs to their ends, some at a time.
pub async fn conclude(engine: &Engine, jobs: Vec<job::Model>) {
    futures::stream::iter(jobs)
        .for_each_concurrent(8, |job| jobs::hold(engine.clone(), job))
        .await;
}

/// Claims and runs until nothing is left. A job that nobody can claim although it is not over is a failure.
pub async fn finish_all(engine: &Engine) {
    let until = Instant::now() + PATIENCE;
    loop {
        let claimed = jobs::claim(engine, 64).await.unwrap();
        if claimed.is_empty() {
            let query = job::Entity::find().filter(job::Column::FinishedAt.is_null());
            let left = query.all(engine.db.reader()).await.unwrap();
            if left.is_empty() {
                return;
            }
            // A lost racer's rollback may still be on its way, and its row be skipped until then.
            let may_be_locked = left.iter().any(|job| job.state == JobState::Queued) && Instant::now() < until;
            assert!(may_be_locked, "nobody can run what is left: {left:#?}");
        }
        conclude(engine, claimed).await;
    }
}

/// Runs all of these in tasks of their own, none before every one is ready.
pub async fn together<T: Send + 'static>(tasks: Vec<BoxFuture<'static, T>>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(tasks.len()));
    let tasks: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.expect("a racing task"));
    }
    results
}

/// A planned site in a world that runs no loops.
pub async fn planned(world: &World) -> Site {
    let blueprint = world.blueprint(world.account).await;
    let key = Uuid::now_v7().to_string();
    let engine = &world.app.engine;
    generation::start_structure(&world.app, world.account, blueprint, &key, None)
        .await
        .unwrap();
    let job = jobs::claim(engine, 1).await.unwrap().pop().expect("the plan is due");
    jobs::hold(engine.clone(), job).await;
    world.site(blueprint).await
}

/// So many turns for the others first: shifts the start of one racer against another.
pub async fn wait_turns(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// One racer of [`together`].
pub fn racer<T>(task: impl Future<Output = T> + Send + 'static) -> BoxFuture<'static, T> {
    task.boxed()
}
