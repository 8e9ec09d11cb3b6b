//! Subscriptions over plain HTTP: event streams with `Last-Event-ID`, and multipart, read byte by byte.

use std::time::Duration;

use serde_json::{Value, json};
use sitewright::auth;
use sitewright::ids::{GlobalId, IdKind};

use crate::graphql_served::{Served, keyed, open, serve};
use crate::support::Backend;

const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json";
const SITE: &str = "subscription($id: ID!, $after: Cursor) { blueprintEvents(blueprintId: $id, after: $after) {
    __typename ... on JobFinished { job { kind state } } } }";
/// Longer than anything takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A response that goes on, as text.
struct Reading {
    response: reqwest::Response,
    text: String,
}

impl Reading {
    async fn open(served: &Served, accept: &str, query: &str, variables: Value, last: Option<&str>) -> Reading {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = served.client.post(served.url("/graphql")).body(body);
        request = request
            .header("content-type", "application/json")
            .header("accept", accept);
        if let Some(key) = &served.key {
            request = request.bearer_auth(key);
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        Reading {
            response,
            text: String::new(),
        }
    }

    fn media_type(&self) -> &str {
        self.response.headers()["content-type"].to_str().unwrap()
    }

    /// What stands before `mark`, as soon as it has arrived; none when the response ends before.
    async fn up_to(&mut self, mark: &str) -> Option<String> {
        loop {
            if let Some(at) = self.text.find(mark) {
                let rest = self.text.split_off(at + mark.len());
                let mut found = std::mem::replace(&mut self.text, rest);
                found.truncate(at);
                return Some(found);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("the server says something").ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is no comment: its type, id and data.
    async fn event(&mut self) -> Option<(String, Option<String>, String)> {
        loop {
            let block = self.up_to("\n\n").await?;
            let field = |name: &str| {
                let mut lines = block
                    .lines()
                    .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                lines.next().map(|value| value.trim_start().to_string())
            };
            if let Some(kind) = field("event") {
                return Some((kind, field("id"), field("data").expect("every event has data")));
            }
        }
    }

    /// The JSON of the next part that is no heartbeat; none behind the last one.
    async fn part(&mut self) -> Option<Value> {
        loop {
            let part = self.up_to("\r\n--graphql").await?;
            if part.is_empty() {
                continue;
            }
            let (head, body) = part.split_once("\r\n\r\n").expect("a part has a head");
            assert_eq!(head, "\r\ncontent-type: application/json");
            let body: Value = serde_json::from_str(body).unwrap();
            if body != json!({}) {
                return Some(body);
            }
        }
    }
}

async fn a_site_is_watched_as_events_and_resumed_by_the_last_id(backend: Backend) {
    let served = open(backend).await;
    let blueprint = served.world.blueprint(served.world.account).await;
    let id = GlobalId::new(IdKind::Blueprint, blueprint).to_string();
    let mut live = Reading::open(&served, EVENTS, SITE, json!({ "id": id }), None).await;
    assert!(live.media_type().starts_with(EVENTS));
    let (_, first, _) = live.event().await.unwrap();
    served.world.start_site(served.world.account, blueprint, 2).await;
    let mut seen = vec![(first.unwrap(), Value::Null)];
    loop {
        let (kind, id, data) = live.event().await.unwrap();
        assert_eq!(kind, "next");
        let data: Value = serde_json::from_str(&data).unwrap();
        let id = id.expect("every event has an id");
        assert_eq!(data["extensions"]["cursor"], id.as_str());
        let event = data["data"]["blueprintEvents"].clone();
        let is_last = event["__typename"] == "JobFinished" && event["job"]["kind"] == "SITE";
        seen.push((id, event["__typename"].clone()));
        if is_last {
            break;
        }
    }
    for at in (0..seen.len() - 1).step_by(5) {
        // The document says another place, as a browser's that sends its first request again.
        let stale = json!({ "id": id, "after": seen[0].0 });
        let mut again = Reading::open(&served, EVENTS, SITE, stale, Some(&seen[at].0)).await;
        for (cursor, name) in &seen[at + 1..] {
            let (_, id, data) = again.event().await.unwrap();
            let data: Value = serde_json::from_str(&data).unwrap();
            assert_eq!(id.as_ref(), Some(cursor));
            assert_eq!(&data["data"]["blueprintEvents"]["__typename"], name);
        }
    }
    served.settle().await;
}

async fn a_job_is_watched_to_its_end_in_parts_none_of_which_is_late(backend: Backend) {
    let served = open(backend).await;
    let watch = "subscription { accountEvents { __typename } }";
    let mut quiet = Reading::open(&served, PARTS, watch, json!({}), None).await;
    assert_eq!(
        quiet.media_type(),
        "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0"
    );
    let site = served.world.planned(served.world.account).await;
    // Each part is complete when it arrives: nothing comes behind the last one, and it is read.
    let mut parts = Vec::new();
    while parts.len() < 4 {
        parts.push(quiet.part().await.unwrap());
    }
    assert!(
        parts
            .iter()
            .all(|part| part["payload"]["data"]["accountEvents"]["__typename"].is_string())
    );
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    let id = GlobalId::new(IdKind::Job, job).to_string();
    let watch = "subscription($id: ID!) { jobEvents(jobId: $id) { __typename } }";
    // The header without a boundary.
    let accept = "multipart/mixed;subscriptionSpec=1.0";
    let mut job = Reading::open(&served, accept, watch, json!({ "id": id }), None).await;
    let mut last = Value::Null;
    while let Some(part) = job.part().await {
        last = part;
    }
    assert_eq!(last["payload"]["data"]["jobEvents"]["__typename"], "JobFinished");
    assert_eq!(job.text, "--\r\n", "the last boundary closes the response");
    served.settle().await;
}

async fn a_revoked_key_ends_event_streams_and_parts(backend: Backend) {
    let served = keyed(backend).await;
    let (db, account) = (&served.world.app.db, served.world.account);
    let watch = "subscription { accountEvents { __typename } }";
    let mut events = Reading::open(&served, EVENTS, watch, json!({}), None).await;
    let mut parts = Reading::open(&served, PARTS, watch, json!({}), None).await;
    for key in auth::of_account(account).all(db.reader()).await.unwrap() {
        auth::revoke(db, account, key.id).await.unwrap();
    }
    let (kind, _, data) = events.event().await.unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(
        (kind.as_str(), &data["errors"][0]["extensions"]["code"]),
        ("next", &json!("UNAUTHENTICATED"))
    );
    assert_eq!(events.event().await.unwrap().0, "complete");
    assert_eq!(events.event().await, None);
    let part = parts.part().await.unwrap();
    assert_eq!(
        (&part["payload"], &part["errors"][0]["extensions"]["code"]),
        (&Value::Null, &json!("UNAUTHENTICATED"))
    );
    assert_eq!(parts.part().await, None);
    assert_eq!(parts.text, "--\r\n");
    served.settle().await;
}

on_both!(
    a_site_is_watched_as_events_and_resumed_by_the_last_id,
    a_job_is_watched_to_its_end_in_parts_none_of_which_is_late,
    a_revoked_key_ends_event_streams_and_parts,
);

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_refusals_are_events_too_for_those_who_take_nothing_else() {
    let served = open(Backend::Sqlite).await;
    for (query, expected) in [
        ("{ __typename }", json!({ "data": { "__typename": "Query" } })),
        ("{ nothing }", json!("GRAPHQL_VALIDATION_FAILED")),
        ("{", json!("GRAPHQL_PARSE_FAILED")),
    ] {
        let mut answer = Reading::open(&served, EVENTS, query, json!({}), None).await;
        assert_eq!(answer.response.status(), 200);
        let (kind, _, data) = answer.event().await.unwrap();
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(kind, "next");
        let given = if expected.is_string() {
            &data["errors"][0]["extensions"]["code"]
        } else {
            &data
        };
        assert_eq!(given, &expected);
        assert_eq!(answer.event().await.unwrap(), ("complete".into(), None, String::new()));
        assert_eq!(answer.event().await, None);
    }
    // By GET, as a browser's EventSource asks.
    let url = format!("{}?query=%7B__typename%7D", served.url("/graphql"));
    let answer = served.client.get(&url).header("accept", EVENTS).send().await.unwrap();
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("event: next\ndata: {\"data\":{\"__typename\":\"Query\"}}\n\n")
    );
    // A change is none of a GET's business in any form.
    let url = format!("{}?query=mutation%7Ba%7D", served.url("/graphql"));
    let answer = served.client.get(&url).header("accept", EVENTS).send().await.unwrap();
    assert_ne!(answer.status(), 500);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_before_it_runs_is_plain_json_for_a_client_of_parts() {
    let served = open(Backend::Sqlite).await;
    for query in ["subscription {", "subscription { accountEvents { __typename } nothing"] {
        let answer = Reading::open(&served, PARTS, query, json!({}), None).await;
        assert!(answer.media_type().starts_with("application/json"));
        let body: Value = answer.response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "GRAPHQL_PARSE_FAILED");
    }
    // What a resolver refuses stands in the payload.
    let watch = "subscription { jobEvents(jobId: \"nonsense\") { __typename } }";
    let mut parts = Reading::open(&served, PARTS, watch, json!({}), None).await;
    let part = parts.part().await.unwrap();
    assert_eq!(part["payload"]["errors"][0]["extensions"]["code"], "NOT_FOUND");
    assert_eq!(parts.part().await, None);
    assert_eq!(parts.text, "--\r\n");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_in_which_nothing_happens_shows_that_it_lives_and_ends_with_the_server() {
    let mut served = serve(Backend::Sqlite, |config| config.streams.ping_ms = 50).await;
    let watch = "subscription { accountEvents { __typename } }";
    let mut events = Reading::open(&served, EVENTS, watch, json!({}), None).await;
    let mut parts = Reading::open(&served, PARTS, watch, json!({}), None).await;
    for _ in 0..3 {
        assert_eq!(events.up_to("\n\n").await.unwrap(), ":");
    }
    parts.up_to("--graphql").await.unwrap();
    for _ in 0..3 {
        let beat = parts.up_to("\r\n--graphql").await.unwrap();
        assert_eq!(beat, "\r\ncontent-type: application/json\r\n\r\n{}");
    }
    served.stop().await;
    assert_eq!(events.event().await, None, "a stream that is cut is not complete");
    let part = parts.part().await.unwrap();
    assert_eq!(part["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
    served.world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_cursor_is_refused_in_words() {
    let served = open(Backend::Sqlite).await;
    let watch = "subscription { accountEvents { __typename } }";
    let mut events = Reading::open(&served, EVENTS, watch, json!({}), Some("nonsense")).await;
    let (_, _, data) = events.event().await.unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(events.event().await.unwrap().0, "complete");
    served.settle().await;
}
