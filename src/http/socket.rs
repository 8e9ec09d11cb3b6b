//! GraphQL over WebSocket (`graphql-transport-ws`): the connection around the protocol's own state machine.
//!
//! The state machine is async-graphql's; what it lacks and a socket cannot do without is here: a time limit for the
//! first message, pings, a limit on blocked writes, keys that are revoked while a socket is open, and a close that
//! tells clients to come back when the server stops. Close codes follow graphql-ws, which decides by them whether to
//! retry. Absent: a fair share between the operations of one socket and a limit on how many run at once; a close with
//! 4409 when an id is used twice (the newer operation replaces the older); and the message `error`: an operation that
//! is refused gets a `next` with its errors, then `complete`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::http::{WebSocket as Protocol, WebSocketProtocols, WsMessage};
use async_graphql::{Data, Executor, Request, Response as GraphqlResponse};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::stream::{BoxStream, SplitSink};
use futures::{SinkExt, Stream, StreamExt};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};

use super::trace::RequestId;
use super::{Web, answer, identity};
use crate::app::App;
use crate::auth::{self, Caller};
use crate::graphql::{Api, Code, prepare, refused, subscribe};

const SUBPROTOCOL: &str = "graphql-transport-ws";
/// Holds a mutation with the longest brief: some 280 KB of text, and more where JSON escapes it.
const MESSAGE_LIMIT: usize = 1024 * 1024;
/// What a connection reads at once. Kept as long as it is open, so smaller than the 128 KiB that are usual.
const READ_BUFFER: usize = 8 * 1024;
/// How long a client may take to introduce itself.
const INIT: Duration = Duration::from_secs(5);
const PING: Duration = Duration::from_secs(20);
/// How long the streams of a revoked key may go on.
const RECHECK: Duration = Duration::from_secs(1);
/// A peer that has said nothing for so long, pongs included, is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// How long a write may be blocked by a peer that does not read.
const WRITE: Duration = Duration::from_secs(10);

/// Answers the handshake.
pub fn accept(web: Web, id: RequestId, headers: &HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let asked = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|v| v.to_str().ok());
    if !asked
        .flat_map(|list| list.split(','))
        .any(|name| name.trim() == SUBPROTOCOL)
    {
        let message = format!("Connect with the WebSocket subprotocol {SUBPROTOCOL}.");
        return answer::refuse(StatusCode::BAD_REQUEST, Code::BadRequest, &message, &id);
    }
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.map(str::to_string);
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .read_buffer_size(READ_BUFFER);
    upgrade.on_upgrade(move |socket| {
        let sockets = web.sockets.clone();
        sockets.track_future(async move { run(web, id, header, socket).await })
    })
}

/// What the parts of one connection share.
struct Connection {
    api: Api,
    id: RequestId,
    /// Set once the client has introduced itself.
    caller: OnceLock<Caller>,
    was_refused: AtomicBool,
    /// When the peer was last heard of.
    heard: Mutex<Instant>,
    operations: AtomicU64,
}

async fn run(web: Web, id: RequestId, header: Option<String>, socket: WebSocket) {
    let connection = Arc::new(Connection {
        api: web.api.clone(),
        id,
        caller: OnceLock::new(),
        was_refused: AtomicBool::new(false),
        heard: Mutex::new(Instant::now()),
        operations: AtomicU64::new(0),
    });
    let (mut sink, stream) = socket.split();
    let input = messages(stream, connection.clone());
    let init = connection.clone();
    let protocol = Protocol::new(Operations(connection.clone()), input, WebSocketProtocols::GraphQLWS)
        .on_connection_init(move |payload| async move { init.introduce(payload, header).await });
    let mut protocol = Box::pin(protocol);
    let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
    let mut recheck = tokio::time::interval_at(Instant::now() + RECHECK, RECHECK);
    recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let silent_init = tokio::time::sleep(INIT);
    tokio::pin!(silent_init);
    loop {
        let step = tokio::select! {
            message = protocol.next() => match message {
                Some(WsMessage::Text(text)) => send(&mut sink, Message::Text(text.into())).await,
                Some(WsMessage::Close(code, reason)) => {
                    let (code, reason) = connection.close_code(code, reason);
                    close(&mut sink, code, &reason).await
                }
                None => Err(Gone),
            },
            _ = ping.tick() => if connection.is_silent() {
                close(&mut sink, 1001, "Nothing was heard from you").await
            } else {
                send(&mut sink, Message::Ping(Default::default())).await
            },
            _ = recheck.tick(), if connection.has_key() => if connection.lost_its_key().await {
                close(&mut sink, 4403, "Forbidden: the key was revoked or expired").await
            } else {
                Ok(())
            },
            () = &mut silent_init, if connection.caller.get().is_none() => {
                close(&mut sink, 4408, "Connection initialisation timeout").await
            }
            () = web.shutdown.cancelled() => close(&mut sink, 1012, "The server restarts").await,
        };
        if step.is_err() {
            break;
        }
    }
}

/// The connection has ended.
struct Gone;

type Sink = SplitSink<WebSocket, Message>;

async fn send(sink: &mut Sink, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(WRITE, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}

async fn close(sink: &mut Sink, code: u16, reason: &str) -> Result<(), Gone> {
    // A control frame holds 125 bytes, two of them the code.
    let end = (0..=reason.len().min(123))
        .rev()
        .find(|end| reason.is_char_boundary(*end));
    let reason = reason[..end.unwrap_or(0)].into();
    let _ = send(sink, Message::Close(Some(CloseFrame { code, reason }))).await;
    Err(Gone)
}

/// The texts that the peer sends; everything it sends counts as a sign of life.
fn messages(
    stream: impl Stream<Item = Result<Message, axum::Error>> + Send + 'static,
    connection: Arc<Connection>,
) -> BoxStream<'static, Vec<u8>> {
    let texts = stream.take_while(|message| std::future::ready(message.is_ok()));
    let texts = texts.filter_map(move |message| {
        *connection.heard.lock() = Instant::now();
        std::future::ready(match message {
            Ok(Message::Text(text)) => Some(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Some(bytes.to_vec()),
            _ => None,
        })
    });
    texts.boxed()
}

impl Connection {
    /// Reads the payload of `connection_init`: `{"Authorization": "Bearer …"}`.
    async fn introduce(&self, payload: Value, header: Option<String>) -> async_graphql::Result<Data> {
        let given = payload.as_object().and_then(|payload| {
            let mut entries = payload.iter();
            let entry = entries.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            entry.and_then(|(_, value)| value.as_str()).map(str::to_string)
        });
        let text = given.or(header);
        match identity::of_authorization(&self.api.app, text.as_deref()).await {
            Ok(Some(caller)) => {
                let _ = self.caller.set(caller);
                Ok(Data::default())
            }
            Ok(None) => {
                self.was_refused.store(true, Ordering::Relaxed);
                Err(async_graphql::Error::new(
                    "Forbidden: send a valid API key in connection_init",
                ))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The state machine's close codes, translated into those that graphql-ws clients understand.
    fn close_code(&self, code: u16, reason: String) -> (u16, String) {
        match code {
            1002 if self.was_refused.load(Ordering::Relaxed) => (4403, reason),
            // A failed introduction that was not refused: the database is away, and retrying helps.
            1002 if self.caller.get().is_none() && !reason.contains("line ") => (1013, reason),
            1002 => (4400, format!("Invalid message: {reason}")),
            1011 => (4401, "Unauthorized".to_string()),
            other => (other, reason),
        }
    }

    fn is_silent(&self) -> bool {
        self.heard.lock().elapsed() > SILENCE
    }

    fn has_key(&self) -> bool {
        self.caller.get().is_some_and(|caller| caller.api_key.is_some())
    }

    /// Whether the key that it was opened with is no longer good.
    async fn lost_its_key(&self) -> bool {
        match self.caller.get().and_then(|caller| caller.api_key) {
            Some(key) => is_gone(&self.api.app, key).await,
            None => false,
        }
    }

    /// Runs one operation; the key is asked for again, so that a revoked one starts nothing more.
    async fn operation(&self, request: Request) -> BoxStream<'static, GraphqlResponse> {
        let number = self.operations.fetch_add(1, Ordering::Relaxed) + 1;
        let id = format!("{}.{number}", self.id.0);
        match self.caller.get() {
            Some(caller) if !self.lost_its_key().await => match prepare(&self.api, request) {
                Ok(prepared) => subscribe(&self.api, caller.clone(), &id, prepared),
                Err(why) => futures::stream::once(async move { refused(why, &id) }).boxed(),
            },
            _ => {
                let error = Code::Unauthenticated.server_error(identity::NO_KEY);
                futures::stream::once(async move { refused(error, &id) }).boxed()
            }
        }
    }
}

async fn is_gone(app: &App, key: uuid::Uuid) -> bool {
    // A database that does not answer is no reason to send everybody away.
    matches!(auth::is_live(&app.db, key).await, Ok(false))
}

/// Runs the operations of one connection through the one door.
#[derive(Clone)]
struct Operations(Arc<Connection>);

impl Operations {
    fn stream(&self, request: Request) -> BoxStream<'static, GraphqlResponse> {
        let connection = self.0.clone();
        let started = futures::stream::once(async move { connection.operation(request).await });
        started.flatten().boxed()
    }
}

impl Executor for Operations {
    async fn execute(&self, request: Request) -> GraphqlResponse {
        let first = self.stream(request).next().await;
        first.unwrap_or_else(|| GraphqlResponse::from_errors(Vec::new()))
    }

    fn execute_stream(&self, request: Request, _session: Option<Arc<Data>>) -> BoxStream<'static, GraphqlResponse> {
        self.stream(request)
    }
}
