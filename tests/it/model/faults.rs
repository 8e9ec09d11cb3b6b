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
use crate::support::{Backend, World};

/// What a server does to every call, and the failure that the job ends with. Some can get better, and are tried again.
fn rows() -> Vec<(&'static str, Behaviour, &'static str, bool)> {
    let stream = |body: &str| Behaviour::ErrorInStream { body: body.to_string() };
    let finish = |reason: &str, after| Behaviour::Finish {
        reason: reason.to_string(),
        after,
    };
    vec![
        ("429", Behaviour::rate_limited(None), "PROVIDER_BUSY", true),
        (
            "429 with a wait",
            Behaviour::rate_limited(Some("0")),
            "PROVIDER_BUSY",
            true,
        ),
        ("429 in HTML", Behaviour::html_429(), "PROVIDER_BUSY", true),
        ("500", Behaviour::server_error(), "PROVIDER_BUSY", true),
        ("a number as code", Behaviour::numeric_code(), "PROVIDER_BUSY", true),
        (
            "an error with status 200",
            Behaviour::error_with_status_200(),
            "PROVIDER_BUSY",
            true,
        ),
        ("no answer", Behaviour::Mute, "TIMEOUT", true),
        (
            "a stall before the first word",
            Behaviour::Stall { after: 0 },
            "TIMEOUT",
            true,
        ),
        ("a stall", Behaviour::Stall { after: 40 }, "TIMEOUT", true),
        ("a byte at a time", Behaviour::Drip { every_ms: 20 }, "TIMEOUT", true),
        ("a cut", Behaviour::Cut { after: 30 }, "INTERRUPTED", true),
        (
            "an end without a reason",
            Behaviour::End { after: 60 },
            "INTERRUPTED",
            true,
        ),
        ("an empty reason", finish("", 60), "INTERRUPTED", true),
        (
            "an error in the stream",
            stream(r#"{"error":{"message":"boom"}}"#),
            "PROVIDER_BUSY",
            true,
        ),
        ("an event that is no JSON", stream("{oops"), "INTERRUPTED", true),
        ("cut JSON, reason length", finish("length", 60), "LENGTH", true),
        ("prose", Behaviour::Nonsense, "BAD_OUTPUT", true),
        ("another shape", Behaviour::WrongSchema, "BAD_OUTPUT", true),
        ("50 MB", Behaviour::Flood { bytes: 50 << 20 }, "BAD_OUTPUT", true),
        ("filtered", finish("content_filter", 60), "CONTENT_FILTER", false),
        (
            "a refusal",
            Behaviour::Refuse {
                text: "I cannot help with that.".into(),
            },
            "REFUSED",
            false,
        ),
        ("a bare string", Behaviour::string_error(), "PROVIDER_REJECTED", false),
        ("too long", Behaviour::context_overflow(), "CONTEXT_LENGTH", false),
        ("a bad key", Behaviour::bad_key(KEY), "PROVIDER_AUTH", false),
        (
            "a bad key in the stream",
            stream(r#"{"error":{"code":401,"message":"no"}}"#),
            "PROVIDER_AUTH",
            false,
        ),
        ("no quota", Behaviour::no_quota(), "PROVIDER_QUOTA", false),
        ("no such model", Behaviour::no_such_model(), "PROVIDER_REJECTED", false),
    ]
}

fn impatient(config: &mut Config) {
    config.jobs.max_attempts = 2;
    config.ai.first_token_ms = 1_000;
    config.ai.idle_ms = 1_000;
    config.ai.total_ms = 20_000;
}

async fn every_fault_ends_the_job_with_its_word_and_gives_the_credits_back(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, impatient).await;
    let page = world.planned(world.account).await.pages[0].id;
    let before = world.account(world.account).await;
    for (name, behaviour, code, is_tried_again) in rows() {
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

/// What is odd but not wrong: the page is written, and what is dangerous in it is gone.
fn odd() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("no usage", Behaviour::NoUsage),
        ("events cut anywhere, characters too", Behaviour::Shred { bytes: 7 }),
        ("single bytes", Behaviour::Shred { bytes: 1 }),
        (
            "hostile text",
            Behaviour::Taint {
                text: "\0<script>alert(1)</script>\u{202e}".into(),
                address: "javascript:alert(1)".into(),
            },
        ),
    ]
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
        assert_eq!(job.state, JobState::Succeeded, "{name}: {job:#?}");
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
