//! Starts, checkpoints and ends of one account that are made in one transaction: each is told its own, and one that cannot
//! be made spoils it for none.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use model_server::{Model, When};
use sitewright::db::rows;
use sitewright::entities::{BlockStatus, JobState};
use sitewright::error::{Error, Why};
use sitewright::generation::{self, Started};
use sitewright::ids::new_id;
use uuid::Uuid;

use crate::model::ask;
use crate::races::bench;
use crate::support::{Backend, World};

/// Many more than the transactions that are made side by side.
const CROWD: usize = 24;

fn why(result: sitewright::error::Result<Started>) -> Result<Started, Why> {
    match result {
        Ok(started) => Ok(started),
        Err(Error::Refused(refusals)) => Err(refusals.into_iter().next().expect("a reason").why),
        Err(error) => panic!("a start failed: {}", error.cause()),
    }
}

async fn each_start_of_a_crowd_is_told_its_own(backend: Backend) {
    let world = backend.world_with(bench::uncapped).await;
    let site = bench::planned(&world).await;
    let (owner, page) = (world.account, site.pages[0].id);
    let first = why(generation::start_page(&world.app, owner, page, "known-key", None).await).unwrap();
    let mut sites = Vec::new();
    for _ in 0..CROWD {
        sites.push(world.blueprint(owner).await);
    }
    let foreign = world.blueprint(world.new_account("somebody else", 1_000).await).await;
    let app = &world.app;
    let plan =
        |site: Uuid, key: String| async move { why(generation::start_structure(app, owner, site, &key, None).await) };
    let write =
        |page: Uuid, key: &'static str| async move { why(generation::start_page(app, owner, page, key, None).await) };
    let good = join_all(sites.iter().map(|site| plan(*site, format!("key-of-{site}"))));
    let twice = plan(sites[3], "another-key".to_string());
    let same = join_all([
        plan(sites[0], format!("key-of-{}", sites[0])),
        plan(sites[0], format!("key-of-{}", sites[0])),
    ]);
    let unknown = plan(new_id(), "key-of-nothing".to_string());
    let not_ours = plan(foreign, "key-of-a-foreign-site".to_string());
    let again = write(page, "known-key");
    let busy = write(page, "new-key");
    let other = plan(sites[1], "known-key".to_string());
    let (good, twice, same, unknown, not_ours, (again, busy, other)) =
        tokio::join!(good, twice, same, unknown, not_ours, async {
            tokio::join!(again, busy, other)
        });

    // Of two starts of one site the one that came first is accepted, and the other told of it.
    let planned: Vec<_> = good
        .iter()
        .enumerate()
        .filter_map(|(at, one)| Some((at, one.as_ref().ok()?)))
        .collect();
    assert!(planned.len() >= CROWD - 1, "{good:?}");
    let of_three = good[3].as_ref().ok().or(twice.as_ref().ok()).expect("one of the two");
    let refused = [&good[3], &twice].into_iter().filter_map(|one| one.as_ref().err());
    let running = Why::AlreadyRunning {
        job: of_three.jobs[0].id,
    };
    assert_eq!(refused.collect::<Vec<_>>(), [&running]);
    // One key is one start, however often it is sent.
    let of_key: BTreeSet<Uuid> = same
        .iter()
        .chain([&good[0]])
        .map(|one| one.as_ref().unwrap().jobs[0].id)
        .collect();
    assert_eq!(of_key.len(), 1, "{same:?}");
    assert_eq!(unknown.unwrap_err(), Why::NotFound);
    assert_eq!(not_ours.unwrap_err(), Why::NotFound);
    let again = again.unwrap();
    assert_eq!((again.replayed, again.jobs[0].id), (true, first.jobs[0].id));
    assert_eq!(busy.unwrap_err(), Why::AlreadyRunning { job: first.jobs[0].id });
    assert!(matches!(other.unwrap_err(), Why::KeyReused { .. }));
    // Each start has the job of its own site.
    for (at, started) in planned {
        assert_eq!(started.jobs[0].blueprint_id, Some(sites[at]));
    }
    let jobs = rows(
        world.app.db.reader(),
        "SELECT id FROM jobs WHERE finished_at IS NULL",
        [],
    )
    .await;
    assert_eq!(jobs.unwrap().len(), 1 + CROWD);
    let world = world.started().await;
    for started in good.into_iter().flatten().chain(twice) {
        assert_eq!(world.finished(started.jobs[0].id).await.state, JobState::Succeeded);
    }
    world.finished(first.jobs[0].id).await;
    world.settle().await;
}

/// Seen to fail with the refusal of one told to all of its company. No key is there twice: the company gets as far as the
/// sites.
async fn a_start_that_is_refused_spoils_it_for_none(backend: Backend) {
    let world = backend.world_with(bench::uncapped).await;
    let owner = world.account;
    let mut sites = Vec::new();
    for _ in 0..CROWD {
        sites.push(world.blueprint(owner).await);
    }
    let app = &world.app;
    let plan = |site: Uuid| async move {
        let key = new_id().to_string();
        why(generation::start_structure(app, owner, site, &key, None).await)
    };
    let good = join_all(sites.iter().map(|site| plan(*site)));
    let bad = join_all((0..3).map(|_| plan(new_id())));
    let (good, bad) = tokio::join!(good, bad);
    for refused in bad {
        assert_eq!(refused.unwrap_err(), Why::NotFound);
    }
    let started: Vec<Uuid> = good.into_iter().map(|one| one.unwrap().jobs[0].id).collect();
    let world = world.started().await;
    for job in started {
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    }
    world.settle().await;
}

/// Seen to fail with a company whose checkpoints went on without the one that a person's block had stopped, and with one
/// in which nobody's block was stored; and with ends that were made although one of their last sections was kept.
async fn a_block_that_a_person_keeps_spoils_no_other_page(backend: Backend) {
    let model = Model::start().await;
    let world = backend.world_with(|config| {
        bench::uncapped(config);
        ask(config, &model);
    });
    let world = world.await;
    let mut pages = Vec::new();
    for _ in 0..6 {
        pages.push(bench::planned(&world).await.pages[0].id);
    }
    let mut jobs = Vec::new();
    for page in &pages {
        jobs.push(world.start_page(world.account, *page).await);
    }
    model.speed(100);
    let world = world.started().await;
    for job in &jobs {
        model.reached(&When::of_job(job), 1).await;
    }
    // A person takes the second section of some, and the last one of others, when their text is on its way.
    let mut kept = BTreeSet::new();
    for (number, page) in pages.iter().enumerate() {
        let blocks = world.blocks(*page).await;
        let block = match number % 3 {
            0 => continue,
            1 => blocks[1].id,
            _ => blocks[blocks.len() - 1].id,
        };
        let text = "UPDATE blocks SET revision = revision + 1, locked = $2 WHERE id = $1";
        world.rewrite(text, [block.into(), true.into()]).await;
        kept.insert(block);
    }
    for (job, page) in jobs.into_iter().zip(pages) {
        let ended = world.finished(job).await;
        let blocks = world.blocks(page).await;
        let written = blocks.iter().filter(|block| !kept.contains(&block.id)).count();
        assert_eq!((ended.state, ended.written as usize), (JobState::Succeeded, written));
        for block in blocks {
            let is_kept = kept.contains(&block.id);
            assert_eq!(block.content.is_none(), is_kept, "{block:?}");
            let expected = if is_kept {
                BlockStatus::Planned
            } else {
                BlockStatus::Ready
            };
            assert_eq!((block.status, block.revision), (expected, 1), "{block:?}");
        }
    }
    world.settle().await;
}

/// Seen to fail with the index by `lease_expires_at`: not one of a page's checkpoints was an update in place.
#[tokio::test]
async fn a_checkpoint_changes_no_index() {
    let world = Backend::Postgres.world().await;
    let site = world.planned(world.account).await;
    for page in &site.pages {
        let job = world.start_page(world.account, page.id).await;
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    }
    let written: i32 = sum_of_written(&world).await;
    // The server counts a moment after a session is idle.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let text = "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'jobs'";
        let row = rows(world.app.db.reader(), text, []).await.unwrap().pop().unwrap();
        let in_place: i64 = row.try_get("", "n_tup_hot_upd").unwrap();
        if in_place >= i64::from(written) {
            break;
        }
        assert!(Instant::now() < until, "{in_place} in place for {written} blocks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.settle().await;
}

async fn sum_of_written(world: &World) -> i32 {
    let rows = rows(world.app.db.reader(), "SELECT written FROM jobs", [])
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get::<i32>("", "written").unwrap()).sum()
}

on_both!(
    each_start_of_a_crowd_is_told_its_own,
    a_start_that_is_refused_spoils_it_for_none,
    a_block_that_a_person_keeps_spoils_no_other_page,
);
