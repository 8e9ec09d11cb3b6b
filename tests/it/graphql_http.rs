//! The API over HTTP: the walk from a brief to a site, what bad input gets, and what the transport refuses.

use serde_json::{Value, json};
use sitewright::ids::{GlobalId, IdKind};

use crate::graphql_served::{brief, keyed, open, uuid};
use crate::support::Backend;

const CREATE: &str = "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) {
    blueprint { id version } userErrors { __typename code message path } } }";
const GENERATE_SITE: &str = "mutation($input: GenerateSiteInput!) { generateSite(input: $input) {
    job { id state price } credits { available } replayed
    userErrors { __typename code path ... on AlreadyRunningError { job { id } }
      ... on InsufficientCreditsError { required available shortfall } } } }";

async fn a_brief_becomes_a_site_and_the_ledger_adds_up(backend: Backend) {
    let served = open(backend).await;
    let input = json!({ "input": { "name": "Bakery", "brief": brief() } });
    let made = served.data(CREATE, input).await["createBlueprint"].take();
    assert_eq!(made["userErrors"], json!([]));
    let site = &made["blueprint"]["id"];
    let quote = "query($id: ID!) { quote(input: { site: { blueprintId: $id, maxPages: 4 } }) { total covered } }";
    let quote = served.data(quote, json!({ "id": site })).await["quote"].take();
    assert_eq!(quote, json!({ "total": 130, "covered": true }));

    let input = json!({ "input": { "blueprintId": site, "idempotencyKey": "k", "maxPages": 4 } });
    let started = served.data(GENERATE_SITE, input.clone()).await["generateSite"].take();
    assert_eq!(
        (&started["job"]["price"], &started["replayed"]),
        (&json!(130), &json!(false))
    );
    let again = served.data(GENERATE_SITE, input).await["generateSite"].take();
    assert_eq!(
        (&again["job"]["id"], &again["replayed"]),
        (&started["job"]["id"], &json!(true))
    );
    let job = served.world.finished(uuid(IdKind::Job, &started["job"]["id"])).await;

    let all = "query($id: ID!, $job: ID!) { blueprint(id: $id) { status structure { siteName } pages { slug status
        blocks { __typename id status ... on HeroBlock { headline } } } }
        job(id: $job) { state charged progress children { state charged } }
        viewer { account { credits { balance held }
          creditEntries(last: 100) { edges { node { balanceDelta heldDelta balanceAfter heldAfter } } } } } }";
    let data = served
        .data(all, json!({ "id": site, "job": started["job"]["id"] }))
        .await;
    assert_eq!(data["blueprint"]["status"], "READY");
    let pages = data["blueprint"]["pages"].as_array().unwrap();
    assert!((1..=4).contains(&pages.len()));
    for page in pages {
        assert_eq!(
            (&page["status"], &page["blocks"][0]["__typename"]),
            (&json!("READY"), &json!("HeroBlock"))
        );
        assert!(page["blocks"][0]["headline"].is_string());
    }
    assert_eq!(data["job"]["charged"].as_i64(), job.charged);
    let account = &data["viewer"]["account"];
    let entries = account["creditEntries"]["edges"].as_array().unwrap();
    let sum = |field: &str| {
        entries
            .iter()
            .map(|edge| edge["node"][field].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!(
        account["credits"],
        json!({ "balance": sum("balanceDelta"), "held": sum("heldDelta") })
    );
    served.settle().await;
}

async fn bad_input_is_answered_with_its_path_and_writes_nothing(backend: Backend) {
    let served = open(backend).await;
    let job = GlobalId::new(IdKind::Job, uuid::Uuid::nil()).to_string();
    let option = GlobalId::new(IdKind::BuilderOption, uuid::Uuid::nil()).to_string();
    let with = |field: &str, value: Value| {
        let mut brief = brief();
        brief[field] = value;
        json!({ "name": "Bakery", "brief": brief })
    };
    for (input, code, path) in [
        (
            json!({ "name": " ", "brief": brief() }),
            "VALIDATION",
            vec!["input", "name"],
        ),
        (
            with("summary", json!("")),
            "VALIDATION",
            vec!["input", "brief", "summary"],
        ),
        (
            with("summary", json!("x".repeat(20_001))),
            "VALIDATION",
            vec!["input", "brief", "summary"],
        ),
        (
            with("businessName", json!("a\u{7}b")),
            "VALIDATION",
            vec!["input", "brief", "businessName"],
        ),
        (
            with("businessTypeId", json!(job)),
            "NOT_FOUND",
            vec!["input", "brief", "businessTypeId"],
        ),
        (
            with("businessTypeId", json!(option)),
            "NOT_FOUND",
            vec!["input", "brief", "businessTypeId"],
        ),
    ] {
        let answer = served.data(CREATE, json!({ "input": input })).await["createBlueprint"].take();
        assert_eq!(answer["blueprint"], Value::Null);
        let error = &answer["userErrors"][0];
        assert_eq!(
            (error["code"].as_str(), &error["path"]),
            (Some(code), &json!(path)),
            "{error}"
        );
        assert!(error["message"].as_str().unwrap().ends_with('.'), "{error}");
    }
    let data = served.data("{ blueprints { edges { node { id } } } }", json!({})).await;
    assert_eq!(data["blueprints"]["edges"], json!([]));
    served.settle().await;
}

async fn a_start_is_refused_with_what_stands_in_its_way(backend: Backend) {
    let mut served = keyed(backend).await;
    let poor = served.world.new_account("poor", 60).await;
    served.key = Some(served.new_key(poor).await);
    let site = served.world.blueprint(poor).await;
    let site = GlobalId::new(IdKind::Blueprint, site).to_string();
    let input = json!({ "input": { "blueprintId": site, "idempotencyKey": "k", "maxPages": 1 } });
    let answer = served.data(GENERATE_SITE, input).await["generateSite"].take();
    assert_eq!(
        (&answer["job"], &answer["credits"]["available"]),
        (&Value::Null, &json!(60))
    );
    let error = &answer["userErrors"][0];
    assert_eq!(error["__typename"], "InsufficientCreditsError");
    let numbers = (&error["required"], &error["available"], &error["shortfall"]);
    assert_eq!(numbers, (&json!(70), &json!(60), &json!(10)));
    served.settle().await;
}

async fn what_is_not_yours_does_not_exist(backend: Backend) {
    let mut served = keyed(backend).await;
    let site = served.world.planned(served.world.account).await;
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    served.world.finished(job).await;
    let block = served.world.blocks(site.pages[0].id).await[0].id;
    let other = served.world.new_account("other", 1_000).await;
    served.key = Some(served.new_key(other).await);
    let id = |kind, uuid| GlobalId::new(kind, uuid).to_string();
    let ids = json!({
        "account": id(IdKind::Account, served.world.account),
        "site": id(IdKind::Blueprint, site.blueprint.id),
        "page": id(IdKind::Page, site.pages[0].id),
        "block": id(IdKind::Block, block),
        "job": id(IdKind::Job, job),
    });
    let read = "query($account: ID!, $site: ID!, $page: ID!, $block: ID!, $job: ID!) {
        nodes(ids: [$account, $site, $page, $block, $job]) { id }
        node(id: $job) { id } blueprint(id: $site) { id } page(id: $page) { id } job(id: $job) { id }
        jobs { edges { node { id } } } blueprints { edges { node { id } } } }";
    let data = served.data(read, ids.clone()).await;
    let nothing = json!({ "nodes": [null, null, null, null, null], "node": null, "blueprint": null, "page": null,
        "job": null, "jobs": { "edges": [] }, "blueprints": { "edges": [] } });
    assert_eq!(data, nothing);
    let write = "mutation($site: ID!, $page: ID!, $job: ID!) {
        a: updateBlueprint(input: { id: $site, name: \"Mine\" }) { userErrors { code } }
        b: deleteBlueprint(input: { id: $site }) { userErrors { code } }
        c: generateStructure(input: { blueprintId: $site, idempotencyKey: \"c\" }) { userErrors { code } }
        d: generatePage(input: { pageId: $page, idempotencyKey: \"d\" }) { userErrors { code } }
        e: generatePages(input: { pageIds: [$page], idempotencyKey: \"e\" }) { userErrors { code } }
        f: generateSite(input: { blueprintId: $site, idempotencyKey: \"f\" }) { userErrors { code } }
        g: cancelJob(input: { jobId: $job }) { userErrors { code } } }";
    let ids = json!({ "site": ids["site"], "page": ids["page"], "job": ids["job"] });
    let data = served.data(write, ids.clone()).await;
    for (name, answer) in data.as_object().unwrap() {
        assert_eq!(answer["userErrors"], json!([{ "code": "NOT_FOUND" }]), "{name}");
    }
    let quote = "query($page: ID!) { quote(input: { page: { pageId: $page } }) { total } }";
    let answer = served.ask(quote, json!({ "page": ids["page"] })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    served.settle().await;
}

async fn lists_are_paged_both_ways_without_gaps(backend: Backend) {
    let served = open(backend).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        let site = served.world.blueprint(served.world.account).await;
        made.insert(0, GlobalId::new(IdKind::Blueprint, site).to_string());
    }
    let page = "query($first: Int, $after: String, $last: Int, $before: String) {
        blueprints(first: $first, after: $after, last: $last, before: $before) {
          edges { node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let mut seen = Vec::new();
    let mut args = json!({ "first": 2 });
    loop {
        let slice = served.data(page, args).await["blueprints"].take();
        let edges = slice["edges"].as_array().unwrap();
        seen.extend(
            edges
                .iter()
                .map(|edge| edge["node"]["id"].as_str().unwrap().to_string()),
        );
        if slice["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        args = json!({ "first": 2, "after": slice["pageInfo"]["endCursor"] });
    }
    assert_eq!(seen, made);
    let tail = served.data(page, json!({ "last": 2 })).await["blueprints"].take();
    let before = json!({ "last": 2, "before": tail["pageInfo"]["startCursor"] });
    let middle = served.data(page, before).await["blueprints"].take();
    let ids = |slice: &Value| {
        let edges = slice["edges"].as_array().unwrap().clone();
        edges
            .iter()
            .map(|edge| edge["node"]["id"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!((ids(&tail), ids(&middle)), (made[3..].to_vec(), made[1..3].to_vec()));
    assert_eq!(middle["pageInfo"]["hasPreviousPage"], json!(true));
    for wrong in [
        json!({ "first": -1 }),
        json!({ "first": 1, "last": 1 }),
        json!({ "after": "x" }),
    ] {
        let answer = served.ask(page, wrong).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
    served.settle().await;
}

async fn the_transport_refuses_what_is_not_a_request(backend: Backend) {
    let mut served = keyed(backend).await;
    let url = served.url("/graphql");
    let key = served.key.clone().unwrap();
    let post = |media_type: &'static str, body: String| {
        let request = served
            .client
            .post(&url)
            .bearer_auth(&key)
            .header("content-type", media_type);
        request.header("x-request-id", "mine").body(body).send()
    };
    let json = "application/json";
    let query = json!({ "query": "{ __typename }" }).to_string();
    for (media_type, body, status, code) in [
        ("text/plain", query.clone(), 415, "BAD_REQUEST"),
        (json, "nonsense".to_string(), 400, "BAD_REQUEST"),
        (json, "[]".to_string(), 400, "BAD_REQUEST"),
        (
            json,
            format!("{{\"query\":\"{}\"}}", " ".repeat(3 << 20)),
            413,
            "BAD_REQUEST",
        ),
        (json, json!({ "query": "{" }).to_string(), 200, "GRAPHQL_PARSE_FAILED"),
        (
            json,
            json!({ "query": "{ nope }" }).to_string(),
            200,
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        let response = post(media_type, body).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-request-id"], "mine");
        let answer: Value = response.json().await.unwrap();
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions, &json!({ "code": code, "requestId": "mine" }));
        assert!(answer.get("data").is_none(), "a refused request has no data: {answer}");
    }
    let by_get = |query: &'static str| {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let request = served.client.get(format!("{url}?query={encoded}")).bearer_auth(&key);
        request.header("accept", "application/graphql-response+json").send()
    };
    let response = by_get("{ __typename }").await.unwrap();
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({ "data": { "__typename": "Query" } })
    );
    assert_eq!(by_get("{ nope }").await.unwrap().status(), 400);
    let response = by_get("query($id: ID!) { node(id: $id) { id } }").await.unwrap();
    assert_eq!(response.status(), 400, "a variable without a value");
    assert!(response.json::<Value>().await.unwrap().get("data").is_none());
    let response = by_get("mutation { cancelJob(input: { jobId: 1 }) { userErrors { code } } }")
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    let preview = served.client.get(served.url("/preview/x")).send().await.unwrap();
    assert_eq!(
        (preview.status().as_u16(), &preview.headers()["www-authenticate"]),
        (401, &"Bearer".parse().unwrap())
    );
    served.key = None;
    let answer = served.ask("{ __typename }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("key create"));
    served.settle().await;
}

async fn a_key_works_until_it_is_revoked(backend: Backend) {
    let mut served = keyed(backend).await;
    let create =
        "mutation { createApiKey(input: { name: \"CI\" }) { secret apiKey { id role prefix } userErrors { code } } }";
    let made = served.data(create, json!({})).await["createApiKey"].take();
    let first = served.key.replace(made["secret"].as_str().unwrap().to_string());
    let viewer = served.data("{ viewer { role apiKey { id } } }", json!({})).await["viewer"].take();
    assert_eq!(
        viewer,
        json!({ "role": "OWNER", "apiKey": { "id": made["apiKey"]["id"] } })
    );
    let second = std::mem::replace(&mut served.key, first);
    let revoke = "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } userErrors { code } } }";
    let revoked = served.data(revoke, json!({ "id": made["apiKey"]["id"] })).await["revokeApiKey"].take();
    assert!(revoked["apiKey"]["revokedAt"].is_string());
    served.key = second;
    let answer = served.ask("{ __typename }", json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    served.settle().await;
}

async fn a_server_without_keys_answers_only_this_machine(backend: Backend) {
    let served = open(backend).await;
    let status = async |header: &'static str, value: &str| {
        let request = served
            .client
            .post(served.url("/graphql"))
            .header("content-type", "application/json");
        let request = request.header(header, value).body("{\"query\":\"{ __typename }\"}");
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("host", "evil.example").await, 403);
    assert_eq!(status("origin", "http://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("origin", &served.url("")).await, 200);
    assert_eq!(status("sec-fetch-site", "same-site").await, 403);
    assert_eq!(status("sec-fetch-site", "same-origin").await, 200);
    let explorer = served.client.get(served.url("/graphiql")).send().await.unwrap();
    assert_eq!(explorer.headers()["x-frame-options"], "DENY");
    assert_eq!(explorer.headers()["x-content-type-options"], "nosniff");
    for path in ["/livez", "/readyz", "/graphiql"] {
        let response = served.client.get(served.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    served.settle().await;
}

/// Seen to fail when `prepare` does not weigh: the executor then works on it for seconds, and answers.
async fn a_fragment_bomb_is_refused_before_it_runs(backend: Backend) {
    let served = open(backend).await;
    let spread = |level: u32| format!("fragment F{level} on Query {{ ...F{} ...F{} }} ", level + 1, level + 1);
    let bomb: String = (0..20).map(spread).collect();
    let query = format!("{{ ...F0 }} {bomb} fragment F20 on Query {{ __typename }}");
    let answer = served.ask(&query, json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX",
        "{answer}"
    );
    assert!(answer.get("data").is_none());
    served.settle().await;
}

on_both!(
    a_brief_becomes_a_site_and_the_ledger_adds_up,
    bad_input_is_answered_with_its_path_and_writes_nothing,
    a_start_is_refused_with_what_stands_in_its_way,
    what_is_not_yours_does_not_exist,
    lists_are_paged_both_ways_without_gaps,
    the_transport_refuses_what_is_not_a_request,
    a_key_works_until_it_is_revoked,
    a_server_without_keys_answers_only_this_machine,
    a_fragment_bomb_is_refused_before_it_runs,
);
