//! Follows one job to its end over a WebSocket and survives every cut, with nothing but a WebSocket client.
//!
//! `cargo run --example watch_job -- job_… [ws://127.0.0.1:8080/graphql] [KEY]`
//! The whole trick: keep the cursor of the last event, and pass it as `after` when you come back.

use std::io::Write;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{connect_async, tungstenite::Message};

type Failure = Box<dyn std::error::Error>;

const WATCH: &str = "subscription Watch($job: ID!, $after: Cursor) { jobEvents(jobId: $job, after: $after) {
    type: __typename cursor job { state progress }
    ... on TextWritten { text }  ... on BlockOpened { kind }  ... on RetryScheduled { reason }  ... on JobFinished { charged }
} }";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let job = args.next().ok_or("Usage: watch_job job_… [ws://HOST/graphql] [KEY]")?;
    let url = args.next().unwrap_or("ws://127.0.0.1:8080/graphql".to_string());
    let key = args.next();
    let mut after = Value::Null;
    loop {
        match follow(&job, &url, key.as_deref(), &mut after).await {
            Ok(state) => {
                println!("\n{state}");
                return Ok(());
            }
            Err(cause) => eprintln!("\n{cause}; coming back"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One connection: up to the end of the job, or an error when it is cut before.
async fn follow(job: &str, url: &str, key: Option<&str>, after: &mut Value) -> Result<String, Failure> {
    let request = ClientRequestBuilder::new(url.parse()?).with_sub_protocol("graphql-transport-ws");
    let (mut socket, _) = connect_async(request).await?;
    let hello = json!({ "Authorization": format!("Bearer {}", key.unwrap_or_default()) });
    socket
        .send(Message::text(
            json!({ "type": "connection_init", "payload": hello }).to_string(),
        ))
        .await?;
    let payload = json!({ "query": WATCH, "variables": { "job": job, "after": after } });
    socket
        .send(Message::text(
            json!({ "type": "subscribe", "id": "1", "payload": payload }).to_string(),
        ))
        .await?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        if message["type"] == "error" || message["payload"]["errors"].is_array() {
            // The server said no, and would say it again.
            return Ok(message["payload"].to_string());
        }
        let event = &message["payload"]["data"]["jobEvents"];
        match event["type"].as_str() {
            Some("TextWritten") => print!("{}", event["text"].as_str().unwrap_or_default()),
            Some("JobFinished") => return Ok(format!("{}, {} credits", event["job"]["state"], event["charged"])),
            Some(other) => println!(
                "\n{other} {:.0} %",
                event["job"]["progress"].as_f64().unwrap_or(0.0) * 100.0
            ),
            None => continue,
        }
        std::io::stdout().flush()?;
        *after = event["cursor"].clone();
    }
    Err("the connection was cut".into())
}
