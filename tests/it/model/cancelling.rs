//! A job that is cancelled ends its call: within two seconds, in one process and across Redis, and what the call took
//! until then is accounted for.

use std::time::Duration;

use futures::StreamExt;
use model_server::{Model, Outcome, When};
use sitewright::boot;
use sitewright::entities::JobState;
use sitewright::events::After;
use sitewright::jobs;

use super::{ask, calls_of, world};
use crate::support::{Backend, PATIENCE, World};

/// Longer than this, and a person has paid for words that nobody will read.
const SOON: Duration = Duration::from_secs(2);

async fn writing(world: &World, model: &Model) -> uuid::Uuid {
    let page = world.planned(world.account).await.pages[0].id;
    model.speed(20);
    let job = world.start_page(world.account, page).await;
    let reached = tokio::time::timeout(PATIENCE, model.reached(&When::of_job(job), 30)).await;
    reached.expect("the model writes");
    job
}

async fn is_ended(world: &World, model: &Model, job: uuid::Uuid) {
    let aborted = tokio::time::timeout(SOON, model.ended(&When::of_job(job), Outcome::Aborted)).await;
    aborted.expect("the call is aborted soon");
    assert_eq!(world.finished(job).await.state, JobState::Cancelled);
    let call = calls_of(world, job, 1).await.remove(0);
    assert_eq!((call.outcome.as_str(), call.is_estimate), ("aborted", true));
    assert!(call.prompt_tokens > 100 && call.completion_tokens >= 30 / 4, "{call:?}");
    assert!(call.first_token_ms.is_some());
}

on_both!(a_cancel_aborts_the_call);

async fn a_cancel_aborts_the_call(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let job = writing(&world, &model).await;
    jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
    is_ended(&world, &model, job).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_on_another_node_aborts_the_call_through_redis() {
    let model = Model::start().await;
    let world = world(Backend::Redis, &model, |config| {
        // Nothing would be found by asking within the time of this test.
        config.jobs.heartbeat_ms = 9_000;
    });
    let world = world.await;
    let mut config = world.app.config.clone();
    ask(&mut config, &model);
    config.jobs.concurrency = 0;
    let api = boot::start(boot::open(config).await.unwrap()).await.unwrap();
    for app in [&world.app, &api.app] {
        let mut health = app.redis.as_ref().unwrap().health();
        health.wait_for(|up| *up).await.unwrap();
    }
    let job = writing(&world, &model).await;
    jobs::cancel(&api.app.engine, world.account, job).await.unwrap();
    is_ended(&world, &model, job).await;
    api.stop().await;
    world.settle().await;
}

/// A process that stops gives its job back and lets go of the model; the next one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_aborts_the_call_and_its_account_is_written_before_the_end() {
    let model = Model::start().await;
    let mut world = world(Backend::Sqlite, &model, |_| {}).await;
    let job = writing(&world, &model).await;
    world.stop_loops().await;
    let idle = tokio::time::timeout(SOON, model.idle()).await;
    idle.expect("the call is aborted");
    assert_eq!(calls_of(&world, job, 1).await[0].outcome, "aborted");
    model.speed(0);
    let again = boot::start(boot::open(world.app.config.clone()).await.unwrap())
        .await
        .unwrap();
    let mut feed = Box::pin(again.app.feeds.job(job, After::Start));
    while let Some(item) = feed.next().await {
        item.unwrap();
    }
    assert_eq!(world.job(job).await.state, JobState::Succeeded);
    again.stop().await;
    world.settle().await;
}
