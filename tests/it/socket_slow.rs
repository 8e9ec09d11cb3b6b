//! Clients that do not read: they cost bounded memory, are let go in time, and nobody else notices.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::graphql_served::{Served, narrow_listener, serve_at};
use crate::support::Backend;

/// Some 60 KB an answer.
const LARGE: &str = "{ __schema { types { name description fields { name description args { name description } } } } }";

async fn impatient() -> Served {
    serve_at(narrow_listener(), Backend::Sqlite, |config| {
        config.streams.write_ms = 500
    })
    .await
}

/// What this process holds, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_never_reads_is_closed_with_4412_and_costs_little() {
    let served = impatient().await;
    let mut idle = served.socket().await;
    let mut other = served.socket().await;
    let before = resident();
    // More than the buffers between us hold: 50 answers at a time, asked again and again without reading one.
    'full: for round in 0..40 {
        for at in 0..50 {
            let payload = json!({ "query": LARGE });
            let message = json!({ "id": format!("{round}.{at}"), "type": "subscribe", "payload": payload });
            let sending = idle.send(message);
            // The server stops reading from somebody who does not read: then there is enough.
            if tokio::time::timeout(Duration::from_millis(200), sending).await.is_err() {
                break 'full;
            }
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for one client that does not read");
    // Others are served meanwhile.
    other.subscribe("a", "{ __typename }", json!({})).await;
    assert_eq!(other.receive().await["payload"]["data"]["__typename"], "Query");
    // The time limit itself is what is waited for.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let (_, code) = idle.last_words().await;
    assert_eq!(code, 4412);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_never_read_ends_its_connection() {
    let served = impatient().await;
    let mut tcp = tokio::net::TcpStream::connect(&served.address).await.unwrap();
    let body = json!({ "query": LARGE }).to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        served.address,
        body.len()
    );
    let began = Instant::now();
    // One after the other without reading an answer, until the server has had enough.
    let sending = async { while tcp.write_all(request.as_bytes()).await.is_ok() {} };
    let ended = tokio::time::timeout(Duration::from_secs(30), sending).await;
    assert!(ended.is_ok(), "the server waits for ever");
    assert!(began.elapsed() >= Duration::from_millis(500), "it did not wait at all");
    served.settle().await;
}
