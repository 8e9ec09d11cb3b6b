//! Subscribing: one operation as a stream of what its client is told, and for a job's stream the execution shared.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use async_graphql::{Request, Response};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tracing::Instrument;

use super::execute::{Answered, Api, Prepared, answer, finish, panicked, refused, session, with_session};
use super::fanout::{Event, Handover, Line, Selection, Text};
use super::strict::{Checked, Ready};
use crate::auth::Caller;

/// The field whose events are executed once for all who watch in the same way.
const SHARED: &str = "jobEvents";

/// Runs an operation of any kind as a stream: one answer for a query or a mutation, one an event for a subscription. It
/// ends when the subscription does.
pub fn subscribe(api: &Api, caller: Caller, request_id: &str, prepared: Prepared) -> BoxStream<'static, Event> {
    let request_id = request_id.to_string();
    let operation = prepared.name().unwrap_or_default();
    let span = tracing::info_span!("operation", request_id, operation, account = %caller.account);
    if !prepared.is_subscription() {
        let api = api.clone();
        let one = async move {
            match answer(&api, caller, &request_id, prepared).await {
                Answered::Finished(finished) => Event::from(&*finished),
                Answered::Response(response) => (*response).into(),
            }
        };
        return stream::once(one.instrument(span)).boxed();
    }
    // Before it joins what others watch.
    if let Err(why) = prepared.check(&caller) {
        let refusal = refused(why, &request_id);
        return stream::once(async move { Event::Response(Box::new(refusal)) }).boxed();
    }
    let mut events = match prepared.roots() {
        [root] if root == SHARED => shared(api.clone(), caller, request_id.clone(), prepared).boxed(),
        _ => executed(api, with_session(prepared, caller, &request_id))
            .map(Event::from)
            .boxed(),
    };
    // The task of a socket runs many operations: each is polled within its own span.
    let within = stream::poll_fn(move |cx| span.in_scope(|| events.poll_next_unpin(cx)));
    within
        .map(move |event| match event {
            Event::Response(response) => Event::from(finish(*response, &request_id)),
            written => written,
        })
        .boxed()
}

fn executed(api: &Api, request: Request) -> BoxStream<'static, Response> {
    let stream = AssertUnwindSafe(api.schema.execute_stream(request)).catch_unwind();
    stream
        .map(|response| response.unwrap_or_else(|panic| panicked(&*panic)))
        .boxed()
}

/// A watched job is opened once and watched for long: what only opening needs is gone by then.
fn shared(api: Api, caller: Caller, request_id: String, prepared: Prepared) -> impl Stream<Item = Event> + Send {
    stream::once(Box::pin(opened(api, caller, request_id, prepared))).flatten()
}

/// The resolver says whose stream it is and where to begin; its items go through a renderer that others use as well.
async fn opened(api: Api, caller: Caller, request_id: String, prepared: Prepared) -> BoxStream<'static, Event> {
    let handover = Handover::default();
    let again = prepared.ready.again();
    let (document, variables) = selection_of(&prepared.ready);
    let session = session(&prepared, caller.clone(), &request_id);
    let opening = with_session(prepared, caller.clone(), &request_id).data(handover.clone());
    let refusals: Vec<Event> = executed(&api, opening).map(Event::from).collect().await;
    let refusals = stream::iter(refusals);
    let Some(handed) = handover.take() else {
        return refusals.boxed();
    };
    let since = Instant::now();
    let job = handed.job;
    let selection = Selection {
        job,
        account: caller.account,
        rights: caller.role,
        scope: caller.scope,
        document,
        variables,
    };
    let text = Text::of(again.document(), job, &api.app.epoch);
    let fanout = api.fanout.clone();
    let renderer = fanout.renderer(selection, text, move || {
        let request = again.request().data(session.clone());
        Line::new(job, |given| api.schema.execute_stream(request.data(given)))
    });
    let mut feed = handed.feed;
    let told = async_stream::stream! {
        while let Some(item) = feed.next().await {
            yield renderer.render(item, since).await;
        }
    };
    refusals.chain(told).boxed()
}

/// What besides the caller decides how an event looks: the document, and the variables but the one that says where to
/// begin, if nothing else in the document uses that.
fn selection_of(ready: &Ready) -> (Arc<Checked>, String) {
    let begins = ready.checked.begins();
    let variables = ready.request.variables.iter();
    let variables = variables.filter(|(name, _)| Some(name.as_str()) != begins);
    let mut text = String::new();
    for (name, value) in variables {
        text.push_str(name);
        text.push(':');
        text.push_str(&value.to_string());
        text.push(',');
    }
    (ready.checked.clone(), text)
}
