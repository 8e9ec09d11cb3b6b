//! Sections that are asked for again, alone: what their calls are called, what a pause in between means, and what says again
//! what stands on another page.

use model_server::{Behaviour, Model, When};
use serde_json::{Value, json};
use sitewright::entities::{BlockStatus, JobState, block};
use sitewright::quality;
use uuid::Uuid;

use super::{calls_of, world};
use crate::support::{Backend, World};
use crate::writing::{elements, reply};

/// Two pages that were written once, and their sections.
async fn written(world: &World) -> (Uuid, [Vec<block::Model>; 2]) {
    let pages = world.planned(world.account).await.pages;
    let mut blocks = Vec::new();
    for page in &pages[..2] {
        let job = world.start_page(world.account, page.id).await;
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
        blocks.push(world.blocks(page.id).await);
    }
    let [first, second] = <[_; 2]>::try_from(blocks).unwrap();
    (pages[1].id, [first, second])
}

/// The sections with a first one that cannot stay: its buttons and headline are there, its kind is another.
fn broken(blocks: &[block::Model]) -> Vec<Value> {
    let mut broken = elements(blocks);
    broken[0] = json!({ "kind": "NO_SUCH_KIND" });
    broken
}

fn say(elements: &[Value]) -> Behaviour {
    Behaviour::Say { text: reply(elements) }
}

fn of(job: Uuid, function: &str) -> When {
    When {
        function: Some(function.to_string()),
        ..When::of_job(job)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_is_asked_for_again_is_accounted_as_a_block() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, [_, blocks]) = written(&world).await;
    model.once(When::function("page"), say(&broken(&blocks)));
    let job = world.start_page(world.account, page).await;
    assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    let functions: Vec<String> = calls_of(&world, job, 2)
        .await
        .into_iter()
        .map(|call| call.function)
        .collect();
    assert_eq!(functions, ["page", "block"]);
    assert_eq!(model.calls(&of(job, "block")).len(), 1);
    world.settle().await;
}

/// Nobody was asked, so that it is none of the two times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_the_service_costs_a_section_none_of_its_two_times() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| {
        config.ai.breaker_failures = 1;
        config.ai.breaker_open_ms = 1_000;
        config.ai.breaker_cap_ms = 1_000;
    });
    let world = world.await;
    let (page, [first, blocks]) = written(&world).await;
    let bad = broken(&blocks);
    model.speed(400);
    model.once(When::function("page"), say(&bad));
    model.always(When::function("block"), say(&bad[..1]));
    let job = world.start_page(world.account, page).await;
    model.reached(&of(job, "page"), 50).await;
    model.always(of(job, "page"), say(&bad));
    // While it writes, a job beside it finds the service broken.
    model.once(When::any(), Behaviour::server_error());
    let other = world.start_page(world.account, first[0].page_id).await;
    model.ended(&When::of_job(other), model_server::Outcome::Answered).await;
    model.speed(0);
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.error_code.as_deref()),
        (JobState::Failed, Some("BAD_OUTPUT")),
        "{ended:#?}"
    );
    assert_eq!(model.calls(&of(job, "block")).len(), 2);
    assert!(ended.attempt > 1, "the pause came before the first time: {ended:#?}");
    world.finished(other).await;
    world.settle().await;
}

/// The second page's opening with the button, and perhaps the sentence, of the first page's.
fn repeating(first: &[block::Model], second: &[block::Model]) -> Vec<Value> {
    let opening = first[0].content.as_ref().unwrap();
    let mut sections = elements(second);
    sections[0]["subheadline"] = opening["subheadline"].clone();
    sections[0]["actions"] = json!([{ "label": opening["actions"][0]["label"], "href": "/", "style": "PRIMARY" }]);
    sections
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_repeats_another_page_is_asked_for_again_with_the_reason() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, [first, second]) = written(&world).await;
    let opening = first[0].content.as_ref().unwrap();
    let label = opening["actions"][0]["label"].as_str().unwrap();
    model.once(When::function("page"), say(&repeating(&first, &second)));
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Succeeded, 1, Some(20))
    );
    let calls = model.calls(&When::of_job(job));
    assert_eq!(
        calls.iter().map(|call| call.function.as_str()).collect::<Vec<_>>(),
        ["page", "block"]
    );
    let prompt = &calls[1].prompt;
    assert!(
        prompt.contains("find another") && prompt.contains("say something new"),
        "{prompt}"
    );
    let now = world.blocks(page).await[0].content.clone().unwrap();
    assert!(!now["actions"].to_string().contains(label), "{now}");
    assert_ne!(now["subheadline"], opening["subheadline"]);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_goes_on_repeating_stays_and_the_report_says_so() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, [first, second]) = written(&world).await;
    let sections = repeating(&first, &second);
    model.once(When::function("page"), say(&sections));
    model.always(When::function("block"), say(&sections[..1]));
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Succeeded, 1, Some(20)),
        "{ended:#?}"
    );
    assert_eq!(model.calls(&of(job, "block")).len(), 2);
    let now = world.blocks(page).await;
    assert!(now.iter().all(|block| block.status == BlockStatus::Ready));
    assert_eq!(
        now[0].content.as_ref().unwrap()["subheadline"],
        sections[0]["subheadline"]
    );
    let site = world.site(ended.blueprint_id.unwrap()).await;
    let mut blocks = Vec::new();
    for page in &site.pages {
        blocks.extend(world.blocks(page.id).await);
    }
    let report = quality::Site::of(&site.blueprint, &site.pages, &blocks)
        .page(page)
        .unwrap();
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert!(
        codes.contains(&"BUTTON_REPEATED") && codes.contains(&"SENTENCE_REPEATED"),
        "{codes:?}"
    );
    world.settle().await;
}

/// Another attempt would buy the section anew, for no more than another wording.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_repeats_stays_when_nobody_answers_the_second_question() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, [first, second]) = written(&world).await;
    model.once(When::function("page"), say(&repeating(&first, &second)));
    model.once(When::function("block"), Behaviour::server_error());
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Succeeded, 1), "{ended:#?}");
    assert_eq!(model.calls(&When::of_job(job)).len(), 2);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ways_to_reach_the_business_may_stand_on_every_page() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, [first, second]) = written(&world).await;
    let call = json!([{ "label": "Call us", "href": "tel:01315550199", "style": "PRIMARY" }]);
    for (page, blocks) in [(first[0].page_id, &first), (page, &second)] {
        let mut sections = elements(blocks);
        sections[0]["actions"] = call.clone();
        model.once(When::function("page"), say(&sections));
        let job = world.start_page(world.account, page).await;
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
        assert_eq!(model.calls(&When::of_job(job)).len(), 1, "asked again");
    }
    world.settle().await;
}
