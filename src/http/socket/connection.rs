//! The loop of one connection: what the client says, what its operations bring, and what time brings.
//!
//! One task, so that a blocked write stops everything of this connection and nothing piles up.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::message::{ACK, Name, PONG, Said};
use super::operations::{Full, Operations};
use super::wire::{End, Wire};
use crate::auth::{self, Caller};
use crate::graphql::{Begun, Code, begin, refused, seen_from};
use crate::http::client_address::ClientAddress;
use crate::http::keys::Watched;
use crate::http::live::{self, Answer};
use crate::http::trace::RequestId;
use crate::http::{Web, gate, identity};
use crate::limits::Slot;

/// Messages that are written together when they are ready together.
const TOGETHER: usize = 64;

pub struct Connection {
    web: Web,
    id: RequestId,
    from: ClientAddress,
    /// The Authorization header of the handshake.
    header: Option<String>,
    /// Set once the client has introduced itself.
    caller: Option<(Caller, Watched)>,
    /// Its place among the account's.
    place: Option<Slot>,
    wire: Wire,
    operations: Operations,
    /// Numbers operations for their request ids.
    number: AtomicU64,
    opened: Instant,
    /// When the peer was last heard of.
    heard: Instant,
    pinged: Instant,
}

impl Connection {
    /// On the heap: as an argument of futures within futures it would be kept once in each.
    pub fn new(web: Web, id: RequestId, from: ClientAddress, header: Option<String>, wire: Wire) -> Box<Self> {
        let now = Instant::now();
        Box::new(Connection {
            operations: Operations::new(web.api.app.config.streams.operations),
            web,
            wire,
            id,
            from,
            header,
            caller: None,
            place: None,
            number: AtomicU64::new(0),
            opened: now,
            heard: now,
            pinged: now,
        })
    }

    /// Runs until either side ends it.
    pub async fn run(mut self: Box<Self>) {
        let end = match self.serve().await {
            Err(end) => end,
            Ok(never) => match never {},
        };
        Box::pin(self.into_wire().end(end)).await;
    }

    /// Whatever runs is over before the peer is waited for.
    fn into_wire(self) -> Wire {
        self.wire
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        let leaving = self.web.leaving();
        tokio::pin!(leaving);
        let clock = sleep_until(self.due());
        tokio::pin!(clock);
        loop {
            tokio::select! {
                message = self.wire.next() => {
                    self.heard = Instant::now();
                    // On the heap while it runs: what is rare must not make every connection larger.
                    Box::pin(self.hear(message?)).await?;
                }
                message = self.operations.next() => self.tell(message).await?,
                () = &mut clock => {
                    self.look_at_the_clock().await?;
                    clock.as_mut().reset(self.due());
                }
                () = gone(self.caller.as_ref()) => {
                    return Err(End::close(4403, "Forbidden: the credential was revoked or has expired"));
                }
                () = &mut leaving => return Err(End::close(1012, "The server restarts. Come back")),
            }
        }
    }

    /// When to look at the clock next.
    fn due(&self) -> Instant {
        let streams = &self.web.api.app.config.streams;
        let due = (self.pinged + streams.ping()).min(self.heard + streams.silence());
        match self.caller {
            Some(_) => due,
            None => due.min(self.opened + streams.init()),
        }
    }

    async fn look_at_the_clock(&mut self) -> Result<(), End> {
        let streams = &self.web.api.app.config.streams;
        let now = Instant::now();
        if self.caller.is_none() && now >= self.opened + streams.init() {
            return Err(End::close(4408, "Connection initialisation timeout"));
        }
        if now >= self.heard + streams.silence() {
            return Err(End::close(1001, "Nothing was heard from you"));
        }
        if now >= self.pinged + streams.ping() {
            self.pinged = now;
            self.wire.send(Message::Ping(Default::default())).await?;
        }
        Ok(())
    }

    /// Sends what an operation brought, together with what is ready by now.
    async fn tell(&mut self, message: String) -> Result<(), End> {
        self.wire.feed(Message::text(message)).await?;
        for _ in 1..TOGETHER {
            let Some(message) = self.operations.next().now_or_never() else {
                break;
            };
            self.wire.feed(Message::text(message)).await?;
        }
        self.wire.flush().await
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::close(4400, "Invalid message: a message is text, not binary")),
            // The answer to a ping was queued when it was read; a pong is a sign of life and nothing else.
            _ => return self.wire.flush().await,
        };
        let said = match Said::read(&text) {
            Ok(said) => said,
            Err(reason) => return Err(End::Close(4400, format!("Invalid message: {reason}").into())),
        };
        match said {
            Said::Init(_) if self.caller.is_some() => Err(End::close(4429, "Too many initialisation requests")),
            Said::Init(payload) => {
                self.introduce(payload).await?;
                self.wire.send(Message::text(ACK)).await
            }
            Said::Ping => self.wire.send(Message::text(PONG)).await,
            Said::Pong => Ok(()),
            Said::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
            Said::Subscribe { id, request } => match self.launch(&id, text.len(), *request)? {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(refusal) => self.wire.send(Message::text(refusal)).await,
            },
        }
    }

    /// Reads the payload of `connection_init`: `{"Authorization": "Bearer …"}`.
    async fn introduce(&mut self, payload: Option<Map<String, Value>>) -> Result<(), End> {
        let given = payload.as_ref().and_then(|payload| {
            let mut entries = payload.iter();
            let entry = entries.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            entry.and_then(|(_, value)| value.as_str())
        });
        let text = given.or(self.header.as_deref());
        let gate = &self.web.gate;
        let shown = gate::Shown::of_header(text);
        if gate.may_try(self.from, shown).is_err() {
            return Err(End::close(
                1013,
                "Too many wrong keys came from your address. Come back later",
            ));
        }
        let outcome = identity::of_authorization(&self.web, text).await;
        gate.note(self.from, shown, gate::Found::of(&outcome));
        match outcome {
            Ok(Ok(caller)) => {
                self.place = gate.socket(&caller);
                if self.place.is_none() {
                    return Err(End::close(1013, "Your account has as many WebSockets open as it may"));
                }
                let key = self.web.keys.watch(&caller);
                self.caller = Some((caller, key));
                Ok(())
            }
            Ok(Err(denied)) => Err(End::Close(4403, format!("Forbidden: {}", denied.sentence()).into())),
            Err(error) => {
                // The database is away, and retrying helps.
                let (_, message) = crate::graphql::outage(error);
                Err(End::close(1013, message))
            }
        }
    }

    /// Begins an operation, or gives the message that refuses it.
    fn launch(&mut self, id: &str, weight: usize, request: async_graphql::Request) -> Result<ControlFlow<String>, End> {
        let Some((caller, _)) = &self.caller else {
            return Err(End::close(
                4401,
                "Unauthorized: send connection_init and wait for connection_ack",
            ));
        };
        let message = match self.operations.room_for(id, weight) {
            Ok(()) => {
                let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
                let request_id = RequestId(format!("{}.{number}", self.id.0));
                let request = seen_from(request, self.from.0);
                let answers = answers(self.web.clone(), caller.clone(), request_id, request);
                self.operations.launch(id, weight, answers);
                return Ok(ControlFlow::Continue(()));
            }
            Err(Full::InUse) => return Err(End::Close(4409, format!("Subscriber for {id} already exists").into())),
            Err(Full::TooMany) => "This connection runs as many operations as it may. Complete one first.",
            Err(Full::TooHeavy) => {
                "The operations of this connection hold more than 2 MiB of documents and variables. Complete one first."
            }
        };
        let response = refused(Code::BadRequest.server_error(message), &self.id.0);
        Ok(ControlFlow::Break(Name::new(id).error(&response.errors)))
    }
}

async fn gone(caller: Option<&(Caller, Watched)>) {
    match caller {
        Some((_, key)) => key.gone().await,
        None => std::future::pending().await,
    }
}

/// Runs one operation; the credential is asked for again, so that a revoked one starts nothing more.
fn answers(web: Web, caller: Caller, id: RequestId, request: async_graphql::Request) -> BoxStream<'static, Answer> {
    let started = async move {
        if let Err(too_much) = web.gate.may_ask(&caller) {
            return live::refusal(refused(too_much.error(), &id.0));
        }
        // A database that does not answer is no reason to send everybody away.
        if matches!(auth::is_live(&web.api.app.db, &caller).await, Ok(false)) {
            return live::refusal(live::without_key(&id));
        }
        let begun = match begin(&web.api, &caller, request) {
            Ok(Begun::Known(finished)) => {
                let spent = web.gate.spend(&caller, finished.cost);
                spent.map(|()| live::known(&finished))
            }
            Ok(Begun::Ready(prepared)) => {
                let place = web.gate.admit(&caller, &prepared);
                place.map(|place| live::run(&web, caller, &id, *prepared, place))
            }
            Err(why) => {
                let spent = web.gate.spend_on_refusal(&caller);
                spent.map(|()| live::refusal(refused(why, &id.0)))
            }
        };
        match begun {
            Ok(answers) => answers,
            Err(too_much) => live::refusal(refused(too_much.error(), &id.0)),
        }
    };
    // On the heap until it has started, and then gone.
    stream::once(Box::pin(started)).flatten().boxed()
}
