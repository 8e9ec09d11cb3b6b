//! Redis between processes: text reaches other nodes, losing Redis loses nothing, and what it keeps is bounded.

mod kinds;
mod nodes;
mod outages;

use futures::StreamExt;
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::JobState;
use sitewright::events::{After, JobBody};
use sitewright::ids::Position;
use sitewright::jobs;
use uuid::Uuid;

use crate::support::{Backend, PATIENCE, Viewer, World};

/// A world of two nodes: one runs jobs, the other only watches. They share Postgres and Redis, nothing else.
async fn two_nodes() -> (World, sitewright::boot::Running) {
    let world = Backend::Redis.world().await;
    let watching = world.watching_process().await;
    (world, watching)
}

/// Waits until a node's connections to Redis stand.
async fn is_up(app: &sitewright::app::App) {
    let mut health = app.redis.as_ref().unwrap().health();
    health.wait_for(|up| *up).await.unwrap();
}

/// Follows a job from where the viewer stands to its end, on one node.
async fn follow(viewer: &mut Viewer, app: &sitewright::app::App, job: Uuid) {
    let mut feed = Box::pin(app.feeds.job(job, viewer.after()));
    let all = async {
        while let Some(item) = feed.next().await {
            viewer.hear(&app.db, &item.unwrap()).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    assert!(ended.is_ok(), "the stream of {job} does not end: {viewer:?}");
}

/// Waits until everything that a job's node has of its stream stands in Redis, and gives the ids that stand there.
async fn sent(world: &World, job: Uuid) -> Vec<Position> {
    let redis = world.redis.as_ref().unwrap();
    let wait = async {
        loop {
            let ids = redis.stream(job).map(|key| redis.ids(&key)).unwrap_or_default();
            if ids.last().copied() == world.app.bus.channel(job).head() {
                return ids;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("Redis has everything")
}

// Fails, by reasoning: when a node that joins reads only what is new, each place is answered by a snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_from_one_node_goes_on_at_another_without_a_break() {
    let (world, watching) = two_nodes().await;
    let site = world.planned(world.account).await;
    world.script.speed(3_000);
    // On a machine so busy that Redis missed its time, a place may be answered by a snapshot: then it is tried again.
    for page in &site.pages {
        let mut health = world.app.redis.as_ref().unwrap().health();
        health.borrow_and_update();
        let job = world.start_page(world.account, page.id).await;
        world.finished(job).await;
        let ids = sent(&world, job).await;
        if health.has_changed().unwrap() {
            continue;
        }
        assert!(ids.len() > 20, "{ids:?}");
        for at in ids {
            let first = Box::pin(watching.app.feeds.job(job, After::At(at))).next().await;
            let first = first.map(|item| item.unwrap().body);
            assert!(
                !matches!(first, Some(JobBody::Snapshot { .. })),
                "{at:?} is answered by a snapshot"
            );
        }
        watching.stop().await;
        return world.settle().await;
    }
    panic!("Redis did not answer in time for {} pages", site.pages.len());
}

// Fails, by reasoning: when the outbox takes no items, the watcher has the rows and no text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_reaches_a_watcher_on_another_node_as_it_is_written() {
    let (world, watching) = two_nodes().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    world.script.once(When::any_page(), Behaviour::Hold { after: 900 });
    let job = world.start_page(world.account, page).await;
    let mut feed = Box::pin(watching.app.feeds.job(job, After::Start));
    let mut viewer = Viewer::default();
    world.script.reached(&When::any_page(), 900).await;
    let head = world.app.bus.channel(job).head();
    // The writer is held in the middle of a block: everything up to here must come, without its end.
    while viewer.cursor < head {
        let item = tokio::time::timeout(PATIENCE, feed.next()).await;
        let item = item.unwrap_or_else(|_| panic!("nothing comes after {:?} of {head:?}", viewer.cursor));
        viewer.hear(&watching.app.db, &item.unwrap().unwrap()).await;
    }
    assert!(!viewer.open.is_empty(), "{viewer:?}");
    world.script.release();
    while let Some(item) = feed.next().await {
        viewer.hear(&watching.app.db, &item.unwrap()).await;
    }
    viewer.check(&watching.app.db, job, Some(page)).await;
    assert!(viewer.compared > 5, "{viewer:?}");
    assert!(viewer.snapshots <= 1, "only a join may need one: {viewer:?}");
    watching.stop().await;
    world.settle().await;
}

// Fails, by reasoning: without `Want::Hear` for a topic the event comes with the next look at the database only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_and_accounts_hear_of_other_nodes_without_asking_the_database() {
    let world = Backend::Redis
        .world_with(|config| config.events.poll_ms = 60_000)
        .await
        .started()
        .await;
    let watching = world.watching_process().await;
    let blueprint = world.blueprint(world.account).await;
    let mut site = Box::pin(watching.app.feeds.blueprint(blueprint, After::At(0)));
    let mut account = Box::pin(watching.app.feeds.account(world.account, After::Start));
    let key = Uuid::now_v7().to_string();
    let (started, first) = tokio::join!(
        async {
            // A watcher of an account begins at now: it must stand before the start is made.
            tokio::time::timeout(PATIENCE, futures::future::poll_immediate(account.next()))
                .await
                .ok();
            sitewright::generation::start_structure(&world.app, world.account, blueprint, &key, None).await
        },
        tokio::time::timeout(PATIENCE, site.next())
    );
    let job = started.unwrap().jobs[0].id;
    assert!(first.unwrap().is_some());
    let credits = tokio::time::timeout(PATIENCE, account.next()).await;
    assert!(credits.is_ok_and(|item| item.is_some()));
    world.finished(job).await;
    watching.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_wakes_a_worker_on_another_node_and_a_cancel_stops_it() {
    let world = Backend::Redis
        .world_with(|config| {
            // Nothing would be found by asking within the time of this test.
            config.jobs.poll_ms = 600_000;
            config.jobs.heartbeat_ms = 10_000;
        })
        .await
        .started()
        .await;
    let api = world.watching_process().await;
    is_up(&world.app).await;
    is_up(&api.app).await;
    let blueprint = world.blueprint(world.account).await;
    world.script.always(When::structure(), Behaviour::Stall { after: 10 });
    let started = sitewright::generation::start_structure(&api.app, world.account, blueprint, "key-wake", None).await;
    let job = started.unwrap().jobs[0].id;
    tokio::time::timeout(PATIENCE, world.script.reached(&When::structure(), 10))
        .await
        .expect("the worker heard of the job");
    jobs::cancel(&api.app.engine, world.account, job).await.unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(8), world.finished(job)).await;
    assert_eq!(ended.expect("before the next heartbeat").state, JobState::Cancelled);
    api.stop().await;
    world.settle().await;
}

// Fails, by reasoning: with `XADD` under ids of its own (`*`) both writers' items stand in the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_lost_its_lease_is_not_heard_on_other_nodes() {
    let (world, watching) = two_nodes().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    world.script.once(When::any_page(), Behaviour::Hold { after: 900 });
    let job = world.start_page(world.account, page).await;
    world.script.reached(&When::any_page(), 900).await;
    let mut viewer = Viewer::default();
    let watch = follow(&mut viewer, &watching.app, job);
    let lose = async {
        world.lose_lease(job).await;
        // The first writer goes on as if nothing had been; its words are those of a zombie.
        world.script.release();
    };
    tokio::join!(watch, lose);
    viewer.check(&watching.app.db, job, Some(page)).await;
    let ids = sent(&world, job).await;
    let of_the_first = ids.iter().filter(|id| id.lease == 2).count();
    let taken_over = ids
        .iter()
        .position(|id| id.lease > 2)
        .expect("the second writer is heard");
    assert_eq!(
        of_the_first,
        ids[..taken_over].iter().filter(|id| id.lease == 2).count(),
        "{ids:?}"
    );
    watching.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_in_redis_has_the_prefix_and_expires() {
    let (world, watching) = two_nodes().await;
    let site = world.planned(world.account).await;
    let job = world.start_page(world.account, site.pages[0].id).await;
    let mut viewer = Viewer::default();
    follow(&mut viewer, &watching.app, job).await;
    let keys = world.redis.as_ref().unwrap().keys();
    let (epoch, quarter) = (&world.app.epoch, 15 * 60 * 1_000);
    assert!(keys.len() >= 4, "{keys:?}");
    for (key, ttl) in &keys {
        assert!(key.starts_with(&format!("sitewright:{epoch}:")), "{key}");
        assert!(
            *ttl > 0 && *ttl <= quarter,
            "{key} lives for {ttl} ms after the end of its job"
        );
    }
    watching.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_of_a_job_is_bounded() {
    let world = Backend::Redis
        .world_with(|config| config.events.ring_items = 150)
        .await
        .started()
        .await;
    let site = world.planned(world.account).await;
    // Slow enough that text is not merged into few items.
    world.script.speed(400);
    let job = world.start_page(world.account, site.pages[0].id).await;
    world.finished(job).await;
    let redis = world.redis.as_ref().unwrap();
    let items = redis.keys().into_iter().filter(|(key, _)| key.ends_with(":items"));
    for (key, _) in items {
        let length: usize = redis.ask(&["XLEN", &key]).unwrap()[1..].trim().parse().unwrap();
        // Redis cuts by whole nodes of a hundred.
        assert!(length <= 150 + 100, "{key} holds {length} items");
    }
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_tasks_shows_what_runs_and_forgets_what_died() {
    let (world, watching) = two_nodes().await;
    let site = world.planned(world.account).await;
    world.script.once(When::any_page(), Behaviour::Hold { after: 900 });
    let job = world.start_page(world.account, site.pages[0].id).await;
    world.script.reached(&When::any_page(), 900).await;
    let redis = watching.app.redis.as_ref().unwrap();
    let listed = async |is_there: bool| {
        let find = async {
            loop {
                let told = jobs::told(redis).await.unwrap_or_default();
                let found: Vec<_> = told
                    .iter()
                    .flat_map(|worker| &worker.tasks)
                    .filter(|task| task.job == job)
                    .cloned()
                    .collect();
                // The list follows what happens within a moment, not within the same instruction.
                if found.is_empty() != is_there {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, find).await.expect("the list follows")
    };
    let task = &listed(true).await[0];
    assert_eq!(
        (task.kind.as_str(), task.account, task.attempt),
        ("page", world.account, 1)
    );
    let recorded = jobs::recorded(&world.app.db).await.unwrap();
    assert!(
        recorded
            .iter()
            .flat_map(|worker| &worker.tasks)
            .any(|task| task.job == job),
        "{recorded:?}"
    );
    world.script.release();
    world.finished(job).await;
    listed(false).await;
    watching.stop().await;
    world.settle().await;
}
