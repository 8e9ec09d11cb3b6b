//! The model is asked while the job says that it waits for it: nobody waits for a commit first, and a job that is another's
//! by then gives the call up.

use std::time::Duration;

use model_server::{Model, Outcome, When};
use sea_orm::DatabaseTransaction;
use sitewright::db::{execute, rows};
use sitewright::entities::{JobPhase, JobState, job};
use sitewright::{generation, jobs};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ask;
use crate::support::{Backend, PATIENCE, World};

const SOON: Duration = Duration::from_secs(2);

/// A claimed job that is held while nothing of it can be stored.
struct Stuck {
    world: World,
    model: Model,
    job: job::Model,
    held: JoinHandle<()>,
    lock: DatabaseTransaction,
}

impl Stuck {
    /// As soon as the model writes.
    async fn begin(backend: Backend, tokens_per_second: u32) -> Stuck {
        let model = Model::start().await;
        model.speed(tokens_per_second);
        let world = backend.world_with(|config| ask(config, &model)).await;
        let site = world.blueprint(world.account).await;
        let key = Uuid::now_v7().to_string();
        let start = generation::start_structure(&world.app, world.account, site, &key, None);
        let id = start.await.unwrap().jobs[0].id;
        let job = jobs::claim(&world.app.engine, 1).await.unwrap().remove(0);
        assert_eq!(job.id, id);
        // On a file, whoever writes is the only one.
        let lock = world.app.db.write().await.unwrap();
        rows(&lock, "SELECT id FROM jobs WHERE id = $1 {lock}", [id.into()])
            .await
            .unwrap();
        let held = tokio::spawn(jobs::hold(world.app.engine.clone(), job.clone()));
        let asked = tokio::time::timeout(PATIENCE, model.reached(&When::of_job(id), 1)).await;
        asked.expect("the model is asked before anything can be stored");
        assert_eq!(world.job(id).await.phase, Some(JobPhase::Preparing));
        Stuck {
            world,
            model,
            job,
            held,
            lock,
        }
    }
}

on_both!(
    a_call_waits_for_no_commit,
    a_job_that_is_lost_by_then_gives_the_call_up,
    a_stop_ends_the_call_though_nothing_can_be_stored,
);

async fn a_call_waits_for_no_commit(backend: Backend) {
    let stuck = Stuck::begin(backend, 0).await;
    stuck.lock.rollback().await.unwrap();
    stuck.held.await.unwrap();
    assert_eq!(stuck.world.job(stuck.job.id).await.state, JobState::Succeeded);
    assert_eq!(stuck.model.statistics().calls, 1);
    stuck.world.settle().await;
}

async fn a_job_that_is_lost_by_then_gives_the_call_up(backend: Backend) {
    let stuck = Stuck::begin(backend, 20).await;
    let (world, id) = (stuck.world, stuck.job.id);
    let take = "UPDATE jobs SET run_lease = run_lease + $2 WHERE id = $1";
    execute(&stuck.lock, take, [id.into(), 1.into()]).await.unwrap();
    stuck.lock.commit().await.unwrap();
    let aborted = tokio::time::timeout(SOON, stuck.model.ended(&When::of_job(id), Outcome::Aborted)).await;
    aborted.expect("the call is given up");
    stuck.held.await.unwrap();
    assert_eq!(world.job(id).await.phase, Some(JobPhase::Preparing));
    // Its own again, it goes on.
    world.rewrite(take, [id.into(), (-1).into()]).await;
    stuck.model.speed(0);
    jobs::hold(world.app.engine.clone(), stuck.job).await;
    assert_eq!(world.job(id).await.state, JobState::Succeeded);
    world.settle().await;
}

/// Seen to fail without the look at the stop: the call went on until the lock was gone.
async fn a_stop_ends_the_call_though_nothing_can_be_stored(backend: Backend) {
    let stuck = Stuck::begin(backend, 20).await;
    let (world, id) = (stuck.world, stuck.job.id);
    let engine = world.app.engine.clone();
    let drained = tokio::spawn(async move { engine.drain().await });
    let aborted = tokio::time::timeout(SOON, stuck.model.ended(&When::of_job(id), Outcome::Aborted)).await;
    aborted.expect("the call is given up");
    stuck.lock.rollback().await.unwrap();
    stuck.held.await.unwrap();
    drained.await.unwrap();
    let job = world.job(id).await;
    assert_eq!((job.state, job.attempt), (JobState::Queued, 0), "{job:#?}");
    stuck.model.speed(0);
    let next = world.another_process().await;
    let claimed = jobs::claim(&next.engine, 1).await.unwrap().remove(0);
    jobs::hold(next.engine.clone(), claimed).await;
    assert_eq!(world.job(id).await.state, JobState::Succeeded);
    world.settle().await;
}
