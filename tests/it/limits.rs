//! Limits of what one client may take: budgets, wrong keys, open connections, proxies, headers.

mod watchers;

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sitewright::config::{AuthMode, Config};
use sitewright::limits::{Key, Limits, share};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::graphql_served::{Served, open, serve};
use crate::support::redis::TestRedis;
use crate::support::{Backend, PATIENCE};

/// A server with keys and other limits than the usual.
async fn limited(change: impl FnOnce(&mut Config)) -> Served {
    let mut served = serve(Backend::Sqlite, |config| {
        config.auth.mode = AuthMode::Keys;
        change(config);
    })
    .await;
    served.key = Some(served.new_key(served.world.account).await);
    served
}

/// A POST with one key, or none, and further headers: the status, the headers and the body.
async fn post(
    served: &Served,
    key: Option<&str>,
    body: Value,
    more: &[(&'static str, &str)],
) -> (u16, HeaderMap, Value) {
    let mut request = served.client.post(served.url("/graphql")).body(body.to_string());
    request = request.header("content-type", "application/json");
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.json().await.unwrap_or(Value::Null))
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

fn wrong_key(number: usize) -> String {
    format!("sw_live_{number:043}")
}

const CHEAP: &str = "{ __typename }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_spent_by_cost_and_its_end_says_when_it_is_worth_trying_again() {
    let served = limited(|config| (config.limits.cost_per_second, config.limits.cost_burst) = (1, 400)).await;
    let key = served.key.clone();
    let sites = |first: i32| {
        json!({
            "query": "query($first: Int) { blueprints(first: $first) { edges { node { id name } } } }",
            "variables": { "first": first },
        })
    };
    // 1 + 100 × (edges 1 + node 1 + 2 fields).
    let (status, _, answer) = post(&served, key.as_deref(), sites(5), &[]).await;
    assert_eq!((status, answer["errors"].clone()), (200, Value::Null));
    let (status, headers, answer) = post(&served, key.as_deref(), sites(100), &[]).await;
    assert_eq!((status, code(&answer)), (429, &json!("RATE_LIMITED")), "{answer}");
    let wait = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64().unwrap();
    assert!((1..=60_000).contains(&wait), "{answer}");
    let seconds: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds >= 1 && seconds * 1_000 >= wait, "{seconds} {wait}");
    assert_eq!(answer.get("data"), None);
    // What is refused costs little, and a smaller question still fits.
    let (status, ..) = post(&served, key.as_deref(), sites(20), &[]).await;
    assert_eq!(status, 200);
    // Another credential has another budget, also one of the same account.
    let other = served.new_key(served.world.account).await;
    let (status, ..) = post(&served, Some(&other), sites(90), &[]).await;
    assert_eq!(status, 200);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_spent_everything_is_told_so_before_anything_is_read() {
    let served = limited(|config| (config.limits.cost_per_second, config.limits.cost_burst) = (1, 100)).await;
    let request = || {
        let request = served.client.post(served.url("/graphql"));
        let request = request.header("content-type", "application/json");
        request.bearer_auth(served.key.clone().unwrap())
    };
    let nonsense = async || request().body("{").send().await.unwrap().status().as_u16();
    assert_eq!(nonsense().await, 400);
    let dear = json!({ "query": "{ blueprints(first: 100) { edges { node { id } } } }" });
    let status = request().body(dear.to_string()).send().await.unwrap().status();
    assert_eq!(status, 200, "more than all there is takes all there is");
    assert_eq!(nonsense().await, 429);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_costs_its_sum_and_runs_as_a_whole_or_not_at_all() {
    let served = limited(|config| (config.limits.cost_per_second, config.limits.cost_burst) = (1, 60)).await;
    let make = |name: &str| {
        json!({
            "query": "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) { userErrors { code } } }",
            "variables": { "input": { "name": name, "brief": { "businessName": name, "summary": "A bakery." } } },
        })
    };
    // Each costs 1 + 5 × 1 + 1 for its payload and 10 for being a mutation.
    let (status, _, answer) = post(&served, served.key.as_deref(), json!([make("One"), make("Two")]), &[]).await;
    assert_eq!(status, 200, "{answer}");
    let batch = json!([make("Three"), make("Four"), { "query": "{ nope }" }]);
    let (status, _, answer) = post(&served, served.key.as_deref(), batch, &[]).await;
    assert_eq!((status, code(&answer)), (429, &json!("RATE_LIMITED")), "{answer}");
    let counted = "SELECT COUNT(*) FROM blueprints WHERE name IN ('Three', 'Four')";
    let row = sea_orm::ConnectionTrait::query_one_raw(
        served.world.app.db.reader(),
        sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, counted),
    );
    assert_eq!(row.await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 0);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_socket_the_operation_is_refused_and_the_connection_lives() {
    let served = limited(|config| (config.limits.cost_per_second, config.limits.cost_burst) = (1, 30)).await;
    let mut socket = served.socket().await;
    let dear = "{ blueprints(first: 100) { edges { node { id } } } }";
    socket.subscribe("1", dear, json!({})).await;
    // More than the whole budget takes the whole budget.
    assert_eq!(socket.receive().await["type"], "next");
    assert_eq!(socket.receive().await["type"], "complete");
    socket.subscribe("2", dear, json!({})).await;
    let refused = socket.receive().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("2")));
    let extensions = &refused["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "RATE_LIMITED");
    assert!(extensions["retryAfterMs"].as_u64().unwrap() > 0);
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.receive().await["type"], "pong");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_wrong_keys_are_refused_cheaply_and_others_do_not_notice() {
    let served = limited(|config| config.limits.requests_per_second = 0).await;
    let good = served.key.clone().unwrap();
    let body = || json!({ "query": CHEAP });
    // It was good before the trouble began; the address is the same.
    assert_eq!(post(&served, Some(&good), body(), &[]).await.0, 200);
    let began = Instant::now();
    let tries = async {
        let (mut unknown, mut waiting) = (0, 0);
        for round in 0..20 {
            let tries = (0..50).map(|number| {
                let key = wrong_key(round * 50 + number);
                let served = &served;
                async move { post(served, Some(&key), body(), &[]).await }
            });
            for (status, headers, answer) in futures::future::join_all(tries).await {
                match status {
                    401 => unknown += 1,
                    429 => {
                        assert_eq!(code(&answer), "RATE_LIMITED");
                        assert!(headers.contains_key("retry-after"));
                        waiting += 1;
                    }
                    other => panic!("{other}: {answer}"),
                }
            }
        }
        (unknown, waiting)
    };
    let others = async {
        for _ in 0..50 {
            let (status, _, answer) = post(&served, Some(&good), body(), &[]).await;
            assert_eq!(status, 200, "{answer}");
        }
    };
    let ((unknown, waiting), ()) = tokio::join!(tries, others);
    assert_eq!(unknown + waiting, 1_000);
    // Ten are free; a few more may be under way when the tenth is noted.
    assert!((10..=100).contains(&unknown), "{unknown} were looked up");
    assert!(began.elapsed() < PATIENCE);
    // A good key that was never seen has to wait as well: nobody can know that it is good.
    let new = served.new_key(served.world.account).await;
    assert_eq!(post(&served, Some(&new), body(), &[]).await.0, 429);
    // On a socket the same: closed so that a client tries again later.
    let mut socket = served.raw_socket().await;
    let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {}", wrong_key(1)) } });
    socket.send(init).await;
    assert_eq!(socket.closed().await, 1013);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_a_good_key_are_limited_by_address_and_a_trusted_proxy_says_which() {
    let served = limited(|config| {
        (config.limits.requests_per_second, config.limits.requests_burst) = (1, 5);
        config.server.trusted_proxies = "127.0.0.1".to_string();
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let from = [("x-forwarded-for", "198.51.100.7")];
        statuses.push(post(&served, None, json!({ "query": CHEAP }), &from).await.0);
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert!(statuses[5..].contains(&429), "{statuses:?}");
    // Another address, and one whose client wrote the header itself: the proxy's entry is the last.
    for (value, status) in [("198.51.100.8", 401), ("198.51.100.8, 198.51.100.7", 429)] {
        let from = [("x-forwarded-for", value)];
        assert_eq!(
            post(&served, None, json!({ "query": CHEAP }), &from).await.0,
            status,
            "{value}"
        );
    }
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_nobody_named_is_not_believed() {
    let served = limited(|config| (config.limits.requests_per_second, config.limits.requests_burst) = (1, 5)).await;
    let mut statuses = Vec::new();
    for number in 0..8 {
        let address = format!("198.51.100.{number}");
        statuses.push(
            post(
                &served,
                None,
                json!({ "query": CHEAP }),
                &[("x-forwarded-for", &address)],
            )
            .await
            .0,
        );
    }
    assert!(statuses[5..].contains(&429), "{statuses:?}");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_subscriptions_are_counted_and_their_places_come_back() {
    let served = limited(|config| {
        config.limits.sockets_per_address = 3;
        config.limits.sockets_per_account = 2;
        config.limits.subscriptions_per_account = 2;
    })
    .await;
    let (mut one, two) = (served.socket().await, served.socket().await);
    // The account has two; the address may have one more, which is told so when it says whose it is.
    let mut three = served.raw_socket().await;
    let init = json!({ "Authorization": format!("Bearer {}", served.key.clone().unwrap()) });
    three.send(json!({ "type": "connection_init", "payload": init })).await;
    let (code, reason) = three.closed_because().await;
    assert_eq!(code, 1013, "graphql-ws tries again later: {reason}");
    let events = "subscription { accountEvents { at } }";
    for id in ["1", "2", "3"] {
        one.subscribe(id, events, json!({})).await;
    }
    // They begin side by side, so any of them may be the third.
    let refused = one.receive().await;
    assert_eq!(refused["type"], "error");
    assert_eq!(refused["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    // The same over HTTP, and before anything is streamed.
    let stream = [("accept", "text/event-stream")];
    let body = || json!({ "query": events });
    let (status, _, answer) = post(&served, served.key.as_deref(), body(), &stream).await;
    assert_eq!(status, 429, "{answer}");
    // One ends, and another has its place.
    let running = if refused["id"] == "1" { "2" } else { "1" };
    one.send(json!({ "type": "complete", "id": running })).await;
    let again = async {
        loop {
            let request = served.client.post(served.url("/graphql"));
            let request = request
                .header("content-type", "application/json")
                .header("accept", "text/event-stream");
            let request = request
                .bearer_auth(served.key.clone().unwrap())
                .body(body().to_string());
            let response = request.send().await.unwrap();
            if response.status() == 200 {
                return;
            }
            assert_eq!(response.status(), 429);
        }
    };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("the place comes back");
    drop((two, three));
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_keys_has_no_such_limits() {
    let served = serve(Backend::Sqlite, |config| {
        config.limits.requests_per_second = 1;
        config.limits.requests_burst = 1;
        config.limits.cost_per_second = 1;
        config.limits.cost_burst = 1;
        config.limits.sockets_per_address = 1;
    })
    .await;
    for _ in 0..5 {
        let query = json!({ "query": "{ viewer { role account { id name } } }" });
        let (status, ..) = post(&served, None, query, &[]).await;
        assert_eq!(status, 200);
    }
    let _sockets = [served.socket().await, served.socket().await];
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_of_ten_megabytes_is_refused_without_being_kept() {
    let served = open(Backend::Sqlite).await;
    let mut tcp = TcpStream::connect(&served.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ";
    tcp.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    // The server hangs up long before the end: writing fails, or it has answered.
    while sent < 10 * 1024 * 1024 && tcp.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(read.is_ok(), "the server hangs up");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(sent < 10 * 1024 * 1024 || answer.starts_with("HTTP/1.1 431"), "{sent}");
    let good = post(&served, None, json!({ "query": CHEAP }), &[]).await;
    assert_eq!(good.0, 200);
    served.settle().await;
}

/// The limits of one node, and the task that tells the others.
fn node(config: &Config, redis: Option<&sitewright::redis::Redis>) -> (Limits, tokio::task::JoinHandle<()>) {
    let limits = Limits::new(config);
    let task = tokio::spawn(share(limits.clone(), redis.cloned()));
    (limits, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_a_budget_through_redis_and_none_waits_for_it() {
    let mut config = sitewright::config::load(&sitewright::config::Source::default()).unwrap();
    config.auth.mode = AuthMode::Keys;
    (config.limits.cost_per_second, config.limits.cost_burst) = (1, 1_000);
    let server = TestRedis::start();
    config.redis.url = server.url();
    let stop = tokio_util::sync::CancellationToken::new();
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let redis = sitewright::redis::Redis::connect(&config.redis, "epoch").unwrap();
        let (keep, stop) = (redis.clone(), stop.clone());
        tokio::spawn(async move { keep.keep(stop).await });
        redis.health().wait_for(|up| *up).await.unwrap();
        let (limits, task) = node(&config, Some(&redis));
        nodes.push((limits, task, redis));
    }
    let (one, other) = (&nodes[0].0, &nodes[1].0);
    let key = Key::credential(Uuid::now_v7());
    assert!(one.spend(key, 900).is_ok());
    // The other node hears of it with its own next spending, at the latest.
    let heard = async {
        while other.spend(key, 1).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard)
        .await
        .expect("the budget is shared");
    // What is spent without Redis is decided at once, and from what is known here.
    server.freeze();
    let alone = Key::credential(Uuid::now_v7());
    let began = Instant::now();
    for _ in 0..10 {
        assert!(one.spend(alone, 100).is_ok());
    }
    assert!(one.spend(alone, 100).is_err() && other.spend(alone, 1_000).is_ok());
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "nothing waits for a silent Redis"
    );
    server.thaw();
    stop.cancel();
    nodes.iter().for_each(|(_, task, _)| task.abort());
}
