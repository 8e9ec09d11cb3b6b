//! Prompts and measured quality over GraphQL.

use serde_json::{Value, json};
use sitewright::ai::scripted::When;
use sitewright::ids::{GlobalId, IdKind};

use crate::graphql_served::{Served, keyed, open};
use crate::support::Backend;

const PROMPTS: &str = "{ prompts { id function description price system user version isBuiltIn savedAt
    variables { name description isRequired } versions { edges { node { version system } } } } }";
const SAVE: &str = "mutation($input: SavePromptTemplateInput!) { savePromptTemplate(input: $input) {
    promptTemplate { id function version isBuiltIn system user }
    promptVersionEdge { cursor node { id version } }
    userErrors { code message path ... on ValidationError { constraint } ... on ConflictError { currentVersion } } } }";

async fn save(served: &Served, input: Value) -> Value {
    served.data(SAVE, json!({ "input": input })).await["savePromptTemplate"].take()
}

async fn a_prompt_is_changed_used_and_restored(backend: Backend) {
    let served = open(backend).await;
    let prompts = served.data(PROMPTS, json!({})).await["prompts"].take();
    let names: Vec<&str> = prompts
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["function"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["structure", "page", "block"]);
    let page = &prompts[1];
    assert_eq!(
        (&page["version"], &page["isBuiltIn"], &page["price"]),
        (&json!(0), &json!(true), &json!(20))
    );
    let required = page["variables"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["isRequired"] == true);
    assert!(required.count() >= 2);

    let own = "Write {{sections}} of {{page}} for {{brief}} in rhyme.";
    let saved = save(
        &served,
        json!({ "function": "page", "system": "You rhyme.", "user": own, "expectedVersion": 0 }),
    )
    .await;
    assert_eq!(saved["userErrors"], json!([]));
    assert_eq!(
        (
            &saved["promptTemplate"]["version"],
            &saved["promptTemplate"]["isBuiltIn"]
        ),
        (&json!(1), &json!(false))
    );
    assert_eq!(
        saved["promptTemplate"]["id"], page["id"],
        "it is the same thing, changed"
    );

    // The next job uses it.
    let site = served.world.planned(served.world.account).await;
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    served.world.finished(job).await;
    let prompt = &served.world.script.calls(&When::of_job(job))[0].prompt;
    assert!(
        prompt.starts_with("You rhyme.\nWrite ") && prompt.ends_with(" in rhyme."),
        "{prompt}"
    );

    // Two people at once: one is told.
    let late = save(
        &served,
        json!({ "function": "page", "system": "S", "user": own, "expectedVersion": 0 }),
    )
    .await;
    assert_eq!(
        (&late["userErrors"][0]["code"], &late["userErrors"][0]["currentVersion"]),
        (&json!("CONFLICT"), &json!(1))
    );

    let back = save(&served, json!({ "function": "page", "restoreVersion": 0 })).await;
    assert_eq!(
        (&back["promptTemplate"]["version"], &back["promptTemplate"]["isBuiltIn"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(back["promptTemplate"]["system"], page["system"]);
    let again = save(&served, json!({ "function": "page", "restoreVersion": 1 })).await;
    assert_eq!(
        (&again["promptTemplate"]["version"], &again["promptTemplate"]["user"]),
        (&json!(3), &json!(own))
    );
    let node = &again["promptVersionEdge"]["node"]["id"];
    let found = served
        .data(
            "query($id: ID!) { node(id: $id) { id ... on PromptVersion { version } } }",
            json!({ "id": node }),
        )
        .await;
    assert_eq!(found["node"]["version"], 3);
    let now = served.data(PROMPTS, json!({})).await["prompts"][1].take();
    let versions: Vec<i64> = now["versions"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| edge["node"]["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [3, 2, 1]);
    served.settle().await;
}

async fn a_prompt_that_cannot_work_is_refused_with_the_place(backend: Backend) {
    let served = open(backend).await;
    let refused = save(
        &served,
        json!({ "function": "page", "system": "Use {{secrets}}", "user": "{{brief}} {{" }),
    )
    .await;
    assert_eq!(refused["promptTemplate"], Value::Null);
    let errors: Vec<(String, String)> = refused["userErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["constraint"].to_string(), error["path"].to_string()))
        .collect();
    let expected = [
        ("\"UNKNOWN_VARIABLE\"", "[\"input\",\"system\"]"),
        ("\"FORMAT\"", "[\"input\",\"user\"]"),
        ("\"MISSING_VARIABLE\"", "[\"input\",\"user\"]"),
        ("\"MISSING_VARIABLE\"", "[\"input\",\"user\"]"),
    ];
    assert_eq!(
        errors
            .iter()
            .map(|(one, two)| (one.as_str(), two.as_str()))
            .collect::<Vec<_>>(),
        expected
    );
    for (input, path) in [
        (
            json!({ "function": "poem", "restoreVersion": 0 }),
            json!(["input", "function"]),
        ),
        (
            json!({ "function": "page", "restoreVersion": 7 }),
            json!(["input", "restoreVersion"]),
        ),
        (json!({ "function": "page" }), json!(["input"])),
        (json!({ "function": "page", "system": "x" }), json!(["input", "user"])),
        (
            json!({ "function": "page", "system": "x", "user": "y", "restoreVersion": 0 }),
            json!(["input"]),
        ),
    ] {
        let refused = save(&served, input).await;
        assert_eq!(refused["userErrors"][0]["path"], path, "{refused}");
    }
    let prompts = served.data(PROMPTS, json!({})).await;
    assert_eq!(prompts["prompts"][1]["version"], 0, "nothing was written");
    served.settle().await;
}

async fn a_prompt_is_its_accounts_own(backend: Backend) {
    let mut served = keyed(backend).await;
    let saved = save(
        &served,
        json!({ "function": "block", "system": "Mine.", "user": "{{brief}} {{section}}" }),
    )
    .await;
    let (prompt, version) = (
        &saved["promptTemplate"]["id"],
        &saved["promptVersionEdge"]["node"]["id"],
    );
    let other = served.world.new_account("other", 100).await;
    served.key = Some(served.new_key(other).await);
    for id in [prompt, version] {
        let found = served
            .data("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id }))
            .await;
        assert_eq!(found["node"], Value::Null, "{id}");
    }
    let theirs = served.data(PROMPTS, json!({})).await["prompts"][2].take();
    assert_eq!((&theirs["version"], &theirs["isBuiltIn"]), (&json!(0), &json!(true)));
    assert_ne!(theirs["id"], *prompt);
    served.settle().await;
}

async fn quality_is_measured_on_pages_on_sites_and_at_a_jobs_end(backend: Backend) {
    let served = open(backend).await;
    let site = served.world.planned(served.world.account).await;
    let page = site.pages[0].id;
    let query = "query($id: ID!) { blueprint(id: $id) { quality { score } pages { slug quality {
        score placeholderCount readingGrade findings { code message pageId blockId path points } } } } }";
    let id = GlobalId::new(IdKind::Blueprint, site.blueprint.id).to_string();
    let before = served.data(query, json!({ "id": id })).await["blueprint"].take();
    let codes = |page: &Value| -> Vec<String> {
        let findings = page["quality"]["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|finding| finding["code"].as_str().unwrap().to_string())
            .collect()
    };
    assert!(
        codes(&before["pages"][0]).contains(&"UNWRITTEN".to_string()),
        "{before}"
    );
    let job = served.world.start_page(served.world.account, page).await;
    served.world.finished(job).await;
    let after = served.data(query, json!({ "id": id })).await["blueprint"].take();
    assert!(!codes(&after["pages"][0]).contains(&"UNWRITTEN".to_string()), "{after}");
    assert!(after["pages"][0]["quality"]["score"].as_i64() > before["pages"][0]["quality"]["score"].as_i64());
    assert!(after["quality"]["score"].as_i64() > before["quality"]["score"].as_i64());

    // The stream's last event brings it along.
    let mut socket = served.socket().await;
    let watch =
        "subscription($id: ID!) { jobEvents(jobId: $id) { __typename ... on JobFinished { quality { score } } } }";
    let id = GlobalId::new(IdKind::Job, job).to_string();
    socket.subscribe("1", watch, json!({ "id": id })).await;
    loop {
        let message = socket.receive().await;
        let event = &message["payload"]["data"]["jobEvents"];
        assert_eq!(message["payload"]["errors"], Value::Null, "{message}");
        if event["__typename"] == "JobFinished" {
            assert_eq!(event["quality"]["score"], after["pages"][0]["quality"]["score"]);
            break;
        }
    }
    served.settle().await;
}

on_both!(
    a_prompt_is_changed_used_and_restored,
    a_prompt_that_cannot_work_is_refused_with_the_place,
    a_prompt_is_its_accounts_own,
    quality_is_measured_on_pages_on_sites_and_at_a_jobs_end,
);
