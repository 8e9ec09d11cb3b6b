//! An event is executed once for everybody who watches it in the same way, and all of them get the same bytes.
//!
//! Each watcher still reads the stream by itself, with its own cursor and at its own pace (decisions 0004 and 0011); only
//! what an item looks like as JSON is shared. Entities in an event show their present state, so bytes are shared only with
//! those who were watching when they were made, and for a short while. Nobody waits for another's item: when the shared
//! execution is busy with one that has to ask the database, a watcher executes its own. Pieces of text need no execution
//! at all (`text`).

mod shelf;
mod text;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_graphql::{Response, Value};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::answers::Finished;
use super::error::{masked, told_panic};
use super::strict::Checked;
use crate::auth::Scope;
use crate::entities::Role;
use crate::error::Result;
use crate::events::{JobBody, JobFeedItem, Piece};

use shelf::{Making, Outcome, Shelf};
pub use text::Text;

/// How long bytes count as the present state.
const FRESH: Duration = Duration::from_secs(1);

/// A response as it leaves.
pub struct Written {
    pub json: String,
    pub cursor: Option<String>,
}

impl Written {
    pub fn of(response: &Response) -> Self {
        let cursor = match response.extensions.get("cursor") {
            Some(Value::String(cursor)) => Some(cursor.clone()),
            _ => None,
        };
        let json = json(response);
        Written { json, cursor }
    }
}

fn json(response: &impl Serialize) -> String {
    serde_json::to_string(response).unwrap_or_else(|cause| {
        tracing::error!(%cause, "a response could not be written");
        r#"{"data":null}"#.to_string()
    })
}

/// What a watcher is told.
pub enum Event {
    /// Without an error, and perhaps told to others as well.
    Written(Arc<Written>),
    /// Its errors are to carry the request's own id.
    Response(Box<Response>),
}

impl From<Response> for Event {
    fn from(response: Response) -> Self {
        match response.errors.is_empty() {
            true => Event::Written(Arc::new(Written::of(&response))),
            false => Event::Response(Box::new(response)),
        }
    }
}

impl From<&Finished> for Event {
    fn from(finished: &Finished) -> Self {
        // It was written as JSON.
        let json = String::from_utf8_lossy(&finished.plain).into_owned();
        Event::Written(Arc::new(Written { json, cursor: None }))
    }
}

/// Where the resolver of a subscription leaves the stream that it found, instead of executing its items.
#[derive(Clone, Default)]
pub struct Handover(Arc<Mutex<Option<Handed>>>);

pub struct Handed {
    pub job: Uuid,
    pub feed: BoxStream<'static, Result<JobFeedItem>>,
}

impl Handover {
    pub fn put(&self, job: Uuid, feed: BoxStream<'static, Result<JobFeedItem>>) {
        *self.0.lock() = Some(Handed { job, feed });
    }

    pub fn take(&self) -> Option<Handed> {
        self.0.lock().take()
    }
}

/// The items that a request is to execute: its resolver takes them from here and asks nobody.
pub struct Given {
    pub job: Uuid,
    items: Mutex<Option<mpsc::UnboundedReceiver<Result<JobFeedItem>>>>,
}

impl Given {
    pub fn items(&self) -> BoxStream<'static, Result<JobFeedItem>> {
        match self.items.lock().take() {
            Some(mut items) => futures::stream::poll_fn(move |cx| items.poll_recv(cx)).boxed(),
            None => futures::stream::empty().boxed(),
        }
    }
}

/// A request that is executed item by item.
pub struct Line {
    items: mpsc::UnboundedSender<Result<JobFeedItem>>,
    responses: BoxStream<'static, Response>,
}

impl Line {
    /// `execute` runs the request with the items in reach of its resolver.
    pub fn new(job: Uuid, execute: impl FnOnce(Given) -> BoxStream<'static, Response>) -> Self {
        let (items, given) = mpsc::unbounded_channel();
        let items_of = Given {
            job,
            items: Mutex::new(Some(given)),
        };
        let responses = AssertUnwindSafe(execute(items_of)).catch_unwind();
        let responses = responses.map(|response| {
            response.unwrap_or_else(|panic| {
                told_panic(&*panic);
                Response::from_errors(vec![masked()])
            })
        });
        Line {
            items,
            responses: responses.boxed(),
        }
    }

    fn give(&self, item: Result<JobFeedItem>) {
        // The receiver lives in the responses; when it is gone they end, and that is looked at.
        let _ = self.items.send(item);
    }

    async fn response(&mut self) -> Option<Response> {
        self.responses.next().await
    }
}

type Open = dyn Fn() -> Line + Send + Sync;

/// Executes the items of one job for everybody who watches it in the same way.
pub struct Renderer {
    open: Box<Open>,
    /// None when pieces of text are executed as well.
    text: Option<Text>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// None until it is needed, and while it is busy.
    line: Option<Line>,
    is_busy: bool,
    kept: Shelf,
}

/// What to do about an item.
enum Next {
    Done(Event),
    Others(Making, JobFeedItem),
    Own(tokio::task::JoinHandle<Event>),
    Alone(JobFeedItem),
}

impl Renderer {
    pub fn new(text: Option<Text>, open: impl Fn() -> Line + Send + Sync + 'static) -> Self {
        Renderer {
            open: Box::new(open),
            text,
            state: Mutex::default(),
        }
    }

    /// The item as a watcher is told it who has been watching since then.
    pub async fn render(self: &Arc<Self>, item: Result<JobFeedItem>, since: Instant) -> Event {
        let item = match item {
            Ok(item) => item,
            Err(error) => return self.alone(Err(error)).await,
        };
        match self.next(item, since) {
            Next::Done(event) => event,
            Next::Others(making, item) => match making.await {
                Some(written) => Event::Written(written),
                // It was an error: everybody gets an own one.
                None => self.alone(Ok(item)).await,
            },
            Next::Own(making) => making.await.unwrap_or_else(|_| fault()),
            Next::Alone(item) => self.alone(Ok(item)).await,
        }
    }

    fn next(self: &Arc<Self>, item: JobFeedItem, since: Instant) -> Next {
        let mut state = self.state.lock();
        let Some(piece) = item.piece else {
            return Next::Alone(item);
        };
        let begun = Instant::now();
        if let (Some(text), JobBody::Text(written)) = (&self.text, &item.body) {
            // It shows no entity, so it does not age.
            if let Some(Outcome::Made(written)) = state.kept.find(piece, |_| true) {
                return Next::Done(Event::Written(written));
            }
            let written = Arc::new(text.write(item.at, item.time, written));
            state.kept.keep(piece, begun, Outcome::Made(written.clone()));
            return Next::Done(Event::Written(written));
        }
        match state
            .kept
            .find(piece, |begun| begun >= since && begun.elapsed() < FRESH)
        {
            Some(Outcome::Made(written)) => return Next::Done(Event::Written(written)),
            Some(Outcome::Making(making)) => return Next::Others(making, item),
            None => {}
        }
        if state.is_busy {
            return Next::Alone(item);
        }
        let mut line = state.line.take().unwrap_or_else(|| (self.open)());
        line.give(Ok(item));
        match line.response().now_or_never() {
            Some(Some(response)) => {
                let event = Event::from(response);
                state.line = Some(line);
                if let Event::Written(written) = &event {
                    state.kept.keep(piece, begun, Outcome::Made(written.clone()));
                }
                Next::Done(event)
            }
            // It ended: the next item opens another.
            Some(None) => Next::Done(fault()),
            None => self.wait(&mut state, line, piece, begun),
        }
    }

    /// The item needs the database. A task of its own waits for that: a watcher may be stopped at any moment, by its
    /// client or by a socket that cannot be written.
    fn wait(self: &Arc<Self>, state: &mut State, mut line: Line, piece: Piece, begun: Instant) -> Next {
        state.is_busy = true;
        let (tell, told) = oneshot::channel::<Option<Arc<Written>>>();
        let making = async move { told.await.ok().flatten() }.boxed().shared();
        state.kept.keep(piece, begun, Outcome::Making(making));
        let renderer = self.clone();
        Next::Own(tokio::spawn(async move {
            let response = line.response().await;
            let is_open = response.is_some();
            let event = response.map_or_else(fault, Event::from);
            let written = match &event {
                Event::Written(written) => Some(written.clone()),
                Event::Response(_) => None,
            };
            let mut state = renderer.state.lock();
            (state.is_busy, state.line) = (false, is_open.then_some(line));
            state.kept.settle(piece, written.clone());
            drop(state);
            let _ = tell.send(written);
            event
        }))
    }

    async fn alone(&self, item: Result<JobFeedItem>) -> Event {
        let mut line = (self.open)();
        line.give(item);
        line.response().await.map_or_else(fault, Event::from)
    }
}

fn fault() -> Event {
    Event::from(Response::from_errors(vec![masked()]))
}

/// A way of watching: what must be the same for bytes to be the same. Which credential it is, is not part of it: nothing
/// below an event shows that.
#[derive(Clone)]
pub struct Selection {
    pub job: Uuid,
    pub account: Uuid,
    pub rights: Role,
    /// Rows are found through it, as through the account.
    pub scope: Scope,
    pub document: Arc<Checked>,
    /// As text, apart from the one that says where to begin.
    pub variables: String,
}

impl Selection {
    fn parts(&self) -> (Uuid, Uuid, Role, Scope, *const Checked, &str) {
        let document = Arc::as_ptr(&self.document);
        let Selection { job, account, .. } = *self;
        (job, account, self.rights, self.scope, document, &self.variables)
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Selection {}

impl Hash for Selection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// The renderers that somebody uses.
#[derive(Default)]
pub struct Fanout(Mutex<Renderers>);

#[derive(Default)]
struct Renderers {
    by_selection: HashMap<Selection, Weak<Renderer>>,
    /// How many there may be before the unused ones are thrown away.
    room: usize,
}

impl Fanout {
    /// The renderer of a selection that somebody uses, or a new one of these parts.
    pub fn renderer(
        &self,
        selection: Selection,
        text: Option<Text>,
        open: impl Fn() -> Line + Send + Sync + 'static,
    ) -> Arc<Renderer> {
        let mut all = self.0.lock();
        if let Some(renderer) = all.by_selection.get(&selection).and_then(Weak::upgrade) {
            return renderer;
        }
        if all.by_selection.len() >= all.room {
            all.by_selection.retain(|_, renderer| renderer.strong_count() > 0);
            all.room = (all.by_selection.len() * 2).max(64);
        }
        let renderer = Arc::new(Renderer::new(text, open));
        all.by_selection.insert(selection, Arc::downgrade(&renderer));
        renderer
    }
}

#[cfg(test)]
mod tests;
