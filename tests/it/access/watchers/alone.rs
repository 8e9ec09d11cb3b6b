//! A watch token by itself: in an address, and at the end of its time or of the key that made it.

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::db::now;
use sitewright::entities::Role;
use sitewright::ids::IdKind;
use uuid::Uuid;

use super::super::{ask, code, data, socket};
use super::{MAKE, SITE, id, token, two};
use crate::graphql_served::keyed;
use crate::support::Backend;

async fn a_token_in_an_address_opens_event_streams_and_pages(backend: Backend) {
    let served = keyed(backend).await;
    let two = two(&served).await;
    let owner = served.key.clone().unwrap();
    let (site, other) = (
        id(IdKind::Blueprint, two.mine.blueprint.id),
        id(IdKind::Blueprint, two.other.blueprint.id),
    );
    let token = token(&served, &owner, json!({ "blueprintId": site })).await;
    let get = async |path: &str| {
        let request = served
            .client
            .get(served.url(path))
            .header("accept", "text/event-stream, text/html");
        request.send().await.unwrap()
    };
    let query = "subscription{blueprintEvents(blueprintId:%22SITE%22){__typename}}".replace("SITE", &site);
    let mut stream = get(&format!("/graphql?query={query}&watch={token}")).await;
    assert_eq!(stream.status(), 200);
    let mut text = String::new();
    while !text.contains("BlueprintSnapshot") {
        let chunk = tokio::time::timeout(crate::support::PATIENCE, stream.chunk())
            .await
            .unwrap()
            .unwrap();
        text.push_str(std::str::from_utf8(&chunk.expect("the stream goes on")).unwrap());
    }
    let page = get(&format!("/preview/{site}?watch={token}")).await;
    assert_eq!(
        (page.status().as_u16(), &page.headers()["referrer-policy"]),
        (200, &"no-referrer".parse().unwrap())
    );
    let html = page.text().await.unwrap();
    let link = format!("/preview/{site}/{}?watch={token}", two.mine.pages[1].slug);
    assert!(html.contains(&link), "links keep the token: {link}");
    assert_eq!(get(&link).await.status(), 200);
    // Out of reach, missing, without a token, and with a key in an address.
    let answer = async |path: String| {
        let request = served
            .client
            .get(served.url(&path))
            .header("accept", "text/event-stream");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let mut body: Value = answer.json().await.unwrap();
        body["errors"][0]["extensions"]["requestId"].take();
        (status, body)
    };
    let missing = id(IdKind::Blueprint, Uuid::now_v7());
    let foreign = answer(format!("/preview/{other}?watch={token}")).await;
    assert_eq!(foreign.0, 404);
    assert_eq!(foreign, answer(format!("/preview/{missing}?watch={token}")).await);
    assert_eq!(answer(format!("/preview/{site}")).await.0, 401);
    assert_eq!(answer(format!("/preview/{site}?watch={owner}")).await.0, 401);
    assert_eq!(answer(format!("/graphql?query={query}&watch={owner}")).await.0, 401);
    // A browser shows its reader the sentence, with the same status; everything else stays as strict as for a page.
    let request = served.client.get(served.url(&format!("/preview/{site}")));
    let shown = request.header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    assert_eq!(shown.status(), 401);
    for (name, value) in [
        ("www-authenticate", "Bearer"),
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(shown.headers()[name], value);
    }
    let html = shown.text().await.unwrap();
    assert!(
        html.starts_with("<!DOCTYPE html>") && html.contains("needs an API key"),
        "{html}"
    );
    // Whoever likes JSON better gets it.
    let request = served.client.get(served.url(&format!("/preview/{site}")));
    let told = request
        .header("accept", "application/json, text/html;q=0.9")
        .send()
        .await
        .unwrap();
    assert_eq!(told.headers()["cache-control"], "no-store");
    assert_eq!(
        told.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
    // A job's token opens the page that the job writes.
    let token = self::token(&served, &owner, json!({ "jobId": id(IdKind::Job, two.job) })).await;
    let page = get(&format!("/preview/{site}?watch={token}")).await;
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    assert!(!html.contains(&format!("/preview/{site}/")), "no other page is named");
    for field in ["quality { score }", "isPlanned"] {
        let query = format!("query($id: ID!) {{ page(id: $id) {{ {field} }} }}");
        let page = json!({ "id": id(IdKind::Page, two.mine.pages[0].id) });
        let (_, refused) = ask(&served, Some(&token), &query, page).await;
        assert_eq!(code(&refused), "FORBIDDEN", "{refused}");
    }
    assert_eq!(
        answer(format!("/preview/{site}/{}?watch={token}", two.mine.pages[1].slug))
            .await
            .0,
        404
    );
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_that_is_refused_before_it_is_looked_for_is_a_sentence_too() {
    let served = crate::graphql_served::open(Backend::Sqlite).await;
    let request = served.client.get(served.url("/preview/site_1"));
    let request = request.header("accept", "text/html").header("host", "my-laptop.lan");
    let shown = request.send().await.unwrap();
    assert_eq!(shown.status(), 403);
    assert!(shown.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    served.settle().await;
}

async fn a_token_ends_with_its_time_its_key_and_never_later(backend: Backend) {
    let served = keyed(backend).await;
    let (db, account) = (&served.world.app.db, served.world.account);
    let site = json!(id(IdKind::Blueprint, served.world.blueprint(account).await));
    let owner = served.key.clone().unwrap();
    let refused = async |input: Value| {
        let made = data(&served, &owner, MAKE, json!({ "input": input })).await["createWatchToken"].take();
        assert_eq!(made["token"], Value::Null);
        made["userErrors"][0]["code"].as_str().unwrap().to_string()
    };
    assert_eq!(
        refused(json!({ "blueprintId": site, "expiresInSeconds": 59 })).await,
        "VALIDATION"
    );
    assert_eq!(
        refused(json!({ "blueprintId": site, "expiresInSeconds": 86_401 })).await,
        "VALIDATION"
    );
    assert_eq!(refused(json!({})).await, "VALIDATION");
    assert_eq!(
        refused(json!({ "blueprintId": site, "jobId": "job_1" })).await,
        "VALIDATION"
    );
    assert_eq!(
        refused(json!({ "blueprintId": id(IdKind::Blueprint, Uuid::now_v7()) })).await,
        "NOT_FOUND"
    );
    // A key that ends soon gives no token that lives longer.
    let ends = now() + chrono::TimeDelta::seconds(90);
    let new = NewKey {
        name: "short".to_string(),
        role: Role::Viewer,
        expires_at: Some(ends),
    };
    let (row, short) = auth::create(db, account, new).await.unwrap();
    let made = data(&served, &short, MAKE, json!({ "input": { "blueprintId": site } })).await;
    let at = made["createWatchToken"]["expiresAt"].as_str().unwrap();
    assert_eq!(at.parse::<sitewright::error::Instant>().unwrap(), ends);
    let token = made["createWatchToken"]["token"].as_str().unwrap().to_string();
    assert_eq!(
        data(&served, &token, SITE, json!({ "id": site })).await["blueprint"]["id"],
        site
    );
    let mut watching = socket(&served, &token).await;
    assert_eq!(watching.receive().await["type"], "connection_ack");
    auth::revoke(db, account, row.id).await.unwrap();
    assert_eq!(ask(&served, Some(&token), SITE, json!({ "id": site })).await.0, 401);
    assert_eq!(watching.closed().await, 4403);
    // Its own time.
    let token = self::token(&served, &owner, json!({ "blueprintId": site })).await;
    let mut watching = socket(&served, &token).await;
    assert_eq!(watching.receive().await["type"], "connection_ack");
    let ended = "UPDATE watch_tokens SET expires_at = $1 WHERE account_id = $2";
    served.world.rewrite(ended, [now().into(), account.into()]).await;
    let (status, answer) = ask(&served, Some(&token), SITE, json!({ "id": site })).await;
    assert_eq!(status, 401);
    assert!(
        answer["errors"][0]["message"].as_str().unwrap().contains("expired"),
        "{answer}"
    );
    assert_eq!(watching.closed().await, 4403);
    served.settle().await;
}

on_both!(
    a_token_in_an_address_opens_event_streams_and_pages,
    a_token_ends_with_its_time_its_key_and_never_later,
);
