//! The one file that talks to async-openai: one streamed call, with our own eyes on the answer's status and body.
//!
//! The crate takes every answer that is not a success for an error object of OpenAI's shape; a layer below it turns
//! the others into our errors first. It sets no timeouts and limits nothing: the layer bounds what one event and one
//! answer may weigh, `reply` keeps the time. Its retries are replaced together with its transport: there are none.

use std::io::BufRead;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use reqwest::{Body, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

use super::chunk::Chunk;
use super::fault;
use crate::ai::{Error, ErrorKind};
use crate::db::now;

/// An error's body is read up to here.
const ERROR_BYTES: usize = 64 << 10;
/// One event is a few letters of text in an envelope; its lines are kept until it ends.
const EVENT_BYTES: usize = 1 << 20;
/// The crate reads an answer faster than we do and keeps what we have not taken. This is a hundred thousand tokens.
const ANSWER_BYTES: usize = 32 << 20;
const TOO_LARGE: &str = "the answer is larger than any that could be used";

pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk, Error>> + Send>>;

/// A connection pool for one server.
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
}

#[derive(Clone)]
struct Endpoint {
    base: String,
    key: SecretString,
}

impl std::fmt::Debug for Client {
    /// The address may hold a password, and the key is one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let key = self.key.expose_secret();
        if !key.is_empty()
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {key}"))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        headers
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

impl Client {
    pub fn new(base: &str, key: SecretString, connect: Duration) -> Result<Self, String> {
        crate::tls::choose();
        let http = reqwest::Client::builder()
            .connect_timeout(connect)
            // A key is meant for the configured address and for no other.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sitewright/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|cause| cause.without_url().to_string())?;
        let base = base.trim().trim_end_matches('/').to_string();
        Ok(Client {
            http,
            endpoint: Endpoint { base, key },
        })
    }

    /// Sends a request; the answer's status was good when this returns. `id` tells the server's operator which call
    /// it was. Dropping what it returns ends the call.
    pub async fn open(&self, body: impl Serialize, id: String) -> Result<Chunks, Error> {
        let (http, key) = (self.http.clone(), self.endpoint.key.clone());
        // The crate makes a text of whatever ends a stream, without its cause.
        let is_too_large = Arc::new(AtomicBool::new(false));
        let seen = is_too_large.clone();
        let service = tower::service_fn(move |request: HttpRequestFactory| {
            let (http, id, key, seen) = (http.clone(), id.clone(), key.clone(), seen.clone());
            async move {
                send(http, request, &id, &key, seen)
                    .await
                    .map_err(|error| OpenAIError::Boxed(error.into()))
            }
        });
        let client = async_openai::Client::build(self.http.clone(), self.endpoint.clone()).with_http_service(service);
        let opened = client.chat().create_stream_byot::<_, Chunk>(body).await;
        let chunks = opened.map_err(|error| self.without_key(of_crate(error)))?;
        let key = self.endpoint.clone();
        let chunks = chunks.filter(|chunk| std::future::ready(!is_beside_the_point(chunk)));
        Ok(Box::pin(chunks.map(move |chunk| {
            chunk.map_err(|error| match is_too_large.load(Ordering::Relaxed) {
                true => Error::new(ErrorKind::BadOutput, TOO_LARGE),
                false => without_key(&key, of_crate(error)),
            })
        })))
    }

    /// A provider's words without the key that it repeats in them.
    fn without_key(&self, error: Error) -> Error {
        without_key(&self.endpoint, error)
    }

    /// What an error in the middle of a stream means.
    pub fn fault(&self, error: &Value) -> Error {
        fault::of_event(error, self.endpoint.key.expose_secret())
    }
}

fn without_key(endpoint: &Endpoint, mut error: Error) -> Error {
    let key = endpoint.key.expose_secret();
    if !key.is_empty() && error.cause.contains(key) {
        error.cause = error.cause.replace(key, "(key)");
    }
    error
}

async fn send(
    http: reqwest::Client,
    request: HttpRequestFactory,
    id: &str,
    key: &SecretString,
    is_too_large: Arc<AtomicBool>,
) -> Result<Response, Error> {
    let unmade = |error: OpenAIError| Error::new(ErrorKind::InvalidRequest, error.to_string());
    let mut request = request.build().await.map_err(unmade)?;
    if let Ok(id) = HeaderValue::from_str(id) {
        request.headers_mut().insert("x-client-request-id", id);
    }
    let response = http.execute(request).await.map_err(of_transport)?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_document = kind.is_some_and(|kind| kind.contains("json") || kind.contains("html"));
    if response.status().is_success() && !is_document {
        return Ok(guarded(response, is_too_large));
    }
    document(response, key.expose_secret()).await
}

/// An answer that is no stream: an error with any status, or a whole reply of a server that does not stream.
async fn document(mut response: Response, key: &str) -> Result<Response, Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let limit = if status.is_success() { EVENT_BYTES } else { ERROR_BYTES };
    let mut body = Vec::new();
    while body.len() < limit
        && let Some(bytes) = response.chunk().await.map_err(of_transport)?
    {
        body.extend_from_slice(&bytes);
    }
    body.truncate(limit);
    let text = String::from_utf8_lossy(&body);
    let whole: Option<Value> = serde_json::from_str(&text).ok().filter(|_| status.is_success());
    match whole.filter(|reply| reply["choices"].is_array()) {
        Some(reply) => Ok(http::Response::new(Body::from(format!("data: {reply}\n\ndata: [DONE]\n\n"))).into()),
        None => Err(fault::of_reply(status.as_u16(), &headers, &text, now(), key)),
    }
}

/// The same answer, cut off where it grows beyond all use; then that is noted.
fn guarded(response: Response, is_too_large: Arc<AtomicBool>) -> Response {
    let (mut all, mut event, mut is_line_empty) = (0, 0, true);
    let pieces = response
        .bytes_stream()
        .map_err(std::io::Error::other)
        .map(move |piece| {
            let piece: Bytes = piece?;
            all += piece.len();
            let mut largest = 0;
            let mut rest: &[u8] = &piece;
            while !rest.is_empty() {
                let before = rest;
                let line = &before[..rest.skip_until(b'\n')?];
                event += line.len();
                largest = largest.max(event);
                is_line_empty &= line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                if line.ends_with(b"\n") {
                    // An empty line ends the event.
                    event = if is_line_empty { 0 } else { event };
                    is_line_empty = true;
                }
            }
            match all > ANSWER_BYTES || largest > EVENT_BYTES {
                true => {
                    is_too_large.store(true, Ordering::Relaxed);
                    Err(std::io::Error::other(TOO_LARGE))
                }
                false => Ok(piece),
            }
        });
    http::Response::new(Body::wrap_stream(pieces)).into()
}

/// Heartbeats without data, and JSON of another make than a piece of a reply.
fn is_beside_the_point(chunk: &Result<Chunk, OpenAIError>) -> bool {
    match chunk {
        Err(OpenAIError::JSONDeserialize(cause, content)) => cause.is_data() || content.trim().is_empty(),
        _ => false,
    }
}

/// Our own errors come back as they went in; the rest are the crate's.
fn of_crate(error: OpenAIError) -> Error {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::new(ErrorKind::Network, other.to_string()),
        },
        OpenAIError::StreamError(cause) => Error::new(ErrorKind::Interrupted, cause.to_string()),
        OpenAIError::Reqwest(error) => of_transport(error),
        // Its words would repeat the reply.
        OpenAIError::JSONDeserialize(cause, _) => {
            Error::new(ErrorKind::Interrupted, format!("an event that is no JSON: {cause}"))
        }
        other => Error::new(ErrorKind::InvalidRequest, other.to_string()),
    }
}

fn of_transport(error: reqwest::Error) -> Error {
    let kind = match error.is_timeout() && !error.is_connect() {
        true => ErrorKind::Timeout,
        false => ErrorKind::Network,
    };
    // The address may hold a password. The reason stands at the end of the chain.
    let error = error.without_url();
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        cause = format!("{cause}: {inner}");
        source = inner.source();
    }
    Error::new(kind, cause)
}
