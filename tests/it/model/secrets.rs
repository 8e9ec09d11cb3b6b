//! A key is said to the server that it belongs to and to nobody else: not in logs of any level, not in errors, not in
//! answers, not in `Debug`.

use model_server::{Behaviour, Model, When};
use serde_json::json;
use sitewright::entities::JobState;
use sitewright::ids::{GlobalId, IdKind};

use super::KEY;
use crate::support::process::Server;
use crate::support::{Backend, Viewer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_in_no_log_no_error_and_no_answer_even_when_the_server_repeats_it() {
    let model = Model::start().await;
    let world = Backend::Sqlite.world_with(|_| {}).await;
    let url = model.url();
    let environment = [
        ("SITEWRIGHT_AI__PROVIDER", "openai"),
        ("SITEWRIGHT_AI__MODEL", "scripted"),
        ("OPENAI_BASE_URL", url.as_str()),
        ("OPENAI_API_KEY", KEY),
        ("SITEWRIGHT_LOG__FILTER", "trace"),
    ];
    let server = Server::start(&world, &environment).await;
    for fault in [
        Behaviour::bad_key(KEY),
        Behaviour::ErrorInStream {
            body: format!(r#"{{"error":{{"message":"no: {KEY}","code":400}}}}"#),
        },
        Behaviour::ErrorInStream {
            body: format!("{{no: {KEY}"),
        },
        Behaviour::Refuse {
            text: format!("{KEY} is not allowed"),
        },
    ] {
        model.clear().always(When::any(), fault);
        let blueprint = world.blueprint(world.account).await;
        let job = server
            .start_structure(blueprint, &uuid::Uuid::now_v7().to_string())
            .await
            .unwrap()
            .job;
        server.watch(&world, &mut Viewer::default(), job, |_| false).await;
        let job = world.job(job).await;
        assert_eq!(job.state, JobState::Failed);
        let query =
            "query($id: ID!) { node(id: $id) { ... on GenerationJob { error { code message } usage { model } } } }";
        let id = GlobalId::new(IdKind::Job, job.id).to_string();
        let answer = server.graphql(query, json!({ "id": id })).await.unwrap();
        assert!(
            answer["node"]["error"]["code"].is_string() && !answer.to_string().contains(KEY),
            "{answer}"
        );
        assert!(!format!("{job:?}").contains(KEY), "{job:?}");
    }
    // Its calls carried the key, so the log had something to hide.
    assert!(
        model
            .calls(&When::any())
            .iter()
            .all(|call| call.authorization == Some(format!("Bearer {KEY}")))
    );
    let log = server.process.log();
    assert!(log.contains("job claimed") && !log.contains(KEY), "the log has the key");
    server.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_in_no_debug_output() {
    let model = Model::start().await;
    let world = super::world(Backend::Sqlite, &model, |_| {}).await;
    assert!(!format!("{:?}", world.app.config).contains(KEY));
    assert!(!format!("{:?}", world.app.ai).contains(KEY));
    world.settle().await;
}
