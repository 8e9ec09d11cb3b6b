//! Around each request: its id, a span, one line at its end, and a masked answer if it panics.
//!
//! Bodies, variables and credentials are never recorded.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

use super::answer;
use crate::graphql::{Code, MASKED};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which a request is logged, answered and reported.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's own id if it is one that a log can hold, else a new one.
    fn of(request: &Request) -> Self {
        let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
        let is_fit = |id: &&str| {
            (1..=128).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        match given.filter(is_fit) {
            Some(id) => RequestId(id.to_string()),
            None => RequestId(Uuid::now_v7().simple().to_string()),
        }
    }
}

/// Who asked and for what, where that was no execution with words of its own in the log.
#[derive(Clone)]
pub struct Asked {
    pub account: Uuid,
    pub operation: Option<String>,
}

pub async fn observe(mut request: Request, next: Next) -> Response {
    let (id, began) = (RequestId::of(&request), Instant::now());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!(
        "request",
        request_id = id.0,
        method = request.method().as_str(),
        path = request.uri().path(),
        operation = Empty,
        account = Empty,
    );
    let mut response = answered(request, next, &id).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    let duration_ms = began.elapsed().as_micros() as f64 / 1000.0;
    let (status, asked) = (response.status().as_u16(), response.extensions().get::<Asked>());
    span.in_scope(|| match asked {
        Some(Asked { account, operation }) => {
            tracing::info!(status, duration_ms, %account, operation, "request");
        }
        None => tracing::info!(status, duration_ms, "request"),
    });
    response
}

async fn answered(request: Request, next: Next, id: &RequestId) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answer.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let cause = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        tracing::error!(cause, "a handler panicked");
        answer::refuse(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, MASKED, id)
    })
}
