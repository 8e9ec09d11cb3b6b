//! One subscription over one WebSocket, and what its words mean to a viewer.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sitewright::ids::{Cursor, GlobalId, IdKind};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::support::viewer::{Heard, Viewer, What};

/// A graphql-transport-ws connection with one subscription.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

const JOB_EVENTS: &str = "subscription($job: ID!, $after: Cursor) { jobEvents(jobId: $job, after: $after) { __typename cursor \
    ... on BlockReady { blockId block { revision } } ... on TextWritten { blockId path offset text } \
    ... on JobSnapshot { blocks { id status } open { blockId path text } } } }";

impl Socket {
    pub async fn open(address: SocketAddr, key: Option<&str>) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        let mut socket = Socket(stream);
        let payload = key.map(|key| json!({ "Authorization": format!("Bearer {key}") }));
        socket
            .say(json!({ "type": "connection_init", "payload": payload.unwrap_or(json!({})) }))
            .await?;
        Ok(socket)
    }

    pub async fn subscribe(&mut self, job: Uuid, viewer: &Viewer, epoch: &str) -> Result<(), tungstenite::Error> {
        let after = viewer.cursor.map(|at| {
            let epoch = epoch.to_string();
            Cursor::Job { epoch, id: job, at }.encode()
        });
        let job = GlobalId::new(IdKind::Job, job).to_string();
        self.ask(JOB_EVENTS, json!({ "job": job, "after": after })).await
    }

    pub async fn ask(&mut self, query: &str, variables: Value) -> Result<(), tungstenite::Error> {
        // A server that is gone says nothing; any other first word is the acknowledgement.
        match self.hear().await {
            Some(word) => assert_eq!(word["type"], "connection_ack", "{word}"),
            None => return Err(tungstenite::Error::ConnectionClosed),
        }
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await
    }

    /// The next event of a job; none when the stream is complete or the server is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        self.payload().await.map(|payload| heard(&payload))
    }

    /// The next result as it comes.
    pub async fn payload(&mut self) -> Option<Value> {
        let mut word = self.hear().await?;
        match word["type"].as_str() {
            Some("next") => Some(word["payload"].take()),
            Some("complete") => None,
            _ => panic!("the server says {word}"),
        }
    }

    async fn say(&mut self, word: Value) -> Result<(), tungstenite::Error> {
        self.0.send(Message::text(word.to_string())).await
    }

    /// The next word, of whatever type; none when the server is gone.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}

pub fn heard(payload: &Value) -> Heard {
    assert!(payload.get("errors").is_none(), "{payload}");
    let event = &payload["data"]["jobEvents"];
    let cursor = event["cursor"].as_str().and_then(Cursor::decode);
    let Some(Cursor::Job { at, .. }) = cursor else {
        panic!("no cursor in {payload}")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let block = |value: &Value| GlobalId::parse_as(IdKind::Block, &text(value)).expect("a block's id");
    let path = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let what = match event["__typename"].as_str().unwrap_or_default() {
        "JobStarted" | "RetryScheduled" => What::Reset,
        "BlockOpened" => What::Opened,
        "BlockReady" => What::Closed(block(&event["blockId"]), event["block"]["revision"].as_i64()),
        "JobFinished" => What::Finished,
        "TextWritten" => What::Text {
            block: block(&event["blockId"]),
            path: path(&event["path"]),
            offset: event["offset"]
                .as_u64()
                .and_then(|n| n.try_into().ok())
                .expect("an offset"),
            text: text(&event["text"]),
        },
        "JobSnapshot" => What::Snapshot {
            ready: list(&event["blocks"])
                .iter()
                .filter(|b| b["status"] == "READY")
                .map(|b| block(&b["id"]))
                .collect(),
            open: list(&event["open"])
                .iter()
                .map(|o| (block(&o["blockId"]), path(&o["path"]), text(&o["text"])))
                .collect(),
        },
        _ => What::Other,
    };
    Heard { at, what }
}
