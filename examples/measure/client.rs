//! A client: one WebSocket on which it starts a job and watches it to its end.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sitewright::ids::{GlobalId, IdKind};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::Outcome;

pub struct Piece {
    pub written: DateTime<Utc>,
    pub received: DateTime<Utc>,
}

pub struct Seen {
    pub id: Uuid,
    /// When the start was sent, when its answer was read, and when the last event was.
    pub began: DateTime<Utc>,
    pub accepted: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub pieces: Vec<Piece>,
}

pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Shakes hands; the server's acknowledgement is read with what comes later.
    pub async fn connect(address: SocketAddr) -> Outcome<Client> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
        // A buffer of 128 KiB for each of 200 clients would be filled with zeros on the processors that are measured.
        let small = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(small), false).await?;
        let mut client = Client(socket);
        client.send(json!({ "type": "connection_init" })).await?;
        Ok(client)
    }

    /// Starts the job and watches it, both on this connection. The time counts from here: who opened a socket first did so
    /// before, and took its processor time from the others.
    pub async fn one_job(mut self, page: Uuid) -> Outcome<Seen> {
        let began = Utc::now();
        let input =
            json!({ "pageId": GlobalId::new(IdKind::Page, page).to_string(), "idempotencyKey": page.to_string() });
        let start = "mutation($input: GeneratePageInput!) { generatePage(input: $input) { job { id } userErrors { message } } }";
        let watch = "subscription($job: ID!) { jobEvents(jobId: $job) { __typename at ... on TextWritten { blockId path offset text } } }";
        let payload = json!({ "query": start, "variables": { "input": input } });
        self.send(json!({ "id": "start", "type": "subscribe", "payload": payload }))
            .await?;
        let (mut id, mut accepted, mut pieces) = (None, began, Vec::new());
        while let Some(message) = self.0.next().await {
            let Message::Text(text) = message? else { continue };
            let received = Utc::now();
            let word: Value = serde_json::from_str(&text)?;
            let data = &word["payload"]["data"];
            if word["payload"].get("errors").is_some() {
                return Err(word.to_string().into());
            }
            if let Some(started) = data["generatePage"]["job"]["id"].as_str() {
                (id, accepted) = (GlobalId::parse_as(IdKind::Job, started), received);
                let payload = json!({ "query": watch, "variables": { "job": started } });
                self.send(json!({ "id": "watch", "type": "subscribe", "payload": payload }))
                    .await?;
            }
            let event = &data["jobEvents"];
            match event["__typename"].as_str() {
                Some("TextWritten") => pieces.push(Piece {
                    written: event["at"].as_str().unwrap_or_default().parse()?,
                    received,
                }),
                Some("JobFinished") => {
                    let id = id.ok_or("an end without a start")?;
                    return Ok(Seen {
                        id,
                        began,
                        accepted,
                        ended: received,
                        pieces,
                    });
                }
                _ => {}
            }
        }
        Err("a stream ended early".into())
    }

    async fn send(&mut self, word: Value) -> Outcome<()> {
        Ok(self.0.send(Message::text(word.to_string())).await?)
    }
}
