//! Everything that a model's server does wrong: the job ends inside its deadline with the right word, its credits come
//! back, and nobody is asked more often than it may help.

use std::time::Duration;

use model_server::{Behaviour, Model, When};
use sitewright::config::Config;
use sitewright::db::now;
use sitewright::entities::{BlockStatus, JobState, PageStatus};
use sitewright::events::{After, JobBody, JobEvent};
use sitewright::jobs;

use super::{KEY, world};
use crate::support::misbehaviour::{odd, wrong};
use crate::support::{Backend, World};

fn impatient(config: &mut Config) {
    config.jobs.max_attempts = 2;
    config.ai.first_token_ms = 1_000;
    config.ai.idle_ms = 1_000;
    // Longer than anybody waits: what never ends must be ended by its silence.
    config.ai.total_ms = 600_000;
}

async fn every_fault_ends_the_job_with_its_word_and_gives_the_credits_back(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, impatient).await;
    let page = world.planned(world.account).await.pages[0].id;
    let before = world.account(world.account).await;
    for (name, behaviour, code, is_tried_again) in wrong(KEY) {
        let planned = world.blocks(page).await.len();
        model.clear().always(When::any(), behaviour);
        let job = world.finished(world.start_page(world.account, page).await).await;
        assert_eq!(
            (job.state, job.error_code.as_deref()),
            (JobState::Failed, Some(code)),
            "{name}: {job:#?}"
        );
        assert!(job.finished_at < job.deadline_at, "{name}");
        let said = job.error_message.unwrap_or_default();
        assert!(!said.contains(KEY) && said.ends_with('.'), "{name}: {said}");
        let calls = model.calls(&When::of_job(job.id)).len();
        match is_tried_again {
            true => assert!((2..=2 + 2 * planned).contains(&calls), "{name}: {calls} calls"),
            false => assert_eq!(calls, 1, "{name}"),
        }
        // Nothing upstream is left running, and nothing was charged.
        let idle = tokio::time::timeout(Duration::from_secs(2), model.idle()).await;
        assert!(idle.is_ok(), "{name}: a call is still running");
        let after = world.account(world.account).await;
        assert_eq!((after.balance, after.held), (before.balance, 0), "{name}");
        let site = world.site(job.blueprint_id.unwrap()).await;
        assert_eq!(site.pages[0].status, PageStatus::Failed, "{name}");
    }
    model.clear();
    let job = world.finished(world.start_page(world.account, page).await).await;
    assert_eq!(job.state, JobState::Succeeded, "and then it goes well: {job:#?}");
    world.settle().await;
}

/// Memory ends what patience would not: each event is small, and there is always another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_an_end_is_cut_off_where_it_grows_beyond_all_use() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| config.jobs.max_attempts = 1).await;
    let page = world.planned(world.account).await.pages[0].id;
    let endless = Behaviour::Babble {
        after: 40,
        every_ms: 0,
        bytes: 512 << 10,
    };
    model.always(When::any(), endless);
    let job = world.finished(world.start_page(world.account, page).await).await;
    assert_eq!(
        (job.state, job.error_code.as_deref()),
        (JobState::Failed, Some("BAD_OUTPUT")),
        "{job:#?}"
    );
    world.settle().await;
}

on_both!(
    every_fault_ends_the_job_with_its_word_and_gives_the_credits_back,
    odd_replies_are_read_and_dangerous_ones_made_safe,
);

async fn odd_replies_are_read_and_dangerous_ones_made_safe(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let page = world.planned(world.account).await.pages[0].id;
    for (name, behaviour) in odd() {
        model.clear().always(When::any(), behaviour.clone());
        let job = world.finished(world.start_page(world.account, page).await).await;
        if job.state == JobState::Failed && matches!(behaviour, Behaviour::Taint { .. }) {
            // Refused is as good as made safe.
            assert_eq!(job.error_code.as_deref(), Some("BAD_OUTPUT"), "{name}: {job:#?}");
            continue;
        }
        assert_eq!((job.state, job.attempt), (JobState::Succeeded, 1), "{name}: {job:#?}");
        assert!(job.completion_tokens > 0 && job.prompt_tokens > 0, "{name}");
        for block in world.blocks(page).await {
            assert_eq!(block.status, BlockStatus::Ready, "{name}");
            let content = block.content.unwrap().to_string();
            for bad in ["\\u0000", "\u{202e}", "\"javascript:"] {
                assert!(!content.contains(bad), "{name}: {bad} in {content}");
            }
            assert!(!content.contains('\u{fffd}'), "{name}: a character was cut: {content}");
        }
    }
    world.settle().await;
}

/// When the job is tried next, in seconds from now, told by the event that says so.
async fn next_attempt(world: &World, job: uuid::Uuid) -> f64 {
    use futures::StreamExt;
    let mut feed = Box::pin(world.app.feeds.job(job, After::Start));
    while let Some(item) = feed.next().await {
        if let JobBody::Event(JobEvent::Retrying {
            next_attempt_at: Some(at),
            ..
        }) = item.unwrap().body
        {
            return (at - now()).as_seconds_f64();
        }
    }
    panic!("the job was not tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_the_server_asks_for_is_kept_up_to_two_minutes() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let page = world.planned(world.account).await.pages[0].id;
    for (asked, (least, most)) in [("30", (15.0, 35.0)), ("9999", (100.0, 125.0))] {
        model.once(When::any(), Behaviour::rate_limited(Some(asked)));
        let job = world.start_page(world.account, page).await;
        let wait = next_attempt(&world, job).await;
        assert!((least..=most).contains(&wait), "{asked}: {wait}");
        jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
        world.finished(job).await;
    }
    let date = now() + chrono::Duration::seconds(60);
    model.once(
        When::any(),
        Behaviour::rate_limited(Some(&date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())),
    );
    let job = world.start_page(world.account, page).await;
    let wait = next_attempt(&world, job).await;
    assert!((40.0..=65.0).contains(&wait), "{wait}");
    jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
    world.finished(job).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_nobody_can_reach_fails_the_job_by_that_name() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| {
        config.jobs.max_attempts = 2;
        // Nobody listens on the port of a listener that is gone.
        let gone = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        config.ai.base_url = format!("http://user:{KEY}@{gone}/v1");
    });
    let world = world.await;
    let blueprint = world.blueprint(world.account).await;
    let job = world.start_site(world.account, blueprint, 1).await;
    let job = world.finished(job).await;
    assert_eq!(
        (job.state, job.error_code.as_deref()),
        (JobState::Failed, Some("NETWORK"))
    );
    world.settle().await;
}
