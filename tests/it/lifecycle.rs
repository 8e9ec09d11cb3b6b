//! What happens to a job from its start to its end, and to the credits with it.

use serde::de::DeserializeOwned;
use sitewright::ai::ErrorKind;
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::db;
use sitewright::entities::{BlockStatus, BlueprintStatus, JobState, PageStatus};
use sitewright::events::{BlueprintBody, JobEvent};
use sitewright::jobs;
use uuid::Uuid;

use crate::support::{Backend, World};

async fn a_site_is_planned_and_written_and_charged_exactly(backend: Backend) {
    let world = backend.world().await;
    let blueprint = world.blueprint(world.account).await;
    let job = world.start_site(world.account, blueprint, 4).await;
    assert_eq!(world.account(world.account).await.held, 50 + 4 * 20);
    let ended = world.finished(job).await;
    let site = world.site(blueprint).await;
    assert_eq!(ended.state, JobState::Succeeded);
    assert_eq!(ended.charged, Some(50 + 20 * site.pages.len() as i64));
    assert_eq!(site.blueprint.status, BlueprintStatus::Ready);
    for page in &site.pages {
        assert_eq!(page.status, PageStatus::Ready);
        for block in world.blocks(page.id).await {
            assert_eq!((block.status, block.revision), (BlockStatus::Ready, 1));
        }
    }
    let account = world.account(world.account).await;
    assert_eq!((account.balance, account.held), (10_000 - ended.charged.unwrap(), 0));
    world.settle().await;
}

/// Seen to fail: it went back to 0 when the plan was there, and the site's stream did not tell what the pages added.
async fn the_progress_of_a_site_never_goes_back(backend: Backend) {
    let world = backend.world().await;
    let blueprint = world.blueprint(world.account).await;
    let job = world.start_site(world.account, blueprint, 4).await;
    world.finished(job).await;
    let pages = world.site(blueprint).await.pages.len();
    let own = payloads(
        &world,
        "SELECT payload FROM job_events WHERE job_id = $1 ORDER BY lease, n",
        job,
    )
    .await;
    let own: Vec<f64> = own.into_iter().filter_map(|event: JobEvent| progress(&event)).collect();
    let text = "SELECT payload FROM blueprint_events WHERE job_id = $1 ORDER BY seq";
    let told = payloads(&world, text, job).await.into_iter();
    let told: Vec<f64> = told
        .filter_map(|event| match event {
            BlueprintBody::Job(event) => progress(&event),
            _ => None,
        })
        .collect();
    for told in [&own, &told] {
        assert!(told.is_sorted(), "{told:?}");
        assert!(told.iter().all(|progress| (0.0..1.0).contains(progress)), "{told:?}");
        // One step each but for the last, which ends it; those that end in one transaction are one step.
        let with_pages = told.iter().filter(|progress| **progress > 0.2);
        let steps: Vec<f64> = with_pages
            .map(|progress| (progress - 0.2) / 0.8 * pages as f64)
            .collect();
        assert!(!steps.is_empty() && steps.len() < pages, "{told:?}");
        assert!(steps.iter().all(|step| (step - step.round()).abs() < 1e-9), "{told:?}");
        assert!(steps.windows(2).all(|two| two[0] < two[1]), "{told:?}");
    }
    assert_eq!(own.last(), told.last());
    assert_eq!(world.job(job).await.progress, 1.0);
    world.settle().await;
}

fn progress(event: &JobEvent) -> Option<f64> {
    match event {
        JobEvent::Phase { progress, .. } => Some(*progress),
        _ => None,
    }
}

async fn payloads<T: DeserializeOwned>(world: &World, text: &str, job: Uuid) -> Vec<T> {
    let rows = db::rows(world.app.db.reader(), text, [job.into()]).await.unwrap();
    let payloads = rows
        .iter()
        .map(|row| row.try_get::<serde_json::Value>("", "payload").unwrap());
    payloads
        .map(|payload| serde_json::from_value(payload).unwrap())
        .collect()
}

async fn a_failed_job_returns_its_hold_and_says_why(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let before = world.account(world.account).await.balance;
    world.script.always(
        When::any_page(),
        Behaviour::Fail {
            kind: ErrorKind::Refusal,
            retry_after: None,
            after: 0,
        },
    );
    let job = world.start_page(world.account, site.pages[0].id).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.charged, ended.attempt),
        (JobState::Failed, Some(0), 1)
    );
    assert_eq!(ended.error_code.as_deref(), Some("REFUSED"));
    assert_eq!(world.account(world.account).await.balance, before);
    assert_eq!(world.site(site.blueprint.id).await.pages[0].status, PageStatus::Failed);
    world.settle().await;
}

async fn a_cut_stream_is_retried_after_the_last_finished_block(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    world.script.once(When::any_page(), Behaviour::Cut { after: 900 });
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.charged, ended.attempt),
        (JobState::Succeeded, Some(20), 2)
    );
    for block in world.blocks(page).await {
        assert_eq!(
            (block.status, block.revision),
            (BlockStatus::Ready, 1),
            "a block was written twice"
        );
    }
    assert_eq!(world.script.calls(&When::any_page()).len(), 2);
    world.settle().await;
}

async fn a_cancelled_page_keeps_and_costs_what_was_written(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    let before = world.account(world.account).await.balance;
    world.script.always(When::any_page(), Behaviour::Stall { after: 900 });
    let job = world.start_page(world.account, page).await;
    world.script.reached(&When::any_page(), 900).await;
    let flagged = jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
    assert!(flagged.cancel_requested_at.is_some());
    let ended = world.finished(job).await;
    assert_eq!(ended.state, JobState::Cancelled);
    let ready = world
        .blocks(page)
        .await
        .iter()
        .filter(|block| block.status == BlockStatus::Ready)
        .count() as i64;
    let planned = world.blocks(page).await.len() as i64;
    assert!(
        ready > 0 && ready < planned,
        "{ready} of {planned}: the script must stop in the middle"
    );
    assert_eq!(ended.charged, Some(20 * ready / planned));
    assert_eq!(
        world.account(world.account).await.balance,
        before - 20 * ready / planned
    );
    world.settle().await;
}

on_both!(
    a_site_is_planned_and_written_and_charged_exactly,
    the_progress_of_a_site_never_goes_back,
    a_failed_job_returns_its_hold_and_says_why,
    a_cut_stream_is_retried_after_the_last_finished_block,
    a_cancelled_page_keeps_and_costs_what_was_written,
);
