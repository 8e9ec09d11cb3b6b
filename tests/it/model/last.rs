//! The last section of a page and the end of its job: one transaction where the reply ends soon, and never a section that
//! is held back or lost for it.

use model_server::{Behaviour, Model, When};
use sitewright::db::rows;
use sitewright::entities::JobState;
use sitewright::jobs;
use uuid::Uuid;

use super::world;
use crate::support::{Backend, PATIENCE, World};

/// After the whole text of a reply, and before what says that it is whole.
const ALL: usize = usize::MAX;

on_both!(
    a_last_section_is_not_held_for_a_reply_that_does_not_end,
    a_last_section_of_a_reply_that_breaks_off_is_not_bought_again,
);

async fn page(world: &World) -> Uuid {
    world.planned(world.account).await.pages[0].id
}

/// Seen to fail without a limit to the wait: the section was not stored before the call's own limit.
async fn a_last_section_is_not_held_for_a_reply_that_does_not_end(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let page = page(&world).await;
    model.once(When::function("page"), Behaviour::Stall { after: ALL });
    let id = world.start_page(world.account, page).await;
    let sections = world.blocks(page).await.len();
    world.closed(id, sections).await;
    let job = world.job(id).await;
    assert_eq!((job.state, job.written as usize), (JobState::Running, sections));
    jobs::cancel(&world.app.engine, world.account, id).await.unwrap();
    let ended = world.finished(id).await;
    // All of it was written, and stays.
    assert_eq!((ended.state, ended.charged), (JobState::Cancelled, Some(ended.price)));
    assert!(world.blocks(page).await.iter().all(|block| block.content.is_some()));
    world.settle().await;
}

/// Seen to fail with a reply's failure told before the section was stored: it was asked for again.
async fn a_last_section_of_a_reply_that_breaks_off_is_not_bought_again(backend: Backend) {
    for broken in [
        Behaviour::Cut { after: ALL },
        Behaviour::End { after: ALL },
        Behaviour::Finish {
            reason: "length".to_string(),
            after: ALL,
        },
    ] {
        let model = Model::start().await;
        let world = world(backend, &model, |config| config.jobs.retry_base_ms = 10).await;
        let page = page(&world).await;
        model.once(When::function("page"), broken);
        let id = world.start_page(world.account, page).await;
        let ended = world.finished(id).await;
        let sections = world.blocks(page).await.len();
        assert_eq!((ended.state, ended.attempt), (JobState::Succeeded, 2), "{ended:#?}");
        assert_eq!(ended.written as usize, sections);
        assert_eq!(model.calls(&When::of_job(id)).len(), 1);
        world.settle().await;
    }
}

/// An end waits for its account's row, which a checkpoint does not touch: what is not to be seen until then is of the end's
/// transaction. Seen to fail with a checkpoint for the last section.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_section_and_the_end_are_one_transaction() {
    let model = Model::start().await;
    let world = world(Backend::Postgres, &model, |_| {}).await;
    let page = page(&world).await;
    let sections = world.blocks(page).await.len();
    model.speed(400);
    let id = world.start_page(world.account, page).await;
    world.closed(id, 1).await;
    let lock = world.app.db.write().await.unwrap();
    let text = "SELECT id FROM accounts WHERE id = $1 FOR UPDATE";
    rows(&lock, text, [world.account.into()]).await.unwrap();
    model.speed(0);
    let waits = async {
        let text = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while rows(world.app.db.reader(), text, []).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("the end waits");
    let blocks = world.blocks(page).await;
    let is_written: Vec<bool> = blocks.iter().map(|block| block.content.is_some()).collect();
    let last_is_not: Vec<bool> = (1..=sections).map(|number| number < sections).collect();
    assert_eq!(is_written, last_is_not);
    assert_eq!(world.job(id).await.written as usize, sections - 1);
    lock.rollback().await.unwrap();
    let ended = world.finished(id).await;
    assert_eq!((ended.state, ended.written as usize), (JobState::Succeeded, sections));
    world.settle().await;
}
