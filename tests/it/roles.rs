//! API and workers apart, as operators run them: real processes of the built binary on one Postgres.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use sitewright::entities::JobState;
use sitewright::ids::{GlobalId, IdKind};

use crate::support::process::{Server, run};
use crate::support::redis::TestRedis;
use crate::support::{Backend, PATIENCE, Viewer, World};

const API: (&str, &str) = ("SITEWRIGHT_SERVER__ROLE", "api");
const WORKER: (&str, &str) = ("SITEWRIGHT_SERVER__ROLE", "worker");
const SLOW: (&str, &str) = ("SITEWRIGHT_AI__SCRIPT", "page -> behave speed=400");

/// A world whose own loops stand still, so that only the processes of the test work.
async fn world_of(backend: Backend) -> (World, uuid::Uuid) {
    let mut world = backend.world().await;
    let page = world.planned(world.account).await.pages[0].id;
    world.stop_loops().await;
    (world, page)
}

async fn status(server: &Server, path: &str) -> u16 {
    let answer = reqwest::get(format!("http://{}{path}", server.address)).await;
    answer.unwrap().status().as_u16()
}

/// What `/readyz` says of this row of the doctor's, once it says that. It always lets the server serve.
async fn comes_to(server: &Server, row: &str, health: &str) {
    let told = async {
        loop {
            let answer = reqwest::get(format!("http://{}/readyz", server.address)).await.unwrap();
            assert_eq!(answer.status(), 200);
            let body: Value = answer.json().await.unwrap();
            assert_eq!(body["status"], "ready");
            if body["checks"][row] == health {
                assert_eq!(body["checks"]["database"], "ok");
                return;
            }
            // It is what was seen a moment ago; an answer does not wait for more.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, told).await;
    waited.unwrap_or_else(|_| panic!("{row} does not come to {health}"));
}

async fn waiting_for(server: &Server, job: uuid::Uuid) -> Value {
    let id = GlobalId::new(IdKind::Job, job).to_string();
    let data = server.graphql("query($id: ID!) { job(id: $id) { waitingFor } }", json!({ "id": id }));
    data.await.unwrap()["job"]["waitingFor"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_redis_is_gone_serves_and_says_so() {
    let mut redis = TestRedis::start();
    let (world, _) = world_of(Backend::Postgres).await;
    let server = Server::start(&world, &[("SITEWRIGHT_REDIS__URL", &redis.url())]).await;
    comes_to(&server, "redis", "ok").await;
    redis.stop();
    comes_to(&server, "redis", "broken").await;
    server.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_without_a_worker_says_so_and_a_worker_finishes_what_it_started() {
    let (world, page) = world_of(Backend::Postgres).await;
    let api = Server::start(&world, &[API]).await;
    let job = api.start_page(page, "key").await.unwrap().job;
    assert_eq!(waiting_for(&api, job).await, "NO_WORKER");
    comes_to(&api, "workers", "broken").await;
    let worker = Server::start(&world, &[WORKER]).await;
    comes_to(&api, "workers", "ok").await;
    // It serves whoever watches over processes, and nobody else.
    assert_eq!(
        (status(&worker, "/livez").await, status(&worker, "/readyz").await),
        (200, 200)
    );
    assert_eq!(
        (status(&worker, "/graphql").await, status(&worker, "/graphiql").await),
        (404, 404)
    );
    let mut viewer = Viewer::default();
    api.watch(&world, &mut viewer, job, |_| false).await;
    viewer.check(&world.app.db, job, Some(page)).await;
    let row = world.job(job).await;
    assert_eq!(
        (row.state, row.attempt, row.charged),
        (JobState::Succeeded, 1, Some(20))
    );
    worker.stop().await;
    api.stop().await;
    world.settle().await;
}

// Fails, by reasoning: with a grace of 0 the job goes back to the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_stop_lets_a_job_finish_within_its_grace() {
    let (world, page) = world_of(Backend::Postgres).await;
    let grace = ("SITEWRIGHT_SERVER__GRACE_MS", "20000");
    let worker = Server::start(&world, &[SLOW, grace]).await;
    let job = worker.start_page(page, "key").await.unwrap().job;
    let mut viewer = Viewer::default();
    worker
        .watch(&world, &mut viewer, job, |viewer| viewer.closed.len() == 1)
        .await;
    worker.stop().await;
    let row = world.job(job).await;
    assert_eq!((row.state, row.attempt), (JobState::Succeeded, 1));
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_job_does_not_end_still_exits_in_time_and_gives_it_back() {
    let (world, page) = world_of(Backend::Postgres).await;
    let stuck = ("SITEWRIGHT_AI__SCRIPT", "page -> stall after=900");
    let grace = ("SITEWRIGHT_SERVER__GRACE_MS", "1000");
    let worker = Server::start(&world, &[stuck, grace]).await;
    let job = worker.start_page(page, "key").await.unwrap().job;
    let mut viewer = Viewer::default();
    worker
        .watch(&world, &mut viewer, job, |viewer| !viewer.open.is_empty())
        .await;
    let since = Instant::now();
    worker.process.signal(Signal::TERM);
    let ended = worker.process.ended().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    let row = world.job(job).await;
    assert_eq!((row.state, row.attempt, row.crashes), (JobState::Queued, 0, 0));
    let next = Server::start(&world, &[]).await;
    next.watch(&world, &mut viewer, job, |_| false).await;
    assert_eq!(world.job(job).await.state, JobState::Succeeded);
    next.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_need_postgres_and_a_worker_needs_room_for_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/new.db", folder.path().display());
    for role in ["api", "worker"] {
        let ended = run(&["serve", "--role", role], &file, &[]).await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("server.role") && ended.stderr.contains("postgres://"),
            "{ended:?}"
        );
    }
    let none = [("SITEWRIGHT_JOBS__CONCURRENCY", "0")];
    let ended = run(&["serve", "--role", "worker"], "postgres://nowhere/x", &none).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("jobs.concurrency"), "{ended:?}");
    let ended = run(&["serve"], &file, &[("REDIS_URL", "http://user:hunter2@redis")]).await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("redis.url") && !ended.stderr.contains("hunter2"),
        "{ended:?}"
    );
}

// Fails, by reasoning: with sea-orm-migration's own check, which refuses a version that it does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_binary_goes_on_with_a_database_that_a_newer_one_has_migrated() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let (world, page) = world_of(backend).await;
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20990101_000001_newer', 0)";
        world.rewrite(newer, []).await;
        let server = Server::start(&world, &[]).await;
        let job = server.start_page(page, "key").await.unwrap().job;
        let mut viewer = Viewer::default();
        server.watch(&world, &mut viewer, job, |_| false).await;
        assert_eq!(world.job(job).await.state, JobState::Succeeded);
        server.stop().await;
        // But not with one that lacks what this one needs.
        world
            .rewrite("DELETE FROM seaql_migrations WHERE version LIKE '%credits'", [])
            .await;
        let ended = run(&["serve"], &world.app.config.database.url, &[]).await;
        assert!(
            !ended.status.success() && ended.stderr.contains("m20990101_000001_newer"),
            "{ended:?}"
        );
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_tasks_lists_what_runs_with_and_without_redis() {
    for backend in [Backend::Postgres, Backend::Redis] {
        let (world, page) = world_of(backend).await;
        let redis = world.redis.as_ref().map(|redis| redis.url()).unwrap_or_default();
        let stuck = ("SITEWRIGHT_AI__SCRIPT", "page -> stall after=900");
        let (here, beat) = (("REDIS_URL", redis.as_str()), ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "100"));
        let worker = Server::start(&world, &[stuck, here, beat]).await;
        let job = worker.start_page(page, "key").await.unwrap().job;
        let mut viewer = Viewer::default();
        worker
            .watch(&world, &mut viewer, job, |viewer| !viewer.open.is_empty())
            .await;
        let id = GlobalId::new(IdKind::Job, job).to_string();
        let source = if world.redis.is_some() { "redis" } else { "database" };
        let listed = async {
            loop {
                let ended = run(&["tasks", "--json"], &world.app.config.database.url, &[here]).await;
                assert!(ended.status.success(), "{ended:?}");
                let all: Value = serde_json::from_str(&ended.stdout).unwrap();
                let tasks = all["workers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|w| w["tasks"].as_array().unwrap());
                // A Redis that is too busy to answer in time is said, and the database is asked.
                if all["source"] == source && tasks.count() == 1 {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, listed)
            .await
            .expect("the task is listed");
        let table = run(&["tasks"], &world.app.config.database.url, &[here]).await;
        assert!(
            table.stdout.contains(&id) && table.stdout.contains("1 task on 1 worker"),
            "{table:?}"
        );
        let data = json!({ "input": { "jobId": id } });
        worker
            .graphql(
                "mutation($input: CancelJobInput!) { cancelJob(input: $input) { userErrors { message } } }",
                data,
            )
            .await
            .unwrap();
        worker.watch(&world, &mut viewer, job, |_| false).await;
        worker.stop().await;
        world.settle().await;
    }
}
