//! What a server could do that has nothing to think about: axum, and bytes that were made beforehand.
//!
//! POST /graphql answers the first recorded text to every body. On a WebSocket each text of the client is answered by
//! all the others, one frame each; a client that says nothing is left alone.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::Outcome;

pub async fn serve(recorded: &str) -> Outcome<()> {
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(recorded)?)?;
    let texts: Arc<[Bytes]> = texts.into_iter().map(Bytes::from).collect();
    let frames = texts.clone();
    let answer = async move |_: Bytes| ([(CONTENT_TYPE, "application/json; charset=utf-8")], texts[0].clone());
    let upgrade = async move |upgrade: WebSocketUpgrade| {
        let upgrade = upgrade.protocols(["graphql-transport-ws"]);
        upgrade.on_upgrade(async move |socket| watch(socket, frames).await)
    };
    let router = Router::new().route("/graphql", post(answer).get(upgrade));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!(
        "{}",
        serde_json::json!({ "address": listener.local_addr()?.to_string() })
    );
    Ok(axum::serve(listener, router).await?)
}

async fn watch(mut socket: WebSocket, frames: Arc<[Bytes]>) {
    while let Some(Ok(Message::Text(_))) = socket.recv().await {
        for frame in frames.iter().skip(1) {
            let Ok(text) = frame.clone().try_into() else { return };
            if socket.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    }
}
