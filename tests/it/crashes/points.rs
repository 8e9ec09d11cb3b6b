//! A process that dies at a named point of a transaction or between two, and the one that comes after it.

use sitewright::entities::{BlockStatus, JobState, PageStatus};
use uuid::Uuid;

use super::assert_done_once;
use crate::support::process::{Server, run};
use crate::support::{Backend, Viewer};

/// Slow enough that a client is there before it happens.
const SLOW: (&str, &str) = ("SITEWRIGHT_AI__SCRIPT", "page -> behave speed=400");

/// A page job whose process dies at `point`, and everything that a client does about it.
///
/// Seen to fail: when a job does not leave the blocks alone that it wrote under an earlier lease, they come twice.
async fn a_page(backend: Backend, point: &str, is_watched: bool) {
    let mut world = backend.world().await;
    let page = world.planned(world.account).await.pages[0].id;
    world.stop_loops().await;
    let key = Uuid::now_v7().to_string();
    let mut viewer = Viewer::default();

    let server = Server::start(&world, &[SLOW, ("SITEWRIGHT_CRASH", point)]).await;
    let before = server.start_page(page, &key).await.ok();
    if let Some(started) = before {
        assert!(!started.replayed);
        server.watch(&world, &mut viewer, started.job, |_| false).await;
    }
    let died = server.process.ended().await;
    // Even the end may not have reached the client: it is announced after the commit, and sent after that.
    assert!(
        !died.status.success() && (viewer.ended == 0 || point == "after_end"),
        "{died:?}"
    );
    assert!(
        !is_watched || viewer.cursor.is_some(),
        "a client was to see the beginning of this"
    );

    let server = Server::start(&world, &[]).await;
    let again = server.start_page(page, &key).await.unwrap();
    assert_eq!(again.replayed, !point.starts_with("before_start_commit"), "{point}");
    assert!(before.is_none_or(|before| before.job == again.job));
    server.watch(&world, &mut viewer, again.job, |_| false).await;
    assert_done_once(&world, &viewer, &key, page).await;
    server.stop().await;
    world.settle().await;
}

async fn before_the_start_is_committed(backend: Backend) {
    a_page(backend, "before_start_commit", false).await;
}

async fn after_the_start_and_before_its_answer(backend: Backend) {
    a_page(backend, "after_start_commit", false).await;
}

async fn after_the_claim(backend: Backend) {
    a_page(backend, "after_claim", false).await;
}

async fn in_the_middle_of_a_text(backend: Backend) {
    a_page(backend, "mid_delta:120", true).await;
}

async fn inside_a_checkpoint(backend: Backend) {
    a_page(backend, "inside_checkpoint:4", true).await;
}

async fn after_a_checkpoint(backend: Backend) {
    a_page(backend, "after_checkpoint:4", true).await;
}

async fn inside_the_last_transaction(backend: Backend) {
    a_page(backend, "inside_end", true).await;
}

async fn after_the_last_transaction(backend: Backend) {
    a_page(backend, "after_end", true).await;
}

/// A site job whose process dies at `point`: the plan is not made twice, and each page is charged once.
async fn a_site(backend: Backend, point: &str) {
    let world = backend.world_with(|_| {}).await;
    let site = world.blueprint(world.account).await;
    let key = Uuid::now_v7().to_string();
    let mut viewer = Viewer::default();
    let server = Server::start(&world, &[("SITEWRIGHT_CRASH", point)]).await;
    if let Ok(started) = server.start_site(site, &key, 4).await {
        server.watch(&world, &mut viewer, started.job, |_| false).await;
    }
    server.process.ended().await;
    let server = Server::start(&world, &[]).await;
    let started = server.start_site(site, &key, 4).await.unwrap();
    server.watch(&world, &mut viewer, started.job, |_| false).await;
    viewer.check(&world.app.db, started.job, None).await;
    let (ended, site) = (world.job(started.job).await, world.site(site).await);
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(ended.charged, Some(50 + 20 * site.pages.len() as i64));
    for page in &site.pages {
        assert_eq!(page.status, PageStatus::Ready);
        for block in world.blocks(page.id).await {
            assert_eq!((block.status, block.revision), (BlockStatus::Ready, 1));
        }
    }
    assert_eq!(
        world.account(world.account).await.balance,
        10_000 - ended.charged.unwrap()
    );
    let verified = run(&["ledger", "verify"], &world.app.config.database.url, &[]).await;
    assert!(verified.status.success(), "{}", verified.stdout);
    server.stop().await;
    world.settle().await;
}

async fn inside_a_sites_fan_out(backend: Backend) {
    a_site(backend, "inside_fan_out").await;
}

async fn after_the_claim_of_a_sites_pages(backend: Backend) {
    a_site(backend, "after_claim:2").await;
}

async fn inside_the_end_of_a_sites_second_page(backend: Backend) {
    a_site(backend, "inside_end:2").await;
}

on_both!(
    before_the_start_is_committed,
    after_the_start_and_before_its_answer,
    after_the_claim,
    in_the_middle_of_a_text,
    inside_a_checkpoint,
    after_a_checkpoint,
    inside_the_last_transaction,
    after_the_last_transaction,
    inside_a_sites_fan_out,
    after_the_claim_of_a_sites_pages,
    inside_the_end_of_a_sites_second_page,
);
