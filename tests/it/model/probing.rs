//! `doctor --probe` asks the model: what a refusal is called, and what to do about it.

use model_server::{Behaviour, Model, When};

use super::KEY;
use crate::doctor::{Table, sound};
use crate::support::Backend;
use crate::support::process::{Environment, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_does_not_answer_is_named_with_what_to_do() {
    let world = sound(Backend::Sqlite).await;
    let model = Model::start().await;
    let base = model.url();
    let environment: Environment = &[
        ("SITEWRIGHT_AI__PROVIDER", "openai"),
        ("SITEWRIGHT_AI__MODEL", "scripted"),
        ("OPENAI_BASE_URL", &base),
        ("OPENAI_API_KEY", KEY),
    ];
    let url = &world.app.config.database.url;
    let probe = async || {
        let ended = run(&["doctor", "--probe", "--json"], url, environment).await;
        assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
        Table::of(&ended)
    };
    let table = probe().await;
    assert_eq!((table.bad(), table.code), (vec![], Some(0)), "{:#?}", table.rows);
    table.says("model", &["scripted answers"]);
    for (fault, parts) in [
        (Behaviour::bad_key(KEY), ["the key is refused", "OPENAI_API_KEY"]),
        (Behaviour::no_such_model(), ["there is no such model", "ai.model"]),
        (Behaviour::server_error(), ["it is busy", "Wait and ask again"]),
    ] {
        model.clear().always(When::any(), fault);
        probe().await.only_broken("model", &parts);
    }
    drop(model);
    probe()
        .await
        .only_broken("model", &["it cannot be reached", "OPENAI_BASE_URL"]);
    world.settle().await;
}
