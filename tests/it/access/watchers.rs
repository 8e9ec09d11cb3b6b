//! Watch tokens: what a browser may hold reads one job or one site, and walks nowhere from there.

mod alone;

use serde_json::{Value, json};
use sitewright::entities::Role;
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use super::{ask, code, data, key, socket};
use crate::graphql_served::{Served, Socket, keyed, open};
use crate::support::{Backend, Site};

const MAKE: &str = "mutation($input: CreateWatchTokenInput!) { createWatchToken(input: $input) {
    token expiresAt userErrors { code message path } } }";
const JOB: &str = "query($id: ID!) { job(id: $id) { id state blueprint { id } parent { id }
    children { id } page { id blocks { id } activeJob { id } } } }";
const SITE: &str = "query($id: ID!) { blueprint(id: $id) { id brief { summary } pages { id }
    jobs { edges { node { id } } } } }";
const PAGE: &str = "query($id: ID!) { page(id: $id) { id blocks { id } } }";
const NODE: &str = "query($id: ID!) { node(id: $id) { __typename } }";

fn id(kind: IdKind, uuid: Uuid) -> String {
    GlobalId::new(kind, uuid).to_string()
}

async fn token(served: &Served, maker: &str, input: Value) -> String {
    let made = data(served, maker, MAKE, json!({ "input": input })).await["createWatchToken"].take();
    assert_eq!(made["userErrors"], json!([]), "{made}");
    made["token"].as_str().unwrap().to_string()
}

/// Two planned sites, each with a page that was written.
struct Two {
    mine: Site,
    other: Site,
    job: Uuid,
    other_job: Uuid,
}

async fn two(served: &Served) -> Two {
    let account = served.world.account;
    let (mine, other) = (served.world.planned(account).await, served.world.planned(account).await);
    let job = served.world.start_page(account, mine.pages[0].id).await;
    let other_job = served.world.start_page(account, other.pages[0].id).await;
    served.world.finished(job).await;
    served.world.finished(other_job).await;
    Two {
        mine,
        other,
        job,
        other_job,
    }
}

async fn a_jobs_token_reads_the_job_and_what_it_writes(backend: Backend) {
    let served = keyed(backend).await;
    let two = two(&served).await;
    let account = served.world.account;
    let viewer = key(&served, account, Role::Viewer).await;
    let (job, page) = (id(IdKind::Job, two.job), id(IdKind::Page, two.mine.pages[0].id));
    let token = token(&served, &viewer, json!({ "jobId": job })).await;
    let seen = data(&served, &token, JOB, json!({ "id": job })).await["job"].take();
    assert_eq!((&seen["id"], &seen["page"]["id"]), (&json!(job), &json!(page)));
    assert!(!seen["page"]["blocks"].as_array().unwrap().is_empty());
    assert_eq!(seen["blueprint"], Value::Null);
    let written = data(&served, &token, PAGE, json!({ "id": page })).await;
    assert_eq!(written["page"]["blocks"], seen["page"]["blocks"]);
    // The page's site is out of reach, and a field that cannot be null says so.
    let up = "query($id: ID!) { page(id: $id) { blueprint { id brief { summary } } } }";
    let (_, answer) = ask(&served, Some(&token), up, json!({ "id": page })).await;
    assert_eq!(
        (code(&answer), &answer["data"]["page"]),
        ("FORBIDDEN", &Value::Null),
        "{answer}"
    );
    let option = "{ builderMetadata { businessTypes { id } } }";
    let option = data(&served, &viewer, option, json!({})).await["builderMetadata"]["businessTypes"][0]["id"].take();
    let option = option.as_str().unwrap().to_string();
    assert_ne!(
        data(&served, &viewer, NODE, json!({ "id": option })).await["node"],
        Value::Null
    );
    for (query, field, id) in [
        (JOB, "job", id(IdKind::Job, two.other_job)),
        (SITE, "blueprint", id(IdKind::Blueprint, two.mine.blueprint.id)),
        (SITE, "blueprint", id(IdKind::Blueprint, two.other.blueprint.id)),
        (PAGE, "page", id(IdKind::Page, two.mine.pages[1].id)),
        (PAGE, "page", id(IdKind::Page, two.other.pages[0].id)),
        (NODE, "node", id(IdKind::Account, account)),
        (NODE, "node", id(IdKind::Credits, account)),
        (NODE, "node", option),
        (NODE, "node", id(IdKind::Job, two.other_job)),
    ] {
        assert_eq!(
            data(&served, &token, query, json!({ "id": id })).await[field],
            Value::Null,
            "{id}"
        );
    }
    // The job that plans a site writes all its pages.
    let plan = served.world.start_site(account, two.mine.blueprint.id, 2).await;
    served.world.finished(plan).await;
    let plan = id(IdKind::Job, plan);
    let token = self::token(&served, &viewer, json!({ "jobId": plan })).await;
    let seen = data(&served, &token, JOB, json!({ "id": plan })).await["job"].take();
    assert_eq!(seen["children"].as_array().unwrap().len(), 2);
    let child = json!({ "id": seen["children"][0]["id"] });
    assert_eq!(
        data(&served, &token, JOB, child).await["job"]["parent"]["id"],
        json!(plan)
    );
    served.settle().await;
}

async fn a_sites_token_reads_the_site_and_its_jobs(backend: Backend) {
    let served = keyed(backend).await;
    let two = two(&served).await;
    let owner = served.key.clone().unwrap();
    let site = id(IdKind::Blueprint, two.mine.blueprint.id);
    let token = token(&served, &owner, json!({ "blueprintId": site })).await;
    let seen = data(&served, &token, SITE, json!({ "id": site })).await["blueprint"].take();
    assert_eq!(
        seen,
        data(&served, &owner, SITE, json!({ "id": site })).await["blueprint"]
    );
    let job = json!({ "id": id(IdKind::Job, two.job) });
    assert_eq!(
        data(&served, &token, JOB, job.clone()).await["job"]["blueprint"]["id"],
        json!(site)
    );
    let other = json!({ "id": id(IdKind::Job, two.other_job) });
    assert_eq!(data(&served, &token, JOB, other.clone()).await["job"], Value::Null);
    let watch = "subscription($id: ID!) { jobEvents(jobId: $id) { __typename } }";
    let mut socket = socket(&served, &token).await;
    assert_eq!(socket.receive().await["type"], "connection_ack");
    socket.subscribe("own", watch, job).await;
    assert_eq!(socket.receive().await["type"], "next");
    // What is out of reach is missing, word for word.
    let mut said = Vec::new();
    for (name, id) in [
        ("a", other["id"].clone()),
        ("b", json!(id(IdKind::Job, Uuid::now_v7()))),
    ] {
        let mut socket = super::socket(&served, &token).await;
        socket.receive().await;
        socket.subscribe(name, watch, json!({ "id": id })).await;
        let payload = socket.receive().await["payload"].take();
        let error = payload["errors"].get(0).unwrap_or(&payload[0]).clone();
        assert_eq!(error["extensions"]["code"], "NOT_FOUND");
        said.push(error["message"].clone());
    }
    assert_eq!(said[0], said[1]);
    served.settle().await;
}

/// Everything that a subscription brings until it ends.
async fn told(mut socket: Socket, query: &str, variables: Value) -> Vec<Value> {
    assert_eq!(socket.receive().await["type"], "connection_ack");
    socket.subscribe("1", query, variables).await;
    let mut told = Vec::new();
    loop {
        let mut word = socket.receive().await;
        match word["type"].as_str().unwrap() {
            "next" => told.push(word["payload"].take()),
            "complete" => return told,
            _ => panic!("{word}"),
        }
    }
}

async fn a_token_shares_no_answer_and_no_event_with_who_reaches_more(backend: Backend) {
    let served = keyed(backend).await;
    let account = served.world.account;
    let site = served.world.planned(account).await;
    served.world.script.speed(200);
    let job = served.world.start_page(account, site.pages[0].id).await;
    let job = json!({ "id": id(IdKind::Job, job) });
    // The same account, the same role and the same documents: only the reach differs.
    let viewer = key(&served, account, Role::Viewer).await;
    let token = token(&served, &viewer, json!({ "jobId": job["id"] })).await;
    let options = "{ builderMetadata { prices { amount } } }";
    for _ in 0..2 {
        // The second one is kept.
        data(&served, &viewer, options, json!({})).await;
        let (_, answer) = ask(&served, Some(&token), options, json!({})).await;
        assert_eq!((code(&answer), answer.get("data")), ("FORBIDDEN", None), "{answer}");
    }
    let watch = "subscription($id: ID!) { jobEvents(jobId: $id) { __typename job { id blueprint { id } } } }";
    let all = [&viewer, &token, &viewer, &token].map(|credential| {
        let (served, job) = (&served, job.clone());
        async move { told(socket(served, credential).await, watch, job).await }
    });
    let all = futures::future::join_all(all).await;
    let reached = json!({ "id": id(IdKind::Blueprint, site.blueprint.id) });
    for (number, told) in all.iter().enumerate() {
        let expected = if number % 2 == 0 { &reached } else { &Value::Null };
        assert!(told.len() > 3, "{told:?}");
        for event in told {
            let seen = &event["data"]["jobEvents"]["job"];
            assert_eq!(
                (&seen["id"], &seen["blueprint"]),
                (&job["id"], expected),
                "{number}: {event}"
            );
        }
    }
    served.settle().await;
}

async fn a_token_asks_nothing_else_and_changes_nothing(backend: Backend) {
    let served = keyed(backend).await;
    let site = served.world.planned(served.world.account).await;
    let owner = served.key.clone().unwrap();
    let site = id(IdKind::Blueprint, site.blueprint.id);
    let token = token(&served, &owner, json!({ "blueprintId": site })).await;
    for query in [
        "{ viewer { role } }",
        "{ builderMetadata { prices { id } } }",
        "{ blueprints { edges { node { id } } } }",
        "{ jobs { edges { node { id } } } }",
        "query($id: ID!) { quote(input: { structure: { blueprintId: $id } }) { available } }",
        "mutation($id: ID!) { createWatchToken(input: { blueprintId: $id }) { token } }",
        "mutation($id: ID!) { deleteBlueprint(input: { id: $id }) { deletedBlueprintId query { __typename } } }",
    ] {
        let variables = if query.contains("$id") {
            json!({ "id": site })
        } else {
            json!({})
        };
        let (_, answer) = ask(&served, Some(&token), query, variables).await;
        assert_eq!(
            (code(&answer), &answer["data"]),
            ("FORBIDDEN", &Value::Null),
            "{query}: {answer}"
        );
    }
    served.settle().await;
}

async fn a_token_reaches_no_further_on_a_server_without_keys(backend: Backend) {
    let served = open(backend).await;
    let two = two(&served).await;
    let input = json!({ "input": { "jobId": id(IdKind::Job, two.job) } });
    let token = served.data(MAKE, input).await["createWatchToken"]["token"]
        .as_str()
        .unwrap()
        .to_string();
    let other = json!({ "id": id(IdKind::Job, two.other_job) });
    assert_ne!(served.data(JOB, other.clone()).await["job"], Value::Null);
    assert_eq!(data(&served, &token, JOB, other).await["job"], Value::Null);
    assert_eq!(
        code(&ask(&served, Some(&token), "{ viewer { role } }", json!({})).await.1),
        "FORBIDDEN"
    );
    served.settle().await;
}

on_both!(
    a_jobs_token_reads_the_job_and_what_it_writes,
    a_sites_token_reads_the_site_and_its_jobs,
    a_token_shares_no_answer_and_no_event_with_who_reaches_more,
    a_token_asks_nothing_else_and_changes_nothing,
    a_token_reaches_no_further_on_a_server_without_keys,
);
