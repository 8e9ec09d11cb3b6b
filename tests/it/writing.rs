//! What becomes of a reply that is not as it must be: the good sections stay, the others are asked for again, alone.

use serde_json::{Value, json};
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::ai::{ErrorKind, FinishReason};
use sitewright::entities::{BlockStatus, JobState, block};
use uuid::Uuid;

use crate::support::{Backend, World};

/// The elements of a page as a writer would send them.
pub fn elements(blocks: &[block::Model]) -> Vec<Value> {
    let element = |block: &block::Model| {
        let mut value = json!({ "kind": block.kind });
        let fields = block.content.clone().unwrap();
        value
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        value["placeholders"] = json!([]);
        value
    };
    blocks.iter().map(element).collect()
}

pub fn reply(elements: &[Value]) -> String {
    json!({ "blocks": elements }).to_string()
}

/// A page that was written once, its blocks, and a reply in which the section with a list has none.
async fn written(world: &World) -> (Uuid, Vec<block::Model>, Vec<Value>, usize) {
    let site = world.planned(world.account).await;
    for page in &site.pages {
        let blocks = world.blocks(page.id).await;
        let has_list = |kind: &str| ["FEATURES", "STEPS", "FAQ", "PRODUCTS", "PRICING"].contains(&kind);
        let Some(at) = blocks.iter().position(|block| has_list(&block.kind)) else {
            continue;
        };
        if at == 0 || at + 1 == blocks.len() {
            continue;
        }
        let job = world.start_page(world.account, page.id).await;
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
        let blocks = world.blocks(page.id).await;
        let mut elements = elements(&blocks);
        let list = if blocks[at].kind == "PRICING" { "plans" } else { "items" };
        elements[at][list] = json!([]);
        return (page.id, blocks, elements, at);
    }
    panic!("no page of the plan has a list in its middle");
}

async fn a_refused_section_is_asked_for_again_alone_while_the_others_stay(backend: Backend) {
    let world = backend.world().await;
    let (page, before, bad, at) = written(&world).await;
    world
        .script
        .once(When::any_page().correction(false), Behaviour::Say(reply(&bad)));
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Succeeded, 1, Some(20))
    );
    let calls = world.script.calls(&When::of_job(job));
    assert_eq!(
        calls.iter().map(|call| call.sections).collect::<Vec<_>>(),
        vec![before.len(), 1]
    );
    let reasons = calls[1].correction.as_deref().unwrap();
    assert!(reasons.contains("Write at least"), "{reasons}");
    assert!(
        calls[1].prompt.contains("Your last answer was refused"),
        "{}",
        calls[1].prompt
    );
    for (number, block) in world.blocks(page).await.iter().enumerate() {
        assert_eq!(
            (block.status, block.revision),
            (BlockStatus::Ready, 2),
            "{number} of {at}"
        );
        // Finished sections are told to whoever writes the one beside them.
        let headline = block.content.as_ref().unwrap()["headline"].as_str();
        assert!(headline.is_none_or(|line| calls[1].prompt.contains(line)));
    }
    world.settle().await;
}

async fn a_section_is_asked_for_again_twice_and_not_more(backend: Backend) {
    let world = backend.world().await;
    let (page, before, bad, at) = written(&world).await;
    world
        .script
        .always(When::any_page().correction(false), Behaviour::Say(reply(&bad)));
    world
        .script
        .always(When::any_page().correction(true), Behaviour::Say(reply(&bad[at..=at])));
    let balance = world.account(world.account).await.balance;
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Failed, 1, Some(0))
    );
    assert_eq!(ended.error_code.as_deref(), Some("BAD_OUTPUT"));
    let message = ended.error_message.unwrap();
    assert!(message.contains(&before[at].heading), "{message}");
    assert_eq!(world.script.calls(&When::of_job(job)).len(), 3);
    assert_eq!(world.account(world.account).await.balance, balance);
    // What stood before stands again.
    for (block, before) in world.blocks(page).await.iter().zip(&before) {
        assert_eq!((block.status, &block.content), (BlockStatus::Ready, &before.content));
    }
    world.settle().await;
}

async fn a_failing_service_in_between_makes_it_no_more_than_two(backend: Backend) {
    let world = backend.world().await;
    let (page, before, bad, at) = written(&world).await;
    let network = Behaviour::Fail {
        kind: ErrorKind::Network,
        retry_after: None,
        after: 0,
    };
    let one = reply(&bad[at..=at]);
    world.script.once(
        When::any_page().attempt(1).correction(false),
        Behaviour::Say(reply(&bad)),
    );
    world
        .script
        .once(When::any_page().attempt(1).correction(true), network.clone());
    world.script.once(When::any_page().attempt(2), network);
    world.script.always(When::any_page(), Behaviour::Say(one));
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Failed, 3));
    let calls = world.script.calls(&When::of_job(job));
    // All, again (fails); the one that is left (fails); the one, again.
    let asked: Vec<usize> = calls.iter().map(|call| call.sections).collect();
    assert_eq!(asked, vec![before.len(), 1, 1, 1, 1]);
    world.settle().await;
}

async fn a_cut_stream_buys_nothing_twice(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    world.script.once(When::any_page(), Behaviour::Cut { after: 900 });
    let cut = Behaviour::Finish {
        reason: FinishReason::Length,
        after: 100,
    };
    world.script.once(When::any_page().attempt(2), cut);
    let job = world.start_page(world.account, page).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Succeeded, 3));
    let calls = world.script.calls(&When::of_job(job));
    let blocks = world.blocks(page).await;
    let mut left = blocks.len();
    for call in &calls {
        assert!(call.sections <= left, "{calls:?}");
        left = call.sections;
    }
    assert!(calls[2].sections < calls[0].sections, "nothing was kept");
    // What was finished before the cut was told to the writer, and stayed as it was.
    let first = blocks[0].content.as_ref().unwrap()["headline"].as_str().unwrap();
    assert!(calls[1].prompt.contains(first), "{}", calls[1].prompt);
    assert!(blocks.iter().all(|block| block.revision == 1));
    world.settle().await;
}

async fn endings_of_a_writer_have_codes_that_can_be_explained(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    let filtered = Behaviour::Finish {
        reason: FinishReason::ContentFilter,
        after: 300,
    };
    let too_long = Behaviour::Finish {
        reason: FinishReason::Length,
        after: 20,
    };
    let refused = Behaviour::Fail {
        kind: ErrorKind::Refusal,
        retry_after: None,
        after: 0,
    };
    let cases = [
        (filtered, "CONTENT_FILTER", 1),
        (refused, "REFUSED", 1),
        (too_long, "LENGTH", 4),
        (Behaviour::Nonsense, "BAD_OUTPUT", 4),
    ];
    for (behaviour, code, attempts) in cases {
        world.script.always(When::any_page(), behaviour);
        let job = world.start_page(world.account, page).await;
        let ended = world.finished(job).await;
        assert_eq!(
            (ended.state, ended.error_code.as_deref(), ended.attempt, ended.charged),
            (JobState::Failed, Some(code), attempts, Some(0))
        );
        world.script.clear();
    }
    world.settle().await;
}

async fn what_harms_is_taken_out_and_what_is_invented_is_listed(backend: Backend) {
    let world = backend.world().await;
    let (page, before, _, _) = written(&world).await;
    let mut wild = elements(&before);
    wild[0]["headline"] = json!("Bread\u{0} since 1873 <script>alert(1)</script>");
    wild[0]["actions"] = json!([
        { "label": "Go", "href": "javascript:alert(1)", "style": "PRIMARY" },
        { "label": "Order", "href": "/", "style": "PRIMARY" },
    ]);
    world.script.once(When::any_page(), Behaviour::Say(reply(&wild)));
    let job = world.start_page(world.account, page).await;
    assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    let hero = world.blocks(page).await.remove(0);
    let content = hero.content.unwrap();
    assert_eq!(
        content["headline"], "Bread since 1873 <script>alert(1)</script>",
        "escaping is the renderer's"
    );
    let targets: Vec<&Value> = content["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| &action["href"])
        .collect();
    assert_eq!(targets, vec!["/"]);
    let listed = hero.placeholders.to_string();
    assert!(listed.contains("1873"), "{listed}");
    world.settle().await;
}

on_both!(
    a_refused_section_is_asked_for_again_alone_while_the_others_stay,
    a_section_is_asked_for_again_twice_and_not_more,
    a_failing_service_in_between_makes_it_no_more_than_two,
    a_cut_stream_buys_nothing_twice,
    endings_of_a_writer_have_codes_that_can_be_explained,
    what_harms_is_taken_out_and_what_is_invented_is_listed,
);
