//! What calls took, as the owner of an account sees it: a job's usage, and totals by day.

use model_server::{Behaviour, Model, When};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use sitewright::ai::{Call, Outcome};
use sitewright::config::{AuthMode, TokenPrice};
use sitewright::entities::job;
use sitewright::ids::{GlobalId, IdKind};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{ask, calls_of, world};
use crate::graphql_served::serve;
use crate::outages::port_of;
use crate::support::proxy::Proxy;
use crate::support::{Backend, World, connect};

const JOB: &str = "query($id: ID!) { node(id: $id) { ... on GenerationJob {
    usage { promptTokens completionTokens model calls } } } }";
const USAGE: &str = "query($from: DateTime!, $to: DateTime!) { viewer { account { usage(from: $from, to: $to) {
    calls promptTokens completionTokens estimatedCost callsWithoutPrice
    days { date calls promptTokens completionTokens estimatedCost callsWithoutPrice } } } } }";

on_both!(
    calls_are_summed_by_job_and_by_day_with_what_they_cost,
    an_account_that_is_written_twice_is_one,
    accounts_of_a_crowd_are_all_written,
);

async fn calls_are_summed_by_job_and_by_day_with_what_they_cost(backend: Backend) {
    let model = Model::start().await;
    let mut served = serve(backend, |config| {
        ask(config, &model);
        config.auth.mode = AuthMode::Keys;
        let price = TokenPrice {
            prompt: 0.5,
            completion: 2.0,
        };
        config.ai.prices.insert("scripted".to_string(), price);
    })
    .await;
    served.key = Some(served.new_key(served.world.account).await);
    let world = &served.world;
    model.once(When::any(), Behaviour::Cut { after: 400 });
    let blueprint = world.blueprint(world.account).await;
    let started = sitewright::generation::start_structure(&world.app, world.account, blueprint, "usage-key", None);
    let id = started.await.unwrap().jobs[0].id;
    let job = world.finished(id).await;
    let calls = calls_of(world, id, 2).await;
    assert_eq!(
        (
            calls[0].outcome.as_str(),
            calls[0].is_estimate,
            calls[0].completion_tokens
        ),
        ("interrupted", true, 100)
    );
    assert_eq!(
        (calls[1].outcome.as_str(), calls[1].is_estimate, calls[1].attempt),
        ("finished", false, 2)
    );
    let (prompt, completion) = (
        calls[0].prompt_tokens + calls[1].prompt_tokens,
        calls[0].completion_tokens + calls[1].completion_tokens,
    );
    // The job's own counters and the calls agree, failed calls included.
    assert_eq!((job.prompt_tokens, job.completion_tokens), (prompt, completion));
    let shown = served
        .data(JOB, json!({ "id": GlobalId::new(IdKind::Job, id).to_string() }))
        .await;
    let expected = json!({ "promptTokens": prompt, "completionTokens": completion, "model": "scripted", "calls": 2 });
    assert_eq!(shown["node"]["usage"], expected);

    let day = |offset: i64| sitewright::db::now() + chrono::Duration::days(offset);
    let range = |from: i64, to: i64| json!({ "from": day(from).to_rfc3339(), "to": day(to).to_rfc3339() });
    let usage = served.data(USAGE, range(-1, 1)).await["viewer"]["account"]["usage"].take();
    let cost = (prompt as f64 * 0.5 + completion as f64 * 2.0) / 1e6;
    assert!(
        (usage["estimatedCost"].as_f64().unwrap() - cost).abs() < 3e-6,
        "{usage} for {cost}"
    );
    assert_eq!(
        (&usage["calls"], &usage["promptTokens"]),
        (&json!(2), &json!(prompt as f64))
    );
    assert_eq!(usage["callsWithoutPrice"], json!(0));
    let days = usage["days"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| day["calls"].as_i64().unwrap()).sum::<i64>(), 2);
    let nothing = served.data(USAGE, range(-9, -8)).await["viewer"]["account"]["usage"].take();
    assert_eq!((&nothing["calls"], &nothing["days"]), (&json!(0), &json!([])));
    let refused: Value = served.ask(USAGE, range(-400, 0)).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
        "{refused}"
    );
    served.settle().await;
}

/// The account of a call for a job.
fn account_of(job: Uuid) -> Call {
    Call {
        id: sitewright::ids::new_id(),
        job,
        attempt: 1,
        function: "structure",
        provider: "openai".to_string(),
        model: "scripted".to_string(),
        prompt_tokens: 1,
        completion_tokens: 1,
        is_estimate: false,
        first_token: None,
        total: std::time::Duration::ZERO,
        outcome: Outcome::Aborted,
        cost_micros: None,
        ended_at: sitewright::db::now(),
    }
}

async fn planning_job(world: &World) -> Uuid {
    let site = world.planned(world.account).await.blueprint.id;
    let jobs = job::Entity::find().filter(job::Column::BlueprintId.eq(site));
    jobs.one(world.app.db.reader()).await.unwrap().unwrap().id
}

async fn an_account_that_is_written_twice_is_one(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let id = planning_job(&world).await;
    let before = calls_of(&world, id, 1).await.len();
    let call = account_of(id);
    for _ in 0..2 {
        let (calls, told) = tokio::sync::mpsc::channel(1);
        calls.send(call.clone()).await.unwrap();
        drop(calls);
        // What is still in hand when a process ends is written before it does.
        let end = CancellationToken::new();
        end.cancel();
        sitewright::usage::record(world.app.db.clone(), told, end).await;
    }
    assert_eq!(calls_of(&world, id, before + 1).await.len(), before + 1);
    world.settle().await;
}

/// More at once than one statement takes.
async fn accounts_of_a_crowd_are_all_written(backend: Backend) {
    const CROWD: usize = 150;
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let id = planning_job(&world).await;
    let before = calls_of(&world, id, 1).await.len();
    let (calls, told) = tokio::sync::mpsc::channel(CROWD);
    for _ in 0..CROWD {
        calls.send(account_of(id)).await.unwrap();
    }
    drop(calls);
    sitewright::usage::record(world.app.db.clone(), told, CancellationToken::new()).await;
    assert_eq!(calls_of(&world, id, before + CROWD).await.len(), before + CROWD);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_commit_was_answered_to_nobody_is_one() {
    let model = Model::start().await;
    let world = world(Backend::Postgres, &model, |_| {}).await;
    let id = planning_job(&world).await;
    let before = calls_of(&world, id, 1).await.len();
    let url = &world.app.config.database.url;
    let proxy = Proxy::to(port_of(url)).await;
    let db = connect(&proxy.of_url(url, port_of(url))).await.unwrap();
    let (calls, told) = tokio::sync::mpsc::channel(1);
    let recorder = tokio::spawn(sitewright::usage::record(db, told, CancellationToken::new()));
    proxy.lose_answers_to_commits();
    calls.send(account_of(id)).await.unwrap();
    calls_of(&world, id, before + 1).await;
    assert_eq!(proxy.lost(), 1, "nothing was lost");
    proxy.speak();
    // It is written behind the first one, which waits: nobody has said that it is there.
    calls.send(account_of(id)).await.unwrap();
    drop(calls);
    recorder.await.unwrap();
    assert_eq!(calls_of(&world, id, before + 2).await.len(), before + 2);
    world.settle().await;
}
