//! Connections end with the credential that they were opened with, whatever it was and however they talk.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sitewright::ai::Provider;
use sitewright::config::AuthMode;
use sitewright::entities::Role;
use sitewright::{boot, http};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

use super::provider::{AUDIENCE, ISSUER, Provider as People, SECRET, Signed, claims, in_seconds};
use super::{data, key, socket};
use crate::graphql_served::{Served, Socket, serve};
use crate::support::{Backend, PATIENCE};

const WATCH: &str = "subscription { accountEvents { __typename } }";
const REVOKE: &str =
    "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } userErrors { code } } }";
/// Nobody looks at keys within the test: only an announcement ends a connection.
const NEVER: u64 = 3_600_000;
/// A second, and what a busy machine takes on top.
const SOON: Duration = Duration::from_secs(10);

async fn keyed(backend: Backend, keys_ms: u64) -> Served {
    let mut served = serve(backend, |config| {
        config.auth.mode = AuthMode::Keys;
        config.auth.jwt_issuer = ISSUER.to_string();
        config.auth.jwt_audience = AUDIENCE.to_string();
        config.auth.jwt_secret = SECRET.to_string();
        config.streams.keys_ms = keys_ms;
    })
    .await;
    served.key = Some(key(&served, served.world.account, Role::Owner).await);
    served
}

async fn acked(mut socket: Socket) -> Socket {
    assert_eq!(socket.receive().await["type"], "connection_ack");
    socket
}

/// The response of a subscription that goes on.
async fn reading(served: &Served, accept: &str, credential: &str) -> reqwest::Response {
    let request = served.client.post(served.url("/graphql")).header("accept", accept);
    let request = request.bearer_auth(credential).json(&json!({ "query": WATCH }));
    let mut response = request.send().await.unwrap();
    // It is open: the opening has come.
    assert!(!response.chunk().await.unwrap().unwrap().is_empty());
    response
}

/// Everything else that a response says until it ends.
async fn rest(mut response: reqwest::Response) -> String {
    let mut text = String::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the response ends");
    text
}

async fn revoke(served: &Served, secret: &str) {
    let mine = data(served, secret, "{ viewer { apiKey { id } } }", json!({})).await;
    let id = mine["viewer"]["apiKey"]["id"].clone();
    let done = served.data(REVOKE, json!({ "id": id })).await["revokeApiKey"].take();
    assert_eq!(done["userErrors"], json!([]), "{done}");
}

async fn a_revoked_key_ends_every_transport_at_once(backend: Backend) {
    let served = keyed(backend, NEVER).await;
    let account = served.world.account;
    let leaked = key(&served, account, Role::Editor).await;
    let site = served.world.blueprint(account).await;
    let site = sitewright::ids::GlobalId::new(sitewright::ids::IdKind::Blueprint, site).to_string();
    let make = "mutation($id: ID!) { createWatchToken(input: { blueprintId: $id }) { token } }";
    let token = data(&served, &leaked, make, json!({ "id": site })).await["createWatchToken"]["token"].take();
    let mut own = acked(socket(&served, &leaked).await).await;
    own.subscribe("1", WATCH, json!({})).await;
    let mut watcher = acked(socket(&served, token.as_str().unwrap()).await).await;
    let mut bystander = served.socket().await;
    let events = reading(&served, "text/event-stream", &leaked).await;
    let parts = reading(&served, "multipart/mixed;subscriptionSpec=1.0", &leaked).await;
    revoke(&served, &leaked).await;
    let since = Instant::now();
    assert_eq!(own.closed().await, 4403);
    assert_eq!(watcher.closed().await, 4403, "a token ends with the key that made it");
    let (events, parts) = (rest(events).await, rest(parts).await);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(
        events.contains("UNAUTHENTICATED") && events.ends_with("event: complete\ndata:\n\n"),
        "{events}"
    );
    assert!(
        parts.contains("UNAUTHENTICATED") && parts.ends_with("--graphql--\r\n"),
        "{parts}"
    );
    bystander.subscribe("1", "{ viewer { role } }", json!({})).await;
    assert_eq!(bystander.receive().await["type"], "next", "others go on");
    served.settle().await;
}

async fn a_token_of_a_person_ends_its_connections_when_it_expires(backend: Backend) {
    let served = keyed(backend, 1_000).await;
    let people = People::new();
    let (db, account) = (&served.world.app.db, served.world.account);
    sitewright::auth::link(db, ISSUER, "ada", account).await.unwrap();
    let ending = |seconds: i64| {
        let mut claims = claims("ada", "viewer");
        claims["exp"] = json!(in_seconds(seconds));
        people.token(json!({ "alg": "HS256" }), &claims, Signed::Hmac(SECRET.as_bytes()))
    };
    let (soon, later) = (ending(3), ending(600));
    let mut short = acked(socket(&served, &soon).await).await;
    let mut long = acked(socket(&served, &later).await).await;
    let events = reading(&served, "text/event-stream", &soon).await;
    let parts = reading(&served, "multipart/mixed;subscriptionSpec=1.0", &soon).await;
    assert_eq!(short.closed().await, 4403);
    assert!(rest(events).await.contains("UNAUTHENTICATED") && rest(parts).await.contains("UNAUTHENTICATED"));
    long.subscribe("1", "{ viewer { role } }", json!({})).await;
    assert_eq!(
        long.receive().await["type"],
        "next",
        "another token of the same person goes on"
    );
    served.settle().await;
}

on_both!(
    a_revoked_key_ends_every_transport_at_once,
    a_token_of_a_person_ends_its_connections_when_it_expires,
);

/// Another node on the same database, and how to stop it.
async fn another_node(served: &Served) -> (boot::Running, String, CancellationToken) {
    let mut config = served.world.app.config.clone();
    config.jobs.concurrency = 0;
    let writer = Provider::Scripted(served.world.script.clone());
    let running = boot::start(boot::open_with(config, writer).await.unwrap())
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::spawn(http::serve(running.app.clone(), listener, stop.clone()));
    (running, address, stop)
}

async fn revoked_elsewhere(backend: Backend, keys_ms: u64) {
    let served = keyed(backend, keys_ms).await;
    let leaked = key(&served, served.world.account, Role::Viewer).await;
    let (node, address, stop) = another_node(&served).await;
    let mut watching = acked(super::socket_at(&address, &leaked).await).await;
    watching.subscribe("1", WATCH, json!({})).await;
    revoke(&served, &leaked).await;
    let since = Instant::now();
    assert_eq!(watching.closed().await, 4403);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    stop.cancel();
    node.stop().await;
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_a_key_that_is_revoked_on_one_node_ends_its_sockets_on_all() {
    revoked_elsewhere(Backend::Redis, NEVER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_other_nodes_look_for_themselves() {
    revoked_elsewhere(Backend::Postgres, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_opens_no_socket() {
    let mut served = serve(Backend::Sqlite, |config| {
        config.auth.mode = AuthMode::Keys;
        config.server.cors_origins = "https://app.example".to_string();
    })
    .await;
    served.key = Some(key(&served, served.world.account, Role::Viewer).await);
    let own = format!("http://{}", served.address);
    for (origin, status) in [
        (own.as_str(), 101),
        ("https://app.example", 101),
        ("https://evil.example", 403),
        ("null", 403),
        ("https://app.example.evil.example", 403),
    ] {
        let mut request = format!("ws://{}/graphql", served.address)
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        headers.insert("origin", origin.parse().unwrap());
        let answered = match tokio_tungstenite::connect_async(request).await {
            Ok((_, response)) => response.status().as_u16(),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(answered, status, "{origin}");
    }
    served.settle().await;
}

/// Somebody who sends without end is cut off before anything is looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_of_header_are_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = keyed(Backend::Sqlite, 1_000).await;
    let mut tcp = tokio::net::TcpStream::connect(&served.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ";
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut sent = 0;
    let piece = vec![b'x'; 64 * 1024];
    while sent < 10 * 1024 * 1024 && tcp.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    assert!(sent < 8 * 1024 * 1024, "{sent} bytes were taken");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer)).await;
    let told = String::from_utf8_lossy(&answer);
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 431"), "{told}");
    // Others do not notice, and one that is merely long is no credential.
    let (status, answer) = super::ask(&served, Some(&"x".repeat(20_000)), "{ viewer { role } }", json!({})).await;
    assert_eq!((status, super::code(&answer)), (401, "UNAUTHENTICATED"));
    assert_eq!(
        served.data("{ viewer { role } }", json!({})).await["viewer"]["role"],
        Value::from("OWNER")
    );
    served.settle().await;
}
