//! Sections that are asked for again, alone: what their calls are called, what a pause in between means, and what says again
//! what stands on another page.

use model_server::{Behaviour, Model, When};
use serde_json::{Value, json};
use sitewright::entities::{BlockStatus, JobState, block};
use sitewright::{jobs, quality};
use uuid::Uuid;

use super::{calls_of, world};
use crate::laws::content::edit;
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

/// A model, a site of which two pages are written, the second of them, and the sections of both.
async fn two_pages() -> (Model, World, Uuid, [Vec<block::Model>; 2]) {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |_| {}).await;
    let (page, blocks) = written(&world).await;
    (model, world, page, blocks)
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
    let (model, world, page, [_, blocks]) = two_pages().await;
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

/// The page's first section is this one.
async fn opens_with(world: &World, page: Uuid, section: &Value) {
    let blocks = world.blocks(page).await;
    let content = blocks[0].content.as_ref().expect("a section that is written");
    assert_eq!(content["subheadline"], section["subheadline"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_repeats_another_page_is_asked_for_again_with_the_reason() {
    let (model, world, page, [first, second]) = two_pages().await;
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
    // It was stored before it was asked for again, and counts once.
    assert_eq!(world.blocks(page).await[0].revision, second[0].revision + 2);
    assert_eq!(ended.written, ended.planned);
    world.settle().await;
}

/// The reply up to somewhere in its second section.
fn half(elements: &[Value]) -> Behaviour {
    let text = reply(elements);
    let second = text.find(&elements[1].to_string()).unwrap();
    Behaviour::Say {
        text: text[..second + 20].to_string(),
    }
}

/// What repeats was kept in memory once, until the rest had come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_repeats_is_not_bought_twice_when_the_rest_breaks() {
    let (model, world, page, [first, second]) = two_pages().await;
    let sections = repeating(&first, &second);
    model.once(When::function("page"), half(&sections));
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Succeeded, 2), "{ended:#?}");
    let calls = model.calls(&When::of_job(job));
    let functions: Vec<&str> = calls.iter().map(|call| call.function.as_str()).collect();
    assert_eq!(functions, ["page", "page"]);
    let asked = |call: &model_server::Call| {
        let schema = &call.body["response_format"]["json_schema"]["schema"];
        schema["properties"]["blocks"]["minItems"].as_u64().unwrap()
    };
    assert_eq!(
        asked(&calls[0]),
        asked(&calls[1]) + 1,
        "the first section was asked for again"
    );
    opens_with(&world, page, &sections[0]).await;
    assert_eq!(ended.written, ended.planned);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_page_keeps_a_section_that_repeats() {
    let (model, world, page, [first, second]) = two_pages().await;
    let sections = repeating(&first, &second);
    model.once(When::function("page"), say(&sections));
    model.always(When::function("block"), Behaviour::Stall { after: 40 });
    let job = world.start_page(world.account, page).await;
    model.reached(&of(job, "block"), 40).await;
    jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
    let ended = world.finished(job).await;
    assert_eq!(ended.state, JobState::Cancelled, "{ended:#?}");
    assert_eq!(
        (ended.written, ended.charged),
        (ended.planned, Some(20)),
        "all of it was written"
    );
    opens_with(&world, page, &sections[0]).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_edits_while_a_better_section_is_written_stays() {
    let (model, world, page, [first, second]) = two_pages().await;
    let sections = repeating(&first, &second);
    model.once(When::function("page"), say(&sections));
    model.speed(200);
    let job = world.start_page(world.account, page).await;
    model.reached(&of(job, "block"), 40).await;
    edit(&world, &world.blocks(page).await[0]).await;
    let ended = world.finished(job).await;
    assert_eq!(ended.state, JobState::Succeeded, "{ended:#?}");
    let now = world.blocks(page).await.remove(0);
    assert_eq!(now.content.unwrap(), json!({ "heading": "By hand" }));
    assert_eq!(model.calls(&of(job, "block")).len(), 1);
    world.settle().await;
}

/// Both are written at the same time, and the one that is stored later knows what the other says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_does_not_repeat_one_that_is_written_beside_it() {
    const NEW: &str = "Nobody in this street has said these very words before today";
    let (model, world, page, [first, second]) = two_pages().await;
    let (mut one, mut other) = (elements(&first), elements(&second));
    one[0]["subheadline"] = json!(format!("{NEW}."));
    other[0]["subheadline"] = json!(format!("{NEW}!"));
    model.once(When::function("page"), say(&other));
    model.speed(100);
    let slow = world.start_page(world.account, page).await;
    model.reached(&When::of_job(slow), 5).await;
    model.speed(0);
    model.once(When::function("page"), say(&one));
    let fast = world.start_page(world.account, first[0].page_id).await;
    assert_eq!(world.finished(fast).await.state, JobState::Succeeded);
    assert!(
        model.calls(&When::of_job(slow))[0].ended_ms.is_none(),
        "it still writes"
    );
    assert_eq!(world.finished(slow).await.state, JobState::Succeeded);
    let again = model.calls(&of(slow, "block"));
    assert_eq!(again.len(), 1);
    assert!(again[0].prompt.contains("say something new"), "{}", again[0].prompt);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_goes_on_repeating_stays_and_the_report_says_so() {
    let (model, world, page, [first, second]) = two_pages().await;
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
    assert_eq!(now[0].revision, second[0].revision + 1, "replaced by what is no better");
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
    let (model, world, page, [first, second]) = two_pages().await;
    model.once(When::function("page"), say(&repeating(&first, &second)));
    model.once(When::function("block"), Behaviour::server_error());
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Succeeded, 1), "{ended:#?}");
    assert_eq!(model.calls(&When::of_job(job)).len(), 2);
    assert_eq!(ended.written, ended.planned);
    world.settle().await;
}

/// It takes the time that jobs have, and what was written would have been put back with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_does_not_run_out_of_time_for_a_better_wording() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| config.jobs.deadline_ms = 6_000).await;
    let (page, [first, second]) = written(&world).await;
    let sections = repeating(&first, &second);
    model.once(When::function("page"), say(&sections));
    model.always(When::function("block"), Behaviour::Stall { after: 40 });
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Succeeded, 1, Some(20)),
        "{ended:#?}"
    );
    opens_with(&world, page, &sections[0]).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_section_that_must_be_written_is_asked_for_before_one_that_only_repeats() {
    let (model, world, page, [first, second]) = two_pages().await;
    let mut sections = repeating(&first, &second);
    sections[1] = json!({ "kind": "NO_SUCH_KIND" });
    model.once(When::function("page"), say(&sections));
    let job = world.start_page(world.account, page).await;
    assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    let again = model.calls(&of(job, "block"));
    assert_eq!(again.len(), 2);
    assert!(!again[0].prompt.contains("say something new"), "{}", again[0].prompt);
    assert!(again[1].prompt.contains("say something new"), "{}", again[1].prompt);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_filtered_speaks_for_no_other_section() {
    let (model, world, page, [first, second]) = two_pages().await;
    let mut sections = repeating(&first, &second);
    sections[1]["items"][0]["quote"] = sections[0]["subheadline"].clone();
    let reason = "content_filter".to_string();
    model.once(When::function("page"), say(&sections));
    model.once(When::function("block"), Behaviour::Finish { reason, after: 40 });
    let job = world.start_page(world.account, page).await;
    assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    assert_eq!(model.calls(&of(job, "block")).len(), 2, "one each");
    let now = world.blocks(page).await;
    let subheadline = &now[0].content.as_ref().unwrap()["subheadline"];
    assert_eq!(subheadline, &sections[0]["subheadline"], "nothing better came");
    assert_ne!(now[1].content.as_ref().unwrap()["items"], sections[1]["items"]);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ways_to_reach_the_business_may_stand_on_every_page() {
    let (model, world, page, [first, second]) = two_pages().await;
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
