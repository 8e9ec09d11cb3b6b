//! One connection that speaks `graphql-transport-ws`: open, ask, subscribe, read.
//!
//! It sorts trouble into what may pass and what will not; trying again is the caller's.

use std::io::ErrorKind;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::http::{StatusCode, Uri};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::cli::failure::Failure;

/// How long a server may take for a handshake or an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Servers send pings; one that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The number of the latest operation.
    number: u64,
}

/// Why a connection cannot be used.
#[derive(Debug)]
pub enum Trouble {
    /// It was cut or the server is away: trying again may help.
    Passing(String),
    /// Trying again would end the same way.
    Lasting(Failure),
}

impl Socket {
    pub async fn open(address: &Uri, key: Option<&str>) -> Result<Socket, Trouble> {
        let request = ClientRequestBuilder::new(address.clone()).with_sub_protocol("graphql-transport-ws");
        let connecting = tokio::time::timeout(PATIENCE, connect_async(request));
        let (stream, _) = match connecting.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(cause)) => return Err(unopened(address, cause)),
            Err(_) => return Err(Trouble::Passing(format!("{address} does not answer"))),
        };
        let mut socket = Socket { stream, number: 0 };
        let payload = key.map_or(json!({}), |key| json!({ "Authorization": format!("Bearer {key}") }));
        socket
            .send(json!({ "type": "connection_init", "payload": payload }))
            .await?;
        loop {
            if socket.message(PATIENCE).await?["type"] == "connection_ack" {
                return Ok(socket);
            }
        }
    }

    /// Asks once; the answer's `data`.
    pub async fn ask(&mut self, query: &str, variables: Value) -> Result<Value, Trouble> {
        self.subscribe(query, variables).await?;
        let answer = self.next(PATIENCE).await?;
        answer.ok_or_else(|| Trouble::Passing("the server gave no answer".to_string()))
    }

    /// Starts an operation; [`Socket::event`] gives what it brings.
    pub async fn subscribe(&mut self, query: &str, variables: Value) -> Result<(), Trouble> {
        self.number += 1;
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "type": "subscribe", "id": self.number.to_string(), "payload": payload }))
            .await
    }

    /// The `data` of the next event, or none when the stream has ended.
    pub async fn event(&mut self) -> Result<Option<Value>, Trouble> {
        self.next(SILENCE).await
    }

    async fn next(&mut self, patience: Duration) -> Result<Option<Value>, Trouble> {
        let id = self.number.to_string();
        loop {
            let mut message = self.message(patience).await?;
            if message["id"].as_str() != Some(&id) {
                continue;
            }
            let errors = match message["type"].as_str() {
                Some("next") => message["payload"]["errors"].take(),
                Some("error") => message["payload"].take(),
                Some("complete") => return Ok(None),
                _ => continue,
            };
            if let Some(error) = errors.get(0) {
                return Err(refused(error));
            }
            return Ok(Some(message["payload"]["data"].take()));
        }
    }

    async fn send(&mut self, message: Value) -> Result<(), Trouble> {
        let sending = self.stream.send(Message::text(message.to_string()));
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(sent) => sent.map_err(|cause| Trouble::Passing(cause.to_string())),
            Err(_) => Err(Trouble::Passing("the server does not read".to_string())),
        }
    }

    /// The next message of the protocol; pings are answered on the way.
    async fn message(&mut self, patience: Duration) -> Result<Value, Trouble> {
        loop {
            let received = tokio::time::timeout(patience, self.stream.next()).await;
            let text = match received {
                Err(_) => return Err(Trouble::Passing("the server has been silent for too long".to_string())),
                Ok(None) => return Err(Trouble::Passing("the connection was cut".to_string())),
                Ok(Some(Err(cause))) => return Err(Trouble::Passing(cause.to_string())),
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(frame)))) => {
                    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), frame.reason.to_string())
                    });
                    return Err(closed(code, &reason));
                }
                Ok(Some(Ok(_))) => continue,
            };
            let message: Value = serde_json::from_str(&text).map_err(|_| {
                Trouble::Lasting(Failure::broken(
                    "The server sent something that is no GraphQL over WebSocket.",
                ))
            })?;
            match message["type"].as_str() {
                Some("ping") => self.send(json!({ "type": "pong" })).await?,
                _ => return Ok(message),
            }
        }
    }
}

const KEY_ADVICE: &str = "Pass a valid API key with --key or SITEWRIGHT_KEY; the server's operator makes one with \
                          `sitewright key create`.";

fn unopened(address: &Uri, cause: SocketError) -> Trouble {
    match cause {
        SocketError::Io(cause) if cause.kind() == ErrorKind::ConnectionRefused => {
            Trouble::Passing(format!("nothing listens at {address}"))
        }
        SocketError::Http(response) => match response.status() {
            StatusCode::UNAUTHORIZED => Trouble::Lasting(Failure::bad_input(format!(
                "The server refused the request. {KEY_ADVICE}"
            ))),
            status if status.is_server_error() => Trouble::Passing(format!("{address} answered {status}")),
            status => Trouble::Lasting(Failure::bad_input(format!(
                "{address} answered {status} instead of opening a GraphQL WebSocket. Check --url; it usually ends in /graphql."
            ))),
        },
        SocketError::Io(cause) => Trouble::Passing(format!("{address} cannot be reached ({cause})")),
        SocketError::Tls(cause) => Trouble::Lasting(Failure::bad_input(format!("{address} is not trusted: {cause}."))),
        cause => Trouble::Lasting(Failure::bad_input(format!(
            "{address} is no GraphQL WebSocket: {cause}."
        ))),
    }
}

/// Codes by which graphql-ws clients decide whether to come back.
fn closed(code: u16, reason: &str) -> Trouble {
    match code {
        4401 | 4403 => Trouble::Lasting(Failure::bad_input(format!(
            "The server refused the key ({code}). {KEY_ADVICE}"
        ))),
        4400 | 4406 | 4409 => Trouble::Lasting(Failure::broken(format!(
            "The server closed the connection for good: {code} {reason}."
        ))),
        _ => Trouble::Passing(format!("the server closed the connection ({code} {reason})")),
    }
}

fn refused(error: &Value) -> Trouble {
    let message = error["message"]
        .as_str()
        .unwrap_or("The server answered with an error.")
        .to_string();
    match error["extensions"]["code"].as_str() {
        Some("UNAUTHENTICATED" | "FORBIDDEN") => {
            Trouble::Lasting(Failure::bad_input(format!("{message} {KEY_ADVICE}")))
        }
        // As `extensions.code` spells them.
        Some("SERVICE_UNAVAILABLE" | "INTERNAL_SERVER_ERROR") => Trouble::Passing(message),
        _ => Trouble::Lasting(Failure::bad_input(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::Code;

    fn passes(code: Code) -> bool {
        let error = json!({ "message": "No.", "extensions": { "code": code.as_str() } });
        matches!(refused(&error), Trouble::Passing(_))
    }

    #[test]
    fn what_the_server_blames_on_itself_is_tried_again() {
        assert!(passes(Code::Unavailable) && passes(Code::Internal));
        for code in [
            Code::BadUserInput,
            Code::NotFound,
            Code::Unauthenticated,
            Code::Forbidden,
        ] {
            assert!(!passes(code), "{code:?}");
        }
    }
}
