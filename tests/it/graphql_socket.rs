//! The API over a WebSocket: watching live, resuming from a cursor, and how the server ends a connection.

use std::collections::HashMap;

use serde_json::{Value, json};
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::auth;
use sitewright::entities::JobState;
use sitewright::ids::{GlobalId, IdKind};

use crate::graphql_served::{Socket, keyed, open, uuid};
use crate::support::Backend;

const SITE: &str = "subscription($id: ID!, $after: Cursor) { blueprintEvents(blueprintId: $id, after: $after) {
    __typename ... on BlockReady { blockId } ... on JobFinished { job { kind state } } } }";

/// Events with their cursors, up to and including the first that `is_last` accepts.
async fn until(socket: &mut Socket, is_last: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    loop {
        let message = socket.receive().await;
        assert_eq!(message["type"], "next", "{message}");
        let payload = &message["payload"];
        assert_eq!(payload["errors"], Value::Null);
        let cursor = payload["extensions"]["cursor"]
            .as_str()
            .expect("every event has a cursor");
        let event = payload["data"].as_object().unwrap().values().next().unwrap().clone();
        events.push((cursor.to_string(), event.clone()));
        if is_last(&event) {
            return events;
        }
    }
}

fn site_is_done(event: &Value) -> bool {
    event["__typename"] == "JobFinished" && event["job"]["kind"] == "SITE"
}

async fn a_site_is_watched_live_and_resumed_from_every_cursor(backend: Backend) {
    let served = open(backend).await;
    let blueprint = served.world.blueprint(served.world.account).await;
    let id = GlobalId::new(IdKind::Blueprint, blueprint).to_string();
    let mut socket = served.socket().await;
    socket.subscribe("live", SITE, json!({ "id": id })).await;
    let first = until(&mut socket, |_| true).await;
    assert_eq!(first.len(), 1);
    served.world.start_site(served.world.account, blueprint, 3).await;
    let live = until(&mut socket, site_is_done).await;
    assert_eq!(live.last().unwrap().1["job"]["state"], "SUCCEEDED");
    socket.send(json!({ "id": "live", "type": "complete" })).await;
    for (at, (cursor, _)) in live.iter().enumerate().take(live.len() - 1).step_by(7) {
        let mut socket = served.socket().await;
        socket
            .subscribe("again", SITE, json!({ "id": id, "after": cursor }))
            .await;
        let rest = until(&mut socket, site_is_done).await;
        let kinds = |events: &[(String, Value)]| {
            events
                .iter()
                .map(|(cursor, event)| (cursor.clone(), event["__typename"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds(&rest), kinds(&live[at + 1..]));
    }
    served.settle().await;
}

async fn written_text_adds_up_to_the_finished_block(backend: Backend) {
    let served = open(backend).await;
    let site = served.world.planned(served.world.account).await;
    // The writer waits until the watcher is there, so that no text is missed.
    served.world.script.once(When::any_page(), Behaviour::Hold { after: 0 });
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    let watch = "subscription($id: ID!) { jobEvents(jobId: $id) { __typename
        ... on TextWritten { blockId path offset text }
        ... on BlockReady { blockId block { ... on HeroBlock { headline subheadline } } } } }";
    let mut socket = served.socket().await;
    let id = GlobalId::new(IdKind::Job, job).to_string();
    socket.subscribe("text", watch, json!({ "id": id })).await;
    until(&mut socket, |event| event["__typename"] == "JobStarted").await;
    // A release is for calls that have begun.
    served.world.script.reached(&When::any_page(), 0).await;
    served.world.script.release();
    let events = until(&mut socket, |event| event["__typename"] == "JobFinished").await;
    assert_eq!(socket.receive().await, json!({ "id": "text", "type": "complete" }));
    let mut written: HashMap<(String, String), String> = HashMap::new();
    let mut compared = 0;
    for (_, event) in &events {
        let block = event["blockId"].to_string();
        if event["__typename"] == "TextWritten" {
            let field = written.entry((block, event["path"].to_string())).or_default();
            assert_eq!(event["offset"].as_u64(), Some(field.encode_utf16().count() as u64));
            field.push_str(event["text"].as_str().unwrap());
        } else if let Some(hero) = event["block"].as_object().filter(|hero| !hero.is_empty()) {
            for (name, finished) in hero.iter().filter(|(_, finished)| finished.is_string()) {
                let path = (block.clone(), json!([name]).to_string());
                assert_eq!(Some(finished.as_str().unwrap()), written.get(&path).map(String::as_str));
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "no text was compared");
    assert_eq!(served.world.job(job).await.state, JobState::Succeeded);
    served.settle().await;
}

/// A piece of text is written without an execution where nothing is loaded for it: nobody can tell which it was.
async fn text_comes_in_the_same_envelope_executed_or_not(backend: Backend) {
    let served = open(backend).await;
    let site = served.world.planned(served.world.account).await;
    served.world.script.once(When::any_page(), Behaviour::Hold { after: 0 });
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    served.world.script.reached(&When::any_page(), 0).await;
    let id = GlobalId::new(IdKind::Job, job).to_string();
    let mut sockets = Vec::new();
    for more in ["", "job { id }"] {
        let watch = format!(
            "subscription($id: ID!) {{ jobEvents(jobId: $id) {{ __typename cursor ... on TextWritten {{ text {more} }} }} }}"
        );
        let mut socket = served.socket().await;
        socket.subscribe("text", &watch, json!({ "id": id })).await;
        until(&mut socket, |event| event["__typename"] == "JobStarted").await;
        sockets.push((socket, more));
    }
    served.world.script.release();
    for (mut socket, more) in sockets {
        let mut pieces = 0;
        loop {
            let message = socket.receive().await;
            let event = &message["payload"]["data"]["jobEvents"];
            let envelope = json!({ "data": { "jobEvents": event }, "extensions": { "cursor": event["cursor"] } });
            assert_eq!(message, json!({ "id": "text", "type": "next", "payload": envelope }));
            if event["__typename"] == "TextWritten" {
                pieces += 1;
                assert_eq!(event["job"]["id"].is_string(), !more.is_empty());
            }
            if event["__typename"] == "JobFinished" {
                break;
            }
        }
        assert!(pieces > 0, "no text was heard");
    }
    served.settle().await;
}

async fn credits_and_jobs_of_an_account_are_watched(backend: Backend) {
    let served = open(backend).await;
    let query = "{ viewer { account { eventCursor } } }";
    let cursor = served.data(query, json!({})).await["viewer"]["account"]["eventCursor"].take();
    let blueprint = served.world.blueprint(served.world.account).await;
    let job = served.world.start_site(served.world.account, blueprint, 2).await;
    served.world.finished(job).await;
    let watch = "subscription($after: Cursor) { accountEvents(after: $after) { __typename
        ... on CreditsMoved { entry { kind } } ... on JobStateChanged { job { id state } } } }";
    let mut socket = served.socket().await;
    socket.subscribe("a", watch, json!({ "after": cursor })).await;
    let id = GlobalId::new(IdKind::Job, job).to_string();
    let first = until(&mut socket, |event| event["entry"]["kind"] == "HOLD").await;
    assert_eq!(
        first[0].1["entry"]["kind"], "HOLD",
        "nothing after the cursor was missed"
    );
    let changed = until(&mut socket, |event| event["job"]["id"] == id.as_str()).await;
    // Entities in replayed events show their present state.
    assert_eq!(changed.last().unwrap().1["job"]["state"], "SUCCEEDED");
    served.settle().await;
}

async fn what_is_not_yours_cannot_be_watched(backend: Backend) {
    let mut served = keyed(backend).await;
    let blueprint = served.world.blueprint(served.world.account).await;
    let other = served.world.new_account("other", 0).await;
    served.key = Some(served.new_key(other).await);
    let mut socket = served.socket().await;
    let id = GlobalId::new(IdKind::Blueprint, blueprint).to_string();
    for (variables, code) in [
        (json!({ "id": id }), "NOT_FOUND"),
        (json!({ "id": "nonsense" }), "NOT_FOUND"),
    ] {
        socket.subscribe("x", SITE, variables).await;
        let message = socket.receive().await;
        assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], code);
        assert_eq!(socket.receive().await, json!({ "id": "x", "type": "complete" }));
    }
    let watch = "subscription { accountEvents(after: \"nonsense\") { at } }";
    socket.subscribe("y", watch, json!({})).await;
    let message = socket.receive().await;
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    served.settle().await;
}

async fn a_socket_ends_with_a_code_that_says_whether_to_come_back(backend: Backend) {
    let mut served = keyed(backend).await;
    let mut stranger = served.raw_socket().await;
    stranger
        .send(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer no" } }))
        .await;
    assert_eq!(stranger.closed().await, 4403);
    let mut hasty = served.raw_socket().await;
    hasty
        .subscribe("a", "subscription { accountEvents { at } }", json!({}))
        .await;
    assert_eq!(hasty.closed().await, 4401);
    let mut babbler = served.socket().await;
    babbler.send(json!({ "type": "what" })).await;
    assert_eq!(babbler.closed().await, 4400);
    let mut watcher = served.socket().await;
    watcher
        .subscribe("a", "subscription { accountEvents { at } }", json!({}))
        .await;
    served.stop().await;
    assert_eq!(watcher.closed().await, 1012);
    served.world.settle().await;
}

async fn a_revoked_key_starts_nothing_more_and_ends_its_socket(backend: Backend) {
    let served = keyed(backend).await;
    let (db, account) = (&served.world.app.db, served.world.account);
    let mut socket = served.socket().await;
    let mut idle = served.socket().await;
    socket.subscribe("before", "{ __typename }", json!({})).await;
    assert_eq!(socket.receive().await["payload"]["data"]["__typename"], "Query");
    assert_eq!(socket.receive().await["type"], "complete");
    for key in auth::of_account(account).all(db.reader()).await.unwrap() {
        auth::revoke(db, account, key.id).await.unwrap();
    }
    socket.subscribe("after", "{ __typename }", json!({})).await;
    let (words, code) = socket.last_words().await;
    assert_eq!(code, 4403);
    for word in words.iter().filter(|word| word["type"] == "next") {
        let error = &word["payload"]["errors"][0]["extensions"]["code"];
        assert_eq!(error, "UNAUTHENTICATED", "{word}");
    }
    // One that says nothing is told as well.
    assert_eq!(idle.last_words().await, (Vec::new(), 4403));
    served.settle().await;
}

async fn a_cursor_of_another_stream_is_answered_by_a_snapshot(backend: Backend) {
    let served = open(backend).await;
    let mut cursors = Vec::new();
    for _ in 0..2 {
        let blueprint = served.world.blueprint(served.world.account).await;
        let id = GlobalId::new(IdKind::Blueprint, blueprint).to_string();
        let query = "query($id: ID!) { blueprint(id: $id) { eventCursor } }";
        let cursor = served.data(query, json!({ "id": id })).await["blueprint"]["eventCursor"].take();
        cursors.push((id, cursor));
    }
    let mut socket = served.socket().await;
    let foreign = json!({ "id": cursors[0].0, "after": cursors[1].1 });
    socket.subscribe("foreign", SITE, foreign).await;
    let first = until(&mut socket, |_| true).await;
    assert_eq!(first[0].1["__typename"], "BlueprintSnapshot");
    assert_eq!(
        first[0].0, cursors[0].1,
        "the snapshot stands where the site itself does"
    );
    served.settle().await;
}

async fn queries_and_mutations_run_over_a_socket_too(backend: Backend) {
    let served = open(backend).await;
    let mut socket = served.socket().await;
    let create = "mutation($brief: BriefInput!) { createBlueprint(input: { name: \"Bakery\", brief: $brief }) {
        blueprint { id } userErrors { message } } }";
    socket
        .subscribe("m", create, json!({ "brief": crate::graphql_served::brief() }))
        .await;
    let message = socket.receive().await;
    let made = &message["payload"]["data"]["createBlueprint"];
    assert_eq!(made["userErrors"], json!([]));
    uuid(IdKind::Blueprint, &made["blueprint"]["id"]);
    assert_eq!(socket.receive().await, json!({ "id": "m", "type": "complete" }));
    served.settle().await;
}

on_both!(
    a_site_is_watched_live_and_resumed_from_every_cursor,
    written_text_adds_up_to_the_finished_block,
    text_comes_in_the_same_envelope_executed_or_not,
    credits_and_jobs_of_an_account_are_watched,
    what_is_not_yours_cannot_be_watched,
    a_socket_ends_with_a_code_that_says_whether_to_come_back,
    a_revoked_key_starts_nothing_more_and_ends_its_socket,
    a_cursor_of_another_stream_is_answered_by_a_snapshot,
    queries_and_mutations_run_over_a_socket_too,
);
