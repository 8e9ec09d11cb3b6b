//! What a model is asked, and that its answers become a site.

use model_server::{Behaviour, Model, When};
use serde_json::json;
use sitewright::config::ResponseFormat;
use sitewright::entities::{BlockStatus, JobState, PageStatus};
use sitewright::generation::prompts::{self, Change, Template};
use sitewright::generation::{self, functions};

use super::{KEY, ask, calls_of, world};
use crate::races::bench;
use crate::support::Backend;

on_both!(a_model_writes_a_whole_site, in_a_crowd_each_is_asked_for_its_own_site);

/// What jobs of an account read at a time is read for all of them: each is to get its own of it, and nothing of another's.
async fn in_a_crowd_each_is_asked_for_its_own_site(backend: Backend) {
    let model = Model::start().await;
    let world = backend.world_with(|config| {
        ask(config, &model);
        bench::uncapped(config);
    });
    let world = world.await;
    let other = world.new_account("somebody else", 10_000).await;
    let spec = functions::Spec::named("structure").unwrap();
    let own = Template {
        system: "Answer with a plan.".to_string(),
        user: format!("As we like it. {}", spec.template().user),
    };
    prompts::save(&world.app.db, other, spec, Change::To(own), None)
        .await
        .unwrap();
    let mut jobs = Vec::new();
    for number in 10..30 {
        let account = if number % 2 == 0 { world.account } else { other };
        let business = format!("Bakery {number}");
        let site = world.blueprint_of(account, &business).await;
        let key = business.replace(' ', "-");
        let started = generation::start_structure(&world.app, account, site, &key, None).await;
        jobs.push((started.unwrap().jobs[0].id, account, business));
    }
    let world = world.started().await;
    for (job, account, business) in &jobs {
        assert_eq!(world.finished(*job).await.state, JobState::Succeeded);
        let prompt = model.calls(&When::of_job(*job)).remove(0).prompt;
        for (_, _, other) in &jobs {
            assert_eq!(prompt.contains(other), other == business, "{business}: {prompt}");
        }
        assert_eq!(
            prompt.contains("As we like it."),
            *account == other,
            "{business}: {prompt}"
        );
    }
    world.settle().await;
}

async fn a_model_writes_a_whole_site(backend: Backend) {
    let model = Model::start().await;
    let world = world(backend, &model, |_| {}).await;
    let blueprint = world.blueprint(world.account).await;
    let site = world.start_site(world.account, blueprint, 3).await;
    let job = world.finished(site).await;
    assert_eq!(
        job.state,
        JobState::Succeeded,
        "{:?} {:?}",
        job.error_code,
        job.error_message
    );

    let pages = world.site(blueprint).await.pages;
    assert_eq!(pages.len(), 3);
    for page in &pages {
        assert_eq!(page.status, PageStatus::Ready);
        let blocks = world.blocks(page.id).await;
        assert!(
            blocks.iter().all(|block| block.status == BlockStatus::Ready),
            "{blocks:#?}"
        );
    }
    let calls = calls_of(&world, site, 1).await;
    assert_eq!(
        (calls[0].function.as_str(), calls[0].outcome.as_str()),
        ("structure", "finished")
    );
    assert_eq!(
        (calls[0].prompt_tokens, calls[0].completion_tokens),
        (job.prompt_tokens, job.completion_tokens)
    );
    assert_eq!(job.model.as_deref(), Some("scripted"));
    assert!(calls[0].first_token_ms <= Some(calls[0].total_ms) && !calls[0].is_estimate);
    assert_eq!(model.statistics().calls, 4);
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_says_what_it_wants_and_who_pays() {
    let model = Model::start().await;
    let world = world(Backend::Sqlite, &model, |config| {
        config.ai.temperature = 0.25;
        config.ai.structure_max_tokens = 777;
        config.ai.max_tokens_field = "max_completion_tokens".to_string();
    });
    let world = world.await;
    world.planned(world.account).await;
    let call = model.calls(&When::any()).remove(0);
    assert_eq!(call.authorization, Some(format!("Bearer {KEY}")));
    let body = call.body;
    assert_eq!(body["temperature"], json!(0.25));
    assert_eq!(body["max_completion_tokens"], json!(777));
    assert_eq!(body["max_tokens"], json!(null));
    assert_eq!(body["stream_options"]["include_usage"], json!(true));
    let format = &body["response_format"];
    assert_eq!(
        (&format["type"], &format["json_schema"]["strict"]),
        (&json!("json_schema"), &json!(true))
    );
    assert_eq!(format["json_schema"]["name"], "structure");
    assert_eq!(format["json_schema"]["schema"]["additionalProperties"], json!(false));
    // The owner's words are data in a user's message.
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(
        (&messages[0]["role"], &messages[1]["role"]),
        (&json!("system"), &json!("user"))
    );
    assert!(
        messages[1]["content"]
            .as_str()
            .unwrap()
            .contains("A sourdough bakery in Leith.")
    );
    assert!(!messages[0]["content"].as_str().unwrap().contains("Leith"));
    world.settle().await;
}

/// Servers that enforce no schema find it in the prompt, and what they leave out is left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_know_no_schema_are_told_in_words() {
    for format in [ResponseFormat::JsonObject, ResponseFormat::None] {
        let model = Model::start().await;
        let world = world(Backend::Sqlite, &model, |config| {
            config.ai.response_format = format;
            config.ai.api_key = "".into();
            config.ai.temperature = -1.0;
            config.ai.structure_max_tokens = 0;
        });
        let world = world.await;
        let blueprint = world.blueprint(world.account).await;
        let plan = json!({ "siteName": "Rye", "pages": [{ "title": "Home", "type": "HOME", "sections": [] }] });
        model.always(When::any(), Behaviour::Say { text: plan.to_string() });
        let job = world.start_site(world.account, blueprint, 1).await;
        world.finished(job).await;
        let call = model.calls(&When::any()).remove(0);
        let kind = &call.body["response_format"]["type"];
        match format {
            ResponseFormat::JsonObject => assert_eq!(kind, "json_object"),
            _ => assert!(kind.is_null()),
        }
        assert!(call.prompt.contains("\"additionalProperties\":false"));
        assert_eq!(
            (call.authorization, &call.body["temperature"], &call.body["max_tokens"]),
            (None, &json!(null), &json!(null))
        );
        world.settle().await;
    }
}
