//! Sections that are asked for again, alone: what their calls are called.

use model_server::{Behaviour, Model, When};
use serde_json::{Value, json};
use sitewright::entities::{JobState, block};
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
