//! A server that fails again and again is left alone: jobs wait for it uncharged, or go to the next one.

use std::time::Duration;

use futures::StreamExt;
use model_server::{Behaviour, Model, When};
use serde_json::json;
use sitewright::config::{AiProvider, Config, ProviderName};
use sitewright::db::now;
use sitewright::entities::{JobState, job};
use sitewright::events::{After, JobBody, JobEvent};
use sitewright::jobs::{self, WaitReason};
use uuid::Uuid;

use super::{KEY, calls_of, world};
use crate::support::{Backend, PATIENCE, World};
use crate::writing::{elements, reply};

fn breaking(config: &mut Config) {
    config.ai.breaker_failures = 2;
    config.ai.breaker_open_ms = 1_500;
    config.ai.breaker_cap_ms = 1_500;
}

/// The reasons that a job's watchers are given for its pauses, until one contains this.
async fn told(world: &World, job: Uuid, wanted: &str) -> Vec<String> {
    let mut feed = Box::pin(world.app.feeds.job(job, After::Start));
    let mut reasons = Vec::new();
    let listening = async {
        while let Some(item) = feed.next().await {
            if let JobBody::Event(JobEvent::Retrying { reason, .. }) = item.unwrap().body {
                reasons.push(reason);
                if reasons.last().is_some_and(|reason| reason.contains(wanted)) {
                    return true;
                }
            }
        }
        false
    };
    let found = tokio::time::timeout(PATIENCE, listening).await;
    assert_eq!(found, Ok(true), "{reasons:?}");
    reasons
}

/// The notes that a job's watchers are given until its end.
async fn notes(world: &World, job: Uuid) -> Vec<String> {
    world.finished(job).await;
    let mut feed = Box::pin(world.app.feeds.job(job, After::Start));
    let mut notes = Vec::new();
    while let Some(item) = feed.next().await {
        if let JobBody::Event(JobEvent::Phase { note, .. }) = item.unwrap().body {
            notes.extend(note);
        }
    }
    notes
}

async fn waits(world: &World, job: &job::Model) -> Option<WaitReason> {
    jobs::waiting_for(&world.app.engine, job).await.unwrap()
}

on_both!(a_job_waits_for_a_server_that_is_left_alone_and_uses_no_attempt);

async fn a_job_waits_for_a_server_that_is_left_alone_and_uses_no_attempt(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, breaking).await;
    let page = world.planned(world.account).await.pages[0].id;
    model.always(When::any(), Behaviour::server_error());
    let id = world.start_page(world.account, page).await;
    told(&world, id, "goes on when it is back").await;
    let waiting = world.job(id).await;
    // The server failed twice; the third time it was not asked.
    assert_eq!((waiting.state, waiting.attempt), (JobState::Queued, 2), "{waiting:#?}");
    assert_eq!(waits(&world, &waiting).await, Some(WaitReason::Provider));
    assert_eq!(model.calls(&When::of_job(id)).len(), 2);
    assert!(waiting.deadline_at.unwrap() - waiting.started_at.unwrap() > chrono::Duration::minutes(15));
    model.clear();
    let job = world.finished(id).await;
    assert_eq!((job.state, job.attempt, job.waits_for), (JobState::Succeeded, 3, None));
    assert_eq!(model.calls(&When::of_job(id)).len(), 3);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waited_too_long_fails_and_one_that_waits_can_be_cancelled() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| {
        breaking(config);
        config.ai.breaker_open_ms = 60_000;
        config.jobs.max_wait_ms = 90_000;
    });
    let world = world.await;
    let pages = world.planned(world.account).await.pages;
    model.always(When::any(), Behaviour::server_error());
    let id = world.start_page(world.account, pages[0].id).await;
    told(&world, id, "goes on when it is back").await;
    jobs::cancel(&world.app.engine, world.account, id).await.unwrap();
    assert_eq!(world.finished(id).await.state, JobState::Cancelled);

    // As if it had been started long ago, and had waited since.
    let other = world.start_page(world.account, pages[1].id).await;
    told(&world, other, "goes on when it is back").await;
    let long_ago = now() - chrono::Duration::from_std(Duration::from_secs(80)).unwrap();
    world
        .rewrite(
            "UPDATE jobs SET queued_at = $2, run_at = $2 WHERE id = $1",
            [other.into(), long_ago.into()],
        )
        .await;
    let failed = world.finished(other).await;
    assert_eq!(
        (failed.state, failed.error_code.as_deref()),
        (JobState::Failed, Some("PROVIDER_BUSY"))
    );
    assert_eq!(failed.charged, Some(0));
    world.settle().await;
}

/// A configuration with a second server behind the first.
fn with_backup(config: &mut Config, backup: &Model) {
    breaking(config);
    config.ai.breaker_open_ms = 600_000;
    config.ai.providers = vec![AiProvider {
        name: Some("backup".to_string()),
        provider: ProviderName::Openai,
        model: Some("second".to_string()),
        base_url: Some(backup.url()),
        api_key: Some("another-key".into()),
        api_key_env: None,
        temperature: None,
        response_format: None,
        max_tokens_field: None,
        structure_max_tokens: None,
        page_max_tokens: None,
        grammar_max_text: None,
        grammar_max_items: None,
    }];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_provider_takes_over_and_watchers_are_told() {
    for (fault, attempts) in [(Behaviour::bad_key(KEY), 2), (Behaviour::server_error(), 3)] {
        let (first, backup) = (Model::start().await, Model::start().await);
        let world = world(Backend::Sqlite, &first, |config| with_backup(config, &backup)).await;
        first.always(When::any(), fault);
        let blueprint = world.blueprint(world.account).await;
        let key = Uuid::now_v7().to_string();
        let started = sitewright::generation::start_structure(&world.app, world.account, blueprint, &key, None);
        let id = started.await.unwrap().jobs[0].id;
        told(&world, id, "Another writing service is asked now.").await;
        let job = world.finished(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Succeeded, attempts), "{job:#?}");
        let calls = calls_of(&world, id, attempts as usize).await;
        let last = calls.last().unwrap();
        assert_eq!((last.provider.as_str(), last.model.as_str()), ("backup", "second"));
        assert!(calls[..calls.len() - 1].iter().all(|call| call.provider == "openai"));
        // No server ever sees the key of another.
        assert!(
            backup
                .calls(&When::any())
                .iter()
                .all(|call| call.authorization.as_deref() == Some("Bearer another-key"))
        );
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_are_told_when_the_first_provider_is_not_asked_at_all() {
    let (first, backup) = (Model::start().await, Model::start().await);
    let world = world(Backend::Sqlite, &first, |config| with_backup(config, &backup)).await;
    let pages = world.planned(world.account).await.pages;
    assert_eq!(
        notes(&world, world.start_page(world.account, pages[0].id).await).await,
        Vec::<String>::new()
    );
    world.finished(world.start_page(world.account, pages[1].id).await).await;
    first.always(When::any(), Behaviour::server_error());
    world.finished(world.start_page(world.account, pages[0].id).await).await;
    // From here on the first one is left alone.
    let asked = first.calls(&When::any()).len();
    // A section that is asked for again is asked of the same writer, which is no news.
    let mut sections = elements(&world.blocks(pages[1].id).await);
    sections[0] = json!({ "kind": "NO_SUCH_KIND" });
    let text = reply(&sections);
    backup.once(When::function("page"), Behaviour::Say { text });
    let id = world.start_page(world.account, pages[1].id).await;
    let notes = notes(&world, id).await;
    assert!(
        matches!(&notes[..], [note] if note.contains("another one writes")),
        "{notes:?}"
    );
    let job = world.job(id).await;
    assert_eq!((job.state, job.attempt), (JobState::Succeeded, 1), "{job:#?}");
    assert_eq!(first.calls(&When::any()).len(), asked);
    assert_eq!(backup.calls(&When::function("block")).len(), 1);
    world.settle().await;
}

/// The backup needs a person while the first one only needs time: the job waits for the first, and that is what is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_with_a_bad_key_makes_the_job_wait_for_the_first_provider() {
    let (first, backup) = (Model::start().await, Model::start().await);
    let world = world(Backend::Sqlite, &first, |config| {
        with_backup(config, &backup);
        config.ai.breaker_open_ms = 2_000;
        config.ai.breaker_cap_ms = 2_000;
    });
    let world = world.await;
    let page = world.planned(world.account).await.pages[0].id;
    first.always(When::any(), Behaviour::server_error());
    backup.always(When::any(), Behaviour::bad_key(KEY));
    let id = world.start_page(world.account, page).await;
    let reasons = told(&world, id, "goes on when it is back").await;
    let after_key = reasons
        .iter()
        .find(|reason| reason.contains("key"))
        .expect("the key is refused");
    assert!(
        after_key.contains("The work goes on when another writing service is back."),
        "{reasons:?}"
    );
    assert_eq!(waits(&world, &world.job(id).await).await, Some(WaitReason::Provider));
    first.clear();
    let job = world.finished(id).await;
    // Twice the first one, once the backup, and then the first one again.
    assert_eq!((job.state, job.attempt), (JobState::Succeeded, 4), "{job:#?}");
    assert_eq!(backup.calls(&When::any()).len(), 1);
    world.settle().await;
}
