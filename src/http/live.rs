//! One operation as a stream of answers that are ready to be sent: what the three streaming transports have in common.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Response, ServerError};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use super::trace::RequestId;
use super::{Web, identity};
use crate::auth::Caller;
use crate::graphql::{Code, Event, Finished, Prepared, Written, is_request_error, refused, subscribe};
use crate::limits::Slot;

/// How much later each further connection is sent away when the server stops.
const LEAVE_EACH: Duration = Duration::from_millis(10);

/// What an operation brings.
pub enum Answer {
    /// A response with its place in the stream, if it has one.
    Next(Arc<Written>),
    /// The operation was refused before it ran. Nothing follows.
    Refused(Vec<ServerError>),
}

/// Runs an operation of any kind. A subscription keeps its place for as long as it runs.
pub fn run(
    web: &Web,
    caller: Caller,
    id: &RequestId,
    prepared: Prepared,
    place: Option<Slot>,
) -> BoxStream<'static, Answer> {
    let answers = answers(subscribe(&web.api, caller, &id.0, prepared));
    match place {
        Some(place) => answers.inspect(move |_| _ = &place).boxed(),
        None => answers.boxed(),
    }
}

/// An answer that was made before.
pub fn known(finished: &Finished) -> BoxStream<'static, Answer> {
    answers(stream::iter([Event::from(finished)])).boxed()
}

/// The one answer of an operation that does not run.
pub fn refusal(response: Response) -> BoxStream<'static, Answer> {
    stream::once(async move { Answer::Refused(response.errors) }).boxed()
}

/// What is said to an operation of somebody whose credential is no longer good.
pub fn without_key(id: &RequestId) -> Response {
    refused(Code::Unauthenticated.server_error(identity::GONE), &id.0)
}

fn answers(events: impl Stream<Item = Event>) -> impl Stream<Item = Answer> {
    events.map(|event| match event {
        Event::Written(written) => Answer::Next(written),
        Event::Response(response) if is_request_error(&response) => Answer::Refused(response.errors),
        Event::Response(response) => Answer::Next(Arc::new(Written::of(&response))),
    })
}

impl Web {
    /// Resolves when this connection has to go because the server stops: a moment after the stop, and for each
    /// connection another one, so that clients do not all come back at once.
    pub fn leaving(&self) -> impl Future<Output = ()> + Send + use<> {
        let (shutdown, open) = (self.shutdown.clone(), self.open.clone());
        let longest = Duration::from_millis(self.api.app.config.streams.leave_ms);
        async move {
            shutdown.cancelled_owned().await;
            let spread = LEAVE_EACH * u32::try_from(open.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(spread.min(longest).mul_f64(rand::random())).await;
        }
    }
}
