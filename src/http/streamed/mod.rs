//! An operation whose answers arrive over one HTTP response, for as long as it runs: event streams and multipart.
//!
//! Nothing is buffered here: the response is asked for more when the connection can take it, and a client that reads
//! nothing loses its connection (`listen`).

mod accept;
mod multipart;
mod sse;

use async_graphql::{Request, ServerError};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::Web;
use super::live::{self, Answer};
use super::trace::RequestId;
use crate::auth::Caller;
use crate::graphql::{Code, Prepared, Refused, refused, resume_at};
use crate::limits::Slot;

pub use accept::{Form, asked};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies must not hold events back.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What happens to a response while it is open.
enum Step {
    Answer(Answer),
    /// The operation has ended.
    Complete,
    /// Nothing has happened for a while.
    Quiet,
    /// The caller's key is no longer good.
    KeyGone(Vec<ServerError>),
    /// The server stops; the client is to come back.
    Leaving(Vec<ServerError>),
}

/// The request of a browser that comes back: it names the last event it has seen, and goes on behind it.
pub fn resumed(headers: &HeaderMap, request: Request) -> Request {
    match headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()) {
        Some(cursor) if !cursor.is_empty() => resume_at(request, cursor),
        _ => request,
    }
}

/// Runs the operation and sends what it brings.
pub fn respond(
    web: &Web,
    form: Form,
    caller: Caller,
    id: &RequestId,
    prepared: Prepared,
    place: Option<Slot>,
) -> Response {
    let key = web.keys.watch(&caller);
    let answers = live::run(web, caller, id, prepared, place);
    open(web, form, id, answers, Some(key))
}

/// A refusal over the stream that the client asked for: an `EventSource` sees nothing else.
pub fn refuse(web: &Web, form: Form, id: &RequestId, why: Refused) -> Response {
    open(web, form, id, live::refusal(refused(why, &id.0)), None)
}

/// What an open response needs.
struct Open {
    web: Web,
    form: Form,
    id: RequestId,
    answers: BoxStream<'static, Answer>,
    key: Option<super::keys::Watched>,
    /// Resolves when the server stops and this response has to go.
    leaving: BoxFuture<'static, ()>,
    is_over: bool,
    /// Counts it among the open connections.
    _open: tokio_util::task::task_tracker::TaskTrackerToken,
}

fn open(
    web: &Web,
    form: Form,
    id: &RequestId,
    answers: BoxStream<'static, Answer>,
    key: Option<super::keys::Watched>,
) -> Response {
    let open = Open {
        web: web.clone(),
        form,
        id: id.clone(),
        answers,
        key,
        leaving: web.leaving().boxed(),
        is_over: false,
        _open: web.open.token(),
    };
    let opening = stream::once(async move { Ok::<_, std::convert::Infallible>(form.opening().to_string()) });
    let steps = stream::unfold(open, |mut open| async move {
        if open.is_over {
            return None;
        }
        let step = open.step().await;
        open.is_over = !matches!(step, Step::Quiet | Step::Answer(Answer::Next(_)));
        Some((Ok(open.form.write(step)), open))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(form.media_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        (UNBUFFERED, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(opening.chain(steps))).into_response()
}

impl Open {
    async fn step(&mut self) -> Step {
        let key = &self.key;
        let key_gone = async {
            match key {
                Some(key) => key.gone().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = self.answers.next() => match answer {
                Some(answer) => Step::Answer(answer),
                None => Step::Complete,
            },
            () = tokio::time::sleep(self.web.api.app.config.streams.ping()) => Step::Quiet,
            () = key_gone => Step::KeyGone(live::without_key(&self.id).errors),
            () = &mut self.leaving => {
                let message = "The server restarts. Subscribe again, with the last cursor as `after`.";
                Step::Leaving(refused(Code::Unavailable.server_error(message), &self.id.0).errors)
            }
        }
    }
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Form::Events => sse::MEDIA_TYPE,
            Form::Parts => multipart::MEDIA_TYPE,
        }
    }

    fn opening(self) -> &'static str {
        match self {
            Form::Events => sse::OPENING,
            Form::Parts => multipart::OPENING,
        }
    }

    fn write(self, step: Step) -> String {
        match self {
            Form::Events => sse::write(step),
            Form::Parts => multipart::write(step),
        }
    }
}

/// Errors as JSON.
fn json(errors: &[ServerError]) -> String {
    serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_string())
}
